"""Metrics: numbers that are watched over the batches of an epoch. Read `base.py` first, then `counts.py`."""

from __future__ import annotations

from typing import Any

import numpy

from ...tensor import Tensor
from .. import losses
from ..losses import binary_crossentropy as binary_crossentropy
from ..losses import binary_focal_crossentropy as binary_focal_crossentropy
from ..losses import categorical_crossentropy as categorical_crossentropy
from ..losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from ..losses import categorical_hinge as categorical_hinge
from ..losses import hinge as hinge
from ..losses import huber as huber
from ..losses import kl_divergence as kl_divergence
from ..losses import log_cosh as log_cosh
from ..losses import mean_absolute_error as mean_absolute_error
from ..losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from ..losses import mean_squared_error as mean_squared_error
from ..losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from ..losses import poisson as poisson
from ..losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from ..losses import squared_hinge as squared_hinge
from ..serialization import by_name, offer
from ..serialization import deserialize as deserialize
from ..serialization import serialize as serialize
from .accuracies import Accuracy as Accuracy
from .accuracies import BinaryAccuracy as BinaryAccuracy
from .accuracies import CategoricalAccuracy as CategoricalAccuracy
from .accuracies import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .accuracies import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .accuracies import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .accuracies import accuracy as accuracy
from .accuracies import binary_accuracy as binary_accuracy
from .accuracies import categorical_accuracy as categorical_accuracy
from .accuracies import sparse_categorical_accuracy as sparse_categorical_accuracy
from .accuracies import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from .accuracies import top_k_categorical_accuracy as top_k_categorical_accuracy
from .base import Mean as Mean
from .base import MeanMetricWrapper as MeanMetricWrapper
from .base import Metric as Metric
from .base import Sum as Sum
from .base import metrics_in as metrics_in
from .counts import FalseNegatives as FalseNegatives
from .counts import FalsePositives as FalsePositives
from .counts import Precision as Precision
from .counts import Recall as Recall
from .counts import TrueNegatives as TrueNegatives
from .counts import TruePositives as TruePositives
from .curves import AUC as AUC
from .curves import PrecisionAtRecall as PrecisionAtRecall
from .curves import RecallAtPrecision as RecallAtPrecision
from .curves import SensitivityAtSpecificity as SensitivityAtSpecificity
from .curves import SpecificityAtSensitivity as SpecificityAtSensitivity
from .means import OF_FUNCTIONS
from .means import BinaryCrossentropy as BinaryCrossentropy
from .means import CategoricalCrossentropy as CategoricalCrossentropy
from .means import CategoricalHinge as CategoricalHinge
from .means import ConcordanceCorrelation as ConcordanceCorrelation
from .means import CosineSimilarity as CosineSimilarity
from .means import Hinge as Hinge
from .means import KLDivergence as KLDivergence
from .means import LogCoshError as LogCoshError
from .means import MeanAbsoluteError as MeanAbsoluteError
from .means import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .means import MeanSquaredError as MeanSquaredError
from .means import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .means import PearsonCorrelation as PearsonCorrelation
from .means import Poisson as Poisson
from .means import RootMeanSquaredError as RootMeanSquaredError
from .means import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .means import SquaredHinge as SquaredHinge
from .means import concordance_correlation as concordance_correlation
from .means import cosine_similarity as cosine_similarity
from .means import pearson_correlation as pearson_correlation
from .overlap import BinaryIoU as BinaryIoU
from .overlap import IoU as IoU
from .overlap import MeanIoU as MeanIoU
from .overlap import OneHotIoU as OneHotIoU
from .overlap import OneHotMeanIoU as OneHotMeanIoU
from .scores import F1Score as F1Score
from .scores import FBetaScore as FBetaScore
from .scores import R2Score as R2Score

_SHORT = {name: OF_FUNCTIONS[function] for name, function in losses.SHORT_NAMES.items()}
_SHORT |= {"log_cosh": LogCoshError, "huber": huber}
_ACCURACIES = (accuracy, binary_accuracy, categorical_accuracy, top_k_categorical_accuracy)
_OF_CLASS_NUMBERS = (sparse_categorical_accuracy, sparse_top_k_categorical_accuracy)
_LIKENESSES = (concordance_correlation, cosine_similarity, pearson_correlation)
_FOCAL = (binary_focal_crossentropy, categorical_focal_crossentropy)
_FUNCTIONS = (*_ACCURACIES, *_OF_CLASS_NUMBERS, *_LIKENESSES, *_FOCAL)
offer("metrics", {function.__name__: function for function in _FUNCTIONS})


def get(identifier: Any) -> Any:
    """The metric of a name: an object; functions and objects are themselves."""
    return by_name("metric", identifier, Metric, _SHORT)


def as_number(value: Any) -> Any:
    """A result as a Python number; it waits for the device."""
    if isinstance(value, Tensor):
        return value.item() if value.size == 1 else value.numpy()
    return value.item() if isinstance(value, numpy.generic) else value
