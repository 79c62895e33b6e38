"""`keras.ops.nn`: activations, normalisation, losses of single predictions, attention; convolutions are in `convolving.py`.

Read before: `tensors.py`, `../activations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ...backend import dtypes
from ...errors import OptionError, ShapeError
from ...functional.axes import one_axis
from ...nn import functional as F
from ...tensor import Tensor
from .. import activations
from ..absent import not_offered
from ..config import epsilon as smallest
from ..losses.functions import clipped as _clipped
from ..losses.functions import log_probabilities as _log_probabilities
from .calls import operation
from .convolving import adaptive_average_pool as adaptive_average_pool
from .convolving import adaptive_max_pool as adaptive_max_pool
from .convolving import average_pool as average_pool
from .convolving import conv as conv
from .convolving import conv_transpose as conv_transpose
from .convolving import depth_to_space as depth_to_space
from .convolving import depthwise_conv as depthwise_conv
from .convolving import fold as fold
from .convolving import max_pool as max_pool
from .convolving import separable_conv as separable_conv
from .convolving import space_to_depth as space_to_depth
from .convolving import unfold as unfold
from .reductions import moments as moments
from .selecting import multi_hot as multi_hot
from .selecting import one_hot as one_hot
from .signals import psnr as psnr
from .tensors import float_of, likewise, one, tensor_of, tensors

# fmt: off
relu, relu6 = one("relu", F.relu), one("relu6", F.relu6)
sigmoid, hard_sigmoid, sparse_sigmoid = (one(name, getattr(activations, name), float_of) for name in ("sigmoid", "hard_sigmoid", "sparse_sigmoid"))
silu, swish = one("silu", F.silu, float_of), one("swish", F.silu, float_of)
hard_silu, hard_swish = one("hard_silu", F.hardswish, float_of), one("hard_swish", F.hardswish, float_of)
hard_tanh, tanh_shrink = one("hard_tanh", F.hardtanh), one("tanh_shrink", F.tanhshrink, float_of)
log_sigmoid, selu, softplus = one("log_sigmoid", F.logsigmoid, float_of), one("selu", F.selu, float_of), one("softplus", tg.softplus, float_of)
softsign, sparse_plus = one("softsign", F.softsign, float_of), one("sparse_plus", activations.sparse_plus, float_of)
# fmt: on
celu, elu = likewise(activations.celu, float_of), likewise(activations.elu, float_of)
glu, leaky_relu = likewise(activations.glu, float_of), likewise(activations.leaky_relu, float_of)
hard_shrink, soft_shrink = likewise(activations.hard_shrink), likewise(activations.soft_shrink)
sparsemax, squareplus = likewise(activations.sparsemax, float_of), likewise(activations.squareplus, float_of)
threshold = likewise(activations.threshold)


@operation
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """y = x·Φ(x), Φ the normal distribution function; with `approximate` by tanh."""
    return F.gelu(float_of(x), "tanh" if approximate else "none")


def _along(function: Callable[[Tensor, int], Tensor], x: Any, axis: Any) -> Tensor:
    """`function` along an axis; for None of the flattened x, and for several of these as one."""
    x = float_of(x)
    if isinstance(axis, int):
        return function(x, axis)
    axes = tuple(range(x.ndim)) if axis is None else tuple(one_axis(a, x.ndim) for a in axis)
    order = [a for a in range(x.ndim) if a not in axes] + list(axes)
    turned = x.permute_dims(order)
    flat = turned.reshape((*turned.shape[: x.ndim - len(axes)], -1))
    return function(flat, -1).reshape(turned.shape).permute_dims([order.index(a) for a in range(x.ndim)])


@operation
def softmax(x: Any, axis: Any = -1) -> Tensor:
    """yᵢ = exp xᵢ / Σⱼ exp xⱼ along an axis, or several."""
    return _along(tg.softmax, x, axis)


@operation
def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """ln softmax(x) along an axis, or several."""
    return _along(tg.log_softmax, x, axis)


@operation
def normalize(x: Any, axis: Any = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """x / max(‖x‖, ε) along an axis, with the norm of an order; ε is by default `keras.config.epsilon()`."""
    x = float_of(x)
    if isinstance(axis, list):
        axis = tuple(axis)
    return x / tg.maximum(tg.norm(x, order, axis, keepdims=True), smallest() if epsilon is None else epsilon)


@operation
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """y = (x - mean) / √(variance + ε) · scale + offset, each being a number for each place along the axis."""
    x = float_of(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    mean, variance, offset, scale = (
        None if part is None else tensor_of(part).reshape(shape) for part in (mean, variance, offset, scale)
    )
    y = (x - mean) / tg.sqrt(variance + epsilon)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def _laid_along(y: Tensor, part: Any, axes: list[int]) -> Tensor:
    """`part`, which is one number or has the sizes of some axes, laid out along these axes of y."""
    part = tensor_of(part)
    return part.reshape([y.shape[a] if a in axes else 1 for a in range(y.ndim)]) if part.ndim else part


@operation
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · gamma + beta, μ and σ² being those along the axis, or axes."""
    x = float_of(x)
    axes = sorted(one_axis(a, x.ndim) for a in ([axis] if isinstance(axis, int) else axis))
    mean = tg.mean(x, tuple(axes), True)
    variance = tg.var(x, axis=tuple(axes), keepdims=True)
    y = (x - mean) / tg.sqrt(variance + (smallest() if epsilon is None else epsilon))
    y = y if gamma is None else y * _laid_along(y, gamma, axes)
    return y if beta is None else y + _laid_along(y, beta, axes)


