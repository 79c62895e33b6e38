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


def three(of_many, xs):
    """The leaves of the results, the gradients of a number made of them, and the gradients of a number made of those."""
    results = leaves(of_many(*xs))
    found = [results]
    for _ in range(2):
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
        xs = [samples(x, axis) for x, axis in zip(operation.inputs, axes, strict=True)]
        expected = three(by_a_loop(operation.function, axes), xs)
        near(three(tg.vmap(operation.function, in_axes=axes), xs), expected)
    assert not looped


def of_one_sample(function):
    """A function that gives, of one sample, what `three` looks at."""

    def of_one(*xs):
        def results(*leaves_of_it):
            return leaves(function(*leaves_of_it))

        return [part for order in three(results, xs) for part in order]

    return of_one


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_gradients_of_single_samples(operation, looped):
    xs = [samples(x, 0) for x in operation.inputs]
    one = of_one_sample(operation.function)
    near([tg.vmap(one)(*xs)], [by_a_loop(one, (0,) * len(xs))(*xs)])
    assert not looped


INTEGERS = np.array([[3, 0, 2], [1, 5, 4]])
TRUTHS = INTEGERS > 2
NUMBERS = np.array([[0.5, -1.25, 2.0], [np.inf, 0.25, -3.0]])
WITHOUT_GRADIENT = {
    "any": lambda x: (tg.any(x > 2), tg.any(x > 2, 1, keepdims=True)),
    "all": lambda x: (tg.all(x > 2, 0), tg.all(x > 9)),
    "argmax": lambda x: (tg.argmax(x), tg.argmax(x, 1), tg.argmax(x, keepdims=True), tg.argmax(x, 0, keepdims=True)),
    "argmin": lambda x: (tg.argmin(x), tg.argmin(x, -1)),
    "argsort": lambda x: (tg.argsort(x), tg.argsort(x, 0, descending=True)),
    "searchsorted": lambda x: tg.searchsorted(np.arange(5), x),
}


def test_every_operation_is_tried():
    seen = set()
    with watching(lambda primitive, *_: seen.add(primitive.name)):
        for operation in operations.TABLE:
            operation.function(*[tg.tensor(x) for x in operation.inputs])
    print(sorted(set(PRIMITIVES) - seen))
    assert 0
