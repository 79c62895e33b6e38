"""One launch of a generated kernel, and the text around its body.

Read next: `expressions.py` (an operation as C), `places.py` (where elements lie), `kernels.py`, `beside.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..program import Value
from .expressions import POINTER
from .helpers import prelude


class Piece(NamedTuple):
    """What a kernel does, as it may also stand beside other pieces in one kernel, or behind them.

    words       what it does, of which its name is made
    lines       of its body, with `BLOCK_NUMBER` for the number of a block and `SHARED_MEMORY` for where shared memory lies
    reads       values that it reads, and then those that it `writes`
    blocks      how many it has, of so many `threads`
    shared      bytes at most that the threads of a block share
    parameters  of a function with this body, and the values to which they point: its `arguments`
    """

    words: str
    lines: tuple[str, ...]
    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    blocks: int
    threads: int
    shared: int
    parameters: tuple[str, ...]
    arguments: tuple[Value, ...]


class Launch(NamedTuple):
    """A kernel and what it is started with.

    name       of the function in the source; of equal sources the same
    source     CUDA C++. It needs no header, but `cuda_fp16.h` where it has float16 in it
    arguments  for each parameter of the function the value whose first element it points at
    grid       blocks along x, y and z
    block      threads of a block along x, y and z
    zeroed     the values whose memory must be zeros before
    piece      what it does; None if it can only be a kernel of its own
    """

    name: str
    source: str
    arguments: tuple[Value, ...]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    zeroed: tuple[Value, ...] = ()
    piece: Piece | None = None


KERNEL_NAME = "@NAME@"
"""Stands in a source for the name of the kernel, which is known when the rest is."""
ARGUMENT_POINTERS = 512
"""A kernel takes 4 KB of arguments."""
BLOCK_NUMBER = "@BLOCK@"
"""Stands in a source for the number of a block along x, among those that do the same."""
SHARED_MEMORY = "@SHARED@"
"""Stands in a source for the first byte of memory that the threads of a block share, if a kernel does not declare its own."""


def parameter(value: Value, written: bool) -> str:
    """`const float* p12`

    Nothing is said to be free of aliases but the host's numbers: a result may be computed in the place of an operand.
    """
    pointer = f"{POINTER[value.dtype]}*"
    if written:
        return f"{pointer} p{value.number}"
    restrict = "__restrict__ " if value.source is not None and value.source.kind == "number" else ""
    return f"const {pointer} {restrict}p{value.number}"


def shared_memory(nbytes: int) -> str:
    """The line that declares so much of it."""
    return f"__shared__ __align__(16) unsigned char shared_memory[{nbytes}];"


def launch(
    words: str,
    remark: str,
    body: Iterable[str],
    reads: Iterable[Value],
    writes: Iterable[Value],
    grid: Sequence[int],
    threads: int,
    *,
    parameters: Sequence[str] | None = None,
    arguments: Sequence[Value] | None = None,
    before: Sequence[str] = (),
    zeroed: tuple[Value, ...] = (),
    shared: int = 0,
) -> Launch:
    """The launch of a kernel with these lines as its body.

    words       what it does, of which its name is made
    remark      said in the first line of its body
    reads       values that it reads, each a parameter; then those that it `writes`
    threads     of a block
    parameters  and `arguments`: in the place of these
    before      lines that stand before the function
    shared      bytes at most that the threads of a block share
    """
    lines, reads, writes = (f"// {remark}", *body), tuple(reads), tuple(writes)
    if parameters is None or arguments is None:
        parameters = [parameter(v, False) for v in reads] + [parameter(v, True) for v in writes]
        arguments = [*reads, *writes]
    piece = None
    if not (before or zeroed or len(grid) > 1):
        given = tuple(parameters), tuple(arguments)
        piece = Piece(words, lines, reads, writes, grid[0], threads, shared, *given)
    if any(SHARED_MEMORY in line for line in lines):
        lines = (shared_memory(shared), *(line.replace(SHARED_MEMORY, "shared_memory") for line in lines))
    # With more threads in a block there are not registers for as many variables as the compiler likes.
    bounds = f"__launch_bounds__({threads}) " if threads > 256 else ""
    head = f'extern "C" __global__ void {bounds}{KERNEL_NAME}({", ".join(parameters)})'
    text = "\n".join([*before, head, "{", *(f"    {line}" for line in lines), "}", ""]).replace(
        BLOCK_NUMBER, "blockIdx.x"
    )
    text = prelude(text) + text
    word = re.sub(r"\W+", "_", words)[:48].strip("_")
    name = f"{word}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    x, y = (*grid, 1)[:2]
    return Launch(name, text.replace(KERNEL_NAME, name), tuple(arguments), (x, y, 1), (threads, 1, 1), zeroed, piece)
