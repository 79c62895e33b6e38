"""A training step on the CPU, compiled and eager: `python tests/benchmarks/step_cpu.py` (pip install 'tinygrad_ml[bench]').

1. The network 784-500-500-10 (sigmoid, cross-entropy, Adam, batch 100, float32) and a convolutional one of
   LeNet's size (ReLU, batch 128); this library eager and compiled, and PyTorch; with one thread and with all.
2. How long the first call of a compiled step takes.

Tables go to the standard output. Peers that are not installed are left out.
"""

import argparse
import time

import numpy as np
from eager import _batch, bare_products, network, torch_step, training_step
from timing import alternate, machine, table, with_threads

import tinygrad_ml as tg
from tinygrad_ml import models

IMAGES = 128


def our_step(model, batch, compiled: bool):
    images, labels = map(tg.tensor, batch)
    optimizer = tg.optim.Adam(model.parameters())

    def step(images, labels):
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(step) if compiled else step
    return lambda: step(images, labels)


def image_batch():
    random = np.random.default_rng(0)
    return random.random((IMAGES, 1, 28, 28), np.float32), random.integers(0, 10, IMAGES)


def torch_images(**options):
    import torch
    from torch import nn

    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    )
    images, labels = map(torch.from_numpy, image_batch())
    optimizer = torch.optim.Adam(model.parameters(), **options)
    return training_step(model, optimizer, nn.functional.cross_entropy, images, labels)


def contestants(which: str) -> dict:
    """Name -> a function that makes one training step."""
    if which == "mlp":
        new, batch, theirs = lambda: network(tg.nn), _batch(), torch_step
    else:
        new, batch, theirs = models.cnn, image_batch(), torch_images
    found = {"tinygrad_ml, compiled": our_step(new(), batch, True), "tinygrad_ml, eager": our_step(new(), batch, False)}
    try:
        found["PyTorch, Adam"] = theirs()
        found["PyTorch, Adam(fused=True)"] = theirs(fused=True)
    except ImportError:
        pass
    if which == "mlp":
        found["the matrix products alone"] = bare_products()
    return found


def first_calls() -> str:
    """Milliseconds of the first calls of a step: the first records without gradients, the second with them."""
    lines = ["| step | first call, ms | second | third |", "|---|---|---|---|"]
    for name, model, batch in (("mlp", network(tg.nn), _batch()), ("cnn", models.cnn(), image_batch())):
        step = our_step(model, batch, True)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            step()
            times.append(f"{(time.perf_counter() - start) * 1e3:.0f}")
        lines.append(f"| {name} | {' | '.join(times)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--part", choices=["mlp", "cnn", "first"])
    options = parser.parse_args()
    if options.part == "first":
        print(first_calls())
    elif options.part:
        seconds = alternate(contestants(options.part), options.rounds, warmup=5)
        print(table(seconds, "tinygrad_ml, compiled", "ms a step", 1e3))
    else:
        print(f"{machine('numpy', 'torch')}\n")
        for part, words in (("mlp", "784-500-500-10, batch 100"), ("cnn", f"LeNet-size CNN, batch {IMAGES}")):
            for threads in (1, None):
                done = with_threads(__file__, threads, "--part", part, "--rounds", str(options.rounds)).strip()
                print(f"### {words}, {'one thread' if threads else 'all threads'}\n\n{done}\n")
        print(f"### First calls\n\n{with_threads(__file__, 1, '--part', 'first').strip()}")


if __name__ == "__main__":
    main()
