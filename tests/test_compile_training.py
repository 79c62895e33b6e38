"""Training, compiled and eager, side by side: the same numbers after every step, and the same state at the end."""

import numpy as np
import optimizer_numbers
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import CompileError
from tinygrad_ml.nn import functional as F
from tinygrad_ml.optim import lr_scheduler

pytestmark = pytest.mark.host_only

STEPS = 200


def mlp():
    return nn.Sequential(nn.Linear(6, 16), nn.Sigmoid(), nn.Linear(16, 4))


def dropping():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4))


# In front of a batch norm there is no bias: its gradient is 0 but for rounding, which Adam makes large.
def normalised():
    return nn.Sequential(nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 4), nn.LayerNorm(4))


def convolutional():
    return nn.Sequential(
        _AsImage(),
        nn.Conv2d(1, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(3, momentum=None),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6, 4),
    )


class _AsImage(nn.Module):
    def forward(self, x):
        return x.reshape(-1, 1, 2, 3)


def sgd(parameters):
    return tg.optim.SGD(parameters, lr=0.05)


def momentum(parameters):
    return tg.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)


def adam(parameters):
    return tg.optim.Adam(parameters, lr=1e-2)


def adamw(parameters):
    return tg.optim.AdamW(parameters, lr=1e-2, amsgrad=True)


def rmsprop(parameters):
    return tg.optim.RMSprop(parameters, lr=1e-3, momentum=0.5, centered=True)


class Training:
    """A model, its optimiser, and a step of its training."""

    def __init__(self, model, optimizer, clip: float | None = None, schedule=None, compiled: bool = False):
        tg.manual_seed(3)
        self.model = model()
        self.optimizer = optimizer(self.model.parameters())
        self.schedule = schedule(self.optimizer) if schedule else None
        self.clip = clip
        if compiled:
            self.step = tg.compile(self.step)

    def step(self, x, y):
        self.optimizer.zero_grad()
        logits = self.model(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        if self.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        return loss, logits

    def run(self, steps: int, start: int = 0) -> list[float]:
        random = np.random.default_rng(start)
        losses = []
        for _ in range(steps):
            x, y = random.standard_normal((12, 6), np.float32), random.integers(0, 4, 12)
            loss, logits = self.step(tg.tensor(x), tg.tensor(y))
            assert logits.shape == (12, 4)
            losses.append(float(loss))
        return losses


def assert_equal_states(a: Training, b: Training) -> None:
    for name, value in a.model.state_dict().items():
        np.testing.assert_allclose(b.model.state_dict()[name].numpy(), value.numpy(), 2e-5, 5e-6, err_msg=name)
    for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
        np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), 1e-4, 1e-6)
        mine, other = a.optimizer.state[p], b.optimizer.state[q]
        assert mine["step"] == other["step"]
        for name in mine.keys() - {"step"}:
            np.testing.assert_allclose(other[name].numpy(), mine[name].numpy(), 1e-4, 1e-6)
    assert [g["lr"] for g in a.optimizer.param_groups] == [g["lr"] for g in b.optimizer.param_groups]


CASES = {
    "SGD": (mlp, sgd),
    "momentum": (mlp, momentum),
    "Adam": (mlp, adam),
    "AdamW": (mlp, adamw),
    "RMSprop": (mlp, rmsprop),
    "dropout": (dropping, adam),
    "batch norm, layer norm": (normalised, adam),
    "convolution": (convolutional, adam),
    "clipping": (mlp, momentum, 0.5),
    "schedule": (mlp, adam, None, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    "all": (dropping, adamw, 0.5, lambda o: lr_scheduler.ExponentialLR(o, 0.99)),
    "schedules at once and in turn": (mlp, adam, None, lambda o: several_schedules(o)),
}


def several_schedules(optimizer):
    warming = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10), lr_scheduler.CyclicLR(optimizer, 1e-3, 1e-2, 20)
    in_turn = lr_scheduler.SequentialLR(optimizer, warming, [15])
    return lr_scheduler.ChainedScheduler([in_turn, lr_scheduler.StepLR(optimizer, 70, 0.5)])


