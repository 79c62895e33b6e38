"""What a compiled function may be given, and what it gives back."""

import copy
import functools
import gc
import importlib
import pickle
import weakref
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.compile.step import OPTIONAL
from tinygrad_ml.errors import CompileError, OptionError, TinygradError
from tinygrad_ml.modes import each_time
from tinygrad_ml.random.streams import Streams, drawing_from

pytestmark = pytest.mark.host_only


def counted(function):
    """The function, compiled, and how often it was recorded."""
    calls = []

    def body(*args, **kwargs):
        calls.append(1)
        return function(*args, **kwargs)

    return tg.compile(body), calls


def test_recorded_once_for_each_shape_and_dtype():
    step, calls = counted(lambda x: (x * 2).sum())
    for shape, dtype, expected in [
        ((3,), "float32", 1),
        ((3,), "float32", 1),
        ((4,), "float32", 2),
        ((3,), "float64", 3),
    ]:
        x = tg.ones(*shape, dtype=dtype)
        assert step(x).item() == 2 * shape[0]
        assert step(x).dtype == dtype
        assert len(calls) == expected


def test_nested_arguments_and_results():
    Pair = namedtuple("Pair", "a b")

    def function(batch, *, options):
        x, (y, z) = batch
        return {"sum": x + y, "rest": Pair([z * options["scale"]], "text"), "none": None}

    step, calls = counted(function)
    for i in range(3):
        x, y, z = tg.full((2,), i), tg.ones(2), tg.ones(3)
        found = step((x, (y, z)), options={"scale": 3})
        np.testing.assert_array_equal(found["sum"].numpy(), [i + 1, i + 1])
        np.testing.assert_array_equal(found["rest"].a[0].numpy(), [3, 3, 3])
        assert found["rest"].b == "text" and found["none"] is None
    assert len(calls) == 1
    assert step((x, (y, z)), options={"scale": 4})["rest"].a[0].numpy()[0] == 4


def test_arrays_and_transposed_arrays():
    step = tg.compile(lambda a, b: a @ b)
    random = np.random.default_rng(0)
    for _ in range(2):
        a, b = random.standard_normal((4, 3), np.float32).T, random.standard_normal((4, 2), np.float32)
        np.testing.assert_allclose(step(a, b).numpy(), a @ b, 1e-6)


def test_one_tensor_twice_is_another_program_than_two_tensors():
    step = tg.compile(lambda x, y: x - y)
    x, y = tg.ones(3), tg.zeros(3)
    assert step(x, x).numpy().sum() == 0
    assert step(x, y).numpy().sum() == 3
    assert step(y, x).numpy().sum() == -3


def test_an_argument_comes_back_as_itself():
    x = tg.ones(3)
    found, twice = tg.compile(lambda x: (x, x * 2))(x)
    assert found is x
    assert twice.numpy().tolist() == [2, 2, 2]


def test_results_share_no_memory():
    step = tg.compile(lambda x: (x.reshape(2, 2), x.T, x * 2, (x * 2).reshape(-1), tg.broadcast_to(x, (2, 2, 2))))
    x = tg.ones(2, 2)
    found = step(x)
    arrays = [x.numpy(), *(y._data for y in found)]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
        a[...] = i


OPERANDS = [
    np.float32(2),
    np.ones(3, np.float32),
    np.ones((2, 1), np.float32),
    np.ones(4, np.float32),
    np.ones(3, np.float64),
]
OPERANDS += [np.ones(3, np.int64), np.ones(3, bool)]


@pytest.mark.parametrize("a", OPERANDS, ids=lambda x: f"{x.dtype}{x.shape}")
def test_operators_give_shapes_dtypes_and_errors_of_eager_mode(a):
    for b in OPERANDS:
        for compute in (
            lambda x, y: x + y,
            lambda x, y: x - y,
            lambda x, y: x * y,
            lambda x, y: x / y,
            lambda x, y: 2 - x,
        ):
            told = []
            for function in (compute, tg.compile(compute)):
                try:
                    result = function(tg.tensor(a), tg.tensor(b))
                    told.append((result.dtype, result.numpy().tolist()))
                except TinygradError as error:
                    told.append((type(error), str(error)))
            assert told[0] == told[1]


def test_arithmetic_past_the_engine_has_no_numbers():
    x = tg.ones(3)
    with pytest.raises(CompileError, match="there are no numbers to read"):
        tg.compile(lambda x: tg.Tensor(x._data + x._data) * 2)(x)
    with pytest.raises(CompileError, match="there are no numbers to read"):
        tg.compile(lambda x: tg.Tensor(x._data * x._data))(x)


@pytest.mark.parametrize("view", [lambda a: a[1:3], lambda a: a[:], lambda a: a.reshape(2, 2), lambda a: a.numpy()])
def test_arguments_that_overlap(view):
    def write(a, b):
        a.assign(a + 1)
        return b * 1

    writing, reading = tg.compile(write), tg.compile(lambda a, b: a.sum() + b.sum())
    state = tg.ones(4)
    into_state = tg.compile(lambda b: write(state, b))
    a = tg.arange(4.0)
    b = view(a)
    assert reading(a, b).item() == 6 + np.sum(np.asarray(b))
    if isinstance(b, np.ndarray):  # a copy
        assert writing(a, b).tolist() == [0, 1, 2, 3]
        return
    for pair in ((a, b), (b, a)):
        with pytest.raises(CompileError, match=r"argument b lies in .* of argument a, .*tg\.tensor"):
            writing(*pair)
    assert a.tolist() == [0, 1, 2, 3]
    assert writing(tg.tensor(a), b).shape == into_state(tg.tensor(b)).shape == b.shape
    with pytest.raises(CompileError, match="argument b lies in .* of state"):
        into_state(view(state))


