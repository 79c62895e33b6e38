"""An elementwise function of tensors, run as a loop over blocks that fit into the cache.

Of millions of numbers, each operation of an update would go through all of memory, a dozen times. So
the function is called once, on symbols, and its graph read: which NumPy functions to call, and how
long each result is needed. Then block after block goes through all of these functions while it is in
the cache, with two or three buffers for what comes between. It is a compiler in a nutshell.
"""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

import numpy

from ..functional import symbol
from ..graph import Node, topological

BLOCK = 32768
"""Elements in a block: half a dozen such arrays of float32 fit into the second-level cache."""


class NotElementwise(Exception):
    """The function does something else than to call elementwise functions of NumPy, on one dtype."""


class Loop:
    """`function(tensors, n)` -> new values for some of the tensors, as a loop over host arrays of one size.

    function  takes a tuple of tensors, and a namespace of numbers; returns a tuple of tensors
    targets   for each of the returned tensors, the position of the one that it overwrites
    count     how many tensors there are
    numbers   the names of the numbers, which may be others in each run
    dtype     of all tensors

    Raises `NotElementwise` where the function cannot be run like that.
    """

    def __init__(
        self, function: Callable, targets: Sequence[int], count: int, numbers: Sequence[str], dtype: numpy.dtype
    ):
        self.count, self.numbers, self.dtype, self.block = count, tuple(numbers), dtype, BLOCK
        tensors = tuple(symbol((BLOCK,), dtype) for _ in range(count))
        given = {name: symbol((), dtype) for name in numbers}
        outputs = [tensor.node for tensor in function(tensors, SimpleNamespace(**given))]
        inputs = [tensor.node for tensor in (*tensors, *given.values())]
        # A cell is a place for a value: first the arrays, then the numbers, then what comes between.
        self._cells: list = [None] * len(inputs)
        self._buffers: set[int] = set()
        # (function, cells of the operands, cell of the result)
        self._once: list[tuple[Callable, tuple[int, ...], int]] = []
        self._steps: list[tuple[Callable, tuple[int, int | None], int]] = []
        self._plan(inputs, dict(zip(targets, outputs, strict=True)))

    def _plan(self, inputs: list[Node], outputs: dict[int, Node]) -> None:
        """Put the operations in order, and say for each where its operands are and where its result goes."""
        order = topological(outputs.values())
        last = {source: i for i, node in enumerate(order) for source in node.inputs}
        last.update(dict.fromkeys(outputs.values(), len(order)))
        cell = {node: i for i, node in enumerate(inputs)}
        free: set[int] = set()
        for i, node in enumerate(order):
            if node in cell:
                continue
            if node.dtype != self.dtype:
                raise NotElementwise
            operands = tuple(cell[source] for source in node.inputs)
            if node.op is None:  # a number that stands in the function
                cell[node] = self._new_cell(node.value)
            elif not node.shape:  # of numbers alone: the same in all blocks
                cell[node] = self._new_cell(None)
                self._once.append((_ufunc(node), operands, cell[node]))
            else:
                free |= {cell[source] for source in node.inputs if last[source] == i} & self._buffers
                # An array that nobody needs any more is overwritten at once.
                over = [target for target in outputs if outputs[target] is node and last.get(inputs[target], 0) <= i]
                cell[node] = over[0] if over else free.pop() if free else self._new_buffer()
                self._steps.append((_ufunc(node), (*operands, None)[:2], cell[node]))
        for target, output in outputs.items():
            if cell[output] != target:
                if output in inputs:
                    raise NotElementwise
                self._steps.append((numpy.positive, (cell[output], None), target))

    def _new_cell(self, value) -> int:
        self._cells.append(value)
        return len(self._cells) - 1

    def _new_buffer(self) -> int:
        buffer = self._new_cell(numpy.empty(self.block, self.dtype))
        self._buffers.add(buffer)
        return buffer

    def __call__(self, arrays: Sequence[numpy.ndarray], numbers: Mapping[str, float]) -> None:
        """Run it on arrays of one size; those that are overwritten must be contiguous."""
        cells = list(self._cells)
        cells[self.count : self.count + len(self.numbers)] = [self.dtype.type(numbers[name]) for name in self.numbers]
        for function, operands, place in self._once:
            cells[place] = function(*[cells[operand] for operand in operands])
        flat = [array.reshape(-1) for array in arrays]
        size = flat[0].size
        for start in range(0, size, self.block):
            stop = min(start + self.block, size)
            cells[: self.count] = [array[start:stop] for array in flat]
            if stop - start < self.block:
                for buffer in self._buffers:
                    cells[buffer] = cells[buffer][: stop - start]
            for function, (first, second), place in self._steps:
                if second is None:
                    function(cells[first], out=cells[place])
                else:
                    function(cells[first], cells[second], out=cells[place])


def _ufunc(node: Node) -> numpy.ufunc:
    """The function of NumPy that computes the node."""
    if node.op.ufunc is None or node.params:
        raise NotElementwise
    return getattr(numpy, node.op.ufunc)
