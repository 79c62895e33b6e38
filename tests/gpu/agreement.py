"""The same work on the CPU and on another device, compared. Used by `run.py` and `test_gpu.py`."""

from typing import NamedTuple
from unittest import mock

import numpy as np
import operations
from test_compile_operations import gradients, values
from test_compile_persistent import Resident
from test_compile_training import CASES, Training

import tinygrad_ml as tg
from tinygrad_ml import data, nn, optim
from tinygrad_ml.compile.gpu import small

EXACT = 1e-3
"""The error of a product of 256 terms in float32 is less; in TF32 and float16 it is ten times as large."""
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


class Steps(NamedTuple):
    """Training, compiled and eager, on one device.

    difference  the largest one between their losses
    graphs      that a step was captured into, and `nodes` in them
    """

    case: str
    difference: float
    graphs: int
    nodes: int

    @property
    def small(self) -> bool:
        return self.difference <= 10 * TOLERANCE and self.graphs == 1


# Adam makes steps of full size of a gradient that is a rounding error, such as that of a bias before a batch norm.
COMPARED = {name: case for name, case in CASES.items() if "norm" not in name}


def of_training(case: str, device: str, steps: int = 40) -> Steps:
    """Some steps of training, of one random stream: dropout's masks are the same, if all is well."""
    with tg.device(device):
        eager, compiled = Training(*COMPARED[case]), Training(*COMPARED[case], compiled=True)
        tg.manual_seed(7)
        expected = eager.run(steps)
        tg.manual_seed(7)
        found = compiled.run(steps)
    graphs = compiled.step._latest.executable.graphs
    return Steps(case, _distance([np.array(expected)], [np.array(found)]), len(graphs), sum(g.nodes() for g in graphs))


def of_compiled(operation: operations.Operation, device: str) -> Difference:
    """An operation of the table and its gradients, compiled and eager, on one device."""
    with tg.device(device):
        inputs = [tg.tensor(array, dtype="float32", requires_grad=True) for array in operation.inputs]
        differences = []
        for kind in (values, gradients):
            function = kind(operation.function)
            expected, found = function(*inputs), tg.compile(function)(*inputs)
            differences.append(_distance([x.numpy() for x in expected], [x.numpy() for x in found]))
    return Difference(operation.name, *differences)


def of_products(device: str) -> dict[str, float]:
    """The largest error of a compiled product of two (256, 256) matrices, for each precision."""
    a, b = np.random.default_rng(0).standard_normal((2, 256, 256), np.float32)
    exact = a.astype(float) @ b
    with tg.device(device):
        steps = {p: tg.compile(lambda a, b: a @ b, products=p) for p in ("float32", "tf32", "float16")}
        return {p: float(np.abs(step(a, b).numpy() - exact).max()) for p, step in steps.items()}


def of_repeated(device: str, times: int = 50) -> float:
    """The largest difference between parameters after `repeat(times)`, and after as many calls."""
    x, y = np.random.default_rng(0).standard_normal((12, 6), np.float32), np.arange(12) % 4
    with tg.device(device):
        a, b = Training(*CASES["schedule"], compiled=True), Training(*CASES["schedule"], compiled=True)
        for _ in range(times):
            a.step(tg.tensor(x), tg.tensor(y))
        b.step.repeat(times, tg.tensor(x), tg.tensor(y))
    assert [g["lr"] for g in a.optimizer.param_groups] == [g["lr"] for g in b.optimizer.param_groups]
    return _distance([p.numpy() for p in a.model.parameters()], [p.numpy() for p in b.model.parameters()])


class WholeSteps(NamedTuple):
    """Training by one kernel for all steps, beside eager steps and a graph of launches, on one device.

    said        how the steps run, in the words of `explain()`
    difference  the largest one to eager steps, of parameters, gradients and the optimiser's state
    graph       that of a graph of launches
    again       whether a second training had the same bits
    """

    said: str
    difference: float
    graph: float
    again: bool

    @property
    def small(self) -> bool:
        return max(self.difference, self.graph) <= TOLERANCE and self.again and "one kernel for all" in self.said


def of_whole_steps(device: str, repeats: int = 2, by_tiles: bool = False) -> WholeSteps:
    """A network that gathers its batches on the device, for so many times 16 steps and one.

    by_tiles  whether its products are tiles, as those of wide layers are, and not sums of rows
    """
    steps = 16 * repeats + 1
    largest = 0 if by_tiles else small.SMALL_PRODUCT_MULTIPLICATIONS
    with tg.device(device), mock.patch.object(small, "SMALL_PRODUCT_MULTIPLICATIONS", largest):
        eager, one, again, graph = (Resident(compiled=False), Resident(), Resident(), Resident(without=("persistent",)))
        for _ in range(steps):
            eager.step()
        for training in (one, again, graph):
            training.step.repeat(steps)
        expected, found, twice, launches = (training.numbers() for training in (eager, one, again, graph))
    same = all(np.array_equal(a, b) for a, b in zip(found, twice, strict=True))
    said = one.step.explanation.launched
    return WholeSteps(said, _distance(expected, found), _distance(expected, launches), same)


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
