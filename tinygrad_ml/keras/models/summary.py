"""`model.summary()`: a table of layers, shapes and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..layers.base import Layer
from ..layers.shapes import flatten_shapes, shapes_of


def print_summary(model: Any, width: int, tell: Callable, nested: bool, trainable: bool) -> None:
    """Print the table of `model`."""
    heads = ["Layer (type)", "Output Shape", "Param #"] + ["Trainable"] * trainable
    shares = [0.46, 0.3, 0.24] if not trainable else [0.4, 0.26, 0.18, 0.16]
    widths = [max(int(width * share) - 3, len(head)) for share, head in zip(shares, heads, strict=True)]
    widths[0] += width - sum(widths) - 3 * len(widths) - 1
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
    for depth, layer in _rows(model, nested):
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


def _rows(model: Any, nested: bool, depth: int = 0) -> Iterator[tuple[int, Layer]]:
    for layer in getattr(model, "operations", model.layers):
        yield depth, layer
        if nested and hasattr(layer, "layers"):
            yield from _rows(layer, nested, depth + 1)


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
