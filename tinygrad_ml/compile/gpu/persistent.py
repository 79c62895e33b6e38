"""A whole step as one kernel: all blocks go through its phases together, and meet between one phase and the next.

A launch costs more than what a small network computes between two of them; a meeting of all blocks costs about a microsecond. So
where all that a step touches fits into the second-level cache, its kernels become functions of one kernel. There are no more
blocks than the processor runs at the same time: each does the work of several, one after the other. And it goes on with the
next step where the last one has ended, for as many steps as the host has prepared numbers for.

A phase is what does not need each other: of the step's work each piece comes as early as memory allows, that is after
the last one that writes what it reads, or reads or writes what it writes. Sums have the order that they have in kernels of their own.

Read before: `launch.py`, `around.py`. Read next: `executable.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ...ops.index import scatter_add
from ...ops.shapes import size
from ..program import DRAW, GATHER, Program, Value
from ..schedule.kernel import Kernel
from .around import has_tiles
from .expressions import POINTER
from .helpers import prelude
from .kernels import has_launch
from .launch import ARGUMENT_POINTERS, BLOCK_NUMBER, KERNEL_NAME, SHARED_MEMORY, Launch, Piece, shared_memory
from .multiplying import THREADS

MULTIPLICATIONS = 1 << 28
"""Of the products of a step, at most: with more, the library's are worth their launches."""
SAVED_KERNELS = 4
"""Kernels of which there have to be as many, so that launches are saved."""
PIECES = 160
"""Kernels that become one at most: the compiler takes its time."""

Span = tuple[int, int]


def why_not(program: Program, kernels: Iterable[Kernel], cache_bytes: int) -> str:
    """Why a program is not to be one kernel, in words; nothing if it is to be.

    cache_bytes  of the device's second-level cache
    """
    working = [kernel for kernel in kernels if kernel.outputs and not _is_view(kernel)]
    if not working:
        return "there is nothing to compute"
    if len(working) > PIECES:
        return f"{len(working)} kernels are more than {PIECES}"
    for kernel in working:
        reason = _why_no_part(kernel)
        if reason:
            return reason
    nbytes = touched(program, working)
    if nbytes > cache_bytes:
        return f"{nbytes:,} bytes are more than the second-level cache has, {cache_bytes:,}"
    products = (k.instructions[0] for k in working if k.instructions[0].op.kind == "product")
    multiplications = sum(size(one.output.shape) * one.inputs[0].shape[-1] for one in products)
    if multiplications > MULTIPLICATIONS:
        return f"{multiplications:,} multiplications in products are more than {MULTIPLICATIONS:,}"
    return f"{len(working)} kernels are too few to save launches" if len(working) < SAVED_KERNELS else ""


def _is_view(kernel: Kernel) -> bool:
    return kernel.kind == "single" and kernel.instructions[0].op.kind == "view"


def _why_no_part(kernel: Kernel) -> str:
    """Why a kernel cannot be a part of one for the whole step; nothing if it can."""
    instruction = kernel.instructions[0]
    if kernel.kind == "loop":
        return ""
    if instruction.op is DRAW or has_tiles(instruction):
        return ""
    if instruction.op.kind == "product":
        return (
            f"{instruction.op.name} of {instruction.inputs[0].shape} and {instruction.inputs[1].shape} is the library's"
        )
    if not has_launch(instruction):
        return f"{instruction.op.name} runs as in eager mode"
    if instruction.op is scatter_add and len(instruction.inputs) > 1:
        return "scatter_add adds in another order in every run"
    return ""


def touched(program: Program, kernels: Sequence[Kernel]) -> int:
    """About how many bytes a step reads and writes. Of what is only looked up in, as all images are, what is looked up."""
    looked_up = {i.inputs[0] for kernel in kernels for i in kernel.instructions if i.op is GATHER}
    read = {v for kernel in kernels for i in kernel.instructions for v in i.inputs[i.op is GATHER :]}
    written = {value for _, value in program.writes}
    values = {value for value in program.sources() if value in read or value not in looked_up}
    values |= {value for kernel in kernels for value in kernel.outputs if value not in written}
    return sum(value.nbytes for value in values)


class Unit(NamedTuple):
    """A launch, the kernel of which it is (None of a copy at the end), and the memory that it reads and writes."""

    launch: Launch
    kernel: Kernel | None
    reads: list[Span]
    writes: list[Span]


