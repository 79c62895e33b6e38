"""Runs generated CUDA kernels on the CPU: the very same source, compiled by g++ against a small stand-in for CUDA.

Blocks run one after the other. The threads of a block run one after the other too, until they meet: at a barrier
or a shuffle a thread waits, as a fiber, until all threads of its block or warp have come there. So a forgotten barrier
shows as a wrong number, all the more as blocks and threads can be run backwards. Around all memory lie numbers
that must not be read and must not change.
"""

import ctypes
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile.gpu.kernels import Launch, has_form, has_launch, launches
from tinygrad_ml.compile.gpu.runtime import in_one
from tinygrad_ml.compile.layout import form_of, view_function
from tinygrad_ml.compile.passes.fusion import fusion
from tinygrad_ml.compile.program import VIEWS

STAND_IN = r"""
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <tuple>
#include <utility>
#include <vector>
#include <ucontext.h>

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atan2, std::atanh, std::ceil, std::copysign, std::cos;
using std::cosh, std::erf, std::exp, std::expm1, std::fabs, std::floor, std::fmod, std::isfinite, std::isinf, std::isnan;
using std::log, std::log10, std::log1p, std::log2, std::pow, std::rint, std::sin, std::sinh, std::sqrt, std::tan;
using std::tanh, std::trunc;

#define __global__
#define __device__
#define __shared__ static

struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;

// -- numbers

static float __int_as_float(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static double __longlong_as_double(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }

struct __half { uint16_t bits; };
static float __half2float(__half x)
{
    const int exponent = x.bits >> 10 & 31, fraction = x.bits & 1023;
    const float size = exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent ? ldexpf(1024 + fraction, exponent - 25) : ldexpf(fraction, -24);
    return x.bits >> 15 ? -size : size;
}
static __half __double2half(double x)
{
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    if (x != x) return {uint16_t(sign | 0x7e00)};
    const double size = fabs(x);
    if (size >= 65520) return {uint16_t(sign | 0x7c00)};
    int exponent = size < ldexp(1, -14) ? -14 : ilogb(size);
    int fraction = int(nearbyint(ldexp(size, 10 - exponent)));  // 1024 and more, but for the smallest numbers
    return {uint16_t(sign | (fraction + (exponent + 14) * 1024))};
}
static __half __float2half_rn(float x) { return __double2half(x); }

// -- threads that wait for each other

struct Meeting { int alive = 0, arrived = 0, generation = 0; };
static const int STACK = 1 << 16;
static std::vector<ucontext_t> fibers;
static std::vector<char> done, stacks;
static std::vector<Meeting> warps;
static Meeting whole;
static ucontext_t scheduler;
static int current;
static long progress;
static char slots[1024][16];
static void (*thread)();

static void yield() { swapcontext(&fibers[current], &scheduler); }
static void meet(Meeting& all)
{
    const int generation = all.generation;
    all.arrived++, progress++;
    while (all.generation == generation) {
        if (all.arrived >= all.alive) all.arrived = 0, all.generation++, progress++;
        else yield();
    }
}
static void __syncthreads() { meet(whole); }
static void __threadfence() {}
template <typename T> static T __shfl_xor_sync(unsigned, T x, int mask)
{
    memcpy(slots[current], &x, sizeof(T));
    meet(warps[current / 32]);
    const int other = current ^ mask;
    if (other < int(done.size()) && !done[other]) memcpy(&x, slots[other], sizeof(T));
    else memset((void*)&x, 0xa5, sizeof(T));
    meet(warps[current / 32]);
    return x;
}
template <typename T> static T atomicAdd(T* p, T x) { const T old = *p; *p = old + x; return old; }
static __half atomicAdd(__half* p, __half x)
{
    const __half old = *p;
    *p = __float2half_rn(__half2float(old) + __half2float(x));
    return old;
}
static unsigned atomicInc(unsigned* p, unsigned last) { const unsigned old = *p; *p = old >= last ? 0 : old + 1; return old; }

static void fiber()
{
    thread();
    warps[current / 32].alive--, whole.alive--, progress++, done[current] = 1;
    yield();
}
static Place place(int number, Place extent)
{
    return {number % extent.x, number / extent.x % extent.y, number / extent.x / extent.y};
}
static int run_block(int count, bool meets, bool backwards)
{
    if (!meets) {
        for (int i = 0; i < count; i++) threadIdx = place(backwards ? count - 1 - i : i, blockDim), thread();
        return 0;
    }
    fibers.resize(count), done.assign(count, 0), stacks.resize(size_t(count) * STACK);
    warps.assign((count + 31) / 32, Meeting()), whole = Meeting(), whole.alive = count;
    for (int i = 0; i < count; i++) {
        warps[i / 32].alive++;
        getcontext(&fibers[i]);
        fibers[i].uc_stack.ss_sp = &stacks[size_t(i) * STACK], fibers[i].uc_stack.ss_size = STACK;
        makecontext(&fibers[i], fiber, 0);
    }
    while (whole.alive) {
        const long before = progress;
        for (int i = 0; i < count; i++) {
            current = backwards ? count - 1 - i : i;
            threadIdx = place(current, blockDim);
            if (!done[current]) swapcontext(&scheduler, &fibers[current]);
        }
        if (progress == before) return 1;  // each waits for another one
    }
    return 0;
}
static int run(Place grid, Place block, bool meets, bool backwards)
{
    gridDim = grid, blockDim = block;
    const int blocks = grid.x * grid.y * grid.z;
    for (int i = 0; i < blocks; i++) {
        blockIdx = place(backwards ? blocks - 1 - i : i, grid);
        if (run_block(block.x * block.y * block.z, meets, backwards)) return 1;
    }
    return 0;
}
static void** arguments;
template <typename... A, size_t... I> static void call(void (*kernel)(A...), std::index_sequence<I...>)
{
    kernel((A)arguments[I]...);
}
template <typename... A> static void call(void (*kernel)(A...)) { call(kernel, std::index_sequence_for<A...>()); }
"""

