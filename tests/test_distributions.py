"""Distributions: densities add up to 1, draws have their mean and deviation, and gradients are those of the formulas."""

import math

import numpy as np
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import distributions as D
from tinygrad_ml.errors import OptionError, RangeError, ShapeError

MANY = 40_000
CONTINUOUS = {
    "Normal": (lambda: D.Normal(tg.tensor([0.5, -1.0]), tg.tensor([1.0, 0.3])), (-9, 9)),
    "Laplace": (lambda: D.Laplace(tg.tensor([0.5, -1.0]), tg.tensor([1.0, 0.3])), (-25, 25)),
    "Exponential": (lambda: D.Exponential(tg.tensor([0.5, 2.0])), (0, 60)),
    "Uniform": (lambda: D.Uniform(tg.tensor([-1.0, 0.0]), tg.tensor([1.0, 5.0])), (-2, 6)),
}
DISCRETE = {
    "Bernoulli": lambda: D.Bernoulli(tg.tensor([0.2, 0.7])),
    "Bernoulli of logits": lambda: D.Bernoulli(logits=tg.tensor([-1.0, 2.0])),
    "Categorical": lambda: D.Categorical(tg.tensor([[1.0, 2.0, 5.0], [0.0, 3.0, 1.0]])),
    "Categorical of logits": lambda: D.Categorical(logits=tg.tensor([[1.0, 2.0, 0.0], [-1.0, 3.0, 1.0]])),
}


@pytest.fixture(autouse=True)
def seed():
    tg.manual_seed(7)


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_densities_add_up_to_1_and_to_the_cdf(kind):
    make, (low, high) = CONTINUOUS[kind]
    p = make()
    x = np.linspace(low, high, 200_001, dtype=np.float64)[:-1] + (high - low) / 400_000
    density = p.log_prob(tg.tensor(x[:, None])).exp().numpy().astype(np.float64) * (high - low) / 200_000
    np.testing.assert_allclose(density.sum(0), [1, 1], rtol=1e-3)
    at = 130_000
    assert_close(p.cdf(tg.tensor(x[at])), density[: at + 1].sum(0), atol=2e-3)
    surprise = -np.log(np.maximum(density, 1e-99) * 200_000 / (high - low)) * density
    assert_close(p.entropy(), surprise.sum(0), rtol=1e-3)


@pytest.mark.parametrize("kind", [*CONTINUOUS, *DISCRETE])
def test_draws_have_the_mean_and_the_deviation(kind):
    p = CONTINUOUS[kind][0]() if kind in CONTINUOUS else DISCRETE[kind]()
    drawn = p.sample((MANY,))
    assert drawn.shape == (MANY, *p.batch_shape) and not drawn.requires_grad
    if isinstance(p, D.Categorical):
        shares = np.stack([(drawn.numpy() == c).mean(0) for c in range(3)], 1)
        assert drawn.dtype == "int64"
        np.testing.assert_allclose(shares, p.probs.numpy(), atol=0.01)
        assert (shares[p.probs.numpy() == 0] == 0).all()
    else:
        assert_close(drawn.mean(0), p.mean, atol=0.04)
        assert_close(drawn.std(axis=0), p.stddev, atol=0.05)
    assert_close(-p.log_prob(drawn).mean(0), p.entropy(), atol=0.03)


@pytest.mark.parametrize("kind", list(CONTINUOUS))
def test_gradients_go_through_rsample(kind):
    make = CONTINUOUS[kind][0]
    given = [tg.tensor(t.numpy(), requires_grad=True) for t in vars(make()).values() if isinstance(t, tg.Tensor)]
    drawn = type(make())(*given).rsample((5,))
    assert drawn.requires_grad
    tg.manual_seed(3)
    before = type(make())(*given).rsample((1000,))
    found = tg.grad(before.sum(), given)
    tg.manual_seed(3)
    after = type(make())(given[0] + 1e-2, *given[1:]).rsample((1000,))
    assert_close((after.sum() - before.sum()) / 1e-2, found[0].sum(), rtol=2e-2, atol=1)


