"""`viz.explain`: a page on which one steps through the forward and the backward pass. One file, no network.

The picture is laid out once, here, and the steps are embedded as data; `page/page.js` only shows and
hides. Without JavaScript the page is the still picture with the table of all steps below it.

Read before: `telling.py`, `steps.py`, `svg.py`. Read next: `page/page.js`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import sys
import warnings
from collections.abc import Collection, Sequence
from importlib import resources
from itertools import pairwise
from math import prod
from pathlib import Path
from string import Template
from typing import Any

from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node

from . import words
from .arranging import Arrangement
from .asked import Drawable, outputs_of
from .check import HOW
from .draw import Picture
from .facts import device_of
from .figures import ArraySummary, amount, byte_text, number, shape_text
from .model import Drawing
from .reading import read_graph
from .render import HOW_TO_GET_ONE, NoRenderer
from .source import source_of
from .steps import COLUMNS, row
from .style import style_sheet
from .subject import is_note
from .svg import picture_id
from .telling import Step, tell

HEAT_MAP_ELEMENTS = 1024
"""Tensors of up to this many elements are shown as heat maps."""
_CURVE = (400, 80)


def explain(
    what: Drawable,
    path: str | Path,
    *,
    input_shape: Sequence[int] | None = None,
    inputs: Sequence[Any] | None = None,
    level: str | None = None,
    open: Collection[str] = (),
    depth: int | None = None,
    fold: bool = True,
    check: bool = True,
    title: str | None = None,
    limit: int = 1000,
) -> Path:
    """Write a page that explains, step by step, how a tensor and its gradients are computed.

    what         a tensor, or several; with `input_shape` or `inputs` a module or function, as for `draw`
    path         the file to write, .html
    level, open, depth, fold  how much is opened, as for `draw`; by default all, if that can be read
    check        try each gradient by a finite difference along one direction, as for `steps`
    title        of the page
    limit        refuse pictures of more boxes than that

    The page is one self-contained file: it needs no server and no network. Returns its path.
    Raises `OptionError` for a graph above the limit.

    >>> viz.explain(loss, "page.html")
    """
    asked = outputs_of(what, input_shape, inputs, sys._getframe(1))
    direction = "both" if any(node.needs_grad for node in asked.outputs) else "forward"
    arrangement = Arrangement(
        asked.outputs,
        direction,
        depth,
        fold,
        limit,
        level=level,
        opened=open,
        usual="operations",
        called=asked.called,
    )
    arrangement.notes += asked.notes
    drawing = read_graph(arrangement, direction)
    steps = tell(arrangement, drawing.routes, check=check, keep=HEAT_MAP_ELEMENTS)
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"a page is saved as .html, not {path.name!r}; a still picture is made by viz.draw")
    if not path.parent.is_dir():
        raise OptionError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    path.write_text(
        _page(arrangement, drawing, steps, title or f"How {arrangement.title} is computed"), encoding="utf-8"
    )
    return path


def _page(arrangement: Arrangement, drawing: Drawing, steps: list[Step], title: str) -> str:
    try:
        picture = Picture(drawing).svg_in_page
    except NoRenderer as reason:
        warnings.warn(f"the page has no picture, only the steps ({reason}). {HOW_TO_GET_ONE}", stacklevel=3)
        picture = f"<p>No picture: {html.escape(str(reason))}. {HOW_TO_GET_ONE}</p>"
    own = picture_id(drawing)
    style = _file("page.css") + style_sheet(own)
    script = _file("page.js")
    backward = sum(step.phase == "backward" for step in steps)
    hint = "Press “next”, or the right arrow key, to go through it step by step."
    peak = byte_text(max((step.held for step in steps), default=0))
    data = {
        "picture": own,
        "hint": hint,
        "peak": peak,
        "width": _CURVE[0],
        "steps": [_step_data(step) for step in steps],
        **_details(arrangement),
    }
    return Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=f"{len(steps) - backward} steps forward, {backward} backward, in the order in which the engine takes them.",
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        svg=picture,
        steps=len(steps),
        hint=hint,
        peak=peak,
        curve=_memory_curve(steps),
        how=f'<p class="hint">{HOW}</p>' if any(step.check for step in steps) else "",
        head="".join(f'<th scope="col">{column}</th>' for column in COLUMNS),
        rows="\n".join(map(_table_row, steps)),
        data=_json(data),
    )


def _file(name: str) -> str:
    return resources.files("viz").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(data) -> str:
    """JSON that can stand inside of a <script>: no `<`, and no separator that ends a line of JavaScript."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _table_row(step: Step) -> str:
    cells = [html.escape(cell) for cell in row(step)]
    marks = ["", "", "", "", *([' class="result"'] * (len(cells) - 4))]
    return f'<tr class="{step.phase}">{"".join(f"<td{mark}>{cell}</td>" for mark, cell in zip(marks, cells, strict=True))}</tr>'


