"""If, Loop, Scan and SequenceMap: graphs inside of a graph, which arrive as functions.

A branch is chosen by looking at a number, and so it is found out whether another round follows. Rounds that are only counted are
`tg.scan` where the body can be recorded once; where it cannot, as it needs numbers too, they are those of a loop of Python's.

Read next: `sequences.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy

from ... import functional as tg
from ...errors import OptionError, TinygradError
from ...loops import scan as scan_once
from ...tensor import Tensor, as_tensor
from ..graph import Port
from ..table import Numbers, operator
from .movement import LATEST

WORTH_RECORDING = 8
"""Rounds; of fewer, a loop is rather drawn and computed one by one."""


class Graph(Protocol):
    """A graph inside of a graph: from inputs to outputs, of which it is known what the file declares."""

    outputs: tuple[Port, ...]

    def __call__(self, *inputs: Any) -> tuple: ...


@operator("If", (1, 11, 13, 16, 19, *LATEST))
def choose(cond: Numbers, *, then_branch: Graph, else_branch: Graph) -> tuple:
    return then_branch() if cond.item() else else_branch()


@operator("Loop", (1, 11, 13, 16, 19, *LATEST))
def loop(trips: Numbers | None = None, cond: Numbers | None = None, *carried: Any, body: Graph) -> tuple:
    """What the last round hands on, and what each round puts out, side by side.

    The body gets the number of the round, whether it is to be run, and what is carried; it says whether another follows.
    """
    going, number, rounds = cond is None or bool(cond.item()), 0, []
    if going and trips is not None and trips.item() >= WORTH_RECORDING and all(isinstance(x, Tensor) for x in carried):
        try:
            return _counted(int(trips.item()), cond is not None, carried, body)
        except TinygradError:  # the body needs numbers, or changes shapes; a mistake of the user's is met again below
            pass
    while going and (trips is None or number < trips.item()):
        going, *made = body(numpy.array(number, numpy.int64), numpy.array(True), *carried)
        going = cond is None or bool(going.item())
        carried, number = tuple(made[: len(carried)]), number + 1
        rounds.append(made[len(carried) :])
    return (*carried, *_side_by_side(rounds, body.outputs[1 + len(carried) :]))


def _counted(trips: int, asks: bool, carried: Sequence[Tensor], body: Graph) -> tuple:
    """A loop of so many rounds, recorded once. `asks`: whether it would end where a round says so, which none may."""

    def one(carry: list[Tensor], number: Tensor) -> tuple[list, list]:
        going, *made = body(number, numpy.array(True), *carry)
        if asks and (isinstance(going, Tensor) or not going.item()):
            raise OptionError("whether another round follows depends on numbers")
        return made[: len(carry)], made[len(carry) :]

    numbers = tg.arange(trips, device=carried[0].device if carried else None)
    final, made = scan_once(one, list(carried), numbers)
    return (*final, *made)


def _side_by_side(rounds: Sequence[Sequence[Any]], ports: Sequence[Port]) -> list[Any]:
    """What each round puts out, along a new first axis; of no rounds arrays of the shapes that the file declares."""
    if not rounds:
        extents = [[size if isinstance(size, int) else 0 for size in port.shape or ()] for port in ports]
        return [numpy.zeros((0, *sizes), port.dtype) for sizes, port in zip(extents, ports, strict=True)]
    known = [all(isinstance(part, numpy.ndarray) for part in parts) for parts in zip(*rounds, strict=True)]
    return [(numpy if each else tg).stack(parts) for each, *parts in zip(known, *rounds, strict=True)]


@operator("SequenceMap", (17,))
def sequence_map(sequence: Any, *others: Any, body: Graph) -> tuple:
    """The body on each item of one or more sequences; what is no sequence goes into each round."""
    rounds = [
        body(item, *(each[i] if isinstance(each, list) else each for each in others)) for i, item in enumerate(sequence)
    ]
    return tuple([made[place] for made in rounds] for place in range(len(body.outputs)))


@operator("Scan", (9, 11, 16, 19, *LATEST))
def scan(
    *given: Tensor,
    body: Graph,
    num_scan_inputs: int,
    scan_input_axes: Sequence[int] | None = None,
    scan_input_directions: Sequence[int] | None = None,
    scan_output_axes: Sequence[int] | None = None,
    scan_output_directions: Sequence[int] | None = None,
) -> tuple:
    """The body on what is carried and a slice of each input, from the first to the last (direction 0) or from the last on."""
    carries = len(given) - num_scan_inputs
    axes, backwards = scan_input_axes or [0] * num_scan_inputs, scan_input_directions or [0] * num_scan_inputs
    over = [_along(x, *each) for x, *each in zip(given[carries:], axes, backwards, strict=True)]
    final, made = _rounds(body, given[:carries], over)
    axes, backwards = scan_output_axes or [0] * len(made), scan_output_directions or [0] * len(made)
    out = zip(made, axes, backwards, strict=True)
    return (*final, *(tg.moveaxis(_along(y, 0, back), 0, axis) for y, axis, back in out))


@operator("Scan", (8,))
def scan_batch(
    sequence_lens: Numbers | None = None,
    *given: Tensor,
    body: Graph,
    num_scan_inputs: int,
    directions: Sequence[int] | None = None,
) -> tuple:
    """`scan` along axis 1 for each sample of a batch, of which each may have a length of its own; then zeros follow."""
    carries, longest = len(given) - num_scan_inputs, given[-1].shape[1]
    samples = []
    for sample in range(given[-1].shape[0]):
        length = longest if sequence_lens is None else int(sequence_lens[sample])
        over = [x[sample, :length] for x in given[carries:]]
        start = [x[sample] for x in given[:carries]]
        made = scan(*start, *over, body=body, num_scan_inputs=num_scan_inputs, scan_input_directions=directions)
        out = [tg.pad(y, [(0, longest - length), *[(0, 0)] * (y.ndim - 1)]) for y in made[carries:]]
        samples.append((*made[:carries], *out))
    return tuple(tg.stack(parts) for parts in zip(*samples, strict=True))


def _along(x: Tensor, axis: int, backwards: int) -> Tensor:
    """x with an axis in front, which may be turned round."""
    x = tg.moveaxis(x, axis, 0)
    return tg.flip(x, 0) if backwards else x


def _rounds(body: Graph, carried: Sequence[Tensor], over: list[Tensor]) -> tuple[Sequence[Any], list[Tensor]]:
    """(what the last round hands on, what all of them put out side by side)."""

    def one(carry: list, slices: list) -> tuple[list, list]:
        made = body(*carry, *slices)
        return list(made[: len(carry)]), list(made[len(carry) :])

    try:
        return scan_once(one, list(carried), over)
    except TinygradError:  # a body that needs numbers, or changes shapes; a mistake of the user's is met again
        carry, rounds = list(carried), []
        for slices in zip(*(tg.unstack(x) for x in over), strict=True):
            carry, made = one(carry, list(slices))
            rounds.append(made)
        return carry, list(map(as_tensor, _side_by_side(rounds, body.outputs[len(carry) :])))