def test_state_that_overlaps():
    whole = tg.arange(4.0)
    part = whole[1:3]

    @tg.compile
    def step():
        whole.assign(whole + 1)
        return part * 1

    with pytest.raises(CompileError, match="state lies in .* of state"):
        step()
    assert whole.tolist() == [0, 1, 2, 3]


def test_gradients_of_arguments():
    step = tg.compile(lambda x: (x * x).sum().backward())
    for value in (1.0, 2.0):
        x = tg.full((2,), value, requires_grad=True)
        step(x)
        assert x.grad.numpy().tolist() == [2 * value] * 2


def test_gradients_of_arguments_add_up():
    step = tg.compile(lambda x: (x * x).sum().backward())
    x = tg.full((2,), 3.0, requires_grad=True)
    for count in (1, 2, 3):
        step(x)
        assert x.grad.numpy().tolist() == [6 * count] * 2
    other = tg.full((2,), 1.0, requires_grad=True)
    other.grad = tg.full((2,), 10.0)
    step(other)
    assert other.grad.numpy().tolist() == [12, 12] and x.grad.numpy().tolist() == [18, 18]


def test_a_tensor_of_the_caller_that_takes_new_values():
    total = tg.zeros(2)

    @tg.compile
    def add(x):
        nonlocal total
        total += x

    for _ in range(3):
        add(tg.ones(2))
    assert total.numpy().tolist() == [3, 3]


def test_an_assigned_tensor_and_a_number():
    state, count = tg.zeros(2), tg.tensor(0)

    @tg.compile
    def advance(x):
        state.assign(state * 0.5 + x)
        count.assign(count + 1)
        return state * 1

    expected = 0.0
    for i in range(4):
        expected = expected * 0.5 + i
        assert advance(tg.full((2,), float(i))).numpy().tolist() == [expected] * 2
    assert state.numpy().tolist() == [expected] * 2
    assert count.item() == 4


def test_two_states_that_change_places():
    a, b = tg.zeros(3), tg.ones(3)

    @tg.compile
    def swap():
        old = a * 1
        a.assign(b)
        b.assign(old)

    for i in range(5):
        assert a.numpy().tolist() == [i % 2] * 3 and b.numpy().tolist() == [1 - i % 2] * 3
        swap()


def test_a_parameter_that_is_read_after_it_was_written():
    p = tg.zeros(20_000)

    @tg.compile
    def step():
        before = p * 10
        p.assign(p + 1)
        return before.sum(), p.sum()

    for i in range(3):
        before, after = step()
        assert before.item() == 200_000 * i and after.item() == 20_000 * (i + 1)


@pytest.mark.parametrize("rows", [3, 3000])  # calls of NumPy, and loops
def test_old_numbers_that_are_read_beside_the_new_ones(rows):
    start = np.random.default_rng(0).standard_normal((rows, 5)).astype(np.float32)
    p, q = tg.tensor(start), tg.tensor(start)

    @tg.compile
    def step():
        new_p, new_q = p * 2, q * 3
        later = new_p + p, q - q.max(axis=1, keepdims=True) + new_q
        p.assign(new_p)
        q.assign(new_q)
        return later

    for count in range(3):
        sums, shifted = step()
        np.testing.assert_allclose(sums.numpy(), start * 2**count * 3, 1e-6)
        old = start * np.float32(3**count)
        np.testing.assert_allclose(shifted.numpy(), old - old.max(axis=1, keepdims=True) + old * 3, 1e-5, 1e-4)
    np.testing.assert_allclose(p.numpy(), start * 8, 1e-6)
    np.testing.assert_allclose(q.numpy(), start * 27, 1e-6)


