"""Overlays: boxes coloured by a figure, or marked where numbers are none.

Read before: `model.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from .figures import amount, byte_text, number
from .model import Item


def heat(items: Sequence[Item], overlay: str) -> None:
    """Colour the boxes by a figure, on a logarithmic scale; for "nan" raise an alarm where there are some."""
    if overlay == "nan":
        for item in items:
            seen = [item.value, item.gradient.numbers if item.gradient else None]
            bad = sum(summary.nan + summary.infinite for summary in seen if summary is not None)
            item.alarm, item.heat_text = bad > 0, f"{bad} nan or infinite" if bad else ""
        return
    figures = {}
    for item in items:
        if overlay == "gradient":
            summary = item.gradient.numbers if item.gradient else None
            figure, text = (summary.norm, f"gradient norm {number(summary.norm)}") if summary else (0, "")
        else:
            figure = item.flops if overlay == "flops" else item.bytes
            text = f"{amount(figure)} FLOP" if overlay == "flops" else byte_text(figure)
        if figure:
            figures[item.id], item.heat_text = figure, text
    if not figures:
        return
    low, high = log(min(figures.values())), log(max(figures.values()))
    for item in items:
        if item.id in figures:
            item.heat = (log(figures[item.id]) - low) / (high - low) if high > low else 1.0
