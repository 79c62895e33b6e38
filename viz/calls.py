"""What stands in the box of a closed call: what a module is and holds, what goes in, what a function was given.

Read before: `model.py`, `arranging.py`. Read next: `reading.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from tinygrad_ml.graph import Node
from tinygrad_ml.loops import Scan
from tinygrad_ml.ops.elementwise import less, where
from tinygrad_ml.tensor import as_tensor

from .arranging import Arrangement
from .facts import bytes_of
from .figures import shape_text, summarise
from .model import Edge, Item
from .nesting import belongs_to_a_module
from .replay import on_host


def describe_call(at: Arrangement, item: Item) -> None:
    """What a closed call is. The nodes in it and the arrows to it say the rest."""
    frame, call, speaker = at.closed(item.id), at.call(item.id), at.speaker(item.id)
    item.count, item.operations, item.aside = frame.count, 0, frame.aside
    if speaker is not None:
        item.kind, item.name, item.operation = "function", at.names[speaker], call.kind
        return
    item.kind, item.name, item.operation = "module", frame.label, frame.kind
    if not call.name and len(at.results) == 1 and not at.results[0].shape:
        (result,) = at.results
        if at.place(result) == item.id:  # a loss, which has no other name
            item.name, item.operation = at.names[result], call.kind
    module = call.module()
    if module is not None and not any(module.children()):
        settings = module.extra_repr()
        settings = "" if settings == f"name={frame.label!r}" else settings  # which stands above it already
        item.inside = (settings,) if settings else ()


def count_in(at: Arrangement, item: Item, node: Node) -> None:
    """Add a node to the closed call in which it vanishes."""
    if node.op is None:
        if node.needs_grad:
            item.parameters += prod(node.shape)
            item.weights += (f"{at.names[node].rpartition('.')[2]} {shape_text(node.shape)}",)
        elif _is_data(at, node):
            item.inside += (f"with {shape_text(node.shape)} too, which has no arrow",)
        return
    if isinstance(node.op, Scan):
        item.aside = f"{node.op.length} rounds of {len(node.op.body.steps)} operations"
    item.operations += 1
    item.flops += node.flops
    item.bytes += bytes_of(node)
    last = at.speaker(item.id) or node  # the last one is what comes out
    item.shape, item.dtype = last.shape, str(last.dtype)
    if node.saved_from:
        item.saved_bytes += sum(bytes_of(source) for source in node.saved_from)
        item.saved, item.freed = ("arrays",), item.freed or node.freed


def _is_data(at: Arrangement, leaf: Node) -> bool:
    """Whether a leaf inside of a call is neither its own nor made by a function, as what a cell is given in each of many steps."""
    own = belongs_to_a_module(leaf) or at.made_by_a_function(leaf)
    return not own and leaf.name is None and leaf.origin is None and bool(leaf.shape) and leaf.dtype.kind != "b"


def tell_what_goes_in(at: Arrangement, items: Mapping[str, Item], name_of: Callable[[Node], str]) -> None:
    """The shapes that go into closed calls, and what a closed function computes, in the names of what goes in."""
    taken: dict[str, dict[Node, None]] = {}
    for node in at.order:
        place = at.place(node)
        if place is not None and place in items and at.is_closed(place) and not at.is_copy(node):
            outside = [
                parent for position, parent in enumerate(node.inputs) if at.route(parent, node, position) is not None
            ]
            taken.setdefault(place, {}).update(dict.fromkeys(outside))
    for place, nodes in taken.items():
        item = items[place]
        item.takes = tuple(node.shape for node in nodes)
        # The 2 of a Sequential is no name that one could call.
        called = item.operation if item.kind == "function" or item.name.isdigit() else item.name
        item.equation = f"{called}({', '.join(map(name_of, nodes))})"
        if item.operation == "clip" and (limits := _limits(at, place, name_of)):
            item.equation = f"clip({limits})"


def _limits(at: Arrangement, place: str, name_of: Callable[[Node], str]) -> str:
    """What a call of `clip` limits, and to what: two numbers that stand in two operations inside of it."""
    chosen = [node for node in at.order if at.place(node) == place and node.op is where]
    found = {}
    for node in chosen:
        condition, bound, _ = node.inputs
        compared = condition.op or getattr(condition.origin, "op", None)
        found["min" if compared is less else "max"] = name_of(bound)
    both = len(found) == 2
    return ", ".join(
        [
            *(name_of(node.inputs[2]) for node in chosen[:1]),
            *(text if both else f"{name}={text}" for name, text in found.items()),
        ]
    )


def give(at: Arrangement, items: dict[str, Item], keep: int) -> list[Edge]:
    """Boxes for what functions were given that left no trace in the graph; returns the arrows from there.

    keep  numbers of tensors up to this many elements are kept whole
    """
    edges = []
    for number, gift in enumerate(at.given):
        what, target = gift.what, items[gift.target]
        if gift.source not in items:
            array = None if what.thing is None else on_host(as_tensor(what.thing))
            items[gift.source] = Item(
                gift.source,
                gift.kind,
                gift.name,
                at.frames_of(gift.source),
                shape=what.shape,
                dtype=what.dtype,
                value=None if array is None else summarise(array, keep),
            )
        edges.append(Edge(f"x{number}e", gift.source, gift.target, "idle", what.shape))
        target.takes += (what.shape,)
        called, _, others = target.equation.removesuffix(")").partition("(")
        target.equation = f"{called}({', '.join(filter(None, [others, gift.name]))})"
    return edges
