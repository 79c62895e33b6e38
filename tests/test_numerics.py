"""Numbers at the edges: broadcasting, ties, zeros, infinities, and no warning without a cause."""

import math
import warnings

import numpy as np
import pytest
from checks import assert_close, leaf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from kinks import KINKS

import tinygrad_ml as tg
from tinygrad_ml import blocks
from tinygrad_ml.errors import ShapeError

INF, NAN = math.inf, math.nan


def gradient(function, numbers, dtype=None):
    """The gradient of Σ function at `numbers`, as NumPy's."""
    x = leaf(numbers, dtype)
    return tg.grad(function(x).sum(), x)[0].numpy()


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# -- broadcasting --------------------------------------------------------------------------------------


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4), st.sampled_from("+-*/"))
def test_gradients_of_broadcast_operands_have_their_shapes(shapes, symbol):
    random = np.random.default_rng(0)
    arrays = [random.uniform(1, 2, shape) for shape in shapes.input_shapes]
    a, b = map(leaf, arrays)
    y = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[symbol]()
    assert y.shape == shapes.result_shape
    y.sum().backward()
    slopes = {"+": (1, 1), "-": (1, -1), "*": (arrays[1], arrays[0]), "/": (1 / arrays[1], -arrays[0] / arrays[1] ** 2)}
    for x, slope in zip((a, b), slopes[symbol], strict=True):
        assert isinstance(x.grad, tg.Tensor)
        assert x.grad.dtype == x.dtype
        spread = np.broadcast_to(slope, shapes.result_shape)
        lead = spread.ndim - x.ndim
        folded = spread.sum(axis=tuple(range(lead)))
        repeated = tuple(i for i, n in enumerate(x.shape) if n == 1)
        assert_close(x.grad, folded.sum(axis=repeated, keepdims=True), rtol=1e-9)


def test_a_0d_tensor_among_many():
    x, scale = leaf(np.ones((2, 3), np.float32)), leaf(2.0)
    (x * scale + scale).sum().backward()
    assert_close(scale.grad, 12)
    assert scale.grad.shape == ()
    assert isinstance(scale.grad.numpy(), np.ndarray)


def test_operands_without_elements():
    x, y = leaf(np.ones((0, 3), np.float32)), leaf([1.0, 2.0, 3.0])
    (x * y).sum().backward()
    assert x.grad.shape == (0, 3)
    assert_close(y.grad, [0, 0, 0])


# -- ties and kinks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
def test_elements_that_tie_share_the_gradient(name):
    reduce = getattr(tg, name)
    assert_close(leaf([2.0, 2.0, 2.0, 2.0]), [2, 2, 2, 2])
    assert gradient(reduce, [2.0, 2.0, 2.0, 2.0]).tolist() == [0.25] * 4
    rows = gradient(lambda x: reduce(x, axis=1), [[1.0, 1.0, 1.0], [0.0, 5.0, -5.0]])
    assert rows[0] == pytest.approx([1 / 3] * 3)
    assert rows.sum(axis=1) == pytest.approx([1, 1])
    assert (
        gradient(lambda x: reduce(x, axis=(0, 1), keepdims=True), np.ones((2, 4), np.float32)).tolist()
        == [[0.125] * 4] * 2
    )


@pytest.mark.parametrize("function", [tg.maximum, tg.minimum])
def test_equal_pairs_share_the_gradient(function):
    a, b = leaf([1.0, 2.0, 3.0]), leaf([1.0, 5.0, -3.0])
    function(a, b).sum().backward()
    assert_close(a.grad + b.grad, [1, 1, 1])
    assert_close(a.grad[0], 0.5)
    assert gradient(lambda x: function(x, x), [1.0]).tolist() == [1.0]


def test_ties_of_half_precision_are_counted_exactly():
    shares = gradient(tg.max, np.ones(4099, np.float16))  # beyond 2048 float16 skips numbers
    assert shares.dtype == np.float16
    assert shares[0] == np.float16(1 / 4099)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("kink", KINKS, ids=lambda kink: kink.name)
