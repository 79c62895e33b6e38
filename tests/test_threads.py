"""Several threads: compiled functions, recordings, models, drawings, streams of random numbers; and forked processes."""

import itertools
import os
import queue
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import data, keras, nn, optim
from tinygrad_ml.compile.turn import Turn
from tinygrad_ml.errors import CompileError
from tinygrad_ml.modes import each_time, modes
from tinygrad_ml.random import streams

pytestmark = pytest.mark.host_only
LONG = 20
"""Seconds after which something has gone wrong."""


@pytest.fixture(autouse=True)
def _in_quick_alternation():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*functions):
    """What the functions return, each in a thread of its own; their errors are raised here."""
    start = threading.Barrier(len(functions))

    def run(function):
        start.wait(LONG)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [made.result(60) for made in [pool.submit(run, function) for function in functions]]


class Gate:
    """Holds a function up in the middle of being recorded; in slots, of which nothing is noticed."""

    __slots__ = ("open", "reached")

    def __init__(self):
        self.reached, self.open = threading.Event(), False

    def __call__(self):
        self.reached.set()
        end = time.monotonic() + LONG
        while not self.open and time.monotonic() < end:
            time.sleep(0.001)


def beside_a_recording(step, work, gate, *args):
    """(what `step(*args)` returns, what `work()` does while that is being recorded)"""
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(step, *args)
        assert gate.reached.wait(LONG)
        try:
            meanwhile = work()
        finally:
            gate.open = True
        return made.result(60), meanwhile


# -- one compiled function -----------------------------------------------------------------------------


def test_a_compiled_function_is_right_from_any_thread():
    f = tg.compile(lambda x: ((x @ x).tanh() @ x) * 2)
    given = [tg.full((150, 150), value) for value in (0.01, 0.02, 0.03)]
    expected = [f(x).numpy() for x in given]

    def calls(x, wanted):
        return sum(not np.array_equal(f(x).numpy(), wanted) for _ in range(100))

    assert at_once(*[lambda x=x, y=y: calls(x, y) for x, y in zip(given, expected, strict=True)]) == [0, 0, 0]


def test_a_function_that_was_never_called_is_recorded_once_for_all_threads():
    f = tg.compile(lambda x: (x @ x).exp())
    x = tg.full((20, 20), 0.1)
    expected = x.numpy() @ x.numpy()
    for result in at_once(*[lambda: f(x)] * 4):
        np.testing.assert_allclose(result.numpy(), np.exp(expected), rtol=1e-5)
    assert len(f._programs) == 1


def test_updates_of_threads_are_as_if_one_came_after_the_other():
    weight = nn.Parameter(tg.zeros((300,)))
    optimizer, count = optim.SGD([weight], 0.5), tg.tensor(0)

    @tg.compile
    def step(x):
        weight.grad = None
        (weight * x).sum().backward()
        optimizer.step()
        count.assign(count + 1)
        return count * 1

    x = tg.ones((300,))
    seen = at_once(*[lambda: [int(step(x)) for _ in range(40)]] * 3)
    assert sorted(number for numbers in seen for number in numbers) == list(range(1, 121))
    assert all(numbers == sorted(numbers) for numbers in seen)
    np.testing.assert_array_equal(weight.numpy(), np.full(300, -60, "float32"))


def test_several_shapes_and_repeats_in_several_threads():
    total = tg.zeros((4,))

    @tg.compile
    def step(x):
        total.assign(total + x.sum())

    def calls(rows):
        for _ in range(10):
            step(tg.ones((rows, 4)))
        step.repeat(5, tg.ones((rows, 4)))

    at_once(*[lambda rows=rows: calls(rows) for rows in (1, 2, 3)])
    np.testing.assert_array_equal(total.numpy(), np.full(4, 15 * 4 * (1 + 2 + 3)))


