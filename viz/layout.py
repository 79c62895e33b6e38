"""Where the boxes, arrows and frames of a picture lie, as plain data: what Graphviz found, or what was made of that.

Lengths are points. y grows downwards, as one reads; Graphviz counts it upwards.

Read before: `render.py`. Read next: `columns.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from .model import Frame

Point: TypeAlias = tuple[float, float]


class Area(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> Point:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def seen_from(self, x: float, y: float) -> Area:
        """The same counted from a point."""
        return Area(self.left - x, self.top - y, self.right - x, self.bottom - y)

    def meets(self, other: Area, by: float = 0.5) -> bool:
        """Whether both share more than a rim that is `by` wide."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide > by and high > by


class Way(NamedTuple):
    """An arrow's line: the points of its Bézier curves, and where the tips of its heads are, if it has them."""

    points: list[Point]
    start: Point | None = None
    end: Point | None = None

    def passes(self) -> list[Point]:
        """Points on the line: ends and quarters of each curve. The others of a curve, which draw it to them, it does not reach."""
        found = self.points[:1]
        for first, one, two, last in zip(
            self.points[0::3], self.points[1::3], self.points[2::3], self.points[3::3], strict=False
        ):
            for t in (0.25, 0.5, 0.75, 1.0):
                weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                x, y = (sum(w * p[k] for w, p in zip(weights, (first, one, two, last), strict=True)) for k in (0, 1))
                found.append((x, y))
        return found


@dataclass
class PlacedFrame:
    """A frame, or the part of it in one column.

    label    the rectangle of its label, counted from the corner of the frame that is upper left when one looks at the picture
    on_line  whether the label lies on the upper line
    """

    frame: Frame
    area: Area
    label: Area | None = None
    on_line: bool = False


@dataclass
class Positions:
    """Boxes and arrows by their ids, frames from the outer to the inner ones; labels of arrows by the arrows' ids."""

    boxes: dict[str, Area] = field(default_factory=dict)
    arrows: dict[str, Way] = field(default_factory=dict)
    labels: dict[str, Area] = field(default_factory=dict)
    frames: list[PlacedFrame] = field(default_factory=list)

    @property
    def area(self) -> Area:
        """What holds everything, but for labels of frames."""
        frames = [placed.area for placed in self.frames]
        points = [Area(x, y, x, y) for way in self.arrows.values() for x, y in way.passes()]
        return around([*self.boxes.values(), *self.labels.values(), *frames, *points])

    def frame_labels(self) -> list[Area]:
        """Where the labels of frames are in the picture that one looks at."""
        return [
            label.seen_from(-left, -top)
            for (left, top, _, _), label in ((placed.area, placed.label) for placed in self.frames)
            if label is not None
        ]

    def moved(self, by: Callable[[Point], Point]) -> Positions:
        """The same with all points moved: shifted, or seen in a mirror. Labels of frames stay at their upper left corners."""

        def turned(area: Area) -> Area:
            (x, y), (u, v) = by((area.left, area.top)), by((area.right, area.bottom))
            return Area(min(x, u), min(y, v), max(x, u), max(y, v))

        def way(old: Way) -> Way:
            return Way([*map(by, old.points)], old.start and by(old.start), old.end and by(old.end))

        frames = [replace(placed, area=turned(placed.area)) for placed in self.frames]
        boxes = {key: turned(area) for key, area in self.boxes.items()}
        labels = {key: turned(area) for key, area in self.labels.items()}
        return Positions(boxes, {key: way(old) for key, old in self.arrows.items()}, labels, frames)

    def only(self, names: Container[str]) -> Positions:
        """Boxes, arrows and frames with these ids."""
        return Positions(
            {name: area for name, area in self.boxes.items() if name in names},
            {name: way for name, way in self.arrows.items() if name in names},
            {name: area for name, area in self.labels.items() if name in names},
            [placed for placed in self.frames if placed.frame.id in names],
        )

    def without(self, names: Collection[str]) -> Positions:
        """Boxes, arrows and frames with other ids than these."""
        ids = {*self.boxes, *self.arrows, *(placed.frame.id for placed in self.frames)}
        return self.only(ids.difference(names))

    def add(self, other: Positions) -> None:
        """Take over all of another one, whose ids are others."""
        self.boxes |= other.boxes
        self.arrows |= other.arrows
        self.labels |= other.labels
        self.frames += other.frames


def around(areas: Iterable[Area]) -> Area:
    """The smallest rectangle that holds all of them."""
    lefts, tops, rights, bottoms = zip(*areas, strict=True) or ((0,), (0,), (0,), (0,))
    return Area(min(lefts), min(tops), max(rights), max(bottoms))


def layout_of(found: dict[str, Any], frames: dict[str, Frame]) -> Positions:
    """A layout as Graphviz writes it in JSON. What has no id of ours, as invisible arrows, is left out."""
    layout = Positions()
    for thing in found.get("objects", ()):
        name = thing["name"]
        if "bb" in thing:
            if (frame := frames.get(thing.get("id", ""))) is not None:
                area, label = _bounds(thing["bb"]), _label(thing)
                layout.frames.append(PlacedFrame(frame, area, label and label.seen_from(area.left, area.top)))
        elif "pos" in thing:
            layout.boxes[name] = _centred(thing["pos"], 72 * float(thing["width"]), 72 * float(thing["height"]))
    for thing in found.get("edges", ()):
        if "id" in thing and "pos" in thing:
            layout.arrows[thing["id"]] = way_of(thing["pos"])
            if (label := _label(thing)) is not None:
                layout.labels[thing["id"]] = label
    return layout


def way_of(text: str) -> Way:
    """An arrow as Graphviz writes it: `e,x,y x,y x,y ...`, with the tips of its heads first."""
    tips: dict[str, Point] = {}
    points = []
    for word in text.split(";")[0].split():
        if word[:2] in ("e,", "s,"):
            tips[word[0]] = _point(word[2:])
        else:
            points.append(_point(word))
    return Way(points, tips.get("s"), tips.get("e"))


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), -float(y)


def _bounds(text: str) -> Area:
    left, bottom, right, top = map(float, text.split(","))
    return Area(left, -top, right, -bottom)


def _centred(middle: str, width: float, height: float) -> Area:
    x, y = _point(middle)
    return Area(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _label(thing: dict[str, Any]) -> Area | None:
    """The rectangle of a label. Of arrows' labels Graphviz tells the middle, and what it draws tells the size."""
    if "lp" not in thing:
        return None
    if "lwidth" in thing:
        return _centred(thing["lp"], 72 * float(thing["lwidth"]), 72 * float(thing["lheight"]))
    x, y = _point(thing["lp"])
    wide = high = 0.0
    size = 0.0
    for step in thing.get("_ldraw_", ()):
        if step["op"] == "F":
            size = step["size"]
        elif step["op"] == "T":
            reach = {"l": step["width"] + step["pt"][0] - x, "c": abs(step["pt"][0] - x) + step["width"] / 2}
            wide = max(wide, 2 * reach.get(step["align"], step["width"]), 2 * (x - step["pt"][0]))
            high = max(high, 2 * abs(-step["pt"][1] - y) + size)
    return Area(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2) if wide else None
