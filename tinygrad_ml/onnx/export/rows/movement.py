"""What moves numbers and computes nothing.

Read next: `indexing.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..table import row
from ..varying import Extents, VaryingNumber
from ..wires import ExportStep


@row("constant_in", "transfer", "copy")
def identity(w: Any, step: ExportStep) -> str:
    return w.name(step.inputs[0])


@row("permute_dims")
def permute_dims(w: Any, step: ExportStep) -> str:
    return transposed(w, w.name(step.inputs[0]), step.params["axes"])


def transposed(w: Any, x: str, axes: Any) -> str:
    """Axes in another order."""
    return x if list(axes) == sorted(axes) else w.node("Transpose", [x], perm=list(axes))


@row("concat")
def concat(w: Any, step: ExportStep) -> str:
    names = w.names(step.inputs)
    return names[0] if len(names) == 1 else w.node("Concat", names, axis=step.params["axis"])


@row("reshape")
def reshape(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return reshaped(w, w.name(x), x.shape, step.output.shape)


def reshaped(w: Any, x: str, before: Extents, after: Extents) -> str:
    """x in another shape: by axes of size 1 that come or go, else by `Reshape`, which is told as few numbers as may be."""
    if before == after:
        return x
    if any(isinstance(n, VaryingNumber) for n in after) and _without_ones(before) == _without_ones(after):
        ones = [axis for axis, n in enumerate(before) if n == 1]
        if ones:
            x = w.node("Squeeze", [x, w.constant(numpy.array(ones, numpy.int64))])
        ones = [axis for axis, n in enumerate(after) if n == 1]
        return w.node("Unsqueeze", [x, w.constant(numpy.array(ones, numpy.int64))]) if ones else x
    return w.node("Reshape", [x, w.sizes.vector(_target(before, after))])


def _without_ones(shape: Extents) -> list[Any]:
    return [n for n in shape if n != 1]


def _target(before: Extents, after: Extents) -> list[Any]:
    """A shape for `Reshape`, in which 0 is "as before" and -1 is "what is left"."""
    if not any(isinstance(n, VaryingNumber) for n in after) or 0 in after:
        return list(after)
    target: list[Any] = [
        0 if isinstance(n, VaryingNumber) and axis < len(before) and before[axis] == n else n
        for axis, n in enumerate(after)
    ]
    rest = [axis for axis, n in enumerate(target) if isinstance(n, VaryingNumber)]
    if rest:
        target[rest[-1]] = -1
    return target


@row("broadcast_to")
def broadcast_to(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return expanded(w, w.name(x), x.shape, step.output.shape)


def expanded(w: Any, x: str, before: Extents, after: Extents) -> str:
    """x repeated along axes that are of size 1 or not there."""
    if before == after:
        return x
    new = len(after) - len(before)
    shape = [1 if axis >= new and before[axis - new] == n else n for axis, n in enumerate(after)]
    return w.node("Expand", [x, w.sizes.vector(shape)])
