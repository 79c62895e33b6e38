"""Every example, compiled: what it computes and how it trains give the same numbers as operation by operation.

An example is run once, on a few images and without its pictures. From the names that it leaves behind, `STEPS` makes its
step a second time; then both run side by side.
"""

import importlib
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import models, nn, optim
from tinygrad_ml.compile.passes import PASSES
from tinygrad_ml.data import MNIST
from tinygrad_ml.keras.models.steps import ModelStep
from tinygrad_ml.keras.models.training import Trainer

pytestmark = pytest.mark.host_only

EXAMPLES = Path(__file__).parents[1] / "examples"
IMAGES, TESTS = 600, 100
CALLS = 6


class FewImages(MNIST):
    """The first images of MNIST."""

    def tensors(self, **options):
        return tuple(part[: IMAGES if len(self) == 60_000 else TESTS] for part in super().tensors(**options))


@pytest.fixture
def names(monkeypatch, tmp_path, capsys):
    """Run an example; its variables."""

    def run(example: str) -> SimpleNamespace:
        monkeypatch.setattr(tg.data, "MNIST", FewImages)
        monkeypatch.setattr(sys, "argv", [example, *(["--tiny"] if "fast" in example else [str(tmp_path)])])
        viz = importlib.import_module("viz")
        for drawing in ("draw", "explain", "gradients", "curves", "surface", "confusion", "images"):
            picture = SimpleNamespace(save=lambda path: path, savefig=lambda path: path)
            monkeypatch.setattr(viz, drawing, lambda *_, picture=picture, **__: picture)
        found = runpy.run_path(str(EXAMPLES / example))
        capsys.readouterr()
        return SimpleNamespace(**found)

    return run


# -- the step of each example: a function, and what to call it with -----------------------------------


def derivatives(e):
    def step(x):
        y = e.f(x)
        (first,) = tg.grad(y, x, create_graph=True)
        (second,) = tg.grad(first, x, create_graph=True)
        return y, first, second, *tg.grad(second, x)

    return step, [[tg.tensor(float(x), requires_grad=True)] for x in range(CALLS)]


def chain_rule(e):
    def step(a, b, c):
        s = a * b + c
        return s * s, *tg.grad(s * s, (a, b, c))

    numbers = np.random.default_rng(0).standard_normal((CALLS, 3)).astype("float32")
    return step, [[tg.tensor(x, requires_grad=True) for x in row] for row in numbers]


def fitted_line(e):
    e.w.assign(0), e.b.assign(0)

    def step(x, y):
        loss = e.loss_of(e.model(x), y)
        dw, db = tg.grad(loss, (e.w, e.b))
        e.w.assign(e.w - e.learning_rate * dw)
        e.b.assign(e.b - e.learning_rate * db)
        return loss, e.w * 1, e.b * 1

    return step, [[e.x, e.y]] * CALLS


def training(model, loss_of, optimizer, batches):
    tg.manual_seed(1)
    model = model()
    optimizer = optimizer(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss, *(p * 1 for p in model.parameters())

    return step, batches


def digits(count=50, **options):
    images, labels = MNIST(train=True).tensors(**options)
    return [[part[i * count : (i + 1) * count] for part in (images, labels)] for i in range(CALLS)]


def xor(e):
    def network():
        return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))

    return training(network, nn.BCEWithLogitsLoss(), lambda p: optim.Adam(p, lr=0.05), [[e.x, e.y]] * CALLS)


def mnist(e):
    def network():
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    return training(network, e.loss_fn, lambda p: optim.Adam(p, lr=2e-3), digits(flatten=True, normalize=True))


def saddle(e):
    w = tg.tensor([0.1, -0.2], requires_grad=True)

    def step():
        value = e.loss(w)
        (slope,) = tg.grad(value, w)
        (slope_with_graph,) = tg.grad(e.loss(w), w, create_graph=True)
        hessian = [tg.grad(slope_with_graph[i], w)[0] for i in range(2)]
        w.assign(w - 0.1 * slope)
        return value, slope, *hessian, w * 1

    return step, [[]] * CALLS


