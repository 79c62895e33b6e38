"""The narrow door to CUDA: all that a compiled step asks of the GPU. Tests put another class in its place.

Everything runs on the caller's current stream, and so in order with what the caller does there before and after.
Only capturing takes a stream of its own, on which nothing runs: what is called is written down, as a graph.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy

from ...cuda import shared_or_raise
from ...machine.cache import is_safe
from ..program import Value
from . import blas
from .launch import Launch

UPLOADS_UNDER_WAY = 8
"""So many uploads may be under way; then the host waits for the device."""


class Ring:
    """Buffers of the host from which the device reads in its own time.

    A buffer is filled again when the device has read it: a host that is faster would overwrite the numbers of a
    step that has yet to run.

    buffer  gives a buffer of so many bytes, as an array, and its address
    event   gives an event, with `record()` and `synchronize()`
    """

    def __init__(self, buffer: Callable[[int], tuple[numpy.ndarray, int]], event: Callable[[], Any]):
        self._buffer, self._event = buffer, event
        self._slots: list[tuple] = []
        self._next = 0

    def send(self, data: numpy.ndarray, copy: Callable[[int], None]) -> None:
        """Put bytes into a free buffer, and start `copy` from its address."""
        if not self._slots or self._slots[0][0].size < data.size:
            for *_, read in self._slots:
                read.synchronize()
            self._slots = [(*self._buffer(data.size), self._event()) for _ in range(UPLOADS_UNDER_WAY)]
        array, address, read = self._slots[self._next]
        self._next = (self._next + 1) % UPLOADS_UNDER_WAY
        read.synchronize()  # at once, if it was never recorded
        array[: data.size] = data
        copy(address)
        read.record()


def in_one(launches: Sequence[Launch]) -> str:
    """The source of all launches, each in a namespace of its own, since their helpers have equal names."""
    sources = {launch.name: launch.source for launch in launches}
    include = re.compile(r"^#include .*$", re.MULTILINE)
    includes = dict.fromkeys(line for source in sources.values() for line in include.findall(source))
    spaces = [f"namespace of_{name} {{\n{include.sub('', source)}}}" for name, source in sources.items()]
    return "\n".join([*includes, *spaces, ""])


@contextlib.contextmanager
def _no_foreign_kernels() -> Iterator[None]:
    """CuPy runs what it finds in the folder of its kernels. Meanwhile it leaves that folder alone, if it is not safe."""
    folder = Path(os.environ.get("CUPY_CACHE_DIR") or Path.home() / ".cupy" / "kernel_cache")
    name = "CUPY_CACHE_IN_MEMORY"
    before = os.environ.get(name)
    if not is_safe(folder):
        os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


class CudaGraph:
    """A graph, and what was made while it was captured: the graph itself holds nothing that it points to."""

    def __init__(self, graph: Any, kept: list):
        self.graph, self._kept = graph, kept

    def launch(self) -> None:
        """Run all of it, on the current stream."""
        self.graph.launch()

    def nodes(self) -> int:
        """How many kernels and copies it consists of."""
        return len(re.findall(r'^"graph_\d+_node_\d+"\s*\[', self.graph.debug_dot_str(), re.MULTILINE))


class CudaRuntime:
    """GPU number `index`. What is allocated here comes from a pool of its own, which lives as long as what it gave.

    products  the precision of matrix products of float32, see `blas.PRECISIONS`

    Arrays are CuPy's. `DeviceError` where there is no such GPU.
    """

    def __init__(self, index: int = 0, products: str = "float32"):
        self.backend, self.index = shared_or_raise(index), index
        self._cupy, self.precision = self.backend.cupy, products
        self._runtime = self._cupy.cuda.runtime
        self._pool = self._cupy.cuda.MemoryPool()
        self._plans: dict[tuple, blas.BlasPlan] = {}
        self._planned = self._workspace = None
        self._kept: list | None = None
        with self.current():
            self._stream = self._cupy.cuda.Stream(non_blocking=True)
        self._ring = Ring(self._pinned, lambda: self._cupy.cuda.Event(disable_timing=True))

    @functools.cached_property
    def _lt(self) -> blas.Lt:
        return blas.Lt()

    def current(self) -> contextlib.AbstractContextManager:
        """A context in which this GPU is the current one."""
        return self._cupy.cuda.Device(self.index)

    def allocate(self, nbytes: int) -> Any:
        """New memory, as an array of bytes."""
        return self._cupy.ndarray((nbytes,), numpy.uint8, self._pool.malloc(nbytes))

    def planned(self, nbytes: int) -> Any:
        """The memory in which the programs of a step put what they need while they run; only one of them runs at a time."""
        if self._planned is None or self._planned.nbytes < nbytes:
            self._planned = self.allocate(nbytes)
        return self._planned

    def array(
        self,
        memory: Any,
        offset: int,
        shape: tuple[int, ...],
        dtype: numpy.dtype,
        strides: tuple[int, ...] | None = None,
    ) -> Any:
        """What lies in an array, from so many bytes on, as another array, which is nobody's view."""
        return self._cupy.ndarray(shape, dtype, memory.data + offset, strides)

    def address(self, array: Any) -> int:
        """Where its first element lies."""
        return array.data.ptr

    def copied(self, array: Any) -> Any:
        """The same numbers in memory that is nobody else's."""
        return array.copy()

    def copy(self, target: Any, source: Any) -> None:
        """target[...] = source"""
        if not target.size:
            return
        if target.flags.c_contiguous and source.flags.c_contiguous and target.dtype == source.dtype:
            nbytes, kind = source.nbytes, self._runtime.memcpyDeviceToDevice
            self._runtime.memcpyAsync(target.data.ptr, source.data.ptr, nbytes, kind, self._current())
        else:
            target[...] = source

    def zero(self, array: Any) -> None:
        """Zeros, in contiguous memory."""
        if array.size:
            self._runtime.memsetAsync(array.data.ptr, 0, array.nbytes, self._current())

    def upload(self, target: Any, data: numpy.ndarray) -> None:
        """Bytes of the host into memory here, without waiting."""
        kind = self._runtime.memcpyHostToDevice
        self._ring.send(
            data,
            lambda address: self._runtime.memcpyAsync(target.data.ptr, address, data.size, kind, self._current()),
        )

    def _pinned(self, nbytes: int) -> tuple[numpy.ndarray, int]:
        memory = self._cupy.cuda.alloc_pinned_memory(nbytes)
        return numpy.frombuffer(memory, numpy.uint8, nbytes), memory.ptr

    def _current(self) -> int:
        return self._cupy.cuda.get_current_stream().ptr

    def kernels(self, launches: Sequence[Launch]) -> list[Any]:
        """The kernel of each launch, all compiled in one go, and kept on disk by CuPy for the next process."""
        if not launches:
            return []
        with _no_foreign_kernels():
            module = self._cupy.RawModule(code=in_one(launches), options=("--std=c++17",), backend="nvrtc")
            return [module.get_function(launch.name) for launch in launches]

    def launch(self, kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], addresses: list[int]) -> None:
        """Run a kernel, whose arguments are pointers."""
        kernel(grid, block, tuple(map(numpy.intp, addresses)))

    def launch_together(self, kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], given: list[int]) -> None:
        """Run a kernel whose blocks wait for each other, so all of them have to run at the same time; see `resident`."""
        kernel.kernel(grid, block, tuple(map(numpy.intp, given)), enable_cooperative_groups=True)

    def resident(self, kernel: Any, threads: int) -> int:
        """Blocks of so many threads, of a kernel, that can run at the same time."""
        runtime, driver = self._runtime, self._cupy.cuda.driver
        processors = runtime.deviceGetAttribute(runtime.cudaDevAttrMultiProcessorCount, self.index)
        return processors * driver.occupancyMaxActiveBlocksPerMultiprocessor(kernel.kernel.ptr, threads, 0)

    @functools.cached_property
    def cache_bytes(self) -> int:
        """Of the second-level cache; 0 where blocks cannot be made to run at the same time."""
        runtime = self._runtime
        if not runtime.deviceGetAttribute(runtime.cudaDevAttrCooperativeLaunch, self.index):
            return 0
        return runtime.deviceGetAttribute(runtime.cudaDevAttrL2CacheSize, self.index)

    def product(self, call: blas.BlasProduct, a: int, b: int, out: int) -> None:
        """A matrix product of what lies at these addresses."""
        alignments = blas.alignment(a), blas.alignment(b), blas.alignment(out)
        if (call, alignments) not in self._plans:
            self._plans[call, alignments] = self._lt.plan(call, self.precision, alignments)
        plan = self._plans[call, alignments]
        if plan.workspace and (self._workspace is None or self._workspace.nbytes < plan.workspace):
            self._workspace = self.allocate(plan.workspace)
        workspace = self._workspace.data.ptr if self._workspace is not None and plan.workspace else 0
        self._keep(plan, self._workspace)
        self._lt.run(plan, a, b, out, workspace, self._current())

    def draw(self, generator: Any, method: str, options: dict[str, Any], value: Value) -> Any:
        """Random numbers of a CuPy generator, whose state is on the device: its methods neither copy nor wait."""
        drawn = getattr(generator, method)(**options)
        self._keep(generator, drawn)
        return drawn

    def _keep(self, *things: Any) -> None:
        if self._kept is not None:
            self._kept += things

    def capture(self, work: Callable[[], None]) -> CudaGraph:
        """What `work` calls on this object, as a graph; nothing is run."""
        with self._cupy.cuda.using_allocator(self._pool.malloc), self._capturing() as kept:
            self._stream.begin_capture()
            try:
                work()
            except BaseException:
                with contextlib.suppress(self._runtime.CUDARuntimeError):
                    self._stream.end_capture()  # what was captured until now may be nothing whole
                raise
            graph = self._stream.end_capture()
        graph.upload()
        return CudaGraph(graph, kept)

    @contextlib.contextmanager
    def _capturing(self) -> Iterator[list]:
        self._kept = kept = []
        try:
            with self._stream:
                yield kept
        finally:
            self._kept = None
