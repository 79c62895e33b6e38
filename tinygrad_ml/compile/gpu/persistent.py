"""A whole step as one kernel: all blocks go through its phases together, and meet between one phase and the next.

A launch costs more than what a small network computes between two of them; a meeting of all blocks costs about a microsecond. So
where all that a step touches fits into the second-level cache, its kernels become functions of one kernel. There are no more
blocks than the processor runs at the same time: each does the work of several, one after the other. And it goes on with the
next step where the last one has ended, for as many steps as the host has prepared numbers for.

What belongs to one phase, and where blocks have to meet, says `phases.py`. Sums have the same order in every run, whatever
the processor.

Read before: `launch.py`, `around.py`, `phases.py`. Read next: `executable.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...ops.index import scatter_add
from ...ops.shapes import size
from ..program import DRAW, GATHER, Program, Value
from ..schedule.kernel import Kernel
from .around import has_tiles
from .kernels import has_launch
from .launch import ARGUMENT_POINTERS, BLOCK_NUMBER, SHARED_MEMORY, Launch, by_blocks, deeper, parameters, shared_memory
from .launch import function as function_of
from .multiplying import THREADS
from .phases import Shift

MULTIPLICATIONS = 1 << 28
"""Of the products of a step, at most: with more, the library's are worth their launches."""
SAVED_KERNELS = 4
"""Kernels of which there have to be as many, so that launches are saved."""
PIECES = 160
"""Kernels that become one at most: the compiler takes its time."""
THREADS_MEET = "__syncthreads();  // each thread of the block sees what the others have written"
"""Stands between two pieces of which a block does one after the other."""


def why_not(program: Program, kernels: Iterable[Kernel], cache_bytes: int) -> str:
    """Why a program is not to be one kernel, in words; nothing if it is to be.

    cache_bytes  of the device's second-level cache
    """
    working = [kernel for kernel in kernels if _works(kernel)]
    if not working:
        return "there is nothing to compute"
    if len(working) > PIECES:
        return f"{len(working)} kernels are more than {PIECES}"
    reason = next(filter(None, map(_why_no_part, working)), "")
    if reason:
        return reason
    values = {value for kernel in working for value in (*kernel.inputs(), *kernel.outputs)}
    pointers = 2 + len(values.union(memory for memory, _ in program.writes))
    if pointers > ARGUMENT_POINTERS:
        return f"{pointers} pointers are more than a kernel takes, {ARGUMENT_POINTERS}"
    nbytes = touched(program, working)
    if nbytes > cache_bytes:
        return f"{nbytes:,} bytes are more than the second-level cache has, {cache_bytes:,}"
    products = (k.instructions[0] for k in working if k.instructions[0].op.kind == "product")
    multiplications = sum(size(one.output.shape) * one.inputs[0].shape[-1] for one in products)
    if multiplications > MULTIPLICATIONS:
        return f"{multiplications:,} multiplications in products are more than {MULTIPLICATIONS:,}"
    return f"{len(working)} kernels are too few to save launches" if len(working) < SAVED_KERNELS else ""


def _works(kernel: Kernel) -> bool:
    """Whether a kernel computes numbers: is no view, and no draw, which stays a launch of its own."""
    alone = kernel.kind == "single" and (kernel.instructions[0].op is DRAW or kernel.instructions[0].op.kind == "view")
    return not alone and any(size(value.shape) for value in kernel.outputs)


def _why_no_part(kernel: Kernel) -> str:
    """Why a kernel cannot be a part of one for the whole step; nothing if it can."""
    instruction = kernel.instructions[0]
    name, inputs = instruction.op.name, instruction.inputs
    if kernel.kind == "loop" or has_tiles(instruction):
        return ""
    if instruction.op.kind == "product":
        return f"{name} of {inputs[0].shape} and {inputs[1].shape} is the library's"
    if not has_launch(instruction):
        return f"{name} runs as in eager mode"
    by_arrays = instruction.op is scatter_add and len(inputs) > 1
    return f"{name} adds in another order in every run" if by_arrays else ""