def test_random_numbers_are_those_of_eager_mode():
    def function(x):
        noise = tg.random.normal(size=(3,)) + tg.random.uniform(size=(3,))
        return x + noise, tg.random.permutation(5), tg.random.integers(0, 9, 4), tg.random.bernoulli(0.5, 6)

    step = tg.compile(function)
    x = tg.zeros(3)
    for _ in range(3):
        tg.manual_seed(1)
        expected = [function(x), function(x)]
        tg.manual_seed(1)
        for one in expected:
            for a, b in zip(one, step(x), strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("restart", [lambda: tg.manual_seed(3), lambda: tg.random.set_state(tg.random.get_state())])
def test_seeds_in_a_function_are_refused(restart):
    def function(x):
        restart()
        return x + tg.random.rand(2)

    with pytest.raises(CompileError, match="would restart the random numbers once"):
        tg.compile(function)(tg.zeros(2))


@pytest.mark.parametrize("size", [3, 5000])
@pytest.mark.parametrize("divide", [lambda a, b: a % b, lambda a, b: a // b])
def test_integers_divided_by_0(divide, size):
    step = tg.compile(lambda a, b: divide(a * 2, b) + 1)
    a, b = tg.arange(size), tg.arange(size) + 1
    for _ in range(2):
        np.testing.assert_array_equal(step(a, b).numpy(), divide(a.numpy() * 2, b.numpy()) + 1)
    with pytest.raises(tg.errors.TinygradError, match="integers cannot be divided by 0"):
        step(a, a)
    by_a_number = tg.compile(lambda a: divide(a * 2, 7) + 1)
    np.testing.assert_array_equal(by_a_number(a).numpy(), divide(a.numpy() * 2, 7) + 1)
    assert "single" not in {kernel.kind for kernel in by_a_number._programs[0].executable.kernels}
    with pytest.raises(tg.errors.TinygradError, match="integers cannot be divided by 0"):
        tg.compile(lambda a: divide(a, 0))(a)


def test_unused_random_numbers_are_drawn_too():
    def function(x):
        tg.random.rand(3)
        return x + tg.random.rand(3)

    step, x = tg.compile(function), tg.zeros(3)
    tg.manual_seed(2)
    expected = [function(x).numpy() for _ in range(2)]
    tg.manual_seed(2)
    np.testing.assert_array_equal([step(x).numpy() for _ in range(2)], expected)


def test_without_a_graph():
    w = tg.ones(2, requires_grad=True)
    step = tg.compile(lambda: w * 2)
    assert not step().requires_grad
    with tg.no_grad():
        assert not step().requires_grad


def test_recording_leaves_everything_as_it_was():
    p, x = tg.ones(3, requires_grad=True), tg.ones(3)
    data = p._data

    @tg.compile
    def broken(x):
        p.assign(x * 2)
        (p * x).sum().backward()
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        broken(x)
    assert p._data is data and p.grad is None and p.numpy().tolist() == [1, 1, 1]
    assert (p * x).sum().item() == 3


def test_a_step_goes_with_all_that_it_has_recorded():
    def trained():
        weight = tg.ones(300, 40, requires_grad=True)
        optimizer = tg.optim.Adam([weight])

        @tg.compile
        def step(x):
            optimizer.zero_grad()
            loss = tg.nn.functional.relu(x @ weight).sum()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(3):
            step(tg.ones(5, 300))
        return [weakref.ref(thing) for thing in (step, weight, optimizer, optimizer.state[weight]["exp_avg"])]

    gc.disable()
    try:
        assert [reference() for reference in trained()] == [None] * 4
    finally:
        gc.enable()


def test_an_older_graph_notices_what_a_step_overwrote():
    w = tg.ones(3, requires_grad=True)
    y = (w * w).sum()

    @tg.compile
    def step():
        with tg.no_grad():
            w.assign(w * 2)

    step()
    with pytest.raises(tg.errors.GradientError, match="changed in place"):
        y.backward()


def test_as_a_decorator_of_a_method():
    class Scaler:
        def __init__(self, factor):
            self.factor = tg.tensor(factor)

        @tg.compile
        def __call__(self, x):
            return x * self.factor

    two, three = Scaler(2.0), Scaler(3.0)
    x = tg.ones(2)
    for _ in range(2):
        assert two.__call__(x).numpy().tolist() == [2, 2]
        assert three.__call__(x).numpy().tolist() == [3, 3]


class Scaled:
    """An object with a compiled method."""

    def __init__(self, factor):
        self.factor = tg.tensor(factor)

    @tg.compile
    def step(self, x):
        return x * self.factor

    @classmethod
    @tg.compile
    def of_the_class(cls, x):
        return x * 3

    @tg.compile
    @staticmethod
    def of_nobody(x):
        return x * 4


class Twice(Scaled):
    @tg.compile
    def step(self, x):
        return super().step(x) * 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_an_object_with_a_compiled_method(copied):
    x, one = tg.ones(1), Scaled(2.0)
    assert one.step(x).item() == 2
    other = copied(one)
    other.factor = tg.tensor(5.0)
    assert [one.step(x).item(), other.step(x).item(), one.step(x).item()] == [2, 5, 2]
    assert one.step is one.step and other.step is other.step


def test_a_copy_of_an_object_that_compiles_its_own_method():
    class Own:
        def __init__(self):
            self.factor = tg.tensor(2.0)
            self.step = tg.compile(self.apply)

        def apply(self, x):
            return x * self.factor

    one = Own()
    assert one.step(tg.ones(1)).item() == 2
    other = copy.deepcopy(one)
    other.factor.assign(3.0)
    assert (other.step(tg.ones(1)).item(), one.step(tg.ones(1)).item()) == (3, 2)
    assert pickle.loads(pickle.dumps(of_two)) is of_two


@tg.compile
def of_two(x, y):
    return x + y


def test_methods_of_all_kinds():
    x, twice = tg.ones(1), Twice(2.0)
    for _ in range(2):
        assert twice.step(x).item() == 4 and Scaled.step(twice, x).item() == 2
        assert Twice.of_the_class(x).item() == 3 and twice.of_the_class(x).item() == 3
        assert Scaled.of_nobody(x).item() == 4 and twice.of_nobody(x).item() == 4

    class Slots:
        __slots__ = ("factor",)

        @tg.compile
        def step(self, x):
            return x

    with pytest.raises(CompileError, match="__slots__ of .*Slots leave no place for step: add '__dict__'"):
        Slots().step(x)


def test_names_of_what_has_none():
    x = tg.ones(2, 3)
    model, part = tg.compile(tg.nn.Linear(3, 1)), tg.compile(functools.partial(of_two.function, y=1))
    model(x), part(x)
    assert repr(model) == "<compiled Linear, 1 program>" and repr(part) == "<compiled of_two, 1 program>"
    with pytest.raises(CompileError, match="ReLU has not been called yet"):
        tg.compile(tg.nn.ReLU()).explain()


def generator(x):
    yield x * 2


async def coroutine(x):
    return x * 2


class Generating:
    def __call__(self, x):
        yield x


@pytest.mark.parametrize(("function", "options", "message"), [
    (3, {}, "takes a function of tensors, and not 3"),
    (classmethod(lambda cls: 1), {}, "put @classmethod above"),
    (generator, {}, "generator is a generator or a coroutine"),
    (functools.partial(coroutine), {}, "coroutine is a generator or a coroutine"),
    (Generating(), {}, "Generating is a generator or a coroutine"),
    (lambda x: x, {"without": "fusion"}, r"without=\('fusion',\)"),
])  # fmt: skip
def test_what_cannot_be_compiled_is_said_at_once(function, options, message):
    with pytest.raises(tg.errors.OptionError, match=message):
        tg.compile(function, **options)


@pytest.mark.parametrize("returned", [lambda x: (x * i for i in range(3)), lambda x: {"a": map(tg.sum, [x])}])
def test_what_computes_later_is_no_result(returned):
    with pytest.raises(CompileError, match="Return a list or a tuple"):
        tg.compile(lambda x: returned(x))(tg.ones(2))


def test_how_often_a_step_is_repeated_is_a_whole_number():
    step = tg.compile(lambda x: x + 1)
    for times in (2.5, tg.ones(3), "2"):
        with pytest.raises(tg.errors.OptionError, match="a whole number"):
            step.repeat(times, tg.ones(3))
    assert step.repeat(np.int64(2), tg.ones(1)).item() == 2


def test_the_same_work_for_any_option_left_out():
    def function(x, w):
        y = (x @ w).tanh() * 1
        return (y * y + y * y).sum(axis=0), y.negative().negative()

    x, w = tg.random.randn(6, 5), tg.random.randn(5, 4)
    expected = [part.numpy() for part in function(x, w)]
    for left_out in ((), *((name,) for name in OPTIONAL), OPTIONAL):
        step = tg.compile(function, without=left_out)
        for a, b in zip(step(x, w), expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b, 1e-6, 1e-6)


def test_an_unknown_pass():
    with pytest.raises(tg.errors.OptionError, match="there is no pass 'magic'"):
        tg.compile(lambda x: x, without=("magic",))


@pytest.mark.parametrize(("read", "how"), [
    (float, r"float\(\)"),
    (bool, r"`if`"),
    (int, r"int\(\)"),
    (lambda x: x.item(), r"\.item\(\)"),
    (lambda x: x.numpy(), r"\.numpy\(\)"),
    (lambda x: x.tolist(), r"\.tolist\(\)"),
    (lambda x: np.asarray(x), "NumPy"),
    (lambda x: 1 if x > 0 else 2, "`if`"),
    (lambda x: f"{x:.3f}", "f-string"),
    (print, r"print\(\)"),
    (lambda x: x.data.sum(), r"\.data"),
    (lambda x: np.exp(x.data), r"\.data"),
    (lambda x: range(x.astype("int64")), "whole number"),
])  # fmt: skip
def test_reading_numbers_is_refused(read, how):
    step = tg.compile(lambda x: read((x * 2).sum()))
    with pytest.raises(CompileError, match=rf"{how}.* reads a tensor of shape \(\) .*no numbers to read.*tg\.where"):
        step(tg.ones(3))


@pytest.mark.parametrize("derivative", [tg.hessian, tg.jacobian])
def test_derivatives_of_many_rows_are_compiled(derivative):
    def function(x):
        return derivative(lambda y: (y * y * y).sum(), x)

    x = tg.tensor([1.0, 2.0, 3.0])
    step = tg.compile(function)
    for _ in range(2):
        np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), rtol=1e-6)


@pytest.mark.parametrize("function", [lambda x: -x, lambda x: x - x])
def test_what_there_is_for_numbers_only(function):
    for step in (function, tg.compile(function)):
        with pytest.raises(tg.errors.DTypeError, match=r"of a tensor of shape \(1,\) and dtype bool.*not supported"):
            step(tg.tensor([True]))


def test_backward_on_a_result():
    loss = tg.compile(lambda x: (x * x).sum())(tg.ones(2, requires_grad=True))
    with pytest.raises(tg.errors.GradientError, match=r"tg\.compile .* call backward\(\) inside"):
        loss.backward()


def test_reading_a_parameter_is_refused():
    w = tg.tensor(2.0, requires_grad=True)
    with pytest.raises(CompileError, match="no numbers to read"):
        tg.compile(lambda x: x * float(w))(tg.ones(2))


def test_a_boolean_mask_is_refused():
    with pytest.raises(CompileError, match=r"tg\.where\(mask, x, 0\)"):
        tg.compile(lambda x: x[x > 0])(tg.ones(3))

    def put(x):
        x[x > 0] = tg.arange(3.0)  # one for each True
        return x * 1

    with pytest.raises(CompileError, match=r"x = tg\.where\(mask, value, x\)"):
        tg.compile(put)(tg.ones(3))


def of_many(rows, rate=1.0, options=()):
    return rows * 2 * OUTER


@pytest.mark.parametrize(("call", "what"), [
    (lambda step, n: step(tg.ones(n + 1)), r"argument rows is float32\[5\] here, and was float32\[4\]"),
    (lambda step, n: step(tg.ones(1), float(n)), r"argument rate is 4\.0 here, and was 3\.0"),
    (lambda step, n: step(tg.ones(1), options=[n]), r"argument options\[0\] is 4 here, and was 3"),
    (lambda step, n: step(tg.ones(1), options={"a": 1, "b": (2, "x" * n)}), r"argument options\['b'\]\[1\] is 'xxxx' here"),
    (lambda step, n: step(tg.ones(1), options=[1] * n), r"the length of argument options is 4 here, and was 3"),
    (lambda step, n: step(globals().update(OUTER=float(n)) or tg.ones(1)), r"OUTER is 4\.0 here, and was 3\.0"),
])  # fmt: skip
def test_of_too_many_programs_the_oldest_goes_and_one_warning_says_what_changes(call, what, monkeypatch):
    monkeypatch.setitem(globals(), "OUTER", 1.0)
    step = tg.compile(of_many, programs=4)
    for n in range(4):
        call(step, n)
    with pytest.warns(UserWarning, match=f"of_many has been recorded for 4 .* yet another one: {what}") as caught:
        call(step, 4)
    assert len(caught) == 1
    for n in range(5, 8):
        call(step, n)
    assert len(step._programs) == 4


class Knob:
    """An object that says itself what steps take for granted; its attributes are in slots, which nobody looks at."""

    __slots__ = ("turned", "uses", "__weakref__")

    def __init__(self):
        self.turned, self.uses = 0, 0

    def _relied_on_by_steps(self):
        return {"turn": self.turned}


@pytest.mark.parametrize(("make", "use", "change", "what"), [
    (lambda: tg.nn.Dropout(0.5), lambda part, x: part(x), lambda part, n: setattr(part, "p", n / 9), "p of a Dropout"),
    (lambda: tg.nn.Identity(), lambda part, x: part(x),
     lambda part, n: part.register_forward_hook(lambda *_: None), "hooks of a Identity"),
    (lambda: tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0), lambda part, x: x * 1,
     lambda part, n: part.param_groups[0].update(momentum=n % 2, weight_decay=n // 2),
     "options of a SGD"),
    (lambda: tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0), lambda part, x: x * 1,
     lambda part, n: part.load_state_dict(part.state_dict()), "state of a SGD"),
    (Knob, lambda part, x: x * (part.turned + 1), lambda part, n: setattr(part, "turned", n), "turn of a Knob"),
])  # fmt: skip
def test_what_things_say_that_steps_rely_on_is_noticed_and_named(make, use, change, what):
    part = make()
    f, calls = counted(lambda x: use(part, x))
    f.programs, x = 2, tg.ones(3)
    for n in (1, 2):
        change(part, n)
        f(x)
        f(x)
    change(part, 3)
    with pytest.warns(UserWarning, match=f"yet another one: it differs in {what}\\."):
        f(x)
    assert len(calls) == 3


