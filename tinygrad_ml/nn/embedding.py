"""The embedding layer: a table of vectors, looked up by number."""

import numpy

from ..errors import OptionError
from ..tensor import Tensor, TensorLike
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .init import normal_
from .module import Module
from .parameter import new_parameter


class Embedding(Module):
    """y[..., :] = W[x[...], :] for integers x.

    num_embeddings, embedding_dim  how many rows the table W has, and how long they are
    padding_idx                    the number of a row that starts at 0 and is never trained

    W starts normal with mean 0 and deviation 1.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise OptionError(f"Embedding: padding_idx={padding_idx} is none of the {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.weight = new_parameter((num_embeddings, embedding_dim), device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table again."""
        normal_(self.weight)
        if self.padding_idx is not None and not self.weight.symbolic:
            is_padding = numpy.arange(self.num_embeddings)[:, None] == self.padding_idx
            self.weight.assign(numpy.where(is_padding, 0, self.weight.numpy()))

    def forward(self, input: TensorLike) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
