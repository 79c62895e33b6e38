"""The layout of a picture as it is shown: in as many columns as give the largest letters on a page, with its legend.

Read before: `layout.py`, `columns.py`, `joining.py`. Read next: `svg.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from .columns import Breaking, breakings, broken, frames_through, without_frames
from .dot import (
    NO_LIMIT,
    SHORTEST_LINE,
    caption_parts,
    id_of_label,
    labelled_on_their_line,
    to_dot,
    to_parts_dot,
    to_placed_dot,
)
from .joining import outside, put_around, side_by_side
from .layout import Area, PlacedFrame, Point, Positions, around, layout_of
from .legend import NARROW, LegendPart, in_rows, legend_parts
from .model import Drawing, Frame
from .render import lay_out

PAGE_POINTS = 595.0 - 72, 842.0 - 72
"""Width and height of A4 within margins of half an inch."""
SMALL = 0.805
"""Letters of ten points that are shrunk to less than that, eight points, are too small to be printed."""
BOTH_SIDES = 2.0
"""A picture of both directions is at most so many times as wide as the forward one: if words of gradients are too long for that,
they are shortened; and there are no more columns than that."""
GAINED, ALIKE = 1.1, 1.03
"""Columns have to make letters that much larger; letters that differ by less are as good."""
TRIED = 5
"""So many ways to break a picture, those with the largest letters as far as one can estimate them, are laid out."""
LABEL_INDENT, INK_POINTS, INK_ABOVE = 8.0, 11.0, 0.65
"""How far a label on the line of a frame is from its corner, how high its letters are, and the part of it above the line."""
LEGEND_GAP, LEGEND_RIM = 10.0, 4.0
"""Above a legend and between its parts; around them."""
LABEL_RIM = 2.0
"""Between a frame and the label of an arrow, or another frame, in it."""


class PlacedPicture(NamedTuple):
    """A picture as it is shown: its drawing, where everything lies, and the DOT text that draws it so."""

    drawing: Drawing
    layout: Positions
    source: str


def place(drawing: Drawing, legend: bool = True, rankdir: str = "TB") -> PlacedPicture:
    """The layout of a picture; of one whose letters would be too small, or whose gradients would take too much room beside the
    forward side, in fewer words.

    Raises `NoRenderer` where there is no Graphviz.
    """
    widest = float("inf")
    if drawing.direction == "both":
        alone = place(_forward(drawing), legend, rankdir).layout.area
        widest = BOTH_SIDES * (alone.height if rankdir == "LR" else alone.width)
    sheet = _Sheet(drawing, legend, rankdir, widest)
    if all(item.brevity != 1 for item in drawing.items):
        return sheet.placed()
    if sheet.expected() >= SMALL:
        picture = sheet.placed()
        for brevity in (2, 3):
            area = picture.layout.area
            if (area.height if rankdir == "LR" else area.width) <= widest:
                break
            # The forward side keeps the words of its own picture, by whose width this one is measured.
            picture = _Sheet(_in_words(drawing, brevity, gradients_only=True), legend, rankdir, widest).placed()
        return picture
    best = sheet.placed() if sheet.expected() >= SMALL / GAINED else None  # what is expected is not exact
    for brevity in (2, 3):
        if best is not None and letters_on_a_page(best.layout.area) >= SMALL:
            break
        sheet = _Sheet(_in_words(drawing, brevity), legend, rankdir, widest)
        if brevity == 2 and sheet.expected() < SMALL / GAINED:
            continue
        shorter = sheet.placed()
        if best is None or letters_on_a_page(shorter.layout.area) > letters_on_a_page(best.layout.area):
            best = shorter
    assert best is not None
    return best


def _in_words(drawing: Drawing, brevity: int, gradients_only: bool = False) -> Drawing:
    """The drawing with boxes of another brevity."""
    chosen = [item.kind == "gradient" or not gradients_only for item in drawing.items]
    items = [replace(item, brevity=brevity) if one else item for item, one in zip(drawing.items, chosen, strict=True)]
    return replace(drawing, items=items)


def _forward(drawing: Drawing) -> Drawing:
    """The forward side of a picture of both."""
    items = [replace(item, path=item.path[1:]) for item in drawing.items if item.kind != "gradient"]
    edges = [edge for edge in drawing.edges if edge.kind in ("forward", "idle", "repeat")]
    shown = {item.id for item in items}
    edges = [edge for edge in edges if edge.source in shown and edge.target in shown]
    return replace(drawing, direction="forward", items=items, edges=edges, notes=[])


def letters_on_a_page(area: Area, page: tuple[float, float] = PAGE_POINTS) -> float:
    """By how much a picture is shrunk to fit on a page; 1 where it fits as it is."""
    return min(1.0, page[0] / max(area.width, 1.0), page[1] / max(area.height, 1.0))


class _Sheet:
    """A picture that is being laid out. Until it is done, one reads it downwards, whatever its `rankdir`."""

    def __init__(self, drawing: Drawing, legend: bool, rankdir: str, widest: float):
        self.drawing, self.rankdir, self.turned = drawing, rankdir, rankdir == "LR"
        self.widest = widest
        self.parts = legend_parts(drawing) if legend else {}
        self.notes = caption_parts(drawing, NO_LIMIT) if legend else {}

    @cached_property
    def _measured(self) -> tuple[Positions, dict[str, Area]]:
        """All in one column, and the sizes of what stands around."""
        texts = to_parts_dot(self.drawing, self.parts | self.notes)
        found, measured = lay_out([to_dot(self.drawing, legend=False, rankdir=self.rankdir), texts])
        self.sizes = layout_of(measured, {}).boxes
        return self._read(found, self.drawing), self.sizes

    @cached_property
    def _found(self) -> list[Breaking]:
        """Ways to break it, those with the largest letters first, as far as one can estimate them; none if it fits."""
        whole, _ = self._measured
        if self._letters(whole.area) == 1:
            return []
        width, height = PAGE_POINTS
        found = breakings(self.drawing, whole, (height, width) if self.turned else (width, height), self.widest)
        return sorted(found, key=lambda breaking: (-self._letters(breaking.area), max(breaking.column.values())))

    def expected(self) -> float:
        """The size of letters on a page, as far as it can be estimated."""
        whole, _ = self._measured
        return max(self._letters(area) for area in (whole.area, *(breaking.area for breaking in self._found[:1])))

    def placed(self) -> PlacedPicture:
        """The picture with all that stands around it."""
        layout = self._in_best_columns()
        layout = layout.moved(_transposed) if self.turned else layout
        _, sizes = self._measured
        parts = _add_legend(layout, self.parts, sizes) if self.parts else {}
        parts |= _add_caption(layout, self.drawing, self.notes, sizes) if self.notes else {}
        return PlacedPicture(self.drawing, layout, to_placed_dot(self.drawing, layout, parts, self.rankdir))

    def _read(self, found: dict, drawing: Drawing) -> Positions:
        """A layout of Graphviz's, with forward to the left of backward."""
        layout = layout_of(found, drawing.frames)
        # Of a column: a frame may have another inside elsewhere, and none here.
        on_line = labelled_on_their_line(drawing)
        self._put_on_lines([placed for placed in layout.frames if placed.frame.id in on_line])
        _hold_labels(layout, drawing)
        layout = layout.moved(_transposed) if self.turned else layout
        if _forward_is_right(layout, drawing):
            layout = layout.moved(lambda point: (-point[0], point[1]))
        return layout

    def _put_on_lines(self, frames: Sequence[PlacedFrame]) -> None:
        """Put the labels of frames on their upper lines."""
        for placed in frames:
            size = self.sizes[id_of_label(placed.frame)]
            top = -INK_POINTS * INK_ABOVE
            placed.label = Area(LABEL_INDENT, top, LABEL_INDENT + size.width, top + INK_POINTS)
            placed.on_line = True

    def _letters(self, area: Area) -> float:
        """The size of letters on a page, with the legend below."""
        width, height = (area.height, area.width) if self.turned else (area.width, area.height)
        rows = _rows_of(self.parts, self.sizes, width)[1]
        legend = sum(max(self.sizes[name].height for name in row) + LEGEND_RIM for row in rows)
        return letters_on_a_page(Area(0.0, 0.0, width, height + (legend + LEGEND_GAP + LEGEND_RIM if rows else 0.0)))

    def _in_best_columns(self) -> Positions:
        """The layout in which letters are largest on a page; of those that are alike, the one that cuts through least."""
        whole, _ = self._measured
        tried = self._in_columns(whole, self._found[:TRIED]) if self._found else []
        areas = [layout.area for layout, _ in tried]
        fitting = [(self._letters(area), k) for k, area in enumerate(areas) if area.width <= self.widest]
        most = max((letters for letters, _ in fitting), default=0.0)
        if most <= GAINED * self._letters(whole.area):
            return whole
        enough = max(most / ALIKE, min(most, SMALL))
        _, best = min((tried[k][1], k) for letters, k in fitting if letters >= enough)
        return tried[best][0]

    def _in_columns(self, whole: Positions, found: Sequence[Breaking]) -> list[tuple[Positions, float]]:
        """For each way to break a picture the columns, laid out each for itself, side by side; and how much is lost by it.

        Frames that go through all columns go around them, or, where that cannot be or takes more room, are in each.
        """
        ways = []
        for breaking in found:
            through = frames_through(self.drawing, breaking.column)
            for around_all in ([], through) if through else ([],):
                columns, bundles = broken(without_frames(self.drawing, around_all), breaking.column)
                frames = [placed for placed in whole.frames if placed.frame.id in around_all]
                ways.append((frames, columns, bundles, breaking.cost + len(columns) * (len(through) - len(around_all))))
        columns = [column for _, columns, _, _ in ways for column in columns]
        laid_out = lay_out([to_dot(column.drawing, False, self.rankdir, column.joints) for column in columns])
        read = iter([self._read(one, column.drawing) for one, column in zip(laid_out, columns, strict=True)])
        layouts = []
        for through, columns, bundles, cost in ways:
            beyond = outside(self.drawing, through[0].frame.id) if through else set()
            layout, areas = side_by_side([next(read) for _ in columns], bundles, beyond)
            if not through or put_around(layout, self.drawing, through, areas, beyond, self.turned):
                self._put_on_lines(layout.frames[: len(through)])
                if _can_be_read(layout.moved(_transposed) if self.turned else layout):  # as it will be seen
                    layouts.append((layout, cost))
        return layouts


