"""tg.vmap of every operation: what a loop over samples gives, and its first two derivatives, and no loop behind the scenes."""

import functools

import numpy as np
import operations
import pytest

import tinygrad_ml as tg
from tinygrad_ml.batching import rules
from tinygrad_ml.modes import watching
from tinygrad_ml.ops import PRIMITIVES
from tinygrad_ml.structure import leaves

N = 3
ONE_BY_ONE = {"searchsorted"}
"""Operations that are applied to one sample after the other, where the tensor that is looked into is another for each."""


@pytest.fixture(autouse=True)
def looped(monkeypatch):
    """The names of the operations for which there was no rule."""
    names = []
    real = rules.one_by_one
    monkeypatch.setattr(rules, "one_by_one", lambda op, *rest: names.append(op.name) or real(op, *rest))
    return names


def samples(array, axis):
    """Three samples, the first of which is the array; as a leaf, of which they are taken along an axis."""
    if axis is None:
        return tg.tensor(array, requires_grad=True)
    every = np.stack([array, array * 0.93, array * 0.88], axis=axis)
    return tg.tensor(every, requires_grad=True)


def by_a_loop(function, in_axes):
    """What tg.vmap gives, by a loop of Python: the leaves of the results, stacked."""

    def of_many(*xs):
        def one(i):
            given = [x if axis is None else x.moveaxis(axis, 0)[i] for x, axis in zip(xs, in_axes, strict=True)]
            return leaves(function(*given))

        return [tg.stack(list(each)) for each in zip(*map(one, range(N)), strict=True)]

    return of_many


def weighted(tensors):
    """A number that depends on all of the tensors, each element with a weight of its own."""
    random = np.random.default_rng(7)
    return functools.reduce(
        lambda total, y: total + (y * random.standard_normal(y.shape)).sum(),
        [y for y in tensors if y.dtype.kind == "f"],
        0.0,
    )


def derivatives(of_many, xs, orders=2):
    """The leaves of the results, the gradients of a number made of them, the gradients of a number made of those, ..."""
    results = leaves(of_many(*xs))
    found = [results]
    for _ in range(orders):
        total = weighted(found[-1])
        if not isinstance(total, tg.Tensor) or not total.requires_grad:
            break
        gradients = tg.grad(total, xs, create_graph=True, allow_unused=True)
        found.append([g if g is not None else tg.zeros_like(x) for g, x in zip(gradients, xs, strict=True)])
    return found


