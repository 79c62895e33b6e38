"""Learning curves: one panel for each metric, what was trained on beside what was held back.

Read next: `surface.py`, which draws the ground that these curves come down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinygrad_ml.errors import DTypeError, OptionError, ShapeError

from .style import BLUE, VERMILLION, as_array, count_along, picture, styled

MOST_IN_A_ROW = 3
HELD_BACK = "val_"  # Keras's prefix of what was measured on the validation set


@styled
def curves(history: Mapping[str, Sequence[float]], title: str | None = None) -> Figure:
    """Loss, accuracy and any other metric over the epochs, training and validation in one panel each.

    history  name -> one number for each epoch; `val_loss` is drawn beside `loss`. Panels come in the order of the
             names. An object with such a `.history`, as Keras's `fit` returns, will do.
    title    above all panels

    The epoch with the lowest validation loss is marked: from there on, the network learns its training data by heart.
    Epochs that gave nan or an infinity are marked with crosses at the edge: a run that diverged looks like one.

    Raises `DTypeError` for what is no history, `OptionError` for an empty one, `ShapeError` for a metric that is not a
    list of numbers.
    """
    history = getattr(history, "history", history)
    if not isinstance(history, Mapping) or not all(isinstance(name, str) for name in history):
        raise DTypeError(
            f"a history is a dictionary from names to numbers, as in {{'loss': [0.9, 0.5]}}, or what fit() returns, "
            f"and not {type(history).__name__}{' with other keys' * isinstance(history, Mapping)}"
        )
    series = {name: as_array(values) for name, values in history.items()}
    series = {name: values for name, values in series.items() if values.size}
    if not series:
        raise OptionError("the history is empty; train for an epoch first, then draw its curves")
    for name, values in series.items():
        if values.ndim != 1:
            raise ShapeError(f"{name!r} in the history has shape {values.shape}; give a number for each epoch")
    metrics = list(dict.fromkeys(name.removeprefix(HELD_BACK) for name in series))
    rows = -(-len(metrics) // MOST_IN_A_ROW)
    columns = -(-len(metrics) // rows)
    made = picture(4.4 * columns, 3.4 * rows)
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    for axes, metric in zip(panels, metrics, strict=False):
        _panel(axes, metric, series.get(metric), series.get(HELD_BACK + metric))
    for empty in panels[len(metrics) :]:
        empty.remove()
    if title:
        made.suptitle(title)
    return made


def _panel(axes: Axes, metric: str, trained: numpy.ndarray | None, held_back: numpy.ndarray | None) -> None:
    looks: tuple[tuple[numpy.ndarray | None, str, dict[str, Any]], ...] = (
        (trained, "training", {"color": BLUE, "linestyle": "-", "marker": "o"}),
        (held_back, "validation", {"color": VERMILLION, "linestyle": "--", "marker": "s"}),
    )
    for values, label, look in looks:
        if values is not None:
            # Markers tell the lines apart in grey; on a long training they would melt into a band.
            axes.plot(
                numpy.arange(1, len(values) + 1), values, label=label, markevery=max(1, len(values) // 15), **look
            )
    lost = [
        (values, label, look)
        for values, label, look in looks
        if values is not None and not numpy.isfinite(values).all()
    ]
    for place, (values, label, look) in enumerate(lost):
        _mark_lost(axes, values, label, look["color"], place)
    if metric == "loss" and held_back is not None and numpy.isfinite(held_back).any():
        _mark_lowest(axes, held_back)
    axes.set_title(metric.replace("_", " "))
    axes.set_xlabel("epoch")
    count_along(axes.xaxis)
    axes.grid(True, axis="y")
    axes.margins(y=0.12)
    # Below the panel, so that it hides no curve.
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.22), ncols=1 if lost else 3, fontsize=8, borderaxespad=0)


def _mark_lost(axes: Axes, values: numpy.ndarray, label: str, colour: str, place: int) -> None:
    """Crosses at the upper edge for the epochs that gave no number."""
    lost = numpy.flatnonzero(~numpy.isfinite(values)) + 1
    kinds = " and ".join(
        name for name, found in (("nan", numpy.isnan(values)), ("infinite", numpy.isinf(values))) if found.any()
    )
    which = f"epoch {lost[0]}" if len(lost) == 1 else f"{len(lost)} epochs, from {lost[0]}"
    heights = numpy.full(len(lost), 0.97 - 0.07 * place)  # in shares of the panel's height
    axes.plot(
        lost,
        heights,
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="x",
        markersize=6,
        color=colour,
        label=f"{label}: {kinds} in {which}",
        clip_on=False,
    )


def _mark_lowest(axes: Axes, values: numpy.ndarray) -> None:
    best = int(numpy.argmin(numpy.where(numpy.isfinite(values), values, numpy.inf)))
    axes.axvline(best + 1, color=VERMILLION, linewidth=1, linestyle=":", zorder=0)
    axes.plot(
        best + 1,
        values[best],
        marker="o",
        markersize=10,
        markerfacecolor="none",
        markeredgecolor=VERMILLION,
        linestyle="none",
        label=f"lowest: {values[best]:.4g}, epoch {best + 1}",
    )
