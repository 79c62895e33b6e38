"""Losses and metrics are Keras's numbers, with weights, logits, smoothing, and their gradients."""

import numpy as np
import pytest
from keras_twins import agree, numbers, ours, quiet, theirs, torch

import tinygrad_ml as tg

pytestmark = quiet

RNG = np.random.default_rng(3)
PROBABILITIES = RNG.dirichlet(np.ones(4), 6).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[RNG.integers(0, 4, 6)]
LABELS = ONE_HOT.argmax(-1)
BITS = RNG.integers(0, 2, (6, 4)).astype("float32")
SURE = np.array([[1, 0, 0, 0]] * 6, "float32")
LOGITS = numbers(6, 4) * 3
UNIT = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
WORDS = np.array([[1, 2, 0], [3, 3, 1], [1, 0, 0], [2, 2, 2], [3, 0, 0], [1, 2, 3]])
WEIGHTS = np.array([1, 2, 0, 0.5, 1, 3], "float32")

CASES = [
    ("MeanSquaredError", {}, LOGITS, BITS),
    ("MeanAbsoluteError", {}, LOGITS, BITS),
    ("MeanAbsolutePercentageError", {}, LOGITS, LOGITS[::-1].copy()),
    ("MeanSquaredLogarithmicError", {}, PROBABILITIES, BITS),
    ("Huber", {"delta": 0.7}, LOGITS, BITS),
    ("LogCosh", {}, LOGITS, BITS),
    ("Hinge", {}, LOGITS, BITS),
    ("SquaredHinge", {}, LOGITS, BITS),
    ("CategoricalHinge", {}, LOGITS, ONE_HOT),
    ("KLDivergence", {}, PROBABILITIES, ONE_HOT),
    ("Poisson", {}, PROBABILITIES, BITS),
    ("CosineSimilarity", {}, LOGITS, BITS + 0.1),
    ("BinaryCrossentropy", {}, PROBABILITIES, BITS),
    ("BinaryCrossentropy", {}, SURE, BITS),
    ("BinaryCrossentropy", {"from_logits": True}, LOGITS * 20, BITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, PROBABILITIES, BITS),
    ("CategoricalCrossentropy", {}, PROBABILITIES, ONE_HOT),
    ("CategoricalCrossentropy", {}, SURE, ONE_HOT),
    ("CategoricalCrossentropy", {}, PROBABILITIES * 3, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, LOGITS * 20, ONE_HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, PROBABILITIES, ONE_HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, LOGITS, ONE_HOT),
    ("SparseCategoricalCrossentropy", {}, PROBABILITIES, LABELS),
    ("SparseCategoricalCrossentropy", {}, SURE, LABELS[:, None]),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LOGITS, LABELS),
    ("BinaryFocalCrossentropy", {}, PROBABILITIES, BITS),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.5, "label_smoothing": 0.1}, LOGITS, BITS),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.6, "gamma": 0.5}, PROBABILITIES, BITS),
    ("CategoricalFocalCrossentropy", {}, PROBABILITIES, ONE_HOT),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.5, "label_smoothing": 0.1}, LOGITS, ONE_HOT),
    ("CategoricalFocalCrossentropy", {"alpha": 0.6, "gamma": 0.5}, PROBABILITIES, ONE_HOT),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.5}, PROBABILITIES, LABELS),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, PROBABILITIES, LABELS),
    ("Dice", {"axis": -1}, PROBABILITIES, BITS),
    ("Tversky", {"alpha": 0.3, "beta": 0.9, "axis": (1,)}, PROBABILITIES, BITS),
    ("Circle", {"gamma": 8.0}, UNIT, LABELS),
    ("Circle", {"gamma": 3.0, "margin": 0.2, "remove_diagonal": False}, UNIT, LABELS),
    ("CTC", {}, numbers(6, 7, 4), WORDS),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "options", "y_pred", "y_true"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_loss_and_gradient(name, options, y_pred, y_true, weighted):
    weights = {"sample_weight": WEIGHTS} if weighted else {}
    for reduction in ("sum_over_batch_size", "sum", None):
        own_y, their_y = tg.tensor(y_pred, requires_grad=True), torch.tensor(y_pred, requires_grad=True)
        found = getattr(ours.losses, name)(reduction=reduction, **options)(y_true, own_y, **weights)
        expected = getattr(theirs.losses, name)(reduction=reduction, **options)(
            torch.tensor(y_true), their_y, **weights
        )
        agree(found, expected)
        found.sum().backward()
        expected.sum().backward()
        if name != "CategoricalHinge":
            agree(own_y.grad, their_y.grad, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize(
    "kind", ["MeanSquaredError", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "own"]
)
def test_the_dtype_of_a_loss_is_that_of_its_arithmetic(kind, dtype):
    targets = LABELS if kind.startswith("Sparse") else ONE_HOT
    found = []
    for room, tensor in ((ours, tg.tensor), (theirs, torch.tensor)):

        class Own(room.losses.Loss):
            def call(self, y_true, y_pred):
                return ((y_true - y_pred) ** 2)[:, 0]

        loss = (Own if kind == "own" else getattr(room.losses, kind))(dtype=dtype)
        found.append((loss(tensor(targets), tensor(PROBABILITIES), tensor(WEIGHTS)), loss.dtype))
    (own, told), (expected, their_dtype) = found
    assert told == their_dtype == dtype and str(own.dtype) == dtype  # Keras's divisor makes float32 of float64
    agree(own, expected, rtol=3e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize(
    ("name", "options", "y_pred", "y_true"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_function(name, options, y_pred, y_true):
    function = ours.naming.snake_case(name) if name not in ("KLDivergence",) else "kl_divergence"
    agree(
        getattr(ours.losses, function)(y_true, y_pred, **options),
        getattr(theirs.losses, function)(torch.tensor(y_true), torch.tensor(y_pred), **options),
    )


OUTCOMES = ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]
EDGES = np.clip(np.round(PROBABILITIES * 4) / 4, 0, 1)  # predictions that are thresholds
METRICS = [
    ("BinaryAccuracy", {}, PROBABILITIES, BITS),
    ("BinaryAccuracy", {"threshold": 0.3}, PROBABILITIES, BITS),
    ("CategoricalAccuracy", {}, PROBABILITIES, ONE_HOT),
    ("SparseCategoricalAccuracy", {}, PROBABILITIES, LABELS),
    ("SparseCategoricalAccuracy", {}, PROBABILITIES, LABELS[:, None]),
    ("TopKCategoricalAccuracy", {"k": 2}, PROBABILITIES, ONE_HOT),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, PROBABILITIES, LABELS),
    ("MeanSquaredError", {}, LOGITS, BITS),
    ("MeanAbsoluteError", {}, LOGITS, BITS),
    ("RootMeanSquaredError", {}, LOGITS, BITS),
    ("CategoricalCrossentropy", {}, PROBABILITIES, ONE_HOT),
    ("Precision", {}, PROBABILITIES, BITS),
    ("Recall", {}, PROBABILITIES, BITS),
    ("Accuracy", {}, BITS, BITS[::-1].copy()),
    *((name, {}, PROBABILITIES, BITS) for name in OUTCOMES),
    *((name, {"thresholds": [0.1, 0.4, 0.9]}, PROBABILITIES, BITS) for name in OUTCOMES),
    ("TruePositives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, EDGES, BITS),
    ("Precision", {"thresholds": [0.2, 0.5], "class_id": 1}, PROBABILITIES, BITS),
    ("Recall", {"thresholds": [0.0, 0.5, 1.0]}, EDGES, BITS),
    ("Recall", {"top_k": 2}, PROBABILITIES, ONE_HOT),
    *(
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 11}, PROBABILITIES, BITS)
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
    ),
    ("AUC", {}, PROBABILITIES, BITS),
    ("AUC", {"num_thresholds": 5}, EDGES, BITS),
    ("AUC", {"from_logits": True}, LOGITS, BITS),
    ("AUC", {"thresholds": [0.7, 0.1, 0.3]}, PROBABILITIES, BITS),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5, 3.0]}, PROBABILITIES, BITS),
    ("AUC", {"multi_label": True}, PROBABILITIES, BITS),
    ("AUC", {"multi_label": True, "curve": "PR", "num_labels": 4}, PROBABILITIES, BITS),
    ("AUC", {"multi_label": True, "thresholds": [0.1, 0.3], "label_weights": [1, 2, 0.5, 3]}, PROBABILITIES, BITS),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, PROBABILITIES, BITS),
    ("SensitivityAtSpecificity", {"specificity": 0.4, "num_thresholds": 5}, EDGES, BITS),
    ("SpecificityAtSensitivity", {"sensitivity": 0.5, "class_id": 2}, PROBABILITIES, BITS),
    ("PrecisionAtRecall", {"recall": 0.6}, PROBABILITIES, BITS),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 1}, PROBABILITIES, BITS),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 20}, PROBABILITIES, BITS),
    *(("F1Score", {"average": average}, PROBABILITIES, ONE_HOT) for average in (None, "micro", "macro", "weighted")),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.3, "average": "macro"}, PROBABILITIES, BITS),
    *(
        ("R2Score", {"class_aggregation": aggregation, "num_regressors": number}, LOGITS, BITS + 0.1 * LOGITS)
        for aggregation in (None, "uniform_average", "variance_weighted_average")
        for number in (0, 3)
    ),
    ("CosineSimilarity", {"axis": 1}, LOGITS, BITS + 0.1),
    ("PearsonCorrelation", {}, LOGITS, numbers(6, 4, seed=8)),
    ("ConcordanceCorrelation", {"axis": -1}, LOGITS, numbers(6, 4, seed=8)),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, LABELS[::-1].copy(), LABELS),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "dtype": "float32"}, LABELS[::-1].copy(), LABELS),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, LABELS[::-1].copy(), LABELS),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, PROBABILITIES, LABELS),
    ("BinaryIoU", {"threshold": 0.2}, PROBABILITIES[:, 1], LABELS % 2),
    ("BinaryIoU", {"target_class_ids": [1]}, PROBABILITIES[:, 1], LABELS % 2),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": (0, 1)}, PROBABILITIES, ONE_HOT),
    ("OneHotMeanIoU", {"num_classes": 4}, PROBABILITIES, ONE_HOT),
]
UNLIKE = {"AUC", "IoU"}  # whose name, after Keras's rules, is another one


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "options", "y_pred", "y_true"), METRICS, ids=[f"{c[0]}-{i}" for i, c in enumerate(METRICS)]
)
def test_metric_over_batches(name, options, y_pred, y_true, weighted):
    own, other = (getattr(room.metrics, name)(**options) for room in (ours, theirs))
    for part in (slice(0, 4), slice(4, 6)):
        weights = {"sample_weight": WEIGHTS[part]} if weighted else {}
        own.update_state(y_true[part], y_pred[part], **weights)
        other.update_state(torch.tensor(y_true[part]), torch.tensor(y_pred[part]), **weights)
    agree(own.result(), other.result())
    assert own.name == ours.naming.snake_case(name) or own.name == other.name
    for metric in (own, other):
        metric.reset_state()
    agree(own.result(), other.result())
    assert [np.shape(kept) for kept in own.variables] == [tuple(kept.shape) for kept in other.variables]


def test_means():
    for name in ("Mean", "Sum"):
        own, other = (getattr(room.metrics, name)() for room in (ours, theirs))
        for metric in (own, other):
            metric.update_state([1.0, 2.0, 5.0], sample_weight=[1, 0, 2])
            metric.update_state(7.0)
        agree(own.result(), other.result())
