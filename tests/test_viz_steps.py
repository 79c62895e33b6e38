"""The steps of a pass: the engine's real order, its rules in words, and this run's numbers."""

import numpy as np
import pytest
from operations import TABLE

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import backpropagate, topological


def leaf(number, name):
    return tg.tensor(number, requires_grad=True, name=name)


def test_the_table_of_a_small_graph_is_exactly_this():
    x = leaf(3.0, "x")
    assert str(viz.steps(x * x + x, check=True)) == (
        "step  operation         rule                                shapes  value       gradient   check\n"
        "────  ────────────────  ──────────────────────────────────  ──────  ──────────  ─────────  ──────────────────────────────────────\n"
        "1     parameter         x                                           3\n"
        "2     mul               v₁ = x · x                                  3 · 3 = 9\n"
        "3     add               L = v₁ + x                                  9 + 3 = 12\n"
        "4     start             ∂L/∂L = 1                                               1\n"
        "5     back through add  ∂L/∂v₁ = ∂L/∂L                                          1          finite difference 1, gradient 1: agree\n"
        "6     back through add  share 1 of ∂L/∂x = ∂L/∂L                                1\n"
        "7     back through mul  share 2 of ∂L/∂x = ∂L/∂v₁ · x                           1 · 3 = 3\n"
        "8     add up            ∂L/∂x = share 2 + what came before                      1 + 3 = 4\n"
        "9     back through mul  share 3 of ∂L/∂x = ∂L/∂v₁ · x                           1 · 3 = 3\n"
        "10    add up            ∂L/∂x = share 3 + what came before                      4 + 3 = 7  finite difference 7, gradient 7: agree"
    )


def test_rules_name_the_tensors_and_show_the_shapes_of_this_run():
    x, w, b = tg.tensor(tg.ones((32, 784)), name="x"), leaf(tg.zeros((784, 10)), "W"), leaf(tg.zeros(10), "b")
    y = x @ w + b
    y.name = "y"
    steps = {step.rule: step for step in viz.steps(y.sum())}
    assert steps["v₁ = x @ W"].shapes == "(32, 784) @ (784, 10) → (32, 10)"
    assert steps["∂L/∂W = xᵀ @ ∂L/∂v₁"].shapes == "(784, 32) @ (32, 10) → (784, 10)"
    assert steps["∂L/∂b = ∂L/∂y"].kind == "share" and not steps["∂L/∂b = ∂L/∂y"].complete
    summed = steps["∂L/∂b = Σ over axis 0, along which b was repeated"]
    assert (summed.kind, summed.shapes, summed.complete) == ("unbroadcast", "(32, 10) → (10,)", True)
    assert not any("∂L/∂x" in rule for rule in steps)  # x wants no gradient, and gets no work


def _operations(y):
    return [node for node in topological([y.node]) if node.op is not None]


def test_the_order_is_that_of_the_engine():
    a, b = leaf([1.0, 2.0], "a"), leaf([3.0, 4.0], "b")
    loss = ((a * b).tanh() * a + b.exp()).sum()
    arrived = []
    names = {a.node: "a", b.node: "b"} | dict(zip(_operations(loss), ("v₁", "v₂", "v₃", "v₄", "v₅"), strict=False))

    def observe(node, position, share, fitted, total):
        if position is not None:
            parent = node.inputs[position]
            arrived.append((node.op.name, names[parent]))

    restore = lambda arrays, node: [tg.Tensor(array) for array in arrays]  # noqa: E731
    backpropagate({loss.node: tg.ones(())}, None, restore, observe=observe)
    told = [
        (step.operation.removeprefix("back through "), step.name.removeprefix("∂loss/∂"))
        for step in viz.steps(loss)
        if step.kind == "share"
    ]
    assert told == arrived


