"""Numbers of categories: which of how many, counted, cut out of real numbers, or hashed.

`CategoryEncoding` and `Discretization` compute on tensors, and so stand in models. `Hashing` and `HashedCrossing` take texts
and integers before the model, as no tensor holds a text. The hashes are in `hashes.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT
from ...errors import DTypeError, OptionError, ShapeError
from ...functional import arange, asarray, searchsorted
from ...structure import leaves
from ...tensor import Tensor, as_tensor, beside
from ..checks import number, one_of, whole
from .base import Layer
from .hashes import crossed, fingerprint, keyed

_MODES = ("one_hot", "multi_hot", "count")


def encoded(indices: Tensor, mode: str, depth: int, weights: Tensor | None = None) -> Tensor:
    """Numbers of categories as numbers from 0 to `depth` - 1 are encoded; others count for none.

    mode     "int", as they are; "one_hot", (..., depth) with a 1 each; "multi_hot", a 1 for each category that is there,
             and "count", how often: summed over axis 1, that of what a sample has, or over all, where there is only one axis
    weights  with "count", what each counts
    """
    if mode == "int":
        return indices
    indices = indices.expand_dims(0) if indices.ndim == 0 else indices
    if mode == "one_hot" and indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices.squeeze(-1)
    hot = indices.expand_dims(-1) == arange(depth, device=indices.device)
    axis = 1 if indices.ndim > 1 else 0
    if mode == "multi_hot":
        return hot.any(axis=axis).astype(DEFAULT_FLOAT)
    hot = hot.astype(DEFAULT_FLOAT)
    if mode == "one_hot":
        return hot
    return (hot if weights is None else hot * weights.expand_dims(-1)).sum(axis)


def dense(layer: str, sparse: bool) -> bool:
    """False, or an error: there are no sparse tensors here."""
    if sparse:
        raise OptionError(f"{layer}: there are no sparse tensors here, so sparse=True is not offered")
    return False


def as_data(inputs: Any) -> Any:
    """Lists of plain numbers, as tables have them, as one array; tensors and arrays as they are."""
    if isinstance(inputs, (list, tuple)) and not any(
        isinstance(leaf, (Tensor, numpy.ndarray)) for leaf in leaves(inputs)
    ):
        return numpy.asarray(inputs)
    return inputs


class CategoryEncoding(Layer):
    """Integers from 0 to num_tokens - 1 as rows of num_tokens numbers.

    num_tokens   how many categories there are
    output_mode  "multi_hot", 1 for each that a sample (batch, n) has; "count", how often it has it; or "one_hot", a row for
                 each integer
    `sparse` is not offered. Called as layer(x, count_weights=None): with "count", how much each integer counts
    """

    _unwritten = ("sparse",)

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **options: Any
    ):
        super().__init__(**options)
        if num_tokens is None:
            raise OptionError("CategoryEncoding needs num_tokens=; where it is not known, an IntegerLookup learns it")
        self.num_tokens, self.sparse = whole("num_tokens", num_tokens), dense("CategoryEncoding", sparse)
        self.output_mode = one_of("output_mode", "multi_hot" if output_mode == "binary" else output_mode, _MODES)

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        return super().__call__(as_data(inputs), *args, **options)

    def call(self, inputs: Any, count_weights: Any = None) -> Tensor:
        if count_weights is not None and self.output_mode != "count":
            raise OptionError(f"count_weights are for output_mode='count', and not for {self.output_mode!r}")
        x = as_tensor(inputs)
        weights = None if count_weights is None else beside(count_weights, x).astype(DEFAULT_FLOAT)
        return encoded(x, self.output_mode, self.num_tokens, weights)


class Discretization(Layer):
    """Real numbers as the number of the interval that each lies in: 0 below the first boundary, 1 from there to the second, …

    bin_boundaries  where intervals end; or
    num_bins        how many there are, whose boundaries `adapt(data)` finds so that as many numbers lie in each
    epsilon         how far off these may be, as a part of the data: it is summed up in 1 / epsilon numbers
    output_mode     "int"; or "one_hot", "multi_hot", "count", as `CategoryEncoding` has them. `sparse` is not offered
    """

    _unwritten = ("trainable",)

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **options: Any,
    ):
        super().__init__(name=name, dtype=dtype, **options)
        if isinstance(bin_boundaries, int):
            raise OptionError(
                f"bin_boundaries={bin_boundaries} must be a list of numbers; how many bins there are is num_bins="
            )
        if bin_boundaries is None and num_bins is None:
            raise OptionError("Discretization needs bin_boundaries=, or num_bins= and then adapt(data)")
        self.num_bins = None if num_bins is None else whole("num_bins", num_bins)
        self.epsilon, self.sparse = number("epsilon", epsilon, 1e-9, 1), dense("Discretization", sparse)
        self.output_mode = one_of("output_mode", output_mode, ("int", *_MODES))
        self.bin_boundaries = None if bin_boundaries is None else [float(one) for one in bin_boundaries]
        self.reset_state()

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the boundaries in data: an array, or what yields batches of such. What was learnt before is forgotten."""
        if self.num_bins is None:
            raise OptionError(
                "Discretization was given its bin_boundaries, so there is nothing to adapt: use num_bins="
            )
        self.reset_state()
        batches = [data] if hasattr(data, "shape") else data
        for batch in islice(batches, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was learnt."""
        self.summary = numpy.zeros((2, 0), "float32")

    def update_state(self, data: Any) -> None:
        """Take a batch into the summary of the data."""
        values = numpy.sort(numpy.asarray(data, "float32").reshape(-1))
        step = max(values.size * self.epsilon, 1)
        kept = values[int(step - 1) :: int(step)]
        both = numpy.concatenate([numpy.stack([kept, numpy.full_like(kept, step)]), self.summary], axis=1)
        self.summary = _shortened(both[:, numpy.argsort(both[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of the summary."""
        if self.num_bins is not None:
            self.bin_boundaries = _shortened(self.summary, 1 / self.num_bins)[0, :-1].tolist()

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        return super().__call__(as_data(inputs), *args, **options)

    def call(self, inputs: Any) -> Tensor:
        if self.bin_boundaries is None:
            raise OptionError(f"{self.name} has no boundaries yet: call adapt(data), or give bin_boundaries=")
        x = as_tensor(inputs).astype(DEFAULT_FLOAT)
        ends = asarray(numpy.asarray(self.bin_boundaries, "float32"), device=x.device)
        places = searchsorted(ends, x, side="right").astype("int32")
        return encoded(places, self.output_mode, len(self.bin_boundaries) + 1)

    def _options(self, kind: type) -> dict[str, Any]:
        return {**super()._options(kind), "dtype": "float32"}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        made = cls(
            **{name: value for name, value in config.items() if name != "bin_boundaries" or not config["num_bins"]}
        )
        made.bin_boundaries = config["bin_boundaries"]
        return made


def _shortened(summary: numpy.ndarray, epsilon: float) -> numpy.ndarray:
    """Ascending numbers and what each counts, as 1 / epsilon such, if there are more."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + numpy.arange(0.0, 1.0, epsilon)
    totals = summary[1].cumsum()
    share = totals / totals[-1]
    ends = numpy.interp(parts, share, totals)
    return numpy.stack([numpy.interp(parts, share, summary[0]), numpy.diff(ends, prepend=0)]).astype("float32")


class _Hasher(Layer):
    """What both layers that hash have in common: they are called on arrays and lists."""

    def _whole_dtype(self, dtype: Any, output_mode: str) -> str:
        """The dtype of numbers that come out, which an option says."""
        known = (None, "int32", "int64") if output_mode == "int" else (None, "float32")
        return one_of("dtype", getattr(dtype, "name", dtype), known) or ("int64" if output_mode == "int" else "float32")

    def _array(self, inputs: Any) -> numpy.ndarray:
        """Texts or integers; the numbers of a tensor are read."""
        if isinstance(inputs, Tensor):
            if inputs.symbolic:
                raise DTypeError(
                    f"{self.name} hashes texts and integers before the model, and not in it: call it on arrays"
                )
            inputs = inputs.numpy()
        return numpy.asarray(inputs, None if hasattr(inputs, "dtype") else object)

    def _out(self, bins: numpy.ndarray, bins_in_all: int) -> Tensor:
        y = encoded(as_tensor(bins), self.output_mode, bins_in_all)
        return y.astype(self._out_dtype)

    output_mode: str
    _out_dtype: str

    def _options(self, kind: type) -> dict[str, Any]:
        return {**super()._options(kind), "dtype": self._out_dtype}


def _texts(values: numpy.ndarray, encode: Callable[[Any], Any]) -> numpy.ndarray:
    """What `encode` makes of each value, which is called once for each that differs."""
    known: dict[Any, Any] = {}
    flat = [value.item() if isinstance(value, numpy.generic) else value for value in values.reshape(-1)]
    for value in flat:
        if value not in known:
            known[value] = encode(value)
    return numpy.array([known[value] for value in flat], object).reshape(values.shape)


def as_bytes(value: Any) -> bytes:
    """A text, or the digits of a whole number."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise DTypeError(f"what is hashed are texts and whole numbers, and not {value!r}")
    return (value if isinstance(value, str) else str(int(value))).encode()


def checked_salt(salt: Any) -> list[int] | None:
    """The two numbers of a key, if there is one."""
    if salt is None:
        return None
    pair = list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
    if len(pair) != 2 or not all(isinstance(one, int) for one in pair):
        raise OptionError(f"salt={salt!r} must be an integer, or two")
    return pair


def bucket_of(value: Any, bins: int, salt: list[int] | None) -> int:
    """The bin of a text or a whole number: of its SipHash if there is a key, else of its fingerprint."""
    text = as_bytes(value)
    return (fingerprint(text) if salt is None else keyed(text, (salt[0], salt[1]))) % bins


class Hashing(_Hasher):
    """Texts or integers as numbers of bins, the same for the same text: a hash, modulo num_bins. They are TensorFlow's.

    num_bins     how many there are
    mask_value   if given, it has bin 0, and nothing else has
    salt         a key, two integers, or one for both: then bins are those of SipHash-2-4, else of FarmHash's Fingerprint64
    output_mode  "int"; or "one_hot", "multi_hot", "count", as `CategoryEncoding` has them. `sparse` is not offered
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **options: Any,
    ):
        self._out_dtype = self._whole_dtype(options.pop("dtype", None), output_mode)
        super().__init__(**options)
        self.num_bins, self.mask_value, self.salt = whole("num_bins", num_bins), mask_value, checked_salt(salt)
        self.output_mode = one_of("output_mode", output_mode, ("int", *_MODES))
        self.sparse, self.built = dense("Hashing", sparse), True

    def __call__(self, inputs: Any, *, training: bool | None = None) -> Tensor:
        """The bins of texts or integers: a list or an array of such, or one."""
        return self.call(inputs)

    def call(self, inputs: Any) -> Tensor:
        first = int(self.mask_value is not None and self.num_bins > 1)  # bin 0 is that of what is masked

        def bin_of(value: Any) -> int:
            if first and as_bytes(value) == as_bytes(self.mask_value):
                return 0
            return first + bucket_of(value, self.num_bins - first, self.salt)

        return self._out(_texts(self._array(inputs), bin_of).astype("int64"), self.num_bins)


class HashedCrossing(_Hasher):
    """Two features or more as one: the hash of what they are together, modulo num_bins. The numbers are TensorFlow's.

    num_bins     how many there are
    output_mode  "int" or "one_hot". `sparse` is not offered

    Called on a list of features, texts or integers, each (batch,), (batch, 1) or one value.
    """

    _unwritten = ("trainable",)

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        self._out_dtype = self._whole_dtype(dtype, output_mode)
        super().__init__(name=name, **options)
        self.num_bins = whole("num_bins", num_bins)
        self.output_mode = one_of("output_mode", output_mode, ("int", "one_hot"))
        self.sparse, self.built = dense("HashedCrossing", sparse), True

    def __call__(self, inputs: Any, *, training: bool | None = None) -> Tensor:
        """The bins of features, a list of such."""
        return self.call(inputs)

    def call(self, inputs: Any) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise OptionError(f"{self.name} is called on a list of two features or more")
        features = [self._array(feature) for feature in inputs]
        shapes = [feature.shape for feature in features]
        if shapes[1:] != shapes[:-1] or len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][1] != 1):
            raise ShapeError(f"{self.name} takes features of one shape, (), (batch,) or (batch, 1), and not {shapes}")
        of = lambda value: value if isinstance(value, int) else fingerprint(as_bytes(value))  # noqa: E731
        numbers = [_texts(feature, of).reshape(-1) for feature in features]
        bins = [crossed(list(together)) % self.num_bins for together in zip(*numbers, strict=True)]
        return self._out(numpy.array(bins, "int64").reshape(shapes[0]), self.num_bins)
