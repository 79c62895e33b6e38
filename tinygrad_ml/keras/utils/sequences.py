"""Sequences as arrays: lists of other lengths filled up, and the windows of a long one."""

from __future__ import annotations

from typing import Any

import numpy

from ...data import DataLoader, Dataset
from ...errors import DTypeError, OptionError, ShapeError
from ...tensor import as_tensor
from .. import checks
from ..checks import one_of, whole


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> numpy.ndarray:
    """Lists of numbers as the rows of one array: (samples, maxlen).

    maxlen      by default the length of the longest
    padding     where `value` fills up what is too short: "pre", before, or "post", after
    truncating  where what is too long is cut
    value       a number; or a string, with dtype=object

    Raises `ShapeError` for what is no list of lists, or where their elements are of other shapes.
    """
    one_of("padding", padding, ("pre", "post"))
    one_of("truncating", truncating, ("pre", "post"))
    rows = [numpy.asarray(row) for row in sequences]
    for number, row in enumerate(rows):
        if not row.ndim:
            raise ShapeError(f"pad_sequences takes a list of lists, and element {number} is {row.item()!r}")
    if isinstance(value, str) and numpy.dtype(dtype).kind not in "OSU":
        raise DTypeError(f"pad_sequences: value={value!r} is a string, and dtype={dtype!r} is not: give dtype=object")
    longest = max((len(row) for row in rows), default=0) if maxlen is None else whole("maxlen", maxlen, 0)
    rest = next((row.shape[1:] for row in rows if len(row)), ())
    made = numpy.full((len(rows), longest, *rest), value, dtype)
    for number, (into, row) in enumerate(zip(made, rows, strict=True)):
        if len(row) and row.shape[1:] != rest:
            raise ShapeError(
                f"pad_sequences: elements of list {number} are of shape {row.shape[1:]}, and of others {rest}"
            )
        row = row[max(len(row) - longest, 0) :] if truncating == "pre" else row[:longest]
        if len(row):
            into[slice(longest - len(row), None) if padding == "pre" else slice(len(row))] = row
    return made


class _WindowsOfSeries(Dataset):
    """Windows of `data`, which begin at `starts`, and the targets that stand there."""

    def __init__(self, data: Any, targets: Any, starts: numpy.ndarray, steps: numpy.ndarray):
        self.data, self.targets, self.starts, self.steps = data, targets, starts, steps

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Any:
        window = self.data[self.starts[index] + self.steps]
        return window if self.targets is None else (window, self.targets[self.starts[index]])

    def gather(self, indices: Any) -> Any:
        """The windows (batch, steps, ...), and the targets, at `indices`."""
        starts = self.starts[numpy.asarray(indices)]
        windows = as_tensor(self.data[starts[:, None] + self.steps])
        return windows if self.targets is None else (windows, as_tensor(self.targets[starts]))


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Batches of windows of a time series, for `fit`, `evaluate` and `for` loops.

    data             (time, ...), an array
    targets          targets[i] belongs to the window that begins at data[i]; None for windows alone
    sequence_length  steps of a window
    sequence_stride  how much later the next window begins
    sampling_rate    every so manyth number is a step
    batch_size       None for single windows, as a `Dataset`
    shuffle, seed    another order in each epoch
    start_index, end_index  what lies before, or from there on, is left out
    format           is accepted: a `DataLoader` comes out, whatever it says

    >>> loader = timeseries_dataset_from_array(x[:-10], x[10:], sequence_length=10)  # to tell the number behind ten

    Raises `OptionError` for lengths and places that are not in the data.
    """
    data = numpy.asarray(data)
    one_of("format", format, ("tf", "grain"))
    for what, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if whole(what, value) >= len(data):
            raise OptionError(f"{what}={value} must be less than the length of the data, {len(data)}")
    start = 0 if start_index is None else whole("start_index", start_index, 0)
    end = len(data) if end_index is None else whole("end_index", end_index)
    if start >= len(data) or (end_index is not None and end >= len(data)) or end <= start:
        raise OptionError(
            f"start_index={start_index}, end_index={end_index} must be places in data of length {len(data)}, the end behind the "
            "start"
        )
    count = end - start - (whole("sequence_length", sequence_length) - 1) * sampling_rate
    if targets is not None:
        targets = numpy.asarray(targets)
        count, targets = min(count, len(targets)), targets[start:]
    if count < 1:
        raise OptionError(
            f"sequence_length={sequence_length}: no window of {sampling_rate} apart fits into {end - start} steps"
        )
    steps = numpy.arange(sequence_length) * sampling_rate
    windows = _WindowsOfSeries(data[start:end], targets, numpy.arange(0, count, sequence_stride), steps)
    return windows if batch_size is None else DataLoader(windows, batch_size, shuffle=shuffle, seed=checks.seed(seed))
