"""Special functions, statistics and Fourier transforms give NumPy's numbers. Their gradients are in `operations.py`."""

import math
import statistics
from functools import partial

import numpy as np
import pytest
from checks import assert_close

import tinygrad_ml as tg
from tinygrad_ml.errors import CompileError, DTypeError, OptionError, RangeError, ShapeError
from tinygrad_ml.functional import fourier
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, about slices of nan

X = np.random.default_rng(3).standard_normal((3, 5))
Y = X[::-1] * 0.7 + 0.2
HOLES = np.where(np.abs(X) < 0.4, np.nan, X)
HOLES[0] = np.nan


@pytest.mark.parametrize("name", ["cbrt", "exp2", "i0", "deg2rad", "rad2deg"])
def test_functions_of_one_number(name):
    assert_close(getattr(tg, name)(X), getattr(np, name)(X), rtol=1e-13)
    assert getattr(tg, name)(X.astype("float32")).dtype == tg.float32
    assert getattr(tg, name)([1, 2]).dtype == tg.float32


HALVES = np.linspace(-11, 11, 999, dtype="float16")
LARGE_HALVES = np.array([-60000, -41, 41, 60000], "float16")


@pytest.mark.parametrize("function", [tg.i0, tg.sinc, F.gelu, partial(F.gelu, approximate="tanh")])
def test_float16_is_computed_wide_and_rounded_once(function):
    """A hundred roundings would add up, and e¹², x³ and 2x exceed the largest float16 where the result does not."""
    halves = tg.tensor(HALVES if function is tg.i0 else np.append(HALVES, LARGE_HALVES), requires_grad=True)
    exact = tg.tensor(halves.numpy().astype("float64"), requires_grad=True)
    y, exact_y = function(halves), function(exact)
    assert y.dtype == tg.float16
    assert_close(y, exact_y, rtol=6e-4, atol=1e-6)
    (slope,), (exact_slope,) = tg.grad(y.sum(), halves), tg.grad(exact_y.sum(), exact)
    assert_close(slope, exact_slope, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["fmod", "logaddexp2", "fmax", "fmin", "heaviside"])
def test_functions_of_two_numbers(name):
    for a, b in ((X, Y), (X, 2.0), (X, X[:, :1] + 3), (HOLES, Y)):
        assert_close(getattr(tg, name)(a, b), getattr(np, name)(a, b), rtol=1e-12)


def test_functions_of_integers():
    a, b = np.array([12, -18, 0, 7, 0], "int32"), np.array([18, 12, 5, 0, 0], "int32")
    assert_close(tg.gcd(a, b), np.gcd(a, b))
    assert_close(tg.lcm(a, b), np.lcm(a, b))
    assert_close(tg.fmod(a, 5), np.fmod(a, 5))
    assert_close(tg.ldexp(X, np.array([0, 1, 2, -1, 3])), np.ldexp(X, [0, 1, 2, -1, 3]))
    assert tg.gcd(a, b).dtype == tg.int32
    with pytest.raises(DTypeError, match="bits of integers"):
        tg.gcd(X, X)


def test_error_functions_keep_their_digits():
    x = np.array([-3.0, -0.5, 0.0, 1e-9, 0.7, 2.0, 5.0, 20.0])
    assert_close(tg.erfc(x), [math.erfc(one) for one in x], rtol=1e-13)
    assert_close(tg.erfc(x).astype("float32"), tg.erfc(x.astype("float32")), rtol=1e-6)
    shares = np.array([0.0, 1e-9, -0.3, 0.5, 0.999999, -1 + 1e-12])
    normal = statistics.NormalDist()
    assert_close(tg.erfinv(shares[2:5]), [normal.inv_cdf((1 + s) / 2) / math.sqrt(2) for s in shares[2:5]], rtol=1e-9)
    assert_close(tg.erf(tg.erfinv(shares)), shares, rtol=1e-14)
    assert_close(tg.erfc(-tg.erfinv(shares[-1:])), 1 + shares[-1:], rtol=1e-12, atol=0)
    assert_close(tg.erfinv([1.0, -1.0, 1.5]), [math.inf, -math.inf, math.nan])
    assert_close(tg.rsqrt(np.array([4.0, 0.25])), [0.5, 2])


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
@pytest.mark.parametrize("axis", [None, 0, (0, 1), -1])
def test_quantiles(method, axis):
    for q in (0.3, [0, 0.25, 0.8, 1]):
        for keepdims in (False, True):
            options = {"axis": axis, "keepdims": keepdims, "method": method}
            assert_close(tg.quantile(X, q, **options), np.quantile(X, q, **options), rtol=1e-12)
            assert_close(tg.nanquantile(HOLES, q, **options), np.nanquantile(HOLES, q, **options), rtol=1e-12)


