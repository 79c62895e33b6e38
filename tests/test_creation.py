"""Tensors made from nothing: values, dtypes, devices."""

import numpy as np
import pytest
from checks import assert_close

import tinygrad_ml as tg

# -- creation ------------------------------------------------------------------------------------------


def test_creation():
    assert_close(tg.zeros(2, 3), np.zeros((2, 3)))
    assert_close(tg.ones((2, 3)), np.ones((2, 3)))
    assert_close(tg.full((2,), 7.0), [7, 7])
    assert_close(tg.full(2, 7), [7, 7])
    assert_close(tg.eye(2, 3, 1), np.eye(2, 3, 1))
    assert_close(tg.arange(5), np.arange(5))
    assert_close(tg.arange(5, 1, -2), np.arange(5, 1, -2))
    assert_close(tg.arange(0.0, 1.0, 0.25), np.arange(0, 1, 0.25))
    assert_close(tg.linspace(0, 1, 5), np.linspace(0, 1, 5))
    assert_close(tg.linspace(0, 1, 5, endpoint=False), np.linspace(0, 1, 5, endpoint=False))
    x = tg.ones(2, 3, dtype="float64")
    for made in (tg.zeros_like(x), tg.ones_like(x), tg.full_like(x, 7)):
        assert (made.shape, made.dtype) == ((2, 3), tg.float64)
    assert tg.zeros_like(x, dtype="int64").dtype == tg.int64
    assert_close(tg.zeros(shape=(2, 3)), np.zeros((2, 3)))
    assert_close(tg.ones(shape=3), np.ones(3))
    assert tg.zeros().shape == ()
    assert tg.empty(2, 3).shape == tg.empty(shape=(2, 3)).shape == tg.empty_like(x).shape == (2, 3)
    assert (tg.empty(2).dtype, tg.empty_like(x).dtype, tg.zeros(2, dtype=None).dtype) == (
        "float32",
        "float64",
        "float32",
    )
    assert_close(tg.asarray([1.0, 2.0]), [1, 2])
    assert_close(tg.asarray(x, copy=True), x.numpy())


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_grids(indexing, count):
    arrays = [np.arange(2.0), np.arange(3.0), np.array(7.0)][:count]
    made = tg.meshgrid(*map(tg.tensor, arrays), indexing=indexing)
    assert len(made) == count
    for ours, expected in zip(made, np.meshgrid(*arrays, indexing=indexing), strict=True):
        assert_close(ours, expected)


@pytest.mark.host_only
def test_whether_memory_is_shared():
    array = np.arange(6.0)
    for shared in (tg.asarray(array, copy=False), tg.asarray(tg.asarray(array), copy=False)):
        assert np.shares_memory(shared.data, array)
    assert not np.shares_memory(tg.asarray(array, copy=True).data, array)
    x = tg.asarray(array)
    assert np.shares_memory(x.reshape((2, 3), copy=False).data, x.data)
    for copied in (x.reshape((2, 3), copy=True), tg.astype(x, "float64", copy=True)):
        assert not np.shares_memory(copied.data, x.data)
    for impossible in (
        lambda: tg.asarray([1.0], copy=False),
        lambda: tg.asarray(array, dtype="float32", copy=False),
        lambda: x.reshape(2, 3).T.reshape(6, copy=False),
    ):
        with pytest.raises(ValueError, match=r"copy"):
            impossible()


@pytest.mark.host_only
def test_arrays_of_other_libraries():
    array = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(tg.from_dlpack(array).data, array)
    assert not np.shares_memory(tg.from_dlpack(array, copy=True).data, array)
    assert tg.from_dlpack(tg.tensor([True, False])).dtype == tg.bool
    assert_close(tg.from_dlpack(tg.tensor(2.5)), 2.5)
    with pytest.raises(TypeError, match="__dlpack__, not list"):
        tg.from_dlpack([1.0])


@pytest.mark.parametrize(
    "make", [tg.zeros, tg.ones, tg.eye, lambda n, **k: tg.full(n, 1.0, **k), lambda n, **k: tg.linspace(0, 1, n, **k)]
)
def test_creation_takes_dtype_device_and_requires_grad(make, device):
    made = make(3, dtype="float16", device=device, requires_grad=True)
    assert made.dtype == tg.float16
    assert made.device == device
    assert made.requires_grad
    assert make(3).dtype == tg.float32


def test_dtypes_of_what_is_created():
    assert tg.arange(3).dtype == tg.int64
    assert tg.arange(3.0).dtype == tg.float32
    assert tg.full((), 2).dtype == tg.int64
    assert tg.full((), True).dtype == tg.bool
    assert tg.full((), 2.0).dtype == tg.float32
