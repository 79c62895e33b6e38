"""Batch norm over the ranks: the mean and variance are those of the whole batch, and not of the part that a rank has.

Each rank adds up its part, and the sums are added up over the ranks: Σ x and the number of values first, and when the mean
is known, Σ (x - μ)². These are sums like any others in the graph, so their gradients go to all ranks, too.

Read before: `share.py`. Read next: `data_parallel.py`.
"""

from __future__ import annotations

import math
from functools import partial

from ..errors import ShapeError
from ..functional import concat
from ..functional.composed import composed
from ..functional.reductions import widened
from ..modes import inside, modes
from ..nn import functional as F
from ..nn.functional.normalization import affine, move
from ..nn.module import Module
from ..nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..tensor import Tensor, TensorLike, as_tensor
from .share import RankShare


def synchronise(module: Module, share: RankShare) -> None:
    """Let all layers of batch norm in a module take the batches of all ranks as one. Their state keeps its names."""
    for path, layer in module.named_modules():
        if isinstance(layer, (BatchNorm1d, BatchNorm2d, BatchNorm3d)):
            layer._batch_norm = partial(_over_ranks, share, path)  # pyright: ignore[reportAttributeAccessIssue] a function


def _over_ranks(
    share: RankShare,
    path: str,
    input: TensorLike,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float | Tensor,
    eps: float,
) -> Tensor:
    if not training or as_tensor(input).symbolic:
        return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    return batch_norm(as_tensor(input), running_mean, running_var, weight, bias, momentum, eps, share, path)


@composed
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float | Tensor,
    eps: float,
    share: RankShare,
    path: str,
) -> Tensor:
    """`nn.functional.batch_norm` in training, whose moments are those of the batches of all ranks together.

    share  of the batch; a rank may have no samples at all
    path   of the layer, for messages

    Raises `ShapeError` for a single value per channel on all ranks together, which has no variance.
    """
    x, axes = widened(input), (0, *range(2, input.ndim))
    channels = (1, -1) + (1,) * (input.ndim - 2)
    own = x._like(math.prod((input.shape[0], *input.shape[2:]))).reshape(1)
    sums = share.operations.sum(concat([x.sum(axes), own]), f"what batch norm {path!r} takes the mean of")
    count = sums[-1].detach()
    if modes.recorder is None and count.item() < 2:
        raise ShapeError(
            f"batch_norm{inside(modes.scope)} in training needs more than 1 value per channel, and that is what all ranks have "
            f"together: use larger batches (drop a last, smaller one), or model.eval()"
        )
    mean = sums[:-1] / count
    centred = x - mean.reshape(channels)
    var = share.operations.sum((centred * centred).sum(axes), f"the squares of batch norm {path!r}") / count
    if running_mean is not None:
        move(running_mean, mean, momentum)
    if running_var is not None:
        move(running_var, var * (count / (count - 1)), momentum)
    return affine(input, centred, var.reshape(channels), weight, bias, eps)
