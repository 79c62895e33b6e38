"""Trainings in which a rank is killed, raises, leaves early or falls asleep: how do all end?

    python -m tests.distributed_faults               fifty of them, one after the other; ranks and steps at random
    python -m tests.distributed_faults --elastic     with Open MPI: the others go on, and each sample counts once an epoch

Each run prints its seed, and `--seed N --runs 1` repeats one. Without --elastic, within five seconds of the fault all processes
have ended, with an error that names the rank and says what it was doing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tinygrad_ml.distributed.launching import command, installation

SAMPLES, BATCH, EPOCHS = 52, 12, 4
STEPS = -(-SAMPLES // BATCH) * EPOCHS
"""Of the training."""
PROGRAM = Path(__file__).with_name("faulty_training.py")
FAULTS = ("kill", "raise", "leave", "sleep")
SECONDS_TO_END = 5.0
SAID = {
    "kill": r"has ended without a word, as when it is killed; it {doing}",
    "raise": r"has ended with ValueError: a number that cannot be; it {doing}",
    "leave": r"has left: its program came to its end, while rank \d was waiting for it to \w+",
    "sleep": r"keeps the others waiting: it {doing}.*; it is asleep in faulty_training\.py, line \d+: time\.sleep\(1000\)",
}
DOING = r"(was waiting to \w+|last waited to \w+|came to the group)"


class Fault(NamedTuple):
    """What goes wrong, and where."""

    kind: str
    ranks: int
    rank: int
    step: int

    @classmethod
    def drawn(cls, seed: int, kind: str | None = None, ranks: int | None = None) -> Fault:
        """One at random."""
        draw = random.Random(seed)
        kind, ranks = kind or draw.choice(FAULTS), ranks or draw.choice((2, 3))
        return cls(kind, ranks, draw.randrange(ranks), draw.randrange(STEPS))

    def options(self) -> list[str]:
        """For the program."""
        return ["--fault", self.kind, "--rank", str(self.rank), "--step", str(self.step)]


class Run:
    """A training that has been started; everything it leaves is in the folder."""

    def __init__(self, folder: Path, ranks: int, options: Sequence[str] = (), elastic: bool = False, bare: bool = True):
        self.folder, self.ranks = folder, ranks
        folder.mkdir(exist_ok=True)
        there = installation()
        words = command(there, ranks, [str(PROGRAM), str(folder), *options], elastic)
        if bare:  # as by MPI's own launcher, without what ours adds
            words = [word for word in words if word not in ("-m", "tinygrad_ml.distributed.program")]
        root = str(PROGRAM.parents[1])
        environment = dict(there.flavour.environment) | os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}
        with (folder / "errors").open("wb") as errors:
            self.process = subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=subprocess.STDOUT
            )

    def ended(self, limit: float = 60) -> tuple[int, str]:
        """The exit code, and what was printed; nobody is left behind."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {limit:g} s\n{self.said()}") from None
        finally:
            self.end()
        said = self.said()
        end = time.monotonic() + limit
        while alive := [rank for rank in range(self.ranks) if _lives(self.folder / f"process-{rank}")]:
            assert time.monotonic() < end, f"ranks {alive} are still there\n{said}"
            time.sleep(0.01)
        return code, said

    def said(self) -> str:
        """What all have printed."""
        return (self.folder / "errors").read_text(errors="replace")

    def end(self) -> None:
        """End it, if it has not ended by itself, and all its ranks."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def seconds_since_the_fault(self) -> float:
        """How long ago it happened."""
        return time.time() - json.loads((self.folder / "fault").read_text())

    def results(self) -> list[dict]:
        """What the ranks wrote that came to the end."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("result-*"))]


def _lives(path: Path) -> bool:
    """Whether the process still runs whose number is there; one that has ended and was not asked for its exit code does not."""
    if not path.exists():
        return False
    number = path.read_text()
    try:
        os.kill(int(number), 0)
        state = Path(f"/proc/{number}/stat")
        return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] in "ZX")
    except OSError:
        return False


def check_the_end(fault: Fault, run: Run, seconds: float = SECONDS_TO_END) -> float:
    """All end with an error that names the rank and what it was doing; how long that took, in seconds."""
    code, said = run.ended()
    took = run.seconds_since_the_fault()
    pattern = rf"rank {fault.rank} \(process \d+ on \S+\) " + SAID[fault.kind].replace("{doing}", DOING)
    assert code != 0, f"exit code 0\n{said}"
    assert re.search(pattern, said), f"no error names the rank and what it was doing\n{said}"
    assert not run.results(), "a rank has come to its end as if nothing had been"
    assert took < seconds, f"{took:.1f} s until all had ended\n{said}"
    return took


def check_that_the_others_go_on(fault: Fault, run: Run) -> float:
    """They come to the end, all with the same parameters, and each sample has counted once an epoch."""
    code, said = run.ended()
    assert code == 0, said
    results = run.results()
    assert len(results) == fault.ranks - 1, said
    assert len({result["bits"] for result in results}) == 1, "ranks differ"
    assert {result["ranks"] for result in results} == {fault.ranks - 1}
    assert results[0]["loss"] < 0.1
    assert "the others go on without it" in said
    batches = -(-SAMPLES // BATCH)
    for epoch in range(EPOCHS):
        # What the lost rank had counted before it was lost is not among the results.
        first = epoch * batches
        steps = [step for step in range(first, first + batches) if step >= fault.step]
        found = Counter(number for result in results for step in steps for number in result["counted"][step])
        assert all(times == 1 for times in found.values()), f"epoch {epoch}: {found}"
        if len(steps) == batches:
            assert len(found) == SAMPLES, f"epoch {epoch}: {len(found)} samples counted"
    return run.seconds_since_the_fault()


def main() -> None:
    """Run them, and say how long each took to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the first run; each has the next")
    parser.add_argument("--elastic", action="store_true")
    args = parser.parse_args()
    failures, times = [], []
    print(f"{installation().version}, started by {installation().mpiexec}")
    for seed in range(args.seed, args.seed + args.runs):
        fault = Fault.drawn(seed)
        with TemporaryDirectory() as folder:
            options = [*fault.options(), *(["--elastic"] if args.elastic else [])]
            run = Run(Path(folder), fault.ranks, options, args.elastic, bare=bool(seed % 2))
            try:
                took = check_that_the_others_go_on(fault, run) if args.elastic else check_the_end(fault, run)
            except AssertionError as failure:
                failures.append(seed)
                print(f"seed {seed}: {fault}: FAILED: {failure}", flush=True)
            else:
                times.append(took)
                print(f"seed {seed}: {fault}: {took:.1f} s", flush=True)
    if times:
        print(f"{len(times)} of {args.runs} as they should; at most {max(times):.1f} s after the fault")
    sys.exit(f"failed: seeds {failures}" if failures else 0)


if __name__ == "__main__":
    main()
