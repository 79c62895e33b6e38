"""Sums over all rounds that need no carry: Σₜ aₜᵀ·gₜ is one product, of all rounds together.

The gradient of what all rounds share is a sum over the rounds. Added up round by round, that of a weight is read and
written in each of them. Where it is made of products, sums, and what only moves numbers, the operands are handed out of
the rounds instead, and it is computed once, behind the loop: unless they would take more memory than is read and written.

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
from ..ops.shapes import size
from ..tensor import Tensor
from .body import Operation
from .tracing import Tracer

Stacks = Callable[[int], Tensor]
"""From a value to what it was in all rounds, stacked."""
Total = Callable[[Stacks], Tensor]


class Totals:
    """Finds how the sums of values over all rounds can be computed behind the loop.

    there     the values that are known of all rounds, whatever is done here
    varying   the values that come in and are others in each round
    operands  the values that are used
    """

    def __init__(self, tracer: Tracer, there: Collection[int], varying: Collection[int]):
        self._tracer, self._there, self._varying = tracer, there, varying
        self.operands: list[int] = []

    def of(self, value: int) -> Total | None:
        """How to compute Σₜ valueₜ, or None if it has to be added up in the rounds."""
        step = self._tracer.step_of(value)
        rule = None if step is None or step.constants else TOTAL_RULES.get(step.op)
        return None if step is None or rule is None else rule(self, value, step)

    def _stack(self, result: int, *values: int) -> bool:
        """Use these values of all rounds for the sum of a result; False if one is the same in all rounds, or if they are
        larger than the result."""
        if any(self._tracer.step_of(value) is None and value not in self._varying for value in values):
            return False
        more = {value for value in values if value not in self._there and value not in self.operands}
        if sum(size(self._tracer.form_of(value).shape) for value in more) > size(self._tracer.form_of(result).shape):
            return False
        self.operands += [value for value in dict.fromkeys(values) if value not in self.operands]
        return True

    def _product(self, result: int, step: Operation) -> Total | None:
        left, right = step.inputs
        if [len(self._tracer.form_of(value).shape) for value in step.inputs] != [2, 2]:
            return None
        turned = self._tracer.step_of(left)
        if turned is not None and turned.op is movement.permute_dims and not turned.constants:
            return self._of_rows(result, turned.inputs[0], right)
        if not self._stack(result, left, right):
            return None

        def total(stacks: Stacks) -> Tensor:
            x, y = permute_dims(stacks(left), (1, 0, 2)), stacks(right)
            rounds, rows, columns = y.shape
            return matmul(reshape(x, (x.shape[0], rounds * rows)), reshape(y, (rounds * rows, columns)))

        return total

    def _of_rows(self, result: int, left: int, right: int) -> Total | None:
        """Σₜ leftₜᵀ·rightₜ: the rows of all rounds, one below the other."""
        if not self._stack(result, left, right):
            return None

        def below(x: Tensor) -> Tensor:
            return reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))

        return lambda stacks: matmul(below(stacks(left)).mT, below(stacks(right)))

    def _sum(self, result: int, step: Operation) -> Total | None:
        (x,) = step.inputs
        axes = tuple(axis + 1 for axis in step.params["axis"])
        if not self._stack(result, x):
            return None
        if step.params["keepdims"]:
            return lambda stacks: total_of(total_of(stacks(x), axis=axes, keepdims=True), axis=0)
        return lambda stacks: total_of(stacks(x), axis=(0, *axes))

    def _move(self, result: int, step: Operation) -> Total | None:
        """What only moves numbers, or changes their sign, can be done after they are added up."""
        inner = self.of(step.inputs[0])
        return None if inner is None else lambda stacks: inner(stacks)._apply(step.op, **step.params)

    def _both(self, result: int, step: Operation) -> Total | None:
        if len({self._tracer.form_of(value).shape for value in step.inputs}) > 1:
            return None
        one, other = map(self.of, step.inputs)
        return None if one is None or other is None else lambda stacks: one(stacks) + other(stacks)

    def _scatter(self, result: int, step: Operation) -> Total | None:
        """Numbers that are added at places: a slice, or rows by their numbers, of all rounds at once."""
        if len(step.inputs) == 1:
            return self._move(result, step)
        x, places = step.inputs
        if step.params["index"] != (ARRAY,) or not self._stack(result, x, places):
            return None
        return lambda stacks: stacks(x)._apply(scatter_add, stacks(places), **step.params)


TOTAL_RULES = {
    products.matmul: Totals._product,
    reduce.sum_: Totals._sum,
    movement.reshape: Totals._move,
    movement.permute_dims: Totals._move,
    neg: Totals._move,
    add: Totals._both,
    scatter_add: Totals._scatter,
}
