"""A record of calls, kept without its symbols, and made again: what models are cloned and copied by.

A symbol is written by its place: {"symbol": [number of the call, number of the output]}. Arithmetic between symbols is
written as {"operation": name, "inputs": [...], "parameters": {...}}, after the names of the engine's operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...backend import absent
from ...errors import CheckpointError, OptionError
from ...functional import symbol
from ...graph import Node
from ...ops import PRIMITIVES
from ...structure import leaves, mapped
from ...tensor import Tensor, apply
from ..layers.symbols import UNKNOWN, KerasTensor, LayerCall, PartialShape, partial_shape, sized


class Writer:
    """Writes the symbols that come out of some calls.

    plain  what is done to what is no symbol
    """

    def __init__(self, calls: list[LayerCall], plain: Callable[[Any], Any]):
        self.calls, self.plain = calls, plain
        self.place = {}  # of each symbol: [the number of its call, its number among the outputs]
        for number, call in enumerate(calls):
            for i, one in enumerate(leaves(call.output)):
                self.place[one.node] = [number, i]

    def __call__(self, structure: Any) -> Any:
        """A structure with symbols in it, written."""
        return mapped(self._write, structure)

    def _write(self, thing: Any) -> Any:
        if not isinstance(thing, Tensor) or not thing.symbolic:
            return self.plain(thing)
        return self._of_node(thing.node)

    def _of_node(self, node: Node) -> Any:
        if node in self.place:
            return {"symbol": self.place[node]}
        if node.op is None and not absent(node.value):
            held = node.tensor()
            return self.plain(Tensor(node.value) if held is None else held)
        if node.op is None or PRIMITIVES.get(node.op.name) is not node.op:
            raise OptionError(
                f"{node.op.name if node.op else 'a symbol'} between layers cannot be saved: put it into a Layer"
            )
        parameters = {name: self.plain(value) for name, value in node.params.items()}
        inputs = [self._of_node(parent) for parent in node.inputs]
        return {"operation": node.op.name, "inputs": inputs, "parameters": parameters}


class Reader:
    """Reads what `Writer` wrote, once the calls that it speaks of are made again: `made` holds their outputs."""

    def __init__(self, plain: Callable[[Any], Any] = lambda value: value):
        self.made: list[list[KerasTensor]] = []
        self.plain = plain

    def __call__(self, thing: Any) -> Any:
        """A structure with symbols in it, read."""
        if isinstance(thing, Mapping):
            if set(thing) == {"symbol"}:
                number, i = thing["symbol"]
                return self.made[number][i]
            if set(thing) == {"operation", "inputs", "parameters"}:
                return self._compute(thing)
            if "class_name" not in thing:
                return {key: self(part) for key, part in thing.items()}
        if isinstance(thing, (list, tuple)):
            return type(thing)(self(part) for part in thing)
        return self.plain(thing)

    def _compute(self, thing: Mapping[str, Any]) -> Tensor:
        if thing["operation"] not in PRIMITIVES:
            raise CheckpointError(f"there is no operation {thing['operation']!r}, which stands between two layers")
        parameters = {name: self.plain(value) for name, value in thing["parameters"].items()}
        return apply(PRIMITIVES[thing["operation"]], tuple(self(part) for part in thing["inputs"]), parameters)


def kept(calls: list[LayerCall]) -> list[tuple]:
    """Calls without their symbols, for a copy: (layer, inputs, options, what came out as (shape, dtype, name))."""
    write = Writer(calls, plain=lambda value: value)
    return [
        (
            call.layer,
            write(call.inputs),
            write(call.options),
            mapped(lambda one: _Form(partial_shape(one), one.dtype, one.name), call.output),
        )
        for call in calls
    ]


def again(state: list[tuple]) -> Reader:
    """The calls that were kept, remembered by their layers, without anything being computed."""
    read = Reader()
    for layer, inputs, options, output in state:
        call = LayerCall(layer, read(inputs), read(options))
        made = call.returned(
            mapped(lambda form: symbol(sized(form.shape, UNKNOWN), form.dtype, name=form.name), output),
            [form.shape for form in leaves(output)],
        )
        read.made.append(leaves(made))
    return read


class _Form:
    """Shape, dtype and name of a symbol."""

    def __init__(self, shape: PartialShape, dtype: Any, name: str | None):
        self.shape, self.dtype, self.name = shape, dtype, name
