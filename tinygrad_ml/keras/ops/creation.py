"""Operations that make tensors of nothing, or of numbers; windows of signals. Read before: `tensors.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError
from ...tensor import Tensor
from .calls import operation
from .shaping import copy as copy
from .tensors import INDEX, float_of, tensor_of, whole_number


def array(x: Any, dtype: Any = None) -> Tensor:
    """x as a tensor; Python's integers become int32, its floats float32."""
    return tensor_of(x, dtype)


def _shape(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, Tensor):
        shape = shape.tolist()
    return (int(shape),) if isinstance(shape, (int, numpy.integer)) else tuple(int(size) for size in shape)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of a shape, by default float32."""
    return tg.zeros(_shape(shape), dtype=dtype)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of a shape, by default float32."""
    return tg.ones(_shape(shape), dtype=dtype)


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of a shape whose numbers do not matter: zeros."""
    return tg.zeros(_shape(shape), dtype=dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value`, which may be an array that is repeated, in a shape."""
    value = tensor_of(fill_value)
    return tg.broadcast_to(value.astype(DEFAULT_FLOAT if dtype is None else dtype), _shape(shape))


@operation
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros in the shape of x."""
    return tg.zeros_like(tensor_of(x), dtype)


@operation
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones in the shape of x."""
    return tg.ones_like(tensor_of(x), dtype)


@operation
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """A tensor in the shape of x whose numbers do not matter: zeros."""
    return tg.zeros_like(tensor_of(x), dtype)


@operation
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value` in the shape of x."""
    x = tensor_of(x)
    value = tensor_of(fill_value).astype(x.dtype if dtype is None else dtype)
    return tg.where(tg.ones_like(x, dtypes.bool_), value, value)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """start, start + step, ... before stop; from 0 if only one bound is given. int32, or float32 if any is a float."""
    ends = [None if end is None else _plain(end) for end in (start, stop, step)]
    start, stop, step = ends
    if dtype is None:
        dtype = DEFAULT_FLOAT if any(isinstance(end, float) for end in ends) else INDEX
    return tg.arange(start, stop, 1 if step is None else step, dtype=dtype)


def _plain(x: Any) -> Any:
    """A number, which may stand in a tensor."""
    return x.item() if isinstance(x, (Tensor, numpy.generic, numpy.ndarray)) else x


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """The N×M matrix (N×N by default) with ones on the k-th diagonal."""
    return tg.eye(whole_number("N", N), None if M is None else whole_number("M", M), k, dtype=dtype)


def identity(n: Any, dtype: Any = None) -> Tensor:
    """The n×n matrix with ones on the diagonal."""
    return eye(n, dtype=dtype)


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Tensor:
    """The N×M matrix with ones up to the k-th diagonal."""
    N = whole_number("N", N)
    made = numpy.tri(N, N if M is None else whole_number("M", M), k)
    return tg.asarray(made, dtype=DEFAULT_FLOAT if dtype is None else dtype)


def _spaced(start: Any, stop: Any, num: int, endpoint: bool, axis: int, between: Callable) -> Tensor:
    """`between(start, stop, t)` for num values of t from 0 to 1, along an axis; of tensors elementwise."""
    if num < 0:
        raise OptionError(f"num={num} must be 0 or more")
    start, stop = float_of(start), float_of(stop)
    start, stop = tg.broadcast_arrays(start, stop)
    steps = (numpy.arange(num) / max(num - 1 if endpoint else num, 1)).reshape((-1,) + (1,) * start.ndim)
    made = between(start.expand_dims(0), stop.expand_dims(0), start._like(steps))
    return tg.moveaxis(made, 0, axis) if made.ndim > 1 else made


def _dtype(dtype: Any, *given: Any) -> Any:
    if dtype is not None:
        return dtype
    found = [x.dtype for x in given if hasattr(x, "dtype") and dtypes.is_float(x.dtype)]
    return dtypes.result_type(DEFAULT_FLOAT, *found)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers evenly spaced from start to stop, which is included unless `endpoint` is False; with `retstep` the
    step, too."""
    made = _spaced(start, stop, num, endpoint, axis, lambda a, b, t: a * (1 - t) + b * t)
    made = made.astype(_dtype(dtype, start, stop))
    if not retstep:
        return made
    pieces = num - 1 if endpoint else num
    return made, (float_of(stop) - float_of(start)) / pieces if pieces else tensor_of(math.nan)


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Tensor:
    """`base` to the powers of `linspace(start, stop)`."""
    powers = linspace(start, stop, num, endpoint, axis=axis)
    return (base**powers).astype(_dtype(dtype, start, stop))


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Tensor:
    """`num` numbers from start to stop, each the same multiple of the one before."""
    between = lambda a, b, t: a * (b / a) ** t  # noqa: E731
    return _spaced(start, stop, num, endpoint, axis, between).astype(_dtype(dtype, start, stop))


@operation
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinates of the points of a grid, from those along each axis."""
    return list(tg.meshgrid(*[tensor_of(one) for one in x], indexing=indexing))


@operation
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of the powers N - 1, ..., 1, 0 of each x, or 0, 1, ... if `increasing`."""
    x = tensor_of(x)
    n = x.shape[0] if N is None else N
    powers = range(n) if increasing else range(n - 1, -1, -1)
    return tg.stack([x**power if power else tg.ones_like(x) for power in powers], -1)


def _window(x: Any, window: Callable) -> Tensor:
    return tg.asarray(window(whole_number("length", x)), dtype=DEFAULT_FLOAT)


def bartlett(x: Any) -> Tensor:
    """The window of x numbers that rises and falls in straight lines, from 0 to 0."""
    return _window(x, numpy.bartlett)


def blackman(x: Any) -> Tensor:
    """The window 0.42 - 0.5·cos t + 0.08·cos 2t of x numbers."""
    return _window(x, numpy.blackman)


def hamming(x: Any) -> Tensor:
    """The window 0.54 - 0.46·cos t of x numbers."""
    return _window(x, numpy.hamming)


def hanning(x: Any) -> Tensor:
    """The window 0.5 - 0.5·cos t of x numbers."""
    return _window(x, numpy.hanning)


def kaiser(x: Any, beta: Any) -> Tensor:
    """The window I₀(β·√(1 - t²)) / I₀(β) of x numbers, t from -1 to 1."""
    return _window(x, lambda n: numpy.kaiser(n, _plain(beta)))
