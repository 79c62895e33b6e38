"""The CUDA that is generated: it compiles for every GPU that matters, and computes what eager mode computes.

Nothing here needs a GPU. All kernels are compiled once by NVIDIA's compiler, and once by g++ for the CPU, where they
run (`cuda_on_cpu.py`).
"""

import itertools
from collections.abc import Callable
from functools import partial

import cuda_on_cpu
import hypothesis
import hypothesis.strategies as st
import numpy as np
import nvrtc
import pytest
from cuda_on_cpu import Guarded, Library
from emulated import Emulated
from operations import TABLE
from test_compile_operations import gradients, values

import tinygrad_ml as tg
from tinygrad_ml.backend import dtypes
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile.gpu.expressions import literal
from tinygrad_ml.compile.gpu.kernels import grouped, has_launch, launches, structure
from tinygrad_ml.compile.gpu.runtime import in_one
from tinygrad_ml.compile.passes.elementwise import ELEMENTWISE
from tinygrad_ml.compile.passes.fusion import Kernel
from tinygrad_ml.compile.program import Call, Instruction, Value
from tinygrad_ml.compile.recorder import Number
from tinygrad_ml.ops.primitive import PRIMITIVES

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy, at the edges
]
on_cpu = pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
by_nvrtc = pytest.mark.skipif(bool(nvrtc.missing()), reason=nvrtc.missing())

TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-13}
random = np.random.default_rng(0)


def assert_same(found: np.ndarray, expected: np.ndarray, times: float = 1) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = times * TOLERANCE.get(found.dtype.name, 0)
    np.testing.assert_allclose(found, expected, tolerance, tolerance)


class ByHand:
    """A kernel of instructions that are written here, on arrays that lie in memory as they come.

    The operations are rows of the table, each of the same arrays; `reduced` are axes over which the first result is
    summed.
    """

    numbers = itertools.count(1)

    def __init__(self, operations, *arrays: np.ndarray, reduced: tuple[int, ...] | None = None):
        self.arrays = {self._value(array): array for array in arrays}
        self.expected: dict[Value, np.ndarray] = {}
        instructions = []
        for name, params in operations:
            op = PRIMITIVES[name]
            cast = list(arrays) if op.coerce is None else op.coerce(list(arrays))
            if any(now.dtype != array.dtype for now, array in zip(cast, arrays, strict=True)):
                continue  # casts are operations of their own
            try:
                instructions.append(self._instruction(op, tuple(self.arrays), arrays, params))
            except TypeError:
                continue  # of this dtype there is no such thing
        self.kernel = Kernel(0, instructions[0], "loop")
        if reduced is not None:
            x = instructions[0].output
            total = self._instruction(PRIMITIVES["sum"], (x,), [self.expected[x]], {"axis": reduced, "keepdims": False})
            self.kernel = Kernel(0, total, "loop")
            instructions.append(total)
        self.kernel.instructions, self.kernel.outputs = instructions, list(self.expected)
        self.launches = launches(self.kernel, {**self.arrays, **self.expected})

    def _instruction(self, op, inputs, arrays, params) -> Instruction:
        with np.errstate(all="ignore"):
            array = np.asarray(op.value(HOST, *arrays, **params), order="C")
        output = self._value(array)
        self.expected[output] = array
        return Instruction(op, inputs, params, output)

    def _value(self, array: np.ndarray) -> Value:
        return Value(next(self.numbers), array.shape, array.dtype)

    def check(self, library: Library) -> None:
        guarded = {value: Guarded(array) for value, array in self.arrays.items()}
        guarded |= {value: Guarded(array, filled=False) for value, array in self.expected.items()}
        for launch in self.launches:
            library(launch, {value: guard.array for value, guard in guarded.items()})
        for guard in guarded.values():
            guard.check()
        for instruction in self.kernel.instructions:
            try:
                # Powers take many roundings, and float16 is rounded once where eager mode does it three times.
                assert_same(guarded[instruction.output].array, self.expected[instruction.output], 4)
            except AssertionError as error:
                raise AssertionError(f"{instruction!r}: {error}") from None


