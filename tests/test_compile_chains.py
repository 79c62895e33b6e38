"""Chains of a step that is one kernel: what a block does with a few rows, one thing after the other, without a meeting of all."""

from itertools import pairwise

import numpy as np
import nvrtc
import pytest
from fake_cuda import MARKS, ORDERS, FakeCuda, array

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.compile.gpu import executable, persistent, phases, small
from tinygrad_ml.compile.gpu.runtime import in_one

pytestmark = [*MARKS, pytest.mark.usefixtures("one_kernel")]


class Network:
    """Layers of these widths, and a step of training on so many rows."""

    def __init__(self, rows, *widths, optimizer=optim.Adam, regression=False, compiled=True):
        tg.manual_seed(3)
        layers = [(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths)]
        self.model = nn.Sequential(*[one for pair in layers for one in pair][:-1])
        self.optimizer = optimizer(self.model.parameters(), lr=0.1)
        self.x = tg.tensor(array(rows, widths[0]))
        self.y = tg.tensor(array(rows, widths[-1])) if regression else tg.arange(rows) % widths[-1]
        self._loss = nn.functional.mse_loss if regression else nn.functional.cross_entropy
        self.step = tg.compile(self._step) if compiled else self._step

    def _step(self):
        loss = self._loss(self.model(self.x), self.y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def numbers(self):
        return [x.numpy() for p in self.model.parameters() for x in (p, p.grad)]

    @property
    def source(self):
        return self.step._latest.executable.text


def meetings(source):
    """Of all blocks, in a step: also the one before the next."""
    return source.count("all_blocks_meet(arrived);")


def written(monkeypatch, step):
    """The kernel of a step, which is not run."""

    class Seen(Exception):
        pass

    def seen(*given):
        raise Seen(persistent.whole_step(*given))

    monkeypatch.setattr(executable, "whole_step", seen)
    with pytest.raises(Seen) as raised:
        step()
    return raised.value.args[0]


@pytest.mark.parametrize(
    ("widths", "rows", "regression", "expected"),
    [
        ((2, 8, 1), 4, True, 1),
        ((2, 16, 16, 2), 100, False, 2),
        ((64, 128, 10), 100, False, 2),
        ((784, 500, 500, 10), 100, False, 5),
    ],
)
def test_how_often_all_blocks_meet_in_a_step(monkeypatch, widths, rows, regression, expected):
    """XOR, moons, digits and MNIST: one block is enough for the first, and three products of the last are too large for rows."""
    launch = written(monkeypatch, Network(rows, *widths, regression=regression).step)
    assert meetings(launch.source) == expected
    if not nvrtc.missing():
        assert f".entry {launch.name}(" in nvrtc.ptx(in_one([launch]), 90)
        assert nvrtc.spilled(in_one([launch]), 90) == 0, "two blocks of a processor have too few registers"


@pytest.mark.parametrize(("rows", "widths"), [(20, (5, 12, 7, 3)), (259, (5, 12, 7, 3)), (20, (5, 12, 200))])
def test_the_numbers_of_eager_steps_and_the_same_bits_in_any_order(monkeypatch, rows, widths):
    """Of more rows than there may be blocks each takes several at a time, the last one fewer; and a long row has all threads."""
    eager, found = Network(rows, *widths, compiled=False), []
    for _ in range(4):
        eager.step()
    for blocks, order in ((1, 0), (3, 1), (5, 7), (40, 0)):
        monkeypatch.setattr(FakeCuda, "blocks", blocks)
        monkeypatch.setattr(FakeCuda, "order", order)
        network = Network(rows, *widths)
        network.step.repeat(4)
        found.append(network.numbers())
        assert meetings(network.source) == 2
    for a, b in zip(found[0], eager.numbers(), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-6)
    for others in found[1:]:
        for a, b in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_block_is_enough_for_a_very_small_network(monkeypatch):
    eager, found = Network(4, 2, 8, 1, regression=True, compiled=False), []
    for _ in range(5):
        eager.step()
    for order in ORDERS:
        monkeypatch.setattr(FakeCuda, "order", order)
        network = Network(4, 2, 8, 1, regression=True)
        network.step.repeat(5)
        found.append(network.numbers())
        assert network.step._latest.executable._tasks[0].launch.grid == (1, 1, 1)
    for a, *others, b in zip(*found, eager.numbers(), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-6)
        for other in others:
            np.testing.assert_array_equal(a, other)


def test_blocks_and_their_threads_have_to_meet_where_they_do(monkeypatch):
    """Without any one of the meetings, of all blocks or of the threads of a block, the numbers are others."""
    monkeypatch.setattr(executable, "CAPTURED_STEPS", 2)
    monkeypatch.setattr(FakeCuda, "libraries", {})  # in which places are numbered from 0

    def steps(without=-1, order=0):
        monkeypatch.setattr(FakeCuda, "order", order)
        monkeypatch.setattr(FakeCuda, "without", without)
        network = Network(8, 5, 40, 40, 3, optimizer=optim.SGD, regression=True)
        network.step.repeat(4)
        return np.concatenate([x.ravel() for x in network.numbers()]), network.source

    right, source = steps()
    for without in range(meetings(source)):
        assert any((steps(without, order)[0] != right).any() for order in ORDERS), f"nobody misses meeting {without}"
    between = source.count(persistent.THREADS_MEET)
    assert between == 4
    whole_step = executable.whole_step
    for number in range(between):

        def without(*given, number=number):
            launch = whole_step(*given)
            parts = launch.source.split(persistent.THREADS_MEET)
            less = persistent.THREADS_MEET.join(parts[: number + 1]) + persistent.THREADS_MEET.join(parts[number + 1 :])
            name = f"{launch.name}_without_{number}"
            return launch._replace(source=less.replace(launch.name, name), name=name)

        monkeypatch.setattr(executable, "whole_step", without)
        assert any((steps(order=order)[0] != right).any() for order in ORDERS), f"no thread misses meeting {number}"


def test_each_of_the_five_meetings_of_wide_layers_is_needed(monkeypatch):
    """As in 784-500-500-10: hidden layers by tiles, and between the last of them and the loss a chain."""
    monkeypatch.setattr(executable, "CAPTURED_STEPS", 2)
    monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 10_000)
    monkeypatch.setattr(FakeCuda, "libraries", {})  # in which places are numbered from 0

    def steps(without=-1, order=0, compiled=True):
        monkeypatch.setattr(FakeCuda, "order", order)
        monkeypatch.setattr(FakeCuda, "without", without)
        network = Network(20, 30, 40, 40, 4, optimizer=optim.SGD, compiled=compiled)
        if compiled:
            network.step.repeat(3)
            assert meetings(network.source) == 5
        else:
            network.step(), network.step(), network.step()
        return np.concatenate([x.ravel() for x in network.numbers()])

    right = steps()
    np.testing.assert_allclose(right, steps(compiled=False), 1e-4, 1e-6)
    for order in ORDERS:
        np.testing.assert_array_equal(steps(order=order), right)
    for without in range(5):
        assert any((steps(without, order) != right).any() for order in ORDERS), f"nobody misses meeting {without}"


