"""This library, eager and compiled."""

from collections.abc import Callable

from tasks import Task, network_of, random_batch

import tinygrad_ml as tg


def training_step(model: tg.nn.Module, optimizer: tg.optim.Optimizer) -> Callable[[tg.Tensor, tg.Tensor], tg.Tensor]:
    """A step as users write it, from images and labels to the loss."""

    def step(images: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def steps(task: Task, compiled: bool) -> Callable[[], None]:
    model = network_of(tg.nn, task)
    step = training_step(model, tg.optim.Adam(model.parameters()))
    if compiled:
        step = tg.compile(step)
    images, labels = map(tg.tensor, random_batch(task))

    def train() -> None:
        for _ in range(task.steps):
            step(images, labels)

    return train
