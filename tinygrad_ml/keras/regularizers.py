"""Penalties on the size of weights (`kernel_regularizer=`) or outputs (`activity_regularizer=`), added to the loss."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..functional import abs, eye, maximum, norm, square
from ..functional import sum as total
from ..tensor import Tensor, as_tensor
from .checks import number, one_of
from .config import epsilon
from .serialization import Configurable, by_name
from .serialization import deserialize as deserialize
from .serialization import serialize as serialize


class Regularizer(Configurable):
    """The base: `regularizer(weight)` is a penalty, a 0-d tensor."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1L2(Regularizer):
    """l1 · Σ |x| + l2 · Σ x²."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1, self.l2 = number("l1", 0.0 if l1 is None else l1, 0), number("l2", 0.0 if l2 is None else l2, 0)

    def __call__(self, x: Tensor) -> Tensor:
        parts = [total(abs(x)) * self.l1] * bool(self.l1) + [total(square(x)) * self.l2] * bool(self.l2)
        return sum(parts[1:], parts[0]) if parts else total(x) * 0


class L1(L1L2):
    """l1 · Σ |x|: drives weights to 0."""

    def __init__(self, l1: float = 0.01):
        super().__init__(l1=number("l1", l1, 0))


class L2(L1L2):
    """l2 · Σ x²: keeps weights small. Its gradient is 2 · l2 · x."""

    def __init__(self, l2: float = 0.01):
        super().__init__(l2=number("l2", l2, 0))


class OrthogonalRegularizer(Regularizer):
    """factor times the mean of |cos| of the angles between all pairs of rows of a matrix (or of columns, `mode="columns"`)."""

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor, self.mode = number("factor", factor, 0), one_of("mode", mode, ("rows", "columns"))

    def __call__(self, x: Tensor) -> Tensor:
        x = as_tensor(x)
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer is for matrices, and not for shape {x.shape}")
        x = x if self.mode == "rows" else x.T
        x = x / maximum(norm(x, axis=1, keepdims=True), epsilon())
        n = x.shape[0]
        if n < 2:
            return total(x) * 0
        apart = 1 - eye(n, dtype=x.dtype, device=x.device)
        return total(abs((x @ x.T) * apart)) * (self.factor / (n * (n - 1)))


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """The regularizer of a name; objects are themselves."""
    return by_name("regularizer", identifier, Regularizer, {"l1_l2": L1L2(0.01, 0.01), "l1l2": L1L2})