# -- every row of the table of derivatives, in every dtype ------------------------------------------------------

EDGES = {
    "f": [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -7.3, 1e-3, 0.999, 88, -100, 6e4, np.inf, -np.inf, np.nan],
    "i": [0, 1, -1, 2, -2, 3, 7, -7, 100, -100],
    "u": [0, 1, 2, 3, 7, 100, 200],
    "b": [False, True],
}
UNARY = sorted(n for n in ELEMENTWISE if PRIMITIVES[n].inputs == ("x",) and n not in ("cast", "discrete_cast", "power"))
BINARY = sorted(name for name in ELEMENTWISE if PRIMITIVES[name].inputs == ("a", "b"))
DIVISIONS = ("remainder", "floor_divide")
EXPONENTS = {"f": (0, 1, 2, 3, 4, -1, -2, 0.5, -1.5), "i": (0, 1, 2, 3, 5), "u": (0, 1, 2, 3), "b": ()}


def edges(dtype: np.dtype) -> np.ndarray:
    numbers = list(EDGES[dtype.kind])
    if dtype.kind in "iu":
        numbers += [np.iinfo(dtype).min, np.iinfo(dtype).max]
    if dtype in (dtypes.float32, dtypes.float64):
        numbers += [np.finfo(dtype).max, np.finfo(dtype).tiny / 8, 1e-30, -1e30]
    return np.array(numbers, dtype)


def every_row():
    def rows(names):
        return [(name, {}) for name in names]

    for dtype in sorted(dtypes.SUPPORTED, key=str):
        x = edges(dtype)
        column, kind = x[:, None], dtype.kind
        yield (
            f"unary {dtype}",
            partial(ByHand, rows(UNARY) + [("power", {"exponent": exponent}) for exponent in EXPONENTS[kind]], x),
        )
        yield f"where {dtype}", partial(ByHand, rows(["where"]), np.array([True, False])[:, None, None], column, x)
        if kind == "f":
            yield f"binary {dtype}", partial(ByHand, rows(BINARY), column, x)
        else:
            yield f"binary {dtype}", partial(ByHand, rows(n for n in BINARY if n not in (*DIVISIONS, "pow")), column, x)
            divisors = x[(x != 0) & (x != -1)] if kind == "i" else x[x != 0]  # NumPy: the least integer / -1 overflows
            yield f"divisions {dtype}", partial(ByHand, rows(DIVISIONS), column, divisors)
            yield (
                f"powers {dtype}",
                partial(ByHand, rows(["pow"]), column, np.arange(2 if kind == "b" else 6).astype(dtype)),
            )
        fits = x[np.isfinite(x) & (np.abs(x.astype(float)) <= 100)]  # into every dtype
        targets = [t for t in sorted(dtypes.SUPPORTED - {dtype}, key=str) if t.kind != "u" or kind != "f"]
        yield f"casts of {dtype}", partial(ByHand, [("cast", {"dtype": target}) for target in targets], fits)


# -- programs ----------------------------------------------------------------------------------------------------


def whole_numbers(*shape: int, dtype="float32") -> np.ndarray:
    """Numbers whose sums are exact, in any order."""
    return random.integers(-9, 10, shape).astype(dtype)


