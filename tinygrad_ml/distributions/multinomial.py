"""Numbers of classes, drawn by weights that need not add up to 1."""

import numpy

from .. import functional as tg
from .. import random
from ..backend import dtypes
from ..errors import OptionError, ShapeError
from ..modes import no_grad
from ..tensor import Tensor, TensorLike, as_tensor
from .distribution import check


def multinomial(input: TensorLike, num_samples: int, replacement: bool = False) -> Tensor:
    """Positions (int64), drawn with probabilities in proportion to a row of weights.

    input        (classes,) or (rows, classes): at least 0, finite, and not all 0 in a row
    num_samples  how many are drawn from each row
    replacement  whether a position can be drawn again

    Returns (num_samples,) or (rows, num_samples). Raises `OptionError` for more draws without replacement than there are
    classes; with fewer classes above 0 than draws, others follow when these are used up.
    Source of the way without replacement: T. Vieira, "Gumbel-max trick and weighted reservoir sampling" (2014).
    """
    weights = as_tensor(input)
    if weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise ShapeError(f"multinomial needs weights (classes,) or (rows, classes), but got {weights._described()}")
    if num_samples < 1 or (not replacement and num_samples > weights.shape[-1]):
        raise OptionError(
            f"multinomial cannot draw {num_samples} of {weights.shape[-1]} classes without replacement"
            if num_samples > 0
            else f"multinomial draws 1 or more, not {num_samples}"
        )
    with no_grad():
        check(weights, lambda w: numpy.isfinite(w) & (w >= 0), "multinomial needs weights of at least 0")
        weights = weights.astype(dtypes.float64)
        check(weights.sum(-1), lambda total: total > 0, "multinomial needs a weight above 0 in each row, and sums")
        rows = weights.expand_dims(0) if weights.ndim == 1 else weights
        drawn = _again(rows, num_samples) if replacement else _once(rows, num_samples)
        return drawn[0] if weights.ndim == 1 else drawn


def _again(rows: Tensor, count: int) -> Tensor:
    """Where uniform numbers fall among the cumulative weights. All rows lie one behind the other, each of length 1."""
    classes = rows.shape[1]
    starts = tg.arange(rows.shape[0], dtype=dtypes.float64, device=rows.device).expand_dims(-1)
    ends = rows.cumulative_sum(1)
    ends = ends / ends[:, -1:] + starts
    # In float32 numbers are below 1 by 2⁻²⁴, so that added to a row's number they stay below its end.
    u = random.random((rows.shape[0], count), dtypes.float32, rows.device).astype(dtypes.float64)
    fine = random.random((rows.shape[0], count), dtypes.float32, rows.device).astype(dtypes.float64)
    places = tg.searchsorted(ends.reshape(-1), starts + (u + fine * 2.0**-25), side="right")
    return places - starts.astype(dtypes.int64) * classes


def _once(rows: Tensor, count: int) -> Tensor:
    """The first of exponential waiting times, whose rates are the weights: the order in which they are over."""
    waiting = -tg.log1p(-random.random(rows.shape, dtypes.float64, rows.device))
    return tg.argsort(tg.where(rows > 0, waiting / rows, tg.inf), 1)[:, :count]
