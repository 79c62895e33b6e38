"""How arrays lie along the axes of what is computed. Whoever prints a kernel asks here: loops, CUDA, and what libraries multiply.

Which of these axes can be taken as one, says `../../machine/axes.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ..program import Instruction
from .kernel import Kernel


def strides_in(form: numpy.ndarray, shape: Sequence[int]) -> tuple[int, ...]:
    """In elements, along each axis of `shape`; 0 where the array of this form is broadcast along it."""
    missing = len(shape) - form.ndim
    strides = [0 if n == 1 else step // form.itemsize for n, step in zip(form.shape, form.strides, strict=True)]
    return (0,) * missing + tuple(strides)


def shape_read(kernel: Kernel, instruction: Instruction) -> tuple[int, ...]:
    """The shape to which an instruction's operands are broadcast where they are read."""
    return kernel.shape if kernel.folds(instruction) else instruction.output.shape


def along_domain(kernel: Kernel, strides: Sequence[int]) -> tuple[int, ...]:
    """Strides along a full or a reduced shape, as those along the axes of the kernel's domain."""
    if len(strides) == len(kernel.shape):
        return tuple(strides)
    kept = iter(strides)
    return tuple(0 if axis in kernel.axes else next(kept) for axis in range(len(kernel.shape)))
