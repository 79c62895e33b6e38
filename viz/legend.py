"""The legend below a picture, and the look of its boxes: what occurs in the picture, in rows no wider than the picture.

Read before: `labels.py`. Read next: `dot.py`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import graphviz

from .labels import escaped, font, item_label, table
from .model import KINDS, Drawing, Item
from .style import BOXES, FRAME, GRADIENT, HEAT_COLOURS, INK, MUTED, VALUE

_NARROWEST, _MANY = 150.0, 60
"""A legend of a picture that is not laid out yet may always be that wide, in points; and a picture of more boxes is wide enough for one in a single row."""

NARROW, NARROW_LETTERS = "_narrow", 14
"""What is added to the name of a part in short lines, and of how many letters these are."""


@dataclass
class LegendPart:
    """A part of a legend: its words, how it is drawn, as Graphviz's attributes, and what is drawn in it."""

    text: str
    look: dict[str, str | None] = field(default_factory=dict)
    label: str = ""

    @property
    def width(self) -> float:
        """How much room it takes, roughly, in points."""
        return (20 if self.look.get("shape") == "plain" else 45) + 4.8 * len(self.text)


def _part(text: str, colour: str, look: dict[str, str | None] | None = None) -> LegendPart:
    """Words in a box, or without one."""
    return LegendPart(text, look or {"shape": "plain"}, font(escaped(text, 200), colour, 10))


def part_of(graph: graphviz.Digraph, name: str | None = None) -> AbstractContextManager[graphviz.Digraph]:
    """A part of a graph, to be written into."""
    part = graph.subgraph(name=name)
    assert part is not None  # as it is for a part that is given, and not begun
    return part


def box_of(kind: str, brief: bool = False) -> dict[str, str | None]:
    """The frame of a kind of boxes, as Graphviz's attributes; `brief` where there is no room for rims."""
    shape, style, fill, line, width, lines = BOXES[kind]
    if brief and shape == "box3d":
        shape = "box"
        if kind == "function":  # as an operation, and heavier
            style, width = "filled,rounded", 2.4
    return {
        "shape": shape,
        "style": style,
        "fillcolor": fill,
        "color": line,
        "penwidth": str(width),
        "peripheries": str(lines) if lines > 1 else None,
        "margin": "0.15,0.13" if shape == "box3d" else None,  # its rim takes some of the room
    }


def legend_parts(drawing: Drawing) -> dict[str, LegendPart]:
    """What occurs in a picture, in the order of the legend; and each text again in short lines, for narrow pictures."""
    parts = _entries(drawing)
    short = {}
    for name, part in parts.items():
        lines = textwrap.wrap(part.text, NARROW_LETTERS)
        again = [part.label.replace(escaped(part.text, 200), escaped(line, 200)) for line in lines]
        short[name + NARROW] = replace(part, label=table(again, 0)[1:-1] if len(lines) > 1 else part.label)
    return parts | short


def _entries(drawing: Drawing) -> dict[str, LegendPart]:
    """What occurs in a picture, in the order of the legend."""
    found = {}
    brief = any(item.brevity for item in drawing.items)
    for kind in drawing.kinds():
        found[kind] = _part(KINDS[kind], VALUE if kind == "constant" else INK, box_of(kind, brief))
    if drawing.overlay == "nan" and any(item.alarm for item in drawing.items):
        found["alarm"] = _part("here nan or infinite begins", INK, box_of("failed"))
    for place, text in enumerate(_on_arrows(drawing)):
        found[f"arrows{place}"] = _part(text, GRADIENT)
    if any(item.brevity >= 2 and item.kind != "gradient" for item in drawing.items):  # gradients say no shape at all
        found["terse"] = _part("no shape: as what comes in", MUTED)
    if any(item.brevity == 3 and item.kind == "gradient" for item in drawing.items):
        found["gradients"] = _part(f"∂a: ∂{drawing.of}/∂a, or ∂{drawing.of} in a", MUTED)
    if drawing.in_all:
        found["in_all"] = _part(drawing.in_all, MUTED)
    if drawing.overlay in ("flops", "bytes", "gradient"):
        text = f"little ..... much: {drawing.overlay}"
        found["heat"] = LegendPart(text, {"shape": "plain"}, _heat_scale(drawing.overlay))
    return {f"legend_{name}": entry for name, entry in found.items()}


