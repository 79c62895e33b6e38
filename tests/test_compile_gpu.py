"""Compiled programs on a GPU: what is captured, what is copied, what is kept. On a GPU that runs on the CPU."""

import gc

import numpy as np
import pytest
import strict
from fake_cuda import MARKS, FakeCuda, Refused, array
from test_compile_training import CASES, Training, adam, dropping, mlp, sgd

import tinygrad_ml as tg
from tinygrad_ml.compile.gpu import small
from tinygrad_ml.compile.gpu.runtime import UPLOADS_UNDER_WAY, Ring, in_one
from tinygrad_ml.errors import CompileError, OptionError
from tinygrad_ml.nn import functional as F
from tinygrad_ml.optim import lr_scheduler

pytestmark = MARKS


@pytest.fixture(autouse=True)
def _on_the_device():
    FakeCuda.captured = FakeCuda.launched = FakeCuda.uploaded = 0
    with tg.device("strict"):
        yield


@pytest.fixture
def by_library(monkeypatch):
    """Products are the library's, even small ones."""
    monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 0)


def counts():
    """(graphs captured, graphs launched, copies from the host) since the last time."""
    now = FakeCuda.captured, FakeCuda.launched, FakeCuda.uploaded
    FakeCuda.captured = FakeCuda.launched = FakeCuda.uploaded = 0
    return now


# -- training ------------------------------------------------------------------------------------------


# A bias before a batch norm has a gradient of rounding errors, of which Adam makes steps of full size.
OURS = {name: CASES[name] for name in ("Adam", "momentum", "dropout", "all")}
OURS |= {name: (CASES[name][0], sgd) for name in ("batch norm, layer norm", "convolution")}


@pytest.mark.parametrize("case", OURS)
def test_training_side_by_side(case):
    eager, compiled = Training(*OURS[case]), Training(*OURS[case], compiled=True)
    tg.manual_seed(7)
    expected = eager.run(10)
    tg.manual_seed(7)
    np.testing.assert_allclose(compiled.run(10), expected, 1e-4)
    a, b = eager.model.state_dict(), compiled.model.state_dict()
    for name in a:
        np.testing.assert_allclose(b[name].numpy(), a[name].numpy(), 1e-4, 1e-5, err_msg=name)
    assert [g["lr"] for g in eager.optimizer.param_groups] == [g["lr"] for g in compiled.optimizer.param_groups]


@pytest.mark.usefixtures("by_library")
@pytest.mark.parametrize("case", ["Adam", "convolution"])
def test_training_with_products_of_the_library(case):
    test_training_side_by_side(case)


def test_a_step_of_a_network_takes_as_few_launches_as_can_be(monkeypatch):
    """From the gathering of its batch to the update: five products of wide layers, and eight kernels."""
    monkeypatch.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 20 * 40 * 10)
    images, labels, order = tg.tensor(array(60, 30)), tg.arange(60) % 10, tg.arange(60)
    position, offsets = tg.tensor(0), tg.arange(20)

    def wide():
        layers = tg.nn.Linear(30, 40), tg.nn.Sigmoid(), tg.nn.Linear(40, 40), tg.nn.Sigmoid(), tg.nn.Linear(40, 10)
        return tg.nn.Sequential(*layers)

    def losses(compiled):
        position.assign(0)
        training = Training(wide, adam)

        def step():
            batch = order[position + offsets]
            position.assign((position + 20) % 60)
            return training.step(images[batch], labels[batch])[0]

        step = tg.compile(step) if compiled else step
        return [step().item() for _ in range(6)], step

    expected, (found, step) = losses(False)[0], losses(True)
    np.testing.assert_allclose(found, expected, 1e-4)
    assert nodes(step) == [13]


