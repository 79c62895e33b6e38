"""The reviews of films of IMDB as lists of numbers of words, and whether they are good ones."""

import json
from typing import Any

import numpy

from ...data import read_npz
from ...errors import OptionError
from ..warn import warn
from .arrays import Arrays, Source, as_lists, frequent, numbered, shorter, shuffled

IMDB = Source("imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
IMDB_WORDS = Source("imdb_word_index.json", "bfafd718b763782e994055a2d397834f")


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **old: Any,
) -> Arrays:
    """((x_train, y_train), (x_test, y_test)): 25,000 reviews each, arrays of lists of numbers of words; labels 0 and 1.

    path        of the file, or its name in the folder of downloads
    num_words   words are numbered by how frequent they are, and those from here on become `oov_char`
    skip_top    so do the most frequent ones, as many as this
    maxlen      reviews of so many words or more are left out
    seed        of the order
    start_char  stands before each review; None for nothing
    oov_char    stands for words that are left out; None leaves them out altogether
    index_from  words have larger numbers by this than in `get_word_index()`

    Raises `DataError` if the file is not there and cannot be fetched; the message says where to put it.
    """
    if "nb_words" in old:
        warn("imdb.load_data: nb_words= is an old spelling; today it is num_words=", DeprecationWarning)
        num_words = old.pop("nb_words")
    if old:
        raise OptionError(f"imdb.load_data has no option {', '.join(old)}")
    arrays = read_npz(IMDB.locate(path))
    random = numpy.random.RandomState(seed)
    parts: list[tuple[list, numpy.ndarray]] = []
    for part in ("train", "test"):
        x, y = shuffled(random, arrays[f"x_{part}"], arrays[f"y_{part}"])
        parts.append(shorter(numbered(x, start_char, index_from), y, maxlen))
    (train, y_train), (test, y_test) = parts
    texts = frequent(train + test, num_words, skip_top, oov_char)
    return (as_lists(texts[: len(train)]), y_train), (as_lists(texts[len(train) :]), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """{word: number}, by how frequent words are, from 1 on."""
    return json.loads(IMDB_WORDS.locate(path).read_text(encoding="utf-8"))
