"""Tensors made of numbers, and of nothing. All take `dtype=`, `device=` and `requires_grad=`; floats are float32 by default."""

from typing import Any, Never

import numpy

from ..backend import Device, as_array, current_device, dtypes
from ..errors import DTypeError, GradientError, OptionError, ShapeError
from ..spellings import misspelt, spelt
from ..symbols import SYMBOL
from ..tensor import Tensor, TensorLike, as_tensor, filled
from ..typing import DeviceLike, DTypeLike, ShapeLike
from .interchange import of_dlpack, share_memory
from .manipulation import _shape_of, broadcast_arrays


def tensor(
    data: TensorLike,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: DeviceLike | None = None,
    name: str | None = None,
) -> Tensor:
    """A tensor with its own copy of `data`.

    data           number, nested list, NumPy or CuPy array, or tensor
    dtype          of the result, whose digits are all kept. By default arrays keep theirs, NumPy's
                   scalars among them, and Python numbers and lists become float32 (or int64, or bool)
    requires_grad  whether gradients shall flow to it; floating dtypes only
    device         "cpu", "gpu", "gpu:1"; by default where the data is, or the default device
    name           what errors, pictures and checkpoints call it

    Raises `DTypeError` for what is no array of numbers, `GradientError` for integers with
    `requires_grad`, `DeviceError` for a device that is not there.
    """
    if isinstance(data, (list, tuple)) and any(isinstance(part, Tensor) and part._needs for part in data):
        raise GradientError(
            "tensor([...]) copies numbers, and would cut these tensors from their graph; use tg.stack([...])"
        )
    if isinstance(data, Tensor):
        data, dtype = data._data, data.dtype if dtype is None else dtype
    x = Tensor(as_array(data, dtype, device, copy=True))
    if name is not None:
        x.name = name
    if requires_grad:
        x.requires_grad = True
    return x


def _tensor(array, dtype, device, requires_grad: bool) -> Tensor:
    return tensor(array, dtype=dtype, device=device, requires_grad=requires_grad)


def _constant(shape, value, dtype, device, requires_grad: bool) -> Tensor:
    dtype = dtypes.DEFAULT_FLOAT if dtype is None else dtypes.as_dtype(dtype)
    made = filled(shape, value, dtype, Device(device) if device is not None else current_device())
    made.requires_grad = requires_grad
    return made


def zeros(
    shape: ShapeLike = (),
    *sizes: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    **typed: Never,
) -> Tensor:
    """Zeros of a shape, given as a tuple or as integers."""
    if typed:
        raise misspelt(zeros, (shape, *sizes), {"dtype": dtype, "device": device} | typed)
    return _constant(_shape_of((shape, *sizes)), 0, dtype, device, requires_grad)


def ones(
    shape: ShapeLike = (),
    *sizes: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    **typed: Never,
) -> Tensor:
    """Ones of a shape, given as a tuple or as integers."""
    if typed:
        raise misspelt(ones, (shape, *sizes), {"dtype": dtype, "device": device} | typed)
    return _constant(_shape_of((shape, *sizes)), 1, dtype, device, requires_grad)


def empty(
    shape: ShapeLike = (),
    *sizes: int,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    **typed: Never,
) -> Tensor:
    """A tensor of a shape whose numbers do not matter. They are zeros, so that nothing depends on chance."""
    if typed:
        raise misspelt(empty, (shape, *sizes), {"dtype": dtype, "device": device} | typed)
    return zeros(shape, *sizes, dtype=dtype, device=device, requires_grad=requires_grad)


