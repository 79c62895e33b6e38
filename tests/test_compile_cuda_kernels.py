"""The CUDA that is generated: it compiles for every GPU that matters, and computes what eager mode computes.

Nothing here needs a GPU. All kernels are compiled once by NVIDIA's compiler, and once by g++ for the CPU, where they
run (`cuda_on_cpu.py`).
"""

import itertools

import cuda_on_cpu
import hypothesis
import hypothesis.strategies as st
import numpy as np
import nvrtc
import pytest
from cuda_cases import BINARY, CASES, EXPONENTS, UNARY, ByHand, assert_same, random, whole_numbers
from cuda_on_cpu import Guarded, Library
from emulated import Emulated

import tinygrad_ml as tg
from tinygrad_ml.backend import dtypes
from tinygrad_ml.compile.gpu.beside import beside
from tinygrad_ml.compile.gpu.expressions import literal
from tinygrad_ml.compile.gpu.grouped import alike, grouped, structure
from tinygrad_ml.compile.gpu.kernels import has_launch, launches
from tinygrad_ml.compile.gpu.runtime import in_one
from tinygrad_ml.compile.program import Call, Instruction, Value
from tinygrad_ml.compile.schedule.kernel import Kernel
from tinygrad_ml.compile.schedule.layout import form_of
from tinygrad_ml.compile.sources import Number
from tinygrad_ml.ops import PRIMITIVES

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy, at the edges
]
on_cpu = pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
by_nvrtc = pytest.mark.skipif(bool(nvrtc.missing()), reason=nvrtc.missing())

LIBRARY_CALLS = {
    "matmul",
    "linear",
    "solve",
    "inv",
    "cofactors",
    "argsort",
    "topk",
    "searchsorted",
    "scatter_max",
    "scatter_min",
    "eigh",
    "eigvalsh",
    "svd",
    "svdvals",
    "pinv",
    "qr",
    "complement",
    "nextafter",
    "erfc",
    "erfinv",
    "cbrt",
    "fmod",
    "fourier",
    "cholesky",
    "det",
    "log_abs_det",
    "sign_det",
    "check",
}


@pytest.fixture(scope="module")
def cases():
    return {name: make() for name, make in CASES.items()}


def every_launch(cases):
    return [launch for case in cases.values() for launch in case.launches]


@pytest.fixture(scope="module")
def library(cases):
    """All of their kernels, compiled for the CPU in one go."""
    return Library(every_launch(cases))


@on_cpu
@pytest.mark.parametrize("name", CASES)
def test_kernels_compute_what_eager_mode_does(name, cases, library):
    case = cases[name]
    if isinstance(case, ByHand):
        return case.check(library)
    added_wider = {"scatter_add"} if name == "float16 added up" else set()
    added_wider |= {"scan"} if name.startswith("matrix_exp") else set()  # whose number of rounds is in its numbers
    assert set(case.eager) <= LIBRARY_CALLS | added_wider
    for y, again, expected in zip(case(library), case(library, backwards=True), case.expected, strict=True):
        assert_same(y, expected, 10)
        if "atomicAdd" not in case.source:
            np.testing.assert_array_equal(y, again)  # in whatever order blocks and threads come
    return None


# -- strides and broadcasting ------------------------------------------------------------------------------------


