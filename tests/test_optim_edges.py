"""Optimisers and schedules at the edges of what they take: the last option that is possible, rates at the ends of a
phase, averages that begin, gradients too small to divide by."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.errors import OptionError
from tinygrad_ml.optim import lr_scheduler


def sgd(lr=1.0):
    return optim.SGD([nn.Parameter(1.0)], lr=lr, momentum=0.9)


def rates(schedule, steps):
    found = schedule.get_last_lr()
    for _ in range(steps):
        schedule.step()
        found += schedule.get_last_lr()
    return found


def given(p, g):
    """A parameter with its gradient."""
    p = nn.Parameter(np.array(p, "float64"))
    p.grad = tg.tensor(np.array(g, "float64"))
    return p


# -- optimisers ----------------------------------------------------------------------------------------------


def test_asgd_averages_what_comes_behind_t0():
    p = nn.Parameter(np.array([1.0, -2.0]))
    optimizer, seen = optim.ASGD([p], lr=0.1, lambd=0.1, t0=2), []
    for t in range(1, 7):
        p.grad = tg.tensor(np.array([0.5, t]))
        optimizer.step()
        seen.append(p.numpy())
        average = optimizer.state[p]["ax"].numpy()
        np.testing.assert_allclose(average, np.mean(seen[3:], axis=0) if t > 3 else seen[-1], rtol=1e-12)


def walked(optimizer, p, slopes):
    """Where a parameter of one number goes."""
    found = []
    for slope in slopes:
        p.grad = tg.tensor(np.array([slope]))
        optimizer.step()
        found.append(p.item())
    return found


def test_rprop_where_the_slope_turns():
    """Steps grow by 1.2, shrink by half when the slope turns, of which the next step knows nothing (PyTorch 2.13.0)."""
    p = nn.Parameter(np.zeros(1))
    found = walked(optim.Rprop([p], lr=0.1), p, [1, 2, -1, -1, -1, 0, -1, 3, 3])
    assert found == pytest.approx([-0.1, -0.22, -0.22, -0.16, -0.088, -0.088, -0.016, -0.016, -0.052])
    p = nn.Parameter(np.zeros(1))
    found = walked(optim.Rprop([p], lr=0.1, step_sizes=(0.09, 0.11)), p, [1, 1, 1, -1, -1])
    assert found == pytest.approx([-0.1, -0.21, -0.32, -0.32, -0.23])


def test_a_matrix_wider_than_high_is_stepped_as_if_square():
    """s = √max(1, n / m) for n rows and m columns."""
    g = np.random.default_rng(0).standard_normal((2, 8))
    wide, tall = given(np.zeros((2, 8)), g), given(np.zeros((8, 2)), g.T)
    optim.Muon([wide, tall], lr=1.0).step()
    np.testing.assert_allclose(tall.numpy(), 2 * wide.numpy().T, rtol=1e-12)
    assert np.linalg.svd(wide.numpy(), compute_uv=False) == pytest.approx([1, 1], abs=0.35)


@pytest.mark.parametrize("eps, divisor", [(1e-7, 5), (100, 100)])
def test_muon_divides_by_the_norm_and_by_no_less_than_eps(eps, divisor):
    p = given(np.zeros((1, 2)), [[3.0, 4.0]])
    optim.Muon([p], lr=1.0, momentum=0.0, ns_steps=0, eps=eps).step()
    np.testing.assert_allclose(p.numpy(), [[-3 / divisor, -4 / divisor]], rtol=1e-12)


@pytest.mark.parametrize("turned", ["exp_avg", "exp_avg_sq"])
def test_a_state_may_lie_in_any_order_in_memory(turned):
    g = np.arange(6.0).reshape(2, 3) - 2
    straight, other = given(np.ones((2, 3)), g), given(np.ones((2, 3)), g)
    first, second = optim.Adam([straight], lr=0.1), optim.Adam([other], lr=0.1)
    first.step(), second.step()
    second.state[other][turned] = tg.tensor(np.asfortranarray(second.state[other][turned].numpy()).T).T
    first.step(), second.step()
    assert not second.state[other][turned]._data.flags.c_contiguous
    for name in ("exp_avg", "exp_avg_sq"):
        np.testing.assert_allclose(second.state[other][name].numpy(), first.state[straight][name].numpy(), rtol=1e-12)


def test_an_optimiser_says_what_it_is():
    p, q = nn.Parameter(np.zeros((600, 2))), nn.Parameter(np.zeros(3))
    optimizer = optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5, "maximize": True}], lr=0.1)
    first = "1,200 numbers: lr=0.1, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False"
    second = "3 numbers: lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=True"
    assert repr(optimizer) == f"SGD({first}; {second})"


# -- options -------------------------------------------------------------------------------------------------

EDGES = [
    ("SGD", {"nesterov": True, "momentum": 0.1}, {"nesterov": True, "momentum": 0}),
    ("SGD", {"nesterov": True, "momentum": 0.1, "dampening": 0}, {"nesterov": True, "momentum": 0.1, "dampening": 0.1}),
    ("SGD", {"momentum": 0}, {"momentum": -0.1}),
    ("Adam", {"betas": (0, 0)}, {"betas": (-0.1, 0)}),
    ("Adam", {"betas": (0.99, 0.99)}, {"betas": (0.99, 1)}),
    ("Adam", {"eps": 0, "weight_decay": 0}, {"eps": -1e-9}),
    ("Adadelta", {"rho": 0}, {"rho": -0.1}),
    ("Adadelta", {"rho": 1}, {"rho": 1.1}),
    ("RMSprop", {"alpha": 0, "eps": 0}, {"alpha": -0.1}),
    ("Rprop", {"etas": (0.1, 1.1)}, {"etas": (0, 1.1)}),
    ("Muon", {"ns_steps": 0}, {"ns_steps": -1}),
    ("Muon", {"ns_steps": 99}, {"ns_steps": 100}),
    ("ConstantLR", {"factor": 0}, {"factor": -0.01}),
    ("ConstantLR", {"factor": 1}, {"factor": 1.01}),
    ("LinearLR", {"start_factor": 1}, {"start_factor": 1.01}),
    ("LinearLR", {"start_factor": 0.01}, {"start_factor": 0}),
    ("LinearLR", {"end_factor": 0}, {"end_factor": -0.01}),
    ("LinearLR", {"end_factor": 1}, {"end_factor": 1.01}),
    ("ReduceLROnPlateau", {"factor": 0.99}, {"factor": 1}),
    ("ReduceLROnPlateau", {"patience": 0}, {"patience": -1}),
    ("ReduceLROnPlateau", {"cooldown": 0}, {"cooldown": -1}),
    ("ReduceLROnPlateau", {"mode": "max"}, {"mode": "most"}),
    ("ReduceLROnPlateau", {"threshold_mode": "abs"}, {"threshold_mode": "far"}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 1}, {"max_lr": 1, "total_steps": 0}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "pct_start": 0}, {"max_lr": 1, "total_steps": 9, "pct_start": -0.1}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "pct_start": 1}, {"max_lr": 1, "total_steps": 9, "pct_start": 1.1}),
    ("OneCycleLR", {"max_lr": 1, "epochs": 1, "steps_per_epoch": 1}, {"max_lr": 1, "epochs": 1, "steps_per_epoch": 0}),
    ("OneCycleLR", {"max_lr": 1, "epochs": 1, "steps_per_epoch": 1}, {"max_lr": 1, "epochs": 0, "steps_per_epoch": 1}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9}, {"max_lr": 1, "epochs": 9}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9}, {"max_lr": 1, "steps_per_epoch": 9}),
    ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "div_factor": 1}, {"max_lr": 1, "total_steps": 9, "div_factor": 0}),
    ("CyclicLR", {"base_lr": 0, "max_lr": 1, "step_size_up": 1}, {"base_lr": 0, "max_lr": 1, "step_size_up": 0}),
    ("CyclicLR", {"base_lr": 0, "max_lr": 1, "step_size_down": 0}, {"base_lr": 0, "max_lr": 1, "step_size_down": -1}),
    ("CyclicLR", {"base_lr": 0, "max_lr": 1}, {"base_lr": 0, "max_lr": 1, "mode": "round"}),
    ("CyclicLR", {"base_lr": 0, "max_lr": 1, "scale_fn": math.sin, "mode": "round"}, {"base_lr": 0, "max_lr": 1, "scale_mode": "all"}),
    ("StepLR", {"step_size": 1}, {"step_size": 0}),
    ("PolynomialLR", {"total_iters": 1}, {"total_iters": 0}),
    ("ConstantLR", {"total_iters": 1}, {"total_iters": 0}),
    ("LinearLR", {"total_iters": 1}, {"total_iters": 0}),
    ("CosineAnnealingLR", {"T_max": 1}, {"T_max": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 1}, {"T_0": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 1}, {"T_0": 1, "T_mult": 0}),
]  # fmt: skip
"""The last options that are possible, and the first that are not."""


@pytest.mark.parametrize("name, possible, impossible", EDGES)
def test_the_last_option_that_is_possible(name, possible, impossible):
    if hasattr(optim, name):
        make = lambda **options: getattr(optim, name)([nn.Parameter(np.ones((1, 1)))], **options)  # noqa: E731
    else:
        make = lambda **options: getattr(lr_scheduler, name)(sgd(), **options)  # noqa: E731
    make(**possible)
    with pytest.raises(OptionError):
        make(**impossible)


# -- schedules -------------------------------------------------------------------------------------------------


def test_a_one_cycle_whose_rise_has_no_length_begins_at_the_top():
    schedule = lr_scheduler.OneCycleLR(sgd(), 2.0, total_steps=10, pct_start=0.1)
    assert schedule.get_last_lr() == [2.0]
    half_way = 2.0 * (1 + 1e-4 / 25) / 2
    assert rates(schedule, 9)[-1] == pytest.approx(2.0 / 25 * 1e-4)
    schedule = lr_scheduler.OneCycleLR(sgd(), 2.0, total_steps=11, pct_start=1 / 11, anneal_strategy="linear")
    assert rates(schedule, 5)[-1] == pytest.approx(half_way)


def test_a_one_cycle_may_be_stepped_once_behind_its_last_batch():
    schedule = lr_scheduler.OneCycleLR(sgd(), 1.0, epochs=2, steps_per_epoch=2)
    for _ in range(4):
        schedule.step()
    with pytest.raises(OptionError, match="for 4 steps"):
        schedule.step()


def test_the_three_ways_of_a_cyclic_rate():
    """Half a cycle is one step here: every other rate is a top, of height γᵗ, 2¹⁻ᶜ, or what one says."""
    make = lambda **options: lr_scheduler.CyclicLR(sgd(), 0.0, 1.0, step_size_up=1, **options)  # noqa: E731
    assert rates(make(), 4) == pytest.approx([0, 1, 0, 1, 0])
    assert rates(make(mode="triangular2"), 6) == pytest.approx([0, 1, 0, 0.5, 0, 0.25, 0])
    assert rates(make(mode="exp_range", gamma=0.5), 4) == pytest.approx([0, 0.5, 0, 0.125, 0])
    assert rates(make(scale_fn=lambda cycle: cycle), 4) == pytest.approx([0, 1, 0, 2, 0])
    assert rates(make(scale_fn=lambda t: t, scale_mode="iterations"), 4) == pytest.approx([0, 1, 0, 3, 0])
    assert rates(lr_scheduler.CyclicLR(sgd(), 0.0, 1.0, step_size_up=2, step_size_down=0), 4) == pytest.approx(
        [0, 0.5, 0, 0.5, 0]
    )


def test_a_new_schedule_scales_the_rate_of_an_optimiser_that_goes_on():
    before = sgd()
    lr_scheduler.StepLR(before, 1, 0.1).step()
    resumed = sgd()
    resumed.load_state_dict(before.state_dict())
    lr_scheduler.LinearLR(resumed, 0.5)
    assert resumed.param_groups[0]["lr"] == pytest.approx(0.05)


def test_a_rate_of_zero_that_rises_again():
    """A factor that was 0 leaves nothing to multiply: the rate is that of the beginning times the factor."""
    assert rates(lr_scheduler.CosineAnnealingLR(sgd(2.0), T_max=1), 2) == pytest.approx([2.0, 0.0, 2.0])
    schedule = lr_scheduler.CosineAnnealingLR(sgd(2.0), T_max=1, eta_min=0.5)
    assert rates(schedule, 2) == pytest.approx([2.0, 0.5, 2.0])


def test_a_rate_multiplied_by_a_function_of_the_epoch_begins_with_epoch_one():
    """λ(0) is never asked for, wherever it begins."""
    factors = [math.nan, 2.0, 3.0, 5.0, 7.0]
    assert rates(lr_scheduler.MultiplicativeLR(sgd(), factors.__getitem__), 3) == [1, 2, 6, 30]
    assert rates(lr_scheduler.MultiplicativeLR(sgd(), factors.__getitem__, last_epoch=2), 1) == [30, 210]
    schedule = lr_scheduler.MultiplicativeLR(sgd(), factors.__getitem__)
    schedule.step(3)
    assert schedule.get_last_lr() == [30]


@pytest.mark.parametrize("mode, worst", [("min", math.inf), ("max", -math.inf), ("min", math.nan)])
def test_an_epoch_without_a_number_is_a_bad_one_from_the_first_on(mode, worst):
    optimizer = sgd()
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, mode, patience=0)
    assert (schedule.num_bad_epochs, schedule.cooldown_counter, schedule.last_epoch) == (0, 0, 0)
    schedule.step(worst)
    assert schedule.get_last_lr() == [0.1] and schedule.last_epoch == 1


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_what_is_as_good_as_the_best_is_not_better(mode, threshold_mode):
    schedule = lr_scheduler.ReduceLROnPlateau(sgd(), mode, threshold=0.5, threshold_mode=threshold_mode)
    schedule.step(1.0)
    at, beyond = (0.5, 0.499) if mode == "min" else (1.5, 1.501)
    assert not schedule.is_better(at) and schedule.is_better(beyond)


def test_a_reduction_of_no_more_than_eps_is_not_made():
    for eps, rate in ((0.5, 1.0), (0.499, 0.5)):
        schedule = lr_scheduler.ReduceLROnPlateau(sgd(), factor=0.5, patience=0, eps=eps)
        schedule.step(1.0), schedule.step(1.0)
        assert schedule.get_last_lr() == [rate]


def test_schedules_in_turn_go_to_any_epoch_at_once():
    def make():
        optimizer = sgd()
        parts = [lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.1)]
        return lr_scheduler.SequentialLR(optimizer, [*parts, lr_scheduler.StepLR(optimizer, 1, 0.5)], [2, 5])

    expected = [0.5, 0.75, 1.0, 0.1, 0.01, 1.0, 0.5, 0.25]
    assert rates(make(), 7) == pytest.approx(expected)
    for epoch, rate in enumerate(expected):
        schedule = make()
        schedule.step(epoch)
        assert schedule.get_last_lr() == pytest.approx([rate]) and schedule.last_epoch == epoch


def test_schedules_in_turn_keep_what_others_did_to_the_rate():
    optimizer = sgd()
    parts = [lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=9), lr_scheduler.ExponentialLR(optimizer, 0.1)]
    schedule = lr_scheduler.SequentialLR(optimizer, parts, [2])
    for rate in (0.5, 1.0, 0.1):
        schedule.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    optimizer.param_groups[0]["lr"] = 0.02
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.002)


def test_a_state_brings_the_rates_of_the_beginning_along():
    saved = lr_scheduler.CosineAnnealingWarmRestarts(sgd(2.0), 2).state_dict()
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(sgd(0.3), 2)
    schedule.load_state_dict(saved)
    assert schedule.base_lrs == [2.0] and rates(schedule, 2) == pytest.approx([2.0, 1.0, 2.0])
