"""The CUDA that is generated: it compiles for every GPU that matters, and computes what eager mode computes.

Nothing here needs a GPU. All kernels are compiled once by NVIDIA's compiler, and once by g++ for the CPU, where they
run (`cuda_on_cpu.py`).
"""

import itertools

import cuda_on_cpu
import numpy as np
import nvrtc
import pytest
from cuda_on_cpu import Emulated, Guarded, Library

import tinygrad_ml as tg
from tinygrad_ml.backend import dtypes
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.compile.gpu.expressions import literal
from tinygrad_ml.compile.gpu.kernels import has_form, has_launch, launches
from tinygrad_ml.compile.gpu.runtime import in_one
from tinygrad_ml.compile.passes.elementwise import ELEMENTWISE
from tinygrad_ml.compile.passes.fusion import Kernel
from tinygrad_ml.compile.program import Instruction, Value
from tinygrad_ml.compile.recorder import Constant
from tinygrad_ml.ops.primitive import PRIMITIVES

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy, at the edges
]

TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-13}
random = np.random.default_rng(0)


def assert_same(found: np.ndarray, expected: np.ndarray, times: float = 1) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = times * TOLERANCE.get(found.dtype.name, 0)
    np.testing.assert_allclose(found, expected, tolerance, tolerance)


# -- every row of the table of derivatives, in every dtype ---------------------------------------------------

EDGES = {
    "f": [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -7.3, 1e-3, 0.999, 88, -100, 6e4, np.inf, -np.inf, np.nan],
    "i": [0, 1, -1, 2, -2, 3, 7, -7, 100, -100],
    "u": [0, 1, 2, 3, 7, 100, 200],
    "b": [False, True],
}


def edges(dtype: np.dtype) -> np.ndarray:
    numbers = list(EDGES[dtype.kind])
    if dtype.kind in "iu":
        numbers += [np.iinfo(dtype).min, np.iinfo(dtype).max]
    if dtype in (dtypes.float32, dtypes.float64):
        numbers += [np.finfo(dtype).max, np.finfo(dtype).tiny / 8, 1e-30, -1e30]
    return np.array(numbers, dtype)


class Table:
    """All rows of the table that take these inputs, as one kernel."""

    numbers = itertools.count(1)

    def __init__(self, names, arrays, params=None):
        self.arrays = {self._value(array): array for array in arrays}
        self.expected: dict[Value, np.ndarray] = {}
        instructions = []
        for name in names:
            op = PRIMITIVES[name]
            for given in (params or {}).get(name, [{}]):
                inputs = list(arrays) if op.coerce is None else op.coerce(list(arrays))
                if any(now.dtype != array.dtype for now, array in zip(inputs, arrays, strict=True)):
                    continue  # casts are operations of their own
                try:
                    with np.errstate(all="ignore"):
                        value = np.asarray(op.value(HOST, *arrays, **given))
                except TypeError:
                    continue  # that NumPy does not compute of this dtype
                output = self._value(value)
                self.expected[output] = value
                instructions.append(Instruction(op, tuple(self.arrays), given, output))
        self.kernel = Kernel(0, instructions[0], "loop")
        self.kernel.instructions, self.kernel.outputs = instructions, list(self.expected)
        (self.launch,) = launches(self.kernel, {**self.arrays, **self.expected})
        self.launches = {self.kernel: [self.launch]}

    def _value(self, array: np.ndarray) -> Value:
        return Value(next(self.numbers), array.shape, array.dtype)

    def check(self, library: Library) -> None:
        memory = dict(self.arrays) | {value: np.zeros_like(array) for value, array in self.expected.items()}
        library(self.launch, memory)
        for instruction in self.kernel.instructions:
            try:
                # Products of many roundings, as powers are, and float16 rounded once instead of three times.
                assert_same(memory[instruction.output], self.expected[instruction.output], 4)
            except AssertionError as error:
                raise AssertionError(f"{instruction.op.name} {instruction.params} {error}") from None


UNARY = sorted(n for n in ELEMENTWISE if PRIMITIVES[n].inputs == ("x",) and n not in ("cast", "discrete_cast"))
BINARY = sorted(name for name in ELEMENTWISE if PRIMITIVES[name].inputs == ("a", "b"))
WHOLE_DIVISIONS = ("remainder", "floor_divide", "pow")
POWERS = {
    "f": [{"exponent": n} for n in (0, 1, 2, 3, -1, 0.5, -1.5, 4, -2)],
    "i": [{"exponent": n} for n in (0, 1, 2, 3, 5)],
    "u": [{"exponent": n} for n in (0, 1, 2, 3)],
}


def tables():
    for dtype in sorted(dtypes.SUPPORTED, key=str):
        x = edges(dtype)
        unary = [name for name in UNARY if name != "power" or dtype.kind != "b"]
        yield f"unary {dtype}", Table(unary, [x], {"power": POWERS.get(dtype.kind)})
        if dtype.kind == "f":
            yield f"binary {dtype}", Table(BINARY, [x[:, None], x])
        else:
            yield f"binary {dtype}", Table([n for n in BINARY if n not in WHOLE_DIVISIONS], [x[:, None], x])
            divisors = x[(x != 0) & (x != -1)] if dtype.kind == "i" else x[x != 0]
            yield f"divisions {dtype}", Table(["remainder", "floor_divide"], [x[:, None], divisors])
            yield (
                f"powers {dtype}",
                Table(["pow"], [x[:, None], np.arange(2 if dtype.kind == "b" else 6).astype(dtype)]),
            )
        yield f"where {dtype}", Table(["where"], [np.array([True, False])[:, None, None], x[:, None], x])
        finite = x[np.isfinite(x) & (np.abs(x.astype(float)) <= (100 if dtype.kind != "u" else 200))]
        targets = sorted(dtypes.SUPPORTED - {dtype}, key=str)
        plain = [t for t in targets if t.kind != "u" or dtype.kind != "f"]
        yield f"cast {dtype}", Table(["cast"], [finite], {"cast": [{"dtype": target} for target in plain]})


CASES: dict[str, Table | Emulated] = dict(tables())


@pytest.fixture(scope="module")
def library():
    """All kernels of this file, compiled for the CPU in one go."""
    if cuda_on_cpu.COMPILER is None:
        pytest.skip("there is no g++")
    return Library(every_launch())


def every_launch():
    return [launch for case in CASES.values() for group in case.launches.values() for launch in group or ()]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case, Table)])
def test_every_row_of_the_table_in_every_dtype(name, library):
    CASES[name].check(library)


# -- NVIDIA's compiler ------------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(nvrtc.missing()), reason=nvrtc.missing())
@pytest.mark.parametrize("architecture", [80, 90])
def test_every_kernel_compiles(architecture):
    nvrtc.ptx(in_one(every_launch()), architecture)