def units(made: Iterable[tuple[Kernel | None, Launch]], span: Callable[[Value], Span | None]) -> list[Unit] | None:
    """What is done in a step, in order; None if some of it can only be a launch of its own.

    span  from a value to where it lies: the first byte, and the one behind the last one; None for what is never written to
    """
    found = []
    for kernel, launch in made:
        if launch.piece is None:
            return None
        piece = launch.piece
        reads = [where for value in piece.reads if (where := span(value))]
        writes = [where for value in piece.writes if (where := span(value))]
        found.append(Unit(launch, kernel, reads, writes))
    return found


def in_phases(work: Iterable[Unit]) -> list[list[Unit]]:
    """The units by phase: each as early as it may be."""
    phases: list[list[Unit]] = []
    for unit in work:
        last = max((k for k, phase in enumerate(phases) if any(_meet(unit, other) for other in phase)), default=-1)
        if last + 1 == len(phases):
            phases.append([])
        phases[last + 1].append(unit)
    return phases


def _meet(a: Unit, b: Unit) -> bool:
    """Whether one of them writes to what the other one reads or writes."""
    return _overlap(a.writes, b.writes) or _overlap(a.writes, b.reads) or _overlap(a.reads, b.writes)


def _overlap(some: Iterable[Span], others: Iterable[Span]) -> bool:
    others = list(others)
    return any(first < end and start < last for first, last in some for start, end in others)


def whole_step(phases: Sequence[Sequence[Piece]], from_host: Mapping[Value, int]) -> Launch | None:
    """The kernel that does all of it, again and again; None if it would have too many pointers.

    Its first two parameters are how many steps, and a counter that is 0 before the first launch; then come the arguments.

    from_host  value -> bytes from the number that the host has for it in one step to that for the next
    """
    arguments = list(dict.fromkeys(value for phase in phases for piece in phase for value in piece.arguments))
    if len(arguments) + 2 > ARGUMENT_POINTERS:
        return None
    functions, calls, number = [], [], 0
    for place, phase in enumerate(phases):
        if place:
            calls.append("        all_blocks_meet(arrived);")
        blocks = sum(piece.blocks for piece in phase)
        calls.append(f"        for (unsigned int block = blockIdx.x; block < {blocks}; block += gridDim.x) {{")
        begin = 0
        for k, piece in enumerate(phase):
            functions.append(_function(f"part_{number}", piece))
            calls.append(_call(f"part_{number}", piece, begin, k, k == len(phase) - 1, from_host))
            begin, number = begin + piece.blocks, number + 1
        calls.append("        }")
    shared = max((piece.shared for phase in phases for piece in phase if _shares(piece)), default=16)
    parameters = ["const long long steps", "unsigned int* arrived"]
    parameters += [f"{POINTER[value.dtype]}* p{value.number}" for value in arguments]
    lines = [
        *functions,
        f'extern "C" __global__ void __launch_bounds__({THREADS}, 2) {KERNEL_NAME}({", ".join(parameters)})',
        "{",
        f"    {shared_memory(shared)}",
        "    for (long long step = 0; step < steps; step++) {",
        *calls,
        "        if (step + 1 < steps) all_blocks_meet(arrived);",
        "    }",
        "}",
        "",
    ]
    text = "\n".join(lines)
    text = prelude(text) + text
    name = f"step_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    most = max(sum(piece.blocks for piece in phase) for phase in phases)
    return Launch(name, text.replace(KERNEL_NAME, name), tuple(arguments), (most, 1, 1), (THREADS, 1, 1))


def _shares(piece: Piece) -> bool:
    """Whether it uses shared memory that it does not declare itself."""
    return any(SHARED_MEMORY in line for line in piece.lines)


def _function(name: str, piece: Piece) -> str:
    parameters = ["const unsigned int block", "unsigned char* const shared_memory", *piece.parameters]
    lines = [line.replace(BLOCK_NUMBER, "block").replace(SHARED_MEMORY, "shared_memory") for line in piece.lines]
    body = "\n".join(f"    {line}" for line in lines)
    return f"static __device__ void {name}({', '.join(parameters)})\n{{\n{body}\n}}\n"


def _call(name: str, piece: Piece, begin: int, place: int, last: bool, from_host: Mapping[Value, int]) -> str:
    conditions = [] if last else [f"block < {begin + piece.blocks}"]
    start = f"{'else ' if place else ''}{f'if ({conditions[0]}) ' if conditions else ''}"
    # Those of a block that are too many: nothing that fewer threads do lets them wait for each other.
    few = f"{{ if (threadIdx.x < {piece.threads}) " if piece.threads < THREADS else ""
    given = [f"block - {begin}" if begin else "block", "shared_memory"]
    for value in piece.arguments:
        step = from_host.get(value, 0)
        given.append(f"in_row(p{value.number}, step * {step})" if step else f"p{value.number}")
    return f"            {start}{few}{name}({', '.join(given)});{' }' if few else ''}"
