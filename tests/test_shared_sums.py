"""Sums over images, a channel each, are shared by threads; and these stay awake for as long as there may be more to do."""

import threading
import time

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.machine import machine_code
from tinygrad_ml.machine.sharing import calling
from tinygrad_ml.nn import functional as F

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not machine_code.available(), reason="needs llvmlite: tinygrad_ml[fast]"),
]

LONG = """# long
def loop(n, a: float64s):
    for i in range(n):
        a[0] = a[0] * float64(0.5) + float64(1.0)
"""


@pytest.mark.parametrize("arguments", [1, 2, 4, 5, 8, 9, 31, 33, 59])
def test_a_loop_is_called_with_all_of_its_arguments_and_for_each_share_of_its_rows(arguments):
    from tinygrad_ml.machine.sharing.stretch import Stretch

    names = [f"x{i}" for i in range(arguments - 1)]
    lines = ["a[0] = a[0] + n", *(f"a[{i + 1}] = a[{i + 1}] + {name} * n" for i, name in enumerate(names))]
    source = f"def loop(n, {', '.join([*names, 'a: int64s'])}):\n" + "\n".join(f"    {line}" for line in lines)
    found, code = np.zeros((2, arguments), np.int64), machine_code.machine_code(source).address
    numbers, (called, shared) = list(range(10, 10 + len(names))), found
    job = calling.rows(code, 5, [*((number, 100) for number in numbers), (shared.ctypes.data, 0)], 2)
    stretch = Stretch([calling.call(code, [5, *numbers, called.ctypes.data]), job])
    stretch.make_known()
    calling.runner(stretch, 1)()
    assert called.tolist() == [5, *(5 * number for number in numbers)]
    assert shared.tolist() == [5, *(3 * number + 2 * (number + 3 * 100) for number in numbers)]  # of 3 rows and of 2


def norm(x, scale, offset):
    y = F.batch_norm(x, None, None, scale, offset, training=True)
    slopes = tg.grad((y * y * y).sum(), [x, scale, offset])
    return (y.detach(), *slopes)


def test_threads_change_no_bit_of_batch_norm(monkeypatch):
    random = np.random.default_rng(0)
    arguments = [
        tg.tensor(random.standard_normal(shape).astype("float32"), requires_grad=True)
        for shape in ((8, 19, 16, 18), (19,), (19,))
    ]
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(calling, "threads", lambda threads=threads: threads)
        step = tg.compile(norm)
        results.append([y.numpy() for y in step(*arguments)])
        assert "(part, n0" in step.source
    for found, expected in zip(results[0], norm(*arguments), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=2e-4, atol=2e-4)
    assert all((a == b).all() for others in results[1:] for a, b in zip(results[0], others, strict=True))


def test_helpers_stay_awake_while_a_stretch_runs():
    from tinygrad_ml.machine.sharing.board import AWAKE
    from tinygrad_ml.machine.sharing.job import SHARED
    from tinygrad_ml.machine.sharing.stretch import Stretch
    from tinygrad_ml.machine.sharing.workers import Workers

    def job(turns, shared):
        made = calling.call(machine_code.machine_code(LONG).address, [turns, total.ctypes.data])
        made[SHARED] = shared
        return made

    total, workers = np.zeros(1), Workers()
    workers._wake(1)
    for _ in range(2000):
        if workers._board[AWAKE]:
            break
        time.sleep(0.001)
    begin = Stretch([job(1, True), job(20_000_000, False)])
    begin.make_known()
    workers.runner(begin, 1)()
    assert workers._board[AWAKE] == 1
    for _ in range(2000):  # but no longer than that
        if not workers._board[AWAKE]:
            break
        time.sleep(0.001)
    assert workers._board[AWAKE] == 0 and any(
        thread.name.startswith("tinygrad_ml step") for thread in threading.enumerate()
    )
