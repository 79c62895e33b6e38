"""x[...] means what NumPy means by it, forward and backward."""

import numpy as np
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ml as tg
from tinygrad_ml.errors import CompileError, DTypeError, OptionError, RangeError, ShapeError


def test_places_keep_their_names():
    tokens = tg.symbol((2, 3), "int64", name="tokens")
    y = tg.zeros((5, 4), requires_grad=True)[tokens, 1:]
    assert [node.name for node in y.node.inputs] == [None, "tokens"]


@st.composite
def shapes_and_indices(draw):
    """A shape, and an index that fits it: integers, slices, new axes, an ellipsis, integer arrays and masks."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    common = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=3))  # of the index arrays
    axes = draw(st.integers(0, len(shape)))
    key, axis, from_right = [], 0, False
    ellipsis_at = draw(st.one_of(st.none(), st.integers(0, axes)))
    masked = False
    while axis < len(shape):
        if axis == ellipsis_at and not from_right:
            key.append(Ellipsis)
            axis += draw(st.integers(0, len(shape) - axis))
            from_right = True
            continue
        if axis >= axes and not from_right:
            break
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "array", "list", "new", "mask"]))
        if kind == "new":
            key.append(None)
        elif kind == "mask" and not masked:
            mask = draw(hnp.arrays(bool, shape[axis : axis + draw(st.integers(1, len(shape) - axis))]))
            if mask.sum() != 1 and any(isinstance(part, (np.ndarray, list)) for part in key):
                continue  # as many places as the other arrays have, or one
            key.append(mask)
            axis += mask.ndim
            masked = True
        elif kind == "slice":
            key.append(draw(st.slices(n)))
            axis += 1
        elif kind == "int":
            key.append(draw(st.integers(-n, n - 1)))
            axis += 1
        elif not masked:
            wide = tuple(draw(st.sampled_from([1, extent])) for extent in common)
            places = draw(hnp.arrays(np.int64, wide, elements=st.integers(-n, n - 1)))
            key.append(places.tolist() if kind == "list" else places)
            axis += 1
    return shape, tuple(key)


@given(shapes_and_indices())
def test_every_index_reads_what_numpy_reads_and_sends_the_gradient_back(case):
    shape, key = case
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape) + 1
    x = tg.tensor(array, requires_grad=True)
    y = x[key]
    expected = array[key]
    assert_close(y, expected)
    weights = np.arange(expected.size, dtype=np.float64).reshape(expected.shape) + 1
    slopes = np.zeros(shape)
    np.add.at(slopes, key, weights)
    y.backward(tg.tensor(weights))
    assert_close(x.grad, slopes)


@given(shapes_and_indices())
def test_every_index_writes_what_numpy_writes(case):
    shape, key = case
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape) + 1
    values = -np.arange(array[key].size, dtype=np.float64).reshape(array[key].shape)
    recorded, plain = tg.tensor(array, requires_grad=True) * 1, tg.tensor(array)
    recorded[key] = values
    plain[key] = values
    array[key] = values
    assert_close(plain, array)
    assert_close(recorded, array)


@given(shapes_and_indices())
def test_the_shape_of_every_index_is_known_beforehand(case):
    shape, key = case
    x = tg.symbol(shape, dtype="float64")
    y = x[key]
    assert y.shape == np.zeros(shape)[key].shape
    assert y.dtype == tg.float64


@pytest.mark.parametrize(
    "key",
    [
        [0, 1],
        ([0, 0, 0],),
        (slice(None), [2, 1, 1]),
        ([[0], [1]], [1, 1]),
        (slice(None), [0], ..., [1]),
        (slice(None), [0], None, [1]),
        (slice(None), True),
        (True, 0, [1, 1]),
        (0, slice(None), [1, 1]),
        ([0, 1], slice(None), [1, 2]),
        (..., [0, -1]),
        (None, 1, ..., None),
        (slice(None, None, -1), slice(-2, None, -2)),
        np.arange(24).reshape(2, 3, 4) % 5 == 0,
        (slice(None), np.array([True, False, True])),
        True,
        False,
        (np.array([], dtype=np.int64),),
        [],
        np.uint8([1, 0]),
        np.int32(1),
        range(2),
        (),
    ],
    ids=str,
)
def test_forms_of_indices(key):
    array = np.arange(24, dtype=np.float64).reshape(2, 3, 4) / 10 + 1
    expected = array[list(key) if isinstance(key, range) else key]
    assert_close(tg.tensor(array)[key], expected)
    if expected.size:
        tg.gradcheck(lambda x: x[key] ** 3, array)


def test_tensors_as_indices():
    x = tg.tensor([10.0, 20.0, 30.0])
    assert_close(x[tg.tensor(1)], 20)
    assert_close(x[tg.tensor([2, 0])], [30, 10])
    assert_close(x[x > 15], [20, 30])
    assert_close(x[[tg.tensor(1), 0]], [20, 10])
    assert_close(x[: tg.tensor(2)], [10, 20])
    assert [10, 20, 30][tg.tensor(1)] == 20


def test_duplicates_add_up_to_every_order():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x[[0, 0, 1, 0]] ** 3).sum()
    (first,) = tg.grad(y, x, create_graph=True)
    assert_close(first, [9, 12, 0])
    (second,) = tg.grad(first.sum(), x, create_graph=True)
    assert_close(second, [18, 12, 0])
    assert_close(tg.grad(second.sum(), x)[0], [18, 6, 0])


def test_iteration_and_unpacking():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert_close(x.grad, [[3, 4], [1, 2]])
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    with pytest.raises(ShapeError, match="0-d"):
        iter(tg.tensor(1.0))


def test_a_0d_tensor_with_a_mask_of_its_own():
    x = tg.tensor(-2.0, requires_grad=True)
    y = x * 3
    y[y < 0] = 0.0
    assert_close(y, 0)
    y[y > 0] = 7.0
    assert_close(y, 0)
    y.backward()
    assert_close(x.grad, 0)


# -- what cannot be read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        (3, RangeError, r"index 3 is out of bounds for axis 0 with size 2"),
        ((0, -4), RangeError, r"index -4 .* axis 1 with size 3"),
        ((0, 0, 0), ShapeError, r"3 entries.*shape \(2, 3\).*2 axes"),
        ((..., 0, ...), ShapeError, "one ellipsis"),
        ((0,) * 9, IndexError, "an index with 9 entries is too long"),
        (np.zeros(9, bool), IndexError, r"a boolean mask of shape \(9,\) cannot select"),
        (np.array([True, False, True]), ShapeError, r"mask of shape \(3,\).*\(2,\)"),
        (([0, 1], [0, 1, 2]), ShapeError, r"\(2,\) and \(3,\) do not broadcast"),
        (1.0, DTypeError, "not by 1.0"),
        ("row", DTypeError, "integers, slices"),
        ([0.5], DTypeError, "integers"),
        (slice(0, 1.5), DTypeError, "slice runs between integers, and 1.5"),
        (slice(0, 2, 0), ShapeError, "step"),
    ],
    ids=str,
)
def test_errors_say_what_is_wrong(key, kind, words):
    for x in (tg.zeros(2, 3), tg.symbol((2, 3))):
        with pytest.raises(kind, match=words):
            x[key]


@pytest.mark.host_only
def test_an_index_array_out_of_range_is_an_error_that_names_the_index():
    x = tg.zeros(2, 3)
    for key in ([0, 5], (slice(None), [0, -4]), np.array([7])):
        with pytest.raises(RangeError, match=r"index (5|-4|7) is out of range for axis (0|1)"):
            x[key]
        with pytest.raises(RangeError, match="out of range"):
            x[key] = 1.0
    with pytest.raises(RangeError, match="that axis is empty"):
        tg.zeros(0, 3)[[0]]


# -- take, take_along_axis, sort, topk, scatter_add, one_hot -------------------------------------------


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.integers(0, 4)), st.data()
)
def test_sorting_is_stable_both_ways(array, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    x = tg.tensor(array)
    assert_close(tg.argsort(x, axis), np.argsort(array, axis, kind="stable"))
    assert_close(tg.sort(x, axis=axis), np.sort(array, axis))
    assert_close(tg.argsort(x, axis, descending=True), np.argsort(-array, axis, kind="stable"))
    assert tg.argsort(x, axis).dtype == tg.int64
    k = data.draw(st.integers(0, array.shape[axis]))
    values, places = tg.topk(x, k, axis)
    assert_close(values, np.flip(np.sort(array, axis), axis).take(range(k), axis))
    assert_close(tg.take_along_axis(x, places, axis), values.numpy())


def test_smallest_first():
    values, places = tg.topk(tg.tensor([3.0, 1.0, 2.0]), 2, largest=False)
    assert_close(values, [1, 2])
    assert_close(places, [1, 2])
    with pytest.raises(RangeError, match="k = 4"):
        tg.topk(tg.zeros(3), 4)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)), st.data())
def test_taking_is_numpys(array, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-array.ndim, array.ndim - 1)))
    n = array.size if axis is None else array.shape[axis]
    places = data.draw(hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=3), elements=st.integers(-n, n - 1)))
    assert_close(tg.take(tg.tensor(array), places, axis), np.take(array, places, axis))
    if axis is not None:
        along = np.argsort(array, axis)
        assert_close(tg.take_along_axis(tg.tensor(array), along, axis), np.take_along_axis(array, along, axis))


def test_rows_that_are_broadcast_are_scattered_whole():
    """Ends of edges, one for each row: the same numbers and gradients as with an index for each element."""
    r = np.random.default_rng(0)
    ends, values = r.integers(0, 3, 8), r.normal(size=(8, 2))
    x = tg.tensor(r.normal(size=(3, 2)))
    for scattered in (tg.scatter_add, lambda *given: tg.scatter(*given, reduce="max")):
        found = []
        for indices in (tg.tensor(ends).expand_dims(1).broadcast_to((8, 2)), tg.tensor(np.stack([ends, ends], axis=1))):
            v = tg.tensor(values, requires_grad=True)
            y = scattered(x, indices, v)
            found.append((y.detach().numpy(), tg.grad((y**2).sum(), v)[0].numpy()))
        (a, da), (b, db) = found
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(da, db)


def test_scatter_add_adds_what_meets():
    x = tg.zeros(3, 2)
    y = tg.scatter_add(x, [[0, 1], [0, 1], [2, 1]], [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], axis=0)
    assert_close(y, [[3, 0], [0, 60], [3, 0]])
    counts = tg.scatter_add(tg.zeros(3, dtype="int64"), [0, 2, 2], tg.ones(3, dtype="int64"))
    assert_close(counts, [1, 0, 2])
    with pytest.raises(ShapeError, match="one shape"):
        tg.scatter_add(x, [[0, 1]], [[1.0]])


@given(data=st.data())
def test_index_add_is_numpys_add_at(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    places = data.draw(st.lists(st.integers(0, shape[axis] - 1), max_size=6))
    random = np.random.default_rng(0)
    x = random.standard_normal(shape)
    values = random.standard_normal([len(places) if i == axis % len(shape) else n for i, n in enumerate(shape)])
    expected = np.moveaxis(x.copy(), axis, 0)
    np.add.at(expected, np.array(places, int), np.moveaxis(values, axis, 0) * 0.5)
    added = tg.index_add(tg.tensor(x), axis, np.array(places, int), values, alpha=0.5)
    assert_close(added, np.moveaxis(expected, 0, axis))


def test_index_add_says_what_does_not_fit():
    x = tg.zeros(3, 2)
    with pytest.raises(
        ShapeError, match=r"index_add along axis 0 .* n indices and values of shape \('n', 2\), not \(2,\)"
    ):
        x.index_add(0, [0, 1], tg.ones(3, 2))
    with pytest.raises(RangeError):
        x.index_add(0, [0, 3], tg.ones(2, 2))


@given(data=st.data())
def test_taking_along_an_axis_broadcasts_the_others(data):
    axis = data.draw(st.integers(-3, 2))
    shapes = [[data.draw(st.sampled_from([1, extent])) for extent in (2, 3, 4)] for _ in range(2)]
    shapes[0][axis], shapes[1][axis] = 5, data.draw(st.integers(0, 6))
    random = np.random.default_rng(0)
    array, places = random.standard_normal(shapes[0]), random.integers(-5, 5, shapes[1])
    wide = np.broadcast_shapes(*([1 if i == axis % 3 else n for i, n in enumerate(shape)] for shape in shapes))
    lengths = [[shape[axis] if i == axis % 3 else n for i, n in enumerate(wide)] for shape in shapes]
    expected = np.take_along_axis(np.broadcast_to(array, lengths[0]), np.broadcast_to(places, lengths[1]), axis)
    assert_close(tg.take_along_axis(tg.tensor(array), places, axis), expected)


SCATTERED = {None: None, "sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


@given(data=st.data())
def test_scattering(data):
    """One after the other, as a loop would: into x itself, or into what the operation begins with."""
    axis = data.draw(st.integers(-2, 1))
    shape = [data.draw(st.integers(1, 3)) for _ in range(2)]
    lengths = [data.draw(st.integers(0, n)) for n in shape]
    lengths[axis] = data.draw(st.integers(0, 5))
    random = np.random.default_rng(0)
    x, values = random.standard_normal(shape), random.integers(-2, 3, lengths) / 1.0
    places = random.integers(0, shape[axis], lengths)
    for reduce, ufunc in SCATTERED.items():
        for include_self in (True, False):
            expected, reached = x.copy(), np.zeros(shape, bool)
            for place, value in np.ndenumerate(values):
                target = list(place)
                target[axis] = places[place]
                target = tuple(target)
                fresh = ufunc is None or not (include_self or reached[target])
                expected[target] = value if fresh else ufunc(expected[target], value)
                reached[target] = True
            ours = tg.scatter(tg.tensor(x), places, tg.tensor(values), axis, reduce, include_self)
            assert_close(ours, expected, rtol=1e-9)
    mean = tg.scatter(tg.tensor(x), places, tg.tensor(values), axis, "mean")
    count = 1 + tg.scatter_add(tg.zeros(*shape), places, tg.ones_like(tg.tensor(values, dtype="float32")), axis).numpy()
    assert_close(mean * count, tg.scatter_add(tg.tensor(x), places, tg.tensor(values), axis).numpy(), rtol=1e-6)


def test_what_ties_where_it_is_scattered_shares_the_gradient():
    x, values = tg.tensor([2.0, 5.0], requires_grad=True), tg.tensor([2.0, 2.0, 1.0], requires_grad=True)
    y = tg.scatter(x, [0, 0, 0], values, reduce="max")
    of_x, of_values = tg.grad(y, [x, values], tg.tensor([3.0, 7.0]))
    assert_close(of_x, [1, 7])
    assert_close(of_values, [1, 1, 0])


def test_scattering_keeps_dtypes_and_says_what_is_wrong():
    x = tg.tensor([1, 2, 3], dtype="int32")
    for reduce in SCATTERED:
        made = tg.scatter(x, [0, 0], tg.tensor([5, 4], dtype="int32"), reduce=reduce, include_self=False)
        assert made.dtype == tg.int32
    assert_close(tg.scatter(x, [0, 0], tg.tensor([5, 4], dtype="int32"), reduce="min", include_self=False), [4, 2, 3])
    with pytest.raises(OptionError, match="None or one of 'sum'.* not 'amax'"):
        tg.scatter(x, [0], [1], reduce="amax")


@pytest.mark.parametrize("side", ["left", "right"])
@given(data=st.data())
def test_places_in_sorted_numbers(side, data):
    numbers = np.array(data.draw(st.lists(st.integers(-3, 3), max_size=6)), float)
    values = np.array([[-4, 0, 1], [3, 9, -1]])
    ours = tg.searchsorted(tg.tensor(np.sort(numbers)), values, side)
    assert_close(ours, np.searchsorted(np.sort(numbers), values, side))
    assert ours.dtype == tg.int64
    order = np.argsort(numbers)
    assert_close(
        tg.searchsorted(tg.tensor(numbers), values, side, order), np.searchsorted(numbers, values, side, order)
    )


@given(data=st.data())
def test_places_that_are_not_zero(data):
    shape = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    array = np.random.default_rng(0).integers(0, 2, shape)
    for ours, expected in zip(tg.nonzero(tg.tensor(array)), np.nonzero(array), strict=True):
        assert_close(ours, expected)
        assert ours.dtype == tg.int64


@given(data=st.data())
def test_different_elements(data):
    shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
    array = np.random.default_rng(0).integers(0, 3, shape) / 1.0
    if array.size > 2:
        array.flat[:2] = np.nan
    x = tg.tensor(array)
    found, expected = tg.unique_all(x), np.unique_all(array)
    for name in ("values", "indices", "inverse_indices", "counts"):
        assert_close(getattr(found, name), getattr(expected, name))
    assert_close(tg.unique_values(x), expected.values)
    assert_close(tg.unique_counts(x).counts, expected.counts)
    assert_close(tg.unique_inverse(x).inverse_indices, expected.inverse_indices)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int64", "uint64"])
def test_whole_numbers_at_the_ends_of_a_dtype_are_different_ones(dtype):
    ends, near = np.iinfo(dtype), np.random.default_rng(0).integers(0, 256, 2000).astype(dtype)
    for array in (np.full(2000, ends.min, dtype) + near, np.full(2000, ends.max, dtype) - near):
        for found, expected in zip(tg.unique_all(tg.tensor(array)), np.unique_all(array), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected)


def test_the_gradient_of_a_different_element_goes_to_its_first_place():
    x = tg.tensor([3.0, 1.0, 3.0], requires_grad=True)
    (tg.unique_values(x) * tg.tensor([1.0, 10.0])).sum().backward()
    assert_close(x.grad, [10, 1, 0])


@pytest.mark.parametrize("mask", [(0,), (0, 3), (2, 0), (0, 0)])
def test_a_mask_of_no_elements_selects_nothing_as_in_numpy(mask):
    array = np.ones((2, 3))
    assert tg.tensor(array)[np.zeros(mask, bool)].shape == array[np.zeros(mask, bool)].shape


def test_a_symbolic_mask_has_no_number_of_elements():
    x = tg.symbol((2, 3))
    with pytest.raises(ShapeError, match=r"how many elements a mask of shape \(2, 3\) selects is in its numbers"):
        x[x > 0]
    assert tg.where(x > 0, x, 0).shape == (2, 3)


@pytest.mark.parametrize("function", [tg.nonzero, tg.unique_all, tg.unique_values])
def test_shapes_that_depend_on_numbers(function):
    with pytest.raises(ShapeError, match="symbolic.* is in its numbers"):
        function(tg.symbol(3))
    with pytest.raises(CompileError, match=r"not known while a function is recorded by tg\.compile"):
        tg.compile(lambda x: function(x))(tg.ones(3))


def test_one_hot():
    assert_close(tg.one_hot([2, 0]), [[0, 0, 1], [1, 0, 0]])
    assert tg.one_hot(tg.tensor([[1]]), 4).shape == (1, 1, 4)
    assert tg.one_hot([1], dtype="int64").dtype == tg.int64
    with pytest.raises(DTypeError, match="integer classes"):
        tg.one_hot([0.5])


@pytest.mark.host_only
def test_labels_out_of_range():
    with pytest.raises(RangeError, match="label 5 .* 3 classes .* 0 to 2"):
        tg.one_hot([0, 5], 3)
    with pytest.raises(RangeError, match="label -1"):
        tg.one_hot([0, -1], 3)
    with pytest.raises(RangeError, match="index 9 .* 3 rows"):
        tg.scatter_add(tg.zeros(3), [9], [1.0])


def test_indices_must_be_integers():
    with pytest.raises(DTypeError, match="indices must be integers, not float32"):
        tg.take(tg.zeros(3), [0.0])
    with pytest.raises(ShapeError, match="2 axes"):
        tg.take_along_axis(tg.zeros(2, 3), [0])
