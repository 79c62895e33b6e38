"""Helpers for arrays of labels, and the seed."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy

from ... import random
from ...backend import DEFAULT_FLOAT
from ...errors import DTypeError, RangeError
from ...functional import tensor
from ...tensor import Tensor


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as one-hot rows of float64 (as Keras): [0, 2] -> [[1, 0, 0], [0, 0, 1]]; of a tensor, a tensor.

    num_classes  by default the largest number plus 1

    Raises `RangeError` for a number below 0, or not below `num_classes`; `DTypeError` for what is no number.
    """
    if isinstance(x, Tensor):
        return tensor(to_categorical(x.numpy(), num_classes), dtype=DEFAULT_FLOAT, device=x.device)
    labels = numpy.asarray(x)
    if labels.size and labels.dtype.kind not in "biuf":
        raise DTypeError(
            f"to_categorical takes class numbers, and not {str(labels.ravel()[0])!r}: numpy.unique(y, return_inverse=True) numbers names"
        )
    labels = labels.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise RangeError(
            f"to_categorical was given class {wrong[0]}; with num_classes={classes} they go from 0 to {classes - 1}"
        )
    return numpy.eye(classes)[labels]


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """Arrays divided by their norm along an axis; of a tensor, a tensor."""
    if isinstance(x, Tensor):
        return tensor(normalize(x.numpy(), axis, order), device=x.device)
    x = numpy.atleast_1d(x)
    norms = numpy.linalg.norm(x, order, axis, keepdims=True)
    return x / numpy.where(norms == 0, 1, norms)


def set_random_seed(seed: int) -> None:
    """Begin all random numbers from `seed`: this library's, NumPy's old global ones, and Python's."""
    python_random.seed(seed)
    numpy.random.seed(seed)
    random.manual_seed(seed)
