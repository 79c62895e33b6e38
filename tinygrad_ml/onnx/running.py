"""A graph is run, step by step, by the rows of the table.

What is known before anything runs (constants, shapes, and what is computed of these alone) stays a NumPy array, and is computed
on the CPU, unrecorded: so a chain of operators that makes a shape is numbers also where tensors are symbols, and is no part of
a picture or of a compiled step. All else are tensors.

Read before: `plan.py`. Read next: `model.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import ref

import numpy

from ..backend.dtypes import SUPPORTED
from ..errors import ShapeError, TinygradError
from ..functional.composed import plain_arguments
from ..modes import Place, modes, no_grad
from ..nn.module import Module
from ..tensor import Tensor, as_tensor
from .expanding import described
from .plan import GraphPlan, PlannedStep
from .table import NodeCall
from .weights import ARITHMETIC

Values = dict[str, Any]


class Running:
    """One run of a model.

    device    where what is known becomes tensors
    training  the model's mode
    modules   path -> module, for the places that pictures show, and for hooks
    kept      name -> array, of what is known once and for all, and
    tensors   (name, shape) -> what became tensors of it
    """

    def __init__(
        self,
        device: Any,
        training: bool,
        modules: Mapping[str, Module],
        kept: Mapping[str, Any],
        tensors: dict[tuple[str, tuple[int, ...]], Tensor],
    ):
        self.device, self.training, self.modules, self.kept, self.tensors = device, training, modules, kept, tensors
        self._hooked = any(module._hooks for module in modules.values())

    def run(self, plan: GraphPlan, values: Values, folded: bool = False) -> tuple:
        """What a graph puts out.

        values  the inputs, and all that is taken from outside, by their names; it changes
        folded  whether what is constant is among them, and need not be computed
        """
        outer, busy = modes.scope, modes.busy
        places: dict[int, tuple[Place, ...]] = {-1: outer}
        try:
            for number, step in enumerate(plan.steps):
                if not (folded and step.constant):
                    modes.scope, modes.busy = self._around(plan, step.call, places), True
                    self.take(step, values)
                for name in step.done_with:
                    values.pop(name, None)
                if self._hooked and number in plan.calls.ends:
                    self._call_hooks(plan, number, values)
        finally:
            modes.scope, modes.busy = outer, busy
        return tuple(values.get(name) if not name else values[name] for name in plan.outputs)

    def take(self, step: PlannedStep, values: Values) -> None:
        """Compute a step, and put its outputs among the values."""
        node = step.node
        inputs = [values[name] if name else None for name in node.inputs]
        try:
            if not (step.graphs or step.draws or _has_tensors(inputs)) or any(map(_is_half, inputs)):
                results = self._aside(step, inputs)
            else:
                results = self._compute(step, inputs, values)
        except TinygradError as error:
            _note(error, step)
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError) as error:
            raise TinygradError(f"{described(node)} cannot be computed: {error}") from error
        for name, value in zip(step.wanted, results, strict=False):
            if name:
                values[name] = value
        if any(step.wanted[len(results) :]):
            raise TinygradError(
                f"{described(node)} gives {len(results)} outputs here, and {node.outputs} are asked for"
            )

    def _compute(self, step: PlannedStep, inputs: list, values: Values) -> tuple:
        arguments = [
            value if way == "any" or value is None else self._arrived(value, way, name, step)
            for value, way, name in zip(inputs, step.arrives, step.node.inputs, strict=True)
        ]
        if step.node.operator in ARITHMETIC:
            arguments = self._with_numbers(step, inputs, arguments)
        options = step.options
        if step.graphs:
            options = {**options, **{name: self._bound(graph, values) for name, graph in step.graphs.items()}}
        shown = tuple(value if isinstance(value, Tensor) else None for value in arguments)
        given = plain_arguments(step.names, shown, {})  # what a row knows is a word, not a box
        place = Place("", step.node.operator, given=given)
        modes.scope = (*modes.scope, place)
        results = self._called(step, arguments, options)
        if modes.recorder is not None:
            modes.recorder.called(place, step.node, (tuple(arguments),), {}, results)
        return results

    def _with_numbers(self, step: PlannedStep, inputs: list, arguments: list) -> list:
        """The arguments of arithmetic, where a single known number needs no axes: so it is one of the formula, as 6 is in x / 6."""
        rank = max(value.ndim for value, given in zip(arguments, inputs, strict=True) if isinstance(given, Tensor))
        return [
            self.tensor(given, name, ()) if _is_array(given) and given.size == 1 and 0 < given.ndim <= rank else value
            for given, value, name in zip(inputs, arguments, step.node.inputs, strict=True)
        ]

    def _called(self, step: PlannedStep, arguments: list, options: Mapping[str, Any]) -> tuple:
        if step.row.asks_for_call:
            call = NodeCall(step.wanted, self.training, step.node.opset)
            result = step.row.function(*arguments, **options, call=call)
        else:
            result = step.row.function(*arguments, **options)
        return result if type(result) is tuple else (result,)

    def _aside(self, step: PlannedStep, inputs: list) -> tuple:
        """A step whose inputs are known: computed once on the CPU, and nobody notices."""
        arguments = [
            _on_host(value) if way == "tensor" else value for value, way in zip(inputs, step.arrives, strict=True)
        ]
        half = next(
            (
                value.dtype
                for value, way in zip(inputs, step.arrives, strict=True)
                if way == "tensor" and _is_half(value)
            ),
            None,
        )
        outer = modes.watchers, modes.stream, modes.busy, modes.recorder, modes.tracer, modes.scope
        modes.watchers, modes.stream, modes.busy, modes.recorder, modes.tracer, modes.scope = (
            (),
            None,
            False,
            None,
            None,
            (),
        )
        try:
            with no_grad():
                return tuple(_known(value, half) for value in self._called(step, arguments, step.options))
        finally:
            modes.watchers, modes.stream, modes.busy, modes.recorder, modes.tracer, modes.scope = outer

    def _arrived(self, value: Any, way: str, name: str, step: PlannedStep) -> Any:
        """An input as the row wants it: as a tensor, or as numbers."""
        if way == "tensor":
            return self.tensor(value, name) if _is_array(value) else value
        if not isinstance(value, Tensor):
            return value
        if value.symbolic:
            raise ShapeError(
                f"{described(step.node)} needs to know the numbers of its input {name!r}, as its shape or what it does depends "
                f"on them, and they come of a symbol, which has none: call the model with numbers"
            )
        return value.numpy()

    def tensor(self, array: numpy.ndarray, name: str = "", shape: tuple[int, ...] | None = None) -> Tensor:
        """Something known as a tensor on the model's device; what is known for good is made one only once.

        shape   another than it has
        """
        shape = array.shape if shape is None else shape
        if self.kept.get(name) is not array:
            return as_tensor(array.reshape(shape), device=self.device)
        if (name, shape) not in self.tensors:
            self.tensors[name, shape] = made = as_tensor(array.reshape(shape), device=self.device)
            if shape:
                made.name = name_in_pictures(name)
        return self.tensors[name, shape]

    def _bound(self, graph: GraphPlan | list[GraphPlan], values: Values) -> Any:
        """A graph as a function from its inputs to the tuple of its outputs."""
        if isinstance(graph, list):
            return [self._bound(each, values) for each in graph]
        return BoundGraph(self, graph, {name: values[name] for name in graph.captured} | graph.constants)

    def _around(self, plan: GraphPlan, call: int, places: dict[int, tuple[Place, ...]]) -> tuple[Place, ...]:
        """The places of a call: those around it, and its own."""
        if call not in places:
            around, enclosing, path, kind = plan.calls.calls[call]
            if enclosing.is_module:
                module = self.modules.get(path)
                place = Place(enclosing.name, kind, (lambda: None) if module is None else ref(module))
            else:
                place = Place("", kind, given=())
            places[call] = (*self._around(plan, around, places), place)
        return places[call]

    def _call_hooks(self, plan: GraphPlan, number: int, values: Values) -> None:
        """Tell those who listen to a module what has come out of it; what they return, if anything, is the output."""
        for call, names in plan.calls.ends[number]:
            module = self.modules.get(plan.calls.calls[call].path)
            for hook in module._hooks if module is not None else ():
                found = [values[name] for name in names if name in values]
                replaced = hook(module, (), found[0] if len(found) == 1 else tuple(found))
                if replaced is not None:
                    values.update(zip(names, (replaced,) if len(names) == 1 else replaced, strict=True))


class BoundGraph:
    """A graph inside of a graph, with what it takes from around it: a function from its inputs to the tuple of its outputs.

    outputs  what the file declares of these
    """

    def __init__(self, running: Running, plan: GraphPlan, around: Values):
        self._running, self._plan, self._around = running, plan, around
        self.outputs = plan.graph.outputs

    def __call__(self, *inputs: Any) -> tuple:
        names = self._plan.inputs
        if len(inputs) != len(names):
            raise TinygradError(f"a graph of the file has the inputs {names}, and is given {len(inputs)}")
        return self._running.run(self._plan, {**self._around, **dict(zip(names, inputs, strict=True))})


def name_in_pictures(name: str) -> str:
    """What a constant is called there: a part of the model, as parameters are."""
    return name if "." in name else f"model.{name}"


def _has_tensors(values: list) -> bool:
    return any(isinstance(value, Tensor) or (type(value) is list and _has_tensors(value)) for value in values)


def _is_array(value: Any) -> bool:
    return isinstance(value, numpy.ndarray | numpy.generic) and value.dtype in SUPPORTED


def _is_half(value: Any) -> bool:
    """Whether it is of bfloat16, of which there are no tensors: it is computed with as float32, and results are rounded."""
    return isinstance(value, numpy.ndarray) and value.dtype.name == "bfloat16"


def _on_host(value: Any) -> Any:
    if _is_half(value):
        return as_tensor(value.astype(numpy.float32), device="cpu")
    return as_tensor(value, device="cpu") if _is_array(value) else value


def _known(value: Any, half: numpy.dtype | None) -> Any:
    """A result as numbers, those of float32 as bfloat16 if what it was computed of was that."""
    if isinstance(value, Tensor):
        array = value.numpy()
        return array if half is None or array.dtype != numpy.float32 else array.astype(half)
    return [_known(each, half) for each in value] if type(value) is list else value


def _note(error: TinygradError, step: PlannedStep) -> None:
    """Say in an error at which node it was; the innermost one is said once."""
    note = f"in the file: {described(step.node)}"
    if not any(other.startswith("in the file: ") for other in getattr(error, "__notes__", ())):
        error.add_note(note)