FLAGS = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing"]
COMPILER = shutil.which("g++")


class Library:
    """Launches, compiled for the CPU in one go. Raises `RuntimeError` with the compiler's words."""

    def __init__(self, launches):
        runs = "\n".join(
            f'extern "C" int run_{name}(void** given, Place grid, Place block, bool meets, bool backwards)\n'
            f"{{ arguments = given; thread = [] {{ call(of_{name}::{name}); }}; return run(grid, block, meets, backwards); }}"
            for name in {launch.name for launch in launches}
        )
        with tempfile.TemporaryDirectory() as folder:
            source, library = pathlib.Path(folder, "kernels.cpp"), pathlib.Path(folder, "kernels.so")
            source.write_text(STAND_IN + in_one(launches) + runs)
            pathlib.Path(folder, "cuda_fp16.h").touch()  # float16 is a part of the stand-in
            made = subprocess.run(
                [COMPILER, *FLAGS, "-I", folder, source, "-o", library], capture_output=True, text=True
            )
            if made.returncode:
                raise RuntimeError(made.stderr[:4000])
            self._functions = ctypes.CDLL(str(library))

    def __call__(self, launch, arrays, backwards: bool = False) -> None:
        """Run it. `arrays` has an array for each of its values: the very memory that is read and written."""
        assert all(0 < n for n in (*launch.grid, *launch.block)), launch
        assert np.prod(launch.block) <= 1024, launch
        for value in launch.zeroed:
            assert not arrays[value].any(), f"{value} has to be zeros before {launch.name}"
        pointers = (ctypes.c_void_p * len(launch.arguments))(*[arrays[v].ctypes.data for v in launch.arguments])
        place = ctypes.c_uint * 3
        meets = "__syncthreads" in launch.source or "__shfl" in launch.source
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


class Guarded:
    """Memory for an array with a margin on both sides: of numbers that would spoil what is computed of them."""

    MARGIN = 64

    def __init__(self, like: np.ndarray):
        """Memory for an array of this shape and these strides, with its numbers."""
        steps = [n * step for n, step in zip((np.array(like.shape) - 1).clip(0), like.strides, strict=True)]
        low, high = sum(min(0, s) for s in steps), sum(max(0, s) for s in steps) + like.itemsize
        margin = self.MARGIN * like.itemsize
        self._bytes = np.full(high - low + 2 * margin, 0xFF, np.uint8)
        self._inside = slice(margin, margin + high - low)
        self.array = np.ndarray(like.shape, like.dtype, self._bytes, margin - low, like.strides)
        self.array[...] = like

    def check(self) -> None:
        """Raise if the margins were written to."""
        outside = np.ones(self._bytes.size, bool)
        outside[self._inside] = False
        assert (self._bytes[outside] == 0xFF).all(), "a kernel has written beside its memory"


class Emulated:
    """A recorded program, of which every kernel that has CUDA code runs as that, and every other one as in eager mode.

    function  of tensors
    arrays    to which it is applied; they lie in memory as they come
    """

    def __init__(self, function, *arrays: np.ndarray):
        tensors = [tg.tensor(array) for array in arrays]
        expected = function(*tensors)
        self.expected = [y.numpy() for y in (expected if isinstance(expected, tuple) else (expected,))]
        step = tg.compile(function)
        step(*tensors)
        self.program = step.program
        self.kernels = fusion(self.program, has_form, may_reduce=lambda instruction, is_reduced: True)
        self.given = {value: _array_of(value.source, arrays) for value in self.program.sources()}
        self.forms = dict(self.given)
        self.launches = {kernel: self._lay_out(kernel) for kernel in self.kernels}

    def _lay_out(self, kernel) -> list[Launch] | None:
        instruction = kernel.instructions[0]
        if kernel.kind == "single":
            take = view_function(instruction)
            try:
                if take is not None:
                    self.forms[instruction.output] = take(self.forms[instruction.inputs[0]])
                    return None
            except ValueError:  # a reshape for which numbers have to move
                pass
        for i in kernel.instructions:
            self.forms[i.output] = form_of(i.output.shape, i.output.dtype)
        return launches(kernel, self.forms) if kernel.kind == "loop" or has_launch(instruction) else None

    @property
    def eager(self) -> list[str]:
        """The operations that have no CUDA code and are no views."""
        names = [kernel.name for kernel, launches in self.launches.items() if launches is None]
        return [name for name in names if name not in VIEWS]

    def __call__(self, library: Library, backwards: bool = False) -> list[np.ndarray]:
        """The results."""
        guarded = {value: Guarded(array) for value, array in self.given.items()}
        memory = {value: guard.array for value, guard in guarded.items()}
        for kernel in self.kernels:
            if self.launches[kernel] is None:
                (instruction,) = kernel.instructions
                operands = [memory[value] for value in instruction.inputs]
                take = view_function(instruction)
                compute = take or (lambda *x, i=instruction: np.asarray(i.op.value(HOST, *x, **i.params)))
                memory[instruction.output] = compute(*operands)
                continue
            for value in kernel.outputs:
                guarded[value] = Guarded(np.zeros(value.shape, value.dtype))
                memory[value] = guarded[value].array
            for launch in self.launches[kernel]:
                library(launch, memory, backwards)
        for guard in guarded.values():
            guard.check()
        return [memory[value] for value in self.program.results]


def _array_of(source, arrays) -> np.ndarray:
    if source.kind == "argument":
        return arrays[source.position]
    return np.asarray(source.array if source.kind == "constant" else source.tensor.numpy())
