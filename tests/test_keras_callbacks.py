"""What callbacks are told, and what those of the library do with it."""

import csv
import itertools

import numpy as np
import pytest

from tinygrad_ml import keras
from tinygrad_ml.data import DataLoader, TensorDataset
from tinygrad_ml.errors import AnomalyError, OptionError
from tinygrad_ml.keras import callbacks, layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4)).astype("float32")
Y = X[:, :1] * 2 - 1


def model(rate=0.01, **options):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
    made.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"], **options)
    return made


class Diary(callbacks.Callback):
    """Its methods have no default for `logs`, as those of many programs."""

    def __init__(self):
        self.lines = []

    def on_train_begin(self, logs):
        self.lines.append(("train begin", dict(logs)))

    def on_epoch_begin(self, epoch, logs):
        self.lines.append((f"epoch {epoch} begin", dict(logs)))

    def on_train_batch_begin(self, batch, logs):
        self.lines.append((f"batch {batch} begin", dict(logs)))

    def on_train_batch_end(self, batch, logs):
        self.lines.append((f"batch {batch} end", sorted(logs)))

    def on_test_begin(self, logs):
        self.lines.append(("test begin", dict(logs)))

    def on_test_batch_begin(self, batch, logs):
        self.lines.append((f"test batch {batch} begin", dict(logs)))

    def on_test_end(self, logs):
        self.lines.append(("test end", sorted(logs)))

    def on_predict_begin(self, logs):
        self.lines.append(("predict begin", dict(logs)))

    def on_predict_batch_begin(self, batch, logs):
        self.lines.append((f"predict batch {batch} begin", dict(logs)))

    def on_predict_end(self, logs):
        self.lines.append(("predict end", dict(logs)))

    def on_train_end(self, logs):
        self.lines.append(("train end", sorted(logs)))


def test_every_event_has_logs():
    diary, made = Diary(), model()
    made.fit(X, Y, batch_size=40, verbose=0, validation_data=(X, Y), callbacks=[[diary]])
    made.predict(X, verbose=0, batch_size=40, callbacks=[diary])
    names = ["loss", "mae"]
    assert diary.lines == [
        ("train begin", {}),
        ("epoch 0 begin", {}),
        ("batch 0 begin", {}),
        ("batch 0 end", names),
        ("test begin", {}),
        ("test batch 0 begin", {}),
        ("test end", names),
        ("train end", [*names, "val_loss", "val_mae"]),
        ("predict begin", {}),
        ("predict batch 0 begin", {}),
        ("predict end", {}),
    ]


def test_an_endless_generator_is_left_when_somebody_says_so():
    def endless():
        while True:
            yield X[:8], Y[:8]

    made, seen = model(), []

    def stop(flag, after):
        def listen(batch, logs):
            seen.append(batch)
            setattr(made, flag, batch == after)

        return listen

    made.fit(endless(), verbose=0, callbacks=callbacks.LambdaCallback(on_train_batch_end=stop("stop_training", 3)))
    made.evaluate(
        endless(), verbose=0, callbacks=callbacks.LambdaCallback(on_test_batch_end=stop("stop_evaluating", 2))
    )
    outputs = made.predict(
        ((x,) for x, _ in endless()),
        verbose=0,
        callbacks=callbacks.LambdaCallback(on_predict_batch_end=stop("stop_predicting", 1)),
    )
    assert seen == [0, 1, 2, 3, 0, 1, 2, 0, 1] and outputs.shape == (16, 1)
    assert made.evaluate(X, Y, verbose=0, return_dict=True).keys() == {"loss", "mae"}  # and it does not stay stopped


def watch(values, **options):
    """At which epoch `EarlyStopping` stops, if the epochs have these losses."""
    stop, made = callbacks.EarlyStopping(monitor="loss", **options), model()
    stop.set_model(made)
    stop.on_train_begin({})
    made.stop_training = False
    for epoch, value in enumerate(values):
        stop.on_epoch_end(epoch, {"loss": value})
        if made.stop_training:
            return epoch
    return None


def test_early_stopping_counts_epochs_as_keras_does():
    """Computed once with Keras 3.15.1."""
    assert watch([1.0, 2.0]) == 1 and watch([1.0, 0.5, 0.4]) is None
    assert watch([1.0, 2.0, 3.0, 4.0], patience=2) == 2
    assert watch([3.0, 2.0], baseline=1.0) is None  # not better than it must be, but better than before
    assert watch([3.0, 3.0, 3.0], baseline=1.0) == 1
    assert watch([1.0, 0.9, 0.8], min_delta=0.3) == 1
    assert watch([1.0, 2.0, 3.0], start_from_epoch=1) == 2


def test_early_stopping_never_takes_nan_for_the_best():
    """As Keras does, which then finds nothing better any more. The first epoch ends no training, whatever its loss."""
    assert watch([float("nan"), 1.0, 0.9]) is None
    assert watch([float("nan"), float("nan")]) == 1


