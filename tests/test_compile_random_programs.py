"""Programs made at random: compiled, they give the numbers and the gradients of eager mode, with any passes left out.

First of floats, with gradients; then of all dtypes, of arguments that lie in memory as they like, or hold nothing.
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tinygrad_ml as tg
from tinygrad_ml import blocks
from tinygrad_ml.backend import dtypes
from tinygrad_ml.compile.step import OPTIONAL
from tinygrad_ml.errors import TinygradError

pytestmark = pytest.mark.host_only

UNARY = [
    lambda x: x.tanh(),
    lambda x: x.sigmoid(),
    lambda x: x.relu(),
    lambda x: -x,
    lambda x: x * 1,
    lambda x: 0 - x,
    lambda x: 1 - x,
    lambda x: 1 / (x * x + 2),
    lambda x: 0 * x,
    lambda x: x + 0,
    lambda x: x / 1,
    lambda x: 2 ** x.tanh(),
    lambda x: tg.maximum(0.5, x),
    lambda x: x**2,
    lambda x: x.abs().sqrt() + 1,
    lambda x: x.softmax(-1),
    lambda x: x.sum(axis=0, keepdims=True) + 0 * x,
    lambda x: x.mean(axis=-1, keepdims=True).broadcast_to(x.shape),
    lambda x: x.mT.reshape(x.shape),
    lambda x: x.flip(0),
    lambda x: x - x.max(axis=0),
    lambda x: (x > 0).where(x, 0.1),
    lambda x: x[::-1, 1:].pad(((0, 0), (1, 0))),
    lambda x: x + tg.random.rand(*x.shape, dtype=x.dtype),
    lambda x: x.astype("float32").astype("float64"),
    lambda x: x.cumulative_sum(1),
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b[0],
    lambda a, b: a / (b * b + 1),
    lambda a, b: tg.maximum(a, b),
    lambda a, b: a @ b.mT @ b / b.shape[-1],
    lambda a, b: tg.concat([a, b], axis=0)[: a.shape[0]] + b,
    lambda a, b: tg.where(a > b, a, b.sin()),
]

step = st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 99), st.integers(0, 99))
programs = st.lists(step, min_size=1, max_size=12)
shapes = st.tuples(st.integers(1, 5), st.integers(2, 5))
left_out = st.lists(st.sampled_from(OPTIONAL), unique=True)


def built(program):
    """A function of one tensor and a state, as the numbers in `program` say."""

    def function(x, state):
        values = [x, state * 1]
        for which, first, second in program:
            a, b = values[first % len(values)], values[second % len(values)]
            values.append(UNARY[which](a) if which < len(UNARY) else BINARY[which - len(UNARY)](a, b))
        loss = sum((value * value).mean() for value in (x, *values[-3:]))
        (slope,) = tg.grad(loss, x)
        with tg.no_grad():
            state.assign(state * 0.9 + values[-1] * 0.1)
        return loss, values[-1], slope

    return function


@given(programs, shapes, left_out, st.sampled_from([4, blocks.BLOCK_ELEMENTS]))
def test_compiled_equals_eager(program, shape, without, block):
    function = built(program)
    random = np.random.default_rng(0)
    start = random.standard_normal(shape)
    eager_state, state = tg.tensor(start), tg.tensor(start)
    compiled = tg.compile(lambda x: function(x, state), without=without)
    original, blocks.BLOCK_ELEMENTS = blocks.BLOCK_ELEMENTS, block
    try:
        for seed in range(3):
            x = random.standard_normal(shape)
            tg.manual_seed(seed)
            expected = function(tg.tensor(x, requires_grad=True), eager_state)
            tg.manual_seed(seed)
            found = compiled(tg.tensor(x, requires_grad=True))
            for a, b in zip((*expected, eager_state), (*found, state), strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                np.testing.assert_allclose(b.numpy(), a.numpy(), 1e-6, 1e-6)
    finally:
        blocks.BLOCK_ELEMENTS = original


# -- all dtypes --------------------------------------------------------------------------------------------------------

DTYPES = sorted(map(str, dtypes.SUPPORTED))


def number(x):
    """A number that is one of x's dtype."""
    return 3 if x.dtype.kind in "iu" else x.dtype.kind == "b" or 0.5


def inside(x, dtype):
    """Floats as an integer can hold them: what others become, is up to the processor."""
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return x
    return tg.where((x < 100) & (x > (-100 if dtype.kind == "i" else 0)), x, 0)


