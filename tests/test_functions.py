"""Every public function gives NumPy's values, whatever the shapes, axes and dtypes."""

import math
import pathlib

import numpy as np
import pytest
from checks import assert_close, words
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ml as tg
from tinygrad_ml import functional
from tinygrad_ml.errors import DTypeError, ShapeError

ALL = (-9, 9)
UNARY = {  # name in tg -> NumPy's function, and where it is defined
    "abs": (np.abs, ALL),
    "acos": (np.arccos, (-1, 1)),
    "acosh": (np.arccosh, (1, 9)),
    "asin": (np.arcsin, (-1, 1)),
    "asinh": (np.arcsinh, ALL),
    "atan": (np.arctan, ALL),
    "atanh": (np.arctanh, (-0.99, 0.99)),
    "ceil": (np.ceil, ALL),
    "cos": (np.cos, ALL),
    "cosh": (np.cosh, ALL),
    "erf": (np.vectorize(math.erf, otypes=[float]), ALL),
    "exp": (np.exp, ALL),
    "expm1": (np.expm1, ALL),
    "floor": (np.floor, ALL),
    "isfinite": (np.isfinite, ALL),
    "isinf": (np.isinf, ALL),
    "isnan": (np.isnan, ALL),
    "log": (np.log, (0.01, 9)),
    "log1p": (np.log1p, (-0.99, 9)),
    "log2": (np.log2, (0.01, 9)),
    "log10": (np.log10, (0.01, 9)),
    "logical_not": (np.logical_not, ALL),
    "negative": (np.negative, ALL),
    "positive": (np.positive, ALL),
    "reciprocal": (np.reciprocal, (0.01, 9)),
    "relu": (lambda x: np.maximum(x, 0), ALL),
    "round": (np.round, ALL),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), ALL),
    "sign": (np.sign, ALL),
    "signbit": (np.signbit, ALL),
    "sin": (np.sin, ALL),
    "sinc": (np.sinc, ALL),
    "sinh": (np.sinh, ALL),
    "softplus": (lambda x: np.log1p(np.exp(x)), ALL),
    "sqrt": (np.sqrt, (0, 9)),
    "square": (np.square, ALL),
    "tan": (np.tan, (-1.5, 1.5)),
    "tanh": (np.tanh, ALL),
    "trunc": (np.trunc, ALL),
}
BINARY = {
    "add": (np.add, ALL),
    "atan2": (np.arctan2, ALL),
    "copysign": (np.copysign, ALL),
    "divide": (np.divide, (0.1, 9)),
    "equal": (np.equal, (0, 2)),
    "floor_divide": (np.floor_divide, (0.1, 9)),
    "greater": (np.greater, (0, 2)),
    "greater_equal": (np.greater_equal, (0, 2)),
    "hypot": (np.hypot, ALL),
    "less": (np.less, (0, 2)),
    "less_equal": (np.less_equal, (0, 2)),
    "logaddexp": (np.logaddexp, ALL),
    "logical_and": (np.logical_and, (0, 1)),
    "logical_or": (np.logical_or, (0, 1)),
    "logical_xor": (np.logical_xor, (0, 1)),
    "maximum": (np.maximum, ALL),
    "minimum": (np.minimum, ALL),
    "multiply": (np.multiply, ALL),
    "nextafter": (np.nextafter, ALL),
    "not_equal": (np.not_equal, (0, 2)),
    "pow": (np.power, (0.1, 4)),
    "remainder": (np.remainder, (0.1, 9)),
    "subtract": (np.subtract, ALL),
    "xlogy": (lambda a, b: a * np.log(b), (0.1, 9)),
}
REDUCTIONS = {
    "all": np.all,
    "any": np.any,
    "count_nonzero": lambda x, **k: np.asarray(np.count_nonzero(x, **k)),
    "logsumexp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "norm": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
    "prod": np.prod,
    "std": np.std,
    "sum": np.sum,
    "var": np.var,
}
INTEGERS = {
    "bitwise_and": np.bitwise_and,
    "bitwise_left_shift": np.left_shift,
    "bitwise_or": np.bitwise_or,
    "bitwise_right_shift": np.right_shift,
    "bitwise_xor": np.bitwise_xor,
}
TESTED_ELSEWHERE = {
    *("argsort", "nonzero", "one_hot", "index_add", "scatter", "scatter_add", "searchsorted", "sort"),  # test_indexing
    *("take", "take_along_axis", "topk", "unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type"),  # test_standard
    *("astype", "symbol", "to"),  # test_dtypes, test_symbols, test_devices
    *("cbrt", "deg2rad", "erfc", "erfinv", "exp2", "fmax", "fmin", "fmod", "gcd", "heaviside"),  # test_statistics
    *("i0", "lcm", "ldexp", "logaddexp2", "rad2deg", "rsqrt", "average", "bincount", "corrcoef", "digitize"),
    *("histogram", "median", "ptp", "quantile", "trapezoid", "nanargmax", "nanargmin", "nancumprod", "nancumsum"),
    *("nanmax", "nanmean", "nanmedian", "nanmin", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar"),
}


def arrays(low=-9, high=9, min_dims=0, max_dims=4, min_side=1, dtype=np.float64):
    elements = st.floats(low, high) if dtype == np.float64 else st.integers(low, high)
    return hnp.arrays(
        dtype, hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=4), elements=elements
    )


