"""The walk back in its details: what its errors call a tensor, what it leaves undone, in what dtype and where its results are."""

import numpy as np
import pytest
import strict

import tinygrad_ml as tg
from tinygrad_ml.errors import AnomalyError, DeviceError, DTypeError, GradientError, ShapeError
from tinygrad_ml.graph import describe

assert strict.BACKEND  # "strict" is the name of a second device


def leaf(values=(1.0, 2.0), **options):
    return tg.tensor(list(values), requires_grad=True, **options)


# -- dtypes and devices ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_share_that_a_rule_computed_wider_arrives_in_the_dtype_of_its_tensor(dtype):
    x = leaf((2.0, 2.0, 1.0), dtype=dtype)
    shares = tg.grad(x.max(), x, create_graph=True)[0]  # ties are counted in float32 at least
    assert shares.dtype == dtype
    assert shares.tolist() == [0.5, 0.5, 0]


def test_a_number_beside_a_tensor_does_not_say_where_the_result_is():
    x = tg.tensor([1.0, 2.0], requires_grad=True, device="strict")
    total = x.sum()
    for y in (2**x, x**2.5, 2**total, 1 - total, tg.maximum(0.5, total)):
        assert y.node.device == "strict"
    assert total.to("cpu").node.device == "cpu"


# -- words -----------------------------------------------------------------------------------------------


def test_a_node_and_a_tensor_say_what_they_are():
    x, y = leaf(name="weights"), leaf()
    assert repr(x.node).endswith(": leaf 'weights' (2,) float32>")
    assert repr(y.node).endswith(": leaf (2,) float32>")
    assert repr((x * y).node).endswith(": mul (2,) float32>")
    assert describe(x.node) == "tensor 'weights' of shape (2,) and dtype float32"
    assert describe(y.node) == "a tensor of shape (2,) and dtype float32"
    assert describe((x * y).node) == "the result of 'mul' of shape (2,) and dtype float32"


@pytest.mark.host_only
def test_an_error_about_overwritten_numbers_says_whose_they_were():
    x, w = leaf(), leaf(name="weights")
    y = (x * w).sum()
    w.assign([5.0, 5.0])
    with pytest.raises(GradientError, match="the input 'b' of 'mul', tensor 'weights' of shape"):
        y.backward()
    y = x.exp()
    y.data[0] = 3
    with pytest.raises(GradientError, match="the output of 'exp', the result of 'exp' of shape"):
        y.sum().backward()


def test_a_nan_on_the_way_back_is_told_with_the_line_of_its_operation_if_that_is_known():
    def back():
        with tg.detect_anomaly():
            y.backward()

    with tg.detect_anomaly():
        y = tg.sqrt(leaf((0.0,)) * 0.0).sum() * 0.0
    with pytest.raises(AnomalyError, match=r"in the gradient of 'sqrt', applied at .*test_walk\.py:\d+: "):
        back()
    y = tg.sqrt(leaf((0.0,)) * 0.0).sum() * 0.0
    with pytest.raises(AnomalyError, match="in the gradient of 'sqrt': "):
        back()


# -- what does not happen --------------------------------------------------------------------------------


def test_a_hook_is_not_called_with_a_gradient_that_is_nothing():
    x, seen = leaf(), []
    inner = x * 2
    inner.register_hook(seen.append)
    inner.floor().sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert seen == []


def test_gradients_that_nobody_has_asked_for_are_not_computed():
    x, w = leaf(), leaf()
    inner = x * x
    seen = []
    inner.register_hook(seen.append)
    assert tg.grad((inner * w).sum(), w)[0].tolist() == [1, 4]
    assert seen == []


# -- gradients of one's own --------------------------------------------------------------------------------


def test_stored_gradients_share_memory_with_nothing():
    """Each can be written into, and nothing else changes."""
    x, y = leaf(), leaf()
    given = tg.tensor([1.0, 1.0])
    (x + y).backward(given)
    for gradient in (x.grad, y.grad):
        gradient.data[0] = 5
        assert given.tolist() == [1, 1]
    assert (x.grad.tolist(), y.grad.tolist()) == ([5, 1], [5, 1])

    a, b = tg.grad((x + y).sum(), (x, y))  # one number, shown to all
    a.data[0] = 7
    assert (a.tolist(), b.tolist()) == ([7, 1], [1, 1])

    x.grad = y.grad = None
    (x.sum() * 3).backward()  # a number that the walk has made, shown to all
    x.grad.data[0] = 5
    assert x.grad.tolist() == [5, 3]

    x.grad = y.grad = None
    ((x + y) * 3).backward(given)  # an array that the walk has made, for both
    x.grad.data[0] = 5
    assert (x.grad.tolist(), y.grad.tolist()) == ([5, 3], [3, 3])


def test_a_stored_gradient_is_outside_of_the_graph_unless_it_was_recorded():
    x = leaf()
    (x**3).sum().backward()
    assert not x.grad.requires_grad
    x.grad = None
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    assert tg.grad(x.grad.sum(), x)[0].tolist() == [6, 12]


