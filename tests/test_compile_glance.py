"""A call in which nothing is another than in the one before is known at a glance; and what is another, is seen all the same."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.compile.compiled import Compiled
from tinygrad_ml.compile.guards.glance import Glance
from tinygrad_ml.structure import leaves
from tinygrad_ml.tensor import as_tensor

SETTINGS = {"scale": 1.0, "other": 2.0}
FACTORS = [1.0, 3.0]
MASK = np.ones(2, np.float32)


class Training:
    """A network, its optimiser, and a step that relies on whatever steps can rely on."""

    def __init__(self):
        tg.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.0), nn.Tanh(), nn.Linear(4, 2))
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1, momentum=0.5)
        self.penalty = 0.0
        self.running = tg.zeros(2)

    def step(self, x, y, *, weight=1.0):
        self.optimizer.zero_grad()
        out = self.model(x) * tg.tensor(MASK) * SETTINGS["scale"] * FACTORS[0] - y
        loss = (out * out).mean() * weight + self.penalty
        loss.backward()
        self.optimizer.step()
        self.running.assign(self.running * 0.5 + out.detach().mean(axis=0) * 0.5)
        return loss, out


def fit(given, **more):
    """What a step gives for new numbers of the usual form."""
    return given(tg.tensor(np.full((5, 3), 0.5, np.float32)), tg.tensor(np.ones((5, 2), np.float32)), **more)


@pytest.fixture
def guards_asked(monkeypatch):
    """How often guards were asked one by one."""
    asked, fits = [], Compiled.fits
    monkeypatch.setattr(Compiled, "fits", lambda self, tensors: asked.append(self) or fits(self, tensors))
    return asked


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    """What code reads outside of the step, as it was."""
    monkeypatch.setitem(globals(), "SETTINGS", dict(SETTINGS))
    monkeypatch.setitem(globals(), "FACTORS", list(FACTORS))
    monkeypatch.setitem(globals(), "MASK", MASK.copy())


def test_from_the_third_call_on_no_guard_is_asked(guards_asked):
    training = Training()
    step = tg.compile(training.step)
    for _ in range(2):
        fit(step)
    guards_asked.clear()
    losses = [fit(step)[0].item() for _ in range(20)]
    assert not guards_asked and losses[-1] < losses[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda f, i: f(np.full((2, 3), i, np.float32), tg.tensor(i)),
        lambda f, i: f([tg.full((2,), i), (tg.full((3,), 1.0), 7)], {"x": tg.full((1,), i), "name": None}),
        lambda f, i: f(x := tg.full((4,), i), x),
        lambda f, i: f(tg.full((4,), 1.0), key=tg.full((4,), i)),
        lambda f, i: f(),
    ],
    ids=["arrays", "structures", "one tensor twice", "by name", "nothing"],
)
def test_arguments_are_known_at_a_glance(call, guards_asked):
    def function(*args, **kwargs):
        return [as_tensor(part) * 2 for part in leaves((args, kwargs)) if hasattr(part, "dtype")]

    step = tg.compile(function)
    for i in range(5):
        guards_asked.clear()
        for found, expected in zip(call(step, float(i)), call(function, float(i)), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert not guards_asked


class Scaled:
    """An object that must not be held on to, as its compiled method is kept in it."""

    scale = 2.0

    def __init__(self):
        self.shift = 1.0

    @tg.compile
    def step(self, x):
        return x * self.scale + self.shift


def test_attributes_of_the_object_of_a_method_are_known_at_a_glance(guards_asked):
    scaled = Scaled()
    for _ in range(3):
        scaled.step(tg.ones(1))
    guards_asked.clear()
    assert scaled.step(tg.ones(1)).item() == 3 and not guards_asked
    scaled.scale = 5.0
    assert scaled.step(tg.ones(1)).item() == 6


CHANGES = {
    "mode of the network": lambda t: t.model.eval(),
    "mode of a part": lambda t: setattr(t.model[1], "p", 1.0),
    "a hook of a module": lambda t: t.model[2].register_forward_hook(lambda module, inputs, output: output * 2),
    "a hook of a parameter": lambda t: t.model[0].weight.register_hook(lambda g: g * 0),
    "a frozen parameter": lambda t: setattr(t.model[0].weight, "requires_grad", False),
    "another module": lambda t: setattr(t.model, "2", nn.ReLU()),
    "another array of a parameter": lambda t: setattr(t.model[0].weight, "data", np.zeros((4, 3), np.float32)),
    "assign": lambda t: t.model[0].weight.assign(1.0),
    "load_state_dict": lambda t: t.model.load_state_dict({n: p * 0 + 1 for n, p in t.model.state_dict().items()}),
    "another rate": lambda t: t.optimizer.param_groups[0].update(lr=0.01),
    "no rate": lambda t: t.optimizer.param_groups[0].update(lr=0.0),
    "a whole number as a rate": lambda t: t.optimizer.param_groups[0].update(lr=1),
    "no momentum": lambda t: t.optimizer.param_groups[0].update(momentum=0.0),
    "nesterov": lambda t: t.optimizer.param_groups[0].update(nesterov=True),
    "one parameter less": lambda t: t.optimizer.param_groups[0]["params"].pop(),
    "another group": lambda t: t.optimizer.add_param_group({"params": [tg.nn.Parameter(tg.zeros(1))]}),
    "state that was saved": lambda t: t.optimizer.load_state_dict(t.optimizer.state_dict()),
    "unequal counts": lambda t: t.optimizer.state[t.model[0].weight].update(step=0),
    "an attribute": lambda t: setattr(t, "penalty", 1.0),
    "minus 0": lambda t: setattr(t, "penalty", -0.0),
    "another tensor": lambda t: setattr(t, "running", tg.ones(2)),
    "a number in a dictionary": lambda t: SETTINGS.update(scale=2.0),
    "one more in a dictionary": lambda t: SETTINGS.update(more=2.0),
    "the order of a dictionary": lambda t: SETTINGS.update(scale=SETTINGS.pop("scale")),
    "a number in a list": lambda t: FACTORS.__setitem__(0, 2.0),
    "a number in an array": lambda t: MASK.__setitem__(0, 0.0),
    "a global variable": lambda t: globals().update(FACTORS=[5.0]),
    "gradients that are there": lambda t: setattr(t.model[0].bias, "grad", tg.ones(4)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_another_is_noticed(change):
    """Four calls, so that one was known at a glance; then something is another, and then it stays so."""

    def results(compiled):
        training = Training()
        step = tg.compile(training.step) if compiled else training.step
        found = [fit(step) for _ in range(4)]
        change(training)
        found += [fit(step) for _ in range(4)]
        return [part.numpy() for pair in found for part in pair] + [training.running.numpy()]

    kept = dict(SETTINGS), list(FACTORS), MASK.copy()
    expected = results(compiled=False)
    globals().update(SETTINGS=kept[0], FACTORS=kept[1], MASK=kept[2])
    for found, wanted in zip(results(compiled=True), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: (x[:3], x[:3] + 1),
        lambda x: (x.astype("float64"), x + 1),
        lambda x: (x, x),
        lambda x: (x, x + 1, 2),
        lambda x: (x,),
        lambda x: (x.astype("int64"), x.astype("int64")),
        lambda x: (tg.nn.Parameter(x), x + 1),
        lambda x: (x.T.reshape((3, 5)).T, x + 1),
        lambda x: (x.numpy(), x + 1),
    ],
    ids=["shape", "dtype", "one", "once-more", "fewer", "whole", "needs", "order", "array"],
)
def test_arguments_of_another_form_are_noticed(other):
    def function(x, y=3, z=1):
        return (x + y).sum(axis=0) * z + (0 if x is y else 1)

    step, x = tg.compile(function), tg.tensor(np.random.default_rng(0).standard_normal((5, 3)).astype("float32"))
    for arguments in [(x, x * 2)] * 3 + [other(x)] * 3 + [(x, x * 2)]:
        expected = function(*map(as_tensor, arguments)) if len(arguments) < 3 else function(*arguments)
        found = step(*arguments)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)


def test_structures_of_another_form_are_noticed():
    step, x = tg.compile(lambda parts, named: sum(parts) + sum(named.values())), tg.ones(3)
    kinds = [([x, x], {"a": x}), ([x], {"a": x}), ([x, x], {"b": x}), ((x, x), {"a": x}), ([x, x], {"a": x, "b": x})]
    for parts, named in [kinds[0]] * 4 + kinds * 2:
        np.testing.assert_array_equal(step(parts, named).numpy(), np.full(3, len(parts) + len(named), np.float32))


def test_arrays_that_go_and_come_back_are_noticed_each_time():
    """As where a mean of the weights takes their place for a look at the test images, and they come back."""
    own, mean = np.ones(3, np.float32), np.full(3, 2, np.float32)
    weight = tg.tensor(own)
    step = tg.compile(lambda x: (x * weight).sum())
    for array in [own] * 4 + [mean, own] * 6 + [own, own, mean, mean] * 3:
        weight.data = array
        assert step(tg.ones(3)).item() == array.sum()


def swapped(training, kept):
    """The weights and what was kept of them change places, as where a mean of them is tried out."""
    for name, p in training.model.named_parameters():
        mine = p._data
        p.data, kept[name] = kept.get(name, mine * 0.5), mine


BACK_AND_FORTH = {
    "mode": lambda t, kept: t.model.train(not t.model.training),
    "rate": lambda t, kept: t.optimizer.param_groups[0].update(lr=0.11 - t.optimizer.param_groups[0]["lr"]),
    "momentum": lambda t, kept: t.optimizer.param_groups[0].update(
        momentum=0.5 - t.optimizer.param_groups[0]["momentum"]
    ),
    "frozen": lambda t, kept: setattr(t.model[0].bias, "requires_grad", not t.model[0].bias.requires_grad),
    "arrays": swapped,
    "penalty": lambda t, kept: setattr(t, "penalty", 1.0 - t.penalty),
    "running": lambda t, kept: kept.update(
        running=t.running, now=setattr(t, "running", kept.get("running", tg.ones(2)))
    ),
    "scale": lambda t, kept: SETTINGS.update(scale=3.0 - SETTINGS["scale"]),
    "factor": lambda t, kept: FACTORS.__setitem__(0, 4.0 - FACTORS[0]),
    "mask": lambda t, kept: MASK.__setitem__(0, 1.0 - MASK[0]),
    "weights": lambda t, kept: t.model.load_state_dict({n: p * 0.5 for n, p in t.model.state_dict().items()}),
    "state": lambda t, kept: t.optimizer.load_state_dict(t.optimizer.state_dict()),
    "assigned": lambda t, kept: t.model[0].weight.assign(t.model[0].weight.detach() * 0.9),
    "gradient": lambda t, kept: setattr(t.model[0].bias, "grad", tg.ones(4)),
    "no gradient": lambda t, kept: t.optimizer.zero_grad(),
}


@pytest.mark.parametrize("seed", range(12))
def test_what_goes_and_comes_back_is_noticed_in_any_order(seed):
    """Now and then something is another, or as it was once; each call gives what it gives without tg.compile."""
    random = np.random.default_rng(seed)
    few = random.choice(list(BACK_AND_FORTH), 3, replace=False)
    order = [(name, int(random.integers(1, 5))) for name in random.choice(few, 12)]

    def results(compiled):
        training, kept = Training(), {}
        SETTINGS["scale"], FACTORS[0], MASK[:] = 1.0, 1.0, 1.0
        step = tg.compile(training.step) if compiled else training.step
        found = []
        for name, calls in order:
            found += [fit(step) for _ in range(calls)]
            BACK_AND_FORTH[name](training, kept)
        found.append(fit(step))
        return [part.numpy() for pair in found for part in pair] + [training.running.numpy()]

    for found, wanted in zip(results(compiled=True), results(compiled=False), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_what_is_another_in_each_call_costs_few_glances(monkeypatch):
    """A counter that the code reads besides, and that does not matter, is looked at ever more rarely."""
    written, write = [], Glance.function
    monkeypatch.setattr(Glance, "function", lambda self, tensors: written.append(1) or write(self, tensors))
    model = nn.Linear(2, 2)
    step = tg.compile(lambda x: model(x))
    for i in range(40):
        model._seen = i
        step(tg.ones(1, 2))
    assert len(written) <= 6


def test_a_glance_holds_on_to_no_object():
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

        @tg.compile
        def forward(self, x):
            return self.layer(x)

    net = Net()
    for _ in range(4):
        net(tg.ones(1, 2))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_arguments_are_not_kept():
    step = tg.compile(lambda x: x * 2)
    for _ in range(4):
        x = tg.ones(1000)
        array = weakref.ref(x._data)
        step(x)
    del x
    assert array() is None
