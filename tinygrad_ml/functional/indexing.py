"""Functions that read or write at computed places: take, sort, one-hot. All are uses of `x[...]`."""

import builtins
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from ..backend import Absent, Array, dtypes, of
from ..errors import CompileError, DTypeError, OptionError, RangeError, ShapeError
from ..graph import Node
from ..kernels import places, sorting
from ..modes import modes
from ..ops import Primitive
from ..ops.index import ARRAY, getitem
from ..ops.shapes import broadcast, kept, same, size
from ..spellings import spelt
from ..symbols import StandIn
from ..tensor import Tensor, TensorLike, apply, as_tensor, beside
from ..typing import DTypeLike
from .axes import one_axis
from .whole import as_a_whole

LABELS, PLACES = ("label", "classes"), ("index", "rows")
"""What numbers are, and what they number, in the error about one that is too large."""


def _places(indices, beside: Tensor) -> Tensor:
    indices = as_tensor(indices, device=None if isinstance(indices, Tensor) else beside.device)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, not {indices.dtype}")
    return indices


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The slices of x at `indices` along an axis; of the flattened x for None. `indices` may have any shape."""
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = one_axis(axis, x.ndim)
    return x[(*(builtins.slice(None),) * axis, _places(indices, x))]


def _grid(indices: Any, axis: int) -> list:
    """An index that walks along `axis` as `indices` say, and straight along the other axes."""
    grid: list = []
    for i, extent in enumerate(indices.shape):
        shape = tuple(extent if j == i else 1 for j in range(len(indices.shape)))
        grid.append(indices if i == axis else numpy.arange(extent).reshape(shape))
    return grid


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int = -1) -> Tensor:
    """y[.., i, ..] = x[.., indices[.., i, ..], ..]: what `argsort` and `argmax` point at.

    `indices` has as many axes as x; the other ones broadcast.
    """
    x, indices = as_tensor(x), _places(indices, as_tensor(x))
    if indices.ndim != x.ndim or not x.ndim:
        raise ShapeError(
            f"take_along_axis needs indices with the {x.ndim} axes of x, and at least 1, but got "
            f"{x._described()} and indices of shape {indices.shape}"
        )
    axis = one_axis(axis, x.ndim)
    if x.ndim == 1:
        return x[indices]
    beside = [kept(tensor.shape, (axis,)) for tensor in (x, indices)]
    if beside[0] != beside[1]:
        try:
            common = broadcast(*beside)
        except ShapeError as error:
            raise ShapeError(f"take_along_axis along axis {axis}, but for which {error}") from None
        x, indices = [t.broadcast_to((*common[:axis], t.shape[axis], *common[axis + 1 :])) for t in (x, indices)]
    return _taken_along(x, indices, axis=axis)


def _apart(node: Node) -> None:
    """Put one read at a grid of places in the place of numbers taken along an axis."""
    (x, indices), needs = node.inputs, node.needs_grad
    grid = [place.value if place is indices else place for place in _grid(indices, node.params["axis"])]
    leaves = [Tensor(array).node if array is not indices.value else indices for array in grid]
    for leaf in leaves:
        leaf.number = min(leaf.number, node.number - 0.5)
    node.op, node.inputs, node.params = getitem, (x, *leaves), {"index": (ARRAY,) * len(grid)}
    node.plan = getitem.plans[(needs, *[False] * len(grid))]
    if node.plan is not None and node.saved is not None:
        node.saved = node.plan.keep((None, *grid, None))


@as_a_whole(places.along, places.along_gradient, worth=places.worth_along, take_apart=_apart)
def _taken_along(x: Tensor, indices: Tensor, *, axis: int) -> Tensor:
    return x[tuple(_grid(indices, axis))]


def _argsort_value(xp, x, axis, descending):
    if isinstance(x, numpy.ndarray):
        return sorting.order(x, axis, descending)
    # A stable sort of -x would keep ties in order too, but -x does not exist for unsigned integers.
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable").astype(numpy.int64)
    backwards = xp.argsort(xp.flip(x, axis=axis), axis=axis, kind="stable")
    return xp.flip(x.shape[axis] - 1 - backwards, axis=axis).astype(numpy.int64)


argsort_row = Primitive(
    "argsort",
    _argsort_value,
    same,
    batch=lambda x, axis, descending: x._apply(argsort_row, axis=axis + 1, descending=descending),
    formula="the order that sorts x along axis {axis}",
    dtype=lambda x, **_: dtypes.int64,
    flops=lambda _, x: size(x),
)


@spelt
def argsort(x: TensorLike, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The order (int64) that sorts x along an axis. Equal elements keep their order, whatever `stable` is."""
    x = as_tensor(x)
    if not x.ndim:
        return argsort(x.reshape(1), 0, descending).reshape(())
    return apply(argsort_row, (x,), {"axis": one_axis(axis, x.ndim), "descending": descending})


