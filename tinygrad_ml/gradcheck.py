"""Checking derivatives by finite differences, to any order, at the cost of a few evaluations.

A full numeric Jacobian needs two evaluations for each input element. Instead the output is
projected on a random vector w and the inputs are moved along one random direction v: then there is
one number to compare, wᵀ·J·v, whatever the sizes, and a wrong J hides from it with probability 0.
For the second order the same is done to the gradient, projected on another random vector, and so on.
"""

from collections.abc import Callable, Sequence

import numpy

from .autograd import grad
from .errors import GradientError
from .functional import tensor
from .modes import enable_grad
from .tensor import Tensor, as_tensor

GRADCHECK_STEP = 1e-4
"""Of the central differences, relative to a direction of length √n. Their error falls with the
fourth power of it, that of rounding grows with its inverse; at 1e-4 both are below 1e-11 in float64."""


def gradcheck(
    f: Callable,
    inputs: Tensor | Sequence[Tensor],
    order: int = 2,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    seed: int = 0,
) -> bool:
    """Compare the derivatives of f with central differences, up to `order`; True if all agree.

    f       a function of tensors, to a tensor or a tuple of tensors; smooth near the inputs
    inputs  where to check: a tensor or several. Floating ones are checked, in float64; the others
            are handed on
    order   1 checks the gradient, 2 also the gradient of the gradient, and so on
    rtol, atol  what differences are allowed, relative to the numeric derivative and in absolute numbers

    Raises `GradientError` with both numbers at the first disagreement.
    """
    inputs = [as_tensor(x) for x in (inputs if isinstance(inputs, (tuple, list)) else (inputs,))]
    varied = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    if not varied:
        raise GradientError("gradcheck needs at least one input of a floating dtype")
    random = numpy.random.default_rng(seed)
    point = [inputs[i].numpy().astype(numpy.float64) for i in varied]
    device = inputs[varied[0]].device

    def whole(*leaves: Tensor) -> list[Tensor]:
        """f as a function of the varied inputs only, with a list of floating outputs."""
        given = list(inputs)
        for i, leaf in zip(varied, leaves, strict=True):
            given[i] = leaf
        y = f(*given)
        return [part for part in (y if isinstance(y, (tuple, list)) else [y]) if part.dtype.kind == "f"]

    function = whole
    for reached in range(1, order + 1):
        function = _check_one_order(function, point, device, random, reached, rtol, atol)
    return True


def _check_one_order(function: Callable, point: list, device, random, order: int, rtol: float, atol: float) -> Callable:
    """Compare d(wᵀ·function)·v both ways; returns the gradient of wᵀ·function, for the next order."""
    weights = None

    def projected(*leaves: Tensor) -> Tensor:
        nonlocal weights
        outputs = function(*leaves)
        if weights is None:
            weights = [tensor(random.standard_normal(y.shape), device=device) for y in outputs]
        total = tensor(numpy.float64(0), device=device)
        for y, w in zip(outputs, weights, strict=True):
            total = total + (y * w).sum()
        return total

    def gradient(*leaves: Tensor) -> list[Tensor]:
        with enable_grad():
            value = projected(*leaves)
            if not value.requires_grad:
                raise GradientError(
                    f"gradcheck, order {order}: the output does not depend on the inputs in a differentiable way"
                )
            found = grad(value, leaves, create_graph=True, allow_unused=True)
        return [leaf * 0 if g is None else g for g, leaf in zip(found, leaves, strict=True)]

    def at(offset: float) -> list[Tensor]:
        return [
            tensor(x + offset * v, requires_grad=True, device=device) for x, v in zip(point, directions, strict=True)
        ]

    directions = [random.standard_normal(x.shape) for x in point]
    analytic = sum(float((g.numpy() * v).sum()) for g, v in zip(gradient(*at(0.0)), directions, strict=True))
    near = projected(*at(GRADCHECK_STEP)).item() - projected(*at(-GRADCHECK_STEP)).item()
    far = projected(*at(2 * GRADCHECK_STEP)).item() - projected(*at(-2 * GRADCHECK_STEP)).item()
    numeric = (8 * near - far) / (12 * GRADCHECK_STEP)
    if not abs(analytic - numeric) <= atol + rtol * abs(numeric):
        raise GradientError(
            f"gradcheck, order {order}: along a random direction the derivative is {analytic:.10g} by the chain rule, "
            f"and {numeric:.10g} by finite differences"
        )
    return gradient
