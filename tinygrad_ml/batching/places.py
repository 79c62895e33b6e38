"""Reading and writing at places, for many samples at once.

Where all samples read the same places, that is the same index behind one more slice. Where each has places of its own, the
number of the sample becomes one more index array: x[i, j] of sample s is whole[s, i, j].

What is read at arrays of places has an axis for each axis of these arrays. They stand where the arrays stand in the index,
if these are neighbours, and in front otherwise: NumPy's rule, by which the axis of samples can end up behind them.

Read before: `rules.py`, `../ops/index.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..functional import arange, moveaxis, reshape
from ..functional.scattering import scatter_max_row, scatter_min_row
from ..ops.index import ARRAY, assemble, getitem, scatter_add
from ..tensor import Tensor, apply
from .rules import for_each

EVERY = slice(None)


class PlacesOfSamples(NamedTuple):
    """Where samples are read, of the whole: an index and its arrays. What is read there has the axes `behind` where those
    of a sample's are the axes `before`."""

    index: tuple
    arrays: tuple[Tensor, ...]
    behind: tuple[int, ...] = ()
    before: tuple[int, ...] = ()

    def read(self, x: Tensor) -> Tensor:
        """x[index], the axes in the order of samples."""
        return _moved(apply(getitem, (x, *self.arrays), {"index": self.index}), self.behind, self.before)

    def laid(self, values: Tensor) -> Tensor:
        """Values for each sample, in the order in which the whole takes them."""
        return _moved(values, self.before, self.behind)


def _moved(x: Tensor, source: tuple[int, ...], destination: tuple[int, ...]) -> Tensor:
    return x if source == destination else moveaxis(x, source, destination)


def _places(
    index: tuple, arrays: Sequence[Tensor], many: Sequence[bool], n: int, ndim: int, common: bool
) -> PlacesOfSamples:
    """The places that samples of `ndim` axes have in the whole.

    many    which of the arrays are others for each sample
    common  whether all samples read in the same tensor, which has no axis of samples
    """
    if not arrays:
        return PlacesOfSamples((EVERY, *index), ())
    axes = max(array.ndim - has for array, has in zip(arrays, many, strict=True))
    first = _first_axis(index, ndim)
    if not any(many):
        # The axis of samples is the first, unless the arrays' axes come before it.
        behind, before = ((axes,), (0,)) if first is None else ((), ())
        return PlacesOfSamples((EVERY, *index), tuple(arrays), behind, before)
    wide = tuple(
        reshape(array, (n, *(1,) * (axes + 1 - array.ndim), *array.shape[1:])) if has else array
        for array, has in zip(arrays, many, strict=True)
    )
    if common:
        return PlacesOfSamples(index, wide, (first or 0,), (0,))
    number = reshape(arange(n, device=arrays[0].device), (n, *(1,) * axes))
    before = tuple(range((first or 0) + 1, (first or 0) + axes + 1))
    return PlacesOfSamples((ARRAY, *index), (number, *wide), tuple(range(1, axes + 1)), before)


def _first_axis(index: tuple, ndim: int) -> int | None:
    """Where in the result the axes of index arrays begin; None if other axes stand between the arrays."""
    used = sum(part is not None and part is not Ellipsis for part in index)
    at = [place for place, part in enumerate(index) if part is ARRAY or isinstance(part, int)]
    if at != list(range(at[0], at[0] + len(at))):
        return None
    return sum(ndim - used if part is Ellipsis else 1 for part in index[: at[0]])


def _getitem(x: Tensor, *arrays: Tensor, n: int, many: tuple[bool, ...], index: tuple) -> Tensor:
    common = not many[0]
    return _places(index, arrays, many[1:], n, x.ndim - many[0], common).read(x)


def _scatter_add(
    x: Tensor, *arrays: Tensor, n: int, many: tuple[bool, ...], index: tuple, shape: tuple[int, ...]
) -> Tensor:
    places = _places(index, arrays, many[1:], n, len(shape), common=False)
    values = places.laid(x if many[0] else for_each(x, n))
    return apply(scatter_add, (values, *places.arrays), {"index": places.index, "shape": (n, *shape)})


def _assemble(*parts: Tensor, n: int, indices: tuple, shape: tuple[int, ...]) -> Tensor:
    return apply(assemble, parts, {"indices": tuple((EVERY, *index) for index in indices), "shape": (n, *shape)})


def _extremum(op: Any) -> Any:
    def rule(x: Tensor, values: Tensor, *arrays: Tensor, n: int, many: tuple[bool, ...], index: tuple) -> Tensor:
        x, values = (part if has else for_each(part, n) for part, has in zip((x, values), many, strict=False))
        places = _places(index, arrays, many[2:], n, x.ndim - 1, common=False)
        return apply(op, (x, places.laid(values), *places.arrays), {"index": places.index})

    return rule


getitem.batch, scatter_add.batch, assemble.batch = _getitem, _scatter_add, _assemble
scatter_max_row.batch, scatter_min_row.batch = _extremum(scatter_max_row), _extremum(scatter_min_row)
