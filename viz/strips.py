"""The plan of a long room broken into columns: a chain of layers would be a strip, of which a window shows little.

The strip is cut where no box lies and few arrows cross. Forward the columns stand from left to right; backward from right to
left, beside them as in a mirror, so that the gradient flows to the right too, and begins beside the last column.

Read before: `plans.py`, which says what is in a plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

WINDOW_RATIO = 1.4
"""How many times as wide as high the window is that a plan should fill."""
STRIP_FROM = 2.0
"""A plan that is less than so many times as high as wide is left as it is."""
MOST_CROSSING = 3
"""Where more arrows cross on a side no cut is made."""
BETWEEN_COLUMNS, BETWEEN_SIDES, BEND = 44.0, 40.0, 36.0
"""The room for arrows from column to column, and the one between forward and backward; how far an arrow goes straight."""


def broken(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan, in columns where it is a strip and can be cut. Changes the plan in place, and returns it."""
    boxes = plan["boxes"]
    if len(boxes) < 8:
        return plan
    left, right = min(box["at"][0] for box in boxes), max(box["at"][0] + box["at"][2] for box in boxes)
    top, bottom = min(box["at"][1] for box in boxes), max(box["at"][1] + box["at"][3] for box in boxes)
    wide, high = right - left, bottom - top
    if high < STRIP_FROM * wide:
        return plan
    cuts = _cuts(plan, top, high, max(round(math.sqrt(WINDOW_RATIO * high / wide)), 2))
    if cuts:
        _Columns(plan, [top, *cuts, bottom + 1]).move()
    return plan


def _cuts(plan: dict[str, Any], top: float, high: float, wanted: int) -> list[float]:
    """Heights between rows of boxes, near where equal columns end, where the fewest arrows cross."""
    free = _gaps(plan["boxes"])
    arrows: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for arrow in plan["arrows"]:
        heights = arrow["points"][1::2]
        arrows["gw".find(arrow["from"][0]) >= 0].append((min(heights), max(heights)))
    cuts: list[float] = []
    for column in range(1, wanted):
        ideal = top + high * column / wanted
        near = [height for height in free if abs(height - ideal) < high / wanted / 3]
        crossing = {height: max(sum(a < height < b for a, b in arrows[back]) for back in arrows) for height in near}
        near = [height for height in near if crossing[height] <= MOST_CROSSING]
        if near:
            cuts.append(min(near, key=lambda height: (crossing[height], abs(height - ideal))))
    return cuts


def _gaps(boxes: Iterable[dict[str, Any]]) -> list[float]:
    """Heights at which no box lies, each in the middle of a gap."""
    gaps, end = [], None
    for low, high in sorted((box["at"][1], box["at"][1] + box["at"][3]) for box in boxes):
        if end is not None and low > end + 6:
            gaps.append((low + end) / 2)
        end = high if end is None else max(end, high)
    return gaps