def write_legend(graph: graphviz.Digraph, drawing: Drawing) -> None:
    """Small boxes below everything, one of each kind that occurs."""
    names = _entries(drawing)
    rows = in_rows({name: part.width for name, part in names.items()}, max(estimated_width(drawing), _NARROWEST))
    with part_of(graph, "cluster_legend") as frame:
        frame.attr("graph", style="rounded", color=FRAME, label="", margin="6", **{"class": "legend"})
        for row in rows:
            with part_of(frame) as together:
                together.attr(rank="same")
                for name in row:
                    together.node(name, label=f"<{names[name].label}>", **names[name].look, **{"class": "legend"})
            for name, following in pairwise(row):
                frame.edge(name, following, style="invis", minlen="0")
        for upper, lower in pairwise(rows):
            frame.edge(upper[0], lower[0], style="invis")
    for end in _lowest(drawing)[:8] if rows else ():
        graph.edge(end, rows[0][len(rows[0]) // 2], style="invis", weight="0")


def in_rows(widths: Mapping[str, float], room: float, gap: float = 0.0) -> list[list[str]]:
    """The names of things so wide, in rows that are no wider than there is room."""
    rows: list[list[str]] = []
    left = 0.0
    for name, width in widths.items():
        if not rows or width > left:
            rows.append([])
            left = room
        rows[-1].append(name)
        left -= width + gap
    return rows


def estimated_width(drawing: Drawing) -> float:
    """How wide the picture will become, roughly: its widest row of boxes, in points."""
    above: dict[str, list[str]] = {}
    for edge in drawing.edges:
        above.setdefault(edge.target, []).append(edge.source)
    row_of: dict[str, int] = {}
    widths: dict[int, float] = {}
    for item in drawing.items if len(drawing.items) <= _MANY else ():  # in an order in which what is above comes first
        beside = row_of.get(item.beside or "") if drawing.direction == "both" else None
        higher = [row_of[other] for other in above.get(item.id, ()) if other in row_of]
        row = row_of[item.id] = max(higher, default=-1) + 1 if beside is None else beside
        widths[row] = widths.get(row, 0.0) + _box_width(item)
    between = 120 if drawing.direction == "both" else 0
    return max(widths.values(), default=float("inf")) + between


def _box_width(item: Item) -> float:
    return 40 + 5.5 * max(map(len, re.split("<[^>]+>", item_label(item))))


def _lowest(drawing: Drawing) -> list[str]:
    """The boxes below which there is nothing."""
    higher = {
        edge.target if edge.kind == "backward" and drawing.direction != "backward" else edge.source
        for edge in drawing.edges
        if edge.kind not in ("beside", "repeat")
    }
    # Gradients stand beside their tensors; more arrows from them would change the sides.
    both = drawing.direction == "both"
    return [item.id for item in drawing.items if item.id not in higher and not (both and item.beside)]


def _on_arrows(drawing: Drawing) -> list[str]:
    """What there is to say of arrows, and of their texts."""
    texts = [text for edge in drawing.edges if not edge.brief and (text := edge.local or edge.rule)]
    says = []
    if any(text.startswith("∂ =") for text in texts):
        says.append("∂: local derivative")
    if any(not text.startswith("∂ =") for text in texts):
        says.append("on arrows: what becomes of the gradient g")
    if any(edge.kind == "idle" for edge in drawing.edges):
        says.append("dotted: no gradient")
    if drawing.direction in ("kernels", "program") and any(edge.kind == "backward" for edge in drawing.edges):
        says.append("dashed: from one gradient to the next")
    if any(edge.kind == "repeat" and edge.brief for edge in drawing.edges):
        says.append("bold: to the next in the row")
    return says


def _heat_scale(overlay: str) -> str:
    cells = "".join(f'<TD BGCOLOR="{colour}" WIDTH="16">&nbsp;</TD>' for colour in HEAT_COLOURS)
    words = f"<TD>{font('little', MUTED, 9)}</TD>{cells}<TD>{font(f'much: {overlay}', MUTED, 9)}</TD>"
    return f'<TABLE BORDER="0" CELLSPACING="0"><TR>{words}</TR></TABLE>'
