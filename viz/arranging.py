"""Where each node of a graph is drawn: in a box of its own, inside of a closed module, or not at all.

Read before: `nesting.py`, `folding.py`, `levels.py`. Read next: `reading.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import NamedTuple

from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node, topological
from tinygrad_ml.modes import Place

from . import nesting, words
from .circles import boxes_of
from .facts import is_made_of_numbers, is_mask
from .folding import Folding, calls_of
from .given import Handed, handed
from .levels import closed_below, closed_calls, default_level
from .model import Frame
from .subject import is_note, noted


class Gift(NamedTuple):
    """An arrow from what a function was given, and the graph does not know, to the closed call that took it."""

    source: str
    target: str
    name: str
    what: Handed
    kind: str


COMFORTABLE_NODES = 300
"""Above this many boxes modules are closed, if the graph has any and no depth was asked for."""


class Arrangement:
    """Nodes in topological order, their names, the id of the box of each, and the frames around the boxes.

    Ids count from 0 in each picture: `n7` is a box, `g7` the gradient beside it, `m7` a closed
    call, `w7` the gradients inside of it, `c2` a frame and `d2` the frame facing it.

    level     what is closed, and `opened` what is open all the same; by default what is usual for the graph, or `usual`
    depth     how many levels of modules are opened, instead of a level
    called    names of what is no node, by `id`
    finished  whether the outputs are results, and not what an operation was given that failed
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        direction: str,
        depth: int | None,
        fold: bool,
        limit: int,
        finished: bool = True,
        *,
        level: str | None = None,
        opened: Collection[str] = (),
        usual: str | None = None,
        called: Mapping[int, str] = MappingProxyType({}),
    ):
        self.outputs = list(dict.fromkeys(outputs))
        self.order = topological(self.outputs)
        self._called, self._direction = called, direction
        self.results = list(map(noted, self.outputs)) if finished else []
        self.notes: list[str] = []
        self._paths = boxes_of(self.order)
        folding = Folding(self.order if fold else [], self._paths)
        self._counterparts, self._rows = folding.counterpart, folding.rows
        self._calls = calls_of(self._paths)
        self._with_parameters = nesting.with_parameters(self.order, self._paths)
        self._numbers_in_formulas = _numbers_in_formulas(self.order, self.outputs)
        self.number = {node: number for number, node in enumerate(self.order)}
        self.level = "operations" if depth is not None else level or usual or default_level(self._paths)
        self._inside = closed_calls(self._paths, level or (usual if depth is None else None), opened, depth)
        self._close_more(depth, direction, limit, asked=level is not None)
        self._shared = self._take_in_shared()
        self._find_copies()
        self._speakers = self._find_speakers()
        hidden = {*self._inside, *self._copies, *self._numbers_in_formulas} - set(self._speakers.values())
        self.names = words.names_of(self.order, self.results, hidden)
        self._name_constants()
        self.loss = self.names[self.outputs[0]] if len(self.outputs) == 1 else "L"
        self.title = ", ".join(self.names[node] for node in self.outputs[:3]) + ", …" * (len(self.outputs) > 3)
        self._set_places()

    def cut(self, depth: int) -> Arrangement:
        """The same graph, with the same names, with all calls closed that lie `depth` deep, and those around them open."""
        other = copy(self)
        other.notes = []
        other.names = dict(self.names)
        other._inside = {node: path[:depth] for node, path in self._paths.items() if len(path) >= depth}
        other._shared = set()  # a parameter of several calls is a box beside them, at every depth
        other._find_copies()
        other._speakers = other._find_speakers()
        other._set_places()
        return other

    @property
    def depth(self) -> int:
        """How deep calls lie in calls."""
        return max(map(len, self._paths.values()), default=0)

    def _find_copies(self) -> None:
        """The nodes of equal modules in a row, but where the row is inside of one closed box."""
        self._copies = {
            node: first
            for node, first in self._counterparts.items()
            if node not in self._inside or self._inside[node] != self._inside.get(first)
        }

    def _set_places(self) -> None:
        """The box of each node, what stands beside them, and the frames around them."""
        self._boxes: dict[nesting.Path, str] = {}
        self._places: dict[Node, str | None] = {}
        self._frame_ids: dict[nesting.Path, str] = {}
        self.frames: dict[str, Frame] = {}
        self._box_frames: dict[str, tuple[str, ...]] = {}
        self._closed: dict[str, nesting.Path] = {}
        self._around: dict[str, nesting.Path] = {}
        self._results: dict[str, Node] = {}
        for node in self.order:
            place = self._places[node] = self._find_place(node)
            if place is not None and node not in self._copies and (node.op is not None or place not in self._closed):
                self._results[place] = node
        self._asides: dict[Place, str] = {}
        self.given = self._give()
        self._add_frames(self._direction)

    def _name_constants(self) -> None:
        """What functions made for themselves is called a constant, and no input; a mask is called one whoever made it."""
        made = [node for node in self.order if node.name is None and self.made_by_a_function(node)]
        made = [node for node in made if not (words.is_constant(node) or node.needs_grad or is_mask(node))]
        shown = sum(node not in self._inside and node not in self._copies for node in made)
        made.sort(key=lambda node: node in self._inside or node in self._copies)
        for count, node in enumerate(made, start=1):
            self.names[node] = words.numbered("constant", count, shown)

    def _close_more(self, depth: int | None, direction: str, limit: int, asked: bool) -> None:
        """Close more calls where there is too much to see, and nobody asked for it."""
        sides = 2 if direction == "both" else 1
        boxes = self._count(self._inside) * sides
        if depth is None and not asked and boxes > COMFORTABLE_NODES:
            by_level = self._inside
            deepest = max((sum(map(nesting.is_module, path)) for path in self._paths.values()), default=0)
            for depth in range(deepest - 1, -1, -1):
                self._inside = {**by_level, **_outer(closed_below(self._paths, depth), by_level)}
                boxes = self._count(self._inside) * sides
                if boxes <= COMFORTABLE_NODES:
                    break
            if len(self._inside) > len(by_level) or self._inside != by_level:
                self.notes.append(
                    f"{len(self.order)} nodes: modules below depth {depth} are closed. Open more with depth= or level=."
                )
        if boxes > limit:
            raise OptionError(self._too_large(boxes, limit))

    def open_calls(self, level: str | None, opened: Collection[str], depth: int | None) -> set[nesting.Path]:
        """The calls that are open at a level, or down to a depth, of this graph."""
        shut = set(closed_calls(self._paths, level, opened, depth).values())
        calls = {path[:deep] for path in self._paths.values() for deep in range(1, len(path) + 1)}
        return {call for call in calls if not any(call[:deep] in shut for deep in range(1, len(call) + 1))}

    def _find_speakers(self) -> dict[nesting.Path, Node]:
        """For each closed function the last of its operations whose result is used outside."""
        ends = {*map(noted, self.outputs)}
        for node in self.order:
            ends.update(parent for parent in node.inputs if self._inside.get(parent) != self._inside.get(node))
        found = {self._inside[node]: node for node in self.order if node in ends and node in self._inside and node.op}
        return {path: node for path, node in found.items() if path[-1].is_function}

    def _take_in_shared(self) -> set[Node]:
        """Put the parameters of a module that is called several times, and closed, into the box of its first call."""
        users: dict[Node, list[Node]] = {}
        for node in self.order:
            for parent in node.inputs:
                if parent.op is None and parent not in self._inside and nesting.belongs_to_a_module(parent):
                    users.setdefault(parent, []).append(node)
        taken = set()
        for leaf, found in users.items():
            calls = [self._inside[user][-1] for user in found if user in self._inside]
            if len(calls) == len(found) and len({call.identity for call in calls}) == 1 and nesting.is_module(calls[0]):
                self._inside[leaf] = self._inside[found[0]]
                taken.add(leaf)
        return taken

    def _count(self, inside: dict[Node, nesting.Path]) -> int:
        boxes = {
            inside.get(node, node)
            for node in self.order
            if node not in self._counterparts and node not in self._numbers_in_formulas
        }
        return len(boxes)

    def _too_large(self, boxes: int, limit: int) -> str:
        modules = any(nesting.is_module(place) for path in self._paths.values() for place in path)
        way = (
            "draw fewer levels of modules, as in depth=0"
            if modules
            else "compute its parts inside modules (nn.Module), which can be closed with depth=0"
        )
        return (
            f"this graph would be a picture of {boxes:,} boxes, which is more than limit={limit:,}: its layout would take "
            f"minutes and nobody could read it. Draw an inner tensor instead of the last one; or {way}; or raise limit=."
        )

    def _find_place(self, node: Node) -> str | None:
        if node in self._numbers_in_formulas:
            return None
        node = self.shown(noted(node))
        path = self._inside.get(node)
        if path is None:
            return f"n{self.number[node]}"
        place = self._boxes.setdefault(path, f"m{self.number[node]}")
        self._closed[place] = path
        return place

    def place(self, node: Node) -> str | None:
        """The id of the box that shows a node; None for a number that stands in formulas."""
        return self._places[node]

    def is_copy(self, node: Node) -> bool:
        """Whether a node is shown by another one, of the first of equal modules in a row."""
        return node in self._copies

    def shown(self, node: Node) -> Node:
        """The node that a node is shown by: itself, or its counterpart in the first of equal modules."""
        while node in self._copies:
            node = self._copies[node]
        return node

    def is_closed(self, place: str) -> bool:
        """Whether the box is a closed call, of a module or a function."""
        return place in self._closed

    def closed(self, place: str) -> Frame:
        """What a closed call is."""
        return self.frame(self._closed[place])

    def closed_path(self, place: str) -> nesting.Path:
        """The calls around a closed call, and itself."""
        return self._closed[place]

    def call(self, place: str) -> Place:
        """The call that a box is closed around."""
        return self._closed[place][-1]

    def made_by_a_function(self, node: Node) -> bool:
        """Whether a leaf is a mask or a constant that a function, or a backward walk, made for itself, and no input."""
        called = any(place.is_function for place in self._paths[node])
        return node.op is None and (called or is_made_of_numbers(node))

    def speaker(self, place: str) -> Node | None:
        """The result of a closed function, whose name, numbers and gradient its box shows; None for other boxes."""
        return self._speakers.get(self._closed[place]) if place in self._closed else None

    def result(self, place: str) -> Node | None:
        """The node that a box shows; of a closed call, the one that comes out."""
        return self.speaker(place) or self._results.get(place)

    @staticmethod
    def gradient_of(place: str) -> str:
        """The id of the gradient beside a box."""
        return ("w" if place[0] == "m" else "g") + place[1:]

    def gradient_place(self, node: Node) -> str | None:
        """The id of the box of a node's gradient."""
        place = self._places[node]
        return None if place is None else self.gradient_of(place)

    def route(self, parent: Node, node: Node, position: int) -> tuple[str, str, str] | None:
        """From where to where the arrow goes for an input of a node, and of which kind; None if it is not drawn."""
        source, target = self._places[parent], self._places[node]
        if source is None or target is None or is_note(node):
            return None
        if node in self._copies:
            if source == self._places[self._copies[node].inputs[position]]:
                return None  # the first of the row has the same arrow
            return source, target, "repeat"  # to itself, where a row is a closed box
        if parent in self._shared and source != target:
            return None  # its module says which calls share it
        return None if source == target else (source, target, "forward")

    def _give(self) -> list[Gift]:
        """What functions were given that is no node of the graph: boxes beside it, and words where the function is open."""
        nodes, others = handed(self.order, self._paths)
        taken = set(self.names.values())
        for node, parameter in nodes.items():
            if node.name is None and node.op is None and not words.is_constant(node) and parameter not in taken:
                self.names[node] = parameter
                taken.add(parameter)
        fed = {
            self._places[node]
            for node in self.order
            for position, parent in enumerate(node.inputs)
            if (parent.op is not None or not nesting.belongs_to_a_module(parent))
            and self.route(parent, node, position) is not None
        }
        boxes: dict[object, str] = {}
        gifts = []
        for gift in others:
            source = boxes.setdefault(gift.key, f"x{len(boxes)}")  # the same at each depth
            place = self._places[gift.node]
            if place is None or gift.own or gift.node in self._copies:
                continue
            name = gift.name or self._called.get(id(gift.thing)) or gift.parameter
            function = next(call for call in self._paths[gift.node] if call.is_function)
            if place not in self._closed or function in self._closed[place][:-1]:
                said = f"{gift.parameter}: {name}" if name != gift.parameter else f"given {name}"
                self._asides[function] = ", ".join(filter(None, [self._asides.get(function), said]))
                continue
            # What has gone, and was not all that went in, was mostly made by the module around, as a first state is.
            made = gift.thing is None and place in fed and any(map(nesting.is_module, self._paths[gift.node]))
            if self.call(place).is_function or not made:
                gifts.append(Gift(source, place, name, gift, "constant" if made else "input"))
        return gifts

    def frame(self, path: nesting.Path) -> Frame:
        """What the call at the end of a path is."""
        place = path[-1]
        if isinstance(place, nesting.Pass):
            return Frame("", place.kind, "pass")
        name, kind = (place.name, place.kind) if place.name else (place.kind, "")
        again = "again" if isinstance(place, nesting.Again) else ""
        if place.is_function:
            return Frame("", name, "function", aside=self._asides.get(place, again))
        if (row := self._rows.get(path)) is not None:
            if row.shared:
                return Frame("", name, kind, count=row.count, aside="one module, the numbers of its first call")
            names = f"{row.first} … {row.last}"
            return Frame("", names, place.kind, count=row.count, aside=f"with the numbers of {row.first}")
        call = place.call if isinstance(place, nesting.Again) else place
        number, calls = self._calls.get(call, (1, 1)) if place.identity in self._with_parameters else (1, 1)
        shared = f"shared: call {number} of {calls}" if calls > 1 else ""
        return Frame("", name, kind, aside=", ".join(filter(None, [shared, again])))

    def _add_frames(self, direction: str) -> None:
        self._outside = ("forward",) if direction == "both" else ()
        if direction == "both":
            self.frames["forward"] = Frame("forward", "forward", "side")
            self.frames["backward"] = Frame("backward", "backward", "side")
        for node in self.order:
            place = self._places[node]
            if place is None or node in self._copies:
                continue
            path = self._inside[node][:-1] if node in self._inside else self._paths[node]
            fronts, backs = [], []
            for depth in range(1, len(path) + 1):
                here = path[:depth]
                if here not in self._frame_ids:
                    self._frame_ids[here] = str(len(self._frame_ids))
                number = self._frame_ids[here]
                for letter, found in (("c", fronts), ("d", backs)):
                    found.append(letter + number)
                    if letter + number not in self.frames and self._matches(letter, direction):
                        frame = self.frames[letter + number] = self.frame(here)
                        frame.id = letter + number
            self._around[place] = self._around[self.gradient_of(place)] = path
            self._box_frames[place] = (*(["forward"] if direction == "both" else []), *fronts)
            self._box_frames[self.gradient_of(place)] = (*(["backward"] if direction == "both" else []), *backs)

    @staticmethod
    def _matches(letter: str, direction: str) -> bool:
        return direction == "both" or (letter == "c") == (direction == "forward")

    def around(self, place: str) -> nesting.Path:
        """The calls around a box, or a gradient, outermost first."""
        return self._around.get(place, ())

    def frames_of(self, place: str) -> tuple[str, ...]:
        """The ids of the frames around a box, outermost first."""
        return self._box_frames.get(place, self._outside)


def _outer(one: Mapping[Node, nesting.Path], other: Mapping[Node, nesting.Path]) -> dict[Node, nesting.Path]:
    """The paths of one that are not inside of those of the other."""
    return {node: path for node, path in one.items() if node not in other or len(path) < len(other[node])}


def _numbers_in_formulas(order: Sequence[Node], outputs: Sequence[Node]) -> set[Node]:
    """The numbers that stand in the formulas of all operations that take them, and need no box."""
    found = {node for node in order if words.is_constant(node) and hasattr(node.value, "item")} - set(outputs)
    for node in order:
        for position, parent in enumerate(node.inputs):
            if parent in found and (is_note(node) or not words.mentions(node, position)):
                found.discard(parent)
    return found
