"""A GPU for `tg.compile` on any machine: runs generated CUDA kernels on the CPU, and refuses what a real capture refuses.

Arrays are those of the strict stand-in (`strict.py`). Kernels run from their CUDA source (`cuda_on_cpu.py`); products go
through a cuBLAS of the CPU (`fake_cublas.py`). While a graph is captured nothing runs:
calls are written down, and replayed by `launch`. Memory from the pool begins as numbers that must not be read.
"""

import contextlib
from unittest import mock

import cuda_on_cpu
import fake_cublas
import numpy as np
import pytest
import strict
from fake_cublas import view

from tinygrad_ml.compile import engines, gpu
from tinygrad_ml.compile.gpu import blas

MARKS = [
    pytest.mark.host_only,
    pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="no g++ to compile kernels for the CPU"),
]
"""Of tests in which kernels run."""
ORDERS = 0, 1, 7
"""In which blocks that wait for each other go on (see `cuda_on_cpu.Library.together`): forwards, backwards, at random."""


def array(*shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


class Refused(RuntimeError):
    """What a capture does not allow."""


class Graph:
    """Calls, to be made again and again."""

    def __init__(self, calls):
        self.calls = calls

    def nodes(self):
        return len(self.calls)

    def launch(self):
        FakeCuda.launched += 1
        for call in self.calls:
            call()


class FakeCuda:
    """Stands for `tinygrad_ml.compile.gpu.Cuda`. Counts captures, launches and uploads, over all instances.

    backwards    whether the blocks and threads of a kernel run in the other order
    cache_bytes  of a second-level cache: if there is one, steps become one kernel, of so many `blocks`, which run in
                 this `order`, `without` a meeting of all (see `cuda_on_cpu.Library.together`)
    """

    captured = launched = uploaded = 0
    backwards = False
    cache_bytes, blocks, order, without = 0, 3, 0, -1
    backend = strict.BACKEND
    libraries: dict = {}

    def __init__(self, index=0, products="float32"):
        self.index, self.precision = index, products
        self._lt, self._plans, self._workspace = blas.Lt(fake_cublas.Library(self._do)), [], 1 << 20
        self._calls = None
        self._planned = None

    def current(self):
        return contextlib.nullcontext()

    def _do(self, call):
        """Now, or when the graph that is being captured runs."""
        if self._calls is None:
            call()
        else:
            self._calls.append(call)

    def _not_in_a_capture(self, what):
        if self._calls is not None:
            raise Refused(f"{what} during a capture")

    # -- memory

    def allocate(self, nbytes):
        whole = np.full(nbytes + 256, 0xFF, np.uint8)  # nan, and -1
        start = -whole.ctypes.data % 256
        return strict.StrictArray(whole[start : start + nbytes])

    def planned(self, nbytes):
        if self._planned is None or self._planned.nbytes < nbytes:
            self._planned = self.allocate(nbytes)
        return self._planned

    def array(self, memory, offset, shape, dtype, strides=None):
        return strict.StrictArray(view(self.address(memory) + offset, shape, dtype, strides, memory._host))

    def address(self, array):
        return array._host.ctypes.data

    def copied(self, array):
        self._not_in_a_capture("memory outside of the pool")
        return strict.StrictArray(array._host.copy())

    def copy(self, target, source):
        assert isinstance(source, strict.StrictArray), type(source)
        self._do(lambda: np.copyto(target._host, source._host, casting="unsafe"))

    def zero(self, array):
        assert array.flags.c_contiguous
        self._do(lambda: array._host.fill(0))

    def upload(self, target, data):
        self._not_in_a_capture("a copy from the host")
        FakeCuda.uploaded += 1
        target._host[: data.size] = data

    # -- work

    def kernels(self, launches):
        self._not_in_a_capture("loading kernels")
        new = [launch for launch in launches if launch.name not in self.libraries]
        if new:
            self.libraries.update(dict.fromkeys([launch.name for launch in new], cuda_on_cpu.Library(new)))
        return [(self.libraries[launch.name], launch._replace(zeroed=())) for launch in launches]

    def launch(self, kernel, grid, block, addresses):
        library, launch = kernel
        assert (grid, block) == (launch.grid, launch.block)
        lies = {
            value: view(address, (1,), np.uint8) for value, address in zip(launch.arguments, addresses, strict=True)
        }
        self._do(lambda: library(launch, lies, self.backwards))

    def resident(self, kernel, threads):
        return self.blocks

    def launch_together(self, kernel, grid, block, given):
        library, launch = kernel
        assert block == launch.block
        assert grid[0] <= min(self.blocks, launch.grid[0])
        self._do(lambda: library.together(launch, grid[0], given, self.order, self.without))

    def product(self, call, a, b, out):
        alignments = tuple(map(blas.alignment, (a, b, out)))
        plan = self._lt.plan(call, self.precision, alignments)
        self._plans.append(plan)
        self._lt.run(plan, a, b, out, self._workspace, 0)

    def draw(self, generator, method, options, value):
        memory = self.allocate(value.nbytes)
        target = self.array(memory, 0, value.shape, value.dtype)
        self._do(lambda: np.copyto(target._host, getattr(generator, method)(**options)._host))
        return target

    # -- graphs

    def capture(self, work):
        def refuse(*_):
            raise Refused("an array was computed with, beside the runtime, during a capture")

        self._calls = calls = []
        FakeCuda.captured += 1
        try:
            with mock.patch.multiple(strict, _bare=refuse, _look=refuse, _wrapped=refuse):
                work()
        finally:
            self._calls = None
        return Graph(calls)


engines.ENGINES["strict"] = engines.Engine(gpu.Executable, FakeCuda)
