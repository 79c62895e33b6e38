"""A step that is one kernel on the GPU: its source runs on the CPU, by several blocks that wait for each other."""

from itertools import accumulate

import numpy as np
import nvrtc
import pytest
from fake_cuda import MARKS, ORDERS, FakeCuda, array
from test_compile_training import CASES, Training, adam, sgd

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.compile.gpu import executable, small, tiles
from tinygrad_ml.compile.gpu.runtime import in_one

pytestmark = [*MARKS, pytest.mark.usefixtures("one_kernel")]


@pytest.fixture
def by_tiles(monkeypatch):
    """Even small products are tiles."""
    monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 0)


def launched(step):
    executable = step._latest.executable
    return executable.launched, [graph.nodes() for graph in executable.graphs]


class Resident:
    """Images on the device, of which each step gathers a batch: as `train` does, in small."""

    def __init__(self, optimizer=adam, without=(), compiled=True, products="float32"):
        self.images = tg.tensor(np.random.default_rng(0).integers(0, 256, (60, 30)).astype(np.uint8))
        self.labels, self.order = tg.arange(60) % 10, tg.tensor(np.random.default_rng(1).permutation(60))
        self.position, self.offsets = tg.tensor(0), tg.arange(20)

        def network():
            layers = nn.Linear(30, 40), nn.Sigmoid(), nn.Linear(40, 40), nn.Sigmoid(), nn.Linear(40, 20)
            return nn.Sequential(*layers)

        self.training = Training(network, optimizer)
        self.step = tg.compile(self._step, without=without, products=products) if compiled else self._step

    def _step(self):
        batch = self.order[self.position + self.offsets]
        self.position.assign((self.position + 20) % 60)
        return self.training.step(self.images[batch].astype("float32") / 255, self.labels[batch])[0]

    def numbers(self):
        """All that a training leaves behind."""
        parameters = list(self.training.model.parameters())
        state = [value for p in parameters for value in self.training.optimizer.state[p].values()]
        arrays = [x.numpy() for x in (*parameters, *(p.grad for p in parameters))]
        return [
            *arrays,
            *(np.asarray(getattr(x, "_data", x)) if not isinstance(x, tg.Tensor) else x.numpy() for x in state),
        ]


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-6)


@pytest.mark.usefixtures("by_tiles")
def test_many_steps_are_one_launch_and_the_numbers_of_eager_steps():
    """20 steps: two while it is recorded and captured, and 16 as one launch of one kernel; and two more."""
    eager, one = Resident(compiled=False), Resident()
    expected = [eager.step().item() for _ in range(20)]
    found = [one.step().item() for _ in range(2)]
    FakeCuda.launched = 0
    found.append(one.step.repeat(16).item())
    assert FakeCuda.launched == 1
    found += [one.step().item() for _ in range(2)]
    np.testing.assert_allclose(found, [*expected[:2], expected[17], *expected[18:]], 1e-4)
    close(one.numbers(), eager.numbers())
    said, nodes = launched(one.step)
    assert said == "as one kernel for all steps of a call, in 7 phases between which all blocks meet"
    assert nodes == [1]
    assert "in 7 phases" in " ".join(one.step.explain().split())


@pytest.mark.usefixtures("by_tiles")
def test_the_same_bits_whatever_blocks_there_are_and_in_whichever_order(monkeypatch):
    found = []
    for blocks, order in ((1, 0), (2, 1), (5, 7), (264, 0)):
        monkeypatch.setattr(FakeCuda, "blocks", blocks)
        monkeypatch.setattr(FakeCuda, "order", order)
        training = Resident()
        training.step.repeat(4)
        found.append(training.numbers())
    for others in found[1:]:
        for a, b in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("by_tiles")
