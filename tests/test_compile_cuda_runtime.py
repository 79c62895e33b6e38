"""The door to CUDA on real CuPy arrays without memory behind them: what is asked of CuPy, and with which arguments."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.compile.gpu.runtime import CudaGraph, CudaRuntime, Ring

cupy = pytest.importorskip("cupy")
pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(tg.gpu_available(), reason="a real GPU would follow the pointers; tests/gpu tests that one"),
]


class Calls:
    """Notes what is called, with which arguments; names of constants are CuPy's."""

    def __init__(self):
        self.made = []

    def __getattr__(self, name):
        if hasattr(cupy.cuda.runtime, name) and not callable(getattr(cupy.cuda.runtime, name)):
            return getattr(cupy.cuda.runtime, name)
        return lambda *arguments: self.made.append((name, *arguments))


class Attributes(Calls):
    """Answers what is asked of a device."""

    def __init__(self, known):
        super().__init__()
        self.known = known

    def deviceGetAttribute(self, attribute, device):
        return self.known.get(attribute, 0)


@pytest.fixture
def runtime():
    class WithoutDevice(CudaRuntime):
        def __init__(self):
            self.index, self._cupy, self._runtime, self._kept, self._planned = 0, cupy, Calls(), None, None
            self._pool, self._current = self, lambda: 77
            self._memory = cupy.cuda.UnownedMemory(0x100000, 1 << 24, None, 0)
            self._used = 0

        def malloc(self, nbytes):
            self._used += nbytes
            return cupy.cuda.MemoryPointer(self._memory, self._used - nbytes)

    return WithoutDevice()


def test_arrays_in_memory(runtime):
    memory = runtime.allocate(1000)
    assert (memory.dtype, memory.shape) == (np.uint8, (1000,))
    x = runtime.array(memory, 64, (3, 4), np.dtype("float32"))
    assert (x.shape, x.strides, x.dtype) == ((3, 4), (16, 4), np.float32)
    assert runtime.address(x) == runtime.address(memory) + 64
    view = runtime.array(x, 8, (4, 3), np.dtype("float32"), (4, 16))
    assert (view.strides, runtime.address(view)) == ((4, 16), runtime.address(x) + 8)
    assert x.base is view.base is None  # so that a view of one keeps just that one
    assert x[1:].base is x


def test_planned_memory_grows_and_is_shared(runtime):
    small = runtime.planned(100)
    assert runtime.planned(80) is small
    large = runtime.planned(200)
    assert large.nbytes == 200
    assert runtime.planned(150) is large


def test_copies_zeros_and_uploads(runtime):
    memory = runtime.allocate(1000)
    x, y = (runtime.array(memory, offset, (3, 4), np.dtype("float32")) for offset in (0, 512))
    runtime.copy(x, y)
    runtime.zero(x[1:])
    device, host = cupy.cuda.runtime.memcpyDeviceToDevice, cupy.cuda.runtime.memcpyHostToDevice
    assert runtime._runtime.made == [
        ("memcpyAsync", runtime.address(x), runtime.address(y), 48, device, 77),
        ("memsetAsync", runtime.address(x) + 16, 0, 32, 77),
    ]
    runtime._runtime.made.clear()
    buffer = np.zeros(8, np.uint8)
    events = type("Event", (), {"record": lambda self: None, "synchronize": lambda self: None})
    runtime._ring = Ring(lambda nbytes: (buffer, buffer.ctypes.data), events)
    runtime.upload(memory, np.arange(5, dtype=np.uint8))
    assert runtime._runtime.made == [("memcpyAsync", runtime.address(memory), buffer.ctypes.data, 5, host, 77)]
    assert buffer.tolist() == [0, 1, 2, 3, 4, 0, 0, 0]


def test_pointers_are_passed_as_integers_of_their_size(runtime):
    given = []
    runtime.launch(lambda *arguments: given.append(arguments), (2, 1, 1), (128, 1, 1), [0x7F00_1234_5678, 64])
    ((grid, block, arguments),) = given
    assert (grid, block) == ((2, 1, 1), (128, 1, 1))
    assert [(type(number), number) for number in arguments] == [(np.intp, 0x7F00_1234_5678), (np.intp, 64)]


