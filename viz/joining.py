"""Columns put side by side: arrows led from one to the next, and frames that go through all of them put around.

Read before: `layout.py`, `columns.py`. Read next: `pages.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from .columns import Bundle
from .dot import ends_of
from .layout import Area, PlacedFrame, Point, Positions, Way
from .model import Drawing

TRACK_POINTS, GUTTER_POINTS, CORNER_POINTS = 6.0, 7.0, 5.0
"""Between arrows that run side by side, between them and what is beside, and the round of their corners."""
RIM_POINTS, LABEL_ROOM, ARROW_ROOM = 6.0, 13.0, 12.0
"""Between a frame and what is in it, where its label lies on the line, and between it and a box outside."""


def outside(drawing: Drawing, frame: str) -> set[str]:
    """The ids of the boxes that are not in a frame, of the frames around them, and of the arrows from and to them."""
    boxes = {item.id for item in drawing.items if frame not in item.path}
    frames = {other for item in drawing.items if item.id in boxes for other in item.path}
    frames -= {other for item in drawing.items if item.id not in boxes for other in item.path}
    return boxes | frames | {edge.id for edge in drawing.edges if {edge.source, edge.target} & boxes}


def side_by_side(
    layouts: Sequence[Positions], bundles: Sequence[Bundle], outside: set[str]
) -> tuple[Positions, list[Area]]:
    """Columns next to each other, with the arrows between them, level at the top but for what is outside of their frame.

    Returns the area of each column, too, without what is outside.
    """
    joined, areas, right = Positions(), [], 0.0
    for number, layout in enumerate(layouts):
        area, core = layout.area, layout.without(outside).area
        entering = sum(bundle.end == number for bundle in bundles)
        left = right + 2 * GUTTER_POINTS + TRACK_POINTS * max(entering - 1, 0) if number else 0.0
        x, y = left - area.left, -core.top
        joined.add(layout.moved(lambda point, x=x, y=y: (point[0] + x, point[1] + y)))
        right = left + area.width
        areas.append(Area(left, 0.0, right, core.height))
    _connect(joined, bundles, areas)
    return joined, areas


def put_around(
    layout: Positions,
    drawing: Drawing,
    through: Sequence[PlacedFrame],
    areas: Sequence[Area],
    outside: set[str],
    turned: bool,
) -> bool:
    """Put frames around all columns, and what is outside of them above the first column and below the last one.

    through  the frames, outermost first, where they were in one column
    turned   whether columns are rows, whose labels stand where columns begin
    Returns whether that can be done.
    """
    first, last = areas[0], areas[-1]
    boxes = {name: area for name, area in layout.boxes.items() if name in outside}
    before = {name: area for name, area in boxes.items() if area.right <= first.right and area.bottom <= first.top}
    after = {name: area for name, area in boxes.items() if area.left >= last.left and area.top >= last.bottom}
    if len(before) + len(after) < len(boxes):
        return False
    core = layout.without(outside).area
    left, top = areas[0].left, areas[0].top
    for placed in reversed(through):
        left, top = (left - LABEL_ROOM, top - RIM_POINTS) if turned else (left - RIM_POINTS, top - LABEL_ROOM)
        left, top = min(left, core.left - RIM_POINTS), min(top, core.top - RIM_POINTS)
        core = Area(left, top, core.right + RIM_POINTS, core.bottom + RIM_POINTS)
        layout.frames.insert(0, PlacedFrame(placed.frame, core))
    if before:
        _shift(layout, drawing, set(before), core.top - ARROW_ROOM - max(area.bottom for area in before.values()))
    if after:
        _shift(layout, drawing, set(after), core.bottom + ARROW_ROOM - min(area.top for area in after.values()))
    return True


def _shift(layout: Positions, drawing: Drawing, boxes: set[str], by: float) -> None:
    """Move boxes down (up, if `by` is negative) with the frames around them; arrows from and to others become longer."""

    def lower(point: Point) -> Point:
        return point[0], point[1] + by

    arrows = {edge.id: [end in boxes for end in ends_of(edge, drawing)] for edge in drawing.edges}
    stay = {frame for item in drawing.items if item.id not in boxes for frame in item.path}
    frames = {frame for item in drawing.items if item.id in boxes for frame in item.path} - stay
    part = layout.only(boxes | frames | {name for name, ends in arrows.items() if all(ends)}).moved(lower)
    moved = {placed.frame.id: placed for placed in part.frames}
    layout.frames = [moved.get(placed.frame.id, placed) for placed in layout.frames]
    layout.boxes |= part.boxes
    layout.arrows |= part.arrows
    layout.labels |= part.labels
    for name, ends in arrows.items():
        way = layout.arrows[name]
        first, last = way.points[0], way.points[-1]
        if ends == [True, False]:
            start = way.start and lower(way.start)
            layout.arrows[name] = Way([lower(first), lower(first), first, *way.points], start, way.end)
        elif ends == [False, True]:
            end = way.end and lower(way.end)
            layout.arrows[name] = Way([*way.points, last, lower(last), lower(last)], way.start, end)


def _connect(whole: Positions, bundles: Sequence[Bundle], areas: Sequence[Area]) -> None:
    """Lead arrows out of the end of one column, between two, and into the start of another, each on a track of its own."""
    starts = [whole.boxes[bundle.leaves_at].middle for bundle in bundles]
    ends = [whole.boxes[bundle.enters_at].middle for bundle in bundles]
    gutters = _gutters(bundles, ends, areas)
    below = _tracks([(start[0], x) for start, x in zip(starts, gutters, strict=True)])
    above = _tracks([(x, end[0]) for end, x in zip(ends, gutters, strict=True)])
    for bundle, start, end, x, low, high in zip(bundles, starts, ends, gutters, below, above, strict=True):
        lowest = max(area.bottom for area in areas[bundle.start : bundle.end]) + GUTTER_POINTS + TRACK_POINTS * low
        highest = -GUTTER_POINTS - TRACK_POINTS * high
        between = _round_corners([start, (start[0], lowest), (x, lowest), (x, highest), (end[0], highest), end])
        out = whole.arrows[bundle.leaves_at]
        for edge in bundle.edges:
            into = whole.arrows[edge.id]
            whole.arrows[edge.id] = Way([*out.points, *between, *into.points[1:]], out.start, into.end)
    for bundle in bundles:
        whole.arrows.pop(bundle.leaves_at, None)
        for joint in (bundle.leaves_at, bundle.enters_at):
            whole.boxes.pop(joint, None)


def _gutters(bundles: Sequence[Bundle], ends: Sequence[Point], areas: Sequence[Area]) -> list[float]:
    """Where, between two columns, each bundle goes up: the ones that go further to the right on the left."""
    order = sorted(range(len(bundles)), key=lambda k: (bundles[k].end, ends[k][0], k))
    places = [0.0] * len(bundles)
    for _, group in itertools.groupby(order, key=lambda k: bundles[k].end):
        for track, k in enumerate(group):
            places[k] = areas[bundles[k].end].left - GUTTER_POINTS - TRACK_POINTS * track
    return places


def _tracks(spans: Sequence[tuple[float, float]]) -> list[int]:
    """For lines that go so far to the sides the number of a track, which no other line is on there; short ones first."""
    tracks: list[list[tuple[float, float]]] = []
    number = [0] * len(spans)
    for k in sorted(range(len(spans)), key=lambda k: (abs(spans[k][1] - spans[k][0]), k)):
        low, high = sorted(spans[k])
        free = (t for t, taken in enumerate(tracks) if all(high < left or right < low for left, right in taken))
        number[k] = next(free, len(tracks))
        if number[k] == len(tracks):
            tracks.append([])
        tracks[number[k]].append((low, high))
    return number


def _round_corners(corners: Sequence[Point]) -> list[Point]:
    """A line through corners as Bézier curves, without its first point."""
    points: list[Point] = []
    here = corners[0]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        into, out = _towards(corner, before), _towards(corner, after)
        points += [here, into, into, corner, corner, out]
        here = out
    return [*points, here, corners[-1], corners[-1]]


def _towards(corner: Point, other: Point) -> Point:
    """The point at which a line from a corner begins to be straight."""
    x, y = other[0] - corner[0], other[1] - corner[1]
    length = abs(x) + abs(y)  # lines are upright or level
    part = min(CORNER_POINTS, length / 2) / length if length else 0.0
    return corner[0] + part * x, corner[1] + part * y
