"""Dropout: random zeros in training, so that no unit can rely on any other."""

from ...errors import OptionError
from ...random import random
from ...tensor import Tensor, as_tensor


def dropout(input, p: float = 0.5, training: bool = True) -> Tensor:
    """y = x · m / (1 - p) in training, each element of m being 0 with probability p, else 1; y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014).
    """
    return _dropped(input, p, training, None)


def dropout1d(input, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels of (batch, channels, length)."""
    return _dropped(input, p, training, 2)


def dropout2d(input, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels of (batch, channels, height, width). Source: J. Tompson et al. (2015)."""
    return _dropped(input, p, training, 2)


def _dropped(input, p: float, training: bool, axes: int | None) -> Tensor:
    """Dropout of what the first `axes` axes count; of single elements for None."""
    if not 0 <= p <= 1:
        raise OptionError(f"dropout: the probability p lies between 0 and 1, not at {p}")
    input = as_tensor(input)
    if not training or p == 0:
        return input
    shape = input.shape if axes is None else input.shape[:axes] + (1,) * (input.ndim - axes)
    kept = (random(shape, device=input.device) >= p).astype(input.dtype)
    return input * (kept * (1 / (1 - p) if p < 1 else 0.0))
