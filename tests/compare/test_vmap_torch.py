"""tg.vmap, tg.functional_call and gradients of single samples are torch.func's."""

import numpy as np
import pytest

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import nn

torch = pytest.importorskip("torch")
func = torch.func
TF = torch.nn.functional


def near(ours, theirs):
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


FUNCTIONS = {
    "a dictionary in and out": (
        lambda m, x: {"y": x["a"] @ x["b"], "s": (x["a"].sum(), x["b"])},
        ({"a": numbers(4, 3, 2), "b": numbers(2, 4)},),
        ({"a": 0, "b": 1},),
        {"y": 1, "s": (0, 0)},
    ),
    "nothing of one": (lambda m, a, b: m.where(a > b, a, b * 2).sum(0), (numbers(3, 2, 4), numbers(2)), (2, None), 0),
    "a loss": (
        lambda m, x, w: ((x @ w) ** 2).exp().sum(),
        (numbers(5, 3) * 0.3, numbers(3, 4) * 0.3),
        (0, None),
        0,
    ),
    "places of one's own": (
        lambda m, x, i: x[i] * x[0],
        (numbers(3, 4, 2), np.array([[0, 3], [1, 1], [2, 0]])),
        (0, 0),
        -1,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_axes_and_out_axes(name):
    function, args, axes, out = FUNCTIONS[name]
    ours = tg.vmap(lambda *x: function(tg, *x), in_axes=axes, out_axes=out)(*args)
    tensors = torch.utils._pytree.tree_map(torch.tensor, args)
    theirs = func.vmap(lambda *x: function(torch, *x), in_dims=axes, out_dims=out)(*tensors)
    for a, b in zip(tg.structure.leaves(ours), torch.utils._pytree.tree_leaves(theirs), strict=True):
        near(a, b)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by which PyTorch itself is written
def test_jacobians_of_many():
    x = numbers(4, 3)
    f = lambda x: (x**3).sum() * x.prod()  # noqa: E731
    near(tg.vmap(lambda x: tg.hessian(f, x))(x), func.vmap(func.hessian(f))(torch.tensor(x)))


def test_gradients_of_single_samples_and_an_ensemble():
    make = lambda library: library.Sequential(  # noqa: E731
        library.Conv2d(1, 3, 3), library.Tanh(), library.Flatten(), library.Linear(27, 4), library.LayerNorm(4)
    )
    models, theirs = [make(nn).astype("float64") for _ in range(2)], [make(torch.nn).double() for _ in range(2)]
    for model, twin in zip(models, theirs, strict=True):
        twin.load_state_dict({name: torch.tensor(value.numpy()) for name, value in model.state_dict().items()})
    x, y = numbers(6, 1, 5, 5), np.array([0, 1, 2, 3, 1, 0])
    weights = dict(models[0].named_parameters())

    def gradients(x, y):
        return tg.grad(
            F.cross_entropy(tg.functional_call(models[0], weights, x[None]), y[None]), list(weights.values())
        )

    def loss(weights, x, y):
        return TF.cross_entropy(func.functional_call(theirs[0], weights, (x[None],)), y[None])

    own = {name: p.detach() for name, p in theirs[0].named_parameters()}
    expected = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(own, torch.tensor(x), torch.tensor(y))
    for g, name in zip(tg.vmap(gradients)(x, tg.tensor(y)), weights, strict=True):
        near(g, expected[name])

    parameters, buffers = tg.stack_module_state(models)
    their_parameters, their_buffers = func.stack_module_state(theirs)
    assert list(parameters) == list(their_parameters) and not buffers and not their_buffers
    ours = tg.vmap(lambda p: tg.functional_call(models[0], p, tg.tensor(x)))(parameters)
    near(ours, func.vmap(lambda p: func.functional_call(theirs[0], p, (torch.tensor(x),)))(their_parameters))
