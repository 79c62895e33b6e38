"""What optimisers of the Keras face do beside their updates: averages, accumulated gradients, scaled losses, files."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError
from tinygrad_ml.keras import optimizers

X = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def trained(optimizer, epochs=3, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=optimizer, **options)
    model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return model


EVERY = [
    optimizers.Adafactor(0.1),
    optimizers.Adamax(0.1),
    optimizers.Ftrl(0.1, l1_regularization_strength=0.01),
    optimizers.Lamb(0.1),
    optimizers.Lion(0.1),
    optimizers.Muon(0.1),
    optimizers.Nadam(0.1),
    optimizers.ScheduleFreeAdamW(0.1, warmup_steps=5),
    optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=5),
    optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=4, loss_scale_factor=16.0),
]


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda one: one.name)
def test_compiled_steps_are_those_that_run_one_by_one_and_a_file_has_the_state(optimizer, tmp_path):
    config = optimizer.get_config()
    eager, compiled = (trained(type(optimizer).from_config(config), run_eagerly=how) for how in (True, False))
    assert compiled.train_function.why_not is None
    for one, other in zip(eager.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)
    compiled.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(compiled.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(other, one)
    for model in (compiled, loaded):
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(compiled.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)


def test_steps_that_accumulate_are_one_step_of_a_larger_batch():
    parts = trained(optimizers.SGD(0.1, gradient_accumulation_steps=3))
    keras.utils.set_random_seed(0)
    whole = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    whole.compile(loss="mse", optimizer=optimizers.SGD(0.1))
    whole.fit(X, Y, batch_size=12, epochs=3, shuffle=False, verbose=0)
    assert parts.optimizer.iterations == whole.optimizer.iterations == 6
    for one, other in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_weights_are_their_averages_when_fit_is_done():
    model = trained(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    averages = model.optimizer.variables[2:6]
    for weight, average in zip(model.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(weight, average)


def test_schedule_free_weights_stand_between_z_and_the_mean_of_all_z():
    w, optimizer = tg.nn.Parameter(np.ones(3, "float32")), optimizers.ScheduleFreeAdamW(0.1, beta_1=0.8)
    zs = []
    for t in range(5):
        optimizer.apply([tg.tensor([1.0, -1.0, 0.5 * t])], [w])
        zs.append(optimizer.variables[2].numpy().copy())
    np.testing.assert_allclose(w, 0.2 * zs[-1] + 0.8 * np.mean(zs, 0), rtol=1e-5)


def test_muon_leaves_vectors_embeddings_and_excluded_layers_to_adam():
    names = ("dense.kernel", "dense.bias", "embedding.embeddings", "head.kernel")
    weights = [tg.nn.Parameter(np.ones((2,) if "bias" in name else (2, 2), "float32"), name=name) for name in names]
    optimizer = optimizers.Muon(exclude_layers=["head"])
    optimizer.build(weights)
    assert [len(optimizer._rule.state[weight]) - 1 for weight in weights] == [1, 2, 2, 2]
    assert [one.shape for one in optimizer.variables[2:]] == [(2, 2), (2,), (2,), *[(2, 2)] * 4]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1=0.0 must be above 0"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power=0.5 must be 0 or less"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), "must be an integer of 2 or more"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=1.5), "ema_momentum=1.5 must be a number from 0 to 1"),
        (lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0), "ema_overwrite_frequency=0"),
        (lambda: optimizers.SGD(loss_scale_factor=0), "would leave nothing of a loss"),
        (lambda: optimizers.Adam(momentum=0.9), "momentum= is no option of it"),
        (lambda: optimizers.schedules.CosineDecayRestarts(0.1, 0), "first_decay_steps=0 must be above 0"),
    ],
)
def test_mistakes_are_told(make, told):
    with pytest.raises(OptionError, match=told):
        make()


def test_gradients_may_be_arrays():
    weight = keras.Variable(np.ones(2, "float32"))
    optimizers.SGD(0.5).apply([np.array([1.0, 2.0])], [weight])
    assert weight.numpy().tolist() == [0.5, 0]
