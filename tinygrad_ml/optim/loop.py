"""An elementwise function of tensors, run block by block: a compiler in a nutshell.

The function is called once, on symbols, and its graph read: which functions of NumPy to call, and where the result of
each may lie. `blocks.py` then runs them over blocks of the arrays that fit into the cache.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy

from .. import blocks
from ..functional import symbol
from ..graph import Node, topological


class NotElementwise(Exception):
    """The function does something else than to call elementwise functions of NumPy, on one dtype."""


class ElementwiseLoop:
    """`function(tensors, n)` -> new values for some of the tensors, as a loop over host arrays of one size.

    function  takes a tuple of tensors, and a namespace of numbers; returns a tuple of tensors
    targets   for each of the returned tensors, the position of the one that it overwrites
    count     how many tensors there are
    numbers   the names of the numbers, which may be others in each run
    dtype     of all tensors

    `arrays` are the nodes of the tensors, `whole` those of the numbers, and behind them of what is computed of numbers alone or
    constant; `outputs`, of what becomes of an array. `length` is that of a block, `elements_so_far` how long all arrays
    were together. Raises `NotElementwise` where the function cannot be run like that.
    """

    def __init__(
        self, function: Callable, targets: Sequence[int], count: int, numbers: Sequence[str], dtype: numpy.dtype
    ):
        self.length = length = blocks.BLOCK_ELEMENTS
        self.elements_so_far = 0
        tensors = tuple(symbol((length,), dtype) for _ in range(count))
        symbols = {name: symbol((), dtype) for name in numbers}
        results = [tensor.node for tensor in function(tensors, SimpleNamespace(**symbols))]
        arrays, whole = [tensor.node for tensor in tensors], [number.node for number in symbols.values()]
        outputs = {arrays[target]: node for target, node in zip(targets, results, strict=True)}
        self.arrays, self.whole, self.outputs = arrays, whole, outputs
        self.numbers, self.dtype = tuple(numbers), dtype
        self._constants: list[Any] = []
        self._of_numbers: list[tuple[numpy.ufunc, list[int], int]] = []  # what is the same in all blocks
        calls: list[tuple[numpy.ufunc, Sequence[Node], Node]] = []
        for node in topological(outputs.values()):
            if node in arrays or node in whole:
                continue
            if node.dtype != dtype:
                raise NotElementwise
            if node.shape:
                calls.append((_ufunc(node), node.inputs, node))
                continue
            if node.op is not None:
                self._of_numbers.append((_ufunc(node), [whole.index(x) for x in node.inputs], len(whole)))
            self._constants.append(node.value if node.op is None else None)
            whole.append(node)
        place = _overwritten(calls, outputs)
        for array, output in outputs.items():
            if array is not place.get(output, output):
                if output in arrays:
                    raise NotElementwise
                calls.append((numpy.positive, (output,), array))
        shared = blocks.registers([call[1:] for call in calls], {*place, *arrays})
        memory = {first: numpy.empty(length, dtype) for first in shared.values()}
        calls = [(function, [place.get(x, x) for x in operands], place.get(y, y)) for function, operands, y in calls]
        registers = {node: memory[first] for node, first in shared.items()}
        self._run = blocks.BlockRunner(calls, arrays, whole, registers, length)

    def __call__(self, arrays: Sequence[numpy.ndarray], numbers: Mapping[str, float]) -> None:
        """Run it on arrays of one size; those that are overwritten must be contiguous."""
        self.elements_so_far += arrays[0].size
        whole = [*[numpy.array(numbers[name], self.dtype) for name in self.numbers], *self._constants]
        for function, operands, result in self._of_numbers:
            whole[result] = function(*[whole[operand] for operand in operands])
        self._run(arrays, whole)

    def bound(self, arrays: Sequence[numpy.ndarray]) -> Callable[[Mapping[str, float]], None]:
        """The loop over these arrays of one axis, a block long at most, as a function of the numbers. It keeps their memory."""
        given = numpy.empty(len(self.numbers), self.dtype)
        found = [numpy.empty((), self.dtype) if constant is None else constant for constant in self._constants]
        whole = [*[given[i, ...] for i in range(len(given))], *found]
        calls = [partial(f, *[whole[x] for x in operands], out=whole[y]) for f, operands, y in self._of_numbers]
        calls += self._run.bound(arrays, whole)
        names = self.numbers

        def run(numbers: Mapping[str, float]) -> None:
            given[:] = [numbers[name] for name in names]
            for call in calls:
                call()

        return run


def _overwritten(calls: Sequence[tuple[Callable, Sequence[Node], Node]], outputs: dict[Node, Node]) -> dict[Node, Node]:
    """{output: the array in which it may lie}, since nobody reads that after it is computed."""
    last = {operand: i for i, (_, operands, _) in enumerate(calls) for operand in operands}
    place: dict[Node, Node] = {}
    for i, (_, _, result) in enumerate(calls):
        for array, output in outputs.items():
            if output is result and last.get(array, 0) <= i:
                place.setdefault(result, array)
    return place


def _ufunc(node: Node) -> numpy.ufunc:
    """The function of NumPy that computes the node."""
    if node.op is None or not isinstance(node.op.ufunc, numpy.ufunc) or node.params:
        raise NotElementwise
    return node.op.ufunc