def test_medians_and_what_has_none():
    assert_close(tg.median([4, 1, 3, 2]), 2)
    assert_close(tg.median(X, axis=1), np.quantile(X, 0.5, 1, method="lower"))
    assert_close(tg.median(HOLES, axis=1), [math.nan] * 3)
    assert_close(tg.nanmedian(HOLES, axis=1)[1:], np.nanquantile(HOLES[1:], 0.5, 1, method="lower"))
    assert tg.median(tg.zeros(0)).isnan().item()
    with pytest.raises(OptionError, match="'middle' is not one of 'linear'"):
        tg.quantile(X, 0.5, method="middle")
    with pytest.raises(OptionError, match=r"q=\[0.5, 1.1\] must be from 0 to 1"):
        tg.quantile(X, [0.5, 1.1])


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"])
def test_totals_without_what_is_nan(name):
    for axis, keepdims in ((None, False), (0, True), ((0, 1), False)):
        expected = getattr(np, name)(HOLES, axis=axis, keepdims=keepdims)
        assert_close(getattr(tg, name)(HOLES, axis, keepdims), expected, rtol=1e-12)
    nothing = getattr(tg, name)(HOLES[:1], 1).item()
    assert nothing == {"nansum": 0, "nanprod": 1}.get(name) or math.isnan(nothing)
    assert_close(getattr(tg, name)([1, 2, 3]), getattr(np, name)([1, 2, 3]), rtol=1e-6)


def test_places_and_running_totals_without_what_is_nan():
    assert_close(tg.nanargmax(HOLES[1:], 1), np.nanargmax(HOLES[1:], 1))
    assert_close(tg.nanargmin(HOLES), np.nanargmin(HOLES))
    assert_close(tg.nanargmax(HOLES, 1)[0], -1)
    assert_close(tg.nancumsum(HOLES, 1), np.nancumsum(HOLES, 1))
    assert_close(tg.nancumprod(HOLES, 1), np.nancumprod(HOLES, 1))


def test_counts():
    x = np.array([0, 3, 3, 1])
    assert_close(tg.bincount(x), np.bincount(x))
    assert_close(tg.bincount(x, X[0, :4], 6), np.bincount(x, X[0, :4], 6))
    assert tg.bincount(x).dtype == tg.int64
    assert tg.bincount(np.zeros(0, int), minlength=2).tolist() == [0, 0]
    for bins, between in ((4, None), (3, (-1.0, 1.0)), (5, (2.0, 2.0))):
        for found, expected in zip(tg.histogram(X, bins, between), np.histogram(X, bins, between), strict=True):
            assert_close(found, expected, rtol=1e-12)
    assert_close(tg.digitize(X, [-1.0, 0.0, 1.0]), np.digitize(X, [-1.0, 0.0, 1.0]))
    assert_close(tg.digitize(np.array([0.0, 1.0]), [0.0, 1.0], right=True), [0, 1])
    with pytest.raises(DTypeError, match="counts integers"):
        tg.bincount(X[0])


@pytest.mark.host_only
def test_counts_look_at_what_they_count():
    with pytest.raises(RangeError, match="-1 is out of range"):
        tg.bincount([1, -1])


@pytest.mark.host_only
def test_counts_and_transforms_in_compiled_functions():
    x = np.array([0, 3, 3, 1])
    assert tg.compile(lambda x: tg.bincount(x, minlength=5))(tg.tensor(x)).tolist() == [1, 1, 0, 2, 0]
    with pytest.raises(CompileError, match="largest number"):
        tg.compile(tg.bincount)(tg.tensor(x))
    step, expected = tg.compile(fourier.fft), np.fft.fft(X + 1j * Y)
    for real, imag in (step(tg.tensor(X), tg.tensor(Y)), step(tg.tensor(X), tg.tensor(Y))):
        assert_close(real, expected.real, atol=1e-12)
        assert_close(imag, expected.imag, atol=1e-12)


def test_means_correlations_and_integrals():
    weights = np.abs(Y)
    assert_close(tg.average(X, 1), np.average(X, 1))
    assert_close(tg.average(X, 1, weights), np.average(X, 1, weights))
    assert_close(tg.average(X, 0, weights[:, 0]), np.average(X, 0, weights[:, 0]))
    assert_close(tg.ptp(X, 0, keepdims=True), np.ptp(X, 0, keepdims=True))
    assert_close(tg.corrcoef(X), np.corrcoef(X), rtol=1e-12)
    assert tg.corrcoef(X[0]).shape == ()
    for options in ({}, {"dx": 0.5}, {"x": Y}, {"axis": 0, "x": [0.0, 1.0, 3.0]}):
        assert_close(tg.trapezoid(X, **options), np.trapezoid(X, **options), rtol=1e-12)
    with pytest.raises(ShapeError, match="weights of the shape"):
        tg.average(X, weights=[1.0, 2.0])


@pytest.mark.parametrize("n", [None, 1, 4, 5, 6, 9])
def test_transforms_of_real_numbers(n):
    for axis in (-1, 0):
        real, imag = fourier.rfft(X, n, axis)
        expected = np.fft.rfft(X, n, axis)
        assert_close(real, expected.real, atol=1e-12)
        assert_close(imag, expected.imag, atol=1e-12)
        assert_close(fourier.irfft(X, Y, n, axis), np.fft.irfft(X + 1j * Y, n, axis), atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_transforms(axis):
    for name in ("fft", "ifft"):
        expected = getattr(np.fft, name)(X + 1j * Y, axis=axis)
        real, imag = getattr(fourier, name)(X, Y, axis)
        assert_close(real, expected.real, atol=1e-12)
        assert_close(imag, expected.imag, atol=1e-12)
    assert fourier.fft(X.astype("float32"))[0].dtype == tg.float32
    with pytest.raises(ShapeError, match="one shape"):
        fourier.fft(X, Y[:2])
    with pytest.raises(ShapeError, match="axis is empty"):
        fourier.fft(tg.zeros(2, 0))
