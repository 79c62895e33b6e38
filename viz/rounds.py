"""Loops opened: one round of a `tg.scan`, in place of the box that stands for all of them.

The body of a loop is written down once (`tinygrad_ml/loops/body.py`), so one round of it is a small graph of its own. It is
arranged as any other; what goes in comes from where the loop is fed, an arrow marked "next" leads from what a round gives
to where the next one takes it, and the outputs of the loop are the last of what the rounds give, or all of it, stacked.

Read before: `reading.py`, `rooms.py`. Read next: `draw.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinygrad_ml.functional import symbol
from tinygrad_ml.graph import Node
from tinygrad_ml.loops import Scan
from tinygrad_ml.modes import Place
from tinygrad_ml.ops.index import getitem
from tinygrad_ml.ops.movement import reshape
from tinygrad_ml.writes import tick

from .arranging import Arrangement
from .model import Drawing, Edge, Frame, Item
from .reading import read_graph
from .rooms import Door, Room
from .words import RESULT, numbered

OUTER = "\N{LATIN LETTER DENTAL CLICK}"
"""Before names from outside of the loop, so that they are not taken for numbers of its own."""
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NUMBERED = re.compile(f"(?<!\\w){RESULT}([₀-₉]+)")


@dataclass
class OneRound:
    """One round of a loop as a drawing, whose inputs are no boxes in it.

    enters  for each input of the loop, the arrows from it to boxes of the round
    gives   for each carry, and behind them for each thing that is handed out, the box of the round that gives it; None
            where it is an input
    """

    count: int
    drawing: Drawing
    enters: list[list[Edge]]
    gives: list[str | None]


def open_rounds(at: Arrangement, drawing: Drawing) -> None:
    """Put one round into a picture for each loop whose call is open in it."""
    for node in at.order:
        place = at.place(node)
        box = next((item for item in drawing.items if item.id == place), None)
        if not isinstance(node.op, Scan) or box is None or at.is_closed(box.id) or at.is_copy(node):
            continue
        round_ = _one_round(node, at, box.id, _numbers_in([item.name for item in drawing.items]))
        if round_ is not None:
            _put_in_place(at, drawing, node, box, round_)
            _count_again(drawing)


def rounds_of(at: Arrangement, rooms: Sequence[Room]) -> list[Room]:
    """For each loop of a map a room with one round, into which its box opens."""
    found = []
    around = {item.id: room for room in rooms for item in room.drawing.items}
    for node in at.order:
        place = at.place(node)
        if not isinstance(node.op, Scan) or place is None or at.is_copy(node) or place not in around:
            continue
        round_ = _one_round(node, at, place, _numbers_in(at.names.values()))
        if round_ is not None:
            found.append(_as_room(at, node, around[place], round_))
    return found


def _one_round(node: Node, at: Arrangement, prefix: str, numbers: int) -> OneRound | None:
    """One round of the loop that a node is. Ids begin with a prefix, and results are numbered behind others."""
    op = node.op
    assert isinstance(op, Scan)
    body = op.body
    if not body.steps:
        return None
    leaves = [symbol(form.shape, dtype=form.dtype).node for form in body.inputs]
    for position, (leaf, parent) in enumerate(zip(leaves, node.inputs, strict=True)):
        own = op.input_name(position)
        name = OUTER + at.names[parent]
        leaf.name = f"{name}[t]" if own.startswith("x") else own if own.startswith("carry") else name
    values = [*leaves]
    for scalar in body.numbers:
        number = symbol((), dtype=scalar.dtype).node
        number.value = scalar
        values.append(number)
    around = _around([step.scope for step in body.steps])
    for step in body.steps:
        made = Node(tick(), step.form.shape, step.form.dtype)
        made.op, made.params, made.inputs = step.op, step.params, tuple([values[i] for i in step.inputs])
        made.scope = step.scope[around:]
        values.append(made)
    gives = [values[i] for i in (*body.carried, *body.made)]
    outputs = [value for value in dict.fromkeys(gives) if value.op is not None]
    if not outputs:
        return None
    inner = Arrangement(outputs, "forward", None, True, sys.maxsize, finished=False, level=at.level)
    drawing = read_graph(inner, "forward", values=False)
    places = [inner.place(leaf) if leaf in inner.number else None for leaf in leaves]
    enters = [[edge for edge in drawing.edges if edge.source == place] for place in places]
    drawing.edges = [edge for edge in drawing.edges if edge.source not in places]
    drawing.items = [item for item in drawing.items if item.id not in places]
    _rename(drawing, prefix, numbers)
    for edge in (edge for edges in enters for edge in edges):
        edge.id, edge.target = f"{prefix}_{edge.id}", f"{prefix}_{edge.target}"
    ends = [None if value.op is None else f"{prefix}_{inner.place(value)}" for value in gives]
    return OneRound(op.length, drawing, enters, ends)


def _around(scopes: Sequence[Sequence[Place]]) -> int:
    """How many calls are around a round whose operations are in these: up to that of the loop, of which two that do the same
    have one body."""
    alike = 0
    for places in zip(*scopes, strict=False):
        if any(place is not places[0] for place in places):
            break
        alike += 1
    return max((k + 1 for k, place in enumerate(scopes[0][:alike]) if place.kind == "scan"), default=0)


def _numbers_in(names: Iterable[str]) -> int:
    """The highest number of a result among some names."""
    found = [match[1] for name in names if (match := _NUMBERED.fullmatch(name))]
    return max((int(text.translate(_SUBSCRIPTS)) for text in found), default=0)


def _rename(drawing: Drawing, prefix: str, numbers: int) -> None:
    """Give what is in a drawing ids and numbers that nothing else has."""
    _tell_all(drawing, lambda text: _with_numbers(text, lambda number: number + numbers).replace(OUTER, ""))
    for item in drawing.items:
        item.id, item.path = f"{prefix}_{item.id}", tuple([f"{prefix}_{frame}" for frame in item.path])
    for edge in drawing.edges:
        edge.id, edge.source, edge.target = (f"{prefix}_{name}" for name in (edge.id, edge.source, edge.target))
    drawing.frames = {
        f"{prefix}_{name}": replace(frame, id=f"{prefix}_{name}") for name, frame in drawing.frames.items()
    }


def _with_numbers(text: str, now: Callable[[int], int]) -> str:
    """A text in which results have other numbers."""
    return _NUMBERED.sub(lambda found: numbered(RESULT, now(int(found[1].translate(_SUBSCRIPTS))), 2), text)


def _tell_all(drawing: Drawing, said: Callable[[str], str]) -> None:
    """Change all texts in which results are named."""
    for item in drawing.items:
        item.name, item.equation, item.sum = said(item.name), said(item.equation), said(item.sum)
        item.saved = tuple(map(said, item.saved))
    for edge in drawing.edges:
        edge.local, edge.rule = said(edge.local), said(edge.rule)


def _count_again(drawing: Drawing) -> None:
    """Number the results that are shown without gaps, in the order of their boxes."""
    found = (match[1] for item in drawing.items if (match := _NUMBERED.fullmatch(item.name)))
    now = {int(text.translate(_SUBSCRIPTS)): number for number, text in enumerate(found, start=1)}
    _tell_all(drawing, lambda text: _with_numbers(text, lambda number: now.get(number, number)))


def _nexts(node: Node, round_: OneRound, prefix: str) -> Iterator[Edge]:
    """Arrows from what a round carries on to where the next one takes it."""
    assert isinstance(node.op, Scan)
    seen = set()
    for carry in range(len(node.op.body.carries)):
        for edge in round_.enters[carry]:
            source = round_.gives[carry]
            if source is not None and (source, edge.target) not in seen:
                seen.add((source, edge.target))
                yield Edge(f"{prefix}_next{len(seen)}", source, edge.target, "repeat", edge.shape, brief=edge.brief)


def _put_in_place(at: Arrangement, drawing: Drawing, node: Node, box: Item, round_: OneRound) -> None:
    assert isinstance(node.op, Scan)
    frame = Frame(f"{box.id}_round", "round", "", count=round_.count, aside="one of them")
    drawing.frames |= {frame.id: frame} | round_.drawing.frames
    where = next(k for k, item in enumerate(drawing.items) if item is box)
    inside = [replace(item, path=(*box.path, frame.id, *item.path)) for item in round_.drawing.items]
    drawing.items[where : where + 1] = inside
    edges = [edge for edge in drawing.edges if box.id not in (edge.source, edge.target)]
    kinds = {edge.source: edge.kind for edge in drawing.edges if edge.target == box.id}
    for position, parent in enumerate(node.inputs):
        source = at.place(parent)
        if source is not None:
            edges += [
                replace(edge, source=source, kind=kinds.get(source, edge.kind)) for edge in round_.enters[position]
            ]
    edges += [*round_.drawing.edges, *_nexts(node, round_, box.id)]
    for end, part, passed in _outputs(at, node):
        item = next((item for item in drawing.items if item.id == at.place(end)), None)
        if item is None:
            continue
        last = part < len(node.op.finals)
        carry = node.op.finals[part] if last else len(node.op.body.carries) + part - len(node.op.finals)
        source = round_.gives[carry] or (at.place(node.inputs[carry]) if last else None)
        if not at.is_closed(item.id):
            item.operation, item.equation, item.takes = (
                "",
                "the last one" if last else f"of all {round_.count} rounds, stacked",
                (),
            )
        gone = {at.place(each) for each in passed}
        drawing.items = [other for other in drawing.items if other.id not in gone]
        edges = [edge for edge in edges if not {edge.source, edge.target} & gone]
        if source is not None:
            edges.append(Edge(f"{box.id}_out{part}", source, item.id, shape=None, brief=True))
    drawing.edges = edges


def _outputs(at: Arrangement, node: Node) -> Iterator[tuple[Node, int, list[Node]]]:
    """The nodes that are outputs of a loop, which of them they are, and the nodes between."""
    assert isinstance(node.op, Scan)
    users: dict[Node, list[Node]] = {}
    for other in at.order:
        for parent in other.inputs:
            users.setdefault(parent, []).append(other)
    parts = {(first, end): place for place, (first, end, _) in enumerate(node.op.parts)}
    for taken in users.get(node, ()):
        if taken.op is not getitem:
            continue
        piece = taken.params["index"][0]
        part = parts.get((piece.start, piece.stop))
        if part is None:
            continue
        after = users.get(taken, [])
        if len(after) == 1 and after[0].op is reshape and after[0].scope == taken.scope:
            yield after[0], part, [taken]
        else:
            yield taken, part, []


def _as_room(at: Arrangement, node: Node, around: Room, round_: OneRound) -> Room:
    """A room behind the box of a loop. Arrows go through its wall where they went to the box, and from it."""
    place = at.place(node) or ""
    call = Place("", "round", given=())
    frame = Frame("", "one round", "", count=round_.count)
    drawing = replace(round_.drawing, edges=[*round_.drawing.edges, *_nexts(node, round_, place)])
    room = Room(place, "", around.id, (*around.path, call), frame, drawing)

    def door(partner: str, inward: bool) -> str:
        wanted = Door(partner, inward, False)
        for name, known in room.doors.items():
            if known == wanted:
                return name
        name = f"door{len(room.doors)}"
        room.doors[name] = wanted
        drawing.items.append(Item(name, "door", ""))
        drawing.ends[name] = "source" if inward else "sink"
        return name

    ways = [edge for edge in around.drawing.edges if place in (edge.source, edge.target) and edge.kind != "beside"]
    sources = list(dict.fromkeys(edge.source for edge in ways if edge.target == place))
    for position, edges in enumerate(round_.enters):
        # An input that several places take is one arrow to the box: the last one is all that is left of them.
        source = sources[min(position, len(sources) - 1)] if sources else None
        parent = at.place(node.inputs[position])
        source = parent if parent in sources else source
        if source is not None:
            drawing.edges += [replace(edge, source=door(source, True)) for edge in edges]
    ends = [give for give in round_.gives if give is not None]
    for target in dict.fromkeys(edge.target for edge in ways if edge.source == place):
        drawing.edges.append(Edge(f"{place}_to_{target}", ends[-1], door(target, False)))
    return room