def test_every_public_function_is_in_a_table_or_has_a_test_of_its_own():
    here = pathlib.Path(__file__)
    source = "".join((here.parent / name).read_text(encoding="utf-8") for name in (here.name, "test_creation.py"))
    public = {name for name in functional.__all__ if callable(getattr(functional, name))}
    untested = [
        name
        for name in public - TESTED_ELSEWHERE - set(UNARY) - set(BINARY) - set(REDUCTIONS) - set(INTEGERS)
        if f"tg.{name}(" not in source
    ]
    assert not untested


# -- elementwise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY)
@given(data=st.data())
def test_functions_of_one_argument(name, data):
    reference, domain = UNARY[name]
    array = data.draw(arrays(*domain, min_side=0))
    assert_close(getattr(tg, name)(tg.tensor(array)), reference(array), rtol=1e-9, atol=1e-12)
    assert_close(getattr(tg.tensor(array), name)(), reference(array), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", BINARY)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4))
def test_functions_of_two_arguments(name, shapes):
    reference, domain = BINARY[name]
    random = np.random.default_rng(0)
    a, b = (random.uniform(*domain, size=shape).round(1) for shape in shapes.input_shapes)
    assert_close(getattr(tg, name)(tg.tensor(a), tg.tensor(b)), reference(a, b), rtol=1e-9)
    assert_close(getattr(tg, name)(tg.tensor(a), 2), reference(a, 2), rtol=1e-9)
    assert_close(getattr(tg, name)(2, tg.tensor(b)), reference(2, b), rtol=1e-9)


@pytest.mark.parametrize("name", INTEGERS)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3))
def test_functions_of_bits(name, shapes):
    random = np.random.default_rng(0)
    for dtype in ("int8", "uint8", "int32", "uint64"):
        a, b = (random.integers(0, 100, size=shape).astype(dtype) for shape in shapes.input_shapes)
        a, b = a - (dtype[0] == "i") * 50, b % 70 if "shift" in name else b  # further than there are bits, too
        ours = getattr(tg, name)(tg.tensor(a), tg.tensor(b))
        assert_close(ours, INTEGERS[name](a, b))
        assert ours.dtype == dtype
        assert_close(getattr(tg, name)(2, tg.tensor(b)), INTEGERS[name](np.array(2, dtype), b))