@pytest.mark.parametrize("kind", [*CONTINUOUS, *DISCRETE])
def test_log_prob_and_entropy_are_right_to_second_order(kind):
    p = CONTINUOUS[kind][0]() if kind in CONTINUOUS else DISCRETE[kind]()
    x = tg.tensor(p.sample((3,)).numpy())
    names = [name for name in ("loc", "scale", "rate", "low", "high") if hasattr(p, name)]
    names = names or (["logits"] if "logits" in kind else ["probs"])
    given = [getattr(p, name).numpy().astype(np.float64) for name in names]
    if names == ["probs"]:
        given = [np.clip(given[0], 0.1, None)]
    if x.dtype != "int64":
        x = x.astype("float64")
    tg.gradcheck(lambda *t: type(p)(**dict(zip(names, t, strict=True))).log_prob(x), given, order=2)
    tg.gradcheck(lambda *t: type(p)(**dict(zip(names, t, strict=True))).entropy(), given, order=2)


def pairs():
    return {
        "Normal": (D.Normal(0.5, 1.0), D.Normal(-1.0, 2.0)),
        "Laplace": (D.Laplace(0.5, 1.0), D.Laplace(-1.0, 2.0)),
        "Exponential": (D.Exponential(1.0), D.Exponential(0.4)),
        "Uniform": (D.Uniform(0.0, 1.0), D.Uniform(-1.0, 2.0)),
        "Bernoulli": (D.Bernoulli(0.3), D.Bernoulli(0.6)),
        "Categorical": (D.Categorical([0.2, 0.0, 0.8]), D.Categorical([0.5, 0.2, 0.3])),
    }


@pytest.mark.parametrize("kind", pairs())
def test_divergences_are_means_over_draws(kind):
    p, q = pairs()[kind]
    x = p.sample((MANY,))
    estimate = (p.log_prob(x) - q.log_prob(x)).mean()
    assert_close(D.kl_divergence(p, q), estimate, atol=0.03)
    assert_close(D.kl_divergence(p, p), 0, atol=1e-6)


def test_divergences_of_what_only_one_can_have_are_infinite():
    assert D.kl_divergence(D.Uniform(0.0, 2.0), D.Uniform(0.0, 1.0)).item() == math.inf
    assert D.kl_divergence(D.Bernoulli(0.5), D.Bernoulli(1.0)).item() == math.inf
    assert D.kl_divergence(D.Categorical([0.5, 0.5]), D.Categorical([1.0, 0.0])).item() == math.inf
    assert D.kl_divergence(D.Bernoulli(0.0), D.Bernoulli(0.5)).item() == pytest.approx(math.log(2))
    with pytest.raises(OptionError, match="Normal and Laplace is not known in closed form: estimate it"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Laplace(0.0, 1.0))


def test_independent_multiplies_over_the_event():
    base = D.Normal(tg.zeros(4, 3), 1.0)
    p = D.Independent(base, 1)
    x = p.sample((2,))
    assert (p.batch_shape, p.event_shape, x.shape) == ((4,), (3,), (2, 4, 3))
    assert_close(p.log_prob(x), base.log_prob(x).sum(-1))
    assert_close(p.entropy(), base.entropy().sum(-1))
    assert_close(D.kl_divergence(p, D.Independent(D.Normal(1.0, tg.ones(4, 3)), 1)), [1.5] * 4)
    with pytest.raises(OptionError, match="no 3 batch axes"):
        D.Independent(base, 3)


