"""Parameters that are computed of others: nn.utils.parametrize and what is made of it."""

import copy

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn, optim
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm
from tinygrad_ml.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations

X = tg.random.randn(5, 4)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT


class Exp(nn.Module):
    def forward(self, x):
        return x.exp()

    def right_inverse(self, y):
        return y.log()


def near(a, b):
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_a_weight_is_computed_each_time_and_gradients_reach_the_original():
    layer = nn.Linear(4, 4)
    weight = layer.weight
    assert register_parametrization(layer, "weight", Symmetric()) is layer
    assert isinstance(layer, nn.Linear) and type(layer).__name__ == "ParametrizedLinear"
    original = layer.parametrizations["weight"].original
    assert (
        original is weight and original.name == "parametrizations.weight.original"
    )  # an optimiser may have it already
    near(layer.weight, layer.weight.mT)
    near(layer(X), X @ layer.weight.mT + layer.bias)
    layer(X).sum().backward()
    assert original.grad is not None and not original.grad.numpy()[np.tril_indices(4, -1)].any()
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    before = layer.weight.numpy()
    optim.SGD(layer.parameters(), 0.1).step()
    assert (layer.weight.numpy() != before).any()
    assert is_parametrized(layer) and is_parametrized(layer, "weight") and not is_parametrized(layer, "bias")
    assert not is_parametrized(nn.Linear(2, 2))


def test_assigning_goes_through_the_inverse():
    layer = nn.Linear(3, 2)
    layer.weight.assign(abs(layer.weight) + 0.1)
    before = tg.tensor(layer.weight)
    register_parametrization(layer, "weight", Exp())
    near(layer.weight, before)
    layer.weight = before * 2
    near(layer.weight, before * 2)
    near(layer.parametrizations.weight.original, (before * 2).log())
    register_parametrization(layer, "weight", Exp(), unsafe=True)
    assert layer.weight.shape == (2, 3)


def test_removed():
    layer = weight_norm(nn.Linear(4, 3))
    value = tg.tensor(layer.weight)
    assert remove_parametrizations(layer, "weight") is layer
    assert (
        type(layer) is nn.Linear
        and isinstance(layer.weight, nn.Parameter)
        and list(layer.state_dict()) == ["bias", "weight"]
    )
    near(layer.weight, value)
    layer = nn.Linear(4, 4)
    original = tg.tensor(layer.weight)
    register_parametrization(layer, "weight", Symmetric())
    register_parametrization(layer, "bias", Exp(), unsafe=True)
    remove_parametrizations(layer, "weight", leave_parametrized=False)
    near(layer.weight, original)
    assert type(layer).__name__ == "ParametrizedLinear" and is_parametrized(layer, "bias")
    near(layer(X), X @ original.mT + layer.bias)


def test_mistakes():
    layer = nn.Linear(4, 3)
    with pytest.raises(OptionError, match="has no parameter or buffer 'weights' of its own; it has weight, bias"):
        register_parametrization(layer, "weights", Symmetric())

    class Longer(nn.Module):
        def forward(self, x):
            return tg.concat([x, x])

    class Wider(nn.Module):
        def forward(self, x):
            return x.astype("float64")

    weight, numbers = layer.weight, layer.weight.numpy()
    for kind, error in ((Longer, ShapeError), (Wider, DTypeError)):
        with pytest.raises(error, match=f"{kind.__name__} makes a tensor of shape .* unsafe=True"):
            register_parametrization(layer, "weight", kind())
    assert type(layer) is nn.Linear and layer.weight is weight and (weight.numpy() == numbers).all()
    assert layer.weight.name == "weight"
    with pytest.raises(OptionError, match="'weight' of a Linear is not parametrized"):
        remove_parametrizations(layer, "weight")
    with pytest.raises(OptionError, match="no single original to leave"):
        remove_parametrizations(weight_norm(layer), "weight", leave_parametrized=False)
    with pytest.raises(OptionError, match="one power iteration at least"):
        spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(OptionError, match="has no parameter or buffer 'wait'"):
        spectral_norm(nn.Linear(2, 2), "wait")


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm(dim):
    layer = nn.Linear(4, 3)
    before = tg.tensor(layer.weight)
    weight_norm(layer, dim=dim)
    near(layer.weight, before)
    g = layer.parametrizations.weight.original0
    near(g * g, (before**2).sum() if dim is None else (before**2).sum(1 - dim % 2, keepdims=True))
    g.assign(g * 3)
    near(layer.weight, before * 3)
    double = nn.Linear(4, 3).astype("float64")
    weight_norm(double, dim=dim)
    own = [tg.tensor(p) for p in double.parametrizations.weight.originals()]
    tg.gradcheck(lambda g, v: double.parametrizations.weight[0](g, v) ** 2, own, order=2)


