"""Pictures of networks, beside those of peers: how many boxes, how large, how large letters are on a page, how long it takes.

    python tests/benchmarks/networks.py
    python tests/benchmarks/networks.py --only LeNet --write

The same networks here and in PyTorch: LeNet, a residual network of 18 layers, two and twelve blocks of a transformer, 500 layers.
Peers with their defaults: torchview 0.2 (which draws layers), torchviz (operations of the backward graph), and Keras's
`plot_model` for LeNet. All are laid out by one Graphviz. "Letters" are those that occur most, in points, where the picture
is shrunk to fit an A4 page with margins of half an inch, or not shrunk if it fits.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import results
from timing import machine

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.render import render
from viz.svg import size_of

PAGE_POINTS = 595 - 72, 842 - 72
"""Width and height of A4 within the margins."""


def lenet(nn: Any) -> Any:
    """Two convolutions and three linear layers."""
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *first, nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
    )


def residual(nn: Any) -> Any:
    """Eighteen layers, as ResNet-18 has them, for small images."""

    class Block(nn.Module):
        def __init__(self, width: int, out: int, stride: int):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
            self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
            self.shortcut = nn.Conv2d(width, out, 1, stride, bias=False) if stride > 1 else nn.Identity()
            self.relu = nn.ReLU()

        def forward(self, x):
            inside = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(inside + self.shortcut(x))

    widths = [(8, 8, 1), (8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
    head = [nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*head, *[Block(*width) for width in widths], nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 10))


def transformer(blocks: int) -> Callable[[Any], Any]:
    """So many encoder layers."""
    return lambda nn: nn.Sequential(*[nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(blocks)])


def long(nn: Any) -> Any:
    """250 linear layers of unlike widths, each with its activation."""
    widths = [8 + i % 7 for i in range(251)]
    pairs = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*[layer for pair in pairs for layer in pair])


NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "LeNet": (lenet, (4, 1, 28, 28)),
    "residual network of 18 layers": (residual, (2, 3, 32, 32)),
    "transformer, 2 blocks": (transformer(2), (2, 5, 16)),
    "transformer, 12 blocks": (transformer(12), (2, 5, 16)),
    "500 layers": (long, (2, 8)),
}


def ours(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    picture = viz.draw(network(nn)(tg.ones(shape)))
    return len(picture.drawing.items), picture.svg.encode()


def torchview(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    import torch
    from torchview import draw_graph

    return _laid_out(draw_graph(network(torch.nn), input_size=shape, expand_nested=True).visual_graph.source)


def torchviz(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    import torch
    from torchviz import make_dot

    model = network(torch.nn)
    return _laid_out(make_dot(model(torch.ones(shape)), params=dict(model.named_parameters())).source)


def plot_model(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture); only LeNet has a twin."""
    if network is not lenet:
        raise LookupError("no twin")
    import keras

    layers = keras.layers
    first = [
        layers.Conv2D(6, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 5, activation="relu"),
    ]
    last = [
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(120, "relu"),
        layers.Dense(84, "relu"),
        layers.Dense(10),
    ]
    model = keras.Sequential([layers.Input((28, 28, 1)), *first, *last])
    return _laid_out(keras.utils.model_to_dot(model, show_shapes=True, show_layer_names=True).to_string())


def _laid_out(source: str) -> tuple[int, bytes]:
    boxes = [thing for thing in json.loads(render(source, "json")).get("objects", ()) if "pos" in thing]
    return len(boxes), render(source, "svg")


CONTESTANTS = {"tinygrad_ml": ours, "torchview": torchview, "torchviz": torchviz, "plot_model": plot_model}


def row(name: str, who: str) -> str | None:
    """A row of the table; None where there is nothing to compare."""
    network, shape = NETWORKS[name]
    try:
        CONTESTANTS[who](lenet, NETWORKS["LeNet"][1])  # imports, and what is made once
        start = time.perf_counter()
        boxes, svg = CONTESTANTS[who](network, shape)
        seconds = time.perf_counter() - start
    except (ImportError, LookupError):
        return None
    wide, high = size_of(svg)
    shrunk = min(1.0, PAGE_POINTS[0] / wide, PAGE_POINTS[1] / high)
    letters = Counter(re.findall(rb'font-size="([\d.]+)"', svg)).most_common(1)
    size = float(letters[0][0]) * shrunk if letters else float("nan")
    return f"| {name} | {who} | {boxes} | {wide:,.0f} x {high:,.0f} | {high / wide:.1f} | {size:.1f} | {seconds:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    np.random.seed(0)
    rows = [
        "| network | who | boxes | points, wide x high | height / width | letters on A4, pt | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in options.only:
        for who in CONTESTANTS:
            made = row(name, who)
            if made is not None:
                rows.append(made)
                print(made, file=sys.stderr)
    about = machine("tinygrad_ml", "graphviz", "pygraphviz", "torch", "torchview", "torchviz", "keras")
    print("\n".join([about, "", *rows]))
    if options.write:
        results.write("networks", results.dated("python tests/benchmarks/networks.py", about, "\n".join(rows)))


if __name__ == "__main__":
    main()
