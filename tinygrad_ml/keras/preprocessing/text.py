"""`Tokenizer` of Keras 2: texts as lists of the numbers of their words. Today it is `keras.layers.TextVectorization`."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy

from ...errors import OptionError
from ..arguments import accepts_old
from ..checks import one_of, whole

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""What is no part of a word."""


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text: lower case, without the characters in `filters`, cut at `split`."""
    text = input_text.lower() if lower else input_text
    for character in filters:
        text = text.replace(character, split)
    return [word for word in text.split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """The words of a text as numbers from 1 to n - 1, by their hash; two words may have one number.

    hash_function  None for Python's, which is another in each process; "md5"; or a function of a word
    """
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    function = _md5 if hash_function == "md5" else hash_function or hash
    return [function(word) % (whole("n", n, 2) - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """`hashing_trick` with Python's hash."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


class Tokenizer:
    """Numbers words by how frequent they are in the texts that it was fitted on: 1 is the most frequent, 0 is no word.

    num_words   only words with numbers below it are kept; None for all
    filters, lower, split  see `text_to_word_sequence`
    char_level  characters instead of words
    oov_token   stands for words that are not known, with the number 1; None leaves them out
    analyzer    a function from a text to its words

    >>> tokenizer = Tokenizer(num_words=1000)
    >>> tokenizer.fit_on_texts(["the cat", "the dog"])
    >>> tokenizer.texts_to_sequences(["the dog"])
    [[1, 3]]
    """

    @accepts_old(nb_words="num_words")
    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable | None = None,
        document_count: int = 0,
    ):
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = document_count
        self.word_counts: dict[str, int] = {}  # how often each word stands in all texts
        self.word_docs: dict[str, int] = {}  # and in how many texts
        self.index_docs: dict[int, int] = {}  # the same, by the numbers of the words
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> list[str]:
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if self.char_level:
            return list(text.lower() if self.lower else text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts, or of lists of words, in addition to those before, and number them."""
        counts, docs = Counter(self.word_counts), Counter(self.word_docs)
        for text in texts:
            words = self._words(text)
            counts.update(words)
            docs.update(set(words))
            self.document_count += 1
        self.word_counts, self.word_docs = dict(counts), dict(docs)
        frequent = sorted(counts, key=lambda word: -counts[word])
        first = [] if self.oov_token is None else [self.oov_token]
        self.word_index = {word: i for i, word in enumerate([*first, *frequent], 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        self.index_docs |= {self.word_index[word]: count for word, count in docs.items()}

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many lists of numbers each number stands, for `sequences_to_matrix`."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] = self.index_docs.get(number, 0) + 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """A list of numbers for each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The same, one after the other."""
        for text in texts:
            numbers = (self._kept(self.word_index.get(word)) for word in self._words(text))
            yield [number for number in numbers if number is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of lists of numbers, joined by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """The same, one after the other."""
        for sequence in sequences:
            numbers = (self._kept(number if number in self.index_word else None) for number in sequence)
            yield " ".join(self.index_word[number] for number in numbers if number is not None)

    def _kept(self, number: int | None) -> int | None:
        """The number itself, or that of `oov_token` where it is unknown or too large."""
        if number is not None and (not self.num_words or number < self.num_words):
            return number
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> numpy.ndarray:
        """Texts as the rows of a matrix; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: list, mode: str = "binary") -> numpy.ndarray:
        """A row for each list and a column for each number, of float64.

        mode  "binary": whether it stands in the list; "count": how often; "freq": which part of the list it is; "tfidf":
              (1 + ln count) · ln(1 + texts / (1 + texts that have it))
        """
        one_of("mode", mode, ("binary", "count", "freq", "tfidf"))
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns:
            raise OptionError("the Tokenizer does not know how many words there are: give num_words, or fit_on_texts")
        if mode == "tfidf" and not self.document_count:
            raise OptionError("mode='tfidf' needs to know the texts: call fit_on_texts before")
        matrix = numpy.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            for number, count in Counter(number for number in sequence if number < columns).items():
                row[number] = self._weight(mode, number, count, len(sequence))
        return matrix

    def _weight(self, mode: str, number: int, count: int, length: int) -> float:
        if mode == "tfidf":
            return (1 + math.log(count)) * math.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
        return {"binary": 1, "count": count, "freq": count / length}[mode]

    def get_config(self) -> dict[str, Any]:
        """Its options, and what it has counted, as texts of JSON."""
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counted = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {name: getattr(self, name) for name in plain} | {
            name: json.dumps(getattr(self, name)) for name in counted
        }

    def to_json(self, **options: Any) -> str:
        """The same as JSON, which `tokenizer_from_json` reads; options of `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **options)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The `Tokenizer` that `to_json` has written, here or in Keras."""
    config: Mapping[str, Any] = json.loads(json_string)["config"]
    counted = {name: json.loads(config[name]) for name in ("word_counts", "word_docs", "index_docs", "word_index")}
    made = Tokenizer(**{name: value for name, value in config.items() if name not in (*counted, "index_word")})
    made.word_counts, made.word_docs = counted["word_counts"], counted["word_docs"]
    made.word_index = counted["word_index"]
    made.index_docs = {int(number): count for number, count in counted["index_docs"].items()}
    made.index_word = {number: word for word, number in made.word_index.items()}
    return made