@operation
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Tensor:
    """y = x / √(mean x² + ε) · scale along the axis, or axes. Source: B. Zhang, R. Sennrich (2019)."""
    x = float_of(x)
    axes = sorted(one_axis(a, x.ndim) for a in ([axis] if isinstance(axis, int) else axis))
    square = tg.mean(tg.square(x), tuple(axes), True)
    y = x / tg.sqrt(square + (smallest() if epsilon is None else epsilon))
    return y if scale is None else y * _laid_along(y, scale, axes)


def _same_shape(target: Tensor, output: Tensor) -> None:
    if target.shape != output.shape:
        raise ShapeError(f"target and output must have one shape, not {target.shape} and {output.shape}")


@operation
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """-(t·ln p + (1 - t)·ln(1 - p)), elementwise; of logits p = sigmoid(output)."""
    target, output = (float_of(x) for x in tensors(target, output))
    _same_shape(target, output)
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return F.binary_cross_entropy(_clipped(output), target, reduction="none")


@operation
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-Σ t·ln p along the class axis; of logits p = softmax(output), else the output as shares of its sum."""
    target, output = (float_of(x) for x in tensors(target, output))
    _same_shape(target, output)
    return -tg.sum(target * _log_probabilities(output, from_logits, axis), axis)


@operation
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-ln p of the class that `target` names; see `categorical_crossentropy`."""
    target, output = tensor_of(target), float_of(output)
    axis = one_axis(axis, output.ndim)
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = target.squeeze(axis)
    if target.shape != (*output.shape[:axis], *output.shape[axis + 1 :]):
        raise ShapeError(
            f"target must have the shape of output without its class axis {axis}, not {target.shape} for {output.shape}"
        )
    places = target.astype(dtypes.int64).expand_dims(axis)
    return -tg.take_along_axis(_log_probabilities(output, from_logits, axis), places, axis).squeeze(axis)


@operation
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Tensor:
    """The loss of connectionist temporal classification of each sample.

    target         (batch, labels)
    output         (batch, time, classes), logits
    target_length, output_length  (batch,): how many labels and moments count
    mask_index     the class that stands for no label
    """
    likely = tg.log_softmax(float_of(output), -1).swapaxes(0, 1)
    lengths = tensor_of(output_length), tensor_of(target_length)
    return F.ctc_loss(likely, tensor_of(target), *lengths, blank=mask_index, reduction="none")


@operation
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """(labels (1, batch, time) with -1 behind the last, -Σ of the largest outputs (batch, 1)): the class of each moment,
    with repetitions merged and without those that are `mask_index`.

    The strategy "beam_search" is not offered.
    """
    if strategy != "greedy":
        raise OptionError(f"ctc_decode: strategy={strategy!r} is not offered, but 'greedy'")
    x, lengths = float_of(inputs), tensor_of(sequence_lengths)
    time = tg.arange(x.shape[1], device=x.device)
    beyond = time >= lengths.expand_dims(-1)
    labels = tg.where(beyond, mask_index, tg.argmax(x, -1)).astype(dtypes.int32)
    scores = -tg.sum(tg.where(beyond, 0, tg.max(x, axis=-1)), 1, True)
    if merge_repeated:
        again = tg.pad(labels[:, 1:] == labels[:, :-1], [(0, 0), (1, 0)])
        labels = tg.where(again, mask_index, labels)
    nothing = labels == mask_index
    order = tg.argsort(tg.where(nothing, x.shape[1], time.broadcast_to(labels.shape)), -1)
    return tg.take_along_axis(tg.where(nothing, -1, labels), order, -1).expand_dims(0), scores


@operation
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """softmax(Q·Kᵀ·scale + bias)·V for each head, of (batch, length, heads, features).

    bias   is added to the logits (batch, heads, queries, keys)
    mask   truth values: which keys each query may look at
    scale  by default 1/√features
    Keys and values may have fewer heads, each of which serves as many of the queries. `flash_attention` changes nothing.
    """
    query, key, value = (float_of(x) for x in (query, key, value))
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ShapeError(
            f"dot_product_attention takes (batch, length, heads, features), not {query._described()}, {key._described()} and "
            f"{value._described()}"
        )
    if bias is not None and mask is not None:
        raise OptionError("dot_product_attention takes bias= or mask=, and not both")
    if attn_logits_soft_cap is not None:
        raise OptionError("dot_product_attention: attn_logits_soft_cap= is not offered")
    query, key, value = (x.swapaxes(1, 2) for x in (query, key, value))
    if query.shape[1] > key.shape[1] > 1:
        times = query.shape[1] // key.shape[1]
        key, value = tg.repeat(key, times, axis=1), tg.repeat(value, times, axis=1)
    given = tensor_of(mask).astype(dtypes.bool_) if mask is not None else None if bias is None else tensor_of(bias)
    if given is not None and is_causal:
        causal = tg.asarray(numpy.tri(query.shape[-2], key.shape[-2], dtype=bool), device=query.device)
        given = given & causal if mask is not None else tg.where(causal, given, -math.inf)
        is_causal = False
    return F.scaled_dot_product_attention(query, key, value, given, 0.0, is_causal, scale).swapaxes(1, 2)


__getattr__ = not_offered("keras.ops", {"polar": "it is complex; use abs_ * cos(angle) and abs_ * sin(angle)"})
