"""A hundred updates are Keras's, with every option; schedules are Keras's at every step."""

import numpy as np
import optimizer_numbers
import pytest
from keras_twins import agree, as_array, numbers, ours, quiet, theirs, torch

import tinygrad_ml as tg

pytestmark = quiet

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": -0.01}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.9, "weight_decay": 0.01, "clipnorm": 0.5}),
    ("SGD", {"clipvalue": 0.3}),
    ("SGD", {"global_clipnorm": 0.5}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 1e-5}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {}),
    ("Adam", {"epsilon": 0.1, "beta_1": 0.8}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.02}),
    ("AdamW", {}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Nadam", {"beta_1": 0.8, "epsilon": 1e-3}),
    ("Lamb", {"learning_rate": 0.01, "weight_decay": 0.1}),
    ("Lion", {"learning_rate": 0.01, "weight_decay": 0.1}),
    ("Adafactor", {"learning_rate": 0.1}),
    ("Adafactor", {"clip_threshold": 0.5, "epsilon_2": 0.1, "beta_2_decay": -0.5, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.7,
            "l1_regularization_strength": 0.05,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.3,
        },
    ),
    ("ScheduleFreeAdamW", {"beta_1": 1.0}),  # else Keras on PyTorch, overwriting z, takes the new one for the old
    ("Muon", {"learning_rate": 0.01}),
    ("Muon", {"nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5, "clipnorm": 1.0}),
    ("Muon", {"exclude_layers": ["first"]}),
    ("Adam", {"use_ema": True}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 7}),
    ("Adam", {"gradient_accumulation_steps": 3, "weight_decay": 0.1, "global_clipnorm": 0.5}),
    ("Nadam", {"gradient_accumulation_steps": 4, "use_ema": True, "ema_overwrite_frequency": 5}),
    ("SGD", {"momentum": 0.9, "loss_scale_factor": 8.0, "clipnorm": 0.1}),
]


def state_of(optimizer):
    kept = {}
    optimizer.save_own_variables(kept)
    return [np.asarray(kept[str(i)]) for i in range(len(kept))]


@pytest.mark.parametrize(("name", "options"), [*OPTIMIZERS[2:3], *OPTIMIZERS[7:]], ids=str)
def test_one_goes_on_from_the_state_of_the_other(name, options):
    optimizers, weights = [], []
    for room, variable in ((ours, lambda w: tg.nn.Parameter(w.copy())), (theirs, theirs.Variable)):
        weights.append([variable(numbers(3, 4)), variable(numbers(4, seed=1))])
        optimizers.append(getattr(room.optimizers, name)(**options))
        with pytest.raises(ValueError, match="build"):
            optimizers[-1].set_weights([])
        optimizers[-1].build(weights[-1])
    (own, other), gradients = optimizers, [numbers(3, 4, seed=2), numbers(4, seed=3)]
    assert [one.shape for one in state_of(own)] == [one.shape for one in state_of(other)]
    for _ in range(5):
        other.apply_gradients(zip(map(torch.tensor, gradients), weights[1], strict=True))
    own.set_weights(state_of(other))
    for mine, theirs_ in zip(*weights, strict=True):
        mine.assign(tg.tensor(as_array(theirs_.value)))
    other.apply_gradients(zip(map(torch.tensor, gradients), weights[1], strict=True))
    own.apply_gradients(zip(map(tg.tensor, gradients), weights[0], strict=True))
    for found, expected in zip([*weights[0], *state_of(own)], [*weights[1], *state_of(other)], strict=True):
        agree(found, as_array(getattr(expected, "value", expected)), rtol=1e-5)


@pytest.mark.parametrize("name", optimizer_numbers.KERAS)
def test_the_table_of_fixed_numbers_is_keras_s(name):
    np.testing.assert_allclose(optimizer_numbers.by_keras(name), optimizer_numbers.KERAS_NUMBERS[name], rtol=1e-5)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
@pytest.mark.parametrize("decaying", [False, True])
def test_a_hundred_updates(name, options, decaying):
    start = [numbers(3, 4), numbers(4, seed=1)]
    gradients = [[numbers(3, 4, seed=10 + t) * (1 + t % 3), numbers(4, seed=500 + t)] for t in range(100)]
    results = []
    for room in (ours, theirs):
        given = dict(options)
        if decaying:
            given["learning_rate"] = room.optimizers.schedules.ExponentialDecay(
                options.get("learning_rate", 0.01), 20, 0.5
            )
        optimizer = getattr(room.optimizers, name)(**given)
        if room is ours:
            weights = [tg.nn.Parameter(w.copy()) for w in start]
            weights[0].name, weights[1].name = "first", "second"
        else:
            weights = [theirs.Variable(w, name=name) for w, name in zip(start, ("first", "second"), strict=True)]
        for gradient in gradients:
            own = [tg.tensor(g) if room is ours else torch.tensor(g) for g in gradient]
            optimizer.apply_gradients(zip(own, weights, strict=True))
        if len(results) == 0:
            assert optimizer.iterations == 100 // options.get("gradient_accumulation_steps", 1)
        results.append([np.asarray(w.numpy() if room is ours else theirs.ops.convert_to_numpy(w)) for w in weights])
        results[-1] += state_of(optimizer)
    for found, expected in zip(*results, strict=True):
        agree(found, expected, rtol=1e-4, atol=1e-5)


SCHEDULES = [
    ("ExponentialDecay", (0.1, 7, 0.9), {}),
    ("ExponentialDecay", (0.1, 7, 0.9), {"staircase": True}),
    ("InverseTimeDecay", (0.1, 7, 0.9), {}),
    ("InverseTimeDecay", (0.1, 7, 0.9), {"staircase": True}),
    ("PiecewiseConstantDecay", ([3, 10], [0.1, 0.01, 0.001]), {}),
    ("PolynomialDecay", (0.1, 10), {"power": 2.0}),
    ("PolynomialDecay", (0.1, 10), {"cycle": True}),
    ("CosineDecay", (0.1, 20), {"alpha": 0.1}),
    ("CosineDecay", (0.0, 20), {"warmup_target": 0.1, "warmup_steps": 5}),
    ("CosineDecay", (0.01, 20), {"warmup_target": 0.1, "warmup_steps": 5, "alpha": 0.2}),
    ("CosineDecayRestarts", (0.1, 7), {"alpha": 0.1}),
    ("CosineDecayRestarts", (0.1, 5), {"t_mul": 1.5, "m_mul": 0.8, "alpha": 0.2}),
    ("CosineDecayRestarts", (0.1, 6), {"t_mul": 1.0, "m_mul": 0.5}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), SCHEDULES, ids=str)
def test_schedules(name, arguments, options):
    own, other = (getattr(room.optimizers.schedules, name)(*arguments, **options) for room in (ours, theirs))
    agree([own(step) for step in range(35)], [float(other(step)) for step in range(35)], atol=1e-7)


def test_defaults_are_the_same():
    for name in sorted({name for name, _ in OPTIMIZERS}):
        own, other = (getattr(room.optimizers, name)() for room in (ours, theirs))
        config = other.get_config()
        assert float(own.learning_rate) == pytest.approx(config["learning_rate"], rel=1e-6)
        for option in ("momentum", "nesterov", "rho", "epsilon", "centered", "beta_1", "beta_2", "amsgrad"):
            if option in config:
                assert getattr(own, option) == config[option], (name, option)
        assert own.weight_decay == config["weight_decay"]
