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

from ..machine import machine_code
from . import loops

Array: TypeAlias = Any
LOWEST = -1e30
"""In place of -∞, where it would be subtracted from itself."""
MANY_BEGINNINGS = 1 << 13
"""Beginnings of paths from which on machine code computes them: to NumPy each moment is nine calls for a few numbers."""

BEGINNINGS = f"""\
def loop(rows, time, states, step, said: reals, leaps: reals, before: reals, alphas: reals):
    nothing_overlaps()
    rows_are_short()
    for r in range(rows):
        for t in range(time):
            for s in range(states):
                stays = before[r * (states + 2) + s + 2]
                goes = before[r * (states + 2) + s + 1]
                leaves_out = before[r * (states + 2) + s] + leaps[r * states + s]
                more = maximum(stays, goes)
                top = maximum(more, leaves_out)
                shift = maximum(top, real({LOWEST}))
                total = real(1) if top == shift else real(0)
                total = total + exp(minimum(more, leaves_out) - shift) + exp(minimum(stays, goes) - shift)
                alphas[t * step + r * states + s] = (log(total) + shift) + said[t * step + r * states + s]
            for s in range(states):
                before[r * (states + 2) + s + 2] = alphas[t * step + r * states + s]
"""
"""What leads into a state is itself, the one before it, and the one two before it, if a blank may be left out between."""


def ctc_losses(log_p: Array, targets: Array, times: Array, lengths: Array, blank: int) -> tuple[Array, ...]:
    """-ln of the probability of each sample's target; where those of its states are in `log_p`, which these are, and the
    logarithms of those of all beginnings of paths, forwards and backwards.

    log_p    (time, batch, classes)
    targets  (batch, length)
    times, lengths  how many moments and how many labels of each sample count, (batch,)
    """
    time, batch, classes = log_p.shape
    states = numpy.full((batch, 2 * targets.shape[1] + 1), blank, targets.dtype)
    states[:, 1::2] = targets
    backwards = numpy.take_along_axis(states, _mirrored(2 * lengths + 1, states.shape[1]), 1)
    samples, flat = numpy.arange(batch), log_p.reshape(-1)
    places = _places(numpy.arange(time)[:, None], samples, states, batch, classes)
    said = flat.take(places)
    both = [said, flat.take(_places(_mirrored(times, time).T, samples, backwards, batch, classes))]
    paths = _beginnings(numpy.concatenate(both, 1), numpy.concatenate([states, backwards]), blank)
    ends = paths[times, samples]
    last = ends[samples, 2 * lengths]
    before = numpy.where(lengths > 0, ends[samples, numpy.maximum(2 * lengths - 1, 0)], -numpy.inf)
    return -numpy.logaddexp(last, before.astype(log_p.dtype)), places, said, paths


def _beginnings(said: Array, states: Array, blank: int) -> Array:
    """α, (time + 1, batch, states)."""
    # -∞ where no blank may be left out between a state and the last but one.
    leaps = numpy.zeros(states.shape, said.dtype)
    leaps[:, :2] = leaps[states == blank] = -numpy.inf
    leaps[:, 2:][states[:, 2:] == states[:, :-2]] = -numpy.inf
    many = said.size >= MANY_BEGINNINGS and machine_code.available()
    return _by_a_loop(said, leaps) if many else _by_moments(said, leaps)


def _by_a_loop(said: Array, leaps: Array) -> Array:
    time, batch, count = said.shape
    before = numpy.full((batch, count + 2), -numpy.inf, said.dtype)  # with two states in front that nobody is in
    before[:, 2] = 0
    alphas = numpy.empty((time + 1, batch, count), said.dtype)
    alphas[0] = before[:, 2:]
    arrays = (said, count), (leaps, count), (before, count + 2), (alphas[1:], count)
    loops.run(BEGINNINGS, batch, (time, count, batch * count), *arrays)
    return alphas


def _by_moments(said: Array, leaps: Array) -> Array:
    time, batch, count = said.shape
    alphas = numpy.full((time + 1, batch, count + 2), -numpy.inf, said.dtype)
    alphas[0, :, 2] = 0
    leads = numpy.stack([leaps, numpy.zeros_like(leaps), numpy.zeros_like(leaps)])
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


def _places(moments: Array, samples: Array, states: Array, batch: int, classes: int) -> Array:
    """Where in (time, batch, classes) the classes of states are, at moments (time, 1 or batch): (time, batch, states)."""
    return ((moments * batch + samples) * classes)[:, :, None] + states


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
    places: Array,
    said: Array,
    paths: Array,
    needed: tuple,
) -> tuple:
    """The shares of the inputs of `ctc_losses` in the gradient g."""
    (time, batch, count), ends = places.shape, 2 * lengths + 1
    back = times - numpy.arange(time)[:, None]  # moments from here to the end, (time, batch)
    there = (back > 0)[:, :, None] & (numpy.arange(count) < ends[:, None])
    backwards = batch + numpy.arange(batch)
    rest = paths.reshape(-1).take(_places(numpy.maximum(back, 0), backwards, _mirrored(ends, count), 2 * batch, count))
    known = numpy.isfinite(y)
    share = paths[1:, :batch] + rest - numpy.maximum(said, LOWEST) + numpy.where(known, y, 0)[:, None]
    share = numpy.where(there, numpy.exp(share), 0) * numpy.where(known, -g, 0)[:, None]
    total = numpy.bincount(places.reshape(-1), share.reshape(-1), log_p.size)
    return total.astype(log_p.dtype).reshape(log_p.shape), None, None, None
