"""Attention over long sequences, forward and backward: seconds and memory, beside PyTorch and beside all pairs at once.

    python tests/benchmarks/attention.py
    python tests/benchmarks/attention.py --lengths 4096 8192 --write

Causal, 4 heads of 64, one sequence, one thread. Each contestant runs in a process of its own, so that its memory is its own:
the peak, less what the process took before the first step. In turns, as often as `--rounds` says; medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from statistics import median

HEADS, WIDTH = 4, 64
CONTESTANTS = ("eager", "compiled", "compiled, all pairs at once", "PyTorch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lengths", type=int, nargs="*", default=[4096])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=CONTESTANTS, choices=CONTESTANTS)
    parser.add_argument("--alone", nargs=2, help="measure one contestant at one length")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    from timing import THREADS

    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(THREADS, "1")})
    if options.alone:
        print(*alone(options.alone[0], int(options.alone[1])))
        return
    import results
    from timing import machine

    rows = ["| length | who | median, ms | peak memory, MB |", "|---|---|---|---|"]
    for length in options.lengths:
        found: dict[str, list[list[float]]] = {who: [] for who in options.only}
        for _ in range(options.rounds):
            for who in options.only:
                command = [sys.executable, __file__, "--alone", who, str(length)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[who].append([float(part) for part in done.stdout.split()])
        for who, runs in found.items():
            milliseconds, megabytes = (median(column) for column in zip(*runs, strict=True))
            rows.append(f"| {length} | {who} | {milliseconds:.0f} | {megabytes:.0f} |")
            print(rows[-1], file=sys.stderr)
    about = machine("tinygrad_ml", "numpy", "llvmlite", "torch")
    print("\n".join([about, "", *rows]))
    if options.write:
        lengths = " ".join(map(str, options.lengths))
        command = f"python tests/benchmarks/attention.py --lengths {lengths} --rounds {options.rounds}"
        results.write("attention", results.dated(command, about, "\n".join(rows)))


def alone(who: str, length: int) -> tuple[float, float]:
    """(milliseconds of a step, megabytes)."""
    step = pytorch(length) if who == "PyTorch" else ours(who, length)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:]) * 1000, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def arrays(length: int) -> list:
    """Query, key and value."""
    import numpy as np

    rng = np.random.default_rng(0)
    return [rng.standard_normal((1, HEADS, length, WIDTH)).astype("float32") for _ in range(3)]


def ours(who: str, length: int):
    """A step of this library's."""
    import tinygrad_ml as tg
    from tinygrad_ml.kernels import attention as kernels
    from tinygrad_ml.nn.functional import attention

    if who.endswith("all pairs at once"):
        kernels.FEWEST_PAIRS = attention.MANY_PAIRS = 1 << 62
    given = [tg.tensor(array, requires_grad=True) for array in arrays(length)]

    def step():
        for x in given:
            x.grad = None
        y = attention.scaled_dot_product_attention(*given, is_causal=True)
        loss = (y * y).mean()
        loss.backward()
        return loss

    return step if who == "eager" else tg.compile(step)


def pytorch(length: int):
    """The same by PyTorch's kernel."""
    import torch

    torch.set_num_threads(1)
    given = [torch.tensor(array, requires_grad=True) for array in arrays(length)]

    def step():
        for x in given:
            x.grad = None
        y = torch.nn.functional.scaled_dot_product_attention(*given, is_causal=True)
        (y * y).mean().backward()

    return step


if __name__ == "__main__":
    main()
