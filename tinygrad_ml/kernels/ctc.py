"""Connectionist temporal classification by the forward-backward algorithm; `../nn/functional/ctc.py` says what it is.

α[t, s] is the probability of all beginnings of paths that are in state s after t moments, and β that of all ends. The ends are
beginnings of the text and the time read backwards: so one loop over the moments computes both, as two halves of a batch.
All of it in logarithms. The derivative of the loss in the logarithm of a probability is minus the share of those paths
that go through it: α·β / (p · Σ over all paths).

Source: A. Graves et al., "Connectionist Temporal Classification" (2006).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy
from numpy.lib.stride_tricks import sliding_window_view

Array: TypeAlias = Any
LOWEST = -1e30
"""In place of -∞, where it would be subtracted from itself."""


def ctc_losses(log_p: Array, targets: Array, times: Array, lengths: Array, blank: int) -> tuple[Array, ...]:
    """-ln of the probability of each sample's target; its states, the logarithms of their probabilities, and of all
    beginnings of paths, forwards and backwards.

    log_p    (time, batch, classes)
    targets  (batch, length)
    times, lengths  how many moments and how many labels of each sample count, (batch,)
    """
    time, batch, _ = log_p.shape
    states = numpy.full((batch, 2 * targets.shape[1] + 1), blank, targets.dtype)
    states[:, 1::2] = targets
    backwards = numpy.take_along_axis(states, _mirrored(2 * lengths + 1, states.shape[1]), 1)
    samples, moments = numpy.arange(batch), _mirrored(times, time).T
    said = log_p[numpy.arange(time)[:, None, None], samples[:, None], states]
    both = numpy.concatenate([said, log_p[moments[:, :, None], samples[:, None], backwards]], 1)
    paths = _beginnings(both, numpy.concatenate([states, backwards]), blank)
    ends = paths[times, samples]
    last = ends[samples, 2 * lengths]
    before = numpy.where(lengths > 0, ends[samples, numpy.maximum(2 * lengths - 1, 0)], -numpy.inf)
    return -numpy.logaddexp(last, before.astype(log_p.dtype)), states, said, paths


def _beginnings(said: Array, states: Array, blank: int) -> Array:
    """α, (time + 1, batch, states)."""
    time, batch, count = said.shape
    alphas = numpy.full(
        (time + 1, batch, count + 2), -numpy.inf, said.dtype
    )  # with two states in front that nobody is in
    alphas[0, :, 2] = 0
    # What leads into a state: the one two before it, if a blank may be left out between them; the one before it; itself.
    leads = numpy.zeros((3, batch, count), said.dtype)
    leads[0, :, :2] = leads[0, states == blank] = -numpy.inf
    leads[0, :, 2:][states[:, 2:] == states[:, :-2]] = -numpy.inf
    steps = numpy.moveaxis(sliding_window_view(alphas, 3, 2), 3, 1)
    into, top = numpy.empty_like(leads), numpy.empty_like(leads[0])
    for now, p, then in zip(steps, said, alphas[1:, :, 2:], strict=False):
        numpy.add(now, leads, into)
        numpy.maximum.reduce(into, 0, None, top)
        numpy.maximum(top, LOWEST, out=top)
        numpy.subtract(into, top, into)
        numpy.exp(into, into)
        numpy.add.reduce(into, 0, None, then)
        numpy.log(then, then)
        numpy.add(then, top, then)
        numpy.add(then, p, then)
    return alphas[:, :, 2:]


def _mirrored(counts: Array, size: int) -> Array:
    """For each count n the numbers n - 1, ..., 1, 0, and zeros behind them: (batch, size)."""
    return numpy.maximum(counts[:, None] - 1 - numpy.arange(size), 0)


def ctc_losses_gradient(
    g: Array,
    log_p: Array,
    targets: Array,
    times: Array,
    lengths: Array,
    y: Array,
    states: Array,
    said: Array,
    paths: Array,
    needed: tuple,
) -> tuple:
    """The shares of the inputs of `ctc_losses` in the gradient g."""
    time, batch, classes = log_p.shape
    counts = 2 * lengths + 1
    samples = numpy.arange(batch)
    back = times - numpy.arange(time)[:, None]  # moments from here to the end, (time, batch)
    there = (back > 0)[:, :, None] & (numpy.arange(states.shape[1]) < counts[:, None])
    rest = paths[numpy.maximum(back, 0)[:, :, None], batch + samples[:, None], _mirrored(counts, states.shape[1])]
    known = numpy.isfinite(y)
    share = paths[1:, :batch] + rest - numpy.maximum(said, LOWEST) + numpy.where(known, y, 0)[:, None]
    share = numpy.where(there, numpy.exp(share), 0) * numpy.where(known, -g, 0)[:, None]
    places = (numpy.arange(time * batch) * classes).reshape(time, batch, 1) + states
    total = numpy.bincount(places.reshape(-1), share.reshape(-1), log_p.size)
    return total.astype(log_p.dtype).reshape(log_p.shape), None, None, None
