"""Calls that a picture would show in a circle if each were one closed box: they are told apart by when they run.

What is differentiated twice is walked over twice, and each walk comes to a layer on its way back, whatever else it has done
before. As one box, all that walks do for a layer would come before and after other boxes. What was made without
a pause is a box that has a before and an after, so that no circle goes through it.

Read before: `nesting.py`. Read next: `folding.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tinygrad_ml.graph import Node

from .nesting import Again, Pass, Path, paths_of, place_leaves

_Box: TypeAlias = "Path | Node"


def boxes_of(order: Sequence[Node]) -> dict[Node, Path]:
    """For each node of a topological order the boxes it stands in, outermost first; closed boxes never form a circle."""
    paths = paths_of(order)
    _without_circles(order, paths)
    place_leaves(order, paths)
    return paths


def _without_circles(order: Sequence[Node], paths: dict[Node, Path]) -> None:
    """Put what is computed in a call, but later than other things on a circle with it, into a call `Again` of its own.

    order  the nodes in the order in which they were made
    paths  the calls around each operation; they are changed
    """
    if not any(isinstance(place, Pass) for path in paths.values() for place in path[:1]):
        return  # nothing was walked over
    for depth in range(1, max(map(len, paths.values()), default=0) + 1):
        boxes: dict[Node, _Box] = {node: path[:depth] if len(path) >= depth else node for node, path in paths.items()}
        circles = _on_circles(order, boxes)
        runs: Counter[_Box] = Counter()
        parts: dict[tuple[_Box, int], Again | Pass] = {}
        last = None
        for node in order:
            box = boxes.get(node)
            if box is None or box not in circles:
                continue
            runs[box] += box != last
            last = box
            if isinstance(box, tuple) and runs[box] > 1:
                key = box, runs[box]
                if key not in parts:
                    parts[key] = Pass(box[-1].order) if isinstance(box[-1], Pass) else Again(box[-1])
                paths[node] = (*paths[node][: depth - 1], parts[key], *paths[node][depth:])


def _on_circles(order: Sequence[Node], boxes: Mapping[Node, _Box]) -> set[_Box]:
    """The boxes that are on circles, or on a way from one circle to another."""
    after: dict[_Box, set[_Box]] = {box: set() for box in boxes.values()}
    before: dict[_Box, set[_Box]] = {box: set() for box in after}
    for node in order:
        for parent in node.inputs:
            if node in boxes and parent in boxes and boxes[parent] != boxes[node]:
                after[boxes[parent]].add(boxes[node])
                before[boxes[node]].add(boxes[parent])
    left = set(after)
    for ahead, behind in ((after, before), (before, after)):
        waits = {box: len(behind[box] & left) for box in left}
        free = [box for box, count in waits.items() if not count]
        for box in free:  # which grows
            left.discard(box)
            for other in ahead[box]:
                if other in waits:
                    waits[other] -= 1
                    if not waits[other]:
                        free.append(other)
    return left
