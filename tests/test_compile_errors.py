"""What can go wrong only when there are numbers: in a replay it is the error of eager mode, by its class and its words."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.compile.step import OPTIONAL
from tinygrad_ml.errors import TinygradError
from tinygrad_ml.nn import functional
from tinygrad_ml.ops.elementwise import unary
from tinygrad_ml.tensor import apply

pytestmark = pytest.mark.host_only


def put(x, y):
    x = x + 0
    x[:, y] = 1.0
    return x


def added(x, y):
    x = x * 1
    x[y, y] += x[0, 0]
    return x


def odd(xp, x):
    if (x > 6).any():
        raise ValueError("a number beyond 6")
    return x * 3


ODD = unary("odd", odd, "3x", "3", lambda g: g * 3)
SINGULAR, LABELS, ZEROS = tg.zeros((2, 2)), tg.tensor([0, 9, 1]), tg.zeros((3, 4))
LATER = tg.tensor(np.eye(3, dtype="float32"), name="weights")
FAILING = {
    "inv": lambda x, y: tg.linalg.inv(x),
    "inv of what is computed": lambda x, y: tg.linalg.inv(x.exp() * 0 + 1) * 2,
    "solve": lambda x, y: tg.linalg.solve(x, x),
    "cholesky": lambda x, y: tg.linalg.cholesky(x - 1),
    "cross-entropy": lambda x, y: functional.cross_entropy(ZEROS, y),
    "nll": lambda x, y: functional.nll_loss(ZEROS, y),
    "one_hot": lambda x, y: functional.one_hot(y, 4),
    "embedding": lambda x, y: functional.embedding(y, ZEROS),
    "rows": lambda x, y: ZEROS[y],
    "columns": lambda x, y: (ZEROS * 2)[:, y],
    "behind all other axes": lambda x, y: ZEROS[None, ..., y, None],
    "the second of two": lambda x, y: ZEROS[y % 2, -y],
    "take": lambda x, y: tg.take(ZEROS, y, axis=1),
    "take_along_axis": lambda x, y: tg.take_along_axis(ZEROS, y[:, None], 0),
    "scatter_add": lambda x, y: tg.scatter_add(ZEROS, y[:, None], ZEROS[:, :1]),
    "put": lambda x, y: put(ZEROS, y),
    "added": lambda x, y: added(ZEROS, y),
    "a tensor with a name": lambda x, y: LATER[y],
    "quotient": lambda x, y: 5 // y,
    "remainder": lambda x, y: (y + 1) % (y * y),
    "power": lambda x, y: y ** (y - 5),
    "power of a number": lambda x, y: 2 ** (1 - y),
    "a quotient of constants": lambda x, y: y + (tg.arange(3) + 5) // tg.zeros(3, dtype="int64"),
    "a place in a constant": lambda x, y: x[0, 0] + tg.arange(3.0)[tg.arange(3) + 7],
    "an operation of one's own": lambda x, y: apply(ODD, (y.astype("float32") + 1,)) - 1,
}


@pytest.mark.parametrize("without", [(), ("loops",), OPTIONAL], ids=["all", "no loops", "nothing"])
@pytest.mark.parametrize("name", FAILING)
def test_a_replay_fails_as_eager_mode_does(name, without):
    function = FAILING[name]
    with pytest.raises(TinygradError) as expected:
        function(SINGULAR, LABELS)
    step = tg.compile(function, without=without)
    for _ in range(2):
        with pytest.raises(TinygradError) as found:
            step(SINGULAR, LABELS)
        assert type(found.value) is type(expected.value)
        assert str(found.value) == str(expected.value)


def test_after_an_error_the_next_call_is_right():
    step = tg.compile(lambda x, y: (tg.linalg.inv(x), 6 // y))
    good = tg.eye(2) * 2, tg.tensor([1, 2])
    for _ in range(2):
        with pytest.raises(TinygradError, match="Singular"):
            step(SINGULAR, good[1])
        with pytest.raises(TinygradError, match="divided by 0"):
            step(good[0], tg.tensor([1, 0]))
        inverse, quotient = step(*good)
        np.testing.assert_array_equal(inverse.numpy(), np.eye(2) / 2)
        assert quotient.numpy().tolist() == [6, 3]