def touched(program: Program, kernels: Sequence[Kernel]) -> int:
    """About how many bytes a step reads and writes. Of what is only looked up in, as all images are, what is looked up."""
    looked_up = {i.inputs[0] for kernel in kernels for i in kernel.instructions if i.op is GATHER}
    read = {v for kernel in kernels for i in kernel.instructions for v in i.inputs[i.op is GATHER :]}
    written = {value for _, value in program.writes}
    values = {value for value in program.sources() if value in read or value not in looked_up}
    values |= {value for kernel in kernels for value in kernel.outputs if value not in written}
    return sum(value.nbytes for value in values)


def whole_step(phases: Sequence[Sequence[Shift]], from_host: Mapping[Value, int]) -> Launch:
    """The kernel that does all of it, again and again.

    Its first two parameters are how many steps, and a counter that is 0 before the first launch; then come the arguments.

    from_host  value -> bytes from the number that the host has for it in one step to that for the next
    """
    launches = [piece.launch for phase in phases for shift in phase for piece in shift.pieces]
    given = parameters([], (value for launch in launches for value in launch.arguments))
    functions, calls = [], []
    for place, phase in enumerate(phases):
        if place:
            calls.append("all_blocks_meet(arrived);")
        parts = []
        for shift in phase:
            lines = []
            for piece in shift.pieces:
                name = f"part_{len(functions)}"
                functions.append(_function(name, piece.launch))
                lines += [THREADS_MEET] * piece.waits
                lines.append(_call(name, piece.launch, None if piece.repeated else shift.blocks, from_host))
            parts.append((shift.blocks, lines))
        blocks = sum(shift.blocks for shift in phase)
        calls.append(f"for (unsigned int block = blockIdx.x; block < {blocks}; block += gridDim.x) {{")
        calls += [*deeper(by_blocks(parts, "block")), "}"]
    shared = max((launch.shared for launch in launches if launch.shares), default=16)
    declared = ["const long long steps", "unsigned int* arrived", *given.values()]
    lines = [
        shared_memory(shared),
        "for (long long step = 0; step < steps; step++) {",
        *deeper(calls),
        "    if (step + 1 < steps) all_blocks_meet(arrived);",
        "}",
    ]
    name, source = function_of("step", declared, lines, functions, f"__launch_bounds__({THREADS}, 2) ")
    most = max(sum(shift.blocks for shift in phase) for phase in phases)
    return Launch(name, source, given, (most, 1, 1), (THREADS, 1, 1))


def _function(name: str, launch: Launch) -> str:
    declared = ["const unsigned int block", "unsigned char* const shared_memory", *launch.parameters.values()]
    lines = [line.replace(BLOCK_NUMBER, "block").replace(SHARED_MEMORY, "shared_memory") for line in launch.lines]
    body = "\n".join(deeper(lines))
    return f"static __device__ void {name}({', '.join(declared)})\n{{\n{body}\n}}\n"


def _call(name: str, launch: Launch, shared_by: int | None, from_host: Mapping[Value, int]) -> str:
    """A block's part of a piece that so many blocks share; None if each does all of it."""
    (blocks, *_), (threads, *_) = launch.grid, launch.block
    each = blocks // shared_by if shared_by else blocks
    first, end = (f"{BLOCK_NUMBER} * {each}", f"({BLOCK_NUMBER} + 1) * {each}") if shared_by else ("0", blocks)
    alone = shared_by is not None and each == 1
    many = "" if alone else f"for (unsigned int part = {first}; part < {end}; part++) "
    # Those of a block that are too many: nothing that fewer threads do lets them wait for each other.
    few = f"if (threadIdx.x < {threads}) " if threads < THREADS else ""
    given = [BLOCK_NUMBER if alone else "part", "shared_memory"]
    for value in launch.arguments:
        step = from_host.get(value, 0)
        given.append(f"in_row(p{value.number}, step * {step})" if step else f"p{value.number}")
    return f"{many}{few}{name}({', '.join(given)});"