@pytest.mark.parametrize("name", [name for name in optimizer_numbers.CASES if not name.startswith("LBFGS")])
def test_every_update_is_compiled(name):
    kind, options = optimizer_numbers.CASES[name]
    p = nn.Parameter(np.array(optimizer_numbers.START))
    optimizer = getattr(tg.optim, kind)([p], **options)

    @tg.compile
    def step(g):
        p.grad = g
        optimizer.step()

    found = []
    for t in range(1, optimizer_numbers.SEEN[-1] + 1):
        step(tg.tensor(np.array(optimizer_numbers.slope(t))))
        if t in optimizer_numbers.SEEN:
            found.append(p.numpy().ravel())
    np.testing.assert_allclose(found, optimizer_numbers.NUMBERS[name], rtol=1e-7)


def test_lbfgs_is_for_eager_mode():
    p = nn.Parameter(np.ones(3))
    optimizer = tg.optim.LBFGS([p])
    with pytest.raises(CompileError, match="LBFGS looks at losses"):
        tg.compile(lambda: optimizer.step(lambda: (p * p).sum()))()


@pytest.mark.parametrize("case", CASES)
def test_200_steps_side_by_side(case):
    eager, compiled = Training(*CASES[case]), Training(*CASES[case], compiled=True)
    tg.manual_seed(7)
    expected = eager.run(STEPS)
    tg.manual_seed(7)
    np.testing.assert_allclose(compiled.run(STEPS), expected, 1e-5)
    assert_equal_states(eager, compiled)


def test_eager_and_compiled_steps_mix():
    """Both work on the same parameters, moments and step counts."""
    eager, mixed = Training(mlp, adam), Training(mlp, adam)
    plain, compiled = mixed.step, tg.compile(mixed.step)
    expected = [eager.run(5, start) for start in range(4)]
    found = []
    for start in range(4):
        mixed.step = compiled if start % 2 else plain
        found.append(mixed.run(5, start))
    np.testing.assert_allclose(found, expected, 1e-5)
    assert_equal_states(eager, mixed)


@pytest.mark.parametrize("optimizer", [tg.optim.Adam, tg.optim.AdamW, tg.optim.Adagrad])
def test_parameters_that_were_updated_equally_often_and_no_longer_are(optimizer):
    """Two steps share an optimiser, and one of them trains a part: counts part, and so do the numbers of an update."""

    def run(wrap):
        a, b = tg.tensor(1.0, requires_grad=True), tg.tensor(1.0, requires_grad=True)
        update = optimizer([a, b], lr=0.1)

        def step(loss):
            def function():
                update.zero_grad()
                loss().backward()
                update.step()

            return wrap(function)

        both, only_b = step(lambda: a * b), step(lambda: b * b)
        found = []
        for _ in range(4):
            both(), both(), only_b()
            found.append((a.item(), b.item()))
        return found

    np.testing.assert_allclose(run(tg.compile), run(lambda function: function), 1e-5)