def test_blocks_have_to_meet_at_each_place_where_they_do(monkeypatch):
    """Without any one of the meetings the numbers are others, in one order of the blocks or another."""
    monkeypatch.setattr(executable, "CAPTURED_STEPS", 2)
    monkeypatch.setattr(FakeCuda, "libraries", {})  # in which places are numbered from 0
    training = Resident(sgd)
    training.step()
    parameters = list(training.training.model.parameters())
    begin = [p.numpy() for p in parameters]

    def steps(without, order):
        monkeypatch.setattr(FakeCuda, "order", order)
        monkeypatch.setattr(FakeCuda, "without", without)
        training.position.assign(0)
        for p, start in zip(parameters, begin, strict=True):
            p.assign(start)
        training.step.repeat(2)
        return np.concatenate([p.numpy().ravel() for p in parameters])

    right = steps(-1, 0)
    meetings = training.step.source.count("all_blocks_meet(arrived);")
    assert meetings == 7
    for without in range(meetings):
        assert any((steps(without, order) != right).any() for order in ORDERS), f"nobody misses meeting {without}"
    for order in ORDERS:
        np.testing.assert_array_equal(steps(-1, order), right)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", ["Adam", "all", "convolution", "clipping"])
def test_training_side_by_side(monkeypatch, case, order):
    if case in ("all", "convolution"):
        monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 0)
    monkeypatch.setattr(FakeCuda, "order", order)
    options = (CASES[case][0], sgd) if case == "convolution" else CASES[case]
    eager, compiled = Training(*options), Training(*options, compiled=True)
    tg.manual_seed(7)
    expected = eager.run(6)
    tg.manual_seed(7)
    np.testing.assert_allclose(compiled.run(6), expected, 1e-4)
    a, b = eager.model.state_dict(), compiled.model.state_dict()
    for name in a:
        np.testing.assert_allclose(b[name].numpy(), a[name].numpy(), 1e-4, 1e-5, err_msg=name)
    said, nodes = launched(compiled.step)
    assert "as one kernel" in said
    assert nodes == [2 if case == "all" else 1]  # a draw for dropout goes before


# -- products ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_tiles")
@pytest.mark.parametrize("size", tiles.SIZES)
def test_products_in_tiles_of_any_size(monkeypatch, size):
    monkeypatch.setattr(tiles, "SIZES", (size,))
    steps, given = [], []
    for m, k, n in ((1, 1, 1), (3, 70, 5), (65, 33, 40), (16, 32, 64)):
        given += [(array(m, k), array(k, n)), (array(k, m).T, array(n, k).T), (array(2, 1, m, k), array(3, k, n))]
    given.append((array(9, 40).astype("float64"), array(40, 7).astype("float64")))

    def products(*pairs):
        return [a @ b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]

    steps = tg.compile(products)
    for (a, b), found in zip(given, steps(*(tg.tensor(x) for pair in given for x in pair)), strict=True):
        np.testing.assert_allclose(found.numpy(), a @ b, 1e-4, 1e-5)
    assert launched(steps)[1] == [1]


@pytest.mark.usefixtures("by_tiles")
@pytest.mark.parametrize("size", tiles.SIZES)
def test_products_by_tensor_cores(monkeypatch, size):
    """Of numbers that are exact in 10 digits they are exact, and others are rounded before, and not behind."""
    monkeypatch.setattr(tiles, "SIZES", (size,))
    whole = np.random.default_rng(0).integers(-9, 10, (2, 70, 70)).astype("float32")
    step = tg.compile(lambda a, b, x, y: (a[:50] @ b, a.T @ b.T, x[:40] @ y + 1, x @ y), products="tf32")
    a, b, x, y = *whole, *np.random.default_rng(1).standard_normal((2, 70, 70), np.float32)
    first, second, third, _ = step(*map(tg.tensor, (a, b, x, y)))
    np.testing.assert_array_equal(first.numpy(), a[:50] @ b)
    np.testing.assert_array_equal(second.numpy(), a.T @ b.T)
    rounded = [((z.view(np.int32) + 0x1000) & ~0x1FFF).view(np.float32).astype(float) for z in (x[:40], y)]
    np.testing.assert_allclose(third.numpy(), rounded[0] @ rounded[1] + 1, 1e-5, 1e-5)
    assert "mma.sync" in step.source
    assert launched(step)[1] == [1]