def test_derivatives_at_the_table_of_kinks(kink, dtype):
    x = leaf([float(point) for point in kink.points], dtype)
    found = tg.grad(kink.function(x).sum(), x)[0]
    assert found.dtype == dtype
    assert_close(found, kink.slopes, rtol=1e-6 if dtype != "float16" else 1e-3)


def test_derivatives_at_kinks():
    assert gradient(tg.relu, [-1.0, 0.0, 1.0]).tolist() == [0, 0, 1]
    assert gradient(tg.abs, [-1.0, 0.0, 1.0]).tolist() == [-1, 0, 1]
    assert gradient(tg.sign, [-1.0, 0.0, 1.0]).tolist() == [0, 0, 0]
    assert gradient(lambda x: x.clip(0, 1), [-1.0, 0.0, 0.5, 1.0, 2.0]).tolist() == [0, 1, 1, 1, 0]


def test_nan_goes_through():
    assert np.isnan(tg.tensor([NAN, 1.0]).max().item())
    assert np.isnan(tg.relu(tg.tensor([NAN])).item())
    assert np.isnan(tg.maximum(tg.tensor([NAN]), 0).item())
    assert np.isnan(tg.clip(tg.tensor([NAN]), 0, 1).item())
    assert np.isnan(tg.where(tg.tensor([True]), tg.tensor([NAN]), 0).item())


# -- powers --------------------------------------------------------------------------------------------


def test_powers_of_zero_with_a_number_as_exponent():
    assert_close(tg.tensor([0.0]) ** 0, [1])
    assert gradient(lambda x: x**0, [0.0, 2.0]).tolist() == [0, 0]
    assert gradient(lambda x: x**1, [0.0]).tolist() == [1]
    assert gradient(lambda x: x**2, [0.0]).tolist() == [0]
    assert gradient(lambda x: x**3, [-2.0]).tolist() == [12]
    assert gradient(lambda x: x**-1, [2.0]).tolist() == [-0.25]


def test_powers_of_zero_with_a_tensor_as_exponent():
    exponents = tg.tensor([0.0, 1.0, 2.0])
    assert_close(tg.tensor([0.0, 0.0, 0.0]) ** exponents, [1, 0, 0])
    assert gradient(lambda x: x**exponents, [0.0, 0.0, 0.0]).tolist() == [0, 1, 0]
    for base in (0.0, 0):  # 0ʸ does not depend on y > 0
        assert gradient(lambda y, base=base: base**y, [1.0, 2.0]).tolist() == [0, 0]
    assert gradient(lambda y: tg.tensor([0.0]) ** y, [2.0]).tolist() == [0]
    assert gradient(lambda y: tg.tensor([0.0]) ** y, [0.0]).tolist() == [0]


def test_a_negative_power_of_zero_falls_without_end_in_its_exponent():
    """y·ln a = ∞·(-∞) at a = 0 and b < 0, as in PyTorch (2.13.0)."""
    exponent = tg.tensor([-1.0, -0.5, 0.0, 1.0], requires_grad=True)
    (slopes,) = tg.grad((tg.zeros(4) ** exponent).sum(), exponent)
    assert slopes.numpy().tolist() == [-np.inf, -np.inf, 0, 0]


def test_powers_of_zero_to_second_order():
    x = leaf([0.0, 0.0, 0.0])
    (first,) = tg.grad((x ** tg.tensor([0.0, 1.0, 2.0])).sum(), x, create_graph=True)
    assert_close(tg.grad(first.sum(), x)[0], [0, 0, 2])
    (first,) = tg.grad((x**2 + x**1 + x**0).sum(), x, create_graph=True)
    assert_close(tg.grad(first.sum(), x)[0], [2, 2, 2])


def test_a_negative_base():
    base, exponent = leaf([-2.0]), leaf([3.0])
    y = base**exponent
    assert_close(y, [-8])
    to_base, to_exponent = tg.grad(y, [base, exponent])
    assert_close(to_base, [12])
    assert np.isnan(to_exponent.item())  # the real power is defined at isolated exponents only