def deep(activation):
    def make(e):
        network = lambda: e.deep_network(activation)  # noqa: E731
        sgd = lambda p: optim.SGD(p, lr=0.1)  # noqa: E731
        return training(network, e.loss_fn, sgd, digits(flatten=True, normalize=True))

    return make


def gallery(model):
    def make(e):
        return training(model, e.loss_of, lambda p: optim.SGD(p, lr=0.1), digits(20))

    return make


def residual(e):
    tg.manual_seed(1)
    model = nn.Sequential(*[e.Block(16) for _ in range(12)], nn.Linear(16, 3))
    x = tg.random.randn(8, 16)

    def step(x):
        y = model(x)
        return y, *tg.grad((y * y).sum(), list(model.parameters()))

    return step, [[x * scale] for scale in range(1, CALLS)]


def curvature(e):
    def step(z):
        (slope,) = tg.grad((z * z).tanh(), z, create_graph=True)
        return slope, *tg.grad(slope, z)

    return step, [[tg.tensor(x / 10, requires_grad=True)] for x in range(CALLS)]


def compiled_step(e):
    step = e.training_step()
    return step, digits(flatten=True, normalize=True)


def one_cycle(e):
    e.restart(1)
    return e.step.function, [[]] * e.STEPS


STEPS = {
    "01_scalar_by_hand.py": [derivatives],
    "02_chain_rule.py": [chain_rule],
    "03_training_loop.py": [fitted_line],
    "04_xor.py": [xor],
    "05_mnist.py": [mnist],
    "06_saddle_or_minimum.py": [saddle],
    "07_pictures_of_training.py": [deep(nn.Sigmoid), deep(nn.ReLU)],
    "08_gallery.py": [gallery(models.mlp), gallery(models.cnn), residual, curvature],
    "09_compiled_step.py": [compiled_step],
    "10_mnist_99_fast.py": [one_cycle],
}


ELSEWHERE = {
    "11_two_ranks.py": "test_distributed.py, where steps of several ranks are compiled",
    "12_onnx.py": "test_onnx_model.py, where networks of files are",
}
"""Examples whose steps are compared in another file."""


def results(step, batches):
    found = [step(*batch) for batch in batches]
    return [[part.numpy() for part in (one if isinstance(one, tuple) else (one,))] for one in found]


@pytest.mark.parametrize("example", STEPS)
def test_compiled_equals_eager(names, example):
    e = names(example)
    for make in STEPS[example]:
        expected = results(*make(e))
        step, batches = make(e)
        compiled = tg.compile(step)
        for a, b in zip(expected, results(compiled, batches), strict=True):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_allclose(y, x, 1e-3, 1e-5)
        assert len(compiled.program.instructions) > 1


def test_the_lesson_on_compiling_shows_every_pass_at_work(names):
    stages = names("09_compiled_step.py").wasteful.stages
    texts = [str(stages[name]) for name in ("recorded", *PASSES)]
    assert len(set(texts)) == len(texts)


def test_every_example_is_here():
    assert sorted([*STEPS, *ELSEWHERE]) == sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))


# -- the lessons, which train by `fit` ----------------------------------------------------------------


@pytest.mark.parametrize("lesson", ["depth_with_sigmoid", "full_batch_or_mini_batch", "simple_or_complex", "dropout"])
def test_lessons_train_to_the_same_numbers(lesson, monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(EXAMPLES.parent)
    module, common = (importlib.import_module(f"examples.lessons.{name}") for name in (lesson, "common"))
    fit = Trainer.fit

    def histories(why_not):
        found = []

        def noted(model, *args, **options):
            history = fit(model, *args, **options)
            found.append(history.history)
            assert ("program" in repr(model.train_function)) == (why_not is None)
            return history

        monkeypatch.setattr(Trainer, "fit", noted)
        monkeypatch.setattr(ModelStep, "why_not", why_not)
        module.lesson(common.Run(module, "tiny", tmp_path))
        return found

    expected, found = histories("as it is"), histories(None)
    assert len(expected) == len(found) > 0
    for a, b in zip(expected, found, strict=True):
        for name, values in a.items():
            np.testing.assert_allclose(b[name], values, 1e-3, 1e-4, err_msg=name)
