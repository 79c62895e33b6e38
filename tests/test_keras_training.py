"""`fit` and what is around it: data of all kinds, weights, callbacks, and errors that say what to do."""

import csv

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.data import DataLoader, TensorDataset
from tinygrad_ml.errors import DataError, OptionError, ShapeError
from tinygrad_ml.keras import callbacks, layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4))
Y = (X[:, :1] > 0).astype("float32")


def model(loss="binary_crossentropy", optimizer="adam", seed=0, **options):
    keras.utils.set_random_seed(seed)
    made = keras.Sequential([layers.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(1, "sigmoid")])
    made.compile(optimizer, loss, metrics=["accuracy"], **options)
    return made


def test_one_seed_gives_one_training():
    runs = [model().fit(X, Y, epochs=2, verbose=0).history for _ in range(2)]
    assert runs[0] == runs[1]
    assert model(seed=1).fit(X, Y, epochs=2, verbose=0).history != runs[0]


def test_arrays_loaders_and_generators_are_the_same():
    def batches():
        while True:
            for start in range(0, 40, 8):
                yield X[start : start + 8], Y[start : start + 8]

    loader = DataLoader(TensorDataset(tg.tensor(X.astype("float32")), tg.tensor(Y)), batch_size=8)
    options = {"epochs": 2, "verbose": 0}
    histories = [
        model().fit(X, Y, batch_size=8, shuffle=False, **options).history,
        model().fit(loader, **options).history,
        model().fit(batches(), steps_per_epoch=5, **options).history,
    ]
    for history in histories[1:]:
        np.testing.assert_allclose(history["loss"], histories[0]["loss"], rtol=1e-5)


def test_a_used_up_generator():
    with pytest.raises(DataError, match="epoch 2"):
        model().fit(iter([(X, Y)]), epochs=2, verbose=0)


def test_bytes_stay_bytes_until_the_batch():
    pixels = RNG.integers(0, 255, (20, 4)).astype("uint8")
    batches = keras.models.training.Batches(pixels, device=tg.device("cpu"))
    ((x, y, weight),) = batches.triples()
    assert x.dtype == np.uint8 and y is None and weight is None
    assert model().predict(pixels, verbose=0).dtype == np.float32


def test_validation_split_is_the_unshuffled_end():
    history = model().fit(X, Y, epochs=1, validation_split=0.25, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    twin = model()
    twin.fit(X[:30], Y[:30], epochs=1, validation_data=(X[30:], Y[30:]), verbose=0)
    assert twin.history.history == history.history


def test_weights_of_zero_do_not_train():
    made = model(optimizer="sgd")
    before = made.get_weights()
    made.fit(X, Y, sample_weight=np.zeros(40), verbose=0)
    for old, new in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_mistakes_are_named():
    made = model()
    with pytest.raises(ShapeError, match=r"\[40, 39\]"):
        made.fit(X, Y[:39], verbose=0)
    with pytest.raises(OptionError, match="between 0 and 1"):
        made.fit(X, Y, validation_split=2.0, verbose=0)
    with pytest.raises(OptionError, match="compile"):
        keras.Sequential([layers.Dense(1)]).fit(X, Y)
    with pytest.raises(OptionError, match="no loss"):
        bare = keras.Sequential([layers.Dense(1)])
        bare.compile("sgd")
        bare.fit(X, Y, verbose=0)
    with pytest.raises(OptionError, match="categorical_crossentropy"):
        model(loss="catgorical").fit(X, Y, verbose=0)
    with pytest.raises(ShapeError, match="to_categorical"):
        wide = keras.Sequential([layers.Dense(3)])
        wide.compile("sgd", "categorical_crossentropy")
        wide.fit(X, np.zeros(40), verbose=0)


def test_accuracy_is_what_fits():
    for outputs, y, kind in [
        (1, Y, "BinaryAccuracy"),
        (3, np.zeros(40, int), "SparseCategoricalAccuracy"),
        (3, np.eye(3)[np.zeros(40, int)], "CategoricalAccuracy"),
    ]:
        made = keras.Sequential([layers.Dense(outputs, "softmax")])
        loss = "sparse_categorical_crossentropy" if kind.startswith("Sparse") else "mse"
        made.compile("sgd", loss, metrics=["accuracy"])
        made.fit(X, y, verbose=0)
        assert type(made.metrics[-1].metrics[0]).__name__ == kind and made.metrics_names == ["loss", "accuracy"]


def test_own_loss_and_metric_functions():
    def twice(y_true, y_pred):
        return 2 * keras.losses.mse(y_true, y_pred)

    made = keras.Sequential([layers.Dense(1)])
    made.compile("sgd", twice, metrics=["mse", keras.metrics.RootMeanSquaredError(name="rmse"), twice])
    loss, mse, rmse, also = made.evaluate(X, Y, verbose=0)
    assert (
        loss == pytest.approx(2 * mse, rel=1e-5)
        and rmse**2 == pytest.approx(mse, rel=1e-5)
        and also == pytest.approx(loss)
    )
    assert made.metrics_names == ["loss", "mse", "rmse", "twice"]


def test_early_stopping_restores_the_best():
    made = model(optimizer=keras.optimizers.SGD(100.0))
    stop = callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    history = made.fit(X, Y, epochs=50, verbose=0, callbacks=[stop], batch_size=40)
    losses = history.history["loss"]
    assert len(losses) < 50 and stop.best == min(losses) and len(losses) == stop.best_epoch + 3


def test_checkpoints(tmp_path):
    made = model()
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.1f}.keras")
    best = callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="loss", save_best_only=True, initial_value_threshold=-1.0
    )
    made.fit(X, Y, epochs=2, verbose=0, callbacks=[every, best])
    assert len(list(tmp_path.glob("0*.keras"))) == 2 and not (tmp_path / "best.keras").exists()


