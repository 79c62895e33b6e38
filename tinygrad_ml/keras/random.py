"""`keras.random`: random numbers, from the library's stream or from a seed.

An integer seed gives the same numbers each time; a `SeedGenerator` goes on from call to call; None is the library's stream,
which `keras.utils.set_random_seed` begins anew. The numbers are not those of Keras, whose streams differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from .. import functional as tg
from .. import random
from ..backend import DEFAULT_FLOAT, dtypes
from ..distributions import multinomial
from ..errors import OptionError
from ..modes import modes
from ..nn import functional as F
from ..random import streams
from ..tensor import Tensor, as_tensor
from . import checks
from .naming import unique_name
from .serialization import Configurable


class SeedGenerator(Configurable):
    """A stream of its own, which goes on from draw to draw.

    seed  where it begins; None for somewhere
    """

    def __init__(self, seed: int | None = None, name: str | None = None):
        self.seed = checks.seed(seed)
        self.name = unique_name(type(self)) if name is None else name
        self.streams = streams.Streams(streams.draw_seed() if seed is None else seed)

    def next(self, ordered: bool = True) -> Tensor:
        """Two integers that nobody was given before, as a seed; `ordered` changes nothing."""
        with streams.drawing_from(self.streams):
            return random.integers(0, 2**31 - 1, (2,)).astype(dtypes.int32)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


@contextmanager
def drawing(seed: Any) -> Iterator[None]:
    """Inside, random numbers come from this seed: an integer, a `SeedGenerator`, or None for the library's stream.

    In compiled steps the numbers of an integer are constants: they are drawn once, as they are the same each time.
    """
    if isinstance(seed, Tensor):
        seed = int(seed.reshape(-1)[0].item()) + int(seed.reshape(-1)[-1].item())
    if isinstance(seed, SeedGenerator) or seed is None:
        with nullcontext() if seed is None else streams.drawing_from(seed.streams):
            yield
        return
    outer, modes.stream = modes.stream, None
    try:
        with streams.drawing_from(streams.Streams(abs(int(checks.seed(seed) or 0)))):
            yield
    finally:
        modes.stream = outer


def _dtype(dtype: Any) -> Any:
    return DEFAULT_FLOAT if dtype is None else dtypes.as_dtype(dtype)


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, int) else tuple(int(size) for size in shape)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Normal numbers with a mean and a standard deviation."""
    with drawing(seed):
        return random.standard_normal(_shape(shape), _dtype(dtype)) * stddev + mean


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Normal numbers, of those that are no further from the mean than two standard deviations.

    They are Φ⁻¹ of numbers that are uniform between Φ(-2) and Φ(2).
    """
    inside = math.erf(math.sqrt(2))
    with drawing(seed):
        u = random.uniform(-inside, inside, _shape(shape), _dtype(dtype))
    limit = 2 / math.sqrt(2)
    return tg.clip(tg.erfinv(u), -limit, limit) * math.sqrt(2) * stddev + mean


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers that are uniform on [minval, maxval); of an integer dtype whole ones, as of `randint`."""
    dtype = _dtype(dtype)
    if not dtypes.is_float(dtype):
        return randint(shape, minval, maxval, dtype, seed)
    with drawing(seed):
        return random.random(_shape(shape), dtype) * (maxval - minval) + minval


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Whole numbers from minval to maxval - 1."""
    dtype = dtypes.as_dtype(dtype)
    if dtypes.is_float(dtype):
        raise OptionError(f"randint draws whole numbers, and not {dtype}; use uniform")
    with drawing(seed):
        return random.integers(int(minval), int(maxval), _shape(shape)).astype(dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """`num_samples` classes of each row of logits (batch, classes), class i with the probability softmax(logits)ᵢ."""
    logits = as_tensor(logits)
    if logits.ndim != 2:
        raise OptionError(f"categorical takes logits (batch, classes), but got {logits._described()}")
    with drawing(seed):
        return multinomial(tg.softmax(logits.astype("float64"), -1), num_samples, replacement=True).astype(dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """x · m / (1 - rate), each element of m being 0 with probability `rate`, else 1.

    noise_shape  of m, where it is the same along axes: 1 for those, None for a size of x
    """
    x = as_tensor(inputs)
    with drawing(seed):
        if noise_shape is None:
            return F.dropout(x, rate)
        shape = [size if n is None else int(n) for n, size in zip(noise_shape, x.shape, strict=True)]
        return x * F.dropout(tg.ones(shape, dtype=x.dtype, device=x.device), rate)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """The slices of x along an axis in random order."""
    x = as_tensor(x)
    with drawing(seed):
        return tg.take(x, random.permutation(x.shape[axis], x.device), axis)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers of the gamma distribution x^(α-1)·e⁻ˣ, α being broadcast to the shape."""
    with drawing(seed):
        return random.gamma(alpha, 1.0, _shape(shape), _dtype(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Numbers of the beta distribution x^(α-1)·(1 - x)^(β-1), α and β being broadcast to the shape."""
    with drawing(seed):
        return random.beta(alpha, beta, _shape(shape), _dtype(dtype))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """How many of `counts` trials succeed, each with its probability; both are broadcast to the shape."""
    with drawing(seed):
        return random.binomial(counts, probabilities, _shape(shape)).astype(_dtype(dtype))