def test_which_way_is_better_is_what_the_metric_says():
    def larger(monitor, metrics=("mae",)):
        made = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
        made.compile("sgd", "mse", metrics=list(metrics))
        made.evaluate(X, Y, verbose=0)
        stop = callbacks.EarlyStopping(monitor=monitor)
        stop.set_model(made)
        return stop.larger()

    assert not larger("val_loss") and not larger("mae")
    assert larger("val_accuracy", ["accuracy"]) and larger("recall_2", [keras.metrics.Recall(name="recall_2")])
    assert larger("val_near", [keras.metrics.CosineSimilarity(name="near")])
    with pytest.raises(OptionError, match="mode='max'"):
        larger("own", [keras.metrics.MeanMetricWrapper(lambda t, y: t - y, name="own")])


def test_the_log_file_has_columns_for_a_validation_that_comes_later(tmp_path):
    model().fit(
        X,
        Y,
        epochs=4,
        verbose=0,
        validation_data=(X, Y),
        validation_freq=2,
        callbacks=[callbacks.CSVLogger(tmp_path / "log.csv")],
    )
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row["val_loss"] == "NA" for row in rows] == [True, False, True, False]


def test_a_schedule_of_the_optimizer_is_not_replaced_silently():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    for callback in (
        callbacks.LearningRateScheduler(lambda epoch: 0.5),
        callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=100.0),
    ):
        with pytest.raises(OptionError, match="ExponentialDecay"):
            model(schedule).fit(X, Y, epochs=3, verbose=0, callbacks=[callback])
    optimizer = keras.optimizers.SGD(schedule)
    optimizer.learning_rate = keras.optimizers.schedules.InverseTimeDecay(0.2, 1, 1.0)
    assert float(optimizer.learning_rate) == pytest.approx(0.2)


def test_nan_can_be_an_error():
    broken = X.copy()
    broken[12] = np.nan
    with pytest.raises(AnomalyError, match="batch 1"):
        model().fit(
            broken,
            Y,
            batch_size=10,
            shuffle=False,
            verbose=0,
            callbacks=[callbacks.TerminateOnNaN(raise_error=True)],
        )


class Numbered(TensorDataset):
    """Samples whose only number is their number."""

    def __init__(self, count):
        numbers = np.arange(count, dtype="float32")[:, None]
        super().__init__(keras.models.batches.as_tensor(numbers), keras.models.batches.as_tensor(numbers))


def seen_by(run):
    """The samples of each batch that a model is trained on or tested with, in order."""
    batches = []

    class Net(keras.Model):
        def train_step(self, data):
            batches.append(["train", *data[0].numpy()[:, 0]])
            return {}

        def test_step(self, data):
            batches.append(["test", *data[0].numpy()[:, 0]])
            return {}

    made = Net()
    made.compile("sgd", "mse")
    run(made)
    return batches


NUMBERS = np.arange(10.0)[:, None]


def test_validation_begins_at_the_first_batch_in_each_epoch():
    for data in ((NUMBERS, NUMBERS), DataLoader(Numbered(10), batch_size=4)):
        batches = seen_by(
            lambda made, data=data: made.fit(
                NUMBERS[:1], NUMBERS[:1], epochs=2, verbose=0, batch_size=4, validation_data=data, validation_steps=1
            )
        )
        assert batches == [["train", 0], ["test", 0, 1, 2, 3]] * 2
    assert seen_by(
        lambda made: [made.evaluate(NUMBERS, NUMBERS, steps=1, batch_size=3, verbose=0) for _ in range(2)]
    ) == [
        ["test", 0, 1, 2],
        ["test", 0, 1, 2],
    ]


def test_an_epoch_of_some_steps_goes_on_where_the_last_one_ended():
    """As Keras 3.15.1 does, which says in a warning where the data end."""
    options = {"shuffle": False, "verbose": 0, "epochs": 3, "batch_size": 4}
    whole = [["train", 0, 1, 2, 3], ["train", 4, 5, 6, 7], ["train", 8, 9]]
    with pytest.warns(UserWarning, match="ended after 1 of the 2 steps"):
        batches = seen_by(lambda made: made.fit(NUMBERS, NUMBERS, steps_per_epoch=2, **options))
    assert batches == [*whole, *whole[:2]]
    assert seen_by(lambda made: made.fit(NUMBERS, NUMBERS, steps_per_epoch=3, **options)) == whole * 3
    numbers = itertools.count()

    def endless():
        while True:
            number = np.full((1, 1), next(numbers), "float32")
            yield number, number

    batches = seen_by(lambda made: made.fit(endless(), steps_per_epoch=2, epochs=2, verbose=0))
    assert batches == [["train", n] for n in range(4)]


def test_steps_without_a_batch_size_cut_the_data_evenly():
    batches = seen_by(lambda made: made.fit(NUMBERS, NUMBERS, steps_per_epoch=3, shuffle=False, verbose=0))
    assert [len(batch) - 1 for batch in batches] == [4, 4, 2]
