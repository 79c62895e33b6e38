"""The time that a picture takes: `python tests/benchmarks/drawing.py`.

Networks of 10, 100 and 1,000 boxes and more, drawn forward and as a page: reading the graph (with all numbers
computed again), the layout by Graphviz, and the page. A table goes to the standard output.
"""

import tempfile
import time
from pathlib import Path

from timing import machine

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn


class Block(nn.Module):
    """Eight operations and four parameters, around which x also goes directly."""

    def __init__(self, width: int):
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(nn.functional.relu(self.inner(x)))


def network(blocks: int) -> nn.Sequential:
    """Residual blocks in a row."""
    return nn.Sequential(*[Block(16) for _ in range(blocks)])


def measure(blocks: int) -> list[str]:
    """Boxes, and the seconds of each part."""
    loss = (network(blocks)(tg.ones((8, 16))) ** 2).mean()
    everything = {"depth": 9, "fold": False}
    start = time.perf_counter()
    picture = viz.draw(loss, **everything)
    read = time.perf_counter()
    size = len(picture.svg)
    drawn = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        page = viz.explain(loss, Path(folder) / "page.html", limit=10_000, check=False)
        explained = time.perf_counter()
        weight = page.stat().st_size
    seconds = (read - start, drawn - read, explained - drawn)
    return [
        f"{len(picture.drawing.items):,}",
        *(f"{part:.2f} s" for part in seconds),
        f"{size / 1e6:.1f} MB",
        f"{weight / 1e6:.1f} MB",
    ]


if __name__ == "__main__":
    print(machine("graphviz", "pygraphviz"))
    print("| boxes | reading | layout | page, modules closed | SVG | page |\n|---|---|---|---|---|---|")
    for blocks in (1, 8, 80, 160):
        print(f"| {' | '.join(measure(blocks))} |", flush=True)
