"""The confusion matrix: which classes a network takes for which.

Read next: `images.py`, which shows the samples behind the numbers.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib
import numpy
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tinygrad_ml.errors import RangeError, ShapeError
from tinygrad_ml.tensor import TensorLike

from .style import INK, class_numbers, picture, styled, text_on

LETTERS_PER_INCH = 13
"""Of the line below the picture."""
MOST_WRITTEN = 30
"""Of more classes no numbers are written into the cells; the colours stay, and the mistakes that are made most often in words."""


@styled
def confusion(predicted: TensorLike, true: TensorLike, labels: Sequence[str] | None = None) -> Figure:
    """How often each true class (row) was taken for each class (column), with recall and precision at the edges.

    predicted  class numbers of shape (N,), or scores of shape (N, classes), of which the highest counts
    true       the right answers, in either form
    labels     the names of the classes; their numbers by default

    Of more than 30 classes the colours are shown, and in words what is mistaken most often.

    Recall is the share of a row, precision of a column, that is on the diagonal. Colour shows the share of a row, on a
    scale that brings out rare mistakes.

    Raises `ShapeError` where the lengths differ or are 0, `RangeError` for a class without a label.
    """
    predicted, true = class_numbers(predicted, "predicted"), class_numbers(true, "true")
    if len(predicted) != len(true) or not len(true):
        raise ShapeError(
            f"{len(predicted)} predictions and {len(true)} true classes were given; give one of each for every sample"
        )
    count = max(predicted.max(), true.max()) + 1
    if labels is None:
        labels = [str(number) for number in range(count)]
    if count > len(labels):
        raise RangeError(f"class {count - 1} occurs, but only {len(labels)} labels were given")
    count = len(labels)
    table = numpy.zeros((count, count), numpy.int64)
    numpy.add.at(table, (true, predicted), 1)

    many = count > MOST_WRITTEN
    side = 10.0 if many else 0.5 * count
    made = picture(3.0 + 1.1 * side, 2.4 + side)
    axes = made.subplots()
    colours = matplotlib.colormaps["Blues"]
    scale = PowerNorm(0.4, 0, 1)
    shares = table / numpy.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=colours, norm=scale)
    for row, column in numpy.ndindex(table.shape):
        if table[row, column] and not many:
            shade = colours(scale(shares[row, column]))
            axes.text(column, row, str(table[row, column]), ha="center", va="center", color=text_on(shade), fontsize=9)
    for i in range(count if not many else 0):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.2))

    right = numpy.diag(table)
    shown = range(0, count, -(-count // MOST_WRITTEN))  # labels that have room
    axes.set_xticks(shown, [labels[i] for i in shown])
    axes.set_yticks(shown, [labels[i] for i in shown])
    if max(map(len, labels)) > 3 or many:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if many:
        _mistaken(made, table, labels)
    else:
        _edge(axes.secondary_xaxis("top").xaxis, "precision", right, table.sum(axis=0))
        _edge(axes.secondary_yaxis("right").yaxis, "recall", right, table.sum(axis=1))
    axes.tick_params(length=0)
    made.suptitle(f"{right.sum()} of {len(true)} right ({right.sum() / len(true):.2%})", fontweight="bold")
    return made


def _mistaken(made: Figure, table: numpy.ndarray, labels: Sequence[str]) -> None:
    """What is lost where no numbers can be written: below, the classes that are mistaken most often."""
    wrong = table - numpy.diag(numpy.diag(table))
    order = numpy.argsort(-wrong, axis=None, kind="stable")[:5]
    rows, columns = numpy.unravel_index(order, table.shape)
    words = [
        f"{labels[row]} for {labels[column]} ({wrong[row, column]}×)"
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]
    if words:
        letters = int(made.get_figwidth() * LETTERS_PER_INCH)
        made.supxlabel(textwrap.fill(f"most often taken: {', '.join(words)}", letters), fontsize=9)


def _edge(axis, name: str, right: numpy.ndarray, total: numpy.ndarray) -> None:
    """Write the share right/total at the edge of each row or column."""
    words = [f"{r / t:.0%}" if t else "none" for r, t in zip(right, total, strict=True)]
    axis.set_ticks(range(len(words)), words)
    axis.set_tick_params(length=0, labelsize=8)
    axis.set_label_text(name)