def test_blocks_that_wait_for_each_other_are_launched_together(runtime):
    """By the door of CuPy that CUDA promises all of them to run, and no more than the driver says."""
    given = []

    class Kernel:
        ptr = 5

        def __call__(self, *arguments, **options):
            given.append((*arguments, options))

    raw = type("Raw", (), {"kernel": Kernel()})
    runtime.launch_together(raw, (66, 1, 1), (256, 1, 1), [16, 0x7F00_1234_5678])
    ((grid, block, arguments, options),) = given
    assert (grid, block, options) == ((66, 1, 1), (256, 1, 1), {"enable_cooperative_groups": True})
    assert [(type(number), number) for number in arguments] == [(np.intp, 16), (np.intp, 0x7F00_1234_5678)]
    asked = cupy.cuda.runtime.cudaDevAttrMultiProcessorCount
    runtime._runtime = Attributes({asked: 132, cupy.cuda.runtime.cudaDevAttrL2CacheSize: 50 << 20})
    runtime._cupy = type("Module", (), {"cuda": type("Cuda", (), {"driver": type("Driver", (), {})})})
    runtime._cupy.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor = lambda *asked: {(5, 256, 0): 2}[asked]
    assert runtime.resident(raw, 256) == 264
    assert runtime.cache_bytes == 0  # of a device that promises nothing of the kind
    del runtime.cache_bytes
    runtime._runtime.known[cupy.cuda.runtime.cudaDevAttrCooperativeLaunch] = 1
    assert runtime.cache_bytes == 50 << 20


def test_draws_are_kept_with_the_graph_that_makes_them(runtime):
    class Generator:
        def random(self, size, dtype):
            return size, dtype

    runtime._kept = kept = []
    generator = Generator()
    drawn = runtime.draw(generator, "random", {"size": (3,), "dtype": np.float32}, None)
    assert drawn == ((3,), np.float32)
    assert kept == [generator, drawn]


def test_nodes_are_counted_in_what_cuda_prints():
    class Graph:
        def debug_dot_str(self):
            return """digraph dot {
subgraph cluster_1 {
label="graph_1" graph[style="dashed"];
"graph_1_node_0"[style="solid" shape="rectangle" label="0
MEMSET"];
"graph_1_node_1"[style="bold" shape="octagon" label="1
kernel
"];
"graph_1_node_0" -> "graph_1_node_1"[headlabel=0];
}
}
"""

    assert CudaGraph(Graph(), []).nodes() == 2


def test_cupy_has_all_that_is_called():
    cuda = cupy.cuda
    for owner, names in (
        (cuda, "Device Event MemoryPool Stream alloc_pinned_memory get_current_stream using_allocator"),
        (cuda.MemoryPool, "malloc"),
        (cuda.Stream, "begin_capture end_capture __enter__ __exit__"),
        (cuda.Graph, "debug_dot_str launch upload"),
        (cuda.Event, "record synchronize"),
        (cuda.runtime, "memcpyAsync memsetAsync deviceGetAttribute CUDARuntimeError"),
        (cuda.driver, "occupancyMaxActiveBlocksPerMultiprocessor"),
        (cupy.RawModule, "get_function"),
        (cupy.random.Generator, "random standard_normal integers"),
    ):
        for name in names.split():
            assert callable(getattr(owner, name)), name
    for function, arguments in (
        (cuda.runtime.memcpyAsync, "(intptr_t dst, intptr_t src, size_t size, int kind, intptr_t stream)"),
        (cuda.runtime.memsetAsync, "(intptr_t ptr, int value, size_t size, intptr_t stream)"),
    ):
        assert function.__doc__.startswith(function.__name__ + arguments)
    for name in ("kernel", "__call__"):
        assert hasattr(cupy.RawKernel, name)
    assert hasattr(cuda.Function, "ptr")
    cupy.RawModule(code="", options=("--std=c++17",), backend="nvrtc")
