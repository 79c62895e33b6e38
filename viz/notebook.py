"""What notebooks show: pictures, tables and pages in HTML, in the notebook's own light or dark.

A notebook may be light on a dark system, and says so by a mark on an element around all of its outputs. Without a mark, as on
a page that nbconvert has written, the system decides.

Read next: `draw.py`, `steps.py` and `explain.py`, whose results show themselves so.
"""

from __future__ import annotations

import html
import itertools
import os
from pathlib import PosixPath, WindowsPath

LIGHT_MARKS = '[data-jp-theme-light="true"],.vscode-light,[theme="light"],[data-theme="light"]'
DARK_MARKS = '[data-jp-theme-light="false"],.vscode-dark,.vscode-high-contrast,[theme="dark"],[data-theme="dark"]'
"""What stands around outputs that are light or dark: in JupyterLab, VS Code, Colab, and pages of other makers."""

PAGE_HEIGHT = 760
"""Pixels of a page that is shown in a notebook."""

_shown = itertools.count()


def own_id() -> str:
    """An id that nothing else on a page of outputs has, also when one result is shown twice."""
    return f"viz-shown-{next(_shown)}"


def by_scheme(root: str, light: str, dark: str) -> str:
    """A style sheet with declarations for the element with the id `root`: `light`, or `dark` where its surroundings are."""
    return (
        f"#{root}{{{light}}}@media (prefers-color-scheme:dark){{#{root}{{{dark}}}}}"
        f":is({DARK_MARKS}) #{root}{{{dark}}}:is({LIGHT_MARKS}) #{root}{{{light}}}"
    )


class Page(
    PosixPath if os.name == "posix" else WindowsPath
):  # what Path() makes; Path itself has no subclasses before 3.12
    """The path of a page that was written. A notebook shows the page."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        if not self.is_file():  # it was moved; or this is its folder, which is a Page too
            return None
        root, text = own_id(), self.read_text(encoding="utf-8")
        return (
            f"<style>{by_scheme(root, 'color-scheme:light', 'color-scheme:dark')}</style>"
            f'<iframe id="{root}" title="{html.escape(self.name)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{PAGE_HEIGHT}px;border:0" srcdoc="{html.escape(text)}"></iframe>'
        )
