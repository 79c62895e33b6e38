"""The domain `ai.onnx.ml`: what comes before and behind a classical estimator, and linear ones.

Read next: `trees.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ... import functional as tg
from ...backend import dtypes
from ...errors import OptionError, RangeError
from ...tensor import Tensor, as_tensor
from ..table import Numbers, operator
from .texts import strings

CLASSICAL = "ai.onnx.ml"


def transformed(scores: Tensor, how: str) -> Tensor:
    """Scores as probabilities, or as they are."""
    if how == "SOFTMAX":
        return tg.softmax(scores)
    if how == "SOFTMAX_ZERO":  # of the scores that are not 0
        there = scores != 0
        return tg.where(there, tg.softmax(tg.where(there, scores, -math.inf)), 0)
    if how == "LOGISTIC":
        return tg.sigmoid(scores)
    return tg.erfinv(2 * scores - 1) * math.sqrt(2) if how == "PROBIT" else scores


def labels_of(scores: Tensor, ints: Sequence[int] | None, texts: Sequence[str] | None) -> Any:
    """The label with the highest score in each row."""
    places = tg.argmax(scores, axis=1)
    if texts:
        return strings(texts)[places.numpy()]
    return tg.take(as_tensor(numpy.array(ints), device=scores.device), places) if ints else places


def of_numbers(x: Tensor) -> Tensor:
    """x as floats, which estimators compute with."""
    return x if dtypes.is_float(x.dtype) else x.astype(dtypes.float32)


@operator("ArrayFeatureExtractor", (1,), CLASSICAL)
def array_feature_extractor(x: Any, places: Numbers) -> Any:
    """What stands at some places of the last axis, of strings too."""
    found = x[..., places.reshape(-1)]
    return found.reshape(1, -1) if x.ndim == 1 else found


@operator("Binarizer", (1,), CLASSICAL)
def binarizer(x: Tensor, *, threshold: float = 0.0) -> Tensor:
    return (x > threshold).astype(x.dtype)


@operator("Scaler", (1,), CLASSICAL)
def scaler(x: Tensor, *, offset: Sequence[float] = (0.0,), scale: Sequence[float] = (1.0,)) -> Tensor:
    x = of_numbers(x)
    return (x - x._like(numpy.array(offset))) * x._like(numpy.array(scale))


@operator("Normalizer", (1,), CLASSICAL)
def normalizer(x: Tensor, *, norm: str = "MAX") -> Tensor:
    """Rows divided by their largest element, by the sum of their sizes ("L1"), or by their length ("L2"), unless that is 0."""
    x = of_numbers(x)
    total = (
        tg.max(x, axis=-1, keepdims=True) if norm == "MAX" else tg.norm(x, {"L1": 1, "L2": 2}[norm], -1, keepdims=True)
    )
    return x / tg.where(total == 0, 1, total)


@operator("Imputer", (1,), CLASSICAL)
def imputer(
    x: Tensor,
    *,
    imputed_value_floats: Sequence[float] | None = None,
    imputed_value_int64s: Sequence[int] | None = None,
    replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Tensor:
    """x with other numbers in place of one that says that none is known: nan, or such as -1."""
    if dtypes.is_float(x.dtype):
        gone = tg.isnan(x) if math.isnan(replaced_value_float) else x == replaced_value_float
        return tg.where(gone, x._like(numpy.array(imputed_value_floats)), x)
    return tg.where(x == replaced_value_int64, as_tensor(numpy.array(imputed_value_int64s), x.dtype, x.device), x)


@operator("FeatureVectorizer", (1,), CLASSICAL)
def feature_vectorizer(*xs: Tensor, inputdimensions: Sequence[int] = ()) -> Tensor:
    return tg.concat([x.reshape(1, -1) if x.ndim == 1 else x for x in xs], 1).astype(dtypes.float32)


@operator("OneHotEncoder", (1,), CLASSICAL)
def one_hot_encoder(
    x: Numbers, *, cats_int64s: Sequence[int] = (), cats_strings: Sequence[str] = (), zeros: int = 1
) -> numpy.ndarray:
    """A last axis with 1 at the place of the category; 0 everywhere for one that is in no list, which `zeros` allows."""
    found = x[..., None] == (strings(cats_strings) if cats_strings else numpy.array(cats_int64s))
    if not (zeros or found.any(-1).all()):
        raise RangeError(f"OneHotEncoder: some of the categories are none of {list(cats_strings or cats_int64s)}")
    return found.astype(numpy.float32)


@operator("LabelEncoder", (2, 4), CLASSICAL)
def label_encoder(
    x: Numbers,
    *,
    keys_strings: Sequence[str] | None = None,
    keys_int64s: Sequence[int] | None = None,
    keys_floats: Sequence[float] | None = None,
    keys_tensor: numpy.ndarray | None = None,
    values_strings: Sequence[str] | None = None,
    values_int64s: Sequence[int] | None = None,
    values_floats: Sequence[float] | None = None,
    values_tensor: numpy.ndarray | None = None,
    default_string: str = "_Unused",
    default_int64: int = -1,
    default_float: float = -0.0,
    default_tensor: numpy.ndarray | None = None,
) -> numpy.ndarray:
    """For each element the value that stands where it stands among the keys, and a default for what is not there."""
    keys = _listed(keys_strings, keys_int64s, keys_floats, keys_tensor)
    values = _listed(values_strings, values_int64s, values_floats, values_tensor)
    default = {"O": default_string, "i": default_int64}.get(values.dtype.kind, default_float)
    if default_tensor is not None:
        default = default_tensor.item()
    found = {_key(key): value for key, value in zip(keys.tolist(), values.tolist(), strict=True)}
    return numpy.array([found.get(_key(each), default) for each in x.ravel().tolist()], values.dtype).reshape(x.shape)


def _listed(
    texts: Sequence[str] | None,
    ints: Sequence[int] | None,
    floats: Sequence[float] | None,
    tensor: numpy.ndarray | None,
) -> numpy.ndarray:
    """The one of them that is there."""
    if texts is not None:
        return strings(texts)
    if ints is not None or floats is not None:
        return numpy.array(floats, numpy.float32) if ints is None else numpy.array(ints, numpy.int64)
    if tensor is None:
        raise OptionError("a LabelEncoder needs a list of keys and one of values")
    return tensor


def _key(value: Any) -> Any:
    """What a value is looked up by: there is one nan."""
    return None if value != value else value


@operator("LabelEncoder", (1,), CLASSICAL)
def label_encoder_by_place(
    x: Numbers, *, classes_strings: Sequence[str], default_int64: int = -1, default_string: str = "_Unused"
) -> numpy.ndarray:
    """The place of each string in a list, or the string at each place."""
    return category_mapper(
        x,
        cats_strings=classes_strings,
        cats_int64s=range(len(classes_strings)),
        default_int64=default_int64,
        default_string=default_string,
    )


@operator("CategoryMapper", (1,), CLASSICAL)
def category_mapper(
    x: Numbers,
    *,
    cats_strings: Sequence[str],
    cats_int64s: Sequence[int],
    default_int64: int = -1,
    default_string: str = "_Unused",
) -> numpy.ndarray:
    """The number of each string, or the string of each number."""
    if x.dtype.kind == "O":
        numbers = dict(zip(cats_strings, cats_int64s, strict=True))
        return numpy.array([numbers.get(each, default_int64) for each in x.flat], numpy.int64).reshape(x.shape)
    texts = dict(zip(cats_int64s, cats_strings, strict=True))
    return strings([texts.get(int(each), default_string) for each in x.flat], x.shape)


@operator("ZipMap", (1,), CLASSICAL)
def zip_map(
    x: Numbers, *, classlabels_int64s: Sequence[int] | None = None, classlabels_strings: Sequence[str] | None = None
) -> list[dict[int | str, float]]:
    """A dictionary for each row, from the labels of the columns to their numbers."""
    labels = classlabels_strings or classlabels_int64s or ()
    return [dict(zip(labels, row, strict=True)) for row in numpy.atleast_2d(x).tolist()]


@operator("LinearRegressor", (1,), CLASSICAL)
def linear_regressor(
    x: Tensor,
    *,
    coefficients: Sequence[float],
    intercepts: Sequence[float] | None = None,
    targets: int = 1,
    post_transform: str = "NONE",
) -> Tensor:
    return transformed(_linear(x, coefficients, intercepts, targets), post_transform)


@operator("LinearClassifier", (1,), CLASSICAL)
def linear_classifier(
    x: Tensor,
    *,
    coefficients: Sequence[float],
    intercepts: Sequence[float] | None = None,
    classlabels_ints: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
    multi_class: int = 0,
    post_transform: str = "NONE",
) -> tuple[Any, Tensor]:
    """(labels, scores). One row of coefficients for two classes is that of the second; the first has its opposite."""
    classes = len(classlabels_ints or classlabels_strings or ())
    scores = _linear(x, coefficients, intercepts, len(coefficients) // x.shape[1])
    if scores.shape[1] == 1 and classes == 2:
        scores = tg.concat([-scores, scores], 1)
    scores = transformed(scores, post_transform)
    return labels_of(scores, classlabels_ints, classlabels_strings), scores


def _linear(x: Tensor, coefficients: Sequence[float], intercepts: Sequence[float] | None, targets: int) -> Tensor:
    x = of_numbers(x)
    y = tg.matmul(x, x._like(numpy.array(coefficients).reshape(targets, -1).T))
    return y if not intercepts else y + x._like(numpy.array(intercepts))


NEARNESS = {
    "LINEAR": lambda products, x, vectors, gamma, offset, degree: products,
    "POLY": lambda products, x, vectors, gamma, offset, degree: (gamma * products + offset) ** degree,
    "SIGMOID": lambda products, x, vectors, gamma, offset, degree: tg.tanh(gamma * products + offset),
    "RBF": lambda products, x, vectors, gamma, offset, degree: tg.exp(
        -gamma * ((x * x).sum(1, keepdims=True) - 2 * products + (vectors * vectors).sum(1))
    ),
}
"""How near samples are to support vectors, by their products x·vᵀ."""


@operator("SVMRegressor", (1,), CLASSICAL)
def svm_regressor(
    x: Tensor,
    *,
    coefficients: Sequence[float],
    rho: Sequence[float],
    support_vectors: Sequence[float] = (),
    n_supports: int = 0,
    kernel_type: str = "LINEAR",
    kernel_params: Sequence[float] = (0.0, 0.0, 0.0),
    one_class: int = 0,
    post_transform: str = "NONE",
) -> Tensor:
    """Σ coefficientᵢ · kernel(x, vectorᵢ) + rho; of one class its sign, 1 or -1. Source: C. Cortes, V. Vapnik (1995)."""
    x = of_numbers(x)
    weights = x._like(numpy.array(coefficients).reshape(-1, 1))
    if n_supports:
        vectors = x._like(numpy.array(support_vectors).reshape(n_supports, -1))
        gamma, offset, degree = kernel_params
        near = NEARNESS[kernel_type](tg.matmul(x, vectors.mT), x, vectors, gamma, offset, degree)
    else:
        near = x  # the vectors are added up already
    y = tg.matmul(near, weights) + rho[0]
    return tg.where(y > 0, 1.0, -1.0).astype(y.dtype) if one_class else transformed(y, post_transform)
