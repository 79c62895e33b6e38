"""Operations that lay numbers out in another way: shapes, axes, pieces. Read before: `tensors.py`."""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Sequence
from itertools import accumulate
from numbers import Integral
from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...functional.axes import one_axis
from ...tensor import Tensor
from .calls import operation
from .tensors import likewise, one, tensor_of

diagonal, flip, moveaxis, roll = likewise(tg.diagonal), likewise(tg.flip), likewise(tg.moveaxis), likewise(tg.roll)
swapaxes, transpose, tril, triu = likewise(tg.swapaxes), likewise(tg.transpose), likewise(tg.tril), likewise(tg.triu)
copy = one("copy", lambda x: x + 0 if x.dtype.kind != "b" else x | False)
ravel = one("ravel", lambda x: x.reshape(-1))


def _tensors(xs: Any) -> list[Tensor]:
    return [tensor_of(x) for x in xs]


@operation
def reshape(x: Any, newshape: Any) -> Tensor:
    """x in another shape, of which one size may be -1, or None: as many as it takes."""
    sizes = [newshape] if isinstance(newshape, int) else list(newshape)
    return tensor_of(x).reshape(tuple(-1 if size is None else int(size) for size in sizes))


@operation
def expand_dims(x: Any, axis: Any) -> Tensor:
    """x with axes of size 1 at these places of the result."""
    return tg.expand_dims(tensor_of(x), tuple(axis) if isinstance(axis, list) else axis)


@operation
def squeeze(x: Any, axis: Any = None) -> Tensor:
    """x without these axes of size 1; without all of them for None."""
    x = tensor_of(x)
    if axis is None:
        batch = 0 if x.symbolic else None  # which stands as 1 in symbols
        axis = tuple(a for a, size in enumerate(x.shape) if size == 1 and a != batch)
    return tg.squeeze(x, axis)


@operation
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """x repeated along axes up to a shape."""
    return tg.broadcast_to(tensor_of(x), tuple(shape))


@operation
def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """The tensors one after the other along an axis; flattened for None."""
    return tg.concat(_tensors(xs), axis)


@operation
def stack(x: Any, axis: int = 0) -> Tensor:
    """The tensors, of one shape, side by side along a new axis."""
    return tg.stack(_tensors(x), axis)


@operation
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """x2 behind x1 along an axis; both flattened for None."""
    return tg.concat([tensor_of(x1), tensor_of(x2)], axis)


def _at_least(x: Tensor, ndim: int) -> Tensor:
    if x.ndim >= ndim:
        return x
    if ndim == 3 and x.ndim == 2:
        return x.expand_dims(2)
    return x.reshape((1, -1, 1)[:ndim] if ndim > 1 else (-1,))


@operation
def hstack(xs: Any) -> Tensor:
    """The tensors side by side: along axis 1, or 0 where they have one axis."""
    xs = [_at_least(x, 1) for x in _tensors(xs)]
    return tg.concat(xs, 0 if xs[0].ndim == 1 else 1)


@operation
def vstack(xs: Any) -> Tensor:
    """The tensors one below the other, along axis 0; what has one axis is a row."""
    return tg.concat([_at_least(x, 2) for x in _tensors(xs)], 0)


@operation
def dstack(xs: Any) -> Tensor:
    """The tensors behind each other, along axis 2."""
    return tg.concat([_at_least(x, 3) for x in _tensors(xs)], 2)


