"""Matrix products of compiled steps: tiles of this library against single-threaded gemm of OpenBLAS, called by the same threads.

    python tests/benchmarks/gemm.py --threads 1
    python tests/benchmarks/gemm.py --threads 2 --rounds 200

The products are those of whole training steps, with their operands as they lie there: 784-128-64-10 with batches of 100
and of 400, 784-500-500-10, and two convolutions. For each product, and for all of a step:

    tiles    `machine/products/`, in the language of LLVM
    gemm     cblas_sgemm by its address, from tasks that the same threads share: panels of rows, or of columns where these
             are more: one for each thread; or always four, so that numbers do not depend on how many threads there are;
             OpenBLAS itself has one thread
    NumPy    numpy.matmul, with as many threads of OpenBLAS

They take turns. With one thread what counts is the processor time of the thread, so other programs disturb little; with
more it is the clock, and the machine has to be quiet.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median
from typing import NamedTuple
from unittest import mock

import numpy as np
import results
from llvmlite import ir
from our_steps import training_step
from tasks import convolutional
from threadpoolctl import threadpool_limits
from timing import machine

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.blas import blas
from tinygrad_ml.compile.cpu import layout
from tinygrad_ml.machine.axes import merged
from tinygrad_ml.machine.llvm.assembler import INT, INT32, Function, number
from tinygrad_ml.machine.llvm.native import native
from tinygrad_ml.machine.products.plan import SHARED_PRODUCT_MULTIPLICATIONS, Product
from tinygrad_ml.machine.sharing.calling import runner
from tinygrad_ml.machine.sharing.job import MEMORY, SCRATCH, SHARED, address, job_row
from tinygrad_ml.machine.sharing.stretch import Stretch

NETWORKS = {
    "784-128-64-10, batch 100": (lambda: perceptron(784, 128, 64, 10), (100, 784)),
    "784-128-64-10, batch 400": (lambda: perceptron(784, 128, 64, 10), (400, 784)),
    "784-500-500-10, batch 100": (lambda: perceptron(784, 500, 500, 10), (100, 784)),
    "two convolutions, batch 128": (lambda: convolutional(nn), (128, 1, 28, 28)),
}
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112
GEMM, GEMM_IN_4 = "gemm, a panel a thread", "gemm, 4 panels"
Operands = tuple[np.ndarray, np.ndarray, np.ndarray]


def perceptron(*sizes: int) -> nn.Module:
    layers = [nn.Linear(m, n) for m, n in pairwise(sizes)]
    return nn.Sequential(*(part for layer in layers[:-1] for part in (layer, nn.Sigmoid())), layers[-1])


def products_of(model: nn.Module, shape: tuple[int, ...]) -> list[Operands]:
    """a, b and c of each product of a training step that runs as tiles, as they lie in it."""
    found: list[Operands] = []

    class Noted(Product):
        def __init__(self, a: np.ndarray, b: np.ndarray, c: np.ndarray):
            super().__init__(a, b, c)
            found.append((a, b, c))

    step = tg.compile(training_step(model, tg.optim.Adam(model.parameters())))
    random = np.random.default_rng(0)
    with mock.patch.object(layout, "Product", Noted):
        step(tg.tensor(random.random(shape, np.float32)), tg.tensor(random.integers(0, 10, shape[0])))
    return [(_filled(a, random), _filled(b, random), _filled(c, random)) for a, b, c in found]


def _filled(form: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Numbers that lie so."""
    reach = sum(step * (n - 1) for step, n in zip(form.strides, form.shape, strict=True)) // form.itemsize + 1
    return np.lib.stride_tricks.as_strided(random.random(reach).astype(form.dtype), form.shape, form.strides)


# -- gemm, from tasks ---------------------------------------------------------------------------------------------


class Panels(NamedTuple):
    """What a task is told. A matrix has `heights` times `widths` tasks, each of `height` rows and `width` columns."""

    gemm: int
    a_transposed: int
    b_transposed: int
    m: int
    n: int
    k: int
    a: int
    a_row: int
    a_step: int
    a_next: int
    b: int
    b_column: int
    b_step: int
    b_next: int
    c: int
    c_row: int
    c_step: int
    c_next: int
    height: int
    heights: int
    width: int
    widths: int


