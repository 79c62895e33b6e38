"""Padding layers: a border around sequences, images and volumes. What they compute is in `functional/padding.py`.

One class for each of what the border consists of, and three of each, as the space has one, two or three axes.
"""

from ..errors import OptionError, ShapeError
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import PerAxis
from . import functional as F
from .module import Module


class _Padding(Module):
    """`padding` is a number of elements on every side, or (before, after) of the last axis, then of the one before it,
    and so on: (left, right, top, bottom) for images. Negative numbers cut elements off.
    The input is (batch, channels, *space) or (channels, *space).
    """

    dims: int
    mode: str
    value: float | None = None

    def __init__(self, padding: PerAxis):
        padding = (padding,) * (2 * self.dims) if isinstance(padding, int) else tuple(padding)
        if len(padding) != 2 * self.dims or not all(isinstance(n, int) for n in padding):
            raise OptionError(
                f"{type(self).__name__}: padding is an integer or {2 * self.dims} integers, not {padding}"
            )
        self.padding = padding

    def forward(self, input: TensorLike) -> Tensor:
        input = as_tensor(input)
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ShapeError(
                f"{self} needs an input of {self.dims} spatial axes after the channels, but got {input._described()}"
            )
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Padding):
    mode = "constant"

    def __init__(self, padding: PerAxis, value: float):
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_Padding):
    mode, value = "constant", 0.0


class _ReflectionPad(_Padding):
    mode = "reflect"


class _ReplicationPad(_Padding):
    mode = "replicate"


class _CircularPad(_Padding):
    mode = "circular"


def _layers(kind: type[_Padding], border: str) -> list[type[_Padding]]:
    """The three layers of a kind of border."""
    made = []
    for dims, space in ((1, "sequences"), (2, "images"), (3, "volumes")):
        name = f"{kind.__name__.lstrip('_')}{dims}d"
        doc = f"A border around {space}, of {border}.\n\n    {_Padding.__doc__}"
        made.append(type(name, (kind,), {"__doc__": doc, "__module__": __name__, "dims": dims}))
    return made


ConstantPad1d, ConstantPad2d, ConstantPad3d = _layers(_ConstantPad, "one number, `value`")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _layers(_ZeroPad, "zeros")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _layers(_ReflectionPad, "the mirrored input")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _layers(_ReplicationPad, "the elements at its edge")
CircularPad1d, CircularPad2d, CircularPad3d = _layers(_CircularPad, "the elements at the other end")
