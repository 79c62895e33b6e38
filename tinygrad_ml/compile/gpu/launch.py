"""One launch of a generated kernel, and the text around its body.

Read next: `expressions.py` (an operation as C), `places.py` (where elements lie), `kernels.py`, `beside.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..program import Value
from .expressions import POINTER
from .helpers import prelude


class Launch(NamedTuple):
    """A kernel and what it is started with.

    name        of the function in the source; of equal sources the same
    source      CUDA C++. It needs no header, but `cuda_fp16.h` where it has float16 in it
    parameters  value -> the parameter of the function that points at its first element
    grid        blocks along x, y and z
    block       threads of a block along x, y and z
    zeroed      the values whose memory must be zeros before

    What it does may also stand beside others in one kernel, or behind them; there are no `lines` if it can only be one of its own.

    words       what it does, of which its name is made
    lines       of its body, with `BLOCK_NUMBER` for the number of a block and `SHARED_MEMORY` for where shared memory lies
    shared      bytes at most that the threads of a block share
    """

    name: str
    source: str
    parameters: Mapping[Value, str]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    zeroed: tuple[Value, ...] = ()
    words: str = ""
    lines: tuple[str, ...] = ()
    shared: int = 0

    @property
    def arguments(self) -> tuple[Value, ...]:
        """The values that it is given."""
        return tuple(self.parameters)

    @property
    def reads(self) -> list[Value]:
        """Those that it reads, and does not write."""
        return [value for value, text in self.parameters.items() if text.startswith("const ")]

    @property
    def writes(self) -> list[Value]:
        """Those that it writes."""
        return [value for value, text in self.parameters.items() if not text.startswith("const ")]

    @property
    def shares(self) -> bool:
        """Whether it uses shared memory that it does not declare itself."""
        return any(SHARED_MEMORY in line for line in self.lines)


KERNEL_NAME = "@NAME@"
"""Stands in a source for the name of the kernel, which is known when the rest is."""
ARGUMENT_POINTERS = 512
"""A kernel takes 4 KB of arguments."""
BLOCK_NUMBER = "@BLOCK@"
"""Stands in a source for the number of a block along x, among those that do the same."""
SHARED_MEMORY = "@SHARED@"
"""Stands in a source for the first byte of memory that the threads of a block share, if a kernel does not declare its own."""


def parameters(reads: Iterable[Value], writes: Iterable[Value]) -> dict[Value, str]:
    """Parameters for values that are read, and then for those that are written: `const float* p12`, `float* p13`.

    Nothing is said to be free of aliases but the host's numbers: a result may be computed in the place of an operand.
    """
    found = {}
    for value in reads:
        alone = value.source is not None and value.source.kind == "number"
        found[value] = f"const {POINTER[value.dtype]}* {'__restrict__ ' * alone}p{value.number}"
    return found | {value: f"{POINTER[value.dtype]}* p{value.number}" for value in writes}


def deeper(lines: Iterable[str], times: int = 1) -> list[str]:
    """The lines, within so many brackets more."""
    return [f"{'    ' * times}{line}" for line in lines]


def shared_memory(nbytes: int) -> str:
    """The line that declares so much of it."""
    return f"__shared__ __align__(16) unsigned char shared_memory[{nbytes}];"


def by_blocks(parts: Sequence[tuple[int, Sequence[str]]], block: str = BLOCK_NUMBER) -> list[str]:
    """Lines of which each block does one part: a part is how many blocks do it, and lines, in which `BLOCK_NUMBER` is the number of
    a block among those; `block` is that among all."""
    lines, begin = [], 0
    for place, (blocks, own) in enumerate(parts):
        end, number = begin + blocks, f"({block} - {begin})" if begin else block
        condition = f"if ({block} < {end}) " if place < len(parts) - 1 else ""
        lines.append(f"{'} else ' if place else ''}{condition}{{")
        lines += deeper(line.replace(BLOCK_NUMBER, number) for line in own)
        begin = end
    return [*lines, "}"]


def function(
    word: str, parameters: Iterable[str], lines: Iterable[str], before: Iterable[str] = (), bounds: str = ""
) -> tuple[str, str]:
    """The name of a kernel that begins with a word, and its source: lines `before` it, its head and body, and what it calls."""
    head = f'extern "C" __global__ void {bounds}{KERNEL_NAME}({", ".join(parameters)})'
    source = "\n".join([*before, head, "{", *deeper(lines), "}", ""])
    source = prelude(source) + source
    name = f"{word}_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    return name, source.replace(KERNEL_NAME, name)


def launch(
    words: str,
    remark: str,
    body: Iterable[str],
    parameters: Mapping[Value, str],
    grid: Sequence[int],
    threads: int,
    *,
    before: Sequence[str] = (),
    zeroed: tuple[Value, ...] = (),
    shared: int = 0,
) -> Launch:
    """The launch of a kernel with these lines as its body, of blocks of so many threads.

    remark  said in the first line of its body
    before  lines that stand before the function

    Of all else see `Launch`.
    """
    lines = (f"// {remark}", *body)
    part = () if before or zeroed or len(grid) > 1 else lines
    if any(SHARED_MEMORY in line for line in lines):
        lines = (shared_memory(shared), *(line.replace(SHARED_MEMORY, "shared_memory") for line in lines))
    lines = [line.replace(BLOCK_NUMBER, "blockIdx.x") for line in lines]
    # With more threads in a block there are not registers for as many variables as the compiler likes.
    bounds = f"__launch_bounds__({threads}) " if threads > 256 else ""
    word = re.sub(r"\W+", "_", words)[:48].strip("_")
    name, source = function(word, parameters.values(), lines, before, bounds)
    x, y = (*grid, 1)[:2]
    return Launch(name, source, parameters, (x, y, 1), (threads, 1, 1), zeroed, words, part, shared)
