"""Windows that slide over space, and adding them up again: of what convolutions and pooling are composed.

A convolution as such is one node (`networks.py`). These rows are for its gradients, and for what looks at windows in another way.

Read next: `loops.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..constants import counting
from ..table import row
from ..varying import VaryingNumber
from ..wires import ExportStep
from .movement import transposed


def _places(w: Any, count: Any, kernel: int, stride: int, dilation: int) -> str:
    """Where each window looks, (count, kernel)."""
    inside = numpy.arange(kernel) * dilation
    if not isinstance(count, VaryingNumber):
        return w.constant(numpy.arange(count)[:, None] * stride + inside)
    first = w.shared("Mul", [counting(w, count), w.constant(numpy.int64(stride))])
    first = w.shared("Unsqueeze", [first, w.constant(numpy.array([1], numpy.int64))])
    return w.shared("Add", [first, w.constant(inside)])


@row("windows")
def windows(w: Any, step: ExportStep) -> str:
    """(..., *space) as (..., *positions, *kernel)."""
    (x,) = step.inputs
    kernel, stride, dilation = (step.params[name] for name in ("kernel", "stride", "dilation"))
    dims, lead = len(kernel), x.ndim - len(kernel)
    name = w.name(x)
    for k in reversed(range(dims)):
        places = _places(w, step.output.shape[lead + k], kernel[k], stride[k], dilation[k])
        name = w.node("Gather", [name, places], axis=lead + k)
    order = [*range(lead), *range(lead, lead + 2 * dims, 2), *range(lead + 1, lead + 2 * dims, 2)]
    return transposed(w, name, order)


@row("fold")
def fold(w: Any, step: ExportStep) -> str:
    """(..., *positions, *kernel) added up to (..., *space): along each axis a product with a matrix of zeros and ones."""
    (x,) = step.inputs
    kernel, stride, dilation = (step.params[name] for name in ("kernel", "stride", "dilation"))
    dims, lead = len(kernel), x.ndim - 2 * len(kernel)
    name = w.name(x)
    # Positions and kernels of an axis side by side: (..., p0, k0, p1, k1).
    name = transposed(w, name, [*range(lead), *[lead + j * dims + k for k in range(dims) for j in (0, 1)]])
    for k in range(dims):
        axes, ndim = lead + k, lead + 2 * dims - k  # those before are done
        name = transposed(w, name, [*[a for a in range(ndim) if a not in (axes, axes + 1)], axes, axes + 1])
        name = w.node("Reshape", [name, w.constant(numpy.array([*[0] * (ndim - 2), -1], numpy.int64))])
        matrix = _membership(
            w, x.shape[lead + k], kernel[k], stride[k], dilation[k], step.output.shape[lead + k], x.dtype
        )
        name = w.node("MatMul", [name, matrix])
        name = transposed(w, name, [*range(axes), ndim - 2, *range(axes, ndim - 2)])
    return name


def _membership(w: Any, count: Any, kernel: int, stride: int, dilation: int, n: Any, dtype: numpy.dtype) -> str:
    """(count · kernel, n): 1 where a place of a window is that place of the space."""
    places = _places(w, count, kernel, stride, dilation)
    if not isinstance(count, VaryingNumber) and not isinstance(n, VaryingNumber):
        at = (numpy.arange(count)[:, None] * stride + numpy.arange(kernel) * dilation).reshape(-1, 1)
        return w.constant((at == numpy.arange(n)).astype(dtype))
    places = w.shared("Reshape", [places, w.constant(numpy.array([-1, 1], numpy.int64))])
    return w.shared("Cast", [w.shared("Equal", [places, counting(w, n)])], to=numpy.dtype(dtype))