def reductions():
    """At the borders between a thread, a warp, a block, and several blocks for a row."""

    def reduction(name, shape, axis, dtype="float32", **options):
        return partial(
            Emulated, lambda x: getattr(tg, name)(x, axis=axis, **options), whole_numbers(*shape, dtype=dtype)
        )

    for n in (1, 2, 8, 9, 31, 32, 33, 255, 257, 1025, 8200):
        for name in ("sum", "max", "argmax"):
            yield f"{name} of {n}", reduction(name, (3, n), 1)
            yield f"{name} of {n} columns", reduction(name, (n, 5), 0, keepdims=True)
        yield f"sum over {n} and 2", reduction("sum", (n, 3, 2), (0, 2))
        yield f"min in the middle of {n}", reduction("min", (3, n, 11), 1)
        yield (
            f"softmax of {n}",
            partial(Emulated, lambda x: x.softmax(-1), random.standard_normal((3, n)).astype("float32")),
        )
        yield f"softmax of {n} columns", partial(Emulated, lambda x: x.softmax(0), random.standard_normal((n, 9)))
    yield "sum by many blocks", reduction("sum", (20_000,), None)
    yield "min by many blocks", reduction("min", (160, 161), None)
    yield "columns by many blocks", reduction("sum", (5000, 13), 0)
    yield "many short rows", reduction("max", (5000, 2, 2), (1, 2))
    yield "nothing to add", reduction("sum", (3, 0), 1)
    for dtype in sorted(map(str, dtypes.SUPPORTED - {dtypes.bool_})):
        for name in ("sum", "max", "min", "argmin", "any", "all"):
            shape = (5, 70) if dtype[0] != "u" else (5, 1)  # no sums beyond the dtype
            x = np.abs(whole_numbers(*shape)).astype(dtype)
            yield f"{name} of {dtype}", partial(Emulated, lambda x, f=name: getattr(tg, f)(x, axis=1), x)
    holes = random.standard_normal((6, 40)).astype("float32")
    holes[1, 3] = holes[1, 7] = holes[2, 39] = np.nan
    holes[3], holes[4] = -np.inf, np.nan
    for name in ("max", "min", "argmax", "argmin", "softmax"):
        yield f"{name} with nan", partial(Emulated, lambda x, f=name: getattr(tg, f)(x, axis=1), holes)
    ties = whole_numbers(4, 2000)
    yield "the first of many", partial(Emulated, lambda x: (x.argmax(1), x.argmin(1), x.argmax()), ties)
    yield "float16 counts beyond 2048", partial(Emulated, lambda x: x.sum(0), np.ones((5000, 3), "float16"))


def steps():
    """What networks are made of, there and back."""

    def slopes(function):
        return lambda *inputs: tg.grad(function(*inputs), inputs)

    def floats(*shape):
        return random.standard_normal(shape).astype("float32")

    labels = random.integers(0, 10, 50)
    functional = tg.nn.functional
    yield "cross-entropy", partial(Emulated, lambda x: functional.cross_entropy(x, labels), floats(50, 10))
    yield (
        "slope of cross-entropy",
        partial(Emulated, slopes(lambda x: functional.cross_entropy(x, labels)), floats(50, 10)),
    )
    yield (
        "layer norm",
        partial(Emulated, lambda x, w, b: functional.layer_norm(x, (70,), w, b), floats(9, 70), floats(70), floats(70)),
    )
    yield (
        "slope of layer norm",
        partial(
            Emulated, slopes(lambda x, w: (functional.layer_norm(x, (70,), w) ** 3).sum()), floats(9, 70), floats(70)
        ),
    )
    yield (
        "slope of a layer",
        partial(
            Emulated,
            slopes(lambda x, w, b: functional.linear(x, w, b).sigmoid().sum()),
            floats(100, 7),
            floats(50, 7),
            floats(50),
        ),
    )
    yield "a row and its column", partial(Emulated, lambda x: (x.sum(1) + x, (x[0] * x[1] + x).sum(1)), floats(5, 5))


