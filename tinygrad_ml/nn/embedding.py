"""Tables of vectors, looked up by number: one by one, or a bag at a time."""

from typing import Self

import numpy

from ..errors import OptionError, ShapeError
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .functional.bags import MODES
from .init import normal_
from .module import Module
from .parameter import Parameter, new_parameter


class _Table(Module):
    """A table W with num_embeddings rows of embedding_dim numbers."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise OptionError(f"{type(self).__name__}: padding_idx={padding_idx} is none of the {num_embeddings} rows")
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

    @classmethod
    def from_pretrained(cls, embeddings: TensorLike, freeze: bool = True, **options: object) -> Self:
        """A layer with these rows, (num_embeddings, embedding_dim), whose memory it shares if they are a tensor.

        freeze   whether training leaves them as they are
        options  further ones of the layer, such as `padding_idx`
        """
        rows = as_tensor(embeddings)
        if rows.ndim != 2:
            raise ShapeError(f"from_pretrained needs rows (num_embeddings, embedding_dim), but got {rows._described()}")
        layer = cls(*rows.shape, **options)  # type: ignore[arg-type]
        layer.weight = Parameter(rows, requires_grad=not freeze)
        return layer

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Embedding(_Table):
    """y[..., :] = W[x[...], :] for integers x.

    num_embeddings, embedding_dim  how many rows the table W has, and how long they are
    padding_idx                    the number of a row that starts at 0 and is never trained

    W starts normal with mean 0 and deviation 1.
    """

    def forward(self, input: TensorLike) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)


class EmbeddingBag(_Table):
    """y[b, :] = the mean, sum or maximum of W[i, :] over the numbers i in bag b, such as the words of a text.

    num_embeddings, embedding_dim  how many rows the table W has, and how long they are
    mode                 "mean", "sum" or "max"
    include_last_offset  whether the offsets end with one number more, where the last bag ends
    padding_idx          the number of a row that counts for nothing and is never trained

    It is called with (bags, n) integers, a bag a row, or with all bags one after the other and `offsets`, where each
    begins; with `mode="sum"` also with a factor for each number (`per_sample_weights`). Returns (bags, embedding_dim).
    W starts normal with mean 0 and deviation 1.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if mode not in MODES:
            raise OptionError(f"EmbeddingBag's mode is one of {', '.join(map(repr, MODES))}, not {mode!r}")
        self.mode, self.include_last_offset = mode, include_last_offset
        super().__init__(num_embeddings, embedding_dim, padding_idx, device, dtype)

    def forward(
        self, input: TensorLike, offsets: TensorLike | None = None, per_sample_weights: TensorLike | None = None
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"