def test_an_object_that_says_what_steps_rely_on_may_change_in_all_else():
    knob = Knob()
    f, calls = counted(lambda x: x * (knob.turned + 1))
    for knob.uses in range(3):
        f(tg.ones(2))
    assert len(calls) == 1
    knob.turned = 1
    assert f(tg.ones(2)).tolist() == [2, 2]
    assert len(calls) == 2


def test_the_program_that_was_not_used_for_longest_goes():
    f, calls = counted(lambda x, n: x * n)
    f.programs, x = 3, tg.ones(2)
    with pytest.warns(UserWarning, match=r"argument args\[1\] is 4 here, and was 3"):
        for n in (1, 2, 3, 1, 4):
            assert f(x, n).tolist() == [n, n]
    assert len(calls) == 4
    gone = weakref.ref(f._programs[0])
    for n in (1, 3, 4):  # those are there
        assert f(x, n).tolist() == [n, n]
    assert len(calls) == 4
    assert f(x, 2).tolist() == [2, 2]
    assert len(calls) == 5
    assert f(x, 1).tolist() == [1, 1]
    assert len(calls) == 6
    assert f(x, 4).tolist() == [4, 4]
    assert len(calls) == 6
    for n in range(5, 9):
        f(x, n)
    assert gone() is None  # with the memory of its results


