"""Pictures of networks beside those of peers: how many boxes, of what shape, how large letters are on a page, how long it takes.

    python tests/benchmarks/drawing.py
    python tests/benchmarks/drawing.py --only LeNet --torchvista other/bin/python --write

The same networks here and in PyTorch (`networks.py`). Peers with their defaults: torchview 0.2 and torchvista 0.2, which draw layers,
torchviz 0.0.3, which draws the operations of the backward graph, and Keras's `plot_model` for LeNet. All but torchvista are laid
out by one Graphviz; torchvista's pages by the browser that shows them, a Chromium that Playwright drives, whose seconds are added.
torchvista's wheel installs a package that is called `tests`: it needs an environment of its own, with torch and IPython, whose
interpreter `--torchvista` names. Then how long our own pictures of many boxes take, and those of compiled training steps.

"Letters" are the smallest, in points, where the picture is shrunk to fit an A4 page with margins of half an inch, or not
shrunk if it fits. "Seconds" are those of reading the graph, of the layout and of the SVG.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import results
from networks import NETWORKS, lenet
from timing import machine

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from viz.pages import PAGE_POINTS
from viz.render import render
from viz.svg import size_of


def ours(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    picture = viz.draw(network(nn), input_shape=shape)
    return len(picture.drawing.items), picture.svg.encode()


def to_the_right(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    picture = viz.draw(network(nn), input_shape=shape, rankdir="LR")
    return len(picture.drawing.items), picture.svg.encode()


def both_ways(network: Callable, shape: tuple[int, ...]) -> tuple[int, bytes]:
    """(boxes, the picture)."""
    picture = viz.draw(network(nn), input_shape=shape, direction="both")
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


CONTESTANTS = {
    "tinygrad_ml": ours,
    "tinygrad_ml, LR": to_the_right,
    "tinygrad_ml, both": both_ways,
    "torchview": torchview,
    "torchviz": torchviz,
    "plot_model": plot_model,
}


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
    size = shrunk * min(map(float, re.findall(rb'font-size="([\d.]+)"', svg)))
    return f"| {name} | {who} | {boxes} | {wide:,.0f} x {high:,.0f} | {high / wide:.1f} | {size:.1f} | {seconds:.2f} |"


LAID_OUT = """() => {
  const root = document.querySelector("svg > g"), texts = [...document.querySelectorAll("svg text")];
  if (!root || !document.querySelector("svg g[class^=node_]")) return null;
  const { width, height } = root.getBBox(), sizes = texts.map((text) => parseFloat(getComputedStyle(text).fontSize));
  return [width, height, Math.min(...sizes)];
}"""


def torchvista_row(name: str, python: Path) -> str:
    """The same of torchvista, by an interpreter that has it, and a browser that lays its page out."""
    with tempfile.TemporaryDirectory() as folder:
        script, path = Path(__file__).with_name("torchvista_page.py"), Path(folder) / "page.html"
        # Without the paths of this process, in which there may be another package called `tests`.
        done = subprocess.run(
            [python, script, name, path], env={"PATH": ""}, capture_output=True, text=True, check=True
        )
        boxes, seconds = json.loads(done.stdout.splitlines()[-1])
        try:
            wide, high, letters, more = _in_browser(path)
        except ImportError:
            return f"| {name} | torchvista | {boxes} | not laid out: there is no Playwright | - | - | {seconds:.2f} |"
    shrunk = min(1.0, PAGE_POINTS[0] / wide, PAGE_POINTS[1] / high)
    size = f"{wide:,.0f} x {high:,.0f} | {high / wide:.1f} | {shrunk * letters:.1f}"
    return f"| {name} | torchvista | {boxes} | {size} | {seconds + more:.2f} |"


def _in_browser(path: Path, limit: float = 120.0) -> tuple[float, float, float, float]:
    """(width, height, the smallest letters, seconds) of a page that is laid out when it is shown."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(path.as_uri())
        found, before = page.evaluate(LAID_OUT), None
        while found is None or found != before:  # until nothing moves any more
            if time.perf_counter() - start > limit:
                raise TimeoutError(f"{path.name} was not laid out in {limit:g} s")
            page.wait_for_timeout(100)
            before, found = found, page.evaluate(LAID_OUT)
        seconds = time.perf_counter() - start - 0.1
        browser.close()
    return *found, seconds


