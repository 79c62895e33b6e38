"""Nodes that a backward walk made know it: of which order the walk was, and for which modules."""

import tinygrad_ml as tg
from tinygrad_ml.graph import topological
from tinygrad_ml.modes import BACKWARD, inside, modes, scope


def test_recorded_walks_leave_their_order_and_the_modules_they_differentiate():
    x = tg.tensor(3.0, requires_grad=True)
    with scope("", "Net"), scope("cube", "Cube"):
        y = x * x * x
    place = modes.scope
    (first,) = tg.grad(y, x, create_graph=True)
    (second,) = tg.grad(first, x, create_graph=True)

    orders = set()
    for node in topological([first.node, second.node]):
        if node.scope:
            order = node.scope.count(BACKWARD)
            assert [part.name for part in node.scope[order:]] == ["", "cube"]
            assert inside(node.scope) == " in module cube"
            orders.add(order)
    assert orders == {0, 1, 2}
    assert modes.scope == place == () and not modes.busy


def test_an_ordinary_walk_leaves_no_mark():
    x = tg.tensor(3.0, requires_grad=True)
    (first,) = tg.grad(x * x, x)
    assert first.is_leaf and inside((BACKWARD,)) == ""
