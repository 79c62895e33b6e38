"""A graph as a story: what happens forward and backward, one step after the other.

Read before: `replay.py`, `backward.py`, `check.py`. Read next: `steps.py`.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from tinygrad_ml.backend import absent, owner
from tinygrad_ml.graph import Node
from tinygrad_ml.modes import path

from . import words
from .arranging import Arrangement
from .backward import KnownGradient, Share, Visit
from .facts import bytes_of
from .failure import FAILED, Failure
from .figures import ArraySummary, number, shape_text, sum_text, summarise
from .formulas import true_text
from .known import Known
from .local import local_jacobian
from .nesting import pass_of
from .subject import is_note

JACOBIAN_ELEMENTS = 256
"""Larger local Jacobians are not computed: it takes a backward pass for each of their rows."""


@dataclass(frozen=True)
class Step:
    """One step of a pass.

    phase     "forward" or "backward"
    kind      forward: "given" (a leaf) or "compute". Backward: "start"; "share", one use's share of a
              gradient; "unbroadcast", its sum over broadcast axes; "accumulate", its sum with what
              came earlier. "failed": what raised an error
    operation what is done, in a word or two
    rule      the formula, in the names of the graph
    result    what comes out, as data; None if there are no numbers
    value     the same in words
    held      bytes held for the backward pass after this step; parameters and inputs not counted
    name      the tensor, or the gradient, that is worked on
    shapes    the shapes that go in, and the one that comes out
    numbers   the formula with numbers, where all are single numbers
    module    the module that it happens in, in dots
    local     the Jacobian of the operation that a share comes back through, if it is small
    check     a finite difference against the gradient, if it was asked for and this completes one
    box, arrows  the ids in the picture of what is worked on
    complete  whether the value in that box is final after this step
    """

    number: int
    phase: str
    kind: str
    operation: str
    rule: str
    result: ArraySummary | None
    value: str
    held: int
    name: str
    shapes: str = ""
    numbers: str = ""
    module: str = ""
    local: ArraySummary | None = None
    check: str = ""
    box: str = ""
    arrows: tuple[str, ...] = ()
    complete: bool = True


def tell(
    arrangement: Arrangement,
    routes: Mapping[tuple[str, int, int], Sequence[str]],
    known: Known,
    failure: Failure | None = None,
) -> list[Step]:
    """The steps of a graph, whose boxes have the ids of an arrangement. A leaf is given just before its first use.

    routes   the ids of the arrows for each use of a tensor, as `rooms_of` gives them
    known    the numbers of the graph
    failure  an operation on the outputs that raised an error: the story ends there
    """
    return _Teller(arrangement, routes, known).tell(failure)


class _Teller:
    """Tells the steps of one graph; holds what is known at the moment of the telling."""

    def __init__(self, arrangement: Arrangement, routes: Mapping, known: Known):
        self.at, self.routes, self.known = arrangement, routes, known
        self.names = arrangement.names
        self.steps: list[Step] = []
        self.incoming: KnownGradient | None = None
        self.last_share: dict[Node, Share] = {}
        self.memory = _Memory(arrangement.order)

    def tell(self, failure: Failure | None) -> list[Step]:
        for node in _leaves_when_used(self.at.order):
            if self.at.place(node) is not None and not is_note(node):
                self._forward(node)
        if failure is not None:
            self._fail(failure)
        elif self.known.walk is not None:
            self._backward(self.known.walk.events)
        return self.steps

    def _add(self, phase: str, kind: str, operation: str, rule: str, result: KnownGradient, **facts) -> None:
        value = result.note if result.numbers is None else result.numbers.text()
        step = Step(len(self.steps) + 1, phase, kind, operation, rule, result.numbers, value, self.memory.held, **facts)
        self.steps.append(step)

    def _arrows(self, side: str, node: Node, positions: Iterable[int]) -> tuple[str, ...]:
        """The arrows along which a node uses its inputs; of a repeated layer those of the one that it is drawn as."""
        uses = [
            [(side, self.at.number[user], position) for user in (node, self.at.shown(node))] for position in positions
        ]
        known = [next((self.routes[use] for use in use_or_shown if use in self.routes), ()) for use_or_shown in uses]
        return tuple(dict.fromkeys(arrow for arrows in known for arrow in arrows))

    def _forward(self, node: Node) -> None:
        trouble = "changed since" if node in self.known.lost else ""
        result = KnownGradient(node.shape, self.known.summaries.get(node), trouble)
        facts = {"name": self.names[node], "module": _module(node), "box": self.at.place(node)}
        if node.op is None:
            what = "parameter" if node.needs_grad else "number" if words.is_constant(node) else "input"
            self._add("forward", "given", what, self.names[node], result, shapes=_shapes(node.shape), **facts)
            return
        self.memory.keep(node)
        scalar = not (node.shape or any(parent.shape for parent in node.inputs))
        facts["shapes"] = "" if scalar else words.shapes_forward(node)
        facts["arrows"] = self._arrows("forward", node, range(len(node.inputs)))
        facts["numbers"] = self._numbers(node)
        self._add("forward", "compute", node.op.name, words.equation(node, self.names), result, **facts)

    def _fail(self, failure: Failure) -> None:
        shapes = ", ".join(f"{self.names[node]} {shape_text(node.shape)}" for node in failure.inputs)
        what = KnownGradient((), None, failure.message)
        rule = failure.formula or failure.name
        self._add("forward", "failed", failure.name, rule, what, name=failure.name, shapes=shapes, box=FAILED)

    def _numbers(self, node: Node) -> str:
        return words.written_out(node, self.known.numbers)

    def _operand_values(self, node: Node) -> dict[str, float]:
        return {words.operation(node).input_name(i): self.known.numbers[parent] for i, parent in enumerate(node.inputs)}

    def _backward(self, events: Sequence[Visit | Share]) -> None:
        checks = self.known.checks
        arrivals = {event.node: event.arrived for event in events if isinstance(event, Share)}
        self.last_share = {event.user: event for event in events if isinstance(event, Share)}
        for node in self.at.outputs:  # one that is an input of another begins with 1, and gets shares besides
            first = next((event for event in events if isinstance(event, Share) and event.node is node), None)
            if first is not None and first.earlier is not None:
                self._start(node, first.earlier, "", complete=False)
        for event in events:
            if isinstance(event, Share):
                last = event.arrived == arrivals[event.node]
                self._share(event, last, checks.get(event.node, "") if last else "")
                continue
            if event.node not in arrivals:
                self._start(event.node, event.gradient, checks.get(event.node, ""))
            self.incoming = event.gradient
            if event.node not in self.last_share:
                self.memory.let_go(event.node)

    def _gradient_name(self, node: Node) -> str:
        return words.gradient_name(self.names[node], self.at.loss)

    def _start(self, node: Node, gradient: KnownGradient, check: str, complete: bool = True) -> None:
        """What the walk starts with, and no share has made."""
        name = self._gradient_name(node)
        facts: dict[str, Any] = {
            "name": name,
            "shapes": _shapes(node.shape),
            "box": self.at.gradient_place(node) or "",
            "check": check,
            "arrows": self._arrows("start", node, [0]),
            "complete": complete,
        }
        rule = f"{name} = 1" if complete else f"{name} = 1, and more to come"
        self._add("backward", "start", "start", rule, gradient, **facts)

    def _share(self, event: Share, last: bool, check: str) -> None:
        """The steps of one share: through the rule, over the broadcast axes, and into the sum."""
        node, user = event.node, event.user
        name = self._gradient_name(node)
        part = name if last and event.earlier is None else f"share {event.arrived} of {name}"
        facts = {
            "name": name,
            "module": _module(user),
            "box": self.at.gradient_place(node) or "",
            "arrows": self._arrows("backward", user, [event.position]),
        }
        parts = [self._through_the_rule(event, part)]
        if event.summed_axes:
            axes = words.axes_text(event.summed_axes)
            rule = f"{part} = Σ over {axes}, along which {self.names[node]} was repeated"
            shapes = f"{_shapes(event.share.shape)} → {_shapes(node.shape) or 'scalar'}"
            parts.append(("unbroadcast", "sum over broadcast axes", rule, event.fitted, {"shapes": shapes}))
        if event.earlier is not None:
            more = {"shapes": _shapes(node.shape), "numbers": _sum_numbers(event)}
            parts.append(
                ("accumulate", "add up", f"{name} = share {event.arrived} + what came before", event.total, more)
            )
        for place, (*what, more) in enumerate(parts, start=1):
            done = place == len(parts)
            if done and self.last_share[user] is event:
                self.memory.let_go(user)
            more |= {"complete": done and last, "check": check if done else ""}
            self._add("backward", *what, **facts, **more)

    def _through_the_rule(self, event: Share, part: str) -> tuple:
        user, share = event.user, event.share
        rule = f"{part} = {words.rule(user, event.position, self.names, self._gradient_name(user))}"
        if is_note(user):
            rule += f", as {self.names[user]} does not vary with it"
        scalar = not (user.shape or share.shape)
        more = {
            "shapes": "" if scalar else words.shapes_backward(user, event.position, share.shape),
            "numbers": self._share_numbers(event),
            "local": self._local(user, event.position),
        }
        what = "no dependence" if is_note(user) else f"back through {words.operation(user).name}"
        return "share", what, rule, share, more

    def _local(self, user: Node, position: int) -> ArraySummary | None:
        """The local Jacobian, if it has no more elements than are kept of tensors, and is small enough to be read."""
        size = prod(user.shape) * prod(user.inputs[position].shape)
        if not 0 < size <= min(self.known.keep, JACOBIAN_ELEMENTS) or any(
            parent not in self.known.small for parent in user.inputs
        ):
            return None
        found = local_jacobian(user, position, [self.known.small[parent] for parent in user.inputs])
        return None if found is None else summarise(found, JACOBIAN_ELEMENTS)

    def _share_numbers(self, event: Share) -> str:
        """`2 · 3 = 6`: a rule between single numbers, with the numbers put in."""
        user, share = event.user, event.share.numbers
        g = None if self.incoming is None else self.incoming.numbers
        known = [node in self.known.numbers for node in (user, *user.inputs)]
        if not all(known) or g is None or share is None or g.size != 1 or share.size != 1:
            return ""
        given = {**self._operand_values(user), "y": self.known.numbers[user]}
        write = lambda digits: words.rule_with_numbers(user, event.position, g.only, given, digits)  # noqa: E731
        text = true_text(write, share.only)
        return f"{text} = {number(share.only)}" if text not in ("", number(share.only)) else ""


def _leaves_when_used(order: Sequence[Node]) -> list[Node]:
    """A topological order in which each leaf comes just before the first node that takes it."""
    found: dict[Node, None] = {}
    for node in order:
        if node.op is not None:
            found.update(dict.fromkeys(parent for parent in node.inputs if parent.op is None))
            found[node] = None
    found.update(dict.fromkeys(order))  # and those that none takes
    return list(found)


def _sum_numbers(event: Share) -> str:
    parts = [part.numbers for part in (event.earlier, event.fitted, event.total) if part is not None]
    means = [part.only for part in parts if part is not None]
    if event.node.shape or len(means) < 3:
        return ""
    return sum_text(means[:2], means[2])


def _shapes(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else ""


def _module(node: Node) -> str:
    return path(node.scope[pass_of(node) :])


class _Memory:
    """The bytes held for the backward pass: arrays that nodes saved, each counted once, leaves not at all."""

    def __init__(self, order: Sequence[Node]):
        self.held = 0
        self._holders: dict[int, int] = {}
        self._free_of_charge = {id(owner(node.value)) for node in order if node.op is None}

    def keep(self, node: Node) -> None:
        """A node has been computed, and keeps what its gradient will need."""
        for key, size in self._saved_sizes(node):
            self._holders[key] = self._holders.get(key, 0) + 1
            self.held += size if self._holders[key] == 1 else 0

    def let_go(self, node: Node) -> None:
        """A node's gradient has been passed on, and backward() lets go of what the node kept."""
        for key, size in self._saved_sizes(node):
            self._holders[key] -= 1
            self.held -= size if not self._holders[key] else 0

    def _saved_sizes(self, node: Node) -> ItemsView[int, int]:
        sources = node.saved_from
        if node.saved and not any(absent(array) for array in node.saved):
            arrays = {id(owner(array)): owner(array).nbytes for array in node.saved}
        else:  # freed, or symbolic: what it would be
            arrays = {id(source): bytes_of(source) for source in sources if source.op is not None}
        return {key: size for key, size in arrays.items() if key not in self._free_of_charge}.items()
