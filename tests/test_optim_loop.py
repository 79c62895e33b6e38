"""The loop that an update becomes on the CPU: block by block the same numbers as of whole tensors."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import blocks
from tinygrad_ml.optim.loop import ElementwiseLoop, NotElementwise

pytestmark = pytest.mark.host_only

FUNCTIONS = {
    "an array is needed after its new numbers are known": (lambda t, n: (t[0] + t[1], t[0] - t[1]), (0, 1)),
    "a result for two arrays": (lambda t, n: (t[0] * t[1],) * 2, (0, 1)),
    "a result that a later one needs": (lambda t, n: ((t[0] - t[1]).sqrt(), t[0] - t[1] * 2), (1, 0)),
    "the array itself": (lambda t, n: (t[0], t[1] * t[0]), (0, 1)),
    "numbers of numbers": (lambda t, n: (t[0] * (1 - n.a * n.b) + n.a / 3, -t[1]), (0, 1)),
    "a number alone": (lambda t, n: (t[0] * 0 + n.a, t[1]), (0, 1)),
    "many results at once": (
        lambda t, n: (sum((t[0] + i) * (t[1] - i) for i in range(5)), tg.maximum(t[0], t[1]) / (t[0] * t[0] + 1)),
        (1, 0),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(size=st.integers(0, 25), block=st.integers(1, 10))
def test_the_loop_computes_what_the_function_computes(name, dtype, size, block):
    function, targets = FUNCTIONS[name]
    random = np.random.default_rng(size)
    arrays = [random.standard_normal(size).astype(dtype) for _ in range(2)]
    numbers = {"a": 0.3, "b": -1.7}
    whole = function(
        tuple(map(tg.tensor, arrays)), SimpleNamespace(**{k: np.dtype(dtype).type(v) for k, v in numbers.items()})
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ELEMENTS", block)
        run = ElementwiseLoop(function, targets, 2, ("a", "b"), np.dtype(dtype))
    with np.errstate(invalid="ignore"):
        run(arrays, numbers)
    for target, expected in zip(targets, whole, strict=True):
        np.testing.assert_array_equal(arrays[target], expected.numpy())


@pytest.mark.parametrize(
    "function",
    [
        lambda t, n: (t[1], t[0]),  # each would be overwritten before it is read
        lambda t, n: (t[0].sum() + t[0], t[1]),
        lambda t, n: ((t[0] > 0).where(t[0], t[1]), t[1]),
        lambda t, n: (t[0].astype("float64"), t[1]),
        lambda t, n: (t[0][::-1], t[1]),
    ],
)
def test_what_is_not_elementwise_is_refused(function):
    with pytest.raises(NotElementwise):
        ElementwiseLoop(function, (0, 1), 2, (), np.dtype("float32"))


def test_buffers_are_used_again():
    run = ElementwiseLoop(FUNCTIONS["many results at once"][0], (1, 0), 2, (), np.dtype("float32"))
    assert len({id(register) for register in run._run.registers}) <= 4
