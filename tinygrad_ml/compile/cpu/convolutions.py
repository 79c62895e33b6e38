"""Convolutions found again: products with laid out windows become operations that lay none out.

A convolution is recorded as what it is composed of: windows, their copy in order, and a product; its gradients as two
products, a sum over the batch, and windows added back. Here each of the three becomes one operation:

    the result                        a · windows(x)                          convolution
    the gradient of the weights       Σ over the batch of g · windows(x)ᵀ     weight_gradient
    the gradient of the image         fold(aᵀ · g)                            a convolution of g, with the kernel turned

The last is so for stride 1: each pixel was seen from as many positions as the kernel has places, so its gradient is a
sum over these, the other way round. Where strides are longer it stays as it is.

Read next: `../../machine/products/windows.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy

from ...functional import windows
from ...machine.products import plan
from ...machine.products.fewer import TiledConvolution, TiledGradient, tiles_fit
from ...machine.products.fields import DEEPEST, shape_for
from ...machine.products.windows import LONGEST_STRIDE, ImplicitProduct, Sight, WeightGradient
from ...ops.index import getitem, scatter_add
from ...ops.matmul import matmul
from ...ops.movement import permute_dims, reshape
from ...ops.reduce import sum_
from ..passes.rewriting import Makers, Rewriting, rewritten
from ..program import Call, Instruction, Program, Value

AXES = (0, 1, 4, 5, 2, 3)
"""From (batch, channels, *positions, *kernel) to (batch, channels, *kernel, *positions), and back."""


def _columns(x: Any, sight: Sight) -> Any:
    """(batch, .., places, positions): the windows of x, laid out."""
    x = numpy.pad(x, ((0, 0), (0, 0), *sight.pads)) if any(map(any, sight.pads)) else x
    seen = windows.windows.value(numpy, x, kernel=sight.kernel, stride=sight.stride, dilation=sight.dilation)
    groups = () if sight.groups == 1 else (sight.groups,)
    places = x.shape[1] // sight.groups * prod(sight.kernel)
    return seen.transpose(AXES).reshape(len(x), *groups, places, prod(sight.positions))


def _rows(a: Any, sight: Sight) -> Any:
    """(.., channels of the result, places): the weights, turned around if they are to be."""
    if not sight.turned:
        return a
    apart = a.reshape(len(a), -1, prod(sight.kernel))[:, :, ::-1]
    return apart.swapaxes(0, 1).reshape(apart.shape[1], -1)


Way = type[ImplicitProduct] | type[TiledConvolution] | type[TiledGradient] | type[WeightGradient]
"""How an operation on windows runs as machine code."""


class WindowOperation(Call):
    """An operation on windows of an image, which is its second input.

    runs_as  how it may run as machine code: the first of these that fits
    """

    def __init__(self, name: str, value: Any, *runs_as: Way):
        super().__init__(name, value)
        self.runs_as = runs_as

    def flops(self, output: tuple[int, ...], *inputs: tuple[int, ...]) -> int:  # type: ignore[override]
        """Of the product that it is."""
        if WeightGradient in self.runs_as:
            return 2 * prod(output) * inputs[0][-1] * inputs[0][0]
        return 2 * prod(output) * prod(inputs[0]) // prod(output[1:-1])


CONVOLUTION = WindowOperation(
    "convolution",
    lambda xp, a, x, sight: xp.matmul(_rows(a, sight), _columns(x, sight)),
    TiledConvolution,
    ImplicitProduct,
)
"""The product of weights and the windows of an image."""
WEIGHT_GRADIENT = WindowOperation(
    "weight_gradient", lambda xp, g, x, sight: xp.matmul(g, _columns(x, sight).mT).sum(0), TiledGradient, WeightGradient
)
"""The sum over the batch of products of a gradient and the windows of an image."""


class _Seen(NamedTuple):
    """An image, and what is seen of it."""

    x: Value
    sight: Sight

    def worth(self, out: int) -> bool:
        """Whether a convolution to so many channels, for each group, is worth code of its own."""
        return self.sight.worth(self.x.dtype, self.x.shape[0], self.x.shape[1], out * self.sight.groups)


class _Crop(NamedTuple):
    """Windows added back to an image, of which all but the edges is needed: (before, after) along both axes."""

    fold: Instruction
    edges: list[tuple[int, int]]


def convolutions(program: Program) -> Program:
    """The program with the three operations wherever it has a convolution that is worth it."""
    if not plan.register() or not any(i.op is windows.windows or i.op is windows.fold for i in program.instructions):
        return program
    return rewritten(program, _Search(program).instead)


def _plain(sight: Sight, dtype: numpy.dtype) -> bool:
    """Whether it is a product of an image as it is, which is large enough for a product of its own."""
    large = prod(sight.positions) >= shape_for(plan.register(), dtype.itemsize).columns
    return sight.kernel == sight.stride == (1, 1) and large


class _Search(Makers):
    def __init__(self, program: Program):
        super().__init__(program)
        crops = {i.output: crop for i in program.instructions if (crop := self._crop(i))}
        self._crops, self._cropped = crops, {crop.fold.output for crop in crops.values()}

    def instead(self, instruction: Instruction, writing: Rewriting) -> Instruction | None:
        """What takes the place of an instruction, if it is the end of one of the three."""
        if instruction.op is matmul:
            return self._result(instruction)
        if instruction.op is sum_:
            return self._weights(instruction)
        crop = self._crops.get(instruction.output)
        if instruction.op is windows.fold and instruction.output not in self._cropped:
            crop = _Crop(instruction, [(0, 0), (0, 0)])
        return crop and self._image(crop, instruction.output, writing)

    def _turned(self, value: Value | None, axes: Sequence[int], once: bool = False) -> Value | None:
        """What a value is, with its axes in this order."""
        return self.before(value, permute_dims, once, axes=tuple(axes))

    def _swapped(self, value: Value) -> Value | None:
        """What a value is the transpose of."""
        count = len(value.shape)
        return self._turned(value, (*range(count - 2), count - 1, count - 2))

    def _laid(self, value: Value | None) -> _Seen | None:
        """What a value shows of an image, if it is laid out windows: (batch, .., places, positions)."""
        seen = self.maker(self._turned(self.before(value, reshape), AXES), windows.windows)
        if value is None or seen is None:
            return None
        (x,), shape = seen.inputs, seen.output.shape
        groups = 1 if len(value.shape) == 3 else value.shape[1] if len(value.shape) == 4 else 0
        if not groups or value.shape[-1] != prod(shape[2:4]) or value.shape[0] != shape[0]:
            return None
        steps = (seen.params[name] for name in ("kernel", "stride", "dilation"))
        return _Seen(x, Sight(shape[2:4], *steps, groups=groups))

    def _in_order(self, value: Value) -> bool:
        """Whether it surely lies in one piece, as no view of something else does."""
        while (maker := self._makers.get(value)) is not None and maker.op is reshape:
            (value,) = maker.inputs
        return maker is None or not maker.op.view

    def _in_tiles(self, seen: _Seen, m: int) -> _Seen:
        """What is seen, for a result of m channels: without the zeros around it, if that runs by tiles, which know of them."""
        padded = self.maker(seen.x, scatter_add)
        if padded is None or not tiles_fit(seen.sight, seen.x.shape[1], m, seen.x.dtype):
            return seen
        (x,), edges = padded.inputs, _edges(padded.params["index"], seen.x.shape)
        if edges is None or not self._in_order(x):
            return seen
        return _Seen(x, seen.sight._replace(pads=tuple(edges)))

    def _crop(self, instruction: Instruction) -> _Crop | None:
        """What is read of windows added back, if that is the inside of each image, and all that is read of them."""
        fold = self.maker(instruction.inputs[0], windows.fold, once=True) if instruction.op is getitem else None
        edges = fold and _edges(instruction.params["index"], fold.output.shape)
        return _Crop(fold, edges) if fold and edges is not None else None

    def _result(self, product: Instruction) -> Instruction | None:
        a, laid = product.inputs
        seen = self._laid(laid)
        if seen is None or len(a.shape) != (2 if seen.sight.groups == 1 else 3):
            return None
        if seen.sight.stride[1] > LONGEST_STRIDE or _plain(seen.sight, seen.x.dtype) or not seen.worth(a.shape[-2]):
            return None
        x, sight = self._in_tiles(seen, a.shape[-2])
        return Instruction(CONVOLUTION, (a, x), {"sight": sight}, product.output)

    def _weights(self, total: Instruction) -> Instruction | None:
        product = self.maker(total.inputs[0], matmul, once=True)
        seen = self._laid(self._swapped(product.inputs[1])) if product else None
        if product is None or seen is None or total.params != {"axis": (0,), "keepdims": False}:
            return None
        g = product.inputs[0]
        if len(g.shape) != (3 if seen.sight.groups == 1 else 4) or not seen.worth(g.shape[-2]):
            return None
        if seen.sight.positions[1] > DEEPEST:
            return None
        x, sight = self._in_tiles(seen, g.shape[-2])
        return Instruction(WEIGHT_GRADIENT, (g, x), {"sight": sight}, total.output)

    def _image(self, crop: _Crop, output: Value, writing: Rewriting) -> Instruction | None:
        fold = crop.fold
        laid = self._turned(fold.inputs[0], AXES, once=True)
        product = self.maker(self.before(laid, reshape, once=True), matmul, once=True)
        a = self._swapped(product.inputs[0]) if product else None
        kernel, stride, dilation = (fold.params[name] for name in ("kernel", "stride", "dilation"))
        if laid is None or product is None or a is None or len(output.shape) != 4 or stride != (1, 1):
            return None
        g, (batch, channels, *space) = product.inputs[1], output.shape
        groups = 1 if len(g.shape) == 3 else g.shape[1]
        out = g.shape[-2] * groups
        if len(g.shape) > 4 or len(a.shape) != (2 if groups == 1 else 3):
            return None
        pads = [(d * (k - 1) - b, d * (k - 1) - e) for d, k, (b, e) in zip(dilation, kernel, crop.edges, strict=True)]
        sight = Sight(tuple(space), kernel, (1, 1), dilation, groups)
        if min(map(min, pads)) < 0 or not sight.worth(g.dtype, batch, out, channels):
            return None
        if _plain(sight, g.dtype):  # nothing is added up
            return Instruction(reshape, (product.output,), {"shape": output.shape}, output)
        if tiles_fit(sight, out, channels, g.dtype) and self._in_order(g) and self._in_order(a):
            around, sight = [], sight._replace(pads=tuple(pads), turned=True)
            weights = a
        else:
            around, weights = pads, _turned_around(a, kernel, channels // groups, writing)
        image = _padded(g, (batch, out, *laid.shape[-2:]), around, writing)
        shape = (batch, *a.shape[:-2], channels // groups, prod(space))
        y = writing.new(CONVOLUTION, (weights, image), shape, g.dtype, sight=sight)
        return Instruction(reshape, (y,), {"shape": output.shape}, output)


def _edges(index: tuple, shape: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """(pixels before, pixels after) the inside of each image, along both axes, if that is what an index names."""
    if len(index) != 4 or not all(isinstance(part, slice) and part.step in (None, 1) for part in index):
        return None
    ends = [part.indices(n)[:2] for part, n in zip(index, shape, strict=True)]
    edges = [(start, n - stop) for (start, stop), n in zip(ends, shape, strict=True)]
    return edges[2:] if edges[:2] == [(0, 0), (0, 0)] else None


def _padded(g: Value, shape: tuple[int, ...], pads: list[tuple[int, int]], writing: Rewriting) -> Value:
    """A gradient as images of `shape`, in zeros."""
    image = writing.reshaped(g, shape)
    if not any(map(any, pads)):
        return image
    whole = (*shape[:2], *(before + n + after for n, (before, after) in zip(shape[2:], pads, strict=True)))
    inside = [slice(before, before + n) for n, (before, _) in zip(shape[2:], pads, strict=True)]
    index = (slice(0, shape[0]), slice(0, shape[1]), *inside)
    return writing.new(scatter_add, (image,), whole, g.dtype, index=index, shape=whole)


def _turned_around(a: Value, kernel: tuple[int, int], channels: int, writing: Rewriting) -> Value:
    """Weights (.., out, channels · places) as (.., channels, out · places), each kernel turned around."""
    (*groups, out, _), back, lead = a.shape, slice(None, None, -1), len(a.shape) - 2
    apart = (*groups, out, channels, *kernel)
    each = writing.reshaped(a, apart)
    each = writing.new(getitem, (each,), apart, a.dtype, index=(*[slice(None)] * (lead + 2), back, back))
    each = writing.permuted(each, (*range(lead), lead + 1, lead, lead + 2, lead + 3))
    return writing.reshaped(each, (*groups, channels, out * prod(kernel)))
