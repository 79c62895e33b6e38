"""Where the time of a program of the suite goes: `python tests/benchmarks/where_time_goes.py "LSTM, 50 steps" --eager`.

Of a compiled step: a clock round each line of the function that runs it, those of the rounds of a loop too; what the line
is a part of, and what the kernel gives. Of an eager step: the profiler of Python's standard library, and how often each
operation is applied. On one thread; compiled lines by its own clock, so that others may use the machine. What it costs to
look at the clock is subtracted, so that lines of less than a tenth of a microsecond are not worth much.
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import os
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

from timing import THREADS

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":  # libraries read it as they load
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

from suite import PROGRAMS
from turns import Entry, begin

from tinygrad_ml.compile.cpu import stretches
from tinygrad_ml.compile.cpu.lines import Lines
from tinygrad_ml.compile.cpu.source import StepSource
from tinygrad_ml.compile.explain import operations_of
from tinygrad_ml.compile.program import described
from tinygrad_ml.modes import watching


class Clock(NamedTuple):
    """A line of a compiled function: what is written there, which kernel it is of, and how long it took, a call at a time."""

    line: str
    kernel: str
    nanoseconds: list[int]


@contextmanager
def clocks(found: list[Clock]) -> Iterable[None]:
    """While this holds, functions that are compiled have a clock round each line."""
    write_kernel, write_function = Lines._kernel, StepSource.function

    def kernel(lines, one):
        before = len(lines.lines)
        write_kernel(lines, one)
        counted = Counter(map(described, one.outputs))
        gives = ", ".join(f"{n} × {what}" if n > 1 else what for what, n in counted.items())
        words = f"{operations_of(one.instructions)} -> {gives}"
        lines.__dict__.setdefault("kernel_of", {}).update(
            dict.fromkeys((getattr(line, "what", line) for line in lines.lines[before:]), words)
        )

    def function(lines, results):
        known, timed = lines.__dict__.get("kernel_of", {}), []
        lines.names["clock"] = time.thread_time_ns
        for line in lines.lines:
            if line.endswith(":"):  # what follows stands further in, each line with its clock
                timed.append(line)
                continue
            inside = " " * (4 + len(line) - len(line.lstrip()))
            here = Clock(line, known.get(line.partition("  # ")[2] or line, ""), [])
            word = f"time_{len(timed)}"
            lines.names[word] = here.nanoseconds.append
            timed.append(f"{inside[4:]}start = clock()\n    {line}\n{inside}{word}(clock() - start)")
            found.append(here)
        lines.lines = timed
        return write_function(lines, results)

    most = stretches.MOST_JOBS
    Lines._kernel, StepSource.function, stretches.MOST_JOBS = kernel, function, 1
    try:
        yield
    finally:
        Lines._kernel, StepSource.function, stretches.MOST_JOBS = write_kernel, write_function, most


def compiled(title: str, rounds: int, lines: int) -> str:
    """The lines of the compiled step that took longest."""
    found: list[Clock] = []
    whole = _step(begin("compiled", Entry(title))[0], rounds)
    with clocks(found):
        turn, _ = begin("compiled", Entry(title))
    for clock in found:
        clock.nanoseconds.clear()
    steps = sum(turn() for _ in range(rounds))
    costs = {id(clock): _typical(clock.nanoseconds, steps) for clock in found}
    total = sum(costs.values()) or 1.0
    rows = [
        f"{title}, compiled: {whole * 1e3:.3f} ms a step without the clocks; {total * 1e3:.3f} in its {len(found)} lines, "
        "the rest is what is checked before a call, and what becomes of the results",
        "",
    ]
    together: dict[tuple[str, str], list[float]] = {}
    for clock in found:
        name = clock.line.split("(")[0].split("=")[-1].strip().rstrip("0123456789_")
        together.setdefault((name, clock.kernel), []).append(costs[id(clock)])
    rows += ["| share | ms | lines | what | kernel |", "|---|---|---|---|---|"]
    for (name, kernel), seconds in sorted(together.items(), key=lambda pair: -sum(pair[1]))[:lines]:
        share = sum(seconds) / total
        rows.append(f"| {share:.1%} | {sum(seconds) * 1e3:.3f} | {len(seconds)} | `{name}` | {kernel[:150]} |")
    return "\n".join(rows)


def _step(turn: Callable[[], int], rounds: int) -> float:
    """Seconds of a step."""
    start = time.process_time()
    steps = sum(turn() for _ in range(rounds))
    return (time.process_time() - start) / steps


def _typical(nanoseconds: list[int], steps: int) -> float:
    """Seconds of a line in a step."""
    if not nanoseconds:
        return 0.0
    return max(0.0, median(nanoseconds) - _look()) * 1e-9 * len(nanoseconds) / steps


@functools.cache
def _look() -> float:
    """Nanoseconds between two looks at the clock."""
    clock, found = time.thread_time_ns, []
    for _ in range(1000):
        start = clock()
        found.append(clock() - start)
    return median(found)


def eager(title: str, rounds: int, lines: int) -> str:
    """The functions in which an eager step spends its time, and the operations that it applies."""
    turn, _ = begin("eager", Entry(title))
    profile = cProfile.Profile()
    whole = _step(turn, rounds)
    profile.enable()
    steps = sum(turn() for _ in range(rounds))
    profile.disable()
    stats = pstats.Stats(profile)
    total = sum(own for _, _, own, _, _ in stats.stats.values())
    rows = [f"{title}, eager: {whole * 1e3:.3f} ms a step, {total / steps * 1e3:.3f} under the profiler"]
    for head, place in (("own", 2), ("with callees", 3)):
        rows += ["", f"| {head} | own ms | with callees | calls | function |", "|---|---|---|---|---|"]
        found = sorted(stats.stats.items(), key=lambda item: -item[1][place])
        for (file, number, name), figures in found[:lines]:
            _, calls, own, together, _ = figures
            where = f"{'/'.join(file.split(os.sep)[-2:])}:{number} " if number else ""
            row = f"{figures[place] / total:.1%} | {own / steps * 1e3:.3f} | {together / steps * 1e3:.3f}"
            rows.append(f"| {row} | {calls / steps:.0f} | {where}`{name.replace('|', '/')}` |")
    return "\n".join([*rows, "", f"Operations applied: {_applied(title)}"])


def _applied(title: str) -> str:
    """How often a step applies each operation, the most frequent first."""
    counted: Counter[str] = Counter()
    with watching(lambda op, *_: counted.update([op.name])):
        begin("eager", Entry(title, compared=1))
    most = ", ".join(f"{name} {n}" for name, n in counted.most_common(12))
    return f"{sum(counted.values())} ({most})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("titles", nargs="+", metavar="TITLE", help="or a part of it")
    parser.add_argument("--eager", action="store_true", help="of the eager step (default: of the compiled one)")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--lines", type=int, default=15)
    given = parser.parse_args()
    for title in PROGRAMS:
        if any(word.lower() in title.lower() for word in given.titles):
            print((eager if given.eager else compiled)(title, given.rounds, given.lines), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
