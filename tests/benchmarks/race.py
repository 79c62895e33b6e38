"""Contestants in processes of their own, which take turns: so that none meets the threads, or the settings, of another.

    seconds = Race(TASK, ["tinygrad_ml, compiled", "JAX"], threads=1).run(rounds=20)

Each process makes its contestant, trains a few steps that do not count, and waits. Then they are asked, one after the
other, round after round, to train `task.steps` steps: a slow moment of the machine falls on all of them, and the ratio to
the reference, taken round by round, hardly moves.

On one thread every process is bound to the same core, because nothing else keeps all of these libraries to one: JAX
counts the cores that it sees, whatever `XLA_FLAGS` says. The table says how many were really busy.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tasks import Task, products_of
from timing import THREADS

PAUSE = 0.15
"""Seconds between two turns with several threads: OpenBLAS's go on spinning for a tenth of a second after a product."""

PATIENCE = 150
"""Seconds after which a process that does not answer is ended."""


class Turn(NamedTuple):
    seconds: float  # a step
    cores: float  # processor time by wall time

    @property
    def processor(self) -> float:
        return self.seconds * self.cores


class Race:
    """Contestants on one task.

    task         what they train
    names        of `contestants.CONTESTANTS`, or of those that `script` knows
    threads      1: one core for each. None: as many as they like
    environment  more variables for the processes
    script       what the processes run, with a name, the task and `threads`; `contestants.serve` says how they answer
    patience     seconds after which a process that does not answer is ended

    turns        after `run`: a list of `Turn` for each contestant
    told         what each said of itself before the first turn
    absent       name -> why it does not take part
    """

    def __init__(
        self,
        task: Task,
        names: Sequence[str],
        threads: int | None = None,
        environment: Mapping[str, str] | None = None,
        script: str = "contestants.py",
        patience: float = PATIENCE,
    ):
        self.task, self.names, self.threads = task, list(names), threads
        self.environment, self.script, self.patience = dict(environment or {}), script, patience
        self.told: dict[str, dict] = {}
        self.absent: dict[str, str] = {}
        self.turns: dict[str, list[Turn]] = {}

    def run(self, rounds: int, warmup: int = 3) -> Race:
        """Let them take turns; the first `warmup` rounds do not count."""
        with contextlib.ExitStack() as open_processes:
            running = {name: open_processes.enter_context(_Process(name, self)) for name in self.names}
            for name, process in list(running.items()):
                told = process.answer()
                if told is None:
                    self.absent[name] = process.failure
                    del running[name]
                else:
                    self.told[name] = told
            self.turns = {name: [] for name in running}
            for i in range(-warmup, rounds):
                for name, process in list(running.items()):
                    if self.threads != 1 and self.task.device == "cpu":
                        time.sleep(PAUSE)
                    turn = process.turn()
                    if turn is None:
                        self.absent[name] = process.failure
                        del running[name], self.turns[name]
                    elif i >= 0:
                        self.turns[name].append(turn)
        return self

    def table(self, reference: str, unit: str = "ms", more: str = "cores busy") -> str:
        """A row for each contestant: fastest and median step, the median of its paired ratios to `reference`.

        unit  "ms" or "µs" a step, or "s" for the whole round
        more  a last column: "cores busy"; or "TFLOP/s", of the mlp's products alone
        """
        scale = {"ms": 1e3, "µs": 1e6, "s": self.task.steps}[unit]
        what = f"for {self.task.steps:,} steps" if unit == "s" else "a step"
        rows = [["who", f"fastest, {unit} {what}", "median", f"against {reference}", more]]
        for name, turns in self.turns.items():
            times = [turn.seconds * scale for turn in turns]
            ratio = f"{self.ratio(name, reference):.2f}x" if reference in self.turns else ""
            last = median(turn.cores for turn in turns)
            if more == "TFLOP/s":
                last = products_of(self.task) / median(turn.seconds for turn in turns) / 1e12
            rows.append([name, digits(min(times)), digits(median(times)), ratio, digits(last)])
        rows.insert(1, ["---"] * 5)
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(lines + [f"\nLeft out: {name} ({why})." for name, why in self.absent.items()])

    def ratio(self, name: str, reference: str, clock: str = "seconds") -> float:
        """The median over the rounds of the one's time by the other's: the wall's, or that of the "processor"."""
        pairs = zip(self.turns[name], self.turns[reference], strict=True)
        return median(getattr(a, clock) / getattr(b, clock) for a, b in pairs)


def digits(number: float) -> str:
    """A number with three digits that count, and none of an exponent."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


class _Process:
    """One contestant, as the parent sees it."""

    def __init__(self, name: str, race: Race):
        self.task, self.patience, threads = race.task, race.patience, race.threads
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 closed by __exit__
        settings = {key: value for key, value in os.environ.items() if key not in THREADS}
        if threads is not None:
            settings |= dict.fromkeys(THREADS, str(threads))
        script = Path(__file__).with_name(race.script)
        self._process = subprocess.Popen(
            [sys.executable, script, name, json.dumps(self.task), str(threads or 0)],
            env=settings | race.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.failure: str | None = None

    def answer(self) -> dict | None:
        """What the process says next; None, and `failure`, if it cannot go on."""
        watch = threading.Timer(self.patience, self._process.kill)
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
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
            pass  # it has ended; `answer` says why
        said = self.answer()
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
