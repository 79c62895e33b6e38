"""An interrupted `fit` goes on where it was, and ends with the numbers that it would have had."""

import numpy as np
import pytest

from tinygrad_ml import keras
from tinygrad_ml.errors import CheckpointError, OptionError
from tinygrad_ml.keras import callbacks, layers

X = np.random.default_rng(0).standard_normal((35, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def model(units=4, run_eagerly=True):
    made = keras.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.3),
            layers.Dropout(0.3, seed=5),
            layers.BatchNormalization(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2)
    metrics = ["accuracy", keras.metrics.AUC(name="auc")]
    made.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=metrics, run_eagerly=run_eagerly)
    return made


class Stop(callbacks.Callback):
    """Interrupts the training after so many batches."""

    def __init__(self, after):
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def fit(made, told=(), seed=1, **options):
    keras.utils.set_random_seed(seed)
    given = {"batch_size": 8, "epochs": 3, "verbose": 0, "validation_split": 0.1, **options}
    return made.fit(X, Y, callbacks=list(told), **given)


def started():
    keras.utils.set_random_seed(0)
    return model()


@pytest.mark.parametrize(
    ("save_freq", "after", "options", "epochs_left"),
    [
        ("epoch", 6, {}, 2),
        (1, 6, {}, 2),
        (1, 4, {}, 2),  # the last batch of an epoch, whose validation is still to come
        (3, 10, {}, 1),
        (2, 3, {"shuffle": False}, 3),
        (3, 4, {"steps_per_epoch": 2}, 2),
        ("epoch", 3, {"steps_per_epoch": 2}, 2),
    ],
)
def test_it_goes_on_to_the_bit(tmp_path, save_freq, after, options, epochs_left):
    backup = lambda: callbacks.BackupAndRestore(tmp_path / "backup", save_freq=save_freq)  # noqa: E731
    whole, part, again = started(), started(), model()
    expected = fit(whole, **options).history
    with pytest.raises(KeyboardInterrupt):
        fit(part, [backup(), Stop(after)], **options)
    if (save_freq, after) == (1, 4):
        epochs_left = 3  # nothing was saved behind the last batch, but before it
    found = fit(again, [backup()], seed=99, **options).history
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(other, one)
    assert found == {name: values[-epochs_left:] for name, values in expected.items()}
    assert not (tmp_path / "backup").exists()


def test_compiled_steps_go_on_to_rounding(tmp_path):
    weights = []
    for interrupted in (False, True):
        keras.utils.set_random_seed(0)
        made = model(run_eagerly=False)
        told = [callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)] if interrupted else []
        if interrupted:
            with pytest.raises(KeyboardInterrupt):
                fit(made, [*told, Stop(6)])
            made = model(run_eagerly=False)
        fit(made, told)
        weights.append(made.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["latest.safetensors"]


def test_the_state_before_is_taken_where_the_last_one_is_damaged(tmp_path):
    told = lambda: callbacks.BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)  # noqa: E731
    made = started()
    fit(made, [told()], epochs=2)
    (tmp_path / "latest.safetensors").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="goes on from the state before the last one"):
        history = fit(model(), [told()], epochs=2)
    assert history.epoch == [1]
    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    with pytest.warns(UserWarning), pytest.raises(CheckpointError):
        fit(model(), [told()])


def test_mistakes_are_told(tmp_path):
    with pytest.raises(OptionError, match="must name a folder"):
        callbacks.BackupAndRestore("")
    with pytest.raises(OptionError, match="save_freq=0"):
        callbacks.BackupAndRestore(tmp_path, save_freq=0)
    unbuilt = keras.Sequential([layers.Dense(1)])
    unbuilt.compile(loss="mse", optimizer="sgd")
    with pytest.raises(OptionError, match="has no weights yet: build it"):
        unbuilt.fit(X, Y, callbacks=callbacks.BackupAndRestore(tmp_path), verbose=0)
    fit(model(), [callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)], epochs=1)
    with pytest.raises(CheckpointError, match="is of another model"):
        fit(model(units=5), [callbacks.BackupAndRestore(tmp_path)])
