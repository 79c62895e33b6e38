"""Activation functions as modules, to stand in a `Sequential`: a row each, of a function and its options.

What each computes is in `functional/activation.py`. `inplace` is accepted where PyTorch has it, and changes nothing: a
tensor is a value here.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, dataclass_transform

from ..errors import ShapeError
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .init import constant_
from .module import Module
from .parameter import new_parameter


class Activation(Module):
    """A function of one tensor, and its options."""

    def forward(self, input: Any) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        options = [field.name for field in fields(self) if field.name != "inplace"]  # type: ignore[arg-type]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in options)


Row = TypeVar("Row", bound=type[Activation])


@dataclass_transform(eq_default=False)
def _computes(function: Callable[..., Tensor]) -> Callable[[Row], Row]:
    """Completes a row: the annotated attributes are the options, with PyTorch's defaults, and `forward` hands the
    function what its parameters name: options, or `training`."""
    options = "".join(f", self.{name}" for name in [*inspect.signature(function).parameters][1:])

    def complete(row: Row) -> Row:
        row.forward = eval(
            f"lambda self, input: function(input{options})", {"function": function, "__name__": __name__}
        )
        return dataclass(eq=False, repr=False)(row)

    return complete


@_computes(F.relu)
class ReLU(Activation):
    """y = max(x, 0)."""

    inplace: bool = False


@_computes(F.relu6)
class ReLU6(Activation):
    """y = x limited to [0, 6]."""

    inplace: bool = False


@_computes(F.leaky_relu)
class LeakyReLU(Activation):
    """y = x if x > 0, else negative_slope · x."""

    negative_slope: float = 0.01
    inplace: bool = False


@_computes(F.elu)
class ELU(Activation):
    """y = x if x > 0, else α(eˣ - 1)."""

    alpha: float = 1.0
    inplace: bool = False


@_computes(F.celu)
class CELU(Activation):
    """y = x if x > 0, else α(e^(x/α) - 1)."""

    alpha: float = 1.0
    inplace: bool = False


@_computes(F.selu)
class SELU(Activation):
    """y = 1.0507 · elu(x, 1.6733): keeps mean 0 and variance 1."""

    inplace: bool = False


@_computes(F.gelu)
class GELU(Activation):
    """y = x·Φ(x), Φ the normal distribution function; exact, or with `approximate="tanh"`."""

    approximate: str = "none"


@_computes(F.silu)
class SiLU(Activation):
    """y = x · sigmoid(x), also called swish."""

    inplace: bool = False


@_computes(F.mish)
class Mish(Activation):
    """y = x · tanh(softplus(x))."""

    inplace: bool = False


@_computes(F.sigmoid)
class Sigmoid(Activation):
    """y = 1 / (1 + e⁻ˣ)."""


@_computes(F.logsigmoid)
class LogSigmoid(Activation):
    """y = ln sigmoid(x)."""


@_computes(F.tanh)
class Tanh(Activation):
    """y = tanh x."""


@_computes(F.softplus)
class Softplus(Activation):
    """y = ln(1 + e^(βx)) / β, and x itself where βx > `threshold`."""

    beta: float = 1.0
    threshold: float = 20.0


@_computes(F.softsign)
class Softsign(Activation):
    """y = x / (1 + |x|)."""


@_computes(F.tanhshrink)
class Tanhshrink(Activation):
    """y = x - tanh x."""


@_computes(F.hardtanh)
class Hardtanh(Activation):
    """y = x limited to [min_val, max_val]."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False


@_computes(F.hardsigmoid)
class Hardsigmoid(Activation):
    """y = relu6(x + 3) / 6."""

    inplace: bool = False


@_computes(F.hardswish)
class Hardswish(Activation):
    """y = x · relu6(x + 3) / 6."""

    inplace: bool = False


@_computes(F.threshold)
class Threshold(Activation):
    """y = x if x > threshold, else `value`."""

    threshold: float
    value: float
    inplace: bool = False


class _Shrink(Activation):
    lambd: float

    def extra_repr(self) -> str:
        return f"{self.lambd}"  # alone, as PyTorch shows it


@_computes(F.hardshrink)
class Hardshrink(_Shrink):
    """y = x if |x| > λ, else 0."""

    lambd: float = 0.5


@_computes(F.softshrink)
class Softshrink(_Shrink):
    """y = x - λ if x > λ, x + λ if x < -λ, else 0."""

    lambd: float = 0.5


@_computes(F.rrelu)
class RReLU(Activation):
    """y = x if x > 0, else a · x, each a random on [lower, upper) in training, and in the middle otherwise."""

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = False


@_computes(F.softmax)
class Softmax(Activation):
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along the axis `dim`."""

    dim: int | None = None


@_computes(F.log_softmax)
class LogSoftmax(Activation):
    """ln softmax(x) along the axis `dim`."""

    dim: int | None = None


@_computes(F.softmin)
class Softmin(Activation):
    """softmax(-x) along the axis `dim`."""

    dim: int | None = None


@_computes(F.glu)
class GLU(Activation):
    """y = a · sigmoid(b), a and b the halves of x along the axis `dim`."""

    dim: int = -1


class PReLU(Module):
    """y = x if x > 0, else a · x, a being a parameter: one number, or one for each channel (axis 1)."""

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.num_parameters, self.init = num_parameters, init
        self.weight = new_parameter((num_parameters,), device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from `init` again."""
        constant_(self.weight, self.init)

    def forward(self, input: TensorLike) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softmax2d(Module):
    """The softmax over the channels of each pixel of (batch, channels, height, width), or without the batch."""

    def forward(self, input: TensorLike) -> Tensor:
        input = as_tensor(input)
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d needs an input (batch, channels, height, width), but got {input._described()}")
        return F.softmax(input, -3)
