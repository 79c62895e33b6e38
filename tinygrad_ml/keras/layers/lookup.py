"""Categories as their places in a vocabulary, and back.

`StringLookup` takes texts, before the model, as no tensor holds one; `IntegerLookup` computes on tensors, and stands in models.
Read before: `vocabulary.py`, `categories.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy

from ...errors import DTypeError, OptionError
from ...functional import asarray, clip, full_like, remainder, searchsorted, where
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from .categories import as_data, bucket_of, checked_salt, dense, encoded
from .vocabulary import Vocabulary

_OPTIONS = """
    max_tokens       how large the vocabulary becomes at most, special tokens included
    num_oov_indices  how many places unknown ones share: 0, and there must be none; 1; or more, of which a hash chooses
    mask_token       if given, what fills up: with "int" it has place 0, else it counts for nothing
    oov_token        what unknown places become on the way back
    vocabulary       a list of tokens, or a file with one a line; otherwise `adapt(data)` learns it
    idf_weights      with "tf_idf" and a vocabulary: what counts are multiplied by
    invert           the way back: places become tokens
    output_mode      "int", places; or "one_hot", "multi_hot", "count", as `CategoryEncoding` has them, in float32; "tf_idf": count,
                     times ln(1 + samples / (1 + samples with the token))
    pad_to_max_tokens  whether the vocabulary counts as max_tokens large, though it is smaller
    salt             a key of the hash, an integer or two, as in `Hashing`
    `sparse` is not offered. {more}
    """


class _Lookup(Vocabulary):
    def _check(self, num_oov_indices: int, invert: bool, output_mode: str, salt: Any) -> None:
        """Keep what both kinds are told."""
        self.num_oov_indices = whole("num_oov_indices", num_oov_indices, 0)
        self.invert, self.salt = invert, checked_salt(salt)
        if invert and output_mode != "int":
            raise OptionError(f"{type(self).__name__}: with invert=True output_mode is 'int', and not {output_mode!r}")

    def _out(self, places: Tensor) -> Tensor:
        """Places, below 0 for what counts for nothing, as `output_mode` says."""
        if self.output_mode != "tf_idf":
            return encoded(places, self.output_mode, self._depth)
        y = encoded(places, "count", self._depth)
        return y * asarray(self._all_weights, device=y.device)

    def _unknown(self, values: Any) -> OptionError:
        return OptionError(f"{self.name} has no place for unknown ones, num_oov_indices=0, and got {values}")

    def compute_output_shape(self, input_shape: Any) -> tuple:
        if self.output_mode == "int":
            return tuple(input_shape)
        if self.output_mode == "one_hot" and (len(input_shape) == 1 or input_shape[-1] != 1):
            return (*input_shape, self._depth)
        return (*input_shape[:-1], self._depth)


class StringLookup(_Lookup):
    __doc__ = f"""Texts as their places in a vocabulary: what fills up, what is unknown, and then the known ones.
{_OPTIONS.format(more="`encoding` is that of bytes")}
    >>> lookup = StringLookup()
    >>> lookup.adapt(["red", "blue", "red"])
    >>> lookup(["blue", "red", "green"])
    tensor([2, 1, 0])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **options: Any,
    ):
        for said_of_it in ("vocabulary_size", "has_input_vocabulary", "oov_method"):
            options.pop(said_of_it, None)
        super().__init__(name=name, **options)
        self.mask_token, self.oov_token, self.encoding = mask_token, oov_token, encoding
        self.sparse = dense("StringLookup", sparse)
        self._check(num_oov_indices, invert, output_mode, salt)
        self._begin(max_tokens, output_mode, pad_to_max_tokens, vocabulary, idf_weights)

    def _array(self, data: Any) -> numpy.ndarray:
        if isinstance(data, Tensor):
            raise DTypeError(
                f"{self.name} takes texts, which no tensor or symbol holds: call it on them before the model"
            )
        return numpy.asarray([data] if isinstance(data, (str, bytes)) else data, dtype=object)

    def _tokens(self, data: Any) -> Iterator[list]:
        texts = self._array(data)
        for row in texts.reshape(len(texts), -1):
            yield [self._token(text) for text in row]

    def __call__(self, inputs: Any, *, training: bool | None = None) -> Any:
        """The places of texts, a list or an array of such, or one; with invert=True the texts of places, in an array."""
        y = self.call(inputs)
        return y[0] if isinstance(inputs, (str, bytes)) and self.output_mode == "int" else y

    def call(self, inputs: Any) -> Any:
        if self.invert:
            known, places = self.get_vocabulary(), numpy.asarray(inputs)
            found = [known[at] if 0 <= at < len(known) else self.oov_token for at in places.reshape(-1).tolist()]
            return numpy.array(found, object).reshape(places.shape)
        texts = self._array(inputs)
        places = [self._place(self._token(text)) for text in texts.reshape(-1)]
        return self._out(as_tensor(numpy.array(places, "int64").reshape(texts.shape)))

    def _place(self, text: str) -> int:
        if text == self.mask_token:
            return 0 if self.output_mode == "int" else -1
        if text in self._places:
            return self._places[text]
        if not self.num_oov_indices:
            raise self._unknown(repr(text))
        shared = bucket_of(text, self.num_oov_indices, self.salt) if self.num_oov_indices > 1 else 0
        return self._fills_up + shared


