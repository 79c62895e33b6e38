"""Activations have right derivatives of both orders, also those that are made here."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.keras import activations

X = np.array([[-1.7, -0.8, -0.2, 0.15], [0.3, 0.7, 1.4, 2.6], [0.1, 0.45, 0.25, -0.6]])  # away from kinks


@pytest.mark.parametrize("name", sorted(activations._NAMES))
def test_derivatives_to_second_order(name):
    function = activations.get(name)
    options = {"threshold": 0.05, "default_value": -1.0} if name == "threshold" else {}
    assert tg.gradcheck(lambda x: function(x, **options), (tg.tensor(X, requires_grad=True),), order=2)


def test_sparsemax_is_the_nearest_distribution():
    np.testing.assert_allclose(activations.sparsemax([[0.5, 0.3], [3.0, 1.0]]), [[0.6, 0.4], [1, 0]], rtol=1e-6)
    for axis in (0, 1, -1):
        y = activations.sparsemax(X, axis).numpy()
        assert (y >= 0).all() and (y == 0).any()
        np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-6)
    y = activations.sparsemax([[2.0, 2.0, -5.0]]).numpy()
    np.testing.assert_allclose(y, [[0.5, 0.5, 0]], rtol=1e-6)
    shifted = activations.sparsemax(X + 1000)
    np.testing.assert_allclose(shifted, activations.sparsemax(X), atol=1e-9)
