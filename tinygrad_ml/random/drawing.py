"""The functions of `tg.random`. Read before: `streams.py`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ..backend import Device, current_device, dtypes
from ..errors import CompileError, OptionError, RangeError, ShapeError
from ..modes import modes
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike, ShapeLike
from . import streams


def manual_seed(seed: int) -> None:
    """Restart every random stream of the library from `seed`, a non-negative integer. Raises `OptionError` for anything else."""
    _refuse_while_recording("manual_seed")
    streams.manual_seed(seed)


def set_state(state: dict) -> None:
    """Continue from `get_state()`. Other devices' streams restart from the seed and the host's state."""
    _refuse_while_recording("set_state")
    streams.set_state(state)


def _refuse_while_recording(name: str) -> None:
    if modes.recorder is not None:
        raise CompileError(
            f"{name}() in a function that tg.compile records would restart the random numbers once, and not in each call. "
            f"Call it outside, before the compiled function"
        )


def _stream(device: Device) -> Any:
    """The random stream of a device; while a step is recorded, what writes the draws down."""
    return streams.generator(device) if modes.stream is None else modes.stream(device)


def _draw(
    method: str, size: ShapeLike | None, dtype: DTypeLike, device: DeviceLike | None, requires_grad: bool = False
) -> Tensor:
    if isinstance(size, tuple) and len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]  # randn((2, 3)) for randn(2, 3)
    shape = (
        () if size is None else (int(size),) if isinstance(size, (int, numpy.integer)) else tuple(int(n) for n in size)
    )
    if min(shape, default=0) < 0:
        raise ShapeError(f"shape {shape} has a negative size")
    dtype = dtypes.as_dtype(dtype)
    if not dtypes.is_float(dtype):
        raise OptionError(f"random numbers of a continuous distribution need a floating dtype, not {dtype}")
    wide = dtypes.float32 if dtype == dtypes.float16 else dtype
    stream = _stream(Device(device) if device is not None else current_device())
    drawn = getattr(stream, method)(size=shape, dtype=wide)
    made = Tensor(numpy.asarray(drawn) if isinstance(drawn, float) else drawn)
    if method == "random" and wide != dtype:
        made = (made * 2048).floor() / 2048  # what float16 holds below 1, which rounding could reach
    made = made.astype(dtype)
    made.requires_grad = requires_grad
    return made


def random(
    size: ShapeLike | None = None, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, device: DeviceLike | None = None
) -> Tensor:
    """Uniform on [0, 1)."""
    return _draw("random", size, dtype, device)


def uniform(
    low: float = 0.0,
    high: float = 1.0,
    size: ShapeLike | None = None,
    dtype: DTypeLike = dtypes.DEFAULT_FLOAT,
    device: DeviceLike | None = None,
) -> Tensor:
    """Uniform on [low, high)."""
    return random(size, dtype, device) * (high - low) + low


def standard_normal(
    size: ShapeLike | None = None, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, device: DeviceLike | None = None
) -> Tensor:
    """Normal with mean 0 and standard deviation 1."""
    return _draw("standard_normal", size, dtype, device)


def normal(
    loc: float = 0.0,
    scale: float = 1.0,
    size: ShapeLike | None = None,
    dtype: DTypeLike = dtypes.DEFAULT_FLOAT,
    device: DeviceLike | None = None,
) -> Tensor:
    """Normal with mean `loc` and standard deviation `scale`."""
    return standard_normal(size, dtype, device) * scale + loc


def rand(
    *shape: int, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, device: DeviceLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Uniform on [0, 1), the shape given as integers: what NumPy's and PyTorch's users type."""
    return _draw("random", shape, dtype, device, requires_grad)


