"""Gradient clipping: for losses with cliffs, from which one step could throw the parameters far away."""

import math
from collections.abc import Iterable

from ..errors import GradientError
from ..functional import clip, minimum, norm, stack
from ..modes import no_grad
from ..tensor import Tensor, tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor, so that their norm, taken together, is at most `max_norm`.

    g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶))

    norm_type           the p of the norm (Σ |g|ᵖ)^(1/p); `math.inf` for the largest element
    error_if_nonfinite  raise `GradientError` if the norm is inf or nan, for which it has to be looked at

    Returns the norm before. It is not looked at, so a GPU does not have to wait.
    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks" (2013).
    """
    with_gradient = _with_gradient(parameters)
    with no_grad():
        if not with_gradient:
            return tensor(0.0)
        norms = [norm(p.grad, norm_type).to(with_gradient[0].grad.device) for p in with_gradient]
        total = norm(stack(norms), norm_type)
        if error_if_nonfinite and not math.isfinite(total):
            raise GradientError(f"the norm of the gradients is {float(total)}, and cannot be clipped")
        factor = minimum(max_norm / (total + 1e-6), 1)
        for p in with_gradient:
            p.grad = p.grad * factor.to(p.grad.device).astype(p.grad.dtype)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each element of each gradient to [-clip_value, clip_value]."""
    with no_grad():
        for p in _with_gradient(parameters):
            p.grad = clip(p.grad, -clip_value, clip_value)


def _with_gradient(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in dict.fromkeys(parameters) if p.grad is not None]
