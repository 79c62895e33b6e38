"""What an index names in an array, and where that lies.

An index is a tuple of integers, slices, None and arrays, as in `ops/index.py`. Arrays may stand anywhere in it: where
they stand side by side their axes come in their place, else in front, as NumPy has it.

Read next: the writers' `../cpu/gathers.py` and `../gpu/gathers.py`, which read at such places; `../gpu/indexing.py`, which writes there.
"""

from __future__ import annotations

import numpy
from numpy.lib.stride_tricks import as_strided

from ...ops.index import ARRAY, getitem_shape
from .axes import strides_in
from .layout import bytes_between


def of_each_axis(index: tuple, ndim: int) -> list:
    """What an index says of each axis of an array: a slice, a number, or `ARRAY`."""
    at = index.index(Ellipsis) if Ellipsis in index else len(index)
    named = [part for part in index if part is not None and part is not Ellipsis]
    before = sum(part is not None for part in index[:at])
    return [*named[:before], *[slice(None)] * (ndim - len(named)), *named[before:]]


def axes_before(index: tuple, ndim: int) -> int:
    """Axes of what an index names that stand in front of those of its arrays. Beside arrays, a number is one too."""
    kept = [part is None or part is Ellipsis or isinstance(part, slice) for part in index]
    first = kept.index(False)
    if any(kept[first : len(kept) - kept[::-1].index(False)]):
        return 0
    omitted = 1 + ndim - sum(part is not None for part in index)
    return sum(omitted if part is Ellipsis else 1 for part in index[:first])


class Index:
    """An index into an array of this form; its arrays, if it has any, are broadcast to the shape `common`.

    shape  of what it names
    along  strides of the array along the axes of `shape`, where slices name them
    first  where its first element lies that they name
    steps  of each axis along which an index array names places: (how many there are, the stride)
    """

    def __init__(self, index: tuple, form: numpy.ndarray, common: tuple[int, ...]):
        by_axis = of_each_axis(index, form.ndim)
        self.steps = [
            (n, step)
            for part, n, step in zip(by_axis, form.shape, strides_in(form, form.shape), strict=True)
            if part is ARRAY
        ]
        self.shape = getitem_shape(form.shape, *[common] * len(self.steps), index=index)
        whole = as_strided(form, [max(n, 1) for n in form.shape])  # which has a first place along each axis
        named = (0 if part is ARRAY else part for part in index)
        rest = whole[tuple(named) if Ellipsis in index else (*named, ...)]
        steps = strides_in(rest, rest.shape)
        self._before = axes_before(index, form.ndim) if self.steps else 0
        self._after = len(steps) - self._before
        self.along = (*steps[: self._before], *[0] * len(common), *steps[self._before :])
        self.first = bytes_between(form, rest) // form.itemsize

    def of_array(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of an index array along the axes of `shape`; given are those along the shape of all of them."""
        return (0,) * self._before + strides + (0,) * self._after
