"""A look at whole numbers that have to lie in a range, labels say, as a loop: it only notes whether one does not.

Then the step looks again as eager mode does, which raises the error. So the words are in one place, and a step whose numbers
are right has no call of NumPy for it, each of which takes longer than this walk.

Read before: `moves.py`. Read next: `gathers.py`.
"""

from __future__ import annotations

from ...machine.axes import merged
from ..program import Instruction
from ..schedule.axes import strides_in
from ..schedule.layout import form_of
from .places import NOTHING_OVERLAPS, Forms, Operand, Written, addressable, axes_of, loop_text, nested, place


def range_loop(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """The loop of a check, which notes whether one of the numbers is not in [0, below); None if it asks for something else."""
    (x,), below = instruction.inputs, instruction.params["below"]
    form = forms[x]
    if below is None or form.dtype.kind not in "iu" or not form.size or not addressable(form):
        return None
    shape, (strides,) = merged(form.shape, [form.strides])
    axes = axes_of(shape)
    read = place("a", form.dtype, axes, strides_in(form_of(shape, form.dtype, strides), shape))
    given = [*(axis.name for axis in axes), read.argument, *read.steps, "below", "wrong: int64s"]
    # As a number without a sign, one that is less than 0 is more than all others.
    seen = f"bad = bad | int64(uint64({read.element}) >= uint64(below))"
    lines = [NOTHING_OVERLAPS, "bad = 0", *nested(axes, [seen]), "wrong[0] = bad"]
    steps = (*read.steps.values(), below)
    return [Written(loop_text("check", given, lines), shape, (Operand(x),), steps, form.size, notes=True)]
