"""Which nodes of a file belong to one call of a module, or of a function: what pictures draw as a box that opens.

A file says of a node inside which modules it was made, and not in which call of them. A module that is called twice makes
nodes of the second call out of the first one's results, by way of other nodes: where that is so, another call begins. So no
box has an arrow that leaves it and comes back.

Read before: `expanding.py`. Read next: `running.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .expanding import Enclosing, NodeInPlace


class CallOfNodes(NamedTuple):
    """A call: the number of the call around it (-1 for the model's own), what it is of, and of which module if it is one's.

    path    of the module, from the model, in dots; "" for a function
    kind    what it is called in pictures
    """

    around: int
    enclosing: Enclosing
    path: str
    kind: str


class CallsOfNodes:
    """The calls of a graph's nodes.

    of_step   the number of the innermost call for each step; -1 outside of all
    ends      for the steps that are the last of a module's call: the calls, from the inside, and the values that come out of each
    """

    def __init__(self, placed: Sequence[NodeInPlace]):
        self.calls: list[CallOfNodes] = []
        self.of_step: list[int] = []
        self.ends: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
        self._steps: list[list[int]] = []  # for each call those inside of it
        self._find(placed)
        self._name_kinds(placed)
        self._find_ends(placed)

    def _find(self, placed: Sequence[NodeInPlace]) -> None:
        latest: dict[tuple[int, Enclosing], int] = {}  # (call around, of what) -> the last call
        left: dict[str, int] = {}  # value -> the calls, as bits, that something behind it has left
        made_in: dict[str, int] = {}  # value -> the calls inside which it was made, as bits
        for number, (node, _, around) in enumerate(placed):
            names = [name for name in node.inputs if name in left]
            behind = 0
            for name in names:
                behind |= left[name]
            now, bits = -1, 0
            for enclosing in around:
                call = latest.get((now, enclosing))
                if call is None or behind >> call & 1:
                    call = latest[now, enclosing] = self._open(now, enclosing)
                now, bits = call, bits | 1 << call
                self._steps[call].append(number)
            for name in names:
                behind |= made_in[name] & ~bits
            for name in filter(None, node.outputs):
                left[name], made_in[name] = behind, bits
            self.of_step.append(now)

    def _open(self, around: int, enclosing: Enclosing) -> int:
        inside = self.calls[around].path if around >= 0 else ""
        path = f"{inside}.{enclosing.name}".strip(".") if enclosing.is_module else ""
        self.calls.append(CallOfNodes(around, enclosing, path, enclosing.name))
        self._steps.append([])
        return len(self.calls) - 1

    def _name_kinds(self, placed: Sequence[NodeInPlace]) -> None:
        """A module of one operator is called by that; others are modules."""
        for number, call in enumerate(self.calls):
            if call.enclosing.is_module:
                inside = self._steps[number]
                direct = {placed[step].node.operator for step in inside if self.of_step[step] == number}
                kind = direct.pop() if len(inside) == 1 and direct else "Module"
                self.calls[number] = call._replace(kind=kind)

    def _find_ends(self, placed: Sequence[NodeInPlace]) -> None:
        takers: dict[str, list[int]] = {}
        for number, (node, _, _) in enumerate(placed):
            for name in node.inputs:
                takers.setdefault(name, []).append(number)
        for number in reversed(range(len(self.calls))):
            inside = set(self._steps[number])
            out = tuple(
                name
                for step in self._steps[number]
                for name in placed[step].node.outputs
                if name and not inside.issuperset(takers.get(name, [-1]))
            )
            if self.calls[number].enclosing.is_module:
                self.ends.setdefault(max(inside), []).append((number, out))
