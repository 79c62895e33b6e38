"""Derivatives of functions, to any order:

    vjp       vᵀ·J      one walk back
    jvp       J·v       two walks back: the vjp is linear in v, and its derivative is J·v
    hvp       H·v       the gradient of gradᵀ·v
    jacobian, hessian   a walk for each row, and all of them at once

Read before: `autograd/gradients.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any, overload

from .autograd.gradients import as_tuple, fitting, grad, zeros
from .batching import vmap
from .errors import GradientError
from .functional import eye, reshape, tensor
from .graph import topological
from .graph.node import differentiable_inputs
from .modes import enable_grad
from .ops.movement import constant_in
from .ops.shapes import size
from .tensor import Tensor, TensorLike, apply, beside, filled

ROWS_ELEMENTS = 1 << 22
"""How large the gradients of one tensor get, of the rows of a Jacobian that are computed at once."""

Several = tuple[TensorLike, ...] | list[TensorLike] | list[Tensor]
"""What a function of several tensors is given. The derivatives then come as tuples, and for one tensor as one tensor."""


def _leaves(x: TensorLike | Several) -> tuple[Tensor, ...]:
    """Fresh leaves with the numbers of x, so that differentiating a function leaves no trace."""
    return tuple(
        tensor(part.detach() if isinstance(part, Tensor) else part, requires_grad=True) for part in as_tuple(x)
    )


def _like_given(results: Sequence[Tensor], x: TensorLike | Several) -> Tensor | tuple[Tensor, ...]:
    """A tuple where a tuple of inputs was given, a single tensor where one was."""
    return tuple(results) if isinstance(x, (tuple, list)) else results[0]


@overload
def vjp(f: Callable[..., Tensor], *x: TensorLike) -> tuple[Tensor, Callable[..., tuple[Tensor, ...]]]: ...
@overload
def vjp(
    f: Callable[..., tuple[Tensor, ...] | list[Tensor]], *x: TensorLike
) -> tuple[tuple[Tensor, ...], Callable[..., tuple[Tensor, ...]]]: ...
def vjp(f: Callable[..., Any], *x: TensorLike) -> tuple[Any, Callable[..., tuple[Tensor, ...]]]:
    """f(*x) and the function v -> vᵀ·J, J being the Jacobian of f at x.

    Returns (y, pullback). `pullback(v)`, with v of the shape of y, returns a tuple: the gradient of
    Σ v·f with respect to each x. It can be called any number of times.
    """
    inputs = _leaves(x)
    with enable_grad():
        y = f(*inputs)

    def pullback(*v: TensorLike) -> tuple[Tensor, ...]:
        gradients = grad(y, inputs, v, allow_unused=True)
        return tuple(zeros(leaf.node) if g is None else g for g, leaf in zip(gradients, inputs, strict=True))

    return (tuple(part.detach() for part in y) if isinstance(y, (tuple, list)) else y.detach()), pullback


def jvp(f: Callable[..., Tensor], x: TensorLike | Several, v: TensorLike | Several) -> tuple[Tensor, Tensor]:
    """f(x) and its derivative in the direction v: (y, J·v).

    x is a tensor, or a tuple of tensors for a function of several; v likewise, of the same shapes.
    Source: the "double backward" identity, J·v = ∂/∂u (uᵀ·J·v), as vᵀ·J is linear in its vector.
    """
    inputs, directions = _leaves(x), as_tuple(v)
    with enable_grad():
        y = f(*inputs)
    u = tensor(_ones_of(y), requires_grad=True)
    pulled = grad(y, inputs, u, create_graph=True, allow_unused=True)
    used = [(g, beside(d, g)) for g, d in zip(pulled, directions, strict=True) if g is not None]
    if not used:
        return y.detach(), zeros(y.node)
    (tangent,) = grad([g for g, _ in used], u, [fitting(d, g) for g, d in used])
    assert tangent is not None  # as it would be only if it were allowed to be unused
    return y.detach(), tangent


@overload
def hvp(f: Callable[..., Tensor], x: Several, v: Several) -> tuple[Tensor, ...]: ...
@overload
def hvp(f: Callable[..., Tensor], x: TensorLike, v: TensorLike) -> Tensor: ...
def hvp(f: Callable[..., Tensor], x: TensorLike | Several, v: TensorLike | Several) -> Tensor | tuple[Tensor, ...]:
    """H·v, where H is the Hessian of the scalar function f at x: the gradient of gradᵀ·v.

    x and v are tensors of one shape, or tuples of such. Costs about two gradients; H is never built.
    Source: B. Pearlmutter, "Fast Exact Multiplication by the Hessian" (1994).
    """
    inputs, directions = _leaves(x), as_tuple(v)
    first = _gradient_with_graph(f, inputs)
    second = grad(first, inputs, [fitting(d, g) for g, d in zip(first, directions, strict=True)])
    return _like_given(second, x)


@overload
def jacobian(f: Callable[..., Tensor], x: Several) -> tuple[Tensor, ...]: ...
@overload
def jacobian(f: Callable[..., Tensor], x: TensorLike) -> Tensor: ...
def jacobian(f: Callable[..., Tensor], x: TensorLike | Several) -> Tensor | tuple[Tensor, ...]:
    """J[i, j] = ∂f(x)ᵢ / ∂xⱼ, of shape (*f(x).shape, *x.shape); for a tuple x a tuple of such.

    One walk back for each element of the output; they are taken together (`vmap`), many at a time.
    """
    inputs = _leaves(x)
    with enable_grad():
        y = f(*inputs)
    return _like_given(_rows(y, inputs), x)


@overload
def hessian(f: Callable[..., Tensor], x: Several) -> tuple[tuple[Tensor, ...], ...]: ...
@overload
def hessian(f: Callable[..., Tensor], x: TensorLike) -> Tensor: ...
def hessian(f: Callable[..., Tensor], x: TensorLike | Several) -> Tensor | tuple[tuple[Tensor, ...], ...]:
    """H[i, j] = ∂²f(x) / ∂xᵢ∂xⱼ of a scalar function, of shape (*x.shape, *x.shape).

    For a tuple x, a tuple of rows of blocks: hessian(f, (a, b))[0][1] is ∂²f/∂a∂b.
    """
    inputs = _leaves(x)
    first = _gradient_with_graph(f, inputs)
    rows = [tuple(_rows(g, inputs)) for g in first]
    return tuple(rows) if isinstance(x, (tuple, list)) else rows[0][0]


def _gradient_with_graph(f: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with enable_grad():
        y = f(*inputs)
        if not isinstance(y, Tensor) or y.size != 1:
            what = y._described() if isinstance(y, Tensor) else repr(y)
            raise GradientError(
                f"a Hessian is of a function to one number, but f returned {what}; reduce it, as by sum()"
            )
        gradients = grad(y, inputs, create_graph=True, allow_unused=True)
        return [
            apply(constant_in, (zeros(x.node), *inputs)) if g is None else g
            for g, x in zip(gradients, inputs, strict=True)
        ]


def _rows(y: Tensor, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """The derivative of every element of y with respect to each input: (*y.shape, *x.shape)."""

    def row(v: Tensor) -> list[Tensor]:
        gradients = grad(y, inputs, v, allow_unused=True)
        return [zeros(x.node) if g is None else g for g, x in zip(gradients, inputs, strict=True)]

    largest = max(size(node.shape) for node in topological([y.node], differentiable_inputs))
    at_once = max(1, ROWS_ELEMENTS // max(1, largest))
    one_each = reshape(eye(y.size, dtype=y.dtype, device=y.device), (y.size, *y.shape))
    rows = vmap(row, chunk_size=at_once)(one_each)
    return [reshape(block, (*y.shape, *x.shape)) for block, x in zip(rows, inputs, strict=True)]


def _ones_of(y: Tensor) -> Tensor:
    return filled(y.shape, 1, y.dtype, y.device)
