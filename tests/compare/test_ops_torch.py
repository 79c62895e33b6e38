"""Every operation that PyTorch has too: value, gradient and gradient of the gradient are PyTorch's, in float64."""

import nn_operations
import numpy as np
import operations
import pytest
from kinks import KINKS

import tinygrad_ml as tg

torch = pytest.importorskip("torch")


def _parts(y) -> list:
    return list(y) if isinstance(y, (tuple, list)) else [y]


def _of_ours(operation, weights):
    given = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in operation.inputs]
    inputs = [x for x in given if x.requires_grad]
    y = _parts(operation.function(*given))
    with_gradient = [part for part in y if part.requires_grad]
    first = tg.grad(with_gradient, inputs, [tg.tensor(w) for w in weights(with_gradient)], create_graph=True)
    second = tg.grad([g * (g + 1) for g in first], inputs, [tg.ones_like(g) for g in first])
    return tuple([part.numpy() for part in parts] for parts in (y, first, second))


def _of_torch(operation, weights):
    tensors = [torch.tensor(np.ascontiguousarray(x), requires_grad=x.dtype.kind == "f") for x in operation.inputs]
    inputs = [x for x in tensors if x.requires_grad]
    y = _parts(operation.torch(torch, *tensors))
    with_gradient = [part for part in y if part.requires_grad]
    given = [torch.tensor(w) for w in weights(with_gradient)]
    first = _zeros_for_none(
        torch.autograd.grad(with_gradient, inputs, given, create_graph=True, allow_unused=True), inputs
    )
    depends = [g * (g + 1) for g in first if g.requires_grad]
    second = [None] * len(inputs)
    if depends:
        try:
            second = torch.autograd.grad(depends, inputs, [torch.ones_like(g) for g in depends], allow_unused=True)
        except RuntimeError as error:
            if "is not implemented" not in str(error):
                raise
            # by PyTorch; ours is checked numerically
            return tuple([part.numpy(force=True) for part in parts] for parts in (y, first))
    second = _zeros_for_none(second, inputs)
    return tuple([part.numpy(force=True) for part in parts] for parts in (y, first, second))


def _zeros_for_none(gradients, inputs) -> list:
    return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, inputs, strict=True)]


TABLE = [operation for operation in (*operations.TABLE, *nn_operations.TABLE) if operation.torch]


@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)
def test_agrees_with_pytorch(operation):
    def weights(outputs):
        random = np.random.default_rng(1)
        return [random.standard_normal(tuple(y.shape)) for y in outputs]

    for what, ours, theirs in zip(
        ("value", "gradient", "second derivative"),
        _of_ours(operation, weights),
        _of_torch(operation, weights),
        strict=False,
    ):
        assert len(ours) == len(theirs)
        for mine, reference in zip(ours, theirs, strict=True):
            assert mine.shape == reference.shape
            np.testing.assert_allclose(mine, reference, rtol=1e-9, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("kink", KINKS, ids=lambda kink: kink.name)
def test_slopes_at_kinks_are_pytorchs(kink):
    x = torch.tensor([float(point) for point in kink.points], dtype=torch.float64, requires_grad=True)
    y = kink.torch(torch, x)
    np.testing.assert_allclose(torch.autograd.grad(y.sum(), x)[0].numpy(), kink.slopes, rtol=1e-12)
    ours = kink.function(tg.tensor(x.detach().numpy()))
    np.testing.assert_allclose(ours.numpy(), y.numpy(force=True), rtol=1e-12)
