"""Where training starts from: the initial distributions of weights. All overwrite a tensor in place, and return it.

Random numbers are drawn on the host, whatever device the tensor is on, so that one seed gives one
network everywhere. On a symbolic tensor, which has no memory, nothing happens.
"""

import math
from typing import TYPE_CHECKING

import numpy

from ..backend import Device, dtypes
from ..errors import OptionError, ShapeError
from ..random.streams import generator
from ..spellings import missing_from
from ..tensor import Tensor, TensorLike


def _overwrite(tensor: Tensor, draw) -> Tensor:
    """Overwrite the tensor by what `draw(generator, dtype)` makes."""
    if not tensor.symbolic:
        dtype = tensor.dtype if tensor.dtype == dtypes.float64 else dtypes.float32
        tensor.assign(draw(generator(Device("cpu")), dtype))
    return tensor


def _draw_normal(
    random: numpy.random.Generator, shape: tuple[int, ...], mean: float, std: float, dtype
) -> numpy.ndarray:
    return random.standard_normal(shape, dtype) * dtype.type(std) + dtype.type(mean)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform on [a, b)."""
    return _overwrite(
        tensor, lambda random, dtype: random.random(tensor.shape, dtype) * dtype.type(b - a) + dtype.type(a)
    )


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal with mean `mean` and standard deviation `std`."""
    return _overwrite(tensor, lambda random, dtype: _draw_normal(random, tensor.shape, mean, std, dtype))


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Normal, on the condition that the number lies in [a, b]: what falls outside is drawn again."""
    if a >= b:
        raise OptionError(f"trunc_normal_ needs a < b, not a = {a} and b = {b}")
    if mean < a - 2 * std or mean > b + 2 * std:
        raise OptionError(f"trunc_normal_: mean {mean} is more than two deviations ({std}) outside of [{a}, {b}]")

    def draw(random, dtype):
        numbers = _draw_normal(random, tensor.shape, mean, std, dtype)
        while True:
            outside = (numbers < a) | (numbers > b)
            count = int(outside.sum())
            if not count:
                return numbers
            numbers[outside] = _draw_normal(random, (count,), mean, std, dtype)

    return _overwrite(tensor, draw)


def constant_(tensor: Tensor, val: TensorLike) -> Tensor:
    """`val` everywhere."""
    return tensor if tensor.symbolic else tensor.assign(val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix: 1 on the diagonal, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_ needs a tensor with 2 axes, but got shape {tensor.shape}")
    return _overwrite(tensor, lambda random, dtype: numpy.eye(*tensor.shape, dtype=dtype))


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel): how many inputs an output sums, and the reverse."""
    if tensor.ndim < 2:
        raise ShapeError(f"fan_in and fan_out need a weight with 2 axes or more, but got shape {tensor.shape}")
    area = math.prod(tensor.shape[2:])
    return tensor.shape[1] * area, tensor.shape[0] * area


_GAINS = {
    "linear": lambda _: 1.0,
    "conv1d": lambda _: 1.0,
    "conv2d": lambda _: 1.0,
    "conv_transpose1d": lambda _: 1.0,
    "conv_transpose2d": lambda _: 1.0,
    "sigmoid": lambda _: 1.0,
    "tanh": lambda _: 5 / 3,
    "relu": lambda _: math.sqrt(2),
    "leaky_relu": lambda slope: math.sqrt(2 / (1 + (0.01 if slope is None else slope) ** 2)),
    "selu": lambda _: 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what a weight is scaled so that signals keep their size behind this function; `param` is leaky ReLU's slope."""
    if nonlinearity not in _GAINS:
        raise OptionError(f"nonlinearity {nonlinearity!r} is not one of {', '.join(_GAINS)}")
    return _GAINS[nonlinearity](param)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform on ±gain·√(6 / (fan_in + fan_out)). Source: X. Glorot, Y. Bengio (2010)."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with deviation gain·√(2 / (fan_in + fan_out)). Source: X. Glorot, Y. Bengio (2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(fans(tensor))))


def _kaiming_deviation(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"mode {mode!r} is not 'fan_in' or 'fan_out'")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Uniform on ±gain·√(3 / fan), the gain being that of the nonlinearity, of slope `a`. Source: K. He et al. (2015)."""
    bound = math.sqrt(3) * _kaiming_deviation(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Normal with deviation gain / √fan, the gain being that of the nonlinearity, of slope `a`. Source: K. He et al. (2015)."""
    return normal_(tensor, 0, _kaiming_deviation(tensor, a, mode, nonlinearity))


def orthogonal_(tensor: Tensor, gain: float = 1) -> Tensor:
    """A random matrix (the axes after the first as one) whose rows, or columns if they are fewer, are orthonormal.

    Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning" (2013).
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_ needs a tensor with 2 axes or more, but got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])

    def draw(random, dtype):
        q, r = numpy.linalg.qr(random.standard_normal((max(rows, columns), min(rows, columns)), dtype))
        q *= numpy.sign(numpy.diag(r))  # or the factorisation would prefer some matrices to others
        return (gain * (q if rows >= columns else q.T)).reshape(tensor.shape).astype(dtype)

    return _overwrite(tensor, draw)


def reset_linear_(weight: Tensor, bias: Tensor | None) -> None:
    """How linear and convolutional layers start: weight and bias uniform on ±1/√fan_in.

    For the weight that is `kaiming_uniform_` with a = √5.
    """
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = fans(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        uniform_(bias, -bound, bound)


if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "init")