@spelt
def full(
    shape: ShapeLike,
    fill_value: TensorLike,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`fill_value` everywhere, in its own kind of dtype (float32, int64 or bool) if none is given.

    An array is repeated along axes of size 1 and at the left. Raises `ShapeError` where it does not fit.
    """
    shape = _shape_of((shape,))
    if not isinstance(fill_value, (int, float, numpy.generic)):
        given = numpy.shape(fill_value)  # pyright: ignore[reportArgumentType]
        pairs = zip(given[::-1], shape[::-1], strict=False)
        if len(given) > len(shape) or any(size not in (1, extent) for size, extent in pairs):
            raise ShapeError(
                f"full: a value of shape {given} does not fit the shape {shape}: give a number, or that shape"
            )
    dtype = tensor(fill_value, device="cpu").dtype if dtype is None else dtype
    return _constant(shape, _number(fill_value, dtype), dtype, device, requires_grad)


def _number(value, dtype):
    """A number from outside in a dtype; `DTypeError` if it has no place there."""
    return as_array(value, dtype, "cpu") if isinstance(value, (int, float, numpy.generic)) else value


def _like(x, value, dtype, device, requires_grad: bool) -> Tensor:
    x = as_tensor(x)
    return _constant(
        x.shape, value, x.dtype if dtype is None else dtype, x.device if device is None else device, requires_grad
    )


def zeros_like(
    x: TensorLike, dtype: DTypeLike | None = None, device: DeviceLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape, dtype and device of x."""
    return _like(x, 0, dtype, device, requires_grad)


def ones_like(
    x: TensorLike, dtype: DTypeLike | None = None, device: DeviceLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Ones in the shape, dtype and device of x."""
    return _like(x, 1, dtype, device, requires_grad)


def empty_like(
    x: TensorLike, dtype: DTypeLike | None = None, device: DeviceLike | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor in the shape, dtype and device of x whose numbers do not matter (see `empty`)."""
    return zeros_like(x, dtype, device, requires_grad)


def full_like(
    x: TensorLike,
    fill_value: TensorLike,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`fill_value` in the shape, dtype and device of x."""
    x = as_tensor(x)
    return _like(x, _number(fill_value, x.dtype if dtype is None else dtype), dtype, device, requires_grad)


@spelt
def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... before stop; from 0 if only one bound is given. int64, or float32 if any is a float."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise OptionError("arange needs a step other than 0")
    numbers = numpy.arange(start, stop, step)
    if dtype is None:
        dtype = dtypes.DEFAULT_FLOAT if numbers.dtype.kind == "f" else dtypes.int64
    return _tensor(numbers, dtype, device, requires_grad)


@spelt
def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`num` numbers evenly spaced from start to stop, which is included unless `endpoint` is False."""
    if num < 0:
        raise OptionError(f"linspace needs num of 0 or more, not {num}")
    dtype = dtypes.DEFAULT_FLOAT if dtype is None else dtype
    return _tensor(numpy.linspace(start, stop, num, endpoint=endpoint), dtype, device, requires_grad)


@spelt
def eye(
    n: int,
    m: int | None = None,
    k: int = 0,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The n×m matrix (n×n by default) with ones on the k-th diagonal."""
    dtype = dtypes.DEFAULT_FLOAT if dtype is None else dtype
    rows, columns = _shape_of((n, n if m is None else m))
    return _tensor(numpy.eye(rows, columns, k), dtype, device, requires_grad)


@spelt
def meshgrid(*arrays: TensorLike, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of the points of a grid, from those along each axis: as many tensors of one shape as 1-D arrays.

    indexing  "ij": the i-th array varies along axis i; "xy": the first two axes are swapped, as plots have it
    """
    if indexing not in ("xy", "ij"):
        raise OptionError(f"meshgrid's indexing is 'xy' or 'ij', not {indexing!r}")
    xs = [as_tensor(x) for x in arrays]
    for x in xs:
        if x.ndim > 1:
            raise ShapeError(f"meshgrid takes coordinates along axes, of 1 axis each, but got {x._described()}")
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[:2] = [1, 0]
    along = [
        x.reshape([-1 if place == axis else 1 for place in range(len(xs))]) for axis, x in zip(order, xs, strict=True)
    ]
    return broadcast_arrays(*along) if along else ()


def asarray(
    data: TensorLike, dtype: DTypeLike | None = None, device: DeviceLike | None = None, copy: bool | None = None
) -> Tensor:
    """`data` as a tensor: a copy for `copy=True`, sharing memory for False (an error where it cannot), else if it can."""
    if copy:
        return tensor(data, dtype=dtype, device=device)
    made = as_tensor(data, dtype, device)
    if copy is False and not share_memory(made._data, getattr(data, "_data", data)):
        raise OptionError(
            f"asarray of {type(data).__name__} with this dtype and device needs a copy, and copy=False forbids it"
        )
    return made


def from_dlpack(x: Any, device: DeviceLike | None = None, copy: bool | None = None) -> Tensor:
    """The array of another library (PyTorch, JAX, ...) as a tensor, through DLPack; sharing memory where it can."""
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise DTypeError(f"from_dlpack takes an array that offers __dlpack__, not {type(x).__name__}; see tg.tensor")
    if isinstance(x, Tensor):
        return asarray(x.detach(), device=device, copy=copy)
    return asarray(of_dlpack(x), device=device, copy=copy)


def symbol(
    shape: ShapeLike, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, name: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a shape and a dtype, and no data: calling a network on it gives the network's graph.

    A wrong shape is reported as it would be with data, and nothing is computed or allocated.

    >>> y = model(tg.symbol((32, 784), name="x"))
    >>> y.shape
    (32, 10)
    """
    made = Tensor(SYMBOL.filled(_shape_of((shape,)), None, dtypes.as_dtype(dtype)))
    made.name = name
    made.requires_grad = requires_grad
    return made
