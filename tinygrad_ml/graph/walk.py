"""The walk back that `backward` and `grad` take: `chain_rule`, and what an engine has to add to it.

    wanted      only what leads from the outputs to the wanted nodes is computed
    ZERO        a gradient that is 0 whatever arrives is passed on, and costs no arithmetic
    hooks       look at a gradient when it is complete, and may put another in its place; `observe` looks at each share. A
                leaf with hooks, though older than all else, has its turn as soon as its last share is there
    recalled    saved arrays may be gone, or overwritten since: that is an error, and no wrong gradient
    free        arrays are let go of as they have been used
    slices      the shares of many slices of one tensor are put into place at once (`slices.py`)
    at once     an operation may have one rule that gives the shares of all its inputs
    plain       where nobody differentiates or watches the walk, gradients are arrays, with which most rules can compute
    anomalies   a nan that a rule has made is reported with the operation that the rule belongs to

Read before: `chain_rule.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import writes
from ..backend.arrays import BY_TYPE, HOST
from ..errors import AnomalyError, GradientError
from ..ops import OUTPUT, Plan
from ..ops.index import getitem
from ..state import part_of
from .chain_rule import fit, look_up
from .node import Node, describe, differentiable_inputs, reached_inputs, topological
from .slices import ZERO, SliceShares


def backpropagate(
    seeds: dict[Node, Any],
    wanted: Iterable[Node] | None,
    restore: Callable,
    *,
    free: bool = False,
    plain: Callable | None = None,
    follow: Callable | None = None,
    observe: Callable | None = None,
) -> dict[Node, Any]:
    """The chain rule, from the outputs back: the gradients of the nodes in `wanted`.

    seeds    output node -> the gradient (a Tensor) that arrives there
    wanted   whose gradients to return; None for those of all tensors that receive one
    restore  `restore(arrays, node)` makes Tensors of the arrays that `node` had saved
    free     let go of the saved arrays as they have been used
    plain    what makes a Tensor of an array, if gradients may be arrays on the way
    follow   called as `follow(node)` when a node's turn comes, before anything is computed for it
    observe  called as `observe(node, position, share, fitted, total)` for each share that arrives,
             and as `observe(node, None, None, None, gradient)` when a node's turn comes

    Returns {node: gradient or ZERO}. Raises `GradientError` where saved arrays are gone or changed.
    """
    order = _with_leaves_in_time(topological(seeds, differentiable_inputs if plain is None else reached_inputs))
    useful = None if wanted is None else _leading_to(set(wanted), order)  # None: all leaves that need one want it
    wanted = {node for node in order if node.tensor is not Node.tensor} if wanted is None else set(wanted)
    pending: dict[Node, Any] = dict(seeds) if plain is None else {node: g._data for node, g in seeds.items()}
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
            g = _through_hooks(node, g, plain)
        if observe is not None:
            observe(node, None, None, None, g)
        if node in wanted:
            gradients[node] = g if plain is None or g is ZERO else plain(g)
        plan, inputs = node.plan, node.inputs
        if plan is None:
            continue
        if g is ZERO:
            for parent in plan.reached(inputs):
                pending.setdefault(parent, ZERO)
            continue
        if plan.primitive is getitem and len(inputs) == 1 and observe is None:
            if useful is None or inputs[0] in useful:
                earlier = pending.get(inputs[0], ZERO)
                shares = earlier if type(earlier) is SliceShares else SliceShares(inputs[0].shape, earlier)
                pending[inputs[0]] = shares.add(g, node.params["index"])
            continue
        try:
            for position, share in _shares(node, plan, g, useful, restore, plain):
                parent = inputs[position]
                earlier = pending.get(parent, ZERO)
                if share is None:
                    fitted, total = ZERO, earlier
                else:
                    fits = share.shape == parent.shape and share.dtype is parent.dtype
                    fitted = share if fits else fit(share, parent)
                    total = fitted if earlier is ZERO else earlier + fitted
                pending[parent] = total
                if observe is not None:
                    observe(node, position, share, fitted, total)
        except AnomalyError as error:
            where = f", applied at {node.line}" if node.line else ""
            raise AnomalyError(f"in the gradient of {_describe_operation(node)}{where}: {error}") from None
        if free and plan.kept:
            node.saved = None
    return gradients


def _with_leaves_in_time(order: list[Node]) -> list[Node]:
    """The order in which leaves with hooks stand in front of the first node that uses them: behind all of those in a walk back.

    So what a hook does with the gradient of a weight, such as sending it away, is begun while the walk goes on.
    """
    waiting = {node for node in order if node.hooks and node.op is None}
    if not waiting:
        return order
    first = {leaf: user.number for user in reversed(order) for leaf in reached_inputs(user) if leaf in waiting}
    return sorted(order, key=lambda node: first.get(node, node.number + 0.5))  # a leaf just before its first user


def _takes_slices(node: Node, wanted: set[Node]) -> bool:
    """Whether the rule of a node looks at the shares of slices of it one by one, and nobody at all of the gradient."""
    op = node.op
    return op is not None and op.joint and op.take_apart is None and not node.hooks and node not in wanted


def _shares(
    node: Node, plan: Plan, g: Any, useful: set[Node] | None, restore: Callable, plain: Callable | None
) -> list[tuple[int, Any]]:
    """(position, share) of the useful inputs of a node, as its rules give them."""
    saved = _recalled(node, plan) if plan.kept else ()
    tensor = None if plain is None or (plan.plain and BY_TYPE[type(g)] is HOST) else plain
    if tensor is not None or plain is None:
        saved = restore(saved, node)
    if tensor is not None and type(g) is not SliceShares:
        g = tensor(g)
    steps = plan.steps if useful is None else [step for step in plan.steps if node.inputs[step[0]] in useful]
    if plan.primitive.joint and steps:
        needed = tuple([step[0] for step in steps])
        _, rule, pick, names = steps[0]
        named = look_up([name for name in names if name != "needed"], node, 0, saved, plan.many)
        together = rule(g, *pick(saved), needed=needed, **named)
        shares = [(position, together[position]) for position in needed]
    else:
        shares = [
            (position, rule(g, *pick(saved), **(look_up(names, node, position, saved, plan.many) if names else {})))
            for position, rule, pick, names in steps
        ]
    return shares if tensor is None else [(place, None if x is None else x._data) for place, x in shares]


def _leading_to(wanted: set[Node], order: list[Node]) -> set[Node]:
    """Those nodes of `order` from which a gradient can reach `wanted`."""
    useful = set(wanted)
    for node in order:
        if node not in useful and not useful.isdisjoint(reached_inputs(node)):
            useful.add(node)
    return useful


def _through_hooks(node: Node, g: Any, plain: Callable | None) -> Any:
    g = g if plain is None else plain(g)
    for hook in node.hooks:
        replaced = hook(g)
        g = g if replaced is None else replaced
    return g if plain is None else g._data


def _recalled(node: Node, plan: Plan) -> tuple:
    """The arrays that a node has saved, if they are there and what they were."""
    if node.saved is None:
        raise GradientError(
            f"the graph was freed: backward() has been called on it before, and the arrays that {_describe_operation(node)} had saved "
            f"are gone. Call the first backward with retain_graph=True, or compute the output again."
        )
    arrays = tuple(node.saved)  # which are computed now, where `tg.checkpoint` has let go of them
    if writes.latest <= node.number and not writes.on_loan:
        return arrays
    for array, place, source in zip(arrays, plan.kept, node.saved_from, strict=True):
        if writes.overwritten_since(array, node.number):
            role = "output" if place == OUTPUT else f"input {plan.primitive.input_name(place)!r}"
            raise GradientError(
                f"the {role} of {_describe_operation(node)}, {describe(source)}, was changed in place after "
                f"'{plan.primitive.name}' used it, and its gradient still needs the old numbers. Change it after "
                f"backward(), or compute on a copy of it."
            )
    return arrays


def _describe_operation(node: Node) -> str:
    """An operation, and the module that applied it."""
    return f"'{node.op.name if node.op else 'leaf'}'{part_of(node.scope)}"
