"""Bags of words: rows of a table, looked up and put together in one step."""

from ... import functional as tg
from ...errors import DTypeError, OptionError, RangeError, ShapeError
from ...functional.composed import composed
from ...functional.indexing import PLACES, check_labels, look
from ...functional.whole import as_a_whole
from ...kernels import places
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside

MODES = ("mean", "sum", "max")


@composed
def embedding_bag(
    input: TensorLike,
    weight: TensorLike,
    offsets: TensorLike | None = None,
    *,
    mode: str = "mean",
    per_sample_weights: TensorLike | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """y[b, :] = the mean, sum or maximum of weight[i, :] over the numbers i in bag b.

    input    integers: (bags, n), a bag a row; or (total,), all bags one after the other
    weight   (num_embeddings, embedding_dim)
    offsets  of bags one after the other: where each begins, ascending from 0, (bags,). An empty bag gives 0
    mode     "mean", "sum" or "max"; elements that tie for the maximum share its gradient
    per_sample_weights   what each row is multiplied by, in the shape of `input`; only for "sum"
    include_last_offset  whether `offsets` ends with one number more, where the last bag ends
    padding_idx          the number of a row that counts for nothing, and gets no gradient

    Returns (bags, embedding_dim). Raises `RangeError` for a number that has no row, or offsets that do not ascend.
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if mode not in MODES:
        raise OptionError(f"embedding_bag's mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")
    if input.dtype.kind not in "iu" or input.ndim != (2 if offsets is None else 1):
        kind = DTypeError if input.dtype.kind not in "iu" else ShapeError
        raise kind(
            f"embedding_bag{inside(modes.scope)} needs integers of shape (bags, n), or of shape (total,) with offsets, but got "
            f"{input._described()} {'without' if offsets is None else 'with'} offsets"
        )
    check_labels(input, weight.shape[0], "embedding_bag", PLACES)
    if offsets is None and per_sample_weights is None and mode != "max":
        nothing = -1 if padding_idx is None else padding_idx % weight.shape[0]
        return _bags(weight, input, nothing=nothing, mean=mode == "mean")
    counts = None if padding_idx is None else (input != padding_idx % weight.shape[0])
    rows = weight[input]
    if per_sample_weights is not None:
        if mode != "sum":
            raise OptionError(f"embedding_bag takes per_sample_weights with mode='sum' only, not with {mode!r}")
        factors = beside(per_sample_weights, weight)
        if factors.shape != input.shape:
            raise ShapeError(f"per_sample_weights need the shape of the input, {input.shape}, not {factors.shape}")
        rows = rows * factors.expand_dims(-1)
    if offsets is None:
        return _of_rows(rows, counts, mode)
    starts = as_tensor(offsets, device=input.device)
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or starts.shape[0] < (1 if include_last_offset else 0):
        raise ShapeError(f"offsets are integers of shape (bags,), but got {starts._described()}")
    look(lambda array: _check_ascending(array, input.shape[0]), starts)
    if include_last_offset:
        starts = starts[:-1]
    bags = tg.searchsorted(starts, tg.arange(input.shape[0], device=input.device), side="right") - 1
    return _of_bags(rows, bags, starts.shape[0], counts, mode)


@as_a_whole(places.bags, places.bags_gradient, left=("share",), worth=places.worth_bags)
def _bags(weight: Tensor, input: Tensor, *, nothing: int, mean: bool) -> Tensor:
    """Sums or means of the rows of a table; `nothing` is the number of that which does not count, or -1."""
    counts = None if nothing < 0 else (input != nothing)
    return _of_rows(weight[input], counts, "mean" if mean else "sum")


def _of_rows(rows: Tensor, counts: Tensor | None, mode: str) -> Tensor:
    """A bag a row: (bags, n, embedding_dim) put together over n; what `counts` is False for is left out."""
    if counts is None:
        return rows.max(axis=1) if mode == "max" else rows.sum(1) if mode == "sum" else rows.mean(1)
    counted = counts.expand_dims(-1)
    if mode == "max":
        return tg.where(counted.any(1), tg.where(counted, rows, -tg.inf).max(axis=1), 0)
    total = tg.where(counted, rows, 0).sum(1)
    return total if mode == "sum" else total / counted.astype(rows.dtype).sum(1).clip(1)


def _of_bags(rows: Tensor, bags: Tensor, size: int, counts: Tensor | None, mode: str) -> Tensor:
    """Row i goes to the bag with the number bags[i]."""
    nothing = tg.zeros((size, rows.shape[1]), dtype=rows.dtype, device=rows.device)
    if mode == "max":
        if counts is not None:
            rows = tg.where(counts.expand_dims(-1), rows, -tg.inf)
        most = tg.scatter(nothing, bags.expand_dims(-1).broadcast_to(rows.shape), rows, 0, "max", include_self=False)
        return most if counts is None else tg.where(most == -tg.inf, 0, most)
    if counts is not None:
        rows = tg.where(counts.expand_dims(-1), rows, 0)
    total = tg.index_add(nothing, 0, bags, rows)
    if mode == "sum":
        return total
    ones = tg.ones_like(bags, dtype=rows.dtype) if counts is None else counts.astype(rows.dtype)
    return total / tg.index_add(nothing[:, 0], 0, bags, ones).clip(1).expand_dims(-1)


def _check_ascending(offsets, total: int) -> None:
    if offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any() or offsets[-1] > total:
        raise RangeError(f"offsets ascend from 0 to at most {total}, the length of the input, but are {offsets}")
