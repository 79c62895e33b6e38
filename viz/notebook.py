"""What notebooks show: pictures, tables and pages in HTML, in the notebook's own light or dark.

A notebook may be light on a dark system; `style.py` knows the marks by which it says so. What is shown brings its style sheet,
for an element with an id of its own.

Read before: `style.py`. Read next: `draw.py`, `steps.py` and `explain.py`, whose results show themselves so.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import PosixPath, WindowsPath

from .style import GRADIENT, LIGHT_TO_DARK, MUTED, VALUE, by_scheme

PAGE_HEIGHT, DARK_PAGE_HEIGHT = 760, 780
"""Pixels of a page that is shown in a light notebook, and in a dark one: by that it knows where it is, without a script."""
_BETWEEN = (PAGE_HEIGHT + DARK_PAGE_HEIGHT) // 2
_shown = itertools.count()


def own_id() -> str:
    """An id that nothing else on a page of outputs has, also when one result is shown twice."""
    return f"viz-shown-{next(_shown)}"


def picture_html(svg: str, prefix: str) -> str:
    """A picture as a part of a notebook, with ids of its own in the place of those that begin with `prefix`."""
    return f'<div style="overflow-x:auto">{svg.replace(prefix, own_id())}</div>'


def table_html(head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """A table of text; the cells below "value" and "gradient" have the colours that these have in pictures."""
    root = own_id()
    colours = {"muted": MUTED, "value": VALUE, "gradient": GRADIENT}
    light = "".join(f"--{name}:{colour};" for name, colour in colours.items())
    dark = "".join(f"--{name}:{LIGHT_TO_DARK[colour]};" for name, colour in colours.items())
    style = by_scheme(root, light, dark) + "".join(f"#{root}{part}{{{look}}}" for part, look in _TABLE.items())
    above = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{_cells(head, row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div id="{root}"><style>{style}</style>{above}{table}</div>'


_TABLE = {
    "": "overflow-x:auto",
    " th": "text-align:left;color:var(--muted)",
    " td": "text-align:left;vertical-align:top",
    " .value": "color:var(--value)",
    " .gradient": "color:var(--gradient)",
}


def _cells(head: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f'<td class="{name}">{html.escape(cell)}</td>' for name, cell in zip(head, row, strict=True))


class Page(PosixPath if os.name == "posix" else WindowsPath):
    """The path of a page that was written. A notebook shows the page."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        if not self.is_file():  # it was moved; or this is its folder, which is a Page too
            return None
        root, text = own_id(), _in_frame(self.read_text(encoding="utf-8"))
        heights = [f"height:{height}px;" for height in (PAGE_HEIGHT, DARK_PAGE_HEIGHT)]
        return (
            f"<style>{by_scheme(root, *heights)}</style>"
            f'<iframe id="{root}" title="{html.escape(self.name)}" sandbox="allow-scripts" '
            f'style="width:100%;border:0" srcdoc="{html.escape(text)}"></iframe>'
        )


def _in_frame(page: str) -> str:
    """A page that is dark where its frame is as high as that of a dark notebook, and not where the system is dark.

    Browsers do not tell a page in a frame which scheme there is around it.
    """
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    dark = f"@media (min-height:{_BETWEEN}px)"
    own = re.sub(r"@media\s*\(prefers-color-scheme:\s*dark\)", dark, style)
    own = own.replace("color-scheme: light dark;", "color-scheme: light;")
    own += f"{dark}{{:root{{color-scheme:dark}}}}"
    return page.replace(style, own, 1).replace(digest(style), digest(own))


def digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
