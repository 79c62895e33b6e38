"""Where every value of a program lies: in the caller's memory, in a planned buffer, in a register, or as a view.

A *register* is a buffer for one block of a kernel's intermediate values; it stays in the cache. A value
that is written into a parameter is computed into the parameter at once, if no later kernel reads the
old numbers (`in_place`). What is handed out (`results`) lies in memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ...ops.index import ARRAY
from ...ops.shapes import size
from ..passes.buffers import Lifetime, places
from ..passes.fusion import Kernel
from ..program import Instruction, Program, Value
from .functions import NOT_IN_PLACE

BLOCK = 32768
"""Elements in a block: half a dozen such arrays of float32 fit into the second-level cache."""


def form_of(shape: tuple[int, ...], dtype: numpy.dtype, strides: tuple[int, ...] | None = None) -> numpy.ndarray:
    """An array that shows how memory is laid out, and has none: only views may be taken of it."""
    if strides is None:
        step, strides = dtype.itemsize, []
        for extent in reversed(shape):
            strides.insert(0, step)
            step *= max(extent, 1)
    return as_strided(numpy.empty(1, dtype), shape, strides, writeable=False)


def view_function(instruction: Instruction) -> Callable | None:
    """What takes the view of an array that the instruction is; None if it is none. Fails if numbers had to move."""
    params = instruction.params
    match instruction.op.name:
        case "reshape":
            return lambda x: numpy.reshape(x, params["shape"], copy=False)
        case "permute_dims":
            return lambda x: x.transpose(params["axes"])
        case "broadcast_to":
            return lambda x: numpy.broadcast_to(x, params["shape"])
        case "windows":
            return lambda x: instruction.op.value(numpy, x, **params)
        case "getitem" if ARRAY not in params["index"]:
            index = params["index"]
            whole = index if Ellipsis in index else (*index, ...)  # so that an element is an array too
            return lambda x: x[whole]
    return None


class Register:
    """Memory for a block of a value inside of a kernel, which later values of the kernel may take over."""

    def __init__(self, itemsize: int):
        self.itemsize = itemsize


class Layout:
    """Says of each value where it lies.

    program    what runs, as `kernels`
    writeable  the values from outside that may be overwritten while the program runs
    forms      value -> how its memory is laid out
    views      value -> the instruction that takes it as a view
    roots      value -> the value whose memory it looks at; itself, if it is no view
    in_place   value -> the value from outside into whose memory it is computed
    registers  value -> its register
    handed_out the values in memory of their own: results, and what they are reshaped from
    offsets    value or register -> place in the planned memory, of `nbytes` bytes
    blocks     kernel -> (elements or rows in a block, whether it runs over flat memory); for those that run in blocks
    """

    def __init__(self, program: Program, kernels: list[Kernel], forms: dict[Value, Any], writeable: set[Value]):
        self.program, self.kernels, self._writeable = program, kernels, writeable
        self.forms: dict[Value, numpy.ndarray] = dict(forms)
        self.views: dict[Value, Instruction] = {}
        self.roots: dict[Value, Value] = {value: value for value in forms}
        self.held: dict[Value, set[Value]] = {}
        for kernel in kernels:
            for instruction in kernel.instructions:
                self._lay(kernel, instruction)
        self.handed_out = {self.roots[value] for value in program.results}
        self.in_place = self._in_place()
        self.blocks = {kernel: block for kernel in kernels if (block := self._block(kernel)) is not None}
        self.registers: dict[Value, Register] = {}
        self.offsets, self.nbytes = places(self._lifetimes())

    def _lay(self, kernel: Kernel, instruction: Instruction) -> None:
        output = instruction.output
        take = view_function(instruction)
        if take is not None:
            try:
                self.forms[output] = take(self.forms[instruction.inputs[0]])
                self.views[output] = instruction
                self.roots[output] = self.roots[instruction.inputs[0]]
                return
            except ValueError:  # a reshape for which numbers have to move
                pass
        self.forms[output] = form_of(output.shape, output.dtype)
        self.roots[output] = output
        if not kernel.elementwise:  # what NumPy gives back may look at what it was given
            self.held[output] = {root for value in instruction.inputs for root in self.memory(value)}

    def memory(self, value: Value) -> set[Value]:
        """The values whose memory must not be given to others while this one is needed."""
        root = self.roots[value]
        return {root, *self.held.get(root, ())}

    # -- writes ------------------------------------------------------------------------------------------------

    def _in_place(self) -> dict[Value, Value]:
        number = {kernel: i for i, kernel in enumerate(self.kernels)}
        producer = {output: kernel for kernel in self.kernels for output in kernel.outputs}
        readers: dict[Value, list[Kernel]] = {}
        for kernel in self.kernels:
            for value in kernel.inputs():
                readers.setdefault(self.roots[value], []).append(kernel)
        found = {}
        for memory, value in self.program.writes:
            kernel = producer.get(value)
            if kernel is None or not kernel.elementwise or value in found or value in self.handed_out:
                continue
            earlier = all(number[reader] <= number[kernel] for reader in readers.get(memory, ()))
            if memory in self._writeable and earlier and self._last_reader_is(kernel, memory, value):
                found[value] = memory
        return found

    def _last_reader_is(self, kernel: Kernel, memory: Value, value: Value) -> bool:
        """Whether `kernel` does not read the old numbers any more when it computes `value`, element by element."""
        outputs = [instruction.output for instruction in kernel.instructions]
        place = outputs.index(value)
        for i, instruction in enumerate(kernel.instructions):
            late = i > place or (i == place and instruction.op.name in NOT_IN_PLACE)
            for operand in instruction.inputs:
                if self.roots.get(operand) is memory and (late or operand is not memory):
                    return False
        return True

    # -- blocks ------------------------------------------------------------------------------------------------

    def _block(self, kernel: Kernel) -> tuple[int, bool] | None:
        """The size of a block, and whether the kernel can run over flat memory; None if it is small enough as it is."""
        shape = kernel.shape
        if not kernel.elementwise or size(shape) <= BLOCK:
            return None
        wide = [v for v in (*kernel.inputs(), *kernel.outputs) if v.shape]
        wide += [self.in_place[value] for value in kernel.outputs if value in self.in_place]
        if all(value.shape == shape and self.forms[value].flags.c_contiguous for value in wide):
            return BLOCK, True
        if shape[0] == 1:
            return None
        return max(1, BLOCK * shape[0] // size(shape)), False

    def block_elements(self, kernel: Kernel) -> int:
        """Elements in a block of the kernel."""
        if kernel not in self.blocks:
            return size(kernel.shape)
        block, flat = self.blocks[kernel]
        return block if flat else block * size(kernel.shape[1:])

    # -- lifetimes ---------------------------------------------------------------------------------------------

    def planned(self, kernel: Kernel) -> list[Value]:
        """Those results of a kernel that lie in planned buffers."""
        return [
            value
            for value in kernel.outputs
            if value not in self.views and value not in self.in_place and value not in self.handed_out
        ]

    def _lifetimes(self) -> Iterable[Lifetime]:
        last: dict[Value, int] = {}
        for i, kernel in enumerate(self.kernels):
            for value in (*kernel.inputs(), *kernel.outputs):
                last.update(dict.fromkeys(self.memory(value), i))
        for _, value in self.program.writes:
            last.update(dict.fromkeys(self.memory(value), len(self.kernels)))
        for value in self.program.results:
            last.update(dict.fromkeys(self.memory(value), len(self.kernels)))
        for i, kernel in enumerate(self.kernels):
            for value in self.planned(kernel):
                yield Lifetime(value, value.nbytes, i, last[value])
            if kernel.elementwise:
                for register in self._registers(kernel):
                    yield Lifetime(register, register.itemsize * self.block_elements(kernel), i, i)

    def _registers(self, kernel: Kernel) -> list[Register]:
        """Registers for what only the kernel itself needs, taken over as soon as they are free."""
        kept = set(kernel.outputs)
        last = {value: i for i, instruction in enumerate(kernel.instructions) for value in instruction.inputs}
        made: list[Register] = []
        free: list[Register] = []
        for i, instruction in enumerate(kernel.instructions):
            done = {self.registers[v] for v in instruction.inputs if last[v] == i and v in self.registers}
            if instruction.op.name not in NOT_IN_PLACE:
                free, done = [*free, *done], set()
            if instruction.output not in kept:
                itemsize = instruction.output.dtype.itemsize
                fitting = [register for register in free if register.itemsize == itemsize]
                if fitting:
                    free.remove(fitting[-1])
                    self.registers[instruction.output] = fitting[-1]
                else:
                    made.append(Register(itemsize))
                    self.registers[instruction.output] = made[-1]
            free += done
        return made
