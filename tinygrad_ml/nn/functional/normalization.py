"""Normalisation: numbers brought to mean 0 and variance 1, over the batch or over the features.

The mean and the variance are functions of x like any other, so the derivatives of every order go
through them too. float16 is normalised in the dtype of its sums, and rounded once, at the end.
"""

import math

from ...errors import OptionError, ShapeError
from ...functional import sqrt
from ...functional.composed import composed
from ...functional.reductions import rounded, widened
from ...functional.whole import as_a_whole
from ...kernels import normalization, rows
from ...modes import inside, modes, no_grad
from ...tensor import Tensor, TensorLike, as_tensor
from ...typing import ShapeLike


@composed
def batch_norm(
    input: TensorLike,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · γ + β, with mean μ and variance σ² of each channel (axis 1).

    input         (batch, channels, *space)
    running_mean, running_var   (channels,) or None; moved towards this batch in training, and used
                  in place of its own moments otherwise: r ← (1 - momentum)·r + momentum·(moment), the
                  variance with n - 1. They are overwritten in place, outside of the graph
    weight, bias  γ and β, (channels,) or None
    training      whether to normalise with the moments of this batch

    Raises `ShapeError` in training for a single value per channel, which has no variance. A batch of nothing is
    returned as it is, and leaves the running moments alone.
    Source: S. Ioffe, C. Szegedy, "Batch Normalization" (2015).
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise ShapeError(
            f"batch_norm{inside(modes.scope)} needs an input (batch, channels, *space), but got {input._described()}"
        )
    channels = (1, -1) + (1,) * (input.ndim - 2)
    count = math.prod((input.shape[0], *input.shape[2:]))
    if training and not count:
        centred, var = widened(input), widened(input)._like(1.0)
    elif training:
        axes = (0, *range(2, input.ndim))
        if count == 1:
            raise ShapeError(
                f"batch_norm{inside(modes.scope)} in training needs more than 1 value per channel, but got "
                f"{input._described()}: use larger batches (drop a last, smaller one), or model.eval()"
            )
        at_once = None not in (weight, bias) and _batch_normed.done_for(input, weight, bias)
        if at_once:
            mean, var = map(Tensor, normalization.moments(input._data))
            y = _batch_normed(input, weight, bias, eps=eps, known=(mean._data, var._data))
        else:
            mean, centred, var = _moments(input, axes)
            y = affine(input, centred, var, weight, bias, eps)
        if running_mean is not None:
            move(running_mean, mean, momentum)
        if running_var is not None:
            move(running_var, var * (count / (count - 1)), momentum)
        return y
    elif running_mean is None or running_var is None:
        raise OptionError(
            f"batch_norm{inside(modes.scope)} outside of training normalises with running moments: pass running_mean and "
            "running_var, or training=True"
        )
    else:
        centred, var = widened(input) - running_mean.reshape(channels), running_var.reshape(channels)
    return affine(input, centred, var, weight, bias, eps)


def affine(
    input: Tensor, centred: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · γ + β of the input x, whose x - μ and σ² are known; γ and β are for each channel."""
    channels = (1, -1) + (1,) * (input.ndim - 2)
    scale = 1 / sqrt(var + eps)
    if weight is not None:
        scale = scale * weight.reshape(channels)
    y = centred * scale
    return rounded(y if bias is None else y + bias.reshape(channels), input)


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean, x - mean, and the variance over the axes, which are kept; in the dtype of sums."""
    x = widened(x)
    mean = x.mean(axes, keepdims=True)
    centred = x - mean
    return mean, centred, (centred * centred).mean(axes, keepdims=True)


@as_a_whole(normalization.batch_norm, normalization.batch_norm_gradient, left=("scale",), worth=normalization.worth)
def _batch_normed(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float, known: tuple) -> Tensor:
    """Batch norm in training; `known` are the moments of x as arrays."""
    _, centred, var = _moments(x, (0, *range(2, x.ndim)))
    return affine(x, centred, var, weight, bias, eps)


@as_a_whole(rows.standardised, rows.standardised_gradient, left=("scale",))
def _standardised(x: Tensor, *, axis: tuple[int, ...], eps: float) -> Tensor:
    """x brought to mean 0 and variance 1 over the axes."""
    _, centred, var = _moments(x, axis)
    return centred * (1 / sqrt(var + eps))


def move(running: Tensor, moment: Tensor, momentum: float | Tensor) -> None:
    """Overwrite a running moment by a mean of itself and a new one."""
    with no_grad():
        overwrite(running, running * (1 - momentum) + moment.reshape(-1) * momentum)


def overwrite(state: Tensor, value: Tensor) -> None:
    """Give state that is kept between steps a new value; symbols have none to give."""
    if not value.symbolic:
        state.assign(value)


@composed
def layer_norm(
    input: TensorLike,
    normalized_shape: ShapeLike,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · γ + β, with μ and σ² of each sample over its last axes, `normalized_shape`.

    weight, bias  γ and β, of shape `normalized_shape`, or None

    Source: J. Ba, J. Kiros, G. Hinton, "Layer Normalization" (2016).
    """
    input = as_tensor(input)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"layer_norm{inside(modes.scope)} over the last axes {shape} does not fit {input._described()}"
        )
    y = _standardised(widened(input), axis=tuple(range(input.ndim - len(shape), input.ndim)), eps=eps)
    if weight is not None:
        y = y * weight
    return rounded(y if bias is None else y + bias, input)


@composed
def group_norm(
    input: TensorLike, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · γ + β, with μ and σ² of each sample over each of `num_groups` groups of channels.

    input         (batch, channels, *space), the channels divisible by `num_groups`
    weight, bias  γ and β, (channels,) or None

    Source: Y. Wu, K. He, "Group Normalization" (2018).
    """
    input = as_tensor(input)
    if input.ndim < 2 or input.shape[1] % num_groups:
        raise ShapeError(
            f"group_norm{inside(modes.scope)} needs channels (axis 1) divisible into {num_groups} groups, but got {input._described()}"
        )
    each = math.prod(input.shape[1:]) // num_groups  # which a batch of nothing has too
    groups = widened(input.reshape((input.shape[0], num_groups, each)))
    y = _standardised(groups, axis=(2,), eps=eps).reshape(input.shape)
    channels = (1, -1) + (1,) * (input.ndim - 2)
    if weight is not None:
        y = y * weight.reshape(channels)
    return rounded(y if bias is None else y + bias.reshape(channels), input)


@composed
def instance_norm(
    input: TensorLike,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - μ) / √(σ² + ε) · γ + β, with μ and σ² of each channel of each sample.

    input         (batch, channels, *space)
    running_mean, running_var   (channels,) or None; moved towards the mean of this batch's moments, the variance with
                  n - 1, and used in place of them without `use_input_stats`
    weight, bias  γ and β, (channels,) or None

    Raises `ShapeError` for a single element per channel, which has no variance.
    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance Normalization" (2016).
    """
    input = as_tensor(input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(input.shape[2:])
    if input.ndim < 3 or count == 1:
        raise ShapeError(
            f"instance_norm{inside(modes.scope)} needs an input (batch, channels, *space) with more than 1 element in "
            f"space, but got {input._described()}"
        )
    mean, centred, var = _moments(input, tuple(range(2, input.ndim)))
    if running_mean is not None and input.size:
        move(running_mean, mean.mean(0), momentum)
    if running_var is not None and input.size:
        move(running_var, var.mean(0) * (count / (count - 1)), momentum)
    channels = (1, -1) + (1,) * (input.ndim - 2)
    y = centred * (1 / sqrt(var + eps))
    if weight is not None:
        y = y * weight.reshape(channels)
    return rounded(y if bias is None else y + bias.reshape(channels), input)
