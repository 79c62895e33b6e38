"""Denormal numbers are 0 where parameters are updated, in eager mode and compiled, and nowhere else."""

import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import source
from tinygrad_ml.denormals import can_flush, flushed
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not can_flush(), reason="it is not known how to tell this processor"),
]

SMALLEST = np.float32(2.0**-126)


def kept() -> bool:
    """Whether this thread computes with denormal numbers."""
    return bool((np.full(40, SMALLEST) * np.float32(0.5) != 0).all() and (np.full(40, SMALLEST / 2) * 2 != 0).all())


def test_denormals_are_zero_inside_and_not_behind_also_if_it_fails():
    assert kept()
    with flushed():
        assert not kept()
        with flushed():
            assert not kept()
        assert not kept()
    assert kept()
    with pytest.raises(ZeroDivisionError), flushed():
        1 / 0
    assert kept()


def test_another_thread_keeps_them_meanwhile():
    found, inside = [], threading.Event()

    def look() -> None:
        inside.wait()
        found.append(kept())

    thread = threading.Thread(target=look)
    thread.start()
    with flushed():
        inside.set()
        thread.join()
    assert found == [True]


def fading(optimizer, compiled: bool, shape: tuple[int, ...], without: tuple[str, ...] = ()) -> list[np.ndarray]:
    """The parameter and its state, after its gradient was 0 for so long that running means are denormal, or would be."""
    r = np.random.default_rng(0)
    w = tg.tensor(r.normal(size=shape).astype("float32"), requires_grad=True)
    updates, scale = optimizer([w]), tg.tensor(1.0)

    def step():
        updates.zero_grad()
        (w * scale).sum().backward()
        updates.step()

    run = tg.compile(step, without=without) if compiled else step
    run()
    scale.assign(tg.tensor(0.0))
    state = {name: value for name, value in updates.state[w].items() if isinstance(value, tg.Tensor)}
    for value in state.values():
        value.assign(value * tg.tensor(r.uniform(0, 2e-37, shape).astype("float32")))
    for _ in range(12):
        run()
    assert kept()
    return [w.numpy(), *(value.numpy() for value in state.values())]


OPTIMIZERS = {
    "Adam": lambda params: tg.optim.Adam(params, lr=0.1, betas=(0.8, 0.9)),
    "momentum": lambda params: tg.optim.SGD(params, lr=0.1, momentum=0.8),
    "RMSprop": lambda params: tg.optim.RMSprop(params, alpha=0.8),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_update_leaves_no_denormals(optimizer):
    eager = fading(optimizer, False, (40, 5))
    for array in eager:
        assert not ((array != 0) & (abs(array) < SMALLEST)).any()
    for found, expected in zip(fading(optimizer, True, (40, 5), ("loops",)), eager, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_neither_does_machine_code_in_any_thread(optimizer, threads, monkeypatch):
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 0)
    monkeypatch.setattr(calling, "threads", lambda: threads)
    for found, expected in zip(fading(optimizer, True, (40, 5)), fading(optimizer, False, (40, 5)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_no_update_keeps_them():
    x = tg.tensor(np.full(5000, SMALLEST / 4))
    step = tg.compile(lambda x: x * 2)
    step(x)
    assert (step(x).numpy() == SMALLEST / 2).all() and ((x * 2).numpy() == SMALLEST / 2).all()


def test_an_update_that_fails_leaves_them_to_the_rest():
    w = tg.tensor([1.0], requires_grad=True)
    updates = tg.optim.SGD([w], lr=0.1)
    w.sum().backward()
    updates.update = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        updates.step()
    assert kept()
