"""Kernels of elementwise operations: every thread computes one element, or four that lie side by side.

Read before: `expressions.py`, `places.py`, `launch.py`. Read next: `work.py` and `rows.py`, with reductions.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy

from ...ops.shapes import size
from ..program import COPY, GATHER, PUT, Instruction, Value
from ..schedule.axes import strides_in
from ..schedule.kernel import Kernel
from .expressions import POINTER, REGISTER, constant, expression, loaded, stored
from .gathers import Gather, element_operands
from .launch import BLOCK_NUMBER, Launch, deeper, launch, parameters
from .places import Cells, Places, at, counted_by, times

FOUR_AT_A_TIME_ELEMENTS = 1 << 18
"""From so many elements on a thread computes four: with fewer, the processor would be half empty."""


class LoopNames(dict[Value, str]):
    """What values are called in a kernel: a literal, `v12`, or what is put down here."""

    def __missing__(self, value: Value) -> str:
        return constant(value) or f"v{value.number}"


def alone(instruction: Instruction) -> Kernel:
    """The kernel of one instruction."""
    kernel = Kernel(0, instruction, "loop")
    kernel.outputs = [instruction.output]
    return kernel


def elementwise(
    kernel: Kernel, forms: Mapping[Value, numpy.ndarray], threads: int | None = None, strip: int | None = None
) -> Launch:
    """The launch of a kernel without reductions.

    threads  of a block, if that is to be said from outside
    strip    rows of the first axis for which blocks stand side by side, if that is, see `kernels.launches`
    """
    shape, instructions, outputs = kernel.shape, kernel.instructions, kernel.outputs
    count = size(shape)
    reads = [value for value in kernel.inputs() if constant(value) is None]
    kind = counted_by([forms[value] for value in (*reads, *outputs)], count)
    gathers = {i: Gather(i, forms) for i in instructions if i.op is GATHER}
    in_place = {value for i in instructions for value in element_operands(i)}
    loads = [value for value in reads if value in in_place]
    strides: dict[Hashable, Sequence[int]] = {value: strides_in(forms[value], shape) for value in (*loads, *outputs)}
    places = Places("i", shape, strides | {i: gather.along for i, gather in gathers.items()}, kind)
    many = count >= FOUR_AT_A_TIME_ELEMENTS and not gathers and not strip
    each = 4 if many and _four_fit(places) else 1
    threads = threads or (256 if count >= 1 << 16 else 128 if count >= 128 else 32)
    together = strip * count // shape[0] if strip else count
    blocks, begin, end = in_strips(count, together, threads * each, kind)
    lines = [
        f"const {kind} i = {begin} + {times('threadIdx.x', each)};",
        f"if (i >= {end}) return;",
        *body(places, instructions, loads, outputs, each, str(count), gathers),
    ]
    remark = f"{kernel.name}: {' × '.join(map(str, shape)) or 'one'}{', four by each thread' if each == 4 else ''}"
    return launch(kernel.name, remark, lines, parameters(reads, outputs), (blocks,), threads)


def in_strips(count: int, strip: int, each: int, kind: str) -> tuple[int, str, str]:
    """Of so many elements blocks do `each`, but none some of two strips of so many: how many blocks there are, the first
    element of a block, and the one behind the last of its strip. Blocks of a strip stand side by side."""
    own, step = max(-(-strip // each), 1), f"{each}LL" if kind != "int" else each
    if strip >= count:
        return own, times(BLOCK_NUMBER, step), str(count)
    number, more = BLOCK_NUMBER, ""
    if own > 1:
        number, more = f"{BLOCK_NUMBER} / {own}", f" + {BLOCK_NUMBER} % {own} * {step}"
    end = f"({number} + 1) * {strip}"
    if count % strip:
        end = f"({end} < {count} ? {end} : {count})"
    return -(-count // strip) * own, f"{times(number, strip)}{more}", end


def _four_fit(places: Places) -> bool:
    """Whether along the last axis four neighbours lie side by side, or are one, in all arrays."""
    whole = len(places.extents) == 1 or places.extents[-1] % 4 == 0
    return whole and places.last_strides <= {0, 1}


def body(
    places: Cells,
    instructions: Sequence[Instruction],
    reads: Sequence[Value],
    writes: Sequence[Value],
    each: int,
    count: str,
    gathers: Mapping[Instruction, Gather],
    names: LoopNames | None = None,
) -> list[str]:
    """The lines that compute the element at `i`, or `each` = 4 from there on, of `count` elements.

    reads, writes  values in memory, at the same place
    gathers        those among the instructions, where each element is by itself
    names          of what is known before
    """
    names = LoopNames() if names is None else names
    before: list[str] = []
    inner: list[str] = []
    after: list[str] = []
    left = "4" if len(places.extents) > 1 or (count.isdigit() and int(count) % 4 == 0) else f"{count} - i"
    for value in reads:
        element = at(f"p{value.number}", places.offset(value))
        many = each == 4 and places.last(value) == 1
        if many:
            before.append(f"const Four<{POINTER[value.dtype]}> x{value.number} = four(&{element}, {left});")
            element = f"x{value.number}.at[k]"
        line = f"const {REGISTER[value.dtype]} {names[value]} = {loaded(element, value.dtype)};"
        (inner if many else before).append(line)
    for instruction in instructions:
        output, operands = instruction.output, [names[value] for value in element_operands(instruction)]
        if instruction.renames or instruction.op is COPY or instruction.op is PUT:
            names[output] = operands[0]
            continue
        gather = gathers.get(instruction)
        text = gather.text(places.offset(instruction), operands) if gather else expression(instruction, operands)
        inner.append(f"const {REGISTER[output.dtype]} {names[output]} = {text};  // {instruction!r}")
    for value in writes:
        element, number = at(f"p{value.number}", places.offset(value)), stored(names[value], value.dtype)
        if each == 1:
            after.append(f"{element} = {number};")
        else:
            before.append(f"Four<{POINTER[value.dtype]}> y{value.number};")
            inner.append(f"y{value.number}.at[k] = {number};")
            after.append(f"put(&{element}, {left}, y{value.number});")
    if each == 4:
        inner = ["#pragma unroll", "for (int k = 0; k < 4; k++) {", *deeper(inner), "}"]
    return [*places.coordinates(), *before, *inner, *after]