def indices():
    """Every way in which an index may name places; and back, where they are added up."""
    one, two = np.array([0, -1, 2, 2]), np.array([[1], [0]])
    ways = {
        "slices": lambda x: x[1:, ::2],
        "backwards": lambda x: x[::-1, -2::-1, 1],
        "new axes": lambda x: x[None, ..., 1, None],
        "nothing": lambda x: x[2:1],
        "steps": lambda x: x[:, 1:4:2, 4:0:-3],
        "an array": lambda x: x[one],
        "beside slices": lambda x: x[1:, one, ::-2],
        "after a number": lambda x: x[0, :, one],
        "beside a number": lambda x: x[:, 1, one],
        "two arrays": lambda x: x[one, two],
        "two that are apart": lambda x: x[one, :, one],
        "apart by nothing": lambda x: x[:, one, ..., one],
        "and a new axis": lambda x: x[:, None, one, None],
        "behind an ellipsis": lambda x: x[..., one],
    }

    def back(way, x):
        return tg.vjp(way, x)[1](way(x) * 2)

    def written(way, x, values):
        x = x * 1
        x[way] = values
        return x

    for name, way in ways.items():
        yield f"{name}, read", partial(Emulated, way, whole_numbers(3, 4, 5))
        yield f"{name}, added up", partial(Emulated, partial(back, way), whole_numbers(3, 4, 5))
    for name, way in {"slices": np.s_[1:, ::-2], "arrays": np.s_[np.array([0, 2]), :, np.array([1, -1])]}.items():
        yield (
            f"{name}, written",
            partial(Emulated, partial(written, way), whole_numbers(3, 4, 5), whole_numbers(4, 1)[:2]),
        )
    for dtype in ("float16", "float64", "int32", "int64"):
        yield (
            f"{dtype} added up",
            partial(
                Emulated, lambda x: tg.scatter_add(x * 0, one[:, None] % 3, x, 0), whole_numbers(4, 1, dtype=dtype)
            ),
        )


def large():
    """Four elements by each thread: with a few left over, from an odd address, and with broadcasting."""
    n = 1 << 18
    a, b = random.standard_normal((2, n + 8)).astype("float32")
    rows = [("sub", {}), ("maximum", {})]
    yield "four by each", partial(ByHand, rows, a, b)
    yield "and three more", partial(ByHand, rows, a[:-5], b[:-5])
    yield "a row of fours", partial(ByHand, rows, a[:n].reshape(-1, 64), b[:64])
    yield "a column", partial(ByHand, rows, a[:n].reshape(-1, 64), b[: n // 64, None])
    yield "float16 by fours", partial(ByHand, rows, a.astype("float16"), np.float16(0.1))
    yield "bools by fours", partial(ByHand, [("logical_and", {})], a > 0, b > 0)
    odd = np.frombuffer(np.zeros(4 * n + 8, np.uint8), "float32", n + 1)[1:]
    yield "from an odd address", partial(ByHand, rows, odd, b[:n])


def with_slopes(function):
    return lambda *inputs: (*values(function)(*inputs), *gradients(function)(*inputs))


CASES: dict[str, Callable[[], ByHand | Emulated]] = {}
for _cases in (every_row, reductions, steps, indices, large):
    CASES.update(_cases())
for _row in TABLE:
    if _row.name != "boolean mask":
        _inputs = [x.astype("float32") if x.dtype.kind == "f" else x for x in _row.inputs]
        CASES[_row.name] = partial(Emulated, with_slopes(_row.function), *_inputs)

LIBRARY_CALLS = {
    "matmul",
    "linear",
    "solve",
    "inv",
    "cofactors",
    "argsort",
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
    assert set(case.eager) <= LIBRARY_CALLS
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
    assert structure(kernels[0], memory) == structure(kernels[1], memory) is not None
    assert grouped(kernels[:1], memory) is None
    many, more = updates(*[(3,)] * 171)
    assert grouped(many, more) is None  # 514 pointers
    assert grouped(many[:-1], more) is not None
    memory[kernels[0].instructions[1].inputs[0]] = memory[kernels[0].outputs[0]].T.copy().T
    assert structure(kernels[0], memory) is None
    assert grouped(kernels, memory) is None


# -- the source --------------------------------------------------------------------------------------------------


@by_nvrtc
@pytest.mark.parametrize("architecture", [80, 90])
def test_every_kernel_compiles(architecture, cases):
    nvrtc.ptx(in_one(every_launch(cases)), architecture, "--Ofast-compile=max")


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
