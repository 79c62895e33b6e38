"""Fusion: elementwise operations of one shape that follow each other become one kernel.

Operation by operation, every result goes out to memory and comes back for the next one. A kernel does
all of its operations on a piece that fits into the cache, and stores only what others need.

Two kernels may be one unless something in between needs the first and is needed by the second.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from ..program import VIEWS, Instruction, Program, Value
from .elementwise import is_elementwise

FAR = 1000
"""So many kernels are looked through; what is farther apart stays apart, so that compiling takes linear time."""


class Kernel:
    """Instructions that run together, in this order: several elementwise ones of one shape, or one of any kind."""

    def __init__(self, first: int, instruction: Instruction, elementwise: bool):
        self.instructions = [instruction]
        self.elementwise = elementwise
        self.shape = instruction.output.shape
        self.first = self.last = first  # where its instructions stand in the program
        self.needs: set[Kernel] = set()  # the kernels whose results it takes
        self.merged: Kernel | None = None  # the kernel that has taken this one in
        self.outputs: list[Value] = []  # what others need of it

    def inputs(self) -> list[Value]:
        """The values that it takes, each once."""
        own = {instruction.output for instruction in self.instructions}
        return list(dict.fromkeys(v for i in self.instructions for v in i.inputs if v not in own))

    @property
    def flops(self) -> int:
        return sum(instruction.flops for instruction in self.instructions)

    @property
    def nbytes(self) -> int:
        """Bytes that are read and written."""
        return sum(value.nbytes for value in (*self.inputs(), *self.outputs))

    @property
    def name(self) -> str:
        return " ".join(instruction.op.name for instruction in self.instructions)

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"


def fusion(program: Program, has_form: Callable[[Instruction], bool], fuse: bool = True) -> list[Kernel]:
    """The kernels of a program, in an order in which they can run.

    has_form  whether the backend can compute an elementwise instruction as a part of a kernel
    fuse      False for a kernel for each instruction
    """
    kernel_of: dict[Value, Kernel] = {}
    numbers: dict[Instruction, int] = {}
    for number, instruction in enumerate(program.instructions):
        numbers[instruction] = number
        kernel = Kernel(number, instruction, is_elementwise(instruction) and has_form(instruction))
        kernel.needs = {kernel_of[value] for value in instruction.inputs if value in kernel_of}
        kernel_of[instruction.output] = kernel
        if fuse and kernel.elementwise:
            for other in sorted(kernel.needs, key=lambda k: -k.last):
                if other.elementwise and other.shape == kernel.shape and _may_be_one(other, kernel):
                    kernel = _merged(other, kernel, kernel_of)
    kernels = set(kernel_of.values())
    users: dict[Value, set[Kernel]] = {}
    for kernel in kernels:
        kernel.instructions.sort(key=numbers.__getitem__)
        for value in kernel.inputs():
            users.setdefault(value, set()).add(kernel)
    handed_out = {*program.results, *(value for _, value in program.writes)}
    for kernel in kernels:
        made = [instruction.output for instruction in kernel.instructions]
        kernel.outputs = [value for value in made if value in handed_out or users.get(value, set()) - {kernel}]
        kernel.needs = {kernel_of[value] for value in kernel.inputs() if value in kernel_of}
    return _in_order(kernels, _writers(program, kernel_of, users))


def _may_be_one(a: Kernel, b: Kernel) -> bool:
    return not (_leads(a, b.needs - {a}) or _leads(b, a.needs - {b}))


def _leads(start: Kernel, ends: Iterable[Kernel]) -> bool:
    """Whether one of `ends` needs `start`, directly or not."""
    waiting, seen = list(ends), set()
    while waiting:
        kernel = waiting.pop()
        while kernel.merged is not None:
            kernel = kernel.merged
        if kernel is start or len(seen) > FAR:
            return True
        if kernel not in seen:
            seen.add(kernel)
            waiting.extend(kernel.needs)
    return False


def _merged(a: Kernel, b: Kernel, kernel_of: dict[Value, Kernel]) -> Kernel:
    """Put the instructions of b into a."""
    a.instructions += b.instructions
    a.first, a.last = min(a.first, b.first), max(a.last, b.last)
    a.needs = (a.needs | b.needs) - {a, b}
    b.merged = a
    for instruction in b.instructions:
        kernel_of[instruction.output] = a
    return a


def _writers(program: Program, kernel_of: dict[Value, Kernel], users: dict[Value, set[Kernel]]) -> set[Kernel]:
    """The kernels that compute what is written to memory from outside. They now need the readers of the old numbers.

    So they can write in place; but for a reader that needs the new numbers too.
    """
    looks_at: dict[Value, Value] = {}
    for instruction in program.instructions:
        if instruction.op.name in VIEWS:
            looks_at[instruction.output] = looks_at.get(instruction.inputs[0], instruction.inputs[0])
    readers: dict[Value, set[Kernel]] = {}
    for value, kernels in users.items():
        readers.setdefault(looks_at.get(value, value), set()).update(kernels)
    writers = set()
    for memory, value in program.writes:
        if value in kernel_of:
            writer = kernel_of[value]
            writers.add(writer)
            writer.needs |= {reader for reader in readers.get(memory, ()) if not _leads(writer, [reader])}
    return writers


def _in_order(kernels: Iterable[Kernel], first: set[Kernel]) -> list[Kernel]:
    """Each kernel after those that it needs, otherwise as late as its last instruction stood in the program.

    first  kernels that run as soon as they can: an update of a parameter, while its gradient is in the cache
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
