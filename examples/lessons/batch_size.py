"""Batch, update, epoch: small batches make more updates of noisier slopes, large ones use the machine better.

An *epoch* looks at every image once; each *batch* of it gives one *update*. The slope of a batch of B images is the
full slope plus noise, whose size falls as 1/√B: a hundred times the work for a tenth of the noise. A machine does not
take a hundred times as long for it, though, as it computes the images of a batch at once. In between lies a size with
which a given time teaches the most. Read next: `simple_or_complex.py`; `tinygrad_ml/data/loader.py`.
"""

import itertools
import time

import numpy as np

import tinygrad_ml as tg
from examples.lessons.common import Run, digits, effect, lines, main
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader, TensorDataset

loss_fn = nn.CrossEntropyLoss()


def slope(model: nn.Module, x: tg.Tensor, y: tg.Tensor) -> np.ndarray:
    """The gradient of all parameters, in one vector."""
    found = tg.grad(loss_fn(model(x), y), tuple(model.parameters()))
    return np.concatenate([g.numpy().ravel() for g in found])


def noise(model: nn.Module, data: TensorDataset, batch_size: int, batches: int, seed: int) -> float:
    """The typical distance of a batch's slope from the slope of all data, relative to the latter's length."""
    x, y = data.tensors
    full = slope(model, x, y)
    random = np.random.default_rng(seed)
    drawn = [random.integers(0, len(y), batch_size) for _ in range(batches)]
    return float(np.mean([np.linalg.norm(slope(model, x[i], y[i]) - full) for i in drawn]) / np.linalg.norm(full))


def lesson(run: Run) -> None:
    images, epochs, sizes, batches = run.choose(
        tiny=(200, 1, (10, 200), 2),
        default=(5000, 3, (1, 10, 100, 1000, 5000), 20),
        full=(60_000, 20, (10, 100, 1000, 60_000), 20),
    )
    run.say(
        f"Settings: {images:,} images of MNIST, 784-128-10 with ReLU, SGD with learning rate 0.1 "
        f"(0.01 for batches of 1), {epochs} epochs, seed {run.seed}."
    )
    part = digits(images)
    data = TensorDataset(tg.tensor(part.x), tg.tensor(part.y))
    x_test, y_test = tg.tensor(part.x_test), tg.tensor(part.y_test)
    rows = []
    for size in sizes:
        tg.manual_seed(run.seed)
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        deviation = noise(model, data, size, batches, run.seed) if size < images else 0.0
        optimizer = optim.SGD(model.parameters(), lr=0.1 if size > 1 else 0.01)
        started = time.perf_counter()
        for _ in range(epochs):
            for x, y in DataLoader(data, batch_size=size, shuffle=True):
                optimizer.zero_grad()
                loss_fn(model(x), y).backward()
                optimizer.step()
        seconds = (time.perf_counter() - started) / epochs
        with tg.no_grad():
            accuracy = (model(x_test).argmax(axis=1) == y_test).astype("float32").mean().item()
        rows.append([size, -(-images // size), seconds, 1000 * seconds / -(-images // size), deviation, accuracy])
    run.table(
        ["batch size", "updates an epoch", "seconds an epoch", "ms an update", "noise of the slope", "test accuracy"],
        rows,
    )
    run.expect(
        "the larger the batch, the less noise",
        effect("noise lost from one size to the next", min(a[4] - b[4] for a, b in itertools.pairwise(rows))),
    )
    run.expect(
        "an epoch of small batches takes longer",
        effect("seconds of the smallest over those of the full batch", rows[0][2] / rows[-1][2], above=3),
    )
    run.expect(
        "after the same epochs, small batches have learnt more than the full batch",
        effect("test accuracy gained", max(row[5] for row in rows[:-1]) - rows[-1][5], above=0.1),
    )
    points = np.array([row[0] for row in rows], float)
    run.picture(
        lines(
            {
                "seconds an epoch": (points, [row[2] for row in rows]),
                "noise of the slope": (points[:-1], [row[4] for row in rows[:-1]]),
                "its law, 1/√batch": (points[:-1], rows[0][4] * np.sqrt(points[0] / points[:-1])),
            },
            "seconds; relative noise",
            "batch size",
            log=True,
            log_x=True,
        ),
        "Both fall with the batch size: the noise as 1/√B, the time until the machine is busy.",
    )


if __name__ == "__main__":
    main(lesson)