@operation
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Pieces along an axis: so many of one size, or cut at these places."""
    return _pieces(tensor_of(x), _cuts(indices_or_sections), axis)


def _cuts(given: Any) -> Any:
    return int(given) if isinstance(given, Integral) else [int(place) for place in given]


def _pieces(x: Tensor, cuts: int | list[int], axis: int) -> list[Tensor]:
    """So many equal pieces along an axis, or cut before each of the places, as NumPy's `split`."""
    axis = one_axis(axis, x.ndim)
    extent = x.shape[axis]
    if isinstance(cuts, int):
        if cuts < 1 or extent % cuts:
            raise ShapeError(f"axis {axis} of {x._described()} does not split into {cuts} equal parts")
        cuts = [extent // cuts * i for i in range(1, cuts)]
    lead = (builtins.slice(None),) * axis
    return [x[(*lead, builtins.slice(*ends))] for ends in zip([0, *cuts], [*cuts, None], strict=True)]


@operation
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Pieces along an axis; of so many pieces the first ones may be longer by one."""
    x, cuts = tensor_of(x), _cuts(indices_or_sections)
    if isinstance(cuts, int):
        least, more = divmod(x.shape[axis], cuts)
        cuts = list(accumulate([least + 1] * more + [least] * (cuts - more)))[:-1]
    return _pieces(x, cuts, axis)


@operation
def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along axis 1, or 0 where there is one axis."""
    x = tensor_of(x)
    return _pieces(x, _cuts(indices_or_sections), 0 if x.ndim == 1 else 1)


@operation
def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along axis 0."""
    return _pieces(tensor_of(x), _cuts(indices_or_sections), 0)


@operation
def dsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Pieces along axis 2."""
    return _pieces(tensor_of(x), _cuts(indices_or_sections), 2)


@operation
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices along an axis, `num` of them, which need not be said."""
    x = tensor_of(x)
    if num not in (None, x.shape[axis]):
        raise ShapeError(f"unstack: num={num}, but axis {axis} of {x._described()} has {x.shape[axis]} slices")
    return list(tg.unstack(x, axis))


@operation
def fliplr(x: Any) -> Tensor:
    """x in reverse along axis 1."""
    return tg.flip(tensor_of(x), 1)


@operation
def flipud(x: Any) -> Tensor:
    """x in reverse along axis 0."""
    return tg.flip(tensor_of(x), 0)


@operation
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """x turned k times by 90° in the plane of two axes, from the first towards the second."""
    x = tensor_of(array)
    first, second = (one_axis(axis, x.ndim) for axis in axes)
    if first == second:
        raise OptionError(f"rot90: axes={axes} must be two different ones")
    k %= 4
    if k == 2:
        return tg.flip(x, (first, second))
    if k == 1:
        return tg.flip(tg.swapaxes(x, first, second), first)
    return x if k == 0 else tg.swapaxes(tg.flip(x, first), first, second)


@operation
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along an axis; of the flattened x for None."""
    return tg.repeat(tensor_of(x), repeats, axis=axis)


@operation
def tile(x: Any, repeats: Any) -> Tensor:
    """x laid side by side `repeats[i]` times along axis i."""
    return tg.tile(tensor_of(x), repeats if isinstance(repeats, int) else [int(n) for n in repeats])


@operation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """x with more elements around it: "constant", "reflect", "symmetric", "edge" or "wrap"."""
    if constant_values is not None and mode != "constant":
        raise OptionError(f"pad: constant_values= are for mode 'constant', and not for mode={mode!r}")
    return tg.pad(tensor_of(x), pad_width, mode, constant_values or 0)


@operation
def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; of a vector the matrix with it as diagonal."""
    x = tensor_of(x)
    if x.ndim == 2:
        return tg.diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag takes a vector or a matrix, but got {x._described()}")
    return _with_diagonal(x, k)


def _with_diagonal(x: Tensor, k: int) -> Tensor:
    columns = tg.pad(x, [(max(k, 0), max(-k, 0))])
    return tg.where(tg.eye(columns.shape[0], k=k, dtype=bool, device=x.device), columns, 0)


@operation
def diagflat(x: Any, k: int = 0) -> Tensor:
    """The matrix that has the flattened x as its k-th diagonal."""
    return _with_diagonal(tensor_of(x).reshape(-1), k)


@operation
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """x with its axes split, joined, and put in another order, as a pattern says: `"b (h p) c -> b h (p c)"`.

    Names stand for axes, brackets for axes that are one; 1 for an axis of size 1; `...` for all others.
    axes_lengths  of axes in brackets, of each bracket all but one
    """
    x = tensor_of(tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise OptionError(f"rearrange: the pattern {pattern!r} has no ->")
    groups, wanted = _groups(left, x.ndim), _groups(right, x.ndim, left)
    if len(groups) != x.ndim:
        raise ShapeError(f"rearrange: {left.strip()!r} names {len(groups)} axes, but x is {x._described()}")
    sizes = dict(axes_lengths)
    for group, size in zip(groups, x.shape, strict=True):
        _find_sizes(group, size, sizes, pattern)
    names = [name for group in groups for name in group]
    order = [name for group in wanted for name in group]
    if sorted(names) != sorted(order) or len(set(names)) < len(names):
        raise OptionError(f"rearrange: both sides of {pattern!r} must have each axis once")
    x = x.reshape([sizes[name] for name in names]).permute_dims([names.index(name) for name in order])
    return x.reshape([math.prod(sizes[name] for name in group) for group in wanted])


def _groups(side: str, ndim: int, other: str | None = None) -> list[list[str]]:
    """The names in each axis of a side of a pattern; `...` spelled out."""
    found, beside = (
        [part.strip("()").split() for part in re.findall(r"\([^()]*\)|[^\s()]+", text)]
        for text in (side, side if other is None else other)
    )
    rest = [[f"...{i}"] for i in range(ndim - sum(group != ["..."] for group in beside))]
    spelled: list[list[str]] = []
    for group in found:
        if group == ["..."]:
            spelled += rest
        else:
            spelled.append([name for part in group for name in ([r[0] for r in rest] if part == "..." else [part])])
    return [[name for name in group if name != "1"] for group in spelled]


def _find_sizes(group: Sequence[str], size: int, sizes: dict[str, int], pattern: str) -> None:
    """Enter the size of the one axis in a group of which it is not known."""
    unknown = [name for name in group if name not in sizes]
    known = math.prod(sizes[name] for name in group if name in sizes)
    if len(unknown) > 1 or (unknown and (not known or size % known)) or (not unknown and known != size):
        given = ", ".join(f"{name}={sizes.get(name, '?')}" for name in group) or "1"
        raise ShapeError(f"rearrange {pattern!r}: an axis of size {size} is not ({given}); say the lengths of axes")
    for name in unknown:
        sizes[name] = size // known
