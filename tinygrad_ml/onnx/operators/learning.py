"""The domain `ai.onnx.preview.training`: gradients, and the steps of three optimisers, as operators of a graph.

What an optimiser is given and puts out are lists side by side: all parameters, then all of their gradients, then what it
remembers of each. Read next: `../differentiating.py`, `estimators.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ... import functional as tg
from ...autograd import grad
from ...modes import enable_grad, modes
from ...tensor import Tensor
from ..table import operator

LEARNING = "ai.onnx.preview.training"


@operator("Gradient", (1,), LEARNING)
def gradient(
    *given: Tensor, body: Callable[..., tuple[Tensor]], xs: list[str], y: str, zs: list[str] | None = None
) -> tuple[Tensor, ...]:
    """∂y/∂x for each of `xs`, where the function from xs and zs to y is computed anew; of ones, if y has several elements.

    It can be differentiated in turn where its inputs can.
    """
    recorded = bool(modes.grad)
    with enable_grad():
        at = [x if recorded and x.requires_grad else _leaf(x) for x in given[: len(xs)]]
        (value,) = body(*at, *given[len(xs) :])
        found = grad(value.sum(), at, create_graph=recorded, allow_unused=True)
    return tuple(x * 0 if slope is None else slope for x, slope in zip(at, found, strict=True))


def _leaf(x: Tensor) -> Tensor:
    x = x.detach()
    x.requires_grad = True
    return x


def _of_each(given: tuple[Tensor, ...], parts: int) -> list[tuple[Tensor, ...]]:
    """(parameter, gradient, what is remembered ...) of each parameter."""
    count = len(given) // parts
    return [given[i::count] for i in range(count)]


def _side_by_side(made: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """All new parameters, then all that is remembered of them."""
    return tuple(part for parts in zip(*made, strict=True) for part in parts)


@operator("Adam", (1,), LEARNING)
def adam(
    rate: Tensor,
    count: Tensor,
    *given: Tensor,
    alpha: float = 0.9,
    beta: float = 0.999,
    epsilon: float = 1e-6,
    norm_coefficient: float = 0.0,
    norm_coefficient_post: float = 0.0,
) -> tuple[Tensor, ...]:
    """v = αv + (1 - α)g, h = βh + (1 - β)g², x = x - R·√(1 - βᵀ)/(1 - αᵀ) · v/(√h + ε), with g = ∂ + norm·x.

    Source: D. Kingma, J. Ba, "Adam" (2014).
    """
    steps, made = count.astype(rate.dtype), []
    counted = steps > 0
    steps = tg.where(counted, steps, 1)
    rate = tg.where(counted, rate * (1 - beta**steps).sqrt() / (1 - alpha**steps), rate)
    for x, g, v, h in _of_each(given, 4):
        g = norm_coefficient * x + g
        v, h = alpha * v + (1 - alpha) * g, beta * h + (1 - beta) * g * g
        x = x - rate * v / (h.sqrt() + epsilon)
        made.append(((1 - norm_coefficient_post) * x, v, h))
    return _side_by_side(made)


@operator("Adagrad", (1,), LEARNING)
def adagrad(
    rate: Tensor,
    count: Tensor,
    *given: Tensor,
    decay_factor: float = 0.0,
    epsilon: float = 1e-6,
    norm_coefficient: float = 0.0,
) -> tuple[Tensor, ...]:
    """h = h + g², x = x - R/(1 + T·decay) · g/(√h + ε), with g = ∂ + norm·x.

    Source: J. Duchi et al., "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization" (2011).
    """
    rate, made = rate / (1 + count.astype(rate.dtype) * decay_factor), []
    for x, g, h in _of_each(given, 3):
        g = norm_coefficient * x + g
        h = h + g * g
        made.append((x - rate * g / (h.sqrt() + epsilon), h))
    return _side_by_side(made)


@operator("Momentum", (1,), LEARNING)
def momentum(
    rate: Tensor, count: Tensor, *given: Tensor, alpha: float, beta: float, mode: str, norm_coefficient: float
) -> tuple[Tensor, ...]:
    """v = αv + βg (g alone in the first step), x = x - R·v, or, if "nesterov", x - R·(g + αv), with g = ∂ + norm·x."""
    share, made = tg.where(count > 0, beta, 1.0).astype(rate.dtype), []
    for x, g, v in _of_each(given, 3):
        g = norm_coefficient * x + g
        v = alpha * v + share * g
        made.append((x - rate * (g + alpha * v if mode == "nesterov" else v), v))
    return _side_by_side(made)
