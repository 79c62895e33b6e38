"""Transformers: layers of attention and of a small network for each position, each added to what goes in, and normed.

With PyTorch's names, arguments and defaults. Masks are as in `attention.py`: True where one may NOT look, or numbers to add.

Source: A. Vaswani et al., "Attention Is All You Need" (2017); norm_first: R. Xiong et al., "On Layer Normalization in the
Transformer Architecture" (2020).

Read before: `attention.py`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy

from ..errors import OptionError, ShapeError
from ..functional import asarray
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .init import xavier_uniform_
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What both kinds of layers have: attention to themselves, and the network for each position."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        made = {"bias": bias, "device": device, "dtype": dtype}
        self.norm_first, self.activation = norm_first, _activation(activation)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made)
        if self._attends_to_memory:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **made)
        if self._attends_to_memory:
            self.norm3 = LayerNorm(d_model, layer_norm_eps, **made)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        if self._attends_to_memory:
            self.dropout3 = Dropout(dropout)

    _attends_to_memory = False

    def _residual(self, x: Tensor, part: Callable[[Tensor], Tensor], norm: LayerNorm) -> Tensor:
        """x + part(norm(x)) with norm_first, else norm(x + part(x))."""
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def _fed(self, x: Tensor) -> Tensor:
        """The network for each position: W₂·dropout(activation(W₁·x + b₁)) + b₂."""
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """x ← norm(x + attention(x, x, x)); x ← norm(x + W₂·activation(W₁·x + b₁) + b₂), each part with dropout.

    d_model          the number of features of a position
    nhead            the number of heads, which d_model is divided by
    dim_feedforward  how many units the network for each position has
    dropout          of weights of attention, of those units, and of what is added
    activation       "relu", "gelu", or a function of a tensor
    layer_norm_eps   ε of the norms
    batch_first      whether tensors are (batch, length, d_model), in place of (length, batch, d_model)
    norm_first       norm what goes into a part, and not the sum
    bias             whether linear layers and norms add one
    """

    def forward(
        self,
        src: TensorLike,
        src_mask: TensorLike | None = None,
        src_key_padding_mask: TensorLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The shape of `src`. src_mask (length, length), src_key_padding_mask (batch, length)."""

        def attend(x: Tensor) -> Tensor:
            return self.dropout1(self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0])

        x = self._residual(as_tensor(src), attend, self.norm1)
        return self._residual(x, lambda x: self.dropout2(self._fed(x)), self.norm2)


class TransformerDecoderLayer(_Layer):
    """As `TransformerEncoderLayer`, and between its two parts x ← norm(x + attention(x, memory, memory)).

    The options are those of `TransformerEncoderLayer`.
    """

    _attends_to_memory = True

    def forward(
        self,
        tgt: TensorLike,
        memory: TensorLike,
        tgt_mask: TensorLike | None = None,
        memory_mask: TensorLike | None = None,
        tgt_key_padding_mask: TensorLike | None = None,
        memory_key_padding_mask: TensorLike | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The shape of `tgt`; `memory` is what the encoder made. Masks with memory_ are for the attention to it."""

        def attend(x: Tensor) -> Tensor:
            return self.dropout1(
                self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]
            )

        def attend_memory(x: Tensor) -> Tensor:
            found, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )
            return self.dropout2(found)

        x = self._residual(as_tensor(tgt), attend, self.norm1)
        x = self._residual(x, attend_memory, self.norm2)
        return self._residual(x, lambda x: self.dropout3(self._fed(x)), self.norm3)


class _Stack(Module):
    """Copies of a layer, one after the other, and a norm behind them."""

    def _stack(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        if num_layers < 0:
            raise OptionError(f"num_layers={num_layers}; it must be 0 or more")
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm


class TransformerEncoder(_Stack):
    """`num_layers` layers that begin as copies of `encoder_layer`, and `norm` behind them if there is one.

    The copies are equal at first, as PyTorch's are: draw their parameters again where that matters.
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None):
        self._stack(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: TensorLike,
        mask: TensorLike | None = None,
        src_key_padding_mask: TensorLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The shape of `src`. The masks go to each layer."""
        x = as_tensor(src)
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(_Stack):
    """`num_layers` layers that begin as copies of `decoder_layer`, and `norm` behind them if there is one."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        self._stack(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: TensorLike,
        memory: TensorLike,
        tgt_mask: TensorLike | None = None,
        memory_mask: TensorLike | None = None,
        tgt_key_padding_mask: TensorLike | None = None,
        memory_key_padding_mask: TensorLike | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The shape of `tgt`. The masks go to each layer."""
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal
        x = as_tensor(tgt)
        for layer in self.layers:
            x = layer(x, memory, *masks)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder, and a decoder that looks at what it made: decoder(tgt, encoder(src)).

    num_encoder_layers, num_decoder_layers   how many layers each has
    custom_encoder, custom_decoder           modules in their place

    The other options are those of `TransformerEncoderLayer`. All weights start by Glorot's uniform rule.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        shared = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        place = {"device": device, "dtype": dtype}

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, **place)

        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*shared, **place), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*shared, **place), num_decoder_layers, norm()
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights again; what has one axis stays."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                xavier_uniform_(parameter)

    def forward(
        self,
        src: TensorLike,
        tgt: TensorLike,
        src_mask: TensorLike | None = None,
        tgt_mask: TensorLike | None = None,
        memory_mask: TensorLike | None = None,
        src_key_padding_mask: TensorLike | None = None,
        tgt_key_padding_mask: TensorLike | None = None,
        memory_key_padding_mask: TensorLike | None = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The shape of `tgt`. Masks with src_ are the encoder's, with tgt_ the decoder's, with memory_ between both.

        Raises `ShapeError` for features that are not d_model, or batches of unlike sizes.
        """
        src, tgt = as_tensor(src), as_tensor(tgt)
        samples = 0 if self.batch_first else 1
        if src.ndim != tgt.ndim or src.ndim not in (2, 3) or {src.shape[-1], tgt.shape[-1]} != {self.d_model}:
            raise ShapeError(
                f"a Transformer takes src and tgt (length, batch, {self.d_model}), or without a batch, but got shapes "
                f"{src.shape} and {tgt.shape}"
            )
        if src.ndim == 3 and src.shape[samples] != tgt.shape[samples]:
            raise ShapeError(
                f"src has {src.shape[samples]} samples and tgt {tgt.shape[samples]} (batch_first={self.batch_first})"
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        between = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal
        return self.decoder(tgt, memory, *between)

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: DeviceLike | None = None, dtype: DTypeLike | None = None
    ) -> Tensor:
        """A mask (sz, sz) to add: 0 for a position itself and those before it, -∞ for those after it."""
        mask = numpy.triu(numpy.full((sz, sz), -math.inf), 1)
        return asarray(mask, dtype=numpy.float32 if dtype is None else dtype, device=device)


def _activation(given: Activation) -> Callable[[Tensor], Tensor]:
    if callable(given):
        return given
    named = {"relu": F.relu, "gelu": F.gelu}
    if given not in named:
        raise OptionError(f"activation={given!r}; use 'relu', 'gelu', or a function of a tensor")
    return named[given]
