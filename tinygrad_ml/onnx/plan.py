"""What there is to do for a graph, worked out before anything runs: a list of steps, a step a node.

A plan knows for each step which row computes it, how its inputs arrive, whether it can be computed once and for all, which
values nobody needs after it, and inside which calls of modules and functions it is made.

Read before: `expanding.py`. Read next: `calls.py`, `running.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from inspect import signature
from typing import Any

import numpy

from .calls import CallsOfNodes
from .differentiating import with_bodies
from .expanding import Expansion, NodeInPlace
from .graph import OnnxGraph, OnnxNode
from .table import OperatorRow

DRAWING = frozenset(
    ("Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)
"""Operators that give other numbers each time."""


class PlannedStep:
    """A node, and what is known of it before it runs.

    arrives   how each input arrives, as the row says
    options   the attributes, but for graphs
    graphs    the attributes that are graphs, as plans; a list of them where the attribute is one
    constant  whether it gives the same each time, for whatever inputs, and
    draws     whether it gives something else each time
    names     of the row's parameters
    wanted    the names of its outputs, "" for one that nobody takes
    done_with the values that nobody needs behind it
    call      which call of modules and functions it is made in
    """

    __slots__ = (
        "node",
        "row",
        "arrives",
        "options",
        "graphs",
        "constant",
        "draws",
        "names",
        "wanted",
        "done_with",
        "call",
    )

    def __init__(self, node: OnnxNode, row: OperatorRow, expansion: Expansion):
        self.node, self.row = node, row
        further = len(node.inputs) - len(row.arrives)
        self.arrives = (*row.arrives[: len(node.inputs)], *[row.rest or "any"] * further)
        self.options: dict[str, Any] = {}
        self.graphs: dict[str, Any] = {}
        for name, value in node.attributes.items():
            if isinstance(value, OnnxGraph):
                self.graphs[name] = GraphPlan(value, expansion)
            elif isinstance(value, list) and value and isinstance(value[0], OnnxGraph):
                self.graphs[name] = [GraphPlan(graph, expansion) for graph in value]
            else:
                self.options[name] = value
        self.constant = False
        self.draws = node.operator in DRAWING and node.domain == ""
        self.names = tuple(signature(row.function).parameters)
        self.wanted = node.outputs
        self.done_with: tuple[str, ...] = ()
        self.call = -1

    @property
    def takes(self) -> list[str]:
        """The names of all values that it needs, by graphs inside of it too."""
        names = [name for name in self.node.inputs if name]
        for plan in self.plans():
            names += plan.captured
        return names

    def plans(self) -> Iterable[GraphPlan]:
        """The graphs inside of it."""
        for graph in self.graphs.values():
            yield from graph if isinstance(graph, list) else (graph,)

    def __deepcopy__(self, memo: dict) -> PlannedStep:
        return self  # nothing of it ever changes


class GraphPlan:
    """The steps of a graph.

    constants  of this graph, and of those inside of it
    captured   the names of values that it takes from the graph around it
    calls      the calls of modules and functions of which steps are parts
    """

    def __init__(self, graph: OnnxGraph, expansion: Expansion):
        self.graph = graph = with_bodies(graph)
        self.inputs = tuple(port.name for port in graph.inputs)
        self.outputs = tuple(port.name for port in graph.outputs)
        placed: list[NodeInPlace] = expansion.nodes(graph)
        self.steps = [PlannedStep(each.node, each.row, expansion) for each in placed]
        self.constants: dict[str, numpy.ndarray] = dict(graph.constants)
        self.graph = graph._replace(constants={})  # which may become parameters, and are kept once
        self._lift_constants()
        own = {*self.inputs, *self.constants, *(name for step in self.steps for name in step.node.outputs)}
        takes = [*(name for step in self.steps for name in step.takes), *self.outputs]
        self.captured = list(dict.fromkeys(name for name in takes if name not in own))
        self._find_last_uses(takes)
        self.calls = CallsOfNodes(placed)
        for step, call in zip(self.steps, self.calls.of_step, strict=True):
            step.call = call

    def _lift_constants(self) -> None:
        """What graphs inside bring along is kept here, as long as nothing else has its name."""
        for step in self.steps:
            for plan in step.plans():
                for name in [name for name in plan.constants if name not in self.constants]:
                    self.constants[name] = plan.constants.pop(name)
                    plan.captured.append(name)

    def _find_constant_steps(self) -> None:
        known = set(self.constants)
        for step in self.steps:
            if not (step.draws or step.graphs) and known.issuperset(filter(None, step.node.inputs)):
                step.constant = True
                known.update(step.node.outputs)

    def _find_last_uses(self, takes: Collection[str]) -> None:
        taken = {*takes, *(port.name for port in self.graph.outputs)}
        for step in self.steps:
            step.wanted = tuple(name if name in taken else "" for name in step.node.outputs)
        kept = {*self.outputs, *self.constants}
        for step in reversed(self.steps):
            names = [name for name in dict.fromkeys((*step.takes, *step.node.outputs)) if name and name not in kept]
            step.done_with = tuple(names)
            kept.update(names)

    def operators_of_modules(self) -> dict[str, list[str]]:
        """The path of each module that is called -> the operators in it, and in no module of its own."""
        found: dict[str, list[str]] = {call.path: [] for call in self.calls.calls if call.path}
        for step in self.steps:
            path = self.calls.calls[step.call].path if step.call >= 0 else ""
            if path:
                found[path].append(step.node.operator)
        return found

    def forget_constants(self, kept: Collection[str]) -> None:
        """What others keep need not be kept here; and what a constant is computed of that is one no longer, is none either."""
        self.constants = {name: array for name, array in self.constants.items() if name not in kept}
        self._find_constant_steps()

    def all_steps(self) -> Iterable[PlannedStep]:
        """The steps, and those of the graphs inside of them."""
        for step in self.steps:
            yield step
            for plan in step.plans():
                yield from plan.all_steps()

    def __deepcopy__(self, memo: dict) -> GraphPlan:
        return self
