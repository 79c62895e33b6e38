"""Metrics of whole data sets, and losses of regions: their numbers, worked out by hand, in `fit`, and their mistakes."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.keras import metrics

T, P = [0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.AUC(num_thresholds=3), 0.75),
        (metrics.AUC(), 0.75),
        (metrics.AUC(curve="PR"), 0.79726744),
        (metrics.AUC(thresholds=[0.4, 0.6]), 0.625),
        (metrics.TruePositives(), 1),
        (metrics.FalsePositives(thresholds=[0.1, 0.5]), [1, 0]),
        (metrics.TrueNegatives(thresholds=0.5), 2),
        (metrics.FalseNegatives(thresholds=[0.2, 0.3, 1]), [0, 1, 2]),
        (metrics.SensitivityAtSpecificity(0.5), 1),
        (metrics.SpecificityAtSensitivity(1.0), 0.5),
        (metrics.PrecisionAtRecall(0.5), 1),
        (metrics.RecallAtPrecision(0.8), 0.5),
        (metrics.BinaryIoU(threshold=0.4), 1 / 3),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_numbers_worked_out_by_hand(metric, expected):
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(T[part], P[part])
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)
    assert metric.get_config() == type(metric).from_config(metric.get_config()).get_config()
    metric.reset_state()
    metric.update_state(T, P, sample_weight=[1, 1, 1, 1])
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


def test_a_nan_is_above_no_threshold():
    for metric in (metrics.AUC(num_thresholds=5), metrics.TruePositives([0.0, 0.1])):
        metric.update_state([1, 1], [float("nan"), 0.6])
    assert float(metric.result()[0]) == 1


def test_scores_of_classes_and_of_regressions():
    t = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]], "float32")
    y = np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]], "float32")
    score = metrics.F1Score(threshold=0.5)
    score.update_state(t, y)
    np.testing.assert_allclose(score.result(), [0.5, 0.8, 2 / 3], rtol=1e-5)
    r2 = metrics.R2Score()
    r2.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
    assert float(r2.result()) == pytest.approx(4 / 7)
    with pytest.raises(ShapeError, match=r"R2Score needs targets and predictions \(batch, outputs\)"):
        r2.update_state([1.0, 2.0], [1.0, 2.0])


def test_overlap_leaves_out_classes_that_are_ignored_or_unknown():
    metric = metrics.MeanIoU(num_classes=2, ignore_class=1)
    metric.update_state([0, 0, 1, 1, 7], [0, 1, 0, 1, 0])
    np.testing.assert_allclose(metric.total_cm, [[1, 1], [0, 0]])
    assert float(metric.result()) == pytest.approx(0.25)
    pixels = metrics.OneHotMeanIoU(num_classes=2)
    t = np.eye(2)[[[0, 1], [1, 1]]]
    pixels.update_state(t, t[:, ::-1], sample_weight=[2, 1])
    np.testing.assert_allclose(pixels.total_cm, [[0, 2], [2, 2]])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: metrics.AUC(curve="ROCK"), "curve='ROCK' is not 'ROC', 'PR' or 'PRGAIN'"),
        (lambda: metrics.AUC(num_labels=3), "without multi_label=True"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds=1 must be an integer of 2 or more"),
        (lambda: metrics.TruePositives([0.5, 1.5]), r"between 0 and 1, and \[1.5\] are not"),
        (lambda: metrics.PrecisionAtRecall(1.2), "recall=1.2 must be a number from 0 to 1"),
        (lambda: metrics.IoU(2, [0, 2]), r"\[2\] are no classes, which are numbered from 0 to 1"),
        (lambda: metrics.FBetaScore(average="mean"), "average='mean' is not None, 'micro', 'macro' or 'weighted'"),
        (lambda: metrics.get("MeanIoU"), "there is no metric 'MeanIoU'.*; there are"),
        (lambda: metrics.BinaryCrossentropy(logits=True), "no option logits=; it has name, dtype, from_logits"),
        (lambda: keras.losses.Tversky(gamma=1), "Tversky.*'gamma'; its options are alpha, beta, reduction, name, axis"),
    ],
)
def test_mistakes_are_told(make, told):
    with pytest.raises(OptionError, match=told):
        make()


def model_and_data():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3)).astype("float32")
    y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    return model, x, y


def test_they_are_compiled_within_fit_and_count_what_they_count_outside():
    named = {
        "auc": metrics.AUC,
        "labels": lambda name: metrics.AUC(multi_label=True, name=name),
        "f1": metrics.F1Score,
        "r2": metrics.R2Score,
        "iou": lambda name: metrics.OneHotMeanIoU(2, name=name),
        "true": lambda name: metrics.TruePositives([0.2, 0.7], name=name),
        "recall": lambda name: metrics.RecallAtPrecision(0.6, name=name),
        "dice": lambda name: metrics.MeanMetricWrapper(keras.losses.dice, name=name, axis=-1),
    }
    model, x, y = model_and_data()
    model.compile(loss="dice", optimizer="sgd", metrics=[make(name=name) for name, make in named.items()])
    model.fit(x, y, batch_size=10, epochs=3, verbose=0)
    assert model.train_function.why_not is None
    assert "operation by operation" not in repr(model.train_function)
    found = model.evaluate(x, y, batch_size=10, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0)
    for name, make in named.items():
        metric = make(name=name)
        metric.update_state(y, p)
        np.testing.assert_allclose(found[name], metric.result(), rtol=1e-4)


@pytest.mark.parametrize("loss", ["tversky", "binary_focal_crossentropy", "categorical_focal_crossentropy"])
def test_losses_by_name_learn(loss):
    model, x, y = model_and_data()
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(0.1))
    losses = model.fit(x, y, batch_size=10, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("function", "shape", "targets"),
    [
        ("dice", (3, 4), np.eye(4)[[0, 2, 1]]),
        ("tversky", (3, 4), np.eye(4)[[0, 2, 1]]),
        ("circle", (4, 3), [0, 1, 0, 1]),
        ("ctc", (2, 4, 3), [[1, 2], [2, 0]]),
        ("binary_focal_crossentropy", (3, 4), np.eye(4)[[0, 2, 1]]),
        ("categorical_focal_crossentropy", (3, 4), np.eye(4)[[0, 2, 1]]),
        ("categorical_generalized_cross_entropy", (3, 4), [0, 2, 1]),
    ],
)
def test_derivatives_to_second_order(function, shape, targets):
    y = tg.tensor(np.random.default_rng(1).uniform(0.1, 0.9, shape), requires_grad=True)
    assert tg.gradcheck(lambda p: getattr(keras.losses, function)(targets, p), (y,), order=2)


def test_a_variable_begins_with_an_array():
    metric = metrics.Mean()
    kept = metric.add_variable((2,), initializer=np.array([1.0, 2.0], "float32"))
    assert kept.numpy().tolist() == [1, 2]
