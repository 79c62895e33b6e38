"""The page as HTML: the template filled in with a style sheet, a script, the data that the script reads, and the table.

Read before: `carried.py`. Read next: `page/data.js`, the first file of the script; `explain.py`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from itertools import pairwise
from string import Template
from typing import Any

from .check import HOW
from .figures import byte_text
from .model import KINDS
from .notebook import digest
from .rooms import Room
from .steps import COLUMNS, row
from .style import BOXES, style_sheet
from .telling import Step

SCRIPTS = (
    "data",
    "layout",
    "boxes",
    "camera",
    "map",
    "heat",
    "story",
    "detail",
    "search",
    "overview",
    "keys",
    "convolution",
    "program",
    "widths",
    "predict",
    "main",
)
"""The files of the page's script, each of which may use what stands in those before it."""
_CURVE = (400, 80)
_HINT = "Press “next”, or the right arrow key, to go through it step by step."


def filled_in(
    title: str, notes: Sequence[str], still: str, rooms: Sequence[Room], steps: Sequence[Step], data: dict[str, Any]
) -> str:
    """The page as text.

    notes  what has to be said of all of it
    still  the picture that is seen without JavaScript, as HTML
    rooms  what the legend is of
    data   what the script reads, besides what stands on the page, too
    """
    style = _file("page.css") + style_sheet("picture")
    script = "\n".join(_file(f"{name}.js") for name in SCRIPTS)
    peak = byte_text(max((step.held for step in steps), default=0))
    carried = {"hint": _HINT, "peak": peak, "width": _CURVE[0], **data}
    return Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=_summary(steps),
        notes="".join(f'<p class="note">{html.escape(note)}</p>' for note in notes),
        style=style,
        style_hash=digest(style),
        script=script,
        script_hash=digest(script),
        still=still,
        legend=_legend(rooms),
        steps=len(steps),
        hint=_HINT,
        peak=peak,
        curve=_memory_curve(steps),
        how=f'<p class="hint">{HOW}</p>' if any(step.check for step in steps) else "",
        head="".join(f'<th scope="col">{column}</th>' for column in COLUMNS),
        rows="\n".join(map(_table_row, steps)),
        data=_json(carried),
    )


def _summary(steps: Sequence[Step]) -> str:
    if steps and steps[-1].kind == "failed":
        return f"{len(steps) - 1} steps, and the one that failed."
    backward = sum(step.phase == "backward" for step in steps)
    return f"{len(steps) - backward} steps forward, {backward} backward, in the order in which the engine takes them."


def _legend(rooms: Sequence[Room]) -> str:
    """What the looks of boxes and arrows mean, of those that occur."""
    present = {item.kind for room in rooms for item in room.drawing.items}
    signs = []
    for kind in filter(present.__contains__, KINDS):
        _, _, fill, line, width, _ = BOXES[kind]
        box = f'<rect x="2" y="2" width="16" height="10" rx="2" fill="{fill}" stroke="{line}" stroke-width="{width}"/>'
        signs.append(f'<li><svg width="20" height="14" aria-hidden="true">{box}</svg>{html.escape(KINDS[kind])}</li>')
    if any(edge.kind == "idle" for room in rooms for edge in room.drawing.edges):
        signs.append("<li>dotted: no gradient comes back</li>")
    return "".join(signs)


def _file(name: str) -> str:
    return resources.files("viz").joinpath("page", name).read_text(encoding="utf-8")


def _json(data: dict[str, Any]) -> str:
    """JSON that can stand inside of a <script>: no `<`, and no separator that ends a line of JavaScript."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _table_row(step: Step) -> str:
    cells = [html.escape(cell) for cell in row(step)]
    marks = ["", "", "", "", *([' class="result"'] * (len(cells) - 4))]
    return f'<tr class="{step.phase}">{"".join(f"<td{mark}>{cell}</td>" for mark, cell in zip(marks, cells, strict=True))}</tr>'


def _memory_curve(steps: Sequence[Step]) -> str:
    """The bytes held after each step, as a curve with the place where backward begins marked."""
    width, height = _CURVE
    peak = max((step.held for step in steps), default=0)
    if not peak:
        return "<p>Nothing but parameters and inputs.</p>"
    across = [index / max(len(steps) - 1, 1) * width for index in range(len(steps))]
    heights = [height - step.held / peak * (height - 8) for step in steps]
    stairs = zip(pairwise([*across, width]), heights, strict=True)
    points = " ".join(f"{x:.1f},{y:.1f} {to:.1f},{y:.1f}" for (x, to), y in stairs)
    turn = next((x for x, step in zip(across, steps, strict=True) if step.phase == "backward"), width)
    return (
        f'<svg viewBox="-2 0 {width + 4} {height + 16}" role="img" aria-label="Memory held after each step, at most {byte_text(peak)}">'
        f'<polygon class="area" points="0,{height} {points} {width},{height}"/>'
        f'<line class="turn" x1="{turn:.1f}" x2="{turn:.1f}" y1="0" y2="{height}"/>'
        f'<line class="marker" id="marker" x1="0" x2="0" y1="0" y2="{height}" visibility="hidden"/>'
        f'<text x="0" y="{height + 13}">forward</text><text x="{turn:.1f}" y="{height + 13}">backward</text></svg>'
    )
