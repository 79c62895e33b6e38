"""Graphviz's SVG, made fit for a page: ids of its own, words for screen readers, and a dark scheme.

Read next: `draw.py`.
"""

from __future__ import annotations

import re
import zlib
from xml.etree import ElementTree

from .labels import plain
from .model import Drawing
from .style import style_sheet

_SVG = "http://www.w3.org/2000/svg"


def polish(svg: bytes, drawing: Drawing, alone: bool = True) -> str:
    """The SVG with the ids of its boxes and arrows made unlike those of any other picture.

    alone  whether the SVG is a picture of its own, and brings its style sheet; else it is part of a
           page that has one, and whose boxes can be chosen

    The prefix is `picture_id(drawing)`. What Graphviz took for titles (its own ids, which browsers
    show as tooltips) become the names of what is drawn.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg)
    prefix = picture_id(drawing)
    titles = {item.id: plain(f"{item.name} {item.shape or ''}".strip()) for item in drawing.items}
    for group in root.iter(f"{{{_SVG}}}g"):
        title = group.find(f"{{{_SVG}}}title")
        own = group.get("id")
        if title is not None:
            known = titles.get(own or "")
            if known and group.get("class", "").startswith("node"):
                title.text = known
            else:
                group.remove(title)
        if own:
            group.set("id", f"{prefix}-{own}")
    root.set("id", prefix)
    root.set("role", "img" if alone else "group")
    root.set("aria-label", describe(drawing))
    if alone:
        style = ElementTree.Element(f"{{{_SVG}}}style")
        style.text = style_sheet(prefix)
        root.insert(0, style)
    return ElementTree.tostring(root, encoding="unicode")


def picture_id(drawing: Drawing) -> str:
    """A prefix for the ids of a picture, the same for the same picture."""
    return f"viz{zlib.crc32(repr(drawing).encode()):08x}"


def size_of(svg: bytes) -> tuple[float, float]:
    """Width and height of Graphviz's SVG, in points."""
    *_, width, height = ElementTree.fromstring(svg).get("viewBox", "0 0 0 0").split()
    return float(width), float(height)


def backward_is_left(svg: bytes) -> bool:
    """Whether the frame of the backward pass came to the left of that of the forward pass."""
    left = {}
    for group in ElementTree.fromstring(svg).iter(f"{{{_SVG}}}g"):
        if group.get("id") in ("forward", "backward"):
            frame = next(part for part in group if part.get("d") or part.get("points"))
            left[group.get("id")] = float(re.findall(r"-?[\d.]+", frame.get("d") or frame.get("points") or "")[0])
    return left.get("backward", 0) < left.get("forward", 0)


def describe(drawing: Drawing) -> str:
    """The picture in a sentence."""
    side = {"forward": "Forward graph", "backward": "Backward graph", "both": "Forward and backward graph"}
    side |= {"kernels": "Kernels", "program": "Program"}
    return f"{side[drawing.direction]} of {drawing.of}: {len(drawing.items)} boxes, {len(drawing.edges)} arrows"
