"""Functions that eager mode computes as a whole: they are what their operations give, to every order, and are taken apart for
whoever looks inside."""

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import GradientError, RangeError
from tinygrad_ml.graph import topological
from tinygrad_ml.modes import modes, watching

pytestmark = pytest.mark.host_only

F = nn.functional
RANDOM = np.random.default_rng(3)
LABELS = tg.tensor([0, 6, 2, -100, 3])
PIXELS = tg.tensor(RANDOM.integers(0, 4, (3, 2, 2)))
TEXTS, TIMES, LENGTHS = [[2, 2, 3], [0, 3, 0], [3, 0, 2]], [7, 5, 4], [3, 2, 0]


def leaf(*shape: int) -> tg.Tensor:
    return tg.tensor(RANDOM.standard_normal(shape), requires_grad=True)


def ctc(x: tg.Tensor, **options) -> tg.Tensor:
    return F.ctc_loss(tg.log_softmax(x, -1), TEXTS, TIMES, LENGTHS, blank=1, **options)


DATA = tg.tensor(RANDOM.standard_normal((6, 3)))

WHOLE = {
    "linear": (F.linear, (6, 3), (4, 3), (4,)),
    "linear of data": (lambda weight, bias: F.linear(DATA, weight, bias), (4, 3), (4,)),
    "mean": (lambda x: x.mean(1), (5, 7)),
    "mean of all": (lambda x: x.mean(keepdims=True), (5, 7)),
    "softmax": (lambda x: tg.softmax(x, 0), (5, 7)),
    "log_softmax": (lambda x: tg.log_softmax(x, -1), (5, 7)),
    "logsumexp": (lambda x: tg.logsumexp(x, (0, 2), keepdims=True), (2, 3, 4)),
    "cumulative_logsumexp": (lambda x: tg.cumulative_logsumexp(30 * x, 1), (2, 5, 3)),
    "cumulative_logsumexp of rows": (lambda x: tg.cumulative_logsumexp(x), (6,)),
    "take_along_axis": (lambda x: tg.take_along_axis(x, tg.tensor([[4, 0, 4], [1, 1, 2]]), 1), (2, 5)),
    "take_along_axis, before others": (lambda x: tg.take_along_axis(x, PIXELS, 1), (3, 4, 2)),
    "layer_norm": (lambda x: F.layer_norm(x, (3, 4)), (2, 3, 4)),
    "group_norm": (lambda x: F.group_norm(x, 2), (2, 4, 3)),
    "prod": (lambda x: tg.prod(x, 1), (5, 7)),
    "prod of two axes": (lambda x: tg.prod(x * (x > -0.5), (0, 2), keepdims=True), (2, 3, 2)),
    "max_pool1d": (lambda x: F.max_pool1d(x, 3, 2, padding=1), (2, 3, 8)),
    "max_pool2d": (lambda x: F.max_pool2d(x, (2, 3), 1, dilation=2), (2, 3, 7, 8)),
    "max_pool whose windows meet": (lambda x: F.max_pool1d(x, 2, 2, dilation=2), (2, 3, 9)),
    "max_pool of ties": (lambda x: F.max_pool2d(F.relu(x), 2, ceil_mode=True), (2, 2, 5, 5)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, 2, padding=1), (2, 3, 7, 8)),
    "mse_loss": (F.mse_loss, (5, 7), (5, 7)),
    "mse_loss of each": (lambda x, t: F.mse_loss(x, t, "none"), (5, 7), (5, 7)),
    "logits": (F.binary_cross_entropy_with_logits, (5, 7), (5, 7)),
    "sum of logits": (lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="sum"), (5, 7), (5, 7)),
    "nll_loss": (lambda x: F.nll_loss(x, LABELS), (5, 7)),
    "cross_entropy": (lambda x: F.cross_entropy(x, LABELS), (5, 7)),
    "cross_entropy of each": (lambda x: F.cross_entropy(x, LABELS, reduction="none"), (5, 7)),
    "cross_entropy of pixels": (lambda x: F.cross_entropy(x, PIXELS, ignore_index=0), (3, 4, 2, 2)),
    "ctc_loss": (ctc, (7, 3, 4)),
    "ctc_loss of each": (lambda x: ctc(x, reduction="none"), (7, 3, 4)),
}


class composed:
    """Inside, functions are composed of their operations."""

    def __enter__(self) -> None:
        modes.apart = True

    def __exit__(self, *_: object) -> None:
        modes.apart = False


def operations(y: tg.Tensor) -> list[str]:
    return sorted(
        f"{node.op and node.op.name} {node.shape} in {[place.kind for place in node.scope]}"
        for node in topological([y.node])
    )


def wholes(y: tg.Tensor) -> list[str]:
    """The nodes that are computed as a whole, without taking them apart."""
    found, queue = [], [y.node]
    for node in queue:
        queue += node.inputs
        found += [node.op.name] if node.op is not None and node.op.take_apart is not None else []
    return found


