"""Functions that loops compute many at a time: nanoseconds for a number, beside NumPy's call and PyTorch's.

    python tests/benchmarks/functions.py
    python tests/benchmarks/functions.py --write

What a loop computes goes into its next operation and needs no memory, which NumPy's call does not gain; here each function
stands alone, over numbers that are in the cache. Contestants take turns, and what counts is the processor's time: medians.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import results
import timing

from tinygrad_ml.machine.machine_code import machine_code

NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "cos")
NUMBERS = 1 << 15


def contestants(name: str, dtype: str) -> dict[str, Callable[[], object]]:
    """Each computes the function of the same numbers into memory of its own."""
    x = np.random.default_rng(0).uniform(0.1, 5, NUMBERS).astype(dtype)
    y = np.empty_like(x)
    lines = ["    nothing_overlaps()", "    for i in range(n):", f"        b[i] = {name}(a[i])"]
    loop = machine_code("\n".join([f"# {name}", f"def loop(n, a: {dtype}s, b: {dtype}s):", *lines, ""]))
    found: dict[str, Callable[[], object]] = {"loop": lambda: loop(x.size, x.ctypes, y.ctypes)}
    if hasattr(np, name):
        found["NumPy"] = lambda: getattr(np, name)(x, y)
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    given, out = torch.from_numpy(x), torch.empty(NUMBERS, dtype=getattr(torch, dtype))
    return found | {"PyTorch": lambda: getattr(torch, name)(given, out=out)}


def measured(name: str, dtype: str, rounds: int) -> dict[str, float]:
    """Nanoseconds for a number, by contestant."""
    runs = contestants(name, dtype)
    taken: dict[str, list[int]] = {who: [] for who in runs}
    for _ in range(rounds):
        for who, run in runs.items():
            start = time.process_time_ns()
            run()
            taken[who].append(time.process_time_ns() - start)
    return {who: median(times) / NUMBERS for who, times in taken.items()}


def main() -> None:
    """Measure, print, and with `--write` keep the table in RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = ["| function | loop | NumPy | PyTorch |", "|---|---|---|---|"]
    for dtype in ("float32", "float64"):
        for name in NAMES if dtype == "float32" else NAMES[:5]:
            times = measured(name, dtype, given.rounds)
            cells = (f"{times[who]:.2f}" if who in times else "-" for who in ("loop", "NumPy", "PyTorch"))
            rows.append(f"| {name}, {dtype} | {' | '.join(cells)} |")
    table = "\n".join(rows)
    print(table)
    if given.write:
        command = "python tests/benchmarks/functions.py --write"
        results.write("functions", results.dated(command, timing.machine("numpy", "llvmlite", "torch"), table))


if __name__ == "__main__":
    main()
