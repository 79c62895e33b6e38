"""`fit` gives Keras's history: the same keys, and epoch for epoch the same numbers."""

import numpy as np
import pytest
from keras_twins import agree, numbers, ours, quiet, theirs

pytestmark = quiet

RNG = np.random.default_rng(0)
X = numbers(70, 8)
LABELS = RNG.integers(0, 3, 70)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BITS = RNG.integers(0, 2, (70, 1))
IMAGES = RNG.random((40, 8, 7, 2)).astype("float32")


def mlp(room, out=3, activation="softmax", **options):
    layers = room.layers
    return room.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(6, activation="relu", name="hidden", **options),
            layers.Dense(out, activation=activation, name="out"),
        ]
    )


def cnn(room):
    layers = room.layers
    return room.Sequential(
        [
            layers.Input((8, 7, 2)),
            layers.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def functional(room):
    layers = room.layers
    a, b = layers.Input((8,), name="a"), layers.Input((8,), name="b")
    shared = layers.Dense(5, activation="tanh")
    joined = layers.Concatenate()([shared(a), shared(b)])
    left = layers.Dense(1, name="left")(layers.Add()([joined, joined]))
    right = layers.Dense(3, activation="softmax", name="right")(joined)
    return room.Model([a, b], [left, right])


def twins(make):
    """The same model twice, with the same weights."""
    models = [make(room) for room in (ours, theirs)]
    weights = [0.5 * numbers(*w.shape, seed=i) for i, w in enumerate(models[0].get_weights())]
    weights = [
        np.abs(w) if "moving_variance" in (v.name or "") else w for w, v in zip(weights, models[0].weights, strict=True)
    ]
    for model in models:
        model.set_weights(weights)
    return models


def compare(make, compiled, fitted, evaluated=None, rtol=2e-4):
    """Compile, fit and evaluate both; `compiled` and `fitted` are options, or functions of the room."""
    models = twins(make)
    histories, scores = [], []
    for room, model in zip((ours, theirs), models, strict=True):
        options = [option(room) if callable(option) else option for option in (compiled, fitted)]
        model.compile(**options[0])
        histories.append(model.fit(**{"shuffle": False, "verbose": 0} | options[1]))
        if evaluated is not None:
            scores.append(model.evaluate(*evaluated, verbose=0))
    assert list(histories[0].history) == list(histories[1].history)
    assert histories[0].epoch == histories[1].epoch
    for name, values in histories[1].history.items():
        np.testing.assert_allclose(histories[0].history[name], values, rtol, 1e-5, err_msg=name)
    if scores:
        np.testing.assert_allclose(scores[0], scores[1], rtol, 1e-5)
    for own, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(own, other, 2e-3, 2e-4)
    return models


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad"])
@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse", "kl_divergence"])
def test_losses_by_name(optimizer, loss):
    compare(
        mlp,
        {"optimizer": optimizer, "loss": loss, "metrics": ["accuracy", "mae"]},
        {"x": X, "y": ONE_HOT, "epochs": 3},
        (X, ONE_HOT),
    )


@pytest.mark.parametrize("y", [LABELS, LABELS[:, None]], ids=["flat", "column"])
def test_class_numbers(y):
    compare(
        mlp,
        lambda room: {
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["acc", room.metrics.SparseTopKCategoricalAccuracy(k=2)],
        },
        {"x": X, "y": y, "epochs": 3, "batch_size": 16, "validation_split": 0.2},
        (X, y),
    )


def test_binary_with_logits_and_weights():
    compare(
        lambda room: mlp(room, 1, None),
        lambda room: {
            "optimizer": "adam",
            "loss": room.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
            "metrics": ["accuracy"],
            "weighted_metrics": [room.metrics.BinaryAccuracy(name="heavy")],
        },
        {
            "x": X,
            "y": BITS,
            "epochs": 3,
            "sample_weight": np.linspace(0, 2, 70).astype("float32"),
            "validation_data": (X, BITS),
        },
        (X, BITS),
    )


def test_class_weights():
    compiled = {"optimizer": "sgd", "loss": "categorical_crossentropy", "metrics": ["accuracy"]}
    compare(mlp, compiled, {"x": X, "y": ONE_HOT, "epochs": 3, "class_weight": {0: 1.0, 1: 3.0, 2: 0.5}})


@pytest.mark.parametrize("options", [
    {"kernel_regularizer": "l2", "bias_regularizer": "l1"},
    {"activity_regularizer": "l2"},
    {"kernel_constraint": "max_norm"},
    {"kernel_constraint": "unit_norm", "bias_constraint": "non_neg"},
], ids=str)  # fmt: skip
def test_regularizers_and_constraints(options):
    compiled = {"optimizer": "sgd", "loss": "mse"}

    def make(room):
        named = {
            "max_norm": room.constraints.MaxNorm(1.0),
            "unit_norm": room.constraints.UnitNorm(),
            "non_neg": room.constraints.NonNeg(),
        }
        return mlp(room, **{name: named.get(value, value) for name, value in options.items()})

    compare(make, compiled, {"x": X, "y": ONE_HOT, "epochs": 3}, (X, ONE_HOT))


def test_convolution_and_batch_norm():
    y = LABELS[:40]
    compare(
        cnn,
        lambda room: {
            "optimizer": "adam",
            "loss": room.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": ["accuracy"],
        },
        {"x": IMAGES, "y": y, "epochs": 3, "batch_size": 8, "validation_data": (IMAGES, y)},
        (IMAGES, y),
        rtol=2e-3,
    )


@pytest.mark.parametrize("named", [False, True])
def test_several_inputs_and_outputs(named):
    losses = ["mse", "sparse_categorical_crossentropy"]
    metrics = [["mae"], ["accuracy"]]
    y = [X[:, :1], LABELS]
    x = [X, X[::-1].copy()]
    if named:
        losses, metrics, y = (dict(zip(("left", "right"), thing, strict=True)) for thing in (losses, metrics, y))
        x = dict(zip("ab", x, strict=True))
    compiled = {
        "optimizer": "adam",
        "loss": losses,
        "metrics": metrics,
        "loss_weights": {"left": 1.0, "right": 0.3} if named else [1.0, 0.3],
    }
    compare(functional, compiled, {"x": x, "y": y, "epochs": 3, "validation_data": (x, y)}, (x, y))


def test_callbacks_that_watch():
    compare(
        mlp,
        lambda room: {"optimizer": room.optimizers.SGD(3.0, momentum=0.9), "loss": "categorical_crossentropy"},
        lambda room: {
            "x": X, "y": ONE_HOT, "epochs": 12, "validation_split": 0.3,
            "callbacks": [
                room.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1),
                room.callbacks.EarlyStopping(patience=4, restore_best_weights=True, min_delta=0.01),
            ],
        },
        rtol=2e-3,
    )  # fmt: skip


def test_learning_rate_scheduler():
    compare(
        mlp,
        {"optimizer": "sgd", "loss": "categorical_crossentropy"},
        lambda room: {
            "x": X,
            "y": ONE_HOT,
            "epochs": 4,
            "callbacks": [room.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)],
        },
    )