def test_methods_are_made_once_for_each_object():
    class Counter:
        def __init__(self):
            self.count = tg.tensor(0)

        @tg.compile
        def step(self):
            self.count.assign(self.count + 1)

    counter = Counter()
    at_once(*[lambda: [counter.step() for _ in range(20)]] * 3)
    assert int(counter.count) == 60


def test_a_turn_says_who_was_in_it_before():
    turn = Turn()
    for _ in range(2):
        with turn as first, turn as second:
            assert first and not second


def test_a_function_that_is_called_while_it_runs_runs_eagerly():
    count, inner = itertools.count(1), queue.SimpleQueue()

    def host():
        if next(count) == 3:  # the first was while it is recorded
            inner.put(f(tg.full((3,), 5.0)).tolist())
        return {"scale": 2.0}

    f = tg.compile(lambda x: x * each_time(host, x)["scale"])
    with ThreadPoolExecutor(1) as pool:  # not for ever
        results = [pool.submit(lambda: f(tg.ones((3,))).tolist()).result(LONG) for _ in range(4)]
    assert results == [[2.0] * 3] * 4
    assert inner.get_nowait() == [10.0] * 3


def test_variables_that_other_threads_make_meanwhile_do_not_matter():
    """What the function reaches is looked through while they come and go."""
    table, stop = {i: i for i in range(400)}, threading.Event()

    def busy():
        while not stop.is_set():
            for number in range(400, 800):
                table[number] = number
            for number in range(400, 800):
                del table[number]

    def record():
        try:
            return [float(tg.compile(lambda x: x * len(table) * 0 + 1)(tg.tensor(2.0))) for _ in range(25)]
        finally:
            stop.set()

    assert at_once(busy, record)[1] == [1.0] * 25


# -- beside a recording ----------------------------------------------------------------------------------


def test_other_threads_see_nothing_of_a_recording():
    gate = Gate()
    weight = nn.Parameter(tg.tensor([1.0, 2.0]), name="w")
    other = tg.compile(lambda x: (weight * x).sum())
    x = tg.tensor([3.0, 4.0])
    other(x)
    (weight * 7).sum().backward()

    @tg.compile
    def step(x):
        weight.grad = None
        loss = (weight * x).sum()
        loss.backward()
        gate()
        weight.assign(weight - weight.grad)
        return loss

    def work():
        assert weight.shape == (2,)
        assert type(weight).__name__ == "Parameter"
        assert isinstance(weight, nn.Parameter)
        assert weight.__class__ is nn.Parameter
        assert type(deepcopy(weight)) is nn.Parameter
        assert "w" in repr(weight)
        np.testing.assert_array_equal(weight.grad.numpy(), [7, 7])
        np.testing.assert_array_equal((weight * 2).numpy(), [2, 4])
        np.testing.assert_array_equal(weight.numpy(), [1, 2])
        assert float(other(x)) == 11
        loss = (weight**2).sum()  # and a step of its own
        weight.grad = None
        loss.backward()
        np.testing.assert_array_equal(weight.grad.numpy(), [2, 4])
        weight.assign([10.0, 20.0])
        return float(other(x))

    loss, meanwhile = beside_a_recording(step, work, gate, x)
    assert meanwhile == 110
    assert float(loss) == 110  # it runs after that
    assert type(weight) is nn.Parameter
    np.testing.assert_array_equal(weight.numpy(), [7, 16])
    np.testing.assert_array_equal(weight.grad.numpy(), [3, 4])
    assert float(step(x)) == 85


def test_what_another_thread_does_to_a_tensor_meanwhile_stays():
    gate = Gate()
    w, v = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, 2.0])

    @tg.compile
    def f(x):
        y = (w * x + v).sum()
        gate()
        return y

    def work():
        w.grad = tg.tensor([5.0, 5.0])
        v.data = np.array([10.0, 20.0], "float32")

    result, _ = beside_a_recording(f, work, gate, tg.tensor([1.0, 1.0]))
    np.testing.assert_array_equal(w.grad.numpy(), [5, 5])
    np.testing.assert_array_equal(v.numpy(), [10, 20])
    assert float(result) == 33


