"""Connectionist temporal classification: the likelihood of labels of which nobody has said when they occur.

A network says for each moment how likely each class is, one of them being the blank: no label. A path picks a class for
each moment; it reads as a sequence of labels when repetitions are merged and then blanks are left out. The likelihood of a
sequence is the sum over all paths that read as it.

These need not be listed. Let the states be the labels with a blank before, between and behind them. From one moment to the
next a path stays in its state or goes on to the next one; it may also leave out a blank, between two labels that differ. So
αₜ(s), the probability of all beginnings that are in state s at moment t, is a sum of three earlier ones. It is computed in
logarithms, and its derivatives of every order follow by the chain rule. (What eager mode computes of NumPy's arrays is the
forward-backward algorithm, in `kernels/ctc.py`.)
"""

import functools
import math
import operator

import numpy

from ... import functional as tg
from ...errors import DTypeError, OptionError, RangeError, ShapeError
from ...functional.composed import composed
from ...functional.indexing import check_labels, look
from ...functional.reductions import rounded, widened
from ...functional.whole import as_a_whole
from ...kernels import ctc
from ...loops import scan
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside
from .loss import check_reduction, reduce_loss
from .padding import pad


@composed
def ctc_loss(
    log_probs: TensorLike,
    targets: TensorLike,
    input_lengths: TensorLike,
    target_lengths: TensorLike,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-ln Σ over all paths that read as the target of Π over moments t of p[t, class of the path at t].

    log_probs       (time, batch, classes), or (time, classes): logarithms of probabilities, as `log_softmax` gives them
    targets         class numbers (batch, length), of which the first `target_lengths` count; or those of all samples one
                    after the other, (sum of target_lengths,)
    input_lengths   how many moments of each sample count: (batch,), a tensor or a list
    target_lengths  how many labels each sample has: (batch,), a tensor or a list
    blank           the class that stands for no label
    reduction       "mean": each loss divided by the number of its labels, then the mean; "sum", or "none"
    zero_infinity   whether a target that no path reads as, the time being too short, counts as 0 in place of infinity.
                    Its gradient is 0 in any case

    The gradient is that in `log_probs` as they stand. (PyTorch's takes for granted that a `log_softmax` made them, and
    gives another one in between; behind the `log_softmax` both are equal.)
    In a step recorded by `tg.compile` lengths may be tensors, if the targets are (batch, length).

    Raises `ShapeError`, `DTypeError`, `RangeError` for labels and lengths that do not fit.
    Source: A. Graves et al., "Connectionist Temporal Classification" (2006).
    """
    check_reduction(reduction)
    log_probs = as_tensor(log_probs)
    if log_probs.ndim == 2:
        one = [as_tensor(x).reshape((1, -1)) for x in (targets, input_lengths, target_lengths)]
        options = (blank, "sum" if reduction == "none" else reduction, zero_infinity)
        return ctc_loss(log_probs.expand_dims(1), one[0], one[1].squeeze(0), one[2].squeeze(0), *options)
    if log_probs.ndim != 3:
        raise ShapeError(
            f"ctc_loss{inside(modes.scope)} needs log-probabilities (time, batch, classes), but got {log_probs._described()}"
        )
    time, _, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise OptionError(f"ctc_loss: blank={blank} is none of the {classes} classes")
    targets = _rows(targets, target_lengths, log_probs)
    target_lengths = _lengths(target_lengths, log_probs, "target_lengths", targets.shape[1])
    input_lengths = _lengths(input_lengths, log_probs, "input_lengths", time)

    counts = as_tensor(numpy.arange(targets.shape[1]), device=targets.device) < target_lengths.expand_dims(1)
    targets = counts.where(targets, blank)
    check_labels(targets, classes, "ctc_loss")
    loss = _ctc_losses(log_probs, targets, input_lengths, target_lengths, blank=blank)
    if zero_infinity:
        loss = tg.isinf(loss).where(0, loss)
    if reduction == "mean":
        loss = loss / tg.maximum(target_lengths, 1).astype(loss.dtype)
    return rounded(reduce_loss(loss, reduction), log_probs)


@as_a_whole(ctc.ctc_losses, ctc.ctc_losses_gradient, left=("places", "said", "paths"))
def _ctc_losses(log_p: Tensor, targets: Tensor, times: Tensor, lengths: Tensor, *, blank: int) -> Tensor:
    """The loss of each sample, in the dtype of sums."""
    time, batch, _ = log_p.shape
    states = _states(targets, blank)
    said = tg.take_along_axis(widened(log_p), states.broadcast_to((time, *states.shape)), 2)
    nowhere = said._like(numpy.full((1, 2), -math.inf)).broadcast_to((batch, 2))

    # A blank may be left out between two labels that differ.
    two_before = tg.concat([states[:, :2] * 0 + blank, states[:, :-2]], axis=1)
    leap = ((states != blank) & (states != two_before)).where(0.0, -math.inf).astype(said.dtype)

    def moment(alpha: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """What leads into a state: itself, the one before it, and the one two before it."""
        before = tg.concat([nowhere, alpha], axis=1)
        alpha = _log_of_sum(alpha, before[:, 1:-1], before[:, :-2] + leap) + now
        return alpha, alpha

    start = said._like(numpy.where(numpy.arange(states.shape[1]) == 0, 0.0, -math.inf)).broadcast_to(states.shape)
    _, alphas = scan(moment, start, said)
    last = tg.concat([start.expand_dims(0), alphas])[times, numpy.arange(batch)]  # (batch, states)
    ends = tg.take_along_axis(last, tg.stack([lengths * 2, tg.maximum(lengths * 2 - 1, 0)], axis=1), 1)
    with_label = (lengths > 0).where(ends[:, 1], -math.inf)  # a target without labels ends with the blank only
    return -tg.logsumexp(tg.stack([ends[:, 0], with_label]), axis=0)


def _log_of_sum(*xs: Tensor) -> Tensor:
    """ln Σ eˣ over arrays. Where all are -∞ it is -∞, with gradient 0."""
    largest = functools.reduce(tg.maximum, [x.detach() for x in xs])
    shift = tg.isfinite(largest).where(largest, 0.0)
    total = functools.reduce(operator.add, [tg.exp(x - shift) for x in xs])
    nothing = total == 0
    return nothing.where(-math.inf, tg.log(nothing.where(1.0, total))) + shift


def _states(targets: Tensor, blank: int) -> Tensor:
    """The classes of the states, (batch, 2 · length + 1): the labels with blanks around them, and behind their end."""
    batch, length = targets.shape
    pairs = tg.stack([tg.full_like(targets, blank), targets], axis=2).reshape((batch, 2 * length))
    return pad(pairs, (0, 1), value=blank)


def _lengths(lengths, log_probs: Tensor, what: str, most: int) -> Tensor:
    """How many elements of each sample count, checked."""
    lengths = beside(lengths, log_probs)
    if lengths.dtype.kind not in "iu" or lengths.shape != log_probs.shape[1:2]:
        raise ShapeError(
            f"ctc_loss: {what} are integers, one for each of the {log_probs.shape[1]} samples, but got {lengths._described()}"
        )

    def check(array) -> None:
        if array.min() < 0 or array.max() > most:
            raise RangeError(f"ctc_loss: {what} from 0 to {most} were expected, but got {array.tolist()}")

    look(check, lengths)
    return lengths.astype("int64")


def _rows(targets, lengths, log_probs: Tensor) -> Tensor:
    """The targets as (batch, length), whichever way they are given."""
    targets = beside(targets, log_probs)
    if targets.dtype.kind not in "iu":
        raise DTypeError(
            f"ctc_loss{inside(modes.scope)} needs integer class numbers as targets, but got {targets._described()}"
        )
    batch = log_probs.shape[1]
    if targets.ndim == 2 and targets.shape[0] == batch:
        return targets
    if targets.ndim != 1:
        raise ShapeError(
            f"ctc_loss needs targets ({batch}, length), or all one after the other, but got {targets._described()}"
        )
    counts = lengths.numpy() if isinstance(lengths, Tensor) else numpy.asarray(lengths)
    if counts.sum() != targets.size:
        raise ShapeError(
            f"ctc_loss: targets one after the other are as many as the sum of target_lengths, {counts.sum()}, but got "
            f"{targets._described()}"
        )
    places = (numpy.cumsum(counts) - counts)[:, None] + numpy.arange(counts.max(initial=0))
    return targets[numpy.minimum(places, max(targets.size - 1, 0))]
