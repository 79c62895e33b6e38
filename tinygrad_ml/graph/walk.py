"""The walk back that `backward` and `grad` take: `chain_rule`, and what an engine has to add to it.

    wanted      only what leads from the outputs to the wanted nodes is computed
    ZERO        a gradient that is 0 whatever arrives is passed on, and costs no arithmetic
    hooks       look at a gradient when it is complete, and may put another in its place; `observe` looks at each share
    recalled    saved arrays may be gone, or overwritten since: that is an error, and no wrong gradient
    free        arrays are let go of as they have been used
    slices      the shares of many slices of one tensor are put into place at once (`slices.py`)
    at once     an operation may have one rule that gives the shares of all its inputs
    anomalies   a nan that a rule has made is reported with the operation that the rule belongs to

Read before: `chain_rule.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import writes
from ..errors import AnomalyError, GradientError
from ..modes import part_of
from ..ops import OUTPUT, Plan
from ..ops.index import getitem
from .chain_rule import fit, look_up
from .node import Node, describe, differentiable_inputs, topological
from .slices import ZERO, SliceShares, with_slice


def backpropagate(
    seeds: dict[Node, Any],
    wanted: Iterable[Node] | None,
    restore: Callable,
    *,
    free: bool = False,
    follow: Callable | None = None,
    observe: Callable | None = None,
) -> dict[Node, Any]:
    """The chain rule, from the outputs back: the gradients of the nodes in `wanted`.

    seeds    output node -> the gradient (a Tensor) that arrives there
    wanted   whose gradients to return; None for those of all tensors that receive one
    restore  `restore(arrays, node)` makes Tensors of the arrays that `node` had saved
    free     let go of the saved arrays as they have been used
    follow   called as `follow(node)` when a node's turn comes, before anything is computed for it
    observe  called as `observe(node, position, share, fitted, total)` for each share that arrives,
             and as `observe(node, None, None, None, gradient)` when a node's turn comes

    Returns {node: gradient or ZERO}. Raises `GradientError` where saved arrays are gone or changed.
    """
    order = topological(seeds, differentiable_inputs)
    useful = None  # every leaf that needs a gradient wants it
    if wanted is None:
        wanted = {node for node in order if node.tensor is not Node.tensor}
    else:
        wanted = set(wanted)
        useful = _leading_to(wanted, order)
    pending: dict[Node, Any] = dict(seeds)
    gradients: dict[Node, Any] = {}
    while order:
        node = order.pop()
        g = pending.pop(node, None)
        if g is None:
            continue
        if follow is not None:
            follow(node)
        if type(g) is SliceShares and not _takes_slices(node, wanted):
            g = g.total()
        if node.hooks and g is not ZERO:
            g = _through_hooks(node, g)
        if observe is not None:
            observe(node, None, None, None, g)
        if node in wanted:
            gradients[node] = g
        plan, inputs = node.plan, node.inputs
        if plan is None:
            continue
        if g is ZERO:
            for parent in plan.reached(inputs):
                pending.setdefault(parent, ZERO)
            continue
        saved = _recall(node, plan, restore) if node.saved != () else ()
        steps = _at_once(node, plan, g, saved) if plan.primitive.joint else plan.steps
        try:
            for position, rule, pick, names in steps:
                parent = inputs[position]
                if useful is not None and parent not in useful:
                    continue
                if names:
                    if plan.primitive is getitem and len(inputs) == 1 and observe is None:
                        pending[parent] = with_slice(pending.get(parent, ZERO), g, node.params["index"], parent.shape)
                        continue
                    share = rule(g, *pick(saved), **look_up(names, node, position, saved, plan.many))
                else:
                    share = rule(g, *pick(saved)) if saved else rule(g)
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
            raise _locate(error, node) from None
        if free and saved:
            node.saved = None
    return gradients


def _takes_slices(node: Node, wanted: set[Node]) -> bool:
    """Whether the rule of a node looks at the shares of slices of it one by one, and nobody at all of the gradient."""
    return node.plan is not None and node.plan.primitive.joint and not node.hooks and node not in wanted


def _at_once(node: Node, plan: Plan, g: Any, saved: Sequence) -> list[tuple]:
    """The steps of a node whose one rule gives all shares, which are computed here."""
    _, rule, pick, names = plan.steps[0]
    known = look_up(tuple(name for name in names if name != "needed"), node, 0, saved, plan.many)
    shares = rule(g, *pick(saved), needed=tuple(step[0] for step in plan.steps), **known)
    return [(position, lambda g, share=shares[position]: share, lambda saved: (), ()) for position, *_ in plan.steps]


def _leading_to(wanted: set[Node], order: list[Node]) -> set[Node]:
    """Those nodes of `order` from which a gradient can reach `wanted`."""
    useful = set(wanted)
    for node in order:
        if node not in useful and not useful.isdisjoint(differentiable_inputs(node)):
            useful.add(node)
    return useful


def _through_hooks(node: Node, g: Any) -> Any:
    for hook in node.hooks:
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g


def _recall(node: Node, plan: Plan, restore: Callable) -> list:
    """The arrays that a node has saved, as tensors, if they are there and what they were."""
    if node.saved is None:
        raise GradientError(
            f"the graph was freed: backward() has been called on it before, and the arrays that {_describe_operation(node)} had saved "
            f"are gone. Call the first backward with retain_graph=True, or compute the output again."
        )
    arrays = tuple(node.saved)  # which are computed now, where `tg.checkpoint` has let go of them
    if writes.latest > node.number or writes.on_loan:
        _check_unchanged(node, plan, arrays)
    return restore(arrays, node)


def _check_unchanged(node: Node, plan: Plan, arrays: tuple) -> None:
    op = plan.primitive
    for array, place, source in zip(arrays, plan.kept, node.saved_from, strict=True):
        if writes.overwritten_since(array, node.number):
            role = "output" if place == OUTPUT else f"input {op.input_name(place)!r}"
            raise GradientError(
                f"the {role} of {_describe_operation(node)}, {describe(source)}, was changed in place after "
                f"'{op.name}' used it, and its gradient still needs the old numbers. Change it after "
                f"backward(), or compute on a copy of it."
            )


def _locate(error: AnomalyError, node: Node) -> AnomalyError:
    where = f", applied at {node.line}" if node.line else ""
    return AnomalyError(f"in the gradient of {_describe_operation(node)}{where}: {error}")


def _describe_operation(node: Node) -> str:
    """An operation, and the module that applied it."""
    return f"'{node.op.name if node.op else 'leaf'}'{part_of(node.scope)}"
