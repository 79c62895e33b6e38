"""Figures laid over the boxes: a colour for how much, and an alarm where numbers stop being numbers.

Read before: `model.py`, `backward.py`. Read next: `reading.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, log, prod

from tinygrad_ml.graph import Node

from .backward import Share, Walk
from .figures import amount, byte_text, number
from .labels import gradient_text
from .model import Item


def heat(items: Sequence[Item], overlay: str) -> None:
    """Colour the boxes by "flops", "bytes", or "gradient" (its norm), on a logarithmic scale."""
    figures = {}
    for item in items:
        if overlay == "gradient":
            summary = item.gradient.numbers if item.gradient else None
            figure, text = (summary.norm, f"gradient norm {number(summary.norm)}") if summary else (item.norm, "")
            if gradient_text(item.gradient).startswith("norm"):
                text = ""  # it is there already
        else:
            figure = item.flops if overlay == "flops" else item.bytes
            text = f"{amount(figure)} FLOP" if overlay == "flops" else byte_text(figure)
        if figure:
            figures[item.id], item.heat_text = figure, text
    if not figures:
        return
    low, high = log(min(figures.values())), log(max(figures.values()))
    for item in items:
        if item.id in figures:
            item.heat = (log(figures[item.id]) - low) / (high - low) if high > low else 1.0


class NotFinite:
    """Where nan and infinite numbers are: where they begin, and where they only arrive.

    Places are ids of boxes. A value that is not finite begins where all that went in is finite; a gradient, where the
    gradients that it is made of are, and the values that its rules take. Elementwise there are no more of them than came
    in, unless some begin.
    """

    def __init__(self, values: Mapping[Node, int], walk: Walk | None):
        """values: node -> how many of its numbers are not finite, if any are."""
        self.values, self.gradients = values, {}
        self._users: dict[Node, set[Node]] = {}
        for node, gradient in (walk.gradients if walk else {}).items():
            if gradient.numbers is not None and (count := gradient.numbers.nan + gradient.numbers.infinite):
                self.gradients[node] = count
        for event in walk.events if walk else ():
            if isinstance(event, Share):
                self._users.setdefault(event.node, set()).add(event.user)

    def mark(self, items: Mapping[str, Item], place: Callable, gradient_place: Callable) -> None:
        """Say it in the boxes, with an alarm where it begins; both callables find the box of a node."""
        self._mark(items, place, self.values, "", self._values_that_come_in)
        self._mark(items, gradient_place, self.gradients, "gradient: ", self._gradients_that_come_in)

    def _values_that_come_in(self, node: Node) -> float:
        """How many numbers at most are not finite because others are not."""
        return self._spread_of(node, node, node.inputs, self.values)

    def _gradients_that_come_in(self, node: Node) -> float:
        users = self._users.get(node, ())
        counts = (
            self._spread_of(node, user, [user], self.gradients)
            + self._spread_of(node, user, user.saved_from, self.values)
            for user in users
        )
        return sum(counts)

    @staticmethod
    def _spread_of(node: Node, operation: Node, sources: Iterable[Node], counts: Mapping[Node, int]) -> float:
        """Into how many numbers of a node those that are not finite of some sources go: elementwise each into its place,
        or where it is repeated; else into any number."""
        found = [source for source in set(sources) if source in counts]
        if found and not (operation.op is not None and operation.op.kind == "elementwise"):
            return inf
        return sum(counts[source] * max(prod(node.shape) / max(prod(source.shape), 1), 1) for source in found)

    @staticmethod
    def _mark(
        items: Mapping[str, Item], place: Callable, counts: Mapping[Node, int], what: str, coming_in: Callable
    ) -> None:
        found: Counter[str] = Counter()
        begins: dict[str, str] = {}
        for node, count in counts.items():
            found[place(node)] += count
            if count > (others := coming_in(node)):
                begins[place(node)] = "some begin here" if others else "begin here"
        for box, count in found.items():
            if (item := items.get(box)) is not None:
                where = begins.get(box, "from what comes in")
                says = f"{what if item.kind != 'gradient' else ''}{count} nan or infinite, {where}"
                item.heat_text = f"{item.heat_text}; {says}" if item.heat_text else says
                item.alarm = item.alarm or box in begins