def test_a_context_that_grows_for_ever():
    weight = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    f = tg.compile(lambda x: (x @ weight).sum())
    with pytest.warns(UserWarning, match=r"argument x is float32\[33, 2\] here, and was float32\[32, 2\]"):
        assert [float(f(tg.ones((n, 2)))) for n in range(1, 41)] == [10.0 * n for n in range(1, 41)]
    assert repr(f) == "<compiled <lambda>, 32 programs>"


def test_how_many_programs_are_kept_is_an_option():
    @tg.compile(programs=2)
    def f(x):
        return x + 1

    assert f.programs == 2
    assert pickle.loads(pickle.dumps(tg.compile(of_many, programs=5))).programs == 5

    class Model:
        @tg.compile(programs=3)
        def step(self, x):
            return x

    assert Model().step.programs == 3
    for programs in (0, -1, 2.0, True, "32"):
        with pytest.raises(OptionError, match="how many programs are kept"):
            tg.compile(of_many, programs=programs)


@dataclass(frozen=True)
class Size:
    rows: int
    scale: float = 1.0


@dataclass
class Loose:
    rows: int


def test_what_counts_by_value():
    step, calls = counted(lambda x, option: x * 2)
    x = tg.ones(3)
    kinds = [
        lambda: float("nan"), lambda: 0.0, lambda: -0.0, lambda: slice(0, 2), lambda: slice(0, 3), lambda: range(3),
        lambda: b"abc", lambda: np.float32(1.5), lambda: np.int64(7), lambda: Size(3), lambda: Size(4), lambda: 1 + 2j,
        lambda: 1, lambda: 1.0, lambda: True,
    ]  # fmt: skip
    for number, kind in enumerate(kinds, 1):
        for _ in range(3):
            step(x, kind())
        assert len(calls) == number
    for _ in range(3):
        step(x, Loose(3))
    assert len(calls) == len(kinds) + 3


