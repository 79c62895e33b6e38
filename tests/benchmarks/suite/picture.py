"""What was measured, as a picture: a row for each program, and in it how long each contestant takes, PyTorch eager being 1.

Read before: `tables.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.tables import WHO, best_peer, ratio

STYLES = {  # color, marker
    "eager": ("#7fb3e6", "o"),
    "compiled": ("#0b5cad", "D"),
    "PyTorch": ("#d9480f", "|"),
    "PyTorch, compiled": ("#f59f00", "s"),
    "JAX": ("#2b8a3e", "^"),
}


def draw(measured: dict[str, Any], cores: str, clock: str, path: Path) -> None:
    """A picture of the steps on one core or all, in the format that the path's ending names. Needs matplotlib."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    there = {title: found[cores] for title, found in measured.items() if cores in found}
    there = {title: steps for title, steps in there.items() if "PyTorch" in steps["turns"] and best_peer(steps, clock)}
    titles = sorted(there, key=lambda title: best_peer(there[title], clock))
    figure = Figure(figsize=(9, 1.2 + 0.26 * len(titles)), layout="constrained")
    axes = figure.subplots()
    for y in range(len(titles)):
        axes.axhline(y, color="#e9ecef", zorder=0)
    for who in WHO:
        color, marker = STYLES[who]
        points = [
            (ratio(there[title], who, "PyTorch", clock), y)
            for y, title in enumerate(titles)
            if who in there[title]["turns"]
        ]
        if points:
            axes.scatter(*zip(*points, strict=True), color=color, marker=marker, s=34, label=who, zorder=3)
    axes.set_yticks(range(len(titles)), titles)
    axes.set_xscale("log")
    axes.set_xlabel(f"time of a step, PyTorch eager = 1, {'one core' if cores == 'one' else 'all cores'}")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.0 + 1.6 / (len(titles) + 1)), ncols=len(WHO), frameon=False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "suite"}):  # words are words, and ids are the same again
        figure.savefig(path)
