"""The class Tensor: what it holds.

What Python's symbols do is in `operators.py` and `in_place.py`, how numbers come out is in `protocols.py`, and what goes by
name (`x.sum`, which is `tg.sum`) is listed in `methods.py`. All of it is hung onto the class when their files are read.

Read before: `ops/primitive.py`, `graph/`. Read next: `applying.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy
from numpy.typing import ArrayLike

from ..backend import Device, absent, as_array, dtypes, of
from ..backend.arrays import BY_TYPE
from ..errors import DeviceError, DTypeError, GradientError, ShapeError
from ..graph import Node
from ..ops.shapes import size
from ..spellings import Size, misspelt
from ..state import modes, part_of
from ..writes import tick

if TYPE_CHECKING:  # operators and methods are hung on later, as one cannot compute before there is a tensor
    from ..methods import Methods
else:
    Methods = object

TensorLike: TypeAlias = Union["Tensor", ArrayLike]
"""What functions take for a tensor: numbers, nested lists and arrays too."""


class Tensor(Methods):
    """An n-dimensional array of numbers which remembers how it was computed.

    Made by `tg.tensor(...)`, the creation functions, and every operation. All of Python's arithmetic operators and
    comparisons work elementwise, with tensors, arrays and numbers on either side, and `@` is the matrix product.

    A tensor is a *value*: `x += y` and `x[i] = v` give `x` a new value and never change another
    tensor, views of it included. `assign` is the one way to overwrite memory in place.
    """

    __slots__ = ("_data", "_node", "_needs", "_grad", "__weakref__")
    __array_priority__ = 1000  # so that `ndarray + Tensor` comes to us,
    __array_ufunc__ = None  # and NumPy does not try itself

    def __init__(self, data: Any, node: Node | None = None, needs: bool = False):
        if type(data) in BY_TYPE:
            self._data = data
        elif isinstance(data, (list, tuple, int, float)):
            raise misspelt(Tensor, (data, node, needs), {})
        else:
            self._data = as_array(data)
        self._node, self._needs = node, needs
        self._grad: Tensor | None = None

    _start = __init__  # for who makes a tensor of a subclass, whose own may ask for other things

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has added up here; None before, and after `x.grad = None`."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None and not isinstance(gradient, Tensor):
            raise DTypeError(f"the gradient of {self._described()} is a tensor or None, not {gradient!r}")
        if gradient is not None and gradient.shape != self.shape:
            raise ShapeError(f"a gradient of shape {gradient.shape} was given to {self._described()}")
        self._grad = gradient

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of all axes; () for a single number."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._data.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return _count(self._data.shape)

    @property
    def dtype(self) -> numpy.dtype:
        """What kind of numbers it holds, and how wide they are."""
        return self._data.dtype

    @property
    def device(self) -> Device:
        """Where its numbers lie."""
        return Device.of(self._data)

    @property
    def node(self) -> Node:
        """The node of the graph that made this tensor; a leaf for data from outside."""
        if self._node is None:
            self._node = node = Node(tick(), self._data.shape, self._data.dtype)
            node.value = self._data
        return self._node

    @property
    def name(self) -> str | None:
        """The name that errors, pictures and checkpoints use."""
        return self._node.name if self._node is not None else None

    @name.setter
    def name(self, name: str | None) -> None:
        self.node.name = name

    @property
    def symbolic(self) -> bool:
        """Whether it has a shape and a dtype only, and no data (see `tg.symbol`)."""
        return absent(self._data)

    @property
    def is_leaf(self) -> bool:
        """Whether it came from outside rather than out of a recorded operation."""
        return self._node is None or self._node.op is None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow back to this tensor. Can be set on leaves of floating dtype."""
        return self._needs

    @requires_grad.setter
    def requires_grad(self, needs: bool) -> None:
        if not self.is_leaf:
            if needs == self._needs:
                return
            raise GradientError(
                f"requires_grad of {self._described()} cannot be changed: it was computed by an operation. "
                f"Use detach() to get a tensor outside of the graph."
            )
        if needs and not dtypes.is_float(self.dtype):
            raise GradientError(
                f"{self._described()} cannot require a gradient: only floating dtypes have one. "
                f"Convert it first, as in x.astype('float32')."
            )
        self._needs = bool(needs)
        if needs:
            node = self.node
            node.needs_grad = True
            node.tensor = weakref.ref(self)

    def detach(self) -> Tensor:
        """The same numbers outside of the graph: a constant to every gradient."""
        return Tensor(self._data)

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType] a tensor is its own key; `==` compares numbers

    def _like(self, array: ArrayLike) -> Tensor:
        """A constant in the dtype and on the device of this tensor."""
        here = of(self._data)
        return Tensor(here.from_host(numpy.asarray(array, self.dtype), here.index_of(self._data)))

    def _described(self) -> str:
        name = f"tensor {self.name!r}" if self.name else "a tensor"
        where = "" if self.symbolic or self.device.kind == "cpu" else f" on {self.device}"
        return f"{name} of shape {self.shape} and dtype {self.dtype}{where}"


@lru_cache(maxsize=1024)
def _count(shape: tuple[int, ...]) -> Size:
    return Size(size(shape))


def check_devices(name: str, inputs: Iterable[Tensor]) -> None:
    """`DeviceError` if the tensors are not all on one device; numbers have none."""
    if len({id(tensor.device) for tensor in inputs}) < 2:
        return
    placed = [x for x in inputs if x.device.kind != "symbol" and (x._needs or not of(x._data).is_number(x._data))]
    for x in placed[1:]:
        if x.device != placed[0].device:
            raise DeviceError(
                f"{name}{part_of(modes.scope)} of tensors on two devices: {placed[0]._described()} is on {placed[0].device}, "
                f"{x._described()} is on {x.device}. Move one of them, as in x.to('{placed[0].device}')"
            )


def hang(methods: type) -> None:
    """Hang what stands in the body of a class onto `Tensor`, as if it stood there: all of it takes a tensor first."""
    for name, what in vars(methods).items():
        if callable(what) or isinstance(what, property):
            setattr(Tensor, name, what)
