"""Arrays of the outside with which a recorded function computes: other numbers in them are noticed."""

import array
import timeit

import numpy as np
import pytest

import tinygrad_ml as tg

pytestmark = pytest.mark.host_only


class Holder:
    def __init__(self, held):
        self.held, self.table = held, {"inside": (held,)}


def numbers():
    return np.array([1, 2, 3], "float32")


def reverse(held):
    held[:] = held[::-1] * 5


FUNCTIONS = {
    "itself": lambda m: lambda x: x * m,
    "a product": lambda m: lambda x: x * (m * 2),
    "itself and a product": lambda m: lambda x: x * m + m * 2,
    "a part": lambda m: lambda x: x[1:] * m[1:],
    "an element": lambda m: lambda x: x * m[0],
    "a function": lambda m: lambda x: x * np.sin(m),
    "a tensor": lambda m: lambda x: x * tg.tensor(m),
    "a list": lambda m: lambda x: x * tg.tensor(m.tolist()),
    "another dtype": lambda m: lambda x: x * m.astype("float64"),
    "a number": lambda m: lambda x: x * float(m.sum()),
    "a choice": lambda m: lambda x: x if m[0] > 2 else -x,
    "an index": lambda m: lambda x: x[m.astype(int) % 3],
    "a default": lambda m: lambda x, n=m: x * (n * 2),
    "a default by name": lambda m: lambda x, *, n=m: x * (n * 2),
    "what holds it": lambda m: (lambda held: lambda x: x * (held.held * 2))(Holder(m)),
    "a table of what holds it": lambda m: (lambda held: lambda x: x * (held.table["inside"][0] * 2))(Holder(m)),
    "a list of lists": lambda m: (lambda held: lambda x: x * (held[0][1] * 2))([[None, m]]),
    "a view of its memory": lambda m: (lambda held: lambda x: x * (np.asarray(held) * 2))(memoryview(m)),
}


@pytest.mark.parametrize("made", FUNCTIONS.values(), ids=FUNCTIONS)
def test_other_numbers_in_an_array_are_noticed(made):
    outside = numbers()
    function = made(outside)
    step, x = tg.compile(function), tg.ones(3)
    for change in (lambda: None, lambda: reverse(outside), lambda: None, lambda: outside.fill(7)):
        change()
        np.testing.assert_array_equal(step(x).numpy(), function(x).numpy())
    assert len(step._programs) <= 3


@pytest.mark.parametrize(("outside", "change"), [
    (array.array("f", [1, 2, 3]), lambda held: held.__setitem__(0, 9)),
    (bytearray(b"\0\0\x80\x3f" * 3), lambda held: held.__setitem__(slice(2, 4), b"\0\x40")),
    (numbers(), lambda held: setattr(held, "shape", (3, 1))),
    (np.ones(100_000, "float32"), lambda held: held.__imul__(2)),
    (np.ones((500, 400), "float32").T[:, ::2], lambda held: held.__imul__(2)),
    (np.asfortranarray(np.ones((500, 400), "float32")), lambda held: held.__imul__(2)),
])  # fmt: skip
def test_other_numbers_in_what_can_be_read_as_an_array_are_noticed(outside, change):
    def function(x):
        return x * (
            np.frombuffer(outside, "float32") * 2 if isinstance(outside, bytearray) else np.asarray(outside) * 2
        )

    step, x = tg.compile(function), tg.ones(1)
    step(x)
    change(outside)
    np.testing.assert_array_equal(step(x).numpy(), function(x).numpy())


def test_a_large_array_costs_a_look_at_some_of_it():
    outside = np.zeros((5000, 1000), "float32")
    step, x = tg.compile(lambda x: x * outside.shape[0]), tg.ones(3)
    step(x)
    assert min(timeit.repeat(lambda: step(x), number=5, repeat=10)) / 5 < 1e-3  # all of it takes some


def test_numbers_that_stay_are_no_reason_to_record_again():
    outside, calls = numbers(), []

    def function(x):
        calls.append(1)
        return x * (outside * 2)

    step = tg.compile(function)
    for _ in range(5):
        step(tg.ones(3))
        outside[:] = outside.copy()
    assert len(calls) == 1


def test_an_array_that_is_refilled_for_each_call_is_used_as_it_is():
    """The function is recorded each time, but nothing is made of it anew, and nobody is warned."""
    outside = numbers()
    step = tg.compile(lambda x: x * outside + tg.arange(3.0))
    for i in range(40):
        outside[:] = i
        assert step(tg.ones(3)).tolist() == [i, i + 1, i + 2]
    assert repr(step) == "<compiled <lambda>, 1 program>"


def test_an_equal_array_in_its_place_counts_from_then_on():
    holder = Holder(numbers())
    step, x = tg.compile(lambda x: x * holder.held), tg.ones(3)
    step(x)
    first, holder.held = holder.held, numbers()
    assert step(x).tolist() == [1, 2, 3]
    first[:] = 50
    assert step(x).tolist() == [1, 2, 3]
    holder.held[:] = 7
    assert step(x).tolist() == [7, 7, 7]


def test_new_and_old_arrays_with_the_same_numbers_are_told_apart():
    """Nothing is noticed in a list as long as this one, so all that counts is whose memory is read."""
    held, choice = [numbers(), *[0] * 2000], Holder("held")

    def function(x):
        return x * (held[0] if choice.held == "held" else held[0].copy())

    step, x = tg.compile(function), tg.ones(3)
    step(x)
    choice.held = "copied"
    step(x)
    held[0][:] = 9
    assert step(x).tolist() == [1, 2, 3]  # a copy is a part of the program
    choice.held = "held"
    assert step(x).tolist() == [9, 9, 9]
