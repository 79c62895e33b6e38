"""What inputs a layer can be called on, so that a wrong one is told of at the door; and what arrays become there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError, ShapeError
from ...structure import leaves, mapped
from ...tensor import Tensor, as_tensor
from ..serialization import Configurable


class InputSpec(Configurable):
    """What an input must be: a layer's attribute `input_spec` is one, or a list of one for each input.

    dtype     its dtype
    shape     its shape, None for any size, the batch included
    ndim      how many axes it has; min_ndim and max_ndim are bounds of that
    axes      {axis: size}
    allow_last_axis_squeeze  a last axis of size 1 may be missing, or be there beside
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: tuple[int | None, ...] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else str(dtypes.as_dtype(dtype))
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional
        most = self.ndim if self.ndim is not None else max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise OptionError(f"InputSpec: axis {max(self.axes)} cannot be told of, as there are at most {most} axes")

    def problem(self, shape: tuple[int | None, ...], dtype: Any) -> str | None:
        """What is wrong about an input of this shape and dtype; None if nothing is."""
        wanted = self.shape
        if wanted is not None and self.allow_last_axis_squeeze:
            if shape and shape[-1] == 1 and len(shape) == len(wanted) + 1:
                shape = shape[:-1]
            elif wanted[-1] == 1 and len(wanted) == len(shape) + 1:
                wanted = wanted[:-1]
        ndim = self.ndim if wanted is None else len(wanted)
        if ndim is not None and len(shape) != ndim:
            return f"must have {ndim} axes"
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            return f"must have at most {self.max_ndim} axes"
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            return f"must have {self.min_ndim} axes or more"
        if self.dtype is not None and str(dtype) != self.dtype:
            return f"must be of dtype {self.dtype}"
        for axis, size in self.axes.items():
            if size is not None and not (-len(shape) <= axis < len(shape) and shape[axis] in (size, None)):
                return f"must have size {size} on axis {axis}"
        for axis, size in enumerate(wanted or ()):
            if size is not None and axis and shape[axis] not in (size, None):
                return f"must have size {size} on axis {axis}"
        return None


def check_inputs(name: str, spec: Any, inputs: Any) -> None:
    """Raise `ShapeError` if inputs are not what the layer `name` says that it takes."""
    if isinstance(spec, InputSpec) and isinstance(inputs, Tensor):
        specs, given = [spec], [inputs]
    else:
        specs = [one for one in leaves(spec) if one is not None]
        given = [tensor for tensor in leaves(inputs) if isinstance(tensor, Tensor)]
    if isinstance(spec, (list, tuple)):
        needed = sum(not one.optional for one in specs)
        if not needed <= len(given) <= len(specs):
            raise ShapeError(f"layer {name!r} takes {len(specs)} inputs, but got {len(given)}")
    for number, (one, tensor) in enumerate(zip(specs, given, strict=False)):
        problem = one.problem(tensor.shape, tensor.dtype)
        if problem is not None:
            which = f"input {number}" if len(specs) > 1 else "the input"
            if one.ndim == 4 and tensor.ndim == 3:
                problem += " (images without channels become such by x.reshape(-1, height, width, 1))"
            raise ShapeError(
                f"{which} of layer {name!r} is incompatible with the layer: it {problem}, and is {tensor._described()}"
            )


def as_input(value: Any) -> Any:
    """Arrays and numbers become tensors of float32, or stay integers; what is no array stays what it is."""
    if isinstance(value, Tensor):
        return value if value.dtype != dtypes.float64 else value.astype(DEFAULT_FLOAT)
    if isinstance(value, (numpy.ndarray, numpy.generic, int, float)) and not isinstance(value, bool):
        made = as_tensor(value)
        return made.astype(DEFAULT_FLOAT) if dtypes.is_float(made.dtype) else made
    return value


def as_option(value: Any) -> Any:
    """Likewise the arrays among what a layer is called with by name, also in lists; numbers stay."""
    if not any(isinstance(leaf, numpy.ndarray) for leaf in leaves(value)):
        return value
    return mapped(lambda leaf: as_input(leaf) if isinstance(leaf, numpy.ndarray) else leaf, value)
