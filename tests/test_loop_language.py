"""The language of loops: what its texts compute is what NumPy computes of the same words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ml.compile.cpu.machine_code import machine_code

language = pytest.importorskip("tinygrad_ml.compile.cpu.llvm.language", reason="needs llvmlite: tinygrad_ml[fast]")
mathematics = pytest.importorskip("tinygrad_ml.compile.cpu.llvm.mathematics")

pytestmark = pytest.mark.host_only

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float32", "float64"]


def edges(dtype: str) -> np.ndarray:
    """Numbers of a dtype at which something happens."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype in FLOATS:
        ends = [0.0, -0.0, 0.5, -1.5, 2.5, 7.0, -7.0, np.inf, -np.inf, np.nan, 1e-40, 3e38]
        return np.array(ends, dtype)
    about = np.iinfo(dtype)
    return np.array(
        [n for n in (about.min, -7, -2, -1, 0, 1, 2, 3, 7, about.max) if about.min <= n <= about.max], dtype
    )


def pairs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    x = edges(dtype)
    return np.repeat(x, len(x)), np.tile(x, len(x))


def run(expression: str, dtype: str, result: str, *arrays: np.ndarray) -> np.ndarray:
    """The numbers of an expression of `x` and `y`, which are elements of the arrays."""
    given = [f"a{i}: {dtype}s" for i in range(len(arrays))]
    lines = [f"        {name} = a{i}[i]" for i, name in zip(range(len(arrays)), "xy", strict=False)]
    head = f"# {expression}\ndef loop(n, {', '.join(given)}, b: {result}s):\n    for i in range(n):\n"
    found = np.empty(arrays[0].shape, result)
    machine_code("\n".join([head.rstrip(), *lines, f"        b[i] = {expression}\n"]))(
        found.size, *(x.ctypes for x in arrays), found.ctypes
    )
    return found


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("sign", ["+", "-", "*", "<", "<=", ">", ">=", "==", "!="])
def test_arithmetic_and_comparisons(dtype, sign):
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        expected = eval(f"x {sign} y")
    np.testing.assert_array_equal(run(f"x {sign} y", dtype, str(expected.dtype), x, y), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("sign", ["//", "%", "&", "|", "^"])
def test_integers(dtype, sign):
    """Divided by 0 they are 0, and the least one by -1 is itself."""
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        expected = eval(f"x {sign} y")
    np.testing.assert_array_equal(run(f"x {sign} y", dtype, dtype, x, y), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_powers_and_shifts_of_integers(dtype):
    x, y = pairs(dtype)
    y = np.abs(y) % 7
    for sign in ("**", "<<", ">>"):
        np.testing.assert_array_equal(run(f"x {sign} y", dtype, dtype, x, y), eval(f"x {sign} y"))


@pytest.mark.parametrize("dtype", FLOATS)
def test_functions_of_floats(dtype):
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        for text, expected in {
            "x / y": x / y,
            "-x": -x,
            "abs(x)": abs(x),
            "copysign(x, y)": np.copysign(x, y),
            "floor(x)": np.floor(x),
            "rint(x)": np.rint(x),
            "x if x < y else y": np.where(x < y, x, y),
            "floor_quotient(x, y)": x // y,
            "floor_remainder(x, y)": x % y,
        }.items():
            np.testing.assert_array_equal(run(text, dtype, dtype, x, y), expected, text)
        for name in ("sin", "atan", "expm1", "log1p", "sinh", "exp", "log", "tanh", "sqrt"):
            of_numpy = {"atan": np.arctan}.get(name) or getattr(np, name)
            np.testing.assert_allclose(run(f"{name}(x)", dtype, dtype, x), of_numpy(x), 3e-7, 1e-45, err_msg=name)


@pytest.mark.parametrize("source", ["bool", *INTEGERS, *FLOATS])
@pytest.mark.parametrize("target", ["bool", *INTEGERS, *FLOATS])
def test_numbers_of_another_dtype(source, target):
    x = edges(source)
    if source in FLOATS and target not in ("bool", *FLOATS):
        x = np.array([0, 1.5, 100.9] + [-1.5] * (target[0] == "i"), source)  # where NumPy has an answer
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(f"{target}(x)", source, target, x), x.astype(target))


def test_truths():
    x, y = pairs("bool")
    for text in ("x & y", "x | y", "x != y", "x == False", "not x", "True", "x if y else y"):
        np.testing.assert_array_equal(
            run(text, "bool", "bool", x, y), eval(text.replace("not x", "~x").replace("x if y else y", "x & y"))
        )


def test_loops_conditions_and_variables():
    """Ranges with a start and a step, sums in a variable, elements that are added to, both ways of a condition."""
    source = """# walk
def loop(n, m, a: float32s, b: float32s):
    nothing_overlaps()
    for first in range(0, n, m):
        total = float64(0.0)
        for i in range(first, min(first + m, n)):
            x = a[i]
            if x < float32(0):
                total = total + float64(x)
            else:
                total = add_in_any_order(total, float64(x * 2))
                b[i] += x
        b[max(first, 1)] += float32(total)
"""
    a, b = np.arange(-5, 6, dtype="float32"), np.ones(11, "float32")
    expected = b.copy()
    for first in range(0, 11, 4):
        part = a[first : first + 4]
        expected[first : first + 4] += np.maximum(part, 0)
        expected[max(first, 1)] += np.where(part < 0, part, 2 * part).sum()
    machine_code(source)(11, 4, a.ctypes, b.ctypes)
    np.testing.assert_array_equal(b, expected)


OPERANDS = st.sampled_from(["x", "y", "float64(1.5)", "float64(-3.0)", "2"])
EXPRESSIONS = st.recursive(
    OPERANDS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda three: f"({' '.join(three)})"),
        st.tuples(inner, inner, inner).map(lambda three: "({} if x < {} else {})".format(*three)),
        inner.map(lambda one: f"abs(float64({one}))"),
    ),
    max_leaves=6,
)


@settings(max_examples=30)
@given(EXPRESSIONS, st.lists(st.floats(-100, 100), min_size=1, max_size=5))
def test_any_expression(expression, numbers):
    x = np.array(numbers)
    y = x[::-1].copy()
    of_numbers = eval(f"lambda x, y, float64=float: float({expression})")
    expected = np.array([of_numbers(float(a), float(b)) for a, b in zip(x, y, strict=True)])
    np.testing.assert_array_equal(run(f"float64({expression})", "float64", "float64", x, y), expected)


@pytest.mark.parametrize("name", ["exp", "tanh", "log"])
def test_the_text_of_a_function_is_python_too(name):
    """What stands in `mathematics.py` can be tried with NumPy's numbers."""
    for x in np.array([0.1, 0.7, 1.0, 3.5], "float32"):
        found = run(f"{name}(x)", "float32", "float32", np.array([x], "float32"))
        assert getattr(mathematics, name)(x) == found[0]