def step_row(name: str) -> str:
    """A row of the table of compiled training steps: of a network, its loss, its gradients and SGD."""
    network, shape = NETWORKS[name]
    model = network(nn)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.compile
    def train(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):  # the second call knows the gradients of the first
        train(tg.ones(shape))
    cells = []
    for options in ({}, {"stage": "recorded"}, {"stage": "recorded", "depth": 1}):
        start = time.perf_counter()
        try:
            picture = viz.draw(train, **options)
            size = len(picture.svg)
            cells.append(
                f"{len(picture.drawing.items)} boxes, {size / 1e6:.1f} MB, {time.perf_counter() - start:.2f} s"
            )
        except OptionError as refused:
            cells.append(f"refused: {str(refused).partition(', which')[0]}")
    return f"| {name} | {' | '.join(cells)} |"


class Block(nn.Module):
    """Eight operations and four parameters, around which x also goes directly."""

    def __init__(self, width: int):
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(nn.functional.relu(self.inner(x)))


def time_of(blocks: int) -> str:
    """A row of the table of times: of so many residual blocks, with all that is in them."""
    loss = (nn.Sequential(*[Block(16) for _ in range(blocks)])(tg.ones((8, 16))) ** 2).mean()
    start = time.perf_counter()
    picture = viz.draw(loss, depth=9, fold=False)
    read = time.perf_counter()
    size = len(picture.svg)
    drawn = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        page = viz.explain(loss, Path(folder) / "page.html", limit=10_000, check=False)
        explained = time.perf_counter()
        weight = page.stat().st_size
    seconds = " | ".join(f"{part:.2f} s" for part in (read - start, drawn - read, explained - drawn))
    return f"| {len(picture.drawing.items):,} | {seconds} | {size / 1e6:.1f} MB | {weight / 1e6:.1f} MB |"


def tables(names: list[str], torchvista: Path | None, times: bool) -> list[str]:
    """The lines of all tables; each is also told to the standard error as it comes."""
    lines = [
        "| network | who | boxes | points, wide x high | height / width | smallest letters on A4, pt | seconds |",
        "|---|---|---|---|---|---|---|",
    ]

    def add(line: str | None) -> None:
        if line is not None:
            lines.append(line)
            print(line, file=sys.stderr)

    for name in names:
        for who in CONTESTANTS:
            add(row(name, who))
        if torchvista is not None:
            add(torchvista_row(name, torchvista))
    if torchvista is None:
        lines += ["", "torchvista was not measured: --torchvista names no interpreter that has it."]
    if times:
        lines += [
            "",
            "| boxes | reading | layout and SVG | page, modules closed | SVG | page |",
            "|---|---|---|---|---|---|",
        ]
        for blocks in (1, 8, 80, 160):
            add(time_of(blocks))
        lines += [
            "",
            "| compiled training step | its kernels | its program as recorded | each operation of it |",
            "|---|---|---|---|",
        ]
        for name in names:
            add(step_row(name))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument(
        "--torchvista", type=Path, metavar="PYTHON", help="an interpreter that has torchvista and torch"
    )
    parser.add_argument("--no-times", action="store_true", help="leave out how long pictures of many boxes take")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    tg.manual_seed(0)
    text = "\n".join(tables(options.only, options.torchvista, not options.no_times))
    about = machine("tinygrad_ml", "graphviz", "pygraphviz", "torch", "torchview", "torchviz", "keras")
    print("\n".join([about, "", text]))
    if options.write:
        results.write("drawing", results.dated("python tests/benchmarks/drawing.py", about, text))


if __name__ == "__main__":
    main()