def test_a_part_that_is_frozen_for_a_while():
    def run(wrap):
        tg.manual_seed(0)
        model = mlp()
        update = adam(model.parameters())

        def step(x, y):
            update.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            update.step()
            return loss

        step, x, y = wrap(step), tg.random.randn(8, 6), tg.arange(8) % 4
        losses = []
        for i in range(40):
            for parameter in model[0].parameters():
                parameter.requires_grad = i % 8 < 4
            losses.append(step(x, y).item())
        return losses, step

    (expected, _), (found, step) = run(lambda function: function), run(tg.compile)
    np.testing.assert_allclose(found, expected, 1e-5)
    assert "3 programs" in repr(step)  # and not one more each time


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_step_that_fails_is_not_counted(steps):
    training = Training(mlp, adam, None, lambda o: lr_scheduler.ExponentialLR(o, 0.9), compiled=True)
    training.run(steps)
    optimizer, schedule = training.optimizer, training.schedule

    def state():
        return [kept["step"] for kept in optimizer.state.values()], schedule.last_epoch, optimizer.param_groups[0]["lr"]

    before, weights = state(), [p.numpy() for p in training.model.parameters()]
    for _ in range(2):
        with pytest.raises(tg.errors.RangeError, match="label 7"):
            training.step(tg.ones(12, 6), tg.full(12, 7, dtype="int64"))
        assert state() == before
        for p, weight in zip(training.model.parameters(), weights, strict=True):
            np.testing.assert_array_equal(p.numpy(), weight)
    reference = Training(mlp, adam, None, lambda o: lr_scheduler.ExponentialLR(o, 0.9))
    reference.run(steps), reference.run(3)
    training.run(3)
    assert_equal_states(reference, training)


def test_gradients_accumulate_as_in_eager_mode():
    def training():
        tg.manual_seed(0)
        model = mlp()

        def step(x, y):
            F.cross_entropy(model(x), y).backward()

        return model, step

    (a, eager), (b, compiled) = training(), training()
    compiled = tg.compile(compiled)
    random = np.random.default_rng(0)
    for i in range(6):
        x, y = tg.tensor(random.standard_normal((5, 6), np.float32)), tg.tensor(random.integers(0, 4, 5))
        eager(x, y), compiled(x, y)
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), 1e-5, 1e-7)
        if i == 3:
            for parameter in (*a.parameters(), *b.parameters()):
                parameter.grad = None


def test_a_kept_gradient_and_a_kept_result_do_not_change():
    training = Training(mlp, sgd, compiled=True)
    x, y = tg.tensor(np.ones((12, 6), np.float32)), tg.tensor(np.zeros(12, np.int64))
    kept = []
    for _ in range(3):
        _, logits = training.step(x, y)
        weight = next(training.model.parameters())
        kept.append((weight.grad, weight.grad.numpy(), logits, logits.numpy()))
    for gradient, its_numbers, logits, their_numbers in kept:
        np.testing.assert_array_equal(gradient.numpy(), its_numbers)
        np.testing.assert_array_equal(logits.numpy(), their_numbers)
    assert not np.array_equal(kept[0][1], kept[2][1])


def test_evaluation_mode_is_another_program():
    model = dropping()
    step = tg.compile(lambda x: model(x))
    x = tg.ones(4, 6)
    assert not np.array_equal(step(x).numpy(), step(x).numpy())
    model.eval()
    np.testing.assert_allclose(step(x).numpy(), model(x).numpy(), 1e-6)
    np.testing.assert_array_equal(step(x).numpy(), step(x).numpy())
    model.train()
    assert not np.array_equal(step(x).numpy(), step(x).numpy())


def test_a_loaded_state_is_used():
    training = Training(mlp, adam, compiled=True)
    training.run(3)
    model, optimizer = training.model.state_dict(), training.optimizer.state_dict()
    expected = training.run(3, start=1)
    training.model.load_state_dict(model)
    training.optimizer.load_state_dict(optimizer)
    np.testing.assert_allclose(training.run(3, start=1), expected, 1e-6)


def test_a_changed_learning_rate_is_used():
    eager, compiled = Training(mlp, adam), Training(mlp, adam, compiled=True)
    for training in (eager, compiled):
        training.run(2)
        training.optimizer.param_groups[0]["lr"] = 0.5
        training.run(3)
    assert_equal_states(eager, compiled)


def test_replaced_parameters_are_used():
    training = Training(mlp, sgd, compiled=True)
    training.run(2)
    weight = next(training.model.parameters())
    weight.data = np.zeros(weight.shape, np.float32)
    training.run(1)
    reference = Training(mlp, sgd)
    reference.run(2)
    weight = next(reference.model.parameters())
    weight.data = np.zeros(weight.shape, np.float32)
    reference.run(1)
    assert_equal_states(reference, training)


