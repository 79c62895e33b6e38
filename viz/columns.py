"""Where a long picture breaks: what would be a strip becomes columns side by side, as in a newspaper.

A network is as high as it is long, and shrunk to a page nobody reads it. Between two rows of boxes it may be cut if few
arrows cross there. Each column is then a picture of its own, with joints at its end and its start where arrows go on to another
column; frames that go on say so. (What is said here of heights and columns holds for widths and rows where the picture is
read to the right.)

Read before: `model.py`, `dot.py`, `layout.py`. Read next: `joining.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from .dot import PLAIN_ARROWS_ABOVE_NODES, Joint, continued, ends_of, goes_back, label_of
from .layout import Area, Positions
from .model import Drawing, Edge

HALVINGS, STEPS, HEIGHT_STEP = 10, 8, 0.0125
"""How the height is searched at which the picture is like a page, and which others are tried: up to a tenth more and less."""
SHORT_PART = 0.2
"""A column of less than this part of the height is a loss: where it is hardly a line, as a whole column."""
CROSSING_ARROWS = 2
"""More of them from one column to the next, on each side, are a tangle. What one box gives to several counts once."""
ARROW_POINTS, FRAME_POINTS = 12.0, 34.0
"""About how much a column is higher for an arrow that leaves it, and for a frame that goes on in the next one."""
GUTTER_POINTS, RIM_POINTS = 25.0, 4.0
"""About the room between columns, and between a frame and what is in it."""
AROUND_POINTS = 50.0
"""About what a frame around all columns, and the arrows between them, add to the height."""


class Breaking(NamedTuple):
    """A way to break a picture: the column of each box, about how wide and high the picture will be, and how much is lost by
    arrows and frames that are cut through and by short columns, as points."""

    column: dict[str, int]
    area: Area
    cost: float


class Bundle(NamedTuple):
    """Arrows of one box to others in a later column, which go there as one."""

    tail: str
    back: bool
    edges: list[Edge]
    start: int
    end: int

    @property
    def leaves_at(self) -> str:
        """The id of the joint, and of the arrow that leads to it."""
        return f"out_{self.tail}{'_back' * self.back}"

    @property
    def enters_at(self) -> str:
        """The id of the joint at which they come into the later column."""
        return f"in_{self.tail}{'_back' * self.back}_{self.end}"


@dataclass
class Column:
    """A part of a picture, with the joints at which arrows leave it and come in."""

    drawing: Drawing
    joints: list[Joint] = field(default_factory=list)


def breakings(drawing: Drawing, layout: Positions, page: tuple[float, float], widest: float) -> list[Breaking]:
    """Ways to break a picture into columns that together look most like a page, so wide and high.

    layout  of the whole, as one column
    widest  how wide columns may be together
    """
    if not _can_break(drawing):
        return []
    cuts = _Cuts(drawing, layout)
    low, high = 0.0, cuts.height
    for _ in range(HALVINGS):  # the higher columns may be, the fewer they are: at some height they are not too wide
        middle = (low + high) / 2
        low, high = (middle, high) if cuts.is_too_wide(middle, page, widest) else (low, middle)
    tried = (high * (1 + HEIGHT_STEP * k) for k in range(-STEPS, STEPS + 1))
    found = [breaking for height in tried if (breaking := cuts.within(height)) is not None]
    different = {tuple(breaking.column.values()): breaking for breaking in found}
    return [breaking for breaking in different.values() if any(breaking.column.values())]


def _can_break(drawing: Drawing) -> bool:
    kinds = {edge.kind for edge in drawing.edges} <= {"forward", "idle", "repeat", "backward", "beside"}
    sides = drawing.direction in ("forward", "backward", "both")
    details = any(frame.detail for frame in drawing.frames.values())
    return sides and kinds and not details and len(drawing.items) <= PLAIN_ARROWS_ABOVE_NODES


class _Cuts:
    """The places between rows of boxes, and what it costs to cut there."""

    def __init__(self, drawing: Drawing, layout: Positions):
        self.drawing, self.boxes = drawing, layout.boxes
        self.points = [point for way in layout.arrows.values() for point in way.passes()]
        self.rows = self._rows()
        self.row_of = {box: number for number, row in enumerate(self.rows) for box in row}
        self.top = [min(self.boxes[box].top for box in row) for row in self.rows]
        self.bottom = [max(self.boxes[box].bottom for box in row) for row in self.rows]
        members: dict[str, list[int]] = {}
        for item in drawing.items:
            for frame in item.path:
                members.setdefault(frame, []).append(self.row_of[item.id])
        # A frame around most of it goes around all columns.
        self.members = {frame: rows for frame, rows in members.items() if len(rows) <= len(self.row_of) / 2}
        self.depth = {item.id: sum(frame in self.members for frame in item.path) for item in drawing.items}
        self.height_of, self.width_of = cache(self._height), cache(self._width)
        self.cost = {row: cost for row in range(1, len(self.rows)) if (cost := self._cost(row)) is not None}

    def _rows(self) -> list[list[str]]:
        """The boxes between which no horizontal line goes through, from top to bottom."""
        rows: list[list[str]] = []
        end = 0.0
        for item in sorted(self.drawing.items, key=lambda item: self.boxes[item.id].top):
            area = self.boxes[item.id]
            if not rows or area.top >= end:
                rows.append([])
                end = area.bottom
            rows[-1].append(item.id)
            end = max(end, area.bottom)
        return rows

    def _cost(self, row: int) -> float | None:
        """How much is lost by a cut above a row; None where there must be none."""
        crossing = set()
        for edge in self.drawing.edges:
            tail, head = ends_of(edge, self.drawing)
            above, below = self.row_of[tail] < row, self.row_of[head] < row
            if above != below:
                if edge.kind in ("repeat", "beside") or below:
                    return None
                crossing.add((tail, goes_back(edge, self.drawing)))
        sides = 2 if self.drawing.direction == "both" else 1
        if len(crossing) > CROSSING_ARROWS * sides:
            return None
        broken = sum(min(rows) < row <= max(rows) for rows in self.members.values())
        return ARROW_POINTS * len(crossing) + FRAME_POINTS * broken

    def within(self, height: float) -> Breaking | None:
        """Columns of at most this height that are together as narrow as can be, with few arrows and frames cut through; None
        if there are not enough places to cut."""
        ends, whole = [0, *self.cost, len(self.rows)], self.width_of(0, len(self.rows))
        best: dict[int, tuple[float, list[int]]] = {
            0: (-GUTTER_POINTS, [])
        }  # for the rows before: loss, first rows of columns
        for position, end in enumerate(ends[1:], start=1):
            for start in reversed(ends[:position]):
                if self.height_of(start, end) > height:
                    break
                if start in best:
                    loss, starts = best[start]
                    loss += self.width_of(start, end) + GUTTER_POINTS + self.cost.get(start, 0.0) / 2
                    loss += whole * max(1 - self.height_of(start, end) / (SHORT_PART * height), 0.0)
                    best[end] = min(best.get(end, (loss, [*starts, start])), (loss, [*starts, start]))
        if len(self.rows) not in best:
            return None
        loss, starts = best[len(self.rows)]
        ends = [*starts[1:], len(self.rows)]
        column = {box: sum(start <= row for start in starts) - 1 for box, row in self.row_of.items()}
        width = sum(map(self.width_of, starts, ends)) + GUTTER_POINTS * (len(starts) - 1)
        area = Area(0.0, 0.0, width, max(map(self.height_of, starts, ends)))
        return Breaking(column, area, loss - width)

    def is_too_wide(self, height: float, page: tuple[float, float], widest: float) -> bool:
        """Whether columns of this height are wider than on a page that is so high."""
        breaking = self.within(height)
        if breaking is None or breaking.area.width > widest:
            return True
        return breaking.area.width / page[0] > breaking.area.height / page[1]

    @property
    def height(self) -> float:
        """Of all in one column."""
        return self.height_of(0, len(self.rows))

    def _height(self, start: int, end: int) -> float:
        """Of a column of these rows."""
        whole = max(self.bottom[start:end]) - self.top[start]
        return AROUND_POINTS + whole + self.cost.get(start, 0.0) / 2 + self.cost.get(end, 0.0) / 2

    def _width(self, start: int, end: int) -> float:
        top, bottom = self.top[start], max(self.bottom[start:end])
        rims = [(self.boxes[box], RIM_POINTS * self.depth[box]) for row in self.rows[start:end] for box in row]
        beside = [x for x, y in self.points if top < y < bottom]
        left = min([area.left - rim for area, rim in rims] + beside)
        return max([area.right + rim for area, rim in rims] + beside) - left


def frames_through(drawing: Drawing, column: dict[str, int]) -> list[str]:
    """The frames around the same boxes in all columns, outermost first: they go around the columns, and not in them."""
    members: dict[str, list[str]] = {}
    for item in drawing.items:
        for frame in item.path:
            members.setdefault(frame, []).append(item.id)
    columns = set(column.values())
    through = [frame for frame, inside in members.items() if {column[box] for box in inside} == columns]
    return [frame for frame in through if members[frame] == members[through[0]]]


def broken(drawing: Drawing, column: dict[str, int]) -> tuple[list[Column], list[Bundle]]:
    """The columns of a drawing, and the arrows between them."""
    parts = []
    seen: set[str] = set()
    for number in range(max(column.values()) + 1):
        items = [item for item in drawing.items if column[item.id] == number]
        edges = [edge for edge in drawing.edges if column[edge.source] == column[edge.target] == number]
        held = dict.fromkeys(frame for item in items for frame in item.path)
        frames = {frame: drawing.frames[frame] for frame in held}
        for again in seen & held.keys():
            frames[again] = continued(frames[again])
        seen |= held.keys()
        parts.append(Column(replace(drawing, items=items, edges=edges, frames=frames)))
    bundles = _bundles(drawing, column)
    for bundle in bundles:
        for joint, part in ((_leaving(bundle), parts[bundle.start]), (_entering(bundle, drawing), parts[bundle.end])):
            if all(joint.id != other.id for other in part.joints):
                part.joints.append(joint)
    return parts, bundles


def without_frames(drawing: Drawing, frames: Sequence[str]) -> Drawing:
    """The drawing without some of its frames."""
    items = [replace(item, path=tuple(frame for frame in item.path if frame not in frames)) for item in drawing.items]
    return replace(drawing, items=items)


def _bundles(drawing: Drawing, column: dict[str, int]) -> list[Bundle]:
    found: dict[tuple[str, bool, int], Bundle] = {}
    for edge in drawing.edges:
        tail, head = ends_of(edge, drawing)
        if column[tail] != column[head]:
            back = goes_back(edge, drawing)
            bundle = Bundle(tail, back, [], column[tail], column[head])
            found.setdefault((tail, back, column[head]), bundle).edges.append(edge)
    return list(found.values())


def _leaving(bundle: Bundle) -> Joint:
    return Joint(bundle.leaves_at, "sink", [(bundle.leaves_at, bundle.tail, "", "back" if bundle.back else "none")])


def _entering(bundle: Bundle, drawing: Drawing) -> Joint:
    heads = "none" if bundle.back else "forward"
    tips = [(edge.id, ends_of(edge, drawing)[1], label_of(edge, drawing) or "", heads) for edge in bundle.edges]
    return Joint(bundle.enters_at, "source", tips)
