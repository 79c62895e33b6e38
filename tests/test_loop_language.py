"""The language of loops: what its texts compute is what NumPy computes of the same words."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.machine.machine_code import machine_code

language = pytest.importorskip("tinygrad_ml.machine.llvm.language", reason="needs llvmlite: tinygrad_ml[fast]")
mathematics = pytest.importorskip("tinygrad_ml.machine.llvm.mathematics")
compiler = pytest.importorskip("tinygrad_ml.machine.llvm.compiler")

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


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_processors_powers_of_two_give_the_bits_of_two_halves(dtype, monkeypatch):
    """At the ends the result is denormal, 0 or infinite."""
    least, most = {"float32": (-160, 135), "float64": (-1100, 1030)}[dtype]
    n = np.repeat(np.arange(least, most, dtype=dtype), 50)
    x = np.random.default_rng(0).uniform(0.7, 1.42, n.size).astype(dtype)
    monkeypatch.setattr(language, "scales", lambda: False)
    by_halves = run("scaled(x, y) + 0", dtype, dtype, x, n)
    monkeypatch.undo()
    np.testing.assert_array_equal(run("scaled(x, y)", dtype, dtype, x, n), by_halves)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(by_halves, np.ldexp(x, n.astype("int32")))


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


def test_sums_of_products_are_rounded_once_where_a_text_says_so():
    source = "# once\ndef loop(n, a: float32s, b: float32s):\n    for i in range(n):\n        b[i] = a[i] * a[i] - float32(1)\n"
    a, found = np.full(20, 1 + 2.0**-13, "float32"), np.empty(20, "float32")
    machine_code(source)(20, a.ctypes, found.ctypes)
    np.testing.assert_array_equal(found, a * a - np.float32(1))
    if "fma" in compiler.features():
        machine_code(source.replace("32s):\n", "32s):\n    rounded_once()\n"))(20, a.ctypes, found.ctypes)
        np.testing.assert_array_equal(found, np.float32(a[0].astype("float64") ** 2 - 1))


OPERANDS = st.sampled_from(["x", "y", "float64(1.5)", "float64(-3.0)", "2"])
EXPRESSIONS = st.recursive(
    OPERANDS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda three: f"({' '.join(three)})"),
        st.tuples(inner, inner, inner).map(lambda three: "(float64({}) if x < {} else {})".format(*three)),
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


@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "log", "log1p", "erf", "sin", "cos"])
def test_the_text_of_a_function_is_python_too(name):
    """What stands in `mathematics.py` can be tried with NumPy's numbers, which round once more in a sum with a product."""
    for x in np.array([0.1, 0.7, 1.0, 3.5], "float32"):
        found = run(f"{name}(x)", "float32", "float32", np.array([x], "float32"))
        assert abs(getattr(mathematics, name)(x) - found[0]) <= np.spacing(abs(found[0]))


EXACT = {
    "exp": (np.exp, 1.1, 1),
    "expm1": (np.expm1, 1.9, 2),
    "log": (np.log, 1, 1),
    "log1p": (np.log1p, 1, 1),
    "tanh": (np.tanh, 1.4, 2.6),
    "sin": (np.sin, 1.6, None),
    "cos": (np.cos, 1.6, None),
    "erf": (np.vectorize(math.erf, otypes=[np.longdouble]), 1.4, None),
}
"""Function -> (a wider one, errors in last digits of float32 and of float64 that are allowed)"""