# -- data for the script -------------------------------------------------------------------------------


def _step_data(step: Step) -> dict:
    shown = (
        "phase",
        "operation",
        "rule",
        "shapes",
        "numbers",
        "value",
        "name",
        "module",
        "check",
        "box",
        "arrows",
        "complete",
    )
    return {
        **{name: getattr(step, name) for name in shown},
        "held": byte_text(step.held),
        "heat": _heat(step.result),
        "local": _heat(step.local),
    }


def _heat(summary: ArraySummary | None) -> dict | None:
    """A small tensor as rows and columns: the last axis goes to the right, all others down; a vector is wrapped."""
    if summary is None or summary.values is None or summary.size < 2:
        return None
    values = _flat(summary.values)
    columns = summary.shape[-1]
    if columns in (1, summary.size):
        columns = min(summary.size, 8 if summary.size <= 64 else 32)
    return {
        "rows": -(-summary.size // columns),
        "columns": columns,
        # JSON has no nan: what is no number comes as text.
        "values": [float(f"{value:.4g}") if math.isfinite(value) else number(value) for value in values],
    }


def _flat(values) -> list:
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in _flat(part)]


def _details(arrangement: Arrangement) -> dict:
    """What a click on a box shows, and the source of each operation once."""
    nodes, sources = {}, {}
    for node in arrangement.order:
        place = arrangement.place(node)
        if place is None or is_note(node) or arrangement.is_copy(node) or arrangement.is_closed(place):
            continue
        name, source = (node.op.name, source_of(node.op)) if node.op else ("", "")
        if source:
            sources[name] = source
        facts = {
            "name": arrangement.names[node],
            "facts": _facts(arrangement, node),
            "source": name if source else "",
        }
        nodes[place] = facts
        if node.needs_grad:
            gradient = words.gradient_name(arrangement.names[node], arrangement.loss)
            nodes[arrangement.gradient_of(place)] = {**facts, "name": gradient}
    return {"nodes": nodes, "sources": sources}


def _facts(arrangement: Arrangement, node: Node) -> list[tuple[str, str]]:
    """Terms and what they are, for the list beside a chosen box."""
    facts = [("tensor", f"{shape_text(node.shape)}, {node.dtype}"), ("device", device_of(node) or "cpu")]
    if node.op is None:
        return [*facts, ("elements", amount(prod(node.shape)))]
    facts += [
        ("operation", node.op.name),
        ("formula", f"y = {words.formula(node)}"),
        ("here", words.equation(node, arrangement.names)),
    ]
    for position, parent in enumerate(node.inputs):
        if parent.needs_grad and node.op.gradient:
            facts.append((f"∂y/∂{node.op.input_name(position)}", words.local(node, position) or "see below"))
    saved = ", ".join(dict.fromkeys(arrangement.names[source] for source in node.saved_from))
    facts.append(("saved for backward", saved or "nothing"))
    facts.append(("work", f"{amount(node.flops)} FLOP"))
    return facts


def _memory_curve(steps: list[Step]) -> str:
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
