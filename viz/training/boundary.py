"""The decision boundary of a network with two inputs: which answer it gives where.

Read before: `surface.py`, the same of a loss over two parameters. Read next: `histograms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from tinygrad_ml.errors import OptionError, RangeError, ShapeError
from tinygrad_ml.modes import no_grad
from tinygrad_ml.tensor import Tensor, TensorLike, as_tensor, beside

from .style import BLACK, BLUE, GREEN, INK, ORANGE, PURPLE, VERMILLION, as_array, class_numbers, picture, styled

COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, BLACK)
MARKERS = "osD^vP"
MOST_IN_LEGEND = 12
"""More classes are named in their regions."""


@styled
def decision_boundary(
    model: Callable[[Tensor], Tensor],
    x: TensorLike,
    labels: TensorLike,
    classes: Sequence[str] | None = None,
    resolution: int = 250,
    margin: float = 0.15,
) -> Figure:
    """The plane of two inputs, coloured by the network's answer, with the points that it learns from.

    model       takes points (N, 2), and gives one number for each (N, 1) or (N,), of which the sign decides, as that of
                a logit does (a probability between 0 and 1 decides at ½); or scores (N, classes), of which the highest
                decides. Called once, without recording a graph
    x           (N, 2); of a network on another device a tensor that lies there
    labels      class numbers (N,), or one-hot rows
    classes     their names
    resolution  points along each side
    margin      how far the picture goes beyond the points, in parts of their range

    The paler a colour is, the nearer the answer is to another one. Raises `ShapeError` for points that are not of two
    numbers or outputs of another shape, `RangeError` for a class without a name.
    """
    points, truth = as_array(x), class_numbers(labels, "labels")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(truth) or not len(points):
        raise ShapeError(
            f"a decision boundary is drawn over points (N, 2) with N labels, but x has shape {points.shape}, and there "
            f"are {len(truth)} labels"
        )
    if resolution < 2:
        raise OptionError(f"resolution={resolution}; it must be 2 or more")
    low, high = points.min(0), points.max(0)
    room = numpy.where(high > low, high - low, 1) * margin
    sides = [numpy.linspace(a, b, resolution) for a, b in zip(low - room, high + room, strict=True)]
    plane = numpy.stack([side.ravel() for side in numpy.meshgrid(*sides)], axis=1).astype(points.dtype)
    asked = numpy.concatenate([plane, points])
    with no_grad():
        answers = as_array(model(beside(asked, x) if isinstance(x, Tensor) else as_tensor(asked)))
    both, certain = _decide(answers, len(asked))
    (decided, found), sure = numpy.split(both, [len(plane)]), certain[: len(plane)]
    count = int(max(decided.max(), truth.max())) + 1
    names = [str(i) for i in range(count)] if classes is None else list(classes)
    if count > len(names):
        raise RangeError(f"class {count - 1} occurs, but only {len(names)} names of classes were given")

    made = picture(6.2, 5)
    axes = made.subplots()
    colours = numpy.array([to_rgb(COLOURS[i % len(COLOURS)]) for i in range(count)])
    paint = 1 - (1 - colours[decided]) * (0.12 + 0.4 * sure[:, None])
    extent = (sides[0][0], sides[0][-1], sides[1][0], sides[1][-1])
    shape = (resolution, resolution)
    axes.imshow(paint.reshape(*shape, 3), extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    for i in range(count):
        inside = (decided == i).reshape(shape)
        if inside.any() and not inside.all():
            axes.contour(*sides, inside, levels=[0.5], colors=[INK], linewidths=1)
        at = points[truth == i]
        axes.scatter(
            *at.T,
            s=22 if count <= MOST_IN_LEGEND else 9,
            # With another marker where a colour comes again.
            marker=MARKERS[(i + i // len(COLOURS)) % len(MARKERS)],
            c=[colours[i]],
            edgecolors="white",
            linewidths=0.7,
            label=names[i],
        )
    axes.set(xlabel="x₁", ylabel="x₂", xlim=extent[:2], ylim=extent[2:])
    axes.set_title(f"{(found == truth).mean():.1%} of {len(points)} points are on their side")
    if count <= MOST_IN_LEGEND:
        made.legend(loc="outside right upper", title="class")
    else:
        _name_regions(axes, decided.reshape(shape), sides, names)
    return made


def _name_regions(axes: Axes, decided: numpy.ndarray, sides: list[numpy.ndarray], names: list[str]) -> None:
    """Write the name of each class of many into its region, as far from other ones as can be."""
    for i in numpy.unique(decided):
        inside = numpy.pad(decided == i, 1)
        deep = numpy.zeros(decided.shape, int)
        while inside.any():  # a layer of the region away, as long as there is one
            deep += inside[1:-1, 1:-1]
            inside[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        row, column = numpy.unravel_index(deep.argmax(), deep.shape)
        name = axes.text(
            sides[0][column], sides[1][row], names[i], ha="center", va="center", fontsize=9, fontweight="bold"
        )
        name.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _decide(answers: numpy.ndarray, count: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The class of each point, and from 0 to 1 how sure the answer is."""
    if answers.size == count:
        answers = answers.reshape(-1).astype("float64")
        odds = 2 * answers - 1 if answers.min() >= 0 and answers.max() <= 1 else numpy.tanh(answers / 2)
        return (odds > 0).astype(numpy.int64), numpy.abs(odds)
    if answers.ndim != 2 or len(answers) != count:
        raise ShapeError(
            f"of {count} points the model makes an output of shape {answers.shape}; expected ({count},), ({count}, 1) "
            f"or ({count}, classes)"
        )
    ordered = numpy.sort(answers.astype("float64"), axis=1)
    return answers.argmax(1), numpy.tanh((ordered[:, -1] - ordered[:, -2]) / 2)