def test_a_number_to_the_power_of_a_tensor():
    assert gradient(lambda x: 2**x, [3.0]) == pytest.approx(8 * math.log(2))
    assert gradient(lambda x: np.float32(2) ** x, [3.0]) == pytest.approx(8 * math.log(2))


def test_integer_powers_of_integers():
    assert (tg.arange(4) ** 2).dtype == tg.int64
    assert_close(tg.arange(1, 4) ** -1, [1, 1 / 2, 1 / 3])


# -- roots, norms, deviations at zero ------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 0.5, INF])
def test_the_norm_of_zeros_has_gradient_zero(order, no_warnings):
    assert gradient(lambda x: x.norm(order), [0.0, 0.0]).tolist() == [0, 0]
    assert gradient(lambda x: x.norm(order, axis=1), [[0.0, 0.0], [3.0, 0.0]])[0].tolist() == [0, 0]


def test_the_deviation_of_equal_numbers_has_gradient_zero(no_warnings):
    x = leaf([2.0, 2.0, 2.0])
    (first,) = tg.grad(x.std(), x, create_graph=True)
    assert_close(first, [0, 0, 0])
    assert np.isfinite(tg.grad(first.sum(), x)[0].numpy()).all()


def test_the_root_of_zero_has_an_infinite_slope(no_warnings):
    assert gradient(tg.sqrt, [0.0, 4.0]).tolist() == [INF, 0.25]


# -- the branch that was not taken ---------------------------------------------------------------------


def test_where_with_a_safe_argument_has_no_nan(no_warnings):
    def safe(x):
        return tg.where(x > 0, tg.log(tg.where(x > 0, x, 1)), 0)

    assert gradient(safe, [0.0, -1.0, 2.0]).tolist() == [0, 0, 0.5]


def test_where_documents_the_unsafe_form():
    assert "Make the argument safe first" in tg.where.__doc__
    with np.errstate(all="ignore"):
        slopes = gradient(lambda x: tg.where(x > 0, tg.log(x), 0), [0.0, 2.0])
    assert np.isnan(slopes[0])
    assert slopes[1] == 0.5


# -- large arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "at_minus", "at_plus", "slope_at_minus", "slope_at_plus"),
    [
        (tg.sigmoid, 0, 1, 0, 0),
        (tg.tanh, -1, 1, 0, 0),
        (tg.softplus, 0, 1000, 0, 1),
        (tg.erf, -1, 1, 0, 0),
        (tg.relu, 0, 1000, 0, 1),
        (tg.asinh, -math.asinh(1000), math.asinh(1000), 1e-3, 1e-3),
        (tg.atan, -math.atan(1000), math.atan(1000), 1e-6, 1e-6),
    ],
)
def test_functions_at_1000(function, at_minus, at_plus, slope_at_minus, slope_at_plus, dtype, no_warnings):
    x = leaf([-1000.0, 1000.0], dtype)
    y = function(x)
    assert_close(y, [at_minus, at_plus])
    assert_close(tg.grad(y.sum(), x)[0], [slope_at_minus, slope_at_plus], rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1)])
def test_softmax_of_large_numbers_along_any_axis(axis, no_warnings):
    rows = np.float32([[1000, -1000, 0], [-1000, 1000, 999], [5, 5, 1000]])
    shifted = rows.astype(np.float64) - rows.max(axis=axis, keepdims=True)
    expected = np.exp(shifted) / np.exp(shifted).sum(axis=axis, keepdims=True)
    x = leaf(rows)
    assert_close(x.softmax(axis), expected)
    log = np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    assert_close(x.log_softmax(axis), shifted - log)
    assert_close(x.logsumexp(axis, keepdims=True), log + rows.max(axis=axis, keepdims=True))
    assert_close(tg.grad(x.logsumexp(axis).sum(), x)[0], expected)


