"""Kernels and programs that `test_compile_cuda_kernels.py` compiles as CUDA and runs: `CASES`, by name."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
from cuda_on_cpu import Guarded, Library
from emulated import Emulated
from operations import TABLE
from test_compile_operations import gradients, values

import tinygrad_ml as tg
from tinygrad_ml.backend import dtypes
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile.gpu.kernels import launches
from tinygrad_ml.compile.program import Instruction, Value
from tinygrad_ml.compile.schedule.kernel import Kernel
from tinygrad_ml.ops import PRIMITIVES

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

ELEMENTWISE = {name for name, op in PRIMITIVES.items() if op.kind == "elementwise"}
EDGES = {
    "f": [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -7.3, 1e-3, 0.999, 88, -100, 6e4, np.inf, -np.inf, np.nan],
    "i": [0, 1, -1, 2, -2, 3, 7, -7, 100, -100],
    "u": [0, 1, 2, 3, 7, 100, 200],
    "b": [False, True],
}
BITS = sorted(name for name in ELEMENTWISE if name.startswith("bitwise"))
WRITTEN = sorted(name for name in ELEMENTWISE if PRIMITIVES[name].scalar is not None and name not in BITS)
UNARY = [n for n in WRITTEN if PRIMITIVES[n].inputs == ("x",) and n not in ("cast", "discrete_cast", "power")]
BINARY = [name for name in WRITTEN if PRIMITIVES[name].inputs == ("a", "b")]
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
            if kind != "b":
                yield (
                    f"bits of {dtype}",
                    partial(ByHand, rows(n for n in BITS if PRIMITIVES[n].inputs != ("x",)), column, x),
                )
                yield f"inverted {dtype}", partial(ByHand, rows(["bitwise_invert"]), x)
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
    for axes in [(1,), (0, 2)]:
        repeated = np.broadcast_to(random.standard_normal((2, 5, 3, 1)), (2, 5, 3, 4))
        yield (
            f"results in order of what is repeated, sums over {axes}",
            partial(Emulated, lambda x, axes=axes: x - x.exp().sum(axis=axes, keepdims=True), repeated),
        )
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
    yield "and so do running totals", partial(Emulated, lambda x: x.cumulative_sum(0), np.ones((5000, 3), "float16"))
    near_one = (1 + 0.1 * random.standard_normal((3, 50, 4))).astype("float32")

    def running_products(x):
        y = x.cumulative_prod(1)
        return y, *tg.grad((y * y).sum(), x)

    yield "running products, and their gradient", partial(Emulated, running_products, near_one)


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
    basic = [*list(ways.values())[:5], lambda x: x[1], lambda x: x[:, 0], lambda x: x[0, 1, 2], lambda x: x[..., -1]]

    def many(x):
        return tg.vjp(lambda x: sum((way(x) * way(x)).sum() for way in basic), x)[1](tg.ones((), dtype=x.dtype))

    yield "many slices, put into place at once", partial(Emulated, many, whole_numbers(3, 4, 5))
    for dtype in ("float64", "float16"):
        yield f"many slices of {dtype}", partial(Emulated, many, whole_numbers(3, 4, 5, dtype=dtype))
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


def gathers():
    """What an index names, beside other operations: of each element, of each row, in every pass; and places that were gathered."""
    x, scale = whole_numbers(6, 4), whole_numbers(4)
    rows, columns = np.array([3, 0, -1, 5, 3]), np.array([[1], [0], [2], [3], [1]])
    order, offsets = np.array([4, 1, 0, 2, 5, 3]), np.arange(3)

    def batch(x, order, position, offsets):
        return x[order[(position + offsets) % 6]] / 2, order[position + offsets] * 3

    yield "of each element", partial(Emulated, lambda x, i: (x[i] * 2 + x[:5]).exp(), x / 8, rows)
    yield "of the same by two", partial(Emulated, lambda x, i, j: x[i] - x[j], x, rows, rows[::-1].copy())
    yield "of an array and itself", partial(Emulated, lambda x, i: x[i] + x[0], x, rows)
    yield "of what is computed", partial(Emulated, lambda x, i: (x * 2)[i] + x * 2, x, order)
    yield "of what is computed, by what is", partial(Emulated, lambda x, i: (x * 2).T[:, i + 0] + 1, x, rows % 3)
    yield "of each row", partial(Emulated, lambda x, t, i: x[:4].sum(axis=1) * t[i], x, scale, rows[:4] % 4)
    yield (
        "of each row, that stays an axis",
        partial(
            Emulated,
            lambda x, t, j: x[:5].sum(axis=1, keepdims=True) * t[j, 1:2],
            x,
            whole_numbers(4, 3),
            columns[:, 0],
        ),
    )
    yield "in every pass", partial(Emulated, lambda x, i: x[i].softmax(-1), x / 4, rows)
    yield "added up", partial(Emulated, lambda x, i, j: x[i, j[:, 0]].sum(), x, rows, columns)
    yield "beside a slice", partial(Emulated, lambda x, i: (x[None, ..., i % 4] + 1).max(axis=1), x, rows)
    yield "by gathered places", partial(Emulated, batch, x, order, np.int64(2), offsets)
    yield "by computed places before an axis", partial(Emulated, lambda x, i: x[:, (i + 1) % 4] * 2, x, rows)
    yield "float16", partial(Emulated, lambda x, i: x[i] * 2, x.astype("float16"), rows)
    yield "by int8", partial(Emulated, lambda x, i: x[i % 5] * 2, x, rows.astype("int8"))


def products():
    """Of matrices so small that they are sums, by rows and by columns, with what comes before and after."""
    for m, k, n in ((1, 2, 1), (1, 300, 2), (3, 1, 4), (5, 10, 70), (40, 3, 3), (300, 9, 200)):
        a, b = whole_numbers(m, k), whole_numbers(k, n)
        yield f"product of {m}, {k}, {n}", partial(Emulated, lambda a, b: (a @ b) * 2 - 1, a, b)
        yield (
            f"product of {m}, {k}, {n} by columns",
            partial(Emulated, lambda a, b: a.mT @ b.mT, a.T.copy(), b.T.copy()),
        )
    a, b = whole_numbers(6, 5), whole_numbers(5, 7)
    yield "product of products", partial(Emulated, lambda a, b: (a @ b).exp() @ (b * 2).mT, a / 32, b / 32)
    yield "product of itself", partial(Emulated, lambda a: a @ a.mT + (a.mT @ a).sum(), a)
    yield (
        "product of float64",
        partial(Emulated, lambda a, b: (a @ b).sum(axis=0), a.astype("float64"), b.astype("float64")),
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
for _cases in (every_row, reductions, steps, indices, gathers, products, large):
    CASES.update(_cases())
for _row in TABLE:
    if _row.name != "boolean mask":
        _inputs = [x.astype("float32") if x.dtype.kind == "f" else x for x in _row.inputs]
        CASES[_row.name] = partial(Emulated, with_slopes(_row.function), *_inputs)