def test_frozen_parameters_stay():
    training = Training(mlp, sgd, compiled=True)
    training.run(2)
    weight = next(training.model.parameters())
    weight.requires_grad = False
    before = weight.numpy()
    training.run(2)
    np.testing.assert_array_equal(weight.numpy(), before)


def test_a_changed_attribute_and_a_replaced_part_are_used():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.0))
    step = tg.compile(lambda x: model(x))
    x = tg.ones(2, 3)
    np.testing.assert_allclose(step(x).numpy(), model[0](x).numpy(), 1e-6)
    model[1].p = 1.0
    assert not step(x).numpy().any()
    model[1].p = 0.0
    model[0].weight = nn.Parameter(tg.zeros(3, 3))
    np.testing.assert_allclose(step(x).numpy(), np.broadcast_to(model[0].bias.numpy(), (2, 3)), 1e-6)


def test_a_schedule_of_rates_and_betas_is_one_program():
    training = Training(mlp, adam, None, lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=30), compiled=True)
    eager = Training(mlp, adam, None, lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=30))
    training.run(20), eager.run(20)
    assert_equal_states(eager, training)
    assert len(training.step._programs) == 1


def test_a_hook_that_comes_later_is_a_part_of_the_step():
    model = mlp()
    step = tg.compile(lambda x: model(x))
    x = tg.random.randn(3, 6)
    assert step(x).numpy().any()
    model.register_forward_hook(lambda module, inputs, output: output * 0)
    assert not step(x).numpy().any()

    w = tg.ones(2, requires_grad=True)
    step = tg.compile(lambda: tg.grad((w * w).sum(), w)[0])
    assert step().tolist() == [2, 2]
    w.register_hook(lambda gradient: gradient * 3)
    assert step().tolist() == [6, 6]


@pytest.mark.parametrize("optimizer", [adam, lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9)])
def test_a_step_that_begins_with_zero_grad_is_recorded_once(optimizer):
    """Whether there were gradients before does not matter to it, in the first call and in the second."""
    model, calls = mlp(), []
    update = optimizer(model.parameters())

    @tg.compile
    def step(x, y):
        calls.append(1)
        update.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        update.step()
        return loss

    x, y = tg.random.randn(8, 6), tg.arange(8) % 4
    for _ in range(4):
        step(x, y)
    assert len(calls) == len(step._programs) == 1


def test_gradients_that_a_step_reads_are_relied_on():
    w, calls = tg.ones(2, requires_grad=True), []

    @tg.compile
    def step():
        calls.append(1)
        had = w.grad is not None
        w.grad = None
        (w * w).sum().backward()
        return w.grad * (10 if had else 1)

    assert [step().tolist() for _ in range(3)] == [[2, 2], [20, 20], [20, 20]]
    assert len(calls) == 2


def test_a_gradient_that_a_step_forgets_is_gone_whatever_was_there():
    w = tg.ones(2, requires_grad=True)

    @tg.compile
    def step(x):
        w.grad = None
        return (w * x).sum()

    for gradient in (None, tg.ones(2), tg.zeros(2), None):
        w.grad = gradient
        assert step(tg.ones(2)).item() == 2 and w.grad is None
    assert len(step._programs) == 1


def test_an_old_gradient_that_is_held_besides_is_a_tensor_of_its_own():
    """Whatever becomes of the `.grad` that it once was."""
    w, x = tg.ones(2, requires_grad=True), tg.ones(2)
    (w * 3).sum().backward()
    old = w.grad

    @tg.compile
    def step():
        w.grad = None
        (w * x).sum().backward()
        return old * 2

    for _ in range(3):
        assert step().tolist() == [6, 6] and w.grad.tolist() == [1, 1]
    w.grad = None
    assert step().tolist() == [6, 6]
    assert len(step._programs) == 1
