"""Products of rows that were looked up: the table is multiplied, and not each of its rows as often as an index names it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.passes import tables
from tinygrad_ml.machine import machine_code
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


def rows_multiplied(step) -> list[int]:
    """How many multiplications the products of a step take for each number that they give, and for how many."""
    instructions = step._latest.executable.program.instructions
    return sorted(i.flops // 2 for i in instructions if i.op.kind == "product")


def gradients(index, first, second, without=(), turned=True):
    """What a step gives of a table, looked up, and a layer behind it; and the step."""
    table, weight, bias = (tg.tensor(x, requires_grad=True) for x in (first, second, np.arange(float(len(second)))))
    bias = bias.astype(weight.dtype)

    @tg.compile(without=without)
    def step(index):
        rows = table[index]
        out = F.linear(rows, weight, bias) if turned else rows @ weight.T + bias
        loss = (out.sin() * tg.arange(float(out.shape[-1]))).sum()
        return loss, out, *tg.grad(loss, [table, weight])

    return [np.asarray(x) for x in step(tg.tensor(index))], step


@given(
    st.integers(1, 5),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(16, 20),
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
def test_products_of_looked_up_rows_are_those_of_eager_mode(rows, shape, inside, outside, turned, dtype):
    random = np.random.default_rng(rows)
    first, second = random.standard_normal((rows, inside)).astype(dtype), random.standard_normal((outside, inside))
    index = random.integers(-rows, rows, shape)
    second = second.astype(dtype)
    found, _ = gradients(index, first, second, turned=turned)
    expected, _ = gradients(index, first, second, ("loops",), turned)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, 1e-3 if dtype == np.float32 else 1e-9, 1e-4 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("turned", [True, False])
def test_each_row_of_a_table_is_multiplied_once(turned):
    random = np.random.default_rng(0)
    first, second = random.standard_normal((7, 32), np.float32), random.standard_normal((48, 32), np.float32)
    index = random.integers(0, 7, (20, 5))
    _, step = gradients(index, first, second, turned=turned)
    assert rows_multiplied(step) == [7 * 32 * 48] * 3  # forward, and both gradients
    assert sum(i.op.name == "scatter_add" for i in step._latest.executable.program.instructions) == 1
    _, step = gradients(index, first, second, ("loops",), turned)
    assert rows_multiplied(step) == [100 * 32 * 48] * 3


@pytest.mark.parametrize(
    ("rows", "inside", "many"), [(60, 32, 100), (7, 8, 100)], ids=["too large a table", "rows that are too short"]
)
def test_where_little_would_be_saved_rows_are_multiplied(rows, inside, many):
    random = np.random.default_rng(0)
    first, second = random.standard_normal((rows, inside), np.float32), random.standard_normal((8, inside), np.float32)
    _, step = gradients(random.integers(0, rows, many), first, second)
    assert rows_multiplied(step) == [many * inside * 8] * 3


def test_rows_that_differ_after_they_were_looked_up_are_multiplied_one_by_one():
    table, noise, weight = tg.random.randn(5, 16), tg.random.randn(40, 16), tg.random.randn(16, 4)

    @tg.compile
    def step(index):
        return (table[index] + noise) @ weight

    index = tg.tensor(np.arange(40) % 5)
    np.testing.assert_allclose(np.asarray(step(index)), np.asarray((table[index] + noise) @ weight), 1e-4, 1e-5)
    assert rows_multiplied(step) == [40 * 16 * 4]


def test_products_and_biases_one_behind_the_other_are_all_those_of_the_table():
    table, first, second = tg.random.randn(5, 16), tg.random.randn(16, 24), tg.random.randn(24, 4)
    shift = tg.random.randn(24)

    @tg.compile
    def step(index):
        return tg.tanh(table[index] @ first + shift) @ second

    index = tg.tensor(np.arange(40) % 5)
    expected = tg.tanh(table[index] @ first + shift) @ second
    np.testing.assert_allclose(np.asarray(step(index)), np.asarray(expected), 1e-4, 1e-5)
    assert rows_multiplied(step) == [5 * 24 * 4, 5 * 16 * 24]
    program = step._latest.executable.program
    assert [i.output.shape for i in program.instructions if i.elementwise] == [(5, 24)] * 2


def test_a_place_that_is_not_there_is_the_error_of_eager_mode():
    table, weight = tg.random.randn(5, 16), tg.random.randn(16, 4)

    @tg.compile
    def step(index):
        return table[index] @ weight

    step(tg.tensor(np.arange(40) % 5))
    assert rows_multiplied(step) == [5 * 16 * 4]
    with pytest.raises(IndexError, match="5"):
        step(tg.tensor(np.arange(40) % 6))


def test_a_program_without_tables_is_the_very_same():
    step = tg.compile(lambda x: x @ x)
    step(tg.random.randn(3, 3))
    program = step.program
    assert tables.tables(program) is program
