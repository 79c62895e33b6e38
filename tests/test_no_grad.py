"""`no_grad` and `enable_grad`: nested, after exceptions, in threads, generators, coroutines and decorators."""

import asyncio
import threading

import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import GradientError
from tinygrad_ml.modes import modes


def recording() -> bool:
    """Whether an operation is recorded right now."""
    return (tg.tensor(1.0, requires_grad=True) * 2).requires_grad


def test_inside_nothing_is_recording():
    assert recording()
    with tg.no_grad():
        assert not recording()
    assert recording()


def test_they_nest_both_ways():
    with tg.no_grad():
        with tg.enable_grad():
            assert recording()
            with tg.no_grad():
                assert not recording()
            assert recording()
        assert not recording()
    assert recording()


def test_one_block_can_be_entered_again_inside_of_itself():
    block = tg.no_grad()
    with block:
        with block:
            assert not recording()
        assert not recording()
    assert recording()


def test_an_exception_restores():
    def fail():
        with tg.no_grad():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert recording()


def test_as_a_decorator():
    @tg.no_grad()
    def off(depth=0):
        """Its words."""
        if depth < 2:
            assert not off(depth + 1)
        return recording()

    assert not off()
    assert recording()
    assert off.__name__ == "off"
    assert off.__doc__ == "Its words."


def test_each_thread_has_its_own():
    seen = {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait(10)
        seen["other"] = recording()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        inside.set()
        done.wait(10)
        seen["this"] = recording()
    thread.join()
    assert seen == {"other": True, "this": False}


@pytest.mark.parametrize("shared", [tg.no_grad(), tg.enable_grad()])
def test_one_object_in_two_threads_at_once(shared):
    """As when a decorated function is called from two threads."""
    both_inside, left = threading.Barrier(2), {}

    def work(name, order):
        with shared:
            both_inside.wait(10)
            if order == "last":
                first.join(10)
            left[name] = recording()
        left[name] = left[name], recording()

    first = threading.Thread(target=work, args=("first", "first"))
    last = threading.Thread(target=work, args=("last", "last"))
    first.start()
    last.start()
    last.join()
    assert left == {"first": (shared.enabled, True), "last": (shared.enabled, True)}


def test_one_object_in_two_generators():
    off = tg.no_grad()

    def numbers():
        with off:
            yield recording()
        yield recording()

    first, second = numbers(), numbers()
    assert [next(first), next(second), next(first), next(second)] == [False, False, True, True]
    assert recording()


def test_a_generator_that_yields_inside_does_not_leak():
    def numbers():
        with tg.no_grad():
            for i in range(2):
                assert not recording()
                yield i
                assert not recording()

    for _ in numbers():
        assert recording()
    assert recording()


def test_a_generator_that_is_dropped_inside_leaves_nothing_behind():
    def numbers():
        with tg.no_grad():
            yield 1

    stream = numbers()
    next(stream)
    assert recording()
    del stream
    assert recording()


def test_the_callers_block_holds_inside_of_a_generator():
    def numbers():
        yield recording()
        with tg.enable_grad():
            yield recording()
        yield recording()

    with tg.no_grad():
        assert list(numbers()) == [False, True, False]


def test_generators_that_take_turns():
    def off():
        with tg.no_grad():
            yield recording()
            yield recording()

    def on():
        with tg.enable_grad():
            yield recording()
            yield recording()

    first, second = off(), on()
    assert [next(first), next(second), recording(), next(first), next(second)] == [False, True, True, False, True]
    first.close()
    assert next(on())
    second.close()
    assert recording()


def test_a_decorated_generator():
    @tg.no_grad()
    def numbers():
        yield recording()
        yield recording()

    seen = []
    for inside in numbers():
        seen.append((inside, recording()))
    assert seen == [(False, True)] * 2


def test_coroutines_that_take_turns():
    async def work(block, seen):
        with block:
            seen.append(recording())
            await asyncio.sleep(0)
            seen.append(recording())

    async def both():
        off, on = [], []
        await asyncio.gather(work(tg.no_grad(), off), work(tg.enable_grad(), on))
        return off, on

    assert asyncio.run(both()) == ([False, False], [True, True])
    assert recording()


def test_a_helper_called_inside_of_a_generators_block_is_inside():
    def numbers():
        with tg.no_grad():
            yield [recording() for _ in range(2)]

    assert next(numbers()) == [False, False]


def test_backward_works_inside_and_records_nothing():
    x = tg.tensor(3.0, requires_grad=True)
    y = x * x
    with tg.no_grad():
        (g,) = tg.grad(y, x)
        assert not g.requires_grad
        (g,) = tg.grad(y, x, create_graph=True)
        assert g.requires_grad  # asked for
        y.backward()
    assert x.grad.item() == 6


def test_derivatives_of_functions_do_not_care():
    with tg.no_grad():
        assert tg.hessian(lambda x: x**3, tg.tensor(2.0)).item() == 12
        assert tg.gradcheck(lambda x: x.sin(), tg.tensor([1.0, 2.0]))


def test_leaves_can_be_made_inside():
    with tg.no_grad():
        x = tg.tensor(2.0, requires_grad=True)
        y = x * x
    assert x.requires_grad
    with pytest.raises(GradientError, match="inside no_grad"):
        y.backward()
    assert (x * x).requires_grad


# -- set_grad_enabled ------------------------------------------------------------------------------------------------


def test_a_switch_holds_from_the_call_on():
    try:
        tg.set_grad_enabled(False)
        assert not recording()
        with tg.enable_grad():
            assert recording()
        assert not recording()
        for _ in range(5):
            tg.set_grad_enabled(True)
            assert recording()
            tg.set_grad_enabled(False)
        assert len(modes.blocks) == 1  # they take each other's place
    finally:
        tg.set_grad_enabled(True)
    assert recording()


def test_a_switch_ends_with_the_block_around_it():
    with tg.enable_grad():
        tg.set_grad_enabled(False)
        assert not recording()
    assert recording()
    with tg.no_grad():
        tg.set_grad_enabled(True)
        assert recording()
    assert recording()


@pytest.mark.parametrize("mode", [True, False])
def test_a_switch_as_a_block_and_as_a_decorator(mode):
    switch = tg.set_grad_enabled(mode)
    for _ in range(2):
        with switch:
            assert recording() is mode
            with tg.set_grad_enabled(not mode):
                assert recording() is not mode
            assert recording() is mode
        assert recording()
    with pytest.raises(ZeroDivisionError), tg.set_grad_enabled(mode):
        raise ZeroDivisionError
    assert recording()

    @tg.set_grad_enabled(mode)
    def f():
        return recording()

    assert recording() and f() is mode and f() is mode and recording()


def test_a_switch_in_a_generator_does_not_leak():
    def steps():
        with tg.set_grad_enabled(False):
            yield recording()
            yield recording()

    running = steps()
    assert not next(running) and recording() and not next(running) and recording()
