"""Several outputs, as Keras has them: losses, their factors, metrics and weights as lists and dictionaries, the order of what
comes back, smaller last batches, class weights and steps. Both give the same numbers under the same names, or both refuse."""

import itertools

import numpy as np
import pytest
from keras_twins import ours, quiet, theirs

from tinygrad_ml.errors import TinygradError

pytestmark = quiet

RNG = np.random.default_rng(0)
X = RNG.standard_normal((7, 3)).astype("float32")
LEFT, RIGHT = RNG.standard_normal((7, 1)).astype("float32"), RNG.integers(0, 4, 7)
W_LEFT, W_RIGHT = (RNG.uniform(0, 2, 7).astype("float32") for _ in range(2))
KERNELS = [RNG.standard_normal((3, n)).astype("float32") * 0.5 for n in (1, 4)]


def listed(room):
    x = room.layers.Input((3,))
    outputs = [room.layers.Dense(1, name="left")(x), room.layers.Dense(4, "softmax", name="right")(x)]
    return room.Model(x, outputs)


def by_name(room):
    x = room.layers.Input((3,))
    left, right = room.layers.Dense(1)(x), room.layers.Dense(4, "softmax")(x)
    return room.Model(x, {"left": left, "right": right})


def subclassed(room, named=False):
    class Net(room.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = room.layers.Dense(1), room.layers.Dense(4, "softmax")

        def call(self, x):
            return {"left": self.a(x), "right": self.b(x)} if named else [self.a(x), self.b(x)]

    return Net()


MODELS = {
    "list": listed,
    "dictionary": by_name,
    "own list": subclassed,
    "own dictionary": lambda room: subclassed(room, True),
}


def prepared(room, make):
    model = MODELS[make](room)
    model(X)
    model.set_weights([KERNELS[0], np.zeros(1), KERNELS[1], np.zeros(4)])
    return model


def attempt(run):
    try:
        return run(), None
    except Exception as error:
        return None, error


def results(room, make, compiled, y, weights):
    model = prepared(room, make)
    model.compile("sgd", **compiled)
    options = {"verbose": 0, "batch_size": 3, "sample_weight": weights}
    history = model.fit(X, y, shuffle=False, epochs=2, **options).history
    del options["batch_size"]
    return {
        "fit": {name: np.asarray(values) for name, values in history.items()},
        "evaluate": model.evaluate(X, y, batch_size=4, **options),
        "test_on_batch": model.test_on_batch(X, y, weights, return_dict=True),
        "train_on_batch": model.train_on_batch(X, y, weights),
    }


def same(make, compiled, y, weights=None, more=None, refused=None):
    """`more`: why we can do what Keras refuses; `refused`: why we do not do what it does."""
    found, error = attempt(lambda: results(ours, make, compiled(ours), y, weights))
    expected, their_error = attempt(lambda: results(theirs, make, compiled(theirs), y, weights))
    assert error is None or isinstance(error, TinygradError), error
    assert (error is None) == (their_error is None) or (more if error is None else refused), (error, their_error)
    if error is not None or their_error is not None:
        return
    assert list(found["fit"]) == list(expected["fit"])
    for name, values in expected["fit"].items():
        np.testing.assert_allclose(found["fit"][name], values, 2e-4, 1e-5, err_msg=name)
    assert sorted(found["test_on_batch"]) == sorted(expected["test_on_batch"])
    for name, value in expected["test_on_batch"].items():
        np.testing.assert_allclose(found["test_on_batch"][name], value, 2e-4, 1e-5, err_msg=name)
    for what in ("evaluate", "train_on_batch"):
        np.testing.assert_allclose(found[what], expected[what], 2e-4, 1e-5, err_msg=what)


def as_dict(pair):
    return dict(zip(("left", "right"), pair, strict=True))


def as_list(pair):
    return list(pair)


LOSS = ("mse", "sparse_categorical_crossentropy")
SHAPES = {"list": as_list, "dictionary": as_dict}


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(("losses", "targets"), list(itertools.product(SHAPES, SHAPES)))
def test_losses_and_factors(make, losses, targets):
    y = SHAPES[targets]((LEFT, RIGHT))
    own = "the names of outputs are those of a dictionary of targets" if targets == "dictionary" else None
    for factors in (None, (0.5, 2.0)):
        more = own
        compiled = {"loss": SHAPES[losses](LOSS)}
        if factors:
            compiled["loss_weights"] = SHAPES[losses](factors)
        same(make, lambda room, c=compiled: c, y, more=more)


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("kind", SHAPES)
def test_metrics_of_each_output(make, kind):
    y = as_dict((LEFT, RIGHT)) if "dictionary" in make else [LEFT, RIGHT]

    def compiled(room):
        return {
            "loss": (as_dict if "dictionary" in make else as_list)(LOSS),
            "metrics": SHAPES[kind]((["mae", room.metrics.RootMeanSquaredError(name="root")], "accuracy")),
            "weighted_metrics": SHAPES[kind]((["mae"], ["accuracy", room.metrics.SparseTopKCategoricalAccuracy(2)])),
        }

    same(make, compiled, y)
    weights = (W_LEFT, W_RIGHT)
    same(make, compiled, y, as_dict(weights) if "dictionary" in make else list(weights))
    same(make, compiled, y, W_LEFT)


@pytest.mark.parametrize(
    "compiled",
    [
        {"loss": ["mse", None]},
        {"loss": "mse"},
        {"loss": ["mse"]},
        {"loss": ["mse", "mse", "mse"]},
        {"loss": {"left": "mse", "middle": "mse"}},
        {"loss": list(LOSS), "metrics": ["mae"]},
        {"loss": list(LOSS), "metrics": "mae"},
        {"loss": list(LOSS), "metrics": {"left": "mae"}},
        {"loss": list(LOSS), "metrics": {"middle": "mae"}},
        {"loss": list(LOSS), "metrics": [None, "accuracy"]},
        {"loss": list(LOSS), "metrics": [["mae", "mae"], ["accuracy"]]},
        {"loss": list(LOSS), "loss_weights": [1.0]},
    ],
    ids=str,
)
def test_what_fits_and_what_does_not(compiled):
    y = [LEFT, RIGHT if compiled["loss"] != "mse" else np.eye(4, dtype="float32")[RIGHT]]
    refused = "Keras leaves the second output without a loss, silently" if compiled["loss"] == ["mse"] else None
    same("list", lambda room: compiled, y, refused=refused)


def single(room, out=1, activation="sigmoid"):
    model = room.Sequential([room.layers.Input((3,)), room.layers.Dense(out, activation)])
    model.set_weights([KERNELS[0] if out == 1 else KERNELS[1], np.zeros(out)])
    return model


BITS = (LEFT > 0).astype(int)


@pytest.mark.parametrize("given", [{}, {"class_weight": {0: 0.3, 1: 2.0}}, {"class_weight": {1: 3.0}},
                                   {"sample_weight": W_LEFT}, {"sample_weight": W_LEFT[:, None]}], ids=lambda g: "-".join(g))  # fmt: skip
@pytest.mark.parametrize("y", [BITS, BITS.astype("float32")[:, 0]], ids=["column", "flat"])
@pytest.mark.parametrize("loss", ["binary_crossentropy", "hinge"])
def test_the_commonest_classifier(given, y, loss):
    found = []
    for room in (ours, theirs):
        model = single(room)
        model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["accuracy", "mse"])
        history = model.fit(X, y, batch_size=3, epochs=2, shuffle=False, verbose=0, **given).history
        found.append((history, model.train_on_batch(X, y, **given), model.get_weights()))
    assert list(found[0][0]) == list(found[1][0])
    for name, values in found[1][0].items():
        np.testing.assert_allclose(found[0][0][name], values, 2e-5, 1e-6, err_msg=name)
    np.testing.assert_allclose(found[0][1], found[1][1], 2e-5, 1e-6)
    for own, other in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(own, other, 2e-5, 1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [None, 2, 3])