def _hold_labels(layout: Positions, drawing: Drawing) -> None:
    """Make frames as wide as the labels of the arrows in them, where there is room: Graphviz counts boxes alone."""
    inside: dict[str, set[str]] = {}
    depth: dict[str, int] = {}
    for item in drawing.items:
        for level, frame in enumerate(item.path):
            inside.setdefault(frame, set()).add(item.id)
            depth[frame] = level
    known = [placed for placed in layout.frames if placed.frame.id in inside]
    for placed in sorted(known, key=lambda placed: -depth[placed.frame.id]):
        members = inside[placed.frame.id]
        labels = [
            layout.labels[edge.id]
            for edge in drawing.edges
            if edge.id in layout.labels and {edge.source, edge.target} <= members
        ]
        within = [other for other in known if other is not placed and inside[other.frame.id] <= members]
        held = around([*labels, *(other.area for other in within), placed.area])
        left = held.left - LABEL_RIM if held.left < placed.area.left else placed.area.left
        right = held.right + LABEL_RIM if held.right > placed.area.right else placed.area.right
        others = [area for name, area in layout.boxes.items() if name not in members]
        others += [other.area for other in known if not inside[other.frame.id] & members]
        for wider in (Area(left, placed.area.top, placed.area.right, placed.area.bottom), None):
            wider = wider or Area(placed.area.left, placed.area.top, right, placed.area.bottom)
            if not any(wider.meets(other) for other in others):
                placed.area = wider


