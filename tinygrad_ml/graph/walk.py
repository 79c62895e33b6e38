"""The walk back over the graph: the chain rule.

Read before: `node.py`. Read next: `tensor/`, where operations are applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .. import writes
from ..errors import AnomalyError, GradientError
from ..modes import inside
from ..ops import OUTPUT
from .node import Node, describe, differentiable_inputs, topological

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


def _freed_message(node: Node) -> str:
    return (
        f"the graph was freed: backward() has been called on it before, and the arrays that '{node.op.name}'"
        f"{inside(node.scope)} had saved are gone. Call the first backward with retain_graph=True, or compute the output again."
    )