@pytest.mark.parametrize(
    ("given", "error", "problem"),
    [
        (tg.ones(3), ShapeError, r"shape \(3,\) instead of \(2,\)$"),
        (tg.ones(2, dtype="float64"), DTypeError, "has dtype float64 instead of float32$"),
        (tg.ones(3, dtype="float64"), ShapeError, r"shape \(3,\) instead of \(2,\), dtype float64 instead of float32$"),
        (tg.ones(2, device="strict"), DeviceError, "has device strict instead of cpu$"),
    ],
)
@pytest.mark.host_only
def test_a_starting_gradient_that_does_not_fit_is_told_by_all_that_is_wrong(given, error, problem):
    with pytest.raises(error, match=problem):
        (leaf() * 2).backward(given)


def test_several_outputs_may_be_one_tensor():
    x = leaf((3.0,))
    y = x * x
    assert tg.grad((y, y), x, (tg.tensor([1.0]), tg.tensor([10.0])))[0].tolist() == [66]


# -- derivatives of functions ------------------------------------------------------------------------------


def test_inputs_that_a_function_does_not_use_have_a_derivative_of_zero():
    a, b = tg.tensor([1.0, 2.0]), tg.tensor([3.0])
    f = lambda a, b: (a**3).sum()  # noqa: E731
    assert tg.jacobian(lambda a, b: a * 2, (a, b))[1].tolist() == [[0], [0]]
    (aa, ab), (ba, bb) = tg.hessian(f, (a, b))
    assert aa.tolist() == [[6, 0], [0, 12]]
    assert (ab.tolist(), ba.tolist(), bb.tolist()) == ([[0], [0]], [[0, 0]], [[0]])


def test_points_and_directions_may_be_arrays_and_lists():
    point = np.array([1.0, 2.0], "float32")
    assert tg.jacobian(lambda x: x * x, point).tolist() == [[2, 0], [0, 4]]
    assert tg.hvp(lambda x: (x**3).sum(), point, np.ones(2, "float32")).tolist() == [6, 12]
    assert tg.vjp(lambda x: x * x, point)[1](tg.ones(2))[0].tolist() == [2, 4]


def test_a_symbol_beside_numbers_stays_one():
    for x in (tg.symbol((3,)), tg.symbol((3,)).sum()):
        for y in (x * 2, 2**x, 1 - x):
            assert y.node.device.kind == "symbol"
    assert (tg.symbol(()) * 2).node.device.kind == "symbol"


# -- many slices of one tensor -----------------------------------------------------------------------------


def backward_of(function, *leaves):
    """(gradients, how often which operation computed something for them)"""
    y, counts = function(*leaves), {}

    def count(op, *_):
        counts[op.name] = counts.get(op.name, 0) + 1

    with tg.modes.watching(count):
        gradients = tg.grad(y, leaves)
    return [g.numpy() for g in gradients], counts


@pytest.mark.parametrize("steps", [7, 8, 50])
def test_the_shares_of_slices_are_put_into_place_at_once_where_they_are_many(steps):
    x = leaf(np.arange(1.0, steps + 1), dtype="float64")
    (slope,), counts = backward_of(lambda x: sum((part**3 for part in tg.unstack(x)), x.sum()) + x[2:].sum(), x)
    np.testing.assert_array_equal(slope, 3 * np.arange(1.0, steps + 1) ** 2 + 1 + (np.arange(steps) > 1))
    slices = steps + 1
    assert counts.get("assemble", 0) == (slices >= 8) and counts.get("scatter_add", 0) == (slices if slices < 8 else 0)


def test_assembled_gradients_have_gradients_and_pass_hooks():
    x, seen = leaf(np.arange(1.0, 13.0), dtype="float64"), []
    x.register_hook(lambda g: seen.append(g) or g * 2)
    (slope,) = tg.grad(sum(part**3 for part in tg.unstack(x)), x, create_graph=True)
    (curve,) = tg.grad(slope.sum(), x)
    np.testing.assert_array_equal(slope.numpy(), 6 * x.numpy() ** 2)
    np.testing.assert_array_equal(curve.numpy(), 2 * 12 * x.numpy())
    assert len(seen) == 2


def test_assembled_halves_are_added_up_in_single_precision():
    x = leaf(np.ones(1), dtype="float16")
    (slope,), counts = backward_of(lambda x: sum(x[:] * 1 for _ in range(3000)).sum(), x)
    assert counts["assemble"] == 1 and slope.tolist() == [3000]  # float16 alone cannot count beyond 2048


def test_a_compiled_step_of_many_slices_is_the_eager_one():
    def slope(x):
        return tg.grad(sum((part * part).sum() for part in tg.unstack(x, axis=1)), x)[0]

    x = leaf(np.random.default_rng(0).standard_normal((3, 20)), dtype="float32")
    compiled = tg.compile(slope)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(x).numpy(), slope(x).numpy())
