"""Orders and the first few of them: those of NumPy's stable sort, whatever is sorted and however much."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.kernels import sorting
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import tasks

pytestmark = pytest.mark.host_only
DTYPES = ["float16", "float32", "float64", "int8", "int32", "int64", "uint16", "uint32", "uint64", "bool"]


def stable(x, axis, descending):
    if not descending:
        return np.argsort(x, axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - np.argsort(np.flip(x, axis), axis, kind="stable"), axis)


def many(dtype, shape, ties):
    """Numbers of a dtype, signed where it is: few different ones, or hardly an equal two; the ends; not-a-numbers of both signs."""
    r = np.random.default_rng(0)
    if dtype == "bool":
        return r.random(shape) < 0.5
    if np.dtype(dtype).kind == "f":
        x = (r.integers(-3, 4, shape) if ties else 100 * r.standard_normal(shape)).astype(dtype)
        for odd in (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0):
            x[r.random(shape) < 0.05] = odd
        return x
    about = np.iinfo(dtype)
    low, high = (max(about.min, -3), 4) if ties else (about.min, about.max)
    return r.integers(low, high, shape, dtype, endpoint=True)


@pytest.mark.parametrize("ties", [True, False], ids=["ties", "hardly any"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_large_ones_are_sorted_as_numpy_does(dtype, ties):
    for shape, axis in (((3, 3000), 1), ((1500, 4), 0), ((70_000,), 0), ((2, 50, 30), 1)):
        x = many(dtype, shape, ties)
        for descending in (False, True):
            expected = stable(x, axis, descending)
            found = sorting.order(x, axis, descending)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == np.int64 and found.flags.c_contiguous
            for k in (0, 1, 7, shape[axis] // 2, shape[axis]):
                first = sorting.first(x, k, axis, descending)
                np.testing.assert_array_equal(first, expected.take(range(k), axis))


def test_where_nearly_all_are_candidates():
    """All equal, all not a number, the large ones side by side."""
    n = 10_000
    for row in (np.zeros(n), np.full(n, np.nan), np.arange(n), -np.arange(n), np.where(np.arange(n) < 20, np.nan, 1)):
        x = np.stack([row, row[::-1]]).astype("float32")
        for largest in (False, True):
            np.testing.assert_array_equal(sorting.first(x, 5, 1, largest), stable(x, 1, largest)[:, :5])
            np.testing.assert_array_equal(sorting.first(x[0], 5, 0, largest), stable(x[0], 0, largest)[:5])


@pytest.mark.parametrize("n", [399, 400, 401, 2047, 5003])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
def test_the_first_of_one_row(n, dtype):
    """Candidates are sorted, among them those that are equal, or not a number."""
    r = np.random.default_rng(n)
    row = r.integers(0, 100, n)
    x = (np.where(r.random(n) < 3 / n, np.nan, row) if dtype.startswith("float") else row).astype(dtype)
    for largest in (False, True):
        for k in (1, 3, n // 16):
            for axis, lies in ((0, x), (0, np.repeat(x, 2)[::2]), (1, x[None]), (0, x[:, None])):
                wanted = stable(lies, axis, largest).take(range(k), axis)
                np.testing.assert_array_equal(sorting.first(lies, k, axis, largest), wanted)


def test_no_numbers():
    for shape in ((0,), (3, 0), (0, 3)):
        x = np.zeros(shape, np.float32)
        assert sorting.order(x, 0, True).shape == shape
        assert sorting.first(x, 0, len(shape) - 1, True).shape == (*shape[:-1], 0)


def test_gradients_and_compiled_steps():
    r = np.random.default_rng(0)
    x = tg.tensor(r.integers(0, 300, (8, 900)).astype("float32"), requires_grad=True)

    def loss(x):
        values, places = tg.topk(x, 4)
        return (values * tg.arange(4)).sum() + (x.sort(axis=1)[:, ::2] ** 2).sum(), places, x.argsort(descending=True)

    def step(x):
        value, *orders = loss(x)
        return value, tg.grad(value, x)[0], *orders

    x = x.detach()
    x.requires_grad = True
    for one, other in zip(step(x), tg.compile(step)(x), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-6)
    assert tg.gradcheck(
        lambda x: tg.topk(x, 3, 0)[0], tg.tensor(r.permutation(20).reshape(10, 2).astype("float64"), requires_grad=True)
    )
    many = tg.vmap(lambda x: tg.topk(x, 2)[1])(x.detach())
    np.testing.assert_array_equal(many.numpy(), tg.topk(x.detach(), 2)[1].numpy())


@pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")
def test_threads_change_nothing(monkeypatch):
    """Rows are shared, and a long one is sorted in halves: equal numbers stay in their order."""
    r = np.random.default_rng(0)
    monkeypatch.setattr(sorting, "SORTED_TOGETHER", 3000)
    monkeypatch.setattr(sorting, "IN_HALVES", 3000)
    for shape in ((5001,), (9, 1001), (40, 300)):
        x = r.integers(0, 50, shape).astype("float32")
        for descending in (False, True):
            for count in (1, 2, 5):
                for module in (sorting, tasks):
                    monkeypatch.setattr(module, "threads", lambda count=count: count)
                found = sorting.order(x, x.ndim - 1, descending)
                np.testing.assert_array_equal(found, stable(x, x.ndim - 1, descending))
                few = sorting.first(x, 7, x.ndim - 1, descending)
                np.testing.assert_array_equal(few, found[..., :7])


@pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]")
def test_errors_of_tasks_arrive(monkeypatch):
    for count in (1, 3):
        monkeypatch.setattr(tasks, "threads", lambda count=count: count)
        done = []

        def task(i, done=done):
            done.append(i)
            if i == 2:
                raise MemoryError("no room")

        with pytest.raises(MemoryError, match="no room"):
            tasks.each(4, task)
        assert sorted(done)[:3] == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int8", "uint64"])
def test_different_numbers_are_numpys(dtype):
    r = np.random.default_rng(0)
    for size, most in ((0, 5), (1, 5), (7, 3), (5000, 100), (5000, 120)):
        x = r.integers(0, most, size).astype(dtype)
        if dtype == "int64" and most == 120:
            x *= 1 << 40
        if x.dtype.kind == "f" and size > 5:
            x[1::3] = -x[1::3]
            x[5:7] = np.nan
        _, *expected = np.unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
        for ours, numpys in zip(sorting.different(x), expected, strict=True):
            np.testing.assert_array_equal(ours, numpys)
            assert ours.dtype == np.int64
