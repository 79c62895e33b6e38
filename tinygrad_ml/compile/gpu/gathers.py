"""Gathers: elements that an index names, as a part of the kernel that computes with them.

A batch is a gather: of images, and of labels, by places that were gathered themselves. `x[index]` by index arrays becomes
an instruction for each element of the result: it is given the numbers of the index arrays for that element, and looks
up what lies there. So it can stand among elementwise operations; only `x` has to be whole before.

What leads to a place may be computed again for each element: that costs less than a launch, unless there are too many.

Read before: `../schedule/index.py`. Read next: `loops.py` and `work.py`, in which gathers stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from ...backend import dtypes
from ...ops import movement
from ...ops.index import ARRAY, getitem
from ...ops.shapes import broadcast, size
from ..passes.rewriting import Rewriting, rewritten
from ..program import GATHER, Instruction, Program, Value
from ..schedule.index import Index, axes_before
from .expressions import loaded
from .places import at, looked_up

RECOMPUTED_ELEMENTS = 1 << 18
"""Elements up to which places are computed again for each of them."""
REPEATED_OPERATIONS = 8
"""Operations that are done again at most."""


def gathers(program: Program, again: bool = True) -> Program:
    """With a gather for each `x[index]` that has index arrays; `again`: whether places may be computed again."""
    return rewritten(program, lambda instruction, writing: _Gathers(writing, again).instead(instruction))


class _Gathers:
    def __init__(self, writing: Rewriting, again: bool):
        self._writing, self._again = writing, again

    def instead(self, instruction: Instruction) -> Instruction | None:
        """What takes the place of an instruction that reads what index arrays name."""
        values = (*instruction.inputs, instruction.output)
        indexed = instruction.op is getitem and ARRAY in instruction.params["index"]
        if not indexed or any(value.dtype not in dtypes.SUPPORTED for value in values):
            return None
        x, *arrays = instruction.inputs
        index, output = instruction.params["index"], instruction.output
        common = broadcast(*[array.shape for array in arrays])
        after = len(output.shape) - axes_before(index, len(x.shape)) - len(common)
        places = []
        for array in arrays:
            few = size(array.shape) < size(output.shape) <= RECOMPUTED_ELEMENTS
            short = self._again and few and 0 < len(self._leading_to(array)) <= REPEATED_OPERATIONS
            places.append(
                self._computed_again(array, after, output.shape) if short else self._shown(array, after, output.shape)
            )
        return Instruction(GATHER, (x, *places), {"index": index, "common": common}, output)

    def _shown(self, value: Value, after: int, shape: tuple[int, ...]) -> Value:
        """A view that has the value's elements where those of the result are that need them: before the last axes."""
        if after and value.shape:
            value = self._writing.reshaped(value, value.shape + (1,) * after)
        if value.shape != shape:
            value = self._writing.new(movement.broadcast_to, (value,), shape, value.dtype, shape=shape)
        return value

    def _leading_to(self, value: Value) -> list[Instruction]:
        """The operations that compute an element of the value; as many as are looked at, if they are more than `REPEATED_OPERATIONS`."""
        waiting, operations = [value], []
        while waiting and len(operations) <= REPEATED_OPERATIONS:
            instruction = self._writing.producers.get(waiting.pop())
            if instruction is not None and _for_each_element(instruction):
                operations.append(instruction)
                waiting += element_operands(instruction)
        return operations

    def _computed_again(self, value: Value, after: int, shape: tuple[int, ...]) -> Value:
        """The value for each element of the result."""
        instruction = self._writing.producers.get(value)
        if instruction is None or not _for_each_element(instruction):
            return self._shown(value, after, shape)
        operands = tuple(self._computed_again(operand, after, shape) for operand in element_operands(instruction))
        if instruction.op is GATHER:
            x, index = instruction.inputs[0], instruction.params["index"]
            return self._writing.new(GATHER, (x, *operands), shape, value.dtype, index=index, common=shape)
        return self._writing.new(instruction.op, operands, shape, value.dtype, **instruction.params)


def _for_each_element(instruction: Instruction) -> bool:
    """Whether an element of its result is computed of those elements of its operands that stand in the same place."""
    values = (*instruction.inputs, instruction.output)
    if any(value.dtype not in dtypes.SUPPORTED for value in values):
        return False
    by_arrays_alone = instruction.op is GATHER and instruction.params["common"] == instruction.output.shape
    return instruction.elementwise or by_arrays_alone


def element_operands(instruction: Instruction) -> tuple[Value, ...]:
    """Those of which an element of the result needs one element."""
    return instruction.inputs[1:] if instruction.op is GATHER else instruction.inputs


class Gather:
    """A gather in a kernel.

    along  strides of what is looked up in along the axes of the result, where slices name them
    """

    def __init__(self, instruction: Instruction, forms: Mapping[Value, numpy.ndarray]):
        self._table = instruction.inputs[0]
        params = instruction.params
        self._index = Index(params["index"], forms[self._table], params["common"])
        self.along = self._index.along

    def text(self, offset: str, numbers: Sequence[str]) -> str:
        """The gather as C: `offset` is where the element lies along those axes, `numbers` are those of the index arrays."""
        return loaded(at(f"p{self._table.number}", offset, *looked_up(self._index, numbers)), self._table.dtype)
