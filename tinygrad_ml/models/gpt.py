"""A GPT: a transformer that reads a text from left to right, and says for each place what may come next.

    model = GPT(vocab_size=80, context=64, width=128, layers=4, heads=4)
    logits = model(tokens)                      # (batch, n) of numbers -> (batch, n, vocab_size)
    loss = next_token_loss(logits, next_tokens)

Every layer adds to each place first what attention finds at the places before it, then what a small network makes of that.
Both read what was normed first. Nothing else in it knows about places: so each begins as the vector of its token plus one
of its position; or queries and keys are turned by their positions (rotary).

Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).

Read before: `../nn/functional/attention.py`. Read next: `generation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .. import nn
from ..compile import compile as compiled_step
from ..errors import OptionError, ShapeError
from ..functional import arange, stack, zeros
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, TensorLike, as_tensor

_POSITIONS = ("learned", "rotary")


class KeyValueCache(NamedTuple):
    """What was read: at which place the next token stands, and keys and values (layers, batch, heads, context, d)."""

    place: Tensor
    keys: Tensor
    values: Tensor


class LayerCache:
    """What a layer remembers of the places before `place`: their keys and values, in tensors (batch, heads, context, d).

    The rest of the tensors is for what is to come, so that they keep their shape, and reading on is one compiled step.
    """

    def __init__(self, place: Tensor, keys: Tensor, values: Tensor):
        self.place, self.keys, self.values = place, keys, values
        self._places = arange(keys.shape[-2], device=keys.device)

    def extended(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values, with those (batch, heads, 1, d) of this place."""
        here = (self._places == self.place).expand_dims(-1)
        self.keys, self.values = here.where(key, self.keys), here.where(value, self.values)
        return self.keys, self.values

    @property
    def seen(self) -> Tensor:
        """Which places there are so far, (context,) of bools."""
        return self._places <= self.place


class CausalAttention(nn.Module):
    """y = softmax(Q·Kᵀ / √d + mask)·V of every head, side by side, times W: each place looks at itself and those before it."""

    def __init__(self, width: int, heads: int, dropout: float, rotary: bool):
        self.heads, self.dropout, self.rotary = heads, dropout, rotary
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(x).reshape((batch, length, 3, self.heads, width // self.heads)).permute_dims((2, 0, 3, 1, 4))
        q, k, v = parts[0], parts[1], parts[2]  # each (batch, heads, length, d)
        if self.rotary:
            places = None if cache is None else cache.place.reshape((1,))
            q, k = F.rotary_embedding(q, places), F.rotary_embedding(k, places)
        if cache is None:
            dropout = self.dropout if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        else:
            y = F.scaled_dot_product_attention(q, *cache.extended(k, v), attn_mask=cache.seen)
        return self.out(y.permute_dims((0, 2, 1, 3)).reshape(x.shape))


class GPTBlock(nn.Module):
    """x ← x + attention(norm(x)); x ← x + W₂·gelu(W₁·norm(x) + b₁) + b₂."""

    def __init__(self, width: int, heads: int, dropout: float, rotary: bool):
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, dropout, rotary)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), cache))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")))


class GPT(nn.Module):
    """Tokens (batch, n) to logits (batch, n, vocab_size): what may come after each of them, given it and those before it.

    vocab_size  how many tokens there are
    context     how many tokens it can read at once: n is at most that
    width       the number of features of a place
    layers      how many blocks
    heads       how many looks attention has in each; the width is divided by it
    dropout     with which probability what is added, and a weight of attention, is dropped in training
    positions   "learned" vectors that are added at the start, or "rotary"
    tied        whether the table of tokens is also the last layer, which compares a place with each token

    Weights start normal with deviation 0.02, those of layers whose output is added up to x with 0.02 / √(2·layers).

    Raises `OptionError` for sizes that do not fit, and, called, `ShapeError` for too many tokens.
    """

    def __init__(
        self,
        vocab_size: int,
        context: int = 64,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        positions: str = "learned",
        tied: bool = True,
    ):
        if min(vocab_size, context, width, layers, heads) < 1 or width % heads or positions not in _POSITIONS:
            raise OptionError(
                f"GPT(vocab_size={vocab_size}, context={context}, width={width}, layers={layers}, heads={heads}, "
                f"positions={positions!r}): sizes are 1 or more, the width is a multiple of the heads, and positions are "
                f"{' or '.join(_POSITIONS)}"
            )
        self.vocab_size, self.context = vocab_size, context
        self.tokens = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(context, width) if positions == "learned" else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([GPTBlock(width, heads, dropout, positions == "rotary") for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = None if tied else nn.Linear(width, vocab_size, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights again."""
        added_up = 0.02 / math.sqrt(2 * len(self.blocks))
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                init.normal_(parameter, std=added_up if name.endswith(("out.weight", "down.weight")) else 0.02)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    def forward(self, tokens: TensorLike) -> Tensor:
        """The logits of what comes after each of `tokens`, given all up to it."""
        tokens = as_tensor(tokens)
        if tokens.ndim != 2 or tokens.shape[1] > self.context:
            raise ShapeError(
                f"a GPT reads tokens (batch, n) with n up to its context of {self.context}, but got {tokens.shape}"
            )
        places = None if self.places is None else self.places.weight[: tokens.shape[1]]
        return self._logits(tokens, places, [None] * len(self.blocks))

    def _logits(self, tokens: Tensor, places: Tensor | None, caches: Sequence[LayerCache | None]) -> Tensor:
        x = self.tokens(tokens)
        x = self.dropout(x if places is None else x + places)
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block(x, cache)
        x = self.norm(x)
        return F.linear(x, self.tokens.weight) if self.head is None else self.head(x)

    def empty_cache(self, batch: int) -> KeyValueCache:
        """What `read_on` is given with the first token: place 0, and for each layer keys and values of nothing."""
        weight = self.tokens.weight
        heads = self.blocks[0].attention.heads
        shape = (len(self.blocks), batch, heads, self.context, weight.shape[1] // heads)
        nothing = zeros(shape, dtype=weight.dtype, device=weight.device)
        return KeyValueCache(zeros((), dtype="int64", device=weight.device), nothing, nothing)

    @compiled_step
    def read_on(self, tokens: Tensor, cache: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Logits (batch, 1, vocab_size) behind one more token (batch, 1), and the cache with it.

        They are those that `forward` gives behind all tokens that were read. The cache holds `context` tokens.
        """
        place, keys, values = cache
        caches = [LayerCache(place, keys[i], values[i]) for i in range(len(self.blocks))]
        logits = self._logits(tokens, None if self.places is None else self.places(place.reshape((1,))), caches)
        return logits, KeyValueCache(
            place + 1, stack([one.keys for one in caches]), stack([one.values for one in caches])
        )


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of -ln p(target) over all places: logits (..., vocab_size), targets (...) of numbers."""
    return F.cross_entropy(logits.reshape((-1, logits.shape[-1])), targets.reshape(-1))