def test_two_recordings_of_the_same_tensors_at_once():
    gate = Gate()
    weight = nn.Parameter(tg.tensor([1.0, 2.0]))

    @tg.compile
    def first(x):
        gate()
        weight.assign(weight + x)

    @tg.compile
    def second(x):
        return (weight * x).exp()

    x = tg.zeros((2,))
    _, result = beside_a_recording(first, lambda: second(x), gate, x)
    np.testing.assert_array_equal(result.numpy(), [1, 1])
    assert type(weight) is nn.Parameter
    first(tg.ones((2,)))
    np.testing.assert_array_equal(weight.numpy(), [2, 3])


def test_a_recording_that_fails_leaves_no_trace():
    weight = nn.Parameter(tg.tensor([1.0, 2.0]))
    with pytest.raises(CompileError, match="reads"):
        tg.compile(lambda: float((weight * 2).sum()))()
    assert type(weight) is nn.Parameter
    np.testing.assert_array_equal(weight.numpy(), [1, 2])


def test_a_loader_in_a_thread_beside_a_recording():
    gate, images = Gate(), tg.arange(12.0).reshape(6, 2)
    loader = data.DataLoader(data.TensorDataset(images), batch_size=2)

    @tg.compile
    def step(x):
        gate()
        return (images * x).sum(), len(loader)

    (total, _), batches = beside_a_recording(step, lambda: [b.tolist() for (b,) in loader], gate, tg.tensor(2.0))
    assert batches == [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]], [[8.0, 9.0], [10.0, 11.0]]]
    assert float(total) == 132


def test_a_function_that_lets_other_threads_compute_cannot_be_compiled():
    weight = tg.tensor([1.0, 2.0])
    with ThreadPoolExecutor(1) as pool:

        def of_what_is_there(x):
            def work():
                time.sleep(0.05)  # by then the other one waits
                return weight * 2

            return x + pool.submit(work).result(LONG)

        def of_what_it_made(x):
            y = x * 2
            return pool.submit(lambda: y + 1).result(LONG)

        for function, words in ((of_what_is_there, "waits for another thread"), (of_what_it_made, "other threads")):
            with pytest.raises(CompileError, match=words):
                tg.compile(function)(tg.ones((2,)))
    np.testing.assert_array_equal((weight * 2).numpy(), [2, 4])


# -- models ------------------------------------------------------------------------------------------------


def test_predict_of_one_model_from_four_threads():
    model = keras.Sequential(
        [
            keras.layers.Input((20,)),
            keras.layers.Dense(60, "tanh"),
            keras.layers.Dense(60, "tanh"),
            keras.layers.Dense(5),
        ]
    )
    given = [np.full((64, 20), value, "float32") for value in (0.1, 0.2, 0.3, 0.4)]
    eager = [model(tg.tensor(x)).numpy() for x in given]

    def calls(x, wanted):
        return max(np.abs(model.predict(x, batch_size=16, verbose=0) - wanted).max() for _ in range(12))

    worst = at_once(*[lambda x=x, y=y: calls(x, y) for x, y in zip(given, eager, strict=True)])
    assert max(worst) < 1e-5
    assert model.predict_function.why_not is None


