"""Writing a graph down: what was seen becomes nodes, by the rows of the table, and names come from modules and parameters.

Rows write more than is needed: a call of `layer_norm` becomes one node, and the operations of which it is composed are
written as well, in case something else looks at what they give, as a gradient does. In the end what leads nowhere goes, and
what is left gets its names.

Read before: `table.py`. Read next: `naming.py`, `model_file.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from ...compile.sources import Argument, State
from ...errors import OptionError
from ...modes import BACKWARD, UPDATE, Place
from ...ops import PRIMITIVES
from ...structure import leaves
from ..graph import OnnxGraph, OnnxNode, Port
from .constants import varying_constant
from .model_file import same_meaning
from .naming import GivenNames, where
from .sizes import Sizes
from .table import CALLS, ROWS, InexpressibleError
from .varying import VaryingNumber, merged
from .wires import CalledFunction, ExportProgram, ExportStep, ExportWire

NO_OPERATOR = "?"
"""The operator of a node that could not be written. It is an error only if something needs it."""


class GraphWriter:
    """Writes one graph, and the bodies of loops in it.

    opset   the version of ONNX's operators
    nodes   as they are written
    sizes   how sizes follow from those of the inputs
    """

    def __init__(
        self, seen: ExportProgram, opset: int, parameter_names: dict[int, str], axis_names: dict[VaryingNumber, str]
    ):
        self.seen, self.opset = seen, opset
        self.nodes: list[OnnxNode] = []
        self.constants: dict[str, numpy.ndarray] = {}
        self.sizes = Sizes(self)
        self.scope: tuple[Place, ...] = ()
        self.uses: dict[int, list[ExportStep]] = {}
        self.makers: dict[int, ExportStep] = {}
        self._axis_names = axis_names
        self._parameter_names = parameter_names
        self._names: dict[int, str] = {}
        self._alive: list[Any] = []  # whose ids are known
        self._shared: dict[tuple, str] = {}
        self._by_bytes: dict[tuple, str] = {}
        self._met: set[int] = set()
        self._count = 0
        self._inside = 0  # of how many calls, that one node stands for, the operations are being written

    def node(self, operator: str, inputs: Sequence[str], outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Write a node; the name of its output, or a list of them if `outputs` is more than 1."""
        made = tuple(self._new() for _ in range(outputs))
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(OnnxNode(domain, operator, 0, self.opset, tuple(inputs), made, given, "", where(self.scope)))
        return made[0] if outputs == 1 else list(made)

    def shared(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node that is written once, however often it is asked for: of sizes, and of what does not change."""
        key = operator, tuple(inputs), tuple((name, str(value)) for name, value in attributes.items())
        if key not in self._shared:
            self._shared[key] = self.node(operator, inputs, **attributes)
        return self._shared[key]

    def constant(self, array: Any) -> str:
        """An array that is a part of the file."""
        array = numpy.asarray(array)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._by_bytes:
            self._by_bytes[key] = name = self._new()
            self.constants[name] = array
        return self._by_bytes[key]

    def name(self, wire: ExportWire) -> str:
        """The name of a value that is there: computed before, or from outside."""
        key = id(wire)
        if key not in self._names:
            self._alive.append(wire)
            self._names[key] = self._from_outside(wire)
        return self._names[key]

    def names(self, wires: Iterable[ExportWire]) -> list[str]:
        """Those of several."""
        return [self.name(wire) for wire in wires]

    def bind(self, wire: ExportWire, name: str) -> None:
        """Say under which name a value is computed."""
        if id(wire) not in self._names:
            self._alive.append(wire)
            self._names[id(wire)] = name
            if not self._inside:
                self.sizes.met(name, wire.shape)

    def bound(self, wire: ExportWire) -> bool:
        """Whether it is known where a value is computed."""
        return id(wire) in self._names

    def only_use(self, wire: ExportWire, operation: str) -> ExportStep | None:
        """The one step that takes this value, if it is of that operation, and nothing else does."""
        steps = self.uses.get(id(wire), [])
        return steps[0] if len(steps) == 1 and steps[0].name == operation and id(wire) not in self._met else None

    def is_result(self, wire: ExportWire) -> bool:
        """Whether the file puts it out."""
        return id(wire) in self._met

    def cast(self, name: str, dtype: Any) -> str:
        """A value in another dtype."""
        return self.node("Cast", [name], to=numpy.dtype(dtype))

    def number_like(self, number: float, wire: ExportWire) -> str:
        """A number in the dtype of a wire."""
        return self.constant(numpy.array(number, wire.dtype))

    def write(self) -> OnnxGraph:
        """The graph of all that was seen.

        Raises `OptionError`, which lists all that ONNX cannot express.
        """
        inputs = [self._port(name, wire) for name, wire in self.seen.inputs]
        for name, wire in self.seen.inputs:
            self._names[id(wire)] = name
            self.sizes.met(name, wire.shape)
        names = GivenNames(port.name for port in inputs)
        state = [(names.of_value(name), memory, value) for name, memory, value in self.seen.state]
        for name, memory, _ in state:
            self._names[id(memory)] = name
            self.constants[name] = memory.source.tensor.numpy()
            inputs.append(self._port(name, memory))
        for name, wire, number in self.seen.numbers:
            called = self._names[id(wire)] = names.of_value(name)
            self.constants[called] = number
            inputs.append(self._port(called, wire))
        self.enter(self.seen.steps)
        results = [*self.seen.results, *[(f"{name}.next", value) for name, _, value in state]]
        self._met = {id(wire) for _, wire in results}
        self.steps(self.seen.steps, self.seen.calls)
        names.reserve(name for name in self.constants if not name.startswith("%"))
        outputs = [(names.of_value(name), self._result(wire), wire) for name, wire in results]
        nodes = self._needed(outputs)
        self._refuse(nodes)
        nodes, renamed = names.given(nodes, outputs)
        ports = [self._port(name, wire) for name, _, wire in outputs]
        constants = self._used(nodes, [port.name for port in inputs], renamed, names)
        return OnnxGraph("main", tuple(inputs), tuple(ports), *constants)

    def enter(self, steps: Iterable[ExportStep]) -> None:
        """Know who takes and who makes the values of these steps."""
        for step in steps:
            self.makers[id(step.output)] = step
            for wire in dict.fromkeys(map(id, step.inputs)):
                self.uses.setdefault(wire, []).append(step)

    def steps(self, steps: Iterable[ExportStep], calls: dict[Place, CalledFunction]) -> None:
        """Write steps down, calls as a whole where there is a row for them."""
        tried: dict[Place, bool] = {}
        for step in steps:
            self._inside = 0
            if step.scope[:1] not in ((BACKWARD,), (UPDATE,)):
                for k, place in enumerate(step.scope):
                    if place in calls and place not in tried:
                        self.scope = step.scope[:k]
                        tried[place] = self._written_as_a_whole(calls[place])
                    if tried.get(place):
                        self._inside = 1
            if not self.bound(step.output):
                self.scope = step.scope
                self.bind(step.output, self._of(step))
        self._inside = 0

    def _written_as_a_whole(self, call: CalledFunction) -> bool:
        row = again if isinstance(call.function, OnnxNode) else CALLS.get(call.function)
        results = leaves(call.results)
        if row is None or any(not isinstance(wire, ExportWire) or self.bound(wire) for wire in results):
            return False
        try:
            names = row(self, call)
        except InexpressibleError:
            return False
        if names is None:
            return False
        for wire, name in zip(results, [names] if isinstance(names, str) else names, strict=True):
            self.bind(wire, name)
        return True

    def _of(self, step: ExportStep) -> str:
        """The name of the value that computes a step's output."""
        row = ROWS.get(step.name)
        known = PRIMITIVES.get(step.name)
        try:
            if row is None or (known is not None and step.op is not known):
                raise InexpressibleError("ONNX has no operator for it, or none that is known here")
            return row(self, step)
        except InexpressibleError as error:
            return self.node(NO_OPERATOR, [], what=step.name, why=str(error))

    def _from_outside(self, wire: ExportWire) -> str:
        source = wire.source
        if isinstance(source, State):
            tensor = source.tensor
            name = GivenNames.plain(self._parameter_names.get(id(tensor)) or tensor.name or "tensor")
            while name in self.constants or name in dict(self.seen.inputs):
                name += "_"
            self.constants[name] = tensor.numpy()
            return name
        if isinstance(source, Argument) or wire.constant is None:
            raise OptionError(f"a value of shape {wire.shape} is used that nothing computes")
        if isinstance(wire.constant, VaryingNumber):
            try:
                return varying_constant(self, wire.constant, wire.shape)
            except InexpressibleError as error:
                return self.node(NO_OPERATOR, [], what="an array", why=str(error))
        return self.constant(wire.constant)

    def _result(self, wire: ExportWire) -> str:
        """The name of what computes an output: it is a node's, and no other output's."""
        name = self.name(wire)
        if any(name in node.outputs for node in self.nodes) and name not in self._given_out():
            self._out = {*self._given_out(), name}
            return name
        return self.node("Identity", [name])

    def _given_out(self) -> set[str]:
        return getattr(self, "_out", set())

    def _port(self, name: str, wire: ExportWire) -> Port:
        shape = tuple(self._axis_names.get(n) if isinstance(n, VaryingNumber) else int(n) for n in wire.shape)
        return Port(name, "tensor", wire.dtype, shape)

    def _new(self) -> str:
        self._count += 1
        return f"%{self._count}"

    def _needed(self, outputs: Iterable[tuple[str, str, ExportWire]]) -> list[OnnxNode]:
        """The nodes that lead to an output."""
        return needed_nodes(self.nodes, (name for _, name, _ in outputs))

    def _refuse(self, nodes: Iterable[OnnxNode]) -> None:
        lines: dict[str, None] = {}
        for node in all_nodes(nodes):
            if node.operator == NO_OPERATOR:
                places = " in " + "/".join(node.scope) if node.scope else ""
                lines[f"{node.attributes['what']}{places}: {node.attributes['why']}"] = None
        if lines:
            raise OptionError(
                f"{len(lines)} operation{'s' * (len(lines) > 1)} cannot be expressed in ONNX {self.opset}; nothing was written.\n  "
                + "\n  ".join(lines)
            )

    def _used(
        self, nodes: list[OnnxNode], inputs: list[str], renamed: dict[str, str], names: GivenNames
    ) -> tuple[tuple[OnnxNode, ...], dict[str, numpy.ndarray]]:
        """The nodes, and the constants that they take, under their names."""
        taken = {name for node in all_nodes(nodes) for name in node.inputs} | set(inputs)
        found: dict[str, numpy.ndarray] = {}
        for name, array in self.constants.items():
            if name in taken:
                if name.startswith("%"):
                    renamed[name] = names.of_value("constant" if array.ndim else _told(array))
                found[renamed.get(name, name)] = array
        return tuple(with_names(node, renamed) for node in nodes), found


def again(w: GraphWriter, call: CalledFunction) -> list[str] | None:
    """An operator of a network that was read from a file, as it stood there; None if it is another one in this version of ONNX."""
    node: OnnxNode = call.function
    kinds = [getattr(given, "dtype", None) for given in call.arguments["inputs"]]
    if any(isinstance(value, OnnxGraph) for value in node.attributes.values()) or not same_meaning(
        node, w.opset, kinds
    ):
        return None
    if any(not isinstance(wire, ExportWire) for wire in call.results):  # a sequence of tensors
        return None
    inputs = []
    for given in call.arguments["inputs"]:
        if isinstance(given, ExportWire):
            inputs.append(w.name(given))
        elif given is None:
            inputs.append("")
        elif isinstance(given, VaryingNumber) and given[0].dtype == numpy.int64 and given[0].ndim == 1:
            inputs.append(w.sizes.vector(merged([tuple(array.tolist()) for array in given])))
        elif isinstance(given, numpy.ndarray | numpy.generic):
            inputs.append(w.constant(given))
        else:
            return None
    made = w.node(node.operator, inputs, len(call.results), node.domain, **node.attributes)
    return [made] if isinstance(made, str) else made


def _told(array: numpy.ndarray) -> str:
    """What to call a single number."""
    return f"number_{array.item():g}" if array.dtype.kind in "fiu" else f"truth_{array.item()}"


def all_nodes(nodes: Iterable[OnnxNode]) -> Iterable[OnnxNode]:
    """The nodes, and those of the bodies in them."""
    for node in nodes:
        yield node
        for value in node.attributes.values():
            if isinstance(value, OnnxGraph):
                yield from all_nodes(value.nodes)
                yield OnnxNode("", "", 0, 0, tuple(port.name for port in value.outputs), (), {})


def needed_nodes(nodes: Sequence[OnnxNode], outputs: Iterable[str]) -> list[OnnxNode]:
    """The nodes that lead to some values."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(name for one in all_nodes([node]) for name in one.inputs)
    return kept[::-1]


def with_names(node: OnnxNode, renamed: dict[str, str]) -> OnnxNode:
    """The same node, with values under other names."""

    def now(name: str) -> str:
        return renamed.get(name, name)

    def inside(graph: OnnxGraph) -> OnnxGraph:
        inputs, outputs = (
            tuple(port._replace(name=now(port.name)) for port in each) for each in (graph.inputs, graph.outputs)
        )
        return graph._replace(
            inputs=inputs, outputs=outputs, nodes=tuple(with_names(each, renamed) for each in graph.nodes)
        )

    attributes = {
        name: inside(value) if isinstance(value, OnnxGraph) else value for name, value in node.attributes.items()
    }
    return node._replace(
        inputs=tuple(map(now, node.inputs)), outputs=tuple(map(now, node.outputs)), attributes=attributes
    )