def test_bits_of_truth_values_are_logic():
    yes, no = tg.tensor([True, True, False]), tg.tensor([True, False, False])
    assert_close(tg.bitwise_and(yes, no), [True, False, False])
    assert_close(tg.bitwise_or(yes, no), [True, True, False])
    assert_close(tg.bitwise_xor(yes, no), [False, True, False])
    assert_close(tg.bitwise_invert(no), [False, True, True])
    assert_close(tg.bitwise_invert(tg.tensor([1, -1])), [-2, 0])
    assert (yes & True).dtype == (~yes).dtype == tg.bool


@pytest.mark.parametrize("operator", ["&", "|", "^", "<<", ">>"])
def test_operators_of_bits(operator):
    for dtype in ("int64", "uint8"):
        a, b = np.array([7, 1, 12], dtype), np.array([1, 2, 3], dtype)
        x, y = tg.tensor(a), tg.tensor(b)
        expected = eval(f"a {operator} b")
        for made in (eval(f"x {operator} y"), eval(f"x {operator} b"), eval(f"a {operator} y")):
            assert_close(made, expected)
            assert made.dtype == dtype
        assert_close(eval(f"x {operator} 2"), eval(f"a {operator} 2"))
        assert_close(eval(f"2 {operator} x"), eval(f"2 {operator} a"))
        same = x
        exec(f"x {operator}= y", {}, {"x": x, "y": y})
        assert_close(same, expected)
    with pytest.raises(DTypeError, match=r"bits of integers.*float32"):
        eval("x & 1.5", {"x": tg.ones(2)})


def test_operators_are_the_functions():
    a, b = tg.tensor([7.0, -7.0]), tg.tensor([2.0, 3.0])
    for operator, function in (
        (a + b, tg.add(a, b)),
        (a - b, tg.subtract(a, b)),
        (a * b, tg.multiply(a, b)),
        (a / b, tg.divide(a, b)),
        (a // b, tg.floor_divide(a, b)),
        (a % b, tg.remainder(a, b)),
        (b**a, tg.pow(b, a)),
        (a == b, tg.equal(a, b)),
        (a != b, tg.not_equal(a, b)),
        (a < b, tg.less(a, b)),
        (a <= b, tg.less_equal(a, b)),
        (a > b, tg.greater(a, b)),
        (a >= b, tg.greater_equal(a, b)),
        (-a, tg.negative(a)),
        (+a, a),
        (abs(a), tg.abs(a)),
        (a @ b, tg.matmul(a, b)),
    ):
        assert_close(operator, function.numpy())
    yes, no = tg.tensor([True, True]), tg.tensor([True, False])
    assert_close(yes & no, [True, False])
    assert_close(yes | no, [True, True])
    assert_close(yes ^ no, [False, True])
    assert_close(~no, [False, True])


@given(arrays(min_side=0), st.one_of(st.none(), st.floats(-9, 0)), st.one_of(st.none(), st.floats(0, 9)))
def test_clip(array, low, high):
    expected = array if low is None and high is None else np.clip(array, low, high)
    assert_close(tg.clip(tg.tensor(array), low, high), expected)


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3))
def test_where(shapes):
    random = np.random.default_rng(0)
    condition, a, b = (random.standard_normal(shape) for shape in shapes.input_shapes)
    expected = np.where(condition > 0, a, b)
    assert_close(tg.where(tg.tensor(condition > 0), tg.tensor(a), tg.tensor(b)), expected)
    assert_close(tg.where(tg.tensor(condition) > 0, 1.0, tg.tensor(b)), np.where(condition > 0, 1.0, b))
    assert_close(tg.where(True, tg.tensor(a), 0.0), a)


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 3])
def test_rounding_to_decimals(decimals):
    array = np.random.default_rng(0).uniform(-900, 900, 50)
    assert_close(tg.round(tg.tensor(array), decimals), np.round(array, decimals), rtol=1e-12)
    whole = array.astype("int32")
    assert_close(tg.round(tg.tensor(whole), decimals), np.round(whole, decimals))
    assert tg.round(tg.tensor(whole), decimals).dtype == tg.int32


