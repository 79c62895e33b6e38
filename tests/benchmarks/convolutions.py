"""Convolutions one by one on one core, beside PyTorch: `python tests/benchmarks/convolutions.py` (pip install torch).

For each layer three compiled steps: the result, the gradient of the image, and that of the weight; beside them what
PyTorch's library takes, for images that lie with channels first or last, whichever is quicker. Contestants
alternate in one process, and processor time counts. `--write` puts the table into RESULTS.md. About two minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from timing import THREADS, machine

os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy and PyTorch look

import numpy as np
import results

import tinygrad_ml as tg
from tinygrad_ml.nn import functional as F


class Layer(NamedTuple):
    """A convolution of `batch` square images of `size` pixels a side."""

    words: str
    batch: int
    channels: int
    size: int
    out: int
    kernel: int
    padding: int
    stride: int = 1
    groups: int = 1

    @property
    def options(self) -> dict[str, int]:
        return {"stride": self.stride, "padding": self.padding, "groups": self.groups}


LAYERS = [
    Layer("3 x 3, 16 to 16, 32 x 32", 32, 16, 32, 16, 3, 1),
    Layer("3 x 3, 16 to 32, 32 x 32", 32, 16, 32, 32, 3, 1),
    Layer("3 x 3, 32 to 64, 16 x 16", 32, 32, 16, 64, 3, 1),
    Layer("3 x 3, 64 to 128, 8 x 8", 32, 64, 8, 128, 3, 1),
    Layer("3 x 3, 128 to 128, 4 x 4", 32, 128, 4, 128, 3, 1),
    Layer("3 x 3, 3 to 16, 32 x 32", 32, 3, 32, 16, 3, 1),
    Layer("5 x 5, 1 to 8, 28 x 28", 128, 1, 28, 8, 5, 0),
    Layer("5 x 5, 8 to 16, 12 x 12", 128, 8, 12, 16, 5, 0),
    Layer("5 x 5, 32 to 32, 28 x 28", 32, 32, 28, 32, 5, 2),
    Layer("1 x 1, 64 to 64, 16 x 16", 32, 64, 16, 64, 1, 0),
    Layer("3 x 3, 64 to 128, 16 x 16, stride 2", 32, 64, 16, 128, 3, 1, 2),
    Layer("1 x 1, 64 to 128, 16 x 16, stride 2", 32, 64, 16, 128, 1, 0, 2),
    Layer("3 x 3, 64 channels each by itself, 16 x 16", 32, 64, 16, 64, 3, 1, 1, 64),
    Layer("3 x 3, 32 channels each by itself, 32 x 32", 32, 32, 32, 32, 3, 1, 1, 32),
]


def arrays(layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image, a weight, and a gradient of the result."""
    random = np.random.default_rng(0)
    x = random.standard_normal((layer.batch, layer.channels, layer.size, layer.size), np.float32)
    w = random.standard_normal((layer.out, layer.channels // layer.groups, layer.kernel, layer.kernel), np.float32)
    result = F.conv2d(tg.tensor(x), tg.tensor(w), **layer.options)
    return x, w, random.standard_normal(result.shape, np.float32)


def ours(layer: Layer) -> list[Callable[[], object]]:
    x, w, g = map(tg.tensor, arrays(layer))
    x.requires_grad = w.requires_grad = True

    def convolve(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
        return F.conv2d(x, w, **layer.options)

    result = tg.compile(lambda x, w: convolve(x.detach(), w.detach()))
    image = tg.compile(lambda x, w, g: tg.grad(convolve(x, w.detach()), x, g))
    weight = tg.compile(lambda x, w, g: tg.grad(convolve(x.detach(), w), w, g))
    return [lambda: result(x, w), lambda: image(x, w, g), lambda: weight(x, w, g)]


def in_torch(layer: Layer, last: bool) -> list[Callable[[], object]]:
    import torch

    lies = torch.channels_last if last else torch.contiguous_format
    x, w, g = (torch.from_numpy(array).contiguous(memory_format=lies) for array in arrays(layer))
    step, side = [layer.stride] * 2, [layer.padding] * 2

    def backward(*wanted: bool) -> object:
        rest = None, step, side, [1, 1], False, [0, 0], layer.groups, list(wanted)
        return torch.ops.aten.convolution_backward(g, x, w, *rest)

    return [
        lambda: torch.conv2d(x, w, **layer.options),
        lambda: backward(True, False, False),
        lambda: backward(False, True, False),
    ]


def seconds(contestants: list[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Processor time of each, `rounds` times, in turn."""
    taken: list[list[float]] = [[] for _ in contestants]
    for turn in range(rounds + 2):
        for run, times in zip(contestants, taken, strict=True):
            start = time.process_time()
            run()
            if turn >= 2:
                times.append(time.process_time() - start)
    return taken


def row(layer: Layer, rounds: int) -> str:
    cells = [layer.words]
    for contestants in zip(ours(layer), in_torch(layer, False), in_torch(layer, True), strict=True):
        mine, *others = seconds(list(contestants), rounds)
        best = min(others, key=median)
        ratio = median(a / b for a, b in zip(mine, best, strict=True))
        cells.append(f"{median(mine) * 1e3:.2f} / {median(best) * 1e3:.2f} = {ratio:.2f}x")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", nargs="+", metavar="LAYER", choices=[layer.words for layer in LAYERS])
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    lines = [
        "| layer | result, ms, ours / PyTorch | the image's gradient | the weight's gradient |",
        "|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for layer in LAYERS:
        if given.only is None or layer.words in given.only:
            lines.append(row(layer, given.rounds))
            print(lines[-1], flush=True)
    said = machine("numpy", "llvmlite", "torch")
    print(said)
    if given.write:
        command = f"python tests/benchmarks/convolutions.py --rounds {given.rounds} --write"
        results.write("convolutions", results.dated(command, said, "\n".join(lines)))


if __name__ == "__main__":
    main()