def test_steps_of_epochs_and_validations(steps, batch_size):
    histories = []
    for room in (ours, theirs):
        model = single(room, 4, "softmax")
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        fitted = {
            "steps_per_epoch": steps,
            "validation_steps": steps,
            "validation_data": (X[::-1].copy(), RIGHT[::-1].copy()),
        }
        history = model.fit(X, RIGHT, batch_size=batch_size, epochs=3, shuffle=False, verbose=0, **fitted).history
        history["evaluate"] = model.evaluate(X, RIGHT, batch_size=batch_size, steps=steps, verbose=0)
        history["predict"] = model.predict(X, batch_size=batch_size, steps=steps, verbose=0)
        histories.append(history)
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, 2e-5, 1e-6, err_msg=name)


# -- losses in structures ----------------------------------------------------------------------------------------------

BITS_OF_FOUR = [(RNG.random((7, 1)) > 0.5).astype("float32") for _ in range(4)]
NESTED = {
    "one": lambda y: y[0],
    "list of one": lambda y: [y[0]],
    "list": lambda y: y[:2],
    "tuple": lambda y: tuple(y[:2]),
    "dict": lambda y: {"b": y[0], "a": y[1]},
    "list in list": lambda y: [y[0], [y[1], y[2]]],
    "deep": lambda y: {"a": (y[0], y[1]), "b": {"b1": y[2]}, "d": y[3]},
}
NESTED_LOSSES = [
    ("one", ["mse"], None),
    ("one", {"y1": ["mse"]}, None),
    ("list of one", ["mse", "mae"], None),
    ("list", ["mse", None], None),
    ("list", ["mse", ["mae", "bce"]], [1.0, [2.0, 3.0]]),
    ("list", ["mse", ["mae", "bce"]], [1.0, 2.0, 3.0]),
    ("list", ("both", ["mse", "mae"]), (1.0, [2.0, 3.0])),
    ("list", {"y1": "mse", "y2": ["mae", "bce"]}, None),
    ("list", ["mse", "mae", "bce"], None),
    ("list", ["mse", ["mae"]], [1.0]),
    ("list", {"y1": "mse", "y3": ["mae"]}, None),
    ("tuple", ["both", ("mse", "mae")], None),
    ("dict", {"b": "mse", "a": ["mae", "bce"]}, {"b": 1.0, "a": [2.0, 3.0]}),
    ("dict", ["both", {"b": "mse", "a": "mae"}], None),
    ("dict", {"b": "mse", "c": ["mae"]}, None),
    ("dict", {"a": ["mae"]}, None),
    ("list in list", ["mse", ["mae", None]], [1.0, [2.0, 1.0]]),
    ("list in list", ["mse", "mae", "bce"], None),
    ("deep", "mse", None),
    ("deep", {"a": ["both", (None, "mae")], "b": ["both", {"b1": "mse"}], "d": "bce"}, None),
    ("deep", {"a": "both", "b": {"b1": "mse"}}, None),
    ("deep", {"a": ["mse", "mae"], "b": ["mse"], "d": "mse"}, None),
    ("deep", {"a": ("mse", None), "b": {"b2": "mse"}}, None),
]


