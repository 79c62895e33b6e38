"""Attention as a matrix over tokens: which position looks at which, a panel for each head.

Read before: `filters.py`; `tinygrad_ml/nn/functional/attention.py`. Read next: `boundary.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy
from matplotlib.figure import Figure

from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.modes import Place, modes, no_grad, path, watching
from tinygrad_ml.nn import Module
from tinygrad_ml.tensor import Tensor, TensorLike

from .style import HEAT_COLOUR_MAP, as_array, picture, styled

SMALL_WEIGHT = 0.5
"""Where all weights are smaller, the largest is as bright as can be."""
NAMED_TOKENS = 40
"""With more of them, names along the edges would lie on each other."""


@styled
def attention(
    weights: Module | TensorLike,
    inputs: Any = None,
    tokens: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    limit: int = 16,
) -> Figure:
    """How much each position (row) takes from each other one (column): rows add up to 1. Colours go from 0 to 1, or, where
    no weight is a half, as among many positions, to the largest one.

    weights  the matrix (L, S), or several (heads, L, S), or (batch, heads, L, S), of which the first sample is shown;
             or a module, which is then called with `inputs`, without recording a graph: all its calls of
             `nn.MultiheadAttention` and of `F.scaled_dot_product_attention` are shown, in their order
    inputs   what the module takes, a tensor or a tuple of them
    tokens   the words of the rows, and of the columns too unless `keys` are given
    limit    panels at most, from the first one on

    Raises `ShapeError` for what is no such matrix, or names that do not fit it, `OptionError` for a module that calls
    no attention.
    """
    panels = _heard(weights, inputs) if isinstance(weights, Module) else _heads("", as_array(weights))
    if limit < 1:
        raise OptionError(f"limit={limit}; it must be 1 or more")
    total, panels = len(panels), panels[:limit]
    columns = min(len(panels), 4)
    rows = math.ceil(len(panels) / columns)
    largest = max(max(matrix.shape) for _, matrix in panels)
    side = min(4.5, max(2.4, 0.24 * largest)) if len(panels) == 1 else min(3.2, max(2.0, 0.17 * largest))
    made = picture(side * columns + 1.4, (side + 0.4) * rows + 0.4)
    grid = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    most = max(float(matrix.max()) for _, matrix in panels)
    for axes, (name, matrix) in zip(grid, panels, strict=False):
        brightest = most if 0 < most < SMALL_WEIGHT else 1
        axes.imshow(matrix, cmap=HEAT_COLOUR_MAP, vmin=0, vmax=brightest, interpolation="nearest")
        axes.set_title(name, loc="center", fontsize=9)
        _name(axes.yaxis, tokens, matrix.shape[0], "tokens", 0)
        _name(axes.xaxis, tokens if keys is None else keys, matrix.shape[1], "tokens" if keys is None else "keys", 90)
    made.supylabel("looks", fontsize=9)
    made.supxlabel("at", fontsize=9)
    made.colorbar(grid[0].images[0], ax=list(grid), label="weight", shrink=0.8)
    if total > limit:
        made.suptitle(f"{limit} of {total} heads", fontsize=10)
    return made


def _name(axis, words: Sequence[str] | None, count: int, what: str, rotation: int) -> None:
    if words is None:
        return
    if len(words) != count:
        raise ShapeError(f"{what} has {len(words)} words, and the matrix {count} positions there; give one for each")
    if count <= NAMED_TOKENS:
        axis.set_ticks(range(count), [repr(word)[1:-1] if word.isspace() else word for word in words])
        axis.set_tick_params(length=0, labelsize=8, rotation=rotation)


def _heads(name: str, matrices: numpy.ndarray) -> list[tuple[str, numpy.ndarray]]:
    """(title, matrix) for each head of the first sample."""
    if matrices.ndim < 2 or not matrices.size:
        raise ShapeError(
            f"attention weights have shape (L, S), (heads, L, S) or (batch, heads, L, S), and these {matrices.shape}"
        )
    while matrices.ndim > 3:
        matrices = matrices[0]
    if matrices.ndim == 2:
        return [(name, matrices)]
    return [(f"{name} head {head}".strip(), matrix) for head, matrix in enumerate(matrices)]


def _heard(model: Module, inputs: Any) -> list[tuple[str, numpy.ndarray]]:
    """The weights of each call of attention: the last thing that `F.attention_weights` computes."""
    last: dict[Place, tuple[str, Tensor]] = {}

    def listen(op, given, params, output: Tensor) -> None:
        for place in modes.scope:
            if place.is_function and place.kind == "attention_weights":
                last[place] = path(modes.scope), output

    if inputs is None:
        raise OptionError("a module has attention when it is called: give its inputs= too")
    with no_grad(), watching(listen):
        model(*inputs) if isinstance(inputs, tuple) else model(inputs)
    if not last:
        raise OptionError(f"{type(model).__name__} calls no attention: give the weights themselves, (heads, L, S)")
    return [panel for name, weights in last.values() for panel in _heads(name, as_array(weights))]