def test_numbers_in_place_of_nan_and_infinities():
    array = np.array([1.5, np.nan, np.inf, -np.inf], "float32")
    x = tg.tensor(array, requires_grad=True)
    assert_close(tg.nan_to_num(x), np.nan_to_num(array))
    assert_close(tg.nan_to_num(x, 1, 2, 3), [1.5, 1, 2, 3])
    assert_close(tg.nan_to_num(tg.tensor([1, 2])), [1, 2])
    tg.nan_to_num(x).sum().backward()
    assert_close(x.grad, [1, 0, 0, 0])


def test_limits_of_functions_of_two_arguments():
    """At infinities, zeros and ties, where a formula gives nan and the function is smooth or has a fair slope."""
    x = tg.tensor([0.0, math.inf, -math.inf, 0.0, math.nan], dtype="float64", requires_grad=True)
    other = tg.tensor([0.0, math.inf, -math.inf, -math.inf, 1.0], dtype="float64")
    y = tg.logaddexp(x, other)
    assert_close(y, [math.log(2), math.inf, -math.inf, 0, math.nan])
    assert_close(tg.grad(y, x, tg.ones_like(y))[0], [0.5, 0.5, 0.5, 1, math.nan])
    a, b = (tg.tensor(v, dtype="float64", requires_grad=True) for v in ([0.0, 3.0], [0.0, 4.0]))
    assert_close(tg.grad(tg.hypot(a, b), a, tg.ones(2, dtype="float64"))[0], [0, 0.6])
    assert_close(tg.hypot(tg.tensor(np.array([3e300])), tg.tensor(np.array([4e300]))), [5e300])
    a, b = (tg.tensor(v, requires_grad=True) for v in ([0.0, 0.0, 0.0, 2.0], [0.0, math.inf, 1.0, 0.0]))
    y = tg.xlogy(a, b)
    assert_close(y, [0, 0, 0, -math.inf])
    assert_close(tg.grad(y, b, tg.ones(4))[0], [0, 0, 0, math.inf])
    assert math.isnan(tg.xlogy(0.0, tg.tensor(math.nan)).item())
    x = tg.tensor(0.0, dtype="float64", requires_grad=True)
    (slope,) = tg.grad(tg.sinc(x), x, create_graph=True)
    assert_close(tg.grad(slope, x)[0], -(math.pi**2) / 3)


# -- reductions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data())
def test_reductions(name, data):
    array = data.draw(arrays(-3, 3))
    axis = data.draw(st.one_of(st.none(), hnp.valid_tuple_axes(array.ndim)))
    if axis is not None and len(axis) == 1 and data.draw(st.booleans()):
        axis = axis[0]
    keepdims = data.draw(st.booleans())
    ours = getattr(tg, name)(tg.tensor(array), axis=axis, keepdims=keepdims)
    expected = REDUCTIONS[name](array, axis=axis, keepdims=keepdims)
    assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    assert ours.dtype == expected.dtype


@given(arrays(0, 3, min_dims=1), st.data())
def test_positions_of_extrema(array, data):
    axis = data.draw(st.one_of(st.none(), st.integers(-array.ndim, array.ndim - 1)))
    keepdims = data.draw(st.booleans())
    array = array.round()  # so that some tie, and the first one counts
    x = tg.tensor(array)
    assert_close(tg.argmax(x, axis, keepdims), np.argmax(array, axis, keepdims=keepdims))
    assert_close(tg.argmin(x, axis, keepdims), np.argmin(array, axis, keepdims=keepdims))
    assert tg.argmax(x, axis).dtype == tg.int64