def test_spectral_norm():
    layer = spectral_norm(nn.Conv2d(3, 4, 2), n_power_iterations=50)
    layer(tg.random.randn(1, 3, 4, 4))
    assert abs(np.linalg.norm(layer.weight.numpy().reshape(4, -1), 2) - 1) < 1e-4
    layer.eval()
    u = layer.parametrizations.weight[0]._u.numpy()
    layer(tg.random.randn(1, 3, 4, 4))
    assert (layer.parametrizations.weight[0]._u.numpy() == u).all()
    layer.train()
    first, second = layer.weight, layer.weight  # the second overwrites the vectors that the first was computed with
    tg.grad((first**2).sum() + (second**3).sum(), layer.parametrizations.weight.original)
    vector = nn.LayerNorm(4)
    spectral_norm(vector)
    near((vector.weight**2).sum(), tg.tensor(1.0))


@pytest.mark.parametrize("map_", [None, "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_orthogonal(shape, map_):
    layer = orthogonal(nn.Linear(*shape), orthogonal_map=map_)
    optimizer = optim.SGD(layer.parameters(), 0.1)
    for step in range(4):
        q = layer.weight.mT if shape[1] < shape[0] else layer.weight
        near(q.mT @ q, tg.eye(min(shape)))
        loss = (layer(tg.ones(shape[0])) - 1).abs().sum() + (q**3).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert step or layer.parametrizations.weight.original.grad.numpy().any()
    columns = np.linalg.qr(np.random.default_rng(0).standard_normal((max(shape), min(shape))))[0].astype("float32")
    own = tg.tensor(columns.T if shape[1] < shape[0] else columns)
    layer.weight = own
    near(abs(layer.weight), abs(own))
    tg.vmap(lambda x: tg.grad(layer(x).sum(), list(layer.parameters())))(tg.ones(2, shape[0]))
    np.testing.assert_allclose(
        tg.compile(layer)(tg.ones(shape[0])).numpy(), layer(tg.ones(shape[0])).numpy(), atol=1e-5
    )
    with pytest.raises(OptionError, match="orthogonal_map='turn' is none of"):
        orthogonal(nn.Linear(2, 2), orthogonal_map="turn")
    with pytest.raises(ShapeError, match="only a matrix"):
        orthogonal(nn.Linear(2, 2), "bias")


def training(model, x, compiled):
    optimizer = optim.SGD(model.parameters(), 0.1)

    def step(x):
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(step) if compiled else step
    return [step(x).item() for _ in range(4)]


def test_compiled_copied_called_and_drawn():
    model = nn.Sequential(weight_norm(nn.Linear(4, 6)), nn.Tanh(), spectral_norm(nn.Linear(6, 2)))
    twin = copy.deepcopy(model)
    near(twin(X).detach(), copy.deepcopy(model)(X).detach())
    np.testing.assert_allclose(training(twin, X, True), training(model, X, False), rtol=1e-5)
    model.eval(), twin.eval()
    near(model(X), twin(X))
    others = {"0.parametrizations.weight.original0": tg.zeros(6, 1), "0.bias": tg.zeros(6)}
    near(tg.functional_call(model, others, X), tg.zeros(5, 2) + model[2].bias)
    fresh = nn.Sequential(weight_norm(nn.Linear(4, 6)), nn.Tanh(), spectral_norm(nn.Linear(6, 2))).eval()
    fresh.load_state_dict(model.state_dict())
    near(fresh(X), model(X))
    loss = model(X).sum()
    assert "ParametrizationList" in viz.draw(loss).source
    assert "original0" in viz.draw(loss, level="operations").source
    each = tg.vmap(lambda x: tg.grad(model(x).sum(), list(model.parameters())))(X)
    assert each[1].shape == (5, 6, 1)
