"""A training step on the CPU, beside its peers: `python tests/benchmarks/step_cpu.py` (pip install 'tinygrad_ml[bench]').

1. The network 784-500-500-10 (sigmoid, cross-entropy, Adam, batch 100, float32) and a convolutional one of LeNet's size
   (batch 128), on one core and on all: this library eager and compiled, PyTorch eager and compiled, JAX, Keras, DeZero; and
   the matrix products alone, which are the floor.
2. How long a compiled step's first calls take in a fresh process: with nothing cached on disk, and again with what
   the first process has left there.

Contestants take turns, each in a process of its own (`race.py`). Peers that are not installed are left out. Tables go
to the standard output, and with `--write` into RESULTS.md too. About fifteen minutes; `--rounds 2` for a look.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import results
from contestants import CONTESTANTS, FLOOR
from race import Race
from tasks import Task
from timing import machine

OURS = "tinygrad_ml, compiled"
# A round of each takes about a tenth of a second. Several steps, because that is how a network is trained, and because
# Keras's `fit` has some work to do at its beginning.
TASKS = {
    "784-500-500-10, batch 100": Task("mlp", 100, steps=20),
    "two convolutions, batch 128": Task("cnn", 128, steps=10),
}
COMPILERS = [name for name in CONTESTANTS if "compiled" in name or name.startswith(("JAX", "Keras on JAX"))]
CACHES = ("TINYGRAD_ML_CACHE", "TORCHINDUCTOR_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR")
KEEP_ALL = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
PACKAGES = ("numpy", "llvmlite", "scipy", "torch", "jax", "optax", "keras", "dezero")


def steps(words: str, task: Task, threads: int | None, rounds: int, among: list[str]) -> str:
    """The table of a race, with its title."""
    names = [name for name in among if task.network == "mlp" or not name.startswith(FLOOR)]
    table = Race(task, names, threads).run(rounds).table(OURS)
    return f"### {words}, {'one core' if threads else 'all cores'}\n\n{table}\n"


def first_calls(words: str, task: Task, among: list[str]) -> str:
    """Seconds of the first three calls of a step, in a process without a cache and in the next one, on one core."""
    lines = ["| who | first call, s | second | third | cached: first | second | third |", "| --- " * 7 + "|"]
    for name in (name for name in COMPILERS if name in among):
        with tempfile.TemporaryDirectory() as folder:  # its own: PyTorch's three would find what the first has left
            caches = KEEP_ALL | {cache: str(Path(folder, cache)) for cache in CACHES}
            races = [Race(task._replace(steps=1), [name], 1, caches).run(3, warmup=0) for _ in range(2)]
        if not any(race.absent for race in races):
            seconds = [turn.seconds for race in races for turn in race.turns[name]]
            lines.append(f"| {name} | {' | '.join(f'{s:.3f}' for s in seconds)} |")
    return f"### First calls, {words}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--network", choices=["mlp", "cnn"], help="one of the two (default: both)")
    parser.add_argument("--cores", choices=["one", "all"], help="default: one, then all")
    parser.add_argument("--only", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS), metavar="WHO")
    parser.add_argument("--no-first-calls", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md as well")
    given = parser.parse_args()
    tasks = {words: task for words, task in TASKS.items() if given.network in (None, task.network)}
    tables = []

    def show(table: str) -> None:
        tables.append(table)
        print(table, flush=True)

    for words, task in tasks.items():
        for cores, threads in (("one", 1), ("all", None)):
            if given.cores in (None, cores):
                show(steps(words, task, threads, given.rounds, given.only))
    if not given.no_first_calls:
        for words, task in tasks.items():
            show(first_calls(words, task, given.only))
    print(machine(*PACKAGES))
    if given.write:
        command = f"python tests/benchmarks/step_cpu.py --rounds {given.rounds} --write"
        results.write("step_cpu", results.dated(command, machine(*PACKAGES), "\n".join(tables)))


if __name__ == "__main__":
    main()
