"""Every operation that PyTorch has too: value, gradient and gradient of the gradient are PyTorch's, in float64."""

import numpy as np
import operations
import pytest

import tinygrad_ml as tg

torch = pytest.importorskip("torch")


def _parts(y) -> list:
    return list(y) if isinstance(y, (tuple, list)) else [y]


def _of_ours(operation, weights):
    inputs = [tg.tensor(x, requires_grad=True) for x in operation.inputs]
    y = _parts(operation.function(*inputs))
    with_gradient = [part for part in y if part.requires_grad]
    first = tg.grad(with_gradient, inputs, [tg.tensor(w) for w in weights(with_gradient)], create_graph=True)
    second = tg.grad([g * (g + 1) for g in first], inputs, [tg.ones_like(g) for g in first])
    return tuple([part.numpy() for part in parts] for parts in (y, first, second))


def _of_torch(operation, weights):
    inputs = [torch.tensor(np.ascontiguousarray(x), requires_grad=True) for x in operation.inputs]
    y = _parts(operation.torch(torch, *inputs))
    with_gradient = [part for part in y if part.requires_grad]
    given = [torch.tensor(w) for w in weights(with_gradient)]
    first = _zeros_for_none(
        torch.autograd.grad(with_gradient, inputs, given, create_graph=True, allow_unused=True), inputs
    )
    depends = [g * (g + 1) for g in first if g.requires_grad]
    second = [None] * len(inputs)
    if depends:
        second = torch.autograd.grad(depends, inputs, [torch.ones_like(g) for g in depends], allow_unused=True)
    second = _zeros_for_none(second, inputs)
    return tuple([part.numpy(force=True) for part in parts] for parts in (y, first, second))


def _zeros_for_none(gradients, inputs) -> list:
    return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, inputs, strict=True)]


@pytest.mark.parametrize("operation", [o for o in operations.TABLE if o.torch], ids=lambda operation: operation.name)
def test_agrees_with_pytorch(operation):
    def weights(outputs):
        random = np.random.default_rng(1)
        return [random.standard_normal(tuple(y.shape)) for y in outputs]

    for what, ours, theirs in zip(
        ("value", "gradient", "second derivative"),
        _of_ours(operation, weights),
        _of_torch(operation, weights),
        strict=True,
    ):
        assert len(ours) == len(theirs)
        for mine, reference in zip(ours, theirs, strict=True):
            assert mine.shape == reference.shape
            np.testing.assert_allclose(mine, reference, rtol=1e-9, atol=1e-9, err_msg=what)
