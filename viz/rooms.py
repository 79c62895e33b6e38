"""The rooms of a map: for each call what stands in it, forward and backward, with the calls in it closed.

A call is a closed box in the room around it, and a room when it is opened. An arrow that goes through a wall has a
door there: it is drawn in pieces, one for each room on its way, so that it is whole however much is open.

Read before: `arranging.py`, `reading.py`. Read next: `plans.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy

from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node

from .arranging import Arrangement
from .failure import FAILED, Failure, add_failure
from .known import Known
from .model import Drawing, Edge, Frame, Item
from .nesting import Path, common
from .pixels import Pixels, pixels_of
from .reading import read_graph

Use: TypeAlias = tuple[str, int, int]
"""A use of a tensor: "forward" or "backward", the place of the user in the topological order, the position of the input."""


@dataclass(frozen=True)
class Door:
    """Where arrows go through the wall of a room.

    partner  the id of the box that they come from, or go to, in the innermost room around both
    inward   whether they come in
    back     whether they are gradients
    """

    partner: str
    inward: bool
    back: bool


@dataclass
class Room:
    """What stands in a call.

    id       of its closed box in the room around it; "" for the outermost room. Its gradients are in `back`
    around   the id of the room around it
    path     the calls that it is inside of, itself included
    frame    what it is
    drawing  its boxes, arrows, and a small box for each of its `doors`, by id; how many boxes are `gradients`
    """

    id: str
    back: str
    around: str
    path: Path
    frame: Frame
    drawing: Drawing
    doors: dict[str, Door] = field(default_factory=dict)
    gradients: int = 0


def rooms_of(
    arrangement: Arrangement,
    direction: str,
    known: Known,
    limit: int,
    failure: Failure | None = None,
    pixels: Mapping[Node, Pixels] | None = None,
) -> tuple[list[Room], Mapping[Use, tuple[str, ...]]]:
    """The rooms of a graph whose calls are all open, those around before those inside; and for each `Use` of a tensor the
    ids of the arrows that it goes along, from room to room.

    limit    of boxes in a room
    failure  an operation on the outputs that raised an error, to stand behind them
    pixels   pictures of tensors, to stand in the boxes; None for no pictures
    Raises `OptionError` above the limit.
    """
    builder = _Builder(arrangement, direction)
    for depth in range(1, arrangement.depth + 2):
        builder.add_floor(arrangement.cut(depth), depth, known, limit, pixels)
    if failure is not None:
        builder.add_failure(arrangement, failure)
    return list(builder.rooms.values()), builder.routes


def pictured(arrangement: Arrangement) -> set[Node]:
    """The nodes whose pictures stand in boxes: not the single operations that a function is made of, but its results."""
    function = {}
    for node in arrangement.order:
        calls = arrangement.around(arrangement.place(node) or "")
        function[node] = next((place for place in calls if place.is_function), None)
    results = {parent for node in arrangement.order for parent in node.inputs if function[parent] is not function[node]}
    outside = {node for node in arrangement.order if function[node] is None}
    return {node for node in outside | results | set(arrangement.outputs) if not arrangement.is_copy(node)}


class _Builder:
    """Fills the rooms from pictures of the whole graph, each of which shows a depth of calls in calls."""

    def __init__(self, arrangement: Arrangement, direction: str):
        self.direction, self.title = direction, arrangement.title
        self.routes: dict[Use, tuple[str, ...]] = {}
        self.rooms: dict[Path, Room] = {(): self._room("", "", "", (), Frame("", arrangement.title))}

    def _room(self, box: str, back: str, around: str, path: Path, frame: Frame) -> Room:
        drawing = Drawing(self.direction, frame.label)
        if self.direction == "both":
            names = ("forward", "backward")
            drawing.frames = {side: Frame(side, "" if path else side, "side") for side in names}
        return Room(box, back, around, path, frame, drawing)

    def add_floor(
        self, at: Arrangement, depth: int, known: Known, limit: int, pixels: Mapping[Node, Pixels] | None
    ) -> None:
        """The rooms that are `depth` - 1 calls deep, of a graph with all deeper calls closed."""
        floor = read_graph(at, self.direction, known=known)
        for path, room in self.rooms.items():
            if path and len(path) == depth - 1:
                room.frame = at.frame(path)
        for item in floor.items:
            if len(at.around(item.id)) == depth - 1 and (depth == 1 or item.id[0] != "x"):
                self._add_item(at, item, depth, pixels)
        kept = {edge.id: self._add_edge(at, edge, depth) for edge in floor.edges}
        for use, edge in floor.routes.items():
            self.routes[use] = (*self.routes.get(use, ()), *kept[edge])
        for path, room in self.rooms.items():
            if len(path) == depth - 1 and len(room.drawing.items) - len(room.doors) > limit:
                raise OptionError(_too_large(room, limit))

    def _add_item(self, at: Arrangement, item: Item, depth: int, pixels: Mapping[Node, Pixels] | None) -> None:
        path = at.around(item.id)
        room = self.rooms[path]
        gradient = item.kind == "gradient"
        own = replace(item, id=_id(at, item.id, depth), path=self._side(gradient))
        if gradient:
            own.beside = _id(at, item.beside or "", depth)
            own.turn = room.gradients = room.gradients + 1
        elif pixels is not None:
            own.pixels = self._pixels(at, item, pixels)
        room.drawing.items.append(own)
        if not at.is_closed(item.id) and not (gradient and at.is_closed(item.beside or "")):
            return
        inside = at.closed_path(item.beside or item.id)
        if inside not in self.rooms:
            frame = at.frame(inside)
            self.rooms[inside] = self._room("", "", room.id, inside, frame)
        if gradient:
            self.rooms[inside].back = own.id
        else:
            self.rooms[inside].id = own.id

    def _pixels(self, at: Arrangement, item: Item, pixels: Mapping[Node, Pixels]) -> Pixels | None:
        """The picture in a box: not of the single operations that a function is made of, whose result has one."""
        for gift in at.given:
            if gift.source == item.id:
                return None if gift.what.thing is None else pixels_of(numpy.asarray(gift.what.thing))
        node = at.result(item.id)
        inside = node is not None and node.op is not None and any(place.is_function for place in at.around(item.id))
        return None if node is None or inside else pixels.get(node)

    def _side(self, back: bool) -> tuple[str, ...]:
        return () if self.direction != "both" else ("backward",) if back else ("forward",)

    def _add_edge(self, at: Arrangement, edge: Edge, depth: int) -> tuple[str, ...]:
        """The pieces of an arrow that lie in rooms of this depth; returns their ids."""
        start, end = at.around(edge.source), at.around(edge.target)
        inner = depth - 1
        if start == end or edge.kind == "beside":
            if start != end or len(start) != inner or (edge.kind == "beside" and inner):
                return ()
            return self._add_piece(edge, start, _id(at, edge.source, depth), _id(at, edge.target, depth), f"-{depth}")
        both = common(start, end)
        source = self._seen_from(at, both, start, edge.source, depth)
        target = self._seen_from(at, both, end, edge.target, depth)
        out, into = len(start) == inner and start != both, len(end) == inner and end != both
        if "" in (source, target):
            return ()  # from what only shows where the calls around it are open
        # What is written on an arrow is said once: forward where it arrives, backward where it comes from.
        bare = replace(edge, local="", rule="", share=None, summed=(), which=(1, 1), shape=None)
        back = edge.source[0] in "gw"
        ids: tuple[str, ...] = ()
        if out:
            door = self._door(start, Door(target, False, back))
            said = bare if into and not back else edge
            ids += self._add_piece(said, start, _id(at, edge.source, depth), door, f"-{depth}o")
        if into:
            door = self._door(end, Door(source, True, back))
            said = bare if out and back else edge
            ids += self._add_piece(said, end, door, _id(at, edge.target, depth), f"-{depth}i")
        return ids

    def add_failure(self, at: Arrangement, failure: Failure) -> None:
        """The operation that failed, outside of all calls, with an arrow from each of its inputs through the walls between."""
        outermost = self.rooms[()].drawing
        places = [at.place(node) for node in failure.inputs]
        add_failure(outermost, failure, places)
        arrows, outermost.edges = outermost.edges, []
        for edge in arrows:
            path = at.around(edge.source) if edge.kind == "failed" else ()
            for depth in range(len(path), 0, -1):
                inside = edge.source if depth == len(path) else self.rooms[path[: depth + 1]].id
                door = self._door(path[:depth], Door(FAILED, False, False))
                self._add_piece(edge, path[:depth], inside, door, f"-{depth}o")
            outermost.edges.append(replace(edge, source=self.rooms[path[:1]].id if path else edge.source))

    def _add_piece(self, edge: Edge, path: Path, source: str, target: str, suffix: str) -> tuple[str, ...]:
        piece = replace(edge, id=edge.id + suffix, source=source, target=target)
        self.rooms[path].drawing.edges.append(piece)
        return (piece.id,)

    def _seen_from(self, at: Arrangement, both: Path, path: Path, place: str, depth: int) -> str:
        """The id of a box, or of the closed call around it, in the room `both`; "" if there is none."""
        if path == both:
            known = place[0] != "x" or any(item.id == place for item in self.rooms[()].drawing.items)
            return _id(at, place, depth) if known else ""
        room = self.rooms[path[: len(both) + 1]]
        return room.back if place[0] in "gw" else room.id

    def _door(self, path: Path, door: Door) -> str:
        """The id of the small box for a door; forward what comes in comes from above, backward from below."""
        room = self.rooms[path]
        for found, known in room.doors.items():
            if known == door:
                return found
        name = f"door{len(room.doors)}"
        room.doors[name] = door
        room.drawing.items.append(Item(name, "door", "", self._side(door.back)))
        room.drawing.ends[name] = "source" if door.inward != door.back else "sink"
        return name


def _id(at: Arrangement, place: str, depth: int) -> str:
    """The id of a box on the map: closed calls inside of each other may begin with the same node."""
    return f"{place}-{depth}" if place[0] in "mw" else place


def _too_large(room: Room, limit: int) -> str:
    where = f"{room.frame.label} would be" if room.path else "this graph would be"
    return (
        f"{where} a picture of {len(room.drawing.items) - len(room.doors):,} boxes, which is more than limit={limit:,}: its "
        f"layout would take minutes and nobody could read it. Compute its parts inside modules (nn.Module), which are closed "
        f"at first; or explain an inner tensor instead of the last one; or raise limit=."
    )
