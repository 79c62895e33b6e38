"""A round of a loop as a program: from a body, which is plain data already, to instructions.

Read before: `recorder.py`, `../../loops/body.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

from ...loops.body import Body
from ...modes import no_grad, watching
from ...tensor import Tensor, apply
from ..program import Program, Value
from ..sources import Argument
from .recorder import Recorder


class Round(NamedTuple):
    """One round.

    program  reads the inputs, writes new carries into the memory of the old ones, and what is handed out into `handed`
    inputs   the values of the inputs: carries, xs, what is shared
    handed   memory for what is handed out
    """

    program: Program
    inputs: list[Value]
    handed: list[Value]


def round_of(body: Body) -> Round:
    """The program of a round of `body`."""
    with no_grad(), Recorder() as recorder:
        tensors = [Tensor(numpy.empty(form.shape, form.dtype)) for form in body.inputs]
        for position, tensor in enumerate(tensors):
            recorder.take(tensor, Argument(position, f"input {position}"))
        inputs = list(map(recorder.value_of, tensors))
        with watching(recorder.watch):
            values = body.again(tensors, Tensor, apply)
        carried = [recorder.value_of(values[value]) for value in body.carried]
        made = [recorder.value_of(values[value]) for value in body.made]
        handed = [
            recorder.new(value.shape, value.dtype, Argument(position, f"output {position}"))
            for position, value in enumerate(made, len(inputs))
        ]
        changed = [pair for pair in zip(inputs, carried, strict=False) if pair[0] is not pair[1]]
        del values  # the numbers among them are nobody's state
        recorder.writes(set())  # which says of all that was taken where it comes from
        program = Program(recorder.instructions, [], [*changed, *zip(handed, made, strict=True)])
    return Round(program, inputs, handed)
