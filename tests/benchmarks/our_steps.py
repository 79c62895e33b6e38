"""This library, eager and compiled: on one batch, and on all of MNIST in the device's memory."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tasks import Task, all_images, network_of, random_batch

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


def rehearse(device: str) -> None:
    """Make `strict` the name of a device: a GPU that runs on the CPU, with which the tests compile."""
    if device == "strict":
        sys.path.append(str(Path(__file__).parents[1]))
        import_module("fake_cuda")


def resident(
    task: Task, compiled: bool = True, repeat: bool = False, without: tuple[str, ...] = ()
) -> Callable[[], None]:
    """Each step gathers its own batch, at a position that it moves on; with `repeat` the host asks once for a round."""
    rehearse(task.device)
    images, labels, order = (tg.tensor(array, device=task.device) for array in all_images(task))
    position = tg.tensor(0, device=task.device)
    offsets = tg.arange(task.batch, device=task.device)
    model = network_of(tg.nn, task).to(task.device)
    learn = training_step(model, tg.optim.Adam(model.parameters()))

    def step() -> tg.Tensor:
        batch = order[position + offsets]
        position.assign((position + task.batch) % len(order))
        return learn(images[batch], labels[batch])

    if compiled:
        step = tg.compile(step, products=task.products, without=without)
    synchronize = tg.backend.of(images.data).synchronize

    def train() -> None:
        if repeat:
            step.repeat(task.steps)
        else:
            for _ in range(task.steps):
                step()
        synchronize()

    return train