@pytest.mark.usefixtures("by_tiles")
def test_what_stands_around_a_product_is_a_part_of_it():
    """A gather and arithmetic before, a bias, an activation and a mask behind, and what others need of each."""
    table, w = tg.tensor(array(50, 33)), tg.tensor(array(33, 20))

    def function(index, bias, mask):
        x = table[index] * 2
        y = (x @ w + bias).sigmoid()
        return y * mask, (y * mask).sum(axis=0), x.T @ y, x

    step, given = tg.compile(function), (tg.arange(35) % 50, tg.tensor(array(20)), tg.tensor(array(35, 20)) > 0)
    for found, expected in zip(step(*given), function(*given), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-4, 1e-4)
    names = [kernel.name for kernel in step._latest.executable.kernels]
    assert "gather mul matmul add sigmoid cast mul" in names
    assert "in 2 phases" in launched(step)[0]


@pytest.mark.usefixtures("by_tiles")
def test_a_weight_is_not_overwritten_while_others_multiply_by_it():
    """The product that reads it has to be done before the update that stands behind another product."""
    w, v = tg.tensor(array(40, 40)), tg.tensor(array(40, 40))

    def step(x):
        y = x @ w
        w.assign(w - 0.1 * (x.T @ x))
        v.assign((v @ v) * 0.1)  # which cannot be computed where it lies
        return y @ v

    results = []
    for compiled in (False, True):
        w.assign(array(40, 40)), v.assign(array(40, 40))
        run = tg.compile(step) if compiled else step
        x = tg.tensor(array(20, 40) / 10)
        results.append([*(run(x).numpy() for _ in range(3)), w.numpy(), v.numpy()])
    close(results[1], results[0])


# -- what is one kernel, and what is not ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x @ x.exp(), "2 kernels are too few to save launches"),
        (lambda x: x.argsort(), "argsort runs as in eager mode"),
        (
            lambda x: tg.scatter_add(tg.ones(4, 5), [[0], [0]], x.reshape(4, 5)[:2, :1]),
            "adds in another order in every run",
        ),
        (lambda x: tuple(accumulate([x] * 520)), "pointers are more than a kernel takes, 512"),
        (lambda x: (tg.ones(4000, 4000) * x[0]).exp(), "more than the second-level cache has, 52,428,800"),
        (lambda x: (x.reshape(10, 2) @ tg.ones(2, 3)).astype("float16") @ tg.ones(3, 2, dtype="float16"), "library's"),
    ],
)
def test_why_not(function, reason):
    step = tg.compile(function)
    step(tg.tensor(array(20)))
    assert reason in " ".join(step.explain().split())


def test_left_out_and_without_a_cache(monkeypatch):
    step = tg.compile(lambda x: x + 1, without=("persistent",))
    step(tg.ones(3))
    assert "left out" in step.explain()
    monkeypatch.setattr(FakeCuda, "cache_bytes", 0)
    step = tg.compile(lambda x: x + 1)
    assert step(tg.ones(3)).tolist() == [2, 2, 2]
    assert "more than the second-level cache has, 0" in " ".join(step.explain().split())
    with tg.device("cpu"):
        step = tg.compile(lambda x: x + 1)
        step(tg.ones(3))
    assert "launched" not in step.explain()


@pytest.mark.skipif(bool(nvrtc.missing()), reason=nvrtc.missing())
@pytest.mark.parametrize("products", ["float32", "tf32"])
@pytest.mark.parametrize("architecture", [75, 80, 90])
def test_the_kernel_of_a_step_compiles(monkeypatch, architecture, products):
    class Seen(Exception):
        pass

    def seen(phases, from_host):
        raise Seen(whole_step(phases, from_host))

    whole_step = executable.whole_step
    monkeypatch.setattr(executable, "whole_step", seen)
    monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 20 * 40 * 10)
    with pytest.raises(Seen) as raised:
        Resident(products=products).step()
    (launch,) = raised.value.args
    assembly = nvrtc.ptx(in_one([launch]), architecture)
    assert f".entry {launch.name}(" in assembly
    assert ("mma.sync" in assembly) == (products == "tf32" and architecture >= 80)
