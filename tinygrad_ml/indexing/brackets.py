"""`x[...]` and `x[...] = v`: each is a use of the primitive `getitem`, or of what writes to its places. Read before: `keys.py`."""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import Absent, absent, dtypes, of
from ..errors import GradientError, ShapeError
from ..in_place import become
from ..modes import modes, overwriting
from ..ops import index
from ..symbols import StandIn
from ..tensor import Tensor, TensorLike, apply, as_tensor
from .keys import parse


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[...]: all of NumPy's indexing, with integers, slices, None, ..., integer arrays and boolean masks."""
    arrays, template, inserted = parse(key, x.shape, x._data)
    if inserted:
        x = x.expand_dims(inserted)
    return apply(index.getitem, (x, *[_place(array, key) for array in arrays]), {"index": template})


def _place(array: Any, key: Any) -> Tensor:
    """An array of a key as a tensor, which pictures call as the program does."""
    place = Tensor(array)
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, Tensor) and part.name and part._data is array:
            place.name = part.name
    return place


def setitem(self: Tensor, key: Any, values: TensorLike) -> None:
    """x[...] = v: x takes the value that it has with v written there. Other tensors do not change."""
    overwriting(self)
    chosen = _put_where(self, key, values)
    if chosen is not None:
        become(self, chosen, "x[...] =")
        return
    arrays, template, inserted = parse(key, self.shape, self._data)
    if inserted:
        wide = self.expand_dims(inserted)
        wide[tuple(Tensor(arrays.pop(0)) if part is index.ARRAY else part for part in template)] = values
        become(self, wide.reshape(self.shape), "x[...] =")
        return
    region = index.getitem_shape(self.shape, *[array.shape for array in arrays], index=template)
    try:
        values = values.astype(self.dtype) if isinstance(values, Tensor) else as_tensor(values, self.dtype, self.device)
        values = values.broadcast_to(region)
    except ShapeError as error:
        raise ShapeError(f"cannot write to x[...] of shape {region}, where x is {self._described()}: {error}") from None
    place = index.fill(template, arrays)
    symbolic = absent(self._data) or absent(values._data)
    in_loop = any(isinstance(tensor._data, StandIn) for tensor in (self, values))
    if not (self._needs or values._needs or symbolic or in_loop):
        data = of(self._data).writeable(self._data.copy())
        data[place] = values._data
        become(self, Tensor(data), "x[...] =")
    elif values.size:
        # For each element, which of the values is written there. Where an index names a place
        # several times, the last one wins, as in NumPy, and the others get no gradient.
        if symbolic:
            source, taken = Tensor(Absent(self.shape, dtypes.int64)), Tensor(Absent(self.shape, dtypes.bool_))
        else:
            xp = of(self._data)
            source = Tensor(xp.full(self.shape, -1, dtype=numpy.int64))
            if any(isinstance(array, Absent) for array in arrays):
                if modes.recorder is None or any(isinstance(array, StandIn) for array in arrays):
                    raise GradientError(
                        "x[i] = v with an i that is another one in each round of tg.scan, or for each sample of tg.vmap: "
                        "use tg.where or tg.scatter"
                    )
                modes.recorder.take(source)
            source._data[place] = xp.arange(values.size).reshape(region)
            taken = source >= 0
        written = values.reshape(-1)[taken.where(source, 0)]
        become(self, taken.where(written, self), "x[...] =")


def _put_where(x: Tensor, key: Any, values: TensorLike) -> Tensor | None:
    """What x[mask] = values makes of x, where nobody knows yet what is in the mask, as while a function is recorded, and
    where `values` fit however often it is True; None otherwise."""
    if not (isinstance(key, Tensor) and key.dtype.kind == "b" and isinstance(key._data, Absent) and key.ndim):
        return None
    if key.shape != x.shape[: key.ndim]:
        return None
    rest = x.shape[key.ndim :]
    values = values.astype(x.dtype) if isinstance(values, Tensor) else as_tensor(values, x.dtype, x.device)
    if values.ndim == len(rest) + 1 and values.shape[0] == 1:
        values = values.squeeze(0)
    if values.ndim > len(rest) or any(m not in (1, n) for m, n in zip(values.shape[::-1], rest[::-1], strict=False)):
        return None
    return key.reshape(key.shape + (1,) * len(rest)).where(values, x)
