"""Dropout layers: random zeros in training, nothing otherwise."""

from ..tensor import Tensor, TensorLike
from . import functional as F
from .functional.dropout import check_probability
from .module import Module


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False):
        self.p = check_probability(p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout(_Dropout):
    """y = x · m / (1 - p) in training, each element of m being 0 with probability p, else 1; y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014).
    """

    def forward(self, input: TensorLike) -> Tensor:
        return F.dropout(input, self.p, self.training)


class Dropout1d(_Dropout):
    """Dropout of whole channels of (batch, channels, length)."""

    def forward(self, input: TensorLike) -> Tensor:
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(_Dropout):
    """Dropout of whole channels of (batch, channels, height, width)."""

    def forward(self, input: TensorLike) -> Tensor:
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(_Dropout):
    """Dropout of whole channels of (batch, channels, depth, height, width)."""

    def forward(self, input: TensorLike) -> Tensor:
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(_Dropout):
    """Dropout beside SELU: what is dropped gets the value at which SELU saturates, and mean and variance are kept.

    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """

    def forward(self, input: TensorLike) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (batch, channels, *space)."""

    def forward(self, input: TensorLike) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
