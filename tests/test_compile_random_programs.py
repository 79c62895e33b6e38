"""Programs made at random: compiled, they give the numbers and the gradients of eager mode, with any passes left out."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import layout
from tinygrad_ml.compile.step import OPTIONAL

pytestmark = pytest.mark.host_only

UNARY = [
    lambda x: x.tanh(),
    lambda x: x.sigmoid(),
    lambda x: x.relu(),
    lambda x: -x,
    lambda x: x * 1,
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


@given(programs, shapes, left_out, st.sampled_from([4, layout.BLOCK]))
def test_compiled_equals_eager(program, shape, without, block):
    function = built(program)
    random = np.random.default_rng(0)
    start = random.standard_normal(shape)
    eager_state, state = tg.tensor(start), tg.tensor(start)
    compiled = tg.compile(lambda x: function(x, state), without=without)
    original, layout.BLOCK = layout.BLOCK, block
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
        layout.BLOCK = original
