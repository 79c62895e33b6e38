"""A parameter: a tensor that belongs to a module, and that training changes."""

from typing import Any

from ..backend import DEFAULT_FLOAT, of
from ..functional import tensor, zeros
from ..tensor import Tensor, TensorLike
from ..typing import DeviceLike, DTypeLike


class Parameter(Tensor):
    """A leaf tensor that requires a gradient, and that a `Module` finds among its attributes.

    data           a tensor, whose memory it shares; or an array, a number or a nested list, which are copied
    requires_grad  False for a parameter that training leaves as it is
    name           what errors, pictures and checkpoints call it; a module gives its path by default

    Raises `GradientError` for integers, which have no gradient.
    """

    __slots__ = ()

    def __init__(self, data: TensorLike, requires_grad: bool = True, name: str | None = None):
        array = (data if isinstance(data, Tensor) else tensor(data))._data
        super().__init__(of(array).writeable(array) if of(array).is_number(array) else array)
        if name is not None:
            self.name = name
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def put(tensor: Tensor, array: Any) -> None:
    """Let `tensor` hold another array, of any device and dtype. It stays the same object with the same name.

    Its old place in the graph goes: a gradient computed for the old array must not arrive at the new one.
    """
    if array is tensor._data:
        return
    tensor._replace(array)


def new_parameter(
    shape: tuple[int, ...], device: DeviceLike | None = None, dtype: DTypeLike | None = None
) -> Parameter:
    """A parameter of zeros, to be overwritten by one of `init`; float32 on the default device if not told otherwise."""
    return Parameter(zeros(shape, dtype=DEFAULT_FLOAT if dtype is None else dtype, device=device))
