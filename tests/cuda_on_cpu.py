"""Runs generated CUDA kernels on the CPU: the very same source, compiled by g++ against a small stand-in for CUDA.

The threads of a block run one after the other, until they meet: at a barrier or a shuffle a thread waits, as a fiber,
until all threads of its block or warp have come there. So a forgotten barrier shows as a wrong number, all the more as
blocks and threads can be run backwards. Blocks run one after the other too, but for those that hand over to others what
they have found: as soon as one says that it is done, the others have their turn, and those that came last go on first;
and what a thread has written for other blocks they see only when it has passed a fence. Where all blocks of a kernel meet, each goes
on until it waits, in one order or another, so what they would not wait for is wrong in one of them. Around all memory lie numbers
that must not be read and must not change.
"""

import ctypes
import functools
import itertools
import pathlib
import re
import shutil
import subprocess
import tempfile

import numpy as np

from tinygrad_ml.compile.gpu.runtime import in_one

STAND_IN = pathlib.Path(__file__).with_suffix(".h").read_text()

FLAGS = ["-std=c++17", "-O0", "-w", "-shared", "-fPIC", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing"]
COMPILER = shutil.which("g++")


@functools.cache
def stand_in() -> tempfile.TemporaryDirectory:
    """A folder with the stand-in, compiled once for the process: g++ takes longer for it than for most kernels."""
    folder = tempfile.TemporaryDirectory()
    header = pathlib.Path(folder.name, "cuda_on_cpu.h")
    header.write_text(STAND_IN)
    header.with_name("cuda_fp16.h").touch()  # float16 is a part of the stand-in
    subprocess.run([COMPILER, *FLAGS, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
    return folder


class Library:
    """Launches, compiled for the CPU in one go. Raises `RuntimeError` with the compiler's words."""

    def __init__(self, launches):
        runs = "\n".join(
            f'extern "C" int run_{name}(void** given, Place grid, Place block, bool meets, bool backwards)\n'
            f"{{ arguments = given; thread = [] {{ call(of_{name}::{name}); }}; return run(grid, block, meets, backwards); }}"
            for name in {launch.name for launch in launches}
        )
        runs += "\n".join(
            f'extern "C" int run_together_{name}(void** given, Place grid, Place block, unsigned order, int without)\n'
            f"{{ arguments = given; thread = [] {{ call(of_{name}::{name}); }}; return run_together(grid, block, order, without); }}"
            for name in {launch.name for launch in launches if "all_blocks_meet" in launch.source}
        )
        with tempfile.TemporaryDirectory() as folder:
            source, library = pathlib.Path(folder, "kernels.cpp"), pathlib.Path(folder, "kernels.so")
            kernels = re.sub(r"volatile ([\w ]+) (parts_of_\w+)", r"Late<\1> \2", in_one(launches))
            kernels = re.sub(r"(parts_of_\w+\[[^]]*\])\)", r"\1.seen)", kernels)
            kernels = re.sub(r'asm volatile\("mma\..*?\);', "mma(c, a0, a1, a2, a3, b0, b1);", kernels, flags=re.DOTALL)
            numbers = itertools.count()
            meeting = re.compile(r"all_blocks_meet\(arrived\);")
            kernels = meeting.sub(lambda call: f"if (left_out != {next(numbers)}) {call[0]}", kernels)
            source.write_text(f'#include "cuda_on_cpu.h"\nnamespace {{\n{kernels}\n}}\n{runs}')
            made = subprocess.run(
                [COMPILER, *FLAGS, "-I", stand_in().name, source, "-o", library], capture_output=True, text=True
            )
            if made.returncode:
                raise RuntimeError(made.stderr[:4000])
            self._functions = ctypes.CDLL(str(library))

    def __call__(self, launch, arrays, backwards: bool = False) -> None:
        """Run it. `arrays` has an array for each of its values: the very memory that is read and written."""
        assert all(n > 0 for n in (*launch.grid, *launch.block)), launch
        assert np.prod(launch.block) <= 1024, launch
        for value in launch.zeroed:
            assert not arrays[value].any(), f"{value} has to be zeros before {launch.name}"
        pointers = (ctypes.c_void_p * len(launch.arguments))(*[arrays[v].ctypes.data for v in launch.arguments])
        place = ctypes.c_uint * 3
        meets = "__sync" in launch.source or "__shfl" in launch.source
        run = getattr(self._functions, f"run_{launch.name}")

        class Place(ctypes.Structure):
            _fields_ = [("n", place)]

        stuck = run(
            pointers,
            Place(place(*launch.grid)),
            Place(place(*launch.block)),
            ctypes.c_bool(meets),
            ctypes.c_bool(backwards),
        )
        if stuck:
            raise RuntimeError(f"{launch.name}: some threads of a block wait where the others do not come")

    def together(self, launch, blocks: int, given: list[int], order: int = 0, without: int = -1) -> None:
        """Run so many blocks that wait for each other, with these numbers as arguments.

        order    which block goes on when one waits: 0 the next one, 1 the one before, any other a random one, whose warps go on
                 by themselves until they wait for others
        without  the number, among all of the library, of a place where blocks are to meet that they pass by
        """
        pointers = (ctypes.c_void_p * len(given))(*given)
        place = ctypes.c_uint * 3

        class Place(ctypes.Structure):
            _fields_ = [("n", place)]

        run = getattr(self._functions, f"run_together_{launch.name}")
        grid, block = Place(place(blocks, 1, 1)), Place(place(*launch.block))
        if run(pointers, grid, block, ctypes.c_uint(order), ctypes.c_int(without)):
            raise RuntimeError(f"{launch.name}: all blocks wait")


class Guarded:
    """Memory for an array with a margin on both sides: of numbers that would spoil what is computed of them."""

    MARGIN = 64

    def __init__(self, like: np.ndarray, filled: bool = True):
        """Memory for an array of this shape and these strides, with its numbers if `filled`."""
        steps = [n * step for n, step in zip((np.array(like.shape) - 1).clip(0), like.strides, strict=True)]
        low, high = sum(min(0, s) for s in steps), sum(max(0, s) for s in steps) + like.itemsize
        margin = self.MARGIN * like.itemsize
        self._bytes = np.full(high - low + 2 * margin, 0xFF, np.uint8)
        self._inside = slice(margin, margin + high - low)
        self.array = np.ndarray(like.shape, like.dtype, self._bytes, margin - low, like.strides)
        if filled:
            self.array[...] = like

    def check(self) -> None:
        """Raise if the margins were written to."""
        outside = np.ones(self._bytes.size, bool)
        outside[self._inside] = False
        assert (self._bytes[outside] == 0xFF).all(), "a kernel has written beside its memory"
