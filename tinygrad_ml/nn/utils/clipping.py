"""Gradient clipping: for losses with cliffs, from which one step could throw the parameters far away."""

import math
from collections.abc import Iterable

import numpy

from ...errors import GradientError
from ...functional import abs, clip, isfinite, logical_and, max, maximum, norm, stack, tensor, where
from ...functional.reductions import widened
from ...kernels.lengths import length_and_factor
from ...modes import modes, no_grad, updating
from ...tensor import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor, so that their norm, taken together, is at most `max_norm`.

    g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶))

    norm_type           the p of the norm (Σ |g|ᵖ)^(1/p); `math.inf` for the largest element
    error_if_nonfinite  raise `GradientError` if the norm is inf or nan, for which it has to be looked at

    Returns the norm before, in float32 for half-precision gradients. It is not looked at, so a GPU does not have to wait.
    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks" (2013).
    """
    gradients = _gradients(parameters)
    with no_grad(), updating(None, "clip_grad_norm_"):
        total, factor = norm_and_factor(list(gradients.values()), max_norm, norm_type, 1e-6)
        if error_if_nonfinite and not math.isfinite(total):
            raise GradientError(f"the norm of the gradients is {float(total)}, and cannot be clipped")
        for p, g in zip(gradients, shorten(list(gradients.values()), factor), strict=True):
            p.grad = g
    return total


def norm_and_factor(
    gradients: list[Tensor], max_norm: float, norm_type: float = 2.0, eps: float = 0.0
) -> tuple[Tensor, Tensor]:
    """(‖g‖, min(1, max_norm / (‖g‖ + ε))), in float32 at least. Powers of large or small numbers do not get lost: they
    are taken of g / max |g|."""
    gradients = [widened(g) for g in gradients if g.size]
    if not gradients:
        return tensor(0.0), tensor(1.0)
    arrays = _arrays(gradients)
    found = length_and_factor(arrays, max_norm, eps) if arrays and norm_type == 2 else None
    if found is not None:
        return Tensor(found[0]), Tensor(found[1])
    device = gradients[0].device
    largest = max(stack([max(abs(g)).to(device) for g in gradients]))
    scale = where(logical_and(isfinite(largest), largest > 0), largest, 1)
    parts = [norm(g / scale.to(g.device).astype(g.dtype), norm_type).to(device) for g in gradients]
    length, limit = norm(stack(parts), norm_type), max_norm / scale
    return length * scale, limit / maximum(length + eps / scale, limit)


def shorten(gradients: list[Tensor], factor: Tensor) -> list[Tensor]:
    """Each times a factor of `norm_and_factor`, in its own dtype; the gradients themselves, if it is seen that the factor is 1."""
    arrays = _arrays([factor, *gradients])
    if arrays and all(array.dtype is arrays[0].dtype for array in arrays):
        by, *arrays = arrays
        return gradients if by == 1 else [Tensor(numpy.multiply(array, by)) for array in arrays]
    return [(widened(g) * factor.to(g.device)).astype(g.dtype) for g in gradients]


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each element of each gradient to [-clip_value, clip_value]."""
    with no_grad(), updating(None, "clip_grad_value_"):
        for p, g in _gradients(parameters).items():
            arrays = _arrays([g])
            limits = -clip_value, clip_value
            p.grad = Tensor(arrays[0].clip(*limits)) if arrays else clip(g, *limits)


def _arrays(tensors: list[Tensor]) -> list[numpy.ndarray] | None:
    """The arrays of the tensors, if they are NumPy's, and nobody is interested in single operations."""
    if modes.recorder is not None or modes.tracer is not None or modes.watchers or modes.apart:
        return None
    arrays = [x._data for x in tensors]
    return arrays if all(type(array) is numpy.ndarray for array in arrays) else None


def _gradients(parameters: Tensor | Iterable[Tensor]) -> dict[Tensor, Tensor]:
    """Parameters and their gradients, of those that have one."""
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return {p: p.grad for p in parameters if p.grad is not None}