def put(loss, function):
    """The losses, with a function of a whole structure in the place of "both"."""
    if isinstance(loss, dict):
        return {key: put(one, function) for key, one in loss.items()}
    return type(loss)(put(one, function) for one in loss) if isinstance(loss, (list, tuple)) else loss if loss != "both" else function  # fmt: skip


@pytest.mark.parametrize(("outputs", "loss", "weights"), NESTED_LOSSES, ids=str)
def test_losses_nested_as_the_outputs_are(outputs, loss, weights):
    def run(room):
        def of_both(t, p):
            keys = sorted(t) if isinstance(t, dict) else range(len(t))
            return sum(room.losses.mean_absolute_error(t[key], p[key]) for key in keys)

        x = room.Input((3,))
        y = [room.layers.Dense(1, "sigmoid", kernel_initializer="ones", name=f"y{i}")(x) for i in range(1, 5)]
        model = room.Model(x, NESTED[outputs](y))
        model.compile("sgd", put(loss, of_both), loss_weights=weights)
        return model.fit(X, NESTED[outputs](BITS_OF_FOUR), batch_size=3, epochs=2, shuffle=False, verbose=0).history

    (found, error), (expected, other) = attempt(lambda: run(ours)), attempt(lambda: run(theirs))
    assert (error is None) == (other is None), (error, other)
    assert error is None or isinstance(error, TinygradError), error
    if error is None:
        assert sorted(found) == sorted(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, 2e-5, 1e-6, err_msg=name)