@pytest.mark.parametrize(
    ("function", "meet"),
    [
        (lambda y: y * 2, False),
        (lambda y: y.flip(0), True),
        (lambda y: y[tg.arange(20) // 2], True),
        (lambda y: y.T @ tg.ones(20, 3), True),
        (lambda y: y.reshape(10, 12) @ tg.ones(12, 2), True),
        (lambda y: y - y.sum(axis=0), True),
        (lambda y: y[1:] * 3, True),
        (lambda y: y[:, 2:] * 3, False),
        (lambda y: tg.ones(20, 6) @ y.T.exp().reshape(6, 20), True),
    ],
)
def test_what_reads_other_rows_waits_for_all_blocks(monkeypatch, function, meet):
    monkeypatch.setattr(persistent, "SAVED_KERNELS", 1)
    monkeypatch.setattr(phases, "ONE_BLOCK_ELEMENTS", 0)
    w = tg.tensor(array(5, 6))

    def whole(x):
        y = (x @ w).sigmoid()
        return y, (function(y).exp() @ tg.ones(function(y).shape[1], 2)).tanh()

    step, x = tg.compile(whole), tg.tensor(array(20, 5))
    for order in ORDERS:
        monkeypatch.setattr(FakeCuda, "order", order)
        for found, expected in zip(step(x), whole(x), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-5, 1e-5)
    assert step._latest.executable.launched.startswith("as one kernel")
    assert (meetings(step.source) > 1) == meet


def test_rows_of_memory():
    """Rows of 16 bytes, one after the other: what touches the same row, and what touches the next one too."""
    whole, second_half = phases.Access(0, 160, 16, 16), phases.Access(8, 160, 16, 8)
    assert whole.row_by_row(whole)
    assert whole.row_by_row(second_half)
    assert not whole.row_by_row(phases.Access(16, 160, 16, 16))
    assert not whole.row_by_row(phases.Access(0, 160, 32, 32))
    assert not whole.row_by_row(phases.Access(0, 160))


# -- what is added up at the rows of a table -------------------------------------------------------------------------


class Letters(nn.Module):
    """Of three letters the next one: an embedding, and two layers."""

    def __init__(self):
        super().__init__()
        self.letters, self.hidden, self.out = nn.Embedding(27, 10), nn.Linear(30, 20), nn.Linear(20, 27)

    def forward(self, x):
        return self.out(self.hidden(self.letters(x).reshape(len(x), 30)).tanh())


def test_the_gradient_of_an_embedding_is_a_part_of_it(monkeypatch):
    """Its rows are added up in the same order in every run."""
    found = []
    for compiled, order in ((False, 0), *((True, order) for order in ORDERS)):
        monkeypatch.setattr(FakeCuda, "order", order)
        tg.manual_seed(3)
        model = Letters()
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        x, y = tg.arange(120).reshape(40, 3) ** 2 % 27, tg.arange(40) % 27

        def step(model=model, optimizer=optimizer, x=x, y=y):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step) if compiled else step
        for _ in range(4):
            run()
        found.append([z.numpy() for p in model.parameters() for z in (p, p.grad)])
    assert "in 2 phases" in run._latest.executable.launched
    for expected, a, *others in zip(*found, strict=True):
        np.testing.assert_allclose(a, expected, 1e-4, 1e-6)
        for other in others:
            np.testing.assert_array_equal(a, other)


@pytest.mark.parametrize("limit", [small.SMALL_SCATTER_ELEMENTS, 0])
def test_what_is_added_up_at_the_rows_of_a_table(monkeypatch, limit):
    """Places named twice, from behind, along any axis, of any kind of numbers; and of large tables as before."""
    monkeypatch.setattr(small, "SMALL_SCATTER_ELEMENTS", limit)
    x, places = array(6, 5), np.array([0, 3, -1, 3, 0, -2])

    def function(x, places):
        return (
            tg.grad(((x[places] * 2) ** 2).sum(), x)[0],
            tg.grad((x.T[:, places] ** 2).sum(), x)[0],
            tg.grad((x[places.reshape(2, 3)] ** 3).sum(), x)[0],
            tg.grad((x[tg.abs(places).astype("uint8")] ** 2).sum(), x)[0],
            tg.grad((x.astype("float16")[places] ** 2).sum(), x)[0],
        )

    given = tg.tensor(x, requires_grad=True), tg.tensor(places)
    step = tg.compile(function)
    for found, expected in zip(step(*given), function(*given), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-3, 1e-5)
    assert ("scatter_add" in str(step._latest.executable.program)) == (limit == 0)
