"""Weights whose columns, or rows, are orthogonal and of length 1. Read before: `parametrize.py`."""

from __future__ import annotations

import numpy

from ...errors import OptionError, ShapeError
from ...functional import abs, broadcast_to, concat, eye, finfo, max, sign, tril, triu, zeros
from ...linalg import diagonal, matrix_exp, qr, solve
from ...modes import no_grad
from ...random import standard_normal
from ...tensor import Tensor, as_tensor
from ..module import Module
from .parametrize import register_parametrization

MAPS = ("matrix_exp", "cayley", "householder")


class _Orthogonal(Module):
    """Q, made of a matrix whose lower triangle is free: see `orthogonal`."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool):
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)
        else:
            self.base = None

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        tall = x.mT if wide else x
        q = _reflected(tall) if self.orthogonal_map == "householder" else self._turned(tall)
        q = q if self.base is None else self.base @ q
        return q.mT if wide else q

    def _turned(self, x: Tensor) -> Tensor:
        """The first columns of a rotation, made of a matrix that changes its sign when transposed."""
        n, k = x.shape[-2:]
        lower = tril(x)
        if n != k:
            lower = concat([lower, zeros((*x.shape[:-1], n - k), dtype=x.dtype, device=x.device)], axis=-1)
        skew = lower - lower.mT
        if self.orthogonal_map == "matrix_exp":
            return matrix_exp(skew)[..., :k]
        one = eye(n, dtype=x.dtype, device=x.device)
        return solve(one - skew / 2, one + skew / 2)[..., :k]

    def right_inverse(self, value: Tensor) -> Tensor:
        """What gives a value, if its columns are orthogonal, and else what is near to it."""
        if value.shape != self.shape:
            raise ShapeError(f"an orthogonal weight of shape {self.shape} cannot become {value._described()}")
        with no_grad():
            wide = value.shape[-2] < value.shape[-1]
            tall = value.mT if wide else value
            if "base" in self._buffers:
                self.base = _completed(tall)
                return -broadcast_to(eye(*value.shape[-2:], dtype=value.dtype, device=value.device), value.shape)
            if self.orthogonal_map != "householder":
                raise OptionError(
                    f"a weight cannot be assigned to the map {self.orthogonal_map!r} with use_trivialization=False; use 'householder'"
                )
            raw, scale = numpy.linalg.qr(tall.numpy(), mode="raw")
            raw = numpy.array(raw.swapaxes(-1, -2))
            at = numpy.arange(tall.shape[-1])
            raw[..., at, at] = numpy.sign(raw[..., at, at]) * numpy.where(scale == 0, -1, 1)
            given = as_tensor(raw, value.dtype, value.device)
            return given.mT if wide else given

    def extra_repr(self) -> str:
        return f"orthogonal_map={self.orthogonal_map!r}"


def _reflected(x: Tensor) -> Tensor:
    """The first columns of a product of reflections (1 - 2·v·vᵀ/‖v‖²), v having 1 on the diagonal of x and what is below.

    It is 1 - V·T·Vᵀ, where T⁻¹ is the upper triangle of VᵀV with half of its diagonal. Source: R. Schreiber, C. Van
    Loan, "A storage-efficient WY representation for products of Householder transformations" (1989).
    """
    n, k = x.shape[-2:]
    one = eye(n, k, dtype=x.dtype, device=x.device)
    v = tril(x, -1) + one
    products = v.mT @ v
    inner = triu(products, 1) + eye(k, dtype=x.dtype, device=x.device) * (products / 2)
    q = one - v @ solve(inner, v[..., :k, :].mT)
    return q * diagonal(x).detach().trunc()[..., None, :]


def _completed(q: Tensor) -> Tensor:
    """A square orthogonal matrix with the columns of q, which are made orthogonal if they are not."""
    n, k = q.shape[-2:]
    if n != k:
        q = concat([q, standard_normal((*q.shape[:-1], n - k), q.dtype, q.device)], axis=-1)
    else:
        error = abs(q.mT @ q - eye(n, dtype=q.dtype, device=q.device))
        if max(error).item() <= 10 * n * finfo(q.dtype).eps:
            return q * 1
    made, upper = qr(q)
    return made * sign(diagonal(upper))[..., None, :]


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Let the columns of a weight be orthogonal and of length 1; its rows, if it has more columns. Returns the module.

    orthogonal_map      how it is made of a free matrix A: "matrix_exp", e^(A - Aᵀ); "cayley", (1 - S)⁻¹(1 + S) of
                        S = (A - Aᵀ)/2; "householder", a product of reflections. By default the first for square weights, and
                        the last for others
    use_trivialization  whether that turns a `base`, which is the weight as it is now, made orthogonal

    Sources: M. Lezcano-Casado, D. Martínez-Rubio, "Cheap orthogonal constraints in neural networks" (2019); M.
    Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds" (2019).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise OptionError(f"a {type(module).__name__} has no parameter or buffer {name!r}")
    if weight.ndim < 2:
        raise ShapeError(f"only a matrix, or a batch of them, can be orthogonal, and not {weight._described()}")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise OptionError(f"orthogonal_map={orthogonal_map!r} is none of {', '.join(map(repr, MAPS))}")
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
