"""Which changes of the code do the tests notice? `python -m tests.mutation` says it for the engine, the optimisers and the passes.

    python -m tests.mutation                                      all mutants: hours
    python -m tests.mutation --sample 300 --processes 2           so many of them, drawn by chance
    python -m tests.mutation tinygrad_ml/graph/walk.py            those of some files
    python -m tests.mutation --again                              what survived last time, anew

A mutant is a small change (`mutants.py`). The tests that reach its line (`reach.py`) run until one fails: then it is killed. What
survives is either a hole in the tests or changes nothing that anybody can see; those of the second kind are listed,
with the reason, in `equivalent.toml`, and are left out. Results are written down one by one: a run that is stopped goes on
where it was, as long as the mutated file is the same; `--again` is for tests that have come since. Which test reaches what
is noted by a first run of the tests, if any file is newer than the last such run: of those that are about the mutated
code (`CHOSEN` in `reach.py`), or with `--all-tests` of all.

It needs `pip install -e ".[test,mutation]"`, and a system that can fork.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import PARTS, ROOT, Mutant, mutants
from tests.mutation.reach import note, noted, tests

RESULTS = ROOT / "bench" / "mutation.jsonl"
SECONDS = 300
"""A run that takes longer is endless. The slowest takes half of it on a busy machine."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", help="what to mutate; by default the engine, optim and the passes")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only those that survived before, and all of these anew")
    parser.add_argument("--all-tests", action="store_true", help="note anew what all tests reach, which takes long")
    options = parser.parse_args()

    files = options.files or sorted(str(path.relative_to(ROOT)) for part in PARTS for path in ROOT.glob(part))
    chosen = [mutant for file in files for mutant in mutants(file)]
    if options.sample is not None and options.sample < len(chosen):
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    known = Known(RESULTS)
    if options.again:
        chosen = [mutant for mutant in chosen if known.outcome(mutant) == "survived"]
        known.forget(chosen)
    left_out = _equivalent(chosen)
    work = [mutant for mutant in chosen if mutant not in left_out and known.outcome(mutant) is None]
    print(f"{len(chosen)} mutants, {len(left_out)} of them equivalent; {len(work)} to try", flush=True)
    if options.all_tests or not noted():
        note(options.all_tests)
    _try(work, known, options.processes)
    _report([mutant for mutant in chosen if mutant not in left_out], known)
    return 0


class Known:
    """Outcomes, in a file: a line for each, by what the mutant is and what the file was."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        path.parent.mkdir(exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        self._found = {entry["key"]: entry["outcome"] for entry in map(json.loads, lines)}

    def outcome(self, mutant: Mutant) -> str | None:
        return self._found.get(self._key(mutant))

    def forget(self, some: list[Mutant]) -> None:
        for mutant in some:
            del self._found[self._key(mutant)]

    def add(self, mutant: Mutant, found: dict) -> None:
        with self._lock, self._path.open("a") as file:
            self._found[self._key(mutant)] = found["outcome"]
            file.write(json.dumps({"key": self._key(mutant), "mutant": str(mutant), **found}) + "\n")

    @staticmethod
    def _key(mutant: Mutant) -> str:
        return hashlib.sha256(repr((mutant, (ROOT / mutant.file).read_text())).encode()).hexdigest()[:20]


def _equivalent(chosen: list[Mutant]) -> set[Mutant]:
    """Those that `equivalent.toml` lists."""
    entries = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text())["mutant"]
    listed = {(entry["file"], entry["before"], entry["after"]) for entry in entries}
    places = {(file, before) for file, before, _ in listed}  # to make each mutant takes long
    return {m for m in chosen if (m.file, m.text()) in places and (m.file, *m.change()) in listed}


def _try(work: list[Mutant], known: Known, processes: int) -> None:
    """The outcome of each, in so many processes, each of which has a copy of the repository."""
    waiting, lock = list(reversed(work)), threading.Lock()

    def take() -> Mutant | None:
        with lock:
            return waiting.pop() if waiting else None

    def serve() -> None:
        with tempfile.TemporaryDirectory() as folder:
            worker = _Worker(Path(folder))
            all_chosen = sorted(set().union(*(tests(mutant.file, mutant.line) for mutant in work)))
            found = worker.ask(file=None, source=None, tests=all_chosen, seconds=10 * SECONDS)
            if found["outcome"] != "survived":
                waiting.clear()
                raise SystemExit(f"the tests do not pass as they are: {found}")
            while (mutant := take()) is not None:
                found = worker.ask(file=mutant.file, source=mutant.source(), tests=tests(mutant.file, mutant.line))
                known.add(mutant, found)
                print(
                    f"{len(waiting):5} left  {found['outcome']:8} {found['seconds']:6.1f} s  {mutant}  {found['by']}",
                    flush=True,
                )
                if found["outcome"] == "survived":
                    print("        - {}\n        + {}".format(*mutant.change()), flush=True)

    with ThreadPoolExecutor(processes) as pool:
        for done in [pool.submit(serve) for _ in range(processes)]:
            done.result()


class _Worker:
    """A process that runs tests in a copy of the repository."""

    def __init__(self, folder: Path):
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "CI": "1"}  # CI: no random draws
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.worker"],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **request) -> dict:
        self._process.stdin.write(json.dumps({"seconds": SECONDS, **request}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _report(chosen: list[Mutant], known: Known) -> None:
    by_file: dict[str, Counter] = {}
    for mutant in chosen:
        by_file.setdefault(mutant.file, Counter())[known.outcome(mutant)] += 1
    print(f"\n| {'file':40} | mutants | killed | survived |\n|---|---|---|---|")
    total: Counter = Counter()
    for file, found in by_file.items():
        _row(file, found)
        total += found
    _row("all", total)


def _row(name: str, found: Counter) -> None:
    survived, count = found["survived"], sum(number for outcome, number in found.items() if outcome is not None)
    print(f"| {name:40} | {count} | {count - survived} ({(count - survived) / max(count, 1):.0%}) | {survived} |")


if __name__ == "__main__":
    sys.exit(main())
