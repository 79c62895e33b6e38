"""Weights of a length or a size of their own: `weight_norm` and `spectral_norm`; `orthogonal.py` has those of orthogonal columns.

Read before: `parametrize.py`.
"""

from __future__ import annotations

import math

from ...errors import OptionError
from ...functional import matmul, moveaxis, norm, reshape
from ...functional.axes import one_axis
from ...modes import no_grad
from ...random import standard_normal
from ...tensor import Tensor
from ..convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..functional import normalize
from ..module import Module
from .orthogonal import orthogonal as orthogonal
from .parametrize import register_parametrization

FIRST_ITERATIONS = 15
"""Steps of the power method before training, of which each step of training takes a few more."""


class _WeightNorm(Module):
    """w = g · v / ‖v‖, the norm being that of each slice along an axis; of all of v for None."""

    def __init__(self, dim: int | None):
        self.dim = dim

    def _lengths(self, v: Tensor) -> Tensor:
        if self.dim is None:
            return norm(v)
        dim = one_axis(self.dim, v.ndim)
        return norm(v, axis=tuple(axis for axis in range(v.ndim) if axis != dim), keepdims=True)

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / self._lengths(v))

    def right_inverse(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """(g, v) of which a weight is computed."""
        return self._lengths(value), value

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be w = g · v / ‖v‖: its lengths g and directions v are parameters apart. Returns the module.

    dim  the axis along which each slice has a length of its own; None for one length of all

    They are `parametrizations.weight.original0`, which is g, and `original1`, which is v.
    Source: T. Salimans, D. P. Kingma, "Weight normalization" (2016).

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    """
    return register_parametrization(module, name, _WeightNorm(dim))


class _SpectralNorm(Module):
    """w / σ(w), the matrix of w having its rows along an axis, and σ being the largest singular value of it."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float):
        if n_power_iterations < 1:
            raise OptionError(f"spectral_norm takes one power iteration at least, not {n_power_iterations}")
        self.n_power_iterations, self.eps = n_power_iterations, eps
        self.dim = one_axis(dim, weight.ndim)
        if weight.ndim > 1:
            rows = weight.shape[self.dim]
            with no_grad():
                for buffer, count in (("_u", rows), ("_v", weight.size // rows)):
                    drawn = standard_normal(count, weight.dtype, weight.device)
                    self.register_buffer(buffer, normalize(drawn, dim=0, eps=eps))
                self._iterate(self._matrix(weight), FIRST_ITERATIONS)

    def _matrix(self, weight: Tensor) -> Tensor:
        rows = weight.shape[self.dim]
        return reshape(moveaxis(weight, self.dim, 0), (rows, math.prod(weight.shape) // rows))

    def _iterate(self, matrix: Tensor, count: int) -> None:
        """Bring u and v nearer to the first singular vectors."""
        u, v = self._u, self._v
        for _ in range(count):
            u = normalize(matmul(matrix, v), dim=0, eps=self.eps)
            v = normalize(matmul(matrix.mT, u), dim=0, eps=self.eps)
        self._u.assign(u)
        self._v.assign(v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            with no_grad():
                self._iterate(matrix, self.n_power_iterations)
        # Copies, as a later call overwrites them, and this one's gradient needs these.
        u, v = self._u * 1, self._v * 1
        return weight / matmul(u, matmul(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: what is computed of it has its largest singular value divided away."""
        return value

    def extra_repr(self) -> str:
        return f"n_power_iterations={self.n_power_iterations}, dim={self.dim}, eps={self.eps}"


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Let a weight be w / σ(w), σ being its largest singular value: no vector gets longer by it. Returns the module.

    n_power_iterations  steps of the power method in each call in training, which bring `_u` and `_v` nearer to the singular
                        vectors
    dim                 the axis of the outputs: by default 0, and 1 for transposed convolutions

    Source: T. Miyato and others, "Spectral normalization for generative adversarial networks" (2018).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise OptionError(f"a {type(module).__name__} has no parameter or buffer {name!r}")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
