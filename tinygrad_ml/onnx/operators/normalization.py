"""Normalisation: numbers brought to mean 0 and variance 1, or to length 1.

Read before: `../table.py`.
"""

from __future__ import annotations

import functools
import operator as python
from typing import Any

from ... import functional as tg
from ...functional.axes import one_axis
from ...functional.convolution import padded
from ...functional.reductions import rounded, widened
from ...modes import no_grad
from ...nn import functional as F
from ...nn.functional.normalization import overwrite
from ...tensor import Tensor
from ..table import NodeCall, operator


@operator("BatchNormalization", versions=(14, 15))
def batch_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    call: NodeCall,
) -> Any:
    """(x - μ) / √(σ² + ε) · γ + β for each channel, with running moments, or in training with those of the batch.

    By `training_mode` the new running moments are outputs: r·momentum + (moment)·(1 - momentum), the variance with n. A model in
    training mode overwrites its running moments by the rule of `nn.functional.batch_norm`, the variance with n - 1.
    """
    if not training_mode or (call.training and not (call.wants(1) or call.wants(2))):
        return _with_moments(x, scale, bias, mean, var, epsilon, momentum, call.training)
    channels, axes = (-1,) + (1,) * (x.ndim - 2), (0, *range(2, x.ndim))
    y, of_batch, inverse = _standardised(x, axes, epsilon)
    y = rounded(y * scale.reshape(channels) + bias.reshape(channels), x)
    moments = of_batch.reshape(-1), (1 / (inverse * inverse) - epsilon).reshape(-1)
    new = [old * momentum + moment * (1 - momentum) for old, moment in zip((mean, var), moments, strict=True)]
    if call.training:
        for old, value in zip((mean, var), new, strict=True):
            if old.is_leaf:
                with no_grad():
                    overwrite(old, value)
    return (y, *(value.astype(old.dtype) for old, value in zip((mean, var), new, strict=True)))[: len(call.outputs)]


def _with_moments(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, epsilon: float, momentum: float, training: bool
) -> Tensor:
    if not training:
        return F.batch_norm(x, mean, var, scale, bias, False, eps=epsilon)
    kept = [moment if moment.is_leaf and not moment.requires_grad else None for moment in (mean, var)]
    return F.batch_norm(x, kept[0], kept[1], scale, bias, True, 1 - momentum, epsilon)


@operator("BatchNormalization", versions=(1, 6, 7, 9))
def old_batch_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    consumed_inputs: Any = None,
    epsilon: float = 1e-5,
    is_test: int = 0,
    momentum: float = 0.9,
    spatial: int = 1,
    call: NodeCall,
) -> Any:
    """The same of older versions, in which a node that has more than one output is one of training.

    spatial  0: each element of a sample has moments of its own, and not each channel
    """
    if not spatial:
        return (x - mean) / tg.sqrt(var + epsilon) * scale + bias
    if len(call.outputs) < 2 or (call.training and not any(call.outputs[1:])):
        return _with_moments(x, scale, bias, mean, var, epsilon, momentum, call.training)
    y, *new = batch_normalization(
        x,
        scale,
        bias,
        mean,
        var,
        epsilon=epsilon,
        momentum=momentum,
        training_mode=1,
        call=call._replace(outputs=("y",) * 3),
    )
    return (y, *new, *new)[: len(call.outputs)]


def _standardised(x: Tensor, axes: tuple[int, ...], epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """x brought to mean 0 and variance 1 over the axes, the mean, and 1/√(variance + ε); in the dtype of sums."""
    x = widened(x)
    mean = x.mean(axes, keepdims=True)
    centred = x - mean
    inverse = 1 / tg.sqrt((centred * centred).mean(axes, keepdims=True) + epsilon)
    return centred * inverse, mean, inverse


@operator("InstanceNormalization", versions=(1, 6, 22))
def instance_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, consumed_inputs: Any = None, epsilon: float = 1e-5
) -> Tensor:
    """(x - μ) / √(σ² + ε) · γ + β, with the moments of each channel of each sample."""
    return F.group_norm(x, x.shape[1], scale, bias, epsilon)


@operator("LayerNormalization", versions=(17,))
def layer_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
    call: NodeCall,
) -> Any:
    """(x - μ) / √(σ² + ε) · γ + β, with the moments of each sample over an axis and those behind it; and these, if asked for."""
    axis = one_axis(axis, x.ndim)
    shape = x.shape[axis:]
    fits = scale.shape == shape and (bias is None or bias.shape == shape)
    if fits and not (call.wants(1) or call.wants(2)):
        return F.layer_norm(x, shape, scale, bias, epsilon)
    y, mean, inverse = _standardised(x, tuple(range(axis, x.ndim)), epsilon)
    y = y * scale
    return rounded(y if bias is None else y + bias, x), mean, inverse


@operator("GroupNormalization", versions=(21,))
def group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, num_groups: int, stash_type: int = 1
) -> Tensor:
    """(x - μ) / √(σ² + ε) · γ + β, with the moments of groups of channels of each sample."""
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@operator("GroupNormalization", versions=(18,))
def first_group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, num_groups: int
) -> Tensor:
    """The same with one γ and one β for each group."""
    each = x.shape[1] // num_groups
    return F.group_norm(x, num_groups, tg.repeat(scale, each), tg.repeat(bias, each), epsilon)


@operator("RMSNormalization", versions=(23,))
def rms_normalization(
    x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    """x / √(mean x² + ε) · γ, the mean being over an axis and those behind it."""
    return (F.rms_norm(x, x.shape[one_axis(axis, x.ndim) :], None, epsilon) * scale).astype(x.dtype)


@operator("LRN", versions=(1, 13))
def local_response_normalization(
    x: Tensor, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Tensor:
    """x / (k + α/size · Σ x²)^β, the sum being over `size` channels around each."""
    if size % 2 and x.ndim > 2:
        return F.local_response_norm(x, size, alpha, beta, bias)
    wide = widened(x)
    squares = padded(wide * wide, [((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)])
    total = functools.reduce(python.add, (squares[:, k : k + x.shape[1]] for k in range(size)))
    return rounded(wide / (total * (alpha / size) + bias) ** beta, x)


@operator("LpNormalization", versions=(1, 22))
def lp_normalization(x: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    """x / ‖x‖ₚ along an axis; a vector of zeros stays one."""
    return F.normalize(x, p, axis)


@operator("MeanVarianceNormalization", versions=(9, 13))
def mean_variance_normalization(x: Tensor, *, axes: list[int] | None = None) -> Tensor:
    """(x - μ) / (σ + 10⁻⁹) over the axes, which are all but that of the channels by default."""
    over = tuple(axes if axes is not None else (0, 2, 3))
    wide = widened(x)
    return rounded((wide - wide.mean(over, keepdims=True)) / (tg.std(wide, axis=over, keepdims=True) + 1e-9), x)
