"""Where gradients start and where they end: second passes, seeds, several outputs, hooks."""

import weakref

import numpy as np
import pytest
from checks import assert_close, leaf

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, GradientError, ShapeError
from tinygrad_ml.hooks import after_backward

# -- a second pass -------------------------------------------------------------------------------------


def test_backward_twice_is_an_error_that_says_how():
    x = leaf(3.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match="retain_graph=True"):
        y.backward()
    with pytest.raises(GradientError, match="freed"):
        tg.grad(y, x)
    assert_close(x.grad, 6)


def test_backward_twice_over_a_retained_graph_adds_up():
    x = leaf(3.0)
    inner = x * x
    y = inner * inner
    y.backward(retain_graph=True)
    y.backward()
    assert_close(x.grad, 2 * 4 * 27)


def test_two_losses_that_share_a_part():
    x = leaf(3.0)
    shared = x * x
    (shared * 2).backward(retain_graph=True)
    (shared * 3).backward()
    assert_close(x.grad, 5 * 6)


def test_the_second_of_two_losses_over_a_freed_part_is_an_error():
    x = leaf(3.0)
    shared = x * x
    first, second = shared.exp(), shared.sin()
    first.backward()
    with pytest.raises(GradientError, match="'mul'"):
        second.backward()


def test_grad_frees_nothing_and_stores_nothing():
    x = leaf(3.0)
    y = x * x * x
    for _ in range(3):
        assert_close(tg.grad(y, x)[0], 27)
    assert x.grad is None


def test_gradients_accumulate_over_graphs():
    x = leaf([1.0, 2.0])
    for _ in range(3):
        (x * 2).sum().backward()
    assert_close(x.grad, [6, 6])


def test_after_backward_the_arrays_are_let_go():
    x = leaf(np.ones(1000, np.float32))
    hidden = x.exp()
    memory = weakref.ref(hidden.node.saved[0])
    y = hidden.sum()
    del hidden
    y.backward()
    assert memory() is None
    assert y.node.inputs[0].freed
    assert not x.node.freed


# -- where gradients start -----------------------------------------------------------------------------


def test_backward_from_a_leaf():
    x = leaf(3.0)
    x.backward()
    assert_close(x.grad, 1)
    assert_close(tg.grad(x, x)[0], 1)


def test_a_tensor_of_one_element_starts_by_itself():
    x = leaf([3.0])
    (x * x).backward()
    assert_close(x.grad, [6])


def test_the_inputs_of_grad_may_be_what_parameters_gives():
    layer = tg.nn.Linear(3, 2)
    by_weight, by_bias = tg.grad(layer(tg.ones((4, 3))).sum(), layer.parameters())
    assert by_weight.shape == (2, 3) and by_bias.tolist() == [4, 4]


def test_starting_where_no_gradient_can_flow_is_an_error():
    with pytest.raises(GradientError, match="requires_grad=True"):
        tg.tensor(3.0).backward()
    with pytest.raises(GradientError, match="requires_grad=True"):
        tg.grad(tg.tensor(3.0), leaf(3.0))
    with pytest.raises(GradientError, match="does not require a gradient"):
        tg.grad(leaf(3.0), tg.tensor(3.0))


def test_several_elements_need_a_gradient_to_start_with():
    with pytest.raises(GradientError, match=r"\(2,\).*2 elements.*y\.sum\(\)"):
        leaf([1.0, 2.0]).backward()


def test_a_gradient_of_wrong_shape_or_dtype_is_an_error():
    x = leaf([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"shape \(3,\) instead of \(2,\)"):
        (x * 2).backward(tg.ones(3))
    with pytest.raises(ShapeError, match="shape"):
        (x * 2).backward(tg.tensor(1.0))
    with pytest.raises(DTypeError, match="dtype float64 instead of float32"):
        (x * 2).backward(tg.ones(2, dtype="float64"))
    with pytest.raises(GradientError, match="1 gradients given for 2 outputs"):
        tg.grad([x.sum(), x.sum()], x, [tg.tensor(1.0)])


def test_a_given_gradient_is_weighed_in():
    x = leaf([1.0, 2.0])
    (x * x).backward(tg.tensor([10.0, 100.0]))
    assert_close(x.grad, [20, 400])


def test_several_outputs_add_up_and_may_repeat():
    x = leaf(3.0)
    y = x * x
    assert_close(tg.grad([y, y, x], x)[0], 13)
    assert_close(tg.grad([y, x], x, [tg.tensor(2.0), None])[0], 13)


def test_gradients_of_computed_tensors():
    x = leaf(3.0)
    inner = x * x
    y = inner * inner + x
    to_inner, to_x = tg.grad(y, [inner, x])
    assert_close(to_inner, 18)
    assert_close(to_x, 4 * 27 + 1)


def test_an_output_may_be_an_input_of_another():
    x = leaf(3.0)
    y = x * x
    z = y * 2
    assert_close(tg.grad([z, y], x)[0], 18)
    assert_close(tg.grad([z, y], y)[0], 3)


def test_an_input_that_was_not_used():
    x, y = leaf(3.0), leaf(4.0)
    with pytest.raises(GradientError, match="allow_unused=True"):
        tg.grad(x * x, [x, y])
    assert tg.grad(x * x, [x, y], allow_unused=True)[1] is None


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    x = leaf([1.0, 2.0])
    inner = x * 3
    inner.retain_grad()
    (inner * inner).sum().backward()
    assert_close(inner.grad, [6, 12])
    with pytest.raises(GradientError, match="none to retain"):
        tg.tensor(1.0).retain_grad()


# -- operations with several outputs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (lambda x: tg.split(x, [1, 2])[1:], [0, 1, 1]),
        (lambda x: tg.split(x, 1)[::2], [1, 0, 1]),
        (lambda x: tg.topk(x, 2)[:1], [0, 1, 1]),
        (lambda x: [tg.linalg.slogdet(tg.reshape(x[1], (1, 1)))[1]], [0, 0.5, 0]),
        (lambda x: [next(iter(x))], [1, 0, 0]),
    ],
)
def test_outputs_that_are_dropped_get_no_gradient(outputs, expected):
    x = leaf([1.0, 2.0, 3.0])
    tg.concat([y.reshape(-1) for y in outputs(x)]).sum().backward()
    assert_close(x.grad, expected)


