"""Layers that compute nothing, and change the shape."""

from ..functional import reshape
from ..ops.shapes import one_axis
from ..tensor import Tensor, as_tensor
from .module import Module


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one; by default all but the first, the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input) -> Tensor:
        return as_tensor(input).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` cut into several, of sizes `unflattened_size`."""

    def __init__(self, dim: int, unflattened_size):
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input) -> Tensor:
        input = as_tensor(input)
        dim = one_axis(self.dim, input.ndim)
        return reshape(input, (*input.shape[:dim], *self.unflattened_size, *input.shape[dim + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
