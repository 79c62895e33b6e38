"""The graph and the walk back: reuse, depth, memory, and no work for nothing."""

import threading
import weakref

import numpy as np
import pytest
from checks import assert_close, garbage_of, leaf, operations_in

import tinygrad_ml as tg
from tinygrad_ml.errors import GradientError
from tinygrad_ml.graph import topological
from tinygrad_ml.tensor import constants, operand

# -- reuse ---------------------------------------------------------------------------------------------


def test_an_input_used_twice():
    x = leaf(3.0)
    assert_close(tg.grad(x * x, x)[0], 6)
    assert_close(tg.grad(x + x, x)[0], 2)
    assert_close(tg.grad(x - x, x)[0], 0)
    assert_close(tg.grad(x / x, x)[0], 0, atol=1e-6)


def test_an_inner_node_used_twice():
    a = leaf(1.5)
    b = a + a
    c = b + b
    c.backward()
    assert_close(a.grad, 4)


def test_branches_of_different_length_meet():
    x = leaf(2.0)
    short = x * 3
    long = ((x * x) * x) * x
    (short * long + short).backward()
    assert_close(x.grad, 15 * 2.0**4 + 3)


def test_a_deep_diamond_takes_linear_time():
    x = leaf(1.0)
    y = x
    for _ in range(100):
        y = y + y  # 2¹⁰⁰ paths
    work = operations_in(y.backward)
    assert_close(x.grad, 2.0**100)
    assert len(work) <= 101


def test_nodes_are_ordered_and_each_occurs_once():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = ((x * w).exp() + x * w).sum()
    nodes = topological([y.node])
    assert len(nodes) == len(set(nodes)) == 7
    assert all(nodes.index(parent) < nodes.index(node) for node in nodes for parent in node.inputs)


# -- depth ---------------------------------------------------------------------------------------------


def _long_chain(length: int):
    x = leaf(1.0)
    y = x
    for _ in range(length // 2):
        y = y * 1.00001
        y = y + 0.5
    return x, y


def test_a_chain_of_100_000_is_built_differentiated_and_freed():
    x, y = _long_chain(100_000)
    last = weakref.ref(y.node)
    y.backward()
    assert_close(x.grad, 1.00001**50_000, rtol=1e-2)
    del y
    assert last() is None


def test_a_chain_of_100_000_that_was_never_walked_is_freed_in_a_thread():
    ends = []

    def build():
        _, y = _long_chain(100_000)
        ends.append(weakref.ref(y.node))

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    assert ends[0]() is None


def test_the_recorded_walk_of_a_long_chain_is_differentiated_and_freed():
    x = leaf(0.5)
    y = x
    for _ in range(5_000):
        y = y.sin()
    (first,) = tg.grad(y, x, create_graph=True)
    (second,) = tg.grad(first, x)
    assert np.isfinite(first.item())
    assert second.item() != 0
    assert len(topological([first.node])) > 10_000
    del first, y


# -- memory --------------------------------------------------------------------------------------------


def _train(create_graph: bool) -> None:
    weights = [tg.random.randn(4, 4, requires_grad=True) for _ in range(2)]
    for _ in range(3):
        h = tg.random.randn(5, 4)
        for weight in weights:
            h = (h @ weight).tanh() + h.max(axis=1, keepdims=True)
        loss = (h[:, [0, 1, 1]].softmax() * h.std()).sum()
        if create_graph:
            first = tg.grad(loss, weights, create_graph=True)
            loss = loss + sum((g * g).sum() for g in first)
        loss.backward(create_graph=create_graph)
        with tg.no_grad():
            for weight in weights:
                weight -= 0.01 * weight.grad
                weight.grad = None


@pytest.mark.parametrize("create_graph", [False, True])
def test_training_leaves_no_garbage_for_the_collector(create_graph):
    assert garbage_of(lambda: _train(create_graph)) == 0


def test_failures_and_hooks_leave_no_cycles_between_tensor_and_node():
    def work():
        x = leaf([1.0, 2.0])
        handle = x.register_hook(lambda g: g * 2)
        y = x * x
        y.retain_grad()
        y.sum().backward()
        handle.remove()

    assert garbage_of(work) == 0


def test_dropping_the_last_tensor_frees_the_graph_at_once():
    x = leaf([1.0, 2.0])
    y = (x * x).exp().sum()
    nodes = [weakref.ref(node) for node in topological([y.node]) if node.op is not None]
    del y
    assert all(node() is None for node in nodes)


def test_a_gradient_with_a_graph_is_freed_with_its_tensor():
    x = leaf([1.0, 2.0])
    (x * x * x).sum().backward(create_graph=True)
    node = weakref.ref(x.grad.node)
    assert x.grad.requires_grad
    x.grad = None
    assert node() is None


# -- no work for nothing -------------------------------------------------------------------------------


def test_frozen_parameters_and_inputs_cost_no_gradient_work():
    data = tg.ones(5, 4)
    frozen, trained = tg.ones(4, 4), tg.ones(4, 4, requires_grad=True)
    hidden = (data @ frozen).tanh()
    assert not hidden.requires_grad
    assert hidden.is_leaf
    loss = (hidden @ trained).sum()
    # broadcast the 1, transpose the data, one product: none towards the data
    assert operations_in(loss.backward).count("matmul") == 1
    assert frozen.grad is None
    assert data.grad is None
    assert data.node.inputs == ()


def test_grad_walks_only_to_what_was_asked_for():
    a, b = tg.ones(4, 4, requires_grad=True), tg.ones(4, 4, requires_grad=True)
    loss = (a @ b).sum()
    assert operations_in(lambda: tg.grad(loss, a)).count("matmul") == 1
    deep = b
    for _ in range(20):
        deep = deep.sin()
    loss = (a * deep).sum()
    assert "cos" not in operations_in(lambda: tg.grad(loss, a))
    assert len(operations_in(lambda: tg.grad(loss, a))) < 5


def test_what_is_saved_is_only_what_a_gradient_will_need():
    x, frozen = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0])
    assert (x + frozen).node.saved == ()
    assert len((x * frozen).node.saved) == 1  # the frozen factor, not x


