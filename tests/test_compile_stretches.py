"""Jobs of machine code that follow each other are one call, and what must come before or behind them does."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.compile.cpu import stretches
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


def calls(step) -> list[str]:
    """The lines of a step that do something, but for what only prepares them."""
    body = step.source[step.source.index("def step(") :].splitlines()[1:]
    early = (" = given_", " = arguments", " = address(", " = new_", " = view_", "return (")
    return [
        line.strip() for line in body if not line.strip().startswith("#") and not any(word in line for word in early)
    ]


@pytest.fixture(params=[1, 3], ids=["alone", "three threads"], autouse=True)
def threads(request, monkeypatch):
    monkeypatch.setattr(calling, "threads", lambda: request.param)


def test_a_step_of_a_small_network_is_one_call():
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.Adam(model.parameters())

    @tg.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(tg.tensor([[0.0, 1.0], [1.0, 1.0]]), tg.tensor([[1.0], [0.0]])).item() for _ in range(30)]
    (line,) = calls(step)
    assert line.startswith("stretch_") and losses[-1] < losses[0]


def test_what_numpy_computes_stands_between_two_stretches():
    """An inverse is read when it has been computed, and what it is of is there before."""

    def function(x):
        return tg.linalg.inv(x * 2 + 1) * 3

    step, x = tg.compile(function), tg.random.randn(3, 3)
    np.testing.assert_array_equal(step(x).numpy(), function(x).numpy())
    first, between, last = calls(step)
    assert first.startswith("stretch_") and "call_" in between and last.startswith("stretch_")


def test_arguments_and_results_may_be_others_in_each_call():
    """Also parts of them, by their places: the addresses are those of this call."""
    step = tg.compile(lambda x: (x[1:].exp(), x[:, 2] + x[0, 0], x.T @ x))
    kept = []
    for i in range(5):
        x = tg.tensor(np.random.default_rng(i).standard_normal((5, 3)).astype("float32"))
        kept.append((step(x), (x[1:].exp(), x[:, 2] + x[0, 0], x.T @ x)))
    for found, expected in kept:  # results that are held are not overwritten
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6)
    assert len(calls(step)) == 1


def test_jobs_one_by_one_give_the_same_numbers(monkeypatch):
    def function(x):
        for _ in range(4):
            x = tg.concat([x.tanh() @ x.T @ x, x[:1] * 2])[:5] / 10
        return x, x.sum(axis=0)

    x = tg.random.randn(5, 4)
    together = tg.compile(function)
    expected = [part.numpy() for part in together(x)]
    monkeypatch.setattr(stretches, "MOST_JOBS", 1)
    alone = tg.compile(function)
    for a, b in zip(alone(x), expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
    assert len(calls(together)) == 1 < len(calls(alone))


def test_all_rounds_of_a_loop_are_one_call():
    def function(xs):
        return tg.scan(lambda h, x: ((h := (h * 0.9 + x).tanh()), h), tg.zeros(4), xs)

    step, xs = tg.compile(function), tg.random.randn(30, 4)
    for a, b in zip(step(xs), function(xs), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-5, 1e-6)
    assert "all_rounds(arguments[1])" in step.source
