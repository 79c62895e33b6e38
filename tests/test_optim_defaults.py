"""What an optimiser or a schedule does when nothing is said: PyTorch's defaults (2.13.0), for all that both have."""

import inspect

import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim

DEFAULTS = {
    "ASGD": {"lr": 0.01, "lambd": 0.0001, "alpha": 0.75, "t0": 1000000.0, "weight_decay": 0, "maximize": False},
    "Adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-06, "weight_decay": 0, "maximize": False},
    "Adagrad": {
        "lr": 0.01,
        "lr_decay": 0,
        "weight_decay": 0,
        "initial_accumulator_value": 0,
        "eps": 1e-10,
        "maximize": False,
    },
    "Adam": {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-08, "weight_decay": 0, "amsgrad": False, "maximize": False},
    "AdamW": {
        "lr": 0.001,
        "betas": (0.9, 0.999),
        "eps": 1e-08,
        "weight_decay": 0.01,
        "amsgrad": False,
        "maximize": False,
    },
    "Adafactor": {
        "lr": 0.01,
        "beta2_decay": -0.8,
        "eps": (None, 0.001),
        "d": 1.0,
        "weight_decay": 0.0,
        "maximize": False,
    },
    "Adamax": {"lr": 0.002, "betas": (0.9, 0.999), "eps": 1e-08, "weight_decay": 0, "maximize": False},
    "LBFGS": {
        "lr": 1,
        "max_iter": 20,
        "max_eval": None,
        "tolerance_grad": 1e-07,
        "tolerance_change": 1e-09,
        "history_size": 100,
        "line_search_fn": None,
    },
    "Muon": {
        "lr": 0.001,
        "weight_decay": 0.1,
        "momentum": 0.95,
        "nesterov": True,
        "ns_coefficients": (3.4445, -4.775, 2.0315),
        "eps": 1e-07,
        "ns_steps": 5,
        "adjust_lr_fn": None,
    },
    "NAdam": {
        "lr": 0.002,
        "betas": (0.9, 0.999),
        "eps": 1e-08,
        "weight_decay": 0,
        "momentum_decay": 0.004,
        "decoupled_weight_decay": False,
        "maximize": False,
    },
    "RAdam": {
        "lr": 0.001,
        "betas": (0.9, 0.999),
        "eps": 1e-08,
        "weight_decay": 0,
        "decoupled_weight_decay": False,
        "maximize": False,
    },
    "RMSprop": {
        "lr": 0.01,
        "alpha": 0.99,
        "eps": 1e-08,
        "weight_decay": 0,
        "momentum": 0,
        "centered": False,
        "maximize": False,
    },
    "Rprop": {"lr": 0.01, "etas": (0.5, 1.2), "step_sizes": (1e-06, 50), "maximize": False},
    "SGD": {"lr": 0.001, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False},
    "ConstantLR": {"factor": 1 / 3, "total_iters": 5},
    "CosineAnnealingLR": {"eta_min": 0.0},
    "CosineAnnealingWarmRestarts": {"T_mult": 1, "eta_min": 0.0},
    "CyclicLR": {
        "step_size_up": 2000,
        "step_size_down": None,
        "mode": "triangular",
        "gamma": 1.0,
        "scale_fn": None,
        "scale_mode": "cycle",
        "cycle_momentum": True,
        "base_momentum": 0.8,
        "max_momentum": 0.9,
    },
    "LinearLR": {"start_factor": 1 / 3, "end_factor": 1.0, "total_iters": 5},
    "MultiStepLR": {"gamma": 0.1},
    "OneCycleLR": {
        "total_steps": None,
        "epochs": None,
        "steps_per_epoch": None,
        "pct_start": 0.3,
        "anneal_strategy": "cos",
        "cycle_momentum": True,
        "base_momentum": 0.85,
        "max_momentum": 0.95,
        "div_factor": 25.0,
        "final_div_factor": 10000.0,
        "three_phase": False,
    },
    "PolynomialLR": {"total_iters": 5, "power": 1.0},
    "ReduceLROnPlateau": {
        "mode": "min",
        "factor": 0.1,
        "patience": 10,
        "threshold": 0.0001,
        "threshold_mode": "rel",
        "cooldown": 0,
        "min_lr": 0,
        "eps": 1e-08,
    },
    "StepLR": {"gamma": 0.1},
}


NEEDED = {
    "CosineAnnealingLR": (9,),
    "CosineAnnealingWarmRestarts": (9,),
    "CyclicLR": (0.1, 0.2),
    "MultiStepLR": ([9],),
    "OneCycleLR": (0.1, 9),
    "StepLR": (9,),
}
"""What a schedule must be told, after its optimiser."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_pytorchs(name):
    made = getattr(optim, name, None) or getattr(optim.lr_scheduler, name)
    found = {key: p.default for key, p in inspect.signature(made).parameters.items() if p.default is not p.empty}
    assert {key: found[key] for key in DEFAULTS[name]} == DEFAULTS[name]
    assert set(found) - set(DEFAULTS[name]) <= {"last_epoch", "optimizer"}
    assert found.get("last_epoch", -1) == -1
    parameter = tg.zeros((2, 2), requires_grad=True)
    if hasattr(optim, name):  # it takes them as they are
        (group,) = made([parameter]).param_groups
        assert {
            key: group[key] for key in DEFAULTS[name].keys() & group.keys() if found[key] is not None
        }.items() <= found.items()
    else:
        assert made(optim.SGD([parameter], momentum=0.9), *NEEDED.get(name, ())).last_epoch == 0


def test_all_that_there_is_has_defaults_here():
    rooms = {**vars(optim), **vars(optim.lr_scheduler)}
    named = {name for name, made in rooms.items() if inspect.isclass(made) and not name.startswith("_")}
    without = {"ChainedScheduler", "ExponentialLR", "LambdaLR", "LRScheduler", "MultiplicativeLR", "Optimizer"}
    assert named - without <= set(DEFAULTS) | {"SequentialLR"}
