"""`TextVectorization`: texts to numbers, by a vocabulary that is learnt by counting.

It works on strings, which no tensor holds: call it on texts before the model, whose first layer is an `Embedding`.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from ...errors import DTypeError, OptionError, ShapeError
from ...structure import leaves
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from .base import Layer

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
_MODES = ("int", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class TextVectorization(Layer):
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

    Tokens stand in the vocabulary by how often they come; of those that come equally often, the last of the alphabet first.
    """

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
        self.output_mode = one_of("output_mode", _OLD_MODES.get(output_mode, output_mode), _MODES)
        self.max_tokens = None if max_tokens is None else whole("max_tokens", max_tokens, 2)
        if pad_to_max_tokens and max_tokens is None:
            raise OptionError("TextVectorization: pad_to_max_tokens=True needs max_tokens=")
        if output_sequence_length is not None:
            whole("output_sequence_length", output_sequence_length)
            if self.output_mode != "int":
                raise OptionError(f"output_sequence_length is for output_mode='int', and not for {output_mode!r}")
        self.ngrams = tuple(ngrams) if isinstance(ngrams, (list, tuple)) else ngrams
        self._runs = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else self.ngrams or (1,)
        self.output_sequence_length, self.pad_to_max_tokens = output_sequence_length, pad_to_max_tokens
        self.encoding, self._fixed = encoding, vocabulary is not None
        self.built = True
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # -- the vocabulary --------------------------------------------------------------------------------

    @property
    def _special(self) -> list[str]:
        """What stands before the tokens: what fills up, where texts are sequences, and the unknown."""
        return ["", "[UNK]"] if self.output_mode == "int" else ["[UNK]"]

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens at their places."""
        return (self._special if include_special_tokens else []) + list(self._places)

    def vocabulary_size(self) -> int:
        """How many places there are."""
        return len(self._special) + len(self._places)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens, with or without the special ones before them; a list, or a file with one a line."""
        if isinstance(vocabulary, (str, Path)):
            vocabulary = Path(vocabulary).read_text(self.encoding).splitlines()
        tokens = [self._decode(token) for token in vocabulary]
        whole_list = tokens[: len(self._special)] == self._special
        tokens = tokens[len(self._special) :] if whole_list else tokens
        if not tokens and not whole_list:
            raise OptionError("set_vocabulary was given no token")
        if repeated := [token for token, count in Counter(tokens).items() if count > 1]:
            raise OptionError(f"the vocabulary has tokens twice: {repeated[:5]}")
        if "" in tokens:
            raise OptionError(
                f"'' is what fills up, and stands at the beginning of a vocabulary only, as {self._special}"
            )
        size = len(tokens) + len(self._special)
        if self.max_tokens is not None and size > self.max_tokens:
            raise OptionError(f"the vocabulary has {size} places, and max_tokens={self.max_tokens}")
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise OptionError("idf_weights are what a vocabulary needs with output_mode='tf_idf', and only then")
        self._fixed = True
        self._take(tokens)
        if idf_weights is not None:
            weights = numpy.asarray(idf_weights, "float32")
            if weights.shape != (len(vocabulary),):
                raise ShapeError(f"idf_weights has shape {weights.shape}; the vocabulary has {len(vocabulary)} tokens")
            self._weights = weights if whole_list else numpy.concatenate([[weights.mean()], weights])

    def _take(self, tokens: Sequence[str]) -> None:
        self._places = {token: place for place, token in enumerate(tokens, len(self._special))}

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary of texts: a list or an array of them, or what yields such. What was learnt before is forgotten.

        steps  how many batches, of what yields them
        """
        self.reset_state()
        batches = [data] if isinstance(data, (list, tuple, numpy.ndarray, str)) else data
        for step, batch in enumerate(batches):
            if steps is not None and step >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was learnt."""
        self._counts: Counter[str] = Counter()
        self._texts_with: Counter[str] = Counter()
        self._texts = 0
        if not self._fixed:
            self._places: dict[str, int] = {}
            self._weights = numpy.zeros(0, "float32")

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        if self._fixed:
            raise OptionError(f"{self.name} was given its vocabulary, and learns none")
        for tokens in self._tokens(data):
            self._counts.update(tokens)
            self._texts_with.update(set(tokens))
            self._texts += 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._fixed:
            return
        known = [token for token in self._counts if token not in ("", "[UNK]")]
        order = sorted(known, key=lambda token: (self._counts[token], token.encode()), reverse=True)
        self._take(order if self.max_tokens is None else order[: self.max_tokens - len(self._special)])
        if self.output_mode == "tf_idf" and self._places:
            found = [math.log(1 + self._texts / (1 + self._texts_with[token])) for token in self._places]
            self._weights = numpy.array([sum(found) / len(found), *found], "float32")

    # -- texts -----------------------------------------------------------------------------------------

    def _decode(self, text: Any) -> str:
        if isinstance(text, bytes):
            return text.decode(self.encoding)
        if not isinstance(text, str):
            raise DTypeError(f"{self.name} takes texts, and not {text!r}")
        return str(text)

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
        rows = [[self._decode(text) for text in numpy.atleast_1d(row)] for row in texts]
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
        size = self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()
        made = numpy.array([numpy.bincount(row, minlength=size) for row in rows], "float32").reshape(-1, size)
        if self.output_mode == "tf_idf":
            return made * numpy.pad(self._weights, (0, size - len(self._weights)))
        return made if self.output_mode == "count" else numpy.minimum(made, 1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        return (input_shape[0], self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size())

    def _options(self, kind: type) -> dict[str, Any]:
        """With the vocabulary, learnt or given: what is made of it needs no more."""
        tokens = self.get_vocabulary() if self._places else None
        weights = self._weights.tolist() if tokens and self.output_mode == "tf_idf" else None
        return super()._options(kind) | {"vocabulary": tokens, "idf_weights": weights}


def _through(how: Any, known: Mapping[str, Callable[[str], list[str]]], rows: list[list[str]]) -> list[list[str]]:
    """What becomes of rows of strings: by a known name, or a function of an array of them; None leaves them."""
    if how is None:
        return rows
    if how in known:
        return [[part for text in row for part in known[how](text)] for row in rows]
    return [[str(part) for part in leaves(numpy.asarray(how(numpy.array(row)), object).tolist())] for row in rows]
