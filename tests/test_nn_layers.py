"""What layers promise that is no row of a table: where the largest elements are, what random layers keep, what is remembered."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import nn

F = nn.functional
random = np.random.default_rng(0)


# -- where the largest elements are --------------------------------------------------------------------


def first_largest(x: np.ndarray, places) -> int:
    """Of the places (row, column) of an image, the number of the first one with the largest element."""
    best = max(x[place] for place in places)
    return next(place[0] * x.shape[1] + place[1] for place in places if x[place] == best)


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from([0, 1, 9]),
)
def test_indices_of_max_pooling_are_those_of_the_first_largest_elements(kernel, stride, padding, dilation, ceil, kinds):
    padding = min(padding, kernel // 2)
    x = random.integers(0, kinds, (5, 6)) * 1.0 if kinds else np.full((5, 6), -np.inf)  # many are equal
    y, where = F.max_pool2d(tg.tensor(x[None]), kernel, stride, padding, dilation, ceil, return_indices=True)
    assert where.dtype == "int64" and where.shape == y.shape
    for i, j in itertools.product(range(y.shape[1]), range(y.shape[2])):
        rows = range(i * stride - padding, i * stride - padding + kernel * dilation, dilation)
        columns = range(j * stride - padding, j * stride - padding + kernel * dilation, dilation)
        seen = [(r, c) for r in rows if 0 <= r < 5 for c in columns if 0 <= c < 6]
        assert where.numpy()[0, i, j] == first_largest(x, seen)
    assert np.array_equal(x.ravel()[where.numpy()], y.numpy())


@given(st.integers(1, 5), st.integers(1, 6), st.sampled_from([1, 2, 9]))
def test_indices_of_adaptive_max_pooling_are_those_of_the_first_largest_elements(rows, columns, kinds):
    x = random.integers(0, kinds, (5, 6)) * 1.0
    y, where = F.adaptive_max_pool2d(tg.tensor(x[None, None]), (rows, columns), return_indices=True)
    for i, j in itertools.product(range(rows), range(columns)):
        tall = range(i * 5 // rows, -(-(i + 1) * 5 // rows))
        wide = range(j * 6 // columns, -(-(j + 1) * 6 // columns))
        assert where.numpy()[0, 0, i, j] == first_largest(x, list(itertools.product(tall, wide)))
    assert np.array_equal(x.ravel()[where.numpy()], y.numpy())


def test_what_windows_have_in_common_is_put_back_once():
    x = tg.tensor([[[1.0, 5.0, 2.0, 3.0]]], requires_grad=True)
    y, where = F.max_pool1d(x, 2, 1, return_indices=True)
    back = F.max_unpool1d(y, where, 2, 1)
    assert back.tolist() == [[[0, 5, 0, 3]]]
    (back * back).sum().backward()
    assert x.grad.tolist() == [[[0, 10, 0, 6]]]


# -- what is random ------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p):
    x = tg.random.randn(400, 500)
    y = F.alpha_dropout(x, p, training=True).numpy()
    assert abs(y.mean()) < 0.03 and abs(y.var() - 1) < 0.05
    assert F.alpha_dropout(x, p) is x and not F.alpha_dropout(x, 1.0, training=True).numpy().any()


@pytest.mark.parametrize(
    ("layer", "shape", "channels"),
    [
        (nn.Dropout1d(), (50, 8, 4), 2),
        (nn.Dropout1d(), (50, 4), 1),
        (nn.Dropout2d(), (50, 8, 4, 4), 2),
        (nn.Dropout3d(), (50, 8, 2, 2, 2), 2),
        (nn.Dropout3d(), (50, 2, 2, 2), 1),
        (nn.FeatureAlphaDropout(), (50, 8, 4), 2),
    ],
)
def test_whole_channels_are_dropped(layer, shape, channels):
    y = layer(tg.ones(*shape)).numpy().reshape(*shape[:channels], -1)
    assert (y == y[..., :1]).all() and len(np.unique(y)) == 2
    assert 0.2 < (y == y.max()).mean() < 0.8


def test_slopes_of_rrelu_lie_between_the_bounds_and_are_their_middle_outside_of_training():
    layer, x = nn.RReLU(0.2, 0.4), -tg.ones(100, 100)
    slopes = -layer(x).numpy()
    assert 0.2 <= slopes.min() < 0.205 and 0.395 < slopes.max() <= 0.4
    assert np.allclose(layer.eval()(x).numpy(), -0.3) and (layer.train()(-x).numpy() == 1).all()


def test_a_hard_choice_has_the_gradient_of_the_soft_one():
    x = tg.tensor(random.standard_normal((5, 4)), requires_grad=True)
    tg.manual_seed(3)
    hard = F.gumbel_softmax(x, 0.7, hard=True)
    tg.manual_seed(3)
    soft = F.gumbel_softmax(x, 0.7)
    assert np.array_equal(hard.numpy(), (soft.numpy() == soft.numpy().max(1, keepdims=True)) * 1.0)
    weights = tg.tensor(random.standard_normal((5, 4)))
    of_hard, of_soft = (tg.grad((y * weights).sum(), x)[0].numpy() for y in (hard, soft))
    assert np.allclose(of_hard, of_soft) and of_soft.any()


# -- what is remembered, and what is for stability ------------------------------------------------------


def test_instance_norm_remembers_the_mean_of_the_moments_of_the_samples():
    layer = nn.InstanceNorm1d(3, momentum=0.3, track_running_stats=True)
    x = (random.standard_normal((4, 3, 5)) * 3 + 2).astype("float32")
    y = layer(tg.tensor(x)).numpy()
    assert np.allclose(y.mean(2), 0, atol=1e-5) and np.allclose(y.var(axis=2), 1, atol=1e-3)
    assert np.allclose(layer.running_mean.numpy(), 0.3 * x.mean(2).mean(0), atol=1e-5)
    assert np.allclose(layer.running_var.numpy(), 0.7 + 0.3 * x.var(2, ddof=1).mean(0), atol=1e-5)
    used = layer.eval()(tg.tensor(x)).numpy()
    mean, var = layer.running_mean.numpy()[:, None], layer.running_var.numpy()[:, None]
    assert np.allclose(used, (x - mean) / np.sqrt(var + 1e-5), atol=1e-5)


def test_a_variance_that_is_held_above_zero_can_still_be_learnt():
    x, var = tg.zeros(2), tg.tensor([1e-9, 0.5], requires_grad=True)
    loss = F.gaussian_nll_loss(x, x + 0.1, var, eps=1e-2, reduction="none")
    assert np.allclose(loss.numpy(), [(np.log(1e-2) + 1) / 2, (np.log(0.5) + 0.02) / 2])
    loss.sum().backward()
    held = np.array([1e-2, 0.5])
    assert np.allclose(var.grad.numpy(), (1 / held - 0.01 / held**2) / 2, atol=1e-5)


def test_equal_vectors_have_a_distance_with_a_finite_gradient():
    x = tg.tensor([[1.0, 2.0]], dtype="float64", requires_grad=True)
    distance = F.pairwise_distance(x, x.detach())
    assert np.isclose(distance.item(), np.sqrt(2) * 1e-6)
    distance.backward()
    assert np.allclose(x.grad.numpy(), np.sqrt(0.5))
