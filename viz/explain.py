"""`viz.explain`: a page that is a map of a computation, through which one steps forward and backward. One file, no network.

Every call of a module or a function is laid out once, here, and the page's script puts the open ones into each other; so
any box can be opened in place, with its backward pass. Without JavaScript the page is a still picture with the table of
all steps below it.

Read before: `telling.py`, `rooms.py`, `plans.py`, `carried.py`. Read next: `page/main.js`.
"""

from __future__ import annotations

import html
import json
import sys
import warnings
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

from tinygrad_ml.errors import OptionError

from .arranging import Arrangement
from .asked import Asked, Drawable, outputs_of
from .backward import TROUBLE
from .carried import HEAT_MAP_ELEMENTS, details, step_data
from .check import HOW
from .draw import Picture
from .figures import WHOLE_ELEMENTS, byte_text
from .known import Known
from .model import KINDS, Drawing
from .notebook import Page, digest
from .plans import plans_of
from .reading import KEPT_NUMBERS, read_graph
from .render import HOW_TO_GET_ONE, NoRenderer
from .rooms import Room, rooms_of
from .steps import COLUMNS, row
from .style import BOXES, style_sheet
from .telling import Step, tell

SCRIPTS = ("data", "layout", "boxes", "camera", "map", "heat", "story", "detail", "search", "overview", "keys", "main")
"""The files of the page's script, each of which may use what stands in those before it."""

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
    limit: int = 2000,
) -> Page:
    """Write a page that is a map of how a tensor and its gradients are computed, and goes through it step by step.

    what         a tensor, or several; with `input_shape` or `inputs` a module or function, as for `draw`
    path         the file to write, .html
    level, open, depth  what is open at first, as for `draw`; by default as much as the window can show. Each box of a
                 module or a function opens in place by a click, with its backward pass, whatever was open at first
    fold         draw equal modules in a row as one, marked "×12"
    check        try each gradient by a finite difference along one direction, as for `steps`
    title        of the page
    limit        refuse to draw more boxes than that inside of one call, or outside of all

    A closed box is one step of the story; an open one has its own steps in it. The page is one self-contained file: it
    needs no server and no network. Returns its path, which a notebook shows as the page. Raises `OptionError` for a graph
    above the limit.

    >>> viz.explain(loss, "page.html")
    """
    asked = outputs_of(what, input_shape, inputs, sys._getframe(1))
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"a page is saved as .html, not {path.name!r}; a still picture is made by viz.draw")
    if not path.parent.is_dir():
        raise OptionError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    page = _Page(asked, fold, limit, "numbers" if level == "numbers" else "operations")
    page.open_at_first(level, open, depth)
    text = page.write(title, check)
    path.write_text(text, encoding="utf-8")
    return Page(path)


class _Page:
    """A page in the making: one graph, arranged with all calls open, and its rooms."""

    def __init__(self, asked: Asked, fold: bool, limit: int, level: str):
        self.asked, self.depth = asked, None
        self.direction = "both" if any(node.needs_grad for node in asked.outputs) else "forward"
        self.at = Arrangement(asked.outputs, self.direction, None, fold, sys.maxsize, level=level, called=asked.called)
        keep = KEPT_NUMBERS if level == "numbers" else WHOLE_ELEMENTS
        self.known = Known(self.at.order, self.at.outputs, back=self.direction == "both", keep=keep)
        self.rooms, self.routes = rooms_of(self.at, self.direction, self.known, limit)
        self.notes = list(asked.notes)
        if self.known.walk is not None and self.known.walk.trouble:
            self.notes.append(TROUBLE[self.known.walk.trouble])
        self.open: list[str] | None = None
        self.still: dict[str, Any] = {}

    def open_at_first(self, level: str | None, opened: Collection[str], depth: int | None) -> None:
        """Choose what is open at first; without a choice it is as much as the window can show."""
        if level is not None or depth is not None or opened:
            calls = self.at.open_calls(level, opened, depth)
            self.open = [room.id for room in self.rooms if room.path in calls]
            self.still, self.depth = {"level": level, "opened": opened}, depth

    def write(self, title: str | None, check: bool) -> str:
        """The page as text."""
        with ThreadPoolExecutor(1) as beside:  # Graphviz is another process: the story is told meanwhile
            drawn = beside.submit(self._draw)
            steps = tell(self.at, self.routes, check=check, keep=HEAT_MAP_ELEMENTS)
        picture, plans = drawn.result()
        return _filled_in(self, steps, title or f"How {self.at.title} is computed", picture, plans)

    def _draw(self) -> tuple[str, list[dict[str, Any]] | None]:
        """The still picture as HTML, and the plans of the rooms; or why there are none."""
        try:
            return Picture(self._still_drawing()).svg_in_page, plans_of(self.rooms)
        except NoRenderer as reason:
            warnings.warn(f"the page has no picture, only the steps ({reason}). {HOW_TO_GET_ONE}", stacklevel=5)
            return f"<p>No picture: {html.escape(str(reason))}. {HOW_TO_GET_ONE}</p>", None

    def _still_drawing(self) -> Drawing:
        """What is seen without JavaScript: what is open at first, or the layers; of large networks less."""
        arrangement = Arrangement(
            self.at.outputs, self.direction, self.depth, True, sys.maxsize, called=self.asked.called, **self.still
        )
        arrangement.notes += self.notes
        return read_graph(arrangement, self.direction, known=self.known)


def _filled_in(page: _Page, steps: list[Step], title: str, picture: str, plans: list[dict[str, Any]] | None) -> str:
    style = _file("page.css") + style_sheet("picture")
    script = "\n".join(_file(f"{name}.js") for name in SCRIPTS)
    backward = sum(step.phase == "backward" for step in steps)
    hint = "Press “next”, or the right arrow key, to go through it step by step."
    peak = byte_text(max((step.held for step in steps), default=0))
    data = {
        "hint": hint,
        "peak": peak,
        "width": _CURVE[0],
        "rooms": plans,
        "open": page.open,
        "steps": [step_data(step) for step in steps],
        **details(page.at, page.rooms),
    }
    return Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=f"{len(steps) - backward} steps forward, {backward} backward, in the order in which the engine takes them.",
        notes="".join(f'<p class="note">{html.escape(note)}</p>' for note in page.notes),
        style=style,
        style_hash=digest(style),
        script=script,
        script_hash=digest(script),
        still=f"<noscript>{picture}</noscript>" if plans else picture,
        legend=_legend(page.rooms) if plans else "",
        steps=len(steps),
        hint=hint,
        peak=peak,
        curve=_memory_curve(steps),
        how=f'<p class="hint">{HOW}</p>' if any(step.check for step in steps) else "",
        head="".join(f'<th scope="col">{column}</th>' for column in COLUMNS),
        rows="\n".join(map(_table_row, steps)),
        data=_json(data),
    )


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
