"""How arrays lie along the axes of what is computed, and which of these axes can be taken as one.

Every axis is a loop in a loop, or a division of an index. Whoever prints a kernel asks here: loops, CUDA, and what
libraries multiply.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod

import numpy

from ..program import Instruction
from .kernel import Kernel


def neighbours(
    extents: Sequence[int], strides: Collection[Sequence[int]], apart: Collection[int] = ()
) -> list[list[int]]:
    """The axes in groups, each of which every array walks through in one go. Those of size 1 are left out.

    strides  those of each array
    apart    axes that are grouped with each other only
    """
    groups: list[list[int]] = []
    for axis, extent in enumerate(extents):
        if extent == 1:
            continue
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and (last in apart) == (axis in apart)
            and all(steps[last] == steps[axis] * extent for steps in strides)
        ):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def merged(extents: Sequence[int], strides: Collection[Sequence[int]]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """(sizes, strides of each array) of the same elements in the same order along as few axes as can be."""
    groups = neighbours(extents, strides)
    sizes = tuple(prod(extents[axis] for axis in group) for group in groups)
    return sizes, [tuple(steps[group[-1]] for group in groups) for steps in strides]


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
