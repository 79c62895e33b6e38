"""From the nodes of a graph to the plain data of a picture.

Read before: `model.py`, `arranging.py`, `calls.py`. Read next: `labels.py`.
"""

from __future__ import annotations

from math import hypot, prod

from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node

from . import words
from .arranging import Arrangement
from .backward import TROUBLE, KnownGradient, Share, Visit, Walk, stored_gradient
from .calls import count_in, describe_call, give, tell_what_goes_in
from .facts import bytes_of, device_of, is_mask
from .failure import Failure, add_failure
from .figures import WHOLE_ELEMENTS, amount, byte_text, number, sum_text
from .heat import NotFinite, heat
from .known import Known
from .local import local_jacobian
from .model import Drawing, Edge, Item
from .subject import is_note

DIRECTIONS = ("forward", "backward", "both")
KEPT_NUMBERS = 100
"""At the level of numbers a tensor of at most this many elements is shown whole."""
BRIEF_LEVELS = ("network", "layers")
"""At these levels boxes say names, shapes and parameters, and nothing of operations."""
GRAPH_OVERLAYS = ("flops", "bytes", "gradient", "nan")


def read_graph(
    arrangement: Arrangement,
    direction: str = "forward",
    *,
    values: bool = True,
    overlay: str | None = None,
    failure: Failure | None = None,
    known: Known | None = None,
) -> Drawing:
    """The picture of an arranged graph; the options are those of `draw`.

    failure  an operation on the outputs that raised an error, to be drawn behind them
    known    the numbers of the graph, if another picture of it has computed them
    """
    if direction not in DIRECTIONS:
        raise OptionError(f"direction is one of {', '.join(map(repr, DIRECTIONS))}, not {direction!r}")
    if overlay is not None and overlay not in GRAPH_OVERLAYS:
        raise OptionError(f"overlay is one of {', '.join(map(repr, GRAPH_OVERLAYS))}, not {overlay!r}")
    if direction != "forward" and not any(node.needs_grad for node in arrangement.outputs):
        raise OptionError(
            f"there is no backward pass to draw: nothing that was given requires a gradient. "
            f"Use direction='forward', not {direction!r}, or set requires_grad=True on what it is computed from."
        )
    return _GraphReader(arrangement, direction).read(values, overlay, failure, known)


