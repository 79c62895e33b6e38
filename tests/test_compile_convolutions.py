"""Convolutions as machine code: no windows are laid out, and the numbers are those of eager mode, whoever computes them."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.machine.products import plan, windows
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not plan.register(), reason="needs llvmlite, OpenBLAS and a processor with AVX2"),
]

RESULT, IMAGE, WEIGHT = "the result", "the image's gradient", "the weight's gradient"
CASES = {
    # words: (shape of x, shape of the weight, options), which of the three lay no windows out
    "3 x 3": ((4, 8, 16, 16), (12, 8, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "without padding": ((4, 8, 16, 16), (12, 8, 3, 3), {}, (RESULT, IMAGE, WEIGHT)),
    "long lines": ((3, 9, 5, 130), (70, 9, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "lines longer than a block": ((1, 4, 3, 400), (12, 4, 3, 3), {"padding": 1}, (RESULT, IMAGE)),
    "images of a vector each": ((7, 24, 4, 4), (70, 24, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "images of half a vector": ((9, 24, 2, 4), (70, 24, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "nothing divides": ((5, 7, 13, 11), (9, 7, 3, 5), {"padding": (1, 2)}, (RESULT, IMAGE, WEIGHT)),
    "more places than a block": ((2, 50, 6, 6), (5, 50, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "three channels": ((9, 3, 20, 33), (21, 3, 3, 3), {"padding": 1}, (RESULT, IMAGE, WEIGHT)),
    "one channel": ((16, 1, 28, 28), (8, 1, 5, 5), {}, (RESULT, IMAGE, WEIGHT)),
    "dilated": ((4, 8, 20, 20), (12, 8, 3, 3), {"padding": 2, "dilation": 2}, (RESULT, IMAGE, WEIGHT)),
    "in groups": ((4, 16, 12, 12), (20, 4, 3, 3), {"padding": 1, "groups": 4}, (RESULT, IMAGE, WEIGHT)),
    "stride 2": ((4, 8, 20, 20), (20, 8, 3, 3), {"padding": 1, "stride": 2}, (RESULT, WEIGHT)),
    "stride 2, many channels": ((3, 24, 22, 38), (90, 24, 3, 3), {"stride": 2}, (RESULT, WEIGHT)),
    "stride 3": ((4, 8, 30, 30), (20, 8, 3, 3), {"stride": 3}, (WEIGHT,)),
    "each channel by itself": ((5, 16, 12, 21), (16, 1, 3, 3), {"padding": 1, "groups": 16}, (RESULT, IMAGE, WEIGHT)),
    "each channel by itself, stride 2": ((5, 6, 20, 37), (6, 1, 5, 5), {"stride": 2, "groups": 6}, (RESULT, WEIGHT)),
    "each channel gives two": ((5, 16, 12, 12), (32, 1, 3, 3), {"padding": 1, "groups": 16}, (RESULT, IMAGE, WEIGHT)),
    "each channel of two": ((5, 16, 12, 12), (8, 2, 3, 3), {"padding": 1, "groups": 8}, (RESULT, IMAGE, WEIGHT)),
    "places in one line": ((4, 8, 20, 20), (20, 8, 1, 5), {"padding": (0, 2)}, (RESULT, IMAGE, WEIGHT)),
    "1 x 1": ((5, 16, 20, 20), (20, 16, 1, 1), {}, (WEIGHT,)),
    "1 x 1, small images": ((33, 16, 2, 4), (20, 16, 1, 1), {}, None),  # small is less than a panel has
}
REWRITTEN = {RESULT: "= convolution(", IMAGE: "= convolution(", WEIGHT: "= weight_gradient("}


@pytest.fixture(autouse=True)
def everything_is_worth_it(monkeypatch):
    monkeypatch.setattr(windows, "WORTH_MULTIPLICATIONS", 1)


@pytest.fixture(params=[64, 32], ids=["AVX-512", "AVX2"])
def register(request, monkeypatch):
    """The width of the vectors; a processor with wide ones can do narrow ones too."""
    if request.param > plan.register():
        pytest.skip("not on this processor")
    monkeypatch.setattr(plan, "register", lambda: request.param)


def functions(options):
    """The three, as functions of x, weight and the gradient of the result."""

    def convolve(x, w):
        return F.conv2d(x, w, **options)

    return {
        RESULT: lambda x, w, g: convolve(x.detach(), w.detach()),
        IMAGE: lambda x, w, g: tg.grad(convolve(x, w.detach()), x, g)[0],
        WEIGHT: lambda x, w, g: tg.grad(convolve(x.detach(), w), w, g)[0],
    }


def given(shape, weight, options, dtype="float64"):
    random = np.random.default_rng(0)
    x, w = (tg.tensor(random.standard_normal(s).astype(dtype), requires_grad=True) for s in (shape, weight))
    g = tg.tensor(random.standard_normal(F.conv2d(x, w, **options).shape).astype(dtype))
    return x, w, g


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("words", CASES)
def test_as_in_eager_mode_without_windows(words, dtype, register):
    shape, weight, options, without = CASES[words]
    arguments = given(shape, weight, options, dtype)
    for what, function in functions(options).items():
        compiled = tg.compile(function)
        expected, found = function(*arguments).numpy(), compiled(*arguments).numpy()
        bound = 40 * np.finfo(dtype).eps * abs(expected).max()
        assert abs(found - expected).max() <= bound, what
        assert without is None or (REWRITTEN[what] in compiled.source) == (what in without), what


@pytest.mark.parametrize(
    "words", ["3 x 3", "images of a vector each", "in groups", "one channel", "stride 2", "each channel by itself"]
)
def test_threads_change_no_bit(words, monkeypatch):
    shape, weight, options, _ = CASES[words]
    arguments = given(shape, weight, options, "float32")
    monkeypatch.setattr(windows, "SHARED_PRODUCT_MULTIPLICATIONS", 1)
    monkeypatch.setattr(windows, "BLOCK_BYTES", 1 << 14)  # so that a sum over the batch is cut
    results = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(calling, "threads", lambda threads=threads: threads)
        results.append([tg.compile(f)(*arguments).numpy() for f in functions(options).values()])
    for others in results[1:]:
        assert all((alone == shared).all() for alone, shared in zip(results[0], others, strict=True))


@pytest.mark.parametrize("words", ["3 x 3", "stride 2", "dilated", "in groups", "each channel by itself"])
def test_second_derivatives(words):
    shape, weight, options, _ = CASES[words]

    def penalty(x, w):
        (slope,) = tg.grad((F.conv2d(x, w, **options) ** 3).mean(), x, create_graph=True)
        return tg.grad((slope * slope).sum(), [x, w])

    x, w, _ = given(shape, weight, options)
    for found, expected in zip(tg.compile(penalty)(x, w), penalty(x, w), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10, atol=1e-14)


def test_images_that_do_not_lie_in_order():
    random = np.random.default_rng(0)
    weight = tg.tensor(random.standard_normal((12, 8, 3, 3)))
    image = tg.tensor(random.standard_normal((2, 20, 20, 16)))

    def convolve(x):
        every_second = x.permute_dims((0, 3, 1, 2))[:, ::2]
        across = x[:, :, ::2].permute_dims((0, 3, 1, 2))[:, :8]
        return (
            F.conv2d(every_second, weight),
            F.conv2d(across, weight),
            F.conv2d(x.reshape(2, 16, 20, 20)[:, 8:], weight),
        )

    for found, expected in zip(tg.compile(convolve)(image), convolve(image), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)


def test_windows_that_others_need_are_laid_out():
    """Unfolded windows are a result of their own; the product with them needs none."""
    x, w, _ = given((2, 8, 12, 12), (12, 8, 3, 3), {})

    def both(x, w):
        columns = F.unfold(x, 3)
        return columns, F.conv2d(x, w)

    for found, expected in zip(tg.compile(both)(x, w), both(x, w), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)


def test_a_long_sum_keeps_its_digits():
    """The weight's gradient adds up half a million products; their mean is not 0."""
    random = np.random.default_rng(0)
    x = tg.tensor(random.random((128, 4, 64, 64), dtype=np.float32))
    g = tg.tensor(random.random((128, 4, 62, 62), dtype=np.float32))
    w = tg.tensor(np.zeros((4, 4, 3, 3), np.float32), requires_grad=True)
    found = tg.compile(lambda x, w, g: tg.grad(F.conv2d(x, w), w, g)[0])(x, w, g).numpy()
    seen = np.lib.stride_tricks.sliding_window_view(x.numpy().astype(float), (62, 62), (2, 3))
    exact = np.einsum("ncklhw,nohw->ockl", seen, g.numpy().astype(float), optimize=True)
    assert abs(found / exact - 1).max() < 2e-6
