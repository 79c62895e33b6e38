"""What is added up, is added up wide: no digit is lost to the length of a sum, in whatever direction it runs."""

import numpy as np
import pytest
from checks import assert_close, leaf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml import totals
from tinygrad_ml.backend.arrays import HOST

LONG = 1 << 18


@pytest.mark.host_only  # a GPU adds in trees
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((LONG, 3), 0), ((3, LONG), 1), ((600, 2, 500), (0, 2)), ((600, 500, 3), (0, 1)), ((LONG, 2), (0, 1))],
)
@pytest.mark.parametrize("layout", ["straight", "reversed axes", "every second"])
def test_long_sums_of_float32_keep_their_digits_along_any_axis(shape, axis, layout, monkeypatch):
    x = np.random.default_rng(0).random(shape, dtype=np.float32) + np.float32(0.1)
    if layout == "reversed axes":
        x = np.ascontiguousarray(x.T).T
    elif layout == "every second":
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    exact = x.sum(axis, dtype=np.float64)
    assert np.abs(tg.tensor(x).sum(axis).numpy() / exact - 1).max() < 6e-7
    assert HOST.total(x, axis if isinstance(axis, tuple) else (axis,)).dtype == np.float32


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6),
        elements=st.integers(0, 1),
    ),
    st.booleans(),
    st.randoms(),
)
def test_sums_in_runs_are_sums(x, keepdims, random):
    """With runs of three numbers, so that each axis may be cut, with a rest or without."""
    axis = tuple(random.sample(range(x.ndim), random.randint(0, x.ndim)))
    x = x.transpose(random.sample(range(x.ndim), x.ndim))[(slice(None, None, random.choice([1, -1, 2])),)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(totals, "RUNNING_SUM_ELEMENTS", 3)
        patch.setattr(totals, "ADDED_BY_ONES_ELEMENTS", random.choice([0, 8192]))
        found = HOST.total(x, axis, keepdims)
    expected = np.sum(x, axis=axis, keepdims=keepdims)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def _of_broadcast(x):
    weight = leaf([1.0], "float16")
    return tg.grad((weight * x).sum(), weight)[0][0]


def _of_a_table(x):
    table = leaf(np.zeros((2, 3)), "float16")
    return tg.grad(F.embedding(np.zeros(x.size, int), table).sum(), table)[0][0, 1]


def _of_windows(x):
    image = leaf(np.zeros((1, 1, 2 * x.size)), "float16")
    return tg.grad(F.conv1d(image, x.reshape(1, 1, -1)).sum(), image)[0][0, 0, x.size]


@pytest.mark.parametrize(
    "count",
    [
        tg.sum,
        lambda x: x.reshape(-1, 1, 1).sum(0)[0, 0],
        lambda x: x.cumulative_sum()[-1],
        lambda x: tg.scatter_add(tg.zeros(2, dtype="float16"), np.zeros(x.size, int), x)[0],
        lambda x: x.norm(1),
        lambda x: x @ x,
        _of_broadcast,
        _of_a_table,
        _of_windows,
    ],
)
def test_float16_counts_beyond_2048(count):
    y = count(tg.ones(5000, dtype="float16"))
    assert y.dtype == tg.float16
    assert_close(y, 5000)


def test_the_mean_of_equal_numbers_is_that_number():
    for count in range(1, 130):
        assert tg.ones(count).mean().item() == tg.ones(count, 2, dtype="float64").mean(0)[1].item() == 1


def test_products_of_float16_may_pass_what_it_can_hold():
    assert_close(tg.prod(tg.tensor([300.0, 300.0, 1e-3], dtype="float16")), 90, rtol=1e-3)
    assert_close(tg.cumulative_prod(tg.tensor([300.0, 200.0, 1e-3], dtype="float16")), [300, 60000, 60], rtol=1e-3)


def test_float32_that_is_scattered_to_one_place_keeps_its_digits():
    values = np.full(LONG, 0.1, np.float32)
    total = tg.scatter_add(tg.zeros(2), np.zeros(LONG, int), tg.tensor(values))[0]
    assert_close(total, values.sum(dtype=np.float64), rtol=1e-7)
    assert_close(tg.tensor(values).cumulative_sum()[-1], values.sum(dtype=np.float64), rtol=1e-7)


@pytest.mark.host_only
@pytest.mark.parametrize("rows", [3, 500])
def test_sparse_products_are_cut_into_blocks(monkeypatch, rows):
    monkeypatch.setattr(totals, "SPARSE_AT_A_TIME", 1000)
    r = np.random.default_rng(0)
    places, values = r.integers(-rows, rows, 1000), r.integers(-9, 9, (1000, 40)).astype(np.float32)
    target = np.ones((rows, 40), np.float32)
    expected = target.copy()
    np.add.at(expected, places, values)
    HOST.scatter_add(target, (places,), values)
    np.testing.assert_array_equal(target, expected)


@pytest.mark.host_only
@pytest.mark.parametrize("index", [lambda a, b: (a,), lambda a, b: (a, b), lambda a, b: (a, slice(None), b)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
@pytest.mark.parametrize("block", [8, 10**6])
@pytest.mark.parametrize("sparse_from", [0, 10**6])
def test_scattered_numbers_are_added_in_their_order_whatever_the_index(monkeypatch, index, dtype, block, sparse_from):
    """As NumPy does one by one, in the accumulator's dtype: block by block where the index names rows, by a sparse
    product if they are many and SciPy is there."""
    monkeypatch.setattr(totals, "SPARSE_FROM_ELEMENTS", sparse_from)
    monkeypatch.setattr(totals, "SCATTERED_ELEMENTS", block)
    monkeypatch.setattr(totals, "FLAT_FROM_ELEMENTS", 0)
    r = np.random.default_rng(0)
    key = index(r.integers(-5, 5, (7, 1)), r.integers(0, 4, (1, 3)))
    target = np.zeros((5, 4, 4), dtype)
    values = (r.normal(size=target[key].shape) * 100).astype(dtype)
    wide = target.dtype if dtype == "int64" else totals.accumulator(target.dtype, target.size <= values.size)
    expected = target.astype(wide)
    np.add.at(expected, key, values.astype(wide))
    HOST.scatter_add(target, key, values)
    np.testing.assert_array_equal(target, expected.astype(dtype))
    with pytest.raises(IndexError):
        HOST.scatter_add(target, index(np.array([5]), np.array([0])), values[:1, :1] if values.ndim > 2 else values[:1])
