"""Tokens and their places: what is learnt by counting, and what becomes of data by it. Read next: `lookup.py`, `text_vectorization.py`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy

from ...errors import DTypeError, OptionError, ShapeError
from ...tensor import Tensor
from ..checks import one_of, whole
from .base import Layer

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class Vocabulary(Layer):
    """A layer with a vocabulary: first the token that fills up, if there is one, then the unknown, then those that are known.

    Tokens stand in it by how often they come; of those that come equally often, the last of the alphabet first.
    """

    encoding = "utf-8"
    mask_token: Any = None
    oov_token: Any = None
    num_oov_indices = 1

    def _begin(
        self, max_tokens: int | None, output_mode: str, pad_to_max_tokens: bool, vocabulary: Any, idf_weights: Any
    ) -> None:
        """What the constructors of all have in common, after the tokens that are special are known."""
        name = type(self).__name__
        self.output_mode = one_of("output_mode", _OLD_MODES.get(output_mode, output_mode), OUTPUT_MODES)
        self.max_tokens = None if max_tokens is None else whole("max_tokens", max_tokens, 2)
        if pad_to_max_tokens and max_tokens is None:
            raise OptionError(f"{name}: pad_to_max_tokens=True needs max_tokens=")
        self.pad_to_max_tokens, self._fixed = pad_to_max_tokens, vocabulary is not None
        self.built = True
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        elif idf_weights is not None:
            raise OptionError(f"{name}: idf_weights= are those of a vocabulary=, which was not given")

    @property
    def _fills_up(self) -> int:
        """How many places stand before the unknown: 1 for the token that fills up, where places come out."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _special(self) -> list:
        """What stands before the tokens."""
        return [self.mask_token] * self._fills_up + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens at their places."""
        return (self._special if include_special_tokens else []) + list(self._places)

    def vocabulary_size(self) -> int:
        """How many places there are."""
        return len(self._special) + len(self._places)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens, with or without the special ones before them; a list, or a file with one a line."""
        if isinstance(vocabulary, (str, Path)):
            vocabulary = Path(vocabulary).read_text(self.encoding).splitlines()
        tokens = [self._token(token) for token in vocabulary]
        whole_list = tokens[: len(self._special)] == self._special
        tokens = tokens[len(self._special) :] if whole_list else tokens
        if not tokens and not whole_list:
            raise OptionError("set_vocabulary was given no token")
        if repeated := [token for token, count in Counter(tokens).items() if count > 1]:
            raise OptionError(f"the vocabulary has tokens twice: {repeated[:5]}")
        if self.mask_token is not None and self.mask_token in tokens:
            raise OptionError(
                f"{self.mask_token!r} is what fills up, and stands at the beginning of a vocabulary only, as {self._special}"
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
            self._weights = weights if whole_list else self._with_special(weights)

    def _with_special(self, weights: numpy.ndarray) -> numpy.ndarray:
        """The weights of tokens, after those of the special ones, which are their mean."""
        return numpy.pad(weights, (len(self._special), 0), constant_values=weights.mean())

    def _token(self, token: Any) -> Any:
        """A token as it stands in the vocabulary: here a text."""
        if isinstance(token, bytes):
            return token.decode(self.encoding)
        if not isinstance(token, str):
            raise DTypeError(f"{self.name} takes texts, and not {token!r}")
        return str(token)

    def _take(self, tokens: Sequence) -> None:
        self._places: Mapping[Hashable, int] = {token: at for at, token in enumerate(tokens, len(self._special))}

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary of data: a list or an array, or what yields such. What was learnt before is forgotten.

        steps  how many batches, of what yields them
        """
        self.reset_state()
        batches = [data] if isinstance(data, (list, tuple, numpy.ndarray, str, Tensor)) else data
        for batch in islice(batches, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was learnt."""
        self._counts: Counter = Counter()
        self._texts_with: Counter = Counter()
        self._texts = 0
        if not self._fixed:
            self._places = {}
            self._weights = numpy.zeros(0, "float32")

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch."""
        if self._fixed:
            raise OptionError(f"{self.name} was given its vocabulary, and learns none")
        for tokens in self._tokens(data):
            self._counts.update(tokens)
            self._texts_with.update(set(tokens))
            self._texts += 1

    def _tokens(self, data: Any) -> Iterator[list]:
        """The tokens of each sample."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._fixed:
            return
        known = [token for token in self._counts if token not in (self.mask_token, self.oov_token)]
        last = lambda token: token.encode() if isinstance(token, str) else token  # noqa: E731
        order = sorted(known, key=lambda token: (self._counts[token], last(token)), reverse=True)
        self._take(order if self.max_tokens is None else order[: self.max_tokens - len(self._special)])
        if self.output_mode == "tf_idf" and self._places:
            found = [math.log(1 + self._texts / (1 + self._texts_with[token])) for token in self._places]
            self._weights = self._with_special(numpy.array(found, "float32"))

    @property
    def _depth(self) -> int:
        """How many numbers come out of a sample, if these are not places."""
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()

    @property
    def _all_weights(self) -> numpy.ndarray:
        """The weights of `tf_idf`, of as many places as come out."""
        return numpy.pad(self._weights, (0, self._depth - len(self._weights)))

    def _options(self, kind: type) -> dict[str, Any]:
        """With the vocabulary, learnt or given: what is made of it needs no more."""
        tokens = self.get_vocabulary() if self._places else None
        weights = self._weights.tolist() if tokens and self.output_mode == "tf_idf" else None
        return super()._options(kind) | {"vocabulary": tokens, "idf_weights": weights}
