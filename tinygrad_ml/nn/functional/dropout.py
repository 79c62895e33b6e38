"""Dropout: random zeros in training, so that no unit can rely on any other."""

import math

from ...errors import OptionError
from ...functional.composed import composed
from ...random import random
from ...tensor import Tensor, TensorLike, as_tensor

SATURATION = -1.7580993408473766  # SELU of -∞


@composed
def dropout(input: TensorLike, p: float = 0.5, training: bool = True) -> Tensor:
    """y = x · m / (1 - p) in training, each element of m being 0 with probability p, else 1; y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014).
    """
    return _drop(input, p, training, None)


@composed
def dropout1d(input: TensorLike, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels of (batch, channels, length), or (channels, length)."""
    return _drop(input, p, training, 1 if as_tensor(input).ndim == 2 else 2)


@composed
def dropout2d(input: TensorLike, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels of (batch, channels, height, width). Source: J. Tompson et al. (2015)."""
    return _drop(input, p, training, 2)


@composed
def dropout3d(input: TensorLike, p: float = 0.5, training: bool = True) -> Tensor:
    """Dropout of whole channels of (batch, channels, depth, height, width), or without the batch."""
    return _drop(input, p, training, 1 if as_tensor(input).ndim == 4 else 2)


@composed
def alpha_dropout(input: TensorLike, p: float = 0.5, training: bool = False) -> Tensor:
    """y = a · (x where m, else α′) + b in training, each m being 0 with probability p: for inputs of mean 0 and variance 1.

    α′ = -1.0507 · 1.6733 is where SELU saturates, and a = ((1 - p)(1 + p α′²))^(-½), b = -a · p · α′ keep mean and
    variance.
    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """
    return _saturate(input, p, training, None)


@composed
def feature_alpha_dropout(input: TensorLike, p: float = 0.5, training: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels of (batch, channels, *space)."""
    return _saturate(input, p, training, 2)


def _drop(input, p: float, training: bool, axes: int | None) -> Tensor:
    """Dropout of what the first `axes` axes count; of single elements for None."""
    input = as_tensor(input)
    if not check_probability(p) or not training:
        return input
    return input * (_keep_mask(input, p, axes).astype(input.dtype) * (1 / (1 - p) if p < 1 else 0.0))


def _saturate(input, p: float, training: bool, axes: int | None) -> Tensor:
    """Alpha dropout of what the first `axes` axes count; of single elements for None."""
    input = as_tensor(input)
    if not check_probability(p) or not training:
        return input
    return saturated(input, _keep_mask(input, p, axes), p)


def saturated(input: Tensor, keep: Tensor, p: float) -> Tensor:
    """Alpha dropout where the bools `keep` are False, which they are with probability p."""
    scale = 1 / math.sqrt((1 - p) * (1 + p * SATURATION**2)) if p < 1 else 0.0
    return keep.where(input, SATURATION) * scale - scale * p * SATURATION


def check_probability(p: float) -> float:
    """p; `OptionError` if it is no number between 0 and 1."""
    try:
        within = bool(0 <= p <= 1)
    except (TypeError, ValueError):  # as of a text, or of many numbers
        within = False
    if not within:
        raise OptionError(f"dropout: the probability p is a number between 0 and 1, and not {p!r}")
    return p


def _keep_mask(input: Tensor, p: float, axes: int | None) -> Tensor:
    """What is kept, as bools that broadcast against the input."""
    shape = input.shape if axes is None else input.shape[:axes] + (1,) * (input.ndim - axes)
    return random(shape, device=input.device) >= p