def test_initial_epoch_and_steps():
    compare(
        mlp,
        {"optimizer": "sgd", "loss": "mse"},
        {"x": X, "y": ONE_HOT, "epochs": 5, "initial_epoch": 2, "batch_size": 10},
    )


def test_on_batch_and_predict():
    models = twins(mlp)
    results = []
    for model in models:
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        results.append([model.train_on_batch(X[:20], ONE_HOT[:20]), model.test_on_batch(X[20:], ONE_HOT[20:])])
    np.testing.assert_allclose(*results, rtol=1e-4)
    agree(models[0].predict(X, verbose=0), models[1].predict(X, verbose=0), atol=1e-5)


def blocks(room):
    """Layers inside of layers, in attributes, lists and dictionaries of all names, one of them twice."""

    class Block(room.layers.Layer):
        def __init__(self):
            super().__init__()
            self.zoom, self._inner, self.shared = room.layers.Dense(3), room.layers.Dense(3), room.layers.Dense(3)
            self.many, self.named = [room.layers.Dense(3), [self.shared]], {"b": room.layers.Dense(3), "a": self.shared}

        def build(self, shape):
            self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")
            super().build(shape)

        def call(self, x):
            for layer in (self.zoom, self._inner, self.many[0], self.shared, self.named["b"]):
                x = layer(x) * self.scale
            return x

    class Net(room.Model):
        def __init__(self):
            super().__init__()
            self.a, self.out, self.block = room.layers.Dense(3), room.layers.Dense(2), Block()
            self.inside = room.Sequential([room.layers.Dense(3), room.layers.BatchNormalization()])

        def call(self, x):
            return self.out(self.inside(self.block(self.a(x))))

    made = Net()
    made(np.ones((2, 4), "float32"))
    return made


@pytest.mark.parametrize("make", [mlp, cnn, functional, blocks], ids=lambda make: make.__name__)
def test_weights_go_through_a_file_of_keras_both_ways(make, tmp_path):
    pytest.importorskip("h5py")
    own, other = (make(room) for room in (ours, theirs))
    other.save_weights(tmp_path / "their.weights.h5")
    own.load_weights(tmp_path / "their.weights.h5")
    for a, b in zip(own.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    own.set_weights([w + 1 for w in own.get_weights()])
    own.save_weights(tmp_path / "own.weights.h5")
    other.load_weights(tmp_path / "own.weights.h5")
    for a, b in zip(own.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_of_layers():
    for room in (ours, theirs):
        room.utils.clear_session()
    kinds = (
        "Dense",
        "Dense",
        "MaxPooling2D",
        "BatchNormalization",
        "Conv2D",
        "GlobalAveragePooling2D",
        "PReLU",
        "ELU",
        "LeakyReLU",
        "ReLU",
    )
    for kind in kinds:
        options = {"Dense": {"units": 1}, "Conv2D": {"filters": 1, "kernel_size": 1}}.get(kind, {})
        assert getattr(ours.layers, kind)(**options).name == getattr(theirs.layers, kind)(**options).name