def test_the_ending_of_a_checkpoint_says_what_is_in_it(tmp_path):
    weights = callbacks.ModelCheckpoint(tmp_path / "w.safetensors", save_weights_only=True)
    whole = callbacks.ModelCheckpoint(tmp_path / "whole.safetensors")
    model().fit(X, Y, verbose=0, callbacks=[weights, whole])
    made = keras.models.load_model(tmp_path / "whole.safetensors")
    made.load_weights(tmp_path / "w.safetensors")
    with pytest.raises(
        OptionError, match=r"'best.ckpt' must end in .keras or .h5 or .safetensors, as it is .* a whole"
    ):
        callbacks.ModelCheckpoint("best.ckpt")
    with pytest.raises(OptionError, match=r"must end in .weights.h5 or .safetensors, as .* save_weights_only=True"):
        callbacks.ModelCheckpoint("best.keras", save_weights_only=True)
    (tmp_path / "there.keras").mkdir()
    with pytest.raises(OptionError, match="is a folder"):
        model().fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "there.keras")])


def test_a_best_that_is_no_number_saves_each_time(tmp_path):
    class Lists(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["each"] = np.ones(3)

    best = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", monitor="each", mode="min", save_best_only=True)
    with pytest.warns(UserWarning, match="'each' is a number, and not of shape"):
        model().fit(X, Y, epochs=2, verbose=0, callbacks=[Lists(), best])
    assert len(list(tmp_path.iterdir())) == 2


def test_logs_and_lambdas(tmp_path):
    seen = []
    made = model()
    history = made.fit(
        X,
        Y,
        epochs=3,
        batch_size=10,
        verbose=0,
        callbacks=[
            callbacks.CSVLogger(tmp_path / "log.csv"),
            callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
                on_train_batch_end=lambda batch, logs: seen.append(("batch", float(logs["accuracy"]))),
            ),
            callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
        ],
    ).history
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == history["loss"] and [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert len(seen) == 3 * (4 + 1) and seen[4] == (0, history["loss"][0])
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)


def test_nan_ends_a_training(capsys):
    made = model("mse", keras.optimizers.SGD(0.1))
    broken = X.copy()
    broken[12] = np.nan
    made.fit(broken, Y, epochs=5, batch_size=10, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert made.history.epoch == [0] and "Batch 1" in capsys.readouterr().out


def test_numbers_are_read_only_when_somebody_looks(monkeypatch):
    from tinygrad_ml.keras.models import logs

    reads = []
    monkeypatch.setattr(logs, "as_number", lambda value: reads.append(1) or float(value))
    model().fit(X, Y, epochs=2, batch_size=4, verbose=0)
    assert len(reads) == 2 * 2  # loss and accuracy, once an epoch


def test_bar(capsys):
    made = model()
    made.fit(X, Y, epochs=2, batch_size=10, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[1].startswith("4/4 ") and " - loss: " in lines[1] and len(lines) == 4
    made.evaluate(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


def test_the_state_of_an_optimizer_goes_to_another():
    first, second = model(optimizer="adam"), model(optimizer="adam")
    first.fit(X, Y, epochs=2, batch_size=10, verbose=0, shuffle=False)
    with pytest.raises(OptionError, match="build"):
        second.optimizer.set_weights(first.optimizer.variables)
    kept = {}
    first.optimizer.save_own_variables(kept)
    with pytest.warns(UserWarning, match="2 variables, and .* were saved, as it is not built yet"):
        second.optimizer.load_own_variables(kept)
    second.optimizer.build(second.trainable_variables)
    with pytest.raises(ShapeError, match="set_weights of optimizer"):
        second.optimizer.set_weights(first.optimizer.variables[:-1])
    second.optimizer.load_own_variables(kept)
    second.set_weights(first.get_weights())
    for made in (first, second):
        made.fit(X, Y, epochs=1, batch_size=10, verbose=0, shuffle=False)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)  # the first step of each runs operation by operation
    assert second.optimizer.iterations == 12


def test_learning_rates_can_be_set():
    made = model()
    made.optimizer.learning_rate = 0.5
    made.optimizer.learning_rate.assign(0.25)
    assert float(made.optimizer.learning_rate) == float(made.optimizer.learning_rate.value) == 0.25
    made.optimizer.learning_rate = np.float32(-0.5)
    assert float(made.optimizer.learning_rate) == -0.5
    for wrong in ("x", None, np.inf):
        with pytest.raises(OptionError, match="learning_rate=.* must be a number"):
            made.optimizer.learning_rate = wrong
    with pytest.raises(OptionError, match="one of"):
        keras.optimizers.Adam(clipnorm=1.0, clipvalue=1.0)
