"""Losses with Keras's names: functions `loss(y_true, y_pred)`, one number a sample, and classes with options.

The targets come first here, the reverse of `nn.functional`, on whose functions these stand. Keras's
functions differ from PyTorch's in that they take probabilities, which are kept away from 0 and 1 by 10⁻⁷,
unless told `from_logits=True`: then nothing is cut off, and nothing rounds to 0, which is why it is more accurate.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from .. import functional as tg
from ..backend import dtypes
from ..errors import OptionError
from ..modes import scope
from ..nn import functional as F
from ..structure import is_nested, leaves, mapped
from ..tensor import Tensor, as_tensor
from .checks import one_of
from .config import epsilon
from .masks import mask_of
from .naming import unique_name
from .samples import Counted, aligned, as_floats, as_pair, reduced
from .serialization import Configurable, by_name, offer

LOSS_FUNCTIONS: dict[str, Callable[..., Tensor]] = {}
"""By their names: those that are classes too, and then short names."""
LOSS_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1) if x.ndim else x


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of (t - y)² over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.mse_loss(y, t, "none"))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of |t - y| over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.l1_loss(y, t, "none"))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 times the mean of |t - y| / |t| over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(abs((t - y) / tg.maximum(abs(t), epsilon()))) * 100


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of (ln(t + 1) - ln(y + 1))² over the last axis, numbers below 10⁻⁷ counting as that."""
    t, y = as_pair(y_true, y_pred)
    return _mean(tg.square(tg.log(tg.maximum(y, epsilon()) + 1) - tg.log(tg.maximum(t, epsilon()) + 1)))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """The mean of ½d² where |d| ≤ delta, else delta · (|d| - ½delta), with d = t - y, over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.huber_loss(y, t, "none", delta))


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of ln cosh(y - t) over the last axis."""
    t, y = as_pair(y_true, y_pred)
    d = y - t
    return _mean(d + tg.softplus(d * -2) - math.log(2))


def _signs(t: Tensor) -> Tensor:
    """Targets 0 and 1 as -1 and 1."""
    binary = tg.all((t == 0) | (t == 1))
    return tg.where(binary, t * 2 - 1, t)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of max(1 - t·y, 0) over the last axis, for targets -1 and 1 (or 0 and 1)."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.relu(1 - _signs(t) * y))


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of max(1 - t·y, 0)² over the last axis, for targets -1 and 1 (or 0 and 1)."""
    t, y = as_pair(y_true, y_pred)
    return _mean(tg.square(F.relu(1 - _signs(t) * y)))


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """max(the largest of (1 - t)·y - Σ t·y + 1, 0) over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return F.relu(((1 - t) * y).max(-1) - (t * y).sum(-1) + 1)


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Σ t · ln(t / y) over the last axis, both limited to [10⁻⁷, 1]."""
    t, y = (tg.clip(p, epsilon(), 1) for p in as_pair(y_true, y_pred))
    return (t * tg.log(t / y)).sum(-1)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of y - t · ln y over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(y - t * tg.log(y + epsilon()))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """-cos of the angle between t and y: -1 where they point the same way."""
    t, y = (p / tg.maximum(tg.norm(p, axis=axis, keepdims=True), epsilon()) for p in as_pair(y_true, y_pred))
    return -(t * y).sum(axis)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The mean of -(t ln p + (1 - t) ln(1 - p)) over `axis`.

    y_pred           p; or, with `from_logits`, x with p = sigmoid(x)
    label_smoothing  s: targets become t·(1 - s) + s / 2
    """
    t, p = as_pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return F.binary_cross_entropy_with_logits(p, t, reduction="none").mean(axis)
    return F.binary_cross_entropy(tg.clip(p, epsilon(), 1 - epsilon()), t, reduction="none").mean(axis)