def test_predict_beside_fit_sees_the_weights_between_two_updates():
    """All weights grow alike, so that the outputs of one model that is whole are alike."""
    units = 300_000
    model = keras.Sequential(
        [keras.layers.Input((1,)), keras.layers.Dense(units, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(keras.optimizers.SGD(0.01), lambda y, out: -tg.mean(out, axis=-1) * units)
    x, one = np.ones((60, 1), "float32"), np.ones((1, 1), "float32")
    stop = []

    def fit():
        try:
            model.fit(x, np.zeros((60, 1), "float32"), batch_size=1, epochs=1, verbose=0)
        finally:
            stop.append(True)

    def predict():
        spread = [0.0]
        while not stop:
            out = model.predict(one, verbose=0)
            spread.append(float(out.max() - out.min()))
        return max(spread)

    assert at_once(fit, predict)[1] == 0


def test_what_other_threads_print_while_a_model_is_recorded_is_printed(capsys):
    gate = Gate()

    class Held(keras.layers.Layer):
        def call(self, x):
            if modes.recorder is not None:
                gate()
            return x * 2

    model = keras.Sequential([keras.layers.Input((2,)), Held()])
    x = np.ones((4, 2), "float32")
    model.predict(x, verbose=0)
    _, _ = beside_a_recording(lambda: model.predict(x, verbose=0), lambda: print("from another thread"), gate)
    assert capsys.readouterr().out == "from another thread\n"
    assert model.predict_function.why_not is None


def test_drawing_in_a_thread_beside_training():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.Adam(model.parameters(), 0.01)
    x = tg.ones((5, 4))

    @tg.compile
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    step(x)
    _, pictures = at_once(
        lambda: [step(tg.ones((rows, 4))) for rows in (5, 6, 7, 8)],
        lambda: [viz.draw(what).source for _ in range(4) for what in (step, model(x).sum())],
    )
    assert all("tanh" in picture.lower() for picture in pictures)


# -- what belongs to a thread ---------------------------------------------------------------------------------


def test_threads_of_a_pool_do_not_inherit_no_grad_nor_the_device():
    x = tg.ones((2,), device="cpu")
    x.requires_grad = True
    with ThreadPoolExecutor(1) as pool, tg.no_grad(), tg.device("symbol"):
        assert pool.submit(lambda: (x * 2).requires_grad).result(LONG)
        assert not pool.submit(tg.no_grad()(lambda: (x * 2).requires_grad)).result(LONG)
        assert pool.submit(lambda: tg.zeros((1,)).device).result(LONG) == "cpu"
    with ThreadPoolExecutor(1, initializer=tg.no_grad().__enter__) as pool:
        assert not pool.submit(lambda: (x * 2).requires_grad).result(LONG)


def test_streams_of_ones_own_are_a_threads_own():
    inside, drawn = threading.Event(), threading.Event()
    tg.manual_seed(5)
    expected = tg.random.normal((3,)).tolist()
    tg.manual_seed(5)

    def other():
        with streams.drawing_from(streams.Streams(1)):
            inside.set()
            drawn.wait(LONG)
            return tg.random.normal((3,)).tolist()

    def this():
        inside.wait(LONG)
        numbers = tg.random.normal((3,)).tolist()
        drawn.set()
        return numbers

    seeded, numbers = at_once(other, this)
    assert numbers == expected
    with streams.drawing_from(streams.Streams(1)):
        assert tg.random.normal((3,)).tolist() == seeded


# -- processes --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_process_goes_on_alone():
    """Also while another thread is within the compiled function, and while one records it."""
    gate, weight = Gate(), tg.full((40, 40), 0.1)
    f = tg.compile(lambda x: (weight @ x).tanh().sum())
    x = tg.ones((40, 40))
    expected = float(f(x))
    busy = threading.Event()

    def slow():
        busy.set()
        gate()
        return {"scale": 2.0}

    g = tg.compile(lambda x: (weight * x * each_time(slow, x)["scale"]).sum())

    def fork():
        busy.wait(LONG)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads, which this is about
            child = os.fork()
        if not child:
            gate.open = True
            right = abs(float(f(x)) - expected) < 1e-3 and abs(float(g(x)) - 320) < 1e-2
            os._exit(0 if right and type(weight) is tg.Tensor else 1)
        end = time.monotonic() + LONG
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done or time.monotonic() > end:
                if not done:
                    os.kill(child, 9)
                    os.waitpid(child, 0)
                return os.waitstatus_to_exitcode(status) if done else "it hangs"
            time.sleep(0.01)

    _, code = beside_a_recording(g, fork, gate, x)
    assert code == 0
