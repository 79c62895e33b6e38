"""The backward pass, run once more and watched: every share of gradient in the order in which it came.

The engine's own walk does the work and tells an observer what happens. Nothing is stored in any
`.grad`, nothing is freed, and what is kept of the numbers are summaries.

Read next: `model.py` for the picture of a pass, `steps.py` for its story.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tinygrad_ml.backend import Absent
from tinygrad_ml.errors import GradientError
from tinygrad_ml.graph import ZERO, Node, backpropagate, differentiable_inputs, topological
from tinygrad_ml.modes import no_grad
from tinygrad_ml.ops.shapes import broadcast
from tinygrad_ml.tensor import Tensor, filled

from .figures import WHOLE_ELEMENTS, ArraySummary, summarise
from .replay import on_host, unwatched
from .words import operation


@dataclass(frozen=True)
class KnownGradient:
    """A gradient as far as it is known.

    numbers  None if it was not computed (`note` says why), or has no numbers because it is symbolic
    """

    shape: tuple[int, ...]
    numbers: ArraySummary | None = None
    note: str = ""


@dataclass(frozen=True)
class Visit:
    """A node's gradient is complete, and is about to be passed on.

    probed  what the `probe` of `walk_back` made of the gradient
    """

    node: Node
    gradient: KnownGradient
    probed: float | None = None


@dataclass(frozen=True)
class Share:
    """What one use of a node gives to its gradient.

    share   as the rule gives it
    fitted  summed over broadcast axes and cast, to fit the node
    total   the sum with what came `earlier`: other shares, and the 1 that an output starts with
    arrived this is the share of that number
    """

    user: Node
    position: int
    share: KnownGradient
    fitted: KnownGradient
    earlier: KnownGradient | None
    total: KnownGradient
    arrived: int

    @property
    def node(self) -> Node:
        """Whose gradient it is a share of."""
        return self.user.inputs[self.position]

    @property
    def summed_axes(self) -> tuple[int, ...]:
        """The axes of the share that are summed away, because the node was broadcast along them."""
        lead = len(self.share.shape) - len(self.node.shape)
        inner = enumerate(self.node.shape, start=lead)
        return (*range(lead), *(axis for axis, size in inner if size == 1 and self.share.shape[axis] != 1))


@dataclass
class Walk:
    """A backward pass: its events in order, the gradients, and why it could not be run, if it could not."""

    events: list[Visit | Share] = field(default_factory=list)
    gradients: dict[Node, KnownGradient] = field(default_factory=dict)
    trouble: str = ""


TROUBLE = {
    "freed": "The gradients were freed: backward() has been called on this graph. Draw it before, or call "
    "backward(retain_graph=True).",
    "changed since": "The gradients cannot be computed any more: tensors were overwritten since the graph was built. "
    "Draw it before optimizer.step().",
}
"""What to say where a pass cannot be run: for each `Walk.trouble`."""


def stored_gradient(node: Node) -> KnownGradient | None:
    """The gradient that a tensor holds; for operations, which mostly hold none, None."""
    receiver = node.tensor()
    if receiver is not None and receiver.grad is not None:
        array = on_host(receiver.grad)
        return KnownGradient(node.shape, None if array is None else summarise(array))
    if node.freed:
        return KnownGradient(node.shape, None, "freed")
    return KnownGradient(node.shape, None, "not computed") if node.op is None else None


def walk_back(outputs: Sequence[Node], keep: int = WHOLE_ELEMENTS, probe: Callable | None = None) -> Walk:
    """Run backward from `outputs`, with ones as the gradient there, and note what happens.

    keep   numbers of gradients up to this many elements are kept whole
    probe  `probe(node, array)` is called with each complete gradient that has numbers

    Where the pass cannot be run any more (its saved arrays were freed, or overwritten), the same
    events come without numbers, and `trouble` says "freed" or "changed since".
    """
    outputs = [node for node in outputs if node.needs_grad]
    order = topological(outputs, differentiable_inputs)
    walk = Walk()
    if any(node.freed for node in order):
        walk.trouble = "freed"
    else:
        watcher = _Watcher(walk, keep, probe, outputs)
        try:
            with no_grad(), unwatched():
                backpropagate({node: _ones(node) for node in outputs}, None, _constants, observe=watcher)
        except GradientError:
            walk = Walk(trouble="changed since")
    if walk.trouble:
        _without_numbers(order, walk, outputs)
    return walk


def _ones(node: Node) -> Tensor:
    if node.device.kind == "symbol":
        return Tensor(Absent(node.shape, node.dtype))
    return filled(node.shape, 1, node.dtype, node.device)


def _constants(arrays: tuple, node: Node) -> list[Tensor]:
    return [Tensor(array) for array in arrays]


class _Watcher:
    """What `backpropagate` calls; it looks at every gradient once and keeps none."""

    def __init__(self, walk: Walk, keep: int, probe: Callable | None, outputs: Sequence[Node]):
        self.walk, self.keep, self.probe = walk, keep, probe
        self.totals: dict[Node, KnownGradient] = {node: self._summary_of(_ones(node), node) for node in outputs}
        self.counts: dict[Node, int] = {}

    def __call__(self, node: Node, position: int | None, share, fitted, total) -> None:
        if position is None:
            gradient = self._summary_of(total, node)
            self.walk.gradients[node] = gradient
            array = None if total is ZERO else on_host(total)
            probed = None if self.probe is None or array is None else self.probe(node, array)
            self.walk.events.append(Visit(node, gradient, probed))
            self.totals.pop(node, None)
            if total is ZERO and node.plan is not None:
                self._pass_on_nothing(node)
            return
        parent = node.inputs[position]
        earlier = self.totals.get(parent)
        arrived = self.counts[parent] = self.counts.get(parent, 0) + 1
        one = self._summary_of(ZERO if share is None else share, parent)
        two = one if fitted is share else self._summary_of(fitted, parent)
        whole = two if total is fitted else self._summary_of(total, parent)
        self.totals[parent] = whole
        self.walk.events.append(Share(node, position, one, two, earlier, whole, arrived))

    def _pass_on_nothing(self, node: Node) -> None:
        """The shares that a gradient gives which is 0 whatever arrives: 0 too. The engine takes no step for them."""
        for position, *_ in node.plan.steps if node.plan is not None else ():
            parent = node.inputs[position]
            earlier, nothing = self.totals.get(parent), self._summary_of(ZERO, parent)
            arrived = self.counts[parent] = self.counts.get(parent, 0) + 1
            self.totals[parent] = total = earlier or nothing
            self.walk.events.append(Share(node, position, nothing, nothing, earlier, total, arrived))

    def _summary_of(self, gradient, node: Node) -> KnownGradient:
        if gradient is ZERO:
            nothing = ArraySummary(node.shape, str(node.dtype), 1, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
            return KnownGradient(node.shape, nothing)
        array = on_host(gradient)
        return KnownGradient(gradient.shape, None if array is None else summarise(array, self.keep))


def _without_numbers(order: list[Node], walk: Walk, outputs: Sequence[Node]) -> None:
    """The events that a walk would have, as far as the graph tells."""
    counts: dict[Node, int] = {}
    for node in reversed(order):
        unknown = KnownGradient(node.shape, None, walk.trouble)
        walk.gradients[node] = unknown
        walk.events.append(Visit(node, unknown))
        for position, *_ in node.plan.steps if node.plan is not None else ():
            parent = node.inputs[position]
            counts[parent] = counts.get(parent, 0) + 1
            unknown = KnownGradient(parent.shape, None, walk.trouble)
            earlier = unknown if counts[parent] > 1 or parent in outputs else None
            share = KnownGradient(node.shape, None, walk.trouble) if operation(node).shape is broadcast else unknown
            walk.events.append(Share(node, position, share, unknown, earlier, unknown, counts[parent]))
