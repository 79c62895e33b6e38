"""The numbers of the Keras face are Keras's: those of `keras_numbers.json`, which Keras 3.15.1 on PyTorch gave in float32
(`python tests/compare/keras_numbers.py` writes them), and a few that can be read."""

import json
from pathlib import Path

import numpy as np
import pytest
from keras_cases import IMAGES, SEQUENCES, numbers_of_layers, numbers_of_losses, numbers_of_metrics, wave

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.keras import layers

NUMBERS = json.loads((Path(__file__).parent / "keras_numbers.json").read_text(encoding="utf-8"))
ONE_CLASS = pytest.mark.filterwarnings("ignore::SyntaxWarning")


def value_and_gradient(loss, t, p, w):
    x = tg.tensor(p, requires_grad=True)
    value = loss(t, x, w)
    value.backward()
    return value.numpy(), x.grad.numpy()


@ONE_CLASS
def test_losses_and_their_gradients():
    found = numbers_of_losses(keras, value_and_gradient)
    assert found.keys() == NUMBERS["losses"].keys()
    for name, expected in NUMBERS["losses"].items():
        np.testing.assert_allclose(found[name], expected, 1e-4, 2e-5, err_msg=name)


@ONE_CLASS
def test_metrics():
    found = numbers_of_metrics(keras, tg.Tensor.numpy, np.asarray)
    assert found.keys() == NUMBERS["metrics"].keys()
    for name, expected in NUMBERS["metrics"].items():
        np.testing.assert_allclose(found[name], expected, 1e-5, 2e-6, err_msg=name)


def outputs_and_slope(layer, inputs, given):
    x = [tg.tensor(part, requires_grad=True) for part in inputs]
    y = layer(*x, **given)
    y = list(y) if isinstance(y, (list, tuple)) else [y]
    (y[0] * wave(y[0].shape, 0.4)).sum().backward()
    return [one.numpy() for one in y], x[0].grad.numpy()


@pytest.mark.parametrize(("kind", "cases"), [("sequences", SEQUENCES), ("images", IMAGES)])
def test_layers_and_their_gradients(kind, cases):
    found = numbers_of_layers(keras, outputs_and_slope, cases)
    assert found.keys() == NUMBERS[kind].keys()
    for name, expected in NUMBERS[kind].items():
        np.testing.assert_allclose(found[name], expected, 1e-4, 2e-5, err_msg=name)


def line(**compiled):
    """y = w·x + b from w = b = 0, whose losses can be computed by hand."""
    made = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="zeros")])
    made.compile(**{"optimizer": keras.optimizers.SGD(1.0), "loss": "mse"} | compiled)
    return made


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("weight_columns", [False, True])
def test_weights_of_samples_are_those_of_their_targets(columns, weight_columns):
    """Keras 3.15.1: the first of two samples has all the weight, so the bias goes towards its target 1 and not 3."""
    y, weights = np.array([1.0, 3.0]), np.array([1.0, 0.0])
    y, weights = y[:, None] if columns else y, weights[:, None] if weight_columns else weights
    made = line(metrics=["mae"], weighted_metrics=["mse"])
    loss, mae, mse = made.train_on_batch(np.zeros((2, 1)), y, sample_weight=weights)
    assert (loss, mae, mse, made.get_weights()[1]) == (0.5, 2.0, 1.0, 1.0)
    made = line()
    made.fit(np.zeros((2, 1)), y, sample_weight=weights, verbose=0)
    assert made.get_weights()[1] == 1.0


