"""Functions that rearrange: shapes, order of axes, joining and cutting, padding. No arithmetic.

They are composed of five primitives: reshape, permute_dims, broadcast_to, concat and getitem (with
its transpose scatter_add), so each has derivatives of every order. They are one file because they check shapes and axes in
the same few lines.
"""

import builtins
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, Never, cast

import numpy

from ..backend import Device, dtypes, get
from ..errors import OptionError, ShapeError
from ..ops import index, movement
from ..ops.shapes import broadcast
from ..spellings import misspelt, spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor, beside
from ..typing import Axes, DeviceLike, ShapeLike
from .axes import axes_of, one_axis
from .interchange import share_memory


def _shape_of(shape, least: int = 0) -> tuple[int, ...]:
    """A shape given as one tuple or as several integers, of which none is below `least`."""
    if len(shape) == 1 and not isinstance(shape[0], (int, numpy.integer)):
        shape = shape[0]
    try:
        sizes = tuple(map(operator.index, shape))
    except TypeError:
        raise ShapeError(f"a shape is made of integers, not {shape!r}") from None
    if builtins.min(sizes, default=0) < least:
        raise ShapeError(f"shape {sizes} has a negative size")
    return sizes


def reshape(x: TensorLike, shape: ShapeLike = (), *sizes: int, copy: bool | None = None) -> Tensor:
    """The same elements in another shape, in row-major order; one size may be -1, to be found out.

    copy  True for memory of its own; False for an error where that of x cannot be shared
    """
    x = as_tensor(x)
    if shape == x.shape and not sizes and not copy:
        return x
    shape = _shape_of((shape, *sizes), least=-1)
    if -1 in shape:
        known = math.prod(extent for extent in shape if extent != -1)
        if shape.count(-1) > 1 or not known or x.size % known:
            raise ShapeError(f"cannot reshape {x._described()} to {shape}: the size of -1 cannot be found out")
        shape = tuple(x.size // known if extent == -1 else extent for extent in shape)
    y = x if shape == x.shape else apply(movement.reshape, (x,), {"shape": shape})
    if copy is False and not share_memory(y._data, x._data):
        raise OptionError(f"{x._described()} cannot be reshaped to {shape} without a copy, as it lies in memory")
    return y.astype(y.dtype, copy=True) if copy else y


def flatten(x: TensorLike, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim` as one."""
    x = as_tensor(x)
    if not x.ndim:
        return x.reshape(1)
    first, last = one_axis(start_dim, x.ndim), one_axis(end_dim, x.ndim)
    if first > last:
        raise ShapeError(
            f"flatten from axis {start_dim} to axis {end_dim} of {x._described()}: the first must not come after the last"
        )
    return reshape(x, (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


def permute_dims(x: TensorLike, axes: int | Sequence[int], *more: int) -> Tensor:
    """The axes in another order, given as a tuple or as integers: axis i of the result is axis `axes[i]` of x."""
    x = as_tensor(x)
    order = cast("Iterable[Any]", axes if not more and isinstance(axes, Iterable) else (axes, *more))
    return _permuted(x, tuple([one_axis(axis, x.ndim) for axis in order]))


def _permuted(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x if axes == tuple(range(len(x.shape))) else apply(movement.permute_dims, (x,), {"axes": axes})


@spelt
def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in reverse order, or in the order `axes`, as NumPy's `transpose`."""
    x = as_tensor(x)
    return _permuted(x, tuple(range(x.ndim))[::-1]) if axes is None else permute_dims(x, axes)


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    x = as_tensor(x)
    axes = list(range(x.ndim))
    first, second = one_axis(axis1, x.ndim), one_axis(axis2, x.ndim)
    axes[first], axes[second] = axes[second], axes[first]
    return _permuted(x, tuple(axes))


def matrix_transpose(x: TensorLike) -> Tensor:
    """The last two axes exchanged: each matrix of a batch transposed. Also `x.mT`."""
    x = _matrices(x, "matrix_transpose")
    return _permuted(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def moveaxis(x: TensorLike, source: Axes, destination: Axes) -> Tensor:
    """Axes moved to other positions; the rest keep their order."""
    x = as_tensor(x)
    source, destination = axes_of(source, x.ndim), axes_of(destination, x.ndim)
    if len(source) != len(destination):
        raise ShapeError(f"moveaxis needs as many destinations as sources, not {len(source)} and {len(destination)}")
    order = [axis for axis in range(x.ndim) if axis not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return permute_dims(x, order)


def expand_dims(x: TensorLike, axis: Axes = 0) -> Tensor:
    """New axes of size 1 at the positions `axis` of the result."""
    x = as_tensor(x)
    new = axis if isinstance(axis, (tuple, list)) else (axis,)
    places = axes_of(tuple(new), x.ndim + len(new))
    sizes = iter(x.shape)
    return reshape(x, tuple(1 if i in places else next(sizes) for i in range(x.ndim + len(new))))


def squeeze(x: TensorLike, axis: Axes | None = None, **typed: Never) -> Tensor:
    """Without the axes of size 1: all of them, or those of `axis`, which must have size 1."""
    if typed:
        raise misspelt(squeeze, (x, axis), typed)
    x = as_tensor(x)
    if axis is None:
        gone = tuple(i for i, extent in enumerate(x.shape) if extent == 1)
    else:
        gone = axes_of(axis, x.ndim)
        for i in gone:
            if x.shape[i] != 1:
                raise ShapeError(f"cannot squeeze axis {i} of {x._described()}: its size is {x.shape[i]}, not 1")
    return reshape(x, tuple(extent for i, extent in enumerate(x.shape) if i not in gone))


def broadcast_to(x: TensorLike, shape: ShapeLike) -> Tensor:
    """x repeated along axes of size 1, and along new axes at the left, up to `shape`."""
    x, shape = as_tensor(x), _shape_of((shape,))
    return x if shape == x.shape else apply(movement.broadcast_to, (x,), {"shape": shape})


def broadcast_arrays(*xs: TensorLike) -> tuple[Tensor, ...]:
    """All tensors broadcast to their common shape."""
    tensors = _tensors(xs)
    shape = broadcast(*[x.shape for x in tensors])
    return tuple(broadcast_to(x, shape) for x in tensors)


def _tensors(xs: Sequence) -> list[Tensor]:
    """Each as a tensor; Python's numbers and lists as they are beside a tensor."""
    first = next((x for x in xs if isinstance(x, Tensor)), None)
    return [x if isinstance(x, Tensor) else as_tensor(x) if first is None else beside(x, first) for x in xs]


def concat(xs: Sequence, axis: int | None = 0, **typed: Never) -> Tensor:
    """The tensors one after the other along an existing axis; flattened first for None."""
    if typed:
        raise misspelt(concat, (xs, axis), typed)
    xs = _tensors(xs)
    if not xs:
        raise ShapeError("concat needs at least one tensor")
    if axis is None:
        xs, axis = [x.reshape(-1) for x in xs], 0
    if not xs[0].ndim:
        raise ShapeError("0-d tensors cannot be concatenated: they have no axis. Use stack.")
    axis = one_axis(axis, xs[0].ndim)
    if len({x.dtype for x in xs}) > 1:
        common = dtypes.result_type(*[x.dtype for x in xs])
        xs = [x.astype(common) for x in xs]
    offsets = [0]
    for x in xs:
        offsets.append(offsets[-1] + (x.shape[axis] if x.ndim > axis else 0))
    return apply(movement.concat, tuple(xs), {"axis": axis, "offsets": tuple(offsets)})


@spelt
def stack(xs: Sequence, axis: int = 0) -> Tensor:
    """Tensors of one shape, side by side along a new axis."""
    xs = _tensors(xs)
    if not xs:
        raise ShapeError("stack needs at least one tensor")
    for x in xs:
        if x.shape != xs[0].shape:
            raise ShapeError(f"stack needs equal shapes, but got {', '.join(str(x.shape) for x in xs)}")
    shape = xs[0].shape
    axis = one_axis(axis, len(shape) + 1)
    if axis == len(shape):  # behind all others, where numbers are woven into each other
        return concat([expand_dims(x, axis) for x in xs], axis)
    return apply(movement.reshape, (concat(xs, axis),), {"shape": (*shape[:axis], len(xs), *shape[axis:])})


@spelt
def unstack(x: TensorLike, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis, which they do not have: what `stack` puts side by side."""
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("a 0-d tensor cannot be unstacked: it has no axis")
    axis = one_axis(axis, x.ndim)
    return tuple(x[(*(builtins.slice(None),) * axis, i)] for i in range(x.shape[axis]))


@spelt
def split(x: TensorLike, split_size_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """x cut along an axis: into pieces of one size, of which the last may be smaller, or of the given sizes.

    PyTorch's `split`; the Array API standard has none, and NumPy's takes a number of pieces, or positions.
    """
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim)
    extent = x.shape[axis]
    if isinstance(split_size_or_sections, (int, numpy.integer)):
        size = int(split_size_or_sections)
        if size < 1:
            raise ShapeError(f"split of axis {axis} of {x._described()} into pieces of size {size}: 1 is the smallest")
        sizes = [builtins.min(size, extent - start) for start in range(0, extent, size)] or [0]
    else:
        sizes = [int(size) for size in split_size_or_sections]
        if builtins.sum(sizes) != extent or builtins.min(sizes, default=0) < 0:
            raise ShapeError(_no_sizes(x, sizes, axis))
    lead = (builtins.slice(None),) * axis
    stops = itertools.accumulate(sizes)
    return [x[(*lead, builtins.slice(stop - size, stop))] for size, stop in zip(sizes, stops, strict=True)]


def _no_sizes(x: Tensor, given: list[int], axis: int) -> str:
    """What is wrong with sizes that are not those of pieces of x: they may be meant as positions."""
    extent = x.shape[axis]
    said = f"split into {given} means sizes here, as in PyTorch: they must sum to {extent}, the size of axis {axis} of {x._described()}"
    bounds = [0, *given, extent]
    if builtins.any(after < before for before, after in itertools.pairwise(bounds)):
        return said
    sizes = [after - before for before, after in itertools.pairwise(bounds)]
    return f"{said}; as positions, which NumPy's split takes, they are the sizes {sizes}"


@spelt
def flip(x: TensorLike, axis: Axes | None = None) -> Tensor:
    """The order of the elements reversed along the axes; along all for None."""
    x = as_tensor(x)
    axes = axes_of(axis, x.ndim)
    return x[tuple(builtins.slice(None, None, -1) if i in axes else builtins.slice(None) for i in range(x.ndim))]


@spelt
def roll(x: TensorLike, shift: int | Sequence[int], axis: Axes | None = None) -> Tensor:
    """Elements moved by `shift` places along the axes; what leaves at one end enters at the other."""
    x = as_tensor(x)
    if axis is None:
        return roll(x.reshape(-1), shift, 0).reshape(x.shape)
    axes = axis if isinstance(axis, Sequence) else (axis,)
    shifts = shift if isinstance(shift, Sequence) else (shift,) * len(axes)
    if len(shifts) != len(axes) or not builtins.all(isinstance(by, (int, numpy.integer)) for by in shifts):
        raise ShapeError(f"roll needs a shift for each axis, as in x.roll((1, 2), (0, 1)), and not {shift} for {axis}")
    for by, along in zip(shifts, axes, strict=True):
        along = one_axis(along, x.ndim)
        extent = x.shape[along] if x.ndim else 1
        cut = (-by) % extent if extent else 0
        if cut:
            lead = (builtins.slice(None),) * along
            x = concat([x[(*lead, builtins.slice(cut, None))], x[(*lead, builtins.slice(0, cut))]], axis=along)
    return x


@spelt
def tile(x: TensorLike, repetitions: int | Sequence[int]) -> Tensor:
    """x laid side by side `repetitions[i]` times along axis i, as NumPy's `tile`."""
    x = as_tensor(x)
    times = _shape_of((repetitions,))
    ndim = builtins.max(x.ndim, len(times))
    shape = (1,) * (ndim - x.ndim) + x.shape
    times = (1,) * (ndim - len(times)) + times
    pairs = [size for extent in shape for size in (1, extent)]
    wide = [size for n, extent in zip(times, shape, strict=True) for size in (n, extent)]
    return x.reshape(pairs).broadcast_to(wide).reshape(tuple(n * s for n, s in zip(times, shape, strict=True)))


@spelt
def repeat(x: TensorLike, repeats: TensorLike, *, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along an axis; `repeats` is a number, or one for each element."""
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = one_axis(axis, x.ndim)
    counts = repeats.numpy() if isinstance(repeats, Tensor) else numpy.asarray(repeats)
    if counts.shape not in ((), (1,), (x.shape[axis],)) or (counts < 0).any():
        raise ShapeError(
            f"repeat needs a count of 0 or more, or one for each of the {x.shape[axis]} elements along axis {axis}, not "
            f"{repeats}; copies laid side by side, as PyTorch's repeat makes them, are x.tile({repeats})"
        )
    places = numpy.repeat(numpy.arange(x.shape[axis]), counts)
    return x[(*(builtins.slice(None),) * axis, places)]


@spelt
def tril(x: TensorLike, k: int = 0) -> Tensor:
    """Zero above the k-th diagonal of each matrix."""
    x = _matrices(x, "tril")
    return _select(x, _up_to_diagonal(x, k))


@spelt
def triu(x: TensorLike, k: int = 0) -> Tensor:
    """Zero below the k-th diagonal of each matrix."""
    x = _matrices(x, "triu")
    return _select(x, ~_up_to_diagonal(x, k - 1))


def _up_to_diagonal(x: Tensor, k: int) -> numpy.ndarray:
    rows, columns = x.shape[-2:]
    return numpy.tri(rows, columns, k, dtype=bool)


def _matrices(x, name: str) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"{name} needs at least 2 axes, but got {x._described()}")
    return x


def _select(x: Tensor, mask: numpy.ndarray) -> Tensor:
    return as_tensor(mask, device=x.device).where(x, 0)


@spelt
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the axes `axis1` and `axis2`, as a new last axis, as NumPy's `diagonal`."""
    x = moveaxis(as_tensor(x), (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    length = builtins.max(0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0)))
    places = numpy.arange(length)
    return x[(..., places - builtins.min(offset, 0), places + builtins.max(offset, 0))]


_EDGES = {
    "edge": lambda n, before, after: numpy.clip(numpy.arange(-before, n + after), 0, n - 1),
    "wrap": lambda n, before, after: numpy.arange(-before, n + after) % n,
    "reflect": lambda n, before, after: _reflect(numpy.arange(-before, n + after), n),
    "symmetric": lambda n, before, after: _mirror(numpy.arange(-before, n + after) % (2 * n), n),
}


def _reflect(places: numpy.ndarray, n: int) -> numpy.ndarray:
    period = builtins.max(2 * (n - 1), 1)
    places = numpy.abs(places) % period
    return numpy.where(places >= n, period - places, places)


def _mirror(places: numpy.ndarray, n: int) -> numpy.ndarray:
    """Places on an axis and its mirror image behind it, brought onto the axis."""
    return numpy.where(places >= n, 2 * n - 1 - places, places)


def _runs(x: Tensor, axis: int, places: numpy.ndarray) -> list[Tensor]:
    """The slices of x at `places` along an axis, as pieces: neighbours in either direction, or one place several times.

    Pieces are views, and their gradients sums of pieces: far less work than to look places up one by one.
    """
    steps = numpy.diff(places)
    pieces, start = [], 0
    while start < len(places):
        step = int(steps[start]) if start < len(steps) else 0
        stop = start + 1
        while stop < len(places) and steps[stop - 1] == step:
            stop += 1
        first, last = int(places[start]), int(places[stop - 1])
        if step in (1, -1):
            beyond = last + step if last + step >= 0 else None
            part, length = builtins.slice(first, beyond, step), stop - start
        else:
            stop = stop if step == 0 else start + 1
            part, length = builtins.slice(first, first + 1), stop - start
        piece = x[(*(builtins.slice(None),) * axis, part)]
        pieces.append(piece.broadcast_to((*x.shape[:axis], length, *x.shape[axis + 1 :])))
        start = stop
    return pieces


def pad(
    x: TensorLike,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: float = 0,
) -> Tensor:
    """x with more elements around it, as NumPy's `pad`.

    pad_width  a number, a pair (before, after), or a pair for each axis
    mode       "constant" (`constant_values`), "reflect", "symmetric" (as "reflect", but the edge is twice there), "edge" or "wrap"
    """
    x = as_tensor(x)
    try:
        widths = numpy.broadcast_to(numpy.asarray(pad_width), (x.ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(
            f"pad needs one width, one pair, or a pair for each of the {x.ndim} axes of {x._described()}, not {pad_width}"
        ) from None
    if builtins.any(width < 0 for pair in widths for width in pair):
        raise ShapeError(f"pad needs widths of 0 or more, not {pad_width}")
    if mode == "constant":
        shape = tuple(before + n + after for n, (before, after) in zip(x.shape, widths, strict=True))
        inside = tuple(builtins.slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))
        padded = apply(index.scatter_add, (x,), {"index": inside, "shape": shape})
        if constant_values:
            border = numpy.ones(shape, bool)
            border[inside] = False
            padded = as_tensor(border, device=x.device).where(constant_values, padded)
        return padded
    if mode not in _EDGES:
        raise OptionError(f"pad mode {mode!r} is not one of 'constant', {', '.join(map(repr, _EDGES))}")
    for axis, (before, after) in enumerate(widths):
        if before or after:
            if not x.shape[axis]:
                raise ShapeError(f"pad mode {mode!r} cannot extend the empty axis {axis} of {x._described()}")
            x = concat(_runs(x, axis, _EDGES[mode](x.shape[axis], before, after)), axis)
    return x


def to(x: TensorLike, device: DeviceLike, *more: Never, **typed: Never) -> Tensor:
    """x on another device; itself if it is there. The gradient comes back to where x is."""
    if more or typed:
        raise misspelt(to, (x, device, *more), typed)
    x, device = as_tensor(x), Device(device)
    if x.symbolic or x.device == device:
        return x
    get(device)  # a device that is not there is reported as such
    return apply(movement.transfer, (x,), {"device": device})
