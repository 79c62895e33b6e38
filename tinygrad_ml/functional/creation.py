"""Tensors made from nothing. All take `dtype=`, `device=` and `requires_grad=`; floats are float32 by default."""

import numpy

from ..backend import Absent, Device, as_array, current_device, dtypes
from ..errors import OptionError
from ..tensor import Tensor, as_tensor, filled, tensor
from .manipulation import _shape_of


def _made(array, dtype, device, requires_grad: bool) -> Tensor:
    return tensor(array, dtype=dtype, device=device, requires_grad=requires_grad)


def _constant(shape, value, dtype, device, requires_grad: bool) -> Tensor:
    made = filled(shape, value, dtypes.as_dtype(dtype), Device(device) if device is not None else current_device())
    made.requires_grad = requires_grad
    return made


def zeros(*shape, dtype=dtypes.DEFAULT_FLOAT, device=None, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape, given as a tuple or as integers."""
    return _constant(_shape_of(shape), 0, dtype, device, requires_grad)


def ones(*shape, dtype=dtypes.DEFAULT_FLOAT, device=None, requires_grad: bool = False) -> Tensor:
    """Ones of a shape, given as a tuple or as integers."""
    return _constant(_shape_of(shape), 1, dtype, device, requires_grad)


def full(shape, fill_value, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """`fill_value` everywhere, in its own kind of dtype (float32, int64 or bool) if none is given."""
    dtype = tensor(fill_value, device="cpu").dtype if dtype is None else dtype
    return _constant(_shape_of((shape,)), _number(fill_value, dtype), dtype, device, requires_grad)


def _number(value, dtype):
    """A number from outside in a dtype; `DTypeError` if it has no place there."""
    return as_array(value, dtype, "cpu") if isinstance(value, (int, float, numpy.generic)) else value


def _like(x, value, dtype, device, requires_grad: bool) -> Tensor:
    x = as_tensor(x)
    return _constant(
        x.shape, value, x.dtype if dtype is None else dtype, x.device if device is None else device, requires_grad
    )


def zeros_like(x, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape, dtype and device of x."""
    return _like(x, 0, dtype, device, requires_grad)


def ones_like(x, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape, dtype and device of x."""
    return _like(x, 1, dtype, device, requires_grad)


def full_like(x, fill_value, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """`fill_value` in the shape, dtype and device of x."""
    x = as_tensor(x)
    return _like(x, _number(fill_value, x.dtype if dtype is None else dtype), dtype, device, requires_grad)


def arange(start, /, stop=None, step=1, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """start, start + step, ... before stop; from 0 if only one bound is given. int64, or float32 if any is a float."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise OptionError("arange needs a step other than 0")
    numbers = numpy.arange(start, stop, step)
    if dtype is None:
        dtype = dtypes.DEFAULT_FLOAT if numbers.dtype.kind == "f" else dtypes.int64
    return _made(numbers, dtype, device, requires_grad)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    dtype=dtypes.DEFAULT_FLOAT,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    """`num` numbers evenly spaced from start to stop, which is included unless `endpoint` is False."""
    if num < 0:
        raise OptionError(f"linspace needs num of 0 or more, not {num}")
    return _made(numpy.linspace(start, stop, num, endpoint=endpoint), dtype, device, requires_grad)


def eye(
    n: int, m: int | None = None, k: int = 0, dtype=dtypes.DEFAULT_FLOAT, device=None, requires_grad: bool = False
) -> Tensor:
    """The n×m matrix (n×n by default) with ones on the k-th diagonal."""
    return _made(numpy.eye(n, m, k), dtype, device, requires_grad)


def asarray(data, dtype=None, device=None, copy: bool | None = None) -> Tensor:
    """`data` as a tensor, sharing memory where it can, unless `copy` is True."""
    return tensor(data, dtype=dtype, device=device) if copy else as_tensor(data, dtype, device)


def symbol(shape, dtype=dtypes.DEFAULT_FLOAT, name: str | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a shape and a dtype, and no data: calling a network on it gives the network's graph.

    A wrong shape is reported as it would be with data, and nothing is computed or allocated.

    >>> y = model(tg.symbol((32, 784), name="x"))
    >>> y.shape
    (32, 10)
    """
    made = Tensor(Absent(_shape_of((shape,)), dtypes.as_dtype(dtype)))
    made.name = name
    made.requires_grad = requires_grad
    return made