@given(st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_multinomial_draws_what_has_a_weight(rows, classes, replacement):
    weights = np.random.default_rng(rows + classes).integers(0, 3, (rows, classes)) * 1.0
    weights[:, 0] += 1
    count = 7 if replacement else int((weights > 0).sum(1).min())
    drawn = tg.multinomial(tg.tensor(weights), count, replacement).numpy()
    assert drawn.shape == (rows, count) and drawn.dtype == np.int64
    assert (np.take_along_axis(weights, drawn, 1) > 0).all()
    if not replacement:
        assert all(len(set(row)) == count for row in drawn.tolist())
    assert tg.multinomial(weights[0], 1).shape == (1,)


def test_multinomial_without_replacement_takes_the_first_in_proportion():
    weights = tg.tensor([1.0, 2.0, 5.0]).broadcast_to((MANY, 3))
    drawn = tg.multinomial(weights, 2).numpy()
    np.testing.assert_allclose([(drawn[:, 0] == c).mean() for c in range(3)], [0.125, 0.25, 0.625], atol=0.01)
    second = drawn[drawn[:, 0] == 2, 1]
    np.testing.assert_allclose([(second == c).mean() for c in range(2)], [1 / 3, 2 / 3], atol=0.015)


def test_a_compiled_step_draws_what_an_eager_one_draws():
    def policy(scores):
        actions = D.Categorical(logits=scores).sample()
        kept = D.Normal(scores, 1.0).rsample()
        return actions, D.Categorical(logits=scores).log_prob(actions), kept, tg.multinomial(tg.exp(scores), 2)

    scores = tg.tensor(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
    compiled = tg.compile(policy)
    tg.manual_seed(5)
    wanted = [policy(scores), policy(scores)]
    tg.manual_seed(5)
    for found, expected in zip([compiled(scores), compiled(scores)], wanted, strict=True):
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b)


def test_a_policy_learns_by_log_prob():
    scores = tg.zeros(3, requires_grad=True)
    optimizer = tg.optim.SGD([scores], lr=0.5)
    for _ in range(60):
        p = D.Categorical(logits=scores)
        actions = p.sample((32,))
        reward = (actions == 1).astype("float32")
        loss = -(p.log_prob(actions) * (reward - reward.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert D.Categorical(logits=scores).mode.item() == 1 and D.Categorical(logits=scores).probs[1].item() > 0.9


@pytest.mark.parametrize(
    ("error", "message", "wrong"),
    [
        (RangeError, r"Normal needs scale > 0, but one is -1\.0", lambda: D.Normal(0.0, tg.tensor([1.0, -1.0]))),
        (RangeError, "low < high", lambda: D.Uniform(1.0, 1.0)),
        (RangeError, "from 0 to 1, but one is 1.5", lambda: D.Bernoulli(1.5)),
        (RangeError, "outcomes of Bernoulli are 0 and 1", lambda: D.Bernoulli(0.5).log_prob(0.5)),
        (RangeError, "at least 0", lambda: D.Categorical([0.5, -0.5])),
        (RangeError, "classes 0 to 1, but one is 2", lambda: D.Categorical([0.5, 0.5]).log_prob(2)),
        (OptionError, "either probs or logits, not both", lambda: D.Categorical([0.5], [0.5])),
        (OptionError, "either probs or logits, not neither", lambda: D.Bernoulli()),
        (ShapeError, r"do not broadcast: loc \(2,\), scale \(3,\)", lambda: D.Normal(tg.zeros(2), tg.ones(3))),
        (
            ShapeError,
            r"value of shape \(3,\) does not broadcast",
            lambda: D.Normal(tg.zeros(2), 1.0).log_prob(tg.zeros(3)),
        ),
        (OptionError, "cannot be drawn as a function", lambda: D.Bernoulli(0.5).rsample()),
        (OptionError, "Categorical has no mean", lambda: D.Categorical([0.5, 0.5]).mean),
        (OptionError, "cannot draw 3 of 2 classes without replacement", lambda: tg.multinomial(tg.ones(2), 3)),
        (OptionError, "1 or more, not 0", lambda: tg.multinomial(tg.ones(2), 0)),
        (RangeError, "above 0 in each row", lambda: tg.multinomial(tg.zeros(2), 1)),
        (RangeError, "at least 0, but one is nan", lambda: tg.multinomial(tg.tensor([math.nan]), 1)),
        (ShapeError, r"\(classes,\) or \(rows, classes\)", lambda: tg.multinomial(tg.ones(1, 2, 3), 1)),
    ],
)
def test_what_is_refused(error, message, wrong):
    with pytest.raises(error, match=message):
        wrong()
