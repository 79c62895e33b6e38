"""What the page carries for its script: the rooms with their plans, the steps, and what is said of each box.

    rooms    the tree of calls, the outermost first: `plans.py` says what is in each. None without Graphviz
    open     the ids of the rooms that are open at first; None where as much opens as the window can show
    steps    the story, down to single operations; a closed box is one step of all that happens in it
    boxes    id -> what the list beside the picture says of it
    sources  how each operation is defined
    flows    how large the gradient is that comes back along each arrow: its norm
    convolutions  the numbers of which a pixel of each is made
    program  the lines that made the boxes (`lines.py`), if they are known

Read before: `rooms.py`, `plans.py`, `telling.py`. Read next: `filling.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from tinygrad_ml.graph import Node

from . import words
from .arranging import Arrangement
from .backward import Share, Walk
from .facts import device_of
from .failure import FAILED
from .figures import WHOLE_ELEMENTS, ArraySummary, amount, byte_text, number, shape_text
from .model import Item
from .rooms import Room, Use
from .source import source_of
from .subject import is_note
from .telling import Step

HEAT_MAP_ELEMENTS = {300: 1024, 1000: 256}
"""Of graphs of up to so many nodes, tensors of up to that many elements are shown as heat maps; of larger graphs, of 64."""
MOST_WEIGHTS = 6
"""The list beside a closed call names so many parameters."""

_SHOWN = (
    "phase",
    "kind",
    "operation",
    "rule",
    "shapes",
    "numbers",
    "value",
    "name",
    "module",
    "check",
    "box",
    "arrows",
)


def heat_map_elements(nodes: int) -> int:
    """How many elements a tensor may have to be shown as a heat map, in a graph of so many nodes."""
    return next((elements for most, elements in HEAT_MAP_ELEMENTS.items() if nodes <= most), 64)


def step_data(step: Step) -> dict[str, Any]:
    """A step of the story, without what is empty."""
    told = {name: getattr(step, name) for name in _SHOWN}
    told |= {"held": byte_text(step.held), "heat": _heat(step.result), "local": _heat(step.local)}
    told = {name: value for name, value in told.items() if value} | ({} if step.complete else {"partial": True})
    if step.result is not None and step.kind != "given":
        told["shape"] = list(step.result.shape)
        if step.result.values is not None and step.result.size <= WHOLE_ELEMENTS:
            told["answer"] = [_readable(value) for value in _flat(step.result.values)]
    return told


def _heat(summary: ArraySummary | None) -> dict[str, Any] | None:
    """A small tensor as rows and columns: the last axis goes to the right, all others down; a vector is wrapped."""
    if summary is None or summary.values is None or summary.size < 2:
        return None
    values = _flat(summary.values)
    columns = summary.shape[-1]
    if columns in (1, summary.size):
        columns = min(summary.size, 8 if summary.size <= 64 else 32)
    return {
        "rows": -(-summary.size // columns),
        "columns": columns,
        "values": [_readable(value) for value in values],
    }


def _readable(value: float) -> float | str:
    """A number in four digits. JSON has no nan: what is no number comes as text."""
    return float(f"{value:.4g}") if math.isfinite(value) else number(value)


def _flat(values: Any) -> list:
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in _flat(part)]


def flows(arrangement: Arrangement, routes: Mapping[Use, Sequence[str]], walk: Walk | None) -> dict[str, float]:
    """For each arrow the norm of all gradients together that come back along it, as far as they have numbers."""
    squares: dict[str, float] = {}
    for event in walk.events if walk is not None else ():
        if isinstance(event, Share) and event.fitted.numbers is not None:
            for side in ("forward", "backward"):
                for arrow in routes.get((side, arrangement.number[event.user], event.position), ()):
                    squares[arrow] = squares.get(arrow, 0.0) + event.fitted.numbers.norm**2
    return {arrow: float(f"{math.sqrt(square):.4g}") for arrow, square in squares.items() if math.isfinite(square)}


def details(arrangement: Arrangement, rooms: Sequence[Room]) -> dict[str, Any]:
    """What a click on a box shows, and the source of each operation once."""
    boxes, sources = {}, {}
    for node in arrangement.order:
        place = arrangement.place(node)
        if place is None or is_note(node) or arrangement.is_copy(node):
            continue
        name, source = (node.op.name, source_of(node.op)) if node.op else ("", "")
        if source:
            sources[name] = source
        facts = {
            "name": arrangement.names[node],
            "facts": _facts(arrangement, node),
            "source": name if source else "",
        }
        boxes[place] = facts
        if node.needs_grad:
            gradient = words.gradient_name(arrangement.names[node], arrangement.loss)
            boxes[arrangement.gradient_of(place)] = {**facts, "name": gradient}
    closed = {room.id: room for room in rooms} | {room.back: room for room in rooms if room.back}
    for room in rooms:
        for item in room.drawing.items:
            if item.id in closed:
                boxes[item.id] = _call_facts(item, closed[item.id])
            elif item.id == FAILED:
                boxes[item.id] = {"name": f"{item.name} failed", "facts": [("error", item.note)], "source": ""}
            elif item.id[0] == "x":
                facts = [("tensor", f"{shape_text(item.shape or ())}, {item.dtype}")]
                boxes[item.id] = {"name": item.name, "facts": facts, "source": ""}
            elif item.id not in boxes and item.kind != "door":  # of one round of a loop
                facts = [("tensor", f"{shape_text(item.shape or ())}, {item.dtype}"), ("operation", item.operation)]
                boxes[item.id] = {"name": item.name, "facts": [*facts, ("here", item.equation)], "source": ""}
    return {"boxes": boxes, "sources": sources}


def _facts(arrangement: Arrangement, node: Node) -> list[tuple[str, str]]:
    """Terms and what they are, for the list beside a chosen box."""
    facts = [("tensor", f"{shape_text(node.shape)}, {node.dtype}"), ("device", device_of(node) or "cpu")]
    if node.op is None:
        return [*facts, ("elements", amount(prod(node.shape)))]
    facts += [
        ("operation", node.op.name),
        ("formula", f"y = {words.formula(node)}"),
        ("here", words.equation(node, arrangement.names)),
    ]
    for position, parent in enumerate(node.inputs):
        if parent.needs_grad and node.op.gradient:
            facts.append((f"∂y/∂{node.op.input_name(position)}", words.local(node, position) or "see below"))
    saved = ", ".join(dict.fromkeys(arrangement.names[source] for source in node.saved_from))
    facts.append(("saved for backward", saved or "nothing"))
    facts.append(("work", f"{amount(node.flops)} FLOP"))
    return facts


def _call_facts(item: Item, room: Room) -> dict[str, Any]:
    """What is said of a closed call, or of its gradients: beside the picture, and where it is a step of the story."""
    name = item.name if item.kind == "gradient" else " ".join(filter(None, [item.name, item.operation]))
    facts = {"name": name, "facts": _facts_of_call(item, room), "source": ""}
    if item.kind == "gradient":
        return facts | {"of": f"{room.frame.label} {room.frame.kind}".replace(" module", "")}
    rule = f"{item.name} = {item.equation}" if item.kind == "function" else item.equation
    takes = ", ".join(map(shape_text, item.takes))
    return facts | {"rule": rule, "shapes": f"{takes} → {shape_text(item.shape or ())}"}


def _facts_of_call(item: Item, room: Room) -> list[tuple[str, str]]:
    """The same of a closed call; the box of its gradients says how large they are."""
    place = room.path[-1]
    settings = f"({item.inside[0]})" if item.inside else ""
    facts = [("function" if place.is_function else "module", f"{place.kind}{settings}")]
    if item.kind == "gradient":
        norm = [] if item.norm is None else [("norm", number(item.norm))]
        return (
            [*facts, ("gradients of", f"{item.parameters} parameters"), *norm] if item.parameters else [*facts, *norm]
        )
    facts.append(("computes", item.equation))
    if item.takes:
        facts.append(("takes", ", ".join(map(shape_text, item.takes))))
    if item.shape is not None:
        facts.append(("gives", f"{shape_text(item.shape)}, {item.dtype}"))
    if item.weights:
        shown = ", ".join(item.weights[:MOST_WEIGHTS]) + ", …" * (len(item.weights) > MOST_WEIGHTS)
        facts.append(("parameters", f"{amount(item.parameters)}: {shown}"))
    facts.append(("saved for backward", byte_text(item.saved_bytes) if item.saved_bytes else "nothing"))
    facts.append(("work", f"{amount(item.operations)} operations, {amount(item.flops)} FLOP"))
    return [*facts, ("", item.aside)] if item.aside else facts