ANY = [
    lambda x: x == number(x),
    lambda x: number(x) != x,
    lambda x: (x > number(x)) | (x == 0),
    lambda x: tg.where(x > 0, x, number(x)),
    lambda x: tg.maximum(x, number(x)),
    lambda x: abs(x),
    lambda x: x.square(),
    lambda x: x.relu(),
    lambda x: tg.round(x),
    lambda x: tg.logical_not(x),
    lambda x: x.isnan(),
    lambda x: x.isfinite(),
    lambda x: x[::-1],
    lambda x: x[..., 1:],
    lambda x: x.flip(-1),
    lambda x: x.roll(1, 0),
    lambda x: x.mT,
    lambda x: x.reshape(-1),
    lambda x: x[:, None],
    lambda x: tg.concat([x, x], axis=-1),
    lambda x: x.sum(axis=0),
    lambda x: x.sum(axis=-1, keepdims=True),
    lambda x: x.cumulative_sum(0),
    lambda x: x.any(axis=-1),
    lambda x: x.all(),
    lambda x: x.max(axis=0, keepdims=True),
    lambda x: x.min(axis=-1),
    lambda x: x.argmax(-1),
    lambda x: x + number(x),
    lambda x: number(x) * x,
    lambda x: number(x) - x,
    lambda x: 0 - x,
    lambda x: -x,
    lambda x: x.sign(),
    lambda x: x // number(x),
    lambda x: x % number(x),
    lambda x: x**2,
    lambda x: x / number(x),
]
INEXACT = [
    lambda x: number(x) ** (x % 4),
    lambda x: x.sigmoid(),
    lambda x: x.sqrt() / 3,
    lambda x: x.exp(),
    lambda x: x.tanh().log1p(),
]
"""What others do not go on with: a last digit would be the difference between 0.999 and 1 as an integer."""
ANY += INEXACT
ANY += [lambda x, dtype=dtype: inside(x, np.dtype(dtype)).astype(dtype) for dtype in DTYPES]
TWO = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: a < b,
    lambda a, b: a == b,
    lambda a, b: tg.maximum(a, b),
    lambda a, b: tg.where(a > b, a, b),
    lambda a, b: tg.logical_xor(a, b),
    lambda a, b: a % b,
]


@st.composite
def arguments(draw):
    """An array of any dtype: a part of a larger one, read backwards, read-only, empty, without axes, repeated."""
    dtype, shape = np.dtype(draw(st.sampled_from(DTYPES))), draw(st.lists(st.integers(0, 5), max_size=3))
    steps = [draw(st.sampled_from([1, 1, 2, -1, -2])) for _ in shape]
    whole = np.random.default_rng(draw(st.integers(0, 9))).integers(
        0, 7, [n * abs(s) for n, s in zip(shape, steps, strict=True)]
    )
    if dtype.kind in "fi":
        whole = whole - 3
    x = (whole / (2 if dtype.kind == "f" else 1)).astype(dtype)[tuple(slice(None, None, s) for s in steps)]
    if draw(st.booleans()):
        x = x.T
    if draw(st.booleans()):
        x = np.broadcast_to(x, (2, *x.shape))
    x = np.asarray(x)
    if draw(st.booleans()):
        x.flags.writeable = False
    return x


mixed = st.tuples(st.integers(0, len(ANY) + len(TWO) - 1), st.integers(0, 99), st.integers(0, 99))


def computed(program, *given):
    """All values of a program whose operations are made of those that accept their operands: the others are left out."""
    values = [tg.as_tensor(x) for x in given]
    for which, first, second in program:
        a, b = values[first % len(values)], values[second % len(values)]
        try:
            made = ANY[which](a) if which < len(ANY) else TWO[which - len(ANY)](a, b)
        except (TinygradError, np.exceptions.AxisError) as error:
            yield type(error)
            continue
        if which >= len(ANY) or ANY[which] not in INEXACT:
            values.append(made)
        yield made


@pytest.fixture(params=["loops", "blocks"])
def way(request, monkeypatch):
    """Everything as loops that can be, or nothing, and all in small blocks."""
    if request.param == "loops":
        pytest.importorskip("llvmlite")
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 4)
    return () if request.param == "loops" else ("loops",)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(mixed, min_size=1, max_size=9), arguments(), arguments())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, at the edges
def test_of_all_dtypes_and_wherever_arguments_lie(way, program, x, y):
    compiles_alike(program, way, x, y)


def compiles_alike(program, without, x, y):
    expected = list(computed(program, x, y))
    kept = [one for one, made in zip(program, expected, strict=True) if isinstance(made, tg.Tensor)]
    expected = [made for made in expected if isinstance(made, tg.Tensor)]
    step = tg.compile(lambda x, y: tuple(computed(kept, x, y)), without=without)
    for _ in range(2):
        for a, b in zip(step(x, y), expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), (a, b)
            tolerance = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-12}.get(str(a.dtype), 0)
            np.testing.assert_allclose(a.numpy(), b.numpy(), tolerance, tolerance)
