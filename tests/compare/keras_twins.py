"""Keras itself, and its twin here: what the comparisons with it share."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
theirs = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from tinygrad_ml import keras as ours  # noqa: E402, F401

torch.set_num_threads(1)
theirs.config.disable_traceback_filtering()

# Keras's own arrays, and what PyTorch says of them, are not what is tested.
quiet = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::UserWarning")]


def agree(found, expected, rtol=1e-5, atol=2e-6):
    """Equal to float32 rounding."""
    np.testing.assert_allclose(np.asarray(found), as_array(expected), rtol, atol)


def as_array(value):
    """A tensor or an array of either library as a NumPy array."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def numbers(*shape, seed=0):
    """Random numbers of float32, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
