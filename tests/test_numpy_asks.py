"""NumPy's functions of a tensor, which ask for the tensor's methods in NumPy's words."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import TinygradError

X = np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.min, np.mean, np.std, np.var, np.any, np.all])
@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": 0, "keepdims": True}])
def test_numpys_reductions_are_ours(function, options):
    y = function(tg.tensor(X), **options)
    assert isinstance(y, tg.Tensor)
    np.testing.assert_allclose(y.numpy(), function(X, **options), rtol=1e-6)


def test_a_deviation_is_corrected_as_numpys():
    np.testing.assert_allclose(np.std(tg.tensor(X), axis=1, ddof=1).numpy(), X.std(axis=1, ddof=1), rtol=1e-6)


def test_gradients_go_through():
    x = tg.tensor(X, requires_grad=True)
    mean: Any = np.mean(x * x)
    (gradient,) = tg.grad(mean, [x])
    np.testing.assert_allclose(gradient.numpy(), X / 3, rtol=1e-6)


def test_what_says_something_is_refused():
    with pytest.raises(TinygradError, match="out"):
        np.sum(tg.tensor(X), out=np.zeros(()))
