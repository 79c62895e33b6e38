"""Sums over the edges of a graph: no message is laid out, and the numbers are those of eager mode."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import source
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


def graph(nodes, edges, columns, dtype="float32", kind="int64"):
    random = np.random.default_rng(edges)
    begin, end = (random.integers(low, nodes, edges).astype(kind) for low in (-nodes, 0))
    x, weight = random.standard_normal((nodes, columns)), random.standard_normal((edges, 1))
    return tg.tensor(x.astype(dtype), requires_grad=True), *map(tg.tensor, (begin, end, weight.astype(dtype)))


def heard(x, begin, end, weight):
    """What nodes hear, and the gradient of what they said."""
    messages = x[begin] if weight is None else x[begin] * weight
    result = tg.zeros(*x.shape, dtype=x.dtype).index_add(0, end, messages)
    return result.detach(), *tg.grad((result * result).sum(), [x])


def operations(step) -> list[str]:
    return [i.op.name for i in step._latest.executable.program.instructions]


@given(
    st.integers(1, 9),
    st.integers(1, 60),
    st.integers(1, 40),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["int64", "int32"]),
    st.booleans(),
)
@settings(max_examples=25)
def test_sums_over_edges_are_those_of_eager_mode(nodes, edges, columns, dtype, kind, weighted):
    x, begin, end, weight = graph(nodes, edges, columns, dtype, kind)
    given = x, begin, end, weight if weighted else None
    step = tg.compile(heard)
    near = 1e-5 if dtype == "float32" else 1e-12
    for found, expected in zip(step(*given), heard(*given), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.numpy(), expected.numpy(), near, near)


def test_messages_are_not_laid_out():
    step = tg.compile(heard)
    step(*graph(20, 100, 8))
    assert operations(step).count("edge_sums") == 2  # of numbers, and of their gradient
    assert not {"getitem", "scatter_add"} & set(operations(step))
    assert not any(i.output.shape == (100, 8) for i in step._latest.executable.program.instructions)


def test_messages_that_are_wanted_are_there():
    def function(x, begin, end, weight):
        messages = x[begin] * weight
        return tg.zeros(*x.shape).index_add(0, end, messages), messages

    given = graph(20, 100, 8)
    step = tg.compile(function)
    for found, expected in zip(step(*given), function(*given), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-5, 1e-5)
    assert "edge_sums" not in operations(step)


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 1)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(calling, "threads", lambda threads=threads: threads)
        results.append([x.numpy().tobytes() for x in tg.compile(heard)(*graph(50, 500, 33))])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("which", [1, 2])
def test_a_node_that_is_not_there_is_the_error_of_eager_mode(which):
    x, *rest = graph(20, 100, 8)
    step = tg.compile(heard)
    step(x, *rest)
    rest[which - 1] = tg.tensor(np.where(np.arange(100) == 70, 20, 3))
    with pytest.raises(tg.errors.RangeError, match="20") as found:
        step(x, *rest)
    with pytest.raises(tg.errors.RangeError, match="20") as expected:
        heard(x, *rest)
    assert type(found.value) is type(expected.value)
