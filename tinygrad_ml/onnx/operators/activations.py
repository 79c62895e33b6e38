"""Activations: a function of each number by itself, and the softmaxes.

Read before: `../table.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ... import functional as tg
from ...functional.axes import one_axis
from ...nn import functional as F
from ...tensor import Tensor
from ..table import operator


@operator("Relu", versions=(1, 6, 13, 14))
def relu(x: Tensor, *, consumed_inputs: Any = None) -> Tensor:
    """max(x, 0)."""
    return F.relu(x)


@operator("LeakyRelu", versions=(1, 6, 16))
def leaky_relu(x: Tensor, *, alpha: float = 0.01, consumed_inputs: Any = None) -> Tensor:
    """x where it is not negative, else α·x."""
    return F.leaky_relu(x, alpha)


@operator("PRelu", versions=(1, 6))
def prelu_of_channels(x: Tensor, slope: Tensor, *, consumed_inputs: Any = None) -> Tensor:
    """x where it is not negative, else α·x, with an α for each channel, or for all."""
    return F.prelu(x, slope)


@operator("PRelu", versions=(7, 9, 16))
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """x where it is not negative, else α·x, with an α that is broadcast."""
    return (x < 0).where(x * slope, x)


@operator("Elu", versions=(1, 6, 22))
def elu(x: Tensor, *, alpha: float = 1.0, consumed_inputs: Any = None) -> Tensor:
    """x where it is positive, else α(eˣ - 1)."""
    return F.elu(x, alpha)


@operator("Celu", versions=(12, 28))
def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else α(e^(x/α) - 1)."""
    return F.celu(x, alpha)


@operator("Selu", versions=(1,))
def first_selu(x: Tensor, *, alpha: float = 1.6732, gamma: float = 1.0507, consumed_inputs: Any = None) -> Tensor:
    """γx where x is positive, else γα(eˣ - 1); with fewer digits of the two numbers."""
    return selu(x, alpha=alpha, gamma=gamma)


@operator("Selu", versions=(6, 22))
def selu(x: Tensor, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Tensor:
    """γx where x is positive, else γα(eˣ - 1)."""
    return F.elu(x, alpha) * gamma


@operator("ThresholdedRelu", versions=(10, 22))
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x where it is larger than α, else 0."""
    return (x > alpha).where(x, 0)


@operator("HardSigmoid", versions=(1, 6, 22))
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5, consumed_inputs: Any = None) -> Tensor:
    """αx + β, limited to [0, 1]."""
    return F.hardtanh(x * alpha + beta, 0, 1)


@operator("HardSwish", versions=(14, 22))
def hard_swish(x: Tensor) -> Tensor:
    """x times x/6 + 1/2, limited to [0, 1]."""
    return F.hardswish(x)


@operator("Sigmoid", versions=(1, 6, 13))
def sigmoid(x: Tensor, *, consumed_inputs: Any = None) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return tg.sigmoid(x)


@operator("Tanh", versions=(1, 6, 13))
def tanh(x: Tensor, *, consumed_inputs: Any = None) -> Tensor:
    """The hyperbolic tangent."""
    return tg.tanh(x)


@operator("Softplus", versions=(1, 22))
def softplus(x: Tensor) -> Tensor:
    """ln(1 + eˣ)."""
    return tg.softplus(x)


@operator("Softsign", versions=(1, 22))
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return F.softsign(x)


@operator("Gelu", versions=(20,))
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """x·Φ(x), Φ the normal distribution function, or its approximation by a tanh."""
    return F.gelu(x, approximate)


@operator("Mish", versions=(18, 22))
def mish(x: Tensor) -> Tensor:
    """x · tanh(ln(1 + eˣ))."""
    return F.mish(x)


@operator("Swish", versions=(24,))
def swish(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x · sigmoid(αx)."""
    return F.silu(x) if alpha == 1 else x * tg.sigmoid(x * alpha)


@operator("SwiGLU", versions=(28,))
def swiglu(a: Tensor, b: Tensor, *, alpha: float = 1.0) -> Tensor:
    """swish(a) · b."""
    return swish(a, alpha=alpha) * b


@operator("Shrink", versions=(9,))
def shrink(x: Tensor, *, lambd: float = 0.5, bias: float = 0.0) -> Tensor:
    """x + β below -λ, x - β above λ, and 0 between."""
    shrunk = (x < -lambd).where(x + bias, (x > lambd).where(x - bias, 0))
    return shrunk.astype(x.dtype)


@operator("Softmax", versions=(13,))
def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """exp x / Σ exp x along an axis."""
    return tg.softmax(x, axis)


@operator("LogSoftmax", versions=(13,))
def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """The logarithm of the softmax along an axis."""
    return tg.log_softmax(x, axis)


@operator("Hardmax", versions=(13,))
def hardmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """1 at the first largest number along an axis, and 0 elsewhere: its derivative is 0."""
    axis = one_axis(axis, x.ndim)
    classes = numpy.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    largest = x.detach().argmax(axis, keepdims=True) == tg.asarray(classes, device=x.device)
    return largest.astype(x.dtype) + x * 0


@operator("Softmax", versions=(1, 11))
def flat_softmax(x: Tensor, *, axis: int = 1) -> Tensor:
    """exp x / Σ exp x over an axis and all behind it."""
    return tg.softmax(_in_rows(x, axis), -1).reshape(x.shape)


@operator("LogSoftmax", versions=(1, 11))
def flat_log_softmax(x: Tensor, *, axis: int = 1) -> Tensor:
    """The logarithm of the softmax over an axis and all behind it."""
    return tg.log_softmax(_in_rows(x, axis), -1).reshape(x.shape)


@operator("Hardmax", versions=(1, 11))
def flat_hardmax(x: Tensor, *, axis: int = 1) -> Tensor:
    """1 at the first largest number over an axis and all behind it, and 0 elsewhere."""
    return hardmax(_in_rows(x, axis)).reshape(x.shape)


def _in_rows(x: Tensor, axis: int) -> Tensor:
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
