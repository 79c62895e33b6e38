"""DeZero, as the programs of its book are written: a loop over batches, `cleargrads`, `backward`, `update`.

DeZero 0.0.13 asks NumPy for `np.int`, which NumPy took away in 1.24. It means Python's int, which is put back before
DeZero is imported; the rest of it runs as it is.
"""

from collections.abc import Callable

import numpy as np
from tasks import Task, random_batch

np.int = int

import dezero.functions as F  # noqa: E402
import dezero.layers as L  # noqa: E402
from dezero import Model, optimizers  # noqa: E402


class Perceptron(Model):
    def __init__(self, width: int):
        super().__init__()
        self.l1, self.l2, self.l3 = L.Linear(width), L.Linear(width), L.Linear(10)

    def forward(self, x):
        return self.l3(F.sigmoid(self.l2(F.sigmoid(self.l1(x)))))


class Convolutional(Model):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = L.Conv2d(8, 5), L.Conv2d(16, 5)
        self.l1, self.l2 = L.Linear(128), L.Linear(10)

    def forward(self, x):
        x = F.relu(F.pooling(self.conv1(x), 2, 2))
        x = F.relu(F.pooling(self.conv2(x), 2, 2))
        return self.l2(F.relu(self.l1(F.reshape(x, (len(x), -1)))))


def steps(task: Task) -> Callable[[], None]:
    model = Convolutional() if task.network == "cnn" else Perceptron(task.width)
    optimizer = optimizers.Adam().setup(model)
    images, labels = random_batch(task)

    def train() -> None:
        for _ in range(task.steps):
            loss = F.softmax_cross_entropy(model(images), labels)
            model.cleargrads()
            loss.backward()
            optimizer.update()

    return train
