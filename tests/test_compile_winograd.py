"""Convolutions of 3 by 3 by tiles: fewer multiplications, numbers as near to the exact ones, and the same for any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu.convolutions import CONVOLUTION, WEIGHT_GRADIENT
from tinygrad_ml.machine.products import fewer, plan, windows
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not plan.register(), reason="needs llvmlite, OpenBLAS and a processor with AVX2"),
]

SAID = ", by tiles"


def arrays(batch, channels, out, height, width, padding, dtype="float32", seed=0):
    random = np.random.default_rng(seed)
    shapes = (batch, channels, height, width), (out, channels, 3, 3)
    x, w = (tg.tensor(random.standard_normal(shape).astype(dtype), requires_grad=True) for shape in shapes)
    g = random.standard_normal((batch, out, height + 2 * padding - 2, width + 2 * padding - 2))
    return x, w, tg.tensor(g.astype(dtype))


def everything(padding):
    """The result, and its gradients."""

    def both(x, w, g):
        y = F.conv2d(x, w, padding=padding)
        return (y.detach(), *tg.grad(y, [x, w], g))

    return both


def check(compiled, arguments, function):
    """Whether numbers are as near to those of float64, to rounding in the dtype given, as sums of so many terms can be."""
    exact = [
        y.numpy() for y in function(*(tg.tensor(x.numpy().astype("float64"), requires_grad=True) for x in arguments))
    ]
    for found, expected in zip(compiled(*arguments), exact, strict=True):
        bound = 16 * np.finfo(found.dtype).eps * max(abs(expected).max(), 1)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=bound)


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 36),
    st.integers(1, 70),
    st.integers(2, 18),
    st.integers(2, 34),
    st.integers(0, 1),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([32, 64]),
)
def test_any_shape(batch, channels, out, height, width, padding, dtype, register):
    widest = plan.register()
    with pytest.MonkeyPatch.context() as patch:
        for room in (fewer, windows):
            patch.setattr(room, "SHARED_PRODUCT_MULTIPLICATIONS", 1)
        patch.setattr(windows, "WORTH_MULTIPLICATIONS", 1)
        patch.setattr(fewer, "FEWEST_CHANNELS", 1)
        patch.setattr(fewer, "TILES_BYTES", 1 << 15)  # several blocks
        patch.setattr(plan, "register", lambda: min(register, widest))
        function = everything(padding)
        arguments = arrays(batch, channels, out, height + 1, width + 1, padding, dtype)
        compiled = tg.compile(function)
        check(compiled, arguments, function)
        patch.setattr(calling, "threads", lambda: 3)
        for alone, shared in zip(compiled(*arguments), tg.compile(function)(*arguments), strict=True):
            assert (alone.numpy() == shared.numpy()).all()


@pytest.mark.parametrize("out", [20, 40, 64, 112])
def test_any_number_of_vectors(out):
    """1, 2, 3, or 4 and 3 of 16 numbers or of 8: there are tiles for what is asked."""
    for dtype in ("float32", "float64"):
        arguments = arrays(2, 16, out, 6, 8, 1, dtype)
        compiled = tg.compile(everything(1))
        check(compiled, arguments, everything(1))
        assert SAID in compiled.source


def test_what_runs_by_tiles():
    def source(*shape, **options):
        x, w, _ = arrays(*shape)
        compiled = tg.compile(lambda x, w: F.conv2d(x, w, **options))
        compiled(x, w)
        return compiled.source

    assert SAID in source(4, 32, 32, 16, 16, 1, padding=1)
    assert SAID not in source(4, 32, 32, 16, 16, 1, padding=1, stride=2)
    assert SAID not in source(4, 32, 32, 16, 16, 1, padding=2, dilation=2)
    assert SAID not in source(4, 3, 32, 16, 16, 1, padding=1)
    assert "clear" in source(4, 3, 32, 16, 16, 1, padding=1)  # an image in zeros, which tiles do not need
    assert "clear" not in source(4, 32, 32, 16, 16, 1, padding=1)


def test_what_the_operations_are_in_numpy():
    """Zeros around images, and weights that are turned around, as machine code has them."""
    x, w, g = arrays(2, 5, 4, 6, 7, 1, "float64")
    y, *slopes = (array.numpy() for array in everything(1)(x, w, g))
    sight = windows.Sight((6, 7), (3, 3), (1, 1), (1, 1), 1, ((1, 1), (1, 1)))
    rows, flat = w.numpy().reshape(4, -1), g.numpy().reshape(2, 4, -1)
    for operation, a, image, seen, expected in (
        (CONVOLUTION, rows, x.numpy(), sight, y),
        (CONVOLUTION, rows, g.numpy(), sight._replace(turned=True), slopes[0]),
        (WEIGHT_GRADIENT, flat, x.numpy(), sight, slopes[1]),
    ):
        found = operation.value(np, a, image, seen)
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-12, atol=1e-12)
        assert operation.flops(found.shape, a.shape, image.shape) == 2 * 2 * 42 * 5 * 4 * 9


def test_errors_are_no_larger_than_those_of_plain_sums():
    function = everything(1)
    for shape in ((4, 64, 64, 16, 16), (2, 128, 128, 7, 7), (2, 16, 32, 32, 32)):
        arguments = arrays(*shape, 1)
        exact = function(*(tg.tensor(x.numpy().astype("float64"), requires_grad=True) for x in arguments))
        compiled = tg.compile(function)
        triples = zip(exact, function(*arguments), compiled(*arguments), strict=True)
        for right, plain, found in ([y.numpy() for y in triple] for triple in triples):
            assert abs(found - right).max() < 3 * abs(plain - right).max()
        assert SAID in compiled.source


def test_images_in_any_memory():
    """Lines that do not follow each other, and weights that lie otherwise, are computed all the same."""
    x, w, _ = arrays(2, 40, 24, 12, 30, 0)

    def parts(x, w):
        return F.conv2d(x[:, ::2, 1:10, 3:20], w[:, ::2]), F.conv2d(x[:, :20, ::2], w[:, 20:]), F.conv2d(x, w[::2])

    def turned(x, w):
        return (F.conv2d(x.permute_dims((0, 1, 3, 2)), w, padding=1), F.conv2d((x * 2)[:, :, ::2], w, padding=1))

    for function in (parts, turned):
        compiled = tg.compile(function)
        for found, expected in zip(compiled(x, w), function(x, w), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=2e-4)
    assert compiled.source.count(SAID) == 4  # weights and images of both


def test_a_long_sum_keeps_its_digits():
    """The weight's gradient adds up a hundred thousand products; their mean is not 0."""
    random = np.random.default_rng(0)
    x = tg.tensor(random.random((32, 16, 66, 66), dtype=np.float32))
    g = tg.tensor(random.random((32, 16, 64, 64), dtype=np.float32))
    w = tg.tensor(np.zeros((16, 16, 3, 3), np.float32), requires_grad=True)
    compiled = tg.compile(lambda x, w, g: tg.grad(F.conv2d(x, w), w, g)[0])
    found, wide = compiled(x, w, g).numpy(), g.numpy().astype(float).reshape(32, 16, -1)
    assert SAID in compiled.source
    for i, j in np.ndindex(3, 3):
        seen = x.numpy()[:, :, i : i + 64, j : j + 64].astype(float).reshape(32, 16, -1)
        exact = (wide @ seen.mT).sum(0)
        assert abs(found[:, :, i, j] / exact - 1).max() < 2e-6
