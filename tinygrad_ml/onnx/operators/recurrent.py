"""Recurrent networks: RNN, GRU and LSTM, as `tg.scan` over the steps of `nn.functional`.

Shapes, with a number of directions D, steps T, samples N, inputs I and hidden units H: X (T, N, I), W (D, gates·H, I),
R (D, gates·H, H), B (D, 2·gates·H), states (D, N, H); with layout 1 the samples come first.

Read before: `activations.py`. Read next: `attention.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy

from ... import functional as tg
from ...errors import OptionError
from ...loops import scan
from ...nn import functional as F
from ...tensor import Tensor
from ..table import operator
from .activations import hard_sigmoid, thresholded_relu

Activation = Callable[[Tensor], Tensor]
Step = Callable[[tuple[Tensor, ...], Tensor], tuple[Tensor, ...]]

GATE_FUNCTIONS: dict[str, tuple[Callable[..., Tensor], tuple[float, ...]]] = {
    "relu": (F.relu, ()),
    "tanh": (tg.tanh, ()),
    "sigmoid": (tg.sigmoid, ()),
    "softsign": (F.softsign, ()),
    "softplus": (tg.softplus, ()),
    "elu": (F.elu, (1.0,)),
    "leakyrelu": (F.leaky_relu, (0.01,)),
    "thresholdedrelu": (lambda x, alpha: thresholded_relu(x, alpha=alpha), (1.0,)),
    "affine": (lambda x, alpha, beta: x * alpha + beta, (1.0, 0.0)),
    "scaledtanh": (lambda x, alpha, beta: tg.tanh(x * beta) * alpha, (1.0, 1.0)),
    "hardsigmoid": (lambda x, alpha, beta: hard_sigmoid(x, alpha=alpha, beta=beta), (0.2, 0.5)),
}
"""The functions by ONNX's names, and the defaults of α and β where they have them."""


