"""A picture as TikZ, for papers: a file that LuaLaTeX and XeLaTeX set by itself, or that `\\input` takes into a larger one.

Where boxes and arrows lie is what Graphviz found; all text is LaTeX's, in the font of the paper.

Read before: `labels.py`, `layout.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .labels import edge_label, frame_label, item_label, lines_of
from .layout import Area, Positions, Way
from .model import Drawing, Frame, Item
from .style import ARROW, BOXES, FRAME, FRAME_FILL, GRADIENT, GROUND, INK, MUTED, heat_colour

LATEX_HEAD = r"""% Set it with LuaLaTeX or XeLaTeX. To put it into a paper, take over the lines from \usepackage to \begin{document},
% and \input the rest.
\documentclass[tikz,border=4pt]{standalone}
\usepackage{fontspec}
\usetikzlibrary{arrows.meta}
% A font that has the signs of formulas, if it is there: ∂, ², ·, →.
\IfFontExistsTF{DejaVu Sans}{\newfontfamily\picturefont{DejaVu Sans}}{\newcommand\picturefont{\sffamily}}
"""
LATEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
}
POINTS_PER_LETTER, POINTS_PER_LINE = 0.62, 1.25
"""How wide a letter and how high a line is, beside the size of the font: so that text fits into boxes of another font."""


def to_tikz(drawing: Drawing, layout: Positions) -> str:
    """The drawing as LaTeX, with everything in its place."""
    depths = {frame: depth for item in drawing.items for depth, frame in enumerate(item.path)}
    colours: dict[str, str] = {}

    def colour(code: str) -> str:
        return colours.setdefault(code, f"c{code[1:]}")

    body = []
    for placed in layout.frames:
        if (depth := depths.get(placed.frame.id)) is not None:
            fill = FRAME_FILL if depth % 2 == 0 else GROUND
            body += _frame(placed.frame, placed.area, colour(fill), colour(FRAME), colour(INK))
    for edge in drawing.edges:
        body += _arrow(layout.arrows[edge.id], edge.kind, colour(_arrow_colour(edge.kind)))
        if (label := layout.labels.get(edge.id)) is not None:
            body.append(_label(lines_of(edge_label(edge)), label, colour(MUTED)))
    body += [_box(item, layout.boxes[item.id], colour) for item in drawing.items]
    defined = [f"\\definecolor{{{name}}}{{HTML}}{{{code[1:].upper()}}}" for code, name in colours.items()]
    return "\n".join(
        [
            LATEX_HEAD + "\n".join(defined),
            r"\begin{document}",
            f"% {_comment(drawing.of)}",
            r"\begin{tikzpicture}[x=1bp, y=1bp, every node/.style={inner sep=0pt, align=center}, line width=0.9bp]",
            *body,
            r"\end{tikzpicture}",
            r"\end{document}",
            "",
        ]
    )


def _frame(frame: Frame, area: Area, fill: str, line: str, ink: str) -> list[str]:
    font, words = _set(lines_of(frame_label(frame))[:1], area.width, 14)
    return [
        f"\\filldraw[fill={fill}, draw={line}, rounded corners=6bp] {_at(area[:2])} rectangle {_at(area[2:])};",
        f"\\node[anchor=north west, text={ink}, {font}] at {_at((area.left + 8, area.top + 6))} {{{words}}};",
    ]


def _box(item: Item, area: Area, colour: Any) -> str:
    kind = "failed" if item.alarm else item.kind
    shape, style, fill, line, width, around = BOXES[kind]
    options = [f"minimum width={area.width:g}bp", f"minimum height={area.height:g}bp", f"text={colour(INK)}"]
    if shape != "plain":
        options += [
            f"draw={colour(line)}",
            f"fill={colour(fill if item.heat is None else heat_colour(item.heat))}",
            f"line width={width}bp",
        ]
        options += ["rounded corners=5bp"] * ("rounded" in style) + ["dashed"] * ("dashed" in style)
        options += ["double", "double distance=1.5bp"] * (around > 1)
    font, words = _set(lines_of(item_label(item)), area.width - 10, area.height - 6)
    return f"\\node[{', '.join([*options, font])}] at {_at(area.middle)} {{{words}}};"


def _arrow_colour(kind: str) -> str:
    return GRADIENT if kind in ("backward", "beside") else ARROW


def _arrow(way: Way, kind: str, colour: str) -> list[str]:
    style = {"idle": ", dotted", "backward": ", dashed", "beside": ", line width=1.6bp", "repeat": ", line width=1.6bp"}
    curve = [*map(_at, way.points)]
    path = curve[0]
    for one, two, end in zip(curve[1::3], curve[2::3], curve[3::3], strict=True):
        path += f" .. controls {one} and {two} .. {end}"
    if way.start is not None:
        path = f"{_at(way.start)} -- {path}"
    if way.end is not None:
        path += f" -- {_at(way.end)}"
    heads = "-".join("{Stealth[scale=0.8]}" * (tip is not None) for tip in (way.start, way.end))
    return [f"\\draw[{heads}, draw={colour}, rounded corners=0.1bp{style.get(kind, '')}] {path};"]


def _label(words: list[str], area: Area, muted: str) -> str:
    font, text = _set(words, 120, 11 * len(words), bold=False)
    return f"\\node[text={muted}, {font}] at {_at(area.middle)} {{{text}}};"


def _at(point: Sequence[float]) -> str:
    """A place, with y upwards as TikZ counts it."""
    return f"({point[0]:.6g}, {-point[1]:.6g})"


def _set(lines: Sequence[str], wide: float, high: float, bold: bool = True) -> tuple[str, str]:
    """(option of a node, its lines): in a size in which they fit into so many points."""
    longest = max(map(len, lines), default=1)
    size = max(min(10.0, wide / (POINTS_PER_LETTER * longest), high / (POINTS_PER_LINE * max(len(lines), 1))), 3.0)
    set_lines = ["".join(LATEX_SIGNS.get(sign, sign) for sign in line) for line in lines]
    if bold and set_lines:
        set_lines[0] = f"\\textbf{{{set_lines[0]}}}"
    font = f"font=\\picturefont\\fontsize{{{size:.3g}bp}}{{{size * POINTS_PER_LINE:.3g}bp}}\\selectfont"
    return font, r"\\{} ".join(set_lines)


def _comment(text: str) -> str:
    return " ".join(text.split())
