"""Activation functions: elementwise, all of one input, but for the softmaxes, which run along an axis.

Where a function has a kink, the derivative there is the one PyTorch takes.
"""

import math

import numpy

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...functional import relu, sigmoid, tanh  # noqa: F401  part of this room's public face
from ...functional.axes import one_axis
from ...functional.composed import composed
from ...functional.reductions import rounded, widened
from ...functional.whole import as_a_whole
from ...kernels import activations
from ...random import random, uniform
from ...tensor import Tensor, TensorLike, as_tensor


@composed
def leaky_relu(input: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """y = x if x > 0, else slope · x."""
    input = as_tensor(input)
    return (input > 0).where(input, input * negative_slope)


@composed
def prelu(input: TensorLike, weight: TensorLike) -> Tensor:
    """y = x if x > 0, else a · x, with a learnt: one number, or one for each channel (axis 1).

    Source: K. He et al., "Delving Deep into Rectifiers" (2015).
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if weight.size == 1:
        weight = weight.reshape(())
    else:
        if input.ndim < 2 or input.shape[1] != weight.size:
            raise ShapeError(
                f"prelu with {weight.size} slopes needs as many channels on axis 1, but got {input._described()}"
            )
        weight = weight.reshape((-1,) + (1,) * (input.ndim - 2))
    return (input > 0).where(input, input * weight)


@composed
def elu(input: TensorLike, alpha: float = 1.0) -> Tensor:
    """y = x if x > 0, else α(eˣ - 1). Source: D. Clevert et al. (2015)."""
    input = as_tensor(input)
    return (input > 0).where(input, tg.expm1(_negative_part(input)) * alpha)


@composed
def celu(input: TensorLike, alpha: float = 1.0) -> Tensor:
    """y = x if x > 0, else α(e^(x/α) - 1): ELU with a continuous derivative. Source: J. Barron (2017)."""
    input = as_tensor(input)
    return (input > 0).where(input, tg.expm1(_negative_part(input) / alpha) * alpha)


def _negative_part(input: Tensor) -> Tensor:
    """min(x, 0): the exponential of a large x, in the branch that is not taken, would make the gradient nan."""
    return tg.clip(input, max=0)


@composed
def selu(input: TensorLike) -> Tensor:
    """y = 1.0507 · elu(x, 1.6733): keeps mean 0 and variance 1. Source: G. Klambauer et al. (2017)."""
    return elu(input, 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946


@composed
def gelu(input: TensorLike, approximate: str = "none") -> Tensor:
    """y = x·Φ(x), Φ the normal distribution function: exact by erf, or with `approximate="tanh"`.

    Source: D. Hendrycks, K. Gimpel (2016).
    """
    if approximate not in ("none", "tanh"):
        raise OptionError(f"gelu: approximate={approximate!r} is not 'none' or 'tanh'")
    x = as_tensor(input)
    return rounded(_gelu(widened(x), approximate=approximate), x)  # x³ of a float16 soon exceeds 65504


@as_a_whole(activations.gelu, activations.gelu_gradient, worth=activations.worth)
def _gelu(x: Tensor, *, approximate: str) -> Tensor:
    if approximate == "none":
        return x * (tg.erf(x * math.sqrt(1 / 2)) + 1) * 0.5
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * (tanh(inner) + 1) * 0.5


@composed
def silu(input: TensorLike) -> Tensor:
    """y = x · sigmoid(x), also called swish. Source: S. Elfwing et al. (2017)."""
    input = as_tensor(input)
    return input * sigmoid(input)


@composed
def mish(input: TensorLike) -> Tensor:
    """y = x · tanh(softplus(x)). Source: D. Misra (2019)."""
    input = as_tensor(input)
    return input * tanh(tg.softplus(input))


@composed
def softplus(input: TensorLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """y = ln(1 + e^(βx)) / β, and x itself where βx > `threshold`, as in PyTorch; `tg.softplus` needs no threshold."""
    if beta == 0:
        raise OptionError("softplus needs a beta other than 0, by which it divides")
    input = as_tensor(input)
    scaled = input if beta == 1 else input * beta
    curved = tg.softplus(scaled) if beta == 1 else tg.softplus(scaled) / beta
    return (scaled > threshold).where(input, curved)


@composed
def softsign(input: TensorLike) -> Tensor:
    """y = x / (1 + |x|)."""
    input = as_tensor(input)
    return input / (abs(input) + 1)


@composed
def logsigmoid(input: TensorLike) -> Tensor:
    """y = ln sigmoid(x), right where the sigmoid itself would round to 0."""
    return -tg.softplus(-as_tensor(input))


@composed
def tanhshrink(input: TensorLike) -> Tensor:
    """y = x - tanh x."""
    input = as_tensor(input)
    return input - tanh(input)


@composed
def hardtanh(input: TensorLike, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """y = x limited to [min_val, max_val]. At the bounds the derivative is 0, where that of `tg.clip` is 1."""
    input = as_tensor(input)
    return (input <= min_val).where(min_val, (input >= max_val).where(max_val, input))


@composed
def relu6(input: TensorLike) -> Tensor:
    """y = x limited to [0, 6]."""
    return hardtanh(input, 0, 6)


@composed
def hardsigmoid(input: TensorLike) -> Tensor:
    """y = relu6(x + 3) / 6: a sigmoid of straight lines."""
    return relu6(as_tensor(input) + 3) / 6


@composed
def hardswish(input: TensorLike) -> Tensor:
    """y = x · relu6(x + 3) / 6. Source: A. Howard et al. (2019)."""
    input = as_tensor(input)
    return input * hardsigmoid(input)


@composed
def glu(input: TensorLike, dim: int = -1) -> Tensor:
    """y = a · sigmoid(b), a and b the halves of x along an axis. Source: Y. Dauphin et al. (2016)."""
    input = as_tensor(input)
    extent = input.shape[one_axis(dim, input.ndim)]
    if extent % 2:
        raise ShapeError(f"glu halves axis {dim} of {input._described()}, and {extent} is odd")
    a, b = tg.split(input, extent // 2 or 1, axis=dim) if extent else (input, input)
    return a * sigmoid(b)


@composed
def threshold(input: TensorLike, threshold: float, value: float) -> Tensor:
    """y = x if x > threshold, else `value`."""
    input = as_tensor(input)
    return (input > threshold).where(input, value)


@composed
def hardshrink(input: TensorLike, lambd: float = 0.5) -> Tensor:
    """y = x if |x| > λ, else 0."""
    input = as_tensor(input)
    return (abs(input) > lambd).where(input, 0)


@composed
def softshrink(input: TensorLike, lambd: float = 0.5) -> Tensor:
    """y = x - λ if x > λ, x + λ if x < -λ, else 0."""
    if lambd < 0:
        raise OptionError(f"softshrink needs lambd of 0 or more, not {lambd}")
    input = as_tensor(input)
    return (input > lambd).where(input - lambd, (input < -lambd).where(input + lambd, 0))


@composed
def rrelu(input: TensorLike, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """y = x if x > 0, else a · x, each a random on [lower, upper) in training, and in the middle otherwise.

    Source: B. Xu et al., "Empirical Evaluation of Rectified Activations" (2015).
    """
    if lower > upper:
        raise OptionError(f"rrelu needs lower <= upper, not {lower} and {upper}")
    input = as_tensor(input)
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    slopes = uniform(lower, upper, input.shape, device=input.device).astype(input.dtype)
    return (input > 0).where(input, input * slopes)


@composed
def gumbel_softmax(logits: TensorLike, tau: float = 1.0, hard: bool = False, dim: int = -1) -> Tensor:
    """y = softmax((x + g) / τ) along the axis `dim`, with random g = -ln(-ln u), u uniform on (0, 1).

    The largest y is that of class i with the probability softmax(x)ᵢ. With `hard`, y is that class as a row of 0 with
    one 1, and has the gradient of the softmax.
    Source: E. Jang, S. Gu, B. Poole, "Categorical Reparameterization with Gumbel-Softmax" (2016).
    """
    if tau <= 0:
        raise OptionError(f"gumbel_softmax needs tau > 0, not {tau}")
    logits = as_tensor(logits)
    u = tg.clip(random(logits.shape, device=logits.device), min=1e-20).astype(logits.dtype)
    y = tg.softmax((logits - tg.log(-tg.log(u))) / tau, axis=dim)
    if not hard:
        return y
    seen = y.detach()
    classes = numpy.arange(y.shape[dim]).reshape((-1,) + (1,) * (y.ndim - 1 - one_axis(dim, y.ndim)))
    one = (seen.argmax(dim, keepdims=True) == as_tensor(classes, device=y.device)).astype(y.dtype)
    return one + (y - seen)


@composed
def softmax(input: TensorLike, dim: int | None = None) -> Tensor:
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along the axis `dim`: positive numbers that sum to 1."""
    return tg.softmax(input, axis=_class_axis(input, dim, "softmax"))


@composed
def log_softmax(input: TensorLike, dim: int | None = None) -> Tensor:
    """ln softmax(x) along the axis `dim`, right where the softmax itself would round to 0."""
    return tg.log_softmax(input, axis=_class_axis(input, dim, "log_softmax"))


@composed
def softmin(input: TensorLike, dim: int | None = None) -> Tensor:
    """softmax(-x) along the axis `dim`."""
    return softmax(-as_tensor(input), dim)


def _class_axis(input, dim: int | None, what: str) -> int:
    if dim is None and as_tensor(input).ndim > 2:
        raise OptionError(f"{what} of {as_tensor(input)._described()}: say along which axis, as in {what}(x, dim=1)")
    return -1 if dim is None else dim