class _Columns:
    """The columns of a plan, each from one of some heights to the next."""

    def __init__(self, plan: dict[str, Any], heights: list[float]):
        self.plan, self.heights = plan, heights
        self.back = {box["id"]: box["back"] for box in plan["boxes"]}
        self.back |= {name: door["back"] for name, door in plan["doors"].items()}
        self.column = {box["id"]: self._column(box["at"][1]) for box in plan["boxes"]}
        self.column |= {name: self._column(door["at"][1]) for name, door in plan["doors"].items()}
        self.ranges: dict[tuple[bool, int], tuple[float, float]] = {}  # from where to where each reached across
        self._measure()
        self.starts: dict[tuple[bool, int], float] = {}  # where each begins now
        self._set_side_by_side()

    def _column(self, height: float) -> int:
        return sum(height >= cut for cut in self.heights[1:-1])

    def _measure(self) -> None:
        for box in self.plan["boxes"]:
            self._reach(box["id"], box["at"][0], box["at"][0] + box["at"][2])
        for name, door in self.plan["doors"].items():
            self._reach(name, door["at"][0], door["at"][0])
        for arrow in self.plan["arrows"]:
            if self._stays(arrow):
                self._reach(arrow["from"], min(arrow["points"][::2]), max(arrow["points"][::2]))
                for text in arrow["texts"]:
                    self._reach(arrow["from"], text["x"], text["x"] + 0.55 * text["size"] * len(text["text"]))

    def _reach(self, name: str, low: float, high: float) -> None:
        key = self.back[name], self.column[name]
        known = self.ranges.get(key, (low, high))
        self.ranges[key] = min(low, known[0]), max(high, known[1])

    def _stays(self, arrow: dict[str, Any]) -> bool:
        """Whether an arrow stays in one column of one side."""
        a, b = arrow["from"], arrow["to"]
        return (self.back[a], self.column[a]) == (self.back[b], self.column[b])

    def _set_side_by_side(self) -> None:
        count, x = len(self.heights) - 1, 0.0
        for key in [*((False, k) for k in range(count)), *((True, k) for k in reversed(range(count)))]:
            if key in self.ranges:
                self.starts[key] = x
                low, high = self.ranges[key]
                x += high - low + BETWEEN_COLUMNS
            if key == (False, count - 1):
                x += BETWEEN_SIDES - BETWEEN_COLUMNS

    def _shift(self, name: str) -> tuple[float, float]:
        key = self.back[name], self.column[name]
        return self.starts[key] - self.ranges[key][0], self.heights[0] - self.heights[self.column[name]]

    def move(self) -> None:
        """Put the columns beside each other, and bend the arrows from one to the next."""
        for box in self.plan["boxes"]:
            dx, dy = self._shift(box["id"])
            box["at"][0], box["at"][1] = round(box["at"][0] + dx, 1), round(box["at"][1] + dy, 1)
        for arrow in self.plan["arrows"]:
            self._move_arrow(arrow)
        for name, door in self.plan["doors"].items():
            dx, dy = self._shift(name)
            door["at"] = [round(door["at"][0] + dx, 1), round(door["at"][1] + dy, 1)]

    def _move_arrow(self, arrow: dict[str, Any]) -> None:
        source, target = arrow["from"], arrow["to"]
        (sx, sy), (tx, ty) = self._shift(source), self._shift(target)
        points = arrow["points"]
        if arrow["kind"] == "beside" or self._stays(arrow):
            arrow["points"] = [round(number + (sx, sy)[place % 2], 1) for place, number in enumerate(points[:2])]
            arrow["points"] += [round(number + (tx, ty)[place % 2], 1) for place, number in enumerate(points[2:])]
        else:
            start, end = (points[0] + sx, points[1] + sy), (points[-2] + tx, points[-1] + ty)
            arrow["points"] = [round(number, 1) for point in self._bent(source, target, start, end) for number in point]
            tx, ty = (
                end[0] + 5 - min((t["x"] for t in arrow["texts"]), default=0),
                end[1] - max((t["y"] for t in arrow["texts"]), default=0),
            )
        for text in arrow["texts"]:
            text["x"], text["y"] = round(text["x"] + tx, 1), round(text["y"] + ty, 1)

    def _bent(self, source: str, target: str, start: tuple[float, float], end: tuple[float, float]) -> list:
        """A curve that leaves its column downward (backward: upward), goes through the gap beside the column of its target,
        and comes in from above (backward: from below)."""
        key = self.back[target], self.column[target]
        low, high = self.ranges[key]
        beside = self.starts[key] - BETWEEN_COLUMNS / 2
        if start[0] > self.starts[key]:
            beside = self.starts[key] + high - low + BETWEEN_COLUMNS / 2
        away = -BEND if self.back[source] else BEND
        middle = beside, (start[1] + end[1]) / 2
        leave = [start, (start[0], start[1] + away), (beside, start[1] + away), middle]
        return [*leave, (beside, end[1] - away), (end[0], end[1] - away), end]
