"""`viz.explain`: a page that is a map of a computation, through which one steps forward and backward. One file, no network.

Every call of a module or a function is laid out once, here, and the page's script puts the open ones into each other; so
any box can be opened in place, with its backward pass. Without JavaScript the page is a still picture with the table of
all steps below it.

Read before: `telling.py`, `rooms.py`, `plans.py`, `carried.py`, `lines.py`, `filling.py`. Read next: `page/data.js`.
"""

from __future__ import annotations

import gc
import html
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from tinygrad_ml.errors import OptionError, TinygradError
from tinygrad_ml.graph import Node

from .arranging import Arrangement
from .asked import Asked, Drawable, asked_of, outputs_of
from .backward import TROUBLE
from .carried import details, flows, heat_map_elements, step_data
from .convolutions import Convolutions
from .draw import Picture
from .failure import Failure, failure_in
from .filling import filled_in
from .known import Known
from .lines import Call, failed_at, lines, program_of
from .model import Drawing
from .notebook import Page
from .pixels import LONGEST_SIDE, Pixels, pixels_of
from .plans import plans_of
from .reading import read_graph
from .render import HOW_TO_GET_ONE, NoRenderer
from .rooms import pictured, rooms_of
from .rounds import rounds_of
from .telling import tell


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
    tokens: Sequence[str] = (),
    title: str | None = None,
    limit: int = 2000,
) -> Page:
    """Write a page that is a map of how a tensor and its gradients are computed, and goes through it step by step.

    what         a tensor, or several; with `input_shape` or `inputs` a module or function, as for `draw`; or an error that
                 an operation raised: the page shows what ran until then, and what failed, with the shapes that it was given
    path         the file to write, .html
    level, open, depth  what is open at first, as for `draw`; by default as much as the window can show. Each box of a
                 module or a function opens in place by a click, with its backward pass, whatever was open at first
    fold         draw equal modules in a row as one, marked "×12"
    check        try each gradient by a finite difference along one direction, as for `steps`
    tokens       the words of the sequence that is read, which then stand beside the rows and columns of attention
    title        of the page
    limit        refuse to draw more boxes than that inside of one call, or outside of all

    A closed box is one step of the story; an open one has its own steps in it. Where the lines of the program are known, as
    of a module or a function that is called here, or of what was computed inside of `viz.lines`, the program stands beside
    the map. The page is one self-contained file: it needs no server and no network.

    Returns its path, which a notebook shows as the page. Raises `OptionError` for a graph above the limit. An error of the
    function that is called here comes through, when the page of it has been written.

    >>> viz.explain(loss, "page.html")
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"a page is saved as .html, not {path.name!r}; a still picture is made by viz.draw")
    if not path.parent.is_dir():
        raise OptionError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    caller, level_of_all = sys._getframe(1), "numbers" if level == "numbers" else "operations"
    failed, error = None, what if isinstance(what, BaseException) else None
    if error is None:
        try:
            with lines():
                asked = outputs_of(what, input_shape, inputs, caller)
        except TinygradError as raised:
            if _comes_from_viz(raised):
                raise
            error = raised
    if error is not None:
        failure = failure_in(error)
        asked = asked_of(failure.inputs, caller)
        failed = Failed(failure._replace(inputs=asked.outputs), failed_at(error.__traceback__))
    with _no_garbage_collected():
        page = _Page(asked, fold, limit, level_of_all, check, tokens, failed)
        page.open_at_first(level, open, depth)
        path.write_text(page.write(title), encoding="utf-8")
    if error is not None and error is not what:
        error.add_note(f"{path} shows what ran until then.")
        raise error
    return Page(path)


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """A large page is made of a million small objects that all live until it is written: looking for garbage among them
    time and again takes a sixth of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _comes_from_viz(error: BaseException) -> bool:
    """Whether an error was raised by a function of this package, and not by one that it called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "viz"


class Failed(NamedTuple):
    """What failed, and the lines of the program at which it did."""

    failure: Failure
    calls: list[Call]


class _Page:
    """A page in the making: one graph, arranged with all calls open, and its rooms."""

    def __init__(
        self,
        asked: Asked,
        fold: bool,
        limit: int,
        level: str,
        check: bool,
        tokens: Sequence[str],
        failed: Failed | None,
    ):
        self.asked, self.depth, self.failed = asked, None, failed
        learns = failed is None and any(node.needs_grad for node in asked.outputs)
        self.direction = "both" if learns else "forward"
        finished, failure = failed is None, failed.failure if failed else None
        self.at = Arrangement(
            asked.outputs, self.direction, None, fold, sys.maxsize, finished, level=level, called=asked.called
        )
        pixels: dict[Node, Pixels] = {}

        self.convolutions, shown = Convolutions(self.at), pictured(self.at)

        def look(node: Node, array: numpy.ndarray) -> None:
            self.convolutions.look(node, array)
            if node in shown and (picture := pixels_of(array, node, tokens)) is not None:
                pixels[node] = picture

        self.known = Known(
            self.at.order,
            self.at.outputs,
            back=self.direction == "both",
            check=check,
            keep=heat_map_elements(len(self.at.order)),
            look=look,
            look_back=self.convolutions.look_back,
        )
        if tokens and not any(picture.words for picture in pixels.values()):
            raise OptionError(
                f"tokens has {len(tokens)} words, but nothing here has a row and a column for each of them, as attention over "
                f"2 to {LONGEST_SIDE} positions has: give one word for each position of the sequence"
            )
        self.rooms, self.routes = rooms_of(self.at, self.direction, self.known, limit, failure, pixels)
        self.rooms += rounds_of(self.at, self.rooms)
        self.notes = list(asked.notes)
        if self.known.walk is not None and self.known.walk.trouble:
            self.notes.append(TROUBLE[self.known.walk.trouble])
        self.open: list[str] | None = None
        self.opened: dict[str, Any] = {}

    def open_at_first(self, level: str | None, opened: Collection[str], depth: int | None) -> None:
        """Choose what is open at first; without a choice it is as much as the window can show."""
        if level is not None or depth is not None or opened:
            calls = self.at.open_calls(level, opened, depth)
            self.open = [room.id for room in self.rooms if room.path in calls]
            self.opened, self.depth = {"level": level, "opened": opened}, depth

    def write(self, title: str | None) -> str:
        """The page as text."""
        failure = self.failed.failure if self.failed else None
        with ThreadPoolExecutor(2) as beside:  # Graphviz is another process: the story is told meanwhile
            planned, drawn = beside.submit(plans_of, self.rooms), beside.submit(self._still)
            steps = tell(self.at, self.routes, self.known, failure)
        try:
            still, plans = drawn.result(), planned.result()
        except NoRenderer as reason:
            warnings.warn(f"the page has no picture, only the steps ({reason}). {HOW_TO_GET_ONE}", stacklevel=3)
            still, plans = f"<p>No picture: {html.escape(str(reason))}. {HOW_TO_GET_ONE}</p>", None
        data = {
            "rooms": plans,
            "open": self.open,
            "steps": [step_data(step) for step in steps],
            **details(self.at, self.rooms),
            "flows": flows(self.at, self.routes, self.known.walk),
            "convolutions": self.convolutions.data(self.rooms),
            "program": program_of(self._nodes_by_box(), self.failed.calls if self.failed else ()),
        }
        if title is None:
            title = f"How {self.at.title} is computed" if failure is None else f"How {failure.name} failed"
        return filled_in(title, self.notes, still, self.rooms if plans else (), steps, data)

    def _nodes_by_box(self) -> dict[str, Node]:
        """The nodes by the ids of their boxes, and of the boxes of their gradients."""
        made = {}
        for node in self.at.order:
            place = self.at.place(node)
            if place is not None and not self.at.is_copy(node):
                made[place] = made[self.at.gradient_of(place)] = node
        return made

    def _still(self) -> str:
        """The still picture as HTML."""
        return f"<noscript>{Picture(self._still_drawing()).svg_in_page}</noscript>"

    def _still_drawing(self) -> Drawing:
        """What is seen without JavaScript: what is open at first, or the layers; of large networks less."""
        arrangement = Arrangement(
            self.at.outputs,
            self.direction,
            self.depth,
            True,
            sys.maxsize,
            self.failed is None,
            called=self.asked.called,
            **self.opened,
        )
        arrangement.notes += self.notes
        failure = self.failed.failure if self.failed else None
        return read_graph(arrangement, self.direction, known=self.known, failure=failure)
