"""The chain rule, bare: the walk back, without what an engine has to add.

For y = f(x₀, x₁, ...) the gradient g = ∂L/∂y gives each input its share g · ∂y/∂xᵢ; where a node was used several times,
the shares add up.

Read before: `node.py`. Read next: `../tensor/`. `walk.py` has the walk that the library takes, which is this one and more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..ops.reduce import sum_
from .node import Node, differentiable_inputs, topological

if TYPE_CHECKING:
    from ..tensor import Tensor


def chain_rule(seeds: dict[Node, Tensor], restore: Callable) -> dict[Node, Tensor]:
    """The gradients of all leaves that the outputs depend on.

    seeds    output node -> the gradient that arrives there
    restore  `restore(arrays, node)` makes tensors of the arrays that `node` had saved
    """
    gradients = dict(seeds)
    for node in reversed(topological(seeds, differentiable_inputs)):
        if node.plan is None or node not in gradients:
            continue  # a leaf, which keeps what has arrived, or a node at which nothing did
        g = gradients.pop(node)  # complete: all nodes that used this one have had their turn
        saved = restore(node.saved, node)
        for position, rule, pick, names in node.plan.steps:
            share = rule(g, *pick(saved), **look_up(names, node, position, saved, node.plan.many))
            if share is not None:  # as it is where the derivative is 0
                parent = node.inputs[position]
                share = fit(share, parent)
                gradients[parent] = gradients[parent] + share if parent in gradients else share
    return gradients


def fit(g: Tensor, target: Node) -> Tensor:
    """`g` in the shape and dtype of `target`: summed over the axes that were broadcast, and cast.

    An axis that was repeated n times got n shares of gradient, which add up.
    """
    shape = target.shape
    if g.shape != shape:
        lead = g.ndim - len(shape)
        repeated = [lead + i for i, n in enumerate(shape) if n == 1 and g.shape[lead + i] != 1]
        g = sum_(g, axis=(*range(lead), *repeated), keepdims=False).reshape(shape)
    return g if g.dtype == target.dtype else g.astype(target.dtype)


def look_up(names: Sequence[str], node: Node, position: int, saved: Any, many: tuple[int, ...]) -> dict:
    """What a rule named besides single arrays."""
    known = {"like": node.inputs[position], "position": position} | node.params if names else {}
    return {name: known[name] if name in known else tuple([saved[slot] for slot in many]) for name in names}