def test_weights_of_classes_are_those_of_their_targets():
    """Keras 3.15.1: class 1 counts four times as much."""
    y = np.array([0, 1, 1])
    slopes = {}
    for given in (None, {1: 4.0}, {0: 0.5, 1: 4.0, 7: 9.0}):
        made = line(loss=keras.losses.BinaryCrossentropy(from_logits=True))
        made.train_on_batch(np.zeros((3, 1)), y, class_weight=given)
        slopes[len(given or {})] = float(made.get_weights()[1][0])
    assert slopes == pytest.approx({0: 0.5 / 3, 1: 3.5 / 3, 3: 3.75 / 3})
    wide = keras.Sequential([layers.Input((1,)), layers.Dense(2, kernel_initializer="zeros")])
    wide.compile("sgd", "mse", weighted_metrics=["mae"])
    found = wide.train_on_batch(np.zeros((3, 1)), np.eye(2)[y] * [[1], [1], [3]], class_weight={0: 3.0})
    assert found == pytest.approx([(3 * 1 + 1 + 9) / 2 / 3, (3 * 1 + 1 + 3) / 2 / 5])
    with pytest.raises(OptionError, match="class_weight"):
        line().train_on_batch(np.zeros((3, 1)), np.zeros((3, 2, 2)), class_weight={0: 1.0})


def test_classes_that_are_ignored_do_not_count_in_the_mean_of_a_loss():
    """Keras 3.15.1. In a metric they count as 0, as they do there."""
    t, p = np.array([0, 1, 2]), np.array([[0.6, 0.2, 0.2], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2]], "float32")
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    expected = -(np.log(0.5) + np.log(0.2)) / 2
    assert float(loss(t, p)) == pytest.approx(expected, rel=1e-6)
    assert float(loss(t, p, sample_weight=[5.0, 1.0, 0.0])) == pytest.approx(-np.log(0.5) / 2, rel=1e-6)
    assert float(loss([0, 0, 0], p)) == 0
    summed = keras.losses.SparseCategoricalCrossentropy(ignore_class=0, reduction="sum")
    assert float(summed(t, p)) == pytest.approx(2 * expected, rel=1e-6)
    wrapped = keras.losses.LossFunctionWrapper(
        lambda t, y: keras.losses.sparse_categorical_crossentropy(t, y, ignore_class=0), name="own"
    )
    assert float(wrapped(t, p)) == pytest.approx(expected, rel=1e-6)
    broken = tg.tensor(np.where(t[:, None] == 0, np.nan, p), requires_grad=True)
    loss(t, broken).backward()
    assert np.isfinite(broken.grad.numpy()).all()
    metric = keras.metrics.SparseCategoricalCrossentropy(ignore_class=0)
    metric.update_state(t, p)
    assert float(metric.result()) == pytest.approx(2 * expected / 3, rel=1e-6)


def test_an_own_loss_never_meets_targets_of_another_rank():
    """As in Keras, which makes (batch, 1) of (batch,) before it calls one; broadcast, this would be 2."""
    shapes = []

    def own(y_true, y_pred):
        shapes.append((y_true.shape, y_pred.shape))
        return (y_true - y_pred) ** 2

    assert line(loss=own).evaluate(np.zeros((2, 1)), np.array([1, 3]), verbose=0) == 5.0
    assert set(shapes) == {((2, 1), (2, 1))}


def test_a_smaller_last_batch_weighs_less():
    """Keras 3.15.1: losses and metrics are means over samples, in `evaluate` and in the logs of `fit`."""
    made = line(optimizer=keras.optimizers.SGD(0.0), metrics=["mae"])
    x, y = np.zeros((5, 1)), np.array([1.0, 1.0, 1.0, 1.0, 6.0])
    assert made.evaluate(x, y, batch_size=2, verbose=0) == pytest.approx([40 / 5, 10 / 5])
    history = made.fit(x, y, batch_size=2, shuffle=False, verbose=0).history
    assert history == {"loss": [pytest.approx(8.0)], "mae": [pytest.approx(2.0)]}


@pytest.mark.parametrize(
    ("targets", "predictions", "weights"),
    [
        ((4,), (4, 3), None),
        ((4, 1), (4, 3), None),
        ((4, 3), (4, 1), None),
        ((4, 3), (4, 3), (3,)),
        ((4, 3), (4, 3), (4, 3)),
        ((4,), (4,), (4,)),
    ],
    ids=str,
)
def test_what_keras_would_broadcast_is_refused(targets, predictions, weights):
    given = None if weights is None else np.ones(weights)
    with pytest.raises(ShapeError, match="shape"):
        keras.losses.MeanSquaredError()(np.ones(targets), np.ones(predictions), sample_weight=given)


def test_one_class_is_warned_about():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        keras.losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))
