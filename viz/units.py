"""What is closed together in a picture of a compiled step: kernels of one layer, or the operations of one call.

Read next: `kernels.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from tinygrad_ml.compile.program import Program, Value
from tinygrad_ml.compile.purposes import Purposes
from tinygrad_ml.compile.schedule.kernel import Kernel


def calls(program: Program, purposes: Purposes) -> list[Kernel]:
    """A program that has no kernels yet, in pieces of instructions in a row that one call of a layer or function computes."""

    def key(instruction) -> tuple:
        call = purposes.call(instruction.output)
        return (purposes.phase(instruction.output), call or instruction.output.scope)

    pieces = []
    place = 0
    for _, run in groupby(program.instructions, key=key):
        first, *more = run
        piece = Kernel(place, first, "single")
        piece.instructions += more
        place += len(piece.instructions)
        pieces.append(piece)
    needed = {*program.results, *(value for _, value in program.writes)}
    read_by: dict[Value, set[Kernel]] = {}
    for piece in pieces:
        for value in piece.inputs():
            read_by.setdefault(value, set()).add(piece)
    for piece in pieces:
        made = [instruction.output for instruction in piece.instructions]
        piece.outputs = [value for value in made if value in needed or value in read_by]
    return pieces


def together(
    kernels: Sequence[Kernel], same: Mapping[Kernel, object], root: Callable[[Value], Value]
) -> list[list[Kernel]]:
    """Kernels, in the order in which they run, in groups of those for which `same` has an equal answer, if it has one; not
    those between which another one has to run.

    root  what the memory of a value is first of all
    """
    maker = {output: kernel for kernel in kernels for output in kernel.outputs}
    group_of: dict[Kernel, int] = {}
    groups: list[list[Kernel]] = []
    before: list[set[int]] = []  # the groups that must have run before each
    latest: dict[object, int] = {}
    for kernel in kernels:
        needs = {group_of[maker[value]] for value in map(root, kernel.inputs()) if value in maker}
        behind = set(needs).union(*(before[group] for group in needs))
        at = latest.get(same[kernel]) if same[kernel] else None
        # What the group leads to may not be needed by what joins it.
        if at is None or any(at in before[group] for group in behind - {at}):
            at = latest[same[kernel]] = len(groups)
            groups.append([])
            before.append(set())
        groups[at].append(kernel)
        group_of[kernel] = at
        new = behind - {at} - before[at]
        if new:
            for others in before:
                if others is before[at] or at in others:
                    others |= new
    return groups