@pytest.mark.parametrize(("function", "shapes"), [(f, shapes) for f, *shapes in WHOLE.values()], ids=WHOLE)
def test_a_whole_is_what_its_operations_give(function, shapes):
    given = [leaf(*shape) for shape in shapes]
    y = function(*given)
    assert wholes(y)
    with composed():
        parts = function(*given)
    assert not wholes(parts)
    np.testing.assert_allclose(y.numpy(), parts.numpy(), rtol=1e-12, atol=1e-14)
    g = tg.tensor(RANDOM.standard_normal(y.shape))
    for a, b in zip(tg.grad(y, given, g), tg.grad(parts, given, g), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-13)
    assert wholes(y)
    assert operations(y) == operations(parts)  # which takes it apart
    for a, b in zip(tg.grad(y, given, g), tg.grad(parts, given, g), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("function", "shapes"), [(f, shapes) for f, *shapes in WHOLE.values()], ids=WHOLE)
def test_its_derivatives_are_right(function, shapes):
    def computed(*given: tg.Tensor) -> tg.Tensor:
        return function(*[x * 1 for x in given])  # no leaf has the numbers of which it is a function

    assert tg.gradcheck(computed, [leaf(*shape) for shape in shapes], order=2)


def test_places_that_are_not_there_or_counted_from_the_end_are_taken_one_by_one():
    x = leaf(2, 5)
    assert tg.take_along_axis(x, tg.tensor([[-1], [-5]]), 1).tolist() == [[x[0, 4].item()], [x[1, 0].item()]]
    with pytest.raises(RangeError):
        tg.take_along_axis(x, tg.tensor([[5], [0]]), 1)


def test_float32_stays_and_numbers_that_are_infinite_give_what_operations_give():
    rows = np.array([[0, -np.inf, 1], [-np.inf, -np.inf, -np.inf], [np.inf, 0, 1]], np.float32)
    for function in (lambda x: tg.softmax(x, 1), lambda x: tg.log_softmax(x, 1), lambda x: tg.logsumexp(x, 1)):
        x = tg.tensor(rows, requires_grad=True)
        y = function(x)
        with composed():
            parts = function(x)
        assert y.dtype == "float32"
        np.testing.assert_allclose(y.numpy(), parts.numpy(), rtol=1e-6)
        (a,), (b,) = (tg.grad(found, x, tg.ones_like(found)) for found in (y, parts))
        assert a.dtype == "float32"
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    x = tg.tensor([[1000.0], [-1000.0]], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, [[0.0], [1.0]], reduction="none")
    assert wholes(loss) and loss.tolist() == [[1000], [1000]]
    assert tg.grad(loss.sum(), x)[0].tolist() == [[1], [-1]]


def test_slices_of_what_is_whole_meet_in_its_gradient():
    x = leaf(4, 3)
    y = tg.softmax(x, 1)
    total = sum((y[i] * (i + 1)).sum() for i in range(4)) + y[1:, 0].sum()
    with composed():
        parts = tg.softmax(x, 1)
    same = sum((parts[i] * (i + 1)).sum() for i in range(4)) + parts[1:, 0].sum()
    np.testing.assert_allclose(tg.grad(total, x)[0].numpy(), tg.grad(same, x)[0].numpy(), atol=1e-15)


def test_a_graph_that_was_freed_still_shows_its_operations_and_says_so():
    x = leaf(4, 3)
    loss = F.cross_entropy(x * 2, [0, 1, 2, 0])
    loss.backward()
    assert wholes(loss)
    assert {"sub", "exp", "log"} <= {node.op.name for node in topological([loss.node]) if node.op}
    with pytest.raises(GradientError, match="the graph was freed"):
        loss.backward()
    assert "digraph" in viz.draw(loss, "both").source


def test_what_is_overwritten_is_noticed_and_named():
    x = tg.tensor(np.ones((2, 3)), requires_grad=True, name="scores")
    y = tg.softmax(x, 1).sum()
    x.assign(0)
    with pytest.raises(GradientError, match="the input 'x' of 'softmax' in softmax, tensor 'scores' of shape"):
        y.backward()


def test_who_watches_sees_operations_and_what_needs_no_gradient_tells_where_it_comes_from():
    seen = []
    with watching(lambda op, *_: seen.append(op.name)):
        tg.softmax(leaf(2, 3), 1)
    assert {"exp", "sum", "div"} <= set(seen)
    plain = tg.softmax(tg.tensor(RANDOM.standard_normal((2, 3))), 1)
    assert plain.node.op is None
    with tg.no_grad():
        assert tg.softmax(leaf(2, 3), 1).node.op is None


def test_numbers_in_formulas_stay_in_front_of_all_that_use_them_whatever_is_taken_apart_first():
    x = leaf(2, 3)
    first = F.layer_norm(x, (3,), eps=0.125)
    second = F.layer_norm(first, (3,), eps=0.125)
    topological([second.node], lambda node: node.inputs)
    for y in (second, first):
        take_apart = y.node.op and y.node.op.take_apart
        assert take_apart
        take_apart(y.node)
    order = topological([second.node])
    place = {node: i for i, node in enumerate(order)}
    assert all(place[parent] < place[node] for node in order for parent in node.inputs)
