"""Writes the Python function that runs a program: a line for each NumPy call, over memory that is there already.

What lies at a fixed place (parameters, planned buffers, views of these, blocks of all of them) is taken
once, when the function is made, and has a name in it: `v12` is value %12. What is another array in each
call (arguments, results) is a local variable of that name.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ...backend import dtypes
from ...backend import random as streams
from ...backend.arrays import HOST
from ...backend.blocks import BlockRunner
from ...backend.sums import is_plain
from ...ops import conv, movement, reduce
from ...ops.index import ARRAY, scatter_add
from ...ops.matmul import linear, matmul
from ...ops.shapes import size
from ..eager import value_of
from ..program import COPY, DRAW, Instruction, Value
from ..schedule.kernel import Kernel
from ..schedule.layout import view_function
from ..sources import Argument
from . import moves
from .functions import function_of
from .layout import HostLayout
from .machine_code import machine_code
from .moves import Move
from .places import addressable
from .products.plan import FIRST_A, FIRST_B, FIRST_C
from .sharing import calling
from .sharing.job import FIRST_ARGUMENT, MOST_ARGUMENTS, address
from .walks import Written, written

WORTH_SHARING = 1 << 15
"""Elements of a loop that threads share: they take a hundredth of a millisecond."""
REDUCTIONS = {
    reduce.sum_: "add",
    reduce.max_: "maximum",
    reduce.min_: "minimum",
    reduce.any_: "logical_or",
    reduce.all_: "logical_and",
}
"""Primitive -> the function of NumPy that reduces by it."""


class Source:
    """The lines of the function, and the objects that they name.

    fixed    value -> its array, where that is always the same
    memory   the planned buffers, as bytes
    eager    the operations that have no compiled form: they run as they do outside
    loops    name -> source of the loops that are compiled to machine code
    threads  that share what is worth it
    """

    def __init__(self, layout: HostLayout, fixed: dict[Value, numpy.ndarray], memory: numpy.ndarray):
        self.layout, self.fixed, self.memory = layout, dict(fixed), memory
        self.lines: list[str] = []
        self._names_given = 0
        self.eager: list[Instruction] = []
        self.loops: dict[str, str] = {}
        self.names: dict[str, Any] = {
            "asarray": numpy.asarray,
            "reshape": numpy.reshape,
            "concatenate": numpy.concatenate,
        }
        self.names |= {name: function for name, function in vars(numpy).items() if isinstance(function, numpy.ufunc)}
        self.names |= {"copyto": numpy.copyto, "argmax": numpy.argmax, "argmin": numpy.argmin}
        self.names |= {"address": address, "memory": memory}
        self.threads = calling.threads() if layout.compiled else 1

    def compiled(self, moving: Iterable[Value], pools: dict[Value, Callable]) -> Callable:
        """The function of the arrays that are handed in, which returns the results.

        moving  the values from outside that are looked up in each call
        pools   value that is handed out -> what gives memory for it
        """
        for value in moving:
            self._look_up(value)
        for kernel in self.layout.kernels:
            self._kernel(kernel, pools)
        for memory, value in self.layout.program.writes:
            if value not in self.layout.in_place:
                target = self.name(memory) if memory in self.fixed else f"target_{memory.number}"
                self.lines.append(f"copyto({target}, {self.name(value)})")
        results = ", ".join(map(self.name, self.layout.program.results))
        body = [*self.lines, f"return ({results}{',' if results else ''})"]
        self.text = "def step(arguments):\n" + "\n".join(f"    {line}" for line in body) + "\n"
        exec(compile(self.text, "<compiled step>", "exec"), self.names)
        return self.names.pop("step")  # which holds the names, and they not it

    def _look_up(self, value: Value) -> None:
        """Lines that give local variables the array that a value is in this call, and the one in order that is read."""
        source, number = value.source, value.number
        if isinstance(source, Argument):
            where = f"arguments[{source.position}]"
        else:
            self.names[f"tensor_{number}"] = source.tensor
            where = f"tensor_{number}{'.grad' if source.kind == 'gradient' else ''}._data"
        self.lines += [f"v{number} = asarray({where}, order='C')", f"target_{number} = {where}"]

    def whole(self) -> str:
        """All that was written: the loops, and the function that calls them."""
        loops = [text.replace("def loop(", f"def {name}(") for name, text in self.loops.items()]
        return "\n\n".join([*loops, self.text])

    # -- names -------------------------------------------------------------------------------------------------

    def name(self, value: Value) -> str:
        """The value as an expression."""
        word = f"v{value.number}"
        if value in self.fixed:
            self.names[word] = self.fixed[value]
        return word

    def _place(self, offset: int, shape: tuple[int, ...], dtype: numpy.dtype) -> numpy.ndarray:
        return self.memory[offset : offset + size(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def _placed(self, value: Value) -> numpy.ndarray:
        """Its planned buffer, as its form says."""
        flat = self._place(self.layout.offsets[value], (size(value.shape),), value.dtype)
        return as_strided(flat, value.shape, self.layout.forms[value].strides)

    def _target(self, value: Value, pools: dict[Value, Callable]) -> str:
        """Where a kernel puts a value, as an expression."""
        if value in self.layout.in_place:
            self.fixed[value] = self.fixed[self.layout.in_place[value]]
        elif value in self.layout.offsets:
            self.fixed[value] = self._placed(value)
        elif value in pools:
            self.names[f"new_{value.number}"] = pools[value]
            self.lines.append(f"v{value.number} = new_{value.number}()")
        return self.name(value)

    # -- kernels -----------------------------------------------------------------------------------------------

    def _kernel(self, kernel: Kernel, pools) -> None:
        instruction = kernel.instructions[0]
        if kernel.kind == "loop":
            targets = {value: self._target(value, pools) for value in kernel.outputs if value not in self.layout.views}
            if kernel in self.layout.loops:
                self._loop(kernel)
            elif kernel in self.layout.blocks:
                self._in_blocks(kernel)
            else:
                self._at_once(kernel, targets)
        elif instruction.output in self.layout.views:
            self._view(instruction)
        elif kernel.outputs or getattr(instruction.op, "effect", False):
            self._single(instruction, pools)

    def _view(self, instruction: Instruction) -> None:
        take, (x,) = view_function(instruction), instruction.inputs
        if x in self.fixed:
            self.fixed[instruction.output] = take(self.fixed[x])
        else:
            if self.layout.forms[x].flags.c_contiguous and size(instruction.output.shape):
                take = _looking(self.layout.forms[instruction.output], self.layout.forms[x])
            word = f"view_{instruction.output.number}"
            self.names[word] = take
            self.lines.append(f"v{instruction.output.number} = {word}({self.name(x)})")

    def _loop(self, kernel: Kernel) -> None:
        """A call of the loop, compiled to machine code."""
        loop = written(self.layout.loops[kernel], self.layout.forms, self.layout.in_place)
        self._call_loop(loop, [(operand.value, operand.scratch) for operand in loop.operands], size(kernel.shape))
        for instruction in kernel.instructions:
            if instruction.output in self.layout.views and instruction.output in kernel.outputs:
                self._view(instruction)

    def _call_loop(self, loop: Written | Move, operands: list[tuple[Value, bool]], elements: int) -> None:
        """A call of a loop, compiled to machine code.

        operands  values, and whether it is scratch memory for them that it works in
        elements  how many it goes through
        """
        known = (name for name, source in self.loops.items() if source == loop.source)
        name = next(known, f"loop_{len(self.loops) + 1}")
        self.loops[name] = loop.source
        self.names[name] = machine_code(loop.source)
        fits = len(loop.sizes) + len(operands) + len(loop.steps) <= MOST_ARGUMENTS
        if self.threads > 1 and loop.growth is not None and elements >= WORTH_SHARING and fits:
            self._share(name, loop, operands)
            return
        words = []
        for value, scratch in operands:
            array = self._memory(value, scratch)
            words.append(f"{self.name(value)}.ctypes" if array is None else self._new_name("a"))
            if array is not None:
                self.names[words[-1]] = array.ctypes.data_as(ctypes.c_void_p)  # which holds the array
        self.lines.append(f"{name}({', '.join(map(str, [*loop.sizes, *words, *loop.steps]))})")

    def _share(self, loop_name: str, loop: Written | Move, operands: list[tuple[Value, bool]]) -> None:
        """A call of a loop whose rows threads share."""
        arrays = [self._memory(value, scratch) for value, scratch in operands]
        addresses = [0 if array is None else address(array) for array in arrays]
        given = [(n, 0) for n in loop.sizes[1:]]
        first = FIRST_ARGUMENT + len(given)
        given += [*zip(addresses, loop.growth, strict=True), *((step, 0) for step in loop.steps)]
        job = calling.rows(self.names[loop_name].loop.address, loop.sizes[0], given, self.threads)
        moving = {first + i: value for i, (value, _) in enumerate(operands) if arrays[i] is None}
        self._call_job("rows", job, moving, 0, self.threads, f"{loop_name}({', '.join(map(str, loop.sizes))}, ...)")

    def _call_job(
        self, kind: str, job: numpy.ndarray, moving: dict[int, Value], scratch: int, threads: int, what: str
    ) -> None:
        """A call of what does a job.

        moving   place in the job -> value whose address belongs there, if that is another one in each call
        scratch  address of memory for it
        threads  that share it
        what     it does, in words
        """
        word = self._new_name(kind)
        self.lines += [f"{word}_job[{place}] = address({self.name(value)})" for place, value in moving.items()]
        self.names |= {f"{word}_job": job, word: calling.runner(job, scratch, threads)}
        self.lines.append(f"{word}()  # {what}")

    def _moved(self, move: Move, value: Value, target: Value) -> None:
        """A loop that moves the numbers of `value` into memory that is there, and in order: that of `target`."""
        self._call_loop(move, [(value, False), (target, False)], size(value.shape))

    def _memory(self, value: Value, scratch: bool) -> numpy.ndarray | None:
        """Where a value is, or the scratch memory for it; None if that is elsewhere in each call."""
        if scratch:
            return self._place(self.layout.offsets[value], (1,), value.dtype)
        return self.fixed.get(value)

    def _new_name(self, kind: str) -> str:
        self._names_given += 1
        return f"{kind}_{self._names_given}"

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
            if instruction.op in REDUCTIONS:
                self._reduction(instruction, operands[0], self.name(value))
            else:
                function = self._named(function_of(instruction))
                self.lines.append(f"{function}({', '.join(operands)}, out={self.name(value)})")

    def _reduction(self, instruction: Instruction, operand: str, out: str) -> None:
        op, axis, keepdims = instruction.op, instruction.params["axis"], instruction.params["keepdims"]
        x = instruction.inputs[0]
        if op is reduce.sum_ and dtypes.is_float(x.dtype) and not is_plain(x.dtype, prod(x.shape[a] for a in axis)):
            self._copied(instruction, operand, out)  # how wide, is said in one place
            return
        self.lines.append(f"{REDUCTIONS[op]}.reduce({operand}, {axis}, None, {out}, {keepdims})")

    def _copied(self, instruction: Instruction, operand: str, out: str) -> None:
        """What eager mode computes, put into `out`."""
        self.lines.append(f"copyto({out}, {self._named(lambda x: value_of(instruction, HOST, x))}({operand}))")

    def _named(self, function: Callable) -> str:
        """A name for a function in the source."""
        if isinstance(function, numpy.ufunc):
            return function.__name__
        word = self._new_name("value")
        self.names[word] = function
        return word

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

    # -- operations that stand alone ---------------------------------------------------------------------------

    def _single(self, instruction: Instruction, pools) -> None:
        form = FORMS.get(instruction.op)
        operands = list(map(self.name, instruction.inputs))
        if instruction.op in REDUCTIONS:
            self._reduction(instruction, operands[0], self._target(instruction.output, pools))
        elif form is not None and form(self, instruction, operands, pools) is not NotImplemented:
            pass
        else:
            self._eagerly(instruction, operands)

    def _eagerly(self, instruction: Instruction, operands: list[str]) -> None:
        self.eager.append(instruction)
        number = instruction.output.number
        if instruction.op is DRAW:
            self.names[f"call_{number}"] = _drawn(instruction)
        else:
            self.names[f"call_{number}"] = lambda *x: numpy.asarray(value_of(instruction, HOST, *x), order="C")
        self.lines.append(f"v{number} = call_{number}({', '.join(operands)})")

    def _matmul(self, instruction: Instruction, operands, pools) -> None:
        a, b, out = *instruction.inputs, instruction.output
        target = self._target(out, pools)
        if not self.layout.forms[out].flags.c_contiguous:  # laid out to be computed as bᵀ·aᵀ
            target = self._transposed(out)
            self._product(out, (b, a, out), self._transposed(b), self._transposed(a), target)
        else:
            self._product(out, (a, b, out), *operands, target)

    def _linear(self, instruction: Instruction, operands, pools) -> None:
        (x, weight), out = instruction.inputs, instruction.output
        target = self._target(out, pools)
        self._product(out, (x, weight, out), operands[0], self._transposed(weight), target)

    def _product(self, result: Value, memory: tuple[Value, Value, Value], a: str, b: str, out: str) -> None:
        """a·b into `out`, as expressions; `memory` has the values that lie there."""
        product = self.layout.products.get(result)
        if product is None:
            self.lines.append(f"matmul({a}, {b}, {out})")
            return
        job, moving = product.job(self.threads), {}
        for place, value in zip((FIRST_A, FIRST_B, FIRST_C), memory, strict=True):
            if value in self.fixed:
                job[place] = address(self.fixed[value])
            else:
                moving[place] = value
        scratch = address(self.memory) + self.layout.offsets.get(product, 0)
        threads = self.threads if product.shared else 1
        self._call_job("product", job, moving, scratch, threads, f"{out} = {a} @ {b}")

    def _transposed(self, value: Value) -> str:
        """Its last two axes swapped, as an expression."""
        name = self.name(value)
        if value not in self.fixed:
            return f"{name}.mT"
        self.names[f"{name}_T"] = self.fixed[value].mT
        return f"{name}_T"

    def _copy(self, instruction: Instruction, operands, pools) -> None:
        self.lines.append(f"copyto({self._target(instruction.output, pools)}, {operands[0]})")

    def _reshape(self, instruction: Instruction, operands, pools) -> None:
        out, (x,) = self._target(instruction.output, pools), instruction.inputs
        if self.layout.compiled and addressable(self.layout.forms[x]):
            self._moved(moves.copy(self.layout.forms[x]), x, instruction.output)
        else:
            self.lines.append(f"copyto(reshape({out}, {x.shape}), {operands[0]})")

    def _concat(self, instruction: Instruction, operands, pools) -> None:
        out = self._target(instruction.output, pools)
        self.lines.append(f"concatenate(({', '.join(operands)},), {instruction.params['axis']}, {out})")

    def _cumulative_sum(self, instruction: Instruction, operands, pools) -> None:
        self._copied(instruction, operands[0], self._target(instruction.output, pools))

    def _scatter_add(self, instruction: Instruction, operands, pools):
        if ARRAY in instruction.params["index"]:
            return NotImplemented
        out, index = self._target(instruction.output, pools), f"index_{instruction.output.number}"
        self.names[index] = instruction.params["index"]
        self.lines += [f"{out}[...] = 0", f"{out}[{index}] = {operands[0]}"]
        return None

    def _fold(self, instruction: Instruction, operands, pools) -> None:
        out, params = self._target(instruction.output, pools), instruction.params
        (x,) = instruction.inputs
        if x.dtype == dtypes.float16:  # which is added up wider
            self._copied(instruction, operands[0], out)
            return
        if self.layout.compiled and addressable(self.layout.forms[x]) and len(x.shape) == 2 + 2 * len(params["stride"]):
            self.lines.append(f"{out}[...] = 0")
            image = instruction.output
            self._moved(moves.fold(self.layout.forms[x], image.shape, params["stride"], params["dilation"]), x, image)
            return
        word = f"fold_{instruction.output.number}"
        self.names[word] = lambda total, x: conv.fold_into(
            total, x, params["kernel"], params["stride"], params["dilation"]
        )
        self.lines += [f"{out}[...] = 0", f"{word}({out}, {operands[0]})"]

    def _draw(self, instruction: Instruction, operands, pools):
        if (
            instruction.params["method"] not in ("random", "standard_normal")
            or instruction.output not in self.layout.offsets
        ):
            return NotImplemented
        out, word = self._target(instruction.output, pools), f"draw_{instruction.output.number}"
        self.names[word] = _drawing(instruction.params)
        self.lines.append(f"{word}(size={instruction.output.shape}, dtype={out}.dtype, out={out})")
        return None


FORMS = {
    matmul: Source._matmul,
    linear: Source._linear,
    COPY: Source._copy,
    movement.reshape: Source._reshape,
    movement.concat: Source._concat,
    reduce.cumulative_sum: Source._cumulative_sum,
    scatter_add: Source._scatter_add,
    conv.fold: Source._fold,
    DRAW: Source._draw,
}
"""Operation that stands alone -> what writes its lines. All others run as in eager mode."""


def _looking(form: numpy.ndarray, source: numpy.ndarray) -> Callable:
    """What takes the view of an array in order that lies to it as `form` does to `source`: quicker than its operation."""
    shape, dtype, strides = form.shape, form.dtype, form.strides
    if not form.size:  # which may begin in front of an array that has nothing either
        return lambda array: numpy.empty(shape, dtype)
    offset = form.__array_interface__["data"][0] - source.__array_interface__["data"][0]
    return lambda array: numpy.ndarray(shape, dtype, array, offset, strides)


def _drawing(params: dict[str, Any]) -> Callable:
    """A draw from the stream that the device has at that moment."""
    method, device = params["method"], params["device"]
    given = {name: value for name, value in params.items() if name not in ("method", "device")}
    return lambda **options: getattr(streams.generator(device), method)(**given, **options)


def _drawn(instruction: Instruction) -> Callable:
    """The same, into new memory."""
    draw, output = _drawing(instruction.params), instruction.output
    if instruction.params["method"] in ("random", "standard_normal"):
        return lambda: numpy.asarray(draw(size=output.shape, dtype=output.dtype))
    return lambda: numpy.asarray(draw())
