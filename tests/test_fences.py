"""Machine code touches nothing beside the arrays that it is given: they lie beside pages which nobody may touch.

Where one is touched the process is gone: so each program runs in one of its own, which says before each case what it is about.
"""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llvmlite", reason="needs llvmlite: tinygrad_ml[fast]")
pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(sys.platform != "linux", reason="pages are fenced as Linux does it"),
]

COMMON = """
import numpy as np
import tinygrad_ml as tg
from fenced import fenced
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

random = np.random.default_rng(0)

def floats(*shape, dtype=np.float32):
    return random.standard_normal(shape).astype(dtype)

def check(function, *arrays, **about):
    \"\"\"`function` with its gradients, eagerly and compiled, of arrays at either end of their pages.\"\"\"
    def both(*xs):
        y = function(*xs)
        wanted = [x for x in xs if x.requires_grad]
        return (y, *tg.grad((y * y).sum(), wanted, allow_unused=True))
    for end in (True, False):
        print(about, [x.shape for x in arrays], "end" if end else "beginning", flush=True)
        xs = [tg.asarray(fenced(x, end), copy=False) for x in arrays]
        for x in xs:
            x.requires_grad = x.dtype.kind == "f"
        for found, expected in zip(tg.compile(both)(*xs), both(*xs), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-3, 1e-3)
"""

PROGRAMS = {
    "products": """
for m, k, n in [(1, 1, 1), (3, 7, 5), (8, 64, 33), (16, 65, 17), (31, 100, 50), (100, 513, 63), (65, 16, 129)]:
    for turned in ((), ("a",), ("b",)):
        a = floats(k, m).T if "a" in turned else floats(m, k)
        b = floats(n, k).T if "b" in turned else floats(k, n)
        check(lambda a, b: (a @ b).tanh(), a, b, turned=turned)
""",
    "convolutions": """
for channels, out, size, stride, padding in [
    ((1), 3, (5, 5), 1, 0), (3, 8, (8, 9), 1, 1), (16, 17, (7, 13), 1, 1), (4, 6, (9, 9), 2, 1), (8, 16, (17, 16), 1, 1)
]:
    for kernel in (1, 3, 5):
        x, w = floats(4, channels, *size), floats(out, channels, kernel, kernel) / kernel
        check(lambda x, w: F.conv2d(x, w, stride=stride, padding=padding), x, w, stride=stride, padding=padding)
for size in [(4, 4), (7, 9), (16, 17)]:
    for pool in (F.max_pool2d, F.avg_pool2d):
        check(lambda x: pool(x.tanh(), 2), floats(3, 5, *size), pool=pool.__name__)
""",
    "rows and walks": """
for shape in [(1, 1), (3, 5), (7, 16), (5, 17), (9, 31), (4, 64), (3, 100), (2, 1000), (65, 33)]:
    for dtype in (np.float32, np.float64):
        x, y = floats(*shape, dtype=dtype), floats(*shape, dtype=dtype)
        check(lambda x: x.softmax(-1) * 2, x)
        check(lambda x, y: (x * y).exp().tanh() + x.sum(axis=0), x, y)
        check(lambda x: ((x - x.mean(axis=-1, keepdims=True)) ** 2).mean(axis=-1), x)
        check(lambda x: x.cumulative_sum(-1) * 0.1, x)
        check(lambda x, y: x.mT + y.max(axis=-1, keepdims=True), x, floats(shape[1], shape[0], dtype=dtype))
        check(lambda x: tg.sort(x, axis=-1) * tg.sort(x, axis=-1, descending=True), x)
""",
    "places": """
for rows, columns, count in [(1, 1, 1), (5, 3, 7), (10, 16, 100), (33, 17, 64), (7, 1, 129), (65, 100, 9)]:
    table, ids = floats(rows, columns), random.integers(0, rows, count)
    check(lambda t, i: F.embedding(i, t).tanh(), table, ids)
    check(lambda t, i: t[i] * t[i, :1], table, ids)
    check(lambda t, i: tg.take_along_axis(t.softmax(-1), i.expand_dims(1) % columns, axis=1),
          floats(count, columns), random.integers(0, columns, count))
    check(lambda t, y: F.cross_entropy(t, y), floats(count, columns), random.integers(0, columns, count))
""",
    "attention": """
for places, width in [(4, 3), (17, 16), (300, 33)]:
    q, k, v = (floats(2, places, width) for _ in range(3))
    check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), q, k, v)
""",
}


def run(program: str) -> subprocess.CompletedProcess:
    here = Path(__file__).parent
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n{COMMON}{program}"],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_beside_arrays_is_touched(program):
    done = run(PROGRAMS[program])
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]}\n{done.stderr[-2000:]}"


def test_fences_hold():
    """A program that reads one number too many is stopped."""
    beside = "x = fenced(floats(4, 5), True)\nprint(np.lib.stride_tricks.as_strided(x, (21,), (4,)).sum())"
    before = "x = fenced(floats(4, 5), False)\nimport ctypes\nprint(ctypes.string_at(x.ctypes.data - 1, 1))"
    assert run(beside).returncode < 0 and run(before).returncode < 0
