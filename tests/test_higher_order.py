"""Derivatives of derivatives: zeros where they are zero, Hessians, products with them, and gradient penalties."""

import math

import numpy as np
import operations
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import GradientError, ShapeError

X = np.array([0.3, -0.7, 1.1])


def scalar_function(x):
    return (x**3).sum() + (x.exp() * x[0]).sum() + (x[:-1] * x[1:]).prod()


# -- zeros, not None -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "linear",
    [
        lambda x: x * 3,
        lambda x: x + 1,
        lambda x: x.sum(),
        lambda x: x[0] + x[1],
        lambda x: x.floor(),
        lambda x: x.relu(),
        lambda x: x.max(),
        abs,
    ],
)
def test_the_second_derivative_of_what_is_flat_is_zeros(linear):
    x = tg.tensor(X, requires_grad=True)
    (first,) = tg.grad(linear(x).sum(), x, create_graph=True)
    (second,) = tg.grad(first.sum(), x, create_graph=True)
    assert_close(second, [0, 0, 0])
    (third,) = tg.grad(second.sum(), x)
    assert_close(third, [0, 0, 0])


def test_mixed_derivatives_that_vanish_are_zeros():
    x, y = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    to_x, to_y = tg.grad(x * x + y, [x, y], create_graph=True)
    assert [g.item() for g in tg.grad(to_x, [x, y])] == [2, 0]
    assert [g.item() for g in tg.grad(to_y, [x, y])] == [0, 0]
    with pytest.raises(GradientError, match="do not depend on"):
        tg.grad(to_y, to_x)


def test_backward_through_a_gradient_fills_in_zeros():
    x = tg.tensor(X, requires_grad=True)
    (first,) = tg.grad((x * 3).sum(), x, create_graph=True)
    first.sum().backward()
    assert_close(x.grad, [0, 0, 0])


def test_polynomials_lose_a_degree_each_time():
    x = tg.tensor(2.0, requires_grad=True)
    y, expected = x**5, [5 * 2**4, 20 * 2**3, 60 * 2**2, 120 * 2, 120, 0, 0]
    for value in expected:
        (y,) = tg.grad(y, x, create_graph=True)
        assert_close(y, value)


def test_the_sine_returns_after_four():
    x = tg.tensor(0.7, requires_grad=True, dtype="float64")
    y = x.sin()
    for order in range(1, 9):
        (y,) = tg.grad(y, x, create_graph=True)
        assert_close(y, math.sin(0.7 + order * math.pi / 2), rtol=1e-9)


# -- graphs of gradients -------------------------------------------------------------------------------


def test_a_gradient_without_create_graph_carries_none():
    x = tg.tensor(X, requires_grad=True)
    (first,) = tg.grad(scalar_function(x), x)
    assert first.is_leaf
    assert not first.requires_grad
    with pytest.raises(GradientError, match="no gradient can flow"):
        tg.grad(first.sum(), x)
    scalar_function(x).backward()
    assert not x.grad.requires_grad


