"""From the nodes of a graph to the plain data of a picture.

Read before: `model.py`, `arranging.py`. Read next: `labels.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, log, prod

from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node
from tinygrad_ml.tensor import Tensor

from . import words
from .arranging import Arrangement
from .backward import KnownGradient, Share, Visit, Walk, walk_back
from .facts import bytes_of, device_of
from .failure import Failure, add_failure
from .figures import amount, byte_text, number, sum_text, summarise
from .local import local_jacobian
from .model import Drawing, Edge, Item
from .replay import on_host, replay
from .subject import is_note

DIRECTIONS = ("forward", "backward", "both")
GRAPH_OVERLAYS = ("flops", "bytes", "gradient", "nan")


def read_graph(
    arrangement: Arrangement,
    direction: str = "forward",
    *,
    values: bool = True,
    overlay: str | None = None,
    failure: Failure | None = None,
) -> Drawing:
    """The picture of an arranged graph; the options are those of `draw`.

    failure  an operation on the outputs that raised an error, to be drawn behind them
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
    return _GraphReader(arrangement, direction).read(values, overlay, failure)


class _GraphReader:
    """Fills a drawing with what the nodes of an arrangement are, compute and receive."""

    def __init__(self, arrangement: Arrangement, direction: str):
        self.at = arrangement
        self.names = arrangement.names
        self.drawing = Drawing(direction, arrangement.title, frames=arrangement.frames, notes=arrangement.notes)
        self.items: dict[str, Item] = {}
        self.turns = 0
        self.scalars: dict[Node, Tensor] = {}
        self.numbers: dict[Node, float] = {}

    def read(self, values: bool, overlay: str | None, failure: Failure | None) -> Drawing:
        drawing = self.drawing
        walk = walk_back(self.at.outputs) if drawing.direction != "forward" or overlay == "gradient" else None
        for node in self.at.order:
            self._add(node)
        if values:
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
            heat(list(self.items.values()), overlay)
        drawing.items = list(self.items.values())
        if failure is not None:
            add_failure(drawing, failure, [self.at.place(node) for node in failure.inputs])
        return drawing

    # -- boxes ---------------------------------------------------------------------------------------

    def _add(self, node: Node) -> None:
        place = self.at.place(node)
        if place is None or self.at.is_copy(node) or is_note(node):
            return
        if place in self.items:
            if self.items[place].kind == "module":
                self._add_to_module(self.items[place], node)
            return
        item = Item(place, self._kind(node), self.names[node], self.at.frames_of(place))
        if self.at.is_module(place):
            frame = self.at.module(place)
            item.kind, item.name, item.operation = "module", frame.label, frame.kind
            item.count, item.operations, item.aside = frame.count, 0, frame.aside
            self._add_to_module(item, node)
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
            return "parameter" if node.needs_grad else "constant" if words.is_constant(node) else "input"
        return "output" if node in self.at.results else "operation"

    def _add_to_module(self, item: Item, node: Node) -> None:
        item.operations += node.op is not None
        item.parameters += prod(node.shape) if node.op is None and node.needs_grad else 0
        item.flops += node.flops
        item.bytes += bytes_of(node) if node.op is not None else 0
        item.shape, item.dtype = node.shape, str(node.dtype)  # those of the last one, which is what comes out
        if node.saved_from:
            item.saved_bytes += sum(bytes_of(source) for source in node.saved_from)
            item.saved, item.freed = ("arrays",), item.freed or node.freed

    def _describe_operation(self, item: Item, node: Node) -> None:
        item.operation = words.operation(node).name
        item.equation = words.right_side(node, self._short(node))
        if len(item.equation) > 48:
            item.equation = words.formula(node)
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
        if self.at.is_module(place):
            frame = self.at.module(place)
            return (
                f"{frame.kind} {frame.label}" if frame.label.isdigit() else frame.label
            )  # the 2 of a Sequential is no number
        return self.names[self.at.shown(node)]

    # -- numbers -------------------------------------------------------------------------------------

    def _fill_in_values(self) -> None:
        for node, value in replay(self.at.order):
            array = on_host(value)
            if value is not None and array is not None and array.size == 1:
                self.scalars[node], self.numbers[node] = value, array.item()
            item = self.items.get(self.at.place(node) or "")
            if item is None or item.kind == "module" or self.at.is_copy(node) or is_note(node):
                continue
            if array is not None:
                item.value = summarise(array)
                item.sum = words.written_out(node, self.numbers)
            elif value is None:
                item.note = "changed since"

    def _local(self, node: Node, position: int) -> str:
        """The local derivative along an arrow: the number between single numbers, else the rule."""
        if node in self.scalars and all(other in self.scalars for other in node.inputs):
            slope = local_jacobian(node, position, [self.scalars[other] for other in node.inputs])
            return "" if slope is None else f"∂ = {number(slope.item())}"
        return words.rule(node, position, self._short(node), "g")

    def _fill_in_gradients(self, walk: Walk | None) -> None:
        """What is known of the gradient of each tensor: from a walk, or from its `.grad`."""
        for node in self.at.order:
            item = self.items.get(self.at.place(node) or "")
            if item is None or item.kind == "module" or self.at.is_copy(node) or not node.needs_grad:
                continue
            if self.drawing.direction == "both":
                continue  # it stands beside
            if walk is not None and not walk.trouble:
                item.gradient = walk.gradients.get(node) or KnownGradient(node.shape, None, "not computed")
            else:
                item.gradient = _stored(node)

    # -- arrows --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        drawn: dict[tuple, Edge] = {}
        for node in self.at.order:
            for position, parent in enumerate(node.inputs):
                route = self.at.route(parent, node, position)
                if route is None:
                    continue
                source, target, kind = route
                merged = kind == "repeat" or self.at.is_module(source) or self.at.is_module(target)
                key = (source, target, kind) if merged else (source, target, position)
                use = ("forward", self.at.number[node], position)
                if key in drawn:
                    drawn[key].count += 1
                    self.drawing.routes[use] = drawn[key].id
                    continue
                edge = Edge(f"e{len(drawn)}", source, target, kind, parent.shape)
                self.drawing.routes[use] = edge.id
                if kind == "forward" and node.needs_grad and not parent.needs_grad:
                    edge.kind = "idle"
                if not merged and parent.needs_grad and node.needs_grad and self.drawing.direction == "forward":
                    edge.local = self._local(node, position)
                drawn[key] = edge
        self.drawing.edges.extend(drawn.values())

    # -- the pass back ---------------------------------------------------------------------------------

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
            self.drawing.notes.append(_TROUBLE[walk.trouble])
            self.drawing.alarm = True

    def _add_gradient(self, event: Visit, shares: list[Share]) -> None:
        node, place = event.node, self.at.gradient_place(event.node)
        beside = self.at.place(node)
        if place is None or beside is None or self.at.is_copy(node):
            return
        if place in self.items:
            if self.at.is_module(beside):
                self._add_to_gradients(self.items[place], event)
            return
        self.turns += 1
        item = Item(place, "gradient", "", self.at.frames_of(place), turn=self.turns, beside=beside)
        if self.at.is_module(beside):
            module = self.items[beside]
            item.name, item.operation, item.parameters = f"∂{self.at.loss} in {module.name}", module.operation, 0
            self._add_to_gradients(item, event)
        else:
            stored = _stored(node) if event.gradient.note else None  # as .grad, which outlives the graph
            item.name = words.gradient_name(self.names[node], self.at.loss)
            item.shape, item.dtype, item.gradient = node.shape, str(node.dtype), stored or event.gradient
            parts = [part.only for share in shares if (part := share.fitted.numbers) is not None and part.size == 1]
            if len(shares) > 1 and len(parts) == len(shares) and not node.shape:
                item.sum = sum_text(parts, sum(parts))
            elif len(shares) > 1:
                item.equation = f"sum of {len(shares)} shares"
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
            ends = self.at.place(event.node), self.at.place(event.user)
            route = (*ends, "forward") if None not in ends and ends[0] != ends[1] else None
        if route is None:
            return
        target, source = self.at.gradient_of(route[0]), self.at.gradient_of(route[1])
        merged = route[2] == "repeat" or self.at.is_module(route[0]) or self.at.is_module(route[1])
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


