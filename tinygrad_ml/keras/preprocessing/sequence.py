"""Sequences, as Keras 2 prepared them: `pad_sequences`, and windows of a series batch by batch."""

from __future__ import annotations

from typing import Any

import numpy

from ...errors import OptionError
from ..checks import whole
from ..py_dataset import PyDataset
from ..utils import pad_sequences as pad_sequences

__all__ = ["TimeseriesGenerator", "pad_sequences"]


class TimeseriesGenerator(PyDataset):
    """Batches (windows, targets) of a series. Today it is `keras.utils.timeseries_dataset_from_array`.

    data, targets   (time, ...), of the same length: the target of data[t - length : t] is targets[t]
    length          steps of a window in `data`, of which every `sampling_rate`-th is taken
    stride          how much later the next window begins
    start_index, end_index  the first and the last place that windows and targets are taken from
    shuffle         windows drawn at random
    reverse         the last step of a window comes first
    batch_size      windows in a batch
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ):
        super().__init__()
        if len(data) != len(targets):
            raise OptionError(f"data and targets must be of the same length, and have {len(data)} and {len(targets)}")
        self.data, self.targets = numpy.asarray(data), numpy.asarray(targets)
        self.length, self.sampling_rate = whole("length", length), whole("sampling_rate", sampling_rate)
        self.stride, self.batch_size = whole("stride", stride), whole("batch_size", batch_size)
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise OptionError(
                f"no window of length {length} that begins at {start_index} ends before end_index={self.end_index}"
            )

    def __len__(self) -> int:
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        if self.shuffle:
            places = numpy.random.randint(self.start_index, self.end_index + 1, self.batch_size)
        else:
            first = self.start_index + index * self.batch_size * self.stride
            last = min(first + self.batch_size * self.stride, self.end_index + 1)
            places = numpy.arange(first, last, self.stride)
        steps = numpy.arange(-self.length, 0, self.sampling_rate)
        windows = self.data[places[:, None] + (steps[::-1] if self.reverse else steps)]
        return windows, self.targets[places]
