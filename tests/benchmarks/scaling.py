"""How a compiled step grows: `python tests/benchmarks/scaling.py --out runs/scaling` (pip install 'tinygrad_ml[bench]').

Time of a training step against the batch, the width and the depth of a perceptron (sigmoid, cross-entropy, Adam), and
against the number of operations of a chain; and the time that it takes to compile, first calls less a later one, against
the number of operations. A table of each goes to the standard output, a picture of all into the folder `--out`. Each size
has a process of its own, which has compiled something else before, and an empty cache on disk: so all of its kernels
are compiled, and loading the compilers is not counted. `--device gpu` for the GPU, `--device strict` for the stand-in of the
tests, to rehearse that; `--tiny` only sees that it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import results
from matplotlib.figure import Figure
from our_steps import rehearse, training_step
from race import digits
from timing import gpu, machine

import tinygrad_ml as tg
from tinygrad_ml import nn


class Point(NamedTuple):
    """One size: operations recorded, kernels run, seconds of a step, and seconds of compiling it."""

    size: int
    operations: int
    step: float
    compiling: float


def perceptron(device: str, batch: int = 100, width: int = 256, depth: int = 3) -> tuple[tg.compile, Sequence]:
    """A compiled training step of a network with `depth` layers, and its arguments."""
    random = np.random.default_rng(0)
    sizes = [784, *[width] * (depth - 1), 10]
    layers = [module for m, n in pairwise(sizes) for module in (nn.Linear(m, n), nn.Sigmoid())]
    model = nn.Sequential(*layers[:-1]).to(device)
    batch_of = random.random((batch, 784), np.float32), random.integers(0, 10, batch)
    step = tg.compile(training_step(model, tg.optim.Adam(model.parameters())))
    return step, [tg.tensor(array, device=device) for array in batch_of]


def chain(device: str, operations: int) -> tuple[tg.compile, Sequence]:
    """A compiled function of so many products and sums of vectors, forward, and their way back."""
    w = tg.tensor(np.full(1000, 0.999, np.float32), requires_grad=True, device=device)

    def step(x: tg.Tensor) -> tg.Tensor:
        w.grad = None
        y = x
        for _ in range(operations // 2):
            y = y * w + x
        loss = y.mean()
        loss.backward()
        return loss

    return tg.compile(step), [tg.ones(1000, device=device)]


# What grows: its sizes, and a step of a size on a device.
GROWING: dict[str, tuple[Sequence[int], Callable]] = {
    "batch": ((50, 100, 200, 400, 800, 1600), lambda device, n: perceptron(device, batch=n)),
    "width": ((64, 128, 256, 512, 1024, 2048), lambda device, n: perceptron(device, width=n)),
    "layers": ((2, 4, 8, 16, 32, 64), lambda device, n: perceptron(device, depth=n, width=64)),
    "operations of a chain": ((10, 30, 100, 300, 1000, 3000), chain),
}


def measure(name: str, size: int, device: str, repeat: int) -> Point:
    """A point of one curve, measured in this process."""
    rehearse(device)
    for step, arguments in [chain(device, 4)] * 2:
        step(*arguments)  # loads the compilers
    step, arguments = GROWING[name][1](device, size)
    synchronize = tg.backend.of(arguments[0].data).synchronize

    def seconds(times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            step(*arguments)
        synchronize()
        return (time.perf_counter() - start) / times

    # The first call finds no gradients, the second does: two programs, if the step asks for them.
    first = seconds(1) + seconds(1)
    steady = median(seconds(max(1, min(50, int(0.05 / seconds(1))))) for _ in range(repeat))
    return Point(size, len(step.stages["recorded"].instructions), steady, max(first - 2 * steady, 0.0))


def measured_apart(name: str, size: int, device: str, repeat: int) -> Point:
    """The same, in a process of its own with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        caches = {"TINYGRAD_ML_CACHE": cache, "CUPY_CACHE_DIR": cache}
        command = [sys.executable, __file__, "--point", name, str(size), "--device", device, "--repeat", str(repeat)]
        done = subprocess.run(command, env=os.environ | caches, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return Point(*json.loads(done.stdout))


def table(name: str, points: Sequence[Point]) -> str:
    rows = [f"| {name} | operations | ms a step | compiling, s | compiling, ms an operation |", "| --- " * 5 + "|"]
    for size, operations, step, compiling in points:
        each = digits(compiling / operations * 1e3)
        rows.append(f"| {size:,} | {operations:,} | {digits(step * 1e3)} | {digits(compiling)} | {each} |")
    return "\n".join(rows) + "\n"


def drawn(found: dict[str, list[Point]]) -> Figure:
    """A panel for the step against each thing that grows, on logarithmic axes; and one for compiling, on linear ones."""
    figure = Figure(figsize=(15, 6.5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, (name, points) in zip(panels, found.items(), strict=False):
        sizes = [point.size for point in points]
        axes.plot(sizes, [point.step * 1e3 for point in points], "o-")
        axes.set(xlabel=name, ylabel="ms a step", xscale="log", yscale="log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.set_xticks([], minor=True)
        axes.grid(True, alpha=0.3)
    compiling = panels[len(found)]
    for name, points in found.items():
        operations = [point.operations for point in points]
        if len(set(operations)) > 1:
            compiling.plot(operations, [point.compiling for point in points], "o-", label=name)
    compiling.set(xlabel="operations recorded", ylabel="s of compiling", ylim=(0, None))
    compiling.grid(True, alpha=0.3)
    compiling.legend()
    for axes in panels[len(found) + 1 :]:
        axes.set_axis_off()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/scaling"), help="folder for the picture")
    parser.add_argument("--device", choices=["cpu", "gpu", "strict"], default="cpu")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--tiny", action="store_true", help="the two smallest sizes of each")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md as well")
    parser.add_argument("--point", nargs=2, metavar=("WHAT", "SIZE"), help="one size, as a line of JSON")
    given = parser.parse_args()
    if given.point:
        print(json.dumps(measure(given.point[0], int(given.point[1]), given.device, given.repeat)))
        return
    found, tables = {}, []
    for name, (sizes, _) in GROWING.items():
        sizes = sizes[:2] if given.tiny else sizes
        found[name] = [measured_apart(name, size, given.device, given.repeat) for size in sizes]
        tables.append(table(name, found[name]))
        print(tables[-1], flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"scaling_{given.device}.png"
    drawn(found).savefig(path, dpi=110)
    where = machine("numpy", "llvmlite", "cupy-cuda13x", "cupy-cuda12x")
    if given.device == "gpu":
        where = f"{gpu()}; {where}"
    print(f"{where}\n{path}")
    if given.write:
        command = f"python tests/benchmarks/scaling.py --device {given.device} --write"
        results.write(f"scaling_{given.device}", results.dated(command, where, "\n".join(tables)))


if __name__ == "__main__":
    main()