def _can_be_read(layout: Positions) -> bool:
    """Whether no label of a frame lies on a box, for which Graphviz leaves no room everywhere at the top of a column."""
    return not any(label.meets(box) for label in layout.frame_labels() for box in layout.boxes.values())


def _transposed(point: Point) -> Point:
    return point[1], point[0]


def _forward_is_right(layout: Positions, drawing: Drawing) -> bool:
    """Whether what comes after the pass forward lies to the left of it: the gradients, or in a compiled step the updates."""
    if drawing.direction == "kernels":
        passes = {placed.frame.label: placed.area.middle[0] for placed in layout.frames}
        return passes.get("forward", 0.0) > passes.get("update", passes.get("backward", float("inf")))
    if drawing.direction != "both":
        return False
    middles: dict[bool, list[float]] = {True: [], False: []}
    for item in drawing.items:
        middles[item.kind == "gradient"].append(layout.boxes[item.id].middle[0])
    back, forward = middles[True], middles[False]
    return bool(back and forward) and sum(back) / len(back) < sum(forward) / len(forward)


def _add_legend(layout: Positions, parts: dict[str, LegendPart], sizes: dict[str, Area]) -> dict[str, LegendPart]:
    """Place a legend below the picture, in rows no wider than it is. Returns what is in it."""
    picture = layout.area
    shown, rows = _rows_of(parts, sizes, picture.width)
    top = picture.bottom + LEGEND_GAP + LEGEND_RIM
    inside = []
    for row in rows:
        wide = sum(sizes[name].width for name in row) + LEGEND_GAP * (len(row) - 1)
        high = max(sizes[name].height for name in row)
        left = picture.middle[0] - wide / 2
        for name in row:
            middle = top + high / 2
            half = sizes[name].height / 2
            layout.boxes[name] = Area(left, middle - half, left + sizes[name].width, middle + half)
            inside.append(layout.boxes[name])
            left += sizes[name].width + LEGEND_GAP
        top += high + LEGEND_RIM
    rim = around(inside)
    area = Area(rim.left - LEGEND_RIM, rim.top - LEGEND_RIM, rim.right + LEGEND_RIM, rim.bottom + LEGEND_RIM)
    layout.frames.append(PlacedFrame(Frame("legend", "", "legend"), area))
    return shown


