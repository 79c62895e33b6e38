"""PyTorch on the CPU: eager, and compiled by its Inductor, which needs a C++ compiler."""

from collections.abc import Callable

import torch
from tasks import Task, network_of, random_batch
from torch.nn.functional import cross_entropy


def eager(task: Task, **adam: object) -> Callable[[], None]:
    """`adam` are the options of the optimiser."""
    model = network_of(torch.nn, task)
    return _steps(task, model, lambda images, labels: cross_entropy(model(images), labels), adam)


def compiled(task: Task, whole: bool = False, mode: str | None = None, **adam: object) -> Callable[[], None]:
    """torch.compile of the way to the loss, whose gradient it compiles too; or of the `whole` step."""
    model = network_of(torch.nn, task)

    def loss_of(images, labels):
        return cross_entropy(model(images), labels)

    return _steps(task, model, loss_of if whole else torch.compile(loss_of, mode=mode), adam, whole)


def _steps(task: Task, model, loss_of: Callable, adam: dict, compile_step: bool = False) -> Callable[[], None]:
    images, labels = map(torch.from_numpy, random_batch(task))
    optimizer = torch.optim.Adam(model.parameters(), **adam)

    def step(images, labels):
        optimizer.zero_grad()
        loss_of(images, labels).backward()
        optimizer.step()

    if compile_step:
        step = torch.compile(step)

    def train() -> None:
        for _ in range(task.steps):
            step(images, labels)

    return train
