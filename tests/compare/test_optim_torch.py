"""Optimisers and schedules: 100 updates end where PyTorch's do, to float32 rounding."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler

torch = pytest.importorskip("torch")

STEPS = 100
UPDATES = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "maximize": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.01, "initial_accumulator_value": 0.2}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "weight_decay": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.8, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.8, "centered": True, "eps": 1e-4}),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.02, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True}),
]


def starts():
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype("float32") for shape in [(7, 5), (5,), ()]]


def loss_of(parameters, t, tan):
    """A loss that is neither convex nor the same in two steps."""
    w, b, s = parameters
    return ((w * w).sum() - 3 * (w * b).sum()) * math.cos(t) + (tan(b * w) * s).sum() + (s - t / 50) ** 2


def same(ours, theirs, tolerance=2e-5):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, options", UPDATES)
def test_100_updates(name, options):
    ours = [nn.Parameter(start.copy()) for start in starts()]
    theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts()]
    optimizers = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for t in range(STEPS):
        for parameters, optimizer, tan in ((ours, optimizers[0], tg.tanh), (theirs, optimizers[1], torch.tanh)):
            optimizer.zero_grad()
            loss_of(parameters, t, tan).backward()
            torch.nn.utils.clip_grad_norm_(theirs, 10.0) if tan is torch.tanh else nn.utils.clip_grad_norm_(ours, 10.0)
            optimizer.step()
    same([p.numpy() for p in ours], [p.detach().numpy() for p in theirs])


def test_defaults_are_pytorchs():
    for name in ("SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW"):
        ours = getattr(optim, name)([nn.Parameter(1.0)]).defaults
        theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.tensor(1.0))]).defaults
        assert ours == {option: theirs[option] for option in ours}


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping(norm_type, max_norm):
    ours = [nn.Parameter(start) for start in starts()]
    theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts()]
    for p, q in zip(ours, theirs, strict=True):
        p.grad, q.grad = tg.tensor(p.numpy() * 3), torch.tensor(p.numpy() * 3)
    total = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert math.isclose(float(total), float(expected), rel_tol=1e-5)
    same([p.grad.numpy() for p in ours], [q.grad.numpy() for q in theirs], 1e-6)
    nn.utils.clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    same([p.grad.numpy() for p in ours], [q.grad.numpy() for q in theirs], 1e-6)


SCHEDULES = [
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (t + 1)}),
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [20, 5, 5], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
    ("CosineAnnealingLR", {"T_max": 15, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41}),
    ("OneCycleLR", {"max_lr": [0.3, 0.1], "epochs": 6, "steps_per_epoch": 10, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41, "three_phase": True, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 41, "cycle_momentum": False}),
]


def _pair(kind="SGD", **options):
    def groups(parameter):
        return [{"params": [parameter()]}, {"params": [parameter()], "lr": 0.05}]

    ours = getattr(optim, kind)(groups(lambda: nn.Parameter(1.0)), lr=0.2, **options)
    return ours, getattr(torch.optim, kind)(groups(lambda: torch.nn.Parameter(torch.tensor(1.0))), lr=0.2, **options)


def _same_groups(ours, theirs):
    for a, b in zip(ours.param_groups, theirs.param_groups, strict=True):
        for name in set(a) & set(b) & {"lr", "momentum", "betas"}:
            assert np.allclose(a[name], b[name], rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name, options", SCHEDULES)
def test_schedules(name, options, kind):
    ours, theirs = _pair(kind, **({"momentum": 0.5} if kind == "SGD" else {}))
    a, b = getattr(lr_scheduler, name)(ours, **options), getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    for _ in range(40):
        _same_groups(ours, theirs)
        assert np.allclose(a.get_last_lr(), b.get_last_lr(), rtol=1e-9, atol=1e-12)
        theirs.step()
        a.step(), b.step()


def test_schedules_one_after_the_other():
    ours, theirs = _pair()

    def chain(of, optimizer):
        return of.SequentialLR(
            optimizer,
            [of.LinearLR(optimizer, 0.1, total_iters=4), of.ExponentialLR(optimizer, 0.8), of.StepLR(optimizer, 3)],
            milestones=[5, 11],
        )

    a, b = chain(lr_scheduler, ours), chain(torch.optim.lr_scheduler, theirs)
    for _ in range(25):
        _same_groups(ours, theirs)
        theirs.step()
        a.step(), b.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 1, "mode": "max", "factor": 0.5, "cooldown": 2, "min_lr": 0.02},
        {"patience": 0, "threshold": 0.3, "threshold_mode": "abs", "min_lr": [0.01, 0.001]},
    ],
)
def test_reduction_on_a_plateau(options):
    ours, theirs = _pair()
    a = lr_scheduler.ReduceLROnPlateau(ours, **options)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    metrics = np.abs(np.random.default_rng(1).standard_normal(40)).cumsum() % 3
    for metric in metrics:
        a.step(metric), b.step(metric)
        _same_groups(ours, theirs)
