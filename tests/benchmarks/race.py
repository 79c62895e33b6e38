"""Contestants in processes of their own, which take turns: so that none meets the threads, or the settings, of another.

    seconds = Race(TASK, ["tinygrad_ml, compiled", "JAX"], threads=1).run(rounds=20)

Each process makes its contestant, trains a few steps that do not count, and waits. Then they are asked, one after the
other, round after round, to train `task.steps` steps: a slow moment of the machine falls on all of them, and the ratio to
the reference, taken round by round, hardly moves.

On one thread every process is bound to the same core, because nothing else keeps all of these libraries to
one: what JAX does not take from `XLA_FLAGS`, it takes from the cores that it sees. The table says how many cores were
really busy.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tasks import Task
from timing import THREADS

PAUSE = 0.15
"""Seconds between two turns with several threads: OpenBLAS's go on spinning for a tenth of a second after a product."""


class Turn(NamedTuple):
    seconds: float  # a step
    cores: float  # processor time by wall time


class Race:
    """Contestants on one task.

    task         what they train
    names        of `contestants.CONTESTANTS`
    threads      1: one core for each. None: as many as they like
    environment  more variables for the processes

    turns        after `run`: a list of `Turn` for each contestant
    absent       name -> why it does not take part
    """

    def __init__(
        self, task: Task, names: Sequence[str], threads: int | None = None, environment: Mapping[str, str] | None = None
    ):
        self.task, self.names, self.threads = task, list(names), threads
        self.environment = dict(environment or {})
        self.absent: dict[str, str] = {}
        self.turns: dict[str, list[Turn]] = {}

    def run(self, rounds: int, warmup: int = 3) -> Race:
        """Let them take turns; the first `warmup` rounds do not count."""
        with contextlib.ExitStack() as open_processes:
            running = {}
            for name in self.names:
                process = open_processes.enter_context(_Process(name, self.task, self.threads, self.environment))
                if process.failure is None:
                    running[name] = process
                else:
                    self.absent[name] = process.failure
            self.turns = {name: [] for name in running}
            for i in range(-warmup, rounds):
                for name, process in list(running.items()):
                    if self.threads != 1:
                        time.sleep(PAUSE)
                    turn = process.turn()
                    if turn is None:
                        self.absent[name] = process.failure
                        del running[name], self.turns[name]
                    elif i >= 0:
                        self.turns[name].append(turn)
        return self

    def table(self, reference: str, unit: str = "ms", scale: float = 1e3, cores: bool = True) -> str:
        """A row for each contestant: fastest and median step, the median of its paired ratios to `reference`, cores."""
        head = ["who", f"fastest, {unit} a step", f"median, {unit}", f"against {reference}"] + ["cores busy"] * cores
        rows = [head, ["---"] * len(head)]
        for name, turns in self.turns.items():
            times = [turn.seconds * scale for turn in turns]
            ratio = "" if reference not in self.turns else f"{self.ratio(name, reference):.2f}x"
            row = [name, f"{min(times):.3g}", f"{median(times):.3g}", ratio]
            rows.append(row + [f"{median(turn.cores for turn in turns):.1f}"] * cores)
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(lines + [f"\nLeft out: {name} ({why})." for name, why in self.absent.items()])

    def ratio(self, name: str, reference: str) -> float:
        """The median over the rounds of the one's time by the other's."""
        pairs = zip(self.turns[name], self.turns[reference], strict=True)
        return median(a.seconds / b.seconds for a, b in pairs)


class _Process:
    """One contestant, as the parent sees it."""

    def __init__(self, name: str, task: Task, threads: int | None, environment: Mapping[str, str]):
        self.task = task
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 closed by __exit__
        settings = {key: value for key, value in os.environ.items() if key not in THREADS}
        if threads is not None:
            settings |= dict.fromkeys(THREADS, str(threads))
        script = Path(__file__).with_name("contestants.py")
        self._process = subprocess.Popen(
            [sys.executable, script, name, json.dumps(task), str(threads or 0)],
            env=settings | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.failure: str | None = None
        self._answer()

    def _answer(self):
        """What the process says next; None, and `failure`, if it cannot go on."""
        line = self._process.stdout.readline()
        if line:
            said = json.loads(line)
            self.failure = said.get("failure")
            return None if self.failure else said
        self._errors.seek(0)
        last = self._errors.read().strip().splitlines()[-1:]
        self.failure = f"its process ended: {' '.join(last)}"
        return None

    def turn(self) -> Turn | None:
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; `_answer` says why
        said = self._answer()
        return said and Turn(said["seconds"] / self.task.steps, said["cores"])

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()
