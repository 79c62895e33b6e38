"""Activation functions by name. Each is a function of `nn.functional`, under Keras's name for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functional
from ..errors import OptionError
from ..functional import arange, clip, cumulative_sum, moveaxis, sort, square, take_along_axis, where
from ..nn import functional as F
from ..tensor import Tensor, as_tensor
from .serialization import by_name, get_registered_name, offer
from .serialization import deserialize as _deserialize
from .serialization import serialize as _serialize


def _elementwise(name: str, function: Callable) -> Callable:
    """A function of one tensor under Keras's names for it and its argument."""

    def activation(x: Any) -> Tensor:
        return function(x)

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = function.__doc__
    return activation


exponential = _elementwise("exponential", functional.exp)
hard_sigmoid = _elementwise("hard_sigmoid", F.hardsigmoid)
hard_silu = hard_swish = _elementwise("hard_silu", F.hardswish)
hard_tanh = _elementwise("hard_tanh", F.hardtanh)
log_sigmoid = _elementwise("log_sigmoid", F.logsigmoid)
mish = _elementwise("mish", F.mish)
relu6 = _elementwise("relu6", F.relu6)
selu = _elementwise("selu", F.selu)
sigmoid = _elementwise("sigmoid", F.sigmoid)
silu = swish = _elementwise("silu", F.silu)
softplus = _elementwise("softplus", functional.softplus)
softsign = _elementwise("softsign", F.softsign)
tanh = _elementwise("tanh", F.tanh)
tanh_shrink = _elementwise("tanh_shrink", F.tanhshrink)


def linear(x: Any) -> Tensor:
    """y = x."""
    return as_tensor(x)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """y = max_value if x ≥ max_value, x if x > threshold, else negative_slope · (x - threshold)."""
    x = as_tensor(x)
    if not (negative_slope or threshold) and max_value is None:
        return F.relu(x)
    y = (x > threshold).where(x, (x - threshold) * negative_slope)
    return y if max_value is None else clip(y, max=max_value)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along `axis`."""
    return F.softmax(x, dim=axis)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """ln softmax(x) along `axis`."""
    return F.log_softmax(x, dim=axis)


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """y = x·Φ(x), Φ the normal distribution function; with `approximate` by tanh."""
    return F.gelu(x, "tanh" if approximate else "none")


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x if x > 0, else alpha · (exp(x / alpha) - 1)."""
    return F.celu(x, alpha)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x if x > 0, else alpha · (eˣ - 1)."""
    return F.elu(x, alpha)


def glu(x: Any, axis: int = -1) -> Tensor:
    """y = a · sigmoid(b), a and b being the halves of x along `axis`."""
    return F.glu(x, dim=axis)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """y = x if x > 0, else negative_slope · x. Mind the default: the layer `LeakyReLU` has 0.3, PyTorch 0.01."""
    return F.leaky_relu(x, negative_slope)


def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """y = x if |x| > threshold, else 0."""
    return F.hardshrink(x, threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """y = x moved towards 0 by threshold, and 0 where it would get beyond."""
    return F.softshrink(x, threshold)


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """y = x if x > threshold, else default_value."""
    return F.threshold(x, threshold, default_value)


def squareplus(x: Any, b: float = 4) -> Tensor:
    """y = (x + √(x² + b)) / 2, a smooth relu."""
    x = as_tensor(x)
    return (x + (square(x) + b).sqrt()) * 0.5


def sparse_plus(x: Any) -> Tensor:
    """y = 0 if x ≤ -1, (x + 1)² / 4 if x < 1, else x."""
    x = as_tensor(x)
    return where(x >= 1, x, square(clip(x, -1, 1) + 1) * 0.25)


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The numbers of 0 or more along `axis` that sum to 1 and are nearest to x: y = max(x - τ, 0).

    τ is the mean of the k largest x, less 1 / k, with the largest k for which these are all above it.
    Source: A. Martins, R. Astudillo, "From Softmax to Sparsemax" (2016).
    """
    x = moveaxis(as_tensor(x), axis, -1)
    ordered = sort(x.detach(), axis=-1, descending=True)
    ranks = arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    count = (ordered * ranks > cumulative_sum(ordered, axis=-1) - 1).astype("int64").sum(-1, keepdims=True)
    inside = x.detach() >= take_along_axis(ordered, count - 1, -1)
    share = inside.astype(x.dtype)
    tau = ((x * share).sum(-1, keepdims=True) - 1) / share.sum(-1, keepdims=True)
    return moveaxis(F.relu(x - tau), -1, axis)


def sparse_sigmoid(x: Any) -> Tensor:
    """y = (x + 1) / 2, between 0 and 1."""
    return clip((as_tensor(x) + 1) * 0.5, 0, 1)


_NAMES = {
    function.__name__: function
    for function in (
        celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid,
        log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
        sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
    )
}  # fmt: skip
_ALIASES = {"hard_swish": hard_silu, "swish": silu}
offer("activations", _NAMES | _ALIASES)


def get(identifier: Any) -> Callable:
    """The function of a name or a config; `linear` for None; functions and layers are themselves."""
    return linear if identifier is None else by_name("activation", identifier, None, _NAMES | _ALIASES)


def name_of(function: Any) -> Any:
    """The name under which `get` finds the function, or else the function itself."""
    return next((name for name, known in _NAMES.items() if known is function), function)


def serialize(activation: Callable) -> Any:
    """The name of an activation function; the config of a layer, or of a registered function."""
    name = name_of(activation)
    if callable(name) and not hasattr(name, "get_config") and ">" not in get_registered_name(name):
        raise OptionError(f"{activation!r} is none of the activations that have a name: register it")
    return _serialize(name)


def deserialize(config: Any, custom_objects: Any = None) -> Callable:
    """The function or layer that `serialize` wrote."""
    return get(_deserialize(config, custom_objects))
