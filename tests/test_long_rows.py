"""The softmax of long rows in eager mode, and their normalisation, as loops: the numbers of small ones, and of what is not finite."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.kernels import loops, rows
from tinygrad_ml.kernels import softmax as in_loops
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import again

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]
PAIRS = [(rows.softmax, rows.softmax_gradient), (rows.log_softmax, rows.log_softmax_gradient)]


def both(monkeypatch, function, *arrays):
    """What a function gives by loops, however few numbers there are, and by NumPy."""
    monkeypatch.setattr(loops, "MANY_ELEMENTS", 1)
    assert in_loops.worth((arrays[0].ndim - 1,), *arrays)
    (found,) = function(*arrays)
    monkeypatch.setattr(loops, "MANY_ELEMENTS", 1 << 60)
    (expected,) = function(*arrays)
    return found, expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 64), (7, 100), (2, 3, 600), (3, 5000)])
def test_numpys_numbers(monkeypatch, dtype, shape):
    r = np.random.default_rng(0)
    x, g = (10 * r.standard_normal(shape).astype(dtype) for _ in range(2))
    x[0] += 1e4  # overflows in no exponential
    near = {"rtol": 2e-6 if dtype == "float32" else 1e-12, "atol": 4e-5 if dtype == "float32" else 1e-10}
    axis = (x.ndim - 1,)
    for value, gradient in PAIRS:
        found, expected = both(monkeypatch, lambda x, value=value: value(x, axis), x)
        np.testing.assert_allclose(found, expected, **near)
        share, expected = both(monkeypatch, lambda g, y, f=gradient: f(g, x, y, axis, (0,)), g, found)
        np.testing.assert_allclose(share, expected, **near)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 64), (7, 100), (2, 3, 600), (3, 5000)])
def test_normalised_rows(monkeypatch, dtype, shape):
    r = np.random.default_rng(1)
    x, g = (r.standard_normal(shape).astype(dtype) * 3 + 1 for _ in range(2))
    x[0, ..., :] = 2  # what does not vary is divided by √eps
    axis, near = (x.ndim - 1,), {"rtol": 0, "atol": 2e-6 if dtype == "float32" else 1e-13}
    (y, scale), expected = (rows.standardised(x, axis, 1e-3) for _ in both_ways(monkeypatch, x))
    assert scale.shape == expected[1].shape and scale.dtype == dtype
    np.testing.assert_allclose(y, expected[0], **near)
    np.testing.assert_allclose(scale, expected[1], rtol=near["atol"])
    (share,), (other,) = (rows.standardised_gradient(g, x, y, scale, axis, (0,)) for _ in both_ways(monkeypatch, y, g))
    np.testing.assert_allclose(share, other, rtol=0, atol=near["atol"] * scale.max())


def both_ways(monkeypatch, *arrays):
    """Twice: first loops are worth it, and then they are not."""
    for size in (1, 1 << 60):
        monkeypatch.setattr(loops, "MANY_ELEMENTS", size)
        assert in_loops.worth((arrays[0].ndim - 1,), *arrays) == (size == 1)
        yield size


def test_infinities_and_nan(monkeypatch):
    x = np.zeros((6, 80), np.float32)
    x[1, 3], x[2, 4], x[3], x[4, 5], x[5, 1:] = np.inf, -np.inf, -np.inf, np.nan, -np.inf
    with np.errstate(all="ignore"):
        for value, _ in PAIRS:
            found, expected = both(monkeypatch, lambda x, value=value: value(x, (1,)), x)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_threads_change_no_bit(monkeypatch):
    x, found = np.random.default_rng(0).standard_normal((300, 700)).astype("float32"), []
    for count in (1, 2, 5):
        monkeypatch.setattr(again, "threads", lambda count=count: count)
        y, scale = rows.standardised(x, (1,), 1e-5)
        found.append(
            [in_loops.run(in_loops.SOFTMAX, x), y, scale, *rows.standardised_gradient(x, x, y, scale, (1,), (0,))]
        )
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_gradients_of_gradients_are_those_of_the_operations(monkeypatch):
    monkeypatch.setattr(loops, "MANY_ELEMENTS", 1)
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 64)), requires_grad=True)
    for function in (tg.softmax, tg.log_softmax, lambda x: tg.nn.functional.layer_norm(x, (64,))):
        assert tg.gradcheck(lambda x, function=function: function(x)[:, :5], x, order=2)


@pytest.mark.parametrize("n", [64, 65, 66, 100, 127, 128])
def test_what_is_left_of_short_rows(n):
    """Behind whole registers a row is done to its end, and not further."""
    x = np.random.default_rng(0).standard_normal((1200, n)).astype("float32")
    exact = np.exp(x.astype("float64") - x.max(1, keepdims=True))
    exact /= exact.sum(1, keepdims=True)
    np.testing.assert_allclose(tg.softmax(tg.tensor(x), 1).numpy(), exact, rtol=1e-6)
    np.testing.assert_allclose(tg.log_softmax(tg.tensor(x), 1).numpy(), np.log(exact), rtol=1e-5, atol=1e-6)
