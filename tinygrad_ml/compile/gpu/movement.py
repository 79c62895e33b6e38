"""Kernels that move numbers: every thread computes one element of the result, and looks where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy

from ...ops.shapes import reduced, size
from ...totals import accumulator
from ..program import Instruction, Value
from ..schedule.axes import strides_in
from .expressions import REGISTER, loaded, stored
from .launch import Launch, launch, parameters
from .loops import alone, elementwise, in_strips
from .places import Places, at, counted_by, times

BLOCK_THREADS = 128

Forms = Mapping[Value, numpy.ndarray]


class Elements:
    """What all of these kernels have: a number `i` of a thread, and the places of arrays that follow from it.

    instruction  what is computed
    forms        value -> how it lies in memory
    shape        of what is counted; a thread for each
    strides      value, or another key -> strides along its axes
    axes         those whose coordinates are asked for, as places of these keys
    """

    def __init__(
        self,
        instruction: Instruction,
        forms: Forms,
        shape: Sequence[int],
        strides: Mapping[Any, Sequence[int]],
        axes: Sequence[int] = (),
    ):
        self.instruction, self.shape, self.count = instruction, tuple(shape), size(tuple(shape))
        self.kind = counted_by([forms[value] for value in (*instruction.inputs, instruction.output)], self.count)
        along = {axis: [int(a == axis and n > 1) for a, n in enumerate(self.shape)] for axis in axes}
        self.places = Places("i", self.shape, {**strides, **along}, self.kind)

    def element(self, value: Value, *more: str, key: Hashable = None) -> str:
        """The element of a value, at the places of `key` if it is given; `more` are added to where it lies."""
        return at(f"p{value.number}", self.places.offset(value if key is None else key), *more)

    def load(self, value: Value, *more: str, key: Hashable = None) -> str:
        """The same, to compute with."""
        return loaded(self.element(value, *more, key=key), value.dtype)

    def launch(self, lines: Sequence[str], zeroed: tuple[Value, ...] = ()) -> Launch:
        """The kernel with these lines, for which the places have been asked."""
        blocks, begin, end = in_strips(self.count, self.count, BLOCK_THREADS, self.kind)
        start = [f"const {self.kind} i = {begin} + threadIdx.x;", f"if (i >= {end}) return;"]
        remark = f"{self.instruction!r}: {' × '.join(map(str, self.shape)) or 'one'}"
        given = parameters(self.instruction.inputs, [self.instruction.output])
        lines = [*start, *self.places.coordinates(), *lines]
        return launch(self.instruction.op.name, remark, lines, given, (blocks,), BLOCK_THREADS, zeroed=zeroed)


def copy(instruction: Instruction, forms: Forms) -> list[Launch]:
    """The numbers of the first input in C order, into memory where they lie so: `copy`, `reshape`, `constant_in`."""
    x, output, kernel = instruction.inputs[0], instruction.output, alone(instruction)
    kernel.shape = x.shape
    return [elementwise(kernel, {x: forms[x], output: numpy.reshape(forms[output], x.shape, copy=False)})]


def concat(instruction: Instruction, forms: Forms) -> list[Launch]:
    """The loops that lay the inputs side by side."""
    axis, offsets = instruction.params["axis"], instruction.params["offsets"]
    output = instruction.output
    strides = {value: _strides(forms[value]) for value in (*instruction.inputs, output)}
    elements = Elements(instruction, forms, output.shape, strides, [axis])
    place, lines = elements.places.offset(axis), []
    for value, (begin, end) in zip(instruction.inputs, pairwise(offsets), strict=True):
        if begin < end:
            taken = f"{elements.element(output)} = {elements.element(value, str(-begin * strides[value][axis]))};"
            lines.append(f"{'else ' if lines else ''}if ({place} < {end}) {taken}")
    return [elements.launch(lines)]


def running(begin: int, on: str, then: str = "", wide: bool = True) -> Callable[[Instruction, Forms], list[Launch]]:
    """The launch of what runs on along an axis, where a thread goes along it.

    begin  with this number
    on     `total` becomes this with the next number of the first input, {x}; that is written down
    then   and it becomes this with that of the second one, {a}, if there is one
    wide   whether a float runs on in the dtype of running sums
    """

    def launches(instruction: Instruction, forms: Forms) -> list[Launch]:
        inputs, output, axis = instruction.inputs, instruction.output, instruction.params["axis"]
        shape = inputs[0].shape
        steps = {value: _strides(forms[value]) if value.shape else () for value in (*inputs, output)}
        along = {value: step[axis] if step else 0 for value, step in steps.items()}
        rest = {value: reduced(step, (axis,)) for value, step in steps.items()}
        elements = Elements(instruction, forms, reduced(shape, (axis,)), rest)
        dtype = accumulator(output.dtype, running=True) if wide and output.dtype.kind == "f" else output.dtype
        x, *a = [elements.load(value, times("k", along[value])) for value in inputs]
        lines = [
            f"{REGISTER[dtype]} total = {begin};",
            f"for ({elements.kind} k = 0; k < {shape[axis] if shape else 1}; k++) {{",
            f"    total = {on.format(x=x)};",
            f"    {elements.element(output, times('k', along[output]))} = {stored('total', output.dtype)};",
            *(f"    total = {then.format(a=other)};" for other in a),
            "}",
        ]
        return [elements.launch(lines)]

    return launches


def fold(instruction: Instruction, forms: Forms) -> list[Launch]:
    """An element is the sum of those places of windows that look at it: of each axis those that begin not too far before."""
    (x,), output, params = instruction.inputs, instruction.output, instruction.params
    kernel, stride, dilation = params["kernel"], params["stride"], params["dilation"]
    spatial = len(kernel)
    lead = len(output.shape) - spatial
    steps = _strides(forms[x])
    counts = x.shape[lead : lead + spatial]
    strides = {x: (*steps[:lead], *[0] * spatial), output: _strides(forms[output])}
    elements = Elements(instruction, forms, output.shape, strides, range(lead, lead + spatial))
    lines, more, indent = [f"{REGISTER[output.dtype]} total = 0;"], [], ""
    for k in range(spatial):
        lines.append(f"{indent}for (int k{k} = 0; k{k} < {kernel[k]}; k{k}++) {{")
        indent += "    "
        place, missing = f"y{k}", f"y{k} < 0 || y{k} >= {counts[k] * stride[k]}"
        if stride[k] != 1:
            place, missing = f"y{k} / {stride[k]}", f"{missing} || y{k} % {stride[k]}"
        lines.append(
            f"{indent}const {elements.kind} y{k} = {elements.places.offset(lead + k)} - {times(f'k{k}', dilation[k])};"
        )
        lines.append(f"{indent}if ({missing}) continue;")
        more += [times(place, steps[lead + k]), times(f"k{k}", steps[lead + spatial + k])]
    lines.append(f"{indent}total = total + {elements.load(x, *more)};")
    lines += [f"{'    ' * k}}}" for k in reversed(range(spatial))]
    lines.append(f"{elements.element(output)} = {stored('total', output.dtype)};")
    return [elements.launch(lines)]


def _strides(form: numpy.ndarray) -> tuple[int, ...]:
    return strides_in(form, form.shape)
