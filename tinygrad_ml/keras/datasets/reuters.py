"""News of Reuters as lists of numbers of words, and their topics, of which there are 46."""

import json

import numpy

from ...data import read_npz
from .arrays import Arrays, Source, as_lists, frequent, numbered, parted, shorter, shuffled

REUTERS = Source("reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916")
REUTERS_WORDS = Source("reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921")


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> Arrays:
    """((x_train, y_train), (x_test, y_test)): 11,228 texts, arrays of lists of numbers of words; topics 0 to 45.

    test_split  the part of the texts that is for testing
    The other options are those of `imdb.load_data`.
    """
    arrays = read_npz(REUTERS.locate(path))
    x, y = shuffled(numpy.random.RandomState(seed), arrays["x"], arrays["y"])
    texts, labels = shorter(numbered(x, start_char, index_from), y, maxlen)
    return parted(as_lists(frequent(texts, num_words, skip_top, oov_char)), labels, test_split)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """{word: number}, by how frequent words are, from 1 on."""
    return json.loads(REUTERS_WORDS.locate(path).read_text(encoding="utf-8"))


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, by their numbers."""
    return tuple(_LABELS.split())


_LABELS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude "
    "nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber "
    "heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)
