"""How often each claim of the lessons holds, when they begin from other random numbers: `--seeds` of `__main__.py`.

A claim that one run bears out may have been lucky. So each lesson runs with the seeds 0, 1, 2, ..., round by round, and
what came out is written down at once, a line of JSON for each run: a command that was stopped goes on where it was, and
counts only runs of the lesson's present text. A lesson that never asked for its seed draws no random numbers, and runs
once. Claims about time depend on the machine as well.

Read before: `common.py`, for what a claim rests on.
"""

from __future__ import annotations

import hashlib
import io
import json
import statistics
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from .common import Check, Run, Table, spread_of, written

OFTEN = 0.95


def run_over(modules: Sequence[Any], seeds: int, size: str, out: Path) -> list[dict]:
    """Run the lessons with each of the seeds that is not in `out/seeds.jsonl` yet; what the file then has of them."""
    texts = {module: text_of(module) for module in modules}  # now, as somebody may edit them meanwhile
    for seed in range(seeds):
        for module in modules:
            known = read([module], size, out)
            if any(found["seed"] == seed or not found["random"] for found in known):
                continue
            made, started = io.StringIO(), time.process_time()
            with redirect_stdout(made):
                run = Run(module, size, out, seed, drawn=False)
                module.lesson(run)
            found = _record(run, seed, texts[module], time.process_time() - started)
            with (out / "seeds.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(found, ensure_ascii=False) + "\n")
            held = sum(claim["holds"] is not False for claim in found["claims"])
            print(
                f"{run.name}, seed {seed}: {held} of {len(found['claims'])} claims ({found['seconds']:.0f} s)",
                flush=True,
            )
    return [found for found in read(modules, size, out) if found["seed"] < seeds]


def read(modules: Sequence[Any], size: str, out: Path) -> list[dict]:
    """What was found before with the present text of these lessons."""
    file, texts = out / "seeds.jsonl", {text_of(module) for module in modules}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [found for found in map(json.loads, lines) if found["text"] in texts and found["size"] == size]


def text_of(module: Any) -> str:
    """What tells a lesson's text from an earlier one."""
    return hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()[:16]


def claims(records: Sequence[dict]) -> dict[tuple[str, str], list[dict]]:
    """{(lesson, claim): what each run said of it}, in the order of the first run."""
    made: dict[tuple[str, str], list[dict]] = {}
    for found in records:
        for claim in found["claims"]:
            made.setdefault((found["lesson"], claim["claim"]), []).append(claim)
    return made


def share(said: Sequence[dict]) -> str:
    """In how many runs a claim held."""
    held = _verdicts(said)
    return f"{sum(held)} of {len(held)}"


def often(said: Sequence[dict]) -> bool:
    """Whether that is often enough."""
    held = _verdicts(said)
    return sum(held) >= OFTEN * len(held)


def measured(said: Sequence[dict]) -> str:
    """Each effect beside its spread over the runs, and what was asked of it."""
    return "; ".join(
        _measured([effect["size"] for effect in column], column[0])
        for column in zip(*(claim["effects"] for claim in said), strict=True)
    )


def _measured(sizes: list[float], effect: dict) -> str:
    spread = f" ({spread_of(sizes)})" if len(sizes) > 1 else ""
    return f"{effect['what']} {written(statistics.median(sizes))}{spread}, more than {effect['above']:g} asked"


def table(records: Sequence[dict]) -> Table:
    """A row for each claim: how often it held, and by how much."""
    rows = [[lesson, claim, share(said), measured(said)] for (lesson, claim), said in claims(records).items()]
    return Table(["lesson", "claim", "held", "median of the runs (lowest to highest)"], rows)


def _verdicts(said: Sequence[dict]) -> list[bool]:
    return [claim["holds"] for claim in said if claim["holds"] is not None]


def _record(run: Run, seed: int, text: str, seconds: float) -> dict:
    said = [
        {
            "claim": check.claim,
            "holds": check.holds,
            "effects": [{"what": e.what, "size": e.size, "above": e.above} for e in check.effects],
        }
        for check in run.kept
        if isinstance(check, Check)
    ]
    found = {"lesson": run.name, "size": run.size, "seed": seed, "random": run.random, "text": text}
    return {**found, "seconds": round(seconds, 1), "claims": said}
