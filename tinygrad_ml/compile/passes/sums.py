"""Sums that are known already, but for a factor: of Σ (k·x + l·(y - mean y)), where Σ x is there.

    Σ (y - mean y) = 0, so the sum is k·Σ x              k and l are the same along the axes of the sum

The gradient of a mean is a sum over all that comes back to the numbers of which it is one. Behind batch norm that is
k·g + l·(x - mean x), and Σ g is there, as the gradient of the bias: so no image is read once more to add it up. What is left out is
what the mean was rounded by.

Sums of two parts, neither of which is known to be 0, stay as they are: their digits may lie where the other one's end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

from ...ops import elementwise
from ...ops.movement import reshape
from ...ops.reduce import sum_
from ...ops.shapes import kept, size
from ..program import Instruction, Program, Value
from .rewriting import Rewriting

DEEPEST_SUM = 4
"""Operations between what is added up and what is known to be 0: more are not looked through."""
_Axes = tuple[int, ...]


class _Multiple(NamedTuple):
    """Of a sum that is there, by these factors; None stands for -1."""

    total: Value
    factors: list[Value | None]


def sums(program: Program) -> Program:
    """With a few operations on small arrays in the place of sums that are known but for a factor."""
    search, writing = _SumSearch(program), Rewriting(program)
    for instruction in program.instructions:
        found = search.known(instruction)
        if found is None:
            writing.keep(instruction)
        else:
            writing.scope = instruction.output.scope
            _write(writing, instruction, found)
    return program.with_instructions(writing.producers.values()) if search.found else program


def _write(writing: Rewriting, instruction: Instruction, known: _Multiple) -> None:
    """What takes the place of a sum."""
    (x,), output, total = instruction.inputs, instruction.output, known.total
    shape = kept(x.shape, instruction.params["axis"])
    if total.shape != shape:
        total = writing.new(reshape, (total,), shape, x.dtype, shape=shape)
    for factor in reversed(known.factors):
        op, operands = (elementwise.neg, (total,)) if factor is None else (elementwise.mul, (total, factor))
        total = writing.new(op, operands, shape, x.dtype)
    writing.keep(Instruction(reshape, (total,), {"shape": output.shape}, output))


class _SumSearch:
    """found  whether there was such a sum"""

    def __init__(self, program: Program):
        self._makers, self._totals, self.found = program.producers(), dict[tuple[Value, _Axes], Value](), False

    def known(self, instruction: Instruction) -> _Multiple | None:
        """What an instruction follows from, if it is such a sum. The program is looked through in its order."""
        if instruction.op is not sum_ or instruction.output.dtype not in (numpy.float32, numpy.float64):
            return None
        (x,), axes = instruction.inputs, instruction.params["axis"]
        known = self._known(x, axes)
        if known is None:
            self._totals.setdefault((x, axes), instruction.output)
        else:
            self.found = True
        return known

    def _known(self, x: Value, axes: _Axes) -> _Multiple | None:
        factors, without = list[Value | None](), False  # without something that is 0 in all
        while not (without and (x, axes) in self._totals):
            maker = self._makers.get(x)
            if maker is None:
                return None
            if scaled := self._scaled(maker, axes):
                x, factor = scaled
                factors.append(factor)
                continue
            if maker.op not in (elementwise.add, elementwise.sub) or any(y.shape != x.shape for y in maker.inputs):
                return None
            zero = [self._is_zero(y, axes, DEEPEST_SUM) for y in maker.inputs]
            if zero[0] == zero[1]:
                return None
            x, without = maker.inputs[zero[0]], True
            if zero[0] and maker.op is elementwise.sub:
                factors.append(None)
        return _Multiple(self._totals[x, axes], factors)

    @staticmethod
    def _scaled(maker: Instruction, axes: _Axes) -> tuple[Value, Value | None] | None:
        """(what is multiplied, by what that is the same along the axes), if the instruction does that."""
        output = maker.output
        if maker.op is elementwise.neg:
            return maker.inputs[0], None
        if maker.op is elementwise.mul:
            for x, factor in (maker.inputs, maker.inputs[::-1]):
                behind = len(output.shape) - len(factor.shape)
                same = all(axis < behind or factor.shape[axis - behind] == 1 for axis in axes)
                if same and x.shape == output.shape and x.dtype == factor.dtype == output.dtype:
                    return x, factor
        return None

    def _is_zero(self, x: Value, axes: _Axes, depth: int) -> bool:
        """Whether all of x is 0 along the axes, but for rounding."""
        maker = self._makers.get(x)
        if maker is None or not depth:
            return False
        if self._is_centred(maker, axes):
            return True
        if scaled := self._scaled(maker, axes):
            return self._is_zero(scaled[0], axes, depth - 1)
        alike = maker.op in (elementwise.add, elementwise.sub) and all(y.shape == x.shape for y in maker.inputs)
        return alike and all(self._is_zero(y, axes, depth - 1) for y in maker.inputs)

    def _is_centred(self, maker: Instruction, axes: _Axes) -> bool:
        """Whether it is y - mean y, the mean over these axes."""
        if maker.op is not elementwise.sub or maker.inputs[0].shape != maker.output.shape:
            return False
        y, mean = maker.inputs
        divided = self._makers.get(mean)
        if divided is None or divided.op is not elementwise.div or mean.shape != kept(y.shape, axes):
            return False
        total, count = divided.inputs
        added = self._makers.get(total)
        alike = added is not None and added.op is sum_ and added.inputs == (y,)
        return alike and count.known_number == size(y.shape) // size(mean.shape)
