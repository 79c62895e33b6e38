"""Weight and spectral norm are PyTorch's: names in state dicts, values, gradients, and the vectors of the power method."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

torch = pytest.importorskip("torch")

LAYERS = {
    "Linear": ((4, 3), {}, (5, 4)),
    "Conv2d": ((2, 3, 2), {"bias": False}, (2, 2, 4, 4)),
    "ConvTranspose1d": ((2, 3, 2), {}, (2, 2, 4)),
}
NORMS = {
    "weight_norm": [{}, {"dim": 1}, {"dim": None}],
    "spectral_norm": [{}, {"n_power_iterations": 3, "eps": 1e-6}, {"dim": 1}],
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("norm", "options"), [(norm, options) for norm, every in NORMS.items() for options in every])
def test_a_training(name, norm, options):
    arguments, keywords, shape = LAYERS[name]
    theirs = getattr(torch.nn.utils.parametrizations, norm)(
        getattr(torch.nn, name)(*arguments, **keywords).double(), **options
    )
    ours = getattr(nn.utils.parametrizations, norm)(
        getattr(nn, name)(*arguments, **keywords).astype("float64"), **options
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert repr(ours.parametrizations.weight[0].dim) in (repr(theirs.parametrizations.weight[0].dim), "None")
    x = np.random.default_rng(0).standard_normal(shape)
    step, their_step = optim.SGD(ours.parameters(), 0.1), torch.optim.SGD(theirs.parameters(), 0.1)
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        y, z = ours(tg.tensor(x)), theirs(torch.tensor(x))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-9)
        step.zero_grad()
        their_step.zero_grad()
        (y**3).sum().backward()
        (z**3).sum().backward()
        for (path, p), (their_path, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert path == their_path
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-7, atol=1e-9)
        step.step()
        their_step.step()
        for path, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[path].numpy(), value.numpy(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("map_", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_orthogonal_weights(shape, map_, trivial):
    if not trivial and map_ != "householder":
        with pytest.raises(tg.errors.OptionError, match="use 'householder'"):
            nn.utils.parametrizations.orthogonal(nn.Linear(*shape), orthogonal_map=map_, use_trivialization=False)
        return
    options = {"orthogonal_map": map_, "use_trivialization": trivial}
    theirs = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(*shape).double(), **options)
    ours = nn.utils.parametrizations.orthogonal(nn.Linear(*shape).astype("float64"), **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    q = ours.weight.numpy()
    small = np.eye(min(q.shape))
    np.testing.assert_allclose(q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T, small, atol=1e-12)
    if not trivial:  # what an assigned weight becomes
        value = np.random.default_rng(1).standard_normal(q.shape)
        with torch.no_grad():
            theirs.weight = torch.tensor(value)
        ours.weight = tg.tensor(value)
        np.testing.assert_allclose(ours.weight.numpy(), theirs.weight.detach().numpy(), atol=1e-12)
    state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    inside = np.random.default_rng(2).standard_normal(q.shape)
    np.fill_diagonal(inside, np.sign(np.diagonal(inside)))
    state["parametrizations.weight.original"] = inside
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    ours.load_state_dict(state)
    y, z = ours.weight, theirs.weight
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), atol=1e-12)
    (y**3).sum().backward()
    (z**3).sum().backward()
    ours_gradient = ours.parametrizations.weight.original.grad.numpy()
    np.testing.assert_allclose(ours_gradient, theirs.parametrizations.weight.original.grad.numpy(), atol=1e-11)
