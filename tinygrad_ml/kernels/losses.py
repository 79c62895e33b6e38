"""Losses as one number: the mean, or the sum, of what each element or each sample has lost."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy

from ..totals import total
from .rows import from_the_top, kept_sum

Array: TypeAlias = Any


def _reduced(loss: Array, reduction: str, count: Any) -> Array:
    if reduction == "none":
        return loss
    whole = total(loss, tuple(range(loss.ndim)), False, loss.dtype)
    return whole if reduction == "sum" else whole / count


def mse_loss(x: Array, target: Array, reduction: str) -> tuple[Array, Array]:
    """The value of `mse_loss`, and what its gradient needs besides."""
    difference = x - target
    return _reduced(numpy.square(difference), reduction, difference.size), difference


def mse_loss_gradient(
    g: Array, x: Array, target: Array, difference: Array, reduction: str, needed: tuple
) -> tuple[Array, Array]:
    """The shares of the inputs of `mse_loss` in the gradient g."""
    share = difference * (g * (2 / difference.size if reduction == "mean" else 2))
    return share, -share if 1 in needed else None


def logits_loss(x: Array, target: Array, reduction: str) -> tuple[Array]:
    """max(x, 0) - x·t + ln(1 + e^-|x|): the cross-entropy of logits with probabilities of two classes."""
    loss = numpy.abs(x)
    numpy.log1p(numpy.exp(numpy.negative(loss, loss), loss), loss)
    loss += numpy.maximum(x, 0)
    loss -= x * target
    return (_reduced(loss, reduction, loss.size),)


def logits_loss_gradient(g: Array, x: Array, target: Array, reduction: str, needed: tuple) -> tuple[Array, Array]:
    """σ(x) - t, and -x."""
    each = g / x.size if reduction == "mean" else g
    share = numpy.exp(-x)
    share += 1
    numpy.divide(1, share, share)
    share -= target
    share *= each
    return share, x * -each if 1 in needed else None


def _rows(x: Array) -> Array:
    """Classes, which are axis 1 (or the only one), laid along the last axis: (samples, classes)."""
    if x.ndim > 2:
        x = numpy.moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[-1])


@lru_cache(maxsize=8)
def _firsts(samples: int, classes: int) -> Array:
    return numpy.arange(0, samples * classes, classes)


def _places(labels: Array, ignore_index: int, classes: int) -> tuple[Array, Array | None, int]:
    """Where the labels are in rows that lie one after the other; which of them count, or None for all; how many do."""
    places = labels.reshape(-1).astype(numpy.int64, copy=False)
    counts = places != ignore_index
    count = int(numpy.count_nonzero(counts))  # NumPy's own integers widen
    if count == places.size:
        return places + _firsts(count, classes), None, count
    return numpy.where(counts, places, 0) + _firsts(places.size, classes), counts, count


def _of_samples(loss: Array, counts: Array | None, count: int, shape: tuple, reduction: str) -> tuple[Array, Array]:
    """The loss; and how much each sample counts, or all of them."""
    share = loss.dtype.type(1)
    if counts is not None:
        loss[~counts], share = 0, counts.astype(loss.dtype)
    if reduction == "mean":
        share = share / loss.dtype.type(count)
    return _reduced(loss.reshape(shape), reduction, count), share


def nll_loss(log_p: Array, labels: Array, ignore_index: int, reduction: str) -> tuple[Array, Array, Array]:
    """-log_p at the labels; and where they are, and how much each sample counts."""
    rows = _rows(log_p)
    places, counts, count = _places(labels, ignore_index, rows.shape[1])
    return *_of_samples(-rows.reshape(-1).take(places), counts, count, labels.shape, reduction), places


def nll_loss_gradient(
    g: Array, log_p: Array, labels: Array, places: Array, share: Array, needed: tuple
) -> tuple[Array, None]:
    """The shares of the inputs of `nll_loss` in the gradient g."""
    rows = numpy.zeros((places.size, log_p.shape[min(1, log_p.ndim - 1)]), log_p.dtype)
    rows.reshape(-1)[places] = -(share * g).reshape(-1)
    return _unrolled(rows, log_p.shape), None


def cross_entropy(x: Array, labels: Array, ignore_index: int, reduction: str) -> tuple[Array, Array, Array, Array]:
    """The same of logits x, -ln p for p the softmax of x, which is left too."""
    e, _ = from_the_top(_rows(x), (1,))
    places, counts, count = _places(labels, ignore_index, e.shape[1])
    loss = e.reshape(-1).take(places)
    sums = kept_sum(numpy.exp(e, e), (1,))
    numpy.subtract(numpy.log(sums.reshape(-1)), loss, loss)
    return *_of_samples(loss, counts, count, labels.shape, reduction), places, numpy.divide(e, sums, e)


def cross_entropy_gradient(
    g: Array, x: Array, labels: Array, places: Array, share: Array, p: Array, needed: tuple
) -> tuple[Array, None]:
    """The shares of the inputs of `cross_entropy` in the gradient g."""
    each = (share * g).reshape(-1)
    rows = numpy.multiply(p, each[:, None], order="C")
    rows.reshape(-1)[places] -= each
    return _unrolled(rows, x.shape), None


def _unrolled(rows: Array, shape: tuple[int, ...]) -> Array:
    """Rows (samples, classes) as they lie in an array of a shape: the way back of `_rows`."""
    if len(shape) > 2:
        return numpy.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)
    return rows.reshape(shape)