class _GraphReader:
    """Fills a drawing with what the nodes of an arrangement are, compute and receive."""

    def __init__(self, arrangement: Arrangement, direction: str):
        self.at = arrangement
        self.names = arrangement.names
        self.drawing = Drawing(direction, arrangement.title, frames=arrangement.frames, notes=arrangement.notes)
        self.items: dict[str, Item] = {}
        self.keep = KEPT_NUMBERS if arrangement.level == "numbers" else WHOLE_ELEMENTS
        self.turns = 0
        self.learns = any(node.needs_grad for node in arrangement.outputs)

    def read(self, values: bool, overlay: str | None, failure: Failure | None, known: Known | None) -> Drawing:
        drawing = self.drawing
        for node in self.at.order:
            self._add(node)
        if known is None:
            watched = drawing.direction != "forward" or overlay in ("gradient", "nan")
            known = Known(
                self.at.order, self.at.outputs, values=values, back=watched, keep=self.keep, wanted=self._is_shown
            )
        self.known, walk = known, known.walk
        self._fill_in_values()
        self._fill_in_gradients(walk)
        if drawing.direction != "backward":
            self._connect()
        if walk is not None and drawing.direction != "forward":
            self._add_backward(walk)
        if drawing.direction == "backward":
            self.items = {key: item for key, item in self.items.items() if item.kind == "gradient"}
        if overlay:
            drawing.overlay = overlay
            self._lay_over(overlay, walk)
        drawing.items = list(self.items.values())
        if self.at.level in BRIEF_LEVELS:
            self._shorten()
        if failure is not None:
            add_failure(drawing, failure, [self.at.place(node) for node in failure.inputs])
        return drawing

    def _shorten(self) -> None:
        """Leave to lower levels what belongs there, and say what all of it comes to."""
        for item in self.drawing.items:
            item.brevity = 1
        for edge in self.drawing.edges:
            edge.brief = True
        nodes = self.at.order
        facts = [(sum(prod(node.shape) for node in nodes if node.op is None and node.needs_grad), "parameters")]
        facts.append((sum(node.flops for node in nodes if node.op is not None), "FLOP"))
        saved = {source for node in nodes for source in node.saved_from}
        texts = [f"{amount(count)} {what}" for count, what in facts if count]
        texts += [f"saves {byte_text(sum(map(bytes_of, saved)))}"] * bool(saved)
        self.drawing.in_all = f"in all: {', '.join(texts)}" if texts else ""

    def _lay_over(self, overlay: str, walk: Walk | None) -> None:
        if overlay != "nan":
            heat(list(self.items.values()), overlay)
            return
        found = NotFinite(self.known.not_finite, walk)
        beside = self.at.place if self.drawing.direction == "forward" else self.at.gradient_place
        found.mark(self.items, self.at.place, beside)
        if not (found.values or found.gradients or (walk and walk.trouble)):
            self.drawing.notes.append("All numbers are finite.")

    def _add(self, node: Node) -> None:
        place = self.at.place(node)
        if place is None or self.at.is_copy(node) or is_note(node):
            return
        if place in self.items:
            if self.at.is_closed(place):
                count_in(self.at, self.items[place], node)
            return
        item = Item(place, self._kind(node), self.names[node], self.at.frames_of(place))
        if self.at.is_closed(place):
            describe_call(self.at, item)
            count_in(self.at, item, node)
        else:
            item.shape, item.dtype, item.device = node.shape, str(node.dtype), device_of(node)
            item.bytes = bytes_of(node)
            if node.op is not None:
                self._describe_operation(item, node)
            elif node.needs_grad:
                item.parameters = prod(node.shape)
        self.items[place] = item

    def _kind(self, node: Node) -> str:
        if node.op is None:
            made = words.is_constant(node) or self.at.made_by_a_function(node)
            made = made or (is_mask(node) and self.at.names[node].startswith(words.MASK))
            return "parameter" if node.needs_grad else "constant" if made else "input"
        return "output" if node in self.at.results else "operation"

    def _describe_operation(self, item: Item, node: Node) -> None:
        item.operation = words.operation(node).name
        item.takes = tuple(parent.shape for parent in node.inputs if self.at.place(parent) is not None)
        item.equation = words.right_side(node, self._short(node))
        item.flops = node.flops
        if node.plan is not None:
            item.saved = tuple(dict.fromkeys(self.names[source] for source in node.saved_from))
            item.saved_bytes = sum(bytes_of(source) for source in set(node.saved_from))
            item.freed = node.freed

    def _short(self, node: Node) -> dict[Node, str]:
        """What to call a node and its inputs where there is little room: `weight` for `encoder.layers.0.weight`.

        What comes out of a closed module is called as its box is.
        """
        near = {other: self._shown_name(other) for other in (node, *node.inputs)}
        return {other: name.rpartition(".")[2] if len(name) > 16 else name for other, name in near.items()}

    def _shown_name(self, node: Node) -> str:
        place = self.at.place(node)
        if place is None or node.name:
            return self.names[node]
        if self.at.is_closed(place) and self.at.speaker(place) is not None:
            return self.names[self.at.speaker(place) or node]
        if self.at.is_closed(place):
            frame = self.at.closed(place)
            # The 2 of a Sequential is no number.
            return f"{frame.kind} {frame.label}" if frame.label.isdigit() else frame.label
        return self.names[self.at.shown(node)]

    def _fill_in_values(self) -> None:
        for node in self.at.order:
            item = self.items.get(self.at.place(node) or "")
            if item is None or not self._shows(item, node):
                continue
            if node in self.known.lost:
                item.note = "changed since"
            elif (summary := self.known.summaries.get(node)) is not None:
                item.value, item.whole = summary, self.keep > WHOLE_ELEMENTS and summary.size <= self.keep
                item.sum = "" if self.at.is_closed(item.id) else words.written_out(node, self.known.numbers)

    def _is_shown(self, node: Node) -> bool:
        item = self.items.get(self.at.place(node) or "")
        return item is not None and self._shows(item, node)

    def _shows(self, item: Item, node: Node) -> bool:
        """Whether the numbers in a box are those of a node: of a closed function they are those of its result, and of a
        closed module only those of what the picture is of."""
        if self.at.is_copy(node) or is_note(node):
            return False
        if not self.at.is_closed(item.id):
            return True
        return node in self.at.results if item.kind == "module" else self.at.speaker(item.id) is node

    def _local(self, node: Node, position: int) -> str:
        """The local derivative along an arrow: the number between single numbers, else the rule."""
        scalars = self.known.scalars
        if node in scalars and all(other in scalars for other in node.inputs):
            slope = local_jacobian(node, position, [scalars[other] for other in node.inputs])
            return "" if slope is None else f"∂ = {number(slope.item())}"
        return words.rule(node, position, self._short(node), "g")

    def _fill_in_gradients(self, walk: Walk | None) -> None:
        """What is known of the gradient of each tensor: from a walk, or from its `.grad`."""
        for node in self.at.order:
            item = self.items.get(self.at.place(node) or "")
            if item is None or not node.needs_grad or not self._shows(item, node):
                continue
            if self.drawing.direction == "both":
                continue  # it stands beside
            if walk is not None and not walk.trouble:
                item.gradient = walk.gradients.get(node) or KnownGradient(node.shape, None, "not computed")
            else:
                item.gradient = stored_gradient(node)

    def _connect(self) -> None:
        drawn: dict[tuple, Edge] = {}
        carried: set[tuple] = set()
        for node in self.at.order:
            for position, parent in enumerate(node.inputs):
                route = self.at.route(parent, node, position)
                if route is None:
                    continue
                source, target, kind = route
                merged = kind == "repeat" or self.at.is_closed(source) or self.at.is_closed(target)
                key = (source, target, kind) if merged else (source, target, position)
                use = ("forward", self.at.number[node], position)
                if key in drawn:
                    # What a closed call does with a tensor inside of it is its own affair: it was given once.
                    drawn[key].count += (key, parent) not in carried
                    carried.add((key, parent))
                    self.drawing.routes[use] = drawn[key].id
                    if parent.needs_grad and drawn[key].kind == "idle":
                        drawn[key].kind = "forward"
                    continue
                carried.add((key, parent))
                edge = Edge(f"e{len(drawn)}", source, target, kind, parent.shape)
                self.drawing.routes[use] = edge.id
                if kind == "forward" and self.learns and not parent.needs_grad:
                    edge.kind = "idle"
                if not merged and parent.needs_grad and node.needs_grad and self.drawing.direction == "forward":
                    edge.local = self._local(node, position)
                drawn[key] = edge
        self.drawing.edges.extend(drawn.values())
        tell_what_goes_in(self.at, self.items, self._shown_name)
        self.drawing.edges += give(self.at, self.items, self.keep)

    def _add_backward(self, walk: Walk) -> None:
        turns = [event for event in walk.events if isinstance(event, Visit)]
        arrivals = {event.node: event.arrived for event in walk.events if isinstance(event, Share)}
        shares: dict[Node, list[Share]] = {}
        for event in walk.events:
            if isinstance(event, Share):
                shares.setdefault(event.node, []).append(event)
        for event in turns:
            self._add_gradient(event, shares.get(event.node, []))
        drawn: dict[tuple, Edge] = {}
        for event in walk.events:
            if isinstance(event, Share):
                self._add_share(event, arrivals[event.node], drawn)
        self.drawing.edges.extend(drawn.values())
        if self.drawing.direction == "both":
            for node in self.at.outputs:
                place, beside = self.at.place(node), self.at.gradient_place(node)
                if place is not None and beside is not None:
                    edge = Edge(f"s{self.at.number[node]}", place, beside, "beside")
                    self.drawing.edges.append(edge)
                    self.drawing.routes["start", self.at.number[node], 0] = edge.id
        if walk.trouble:
            self.drawing.notes.append(TROUBLE[walk.trouble])
            self.drawing.alarm = True

    def _add_gradient(self, event: Visit, shares: list[Share]) -> None:
        node, place = event.node, self.at.gradient_place(event.node)
        beside = self.at.place(node)
        if place is None or beside is None or self.at.is_copy(node):
            return
        speaker = self.at.speaker(beside)
        if place in self.items:
            if self.at.is_closed(beside) and speaker is None:
                self._add_to_gradients(self.items[place], event)
            return
        self.turns += 1
        item = Item(place, "gradient", "", self.at.frames_of(place), turn=self.turns, beside=beside)
        if self.at.is_closed(beside) and speaker is None:
            module = self.items[beside]
            if module.parameters:
                item.name, item.operation, item.parameters = f"∂{self.at.loss} in {module.name}", module.operation, 0
            else:
                item.name, item.gradient = words.gradient_name(self._shown_name(node), self.at.loss), event.gradient
                item.shape, item.dtype = node.shape, str(node.dtype)
            self._add_to_gradients(item, event)
        else:
            stored = stored_gradient(node) if event.gradient.note else None  # as .grad, which outlives the graph
            item.name = words.gradient_name(self.names[node], self.at.loss)
            item.shape, item.dtype, item.gradient = node.shape, str(node.dtype), stored or event.gradient
            started = bool(shares) and node in self.at.outputs
            parts = [part.only for share in shares if (part := share.fitted.numbers) is not None and part.size == 1]
            if len(shares) + started > 1 and len(parts) == len(shares) and not node.shape:
                item.sum = sum_text([1.0] * started + parts, started + sum(parts))
            elif len(shares) + started > 1:
                item.equation = f"{'1 + ' * started}sum of {len(shares)} shares" if len(shares) > 1 else "1 + a share"
        self.items[place] = item

    def _add_to_gradients(self, item: Item, event: Visit) -> None:
        """Count the gradient of a parameter into the box of its closed module."""
        if event.node.op is None:
            item.parameters += 1
            if event.gradient.numbers is not None:
                earlier = item.norm or 0.0
                item.norm = hypot(earlier, event.gradient.numbers.norm)

    def _add_share(self, event: Share, of: int, drawn: dict[tuple, Edge]) -> None:
        route = self.at.route(event.node, event.user, event.position)
        if is_note(event.user):  # it says that the gradient is 0, and so does the arrow
            before, after = self.at.place(event.node), self.at.place(event.user)
            route = (before, after, "forward") if before and after and before != after else None
        if route is None:
            return
        target, source = self.at.gradient_of(route[0]), self.at.gradient_of(route[1])
        merged = route[2] == "repeat" or self.at.is_closed(route[0]) or self.at.is_closed(route[1])
        key = (source, target) if merged else (source, target, event.position)
        use = ("backward", self.at.number[event.user], event.position)
        if key in drawn:
            drawn[key].count += 1
            self.drawing.routes[use] = drawn[key].id
            return
        kind = "repeat" if route[2] == "repeat" else "backward"
        edge = drawn[key] = Edge(f"b{len(drawn)}", source, target, kind, event.node.shape)
        self.drawing.routes[use] = edge.id
        if not merged:
            edge.rule = words.rule(event.user, event.position, self._short(event.user), "g")
            edge.share, edge.which, edge.summed = event.fitted, (event.arrived, of), event.summed_axes