@st.composite
def arrays(draw, shape: tuple[int, ...]):
    """An array that broadcasts to this shape, and lies in memory as it likes."""
    extents = [draw(st.sampled_from([n, n, 1])) for n in shape]
    gaps = [draw(st.sampled_from([1, 1, 2, -1, -3])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    whole = whole_numbers(*[extents[axis] * abs(gaps[axis]) for axis in order])
    x = whole.transpose(np.argsort(order))[tuple(slice(None, None, gap) for gap in gaps)]
    return x[(0,) * draw(st.integers(0, sum(n == 1 for n in itertools.takewhile(lambda n: n == 1, x.shape))))]


@st.composite
def loops(draw):
    shape = tuple(draw(st.lists(st.integers(1, 7), max_size=4)))
    reduced = draw(st.none() | st.sets(st.sampled_from(range(len(shape)))).map(sorted).map(tuple)) if shape else None
    full = np.zeros(shape, "float32")  # so that the result has the shape
    operations = [("where", {})]
    return ByHand(operations, draw(arrays(shape)) > 0, draw(arrays(shape)), full + draw(arrays(shape)), reduced=reduced)


@on_cpu
@hypothesis.settings(max_examples=3)  # each of many loops, since compiling them takes its time
@hypothesis.given(st.lists(loops(), min_size=30, max_size=30))
def test_loops_over_any_strides(many):
    library = Library([launch for loop in many for launch in loop.launches])
    for loop in many:
        loop.check(library)


# -- updates of several parameters -------------------------------------------------------------------------------


def updates(*shapes) -> tuple[list[Kernel], dict[Value, np.ndarray]]:
    """The kernels of p ← p - rate · g, and their arrays."""
    rate = Value(next(ByHand.numbers), (), dtypes.float32, Number(0, "rate"))
    made, memory = [], {rate: np.asarray(0.5, "float32")}
    for shape in shapes:
        p, g, change, new = [Value(next(ByHand.numbers), shape, dtypes.float32) for _ in range(4)]
        memory |= {p: whole_numbers(*shape), g: whole_numbers(*shape), new: np.zeros(shape, "float32")}
        memory[change] = memory[new]
        instructions = [
            Instruction(PRIMITIVES["mul"], (g, rate), {}, change),
            Instruction(PRIMITIVES["sub"], (p, change), {}, new),
        ]
        kernel = Kernel(0, instructions[0], "loop")
        kernel.instructions, kernel.outputs = instructions, [new]
        made.append(kernel)
    return made, memory


@on_cpu
def test_updates_of_several_parameters_are_one_launch():
    kernels, memory = updates((50, 30), (30,), (1,), (), (2, 3, 1000))
    launch = grouped(kernels, memory)
    Library([launch])(launch, memory)
    for kernel in kernels:
        p, (g, rate) = kernel.instructions[1].inputs[0], kernel.instructions[0].inputs
        np.testing.assert_array_equal(memory[kernel.outputs[0]], memory[p] - memory[g] * memory[rate])
    assert launch.grid[0] == 2 + 1 + 1 + 1 + 6


def test_what_is_not_alike_is_not_one_launch():
    kernels, memory = updates((50, 30), (30,))
    assert alike(kernels, memory) == [kernels]
    many, more = updates(*[(3,)] * 171)
    assert grouped(many, more) is None  # 514 pointers
    assert grouped(many[:-1], more) is not None
    memory[kernels[0].instructions[1].inputs[0]] = memory[kernels[0].outputs[0]].T.copy().T
    assert structure(kernels[0], memory) is None
    assert alike(kernels, memory) == [kernels[:1], kernels[1:]]


# -- kernels that have nothing to do with each other ---------------------------------------------------------------


def unlike() -> Emulated:
    """Kernels whose blocks have 32 to 1024 threads, some of which wait for each other."""

    def function(x, rows, columns, long):
        return (x + 1).tanh(), x.exp(), rows.softmax(1), columns.sum(axis=0), long.max(axis=1) - 1

    shapes = (5,), (3, 70), (300, 11), (2, 8000)
    return Emulated(function, *[random.standard_normal(shape).astype("float32") for shape in shapes])


@on_cpu
@pytest.mark.parametrize("backwards", [False, True])
def test_unlike_kernels_are_one_launch(backwards):
    case = unlike()
    assert {launch.block[0] for launch in case.launches} == {32, 128, 1024}
    (launch,) = beside(case.launches)
    assert launch.grid[0] == sum(one.grid[0] for one in case.launches)
    assert launch.block[0] == max(one.block[0] for one in case.launches)
    guarded = {value: Guarded(array) for value, array in case.given.items()}
    guarded |= {value: Guarded(case.forms[value], filled=False) for value in case.program.results}
    Library([launch])(launch, {value: guard.array for value, guard in guarded.items()}, backwards)
    for value, expected in zip(case.program.results, case.expected, strict=True):
        guarded[value].check()
        assert_same(guarded[value].array, expected, 10)


def test_as_many_are_one_launch_as_a_processor_takes():
    def launches_of(function, *shapes):
        return Emulated(function, *[np.ones(shape, "float32") for shape in shapes]).launches

    full = launches_of(lambda x, y: (x.exp(), y.exp()), (400, 500), (500, 400))
    assert beside(full) == full
    sharing = launches_of(lambda *inputs: tuple(x.max(axis=0) for x in inputs), *[(20, 40 + n) for n in range(20)])
    assert [len(launch.arguments) for launch in beside(sharing)] == [16, 16, 8]
    many = launches_of(lambda *inputs: tuple(x.exp() for x in inputs), *[(n + 1,) for n in range(300)])
    assert [len(launch.arguments) for launch in beside(many)] == [512, 88]
    shared_by_blocks = launches_of(lambda x, y: (x.sum(), y.sum()), (20_000,), (30_000,))
    assert beside(shared_by_blocks) == shared_by_blocks
    (added_up,) = (one for one in launches_of(lambda x: tg.scatter_add(x, [0], x[:1]), (3,)) if one.zeroed)
    assert len(beside([added_up, *many[:9]])) == 2


# -- memory that is shared, and memory that is large -------------------------------------------------------------


@on_cpu
@pytest.mark.parametrize("n", [40, 300, 9000])  # a row of a part of a warp, of a block, and too long to be kept near
def test_a_result_may_lie_where_an_operand_lay(n):
    x = random.standard_normal((3, n)).astype("float32")
    case = Emulated(lambda x: (x - 1).softmax(-1), x)
    (launch,) = case.launches
    memory = dict.fromkeys(launch.arguments, x.copy())
    Library([launch])(launch, memory)
    assert_same(memory[launch.arguments[-1]], case.expected[0])


@by_nvrtc
@pytest.mark.parametrize("reduced", [(), (0,), (1,)])
def test_large_arrays_are_counted_with_64_bits(reduced):
    shape = (1 << 16, 1 << 15)
    for extents, kind in ((shape, "long long"), ((5, 5), "int")):
        x, y = Value(1, extents, dtypes.float32), Value(2, extents, dtypes.float32)
        total = Value(3, tuple(n for axis, n in enumerate(extents) if axis not in reduced), dtypes.float32)
        instructions = [
            Instruction(PRIMITIVES["exp"], (x,), {}, y),
            Instruction(PRIMITIVES["sum"], (y,), {"axis": reduced, "keepdims": False}, total),
        ][: 1 + bool(reduced)]
        kernel = Kernel(0, instructions[-1], "loop")
        kernel.instructions, kernel.outputs = instructions, [instructions[-1].output]
        (launch,) = launches(kernel, {value: form_of(value.shape, value.dtype) for value in (x, y, total)})
        assert ("const long long" in launch.source) == (kind == "long long")
        nvrtc.ptx(launch.source, 90)


# -- the source --------------------------------------------------------------------------------------------------


@by_nvrtc
@pytest.mark.parametrize("architecture", [80, 90])
def test_every_kernel_compiles(architecture, cases):
    update = grouped(*updates((50, 30), (30,)))
    nvrtc.ptx(in_one([update, *beside(unlike().launches), *every_launch(cases)]), architecture, "--Ofast-compile=max")


@by_nvrtc
@pytest.mark.parametrize("name", ["unary float16", "softmax of 257", "columns by many blocks", "two arrays, added up"])
def test_a_source_stands_by_itself(name):
    for launch in CASES[name]().launches:
        assert f".entry {launch.name}(" in nvrtc.ptx(launch.source, 90)


@by_nvrtc
def test_float32_is_not_computed_in_double_precision():
    x = np.ones(8, "float32")
    far = {"sin", "cos", "tan"}  # NVIDIA's own, for angles of many turns
    rows = [(name, {}) for name in UNARY if name not in far] + [("power", {"exponent": n}) for n in EXPONENTS["f"]]
    made = [ByHand(rows, x), ByHand([(name, {}) for name in BINARY], x, x)]
    sources = in_one([launch for kernel in made for launch in kernel.launches])
    assert "double" not in sources
    assert ".f64" not in nvrtc.ptx(sources, 90)


def test_literals_are_exact():
    assert literal(0.1, dtypes.float32) == "0.1f"
    assert literal(-2, dtypes.float64) == "(-2.0)"
    assert literal(-0.0, dtypes.float16) == "(-0.0f)"
    assert literal(np.inf, dtypes.float32) == "__int_as_float(0x7f800000)"
    assert literal(True, dtypes.bool_) == "true"
    assert literal(-(2**63), dtypes.int64) == "(-9223372036854775807LL - 1)"
    assert literal(2**64 - 1, dtypes.uint64) == "18446744073709551615ULL"


def test_equal_kernels_have_one_name():
    first, second = [Emulated(lambda x: x.exp().sum(1), np.ones((3, n), "float32")).launches for n in (4, 4)]
    other = Emulated(lambda x: x.exp().sum(1), np.ones((3, 5), "float32")).launches
    assert [launch.name for launch in first] == [launch.name for launch in second]
    assert first[0].name != other[0].name


def test_a_kernel_can_be_read():
    (launch,) = Emulated(lambda x: (x * 2).tanh(), np.ones((3, 4), "float32")).launches
    assert (
        launch.source
        == f"""\
extern "C" __global__ void {launch.name}(const float* p1, float* p4)
{{
    // mul tanh: 3 × 4
    const int i = blockIdx.x * 32 + threadIdx.x;
    if (i >= 12) return;
    const float v1 = p1[i];
    const float v3 = v1 * 2.0f;  // %3 = mul(%1, %2)
    const float v4 = tanh(v3);  // %4 = tanh(%3)
    p4[i] = v4;
}}
"""
    )


def test_what_has_no_kernel():
    x = Value(1, (3, 3), dtypes.float32)
    for name, params in {"matmul": {}, "inv": {}, "argsort": {"axis": 0, "descending": False}}.items():
        assert not has_launch(Instruction(PRIMITIVES[name], (x, x), params, Value(2, (3, 3), dtypes.float32)))
    assert not has_launch(Instruction(Call("draw", None), (), {}, x))
    # Memory of 8 bits cannot be added to by several threads at a time.
    small = [Value(n, (3,), np.dtype(dtype)) for n, dtype in enumerate(("int8", "int64", "int8"))]
    index = {"index": (tg.ops.index.ARRAY,), "shape": (3,)}
    assert not has_launch(Instruction(PRIMITIVES["scatter_add"], (small[0], small[1]), index, small[2]))


# -- the stand-in itself -----------------------------------------------------------------------------------------


@on_cpu
def test_what_a_gpu_would_get_wrong_is_noticed():
    (launch,) = Emulated(lambda x: x.sum(), whole_numbers(3000)).launches
    x, y = launch.arguments
    memory = {x: np.ones(3000, "float32"), y: np.zeros((), "float32")}

    def broken(name, old, new):
        assert old in launch.source
        return launch._replace(name=name, source=launch.source.replace(launch.name, name).replace(old, new))

    hasty = broken("hasty", "__syncthreads();", "")
    stuck = broken("stuck", "__syncthreads();", "if (threadIdx.x) __syncthreads(); else while (true) yield();")
    beside = broken("beside", "p2[0]", "p2[1]")
    library = Library([launch, hasty, stuck, beside])
    library(launch, memory)
    assert memory[y] == 3000
    library(hasty, memory)
    assert memory[y] != 3000
    with pytest.raises(RuntimeError, match="wait"):
        library(stuck, memory)
    guard = Guarded(memory[y])
    library(beside, memory | {y: guard.array})
    with pytest.raises(AssertionError, match="beside"):
        guard.check()


@on_cpu
@pytest.mark.parametrize("said", ["__threadfence();", "__threadfence();\n    __syncthreads();"])
def test_what_blocks_hand_over_has_to_be_there_and_seen(said):
    """The barrier before a block says that it is done, and the fence before that."""
    (launch,) = Emulated(lambda x: x.sum(axis=0), whole_numbers(5000, 13)).launches
    x, y = launch.arguments
    memory = {x: whole_numbers(5000, 13), y: np.zeros(13, "float32")}
    source = launch.source.replace(said, said.replace("__syncthreads();", "", 1) if "sync" in said else "")
    assert source != launch.source
    hasty = launch._replace(name="hasty", source=source.replace(launch.name, "hasty"))
    library = Library([launch, hasty])
    for backwards in (False, True):
        library(launch, memory, backwards)
        np.testing.assert_array_equal(memory[y], memory[x].sum(axis=0))
    library(hasty, memory)
    assert (memory[y] != memory[x].sum(axis=0)).any()
