"""Fusion: elementwise operations that follow each other become one kernel, with the reductions at their end.

Operation by operation, every result goes out to memory and comes back for the next one. A kernel does
all of its operations on a piece that fits into the cache, and stores only what others need.

A kernel runs over a *domain*: all elements of a shape, of which some axes may be reduced. Then it has
values of two levels: full ones, of the domain's shape, and reduced ones, of that shape without those
axes (or with 1 in their places). A softmax is such a kernel: the maximum of a row, the exponentials,
their sum, and full values again. Where the reduced axes are not the last ones (the gradient of a bias, a
sum over the batch) all reductions stand at the end, since nothing full can be had before they are done;
but for so few elements that a backend keeps them near, such as those of a window.

Two kernels may be one unless something in between needs the first and is needed by the second.

An example, a softmax over the rows of x, of shape (400, 50). Each instruction begins as a kernel of its own and is
joined, if it may be, with the kernels whose results it takes:

    instruction                       joins             level     turn
    m = max(x, axis=1, keepdims)      (begins)          reduced   1     the domain is that of x, axis 1 is reduced
    d = sub(x, m)                     {max}             full      1     reads m again, when its row is done
    e = exp(d)                        {max sub}         full      1
    s = sum(e, axis=1, keepdims)      {max sub exp}     reduced   2     the same domain and axes
    y = div(e, s)                     {... sum}         full      2

A *turn* counts the reductions that must be finished before. A row is walked over once a turn, and only y goes out:

    for each row:
        walk 0:  m = the largest x
        walk 1:  e = exp(x - m),  s = the sum of e
        walk 2:  y = e / s

log(sum(x, axis=1)) is one kernel too: log has the shape of what is left of x, (400,), so it joins {sum} by *becoming*
reduced. x - max(x, axis=0) are two kernels: no column is finished before the last row is read. Neither may x of
shape (50, 50) join {sum} in sum(x, axis=1) + x, where sums of rows are added to columns.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from ...ops.shapes import kept, reduced, size
from ..program import GATHER, Instruction, Program, Value
from .ancestors import Ancestors
from .kernel import Kernel

NEAR_ROW_ELEMENTS = 16384
"""Elements of a row up to which full values may follow a reduction of it: more are not kept near."""


def fusion(
    program: Program,
    has_form: Callable[[Instruction], bool],
    fuse: bool = True,
    may_reduce: Callable[[Instruction, bool], bool] = lambda instruction, is_reduced: False,
    *,
    longest: float = math.inf,
    few: int = 0,
) -> list[Kernel]:
    """The kernels of a program, in an order in which they can run.

    has_form    whether the backend can compute an elementwise instruction as a part of a kernel
    fuse        False for a kernel for each instruction
    may_reduce  (instruction, whether it is of the reduced level): whether the backend can have it in a kernel with
                reductions
    longest     instructions of a kernel at most. A longer chain is cut where it reaches them, in the order of the program:
                what crosses is one value then, and those that are needed later anyway
    few         reduced elements that the backend keeps near whichever axes they lie along
    """
    return _Fusion(program, has_form, fuse, may_reduce, longest, few).kernels()


class _Fusion:
    def __init__(self, program: Program, has_form, fuse: bool, may_reduce, longest: float, few: int):
        self.program, self._has_form, self._fuse, self._may_reduce = program, has_form, fuse, may_reduce
        self._longest, self._few = longest, few
        self.kernel_of: dict[Value, Kernel] = {}
        self.ancestors = Ancestors()
        self.outward: list[Kernel] = []  # what has to do with other processes

    def kernels(self) -> list[Kernel]:
        numbers: dict[Instruction, int] = {}
        for number, instruction in enumerate(self.program.instructions):
            numbers[instruction] = number
            self._add(number, instruction)
        kernels = set(self.kernel_of.values())
        users: dict[Value, set[Kernel]] = {}
        for kernel in kernels:
            kernel.instructions.sort(key=numbers.__getitem__)
            for value in kernel.inputs():
                users.setdefault(value, set()).add(kernel)
        handed_out = {*self.program.results, *(value for _, value in self.program.writes)}
        for kernel in kernels:
            own = [instruction.output for instruction in kernel.instructions]
            needed = {value for value in own if value in handed_out or users.get(value, set()) - {kernel}}
            for instruction in reversed(kernel.instructions):
                if kernel.kind == "loop" and instruction.renames and instruction.output in needed:
                    needed.add(instruction.inputs[0])  # whose memory it looks at
            kernel.outputs = [value for value in own if value in needed]
            kernel.needs = {self.kernel_of[value] for value in kernel.inputs() if value in self.kernel_of}
        for earlier, later in pairwise(self.outward):
            later.needs.add(earlier)
        return _in_order(kernels, self._writers(users) | set(self.outward))

    def _add(self, number: int, instruction: Instruction) -> None:
        kernel = Kernel(number, instruction, self._kind(instruction))
        kernel.needs = {self.kernel_of[value] for value in instruction.inputs if value in self.kernel_of}
        if getattr(instruction.op, "outward", False):
            kernel.needs.update(self.outward[-1:])
            self.outward.append(kernel)
        self.kernel_of[instruction.output] = kernel
        self.ancestors.add(kernel)
        if not self._fuse:
            return
        for other in sorted(kernel.needs, key=lambda k: -k.last):
            one = self._as_one(other, kernel)
            if one is not None and self._may_be_one(other, kernel):
                kernel = self._merge(other, kernel, one)

    def _kind(self, instruction: Instruction) -> str:
        if instruction.elementwise or instruction.op is GATHER:
            return "loop" if self._has_form(instruction) else "single"
        reduces = instruction.op.kind == "reduction" and instruction.params["axis"]
        return "loop" if reduces and self._may_reduce(instruction, True) else "single"

    def _as_one(self, a: Kernel, b: Kernel) -> tuple[tuple[int, ...], tuple[int, ...], set[Value]] | None:
        """(domain, reduced axes, values that become reduced) of the kernel that a and then b would be, or None."""
        if a.kind != "loop" or len(a.instructions) + len(b.instructions) > self._longest:
            return None
        if any(self.kernel_of.get(value) is a for value in b.whole):
            return None
        if b.kind != "loop":
            # Within a kernel, to give a reduced value another shape is to give it a name.
            renamed = b.instructions[0]
            named = renamed.renames and a.reduced(renamed.inputs[0])
            if not named or renamed.output.shape not in _reduced_shapes(a):
                return None
            return a.shape, a.axes, {renamed.output}
        if a.shape == b.shape and not a.axes and not b.axes:
            return a.shape, (), set()  # nothing is reduced: sub and exp
        if a.shape == b.shape and (a.axes == b.axes or not a.axes or not b.axes):
            wide, becoming = (a if a.axes else b), set()  # {max sub exp} and sum
            if size(wide.shape) == size(reduced(wide.shape, wide.axes)) and a.axes != b.axes:
                return None  # where only axes of size 1 are reduced, both levels have one shape
        elif a.axes and not b.axes and b.shape in _reduced_shapes(a):
            wide, becoming = a, {i.output for i in b.instructions}  # {sum} and log
        elif b.axes and not a.axes and a.shape in _reduced_shapes(b):
            wide, becoming = b, {i.output for i in a.instructions}  # a number for each row, made before its walk
        else:
            return None

        def is_reduced(value: Value) -> bool:
            return value in becoming or a.reduced(value) or b.reduced(value)

        new = b.instructions if a.axes else (*a.instructions, *b.instructions)
        if not all(self._may_reduce(i, is_reduced(i.output)) for i in new if not i.renames):
            return None
        # Full values that follow from reduced ones, as sub does from max, can be had only if a row is done by itself.
        again = [v for i in b.instructions if not is_reduced(i.output) for v in i.inputs if is_reduced(v)]
        if again and size(wide.shape) > (NEAR_ROW_ELEMENTS if wide.in_rows else self._few) * size(
            reduced(wide.shape, wide.axes)
        ):
            return None
        if any(value.shape != kept(wide.shape, wide.axes) for value in again):
            return None  # x.sum(1) + x: there the number of each row is added to a column
        return wide.shape, wide.axes, becoming

    def _may_be_one(self, a: Kernel, b: Kernel) -> bool:
        """Whether no third kernel has to run between the two."""
        return not (self.ancestors.leads(a, b.needs - {a}) or self.ancestors.leads(b, a.needs - {b}))

    def _merge(self, a: Kernel, b: Kernel, one: tuple) -> Kernel:
        """Put the instructions of b into a."""
        a.shape, a.axes, becoming = one
        a._reduced |= b._reduced | becoming
        a.whole |= b.whole
        a.instructions += b.instructions
        a.first, a.last = min(a.first, b.first), max(a.last, b.last)
        self.ancestors.merge(a, b)
        a.needs = (a.needs | b.needs) - {a, b}
        for instruction in b.instructions:
            self.kernel_of[instruction.output] = a
        return a

    def _writers(self, users: dict[Value, set[Kernel]]) -> set[Kernel]:
        """The kernels that compute what is written to memory from outside. They now need the readers of the old numbers.

        So they can write in place; but for a reader that needs the new numbers too.
        """
        looks_at: dict[Value, Value] = {}
        for instruction in self.program.instructions:
            if instruction.op.kind == "view":
                looks_at[instruction.output] = looks_at.get(instruction.inputs[0], instruction.inputs[0])
        readers: dict[Value, set[Kernel]] = {}
        for value, kernels in users.items():
            readers.setdefault(looks_at.get(value, value), set()).update(kernels)
        writers = set()
        for memory, value in self.program.writes:
            if value in self.kernel_of:
                writer = self.kernel_of[value]
                writers.add(writer)
                earlier = {reader for reader in readers.get(memory, ()) if not self.ancestors.leads(writer, [reader])}
                writer.needs |= earlier
                self.ancestors.need(writer, earlier)
        return writers


def _reduced_shapes(kernel: Kernel) -> tuple[tuple[int, ...], ...]:
    """The shapes of its reduced values: the domain without the reduced axes, and with 1 in their places."""
    return reduced(kernel.shape, kernel.axes), kept(kernel.shape, kernel.axes)


def _in_order(kernels: Iterable[Kernel], first: set[Kernel]) -> list[Kernel]:
    """Each kernel after those that it needs, otherwise as late as its last instruction stood in the program.

    first  kernels that run as soon as they can: an update of a parameter, while its gradient is in the cache; what goes to
           other processes, so that it travels while the rest is computed
    """
    waiting = {kernel: len(kernel.needs) for kernel in kernels}
    users: dict[Kernel, list[Kernel]] = {}
    for kernel in waiting:
        for needed in kernel.needs:
            users.setdefault(needed, []).append(kernel)
    ready = [(kernel not in first, kernel.last, kernel.first, kernel) for kernel, count in waiting.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        kernel = heapq.heappop(ready)[-1]
        ordered.append(kernel)
        for user in users.get(kernel, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, (user not in first, user.last, user.first, user))
    return ordered
