"""tg.functional_call: a module as a function of its parameters and buffers."""

import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2, bias=False)))


def state(module):
    return dict(module.named_parameters()), dict(module.named_buffers())


def halves(module):
    """Other parameters: leaves of their own."""
    return {name: tg.tensor(p.detach() * 0.5, requires_grad=True) for name, p in module.named_parameters()}


def equal(a, b):
    np.testing.assert_array_equal(a.numpy(), b.numpy())


X = tg.random.randn(5, 3)


def test_the_same_as_a_module_that_has_these():
    model, twin = network().eval(), network().eval()
    others = halves(model)
    before = dict(model.named_parameters())
    y = tg.functional_call(model, others, (X,))
    twin.load_state_dict({**model.state_dict(), **others})
    equal(y, twin(X))
    assert all(p is before[name] and p.grad is None for name, p in model.named_parameters())
    y.sum().backward()
    twin(X).sum().backward()
    for name, p in twin.named_parameters():
        np.testing.assert_allclose(others[name].grad.numpy(), p.grad.numpy(), rtol=1e-5, atol=1e-6)
    assert all(p.grad is None for p in model.parameters())


def test_gradients_flow_to_what_the_tensors_are_computed_of():
    model = nn.Linear(3, 2).astype("float64")
    scale = tg.tensor(2.0, dtype="float64", requires_grad=True)
    x = X.astype("float64")

    def loss(scale):
        return (
            tg.functional_call(model, {name: p.detach() * scale for name, p in model.named_parameters()}, x) ** 3
        ).sum()

    tg.gradcheck(loss, scale, order=2)
    equal(loss(scale), (model(x) ** 3).sum() * 8)
    assert tg.grad(tg.functional_call(model, {"bias": tg.zeros(2, dtype="float64")}, x).sum(), model.weight)[
        0
    ].shape == (2, 3)


def test_buffers_and_several_states():
    model = network()
    parameters, buffers = state(model)
    own = {name: tg.zeros_like(buffer) + 0.5 for name, buffer in buffers.items() if "running" in name}
    kept = {name: buffer.numpy() for name, buffer in buffers.items()}
    tg.functional_call(model, (parameters, own), X, strict=False)
    assert all((buffer.numpy() == kept[name]).all() for name, buffer in buffers.items() if name in own)
    assert all((buffer.numpy() != 0.5).any() for buffer in own.values())  # the statistics of the batch went in here
    count = buffers.get("1.num_batches_tracked")
    assert count is None or count.item() == kept["1.num_batches_tracked"] + 1  # and this one was not replaced


class Tied(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.again = self.first
        self.scales = nn.ParameterList([tg.ones(3), tg.ones(3) * 2])
        self.calls = 0

    def forward(self, x, *, times=1):
        self.calls = self.calls + 1
        assert len(list(self.parameters())) == (3 if self.first.weight is self.second.weight else 4)
        for scale in self.scales:
            x = x * scale
        return self.again(self.second(self.first(x))) * times


def test_tied_parameters_lists_and_what_is_noted_in_forward():
    model = Tied()
    w = tg.random.randn(3, 3)
    y = tg.functional_call(model, {"first.weight": w, "scales.1": tg.ones(3)}, (X,), {"times": 2})
    np.testing.assert_allclose(y.numpy(), (X @ w.T @ w.T @ w.T * 2).numpy(), rtol=1e-4, atol=1e-4)
    assert model.calls == 1 and model.first.weight is model.second.weight
    one = tg.functional_call(model, {"second.weight": w}, (X,), tie_weights=False)
    v = model.first.weight
    np.testing.assert_allclose(one.numpy(), (X * 2 @ v.T @ w.T @ v.T).numpy(), rtol=1e-4, atol=1e-4)


def test_mistakes():
    model = network()
    parameters, buffers = state(model)
    with pytest.raises(OptionError, match="has no parameter or buffer '0.wait', 'x'; it has 0.weight, 0.bias"):
        tg.functional_call(model, {"0.wait": 1.0, "x": 2.0}, X)
    with pytest.raises(OptionError, match="two tensors for 0.bias"):
        tg.functional_call(model, ({"0.bias": tg.zeros(4)}, {"0.bias": tg.zeros(4)}), X)
    with pytest.raises(OptionError, match="nothing is given for 0.bias"):
        tg.functional_call(model, {"0.weight": tg.zeros((4, 3))}, X, strict=True)
    with pytest.raises(OptionError, match="are one tied parameter of a Tied"):
        tg.functional_call(Tied(), {"first.weight": tg.zeros((3, 3)), "second.weight": tg.ones((3, 3))}, X)
    tg.functional_call(model, (parameters, buffers), X, strict=True)
    with pytest.raises(ShapeError, match="module 0"):
        tg.functional_call(model, {"0.weight": tg.zeros((4, 7))}, X)
    assert dict(model.named_parameters()) == parameters or all(p is parameters[n] for n, p in model.named_parameters())


def test_threads_do_not_see_it():
    model = nn.Linear(3, 1, bias=False)
    expected, wrong = model(X).numpy(), []
    inside, done = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x):
            inside.set()
            done.wait(5)
            return x

    whole = nn.Sequential(Slow(), model)
    thread = threading.Thread(target=tg.functional_call, args=(whole, {"1.weight": tg.zeros((1, 3))}, X))
    thread.start()
    inside.wait(5)
    wrong.append((model(X).numpy() != expected).any())
    done.set()
    thread.join()
    assert wrong == [False]


def test_an_ensemble():
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval() for _ in range(3)]
    parameters, buffers = tg.stack_module_state(models)
    assert parameters["0.weight"].shape == (3, 4, 3) and parameters["0.weight"].is_leaf
    ys = tg.vmap(lambda p, b: tg.functional_call(models[0], (p, b), X))(parameters, buffers)
    np.testing.assert_allclose(ys.numpy(), np.stack([model(X).numpy() for model in models]), rtol=1e-5, atol=1e-6)
    (ys**2).sum().backward()
    for i, model in enumerate(models):
        (model(X) ** 2).sum().backward()
        for name, p in model.named_parameters():
            np.testing.assert_allclose(parameters[name].grad.numpy()[i], p.grad.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(OptionError, match="of one class"):
        tg.stack_module_state([nn.Linear(2, 2), nn.ReLU()])
    with pytest.raises(OptionError, match="the same parameters"):
        tg.stack_module_state([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)])


def test_compiled():
    model = network().eval()
    fast = halves(model)

    def inner_step(x):
        loss = (tg.functional_call(model, fast, x) ** 2).mean()
        for p, g in zip(fast.values(), tg.grad(loss, list(fast.values())), strict=True):
            with tg.no_grad():
                p.assign(p - 0.1 * g)
        return loss

    def adapted(x):
        weights = dict(model.named_parameters())
        loss = (tg.functional_call(model, weights, x) ** 2).mean()
        found = tg.grad(loss, list(weights.values()), create_graph=True)
        return tg.functional_call(
            model, {n: p - 0.1 * g for (n, p), g in zip(weights.items(), found, strict=True)}, x
        ).sum()

    start = {name: p.numpy() for name, p in fast.items()}
    eager = [inner_step(X).item() for _ in range(3)]
    for name, p in fast.items():
        p.assign(start[name])
    step = tg.compile(inner_step)
    np.testing.assert_allclose([step(X).item() for _ in range(3)], eager, rtol=1e-5)
    meta = tg.compile(adapted)
    for _ in range(3):
        np.testing.assert_allclose(meta(X).item(), adapted(X).item(), rtol=1e-4)
        with tg.no_grad():
            for p in model.parameters():
                p.assign(p * 1.1)
