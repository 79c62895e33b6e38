"""Max pooling as machine code: no windows are laid out, and the numbers are those of eager mode."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite"),
]

FORWARD, BACKWARD = "# max_pool\n", "# max_pool_gradient\n"
CASES = {
    # words: (shape of x, size of a window, options), whether result and gradient are one loop each
    "2 x 2": ((3, 5, 12, 16), 2, {}, (True, True)),
    "3 x 2, long lines": ((2, 3, 9, 130), (3, 2), {}, (True, True)),
    "4 x 4": ((2, 3, 16, 24), 4, {}, (True, True)),
    "what is left over at the edges": ((2, 3, 13, 17), 2, {}, (True, False)),
    "in zeros": ((2, 3, 14, 14), 2, {"padding": 1}, (True, True)),
    "windows that overlap": ((2, 3, 12, 12), 3, {"stride": 2}, (False, False)),
    "a window for all": ((2, 3, 4, 4), 4, {}, (False, False)),
}


def images(shape, dtype="float32"):
    """With many equal numbers, so that some tie."""
    return np.random.default_rng(0).integers(-3, 4, shape).astype(dtype)


def both(window, options):
    def function(x):
        y = F.max_pool2d(x, window, **options)
        (slope,) = tg.grad((y * y * 0.5 + y).sum(), x)
        return y.detach(), slope

    return function


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("words", CASES)
def test_as_in_eager_mode_without_windows(words, dtype):
    shape, window, options, loops = CASES[words]
    x, function = tg.tensor(images(shape, dtype), requires_grad=True), both(window, options)
    compiled = tg.compile(function)
    for found, expected in zip(compiled(x), function(x), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=4 * np.finfo(dtype).eps)
    assert (FORWARD in compiled.source, BACKWARD in compiled.source) == loops


def test_numbers_that_are_none():
    x = images((2, 3, 8, 16))
    x[0, 0, 3, 4], x[1, 1, 0], x[1, 2, 7, 15] = np.nan, np.inf, -np.inf
    x = tg.tensor(x, requires_grad=True)
    for found, expected in zip(tg.compile(both(2, {}))(x), both(2, {})(x), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_threads_change_no_bit(monkeypatch):
    x = tg.tensor(np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype("float32"), requires_grad=True)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(calling, "threads", lambda threads=threads: threads)
        results.append([y.numpy() for y in tg.compile(both(2, {}))(x)])
    assert all((a == b).all() for others in results[1:] for a, b in zip(results[0], others, strict=True))


def test_second_derivatives():
    def twice(x, w):
        (slope,) = tg.grad((F.max_pool2d(x * w, 2) ** 3).sum(), x, create_graph=True)
        return tg.grad((slope * slope).sum(), [x, w])

    random = np.random.default_rng(0)
    x, w = (tg.tensor(random.standard_normal((2, 3, 8, 8)), requires_grad=True) for _ in range(2))
    for found, expected in zip(tg.compile(twice)(x, w), twice(x, w), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_what_else_looks_at_windows():
    """What is no pooling stays as it is: another maximum over windows, and windows that somebody else wants."""

    def others(x):
        columns = F.unfold(x, 2, stride=2)
        return columns.max(axis=1), F.max_pool2d(x, 2), columns

    x = tg.tensor(images((2, 3, 8, 8)))
    for found, expected in zip(tg.compile(others)(x), others(x), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
