"""A dense layer between any axes: which of them are summed over is told as `einsum` is told."""

from __future__ import annotations

import re
from typing import Any

from ...errors import OptionError, ShapeError
from ...functional import einsum
from ...tensor import Tensor, as_tensor
from .. import activations
from ..initializers import VarianceScaling
from .base import Layer


class EinsumDense(Layer):
    """y = g(einsum(equation, x, W) + b).

    equation      "abc,cd->abd": the axes of x, of W (`kernel`) and of y; "..." stands for any other axes of x and y
    output_shape  the sizes of y without the batch and what "..." stands for, None where they are those of x
    activation    g, by name or as a function; none by default
    bias_axes     the letters of y that b (`bias`) has; None for no bias
    The other options are those of `Dense`.

    >>> EinsumDense("abc,cde->abde", (None, 8, 64), bias_axes="de")  # to 8 heads of 64 numbers each
    """

    kernel_initializer: Any

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.equation, self.bias_axes, self.activation = equation, bias_axes, activations.get(activation)
        self._sizes = tuple(output_shape) if isinstance(output_shape, (list, tuple)) else (output_shape,)
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)
        if not re.fullmatch(r"(\.{3})?[a-zA-Z]+(\.{3})?,[a-zA-Z]+->(\.{3})?[a-zA-Z]+(\.{3})?", equation):
            raise OptionError(f"equation={equation!r} must tell the axes of x, W and y, as in 'abc,cd->abd'")

    def build(self, input_shape: Any) -> None:
        inward, kernel, outward = re.split(",|->", self.equation)
        known = _sizes_of(inward, input_shape, self.name)
        letters = outward.replace(".", "")[0 if outward.startswith(".") else 1 :]
        if len(letters) != len(self._sizes):
            raise OptionError(
                f"{self.name}: output_shape={self._sizes} must tell the sizes of the axes {', '.join(letters)}"
            )
        y = dict(zip(letters, self._sizes, strict=True))
        for letter, size in y.items():
            if letter in known and size not in (None, known[letter]):
                raise ShapeError(
                    f"{self.name}: axis {letter} of {self.equation!r} is {known[letter]} in x, and {size} in y"
                )
        sizes = {letter: size for letter, size in y.items() if size is not None} | known
        if missing := set(kernel) - sizes.keys():
            raise OptionError(f"{self.name}: {self.equation!r} does not tell the size of {', '.join(sorted(missing))}")
        begin = self.kernel_initializer
        if isinstance(begin, VarianceScaling):
            begin = begin.of_axes(*_axes_of(kernel, outward))
        self.kernel = self._weight("kernel", tuple(sizes[letter] for letter in kernel), initializer=begin)
        self.bias = (
            None
            if self.bias_axes is None
            else self._weight("bias", self._bias_shape(outward, sizes, len(input_shape) - len(known)))
        )

    def _bias_shape(self, outward: str, sizes: dict[str, Any], more: int) -> tuple[int, ...]:
        """One number for each of `bias_axes`, and 1 for the axes behind the first of them, `more` of which have no letter."""
        letters, axes = outward.replace(".", ""), str(self.bias_axes)
        if not set(axes) <= set(letters):
            raise OptionError(f"{self.name}: bias_axes={axes!r} are not all axes of y, {outward!r}")
        shape = [sizes[letter] if letter in axes else 1 for letter in letters[min(map(letters.index, axes)) :]]
        return (*shape, *[1] * (more if outward.endswith("...") else 0))

    def call(self, inputs: Any) -> Tensor:
        y = einsum(self.equation, as_tensor(inputs), self.kernel)
        y = y if self.bias is None else y + self.bias
        return self.activation(y)


def _axes_of(kernel: str, outward: str) -> tuple[list[int], list[int]]:
    """(the axes of W that x brings, those that y has): their sizes are the fans of its initial numbers."""
    ours = [axis for axis, letter in enumerate(kernel) if letter in outward]
    return [axis for axis in range(len(kernel)) if axis not in ours], ours


def _sizes_of(letters: str, shape: Any, layer: str) -> dict[str, Any]:
    """{letter of an axis: its size}."""
    names = letters.replace(".", "")
    if len(names) > len(shape) or ("." not in letters and len(names) != len(shape)):
        raise ShapeError(f"{layer}: {letters!r} does not fit the shape {tuple(shape)}")
    first = len(shape) - len(names) if letters.startswith(".") else 0
    return dict(zip(names, shape[first:], strict=False))