def test_dictionaries_keep_their_kind():
    class Attributes(dict):
        __getattr__ = dict.__getitem__

    def step(batch, table):
        table = type(table)(table.default_factory, {"y": batch.x + table["there"]})
        return {"batch": Attributes(z=batch.x * 2), "table": table, "order": OrderedDict(b=batch.x, a=1)}

    compiled = tg.compile(step)
    for _ in range(2):
        found = compiled(Attributes(x=tg.ones(2)), defaultdict(float, there=1))
        assert found["batch"].z.tolist() == [2, 2] and found["table"]["none"] == 0.0
        assert isinstance(found["order"], OrderedDict) and list(found["order"]) == ["b", "a"]


@pytest.mark.parametrize("change", [lambda d: d["list"].append(1), lambda d: d.update(n=1), lambda d: d.pop("list")])
def test_a_container_that_is_changed(change):
    def step(x, given):
        change(given)
        return x * 2

    with pytest.raises(CompileError, match="changes argument given, or a list or a dictionary in it"):
        tg.compile(step)(tg.ones(2), {"list": [1]})


def test_a_compiled_function_within_another_becomes_a_part_of_it():
    inner = tg.compile(lambda x: x * x)
    outer = tg.compile(lambda x: tg.grad(inner(x).sum(), x)[0])
    for value in (1.0, 3.0):
        assert outer(tg.full((2,), value, requires_grad=True)).numpy().tolist() == [2 * value] * 2
    assert "0 programs" in repr(inner)


def test_anomalies_are_found():
    step = tg.compile(lambda x: (x - 1).log())
    assert np.isnan(step(tg.zeros(2)).numpy()).all()
    with pytest.raises(tg.errors.AnomalyError, match="'log'"), tg.detect_anomaly():
        step(tg.zeros(2))


def test_a_model_in_another_dtype_is_another_program():
    model = tg.nn.Linear(3, 2)
    step = tg.compile(lambda x: model(x))
    assert step(tg.ones(1, 3)).dtype == "float32"
    model.to(dtype="float64")
    assert step(tg.ones(1, 3)).dtype == "float64"


def test_a_failed_recording_counts_no_step():
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.Adam([w])

    def step(read):
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        return float(loss) if read else loss

    compiled = tg.compile(step)
    compiled(False), compiled(False)
    with pytest.raises(CompileError):
        compiled(True)
    assert optimizer.state[w]["step"] == 2
    compiled(False)
    assert optimizer.state[w]["step"] == 3


def test_a_failed_recording_puts_back_what_python_counted():
    class Counter:
        def __init__(self):
            self.calls, self.seen, self.by_name = 0, [], {}

    counter, total = Counter(), 0

    def step(x, read):
        nonlocal total
        counter.calls, total = counter.calls + 1, total + 1
        counter.seen.append(x.shape)
        counter.by_name[str(total)] = total
        return float(x.sum()) if read else x * 2

    compiled = tg.compile(step)
    with pytest.raises(CompileError):
        compiled(tg.ones(2), True)
    assert (counter.calls, counter.seen, counter.by_name, total) == (0, [], {}, 0)
    compiled(tg.ones(2), False)
    assert (counter.calls, counter.seen, counter.by_name, total) == (1, [(2,)], {"1": 1}, 1)


def test_host_code_reads_numbers_as_they_are_before_the_step():
    rate = tg.tensor(0.5)

    @tg.compile
    def step(x):
        n = each_time(lambda: {"rate": float(rate) * 2}, x)
        rate.assign(rate * 2)
        return x * n["rate"]

    assert [step(tg.ones(1)).item() for _ in range(3)] == [1, 2, 4]
    rate.assign(7)
    assert step(tg.ones(1)).item() == 14


def test_a_stream_of_ones_own_goes_on_in_both_modes():
    def draw(streams):
        with drawing_from(streams):
            return tg.random.rand(3)

    own, twin = Streams(5), Streams(5)
    step = tg.compile(lambda: (draw(own), tg.random.rand(2)))
    tg.manual_seed(1)
    expected = [(draw(twin).tolist(), tg.random.rand(2).tolist()) for _ in range(3)]
    tg.manual_seed(1)
    assert [tuple(part.tolist() for part in step()) for _ in range(3)] == expected


