"""The same work on the CPU and on another device, compared. Used by `run.py` and `test_gpu.py`."""

from typing import NamedTuple

import numpy as np
import operations

import tinygrad_ml as tg
from tinygrad_ml import data, nn, optim

TOLERANCE = 1e-4
"""What the devices may differ by in float32, relative to 1 + |x|: they add in another order."""


class Difference(NamedTuple):
    """The largest differences of an operation's values and of its gradients."""

    name: str
    value: float
    gradient: float

    @property
    def small(self) -> bool:
        return max(self.value, self.gradient) <= TOLERANCE


def of_operation(operation: operations.Operation, device: str) -> Difference:
    """Values and gradients of a row of the table on `device`, against those on the CPU."""
    here, there = _computed(operation, "cpu"), _computed(operation, device)
    return Difference(operation.name, *(_distance(ours, theirs) for ours, theirs in zip(here, there, strict=True)))


def _computed(operation: operations.Operation, device: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    with tg.device(device):
        x = [tg.tensor(array, dtype="float32", requires_grad=True) for array in operation.inputs]
        y = operation.function(*x)
        outputs = [y] if isinstance(y, tg.Tensor) else list(y)
        gradients = tg.grad(outputs, x, [tg.ones_like(part) for part in outputs])
    wrong = {str(tensor.device) for tensor in (*outputs, *gradients)} - {device}
    assert not wrong, f"{operation.name} on {device} gave tensors on {wrong}"
    return [part.numpy() for part in outputs], [g.numpy() for g in gradients]


def _distance(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """max |a - b| / (1 + |a|) over all elements; infinite where shapes differ, or one of two is nan."""
    largest = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
            return float("inf")
        if a.size:
            largest = max(largest, float(np.nanmax(np.abs(a - b) / (1 + np.abs(a)))))
    return largest


def losses(device: str, steps: int = 60) -> list[float]:
    """The loss at each step of a small convolutional network on MNIST: one seed, the same weights on any device."""
    tg.manual_seed(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(144, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)),
    )
    images, labels = data.MNIST(train=False).tensors()
    with tg.device(device):
        model.to(device)
        batches = data.DataLoader(
            data.TensorDataset(images[:2000].to(device), labels[:2000].to(device)), batch_size=100, shuffle=True, seed=1
        )
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        history: list[tg.Tensor] = []
        while len(history) < steps:
            for x, y in batches:
                loss = nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.append(loss.detach())
        return tg.stack(history[:steps]).tolist()  # the device is looked at once, when all is done