_TROUBLE = {
    "freed": "The gradients were freed: backward() has been called on this graph. Draw it before, or call "
    "backward(retain_graph=True).",
    "changed since": "The gradients cannot be computed any more: tensors were overwritten since the graph was built. "
    "Draw it before optimizer.step().",
}


def _stored(node: Node) -> KnownGradient | None:
    """The gradient that a tensor holds; for operations, which mostly hold none, None."""
    receiver = node.tensor()
    if receiver is not None and receiver.grad is not None:
        array = on_host(receiver.grad)
        return KnownGradient(node.shape, None if array is None else summarise(array))
    if node.freed:
        return KnownGradient(node.shape, None, "freed")
    return KnownGradient(node.shape, None, "not computed") if node.op is None else None


def heat(items: Sequence[Item], overlay: str) -> None:
    """Colour the boxes by a figure, on a logarithmic scale; for "nan" raise an alarm where there are some."""
    if overlay == "nan":
        for item in items:
            seen = [item.value, item.gradient.numbers if item.gradient else None]
            bad = sum(summary.nan + summary.infinite for summary in seen if summary is not None)
            item.alarm, item.heat_text = bad > 0, f"{bad} nan or infinite" if bad else ""
        return
    figures = {}
    for item in items:
        if overlay == "gradient":
            summary = item.gradient.numbers if item.gradient else None
            figure, text = (summary.norm, f"gradient norm {number(summary.norm)}") if summary else (0, "")
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
