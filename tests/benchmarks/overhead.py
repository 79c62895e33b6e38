"""What each operation costs in eager mode, beside PyTorch: `python tests/benchmarks/overhead.py`.

The operations of the table and the functions that are most often composed of them, on float32 tensors of about 1, 100 and
10,000 elements: forward alone, forward with what is recorded for a gradient, and the way back through it. On one thread, in
one process, alternating; what counts is the median of the paired ratios of processor time. Rows are sorted by the ratio of
all three together, the worst of the sizes first, and the ten worst are named.

    python tests/benchmarks/overhead.py --only exp "x[" --sizes 1 --rounds 21
    python tests/benchmarks/overhead.py --write                     into RESULTS.md; about five minutes
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from statistics import geometric_mean, median
from typing import NamedTuple

from timing import THREADS, machine

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":  # libraries read it as they load
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

import numpy as np
import results

import tinygrad_ml as tg

TURN = 0.002
"""About how many seconds a turn takes."""
SIZES = (1, 100, 10_000)
PARTS = ("forward", "recorded", "backward")


class Operation(NamedTuple):
    """`call(lib, *tensors)` in words of ours and PyTorch's.

    inputs   what the tensors are, in the words of `array`
    torch    the same in PyTorch's own words, where they are others
    smooth   whether it has a gradient
    """

    name: str
    call: Callable
    inputs: tuple[str, ...] = ("row",)
    torch: Callable | None = None
    smooth: bool = True


OPERATIONS: list[Operation] = []


def operation(name: str, call: Callable, *inputs: str, torch: Callable | None = None, smooth: bool = True) -> None:
    OPERATIONS.append(Operation(name, call, inputs or ("row",), torch, smooth))


def named(names: str, *inputs: str, smooth: bool = True) -> None:
    """Functions that have one name in both libraries; `ours=theirs` where they have two."""
    for name in names.split():
        mine, _, other = name.partition("=")
        path = (other or mine).split(".")

        def theirs(lib, *x, path=path):
            for part in path:
                lib = getattr(lib, part)
            return lib(*x)

        operation(mine, lambda lib, *x, f=mine: getattr(lib, f)(*x), *inputs, torch=theirs, smooth=smooth)


named(
    "exp expm1 sin cos sinh cosh tanh asinh atan abs square negative sign erf=special.erf sigmoid relu floor ceil round"
)
named("trunc softplus=nn.functional.softplus sinc nan_to_num")
named("log log1p log2 log10 sqrt reciprocal", "positive")
named("asin acos atanh tan", "unit")
named("acosh", "above one")
named("add subtract multiply divide maximum minimum atan2 hypot logaddexp copysign", "row", "row")
named("pow xlogy=special.xlogy remainder", "positive", "positive")
named("equal=eq not_equal=ne less=lt less_equal=le greater=gt greater_equal=ge", "row", "row", smooth=False)
named("isnan isinf isfinite signbit", smooth=False)
named("logical_and logical_or logical_xor", "mask", "mask", smooth=False)
named("logical_not", "mask", smooth=False)
named("floor_divide", "positive", "positive", smooth=False)
operation("x * 2", lambda lib, x: x * 2)
operation("2 - x", lambda lib, x: 2 - x)
operation("x / 3", lambda lib, x: x / 3)
operation("x ** 2", lambda lib, x: x**2)
operation("x ** 0.5", lambda lib, x: x**0.5, "positive")
operation("where", lambda lib, c, a, b: lib.where(c, a, b), "mask", "row", "row")
operation("clip", lambda lib, x: lib.clip(x, -0.5, 0.5))
operation("x + a row", lambda lib, x, b: x + b, "square", "side")
operation("x * a column", lambda lib, x, b: x * b, "square", "column")
operation("astype", lambda lib, x: x.astype("float64"), torch=lambda lib, x: x.double())
operation("detach", lambda lib, x: x.detach(), smooth=False)

operation("sum", lambda lib, x: x.sum())
operation("sum over rows", lambda lib, x: x.sum(1), "square")
operation("sum over columns", lambda lib, x: x.sum(0), "square")
operation("mean", lambda lib, x: x.mean())
operation("mean over rows", lambda lib, x: x.mean(1), "square")
operation("prod", lambda lib, x: x.prod(), "unit")
operation("max", lambda lib, x: x.max(), torch=lambda lib, x: x.amax())
operation("max over rows", lambda lib, x: x.max(axis=1), "square", torch=lambda lib, x: x.amax(1))
operation("min over rows", lambda lib, x: x.min(axis=1), "square", torch=lambda lib, x: x.amin(1))
operation("var over rows", lambda lib, x: x.var(axis=1), "square", torch=lambda lib, x: x.var(1, correction=0))
operation("std", lambda lib, x: x.std(), torch=lambda lib, x: x.std(correction=0))
operation("norm", lambda lib, x: x.norm())
operation("logsumexp", lambda lib, x: lib.logsumexp(x, 1), "square")
operation("argmax", lambda lib, x: x.argmax(1), "square", smooth=False)
operation("any", lambda lib, x: x.any(), "mask", smooth=False)
operation("softmax", lambda lib, x: lib.softmax(x, 1), "square")
operation("log_softmax", lambda lib, x: lib.log_softmax(x, 1), "square")
operation("cumulative_sum", lambda lib, x: lib.cumulative_sum(x, axis=1), "square", torch=lambda lib, x: x.cumsum(1))
operation("cumulative_prod", lambda lib, x: lib.cumulative_prod(x), "unit", torch=lambda lib, x: x.cumprod(0))
operation("diff", lambda lib, x: lib.diff(x), "square")
operation("sort", lambda lib, x: x.sort(axis=1), "square", torch=lambda lib, x: x.sort(1)[0])
operation("argsort", lambda lib, x: lib.argsort(x, 1), "square", smooth=False)
operation("topk", lambda lib, x: x.topk(1)[0])

operation("reshape", lambda lib, x: x.reshape(-1), "square")
operation("x.T", lambda lib, x: x.T, "square")
operation("permute_dims", lambda lib, x: x.permute_dims((1, 0)), "square", torch=lambda lib, x: x.permute((1, 0)))
operation("swapaxes", lambda lib, x: x.swapaxes(0, 1), "square")
operation("broadcast_to", lambda lib, x: lib.broadcast_to(x, (3, *x.shape)))
operation("expand_dims", lambda lib, x: x.expand_dims(0), torch=lambda lib, x: x.unsqueeze(0))
operation("squeeze", lambda lib, x: x.squeeze(1), "column")
operation("flatten", lambda lib, x: x.flatten(), "square")
operation("concat", lambda lib, a, b: lib.concat([a, b]), "row", "row")
operation("stack", lambda lib, a, b: lib.stack([a, b]), "row", "row")
operation("split", lambda lib, x: sum(lib.split(x, len(x) // 2)), "even")
operation("unstack", lambda lib, x: lib.unstack(x)[0], "square", torch=lambda lib, x: x.unbind()[0])
operation("flip", lambda lib, x: lib.flip(x, 0), torch=lambda lib, x: x.flip(0))
operation("roll", lambda lib, x: lib.roll(x, 1, 0))
operation("tile", lambda lib, x: x.tile((2,)))
operation("repeat", lambda lib, x: x.repeat(2), torch=lambda lib, x: x.repeat_interleave(2))
operation("tril", lambda lib, x: lib.tril(x), "square")
operation("diagonal", lambda lib, x: x.diagonal(), "square")
operation("pad", lambda lib, x: lib.nn.functional.pad(x, (1, 1)), "square")
operation("x[0]", lambda lib, x: x[0], "square")
operation("x[:, 1:]", lambda lib, x: x[:, 1:], "square")
operation("x[rows]", lambda lib, x, i: x[i], "square", "places")
operation("x[rows, rows]", lambda lib, x, i: x[i, i], "square", "places")
operation("take_along_axis", lambda lib, x, i: lib.take_along_axis(x, i[:, None], 1), "square", "places", torch=lambda lib, x, i: lib.take_along_dim(x, i[:, None], 1))  # fmt: skip
operation("scatter_add", lambda lib, x, i, v: lib.scatter_add(x, i, v), "row", "long places", "row", torch=lambda lib, x, i, v: lib.scatter_add(x, 0, i, v))  # fmt: skip
operation("one_hot", lambda lib, i: lib.nn.functional.one_hot(i, 10), "labels", smooth=False)

operation("x @ y", lambda lib, a, b: a @ b, "square", "square")
operation("x @ vector", lambda lib, a, b: a @ b, "square", "side")
operation("vector @ vector", lambda lib, a, b: a @ b, "row", "row")
operation("batched x @ y", lambda lib, a, b: a @ b, "cube", "cube")
operation("einsum", lambda lib, a, b: lib.einsum("ij,kj->ik", a, b), "square", "square")
operation("outer", lambda lib, a, b: lib.outer(a, b), "side", "side")
operation("linear", lambda lib, x, w, b: lib.nn.functional.linear(x, w, b), "square", "square", "side")
operation("embedding", lambda lib, w, i: lib.nn.functional.embedding(i, w), "square", "places")
operation("cross_entropy", lambda lib, x, i: lib.nn.functional.cross_entropy(x, i), "square", "places")
operation("nll_loss", lambda lib, x, i: lib.nn.functional.nll_loss(x, i), "square", "places")
operation("mse_loss", lambda lib, a, b: lib.nn.functional.mse_loss(a, b), "row", "row")
operation("l1_loss", lambda lib, a, b: lib.nn.functional.l1_loss(a, b), "row", "row")
operation("binary_cross_entropy_with_logits", lambda lib, a, b: lib.nn.functional.binary_cross_entropy_with_logits(a, b), "row", "unit")  # fmt: skip
operation("gelu", lambda lib, x: lib.nn.functional.gelu(x))
operation("silu", lambda lib, x: lib.nn.functional.silu(x))
operation("elu", lambda lib, x: lib.nn.functional.elu(x))
operation("leaky_relu", lambda lib, x: lib.nn.functional.leaky_relu(x))
operation("logsigmoid", lambda lib, x: lib.nn.functional.logsigmoid(x))
operation("layer_norm", lambda lib, x, w, b: lib.nn.functional.layer_norm(x, w.shape, w, b), "square", "side", "side")
operation("batch_norm", lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, training=True), "rows", "side", "side")  # fmt: skip
operation("dropout", lambda lib, x: lib.nn.functional.dropout(x, 0.5))
operation("conv2d", lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1), "images", "filters")
operation("max_pool2d", lambda lib, x: lib.nn.functional.max_pool2d(x, 2), "images")
operation("avg_pool2d", lambda lib, x: lib.nn.functional.avg_pool2d(x, 2), "images")
operation("scaled_dot_product_attention", lambda lib, a, b, c: lib.nn.functional.scaled_dot_product_attention(a, b, c), "cube", "cube", "cube")  # fmt: skip


def array(kind: str, n: int, random: np.random.Generator) -> np.ndarray:
    """An input of about n elements."""
    side = max(1, round(n**0.5))
    deep, edge = max(1, round(n ** (1 / 3))), max(2, round((n / 4) ** 0.5))
    shapes = {
        "square": (side, side),
        "side": (side,),
        "column": (side, 1),
        "cube": (deep, deep, deep),
        "even": (2 * max(1, n // 2),),
        "rows": (max(2, side), side),
        "images": (1, 4, edge, edge),
        "filters": (4, 4, 3, 3),
    }
    integers = {"places": ((side,), side), "long places": ((n,), n), "labels": ((n,), 10)}
    if kind in integers:
        shape, below = integers[kind]
        return random.integers(0, below, shape)
    x = random.standard_normal(shapes.get(kind, (n,))).astype(np.float32)
    if kind == "mask":
        return x > 0
    if kind in ("positive", "above one"):
        return np.abs(x) + np.float32(0.5 if kind == "positive" else 1.5)
    return np.tanh(x) * np.float32(0.9) if kind == "unit" else x


def parts(one: Operation, n: int) -> dict[str, dict[str, Callable]]:
    """For each part of the operation, what both libraries run."""
    import torch

    given = [array(kind, n, np.random.default_rng(i)) for i, kind in enumerate(one.inputs)]
    found: dict[str, dict[str, Callable]] = {}
    for who, lib, make, grad in (
        ("ours", tg, tg.tensor, tg.grad),
        ("PyTorch", torch, torch.from_numpy, lambda *x: torch.autograd.grad(*x, retain_graph=True)),
    ):
        call = one.torch if lib is torch and one.torch else one.call
        plain, learning = ([make(a.copy()) for a in given] for _ in range(2))
        found.setdefault("forward", {})[who] = lambda call=call, lib=lib, x=plain: call(lib, *x)
        if not one.smooth:
            continue
        wanted = [x for x, a in zip(learning, given, strict=True) if a.dtype == np.float32]
        for x in wanted:
            x.requires_grad = True
        found.setdefault("recorded", {})[who] = lambda call=call, lib=lib, x=learning: call(lib, *x)
        y = call(lib, *learning)
        g = make(np.ones(y.shape, str(y.dtype).rpartition(".")[2]))
        found.setdefault("backward", {})[who] = lambda grad=grad, y=y, x=wanted, g=g: grad(y, x, g)
    return found


def measured(contestants: dict[str, Callable], rounds: int) -> tuple[float, float, float]:
    """(µs of ours, µs of PyTorch's, the median of the paired ratios)."""
    counts = {}
    for who, run in contestants.items():
        run()
        start = time.process_time()
        for _ in range(3):
            run()
        counts[who] = max(1, min(2000, round(3 * TURN / max(1e-7, time.process_time() - start))))
    seconds: dict[str, list[float]] = {who: [] for who in contestants}
    for _ in range(rounds):
        for who, run in contestants.items():
            start = time.process_time()
            for _ in range(counts[who]):
                run()
            seconds[who].append((time.process_time() - start) / counts[who])
    ours, theirs = seconds.values()
    return 1e6 * median(ours), 1e6 * median(theirs), median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="operations with one of these in their names")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md as well")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    chosen = [one for one in OPERATIONS if not given.only or any(word in one.name for word in given.only)]
    rows: list[tuple[float, str, list[str]]] = []
    ratios: dict[tuple[str, int], list[float]] = {}
    for one in chosen:
        cells, worst = [], 0.0
        for n in given.sizes:
            ours = theirs = 0.0
            found = parts(one, n)
            for part in PARTS:
                if part not in found:
                    cells.append("")
                    continue
                mine, other, ratio = measured(found[part], given.rounds)
                ratios.setdefault((part, n), []).append(ratio)
                cells.append(f"{mine:.1f} ({ratio:.1f}x)")
                # What is recorded is the forward pass too: one of them counts.
                if part != "forward" or len(found) == 1:
                    ours, theirs = ours + mine, theirs + other
            worst = max(worst, ours / theirs)
        rows.append((worst, one.name, cells))
        print(f"{worst:5.1f}x {one.name}: {', '.join(filter(None, cells))}", file=sys.stderr)
    rows.sort(key=lambda row: -row[0])
    heads = [f"{n:,}: {part}" for n in given.sizes for part in PARTS]
    lines = [f"| µs (against PyTorch) | {' | '.join(heads)} | worst size |", "|---" * (len(heads) + 2) + "|"]
    lines += [f"| `{name}` | {' | '.join(cells)} | {worst:.1f}x |" for worst, name, cells in rows]
    means = [ratios.get((part, n)) for n in given.sizes for part in PARTS]
    cells = [f"**{geometric_mean(found):.2f}x**" if found else "" for found in means]
    lines.append(f"| **geometric mean** | {' | '.join(cells)} | |")
    worst_ten = ", ".join(f"{name} {worst:.1f}x" for worst, name, _ in rows[:10])
    body = "\n".join([*lines, "", f"The ten worst: {worst_ten}."])
    about = machine("tinygrad_ml", "numpy", "torch")
    print(f"{about}\n\n{body}")
    if given.write:
        results.write("overhead", results.dated("python tests/benchmarks/overhead.py --write", about, body))


if __name__ == "__main__":
    main()