@spelt
def sort(x: TensorLike, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """x sorted along an axis, stable, whatever `stable` is. The gradient goes back to where each element came from."""
    x = as_tensor(x)
    return take_along_axis(x, argsort(x, axis, descending), axis) if x.ndim else x


class TopK(NamedTuple):
    """The largest elements, or the smallest, and where they are."""

    values: Tensor
    indices: Tensor


def _first_value(xp, x, axis, k, largest):
    if isinstance(x, numpy.ndarray):
        return sorting.first(x, k, axis, largest)
    return _argsort_value(xp, x, axis, largest)[(*[builtins.slice(None)] * axis, builtins.slice(0, k))]


topk_row = Primitive(
    "topk",
    _first_value,
    lambda x, axis, k, largest: (*x[:axis], k, *x[axis + 1 :]),
    batch=lambda x, axis, k, largest: x._apply(topk_row, axis=axis + 1, k=k, largest=largest),
    formula="where the first {k} of x along axis {axis} are",
    dtype=lambda x, **_: dtypes.int64,
    flops=lambda _, x: size(x),
)


@spelt
def topk(x: TensorLike, k: int, axis: int = -1, largest: bool = True) -> TopK:
    """The k largest (or smallest) elements along an axis, in order, and their positions (int64)."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise RangeError(f"topk: k = {k} elements asked of axis {axis} of size {x.shape[axis]}, in {x._described()}")
    where = apply(topk_row, (x,), {"axis": axis, "k": k, "largest": largest})
    if x.ndim == 1:
        return TopK(apply(getitem, (x, where), {"index": (ARRAY,)}), where)
    return TopK(_taken_along(x, where, axis=axis), where)


@spelt
def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """The places (int64) of the elements that are not 0, in row-major order: the indices along each axis.

    How many there are is in the numbers: so symbolic tensors and functions that `tg.compile` records have none.
    """
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("nonzero needs at least one axis along which to count, but got a 0-d tensor")
    need_numbers(x, "nonzero", "how many elements are not 0")
    return tuple(Tensor(places) for places in of(x._data).nonzero(x._data))


def need_numbers(x: Tensor, what: str, unknown: str) -> None:
    """An error where x has no numbers on which the shape of the result depends."""
    if x.symbolic:
        raise ShapeError(f"{what} of {x._described()}: it is symbolic, and {unknown} is in its numbers")
    if isinstance(x._data, StandIn):
        raise ShapeError(f"{what}: {unknown} is in the numbers. {x._data.refusal}")
    if isinstance(x._data, Absent):
        raise CompileError(
            f"{what}: {unknown} is not known while a function is recorded by tg.compile, so the result has no shape. "
            f"Call it outside, or use a mask: tg.where(condition, x, 0)"
        )


searchsorted_row = Primitive(
    "searchsorted",
    lambda xp, x, values, side: xp.searchsorted(x, values, side=side),
    lambda x, values, side: values,
    inputs=("x", "values"),
    batch=lambda x, values, many, side: NotImplemented if many[0] else x._apply(searchsorted_row, values, side=side),
    formula="where values belong in the sorted x",
    coerce=dtypes.promote,
    dtype=lambda *_, **__: dtypes.int64,
    flops=lambda y, x, values: size(values) * size(x).bit_length(),
)


@spelt
def searchsorted(x: TensorLike, values: TensorLike, side: str = "left", sorter: TensorLike | None = None) -> Tensor:
    """Where (int64) to put `values`, of any shape, into the ascending 1-D x, so that it stays sorted.

    side    "left": before elements that are equal, "right": behind them
    sorter  the order that sorts x, if it is not sorted
    """
    x = as_tensor(x)
    values = beside(values, x)
    if x.ndim != 1:
        raise ShapeError(f"searchsorted looks into a tensor of 1 axis, but got {x._described()}")
    if side not in ("left", "right"):
        raise OptionError(f"searchsorted's side is 'left' or 'right', not {side!r}")
    if sorter is not None:
        x = take(x, sorter)
    return apply(searchsorted_row, (x, values), {"side": side})


def one_hot(indices: TensorLike, num_classes: int | None = None, dtype: DTypeLike = dtypes.DEFAULT_FLOAT) -> Tensor:
    """Class numbers as rows of 0 with one 1: shape (*indices.shape, num_classes), by default the largest class + 1."""
    indices = as_tensor(indices)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"one_hot needs integer classes, but got {indices._described()}")
    if num_classes is None:
        num_classes = int(indices.max().item()) + 1
    check_labels(indices, num_classes, "one_hot")
    return (indices.expand_dims(-1) == as_tensor(numpy.arange(num_classes), device=indices.device)).astype(dtype)


def check_labels(labels: Tensor, num_classes: int, what: str, are: tuple[str, str] = LABELS) -> None:
    """`RangeError` for a label outside of [0, num_classes).

    are  what a label, and what the classes, are called
    """
    look(lambda array: check_range(array, num_classes, what, are=are), labels, below=num_classes)


def look(check: Callable, tensor: Tensor, below: int | None = None) -> None:
    """Call `check(array)`, which raises for wrong numbers, now, or in each replay of the step that is being recorded; in
    the body of a loop, of all rounds at once. `below` says that these are whole numbers outside of [0, below).

    On a GPU a look would have to wait, and is not taken.
    """
    LookForMistakes(check, below).at(tensor)


class LookForMistakes(NamedTuple):
    """A check, and which numbers are wrong to it, if that is so simple that a compiled step can see it by itself."""

    check: Callable
    below: int | None

    def at(self, tensor: Tensor) -> None:
        """Take it, or have it taken by whoever writes down what is done."""
        writer = modes.tracer or modes.recorder
        if writer is not None:
            writer.check(self, tensor)
        else:
            self(tensor._data)

    def __call__(self, array: Array) -> None:
        if isinstance(array, (numpy.ndarray, numpy.generic)) and array.size:
            self.check(array)


def check_range(
    array: Array, num_classes: int, what: str, but: int | None = None, are: tuple[str, str] = LABELS
) -> None:
    """`check_labels` of NumPy's array, of at least one label; `but` may be one too."""
    low, high = array.min(), array.max()
    if but is not None and (low == but or high == but):
        counts = array != but
        low, high = array.min(where=counts, initial=0), array.max(where=counts, initial=0)
    if low < 0 or high >= num_classes:
        bad = low if low < 0 else high
        raise RangeError(
            f"{what}: {are[0]} {bad} is out of range: {num_classes} {are[1]} are numbered from 0 to {num_classes - 1}"
        )
