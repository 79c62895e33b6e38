"""`viz.draw`: one picture of a graph, forward, backward, or both facing each other.

Read before: `asked.py`, `model.py`, `reading.py`, `dot.py`. Read next: `steps.py`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tinygrad_ml.compile import Step as CompiledStep
from tinygrad_ml.errors import OptionError

from .arranging import Arrangement
from .asked import Drawable, asked_of, outputs_of
from .dot import RANKDIRS, to_dot
from .failure import failure_in
from .layout import Positions
from .mermaid import to_mermaid
from .model import Drawing
from .notebook import picture_html
from .pages import PlacedPicture, place
from .program import read_step
from .reading import read_graph
from .render import HOW_TO_GET_ONE, LARGEST_PNG, PICTURE_FORMATS, PNG_DPI, NoRenderer, render
from .rounds import open_rounds
from .svg import picture_id, polish, size_of
from .tikz import to_tikz


def draw(
    what: Drawable,
    direction: str = "forward",
    *,
    input_shape: Sequence[int] | None = None,
    inputs: Sequence[Any] | None = None,
    level: str | None = None,
    open: Collection[str] = (),
    depth: int | None = None,
    fold: bool = True,
    overlay: str | None = None,
    values: bool = True,
    legend: bool = True,
    limit: int = 3000,
    stage: str | None = None,
    rankdir: str = "TB",
) -> Picture:
    """Draw the graph that a tensor was computed by, or the kernels of a compiled step.

    what         a tensor, several, or an error that an operation raised (what ran until then is
                 drawn, and the operation that failed). With `input_shape` or `inputs` a module, or any function
                 of tensors, which is called. Or a function compiled by `tg.compile`, that has been called: its kernels in the order in
                 which they run, each with the operations that are fused in it
    input_shape  of the one input, floats, of a module: it is called on a symbol of that shape, and no data is needed
    inputs       what a module is called on instead: symbols of any dtype, or tensors, one for each argument, as in
                 (tg.symbol((8, 16), dtype="int64"), tg.symbol((8, 4))); an argument may be a tuple, a list or a dictionary of them
    direction    "forward"; "backward", the gradients in the order in which the engine computes them;
                 or "both", each gradient beside its tensor
    level        how near one looks: "network", a box for each outermost module or function; "layers", modules that
                 call others open, layers and functions a box each; "functions", all modules open; "operations";
                 "numbers", which shows all numbers of small tensors. By default networks are drawn as layers,
                 and what was computed without modules as operations
    open         names of calls that are opened all the same: ["layer2.0", "cross_entropy"]
    depth        instead of a level: how many levels of modules are opened, with all that is in them; 0 draws a whole
                 network as one box, or each kernel. Of a compiled step by default all, unless more than 40: then kernels
                 are closed, those of one layer together
    fold         draw equal modules in a row, and kernels that update parameters alike, as one, marked "×12"
    overlay      colour the boxes by "flops", "bytes" or "gradient" (its norm), or mark where "nan" begins; of a
                 compiled step the closed kernels, by "flops" or "bytes"
    values       compute the numbers inside the graph again and show them
    limit        refuse to draw more boxes than that
    stage        of a compiled step: draw its program as it was "recorded", or after a pass, as `step.stages` names them;
                 above 40 operations each call of a layer or function is a box, with depth=1 each operation
    rankdir      "TB", from top to bottom, or "LR", from left to right. A long picture breaks into as many columns, or
                 rows, as give the largest letters on a page

    Nothing is changed, and the picture keeps nothing of the graph. Returns a `Picture`. Raises
    `OptionError` for options that do not exist, and for a graph above the limit; `CompileError` for a step that
    has not been called yet.

    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> viz.draw(x * x + x, direction="both").save("x.svg")
    """
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise OptionError(f"depth is a number of levels, 0 or more, or None, and not {depth!r}")
    if rankdir not in RANKDIRS:
        raise OptionError(f"rankdir is 'TB', from top to bottom, or 'LR', from left to right, and not {rankdir!r}")
    if isinstance(what, CompiledStep):
        called_on = input_shape is not None or inputs is not None
        if direction != "forward" or called_on or level is not None or open:
            raise OptionError(
                "a compiled step is drawn as it was recorded, its pass back included: draw it without direction=, "
                "input_shape=, inputs=, level= and open=, and with depth= to open its kernels"
            )
        return Picture(read_step(what, stage, depth, fold, overlay, limit), legend, rankdir)
    if stage is not None:
        raise OptionError(f"stage= is for functions compiled by tg.compile, and not for {type(what).__name__}")
    failure = failure_in(what) if isinstance(what, BaseException) else None
    caller = sys._getframe(1)
    if failure:
        asked = asked_of(failure.inputs, caller)
        failure, direction = failure._replace(inputs=asked.outputs), "forward"
    else:
        asked = outputs_of(what, input_shape, inputs, caller)
    arrangement = Arrangement(
        asked.outputs,
        direction,
        depth,
        fold and level != "numbers",
        limit,
        finished=failure is None,
        level=level,
        opened=open,
        called=asked.called,
    )
    arrangement.notes += asked.notes
    drawing = read_graph(arrangement, direction, values=values, overlay=overlay, failure=failure)
    if direction == "forward":
        open_rounds(arrangement, drawing)
    return Picture(drawing, legend, rankdir)


class Picture:
    """A drawn graph. A notebook shows it; `save` writes it; `source` is its DOT text, in one column.

    drawing  the same as plain data: boxes, arrows, frames
    layout   where they lie; it needs Graphviz
    """

    def __init__(self, drawing: Drawing, legend: bool = True, rankdir: str = "TB"):
        self.drawing = drawing
        self._legend, self._rankdir = legend, rankdir
        self.source = to_dot(drawing, legend, rankdir)

    def save(self, path: str | Path) -> Path:
        """Write the picture, by the ending of `path`, as .svg, .png, .pdf, .dot, .mmd (Mermaid, which GitHub draws in a
        README) or .tex (TikZ, for papers; LuaLaTeX or XeLaTeX set it). Returns the path written.

        A picture that would be too large for a PNG is refused: it would be shrunk until no letter can be read.

        Where no Graphviz is found, the DOT text is written instead (with the ending .dot), and a
        warning says so and how to get one.
        """
        path = Path(path)
        if not path.parent.is_dir():
            raise OptionError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
        form = path.suffix.lower().lstrip(".")
        if form not in (*PICTURE_FORMATS, "dot", "gv", "mmd", "tex"):
            raise OptionError(f"a picture is saved as .svg, .png, .pdf, .dot, .mmd or .tex, not {path.name!r}")
        if form == "mmd":
            path.write_text(to_mermaid(self.drawing), encoding="utf-8")
            return path
        if form in ("dot", "gv"):
            path.write_text(self.source, encoding="utf-8")
            return path
        try:
            if form == "png":
                self._check_size(path)
            rendered = self._render(form)
        except NoRenderer as reason:
            instead = path.with_suffix(".dot")
            instead.write_text(self.source, encoding="utf-8")
            warnings.warn(
                f"no {path.name} could be made ({reason}); the graph was saved as {instead}. {HOW_TO_GET_ONE}",
                stacklevel=2,
            )
            return instead
        path.write_bytes(rendered)
        return path

    def _render(self, form: str) -> bytes:
        if form == "svg":
            return self.svg.encode()
        if form == "tex":
            return to_tikz(self._placed.drawing, self.layout).encode()
        return render(self._placed.source, form)

    def _check_size(self, path: Path) -> None:
        width, height = (round(points / 72 * PNG_DPI) for points in size_of(self._rendered_svg))
        side, area = LARGEST_PNG
        if max(width, height) > side or width * height > area:
            raise OptionError(
                f"{path.name} would be {width:,} by {height:,} pixels, which nothing can show: save it as .svg or .pdf, "
                f"which stay sharp at any size, or draw less of it, as with depth=0, which closes all modules"
            )

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text."""
        return polish(self._rendered_svg, self.drawing)

    @property
    def svg_in_page(self) -> str:
        """The same as a part of a page, which has a style sheet and gives its boxes something to do."""
        return polish(self._rendered_svg, self.drawing, alone=False)

    @property
    def layout(self) -> Positions:
        """Where everything lies, in points. Raises `NoRenderer` where there is no Graphviz."""
        return self._placed.layout

    @cached_property
    def _placed(self) -> PlacedPicture:
        return place(self.drawing, self._legend, self._rankdir)

    @cached_property
    def _rendered_svg(self) -> bytes:
        return render(self._placed.source, "svg")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        try:
            shown = picture_html(self.svg, picture_id(self.drawing))
            return {"text/html": shown, "image/svg+xml": self.svg, "text/plain": repr(self)}
        except NoRenderer as reason:
            return {"text/plain": f"{self!r}\n{reason}. {HOW_TO_GET_ONE}\n{self.source}"}

    def __repr__(self) -> str:
        drawing = self.drawing
        return (
            f"<picture of {drawing.of}, {drawing.direction}: {len(drawing.items)} boxes, {len(drawing.edges)} arrows>"
        )
