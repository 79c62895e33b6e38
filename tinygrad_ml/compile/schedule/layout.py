"""Where every value of a program lies: in the caller's memory, in a planned buffer, or as a view of another value.

A value that is written into a parameter is computed into the parameter at once, if nothing later reads
the old numbers (`in_place`). What is handed out (`results`) lies in memory of its own. A backend says
what else its kernels need while they run (`scratch`), which is planned like any other memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ..program import GATHER, Instruction, Program, Value
from .buffers import Lifetime, places
from .kernel import Kernel, Turns


def form_of(shape: tuple[int, ...], dtype: numpy.dtype, strides: tuple[int, ...] | None = None) -> numpy.ndarray:
    """An array that shows how memory is laid out, and has none: only views may be taken of it."""
    if strides is None:
        strides, step = (), dtype.itemsize
        for extent in reversed(shape):
            strides, step = (step, *strides), step * max(extent, 1)
    return as_strided(numpy.empty(1, dtype), shape, strides, writeable=False)


def bytes_between(form: numpy.ndarray, other: numpy.ndarray) -> int:
    """Bytes from the first element of an array to that of another one."""
    return other.__array_interface__["data"][0] - form.__array_interface__["data"][0]


def is_alike(now: Any, before: Any) -> bool:
    """Whether an array can take the place of another one: by shape, dtype and device."""
    return now is before or (now.shape, now.dtype, type(now)) == (before.shape, before.dtype, type(before))


def view_function(instruction: Instruction) -> Callable | None:
    """What takes the view of an array that the instruction is; None if it is none. Fails if numbers had to move."""
    op = instruction.op
    if op.view is None or op.view.take is None or len(instruction.inputs) > 1:
        return None
    return partial(op.view.take, **instruction.params)


def lay(instruction: Instruction, forms: dict[Value, numpy.ndarray], roots: dict[Value, Value]) -> bool:
    """Note how the result of an instruction lies, and at whose memory it looks; whether that is another value's."""
    output, take = instruction.output, view_function(instruction)
    if take is not None:
        try:
            forms[output] = take(forms[instruction.inputs[0]])
            roots[output] = roots[instruction.inputs[0]]
            return True
        except ValueError:  # a reshape for which numbers have to move
            pass
    forms[output], roots[output] = form_of(output.shape, output.dtype), output
    return False


def _adds_up_in(kernel: Kernel, value: Value) -> bool:
    """Whether the memory of a reduction is written to before all that the kernel reads has been read."""
    return not kernel.in_rows and any(i.output is value and kernel.folds(i) for i in kernel.instructions)


