"""Beside NumPy's arrays and scalars, and in Python's protocols: a Tensor stays a Tensor."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, GradientError, ShapeError

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
OTHERS = {
    "array": np.float32([[1, 2], [3, 4]]),
    "wide array": np.float64([1, 2]),
    "integers": np.array([1, 2]),
    "0-d array": np.array(2.0),
    "np.float64": np.float64(2),
    "np.float32": np.float32(2),
    "np.int64": np.int64(2),
    "np.bool": np.True_,
    "float": 2.0,
    "int": 2,
    "bool": True,
    "list": [1.0, 2.0],
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("function", ARITHMETIC + COMPARISONS, ids=lambda function: function.__name__)
def test_operators_give_tensors_both_ways_round(function, other):
    x = tg.tensor([1.5, 2.5])
    left, right = function(x, other), function(other, x)
    numbers = np.array([1.5, 2.5])
    for made, expected in ((left, function(numbers, np.asarray(other))), (right, function(np.asarray(other), numbers))):
        assert type(made) is tg.Tensor
        assert_close(made, expected, rtol=1e-6)
    if function in COMPARISONS:
        assert left.dtype == right.dtype == tg.bool
    else:
        wide = isinstance(other, np.ndarray) and other.ndim and other.dtype == np.float64
        assert left.dtype == right.dtype == (tg.float64 if wide else tg.float32)


def test_matrix_products_with_arrays_both_ways_round():
    x, array = tg.ones(2, 3), np.ones((3, 2), np.float32)
    assert type(array @ x) is type(x @ array) is tg.Tensor
    assert (array @ x).shape == (3, 3)


def test_gradients_flow_through_operators_with_arrays():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (np.float32([3, 4]) * x + np.float64(2) * x).sum().backward()
    assert_close(x.grad, [5, 6])


def test_assigning_operators_on_the_left_of_a_tensor():
    array = np.float32([1, 2])
    array_and_tensor = array
    array_and_tensor = array_and_tensor + tg.tensor([1.0, 1.0])
    assert type(array_and_tensor) is tg.Tensor
    x = tg.tensor([1.0, 1.0])
    x += array
    assert type(x) is tg.Tensor
    assert_close(x, [2, 3])


def test_lists_and_numbers_are_accepted_by_functions():
    assert_close(tg.exp([0.0, 1.0]), [1, math.e])
    assert_close(tg.sum([[1.0, 2.0]], axis=1), [3])
    assert_close(tg.maximum(1.0, [0.0, 2.0]), [1, 2])
    assert_close(tg.add(1, 2), 3)
    assert_close(tg.concat([[1.0], np.float32([2])]), [1, 2])


# -- out of a tensor -----------------------------------------------------------------------------------


def test_numpy_gives_a_copy_of_ones_own():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    array = x.numpy()
    array[0] = 9
    assert_close(x, [1, 2])
    assert type(array) is np.ndarray
    assert type(tg.tensor(1.0).numpy()) is np.ndarray


def test_conversion_by_numpy():
    x = tg.tensor([1.0, 2.0])
    assert np.asarray(x).dtype == np.float32
    assert np.array(x, dtype="float64").dtype == np.float64
    np.testing.assert_array_equal(np.asarray(x), [1, 2])
    assert math.isclose(float(np.asarray(tg.tensor(2.5))), 2.5)


@pytest.mark.host_only
def test_conversion_without_a_copy_shares_memory():
    x = tg.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x, copy=False), x.data)
    assert not np.shares_memory(np.array(x), x.data)


@pytest.mark.host_only
def test_dlpack_both_ways():
    x = tg.tensor([1.0, 2.0])
    np.testing.assert_array_equal(np.from_dlpack(x), [1, 2])
    assert np.shares_memory(np.from_dlpack(x), x.data)
    assert np.from_dlpack(tg.tensor(2.0)) == 2


def test_numpy_cannot_see_another_device_without_a_copy():
    x = tg.tensor([1.0, 2.0], device="strict")
    with pytest.raises(ValueError, match="without a copy; use x.numpy()"):
        np.asarray(x, copy=False)
    np.testing.assert_array_equal(np.asarray(x), [1, 2])


def test_numbers_out():
    x = tg.tensor(2.5)
    assert (x.item(), float(x), int(x), bool(x), x.tolist()) == (2.5, 2.5, 2, True, 2.5)
    assert type(x.item()) is float
    assert type(tg.tensor(2).item()) is int
    assert type(tg.tensor(True).item()) is bool
    assert float(tg.tensor([[2.5]])) == 2.5
    assert tg.tensor([[1, 2]]).tolist() == [[1, 2]]
    assert round(float(tg.tensor(0.1)), 6) == 0.1
    for fails in (lambda y: y.item(), float, int, bool):
        with pytest.raises(ShapeError, match="2"):
            fails(tg.ones(2))


def test_truth_of_one_element():
    assert tg.tensor([True])
    assert not tg.tensor(0.0)
    assert tg.tensor(1.0) > 0
    with pytest.raises(ShapeError, match=r"tg\.any"):
        bool(tg.tensor([True, False]))


def test_an_index_is_a_0d_integer():
    assert range(5)[tg.tensor(2)] == 2
    for wrong in (tg.tensor(2.0), tg.tensor([2])):
        with pytest.raises(DTypeError, match="no index"):
            range(5)[wrong]


def test_length_membership_iteration_hash():
    x = tg.tensor([1.0, 2.0])
    assert len(x) == 2
    assert 2.0 in x
    assert 3.0 not in x
    assert [float(part) for part in x] == [1, 2]
    assert {x: "found"}[x] == "found"
    assert len({x, x.detach()}) == 2
    with pytest.raises(ShapeError, match="0-d"):
        len(tg.tensor(1.0))


# -- in words ------------------------------------------------------------------------------------------


@pytest.mark.host_only
def test_repr():
    assert repr(tg.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(tg.tensor([1, 2])) == "tensor([1, 2], dtype=int64)"
    x = tg.tensor([1.5], requires_grad=True, name="weight")
    assert repr(x) == "tensor([1.5], name='weight', requires_grad=True)"
    assert repr(x * 2) == "tensor([3.], from mul)"
    assert repr(tg.tensor(7.0)) == "tensor(7.)"
    assert len(repr(tg.zeros(1000, 1000))) < 1000
    assert repr(tg.zeros(0, 3)).startswith("tensor([]")


def test_repr_names_another_device(device):
    assert ("device=" in repr(tg.ones(2))) == (device.kind != "cpu")


def test_format():
    assert f"{tg.tensor(3.14159):.2f}" == "3.14"
    assert f"{tg.tensor([2]):04d}" == "0002"
    assert f"{tg.tensor([1.0, 2.0])}".startswith("tensor([1., 2.]")
    with pytest.raises(ShapeError, match="2"):
        f"{tg.tensor([1.0, 2.0]):.2f}"


# -- copies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_numbers_dtype_name_device_and_requires_grad(duplicate, device):
    x = tg.tensor([1.0, 2.0], dtype="float16", requires_grad=True, name="w")
    y = duplicate(x)
    assert type(y) is tg.Tensor
    assert (y.dtype, y.name, y.requires_grad, y.device) == (tg.float16, "w", True, device)
    y.assign([3.0, 4.0])
    assert_close(x, [1, 2])
    assert y.node is not x.node


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_numbers_without_axes_and_of_shared_tensors(duplicate):
    x = tg.tensor(2.0, requires_grad=True)
    first, second = duplicate([x, x])
    assert first is second
    assert first.shape == ()
    assert first.requires_grad


def test_a_computed_tensor_is_not_copied_with_its_graph():
    y = tg.tensor([1.0], requires_grad=True) * 2
    with pytest.raises(GradientError, match="detach"):
        copy.deepcopy(y)
    with pytest.raises(GradientError, match="detach"):
        pickle.dumps(y)


# -- into a tensor -------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=2), max_size=3))
def test_nested_lists_become_float32(rows):
    x = tg.tensor(rows)
    assert x.dtype == tg.float32
    assert_close(x, np.float32(rows))


def test_tensors_in_lists():
    assert_close(tg.tensor([tg.tensor(1.0), 2.0]), [1, 2])
    assert_close(tg.tensor([tg.tensor([1.0, 2.0]), [3.0, 4.0]]), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "dtype",
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "float16", "float32", "float64"],
)
def test_arrays_keep_their_dtype(dtype):
    assert tg.tensor(np.ones(2, dtype)).dtype == dtype
    assert tg.ones(2, dtype=getattr(tg, dtype)).dtype == dtype
    assert tg.tensor([1, 0], dtype=dtype).dtype == dtype


def test_layouts_and_byte_orders_of_arrays():
    array = np.arange(6.0).reshape(2, 3)
    for view in (
        array.T,
        array[:, ::-1],
        np.asfortranarray(array),
        array.astype(">f8"),
        np.broadcast_to(array, (2, 2, 3)),
    ):
        assert_close(tg.tensor(view) * 1, view)
        assert tg.tensor(view).dtype == tg.float64
    readonly = array.copy()
    readonly.flags.writeable = False
    x = tg.as_tensor(readonly)
    x.assign(x * 2)
    assert_close(x, array * 2)
    np.testing.assert_array_equal(readonly, array)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (1j, "complex"),
        (np.array([1j]), "complex"),
        ("text", "no real numbers"),
        ([[1.0], [1.0, 2.0]], "cannot make a tensor of list"),
        ([None], "cannot make a tensor of list"),
        (object(), "object"),
        ({"a": 1}, "dict"),
    ],
    ids=lambda value: type(value).__name__ if type(value) is object else str(value),
)
def test_what_is_no_array_of_numbers(data, words):
    with pytest.raises(DTypeError, match=words):
        tg.tensor(data)


def test_operands_that_are_no_numbers():
    x = tg.ones(2)
    for other in (None, "text", object(), {}):
        with pytest.raises(TypeError):
            x + other
        with pytest.raises(TypeError):
            other * x
    with pytest.raises(DTypeError, match="complex"):
        x * 1j
    with pytest.raises(DTypeError, match="int8"):
        tg.ones(2, dtype="int8") + 1000
    assert x != "text"


def test_unknown_dtypes():
    for wrong in ("float99", "complex64", "object", np.dtype("datetime64[s]")):
        with pytest.raises(DTypeError, match="is not one of bool, float16"):
            tg.zeros(2, dtype=wrong)
