"""The computation graph: nodes that know their inputs, the order to walk them in, the backward walk.

A node is an operation that was applied, or a leaf: data that came from outside. It knows its
inputs and never its outputs, so there are no reference cycles, and a graph is freed the moment its
last tensor is dropped. Everything that reads networks (backward, pictures, `summary`) reads this.

Nodes are numbered as they are made. An input exists before the node that uses it, so the order of
the numbers *is* a topological order, and a sort replaces recursion.

Read before: `ops/primitive.py`, what an operation is. Read next: `tensor.py`, where one is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter

from . import writes
from .backend import Device
from .errors import AnomalyError, GradientError
from .modes import Place, inside
from .ops import OUTPUT


class Node:
    """One application of a primitive.

    op          the `Primitive`; None for a leaf
    inputs      the nodes whose outputs it took
    params      its parameters, such as `axis`
    plan        the backward work that is due here; None if no input needs a gradient
    saved       the arrays which that work needs, as `plan.kept` lists them; None once they are freed
    number      when it was made
    shape, dtype    of its output
    needs_grad  whether a gradient flows through it, or into it if it is a leaf
    """

    # What most nodes never set lives on the class, so that making a node stays cheap.
    op = plan = None
    inputs: tuple[Node, ...] = ()
    params: dict = {}
    saved: tuple | None = ()
    needs_grad = False
    name: str | None = None
    value = None  # of a leaf: its array
    scope: tuple[Place, ...] = ()  # the modules inside which the node was made
    line: str | None = None  # where in the program it was made, if `detect_anomaly` was looking
    hooks: tuple[Callable, ...] = ()  # called with the gradient; may return another one
    tensor: Callable = staticmethod(lambda: None)  # a weak reference to the tensor that receives the gradient

    def __init__(self, number: int, shape: tuple[int, ...], dtype):
        self.number = number
        self.shape = shape
        self.dtype = dtype

    @property
    def freed(self) -> bool:
        """Whether a backward pass has let go of the arrays that were saved here."""
        return self.saved is None

    @property
    def device(self) -> Device:
        """Where its output is: where the leaf behind it lives, or the last transfer put it."""
        node = self
        while node.op is not None and "device" not in node.params:
            # A bare number, as in 2 ** x, goes with any device.
            placed = (parent for parent in node.inputs if parent.op is not None or parent.shape or parent.needs_grad)
            node = next(placed, node.inputs[0])
        if node.op is not None:
            return node.params["device"]
        return Device.of(node.value)

    def __repr__(self) -> str:
        what = self.op.name if self.op else "leaf"
        name = f" {self.name!r}" if self.name else ""
        return f"<node {self.number}: {what}{name} {self.shape} {self.dtype}>"


def all_inputs(node: Node) -> tuple[Node, ...]:
    """The nodes whose outputs `node` took."""
    return node.inputs


def differentiable_inputs(node: Node) -> tuple[Node, ...]:
    """The inputs to which a gradient flows from `node`."""
    plan = node.plan
    return plan.reached(node.inputs) if plan is not None else ()


def topological(outputs: Iterable[Node], inputs_of: Callable = all_inputs) -> list[Node]:
    """All nodes that `outputs` are computed from, each once, and after its inputs."""
    seen = set(outputs)
    found = list(seen)
    for node in found:  # which grows as we go
        for parent in inputs_of(node):
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
    found.sort(key=attrgetter("number"))
    return found


ZERO = object()
"""A gradient that is 0 whatever arrives, as behind `floor`: it is passed on, and costs no arithmetic."""


def backpropagate(
    seeds: dict[Node, object],
    wanted: Iterable[Node] | None,
    restore: Callable,
    *,
    free: bool = False,
    observe: Callable | None = None,
) -> dict[Node, object]:
    """The chain rule, from the outputs back: the gradients of the nodes in `wanted`.

    For y = f(x₀, x₁, ...) the gradient g = ∂L/∂y gives each input its share g · ∂y/∂xᵢ; where a
    node was used several times, the shares add up. Nodes are taken in the reverse of their
    topological order, so a node's gradient is complete when its turn comes, and is dropped after.

    seeds    output node -> the gradient (a Tensor) that arrives there
    wanted   whose gradients to return; None for those of all tensors that receive one. Only what
             leads from the seeds to these is computed.
    restore  `restore(arrays, node)` makes Tensors of the arrays that `node` had saved
    free     let go of the saved arrays as they have been used
    observe  called as `observe(node, position, share, fitted, total)` for each share that arrives,
             and as `observe(node, None, None, None, gradient)` when a node's turn comes

    Returns {node: gradient or ZERO}. Raises `GradientError` where saved arrays are gone or changed.
    """
    order = topological(seeds, differentiable_inputs)
    if wanted is None:
        wanted = {node for node in order if node.tensor is not Node.tensor}
        useful = None  # every leaf that needs a gradient wants it
    else:
        wanted = set(wanted)
        useful = _leading_to(wanted, order)
    pending, found = dict(seeds), {}
    while order:
        node = order.pop()
        g = pending.pop(node, None)
        if g is None:
            continue
        if node.hooks and g is not ZERO:
            g = _through_hooks(node, g)
        if observe is not None:
            observe(node, None, None, None, g)
        if node in wanted:
            found[node] = g
        plan = node.plan
        if plan is None:
            continue
        inputs = node.inputs
        if g is ZERO:
            for parent in plan.reached(inputs):
                pending.setdefault(parent, ZERO)
            continue
        saved = node.saved
        if saved:
            if writes.latest > node.number or writes.on_loan:
                _check_unchanged(node)
            saved = restore(saved, node)
        elif saved is None:
            raise GradientError(_freed_message(node))
        try:
            for position, rule, pick, extras in plan.steps:
                parent = inputs[position]
                if useful is not None and parent not in useful:
                    continue
                if extras:
                    share = rule(g, *pick(saved), **_look_up(extras, node, position, saved))
                elif saved:
                    share = rule(g, *pick(saved))
                else:
                    share = rule(g)
                earlier = pending.get(parent, ZERO)
                if share is None:
                    fitted, total = ZERO, earlier
                else:
                    array = share._data
                    fits = array.shape == parent.shape and array.dtype is parent.dtype
                    fitted = share if fits else fit(share, parent)
                    total = fitted if earlier is ZERO else earlier + fitted
                pending[parent] = total
                if observe is not None:
                    observe(node, position, share, fitted, total)
        except AnomalyError as error:
            made = f", applied at {node.line}" if node.line else ""
            raise AnomalyError(f"in the gradient of '{node.op.name}'{inside(node.scope)}{made}: {error}") from None
        if free and node.saved:
            node.saved = None
    return found


def _through_hooks(node: Node, g):
    for hook in node.hooks:
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def fit(g, target: Node):
    """`g` in the shape and dtype of `target`: summed over the axes that were broadcast, and cast.

    An axis that was repeated n times got n shares of gradient, which add up.
    """
    shape = target.shape
    if g.shape != shape:
        lead = g.ndim - len(shape)
        repeated = [lead + i for i, n in enumerate(shape) if n == 1 and g.shape[lead + i] != 1]
        g = g.sum(axis=(*range(lead), *repeated)).reshape(shape)
    return g if g.dtype == target.dtype else g.astype(target.dtype)


def _leading_to(wanted: set[Node], order: list[Node]) -> set[Node]:
    """Those nodes of `order` from which a gradient can reach `wanted`."""
    useful = set(wanted)
    for node in order:
        if node not in useful and not useful.isdisjoint(differentiable_inputs(node)):
            useful.add(node)
    return useful


def _look_up(names: tuple[str, ...], node: Node, position: int, saved: list) -> dict:
    """What a rule named besides single arrays."""
    values = {}
    for name in names:
        if name == "like":
            values[name] = node.inputs[position]
        elif name == "position":
            values[name] = position
        elif name in node.params:
            values[name] = node.params[name]
        else:
            values[name] = tuple(saved[slot] for slot in node.plan.many)
    return values


def _check_unchanged(node: Node) -> None:
    for array, source in zip(node.saved, node.plan.kept, strict=True):
        if writes.overwritten_since(array, node.number):
            changed = node if source == OUTPUT else node.inputs[source]
            role = "output" if source == OUTPUT else f"input {node.op.input_name(source)!r}"
            raise GradientError(
                f"the {role} of '{node.op.name}'{inside(node.scope)}, {describe(changed)}, was changed in place after "
                f"'{node.op.name}' used it, and its gradient still needs the old numbers. Change it after "
                f"backward(), or compute on a copy of it."
            )


def describe(node: Node) -> str:
    """A tensor as an error names it: by its name if it has one, with shape and dtype."""
    name = (
        f"tensor {node.name!r} "
        if node.name
        else ("a tensor " if node.op is None else f"the result of '{node.op.name}' ")
    )
    return f"{name}of shape {node.shape} and dtype {node.dtype}"


def _freed_message(node: Node) -> str:
    return (
        f"the graph was freed: backward() has been called on it before, and the arrays that '{node.op.name}'"
        f"{inside(node.scope)} had saved are gone. Call the first backward with retain_graph=True, or compute the output again."
    )
