"""Programs that users bring, beside PyTorch and JAX: `python tests/benchmarks/suite.py` (pip install 'tinygrad_ml[bench]').

Each program of `suite/` is trained by this library, eager and compiled, by PyTorch, eager with fused optimisers and by
torch.compile, and by JAX under `jit`, whose state's memory is given away. All begin with the same weights and data. Each runs
in a process of its own, and they take turns (`race.py`).

1. The first call, and the second, with nothing cached and with what the process before has left; and by how much 20 steps
   raised the peak of the process's memory above what it had with imports and data.
2. A step, on one core and on all: milliseconds (median), the medians of paired ratios, and the largest relative difference
   of the losses of 20 steps from PyTorch's; the geometric means of the ratios.

    python tests/benchmarks/suite.py --only LSTM GPT --rounds 5 --cores one --no-first-calls
    python tests/benchmarks/suite.py --clock processor              on a machine that others use, too
    python tests/benchmarks/suite.py --instructions avx2            as on an older processor (`suite/instructions.py`)
    python tests/benchmarks/suite.py --keep runs/suite.json --picture runs/suite.svg --write      all of it; about an hour

Time is told by the wall's clock or, with `--clock processor`, by the processor's, in which torch.compile's compiler does not
count; steps on all cores always by the wall's. With `--keep` what was measured is kept in a file, and what is in it
already is not measured again, so that a long run can be made in parts. Peers that are not there are left out, and
torch.compile where there is no C++ compiler.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import results
from race import Race
from step_cpu import CACHES, KEEP_ALL
from suite import PROGRAMS, instructions, picture, tables
from timing import machine
from turns import CONTESTANTS, Entry

PACKAGES = ("tinygrad_ml", "numpy", "llvmlite", "torch", "jax")
ONE_CORE = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
"""Of one core, compilers in processes of their own take more than they give."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="programs whose titles have one of these in them")
    parser.add_argument("--who", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS), metavar="WHO")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--cores", choices=["one", "all", "none"], help="of steps (default: one, then all)")
    parser.add_argument(
        "--patience", type=float, default=900, help="seconds for the first steps, or a peer is left out"
    )
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    parser.add_argument("--instructions", choices=list(instructions.LIMITS), help="no newer ones, for all contestants")
    parser.add_argument("--no-first-calls", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where what was measured is kept")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="a picture of the steps (.svg, .png); needs matplotlib"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md as well")
    given = parser.parse_args()
    titles = [name for name in PROGRAMS if not given.only or any(word.lower() in name.lower() for word in given.only)]
    if not titles:
        raise SystemExit(f"no program is called so; there are {', '.join(PROGRAMS)}")
    if not shutil.which("g++") and not shutil.which("clang++"):
        print("torch.compile is left out: there is no C++ compiler", file=sys.stderr)
        given.who = [who for who in given.who if who != "PyTorch, compiled"]
    measured: dict[str, Any] = json.loads(given.keep.read_text()) if given.keep and given.keep.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for title in titles:
            for what, found in measure(title, given, measured.setdefault(title, {}), folder):
                measured[title][what] = found
                if given.keep:
                    given.keep.write_text(json.dumps(measured))
            print(f"measured: {title}", file=sys.stderr)
    measured = {title: measured[title] for title in PROGRAMS if title in measured}
    limit = f", no instructions newer than {given.instructions.upper()}" if given.instructions else ""
    clock = "processor" if given.clock == "processor" else "seconds"
    shown = {
        "one": tables.of_steps(measured, "one", clock, limit),
        "all": tables.of_steps(measured, "all", "seconds", limit),
    }
    parts = [shown[cores] for cores in shown if any(cores in found for found in measured.values())]
    if any("calls" in found for found in measured.values()):
        parts.append(tables.of_first_calls(measured, given.clock))
    about = machine(*PACKAGES)
    print("\n".join([*parts, about]))
    if given.picture:
        cores = "all" if given.cores == "all" else "one"
        picture.draw(measured, cores, clock if cores == "one" else "seconds", given.picture)
    if given.write:
        command = f"python tests/benchmarks/suite.py {' '.join(sys.argv[1:])}"
        results.write("suite", results.dated(command, about, "\n".join(parts)))


def measure(
    title: str, given: argparse.Namespace, known: dict[str, Any], folder: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(which, what was measured) of a program, for what is not known yet. Machine code for steps is kept in `folder`."""
    entry = Entry(title, given.tiny, 2 if given.tiny else Entry(title).compared)
    limits = instructions.LIMITS[given.instructions]() if given.instructions else {}
    if not given.no_first_calls and "calls" not in known:
        compilers = [who for who in given.who if who in tables.COMPILERS]
        yield "calls", {who: told for who in compilers if (told := first_calls(entry, who, given.patience, limits))}
    for cores, threads in (("one", 1), ("all", None)):
        if given.cores in (None, cores) and cores not in known:
            race = Race(entry, given.who, threads, limits | caches(folder, threads), "turns.py", given.patience)
            race.run(given.rounds, warmup=1)
            told = {what: {who: said[what] for who, said in race.told.items()} for what in ("losses", "megabytes")}
            yield cores, {"turns": race.turns, "absent": race.absent, **told}


def first_calls(entry: Entry, who: str, patience: float, limits: dict[str, str]) -> dict[str, Any]:
    """Seconds of the first two calls, in a process alone on one core, with an empty cache and again; and its memory."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for cache in tables.CACHES:
            told = Race(entry, [who], 1, limits | caches(folder, 1), "turns.py", patience).run(0, 0).told.get(who)
            if told:
                found[cache] = told["calls"]
                found.setdefault("megabytes", told["megabytes"])  # with what compiling takes
    return found


def caches(folder: str, threads: int | None) -> dict[str, str]:
    """Variables by which compilers keep what they make in `folder`."""
    kept = {cache: str(Path(folder, cache)) for cache in CACHES}
    return kept | KEEP_ALL | (ONE_CORE if threads == 1 else {})


if __name__ == "__main__":
    main()