def test_memory_is_counted_once_an_array_and_given_back_as_backward_goes():
    x = leaf([1.0] * 100, "x")
    y = x.exp()  # saves its output, 400 bytes
    steps = viz.steps((y * y).sum())  # which the product saves again, and that costs nothing
    held = {step.rule: step.held for step in steps}
    assert held["y = eˣ"] == held["v₁ = y · y"] == 400
    assert max(step.held for step in steps) == 400
    assert steps[-1].held == 0


def test_a_gradient_that_is_flat_is_told_as_0_and_one_that_was_freed_is_told_again():
    x = leaf([1.5, 2.5], "x")
    flat = viz.steps((x.floor() * 2.0).sum())
    assert flat[-1].value.startswith("0") and flat[-1].rule == "∂L/∂x = 0"
    y = (x * x).sum()
    before = list(viz.steps(y))
    y.backward()
    assert list(viz.steps(y)) == before


def test_kinks_are_told_from_mistakes():
    x = leaf([2.0, 2.0, 2.0], "x")
    (last,) = [step for step in viz.steps(x.max(), check=True) if step.name == "∂L/∂x"]
    assert "kink" in last.check


def test_the_check_of_a_tensor_says_that_its_direction_is_random():
    scalar, vector = leaf(2.0, "scalar"), leaf([1.0, 2.0], "vector")
    checks = {step.name: step.check for step in viz.steps((vector * scalar).exp().sum(), check=True) if step.check}
    assert checks["∂L/∂vector"].startswith("along a random v: finite difference")
    assert checks["∂L/∂scalar"].startswith("finite difference")
    assert str(viz.steps((vector * scalar).exp().sum(), check=True)).endswith("agree")


def test_a_wrong_gradient_is_found(monkeypatch):
    x = leaf(2.0, "x")
    y = x.tanh()
    rule = lambda g, y: g * (1 + y * y)  # noqa: E731
    monkeypatch.setattr(y.node.plan, "steps", [(0, rule, *y.node.plan.steps[0][2:])])
    assert viz.steps(y, check=True)[-1].check.endswith("differ")


def test_networks_agree_with_their_finite_differences():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    loss = nn.CrossEntropyLoss()(model(tg.random.uniform(size=(2, 1, 8, 8))), tg.tensor([0, 2]))
    steps = viz.steps(loss, check=True)
    checks = [step.check for step in steps if step.check]
    assert len(checks) > 10 and all(check.endswith("agree") or "kink" in check for check in checks)
    assert {step.module for step in steps} >= {"0", "1", "3"}


@pytest.mark.parametrize("operation", TABLE, ids=[operation.name for operation in TABLE])
def test_every_operation_has_words_and_is_computed_again_to_the_same_numbers(operation):
    inputs = [tg.tensor(array.astype("float32")) for array in operation.inputs]
    for tensor in inputs:
        tensor.requires_grad = True
    output = operation.function(*inputs)
    output = output[0] if isinstance(output, (tuple, list)) else output
    steps = viz.steps(output)
    last = [step for step in steps if step.phase == "forward"][-1]
    if last.result.values is None:
        assert last.result.norm == pytest.approx(float((output.numpy().astype("float64") ** 2).sum()) ** 0.5, rel=1e-5)
    else:
        np.testing.assert_allclose(np.array(last.result.values), output.numpy(), rtol=1e-6)
    for step in steps:
        assert step.rule and "{" not in step.rule, step.rule


def test_a_sequence_of_plain_data():
    steps = viz.steps(leaf(3.0, "x") * 2.0)
    assert len(steps) == len(list(steps)) and isinstance(steps[0], viz.Step)
    assert repr(steps) == "<4 steps: 2 forward, 2 backward; print them for the table>"
    assert [step.number for step in steps] == [1, 2, 3, 4]


def test_symbols_have_steps_without_numbers():
    steps = viz.steps(nn.Linear(4, 2), input_shape=(3, 4))
    assert steps[-1].shapes and not steps[-1].value


def test_a_graph_that_nobody_can_read_is_refused():
    y = leaf(1.0, "x")
    for _ in range(5000):
        y = y + 1.0
    with pytest.raises(OptionError, match="limit=3,000"):
        viz.steps(y)
