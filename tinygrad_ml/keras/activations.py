"""Activation functions by name. Each is a function of `nn.functional`, under Keras's name for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import OptionError
from ..functional import clip, exp, softplus
from ..nn import functional as F
from ..nn.functional import celu, elu, glu, leaky_relu, mish, relu6, selu, sigmoid, silu, softsign, tanh
from ..tensor import Tensor, as_tensor
from .serialization import by_name

swish = silu
log_sigmoid = F.logsigmoid
tanh_shrink = F.tanhshrink
hard_sigmoid = F.hardsigmoid
hard_swish = hard_silu = F.hardswish


def linear(x) -> Tensor:
    """y = x."""
    return as_tensor(x)


def relu(x, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """y = max_value if x ≥ max_value, x if x > threshold, else negative_slope · (x - threshold)."""
    x = as_tensor(x)
    if not (negative_slope or threshold) and max_value is None:
        return F.relu(x)
    y = (x > threshold).where(x, (x - threshold) * negative_slope)
    return y if max_value is None else clip(y, max=max_value)


def softmax(x, axis: int = -1) -> Tensor:
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along `axis`."""
    return F.softmax(x, dim=axis)


def log_softmax(x, axis: int = -1) -> Tensor:
    """ln softmax(x) along `axis`."""
    return F.log_softmax(x, dim=axis)


def gelu(x, approximate: bool = False) -> Tensor:
    """y = x·Φ(x), Φ the normal distribution function; with `approximate` by tanh."""
    return F.gelu(x, "tanh" if approximate else "none")


def exponential(x) -> Tensor:
    """y = eˣ."""
    return exp(x)


_FUNCTIONS = (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_sigmoid,
    hard_swish,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
    tanh_shrink,
)
_NAMES = {
    **{function.__name__: function for function in _FUNCTIONS},
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_swish,
    "log_sigmoid": log_sigmoid,
    "swish": swish,
    "tanh_shrink": tanh_shrink,
}


def get(identifier: str | Callable | None) -> Callable:
    """The function of a name; `linear` for None; functions and layers are themselves."""
    return linear if identifier is None else by_name("activation", identifier, (), _NAMES)


def name_of(function: Callable) -> Any:
    """The name under which `get` finds the function, or else the function itself."""
    return next((name for name, known in _NAMES.items() if known is function), function)


def serialize(function: Callable) -> str:
    """The name of an activation function."""
    name = name_of(function)
    if not isinstance(name, str):
        raise OptionError(f"{function!r} is none of the activations that have a name")
    return name