# -- hooks ---------------------------------------------------------------------------------------------


def test_a_hook_sees_the_complete_gradient_once():
    x, seen = leaf(3.0), []
    inner = x * 2
    inner.register_hook(lambda g: seen.append(g.item()))
    (inner * inner + inner).backward()
    assert seen == [13.0]


def test_a_hook_can_replace_the_gradient_and_be_removed():
    x = leaf(3.0)
    inner = x * 2
    double, triple = inner.register_hook(lambda g: g * 2), inner.register_hook(lambda g: g * 3)
    assert_close(tg.grad(inner, x)[0], 12)
    double.remove()
    assert_close(tg.grad(inner, x)[0], 6)
    triple.remove()
    triple.remove()
    assert_close(tg.grad(inner, x)[0], 2)


def test_a_hook_of_a_leaf_is_called_as_soon_as_its_last_share_is_there():
    """Though leaves are older than all operations: so a gradient can be sent away while the walk goes on."""
    x, early, late, both = (tg.tensor(float(k), requires_grad=True, name=f"x{k}") for k in range(1, 5))
    seen = []
    first = x * early * both
    for tensor, name in ((x, "x"), (early, "early"), (late, "late"), (both, "both"), (first, "first")):
        tensor.register_hook(lambda g, name=name: seen.append((name, g.item())))
    y = first * late * both
    y.backward()
    assert seen == [("late", 32.0), ("first", 12.0), ("both", 48.0), ("early", 48.0), ("x", 96.0)]
    assert late.grad.item() == 32 and both.grad.item() == 48
    only = tg.tensor(2.0, requires_grad=True)
    only.register_hook(lambda g: seen.append(("only", g.item())))
    only.backward()
    assert seen[-1] == ("only", 1.0)


def test_what_a_hook_puts_off_until_after_the_walk():
    x = tg.tensor(3.0, requires_grad=True)
    seen = []
    x.register_hook(lambda g: after_backward(lambda: seen.append(x.grad.item())))
    (x * x).backward()
    (x * x).backward()
    assert seen == [6, 12]
    with pytest.raises(AssertionError, match="no backward is running"):
        tg.grad(x * x, x)


def test_a_hook_on_a_leaf_shapes_what_is_stored():
    x = leaf([1.0, 2.0])
    x.register_hook(lambda g: g.clip(-1, 1))
    (x * 100).sum().backward()
    assert_close(x.grad, [1, 1])


def test_a_hook_needs_a_tensor_with_a_gradient():
    with pytest.raises(GradientError, match="never be called"):
        tg.tensor(1.0).register_hook(print)


@pytest.mark.parametrize("shape", [(), (3,), (300, 200)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_choices_and_sums_send_back_what_they_took(shape, dtype):
    """Of arrays, where nobody looks, and of tensors, where the gradient is differentiated in turn: to the bit."""
    x = tg.tensor(np.random.default_rng(0).standard_normal(shape).astype(dtype), requires_grad=True)
    y = x.relu().sum() * 2 + tg.where(x > 0.5, x, 3).mean() + tg.where(x > 0.5, 3, x).sum()
    plain, recorded = tg.grad(y, x)[0], tg.grad(y, x, create_graph=True)[0]
    assert plain.shape == shape and plain.dtype == dtype and recorded.requires_grad
    np.testing.assert_array_equal(plain.numpy(), recorded.detach().numpy())
    over, half = x.numpy() > 0, x.numpy() > 0.5
    expected = 2 * over + half / max(1, x.size) + ~half
    np.testing.assert_allclose(plain.numpy(), expected, 2e-3 if dtype == "float16" else 1e-6)
