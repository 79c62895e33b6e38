"""What annotations call the arguments that many functions take. What is taken for a tensor is `TensorLike`, in `tensor/`."""

from collections.abc import Sequence
from typing import TypeAlias

from numpy.typing import DTypeLike

from .backend import Device

__all__ = ["Axes", "Cells", "DTypeLike", "DeviceLike", "Padding", "PerAxis", "Shape", "ShapeLike"]

Shape: TypeAlias = tuple[int, ...]
"""The sizes of all axes."""

ShapeLike: TypeAlias = int | Sequence[int]
"""What is taken for a shape: a single size is a shape too."""

Axes: TypeAlias = int | Sequence[int]
"""One axis or several, counted from the left, or from the right if negative."""

PerAxis: TypeAlias = int | Sequence[int]
"""One number for all axes of an image, or a number for each: the size of a kernel, a stride, a dilation."""

DeviceLike: TypeAlias = str | Device
"""What is taken for a device: its name, such as "cpu" or "cuda:1", or itself."""

Padding: TypeAlias = str | int | Sequence[int] | Sequence[Sequence[int]]
"""Elements added on both sides: a number, one for each axis, a pair (before, after) for each, "valid" or "same"."""

Cells: TypeAlias = int | Sequence[int | None] | None
"""Into how many stretches each axis is cut; None leaves an axis as it is."""
