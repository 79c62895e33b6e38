"""Programs that users bring, beside PyTorch and JAX: `python tests/benchmarks/suite.py` (pip install 'tinygrad_ml[bench]').

Each program of `suite/` is trained by this library, eager and compiled, by PyTorch, eager with fused optimisers and by
torch.compile, and by JAX under `jit`, whose state's memory is given away. All begin with the same weights and data. Each runs
in a process of its own, and they take turns (`race.py`).

1. A step: milliseconds (median), the medians of paired ratios, and the largest relative difference of the losses of
   20 steps from PyTorch's; the geometric means of the ratios, without Newton's method, in which we win by a hundredfold.
2. The first call, and the second, with nothing cached and with what the process before has left; and by how much 20 steps
   raised the peak of the process's memory above what it had with imports and data.

    python tests/benchmarks/suite.py --only LSTM GPT --rounds 5 --cores one --no-first-calls
    python tests/benchmarks/suite.py --clock processor          on a machine that others use, too
    python tests/benchmarks/suite.py --write                    all of it, into RESULTS.md; about an hour

What a step takes is told by the wall's clock or, with `--clock processor`, by the processor's, in which torch.compile's
compiler does not count. Peers that are not there are left out, and torch.compile where there is no C++ compiler.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

import results
from race import Race, digits
from step_cpu import CACHES, KEEP_ALL
from suite import PROGRAMS
from timing import machine
from turns import CONTESTANTS, Entry

PEERS = ("PyTorch", "PyTorch, compiled", "JAX")
COMPILERS = ("compiled", "PyTorch, compiled", "JAX")
APART = "Newton"
PACKAGES = ("tinygrad_ml", "numpy", "llvmlite", "torch", "jax")
PATIENCE = 900
"""Seconds for the first steps: torch.compile takes minutes for a loop of 200 rounds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="programs whose titles have one of these in them")
    parser.add_argument("--who", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS), metavar="WHO")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--cores", choices=["one", "all"], help="default: one, then all")
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    parser.add_argument("--no-first-calls", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md as well")
    given = parser.parse_args()
    titles = [name for name in PROGRAMS if not given.only or any(word.lower() in name.lower() for word in given.only)]
    if not titles:
        raise SystemExit(f"no program is called so; there are {', '.join(PROGRAMS)}")
    if not shutil.which("g++") and not shutil.which("clang++"):
        print("torch.compile is left out: there is no C++ compiler", file=sys.stderr)
        given.who = [who for who in given.who if who != "PyTorch, compiled"]
    tables = []

    def show(table: str) -> None:
        tables.append(table)
        print(table, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        caches = KEEP_ALL | {cache: str(Path(folder, cache)) for cache in CACHES}
        if not given.no_first_calls:
            show(first_calls(titles, given, folder))
        for cores in ("one", "all"):
            if given.cores in (None, cores):
                show(steps(titles, given, cores, caches))
    about = machine(*PACKAGES)
    print(about)
    if given.write:
        command = f"python tests/benchmarks/suite.py {' '.join(sys.argv[1:])}"
        results.write("suite", results.dated(command, about, "\n".join(tables)))


def steps(titles: list[str], given: argparse.Namespace, cores: str, caches: dict[str, str]) -> str:
    """The table of all steps, and the geometric means of the ratios."""
    clock = "processor" if given.clock == "processor" else "seconds"
    heads = [f"{who}, ms" for who in given.who]
    rows = [["a step", *heads, "eager/PyTorch", "compiled/best peer", "losses: eager", "compiled", "JAX"]]
    rows.append(["---"] * len(rows[0]))
    eager, compiled, absent = [], [], []
    for title in titles:
        entry = Entry(title, given.tiny, 2 if given.tiny else Entry(title).compared)
        race = Race(entry, given.who, 1 if cores == "one" else None, caches, "turns.py", PATIENCE).run(given.rounds, 1)
        absent += [f"{title}: {who}, {why}" for who, why in race.absent.items()]
        times = {who: median(getattr(turn, clock) for turn in turns) for who, turns in race.turns.items()}
        row = [title, *(digits(1e3 * times[who]) if who in times else "-" for who in given.who)]
        against = {"eager": ["PyTorch"], "compiled": PEERS}
        for who, found in (("eager", eager), ("compiled", compiled)):
            ratios = {peer: race.ratio(who, peer, clock) for peer in against[who] if {who, peer} <= times.keys()}
            if not ratios:
                row.append("-")
                continue
            best = max(ratios, key=ratios.get)
            row.append(f"{ratios[best]:.2f}x" + (f" ({best})" if who == "compiled" else ""))
            if not title.startswith(APART):
                found.append(ratios[best])
        rows.append([*row, *(_difference(race.told, who) for who in ("eager", "compiled", "JAX"))])
        print(_line(rows[-1]), file=sys.stderr)
    rows.append(
        [f"**geometric mean without {APART}**", *("" for _ in heads), _mean(eager), _mean(compiled), "", "", ""]
    )
    left_out = [f"\nLeft out: {why}." for why in absent]
    return "\n".join([f"### Steps, {cores} core{'s' if cores == 'all' else ''}\n", *map(_line, rows), *left_out, ""])


def first_calls(titles: list[str], given: argparse.Namespace, folder: str) -> str:
    """First + second call in seconds, in a process alone on one core, with an empty cache and again; and memory."""
    compilers = [who for who in COMPILERS if who in given.who]
    heads = [f"{who}: {cache}" for who in compilers for cache in ("empty", "warm")]
    rows = [["first + second call, s", *heads, *(f"{who}, MB" for who in given.who)]]
    rows.append(["---"] * len(rows[0]))
    for title in titles:
        row, memory = [title], {}
        for who in given.who:
            for cache in ("empty", "warm") if who in compilers else ("none",):
                caches = KEEP_ALL | {name: str(Path(folder, title.replace(" ", ""), name)) for name in CACHES}
                entry = Entry(title, given.tiny, 2 if given.tiny else Entry(title).compared)
                told = Race(entry, [who], 1, caches, "turns.py", PATIENCE).run(0, 0).told.get(who)
                if cache != "none":
                    row.append("-" if told is None else _calls(told["calls"], given.clock))
                if cache != "warm":
                    memory[who] = "-" if told is None else f"{told['megabytes']:.0f}"
        rows.append([*row, *memory.values()])
        print(_line(rows[-1]), file=sys.stderr)
    return "\n".join(["### First calls, and memory\n", *map(_line, rows), ""])


def _calls(calls: list, clock: str) -> str:
    return " + ".join(f"{call[clock == 'processor']:.2f}" for call in calls)


def _difference(told: dict[str, dict], who: str) -> str:
    """The largest relative difference of losses from PyTorch's; of the compiled ones whether they are the eager ones."""
    if who == "compiled" and {"eager", who} <= told.keys() and told[who]["losses"] == told["eager"]["losses"]:
        return "= eager"
    if not {"PyTorch", who} <= told.keys():
        return "-"
    pairs = zip(told[who]["losses"], told["PyTorch"]["losses"], strict=True)
    return f"{max(abs(a - b) / max(abs(b), 1e-30) for a, b in pairs):.0e}"


def _mean(ratios: list[float]) -> str:
    return f"**{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}x**" if ratios else "-"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