def test_a_gradient_with_a_graph_can_be_stored_and_walked():
    x = tg.tensor(X, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first, x.grad = x.grad, None
    assert_close(first, 3 * X**2)
    first.sum().backward()
    assert_close(x.grad, 6 * X)


def test_the_given_gradient_is_part_of_the_graph():
    x, v = tg.tensor(X, requires_grad=True), tg.tensor(np.ones(3), requires_grad=True)
    (pulled,) = tg.grad(x**2, x, v, create_graph=True)
    assert_close(tg.grad(pulled.sum(), v)[0], 2 * X)


# -- derivatives of functions --------------------------------------------------------------------------


def test_hessians_are_symmetric_and_right():
    h = tg.hessian(scalar_function, tg.tensor(X))
    assert h.shape == (3, 3)
    np.testing.assert_allclose(h.numpy(), h.numpy().T, rtol=1e-12)
    step = 1e-5
    rows = [(_gradient(X + step * np.eye(3)[i]) - _gradient(X - step * np.eye(3)[i])) / (2 * step) for i in range(3)]
    assert_close(h, rows, rtol=1e-6, atol=1e-8)


def _gradient(x):
    leaf = tg.tensor(x, requires_grad=True)
    return tg.grad(scalar_function(leaf), leaf)[0].numpy()


@given(st.integers(0, 1000))
def test_hvp_is_the_hessian_times_v(seed):
    random = np.random.default_rng(seed)
    x, v = tg.tensor(random.standard_normal(3)), tg.tensor(random.standard_normal(3))
    assert_close(
        tg.hvp(scalar_function, x, v), tg.hessian(scalar_function, x).numpy() @ v.numpy(), rtol=1e-9, atol=1e-9
    )


def test_hessian_and_hvp_of_several_inputs():
    f = lambda a, b: (a * a * b).sum() + a.sum()  # noqa: E731
    a, b = tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])
    (aa, ab), (ba, bb) = tg.hessian(f, (a, b))
    assert_close(aa, np.diag([6, 8]))
    assert_close(ab, np.diag([2, 4]))
    assert_close(ba, np.diag([2, 4]))
    assert_close(bb, np.zeros((2, 2)))
    to_a, to_b = tg.hvp(f, (a, b), (tg.ones(2), tg.ones(2)))
    assert_close(to_a, [8, 12])
    assert_close(to_b, [2, 4])


def test_hessians_of_linear_functions_and_of_matrices():
    assert_close(tg.hessian(lambda x: x.sum(), tg.tensor(X)), np.zeros((3, 3)))
    assert tg.hessian(lambda x: (x @ x).sum(), tg.ones(2, 2)).shape == (2, 2, 2, 2)
    assert_close(tg.hessian(lambda x: x**3, tg.tensor(2.0)), 12)


def test_jacobians():
    j = tg.jacobian(lambda x: tg.stack([x[0] * x[1], x.sum()]), tg.tensor(X))
    assert_close(j, [[X[1], X[0], 0], [1, 1, 1]])
    to_a, to_b = tg.jacobian(lambda a, b: a @ b, (tg.ones(2, 3), tg.ones(3)))
    assert (to_a.shape, to_b.shape) == ((2, 2, 3), (2, 3))
    assert_close(tg.jacobian(lambda x: x.floor(), tg.tensor(X)), np.zeros((3, 3)))


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_jvp_is_the_numeric_directional_derivative_and_the_transpose_of_vjp(operation):
    """⟨u, J·v⟩ = ⟨uᵀ·J, v⟩, and J·v is what central differences give."""
    random = np.random.default_rng(0)

    def first(*x):
        y = operation.function(*x)
        return y if isinstance(y, tg.Tensor) else y[0]

    v = [random.standard_normal(x.shape) for x in operation.inputs]
    y, tangent = tg.jvp(first, tuple(map(tg.tensor, operation.inputs)), tuple(map(tg.tensor, v)))
    assert tangent.shape == y.shape
    step = 1e-6
    ahead, behind = (
        first(*[tg.tensor(x + sign * step * d) for x, d in zip(operation.inputs, v, strict=True)]).numpy()
        for sign in (1, -1)
    )
    assert_close(tangent, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)
    again, pullback = tg.vjp(first, *map(tg.tensor, operation.inputs))
    assert_close(again, y.numpy())
    u = random.standard_normal(y.shape)
    pulled = pullback(tg.tensor(u))
    there = sum((g.numpy() * d).sum() for g, d in zip(pulled, v, strict=True))
    np.testing.assert_allclose(there, (u * tangent.numpy()).sum(), rtol=1e-9, atol=1e-9)


def test_vjp_of_several_outputs_can_be_pulled_back_again_and_again():
    (double, total), pullback = tg.vjp(lambda x: (x * 2, x.sum()), tg.tensor(X))
    assert_close(double, 2 * X)
    for _ in range(2):
        (g,) = pullback(tg.tensor(np.ones(3)), tg.tensor(np.float64(10)))
        assert_close(g, [12, 12, 12])
    assert not total.requires_grad