def test_the_derivative_of_steps_costs_nothing():
    x = leaf([1.5, 2.5])
    deep = x
    for _ in range(20):
        deep = deep.tanh()
    work = operations_in(lambda: tg.grad(deep.floor().sum(), x))
    assert "mul" not in work
    assert_close(tg.grad((x * 2).floor().sum(), x)[0], [0, 0])


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "bool"])
def test_integers_and_bools_cannot_require_gradients(dtype):
    with pytest.raises(GradientError, match=f"{dtype}.*floating"):
        tg.ones(3, dtype=dtype, requires_grad=True)
    with pytest.raises(GradientError, match="floating"):
        tg.ones(3, dtype=dtype).requires_grad = True


def test_comparisons_positions_and_casts_to_integers_carry_no_gradient():
    x = leaf([1.0, 3.0, 2.0])
    for y in (x > 1, x == x, x.argmax(), x.argmin(), x.argsort(), x.isnan(), x.any(), x.all(), x != 0):
        assert not y.requires_grad
    assert not x.astype("int64").requires_grad
    assert not tg.one_hot(x.argmax(), 3).requires_grad


def test_gradients_flow_around_integers():
    x = leaf([1.0, 3.0, 2.0])
    y = x[x.argmax()] * (x > 1.5)
    y.sum().backward()
    assert_close(x.grad, [0, 2, 0])


def test_detach_is_a_constant():
    x = leaf(3.0)
    assert_close(tg.grad(x * x.detach(), x)[0], 3)


def test_requires_grad_of_a_computed_tensor_cannot_be_changed():
    y = leaf(3.0) * 2
    with pytest.raises(GradientError, match="detach"):
        y.requires_grad = False


def test_freezing_in_the_middle():
    w = leaf(3.0)
    w.requires_grad = False
    assert not (w * 2).requires_grad
    w.requires_grad = True
    (w * 2).backward()
    assert_close(w.grad, 2)


def test_numbers_of_formulas_are_kept_for_the_next_time_within_bounds():
    x = tg.ones(1)
    assert operand(0.25, x) is operand(0.25, x)
    assert operand(2, x) is not operand(2.0, x)  # which beside integers are of two dtypes
    for n in range(1, 3000):
        assert (x * n).item() == n
    assert len(constants) <= 1001
