"""The linear layer, the bilinear one, and the one that does nothing."""

import math
from typing import Any, TypeVar

from ..tensor import Tensor, TensorLike
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from . import init
from .module import Module
from .parameter import new_parameter

T = TypeVar("T")


class Identity(Module):
    """y = x, whatever arguments it is made with: a place where something else could stand."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def forward(self, input: T) -> T:
        return input


class Linear(Module):
    """y = x·Wᵀ + b.

    in_features, out_features   the sizes of the last axes of x and y; all other axes are batches
    bias                        whether b is added

    weight (out_features, in_features) and bias (out_features,) start uniform on ±1/√in_features.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.in_features, self.out_features = in_features, out_features
        self.weight = new_parameter((out_features, in_features), device, dtype)
        self.bias = new_parameter((out_features,), device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        init.reset_linear_(self.weight, self.bias)

    def forward(self, input: TensorLike) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y[..., o] = b[o] + Σ over i, j of x₁[..., i] · W[o, i, j] · x₂[..., j].

    in1_features, in2_features, out_features   the sizes of the last axes of x₁, x₂ and y
    bias                                       whether b is added

    weight (out_features, in1_features, in2_features) and bias (out_features,) start uniform on ±1/√in1_features.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = new_parameter((out_features, in1_features, in2_features), device, dtype)
        self.bias = new_parameter((out_features,), device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: TensorLike, input2: TensorLike) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