def test_functions_that_differentiate_leave_no_trace():
    x = tg.tensor(X, requires_grad=True)
    for derivative in (tg.hessian, tg.jacobian):
        assert not derivative(scalar_function, x).requires_grad
    tg.hvp(scalar_function, x, tg.tensor(X))
    assert x.grad is None


def test_derivatives_that_do_not_exist_are_refused():
    with pytest.raises(GradientError, match="to one number, but f returned a tensor of shape"):
        tg.hessian(lambda x: x * 2, tg.tensor(X))
    with pytest.raises(ShapeError, match=r"shape \(2,\) instead of \(3,\)"):
        tg.hvp(scalar_function, tg.tensor(X), tg.tensor(np.ones(2)))
    with pytest.raises(ShapeError, match="instead of"):
        tg.jvp(scalar_function, tg.tensor(X), tg.tensor(np.ones(2)))
    with pytest.raises(GradientError, match="floating"):
        tg.jacobian(lambda x: x * 2, tg.arange(3))


# -- gradient penalty ----------------------------------------------------------------------------------


def test_a_gradient_norm_in_the_loss_is_differentiated_to_the_parameters():
    def penalty(w, x):
        leaf = x.detach()
        leaf.requires_grad = True
        y = (leaf @ w).tanh().sum()
        (g,) = tg.grad(y, leaf, create_graph=True)
        return ((g.norm(axis=1) - 1) ** 2).mean()

    random = np.random.default_rng(0)
    w, x = random.standard_normal((4, 2)), tg.tensor(random.standard_normal((3, 4)))
    tg.gradcheck(lambda w: penalty(w, x), w, order=2)
    parameter = tg.tensor(w, requires_grad=True)
    penalty(parameter, x).backward()
    assert np.abs(parameter.grad.numpy()).max() > 0.01


def test_a_step_of_descent_is_differentiated():
    """The gradient of the loss after a step, with respect to the step's length."""
    x, rate = tg.tensor(3.0, requires_grad=True), tg.tensor(0.1, requires_grad=True)
    (g,) = tg.grad(x * x, x, create_graph=True)
    after = x - rate * g
    (slope,) = tg.grad(after * after, rate)
    assert_close(slope, 2 * (3 - 0.1 * 6) * -6, rtol=1e-5)


# -- gradcheck -----------------------------------------------------------------------------------------


def test_gradcheck_finds_a_wrong_rule(monkeypatch):
    from tinygrad_ml.ops import elementwise

    step = elementwise.sin.plans[(True,)].steps[0]
    broken = (step[0], lambda g, x: g * x.cos() * 1.001, *step[2:])
    monkeypatch.setattr(elementwise.sin.plans[(True,)], "steps", [broken])
    with pytest.raises(GradientError, match="gradcheck, order 1"):
        tg.gradcheck(tg.sin, X)


def test_gradcheck_finds_a_gradient_that_forgets_its_own_dependence():
    def forgetful(x):
        return (x * x.detach()).sum()

    with pytest.raises(GradientError, match="order 1"):
        tg.gradcheck(forgetful, X)

    def right_once(x):  # the gradient is right, and constant where it should not be
        return (2 * x.detach() * x - x.detach() ** 2).sum()

    assert tg.gradcheck(lambda x: x * x, X, order=2)
    with pytest.raises(GradientError, match="order [12]"):
        tg.gradcheck(right_once, X, order=2)


def test_gradcheck_takes_several_inputs_and_hands_integers_on():
    assert tg.gradcheck(lambda x, n: (x**2)[n], [X, np.array([0, 0, 2])])
    with pytest.raises(GradientError, match="floating"):
        tg.gradcheck(lambda n: n, np.array([1, 2]))
    with pytest.raises(GradientError, match="does not depend"):
        tg.gradcheck(lambda x: tg.tensor(1.0), X)
