"""`TextVectorization`: texts to numbers, by a vocabulary that is learnt by counting.

It works on strings, which no tensor holds: call it on texts before the model, whose first layer is an `Embedding`.

Read before: `vocabulary.py`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy

from ...errors import DTypeError, OptionError, ShapeError
from ...structure import leaves
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from .vocabulary import Vocabulary

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # as in Keras, other letters stay
_STANDARD: dict[str, Callable[[str], list[str]]] = {
    "lower": lambda text: [text.translate(_LOWER)],
    "strip_punctuation": lambda text: [_PUNCTUATION.sub("", text)],
    "lower_and_strip_punctuation": lambda text: [_PUNCTUATION.sub("", text.translate(_LOWER))],
}
_SPLIT: dict[str, Callable[[str], list[str]]] = {
    "whitespace": re.compile(r"\S+", re.ASCII).findall,
    "character": list,
}


class TextVectorization(Vocabulary):
    """Texts to numbers: each is made simpler, cut into tokens, and each token becomes its place in the vocabulary.

    max_tokens    how large the vocabulary becomes at most, with the places for what fills up and for unknown tokens
    standardize   "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of an array of strings; what is
                  made small are the letters A to Z
    split         "whitespace", "character", None, or a function of an array of strings, which returns lists of tokens
    ngrams        n: also the runs of 2 to n tokens, with spaces between, are tokens; (2, 3): these runs alone
    output_mode   "int": (batch, length) of places: 0 fills up, 1 is an unknown token;
                  "multi_hot": (batch, vocabulary), 1 for each token that is in the text, place 0 being that of unknown ones;
                  "count": how often it is; "tf_idf": that, times ln(1 + texts / (1 + texts with the token))
    output_sequence_length  with "int": to which length texts are cut and filled up; by default that of the longest
    pad_to_max_tokens       whether the vocabulary counts as `max_tokens` large, though it is smaller
    vocabulary    a list of tokens, or a file with one a line; then nothing is learnt
    idf_weights   with "tf_idf" and a vocabulary: what counts are multiplied by
    `sparse` and `ragged` are not offered; `encoding` is that of bytes

    >>> vectorize = TextVectorization(max_tokens=1000, output_sequence_length=20)
    >>> vectorize.adapt(texts)
    >>> model.fit(vectorize(texts), labels)
    """

    mask_token, oov_token = "", "[UNK]"

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **options: Any,
    ):
        options.pop("vocabulary_size", None)
        super().__init__(name=name, **options)
        if sparse or ragged:
            raise OptionError("TextVectorization: there are no sparse or ragged tensors here")
        self.standardize = (
            standardize if callable(standardize) else one_of("standardize", standardize, [*_STANDARD, None])
        )
        self.split: Any = split if callable(split) else one_of("split", split, [*_SPLIT, None])
        if output_sequence_length is not None:
            whole("output_sequence_length", output_sequence_length)
            if output_mode != "int":
                raise OptionError(f"output_sequence_length is for output_mode='int', and not for {output_mode!r}")
        self.ngrams = tuple(ngrams) if isinstance(ngrams, (list, tuple)) else ngrams
        self._runs = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else self.ngrams or (1,)
        self.output_sequence_length, self.encoding = output_sequence_length, encoding
        self._begin(max_tokens, output_mode, pad_to_max_tokens, vocabulary, idf_weights)
        if self.output_mode == "one_hot":
            raise OptionError(
                "TextVectorization has no output_mode='one_hot': a text has many tokens, so it is 'multi_hot'"
            )

    def _tokens(self, data: Any) -> Iterator[list[str]]:
        """The tokens of each text."""
        if isinstance(data, Tensor):
            raise DTypeError(
                f"{self.name} takes texts, which no tensor or symbol holds: call it on them before the model, as in "
                "model.fit(vectorize(texts), labels)"
            )
        texts = numpy.asarray([data] if isinstance(data, (str, bytes)) else data, dtype=object)
        if texts.ndim > 1 and self.split is not None:
            if texts.shape[-1] != 1:
                raise ShapeError(f"{self.name} takes texts of shape (batch,) or (batch, 1), and not {texts.shape}")
            texts = texts[..., 0]
        rows = [[self._token(text) for text in numpy.atleast_1d(row)] for row in texts]
        for tokens in _through(self.split, _SPLIT, _through(self.standardize, _STANDARD, rows)):
            yield [" ".join(tokens[i : i + n]) for n in self._runs for i in range(len(tokens) - n + 1)]

    def __call__(self, inputs: Any, *, training: bool | None = None) -> Tensor:
        """The numbers of texts: a list or an array of strings, (batch,) or (batch, 1); or one text, without a batch."""
        y = self.call(inputs)
        return y[0] if isinstance(inputs, (str, bytes)) else y

    def call(self, inputs: Any) -> Tensor:
        if self.output_mode == "int":
            places = {"": 0, **self._places}
            return as_tensor(self._pad([[places.get(token, 1) for token in row] for row in self._tokens(inputs)]))
        rows = [[self._places.get(token, 0) for token in tokens if token] for tokens in self._tokens(inputs)]
        return as_tensor(self._count(rows))

    def _pad(self, rows: list[list[int]]) -> numpy.ndarray:
        length = self.output_sequence_length
        length = max(map(len, rows), default=0) if length is None else length
        made = numpy.zeros((len(rows), length), "int64")
        for into, row in zip(made, rows, strict=True):
            into[: len(row)] = row[:length]
        return made

    def _count(self, rows: list[list[int]]) -> numpy.ndarray:
        size = self._depth
        made = numpy.array([numpy.bincount(row, minlength=size) for row in rows], "float32").reshape(-1, size)
        if self.output_mode == "tf_idf":
            return made * self._all_weights
        return made if self.output_mode == "count" else numpy.minimum(made, 1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        return (input_shape[0], self._depth)


def _through(how: Any, known: Mapping[str, Callable[[str], list[str]]], rows: list[list[str]]) -> list[list[str]]:
    """What becomes of rows of strings: by a known name, or a function of an array of them; None leaves them."""
    if how is None:
        return rows
    if how in known:
        return [[part for text in row for part in known[how](text)] for row in rows]
    return [[str(part) for part in leaves(numpy.asarray(how(numpy.array(row)), object).tolist())] for row in rows]