def near(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert one.shape == other.shape and one.dtype == other.dtype
            np.testing.assert_allclose(
                one.numpy(), other.numpy(), rtol=1e-8, atol=1e-8 * (1 + np.abs(other.numpy()).max(initial=0))
            )


def patterns(count):
    """Which of the arguments have samples, and where: all in front, all at the end, and all but one in front."""
    yield (0,) * count
    yield (-1,) * count
    if count > 1:
        for k in range(count):
            yield tuple(None if i == k else 0 for i in range(count))


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_a_vmap_is_a_loop(operation, looped):
    for axes in patterns(len(operation.inputs)):
        orders = 2 if set(axes) == {0} else 1
        xs = [samples(x, axis) for x, axis in zip(operation.inputs, axes, strict=True)]
        expected = derivatives(by_a_loop(operation.function, axes), xs, orders)
        near(derivatives(tg.vmap(operation.function, in_axes=axes), xs, orders), expected)
    assert not looped


def of_one_sample(function):
    """A function that gives, of one sample, what `derivatives` looks at."""

    def of_one(*xs):
        def results(*leaves_of_it):
            return leaves(function(*leaves_of_it))

        return [part for order in derivatives(results, xs) for part in order]

    return of_one


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_gradients_of_single_samples(operation, looped):
    xs = [samples(x, 0) for x in operation.inputs]
    one = of_one_sample(operation.function)
    near([tg.vmap(one)(*xs)], [by_a_loop(one, (0,) * len(xs))(*xs)])
    assert not looped


INTEGERS = np.array([[3, 0, 2], [1, 5, 4]])

OTHERS = {
    "any": lambda x: (tg.any(x > 2), tg.any(x > 2, 1, keepdims=True)),
    "all": lambda x: (tg.all(x > 2, 0), tg.all(x > 9)),
    "argmax": lambda x: (tg.argmax(x), tg.argmax(x, 1), tg.argmax(x, keepdims=True), tg.argmax(x, 0, keepdims=True)),
    "argmin": lambda x: (tg.argmin(x), tg.argmin(x, -1)),
    "bits": lambda x: (~x, x << 1, x >> 1, x ^ 3, x & x.T[:, :1].reshape(3)[:1], x | 8),
    "truths": lambda x: (
        tg.logical_and(x > 1, x < 4),
        tg.logical_or(x > 1, x[0] > 2),
        tg.logical_xor(x > 1, x < 3),
        tg.logical_not(x),
    ),
    "casts": lambda x: (x.astype("float32"), x.astype("float64").astype("int8"), x >= 2, x * 0.5),
    "searchsorted": lambda x: tg.searchsorted(np.arange(5), x),
    "numbers": lambda x: (tg.isinf(x / 0), tg.signbit(-x), tg.nextafter(x / 2, x[0] * 1.5)),
    "devices": lambda x: x._apply(PRIMITIVES["transfer"], device=tg.device("cpu")) * 2,
    "constants": lambda x: x._apply(PRIMITIVES["constant_in"], x[0]),
    "constants of one": lambda x: tg.ones(3)._apply(PRIMITIVES["constant_in"], x[0]),
    "apart": lambda x: x.reshape(2, 1, 3, 1)[0, :, [[0, 1], [2, 0]]],
    "apart, each its own": lambda x: (x.reshape(2, 1, 3, 1) + tg.zeros((2, 4, 3, 2), dtype="int64"))[
        x[0, :2] % 2, :, x[0, :2] % 3
    ],
    "in one tensor, apart": lambda x: tg.arange(24).reshape(2, 2, 3, 2)[x[0, :2] % 2, :, x[0, :2] % 3, None],
    "in one tensor": lambda x: tg.arange(24).reshape(4, 3, 2)[:, x % 3],
    "added in one place": lambda x: tg.scatter_add(tg.zeros((2, 3), dtype="int64"), x % 2, x, 0),
    "unlike axes": lambda x: (x[0] + x, x[0, 0] * x, x @ x[0], x[0] @ x.T, tg.ones((4, 2), dtype="int64") @ x),
    "one side the same": lambda x: (tg.ones((4, 2)) @ x[:, :1], tg.ones((4, 5, 2)) @ x, x @ tg.ones((4, 3, 2))),
}
"""Functions of integers, of operations that have no gradient, and of ways to use others that the table has not."""


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name, looped):
    function, xs = OTHERS[name], tg.tensor(np.stack([INTEGERS, INTEGERS[::-1], INTEGERS + 1]))
    ours, expected = leaves(tg.vmap(function)(xs)), by_a_loop(function, (0,))(xs)
    assert [y.dtype for y in ours] == [y.dtype for y in expected]
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert not looped


def test_one_sample_after_the_other(looped):
    xs = tg.tensor(np.sort(np.random.default_rng(0).standard_normal((N, 5))))
    np.testing.assert_array_equal(tg.vmap(lambda x: tg.searchsorted(x, x))(xs).numpy(), [range(5)] * N)
    assert set(looped) == ONE_BY_ONE


def test_every_operation_is_tried():
    seen = {"constant_in"}
    x = tg.tensor(INTEGERS)
    with watching(lambda primitive, *_: seen.add(primitive.name)):
        for operation in operations.TABLE:
            operation.function(*[tg.tensor(x) for x in operation.inputs])
        for function in OTHERS.values():
            function(x)
    missing = {name for name in PRIMITIVES if name not in seen}
    assert not {name for name in missing if PRIMITIVES[name].kind != "elementwise" or PRIMITIVES[name].gradient}