@given(arrays(-2, 2, min_dims=1, min_side=0), st.data())
def test_cumulative_operations(array, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    x = tg.tensor(array)
    assert_close(tg.cumulative_sum(x, axis), np.cumulative_sum(array, axis=axis), rtol=1e-9, atol=1e-9)
    assert_close(tg.cumulative_prod(x, axis), np.cumulative_prod(array, axis=axis), rtol=1e-9, atol=1e-9)
    expected = np.cumulative_sum(array, axis=axis, include_initial=True)
    assert_close(tg.cumulative_sum(x, axis, include_initial=True), expected, rtol=1e-9, atol=1e-9)
    expected = np.cumulative_prod(array, axis=axis, include_initial=True)
    assert_close(tg.cumulative_prod(x, axis, include_initial=True), expected, rtol=1e-9, atol=1e-9)
    expected = np.logaddexp.accumulate(array, axis=axis)
    assert_close(tg.cumulative_logsumexp(x, axis), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
def test_the_dtype_of_totals(name):
    x = tg.tensor(np.array([1, 2, 3], "int8"))
    for dtype in ("int8", "float64", "uint16"):
        assert getattr(tg, name)(x, dtype=dtype).dtype == dtype
        assert_close(getattr(tg, name)(x, dtype=dtype), getattr(np, name)(x.numpy()))
    assert getattr(tg, name)(x).dtype == tg.int64
    assert getattr(tg, name)(x.astype("uint8")).dtype == tg.uint64
    assert getattr(tg, name)(x > 1).dtype == tg.int64


@given(arrays(-9, 9, min_dims=1, min_side=0), st.integers(0, 3), st.data())
def test_differences(array, n, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    x = tg.tensor(array)
    assert_close(tg.diff(x, n, axis), np.diff(array, n, axis))
    assert_close(tg.diff(x, n, axis, prepend=2.0), np.diff(array, n, axis, prepend=2.0))
    assert_close(tg.diff(x, n, axis, x, tg.flip(x)), np.diff(array, n, axis, array, np.flip(array)))
    assert_close(tg.diff(x > 0, axis=axis), np.diff(array > 0, axis=axis))


@given(arrays(-20, 20, min_dims=1), st.data())
def test_softmax(array, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    e = np.exp(array)
    expected = e / e.sum(axis=axis, keepdims=True)
    assert_close(tg.softmax(tg.tensor(array), axis), expected, rtol=1e-9)
    assert_close(tg.log_softmax(tg.tensor(array), axis), np.log(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 0.5, -1, math.inf, -math.inf])
@given(array=arrays(0.1, 4, min_dims=1, max_dims=2), data=st.data())
def test_vector_norms(order, array, data):
    axis = data.draw(st.integers(0, array.ndim - 1))
    array = array * np.where(np.arange(array.size) % 2, -1, 1).reshape(array.shape)
    assert_close(tg.norm(tg.tensor(array), order, axis), np.linalg.norm(array, order, axis), rtol=1e-9)


# -- movement ------------------------------------------------------------------------------------------


@given(arrays(min_dims=1, min_side=0), st.data())
def test_shapes(array, data):
    x = tg.tensor(array)
    assert_close(tg.reshape(x, array.shape[::-1]), array.reshape(array.shape[::-1]))
    if array.size:
        assert_close(tg.reshape(x, -1, array.shape[0]), array.reshape(-1, array.shape[0]))
    axes = data.draw(st.permutations(range(array.ndim)))
    assert_close(tg.permute_dims(x, axes), np.permute_dims(array, axes))
    assert_close(tg.transpose(x), array.T)
    first, last = data.draw(st.sampled_from(axes)), data.draw(st.sampled_from(axes)) - array.ndim
    assert_close(tg.swapaxes(x, first, last), np.swapaxes(array, first, last))
    assert_close(tg.moveaxis(x, first, last), np.moveaxis(array, first, last))
    assert_close(tg.flatten(x), array.reshape(-1))
    assert_close(tg.expand_dims(x, (0, -1)), np.expand_dims(array, (0, -1)))
    assert_close(tg.squeeze(tg.expand_dims(x, first), first), array)
    assert_close(tg.squeeze(x), np.squeeze(array))
    assert_close(tg.broadcast_to(x, (2, *array.shape)), np.broadcast_to(array, (2, *array.shape)))
    if array.ndim > 1:
        assert_close(tg.matrix_transpose(x), np.matrix_transpose(array))


@given(st.data())
def test_moving_several_axes(data):
    array = np.arange(120).reshape(2, 3, 4, 5)
    count = data.draw(st.integers(0, 4))
    axes = st.permutations(range(-2, 2)).map(lambda order: tuple(order[:count]))
    source, destination = data.draw(axes), data.draw(axes)
    assert_close(tg.moveaxis(tg.tensor(array), source, destination), np.moveaxis(array, source, destination))


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3))
def test_broadcasting_together(shapes):
    given_arrays = [np.ones(shape) for shape in shapes.input_shapes]
    made = tg.broadcast_arrays(*map(tg.tensor, given_arrays))
    assert [x.shape for x in made] == [shapes.result_shape] * 3


@given(arrays(min_dims=1, min_side=0), st.data())
def test_joining_and_cutting(array, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    x, y = tg.tensor(array), tg.tensor(array + 100)
    assert_close(tg.concat([x, y, x], axis), np.concat([array, array + 100, array], axis))
    assert_close(tg.concat([x, y], None), np.concat([array, array + 100], None))
    assert_close(tg.stack([x, y], axis), np.stack([array, array + 100], axis))
    extent = array.shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, extent), max_size=3)))
    sizes = np.diff([0, *cuts, extent]).tolist()
    for part, expected in zip(tg.split(x, sizes, axis), np.split(array, cuts, axis), strict=True):
        assert_close(part, expected)
    size = data.draw(st.integers(1, 6))
    every = range(size, extent, size)
    for part, expected in zip(tg.split(x, size, axis), np.split(array, every, axis), strict=True):
        assert_close(part, expected)
    for part, expected in zip(tg.unstack(x, axis=axis), np.unstack(array, axis=axis), strict=True):
        assert_close(part, expected)


