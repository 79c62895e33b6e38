"""What is overwritten while a function is recorded: new tensors, arguments, views of both; the same as in eager mode."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import CompileError
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.host_only
X = np.arange(6, dtype="float32").reshape(2, 3)
MASK = np.array([[True, False, True], [False, True, False]])
REVERSED = slice(None, None, -1)


def outcome(function, arrays) -> list[np.ndarray]:
    """What the second call returns, and what the arguments are after it."""
    arguments = [tg.tensor(array) for array in arrays]
    function(*arguments)
    results = function(*arguments)
    results = results if isinstance(results, (tuple, list)) else [results]
    return [tensor.numpy() for tensor in (*results, *arguments)]


def assert_same(function, *arrays) -> None:
    """Eager and compiled."""
    for found, expected in zip(outcome(tg.compile(function), arrays), outcome(function, arrays), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, 1e-6)


def new(x):
    return tg.zeros_like(x)


@pytest.mark.parametrize(("make", "key", "values"), [
    (new, REVERSED, lambda x: x * 2),
    (new, 0, lambda x: x[1]),
    (new, ..., 2.0),
    (new, slice(None), lambda x: x),
    (new, MASK, 3.0),
    (new, np.array([1, 0]), lambda x: x),
    (new, lambda x: tg.tensor([1, 0]), lambda x: x),
    (new, lambda x: x[:, 0].astype("int64") // 3, lambda x: x),
    (new, (None, 0), 7.0),
    (new, slice(0, 0), 5.0),
    (new, np.zeros((2, 3), bool), 5.0),
    (new, np.zeros((0,), int), 5.0),
    (lambda x: tg.zeros((2, 3)), (0, 1), lambda x: x[1, 2]),
    (lambda x: tg.tensor(np.ones((2, 3), "float32")), (0, 1), lambda x: x[1, 2]),
    (lambda x: tg.zeros((2, 3), dtype="int64"), 0, lambda x: x[1]),
    (lambda x: tg.zeros(3).broadcast_to((2, 3)), 0, lambda x: x[1]),
    (lambda x: tg.tensor(1.0), ..., lambda x: x.sum()),
    (lambda x: tg.tensor(1.0), (), lambda x: x.sum()),
    (lambda x: x.sum(), ..., 5.0),
    (lambda x: x > 2, 0, True),
    (new, lambda x: x > 2, 3.0),
    (new, lambda x: x > 2, lambda x: x.sum()),
    (new, lambda x: x > 2, lambda x: x[:1, 0]),
    (new, lambda x: x > 99, 3.0),
    (new, lambda x: x[:, 0] > 2, lambda x: x[0]),
    (new, lambda x: x[:, 0] > 2, lambda x: x[:1]),
    (lambda x: (x * 1)[0], lambda x: x[0] > 1, 7.0),
    (lambda x: x * 1, (slice(None), 1), 7),
    (lambda x: (x * 1).T, 0, 7.0),
    (lambda x: x * 1, REVERSED, lambda x: x * 2),
])  # fmt: skip
@pytest.mark.parametrize("needs", [False, True])
def test_places_of_what_was_made_can_be_overwritten(make, key, values, needs):
    def function(x):
        one = tg.tensor(1.0, requires_grad=needs)
        made = make(x)
        made[key(x) if callable(key) else key] = values(x) * one if callable(values) else values
        total = (made * made).sum()
        if total.requires_grad:
            total.backward()
        return made, *([] if one.grad is None else [one.grad])

    if needs and make(tg.tensor(X)).dtype != "float32":
        return
    assert_same(function, X)


def test_places_of_an_argument_can_be_overwritten():
    def function(x, y):
        x[REVERSED] = x * 2
        y[...] = 5.0
        return x * 1, y + 1

    assert_same(function, X, np.float32(3))


@pytest.mark.parametrize("values", [lambda x: x[x[:, 0] > 2], lambda x: x[0], lambda x: x])
def test_a_mask_that_decides_how_many_values_there_are_is_no_place(values):
    def function(x):
        made = new(x)
        made[x > 2] = values(x)
        return made

    with pytest.raises(CompileError, match="how often, is not known"):
        tg.compile(function)(tg.tensor(X))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,)])
def test_nothing_can_be_overwritten(shape):
    def function(x):
        made = new(x)
        made[REVERSED] = x * 2
        x.assign(x * 2)
        return made, tg.flip(x), x.T + 1

    assert_same(function, np.zeros(shape, "float32"))


def test_halves_and_reversals_of_nothing():
    assert_same(lambda x: (tg.flip(x, (1,)), F.glu(x, -1), x[::-1, ::-1].exp()), np.zeros((0, 4), "float32"))


@pytest.mark.parametrize("function", [
    lambda x: x.assign(x + 5.0) * 2,
    lambda x: x.assign(5.0) * 2,
    lambda x: (tg.tensor(0.0).assign(x * 3) + 1, x),
    lambda x: ((x * 1)[...].assign(x * 3), (x * 2).reshape(1).assign(x), x + 1),
])  # fmt: skip
@pytest.mark.parametrize("made_of", [np.float32, lambda number: np.array(number, "float32")])
def test_numbers_can_be_overwritten(function, made_of):
    assert_same(function, made_of(3))


def test_arguments_that_cannot_be_overwritten_get_memory_of_their_own():
    step = tg.compile(lambda x: x.assign(x + 1) * 1)
    source = np.zeros(3, "float32")
    for _ in range(2):
        x = tg.Tensor(np.broadcast_to(source[:1], (3,)))
        assert step(x).tolist() == [1, 1, 1]
        assert step(x).tolist() == [2, 2, 2]
        assert x.tolist() == [2, 2, 2]
    assert source.tolist() == [0, 0, 0]


@pytest.mark.parametrize("view", [
    lambda t: t[0],
    lambda t: t[:, 1:],
    lambda t: t.T,
    lambda t: t.T[1:][::-1],
    lambda t: t[None, 1],
    lambda t: t.detach(),
    lambda t: t.permute_dims((-1, -2)),
])  # fmt: skip
@pytest.mark.parametrize("make", [lambda x: x, lambda x: x * 1, lambda x: tg.ones((2, 3))])
def test_what_is_written_to_a_view_is_seen_in_the_whole_and_the_other_way_round(make, view):
    def function(x):
        whole = make(x)
        part, other = view(whole), view(whole)
        part.assign(part * 2 + 10)
        between = whole + 1
        whole.assign(whole - 100)
        return whole * 1, part * 1, other * 1, between

    assert_same(function, X)


def test_a_reshaped_tensor_is_a_view_where_that_is_known():
    def of_new(x):
        made = tg.ones((2, 3))
        flat = made.reshape(6)
        flat.assign(x.reshape(6))
        made.assign(made * 2)
        return made, flat * 1

    assert_same(of_new, X)
    state = tg.tensor(X)
    tg.compile(lambda: state.reshape(-1).assign(7.0))()
    assert state.tolist() == [[7.0] * 3] * 2

    def of_argument(x):
        x.reshape(6).assign(7.0)

    with pytest.raises(CompileError, match="whether that is a view of other memory"):
        tg.compile(of_argument)(tg.tensor(X))

    def afterwards(x):
        y = x.T * 1
        flat = y.reshape(6)
        y.assign(0.0)
        return flat * 1

    with pytest.raises(CompileError, match="Reshape again after the write"):
        tg.compile(afterwards)(tg.tensor(X))


actions = st.lists(
    st.tuples(st.sampled_from(["view", "assign", "place", "add", "new"]), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=8,
)
VIEWS = [
    lambda t: t.T,
    lambda t: t[0],
    lambda t: t[0, ...],
    lambda t: t[REVERSED],
    lambda t: t[..., 1:],
    lambda t: t[None],
]


@hypothesis.given(actions)
def test_any_writes_in_any_order(todo):
    def function(x):
        met = [x, x * 2, tg.ones((2, 3))]
        for what, i, j in todo:
            a, b = met[i % len(met)], met[j % len(met)]
            if what == "view" and a.ndim:
                met.append(VIEWS[j % len(VIEWS)](a))
            elif what == "assign":
                a.assign(b.sum() + a)
            elif what == "place" and a.ndim:
                a[0] = b.sum()
            elif what == "add":
                a += b.sum()
            elif what == "new":
                met.append(a * b.sum())
        return [tensor * 1 for tensor in met]

    assert_same(function, X)
