"""Which axes can be taken as one, as arrays lie along them: every axis is a loop in a loop, or a division of an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod


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
