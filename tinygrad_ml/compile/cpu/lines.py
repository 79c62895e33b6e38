"""The Python function that runs a program: lines for each kernel, over memory that is there already.

A kernel is a loop of machine code, calls of NumPy on whole arrays or on blocks of them, a product, or an operation that
stands alone. Read before: `source.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy

from ...backend import dtypes
from ...backend.arrays import HOST
from ...blocks import BlockRunner
from ...denormals import can_flush, flushed
from ...functional import windows
from ...machine.products.plan import Product, alike
from ...machine.sharing.job import MEMORY, SHARED, address
from ...ops import Primitive, movement
from ...ops.index import ARRAY, assemble, assemble_into, scatter_add
from ...ops.shapes import size
from ...totals import is_plain
from ..eager import value_of
from ..program import COPY, DRAW, Call, Instruction, Value, is_check
from ..schedule.draws import INTO_MEMORY, drawing
from ..schedule.kernel import Kernel
from ..schedule.layout import view_function
from ..schedule.reductions import adds_up
from ..sources import Argument
from .both_ways import BOTH_WAYS
from .convolutions import CONVOLUTION, WEIGHT_GRADIENT
from .functions import function_of
from .keepers import Arrival
from .moves import put
from .places import Operand, addressable, looking
from .pooling import MAX_POOL, MAX_POOL_GRADIENT
from .scans import SCANS
from .source import StepSource
from .stretches import Preparation, Stretches
from .walks import written


class Lines(StepSource):
    """eager      the operations that have no compiled form: they run as they do outside
    looks      variable -> the one at whose memory it looks, and by how many bytes further on
    stretches  the lines, with jobs that follow each other as one call
    """

    def compiled(self, moving: Iterable[Value]) -> Callable:
        """The function of the arrays that are handed in; `moving` are the values that are looked up in each call."""
        self.eager: list[Instruction] = []
        self._flushed = flushed()
        self.looks: dict[str, tuple[str, int]] = {}
        alike(plan for plan in self.layout.plans.values() if isinstance(plan, Product))
        for value in moving:
            self._look_up(value)
        for kernel in self.layout.kernels:
            self._kernel(kernel)
        for memory, value in self.layout.program.writes:
            if value not in self.layout.in_place:
                self._write(memory, value)
        results = map(self.name, self.layout.program.results)
        self.stretches = Stretches(self.lines, self.names, self.looks, self.threads, results)
        self.lines = self.stretches.lines
        return self.function(self.layout.program.results)

    def _write(self, memory: Value, value: Value) -> None:
        """What puts a value into memory from outside."""
        forms = self.layout.forms
        if self.layout.compiled and memory in self.fixed and addressable(forms[memory]) and size(value.shape):
            self._call_loop(put(value, memory, forms))
            return
        target = self.name(memory) if memory in self.fixed else f"target_{memory.number}"
        self.lines.append(f"copyto({target}, {self.name(value)})")

    def _look_up(self, value: Value) -> None:
        """Lines that give local variables the array that a value is in this call, and the one in order that is read."""
        source, number = value.source, value.number
        if isinstance(source, Argument):
            where = f"arguments[{source.position}]"
        else:
            self.names[f"tensor_{number}"] = source.tensor
            where = f"tensor_{number}{'.grad' if source.kind == 'gradient' else ''}._data"
        self.names[f"given_{number}"] = given = Arrival()
        self.lines += (
            Preparation(f"v{number}", f"given_{number}({where})", given),
            Preparation(f"target_{number}", where),
        )

    def _kernel(self, kernel: Kernel) -> None:
        instruction = kernel.instructions[0]
        if kernel.kind == "loop":
            targets = {value: self._target(value) for value in kernel.outputs if value not in self.layout.views}
            begin = len(self.lines)
            if kernel in self.layout.loops:
                self._loop(kernel)
                return
            if kernel in self.layout.blocks:
                self._in_blocks(kernel)
            else:
                self._at_once(kernel, targets)
            if kernel.updates and can_flush():
                self.names["denormals_are_zero"] = self._flushed
                early = [line for line in self.lines[begin:] if isinstance(line, Preparation)]
                body = [f"    {line}" for line in self.lines[begin:] if not isinstance(line, Preparation)]
                self.lines[begin:] = [*early, "with denormals_are_zero:", *body]
        elif instruction.output in self.layout.views:
            self._view(instruction)
        elif kernel.outputs or getattr(instruction.op, "effect", False):
            self._single(instruction)

    def _view(self, instruction: Instruction) -> None:
        take, (x,) = view_function(instruction), instruction.inputs
        assert take is not None
        if x in self.fixed:
            self.fixed[instruction.output] = take(self.fixed[x])
        else:
            if self.layout.forms[x].flags.c_contiguous and size(instruction.output.shape):
                form, source = self.layout.forms[instruction.output], self.layout.forms[x]
                take = looking(form, source)
                self.looks[f"v{instruction.output.number}"] = self.name(x), address(form) - address(source)
            word = f"view_{instruction.output.number}"
            self.names[word] = take
            self.lines.append(Preparation(f"v{instruction.output.number}", f"{word}({self.name(x)})"))

    def _loop(self, kernel: Kernel) -> None:
        """A call of the loop, compiled to machine code."""
        self._call_loop(written(self.layout.loops[kernel], self.layout.forms, self.layout.in_place))
        for instruction in kernel.instructions:
            if instruction.output in self.layout.views and instruction.output in kernel.outputs:
                self._view(instruction)

    def _at_once(self, kernel: Kernel, targets: dict[Value, str]) -> None:
        for instruction in kernel.instructions:
            value = instruction.output
            if value in self.layout.views:
                self._view(instruction)
                continue
            if value not in targets:
                offset = self.layout.offsets[self.layout.registers[value]]
                self.fixed[value] = self._place(offset, value.shape, value.dtype)
            operands = list(map(self.name, instruction.inputs))
            if instruction.reduces:
                self._reduction(instruction, operands[0], self.name(value))
            else:
                function = self._named(function_of(instruction))
                self.lines.append(f"{function}({', '.join(operands)}, out={self.name(value)})")

    def _reduction(self, instruction: Instruction, operand: str, out: str) -> None:
        (fold, _), axis, x = instruction.fold, instruction.params["axis"], instruction.inputs[0]
        wide = adds_up(instruction) and not is_plain(x.dtype, prod(x.shape[a] for a in axis))
        if wide or not isinstance(fold.ufunc, numpy.ufunc):
            self._copied(instruction, operand, out)  # how wide, is said in one place
            return
        self.lines.append(
            f"{fold.ufunc.__name__}.reduce({operand}, {axis}, None, {out}, {instruction.params['keepdims']})"
        )

    def _copied(self, instruction: Instruction, operand: str, out: str) -> None:
        """What eager mode computes, put into `out`."""
        self.lines.append(f"copyto({out}, {self._named(lambda *x: value_of(instruction, HOST, *x))}({operand}))")

    def _in_blocks(self, kernel: Kernel) -> None:
        """A call of what goes through the kernel block by block."""
        length, flat = self.layout.blocks[kernel]
        cut, whole = [], []
        for value in dict.fromkeys((*kernel.inputs(), *kernel.outputs)):
            alike = flat or (len(value.shape) == len(kernel.shape) and value.shape[0] != 1)
            (cut if value.shape and alike else whole).append(value)
        kept = [i.output for i in kernel.instructions if i.output in self.layout.registers]
        shape = (length,) if flat else (length, *kernel.shape[1:])
        registers = {x: self._place(self.layout.offsets[self.layout.registers[x]], shape, x.dtype) for x in kept}
        calls = [(function_of(i), i.inputs, i.output) for i in kernel.instructions]
        word = self._new_name("blocks")
        self.names[word] = BlockRunner(calls, cut, whole, registers, length, flat)
        arguments = ", ".join(f"[{', '.join(map(self.name, values))}]" for values in (cut, whole))
        self.lines.append(f"{word}({arguments})  # {', '.join(i.op.name for i in kernel.instructions)}")

    def _single(self, instruction: Instruction) -> None:
        loops, operands = self.layout.alone.get(instruction.output), list(map(self.name, instruction.inputs))
        if loops is not None:
            self._target(instruction.output)
            for loop in loops:
                self._call_noting(loop, instruction) if loop.notes else self._call_loop(loop)
        elif instruction.op.kind == "reduction":
            self._reduction(instruction, operands[0], self._target(instruction.output))
        elif instruction.op.kind == "product":
            self._multiplied(instruction)
        elif is_check(instruction):
            look = f"check_{instruction.output.number}"
            self.names[look] = partial(value_of, instruction, HOST)
            self.lines.append(f"{look}({', '.join(operands)})")
        else:
            FORMS.get(instruction.op, Lines._eagerly)(self, instruction, operands)

    def _eagerly(self, instruction: Instruction, operands: list[str]) -> None:
        self.eager.append(instruction)
        number = instruction.output.number
        compute = drawing(instruction) if instruction.op is DRAW else lambda *x: value_of(instruction, HOST, *x)
        self.names[f"call_{number}"] = lambda *x: numpy.asarray(compute(*x), order="C")
        self.lines.append(f"v{number} = call_{number}({', '.join(operands)})")

    def _multiplied(self, instruction: Instruction) -> None:
        self._target(instruction.output)
        factors = self.layout.factors(instruction)
        a, b, out = (self._transposed(value) if turned else self.name(value) for value, turned in factors)
        if instruction.output in self.layout.plans:
            self._planned(instruction, [value for value, _ in factors], f"{out} = {a} @ {b}")
        else:
            self.lines.append(f"matmul({a}, {b}, {out})")

    def _windowed(self, instruction: Instruction, operands: list[str]) -> None:
        """An operation on windows that nobody lays out."""
        out, given = self._target(instruction.output), ", ".join(operands)
        if instruction.output in self.layout.plans:
            values = *instruction.inputs, instruction.output
            self._planned(instruction, values, f"{out} = {instruction.op.name}({given})")
        else:
            self._copied(instruction, given, out)

    def _planned(self, instruction: Instruction, values: Sequence[Value], what: str) -> None:
        """Calls of what does the jobs of an instruction's plan, of these values."""
        plan = self.layout.plans[instruction.output]
        self.names[self._new_name("plan")] = plan  # which holds what the jobs point to
        scratch = address(self.memory) + self.layout.offsets.get(plan, 0)
        for job, places in plan.jobs(self.threads, scratch):
            job[SHARED], job[MEMORY] = plan.shared and self.threads > 1, scratch
            operands = {place: Operand(values[which]) for place, which in places.items()}
            self._call_job(job, operands, f"{what}{plan.how}")

    def _transposed(self, value: Value) -> str:
        """Its last two axes swapped, as an expression."""
        name = self.name(value)
        if value not in self.fixed:
            return f"{name}.mT"
        self.names[f"{name}_T"] = self.fixed[value].mT
        return f"{name}_T"

    def _copy(self, instruction: Instruction, operands: list[str]) -> None:
        self.lines.append(f"copyto({self._target(instruction.output)}, {operands[0]})")

    def _reshape(self, instruction: Instruction, operands: list[str]) -> None:
        out = self._target(instruction.output)
        self.lines.append(f"copyto(reshape({out}, {instruction.inputs[0].shape}), {operands[0]})")

    def _concat(self, instruction: Instruction, operands: list[str]) -> None:
        out = self._target(instruction.output)
        self.lines.append(f"concatenate(({', '.join(operands)},), {instruction.params['axis']}, {out})")

    def _computed(self, instruction: Instruction, operands: list[str]) -> None:
        self._copied(instruction, ", ".join(operands), self._target(instruction.output))

    def _added(self, instruction: Instruction, operands: list[str]) -> None:
        """What is added up, at indices or where windows were, in zeros."""
        op, params = instruction.op, instruction.params
        if ARRAY in params.get("index", ()):
            self._eagerly(instruction, operands)
        elif instruction.output.dtype == dtypes.float16:  # which is added up wider
            self._computed(instruction, operands)
        else:
            out, word = self._target(instruction.output), f"{op.name}_{instruction.output.number}"
            self.names[word] = lambda total, *parts: ADDERS[op](total, parts, params)
            self.lines += [f"{out}[...] = 0", f"{word}({out}, {', '.join(operands)})"]

    def _draw(self, instruction: Instruction, operands: list[str]) -> None:
        if instruction.params["method"] not in INTO_MEMORY or instruction.output not in self.layout.offsets:
            self._eagerly(instruction, operands)
            return
        out, word = self._target(instruction.output), f"draw_{instruction.output.number}"
        self.names[word] = drawing(instruction)
        self.lines.append(f"{word}(out={out})")


ADDERS: dict[Primitive | Call, Callable[[numpy.ndarray, Sequence[numpy.ndarray], Mapping[str, Any]], None]] = {
    assemble: lambda total, parts, params: assemble_into(total, parts, params["indices"]),
    scatter_add: lambda total, parts, params: total.__setitem__(params["index"], parts[0]),
    windows.fold: lambda total, parts, params: windows.fold_into(
        total, parts[0], params["kernel"], params["stride"], params["dilation"]
    ),
}
"""Operation -> what adds its operands to zeros."""

FORMS = {
    COPY: Lines._copy,
    movement.reshape: Lines._reshape,
    movement.concat: Lines._concat,
    DRAW: Lines._draw,
    CONVOLUTION: Lines._windowed,
    WEIGHT_GRADIENT: Lines._windowed,
    **dict.fromkeys(ADDERS, Lines._added),
    **dict.fromkeys((*SCANS, BOTH_WAYS, MAX_POOL, MAX_POOL_GRADIENT), Lines._computed),
}
"""Operation that stands alone, without a loop -> what writes its lines. All others run as in eager mode."""
