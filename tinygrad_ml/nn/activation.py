"""Activation functions as modules, to stand in a `Sequential`. What each computes is in `functional/activation.py`.

`inplace` is accepted where PyTorch has it, and changes nothing: a tensor is a value here.
"""

from ..errors import ShapeError
from ..tensor import Tensor, as_tensor
from . import functional as F
from .init import constant_
from .module import Module
from .parameter import new_parameter


class ReLU(Module):
    """y = max(x, 0)."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.relu(input)


class ReLU6(Module):
    """y = x limited to [0, 6]."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.relu6(input)


class LeakyReLU(Module):
    """y = x if x > 0, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope = negative_slope

    def forward(self, input) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """y = x if x > 0, else a · x, a being a parameter: one number, or one for each channel (axis 1)."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device=None, dtype=None):
        self.num_parameters, self.init = num_parameters, init
        self.weight = new_parameter((num_parameters,), device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from `init` again."""
        constant_(self.weight, self.init)

    def forward(self, input) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """y = x if x > 0, else α(eˣ - 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha

    def forward(self, input) -> Tensor:
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class CELU(Module):
    """y = x if x > 0, else α(e^(x/α) - 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha

    def forward(self, input) -> Tensor:
        return F.celu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class SELU(Module):
    """y = 1.0507 · elu(x, 1.6733): keeps mean 0 and variance 1."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.selu(input)


class GELU(Module):
    """y = x·Φ(x), Φ the normal distribution function; exact, or with `approximate="tanh"`."""

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, input) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """y = x · sigmoid(x), also called swish."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.silu(input)


class Mish(Module):
    """y = x · tanh(softplus(x))."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.mish(input)


class Sigmoid(Module):
    """y = 1 / (1 + e⁻ˣ)."""

    def forward(self, input) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """y = ln sigmoid(x)."""

    def forward(self, input) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """y = tanh x."""

    def forward(self, input) -> Tensor:
        return F.tanh(input)


class Softplus(Module):
    """y = ln(1 + e^(βx)) / β, and x itself where βx > `threshold`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, input) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """y = x / (1 + |x|)."""

    def forward(self, input) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Module):
    """y = x - tanh x."""

    def forward(self, input) -> Tensor:
        return F.tanhshrink(input)


class Hardtanh(Module):
    """y = x limited to [min_val, max_val]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Hardsigmoid(Module):
    """y = relu6(x + 3) / 6."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.hardsigmoid(input)


class Hardswish(Module):
    """y = x · relu6(x + 3) / 6."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input) -> Tensor:
        return F.hardswish(input)


class Threshold(Module):
    """y = x if x > threshold, else `value`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        self.threshold, self.value = threshold, value

    def forward(self, input) -> Tensor:
        return F.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5):
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(_Shrink):
    """y = x if |x| > λ, else 0."""

    def forward(self, input) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """y = x - λ if x > λ, x + λ if x < -λ, else 0."""

    def forward(self, input) -> Tensor:
        return F.softshrink(input, self.lambd)


class RReLU(Module):
    """y = x if x > 0, else a · x, each a random on [lower, upper) in training, and in the middle otherwise."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        self.lower, self.upper = lower, upper

    def forward(self, input) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class _AlongAnAxis(Module):
    def __init__(self, dim: int | None = None):
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongAnAxis):
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along the axis `dim`."""

    def forward(self, input) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongAnAxis):
    """ln softmax(x) along the axis `dim`."""

    def forward(self, input) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(_AlongAnAxis):
    """softmax(-x) along the axis `dim`."""

    def forward(self, input) -> Tensor:
        return F.softmin(input, self.dim)


class GLU(_AlongAnAxis):
    """y = a · sigmoid(b), a and b the halves of x along the axis `dim`."""

    def __init__(self, dim: int = -1):
        super().__init__(dim)

    def forward(self, input) -> Tensor:
        return F.glu(input, self.dim)


class Softmax2d(Module):
    """The softmax over the channels of each pixel of (batch, channels, height, width), or without the batch."""

    def forward(self, input) -> Tensor:
        input = as_tensor(input)
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d needs an input (batch, channels, height, width), but got {input._described()}")
        return F.softmax(input, -3)
