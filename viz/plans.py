"""The plan of each room of a map: where its boxes and arrows lie, as data for the page's script.

Graphviz lays out every room once, all in one process. What it writes as SVG is taken apart: a box has its place, its outline
and its texts, measured from its upper left corner; an arrow has the points of its curve, from where it begins to its tip.

Read before: `rooms.py`, `dot.py`, `render.py`. Read next: `strips.py`; `page/layout.js`, which puts rooms into rooms.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

from .dot import to_dot
from .labels import SLOT, plain
from .model import Edge, Item
from .render import render_all
from .rooms import Room
from .strips import broken
from .style import BOXES
from .svg import backward_is_left

_SVG = "{http://www.w3.org/2000/svg}"
_POINT = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
_SHAPES = ("polygon", "path", "polyline", "ellipse")


TEXT_AT_ONCE = 600_000
"""One process lays out rooms of so many letters of DOT text: starting it takes longer than to lay out a dozen."""
MOST_PROCESSES = 4
CORNER_RADIUS = 12.0
"""The radius of round corners, as Graphviz draws them."""


def plans_of(rooms: Sequence[Room]) -> list[dict[str, Any]]:
    """A plan for each room, as data that can be written as JSON.

    Raises `NoRenderer` where there is no Graphviz.
    """
    plans = []
    with ThreadPoolExecutor(min(MOST_PROCESSES, os.cpu_count() or 1)) as beside:
        # Graphviz lays out the first rooms while the next ones are written.
        parts = [beside.submit(render_all, texts) for texts in _texts_of(rooms)]
        for room, picture in zip(rooms, (picture for part in parts for picture in part.result()), strict=True):
            if not plans and room.drawing.direction == "both" and backward_is_left(picture):
                (picture,) = render_all([to_dot(room.drawing, legend=False, swapped=True)])
            plans.append(broken(_plan(room, picture)))
    return plans


def _texts_of(rooms: Sequence[Room]) -> Iterator[list[str]]:
    """The DOT texts of rooms, as many at a time as one process lays out."""
    texts: list[str] = []
    for room in rooms:
        texts.append(to_dot(room.drawing, legend=False))
        if sum(map(len, texts)) >= TEXT_AT_ONCE:
            yield texts
            texts = []
    if texts:
        yield texts


def _plan(room: Room, picture: bytes) -> dict[str, Any]:
    groups = {group.get("id"): group for group in ElementTree.fromstring(picture).iter(f"{_SVG}g") if group.get("id")}
    boxes = [_box(item, groups[item.id]) for item in room.drawing.items if item.id not in room.doors]
    frame = room.frame
    return {
        "id": room.id,
        "back": room.back,
        "around": room.around,
        "isFunction": bool(room.path) and room.path[-1].is_function,
        "name": f"{plain(frame.label)}{f' ×{frame.count}' if frame.count > 1 else ''}",
        "about": plain(", ".join(filter(None, [frame.kind.replace("module", ""), frame.aside])), 90)
        if frame.kind or frame.aside
        else "",
        "boxes": boxes,
        "arrows": [_arrow(edge, groups[edge.id], room.drawing.direction) for edge in room.drawing.edges],
        "doors": {
            name: {"at": _middle(groups[name]), "partner": door.partner, "inward": door.inward, "back": door.back}
            for name, door in room.doors.items()
        },
    }


def _box(item: Item, group: ElementTree.Element) -> dict[str, Any]:
    drawn = [part for part in group.iter() if part.tag.removeprefix(_SVG) in _SHAPES]
    slots, shapes = ([part for part in drawn if (part.get("fill") == SLOT) == is_slot] for is_slot in (True, False))
    points = [point for shape in shapes for point in _points(shape)] or _around_texts(group)
    left, top = min(x for x, _ in points), min(y for _, y in points)
    right, bottom = max(x for x, _ in points), max(y for _, y in points)
    picture: dict[str, Any] = {}
    if item.pixels is not None and slots:
        corners = _points(slots[0])
        x, y = min(x for x, _ in corners), min(y for _, y in corners)
        place = [_short(x - left), _short(y - top), *item.pixels.points]
        picture = {"picture": {"at": place, "png": item.pixels.png, "about": item.pixels.about}}
        if item.pixels.words:
            scale = item.pixels.points[0] / item.pixels.width
            tiles = [[_short(scale * number) for number in tile] for tile in item.pixels.tiles]
            picture["picture"] |= {"tiles": tiles, "words": item.pixels.words}
    return picture | {
        "id": item.id,
        "kind": item.kind,
        "name": plain(f"{item.name} {item.operation if item.kind == 'module' else ''}".strip()),
        "back": item.kind == "gradient",
        "at": [_short(left), _short(top), _short(right - left), _short(bottom - top)],
        "shapes": [_shape(item, shape, left, top) for shape in shapes],
        "texts": _texts(group, left, top),
    }


def _shape(item: Item, shape: ElementTree.Element, left: float, top: float) -> dict[str, Any]:
    tag = shape.tag.removeprefix(_SVG)
    look = {
        name: value for name in ("fill", "stroke", "stroke-width", "stroke-dasharray") if (value := shape.get(name))
    }
    form, style, *_ = BOXES.get(item.kind, ("", ""))
    if form == "box":  # a rectangle, which a browser draws faster than a path
        across, down = zip(*_points(shape), strict=True)
        wide, high = max(across) - min(across), max(down) - min(down)
        place = {"x": _short(min(across) - left), "y": _short(min(down) - top)}
        corner = {"rx": _short(min(CORNER_RADIUS, wide / 3, high / 3))} if "rounded" in style else {}
        return {"tag": "rect", **place, "width": _short(wide), "height": _short(high), **corner, **look}
    geometry = "d" if tag == "path" else "points"
    moved = _POINT.sub(
        lambda found: f"{_short(float(found[1]) - left):g},{_short(float(found[2]) - top):g}", shape.get(geometry, "")
    )
    return {"tag": tag, geometry: moved, **look}


def _texts(group: ElementTree.Element, left: float, top: float) -> list[dict[str, Any]]:
    found = []
    for text in group.iter(f"{_SVG}text"):
        if not (text.text or "").strip():
            continue
        said: dict[str, Any] = {
            "x": _short(float(text.get("x", 0)) - left),
            "y": _short(float(text.get("y", 0)) - top),
            "size": round(float(text.get("font-size", 11))),
            "fill": text.get("fill", ""),
            "text": text.text,
        }
        style = "b" * bool(text.get("font-weight")) + "i" * bool(text.get("font-style"))
        found.append({**said, "style": style} if style else said)
    return found


def _around_texts(group: ElementTree.Element) -> list[tuple[float, float]]:
    """Two corners of a box without an outline, as far as its texts tell."""
    found = []
    for text in _texts(group, 0, 0):
        wide, x, y, size = 0.48 * text["size"] * len(text["text"]), text["x"], text["y"], text["size"]
        found += [(x - 3, y - size), (x + wide + 3, y + 3)]
    return found


def _arrow(edge: Edge, group: ElementTree.Element, direction: str) -> dict[str, Any]:
    (curve,) = group.findall(f"{_SVG}path")
    heads = [_points(head) for head in group.findall(f"{_SVG}polygon")]
    points = _points(curve)
    if edge.kind == "backward" and direction == "both":
        points.reverse()  # it was written the other way round, so that the pass back lies beside the pass forward
    if heads:
        x, y = points[-1]
        points[-1] = max(heads[0], key=lambda point: (point[0] - x) ** 2 + (point[1] - y) ** 2)
    return {
        "id": edge.id,
        "kind": edge.kind,
        "from": edge.source,
        "to": edge.target,
        "points": [_short(number) for point in points for number in point],
        "texts": _texts(group, 0, 0),
    }


def _middle(group: ElementTree.Element) -> list[float]:
    ellipse = next(group.iter(f"{_SVG}ellipse"))
    return [_short(float(ellipse.get("cx", 0))), _short(float(ellipse.get("cy", 0)))]


def _points(shape: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in _POINT.findall(shape.get("d") or shape.get("points") or "")]


def _short(number: float) -> float:
    return round(number, 1)