def assert_near(found: np.ndarray, exact: np.ndarray, steps: float) -> None:
    """Within so many last digits of what is exact; the same infinities, nans and signs."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(rounded))
        np.testing.assert_array_equal(np.signbit(found) & ~np.isnan(found), np.signbit(rounded) & ~np.isnan(rounded))
        finite = np.isfinite(rounded)
        np.testing.assert_array_equal(found[~finite], rounded[~finite])
        errors = np.abs(found[finite] - exact[finite]) / np.spacing(np.abs(rounded[finite]))
    assert errors.max() < steps, (errors.max(), np.flatnonzero(finite)[errors.argmax()])


@pytest.mark.parametrize("name", EXACT)
def test_functions_of_float32_are_right_to_the_last_digits_whatever_the_size(name):
    """Denormal numbers, zeros of both signs, infinities and nans among them."""
    wide, steps, _ = EXACT[name]
    every = np.arange(0, 2**32, 50_021, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate(
        [every, np.linspace(-4, 4, 40_001, dtype=np.float32), edges("float32"), np.float32([1e-45, -1e-45])]
    )
    x = np.concatenate([x, (np.arange(1, 2000) * np.pi / 2).astype(np.float32)])
    with np.errstate(all="ignore"):
        exact = wide(x.astype(np.float64)) if name in ("sin", "cos", "erf") else wide(x.astype(np.longdouble))
    assert_near(run(f"{name}(x)", "float32", "float32", x), exact.astype(np.longdouble), steps)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="nothing is wider than float64 here")
@pytest.mark.parametrize("name", [name for name, (_, _, steps) in EXACT.items() if steps])
def test_functions_of_float64_are_right_to_the_last_digits_whatever_the_size(name):
    wide, _, steps = EXACT[name]
    r = np.random.default_rng(0)
    x = np.concatenate([r.integers(0, 2**64, 50_000, np.uint64).view(np.float64), np.linspace(-4, 4, 40_001)])
    x = np.concatenate([x, r.choice([-1, 1], 50_000) * 10 ** r.uniform(-20, 3, 50_000), edges("float64")])
    x = np.concatenate([x, [5e-324, -5e-324, 1e-310, 709.78, 709.79, -745.1, -745.2]])
    with np.errstate(all="ignore"):
        assert_near(run(f"{name}(x)", "float64", "float64", x), wide(x.astype(np.longdouble)), steps)


def test_powers_of_float32_are_right_to_the_last_digit_whatever_the_numbers():
    exponents = [*edges("float32"), 1, -1, 2, 3, -3, 0.1, 1 / 3, 2**24 - 1, 2**24 + 2, -150, 127]
    some = np.arange(0, 2**32, 900_001, dtype=np.uint64).astype(np.uint32).view(np.float32)
    bases = np.concatenate([edges("float32"), np.float32([1, -1, 0.99999994, 1.0000001, -3, 16777215, 1e-45]), some])
    y, x = (np.ravel(part) for part in np.meshgrid(np.float32(exponents), bases))
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    assert_near(run("power(x, y)", "float32", "float32", x, y), exact, 0.51)


def test_the_digits_of_two_over_pi():
    """By Machin's formula: π/4 = 4·arctan(1/5) - arctan(1/239), in integers."""
    one = 1 << 300
    arctan = lambda n: sum((-1) ** k * one // ((2 * k + 1) * n ** (2 * k + 1)) for k in range(220))  # noqa: E731
    quarter = 4 * arctan(5) - arctan(239)
    assert (one << 256) // (2 * quarter) == mathematics.TWO_OVER_PI


def improved(step) -> str:
    """What LLVM makes of the loop of a step."""
    source = step.source[step.source.index("def loop") :].partition("\n\n")[0]
    module = language.ir.Module()
    language.write_loop(module, source)
    parsed = compiler.binding.parse_assembly(str(module))
    compiler.improve(parsed, compiler.target())
    return str(parsed)


def test_the_largest_of_what_a_mask_lets_through_is_looked_for_many_at_a_time():
    step = tg.compile(lambda x, mask: tg.where(mask, x, -math.inf).max(axis=-1))
    step(tg.ones(8, 64), tg.ones(8, 64) > 0)
    assert re.search(r"<\d+ x float> @llvm.maximum", improved(step))


def test_a_short_sum_fills_registers_though_it_is_added_up_wide():
    step = tg.compile(lambda x: tg.exp(x).sum())
    step(tg.ones(16))
    lanes = compiler.register_bytes() // 4
    assert f"fpext <{lanes} x float>" in improved(step)


@pytest.mark.skipif(compiler.register_bytes() < 64, reason="needs registers of which a part can be computed with")
@pytest.mark.parametrize("columns", [27, 32])
def test_what_is_left_of_a_short_row_is_done_at_once(columns):
    step = tg.compile(lambda x, y: tg.exp(x + y))
    step(tg.ones(20, columns), tg.ones(20, 1))
    assert ("@llvm.masked.load" in improved(step)) == (columns == 27)


def test_loops_of_which_none_is_empty_ask_at_their_end_alone():
    text = "# none\ndef loop(n0, n1, a: int64s):\n    {}\n    for i0 in range(n0):\n        for i1 in range(n1):\n            a[0] = a[0] + i0 * i1\n"
    for promise, turns in (
        ("nothing_is_empty()", [(1, 1), (3, 4)]),
        ("nothing_overlaps()", [(1, 1), (3, 4), (0, 2), (2, 0), (-1, 1)]),
    ):
        for n0, n1 in turns:
            a = np.zeros(1, np.int64)
            machine_code(text.format(promise))(n0, n1, a.ctypes)
            assert a[0] == sum(i * j for i in range(n0) for j in range(n1))
    blocks = []
    for promise in ("nothing_is_empty()", "nothing_overlaps()"):
        module = language.ir.Module("loop")
        language.write_loop(module, text.format(promise))
        blocks.append(str(module).count("\n."))
    assert blocks == [4, 6]


@pytest.mark.parametrize("dtype", FLOATS)
def test_llvm_says_nothing_to_the_user(dtype, capfd):
    """A sine of float64 is a function of C's library, which is called number by number."""
    step = tg.compile(lambda x: x.sin().sum())
    step(tg.ones(4, dtype=dtype))
    improved(step)
    assert capfd.readouterr().err == ""