def test_small_products_are_a_part_of_kernels():
    """Forward and back through the last layers of a classifier: one launch after the other, and no product between."""

    def slopes(h, w, y):
        logits = h.sigmoid() @ w
        loss = F.cross_entropy(logits, y)
        return loss, *tg.grad(loss, [h, w])

    h, w, y = (
        tg.tensor(array(20, 50), requires_grad=True),
        tg.tensor(array(50, 10), requires_grad=True),
        tg.arange(20) % 10,
    )
    step, expected = tg.compile(slopes), slopes(h, w, y)
    for found, wanted in zip(step(h, w, y), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), 1e-4, 1e-6)
    assert nodes(step) == [4]  # the sigmoids, their product, the loss of rows, and the rest
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(small, "SMALL_PRODUCT_MULTIPLICATIONS", 20 * 50 * 10 - 1)
        step = tg.compile(slopes)
        step(h, w, y)
    assert nodes(step) == [6]


@pytest.mark.parametrize("without", [(), ("in_place",), ("fusion",)])
@pytest.mark.parametrize("alike", [True, False])
def test_updates_that_read_what_others_write(without, alike):
    """Equal updates are one launch only where the order does not matter."""

    def training(compiled):
        a, b, c = (tg.tensor(array(4) * n) for n in (1, 2, 3))

        def step():
            a.assign(a * 0.5 + b)
            b.assign(b * 0.5 + c)
            c.assign(c * 0.5 + a if alike else c - 1)

        step = tg.compile(step, without=without) if compiled else step
        for _ in range(3):
            step()
        return [x.numpy() for x in (a, b, c)]

    np.testing.assert_allclose(training(True), training(False), 1e-6)


def nodes(step):
    return [graph.nodes() for graph in step._latest.executable.graphs]


@pytest.mark.usefixtures("by_library")
def test_what_does_not_need_each_other_is_one_launch():
    """A kernel waits for the next one, unless something needs it."""
    step = tg.compile(lambda x, w: (x.exp().sum(axis=1), (x @ w).sum(axis=0), x.max(), x + 1))
    x, w = tg.tensor(array(30, 40)), tg.tensor(array(40, 20))
    for found, expected in zip(step(x, w), (x.exp().sum(axis=1), (x @ w).sum(axis=0), x.max(), x + 1), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-5, 1e-5)
    assert nodes(step) == [2]  # with the product
    apart = tg.compile(lambda x, w: (x.exp().sum(axis=1), (x @ w).sum(axis=0), x.max(), x + 1), without=("fusion",))
    apart(x, w)
    assert nodes(apart) == [6]


@pytest.mark.usefixtures("by_library")
@pytest.mark.parametrize("backwards", [False, True])
def test_kernels_of_one_launch_may_run_in_any_order(monkeypatch, backwards):
    """None of them writes where another one reads: to memory that was freed, or to state."""
    monkeypatch.setattr(FakeCuda, "backwards", backwards)
    total = tg.zeros(64, 64)

    def function(x, w):
        y = x @ w
        a = y.exp()  # the last one that needs y
        b = x.tanh()  # which could lie there, were it not for the same launch
        total.assign(total + b.sum(axis=0))
        return total.mT.exp().sum(), a @ w, b @ w

    step, x, w = tg.compile(function), tg.tensor(array(64, 64)), tg.tensor(array(64, 64) / 64)
    expected = [function(x, w) for _ in range(3)][-1]
    total.assign(0)
    for _ in range(3):
        found = step(x, w)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-4, 1e-4)


