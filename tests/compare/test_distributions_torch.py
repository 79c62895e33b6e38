"""Distributions beside those of torch.distributions: probabilities, moments, divergences, and shapes of draws."""

import numpy as np
import pytest
import torch

import tinygrad_ml as tg

LOC, SCALE = np.array([[0.5], [-2.0]]), np.array([1.0, 0.3, 4.0])
OTHER = np.array([0.4, 2.0, 1.5])
PROBS, LOGITS = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 3.0]]), np.array([[0.3, -2.0, 5.0], [1.0, 1.0, 0.0]])
KINDS = {
    "Normal": ({"loc": LOC, "scale": SCALE}, {"loc": -LOC, "scale": OTHER}, [0.1, -3.0, 2.0]),
    "Laplace": ({"loc": LOC, "scale": SCALE}, {"loc": -LOC, "scale": OTHER}, [0.1, -3.0, 2.0]),
    "Exponential": ({"rate": SCALE}, {"rate": OTHER}, [0.1, 3.0, 2.0]),
    "Uniform": ({"low": LOC, "high": LOC + SCALE}, {"low": LOC - 1, "high": LOC + 9}, None),
    "Bernoulli": ({"probs": np.array([0.1, 0.5, 0.9])}, {"probs": np.array([0.3, 0.5, 0.2])}, [0.0, 1.0, 1.0]),
    "Bernoulli of logits": ({"logits": LOGITS}, {"logits": LOGITS + 1}, [0.0, 1.0, 1.0]),
    "Categorical": ({"probs": PROBS}, {"probs": PROBS + 0.1}, [[2], [1], [0]]),
    "Categorical of logits": ({"logits": LOGITS}, {"logits": LOGITS[::-1]}, [0, 2]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_distribution_is_torchs(kind):
    first, second, value = KINDS[kind]
    name = kind.split()[0]
    theirs, other = (
        getattr(torch.distributions, name)(**{k: torch.tensor(v.copy()) for k, v in given.items()})
        for given in (first, second)
    )
    ours, ours_other = (
        getattr(tg.distributions, name)(**{k: tg.tensor(v) for k, v in given.items()}) for given in (first, second)
    )
    value = LOC + SCALE / 2 if value is None else np.array(value)
    pairs = [
        (ours.log_prob(tg.tensor(value)), theirs.log_prob(torch.tensor(value))),
        (ours.entropy(), theirs.entropy()),
    ]
    pairs.append((tg.distributions.kl_divergence(ours, ours_other), torch.distributions.kl_divergence(theirs, other)))
    if name != "Categorical":
        pairs += [(getattr(ours, what), getattr(theirs, what)) for what in ("mean", "variance", "stddev")]
    if name in ("Normal", "Laplace", "Exponential", "Categorical"):
        pairs.append((ours.mode, theirs.mode))
    if name in ("Normal", "Laplace", "Exponential", "Uniform"):
        pairs.append((ours.cdf(tg.tensor(value)), theirs.cdf(torch.tensor(value))))
    for found, expected in pairs:
        assert found.shape == tuple(expected.shape)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6, atol=1e-9)
    assert (ours.batch_shape, ours.event_shape) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert ours.sample((4, 2)).shape == tuple(theirs.sample((4, 2)).shape)


def test_probabilities_of_0_and_1_have_torchs_logarithms():
    probs = np.array([0.0, 1.0], np.float32)
    for value in (0.0, 1.0):
        ours = tg.distributions.Bernoulli(tg.tensor(probs)).log_prob(value).numpy()
        theirs = torch.distributions.Bernoulli(torch.tensor(probs)).log_prob(torch.tensor(value)).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