def _log_probabilities(p: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return tg.log_softmax(p, axis)
    return tg.log(tg.clip(p / p.sum(axis, keepdims=True), epsilon(), 1 - epsilon()))


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-Σ t · ln p over `axis`, the classes.

    y_pred           p, made to sum to 1; or, with `from_logits`, x with p = softmax(x)
    label_smoothing  s: targets become t·(1 - s) + s / classes
    """
    t, p = as_pair(y_true, y_pred)
    if p.ndim and p.shape[axis] == 1:
        warnings.warn(
            f"categorical_crossentropy of one class, y_pred having shape {p.shape}, is always 0: for two classes in one "
            f"number there is binary_crossentropy",
            SyntaxWarning,
            stacklevel=2,
        )
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / t.shape[axis]
    return -(t * _log_probabilities(p, from_logits, axis)).sum(axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-ln p[t], t being class numbers of shape (batch, ...) or (batch, ..., 1).

    y_pred        p, made to sum to 1; or, with `from_logits`, x with p = softmax(x)
    ignore_class  a class number whose loss is 0, and does not count in the mean of a loss
    """
    p = as_floats(y_pred)
    t = (y_true if isinstance(y_true, Tensor) else as_tensor(y_true, device=p.device)).astype("int64")
    if t.ndim == p.ndim and t.shape[axis] == 1:
        t = t.squeeze(axis)
    counts = None
    if ignore_class is not None and t.ndim == p.ndim - 1:
        counts = t != ignore_class
        t, p = counts.where(t, 0), counts.expand_dims(axis).where(p, 1.0)  # no nan comes from what does not count
    log_p = tg.moveaxis(_log_probabilities(p, from_logits, axis), axis, min(1, p.ndim - 1))
    values = F.nll_loss(log_p, t, reduction="none")
    return values if counts is None else Counted(counts.where(values, 0.0), counts)


class Loss(Configurable):
    """The base of losses: `loss(y_true, y_pred, sample_weight=None)` is a number. A subclass defines `call`.

    reduction  of the numbers that `call` gives for the samples: "sum_over_batch_size" or "mean", their mean, whatever the
               weights sum to; "mean_with_sample_weight", divided by the sum of the weights; "sum"; or "none"
    dtype      in which it is computed: "float16", "float32" or "float64"; by default that of the predictions

    What the mask of the predictions leaves out does not count. `call` is given tensors of floats, whatever the targets are. A name for the logs is made of the class, if none is given.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        one_of("reduction", reduction, LOSS_REDUCTIONS)
        self.name, self.reduction = name or unique_name(type(self)), reduction
        self.dtype = None if dtype is None else dtypes.as_dtype(getattr(dtype, "name", dtype)).name
        if dtype is not None and not dtypes.is_float(dtypes.as_dtype(self.dtype)):
            raise OptionError(
                f"{type(self).__name__}: dtype={self.dtype!r} is none of floats, in which losses are computed"
            )

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """A loss for each sample."""
        raise NotImplementedError(f"{type(self).__name__} is a loss without call(): define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        with scope("", type(self).__name__):  # pictures show it as one box
            return self._reduce(y_true, y_pred, sample_weight)

    def _reduce(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Tensor:
        mask = None if is_nested(y_pred) else mask_of(y_pred)
        if (dtype := self.dtype) is not None:
            floats = lambda y: as_tensor(y).astype(dtype)  # noqa: E731
            y_pred = mapped(floats, y_pred) if _holds_arrays(y_pred) else floats(y_pred)
        values = as_tensor(self.call(*self._floats(y_true, y_pred)))
        if mask is not None:
            values = Counted(values, mask & values.counts if isinstance(values, Counted) else mask)
        return reduced(values, sample_weight, self.reduction)

    def _floats(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        if not _holds_arrays(y_pred) and not _holds_arrays(y_true):
            y_pred = as_floats(y_pred)
            return as_floats(y_true, y_pred), y_pred
        y_pred = mapped(as_floats, y_pred)
        like = leaves(y_pred)[0]
        return mapped(lambda y: as_floats(y, like), y_true), y_pred


def _holds_arrays(value: Any) -> bool:
    """Whether it is a structure of arrays, and not a list of numbers."""
    parts = list(value.values()) if isinstance(value, Mapping) else value
    return is_nested(value) and any(hasattr(part, "shape") or _holds_arrays(part) for part in parts)


class LossFunctionWrapper(Loss):
    """A function `f(y_true, y_pred, **options)` as a loss; (batch,) and (batch, 1) come to it as (batch, 1)."""

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self.options = fn, options

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = aligned(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.options)


def _loss_class(name: str, function: Callable) -> type[Any]:
    """The class of a loss function, whose own options are those of the function."""
    own = list(inspect.signature(function).parameters.values())[2:]

    def __init__(
        self,
        *args: Any,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = function.__name__,
        dtype: Any = None,
        **given: Any,
    ):
        names = [parameter.name for parameter in own]
        given = {**dict(zip(names, args, strict=False)), **given}
        for option in given:
            if option not in names:
                raise OptionError(
                    f"{type(self).__name__} has no option {option}=; it has {', '.join([*names, 'reduction', 'name'])}"
                )
        Loss.__init__(self, name, reduction, dtype)
        self.options = given

    common = [
        ("reduction", "sum_over_batch_size", str | None),
        ("name", function.__name__, str | None),
        ("dtype", None, Any),
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    __init__.__signature__ = inspect.Signature(
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
        + own
        + [inspect.Parameter(key, keyword, default=value, annotation=kind) for key, value, kind in common]
    )

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return function(y_true, y_pred, **self.options)

    def _floats(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred  # the functions see to it, and class numbers stay integers

    LOSS_FUNCTIONS[function.__name__] = function
    doc = f"`{function.__name__}` as a class: {function.__doc__}"
    return type(
        name, (Loss,), {"__init__": __init__, "call": call, "_floats": _floats, "__doc__": doc, "__module__": __name__}
    )


MeanSquaredError = _loss_class("MeanSquaredError", mean_squared_error)
MeanAbsoluteError = _loss_class("MeanAbsoluteError", mean_absolute_error)
MeanAbsolutePercentageError = _loss_class("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss_class("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
Huber = _loss_class("Huber", huber)
LogCosh = _loss_class("LogCosh", log_cosh)
Hinge = _loss_class("Hinge", hinge)
SquaredHinge = _loss_class("SquaredHinge", squared_hinge)
CategoricalHinge = _loss_class("CategoricalHinge", categorical_hinge)
KLDivergence = _loss_class("KLDivergence", kl_divergence)
Poisson = _loss_class("Poisson", poisson)
CosineSimilarity = _loss_class("CosineSimilarity", cosine_similarity)
BinaryCrossentropy = _loss_class("BinaryCrossentropy", binary_crossentropy)
CategoricalCrossentropy = _loss_class("CategoricalCrossentropy", categorical_crossentropy)
SparseCategoricalCrossentropy = _loss_class("SparseCategoricalCrossentropy", sparse_categorical_crossentropy)

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