def randn(
    *shape: int, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, device: DeviceLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal, the shape given as integers: what NumPy's and PyTorch's users type."""
    return _draw("standard_normal", shape, dtype, device, requires_grad)


def integers(
    low: int, high: int | None = None, size: ShapeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """Integers (int64) from low to high - 1, or from 0 to low - 1 if only one bound is given."""
    low, high = (0, low) if high is None else (low, high)
    if low >= high:
        raise OptionError(f"integers needs low < high, not {low} and {high}")
    shape = () if size is None else size
    drawn = _stream(Device(device) if device is not None else current_device()).integers(low, high, size=shape)
    return Tensor(numpy.asarray(drawn) if isinstance(drawn, int) else drawn)


def bernoulli(
    p: float, size: ShapeLike | None = None, dtype: DTypeLike = dtypes.DEFAULT_FLOAT, device: DeviceLike | None = None
) -> Tensor:
    """1 with probability p, else 0."""
    if not 0 <= p <= 1:
        raise OptionError(f"a probability lies between 0 and 1, not at {p}")
    return (random(size, dtypes.float32, device) < p).astype(dtype)


def gamma(
    shape: TensorLike,
    scale: TensorLike = 1.0,
    size: ShapeLike | None = None,
    dtype: DTypeLike = dtypes.DEFAULT_FLOAT,
    device: DeviceLike | None = None,
) -> Tensor:
    """Gamma with density x^(shape - 1)·exp(-x/scale), up to a factor; both are broadcast to `size`.

    Drawn on the host, and not in functions that `tg.compile` records. So are `beta` and `binomial`.
    """
    return _on(_on_host("gamma", shape, scale, size=size), device).astype(dtype)


def beta(
    a: TensorLike,
    b: TensorLike,
    size: ShapeLike | None = None,
    dtype: DTypeLike = dtypes.DEFAULT_FLOAT,
    device: DeviceLike | None = None,
) -> Tensor:
    """Beta on (0, 1) with density x^(a - 1)·(1 - x)^(b - 1), up to a factor; both are broadcast to `size`."""
    return _on(_on_host("beta", a, b, size=size), device).astype(dtype)


def binomial(n: TensorLike, p: TensorLike, size: ShapeLike | None = None, device: DeviceLike | None = None) -> Tensor:
    """How many (int64) of n trials succeed, each with probability p; both are broadcast to `size`."""
    return _on(_on_host("binomial", as_tensor(n).astype(dtypes.int64), p, size=size), device)


def _on_host(method: str, *parameters: TensorLike, size: ShapeLike | None) -> Any:
    """Numbers of a distribution that is drawn by trial and error."""
    if modes.stream is not None:
        raise CompileError(
            f"random.{method} is drawn by trial and error, which cannot be recorded by tg.compile or tg.scan: draw outside, "
            f"and give the function what was drawn"
        )
    given = [as_tensor(parameter).detach().numpy() for parameter in parameters]
    try:
        return numpy.asarray(getattr(_stream(Device("cpu")), method)(*given, size=size))
    except ValueError as error:
        raise OptionError(f"random.{method}: {error}") from error


def permutation(x: int | TensorLike, device: DeviceLike | None = None) -> Tensor:
    """The numbers 0 ... x - 1 in random order (int64), or the rows of the tensor x."""
    if not isinstance(x, int):
        x = as_tensor(x)
        return x[permutation(x.shape[0])]
    return _on(_stream(Device("cpu")).permutation(x), device)


def choice(
    a: int | Tensor | Sequence[Any],
    size: ShapeLike | None = None,
    replace: bool = True,
    device: DeviceLike | None = None,
) -> Tensor:
    """Numbers from 0 ... a - 1, or rows of the tensor a, picked at random: `size` of them, one if it is None.

    replace  whether one may be picked again; `RangeError` if not, and there are fewer than are picked
    """
    count = a if isinstance(a, int) else len(a)
    wanted = 1 if size is None else math.prod(size) if isinstance(size, Sequence) else size
    if wanted > count and not (replace and count):
        raise RangeError(
            f"choice of {wanted} from {count}" + ("" if replace else ": with replace=True one may be picked again")
        )
    picked = _on(_stream(Device("cpu")).choice(count, size=size, replace=replace), device)
    return picked if isinstance(a, int) else as_tensor(a)[picked]


def _on(drawn: Any, device: DeviceLike | None) -> Tensor:
    """What was drawn on the host, on a device."""
    return as_tensor(drawn, device="cpu").to(current_device() if device is None else device)
