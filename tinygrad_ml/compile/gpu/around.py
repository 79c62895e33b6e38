"""What stands around a product, as a part of its kernel: what is computed of it element by element, and what it is made of.

A kernel that is the first to read a product, and has its shape, runs in it, the update of a parameter included. Of one that adds
up rows or columns, only what comes before is taken: the gradient behind an activation is made in the kernel of the product, and
the sum of it, which is the gradient of a bias, in a kernel beside the next product. What makes the first operand of a product,
element by element, is done as it is loaded: the gathering of a batch.

Read before: `tiles.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...backend import dtypes
from ..program import GATHER, Instruction, Program, Value
from ..schedule.kernel import Kernel, Turns
from .tiles import PRODUCT

MADE_WHILE_LOADED = 16
"""Operations at most that are done for each element of an operand that is loaded."""


def has_tiles(instruction: Instruction) -> bool:
    """Whether a product can be a kernel of ours."""
    values = (*instruction.inputs, instruction.output)
    if instruction.op.kind != "product" or instruction.output.dtype not in (dtypes.float32, dtypes.float64):
        return False
    return all(len(value.shape) > 1 and min(value.shape) > 0 for value in values)


def around_products(program: Program, kernels: Sequence[Kernel]) -> list[Kernel]:
    """The kernels in an order in which they can run, with those of products as kernels of ours. Changes what it is given."""
    around = _Around(program, _rows_apart(program, kernels))
    for kernel in kernels:
        if kernel.kind == "single" and has_tiles(kernel.instructions[0]) and kernel.outputs:
            kernel.kind = PRODUCT
            around.take_what_follows(kernel)
            around.take_what_leads_there(kernel)
    return around.order


def _rows_apart(program: Program, kernels: Sequence[Kernel]) -> list[Kernel]:
    """With what others need of a kernel that adds up along the first axis, made before, as a kernel of its own: that can be done
    row by row, see `phases.py`, and takes fewer registers than both together, of which the kernel of a step has few to spare."""
    written, order = {value for _, value in program.writes}, []
    for kernel in kernels:
        made = _before_any_sum(kernel, None) if kernel.kind == "loop" and 0 in kernel.axes else []
        outputs = {one.output for one in made}
        stored = outputs.intersection(kernel.outputs)
        rest = [one for one in kernel.instructions if one not in made]
        needed = outputs.intersection(value for one in rest for value in one.inputs)
        if stored and not stored & written and needed <= stored:
            alone = Kernel(kernel.first, made[0], "loop")
            alone.instructions, alone.whole = made, {one.inputs[0] for one in made if one.op is GATHER}
            alone.outputs = [value for value in kernel.outputs if value in stored]
            kernel.instructions, kernel.outputs = rest, [value for value in kernel.outputs if value not in stored]
            order.append(alone)
        order.append(kernel)
    return order


class _Around:
    def __init__(self, program: Program, kernels: Sequence[Kernel]):
        self.order = list(kernels)
        self._written = {value for _, value in program.writes}
        self._handed_out = {*program.results, *self._written}

    def _readers(self, values: set[Value], but: Kernel) -> list[int]:
        """Where those kernels stand that read one of the values, but for one."""
        return [place for place, one in enumerate(self.order) if one is not but and not values.isdisjoint(one.inputs())]

    def _outputs(self, kernel: Kernel) -> list[Value]:
        read = {value for one in self.order if one is not kernel for value in one.inputs()}
        return [i.output for i in kernel.instructions if i.output in read or i.output in self._handed_out]

    def take_what_follows(self, kernel: Kernel) -> None:
        product = kernel.instructions[0].output
        readers = self._readers({product}, kernel)
        if not readers:
            return
        first = self.order[readers[0]]
        taken = _before_any_sum(first, product) if first.kind == "loop" and product not in first.whole else []
        if not taken:
            return
        place = self.order.index(kernel)
        made = {one.output for one in taken}
        needed = {v for one in taken for v in one.inputs if v not in made and v is not product}
        there = {one.output for other in self.order[:place] for one in other.instructions}
        known = all(value.source is not None or value in there for value in needed)
        kernel.instructions += taken
        first.instructions = [one for one in first.instructions if one not in taken]
        first.outputs = [value for value in first.outputs if value not in made]
        if made & self._written or not known:  # where it stood, all others have read what it overwrites
            self.order.remove(kernel)
            self.order.insert(self.order.index(first), kernel)
        if not first.instructions:
            self.order.remove(first)
        kernel.outputs = self._outputs(kernel)

    def take_what_leads_there(self, kernel: Kernel) -> None:
        product = next(one for one in kernel.instructions if one.op.kind == "product")
        a, place = product.inputs[0], self.order.index(kernel)
        maker = next((k for k in self.order[:place] if any(one.output is a for one in k.instructions)), None)
        if maker is None or maker.kind != "loop" or maker.axes or maker.shape != a.shape or len(a.shape) > 2:
            return
        made = {one.output for one in maker.instructions}
        others = [self.order[reader] for reader in self._readers(made, kernel)]
        too_early = any(self.order.index(other) < place for other in others)
        again = made.intersection(v for one in kernel.instructions for v in one.inputs if (one, v) != (product, a))
        if (
            too_early
            or again
            or product.inputs[1] is a
            or made & self._written
            or len(maker.instructions) > MADE_WHILE_LOADED
        ):
            return
        kernel.instructions[:0] = maker.instructions
        self.order.remove(maker)
        kernel.outputs = self._outputs(kernel)


def _before_any_sum(kernel: Kernel, product: Value | None) -> list[Instruction]:
    """What a kernel computes, element by element, of a product of its shape before it adds up anything; all, if it adds up nothing.
    Without a product: what leads to its outputs."""
    shape = kernel.shape
    if product is not None and shape != product.shape:
        return []
    turns, possible, following = Turns(kernel).of, {}, {product} if product is not None else set(kernel.outputs)
    for one in kernel.instructions:
        full = not kernel.reduced(one.output) and turns[one.output] == 0 and one.output.shape == shape
        if not full or not (one.elementwise or one.op is GATHER):
            continue
        own = [value for value in one.inputs if any(other.output is value for other in kernel.instructions)]
        if all(value in possible for value in own):
            possible[one.output] = one
            if product is not None and not following.isdisjoint(one.inputs):
                following.add(one.output)
    wanted = [possible[value] for value in following if value in possible]
    taken: set[Instruction] = set()
    while wanted:
        one = wanted.pop()
        taken.add(one)
        wanted += [possible[value] for value in one.inputs if value in possible and possible[value] not in taken]
    if not kernel.axes and len(taken) < len(kernel.instructions):
        return list(kernel.instructions) if len(possible) == len(kernel.instructions) else []
    return [one for one in kernel.instructions if one in taken]
