"""Random numbers, which ONNX draws from a stream of its own: the same distribution, and other numbers.

Read next: `activations.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..constants import counting
from ..table import InexpressibleError, row
from ..wires import ExportStep


@row("draw")
def draw(w: Any, step: ExportStep) -> str:
    method = step.params["method"]
    rows = {"random": _uniform, "standard_normal": _normal, "integers": _integers, "permutation": _permutation}
    if method not in rows:
        raise InexpressibleError(f"random numbers by {method!r}")
    return rows[method](w, step)


def _like(w: Any, step: ExportStep, dtype: Any) -> str:
    return w.node("Expand", [w.constant(numpy.array(0, dtype)), w.sizes.vector(step.output.shape)])


def _uniform(w: Any, step: ExportStep) -> str:
    return w.node("RandomUniformLike", [_like(w, step, step.output.dtype)])


def _normal(w: Any, step: ExportStep) -> str:
    return w.node("RandomNormalLike", [_like(w, step, step.output.dtype)])


def _integers(w: Any, step: ExportStep) -> str:
    low, high = step.params["low"], step.params["high"]
    uniform = w.node("RandomUniformLike", [_like(w, step, numpy.float64)])
    scaled = w.node("Mul", [uniform, w.sizes.scalar(high - low, numpy.float64)])
    return w.node("Add", [w.cast(w.node("Floor", [scaled]), numpy.int64), w.constant(numpy.int64(low))])


def _permutation(w: Any, step: ExportStep) -> str:
    (n,) = step.output.shape
    uniform = w.node("RandomUniformLike", [w.cast(counting(w, n), numpy.float32)])
    return w.node("TopK", [uniform, w.sizes.one(n)], 2, axis=0)[1]
