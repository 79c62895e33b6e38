"""Where the data sets come from, and what several of them do with what they have read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from ...data.files import checksum_of
from ...data.vision import fetch
from ...errors import DataError, OptionError
from ..checks import number, whole

Arrays = tuple[tuple[numpy.ndarray, numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]]

_SERVER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path.home() / ".cache" / "tinygrad_ml"


def folders() -> list[Path]:
    """Where files are looked for: where downloads are kept, and where Keras keeps its own."""
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return [cache_folder(), keras / "datasets"]


class Source(NamedTuple):
    """A file that Keras publishes: its name, and its SHA-256 or MD5 as hexadecimal digits."""

    name: str
    checksum: str

    def locate(self, path: str | os.PathLike[str] | None = None) -> Path:
        """The file, which is whole: at `path`; or in one of the `folders`, under that name; or downloaded there.

        Raises `DataError` where there is none, or where that at `path` has another checksum.
        """
        given = Path(path or self.name).expanduser()
        if given.is_absolute() or (given.parent != Path() and given.exists()):
            if not given.is_file():
                raise DataError(f"{given} does not exist: put {_SERVER}{self.name} there, or give another path=")
            if (found := checksum_of(given, self.checksum)) != self.checksum:
                raise DataError(
                    f"{given} is another file, or a damaged one: its checksum is {found}, and that of {self.name} is "
                    f"{self.checksum}. Fetch {_SERVER}{self.name}"
                )
            return given
        for folder in folders():
            there = folder / given
            if there.is_file() and checksum_of(there, self.checksum) == self.checksum:
                return there
        return fetch([_SERVER + self.name], cache_folder() / given, self.checksum)


def load(kind: Any, root: Path | None, **options: Any) -> Arrays:
    """((x_train, y_train), (x_test, y_test)) of a data set under `root`, fetched if it is not there."""
    parts = [kind(root, train=train, download=True, **options) for train in (True, False)]
    train, test = ((part.images, part.labels) for part in parts)
    return train, test


def channels_last(images: numpy.ndarray) -> numpy.ndarray:
    """Images (N, height, width, channels) of such with their channels first."""
    return images.transpose(0, 2, 3, 1)


def shuffled(random: numpy.random.RandomState, *arrays: numpy.ndarray) -> list[numpy.ndarray]:
    """Arrays in one random order, which for a seed is Keras's."""
    order = numpy.arange(len(arrays[0]))
    random.shuffle(order)
    return [array[order] for array in arrays]


def parted(x: Any, y: Any, test_split: float) -> Arrays:
    """The first samples to train on, and the last ones to test."""
    if not 0 <= number("test_split", test_split, 0, 1) < 1:
        raise OptionError(f"test_split={test_split} must be below 1: it is a part of the samples")
    at = int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])


def numbered(texts: Any, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Texts as lists of numbers of words, `index_from` larger, with `start_char` before each."""
    more = index_from or 0
    begin = [] if start_char is None else [start_char]
    return [begin + [word + more for word in text] for text in texts]


def shorter(texts: list[list[int]], labels: numpy.ndarray, maxlen: int | None) -> tuple[list[list[int]], numpy.ndarray]:
    """The texts of less than `maxlen` words, and their labels. Raises `OptionError` if there are none."""
    if not maxlen:
        return texts, labels
    whole("maxlen", maxlen)
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise OptionError(f"maxlen={maxlen}: no text has less than so many words; give a larger one")
    return [texts[i] for i in kept], labels[kept]


def frequent(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Texts with words from `skip_top` up to below `num_words`, by default the largest; the others are `oov_char`, or left out,
    if that is None."""
    most = num_words or max(max(text, default=0) for text in texts)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < most] for text in texts]
    return [[word if skip_top <= word < most else oov_char for word in text] for text in texts]


def as_lists(texts: list[list[int]]) -> numpy.ndarray:
    """An array of dtype object with a list for each text."""
    made = numpy.empty(len(texts), object)
    made[:] = texts
    return made
