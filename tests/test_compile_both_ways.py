"""A matrix that is multiplied by a vector, and then transposed by what becomes of that, is walked through once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import both_ways
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


@pytest.fixture(autouse=True)
def every_matrix_is_large(monkeypatch):
    monkeypatch.setattr(both_ways, "READ_ONCE_BYTES", 1)


def data(n, k, dtype="float32"):
    random = np.random.default_rng(n * 1000 + k)
    return random.standard_normal((n, k)).astype(dtype), (random.random(n) > 0.5).astype(dtype)


def logistic(dtype="float32", k=3):
    w = tg.tensor(np.linspace(-1, 1, k).astype(dtype), requires_grad=True)
    bias = tg.tensor(np.array(0.25, dtype), requires_grad=True)

    def step(x, y):
        loss = F.binary_cross_entropy_with_logits(x @ w + bias, y)
        return loss.detach(), *tg.grad(loss, [w, bias])

    return step


def walks(step) -> int:
    return step.source.count("# both ways")


def assert_same(found, expected, dtype="float32"):
    near = 2e-5 if dtype == "float32" else 1e-12
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a.numpy(), b.numpy(), near, near)


@given(st.integers(1, 300), st.integers(1, 40), st.sampled_from(["float32", "float64"]), st.integers(1, 40))
@settings(max_examples=25)
def test_both_products_are_those_of_eager_mode(n, k, dtype, block):
    function, compiled = logistic(dtype, k), tg.compile(logistic(dtype, k))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(both_ways, "BYTES_OF_ROWS", max(both_ways.ROWS_TOGETHER, block) * k * 8)
        found = compiled(*data(n, k, dtype))
    assert_same(found, function(*map(tg.tensor, data(n, k, dtype))), dtype)
    assert walks(compiled) == 1


def test_the_matrix_is_read_by_nothing_else():
    compiled = tg.compile(logistic())
    compiled(*data(100, 3))
    program = compiled._latest.executable.program
    matrix = next(i.inputs[0] for i in program.instructions if i.op is both_ways.BOTH_WAYS)
    assert [i.op.name for i in program.instructions if matrix in i.inputs] == ["both_ways"]
    assert not any(i.op.kind == "product" for i in program.instructions)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads, monkeypatch):
    steps, results = [], []
    for many in (1, threads):
        monkeypatch.setattr(calling, "threads", lambda many=many: many)
        steps.append(tg.compile(logistic(k=33)))
        results.append([x.numpy() for x in steps[-1](*data(2_003, 33))])
    assert all(walks(step) == 1 for step in steps)
    for one, other in zip(*results, strict=True):
        assert one.tobytes() == other.tobytes()


def test_what_is_done_between_may_read_numbers_of_each_row_and_for_all_and_what_is_made_later():
    w = tg.tensor(np.float32([0.5, -1.0, 2.0]))

    def function(x, y, mask, scale):
        z = x @ w
        late = y * 2 + 1  # which is recorded behind the product
        factor = tg.where(mask, tg.tanh(z) * late, z * scale) + tg.arange(len(y), dtype="float32")
        return x.T @ factor, z, factor.sum()

    x, y = map(tg.tensor, data(90, 3))
    given = x, y, y > 0, tg.tensor(np.float32([3.0]))
    compiled = tg.compile(function)
    assert_same(compiled(*given), function(*given))
    assert walks(compiled) == 1


def test_nothing_at_all_between():
    function = lambda x, w: x.T @ (x @ w)  # noqa: E731
    x, w = tg.tensor(data(90, 3)[0]), tg.tensor(np.float32([1.0, 2.0, 3.0]))
    compiled = tg.compile(function)
    assert_same([compiled(x, w)], [function(x, w)])
    assert walks(compiled) == 1


def test_results_are_the_callers():
    compiled = tg.compile(logistic())
    first = compiled(*data(100, 3))
    kept = [x.numpy().copy() for x in first]
    compiled(*data(100, 3)[:1], np.zeros(100, np.float32))
    for x, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(x.numpy(), before)


@pytest.mark.parametrize(
    "between",
    [
        lambda z: z / z.sum(),
        lambda z: tg.sort(z),
        lambda z: z + tg.concat([z[1:], z[:1]]),
        lambda z: tg.cumulative_sum(z),
    ],
    ids=["all rows", "an order", "other rows", "rows before"],
)
def test_where_a_number_needs_other_rows_there_are_two_walks(between):
    w = tg.tensor(np.float32([0.5, -1.0, 2.0]))
    function = lambda x: x.T @ between(x @ w)  # noqa: E731
    x, _ = data(90, 3)
    compiled = tg.compile(function)
    assert_same([compiled(x)], [function(tg.tensor(x))])
    assert walks(compiled) == 0


@pytest.mark.parametrize(
    "turn", [lambda x: np.asfortranarray(x), lambda x: np.repeat(x, 2, 0)[::2]], ids=["columns", "rows"]
)
def test_a_matrix_that_does_not_lie_in_order_is_multiplied_by_numpy(turn):
    x, y = data(90, 3)
    lying, ends = tg.tensor(x), tg.tensor(y)
    lying.data = turn(x)
    inner = logistic()
    compiled = tg.compile(lambda: inner(lying, ends))
    assert_same(compiled(), inner(tg.tensor(x), ends))


def test_labels_that_do_not_lie_in_order_are_read_where_they_lie():
    x, y = data(90, 3)
    lying, ends = tg.tensor(x), tg.tensor(y)
    ends.data = np.stack([y, y], 1)[:, 1]
    inner = logistic()
    compiled = tg.compile(lambda: inner(lying, ends))
    assert_same(compiled(), inner(lying, tg.tensor(y)))
    assert walks(compiled) == 1


def test_small_matrices_stay_in_the_cache_as_it_is(monkeypatch):
    monkeypatch.setattr(both_ways, "READ_ONCE_BYTES", 1 << 22)
    compiled = tg.compile(logistic())
    compiled(*data(100, 3))
    assert walks(compiled) == 0