@operator("RNN", versions=(1, 7, 14, 22))
def rnn(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """h ← f(W·x + R·h + b)."""
    functions = _activations(activations, ("Tanh",), activation_alpha, activation_beta, clip, w.shape[0])

    def step_of(way: int) -> tuple[Tensor | None, Step]:
        before, inside = _biases(b, way)
        step = partial(F.rnn_step, weight=r[way], bias=inside, nonlinearity=functions[way][0])
        return before, lambda state, projected: (step(projected, state[0]),)

    return _run(x, w, sequence_lens, (initial_h,), r.shape[-1], direction, layout, step_of)


@operator("GRU", versions=(1, 3, 7, 14, 22))
def gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """h ← (1 - z)·n + z·h, the gates being in the order z, r, n."""
    functions = _activations(activations, ("Sigmoid", "Tanh"), activation_alpha, activation_beta, clip, w.shape[0])

    def step_of(way: int) -> tuple[Tensor | None, Step]:
        before, inside = _biases(b, way)
        gate, nonlinearity = functions[way]
        options: dict[str, Any] = {"reset_after": bool(linear_before_reset), "update_first": True}
        step = partial(F.gru_step, weight=r[way], bias=inside, nonlinearity=nonlinearity, gate=gate, **options)
        return before, lambda state, projected: (step(projected, state[0]),)

    return _run(x, w, sequence_lens, (initial_h,), r.shape[-1], direction, layout, step_of)


@operator("LSTM", versions=(1, 7, 14, 22))
def lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    initial_c: Tensor | None = None,
    p: Tensor | None = None,
    *,
    activation_alpha: list[float] | None = None,
    activation_beta: list[float] | None = None,
    activations: list[str] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:
    """c ← f·c + i·g, h ← o·h(c), the gates being in the order i, o, f, g; with peepholes p, gates see c too."""
    functions = _activations(
        activations, ("Sigmoid", "Tanh", "Tanh"), activation_alpha, activation_beta, clip, w.shape[0]
    )

    def step_of(way: int) -> tuple[Tensor | None, Step]:
        before, inside = _biases(b, way)
        peepholes = None if p is None else tg.split(p[way], r.shape[-1])
        return before, partial(_lstm_step, r[way], inside, peepholes, functions[way], bool(input_forget))

    return _run(x, w, sequence_lens, (initial_h, initial_c), r.shape[-1], direction, layout, step_of)


def _lstm_step(
    weight: Tensor,
    bias: Tensor | None,
    peepholes: Sequence[Tensor] | None,
    functions: Sequence[Activation],
    coupled: bool,
    state: tuple[Tensor, ...],
    projected: Tensor,
) -> tuple[Tensor, ...]:
    """`coupled`: what is let in is as much as is forgotten. Peepholes are in the order i, o, f."""
    (hidden, cell), (gate, inner, outer) = state, functions
    gates = projected + F.linear(hidden, weight, bias)
    i, o, f, g = tg.split(gates, gates.shape[-1] // 4, axis=-1)
    if peepholes is not None:
        i, f = i + peepholes[0] * cell, f + peepholes[2] * cell
    i = gate(i)
    cell = (1 - i if coupled else gate(f)) * cell + i * inner(g)
    if peepholes is not None:
        o = o + peepholes[1] * cell
    return gate(o) * outer(cell), cell


def _biases(b: Tensor | None, way: int) -> tuple[Tensor | None, Tensor | None]:
    """What is added to W·x, and to R·h, in one direction."""
    if b is None:
        return None, None
    half = b.shape[1] // 2
    return b[way, :half], b[way, half:]


def _activations(
    names: Sequence[str] | None,
    default: Sequence[str],
    alphas: Sequence[float] | None,
    betas: Sequence[float] | None,
    clip: float | None,
    directions: int,
) -> list[list[Activation]]:
    """The functions of each direction. α and β are taken in the order of the functions that have them."""
    several = list(names or list(default) * directions)
    if len(several) != len(default) * directions:
        raise OptionError(f"activations={several}: {len(default)} are needed for each of {directions} direction(s)")
    given = iter(alphas or ()), iter(betas or ())
    functions: list[Activation] = []
    for name in several:
        if name.lower() not in GATE_FUNCTIONS:
            raise OptionError(f"the activation {name!r} is not one of {', '.join(GATE_FUNCTIONS)}")
        function, defaults = GATE_FUNCTIONS[name.lower()]
        numbers = [next(values, usual) for values, usual in zip(given, defaults, strict=False)]
        functions.append(partial(_activated, function, numbers, clip))
    return [functions[first : first + len(default)] for first in range(0, len(several), len(default))]


def _activated(function: Callable[..., Tensor], numbers: Sequence[float], clip: float | None, x: Tensor) -> Tensor:
    return function(x if clip is None else tg.clip(x, -clip, clip), *numbers)


def _run(
    x: Tensor,
    w: Tensor,
    lengths: Tensor | None,
    initial: Sequence[Tensor | None],
    hidden: int,
    direction: str,
    layout: int,
    step_of: Callable[[int], tuple[Tensor | None, Step]],
) -> tuple[Tensor, ...]:
    """(Y, the last states): all steps of all directions. `step_of` gives the bias of W·x and the step of a direction."""
    if layout:
        x, initial = x.swapaxes(0, 1), [state if state is None else state.swapaxes(0, 1) for state in initial]
    length, batch = x.shape[:2]
    zero = (x.reshape(-1)[:1] * 0).broadcast_to((batch, hidden)) if x.size else tg.zeros((batch, hidden), dtype=x.dtype)
    seen = None
    if lengths is not None:
        steps = tg.asarray(numpy.arange(length)[:, None], device=x.device)
        seen = steps < lengths.astype("int64")
    outputs, lasts = [], []
    for way in range(w.shape[0]):
        backwards = direction == "reverse" or way == 1
        bias, step = step_of(way)
        projected = F.linear(x, w[way], bias)
        states = tuple(zero if state is None else state[way] for state in initial)
        last, y = _scan(step, states, projected, seen, backwards)
        outputs.append(y)
        lasts.append(last)
    y = tg.stack(outputs, 1)
    finals = [tg.stack(parts) for parts in zip(*lasts, strict=True)]
    if layout:
        y, finals = y.permute_dims((2, 0, 1, 3)), [state.swapaxes(0, 1) for state in finals]
    return y, *finals


def _scan(
    step: Step, states: tuple[Tensor, ...], projected: Tensor, seen: Tensor | None, backwards: bool
) -> tuple[tuple[Tensor, ...], Tensor]:
    """The last states, and h of all steps. Where a sequence is over, states stay and outputs are 0.

    From the end backwards, the steps that do not count come first, and leave the initial states as they are.
    """
    if seen is None:

        def plain(state: tuple[Tensor, ...], projected: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
            state = step(state, projected)
            return state, state[0]

        return scan(plain, states, projected, reverse=backwards)

    def masked(state: tuple[Tensor, ...], xs: tuple[Tensor, Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
        projected, counts = xs
        new = tuple(counts.where(now, old) for now, old in zip(step(state, projected), state, strict=True))
        return new, counts.where(new[0], 0)

    return scan(masked, states, (projected, seen.expand_dims(-1)), reverse=backwards)
