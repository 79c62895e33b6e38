"""An elementwise function of tensors, run block by block: a compiler in a nutshell.

The function is called once, on symbols, and its graph read: which functions of NumPy to call, and where the result of
each may lie. `backend/blocks.py` then runs them over blocks of the arrays that fit into the cache.
"""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy

from ..backend import blocks
from ..functional import symbol
from ..graph import Node, topological


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
        self._count, self._numbers, self._dtype = count, tuple(numbers), dtype
        length = blocks.BLOCK_ELEMENTS
        tensors = tuple(symbol((length,), dtype) for _ in range(count))
        symbols = {name: symbol((), dtype) for name in numbers}
        outputs = [tensor.node for tensor in function(tensors, SimpleNamespace(**symbols))]
        inputs = [tensor.node for tensor in (*tensors, *symbols.values())]
        # The cells hold the arrays, then the numbers, then what is computed of numbers alone, then the registers.
        self._constants: list[Any] = []
        self._of_numbers: list[tuple[numpy.ufunc, tuple[int, ...], int]] = []
        cell = {node: i for i, node in enumerate(inputs)}
        calls = self._calls(cell, dict(zip(targets, outputs, strict=True)), inputs)
        registers = blocks.registers((operands, None if x in cell else x, True) for _, operands, x in calls)
        first = len(inputs) + len(self._constants)
        kinds = list(dict.fromkeys(registers.values()))
        cell |= {node: first + kinds.index(register) for node, register in registers.items()}
        self._run = blocks.Blocks(
            [(function, [cell[x] for x in operands], cell[result]) for function, operands, result in calls],
            count,
            [numpy.empty(length, dtype) for _ in kinds],
            length,
        )

    def _calls(
        self, cell: dict[Node, int], outputs: dict[int, Node], inputs: list[Node]
    ) -> list[tuple[numpy.ufunc, tuple[Node, ...], Node]]:
        """(function, operands, result) of what is computed for each element, in order. All that has its own memory is
        put into `cell`."""
        calls: list[tuple[numpy.ufunc, tuple[Node, ...], Node]] = []
        for node in topological(outputs.values()):
            if node in cell:
                continue
            if node.dtype != self._dtype:
                raise NotElementwise
            if node.shape:
                calls.append((_ufunc(node), node.inputs, node))
                continue
            cell[node] = len(inputs) + len(self._constants)
            self._constants.append(node.value if node.op is None else None)
            if node.op is not None:  # of numbers alone: the same in all blocks
                self._of_numbers.append((_ufunc(node), tuple(cell[x] for x in node.inputs), cell[node]))
        last = {operand: i for i, (_, operands, _) in enumerate(calls) for operand in operands}
        for i, (_, _, result) in enumerate(calls):
            for target, output in outputs.items():  # an array that nobody needs any more is overwritten at once
                if output is result and last.get(inputs[target], 0) <= i:
                    cell.setdefault(result, target)
        for target, output in outputs.items():
            if cell.get(output) != target:
                if output in inputs:
                    raise NotElementwise
                calls.append((numpy.positive, (output,), inputs[target]))
        return calls

    def __call__(self, arrays: Sequence[numpy.ndarray], numbers: Mapping[str, float]) -> None:
        """Run it on arrays of one size; those that are overwritten must be contiguous."""
        cells = [*arrays, *[self._dtype.type(numbers[name]) for name in self._numbers], *self._constants]
        for function, operands, result in self._of_numbers:
            cells[result] = function(*[cells[operand] for operand in operands])
        self._run(cells)


def _ufunc(node: Node) -> numpy.ufunc:
    """The function of NumPy that computes the node."""
    if node.op is None or node.op.ufunc is None or node.params:
        raise NotElementwise
    return getattr(numpy, node.op.ufunc)