def _rows_of(
    parts: dict[str, LegendPart], sizes: dict[str, Area], width: float
) -> tuple[dict[str, LegendPart], list[list[str]]]:
    """What is in a legend, in short lines where that is needed, and its rows."""
    room = width - 2 * LEGEND_RIM
    shown = {}
    for name in (name for name in parts if not name.endswith(NARROW)):
        fitting = name if sizes[name].width <= room else name + NARROW
        shown[fitting] = parts[fitting]
    return shown, in_rows({name: sizes[name].width for name in shown}, room, LEGEND_GAP)


def _add_caption(
    layout: Positions, drawing: Drawing, notes: dict[str, LegendPart], sizes: dict[str, Area]
) -> dict[str, LegendPart]:
    """Place the notes above the picture, in lines about as wide as it is. Returns the lines."""
    picture = layout.area
    letters = sum(len(part.text) for part in notes.values())
    wide = sum(sizes[name].width for name in notes) / letters
    high = max(sizes[name].height for name in notes)
    lines = caption_parts(drawing, max(int(picture.width / wide), SHORTEST_LINE))
    top = picture.top - LEGEND_GAP - high * len(lines)
    for number, (name, line) in enumerate(lines.items()):
        half = wide * len(line.text) / 2
        above = top + high * number
        layout.boxes[name] = Area(picture.middle[0] - half, above, picture.middle[0] + half, above + high)
    return lines