class Layout:
    """Says of each value where it lies. A backend derives its own, with what its kernels need besides.

    program    what runs, as `kernels`, in `turns`
    writeable  the values from outside that may be overwritten while the program runs
    forms      value -> how its memory is laid out
    views      value -> the instruction that takes it as a view
    roots      value -> the value whose memory it looks at; itself, if it is no view
    in_place   value -> the value from outside into whose memory it is computed
    handed_out the values in memory of their own: results, and what they are reshaped from
    offsets    value or key of scratch memory -> place in the planned memory, of `nbytes` bytes
    turns      kernel -> when it runs; those of one turn may run at the same time
    """

    def __init__(
        self,
        program: Program,
        turns: list[list[Kernel]],
        forms: dict[Value, numpy.ndarray],
        writeable: set[Value],
    ):
        self.program, self._writeable = program, writeable
        self.kernels = [kernel for turn in turns for kernel in turn]
        self.turns = {kernel: number for number, turn in enumerate(turns) for kernel in turn}
        self.forms: dict[Value, numpy.ndarray] = dict(forms)
        self.views: dict[Value, Instruction] = {}
        self.roots: dict[Value, Value] = {value: value for value in forms}
        self.held: dict[Value, set[Value]] = {}
        for kernel in self.kernels:
            for instruction in kernel.instructions:
                self._lay(kernel, instruction)
        self.handed_out = {self.roots[value] for value in program.results}
        self.in_place = self._in_place()
        self.offsets, self.nbytes = places(self._lifetimes())

    def scratch(self, kernel: Kernel) -> Iterable[tuple[Hashable, int]]:
        """(key, bytes) of memory that a kernel needs while it runs."""
        return ()

    def reads_late(self, kernel: Kernel, instruction: Instruction) -> bool:
        """Whether the backend writes a part of the instruction's result before it has read all of its operands."""
        return False

    def computes_into(self, kernel: Kernel, memory: Value) -> bool:
        """Whether the backend can let a kernel put its result into memory from outside."""
        return kernel.kind == "loop"

    def begins(self, value: Value, turn: int) -> int:
        """The turn in which the memory of a planned value is first written to; `turn` is that in which it is made."""
        return turn

    def _lay(self, kernel: Kernel, instruction: Instruction) -> None:
        output = instruction.output
        if lay(instruction, self.forms, self.roots):
            self.views[output] = instruction
        elif kernel.kind == "single":  # what the array library gives back may look at what it was given
            self.held[output] = {root for value in instruction.inputs for root in self.memory(value)}

    def memory(self, value: Value) -> set[Value]:
        """The values whose memory must not be given to others while this one is needed."""
        root = self.roots[value]
        return {root, *self.held.get(root, ())}

    def _in_place(self) -> dict[Value, Value]:
        producer = {output: kernel for kernel in self.kernels for output in kernel.outputs}
        readers: dict[Value, list[Kernel]] = {}
        for kernel in self.kernels:
            for value in kernel.inputs():
                readers.setdefault(self.roots[value], []).append(kernel)
        in_place = {}
        for memory, value in self.program.writes:
            kernel = producer.get(value)
            if kernel is None or not self.computes_into(kernel, memory) or value in self.views:
                continue
            if value in in_place or value in self.handed_out or _adds_up_in(kernel, value):
                continue
            others = [reader for reader in readers.get(memory, ()) if reader is not kernel]
            earlier = all(self.turns[reader] < self.turns[kernel] for reader in others)
            if memory in self._writeable and earlier and self._last_reader_is(kernel, memory, value):
                in_place[value] = memory
        return in_place

    def _last_reader_is(self, kernel: Kernel, memory: Value, value: Value) -> bool:
        """Whether `kernel` reads each of the old numbers only before it computes the new one in the same place."""
        turn = Turns(kernel).of
        outputs = [instruction.output for instruction in kernel.instructions]
        place = outputs.index(value)
        for i, instruction in enumerate(kernel.instructions):
            if not any(self.roots.get(operand) is memory for operand in instruction.inputs):
                continue
            output = instruction.output
            late = i > place or turn[output] > turn[value] or (i == place and self.reads_late(kernel, instruction))
            elsewhere = kernel.reduced(output) != kernel.reduced(value) or output.shape != value.shape
            looks = any(self.roots.get(operand) is memory and operand is not memory for operand in instruction.inputs)
            looks = looks or (instruction.op is GATHER and self.roots.get(instruction.inputs[0]) is memory)
            if late or elsewhere or looks:
                return False
        return True

    def planned(self, kernel: Kernel) -> list[Value]:
        """Those results of a kernel that lie in planned buffers."""
        return [
            value
            for value in kernel.outputs
            if value not in self.views and value not in self.in_place and value not in self.handed_out
        ]

    def _lifetimes(self) -> Iterable[Lifetime]:
        last: dict[Value, int] = {}
        for kernel in self.kernels:
            for value in (*kernel.inputs(), *kernel.outputs):
                last.update(dict.fromkeys(self.memory(value), self.turns[kernel]))
        for _, value in self.program.writes:
            last.update(dict.fromkeys(self.memory(value), len(self.kernels)))
        for value in self.program.results:
            last.update(dict.fromkeys(self.memory(value), len(self.kernels)))
        for kernel in self.kernels:
            turn = self.turns[kernel]
            for value in self.planned(kernel):
                yield Lifetime(value, value.nbytes, self.begins(value, turn), last[value])
            for key, nbytes in self.scratch(kernel):
                yield Lifetime(key, nbytes, turn, turn)
