"""`model.summary()`: a table of layers, shapes and sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import OptionError
from ..layers.base import Layer
from ..layers.shapes import flatten_shapes, shapes_of


def print_summary(
    model: Any, width: int, tell: Callable, nested: bool, trainable: bool, positions: Any = None, between: Any = None
) -> None:
    """Print the table of `model`; the options are those of `Model.summary`."""
    heads = ["Layer (type)", "Output Shape", "Param #"] + ["Trainable"] * trainable
    shares = [0.46, 0.3, 0.24] if not trainable else [0.4, 0.26, 0.18, 0.16]
    if positions is not None:
        shares, width = _shares(positions, len(heads), width)
    widths = [max(int(width * share) - 3, len(head)) for share, head in zip(shares, heads, strict=True)]
    widths[0] = max(widths[0] + width - sum(widths) - 3 * len(widths) - 1, len(heads[0]))
    rule = lambda left, mid, right, line: left + mid.join(line * (w + 2) for w in widths) + right  # noqa: E731

    def row(cells: list[str]) -> str:
        cut = [cell if len(cell) <= w else cell[: w - 1] + "…" for cell, w in zip(cells, widths, strict=True)]
        aligned = [
            cell.rjust(w) if i == 2 else cell.ljust(w) for i, (cell, w) in enumerate(zip(cut, widths, strict=True))
        ]
        return "│ " + " │ ".join(aligned) + " │"

    tell(f'Model: "{model.name}"')
    tell(rule("┏", "┳", "┓", "━"))
    tell(row(heads))
    tell(rule("┡", "╇", "┩", "━"))
    for depth, layer in _rows(_between(_parts(model), between), nested):
        cells = ["  " * depth + f"{layer.name} ({type(layer).__name__})", _shape(layer), f"{_count(layer):,}"]
        if not layer.built:
            cells[2] = "0 (unbuilt)"
        tell(row(cells + ["yes" if layer.trainable_weights else "no"] * trainable))
    tell(rule("└", "┴", "┘", "─"))
    trained = sum(weight.size for weight in model.trainable_weights)
    total = _count(model)
    tell(f" Total params: {total:,} ({_bytes(total)})")
    tell(f" Trainable params: {trained:,} ({_bytes(trained)})")
    tell(f" Non-trainable params: {total - trained:,} ({_bytes(total - trained)})")


def _shares(positions: Any, columns: int, width: int) -> tuple[list[float], int]:
    """The share of each column, and the width, of a table whose columns end there."""
    ends = [float(end) for end in positions]
    whole = max(ends, default=0) > 1
    if len(ends) < columns or sorted(ends) != ends or min(ends) <= 0:
        raise OptionError(
            f"summary: positions={positions} must be {columns} places where columns end, each behind the one before"
        )
    ends = ends[:columns]
    shares = [(end - start) / ends[-1] for start, end in zip([0, *ends], ends, strict=False)]
    return shares, int(ends[-1]) if whole else width


def _between(layers: list[Layer], between: Any) -> list[Layer]:
    """The layers from the one whose name is, or fits, the first of a pair to that of the second."""
    if between is None:
        return layers
    if len(between) != 2 or not all(isinstance(one, str) for one in between):
        raise OptionError(f"summary: layer_range={between!r} must be the names of two layers, the first and the last")
    found = [[i for i, layer in enumerate(layers) if re.fullmatch(one, layer.name)] for one in between]
    for one, places in zip(between, found, strict=True):
        if not places:
            names = ", ".join(layer.name for layer in layers)
            raise OptionError(f"summary: layer_range has {one!r}, which fits no layer; there are {names}")
    first, last = found[0][0], found[1][-1]
    return layers[min(first, last) : max(first, last) + 1]


def _rows(layers: list[Layer], nested: bool, depth: int = 0) -> Iterator[tuple[int, Layer]]:
    for layer in layers:
        yield depth, layer
        if nested and hasattr(layer, "layers"):
            yield from _rows(_parts(layer), nested, depth + 1)


def _parts(model: Any) -> list[Layer]:
    """Its layers, and the operations between them."""
    return getattr(model, "operations", model.layers)


def _shape(layer: Layer) -> str:
    if not layer._calls:
        return "?"
    shapes = shapes_of(layer._calls[0].output)
    return ", ".join(map(str, flatten_shapes(shapes)))


def _count(layer: Layer) -> int:
    return sum(weight.size for weight in layer.weights)


def _bytes(numbers: int) -> str:
    size = numbers * 4.0
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