class Settings:
    scale = 1.0

    def __init__(self):
        self.weight, self.table, self.calls, self.history = 2.0, {"shift": 0.0, "list": [1, 2]}, 0, []

    def apply(self, x):
        return self.shifted(x * self.weight) * self.scale

    def shifted(self, x):
        return x + self.table["shift"] + self.table["list"][0]

    def fit(self, step, x):
        """What is around a step, and may count and note whatever it likes."""
        self.calls += 1
        self.history.append(step(x).item())


SETTINGS, OUTER = Settings(), 1.0


def helped(x):
    return x * OUTER


class Configured(tg.nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings, self._hidden = settings, 1.0

    def forward(self, x):
        return self.settings.apply(x) * self._hidden


def changes(monkeypatch):
    """What changes the result of `everything`, one by one."""
    settings = SETTINGS
    yield lambda: monkeypatch.setitem(globals(), "OUTER", 3.0)
    yield lambda: monkeypatch.setitem(globals(), "helped", lambda x: x * 5)
    yield lambda: setattr(settings, "weight", 7.0)
    yield lambda: settings.table.update(shift=2.0)
    yield lambda: settings.table["list"].insert(0, 9)
    yield lambda: monkeypatch.setattr(Settings, "scale", 0.5)
    yield lambda: setattr(settings, "scale", 4.0)
    yield lambda: setattr(settings, "shifted", lambda x: x - 1)
    yield lambda: monkeypatch.setitem(globals(), "SETTINGS", Settings())
    yield lambda: monkeypatch.setattr(Settings, "apply", lambda self, x: x * 11)


def test_what_a_function_reads_by_name_is_noticed_when_it_is_another(monkeypatch):
    monkeypatch.setitem(globals(), "SETTINGS", Settings())
    step, calls = counted(lambda x: helped(SETTINGS.apply(x)))
    x = tg.ones(2)
    before = step(x)
    for number, change in enumerate(changes(monkeypatch), 2):
        change()
        after = step(x)
        assert not np.array_equal(after.numpy(), before.numpy())
        np.testing.assert_allclose(after.numpy(), helped(SETTINGS.apply(x)).numpy())
        step(x)
        assert len(calls) == number
        before = after


def test_a_module_of_settings(tmp_path, monkeypatch):
    (tmp_path / "settings_of_a_test.py").write_text(
        "scale = 2.0\n\ndef shifted(x):\n    return x + shift\n\nshift = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = importlib.import_module("settings_of_a_test")
    step = tg.compile(lambda x: settings.shifted(x) * settings.scale)
    found = [step(tg.ones(1)).item()]
    for name, value in (("scale", 3.0), ("shift", 5), ("shifted", lambda x: x)):
        setattr(settings, name, value)
        found.append(step(tg.ones(1)).item())
    assert found == [4, 6, 18, 3]


def test_what_is_around_a_step_may_change():
    settings = Settings()
    step, calls = counted(lambda x: settings.apply(x))
    for _ in range(5):
        settings.fit(step, tg.ones(1))
    assert (len(calls), settings.calls, len(settings.history)) == (1, 5, 5)


@pytest.mark.parametrize("make", [
    lambda settings: tg.compile(settings.apply),
    lambda settings: tg.compile(Configured(settings)),
    lambda settings: lambda x: argument(settings, x),
])  # fmt: skip
def test_attributes_of_what_a_step_is_given(make):
    settings = Settings()
    step = make(settings)
    found = []
    for settings.weight in (1.0, 1.0, 3.0):
        found.append(step(tg.ones(1)).item())
    assert found == [2, 2, 4]


@tg.compile
def argument(settings, x):
    return settings.apply(x)


def test_a_module_that_is_made_anew():
    def step(x):
        return model(x)

    compiled, x = tg.compile(step), tg.ones(2, 3)
    for _ in range(2):
        model = tg.nn.Linear(3, 1)
        np.testing.assert_allclose(compiled(x).numpy(), model(x).numpy(), 1e-6)


def test_a_private_attribute_of_a_module():
    model = Configured(Settings())
    step = tg.compile(model)
    assert [step(tg.ones(1)).item(), setattr(model, "_hidden", 2.0), step(tg.ones(1)).item()] == [3, None, 6]


def test_a_number_that_the_function_itself_counts_is_no_reason_to_record_again():
    n, shapes = 0, []

    def function(x):
        nonlocal n
        n += 1
        shapes.append(x.shape)
        return x * 2

    step = tg.compile(function)
    for _ in range(3):
        for size in (2, 3):
            step(tg.ones(size))
    assert n == 2
    n = 10  # by somebody else
    step(tg.ones(2))
    assert n == 11


def test_an_object_goes_with_its_compiled_method():
    class Owner:
        def __init__(self):
            self.factor = tg.ones(2)
            self.scale, self.parts = 2.0, [1, 2]

        @tg.compile
        def step(self, x):
            return x * self.factor * self.scale * self.parts[0]

    owner = Owner()
    gc.disable()
    try:
        for _ in range(3):
            owner.step(tg.ones(2))
        reference = weakref.ref(owner)
        del owner
        assert reference() is None
    finally:
        gc.enable()


class Averaging(tg.nn.Module):
    def forward(self, x):
        self.average = x.mean() * 0.1 + getattr(self, "average", 0) * 0.9
        return x


class Holder:
    latest = None

    def in_an_attribute(self, x):
        self.latest = x * 2

    def in_a_class(self, x):
        Holder.latest = x * 2


TOTAL = tg.zeros(2)


def in_a_new_variable(x):
    global NEW
    NEW = x * 2


def in_a_global_variable(x):
    global TOTAL
    TOTAL = TOTAL + x


@pytest.mark.parametrize(("make", "place"), [
    (lambda history, by_name: Averaging(), r"Averaging\.average"),
    (lambda history, by_name: Holder().in_an_attribute, r"Holder\.latest"),
    (lambda history, by_name: Holder().in_a_class, r"Holder\.latest"),
    (lambda history, by_name: in_a_global_variable, "TOTAL"),
    (lambda history, by_name: in_a_new_variable, "NEW"),
    (lambda history, by_name: lambda x: history.append(x.sum().detach()), "history"),
    (lambda history, by_name: lambda x: by_name.update(sum=x.sum()), r"by_name\['sum'\]"),
    (lambda history, by_name: lambda x: by_name.setdefault("all", []).append((x * 2, 1)), r"by_name\['all'\]"),
])  # fmt: skip
def test_a_tensor_that_is_kept_besides_the_result(make, place):
    history, by_name = [], {}
    function = make(history, by_name)
    step, total = tg.compile(function), TOTAL
    for _ in range(2):
        with pytest.raises(CompileError, match=f"is kept in {place}.*Return the tensor.*assign"):
            step(tg.ones(2))
        assert (history, by_name, Holder.latest) == ([], {}, None) and TOTAL is total
        assert "NEW" not in globals()
    assert not vars(getattr(function, "__self__", Holder)).get("latest")


def test_a_tensor_that_is_kept_where_a_class_says_that_steps_look():
    class Box:
        latest = None

        def _reached_by_steps(self):
            return (self.latest,)

    box = Box()

    def function(x):
        box.latest = x * 2

    with pytest.raises(CompileError, match="a tensor that the function makes is kept in box"):
        tg.compile(function)(tg.ones(2))


def test_an_object_with_a_tensor_in_it_is_no_result():
    class Output:
        pass

    def step(x):
        output = Output()
        output.loss = x * 2
        return {"output": output}

    with pytest.raises(CompileError, match=r"returns an object with a tensor in it, .*Output\.loss"):
        tg.compile(step)(tg.ones(2))


def test_a_tensor_kept_from_a_recording():
    kept = [None] * 2000  # so many that nobody looks for tensors among them

    def function(x):
        kept.append(x + 1)
        return x * 2

    tg.compile(function)(tg.ones(2))
    with pytest.raises(CompileError, match="that recording is over"), tg.no_grad():
        tg.compile(lambda x: x + kept[-1])(tg.ones(2))
    with pytest.raises(CompileError, match="that recording is over"):
        kept[-1].sum().item()


def test_nothing_recorded_yet():
    with pytest.raises(CompileError, match="not been called yet"):
        tg.compile(lambda x: x).program


def test_errors_of_the_function_are_its_own():
    with pytest.raises(tg.errors.ShapeError, match="do not broadcast"):
        tg.compile(lambda a, b: a + b)(tg.ones(2), tg.ones(3))


@pytest.mark.parametrize("options", [{}, {"padding": 2}, {"dilation": 2}, {"stride": 2}, {"groups": 2}])
def test_the_way_back_through_a_convolution(options):
    groups = options.get("groups", 1)
    weight = tg.random.randn(6, 4 // groups, 3, 2, requires_grad=True)

    def function(x):
        y = tg.nn.functional.conv2d(x, weight, **options)
        return tg.grad((y * y).sum(), (x, weight))

    x = tg.random.randn(3, 4, 9, 7, requires_grad=True)
    step = tg.compile(function)
    for _ in range(2):
        for a, b in zip(function(x), step(x), strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), 1e-4, 1e-4)


def test_labels_and_indices_out_of_range():
    loss = tg.compile(lambda x, y: tg.nn.functional.cross_entropy(x, y))
    x = tg.random.randn(3, 4)
    loss(x, tg.tensor([0, 1, 3]))
    for wrong in (4, -1):
        with pytest.raises(tg.errors.RangeError, match=f"label {wrong} is out of range"):
            loss(x, tg.tensor([0, 1, wrong]))
    assert loss(x, tg.tensor([0, 1, -100])).item() == pytest.approx(loss(x[:2], tg.tensor([0, 1])).item())
    taken = tg.compile(lambda x, i: (x * 2)[np.arange(3), i])  # of nobody's labels: an index counts from behind too
    assert taken(x, tg.tensor([-1, 0, -4])).numpy().tolist() == [2 * x.numpy()[0, 3], *(2 * x.numpy()[1:, 0])]
    with pytest.raises(tg.errors.RangeError, match="index 4 is out of range"):
        taken(x, tg.tensor([0, 0, 4]))
    row = tg.compile(lambda x, i: x[i])
    assert row(x, tg.tensor([2])).shape == (1, 4)
    with pytest.raises(tg.errors.RangeError, match="index 3 is out of range"):
        row(x, tg.tensor([3]))


def test_a_tensor_made_inside_and_overwritten_is_new_in_each_step():
    @tg.compile
    def step(x):
        total, other = tg.zeros(3), tg.ones(2)
        total.assign(total + x)
        other.assign(other * 2)
        return total, {"twice": other}

    for _ in range(3):
        total, others = step(tg.ones(3))
        assert total.tolist() == [1, 1, 1] and others["twice"].tolist() == [2, 2]
