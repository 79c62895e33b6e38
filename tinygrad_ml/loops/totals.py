"""Sums over all rounds that need no carry: Σₜ aₜᵀ·gₜ is one product, of all rounds together.

The gradient of what all rounds share is a sum over the rounds. Added up round by round, that of a weight is read and
written in each of them. Where it is made of products, sums, and what only moves numbers, the operands are handed out of
the rounds instead, and it is computed once, behind the loop.

Read before: `tracing.py`. Read next: `derivative.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..functional import matmul, permute_dims, reshape
from ..functional import sum as total_of
from ..ops import matmul as products
from ..ops import movement, reduce
from ..ops.elementwise import add, neg
from ..ops.index import ARRAY, scatter_add
from ..tensor import Tensor
from .body import Operation
from .tracing import Tracer

Stacks = Callable[[int], Tensor]
"""From a value to what it was in all rounds, stacked."""
Total = Callable[[Stacks], Tensor]


class Totals:
    """Finds how the sums of values over all rounds can be computed behind the loop.

    operands  the values that are to be handed out for it
    """

    def __init__(self, tracer: Tracer, varying: Collection[int]):
        self._tracer, self._varying = tracer, varying
        self.operands: list[int] = []

    def of(self, value: int) -> Total | None:
        """How to compute Σₜ valueₜ, or None if it has to be added up in the rounds."""
        step = self._tracer.step_of(value)
        rule = None if step is None else TOTAL_RULES.get(step.op)
        return None if step is None or rule is None else rule(self, step)

    def _stacked(self, value: int) -> int | None:
        """A value that is to be handed out; None if it is the same in all rounds."""
        if self._tracer.step_of(value) is None and value not in self._varying:
            return None
        if value not in self.operands:
            self.operands.append(value)
        return value

    def _product(self, step: Operation) -> Total | None:
        left, right = step.inputs
        if [len(self._tracer.form_of(value).shape) for value in step.inputs] != [2, 2]:
            return None
        turned = self._tracer.step_of(left)
        if turned is not None and turned.op is movement.permute_dims:
            return self._of_rows(turned.inputs[0], right)
        left_stack, right_stack = self._stacked(left), self._stacked(right)
        if left_stack is None or right_stack is None:
            return None

        def total(stacks: Stacks) -> Tensor:
            x, y = permute_dims(stacks(left_stack), (1, 0, 2)), stacks(right_stack)
            rounds, rows, columns = y.shape
            return matmul(reshape(x, (x.shape[0], rounds * rows)), reshape(y, (rounds * rows, columns)))

        return total

    def _of_rows(self, left: int, right: int) -> Total | None:
        """Σₜ leftₜᵀ·rightₜ: the rows of all rounds, one below the other."""
        left_stack, right_stack = self._stacked(left), self._stacked(right)
        if left_stack is None or right_stack is None:
            return None

        def below(x: Tensor) -> Tensor:
            return reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))

        return lambda stacks: matmul(below(stacks(left_stack)).mT, below(stacks(right_stack)))

    def _sum(self, step: Operation) -> Total | None:
        stack = self._stacked(step.inputs[0])
        axes = tuple(axis + 1 for axis in step.params["axis"])
        if stack is None:
            return None
        if step.params["keepdims"]:
            return lambda stacks: total_of(total_of(stacks(stack), axis=axes, keepdims=True), axis=0)
        return lambda stacks: total_of(stacks(stack), axis=(0, *axes))

    def _moved(self, step: Operation) -> Total | None:
        """What only moves numbers, or changes their sign, can be done after they are added up."""
        inner = self.of(step.inputs[0])
        return None if inner is None else lambda stacks: inner(stacks)._apply(step.op, **step.params)

    def _both(self, step: Operation) -> Total | None:
        if len({self._tracer.form_of(value).shape for value in step.inputs}) > 1:
            return None
        one, other = map(self.of, step.inputs)
        return None if one is None or other is None else lambda stacks: one(stacks) + other(stacks)

    def _scattered(self, step: Operation) -> Total | None:
        """Numbers that are added at places: a slice, or rows by their numbers, of all rounds at once."""
        if len(step.inputs) == 1:
            return self._moved(step)
        if step.params["index"] != (ARRAY,):
            return None
        x, places = map(self._stacked, step.inputs)
        if x is None or places is None:
            return None
        return lambda stacks: stacks(x)._apply(scatter_add, stacks(places), **step.params)


TOTAL_RULES = {
    products.matmul: Totals._product,
    reduce.sum_: Totals._sum,
    movement.reshape: Totals._moved,
    movement.permute_dims: Totals._moved,
    neg: Totals._moved,
    add: Totals._both,
    scatter_add: Totals._scattered,
}
