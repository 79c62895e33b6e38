"""A picture as TikZ, for papers: a file that LuaLaTeX and XeLaTeX set by itself, or that `\\input` takes into a larger one.

Where boxes and arrows lie is what Graphviz found; all text is LaTeX's, in the font of the paper.

Read before: `labels.py`, `render.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .labels import edge_label, frame_label, item_label, lines_of
from .model import Drawing, Frame, Item
from .render import render
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


def to_tikz(drawing: Drawing, source: str) -> str:
    """The drawing as LaTeX, laid out as Graphviz lays out its DOT text.

    Raises `NoRenderer` where there is no Graphviz.
    """
    found = json.loads(render(source, "json"))
    placed = {thing["id"]: thing for thing in found.get("objects", ()) if "id" in thing}
    arrows = {thing["id"]: thing for thing in found.get("edges", ()) if "id" in thing}
    colours: dict[str, str] = {}

    def colour(code: str) -> str:
        return colours.setdefault(code, f"c{code[1:]}")

    body = []
    for depth, frame in _frames(drawing):
        if frame.id in placed:
            body += _frame(
                frame, placed[frame.id], colour(FRAME_FILL if depth % 2 == 0 else GROUND), colour(FRAME), colour(INK)
            )
    for edge in drawing.edges:
        if edge.id in arrows:
            body += _arrow(
                arrows[edge.id], edge.kind, colour(_arrow_colour(edge.kind)), lines_of(edge_label(edge)), colour(MUTED)
            )
    for item in drawing.items:
        if item.id in placed:
            body.append(_box(item, placed[item.id], colour))
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


def _frames(drawing: Drawing) -> list[tuple[int, Frame]]:
    """(depth, frame), outer ones first."""
    found = {frame: depth for item in drawing.items for depth, frame in enumerate(item.path)}
    return [(depth, drawing.frames[frame]) for frame, depth in sorted(found.items(), key=lambda pair: pair[1])]


def _frame(frame: Frame, thing: dict, fill: str, line: str, ink: str) -> list[str]:
    left, bottom, right, top = map(float, thing["bb"].split(","))
    font, words = _set(lines_of(frame_label(frame))[:1], right - left, 14)
    return [
        f"\\filldraw[fill={fill}, draw={line}, rounded corners=6bp] ({left:g}, {bottom:g}) rectangle ({right:g}, {top:g});",
        f"\\node[anchor=north west, text={ink}, {font}] at ({left + 8:g}, {top - 6:g}) {{{words}}};",
    ]


def _box(item: Item, thing: dict, colour: Any) -> str:
    kind = "failed" if item.alarm else item.kind
    shape, style, fill, line, width, around = BOXES[kind]
    inches = float(thing["width"]), float(thing["height"])
    wide, high = (72 * side for side in inches)
    options = [f"minimum width={wide:g}bp", f"minimum height={high:g}bp", f"text={colour(INK)}"]
    if shape != "plain":
        options += [
            f"draw={colour(line)}",
            f"fill={colour(fill if item.heat is None else heat_colour(item.heat))}",
            f"line width={width}bp",
        ]
        options += ["rounded corners=5bp"] * ("rounded" in style) + ["dashed"] * ("dashed" in style)
        options += ["double", "double distance=1.5bp"] * (around > 1)
    font, words = _set(lines_of(item_label(item)), wide - 10, high - 6)
    return f"\\node[{', '.join([*options, font])}] at ({thing['pos']}) {{{words}}};"


def _arrow_colour(kind: str) -> str:
    return GRADIENT if kind in ("backward", "beside") else ARROW


def _arrow(thing: dict, kind: str, colour: str, words: list[str], muted: str) -> list[str]:
    style = {"idle": ", dotted", "backward": ", dashed", "beside": ", line width=1.6bp", "repeat": ", line width=1.6bp"}
    parts = []
    for spline in thing["pos"].split(";"):
        points = spline.split()
        tip = {point[0]: point[2:] for point in points if point[:2] in ("e,", "s,")}
        curve = [point for point in points if point[:2] not in ("e,", "s,")]
        path = f"({curve[0]})"
        for one, two, end in zip(curve[1::3], curve[2::3], curve[3::3], strict=True):
            path += f" .. controls ({one}) and ({two}) .. ({end})"
        if "s" in tip:
            path = f"({tip['s']}) -- {path}"
        if "e" in tip:
            path += f" -- ({tip['e']})"
        heads = f"{'{Stealth[scale=0.8]}' if 's' in tip else ''}-{'{Stealth[scale=0.8]}' if 'e' in tip else ''}"
        parts.append(f"\\draw[{heads}, draw={colour}, rounded corners=0.1bp{style.get(kind, '')}] {path};")
    if words and "lp" in thing:
        font, text = _set(words, 120, 11 * len(words), bold=False)
        label = f"\\node[text={muted}, {font}] at ({thing['lp']}) {{{text}}};"
        parts.append(label)
    return parts


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
