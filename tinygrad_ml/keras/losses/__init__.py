"""Losses with Keras's names: functions `loss(y_true, y_pred)`, one number a sample, and classes with options.

Read `base.py`, then `functions.py`.
"""

from __future__ import annotations

from typing import Any

from ..serialization import by_name, offer
from ..serialization import deserialize as deserialize
from ..serialization import serialize as serialize
from .base import LOSS_REDUCTIONS as LOSS_REDUCTIONS
from .base import Loss as Loss
from .base import LossFunctionWrapper as LossFunctionWrapper
from .classes import CTC as CTC
from .classes import LOSS_FUNCTIONS as LOSS_FUNCTIONS
from .classes import BinaryCrossentropy as BinaryCrossentropy
from .classes import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from .classes import CategoricalCrossentropy as CategoricalCrossentropy
from .classes import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from .classes import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from .classes import CategoricalHinge as CategoricalHinge
from .classes import Circle as Circle
from .classes import CosineSimilarity as CosineSimilarity
from .classes import Dice as Dice
from .classes import Hinge as Hinge
from .classes import Huber as Huber
from .classes import KLDivergence as KLDivergence
from .classes import LogCosh as LogCosh
from .classes import MeanAbsoluteError as MeanAbsoluteError
from .classes import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .classes import MeanSquaredError as MeanSquaredError
from .classes import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .classes import Poisson as Poisson
from .classes import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .classes import SquaredHinge as SquaredHinge
from .classes import Tversky as Tversky
from .functions import binary_crossentropy as binary_crossentropy
from .functions import binary_focal_crossentropy as binary_focal_crossentropy
from .functions import categorical_crossentropy as categorical_crossentropy
from .functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from .functions import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy
from .functions import categorical_hinge as categorical_hinge
from .functions import cosine_similarity as cosine_similarity
from .functions import hinge as hinge
from .functions import huber as huber
from .functions import kl_divergence as kl_divergence
from .functions import log_cosh as log_cosh
from .functions import mean_absolute_error as mean_absolute_error
from .functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from .functions import mean_squared_error as mean_squared_error
from .functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .functions import poisson as poisson
from .functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .functions import squared_hinge as squared_hinge
from .overlap import circle as circle
from .overlap import ctc as ctc
from .overlap import dice as dice
from .overlap import tversky as tversky

_ABBREVIATED = {
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error,
    "bce": binary_crossentropy,
    "kld": kl_divergence,
}
SHORT_NAMES = {
    **_ABBREVIATED,
    **{name.upper(): function for name, function in _ABBREVIATED.items()},
    "kullback_leibler_divergence": kl_divergence,
    "logcosh": log_cosh,
}
"""Other names of losses, which the metrics have, too."""
LOSS_FUNCTIONS |= SHORT_NAMES
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
offer("losses", LOSS_FUNCTIONS)


def get(identifier: Any) -> Any:
    """The loss of a name: a function; or an object, as itself."""
    return by_name("loss", identifier, Loss, LOSS_FUNCTIONS)
