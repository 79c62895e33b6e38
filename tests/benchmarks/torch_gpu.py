"""PyTorch on a GPU, with all of MNIST in its memory: eager, compiled, and as one CUDA graph made by hand.

Each step gathers its own batch. In a rehearsal on the CPU there is no capture: the step itself is replayed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from tasks import Task, all_images, network_of
from torch.nn.functional import cross_entropy


def eager(task: Task, **adam: object) -> Callable[[], None]:
    """`adam` are the options of the optimiser."""
    training = _Training(task, adam)
    return _step_by_step(training, training.step)


def compiled(task: Task, whole: bool = False, **adam: object) -> Callable[[], None]:
    """torch.compile(mode="reduce-overhead"), which captures CUDA graphs by itself: of the way to the loss and of the
    way back, with an eager optimiser; or of all that it finds in the `whole` step."""
    training = _Training(task, adam)
    step = training.step
    if whole:
        step = torch.compile(step, mode="reduce-overhead")
    else:
        training.loss_of = torch.compile(training.loss_of, mode="reduce-overhead")

    def marked(batch: torch.Tensor) -> None:
        torch.compiler.cudagraph_mark_step_begin()  # what the last step returned is not needed any more
        step(batch)

    return _step_by_step(training, marked)


def graph(task: Task, fuse: bool = False) -> Callable[[], None]:
    """The whole step, from the gathering of the batch to Adam, captured once by torch.cuda.graph and replayed; with
    `fuse` the kernels are those that torch.compile makes."""
    training = _Training(task, {"fused": True, "capturable": task.device == "gpu"})
    if fuse:
        training.loss_of = torch.compile(training.loss_of)
    position = torch.zeros((), dtype=torch.int64, device=training.device)
    offsets = torch.arange(task.batch, device=training.device)

    def step() -> None:
        training.step(training.order[position + offsets])
        position.add_(task.batch).remainder_(len(training.order))

    replay = _captured(step) if task.device == "gpu" else step

    def train() -> None:
        for _ in range(task.steps):
            replay()
        training.wait()

    return train


class _Training:
    """A network, its optimiser, and the data on the device."""

    def __init__(self, task: Task, adam: dict):
        self.task = task
        self.device = "cuda" if task.device == "gpu" else "cpu"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = task.products == "tf32"
        torch.set_float32_matmul_precision("high" if task.products == "tf32" else "highest")
        torch.backends.cudnn.benchmark = True
        self.images, self.labels, self.order = (torch.from_numpy(array).to(self.device) for array in all_images(task))
        self.model = network_of(torch.nn, task).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), **adam)
        for data in (self.images, self.labels, self.order):
            # Or reduce-overhead would copy all of it into its graph's memory in every step.
            torch._dynamo.mark_static_address(data)
        self.wait = torch.cuda.synchronize if self.device == "cuda" else lambda: None

    def loss_of(self, batch: torch.Tensor) -> torch.Tensor:
        return cross_entropy(self.model(self.images[batch]), self.labels[batch])

    def step(self, batch: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss_of(batch).backward()
        self.optimizer.step()


def _step_by_step(training: _Training, step: Callable[[torch.Tensor], None]) -> Callable[[], None]:
    batches = itertools.cycle(training.order.split(training.task.batch))

    def train() -> None:
        for _ in range(training.task.steps):
            step(next(batches))
        training.wait()

    return train


def _captured(step: Callable[[], None]) -> Callable[[], None]:
    """The replay of what `step` does, which runs a few times first on another stream, as a capture asks for."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        step()
    return captured.replay