def write_panels(module: ir.Module, itemsize: int) -> None:
    """Write `panels(told, task, scratch)`, which calls gemm."""
    real = {4: ir.FloatType(), 8: ir.DoubleType()}[itemsize]
    gemm = ir.FunctionType(ir.VoidType(), [INT32] * 3 + [INT] * 3 + [real, INT, INT, INT, INT, real, INT, INT])
    f = Function(module, "panels", 3, exported=True)
    fields, task, _ = f.given
    told = Panels(*(f.field(fields, place) for place in range(len(Panels._fields))))
    each = f.mul(told.heights, told.widths)
    matrix, rest = f.sdiv(task, each), f.srem(task, each)
    row, column = f.mul(f.sdiv(rest, told.widths), told.height), f.mul(f.srem(rest, told.widths), told.width)
    a = f.total(told.a, f.mul(matrix, told.a_next), f.mul(row, told.a_row))
    b = f.total(told.b, f.mul(matrix, told.b_next), f.mul(column, told.b_column))
    c = f.total(told.c, f.mul(matrix, told.c_next), f.mul(row, told.c_row), f.mul(column, number(itemsize)))
    ways = [ir.Constant(INT32, ROW_MAJOR), f.trunc(told.a_transposed, INT32), f.trunc(told.b_transposed, INT32)]
    sizes = [f.least(told.height, f.sub(told.m, row)), f.least(told.width, f.sub(told.n, column)), told.k]
    one, zero = ir.Constant(real, 1), ir.Constant(real, 0)
    given = [*ways, *sizes, one, a, told.a_step, b, told.b_step, zero, c, told.c_step]
    f.call(f.inttoptr(told.gemm, gemm.as_pointer()), given)
    f.ret_void()


def gemm_address(letter: str) -> int:
    """Where cblas_sgemm or cblas_dgemm of NumPy's OpenBLAS begins."""
    library = ctypes.CDLL(blas()["filepath"])
    for name in (
        f"scipy_cblas_{letter}gemm64_",
        f"scipy_cblas_{letter}gemm",
        f"cblas_{letter}gemm64_",
        f"cblas_{letter}gemm",
    ):
        if hasattr(library, name):
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    raise SystemExit("NumPy's products are not those of an OpenBLAS whose names are known")


