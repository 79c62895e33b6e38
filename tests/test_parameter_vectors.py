"""nn.utils.parameters_to_vector and its way back."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import ShapeError
from tinygrad_ml.nn.utils import parameters_to_vector, vector_to_parameters


def test_there_and_back():
    model = nn.Sequential(nn.Linear(3, 2), nn.PReLU(), nn.Linear(2, 1))
    vector = parameters_to_vector(model.parameters())
    assert vector.shape == (3 * 2 + 2 + 1 + 2 + 1,)
    np.testing.assert_array_equal(vector[6:8].numpy(), model[0].bias.numpy())
    before = list(model.parameters())
    vector_to_parameters(vector.detach() * 2, model.parameters())
    np.testing.assert_array_equal(parameters_to_vector(model.parameters()).numpy(), vector.numpy() * 2)
    assert all(a is b and a.requires_grad for a, b in zip(before, model.parameters(), strict=True))


def test_gradients_flow_to_the_parameters():
    model = nn.Linear(3, 2)
    (parameters_to_vector(model.parameters()) ** 2).sum().backward()
    np.testing.assert_allclose(model.weight.grad.numpy(), 2 * model.weight.numpy())


def test_mistakes():
    model = nn.Linear(3, 2)
    for wrong in (tg.zeros(7), tg.zeros((8, 1))):
        with pytest.raises(ShapeError, match="2 parameters have 8 numbers, but got a tensor of shape"):
            vector_to_parameters(wrong, model.parameters())
    with pytest.raises(ShapeError):
        parameters_to_vector([])
