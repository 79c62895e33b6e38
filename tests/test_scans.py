"""Running totals, products and recurrences as loops: NumPy's numbers to the last bit, along any axis, however the array lies."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import source
from tinygrad_ml.functional import cumulative
from tinygrad_ml.kernels import loops, scans
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import again, calling

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]


@pytest.fixture(params=[1, 3], ids=["alone", "three threads"])
def small_ones_too(request, monkeypatch):
    monkeypatch.setattr(loops, "MANY_ELEMENTS", 1)
    monkeypatch.setattr(again, "WORTH_SHARING", 1)
    monkeypatch.setattr(source, "SHARED_LOOP_ELEMENTS", 0)
    for module in (again, calling):
        monkeypatch.setattr(module, "threads", lambda: request.param)


def views(dtype):
    """Arrays that lie in many ways, with numbers near 1, and a few that are none."""
    x = (1 + 0.1 * np.random.default_rng(0).standard_normal((6, 9, 70))).astype(dtype)
    x[1, 2, 3], x[0, 0, 5], x[5, 8, 0], x[2, 2, 2] = np.nan, np.inf, -np.inf, 0
    yield from (
        x,
        x[0],
        x[0, 0],
        x[..., :3],
        np.flip(x, 1),
        np.flip(x, (0, 2)),
        x[:, ::2],
        x.T,
        x.swapaxes(0, 1)[:, 1:],
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpys_numbers(small_ones_too, dtype):
    with np.errstate(all="ignore"):
        for x in views(dtype):
            for axis in range(x.ndim):
                total, product = scans.running_total(x, axis), scans.running_product(x, axis)
                np.testing.assert_array_equal(total, np.cumsum(x, axis, dtype="float64").astype(dtype))
                np.testing.assert_array_equal(product, np.cumprod(x, axis))
                assert total.dtype == product.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_recurrences(small_ones_too, dtype, monkeypatch):
    """yₖ = xₖ + aₖ₋₁·yₖ₋₁, as a loop and as NumPy computes it; the last factor counts nowhere, and an infinite one only behind its place."""
    for x, a in zip(views(dtype), views(dtype), strict=True):
        x = np.where(np.isfinite(x), x, 2).astype(dtype)
        for axis in range(x.ndim):
            found = scans.recurrence(x, a, axis)
            y, factors, expected = (np.moveaxis(z, axis, 0).astype("float64") for z in (x, a, x))
            with np.errstate(all="ignore"):
                for i in range(1, len(y)):
                    expected[i] += factors[i - 1] * expected[i - 1]
            np.testing.assert_allclose(
                np.moveaxis(found, axis, 0), expected, rtol=1e-6 if dtype == "float32" else 1e-12
            )
            with monkeypatch.context() as patch, np.errstate(all="ignore"):
                patch.setattr(scans, "recurrence", lambda *_: None)
                composed = cumulative.recurrence_row(x, a, axis=axis)
            here = np.isfinite(found)
            np.testing.assert_allclose(composed[here], found[here], rtol=1e-4 if dtype == "float32" else 1e-10)


def test_no_numbers_and_small_ones_are_numpys():
    for x in (np.ones(3, "float32"), np.ones((0, 4), "float32"), np.ones((300, 300), "int64")):
        assert scans.running_total(x, 0) is None
    for shape in ((0,), (3, 0), (0, 3)):
        assert tg.cumulative_sum(tg.zeros(*shape), axis=0).shape == shape
        assert tg.compile(lambda x: tg.cumulative_sum(x, axis=0))(tg.zeros(*shape)).shape == shape


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8"])
def test_compiled_steps_have_the_same_numbers(small_ones_too, dtype):
    r = np.random.default_rng(0)
    x = tg.tensor((10 * r.random((5, 12, 40))).astype(dtype))
    for name in ("cumulative_sum", "cumulative_prod"):
        scan = getattr(tg, name)
        functions = [lambda x, axis=axis, scan=scan: scan(x, axis=axis) for axis in range(3)]
        functions += [
            lambda x, scan=scan: scan(x[:, :, 0].T, axis=0),
            lambda x, scan=scan: scan(x.flip(1), axis=1).flip(1),
            lambda x, scan=scan: scan(x[..., 3::2], axis=1, include_initial=True),
        ]
        for function in functions:
            step = tg.compile(function)
            np.testing.assert_array_equal(step(x).numpy(), function(x).numpy())
            if dtype in ("float32", "float64", "int64"):
                assert f"# {name}" in step.source
        neither = lambda x, scan=scan: scan(x.swapaxes(0, 2), axis=0)  # noqa: E731 the neighbours are not one axis
        np.testing.assert_array_equal(tg.compile(neither)(x).numpy(), neither(x).numpy())


def test_gradients(small_ones_too):
    r = np.random.default_rng(0)
    for scan in (tg.cumulative_sum, tg.cumulative_prod):
        for axis in (0, 1):
            numbers = 1 + 0.1 * r.standard_normal((4, 30))
            numbers[0, 3] = numbers[0, 7] = numbers[2, 29] = numbers[3, 0] = 0
            x = tg.tensor(numbers, requires_grad=True)
            assert tg.gradcheck(lambda x, scan=scan, axis=axis: scan(x, axis=axis), x, order=2)

            def slope(x, scan=scan, axis=axis):
                x = x.detach()
                x.requires_grad = True
                return tg.grad((scan(x, axis=axis) ** 2).sum(), x)[0]

            step = tg.compile(slope)
            np.testing.assert_allclose(slope(x).numpy(), step(x).numpy(), rtol=1e-12)
            assert ("# recurrence" in step.source) == (scan is tg.cumulative_prod)


def test_an_infinite_factor_gives_compiled_steps_the_same_gradients():
    """Halves of a chain may be ∞ and -∞, which the chain itself is not."""
    numbers = np.random.default_rng(0).standard_normal((300, 2))
    numbers[200] = np.inf, -np.inf

    def slope(x):
        x = x.detach()
        x.requires_grad = True
        return tg.grad(tg.cumulative_prod(x, axis=0).sum(), x)[0]

    for dtype in ("float32", "float64"):
        x = tg.tensor(numbers.astype(dtype))
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(slope(x).numpy(), tg.compile(slope)(x).numpy(), rtol=1e-4)


def test_threads_change_no_bit(monkeypatch):
    x = np.random.default_rng(0).standard_normal((300, 400)).astype("float32")
    found = []
    for count in (1, 2, 5):
        monkeypatch.setattr(again, "threads", lambda count=count: count)
        ways = [(y, axis) for y in (x, np.flip(x, 0)) for axis in (0, 1)]
        found.append([scan for way in ways for scan in (scans.running_total(*way), scans.running_product(*way))])
        found[-1] += [scans.recurrence(y, x / 9, axis) for y, axis in ways]
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
