"""Where a long picture breaks: what would be a strip becomes columns side by side, as in a newspaper.

A graph that is a chain of layers is as high as it is long, and shrunk to a page nobody reads it. It may be cut between two
boxes where few arrows cross, if all frames go through nearly all of it (of frames side by side Graphviz chooses the order). It
then lays out the parts beside each other, as the arrows between them ask for no place.

Read before: `model.py`, `labels.py`. Read next: `dot.py`.
"""

from __future__ import annotations

import math

from .labels import item_label, lines_of
from .model import Drawing

STRIP_RATIO, PAGE_RATIO = 2.4, 1.4
"""A picture that is less than so many times as high as wide is left as it is; and how many times a page is."""
MOST_COLUMNS = 3
"""Graphviz lets arrows of more columns run through each other."""
CROSSING_ARROWS = 2
"""More of them from one column to the next are a tangle."""
THROUGH_PART = 0.6
"""The part of the whole that every frame has to go through."""
LINE_POINTS, ARROW_POINTS, LETTER_POINTS = 14.0, 42.0, 6.0
"""About how high a line in a box is, and the room for an arrow; how wide a letter is."""


def columns(drawing: Drawing) -> dict[str, int]:
    """Which column each box stands in, by its id; one for all where the picture is no strip, or cannot be cut."""
    whole = {item.id: 0 for item in drawing.items}
    if drawing.direction != "forward" or any(edge.kind not in ("forward", "idle", "repeat") for edge in drawing.edges):
        return whole
    rank = _ranks(drawing)
    members: dict[str, set[int]] = {}
    for item in drawing.items:
        for frame in item.path:
            members.setdefault(frame, set()).add(rank[item.id])
    if any(max(ranks) - min(ranks) < THROUGH_PART * max(rank.values()) for ranks in members.values()):
        return whole
    rows: dict[int, list[tuple[float, float]]] = {}
    for item in drawing.items:
        lines = lines_of(item_label(item))
        wide = 24 + LETTER_POINTS * max(map(len, lines), default=4)
        rows.setdefault(rank[item.id], []).append((wide, 12 + LINE_POINTS * len(lines)))
    heights = [max(high for _, high in rows[r]) + ARROW_POINTS for r in sorted(rows)]
    width = max(sum(wide + 22 for wide, _ in row) for row in rows.values()) + 40
    height = sum(heights)
    if height / width < STRIP_RATIO:
        return whole
    wanted = round(math.sqrt(height / (PAGE_RATIO * width)))
    if wanted > MOST_COLUMNS:
        return whole
    cuts = _cuts(drawing, rank, heights, wanted)
    return {item.id: sum(rank[item.id] >= cut for cut in cuts) for item in drawing.items}


def _ranks(drawing: Drawing) -> dict[str, int]:
    """How many arrows lead to each box at most; a box into which none leads stands just above the first that it leads to."""
    into: dict[str, list[str]] = {item.id: [] for item in drawing.items}
    for edge in drawing.edges:
        if edge.kind != "repeat" and edge.source != edge.target:
            into[edge.target].append(edge.source)
    rank: dict[str, int] = {}
    waiting = [item.id for item in drawing.items]
    while waiting:  # boxes come in topological order, but for closed modules
        left = []
        for box in waiting:
            if all(source in rank for source in into[box]):
                rank[box] = max((rank[source] + 1 for source in into[box]), default=0)
            else:
                left.append(box)
        if len(left) == len(waiting):
            return dict.fromkeys(into, 0)
        waiting = left
    users: dict[str, list[str]] = {}
    for target, sources in into.items():
        for source in sources:
            users.setdefault(source, []).append(target)
    for box, sources in into.items():
        if not sources and box in users:
            rank[box] = max(min(rank[user] for user in users[box]) - 1, 0)
    return rank


def _cuts(drawing: Drawing, rank: dict[str, int], heights: list[float], wanted: int) -> list[int]:
    """The first ranks of columns after the first one: near where equal columns end, where the fewest arrows cross."""
    last = len(heights)
    crossing = [0] * (last + 1)
    for edge in drawing.edges:
        if edge.kind != "repeat":
            low, high = sorted((rank[edge.source], rank[edge.target]))
            for cut in range(low + 1, high + 1):
                crossing[cut] += 1
    total, ends = 0.0, [0.0]
    for high in heights:
        total += high
        ends.append(total)
    cuts: list[int] = []
    for k in range(1, wanted):
        ideal = total * k / wanted
        free = [c for c in range((cuts[-1] if cuts else 0) + 1, last) if crossing[c] <= CROSSING_ARROWS]
        near = [c for c in free if abs(ends[c] - ideal) < total / wanted / 3]
        if near:
            cuts.append(min(near, key=lambda c: (crossing[c], abs(ends[c] - ideal))))
    return cuts