class IntegerLookup(_Lookup):
    __doc__ = f"""Integers as their places in a vocabulary: what fills up, what is unknown, and then the known ones.
{_OPTIONS.format(more="vocabulary_dtype is int64")}oov_method       how the places of unknown ones are chosen, where there are several: "floormod", x modulo their number; or
                     "farmhash", a hash of the digits, which is not computed in models
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **options: Any,
    ):
        for said_of_it in ("vocabulary_size", "has_input_vocabulary"):
            options.pop(said_of_it, None)
        super().__init__(name=name, **options)
        self.mask_token, self.oov_token = mask_token, oov_token
        self.vocabulary_dtype = one_of("vocabulary_dtype", vocabulary_dtype, ("int64",))
        self.oov_method = one_of("oov_method", oov_method, ("floormod", "farmhash"))
        self.sparse = dense("IntegerLookup", sparse)
        if salt is not None and oov_method != "farmhash":
            raise OptionError("IntegerLookup: salt= is for oov_method='farmhash'")
        self._check(num_oov_indices, invert, output_mode, salt)
        self._begin(max_tokens, output_mode, pad_to_max_tokens, vocabulary, idf_weights)

    def _token(self, token: Any) -> int:
        if isinstance(token, str) and token.removeprefix("-").isdigit():  # a line of a file
            return int(token)
        if isinstance(token, (str, bytes)) or int(token) != token:
            raise DTypeError(f"{self.name} takes integers, and not {token!r}: for texts there is StringLookup")
        return int(token)

    def _tokens(self, data: Any) -> Iterator[list]:
        numbers = numpy.atleast_1d(data.numpy() if isinstance(data, Tensor) else numpy.asarray(data))
        for row in numbers.reshape(len(numbers), -1).tolist():
            yield [self._token(one) for one in row]

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        return super().__call__(as_data(inputs), *args, **options)

    def call(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs).astype("int64")
        if self.invert:
            table = asarray(numpy.array([*self.get_vocabulary(), self.oov_token], "int64"), device=x.device)
            size = table.shape[0] - 1
            return table[where((x < 0) | (x >= size), size, x)]
        places = self._unknown_places(x)
        if self._places:
            keys = numpy.array(list(self._places), "int64")
            order = numpy.argsort(keys)
            table, found = (asarray(one, device=x.device) for one in (keys[order], order + len(self._special)))
            at = clip(searchsorted(table, x), 0, len(keys) - 1)
            places = where(table[at] == x, found[at], places)
        if self.mask_token is not None:
            places = where(x == self.mask_token, 0 if self.output_mode == "int" else -1, places)
        if not self.num_oov_indices and not x.symbolic and (unknown := (places < -1)).any().item():
            raise self._unknown(x.numpy()[unknown.numpy()].tolist())
        return self._out(places)

    def _unknown_places(self, x: Tensor) -> Tensor:
        """The places that these integers have if they are unknown; -2 where there are none."""
        first = self._fills_up
        if self.num_oov_indices < 2:
            return full_like(x, first if self.num_oov_indices else -2)
        if self.oov_method == "floormod":
            return remainder(x, self.num_oov_indices) + first
        if x.symbolic:
            raise OptionError(
                f"{self.name}: oov_method='farmhash' is not computed in models: call it on arrays, before"
            )
        shared = [bucket_of(one, self.num_oov_indices, self.salt) for one in x.numpy().reshape(-1).tolist()]
        return asarray(numpy.array(shared, "int64").reshape(x.shape), device=x.device) + first
