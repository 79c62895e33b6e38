"""What was measured, as tables. `suite.py` measures; `picture.py` draws the same.

measured = {title: {"one": steps, "all": steps, "calls": {who: call}}}
steps    = {"turns": {who: [(seconds, cores busy), ...]}, "losses": {who: [...]}, "absent": {who: why}}
call     = {"empty": [[seconds, processor's seconds], ...], "warm": ..., "megabytes": ...}
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import geometric_mean, median
from typing import Any

from race import Turn, digits

PEERS = ("PyTorch", "PyTorch, compiled", "JAX")
COMPILERS = ("compiled", "PyTorch, compiled", "JAX")
CACHES = ("empty", "warm")
WHO = ("eager", "compiled", *PEERS)
APART = "Newton"
"""Not in the means: in it we are far ahead of PyTorch, and one program of thirty should not decide."""


def seconds_of(turns: list, clock: str) -> list[float]:
    return [getattr(Turn(*turn), clock) for turn in turns]


def ratio(steps: dict[str, Any], who: str, other: str, clock: str) -> float:
    """The median of the paired ratios of the time of one to that of another."""
    pairs = zip(*(seconds_of(steps["turns"][name], clock) for name in (who, other)), strict=True)
    return median(a / b for a, b in pairs)


def best_peer(steps: dict[str, Any], clock: str) -> tuple[float, str] | None:
    """The largest ratio of our compiled step to a peer's, and whose that is."""
    there = [peer for peer in PEERS if {peer, "compiled"} <= steps["turns"].keys()]
    return max(((ratio(steps, "compiled", peer, clock), peer) for peer in there), default=None)


def of_steps(measured: dict[str, Any], cores: str, clock: str, limit: str = "") -> str:
    """The table of steps on one core or all, those first in which we are farthest behind; and the geometric means.

    limit  what the heading says of how all of them were limited
    """
    rows: list[tuple[float, list[str]]] = []
    eager, compiled, absent = [], [], []
    for title, found in measured.items():
        if cores not in found:
            continue
        steps = found[cores]
        turns = steps["turns"]
        absent += [f"{title}: {who} ({why})" for who, why in steps["absent"].items()]
        row = [title, *(digits(1e3 * median(seconds_of(turns[who], clock))) if who in turns else "-" for who in WHO)]
        behind = ratio(steps, "eager", "PyTorch", clock) if {"eager", "PyTorch"} <= turns.keys() else None
        best = best_peer(steps, clock)
        row += [
            f"{behind:.2f}x" if behind else "-",
            f"{best[0]:.2f}x ({best[1]})" if best else "-",
            *(difference(steps["losses"], who) for who in ("eager", "compiled", "JAX")),
        ]
        rows.append((best[0] if best else 0.0, row))
        if not title.startswith(APART):
            eager += [behind] if behind else []
            compiled += [best[0]] if best else []
    heads = ["a step, ms", *WHO, "eager/PyTorch", "compiled/best peer", "losses: eager", "compiled", "JAX"]
    lines = [row for _, row in sorted(rows, key=lambda pair: -pair[0])]
    lines.append([f"**geometric mean without {APART}**", *[""] * len(WHO), _mean(eager), _mean(compiled), "", "", ""])
    ahead = sum(one <= 1 for one in compiled)
    notes = [f"Compiled, {ahead} of {len(compiled)} are at most as long as the best peer."] if compiled else []
    title = f"Steps, {cores} core{'s' if cores == 'all' else ''}{limit}"
    return _table(title, [heads, *lines], [*notes, *map(_left_out, absent)])


def of_first_calls(measured: dict[str, Any], clock: str) -> str:
    """The first + the second call, in seconds, with an empty cache and a warm one; and memory."""
    rows = [["first + second call, s", *(f"{who}: {cache}" for who in COMPILERS for cache in CACHES)]]
    rows[0] += [f"{who}, MB" for who in WHO]
    column = 1 if clock == "processor" else 0
    for title, found in measured.items():
        if "calls" in found:
            calls = found["calls"]
            told = [calls.get(who, {}).get(cache) for who in COMPILERS for cache in CACHES]
            row = [title, *(" + ".join(f"{call[column]:.2f}" for call in times) if times else "-" for times in told)]
            memory = found.get("one", {}).get("megabytes", {}) | {who: call["megabytes"] for who, call in calls.items()}
            rows.append(row + [f"{memory[who]:.0f}" if who in memory else "-" for who in WHO])
    return _table("First calls, and memory", rows, [])


def difference(losses: dict[str, list[float]], who: str) -> str:
    """The largest relative difference of losses from PyTorch's; of the compiled ones, whether they are the eager ones."""
    if who == "compiled" and {"eager", who} <= losses.keys() and losses[who] == losses["eager"]:
        return "= eager"
    if not {"PyTorch", who} <= losses.keys():
        return "-"
    pairs = zip(losses[who], losses["PyTorch"], strict=True)
    return f"{max(abs(a - b) / max(abs(b), 1e-30) for a, b in pairs):.0e}"


def _mean(ratios: list[float]) -> str:
    return f"**{geometric_mean(ratios):.2f}x**" if ratios else "-"


def _left_out(absent: str) -> str:
    return f"Left out: {absent}."


def _table(title: str, rows: list[list[str]], notes: list[str]) -> str:
    line: Callable[[list[str]], str] = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n\n".join([f"### {title}", "\n".join(map(line, rows)), *notes]) + "\n"