def test_masked_entries_have_probability_and_gradient_zero(no_warnings):
    rows = [[1.0, -INF, 1.0], [-INF, -INF, 3.0]]
    for function in (tg.softmax, tg.log_softmax):
        x = leaf(rows)
        y = function(x)
        weights = tg.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
        safe = tg.where(weights > 0, y, 0) * weights
        slopes = tg.grad(safe.sum(), x)[0].numpy()
        assert np.isfinite(slopes).all()
        assert slopes[0, 1] == 0
    assert_close(tg.softmax(tg.tensor(rows)), [[0.5, 0, 0.5], [0, 0, 1]])
    assert_close(tg.logsumexp(tg.tensor(rows), -1), [1 + math.log(2), 3])


def test_a_row_that_is_all_minus_infinity():
    row = [[-INF, -INF], [0.0, 0.0]]
    assert_close(tg.logsumexp(tg.tensor(row), 1), [-INF, math.log(2)])
    slopes = gradient(lambda x: tg.logsumexp(x, 1), row)
    assert slopes.tolist() == [[0, 0], [0.5, 0.5]]
    with np.errstate(all="ignore"):
        assert np.isnan(tg.softmax(tg.tensor(row)).numpy()[0]).all()
        assert_close(tg.softmax(tg.tensor(row))[1], [0.5, 0.5])


def test_plus_infinity_in_logsumexp(no_warnings):
    assert tg.logsumexp(tg.tensor([INF, 0.0])).item() == INF


@pytest.mark.filterwarnings("error")
def test_reductions_of_half_precision_do_not_overflow_or_lose_count():
    ones, large = tg.ones(70000, dtype="float16"), tg.full((3,), 300.0, dtype="float16")
    for made, expected in (
        *((ones.mean(), 1), (ones.softmax().sum(), 1), (ones.logsumexp(), 1 + math.log(70000)), (ones.var(), 0)),
        *((large.norm(), 300 * math.sqrt(3)), (large.std(), 0), (tg.ones(5000, 2, dtype="float16").sum(0)[1], 5000)),
    ):
        assert made.dtype == tg.float16
        assert_close(made, expected, rtol=2e-3, atol=2e-3)
    x = leaf([60000.0, 60000.0, -60000.0], "float16")
    assert_close(x.softmax(), [0.5, 0.5, 0])
    assert_close(tg.grad(x.logsumexp(), x)[0], [0.5, 0.5, 0])


def test_an_infinite_loss_is_differentiated_without_warnings():
    with np.errstate(all="ignore"):
        x = leaf([0.0, 1.0])
        y = tg.log(x).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward()
    assert_close(x.grad, [INF, 1])


def test_means_of_many_float32_are_accurate():
    x = tg.full((1000, 1000), 0.1)
    assert x.mean().item() == pytest.approx(0.1, rel=1e-6)
    assert x.var().item() == pytest.approx(0, abs=1e-12)


# -- products, cumulative operations, deviations, axes -------------------------------------------------


def test_products_with_zeros():
    assert gradient(tg.prod, [2.0, 0.0, 3.0]).tolist() == [0, 6, 0]
    assert gradient(tg.prod, [2.0, 0.0, 0.0]).tolist() == [0, 0, 0]
    hessian = tg.hessian(tg.prod, tg.tensor([2.0, 0.0, 0.0, 5.0])).numpy()
    assert hessian[1, 2] == hessian[2, 1] == 10
    assert np.count_nonzero(hessian) == 2
    assert gradient(lambda x: x.cumulative_prod(), [2.0, 0.0, 3.0]).tolist() == [1, 8, 0]


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=4), elements=st.floats(-9, 9)),
    st.data(),
)
def test_variance_and_deviation_are_numpys(array, data):
    axis = data.draw(st.one_of(st.none(), hnp.valid_tuple_axes(array.ndim, min_size=1)))
    correction = data.draw(st.sampled_from([0, 1]))
    for ours, theirs in ((tg.var, np.var), (tg.std, np.std)):
        assert_close(
            ours(tg.tensor(array), axis=axis, correction=correction),
            theirs(array, axis, ddof=correction),
            rtol=1e-9,
            atol=1e-9,
        )


