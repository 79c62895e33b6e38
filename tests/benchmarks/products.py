"""The eight matrix products of the mlp's step and nothing else, into memory that is there: the floor for its BLAS."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from tasks import Task


def _operands(task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Left and right of each product: three forward, three for the weights' gradients, two for the activations'."""
    sizes = [784, task.width, task.width, 10]
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.standard_normal((rows, columns), np.float32)

    for i, (m, n) in enumerate(pairwise(sizes)):
        x, w, g = matrix(task.batch, m), matrix(m, n), matrix(task.batch, n)
        yield x, w
        yield x.T, g
        if i:
            yield g, w.T


def in_numpy(task: Task) -> Callable[[], None]:
    work = [(a, b, np.empty((len(a), b.shape[1]), np.float32)) for a, b in _operands(task)]

    def multiply() -> None:
        for _ in range(task.steps):
            for a, b, out in work:
                np.matmul(a, b, out=out)

    return multiply


def in_torch(task: Task) -> Callable[[], None]:
    import torch

    work = [(torch.from_numpy(a), torch.from_numpy(b), torch.empty(len(a), b.shape[1])) for a, b in _operands(task)]

    def multiply() -> None:
        for _ in range(task.steps):
            for a, b, out in work:
                torch.matmul(a, b, out=out)

    return multiply


def in_tinygrad_ml(task: Task) -> Callable[[], None]:
    import tinygrad_ml as tg

    work = [(tg.tensor(a), tg.tensor(b)) for a, b in _operands(task)]
    step = tg.compile(lambda: [a @ b for a, b in work])

    def multiply() -> None:
        for _ in range(task.steps):
            step()

    return multiply
