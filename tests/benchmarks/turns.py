"""Who runs the programs of `suite/`, and the process in which one of them does.

    python tests/benchmarks/turns.py NAME ENTRY THREADS     what `race.py` starts: a turn for each line of its input

The first answer tells the losses of the first steps, the seconds of the first two calls, and by how much the steps raised
the peak of the process's memory. A turn is as many steps as take about a tenth of a second.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from contestants import serve
from suite import PROGRAMS

STEPS = 20
"""Steps whose losses are compared."""

TURN = 0.1
"""About how many seconds of processor time a turn takes."""


class Entry(NamedTuple):
    """A program in a race.

    tiny      in its small edition
    compared  how many steps are trained before the first turn
    steps     by how many `race.py` divides the time of a turn: here the process has done that
    """

    program: str
    tiny: bool = False
    compared: int = STEPS
    steps: int = 1
    device: str = "cpu"


def ours(entry: Entry, compiled: bool) -> tuple[Callable, Callable]:
    import tinygrad_ml as tg

    program = PROGRAMS[entry.program](entry.tiny)
    step = program.ours(program.weights())
    data = [tg.tensor(array) for array in program.data()]
    if compiled:
        step = tg.compile(step)
    return (lambda: step(*data)), lambda loss: float(loss.item())


def torch(entry: Entry, compiled: bool) -> tuple[Callable, Callable]:
    import torch

    program = PROGRAMS[entry.program](entry.tiny)
    step = program.torch(
        program.weights(), functools.partial(torch.compile, dynamic=False) if compiled else lambda f: f
    )
    data = program.data_for_torch(*program.data())
    return (lambda: step(*data)), lambda loss: float(loss.item())


def jax(entry: Entry) -> tuple[Callable, Callable]:
    import jax
    import jax.numpy as jnp

    program = PROGRAMS[entry.program](entry.tiny)
    state, step = program.jax(program.weights())
    data = [jnp.asarray(array) for array in program.data_for_jax(*program.data())]
    step = jax.jit(step, donate_argnums=0)

    def run():
        nonlocal state
        state, loss = step(state, *data)
        return loss.block_until_ready()

    return run, float


CONTESTANTS: dict[str, Callable[[Entry], tuple[Callable, Callable]]] = {
    "eager": lambda entry: ours(entry, False),
    "compiled": lambda entry: ours(entry, True),
    "PyTorch": lambda entry: torch(entry, False),
    "PyTorch, compiled": lambda entry: torch(entry, True),
    "JAX": jax,
}


def begin(name: str, entry: Entry) -> tuple[Callable[[], int], dict]:
    """(a turn, which says how many steps it took; what is told before the first)."""
    step, number = CONTESTANTS[name](entry)
    before, calls, losses = forget_peak(), [], []
    for _ in range(entry.compared):
        start, used = time.perf_counter(), time.process_time()
        losses.append(number(step()))
        calls.append((time.perf_counter() - start, time.process_time() - used))
    told = {"losses": losses, "calls": calls[:2], "megabytes": (peak() - before) / 1e6}
    count = max(1, min(1000, round(TURN / max(1e-6, min(calls)[1]))))

    def turn() -> int:
        for _ in range(count):
            step()
        return count

    return turn, told


def forget_peak() -> int:
    """The memory that the process has now, from which its peak begins anew, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return peak()
    return peak()


def peak() -> int:
    """The most memory that the process has had, in bytes; 0 where nobody says."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    serve(lambda name, entry: begin(name, Entry(*entry)))
