"""Updates of large parameters by machine code: when there are such, and that no bit is another than by NumPy."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.denormals import can_flush
from tinygrad_ml.machine.sharing import again
from tinygrad_ml.optim import walk

pytest.importorskip("llvmlite")
pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not can_flush(), reason="machine code for updates is for x86-64 on Linux and macOS"),
]

KINDS = {
    "SGD": {"lr": 0.1},
    "SGD with momentum": {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01, "maximize": True},
    "Adagrad": {"lr_decay": 0.1, "weight_decay": 0.01},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adadelta": {},
    "Adam": {"amsgrad": True, "weight_decay": 0.01},
    "AdamW": {},
    "NAdam": {"weight_decay": 0.01, "decoupled_weight_decay": True},
    "RAdam": {},
    "Adamax": {},
    "Rprop": {},
    "ASGD": {},
}
SIZE = 10_007


class Summing(optim.Optimizer):
    """An update that needs the gradient when the parameter is new already."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def initial(self, group):
        return {"total": 0}

    def numbers(self, group, t):
        return {"lr": group["lr"]}

    def update(self, p, g, state, n, group):
        return p - g * n.lr, state[0] + g


class Exponential(optim.Optimizer):
    """An update with a function that processors, and libraries, round each in their way."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def numbers(self, group, t):
        return {"lr": group["lr"]}

    def update(self, p, g, state, n, group):
        return (p - g.exp() * n.lr,)


def walks(optimizer):
    """How many there are."""
    (together,) = optimizer._together.values()
    return sum(large._text is not None for large in together._large)


def trained(make, dtype="float32", steps=5, gradient=None):
    """(numbers, state) behind some steps of two parameters, with gradients from 0 to the largest."""
    random = np.random.default_rng(0)
    params = [nn.Parameter(random.standard_normal(SIZE).astype(dtype)) for _ in range(2)]
    optimizer = make(params)
    for _ in range(steps):
        for p in params:
            g = (random.standard_normal(SIZE) * 10.0 ** random.integers(-45, 3, SIZE)).astype(dtype)
            g[:9] = 0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e30, -1e30
            p.grad = tg.tensor(g) if gradient is None else gradient(p)
        with np.errstate(all="ignore"):
            optimizer.step()
    return optimizer, [
        [x.numpy() for x in (p, *kept.values()) if isinstance(x, tg.Tensor)] for p, kept in optimizer.state.items()
    ]


def same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture
def at_once(monkeypatch):
    """Machine code from the first update on."""
    monkeypatch.setattr(walk, "WORTH_A_WALK", SIZE)
    monkeypatch.setattr(walk, "WORTH_LLVM", 0)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_walk_is_the_update_by_numpy_to_the_bit(name, dtype, monkeypatch):
    make = lambda params: getattr(optim, name.split()[0])(params, **KINDS[name])  # noqa: E731
    optimizer, expected = trained(make, dtype)
    assert not walks(optimizer)
    monkeypatch.setattr(walk, "WORTH_A_WALK", SIZE)
    monkeypatch.setattr(walk, "WORTH_LLVM", 2 * SIZE)  # so that it takes over from NumPy
    optimizer, found = trained(make, dtype)
    assert walks(optimizer) == 1
    same_bits(found, expected)


def test_a_thread_that_helps_takes_denormal_numbers_for_0(at_once):
    """The thread that steps does so anyway."""
    optimizer, _ = trained(Summing)
    (loop,) = optimizer._loops.values()
    p = np.full(SIZE, 1e-40, "float32")
    state = np.zeros(SIZE, "float32")
    walk.LargeParameters(loop, {0: [p, state]}).update({0: p.copy()}, {"lr": 1.0})
    assert not p.any() and not state.any()
    assert np.float32(1e-40) * np.float32(1) > 0  # behind it all is as it was


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_bit(threads, at_once, monkeypatch):
    _, alone = trained(optim.AdamW)
    monkeypatch.setattr(again, "threads", lambda: threads)
    monkeypatch.setattr(again, "WORTH_SHARING", 100)
    _, shared = trained(optim.AdamW)
    same_bits(shared, alone)


def test_it_is_for_much_work_only_and_where_llvm_is(monkeypatch):
    monkeypatch.setattr(walk, "WORTH_A_WALK", 2 * SIZE)
    monkeypatch.setattr(walk, "WORTH_LLVM", 6 * SIZE)
    assert [walks(trained(optim.SGD, steps=steps)[0]) for steps in (1, 3, 4, 5)] == [0, 0, 1, 1]
    monkeypatch.setattr(walk, "WORTH_A_WALK", 2 * SIZE + 1)
    assert not walks(trained(optim.SGD)[0])
    monkeypatch.setattr(walk, "WORTH_A_WALK", SIZE)
    monkeypatch.setattr(walk, "available", lambda: False)
    assert not walks(trained(optim.SGD)[0])


def test_what_is_not_rounded_alike_everywhere_stays_with_numpy(at_once):
    optimizer, _ = trained(Exponential)
    (loop,) = optimizer._loops.values()
    assert walk.walk_text(loop) is None and not walks(optimizer)


@pytest.mark.parametrize("by_machine", [True, False])
def test_a_gradient_may_lie_anywhere(by_machine, monkeypatch):
    """In the parameter itself, backwards, in every second place."""
    monkeypatch.setattr(walk, "WORTH_LLVM", 0)
    monkeypatch.setattr(walk, "WORTH_A_WALK", SIZE if by_machine else 1 << 60)
    for gradient in (
        lambda p: p.detach(),
        lambda p: tg.tensor(np.arange(SIZE, dtype="float32"))[::-1],
        lambda p: tg.tensor(np.arange(2 * SIZE, dtype="float32"))[::2],
    ):
        optimizer, found = trained(Summing, gradient=gradient)
        _, expected = trained(Summing, gradient=lambda p, gradient=gradient: tg.tensor(gradient(p).numpy().copy()))
        assert walks(optimizer) == by_machine
        same_bits(found, expected)
