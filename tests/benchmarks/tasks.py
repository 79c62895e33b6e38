"""What the benchmarks train: two networks, and images for them.

`mlp` is 784-500-500-10 with sigmoids, the network of the course; `cnn` has two convolutions, as LeNet has. Both are
trained by Adam on the cross-entropy, in float32. Read next: the contestants, `our_steps.py` and `*_steps.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_ml.data import MNIST


class Task(NamedTuple):
    """What a contestant trains, and how many steps make a round.

    network  "mlp" or "cnn"
    batch    images in a step
    width    units in each hidden layer of the mlp
    steps    training steps in a round
    device   "cpu" or "gpu"; or "strict" in a rehearsal, which is our stand-in for a GPU, and the CPU for all others
    resident whether each step takes another batch, of all of MNIST, which lies on the device; or always the same one
    products what a GPU computes products of float32 with: "float32" or "tf32"
    """

    network: str = "mlp"
    batch: int = 100
    width: int = 500
    steps: int = 1
    device: str = "cpu"
    resident: bool = False
    products: str = "float32"


def network_of(nn: Any, task: Task) -> Any:
    """The network of the task; `nn` is ours or PyTorch's, which have the same names."""
    return convolutional(nn) if task.network == "cnn" else perceptron(nn, task.width)


def perceptron(nn: Any, width: int = 500) -> Any:
    return nn.Sequential(
        nn.Linear(784, width), nn.Sigmoid(), nn.Linear(width, width), nn.Sigmoid(), nn.Linear(width, 10)
    )


def convolutional(nn: Any) -> Any:
    """As `models.cnn`: the rectifier after the pooling gives the same numbers for a quarter of the work."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 16, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def products_of(task: Task) -> int:
    """Multiplications and additions of the mlp's eight matrix products in one step."""
    first, others = 784 * task.width, task.width**2 + task.width * 10
    return 2 * task.batch * (2 * first + 3 * others)  # no gradient goes back to the images


def all_images(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images of MNIST (60000, ...), from 0 to 1, their labels of int64, and the order in which to take them.

    The order is as long as whole batches are, and is used for every epoch.
    """
    data = MNIST(train=True)
    shape = (1, 28, 28) if task.network == "cnn" else (784,)
    images = data.images.reshape(-1, *shape).astype(np.float32) / 255
    order = np.random.default_rng(0).permutation(len(images))
    return images, data.labels.astype(np.int64), order[: len(order) // task.batch * task.batch]


def random_batch(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """One batch of numbers from 0 to 1, (batch, 784) or (batch, 1, 28, 28), and labels (batch,) of int64."""
    random = np.random.default_rng(0)
    shape = (1, 28, 28) if task.network == "cnn" else (784,)
    return random.random((task.batch, *shape), np.float32), random.integers(0, 10, task.batch)
