"""How the weights of each layer are spread, and how far a step of training moved them.

Updates of about a thousandth of the weights' size are usual; much less, and a layer hardly learns, much more, and it
forgets what it knew.

Read before: `layers.py`, the same for activations and gradients.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.nn import Module
from tinygrad_ml.tensor import TensorLike

from .style import BLUE, FAINT, VERMILLION, as_array, picture, styled

BINS = 61
RIDGE = 0.9
"""How high the highest place of a curve is, beside the distance of two rows."""
NAMED_ROWS = 130
"""Of more parameters the first ones are drawn."""


@styled
def histograms(model: Module, before: Mapping[str, TensorLike] | None = None, limit: int = NAMED_ROWS) -> Figure:
    """A curve for each parameter: how often which weight occurs; and beside it the same of its last update.

    model   the network
    before  its `state_dict()` of before a step (or an epoch): the update is what it has become since. The number beside
            an update is its size, as a part of the weights' own: ‖w - w_before‖ / ‖w_before‖
    limit   parameters at most, from the first one on

    Each curve has its own height, and all of a panel the same axis from side to side, symmetric around 0.

    >>> state = model.state_dict()
    >>> train_a_little(model)
    >>> viz.histograms(model, before=state).savefig("weights.png")

    Raises `OptionError` for a model without parameters, `ShapeError` for a state of another model.
    """
    if not isinstance(model, Module):
        raise DTypeError(f"histograms are those of a module's parameters, and not of {type(model).__name__}")
    if limit < 1:
        raise OptionError(f"limit={limit}; it must be 1 or more")
    now = {name: as_array(parameter).astype("float64") for name, parameter in model.named_parameters()}
    if not now:
        raise OptionError(f"{type(model).__name__} has no parameters: what they are is known after its first call")
    names = list(now)[:limit]
    updates = {} if before is None else {name: now[name] - _earlier(before, name, now[name]) for name in names}
    small = len(names) > 40
    made = picture(7.6 if updates else 4.8, max(2.2, 0.9 + (0.16 if small else 0.28) * len(names)))
    panels = made.subplots(1, 2 if updates else 1, squeeze=False, sharey=True)[0]
    _ridges(panels[0], [now[name] for name in names], BLUE)
    panels[0].set_yticks(range(len(names)), names, fontsize=6.5 if small else 8)
    panels[0].set(title="weights", ylim=(len(names) - 0.5, -1.2))
    panels[0].tick_params(axis="y", length=0)
    if updates:
        _ridges(panels[1], list(updates.values()), VERMILLION)
        panels[1].set_title("updates")
        panels[1].set_title("as part of the weights", loc="right", fontsize=8, fontweight="normal")
        edge = panels[1].secondary_yaxis("right")
        edge.set_yticks(range(len(names)), [_part(updates[name], now[name] - updates[name]) for name in names])
        edge.tick_params(length=0, labelsize=6.5 if small else 8)
    if len(now) > limit:
        made.suptitle(f"{limit} of {len(now)} parameters", fontsize=10)
    return made


def _earlier(before: Mapping[str, TensorLike], name: str, now: numpy.ndarray) -> numpy.ndarray:
    if name not in before:
        raise ShapeError(f"before= has no {name!r}: give model.state_dict() as it was before")
    earlier = as_array(before[name]).astype("float64")
    if earlier.shape != now.shape:
        raise ShapeError(f"{name} had shape {earlier.shape} in before=, and has {now.shape}: it is of another model")
    return earlier


def _part(update: numpy.ndarray, weights: numpy.ndarray) -> str:
    size = float(numpy.linalg.norm(weights))
    return f"{numpy.linalg.norm(update) / size:.1e}" if size else "from 0"


def _ridges(axes: Axes, arrays: list[numpy.ndarray], colour: str) -> None:
    """One curve above the other; what is not finite is left out and counted."""
    finite = [array[numpy.isfinite(array)] for array in arrays]
    reach = max((float(numpy.abs(values).max()) for values in finite if values.size), default=0.0) or 1.0
    edges = numpy.linspace(-reach, reach, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    for row, (values, array) in enumerate(zip(finite, arrays, strict=True)):
        counts = numpy.histogram(values, edges)[0]
        height = RIDGE * counts / max(counts.max(), 1)
        axes.fill_between(middles, row, row - height, step="mid", color=colour, alpha=0.55, linewidth=0)
        axes.axhline(row, color=FAINT, linewidth=0.6)
        if len(values) < array.size:
            axes.text(reach, row, f"{array.size - len(values)} nan or infinite", ha="right", va="bottom", fontsize=7)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
    axes.ticklabel_format(axis="x", scilimits=(-2, 3))
