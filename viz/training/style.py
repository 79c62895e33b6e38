"""One style for all training pictures, and a figure that needs no display.

Colours are from the palette of Okabe and Ito, which most colour-blind readers can tell apart; what
matters is also told by a line's dashes, a marker's shape or a word, so that it survives grey print.
Pyplot is never imported: it keeps figures alive in a global list, and looks for a display.

Read next: `curves.py`, the simplest picture.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable

import matplotlib
import numpy
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import ColorType

from tinygrad_ml.errors import DTypeError, ShapeError
from tinygrad_ml.tensor import TensorLike, as_tensor

BLUE, VERMILLION, GREEN, ORANGE, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#000000"
INK, FAINT = "#222222", "#BBBBBB"
HEAT_COLOUR_MAP = "viridis"  # its lightness rises evenly, so that it reads in grey

RC = {
    "figure.facecolor": "white",
    "figure.dpi": 120,
    "font.family": "DejaVu Sans",  # comes with matplotlib, and has ∂, ·, ✗
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
}


class TrainingFigure(Figure):
    """A matplotlib `Figure` that shows itself in a notebook; `savefig("x.png")` writes it, as svg and pdf too."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def picture(width: float, height: float) -> TrainingFigure:
    """An empty picture, in inches, whose parts make room for each other."""
    made = TrainingFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let `draw` work in the style above, whatever settings the user has."""

    @functools.wraps(draw)
    def wrapped(*args, **kwargs):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams |= RC
            return draw(*args, **kwargs)

    return wrapped


def count_along(axis: Axis) -> None:
    """Let an axis that counts epochs or steps have ticks at round whole numbers."""
    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def as_array(data: TensorLike) -> numpy.ndarray:
    """A tensor, an array of any device, or nested lists, as a NumPy array."""
    return as_tensor(data, device="cpu").numpy()


def class_numbers(data: TensorLike, what: str) -> numpy.ndarray:
    """Class numbers, int64 of shape (N,), from such numbers or from scores (or one-hot rows) of shape (N, classes).

    Raises `ShapeError` or `DTypeError`, naming `what`.
    """
    array = as_array(data)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(axis=1)
    if array.ndim != 1:
        raise ShapeError(
            f"{what} has shape {array.shape}; give class numbers of shape (N,), or scores of shape (N, classes)"
        )
    rounded = array.astype(numpy.int64)
    if (rounded != array).any() or (rounded < 0).any():
        raise DTypeError(
            f"{what} holds {array[(rounded != array) | (rounded < 0)][0]}; class numbers are integers from 0"
        )
    return rounded


def text_on(colour: ColorType) -> str:
    """Black or white, whichever can be read on `colour`."""
    red, green, blue = to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