def test_a_batch_is_gathered_in_one_launch():
    """Places, images and labels, and what is made of them."""
    images = tg.tensor(np.random.default_rng(0).integers(0, 256, (60, 7)).astype(np.uint8))
    labels, order = tg.arange(60) % 4, tg.tensor(np.random.default_rng(0).permutation(60))
    position, offsets = tg.tensor(0), tg.arange(10)

    def step():
        batch = order[position + offsets]
        position.assign((position + 10) % 60)
        return images[batch].astype("float32") / 255, labels[batch] == 2

    compiled, expected = tg.compile(step), [step() for _ in range(12)]
    for pair in expected:
        for found, wanted in zip(compiled(), pair, strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    assert nodes(compiled) == [2]  # and the next position, when all have read the last one
    apart = tg.compile(step, without=("fusion",))
    np.testing.assert_array_equal(apart()[0].numpy(), expected[0][0].numpy())
    assert nodes(apart) == [9]  # one for each operation: nothing is computed again


@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_looked_up_is_not_overwritten_by_those_who_look(monkeypatch, backwards):
    monkeypatch.setattr(FakeCuda, "backwards", backwards)
    reverse = np.arange(99, -1, -1)

    def training(compiled):
        w, places, rest = tg.tensor(array(100)), tg.tensor(reverse), tg.tensor(array(100))

        def step():
            w.assign(w[places] * 0.5 + 1)
            places.assign(tg.tensor(reverse)[places])
            total = w[::2][places[:50] // 2].sum()
            rest.assign(rest - total)
            return total

        step = tg.compile(step) if compiled else step
        return [step().item() for _ in range(4)], w.numpy(), places.numpy(), rest.numpy()

    for found, expected in zip(training(True), training(False), strict=True):
        np.testing.assert_allclose(found, expected, 1e-5)


def test_a_few_numbers_are_gone_through_again_along_any_axis():
    for n, kernels in ((4, 1), (32, 1), (33, 2)):
        step, x = tg.compile(lambda x: x.exp() / x.exp().sum(axis=0, keepdims=True)), tg.tensor(array(n, 5, 7))
        np.testing.assert_allclose(step(x).numpy().sum(axis=0), np.ones((5, 7)), 1e-5)
        assert nodes(step) == [kernels]


def test_places_of_many_elements_are_computed_once():
    for n, kernels in ((1 << 18, ["add gather mul"]), (1 << 19, ["add", "gather mul"])):
        x, i = tg.ones(8, n // 4), tg.arange(4)
        step = tg.compile(lambda x, i: x[i + 1] * 2)
        assert (step(x, i).numpy() == 2).all()
        executable = step._latest.executable
        assert [k.name for k in executable.kernels if k.outputs and k.kind == "loop"] == kernels


def test_a_step_is_one_graph_and_applied_once():
    eager, compiled = Training(mlp, adam), Training(mlp, adam, compiled=True)
    expected = eager.run(1)
    counts()
    np.testing.assert_allclose(compiled.run(1), expected, 1e-6)
    assert counts() == (1, 1, 1)
    for p, q in zip(eager.model.parameters(), compiled.model.parameters(), strict=True):
        np.testing.assert_allclose(q.numpy(), p.numpy(), 1e-5, 1e-6)
    compiled.run(1)  # there are gradients at its start now, so that it is another program
    counts()
    compiled.run(5)
    assert counts() == (0, 5, 5)
    assert not compiled.step.explanation.uncompiled


def test_numbers_that_have_not_changed_are_not_sent_again():
    training = Training(mlp, sgd, compiled=True)
    training.run(3)
    counts()
    training.run(5)
    assert counts() == (0, 5, 0)
    training.optimizer.param_groups[0]["lr"] = 0.01
    training.run(5)
    assert counts() == (0, 5, 1)


def test_a_launch_waits_for_nothing():
    training = Training(mlp, adam, compiled=True)
    x, y = tg.tensor(array(12, 6)), tg.tensor(np.zeros(12, np.int64))
    for _ in range(3):
        training.step(x, y)
    before = strict.host_looks
    losses = [training.step(x, y)[0] for _ in range(5)]
    assert strict.host_looks == before
    assert tg.stack(losses).numpy()[-1] < losses[0].item()


# -- arguments and results -----------------------------------------------------------------------------


@pytest.mark.usefixtures("by_library")
def test_arguments_as_tensors_arrays_and_views():
    step = tg.compile(lambda a, b: a @ b - b.sum())
    a, b = array(5, 4), array(4, 3)
    expected = a @ b - b.sum()
    for given in (
        (tg.tensor(a), tg.tensor(b)),
        (a, b),
        (tg.tensor(a.T).T, tg.tensor(b.T).T),
        (tg.tensor(np.concatenate([a, a]))[:5], b),
    ):
        np.testing.assert_allclose(step(*given).numpy(), expected, 1e-5, 1e-6)
    assert len(step._programs) == 1


def test_arguments_of_the_host_are_moved_by_the_step():
    step = tg.compile(lambda x: x.to("strict") * 2)
    for factor in (1, 2):
        found = step(tg.tensor(array(3) * factor, device="cpu"))
        assert found.device == "strict"
        np.testing.assert_array_equal(found.numpy(), array(3) * factor * 2)


def test_an_argument_is_overwritten():
    @tg.compile
    def advance(total, x):
        total.assign(total + x)
        return total.sum()

    total = tg.zeros(3)
    for i in range(1, 4):
        assert advance(total, tg.ones(3)).item() == 3 * i
    assert total.tolist() == [3, 3, 3]


@pytest.mark.parametrize("n", [10, 10_000])
def test_a_result_that_is_kept_is_not_overwritten(n):
    step = tg.compile(lambda x: (x + 1, x.reshape(2, -1) * 2))
    kept = []
    for i in range(5):
        kept.append(step(tg.full((n,), i)))
    for i, (a, b) in enumerate(kept):
        assert (a.numpy() == i + 1).all()
        assert (b.numpy() == 2 * i).all()
        assert b.shape == (2, n // 2)
    captured, _, _ = counts()
    assert captured <= 2  # the first time that one is kept, and never again


def test_a_view_of_a_kept_result_is_not_overwritten():
    step = tg.compile(lambda x: x * 1)
    kept = [step(tg.full((10_000,), i))[5:8] for i in range(4)]
    assert [part.numpy()[0] for part in kept] == [0, 1, 2, 3]


def test_a_large_result_that_nobody_keeps_lies_where_the_last_one_lay():
    step = tg.compile(lambda x: x * 1)
    places = set()
    for i in range(4):
        y = step(tg.full((10_000,), i))
        places.add(y._data._host.ctypes.data)
        assert (y.numpy() == i).all()
        del y
    assert len(places) == 1
    assert counts()[0] == 1


def test_kept_gradients():
    training = Training(mlp, sgd, compiled=True)
    weight = next(training.model.parameters())
    kept = []
    for i in range(4):
        training.run(1, start=i)
        kept.append((weight.grad, weight.grad.numpy()))
    for gradient, numbers in kept:
        np.testing.assert_array_equal(gradient.numpy(), numbers)
    assert not np.array_equal(kept[0][1], kept[3][1])


def test_gradients_that_accumulate():
    w = tg.tensor(array(3, 4), requires_grad=True)
    step = tg.compile(lambda x: (w * x).sum().backward())
    for i in range(1, 5):
        step(tg.ones(3, 4))
        assert (w.grad.numpy() == i).all()


def test_a_tensor_of_the_caller_that_takes_new_values():
    total = tg.zeros(2)

    @tg.compile
    def add(x):
        nonlocal total
        total += x

    for _ in range(4):
        add(tg.ones(2))
    assert total.tolist() == [4, 4]


def test_results_of_nothing():
    step = tg.compile(lambda x: (x * 2, x.sum(), (x @ tg.ones(0, 3))))
    for _ in range(2):
        empty, total, product = step(tg.ones(4, 0))
        assert empty.shape == (4, 0)
        assert total.item() == 0
        assert not product.numpy().any()


# -- what a graph points to ----------------------------------------------------------------------------


def test_state_that_was_moved_is_used():
    w = tg.tensor([1.0, 2.0])
    step = tg.compile(lambda x: x * w)
    assert step(tg.ones(2)).tolist() == [1, 2]
    w.assign([3.0, 4.0])
    assert step(tg.ones(2)).tolist() == [3, 4]
    assert counts()[0] == 1
    w.data = tg.tensor([5.0, 6.0]).data
    assert step(tg.ones(2)).tolist() == [5, 6]
    assert counts()[0] == 1
    gc.collect()
    assert step(tg.ones(2)).tolist() == [5, 6]


def test_a_loaded_state_is_used():
    training = Training(mlp, adam, compiled=True)
    training.run(3)
    model, optimizer = training.model.state_dict(), training.optimizer.state_dict()
    expected = training.run(3, start=1)
    training.model.load_state_dict(model)
    training.optimizer.load_state_dict(optimizer)
    np.testing.assert_allclose(training.run(3, start=1), expected, 1e-6)


def test_a_model_that_moves_to_the_host_and_back():
    reference, training = Training(mlp, sgd), Training(mlp, sgd, compiled=True)
    expected, found = [], []
    for device in ("strict", "cpu", "strict"):
        training.model.to(device)
        expected += reference.run(3)
        with tg.device(device):
            found += training.run(3)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_a_seed_restarts_the_stream():
    model = dropping()
    step = tg.compile(lambda x: model(x))
    x = tg.ones(4, 6)
    found = []
    for _ in range(2):
        tg.manual_seed(11)
        found += [step(x).numpy(), step(x).numpy()]
    tg.manual_seed(11)
    expected = [model(x).numpy(), model(x).numpy()]
    for a, b in zip(found, expected * 2, strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    assert not np.array_equal(expected[0], expected[1])


def test_draws_of_all_kinds():
    def draw():
        order = tg.random.permutation(7)
        noise = tg.random.randn(7) + tg.random.rand(7)
        return noise[order], order, tg.random.integers(10, size=(2, 3)), tg.random.rand(2), tg.random.choice(9, size=3)

    step = tg.compile(draw)
    tg.manual_seed(3)
    expected = [draw() for _ in range(3)]
    tg.manual_seed(3)
    for parts in expected:
        for a, b in zip(parts, step(), strict=True):
            assert b.device == "strict"
            np.testing.assert_allclose(b.numpy(), a.numpy(), 1e-6)


@pytest.mark.parametrize("failing", ["kernels", "capture"])
def test_what_failed_is_done_again(monkeypatch, failing):
    w = tg.ones(2)
    step = tg.compile(lambda x: w.assign(w + x))
    with monkeypatch.context() as patched:
        patched.setattr(FakeCuda, failing, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            step(tg.ones(2))
    assert w.tolist() == [1, 1]
    step(tg.ones(2))
    assert w.tolist() == [2, 2]


# -- what cannot be captured ---------------------------------------------------------------------------


def test_what_cannot_be_captured_runs_between_two_graphs():
    def function(x):
        y = (x @ x.mT).exp() + tg.eye(4)
        return (tg.linalg.inv(y) * 2 + 1).sum(axis=0), y

    step = tg.compile(function)
    for factor in (1.0, 0.5):
        x = tg.tensor(array(4, 3) * np.float32(factor))
        for a, b in zip(function(x), step(x), strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), 1e-4, 1e-5)
    assert counts() == (2, 4, 0)
    assert "no compiled form, so run eagerly: inv" in step.explain()
    assert "as in eager mode, between two graphs" in step.source


def recurrent(reverse=False, seed=0):
    rng = np.random.default_rng(seed)
    weight, inside = (
        tg.tensor(rng.standard_normal((16, 4)) * 0.3, dtype="float32", requires_grad=True) for _ in range(2)
    )
    xs = tg.tensor(rng.standard_normal((5, 3, 4)), dtype="float32")

    def step(xs):
        weight.grad = inside.grad = None
        start = tg.zeros((3, 4)), tg.zeros((3, 4))
        (h, c), ys = tg.scan(
            lambda s, x: ((s := F.lstm_step(F.linear(x, weight), *s, inside)), s[0]), start, xs, reverse=reverse
        )
        loss = (ys * ys).mean() + c.mean() + h[0, 0]
        loss.backward()
        weight.assign(weight - 0.1 * weight.grad)
        inside.assign(inside - 0.1 * inside.grad)
        return loss, ys[1:3]

    return step, xs, (weight, inside)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_is_laid_out_and_a_part_of_the_one_graph(reverse):
    found = []
    for compiled in (False, True):
        step, xs, parameters = recurrent(reverse)
        run = tg.compile(step) if compiled else step
        results = [run(xs) for _ in range(3)]
        found.append([x.numpy() for x in (*[r[0] for r in results], *results[-1], *parameters)])
    for eager, laid_out in zip(*found, strict=True):
        np.testing.assert_allclose(laid_out, eager, rtol=1e-5, atol=1e-6)
    assert len(run._latest.executable.graphs) == 1


def test_products_of_integers():
    step = tg.compile(lambda a: (a @ a) + 1)
    a = tg.arange(9, dtype="int64").reshape(3, 3)
    assert step(a).tolist() == ((a @ a) + 1).tolist()


@pytest.mark.usefixtures("by_library")
def test_operands_that_have_to_be_copied_first():
    def function(x):
        return x[::2, ::2] @ x[1:3, ::-2].mT + tg.broadcast_to(x[:1, :2], (2, 2)) @ x[:2, :2]

    step, x = tg.compile(function), tg.tensor(array(4, 4))
    for _ in range(2):
        np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), 1e-5, 1e-6)


def test_labels_are_not_looked_at():
    """A look would have to wait for the device: as in eager mode."""
    loss = tg.compile(lambda x, y: F.cross_entropy(x, y))
    loss(tg.zeros(2, 3), tg.tensor([0, 2]))
    before = strict.host_looks
    loss(tg.zeros(2, 3), tg.tensor([0, 1]))
    assert strict.host_looks == before


def test_tensors_on_two_devices():
    w = tg.ones(2, device="cpu")
    with pytest.raises(CompileError, match="on one device, but there is .*strict.*cpu"):
        tg.compile(lambda x: (x + 1, w + 1))(tg.ones(2))


# -- products in other precisions ----------------------------------------------------------------------


def test_precision_of_products():
    a, b = array(200, 300), array(300, 20)
    exact = a.astype(float) @ b.astype(float)
    errors = {}
    for products in ("float32", "tf32", "float16"):
        step = tg.compile(lambda a, b: a @ b, products=products)
        errors[products] = abs(step(a, b).numpy() - exact).max()
        with tg.device("cpu"):
            np.testing.assert_allclose(step(a, b).numpy(), exact, atol=1e-4)
    assert errors["float32"] < 1e-4 < min(errors["tf32"], errors["float16"])
    assert max(errors.values()) < 0.1
    with pytest.raises(OptionError, match="products='bfloat16' is none of 'float32', 'tf32', 'float16'"):
        tg.compile(lambda x: x, products="bfloat16")


# -- several steps in one call -------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("times", [1, 5, 50])
def test_repeat_leaves_what_as_many_calls_leave(device, times):
    case = dropping, adam, 0.5, lambda o: lr_scheduler.CosineAnnealingLR(o, 60)
    with tg.device(device):
        a, b = Training(*case, compiled=True), Training(*case, compiled=True)
        x, y = tg.tensor(array(12, 6)), tg.tensor(np.arange(12) % 4)
        tg.manual_seed(5)
        expected = [a.step(x, y)[0].item() for _ in range(times)][-1]
        tg.manual_seed(5)
        loss, _ = b.step.repeat(times, x, y)
        assert loss.item() == pytest.approx(expected, 1e-5)
        for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
            np.testing.assert_allclose(q.numpy(), p.numpy(), 1e-5, 1e-6)
            np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), 1e-4, 1e-6)
            assert b.optimizer.state[q]["step"] == times
        assert b.schedule.last_epoch == a.schedule.last_epoch
        assert b.optimizer.param_groups[0]["lr"] == a.optimizer.param_groups[0]["lr"]


def test_repeat_takes_fewer_launches_than_steps():
    training = Training(mlp, adam, compiled=True)
    x, y = tg.tensor(array(12, 6)), tg.tensor(np.arange(12) % 4)
    training.step.repeat(40, x, y)
    counts()
    training.step.repeat(40, x, y)
    captured, launched, sent = counts()
    assert (captured, launched, sent) == (0, 2 + 8, 2 + 8)  # twice sixteen, and eight times one


@pytest.mark.usefixtures("by_library")
def test_gradients_are_not_kept_by_repeat():
    """Large ones are handed out where they lie, so they have to be given back before the next step."""

    def large():
        return tg.nn.Sequential(tg.nn.Linear(6, 900), tg.nn.ReLU(), tg.nn.Linear(900, 4))

    training = Training(large, sgd, compiled=True)
    x, y = tg.tensor(array(12, 6)), tg.tensor(np.arange(12) % 4)
    training.step.repeat(20, x, y)
    assert counts()[0] == 2  # a step, and sixteen
    training.step.repeat(20, x, y)
    training.run(3)
    assert counts()[0] == 0


def test_an_epoch_by_repeat():
    images, labels = tg.tensor(array(60, 6)), tg.tensor(np.arange(60) % 4)

    def epoch(compiled):
        tg.manual_seed(2)
        training = Training(mlp, adam)
        order, position = tg.random.permutation(60), tg.tensor(0)

        def step():
            batch = order[position + tg.arange(10)]
            position.assign((position + 10) % 60)
            return training.step(images[batch], labels[batch])[0]

        losses = []
        if compiled:
            step = tg.compile(step)
            losses = [step.repeat(6).item(), step.repeat(60).item()]
        else:
            losses = [[step().item() for _ in range(times)][-1] for times in (6, 60)]
        return losses, position.item(), [p.numpy() for p in training.model.parameters()]

    expected, found = epoch(False), epoch(True)
    np.testing.assert_allclose(found[0], expected[0], 1e-4)
    assert found[1] == expected[1] == 0
    for a, b in zip(found[2], expected[2], strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_repeat_of_what_moves_in_every_step():
    w = tg.tensor(array(3), requires_grad=True)
    step = tg.compile(lambda x: (w * x).sum().backward())  # adds to the gradient
    step.repeat(30, tg.ones(3))
    assert w.grad.tolist() == [30, 30, 30]
    total = tg.zeros(2)

    @tg.compile
    def solve(x):
        total.assign(total + tg.linalg.inv(x)[0])

    solve.repeat(20, tg.eye(2))
    assert total.tolist() == [20, 0]
    with pytest.raises(OptionError, match="once or more often, not 0 times"):
        solve.repeat(0, tg.eye(2))


def test_an_argument_that_changes_in_repeated_steps():
    @tg.compile
    def count(x):
        x[0] = x[0] + 1

    x = tg.zeros(3)
    count.repeat(40, x)
    assert x.tolist() == [40, 0, 0]


def test_permutations_in_repeated_steps():
    def run(compiled):
        tg.manual_seed(4)
        total = tg.zeros(5, dtype="int64")

        def step():
            total.assign(total * 3 % 1000 + tg.random.permutation(5))

        if compiled:
            tg.compile(step).repeat(40)
        else:
            for _ in range(40):
                step()
        return total.tolist()

    assert run(True) == run(False)


# -- the pieces ----------------------------------------------------------------------------------------


def test_the_host_waits_before_it_overwrites_what_the_device_has_not_read():
    """Copies from the host are read later: what was sent must still be there then."""
    waiting, received = [], []

    class Event:
        def __init__(self):
            self.pending = None

        def record(self):
            self.pending = waiting[-1]

        def synchronize(self):
            while self.pending is not None and self.pending in waiting:
                waiting.pop(0)()

    buffers = {}

    def buffer(nbytes):
        made = np.zeros(nbytes, np.uint8)
        buffers[id(made)] = made
        return made, id(made)

    ring = Ring(buffer, Event)
    for i in range(5 * UPLOADS_UNDER_WAY):
        size = 4 if i < 20 else 8

        def read(address, size=size):
            waiting.append(lambda: received.append(buffers[address][:size].copy()))

        ring.send(np.full(size, i, np.uint8), read)
        assert len(waiting) <= UPLOADS_UNDER_WAY
    while waiting:
        waiting.pop(0)()
    assert [part.tolist() for part in received] == [[i] * (4 if i < 20 else 8) for i in range(5 * UPLOADS_UNDER_WAY)]


def test_all_kernels_are_one_source():
    step = tg.compile(lambda x, h: (x.sigmoid().sum(), (h * 2).exp().sum(axis=1)))
    step(tg.ones(3, 4), tg.ones(3, 4, dtype="float16"))
    launches = [task.launch for task in step._latest.executable._tasks if hasattr(task, "launch")]
    source = in_one([*launches, *launches])
    assert source.count("#include <cuda_fp16.h>") == 1
    assert source.startswith("#include")
    for launch in launches:
        assert source.count(f"namespace of_{launch.name} ") == 1


def test_the_stand_in_refuses_what_a_capture_refuses():
    fake, x = FakeCuda(), tg.ones(3)._data
    for work in (
        lambda: x + x,
        lambda: strict.NAMESPACE.exp(x),
        lambda: strict.BACKEND.to_host(x),
        lambda: float(x[0]),
        lambda: fake.copied(x),
        lambda: fake.upload(x, np.zeros(1, np.uint8)),
        lambda: fake.kernels([]),
    ):
        with pytest.raises(Refused):
            fake.capture(work)
    assert (x + x)._host.tolist() == [2, 2, 2]


# -- indices -------------------------------------------------------------------------------------------


def test_many_slices_are_put_into_place_by_one_launch():
    """The gradient of what is taken apart, round by round: squares, the gradient of each slice, and all of them."""

    def function(x):
        parts = [*(x[:, t] for t in range(10)), x[1:5, 2:10:3], x[::-1, 5], x[None, 2, ::-4]]
        return tg.grad(sum((part**2).sum() for part in parts), x)[0]

    for dtype in ("float32", "float16"):
        x = tg.tensor(array(6, 12, 4).astype(dtype), requires_grad=True)
        step = tg.compile(function)
        np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), 2e-3)
        assert str(step._latest.executable.program).count("assemble") == 1
        assert step._latest.executable.eager == []
        assert step._latest.executable.graphs[0].nodes() <= 3


def test_an_index_array_that_names_nothing_adds_nothing():
    x, nothing = tg.tensor(array(4000, 30), requires_grad=True), tg.tensor(np.zeros(0, np.int64))
    step = tg.compile(lambda x: tg.grad((x[nothing] ** 2).sum(), x)[0] + 1)
    np.testing.assert_array_equal(step(x).numpy(), 1)
    assert "scatter_add" in str(step._latest.executable.program)


def test_numbers_that_are_put_where_an_index_says():
    def function(x, places):
        by_slices, by_arrays = x * 1, x * 1
        by_slices[1:4:2, ::-1] = x[:2] * 2
        by_arrays[places] = 7.0
        return by_slices, by_arrays

    given = tg.tensor(array(5, 6)), tg.tensor(np.array([0, 3, -1]))
    step = tg.compile(function)
    for found, expected in zip(step(*given), function(*given), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert step._latest.executable.eager == []