@given(arrays(min_dims=1, min_side=0), st.data())
def test_rearranging(array, data):
    x = tg.tensor(array)
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    axes = data.draw(st.one_of(st.none(), hnp.valid_tuple_axes(array.ndim)))
    shift = data.draw(st.integers(-7, 7))
    assert_close(tg.flip(x, axes), np.flip(array, axes))
    assert_close(tg.roll(x, shift, axis), np.roll(array, shift, axis))
    assert_close(tg.roll(x, shift), np.roll(array, shift))
    assert_close(tg.roll(x, (shift, 1), (axis, 0)), np.roll(array, (shift, 1), (axis, 0)))
    times = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    assert_close(tg.tile(x, tuple(times)), np.tile(array, times))
    assert_close(tg.repeat(x, 2, axis=axis), np.repeat(array, 2, axis))
    assert_close(tg.repeat(x, 3), np.repeat(array, 3))
    counts = data.draw(st.lists(st.integers(0, 3), min_size=array.shape[axis], max_size=array.shape[axis]))
    assert_close(
        tg.repeat(x, tg.tensor(np.array(counts, int)), axis=axis), np.repeat(array, np.array(counts, int), axis)
    )


@given(arrays(min_dims=2), st.integers(-4, 4), st.data())
def test_triangles_and_diagonals(array, k, data):
    x = tg.tensor(array)
    assert_close(tg.tril(x, k), np.tril(array, k))
    assert_close(tg.triu(x, k), np.triu(array, k))
    first, second = data.draw(st.permutations(range(array.ndim)))[:2]
    assert_close(tg.diagonal(x, k, first, second), np.diagonal(array, k, first, second))


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@given(array=arrays(min_dims=1, max_dims=3), data=st.data())
def test_padding(mode, array, data):
    width = st.integers(0, 6)
    widths = data.draw(st.one_of(width, st.tuples(width, width), st.tuples(*[st.tuples(width, width)] * array.ndim)))
    options = {"constant_values": 7} if mode == "constant" else {}
    assert_close(tg.pad(tg.tensor(array), widths, mode, **options), np.pad(array, widths, mode, **options))