def test_reductions_over_nothing():
    nothing = tg.zeros(2, 0)
    assert_close(nothing.sum(1), [0, 0])
    assert_close(nothing.prod(1), [1, 1])
    assert_close(nothing.any(1), [False, False])
    assert_close(nothing.all(1), [True, True])
    assert_close(nothing.norm(axis=1), [0, 0])
    assert np.isnan(nothing.mean(1).numpy()).all()
    assert np.isnan(nothing.var(axis=1).numpy()).all()
    assert nothing.cumulative_sum(1).shape == nothing.softmax(0).shape == (2, 0)
    assert_close(nothing.logsumexp(1), [-INF, -INF])
    for function in (tg.max, tg.min, tg.argmax, tg.argmin):
        with pytest.raises(ShapeError, match="empty"):
            function(nothing, axis=1)
        assert function(nothing, axis=0).shape == (0,)


def test_the_gradient_of_a_sum_over_nothing():
    x = leaf(np.zeros((2, 0), np.float32))
    (x.sum(1) + x.prod(1)).sum().backward()
    assert x.grad.shape == (2, 0)


def test_more_corrections_than_numbers_give_nan():
    assert np.isnan(tg.var(tg.tensor([1.0]), correction=1).item())


def test_reductions_of_a_0d_tensor_take_axis_0_and_minus_1():
    x = tg.tensor(3.0)
    for axis in (0, -1, None, ()):
        assert_close(x.sum(axis), 3)
        assert_close(x.max(axis=axis), 3)
    assert_close(x.argmax(0), 0)
    assert_close(x.softmax(), 1)
    assert_close(x.sort(), 3)
    with pytest.raises(ShapeError, match="axis 1 is out of range"):
        x.sum(1)


@pytest.mark.host_only
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("lies", ["in order", "transposed", "every second"])
def test_choosing_by_masks_gives_the_bits_of_numpy(dtype, lies):
    """Large choices are made by masks; nan, infinities and the sign of 0 come through, however the operands lie."""
    random = np.random.default_rng(0)
    shape = {"in order": (190, 200), "transposed": (200, 190), "every second": (190, 400)}[lies]

    def lying(array):
        return {"in order": array, "transposed": array.T, "every second": array[:, ::2]}[lies]

    condition = lying(random.random(shape) < 0.5)
    a, b = (lying((9 * random.standard_normal(shape)).astype(dtype)) for _ in range(2))
    others = [b, np.zeros((), dtype)[()], np.ones((), dtype)]
    if a.dtype.kind == "f":
        a[::7, ::3], b[::5, ::2], b[3::9] = np.nan, -0.0, np.inf
        others.append(np.array(-0.0, dtype))
    assert condition.size > blocks.WORTH_MASKING
    for other in others:
        for first, second in ((a, other), (other, a)):
            expected, into = np.where(condition, first, second), np.empty(condition.shape, dtype)
            assert blocks.where(condition, first, second).tobytes() == expected.tobytes()
            assert blocks.where(condition, first, second, into).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "shapes",
    [
        ((300, 70), (300, 70), (300, 1)),
        ((300, 70), (70,), ()),
        ((300, 1), (300, 70), ()),
        ((70,), (2, 300, 70), (300, 1)),
        ((), (300, 70), (70,)),
        ((300, 1), (1, 70), ()),
        ((0, 1, 70), (300, 70), ()),
    ],
)
def test_choices_among_what_is_broadcast_are_those_of_numpy(monkeypatch, shapes):
    monkeypatch.setattr(blocks, "WORTH_MASKING", 1)
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1000)
    random = np.random.default_rng(0)
    condition = np.asarray(random.random(shapes[0]) < 0.5)
    a, b = (np.asarray(random.standard_normal(shape), np.float32) for shape in shapes[1:])
    for other in (b, np.zeros_like(b), np.full_like(b, -0.0), np.full_like(b, np.nan)):
        for first, second in ((a, other), (other, a), (a[::-1], other), (a * 1j, other * 1j)):
            expected = np.where(condition, first, second)
            into = np.empty_like(expected)
            assert blocks.where(condition, first, second).tobytes() == expected.tobytes()
            assert blocks.where(condition, first, second, into).tobytes() == into.tobytes() == expected.tobytes()