def _matrix(x: np.ndarray, batch: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(transposed or not, elements from line to line, bytes from row to row, bytes from one matrix to the next)."""
    down, right = x.strides[-2:]
    transposed = right != x.itemsize and x.shape[-1] > 1
    line = (right if transposed else down) // x.itemsize
    _, (steps,) = merged(batch, [np.broadcast_to(x, (*batch, *x.shape[-2:])).strides[:-2]])
    return TRANSPOSED if transposed else PLAIN, max(line, x.shape[-2 if transposed else -1]), down, (*steps, 0)[0]


def in_panels(operands: Operands, threads: int, panels: int) -> Callable[[], None]:
    """c = a·b by gemm, in so many tasks."""
    a, b, c = operands
    (*batch, m, n), k, size = c.shape, a.shape[-1], c.itemsize
    (ta, sa, row, next_a), (tb, sb, _, next_b), (_, sc, _, next_c) = (_matrix(x, tuple(batch)) for x in operands)
    matrices = c.size // (m * n)
    parts = 1 if matrices >= 2 * threads else panels
    height, width = (-(-m // parts), n) if m >= n else (m, -(-n // parts))
    heights, widths = -(-m // height), -(-n // width)
    places = (address(a), row, sa, next_a, address(b), b.strides[-1], sb, next_b, address(c), c.strides[-2], sc, next_c)
    told = Panels(gemm_address("s" if size == 4 else "d"), ta, tb, m, n, k, *places, height, heights, width, widths)
    code = native("panels", write_panels, size)
    return _holding(job_row(code.address("panels"), matrices * heights * widths, told), 0, threads)


def _holding(job: np.ndarray, scratch: int, threads: int) -> Callable[[], None]:
    """What does a job, and holds it."""
    job[MEMORY], job[SHARED] = scratch, threads > 1
    stretch = Stretch([job])
    run = runner(stretch, threads)
    return lambda stretch=stretch: run()


# -- the contestants ----------------------------------------------------------------------------------------------


def in_tiles(operands: Operands, threads: int, scratch: np.ndarray) -> Callable[[], None]:
    product = Product(*operands)
    [(job, places)] = product.jobs(threads, address(scratch))
    job[list(places)] = [address(x) for x in operands]
    return _holding(job, address(scratch), threads if product.shared else 1)


def contestants(operands: Operands, threads: int, scratch: np.ndarray) -> dict[str, Callable[[], None]]:
    a, b, c = operands
    few = 1 if c.size * a.shape[-1] < SHARED_PRODUCT_MULTIPLICATIONS else threads  # as the tiles
    ways: dict[str, Callable[[], None]] = {"tiles": in_tiles(operands, threads, scratch)}
    ways[GEMM] = in_panels(operands, few, few)
    if c.size * a.shape[-1] >= SHARED_PRODUCT_MULTIPLICATIONS:
        ways[GEMM_IN_4] = in_panels(operands, few, 4)
    ways["NumPy"] = partial(np.matmul, a, b, c)
    return ways


def check(operands: Operands, ways: dict[str, Callable[[], None]]) -> None:
    a, b, c = operands
    for name, way in ways.items():
        c[...] = -1
        way()
        assert np.allclose(c, a @ b, 1e-4, 1e-4), name


def measure(all_ways: list[dict[str, Callable[[], None]]], threads: int, rounds: int) -> list[dict[str, list[float]]]:
    """Seconds of each way of each product, in turns."""
    clock = time.thread_time if threads == 1 else time.perf_counter
    found: list[dict[str, list[float]]] = [{name: [] for name in ways} for ways in all_ways]
    for turn in range(rounds + 2):
        for ways, seconds in zip(all_ways, found, strict=True):
            for name, way in ways.items():
                with threadpool_limits(threads if name == "NumPy" else 1, "blas"):
                    way()  # the operands come to the cache, and the threads awake
                    start = clock()
                    for _ in range(5):
                        way()
                    if turn >= 2:
                        seconds[name].append((clock() - start) / 5)
    return found


def row(what: str, times: int, seconds: dict[str, list[float]], names: list[str]) -> str:
    cells = [
        f"{min(seconds[name]) * 1e6:.0f} / {median(seconds[name]) * 1e6:.0f}" if name in seconds else ""
        for name in names
    ]
    gemm = min(median(seconds[name]) for name in seconds if name.startswith("gemm"))
    ratio = gemm / median(seconds["tiles"])
    return f"| {what} | {times} | {' | '.join(cells)} | {ratio:.2f}x |"


def tables(words: str, threads: int, rounds: int) -> str:
    """The table of a network's products, with its title."""
    names = ["tiles", GEMM, GEMM_IN_4, "NumPy"]
    scratch = np.empty(SCRATCH, np.uint8)
    make, shape = NETWORKS[words]
    alike: Counter[str] = Counter()
    ways: dict[str, dict[str, Callable[[], None]]] = {}
    for operands in products_of(make(), shape):
        a, b, _ = operands
        what = f"{'×'.join(map(str, a.shape))} by {'×'.join(map(str, b.shape))}"
        what += "".join(f", {name}ᵀ" for name, x in (("a", a), ("b", b)) if x.strides[-1] != x.itemsize)
        alike[what] += 1
        if what not in ways:
            ways[what] = contestants(operands, threads, scratch)
            check(operands, ways[what])
    seconds = dict(zip(ways, measure(list(ways.values()), threads, rounds), strict=True))
    lines = [f"| product | in a step | {' | '.join(names)} | gemm/tiles |", f"|{' --- |' * (len(names) + 3)}"]
    lines += [row(what, times, seconds[what], names) for what, times in alike.items()]
    for times in seconds.values():  # those that are not shared are one task
        times.setdefault(GEMM_IN_4, times[GEMM])
    whole = {name: [sum(alike[w] * seconds[w][name][i] for w in ways) for i in range(rounds)] for name in names}
    lines.append(row("**all of a step**", sum(alike.values()), whole, names))
    return f"### {words}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", choices=NETWORKS, nargs="*", default=list(NETWORKS))
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md, too")
    options = parser.parse_args()
    library = blas()
    here = f"{machine('numpy', 'llvmlite')}; OpenBLAS {library['version']} ({library['architecture']})"
    unit = f"Microseconds, fastest / median, {options.threads} thread{'s' * (options.threads > 1)}; last, gemm's median by that of tiles."
    print(f"{here}\n\n{unit}\n")
    body = [unit]
    for words in options.only:
        body.append(tables(words, options.threads, options.rounds))
        print(body[-1], flush=True)
    if options.write:
        command = f"python tests/benchmarks/gemm.py --threads {options.threads} --rounds {options.rounds} --write"
        results.write(f"gemm_{options.threads}", results.dated(command, here, "\n\n".join(body)))


if __name__ == "__main__":
    main()