# -- products ------------------------------------------------------------------------------------------


@st.composite
def factors(draw):
    """Two arrays whose matrix product exists: 1-D, 2-D, and batches that broadcast."""
    shapes = draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3))
    random = np.random.default_rng(0)
    return [random.standard_normal(shape) for shape in shapes.input_shapes]


@given(factors())
def test_matrix_products(pair):
    a, b = pair
    assert_close(tg.matmul(tg.tensor(a), tg.tensor(b)), np.matmul(a, b), rtol=1e-9)


@given(arrays(-3, 3, min_dims=1, max_dims=3), st.data())
def test_other_products(array, data):
    x = tg.tensor(array)
    depth = data.draw(st.integers(0, array.ndim))
    other = array.transpose()[..., None]
    assert_close(tg.outer(x, x), np.outer(array, array), rtol=1e-9)
    assert_close(tg.vecdot(x, x), np.vecdot(array, array), rtol=1e-9)
    axes = list(range(array.ndim))[:depth]
    reverse = [array.ndim - 1 - axis for axis in axes]
    expected = np.tensordot(array, other, (axes, reverse))
    assert_close(tg.tensordot(x, tg.tensor(other), (axes, reverse)), expected, rtol=1e-9, atol=1e-9)
    assert_close(tg.tensordot(x, x, 0), np.tensordot(array, array, 0), rtol=1e-9)


@given(arrays(-3, 3, max_dims=3), arrays(-3, 3, max_dims=3))
def test_kronecker_products(a, b):
    assert_close(tg.kron(tg.tensor(a), tg.tensor(b)), np.kron(a, b), rtol=1e-9)


def test_the_axis_of_vecdot_does_not_broadcast():
    a, b = np.ones((2, 3)), np.ones((4, 1, 3))
    assert_close(tg.vecdot(tg.tensor(a), tg.tensor(b)), np.vecdot(a, b))
    assert_close(tg.vecdot(tg.tensor(a), tg.ones(4, 2, 1), axis=-2), np.vecdot(a, np.ones((4, 2, 1)), axis=-2))
    with pytest.raises(ShapeError, match="must have the same size"):
        tg.vecdot(tg.tensor(a), tg.tensor(b[..., :1]))


@pytest.mark.parametrize(
    "subscripts",
    words(
        "ij,jk ij,jk->ki ij,ij-> ij->ji ij-> ij->j ii ii->i ii-> ij,kj->ik i,j i,i iij->j ij,j,k->ik ...i,...i ...ij->... "
        "...ij,jk->...ik i...->... ij...,jk...->ik... bij,bjk->bik ab,bc,cd->ad i,i,i->i aab,b->a"
    ),
)
def test_einsum(subscripts):
    random = np.random.default_rng(0)
    sizes = dict(zip("abcdijk", (2, 3, 2, 3, 3, 3, 2), strict=True))
    terms = subscripts.partition("->")[0].split(",")
    operands = []
    for term in terms:
        batch = random.integers(1, 3, size=random.integers(0, 3)).tolist() if "..." in term else []
        named = [sizes[letter] for letter in term.replace("...", "")]
        place = term.find("...")
        shape = named if place < 0 else [*named[:place], *batch, *named[place:]]
        operands.append(random.standard_normal(shape))
    assert_close(
        tg.einsum(subscripts, *map(tg.tensor, operands)), np.einsum(subscripts, *operands), rtol=1e-9, atol=1e-12
    )
