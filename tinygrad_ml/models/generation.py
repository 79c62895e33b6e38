"""Writing with a network: it says what may come next, one of that is drawn and read in turn, and so on.

    tokens = generate(model, text.encode("\\n"), 200, temperature=0.8)
    print(text.decode(tokens))

Read before: `gpt.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from .. import nn
from ..compile import compile as compiled_step
from ..errors import OptionError, ShapeError
from ..functional import arange, argsort, concat, cumulative_sum, minimum, softmax, take_along_axis
from ..modes import no_grad
from ..random import random
from ..tensor import Tensor, TensorLike, as_tensor
from .gpt import GPT


def generate(
    model: GPT,
    start: TensorLike,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    cache: bool = True,
) -> Tensor:
    """`start` and `length` tokens that a GPT writes behind it: (n + length,), or (batch, n + length) for several at once.

    start        at least one token, (n,) or (batch, n)
    length       how many to write
    temperature  logits are divided by it: below 1 likely tokens become likelier; with 0 the likeliest is taken
    top_k        draw from so many of the likeliest only
    top_p        draw from the fewest of the likeliest whose probabilities add up to this
    cache        remember keys and values of what was read; else read all again for each token: the same tokens, later

    Where the context is full, the model forgets all but the later half of it. `tg.manual_seed` rules what is drawn. The
    model writes as it is in use, without dropout, and is left as it was.

    Raises `OptionError` for options that do not fit, `ShapeError` for a start without tokens.
    """
    if isinstance(start, str):
        raise OptionError(f"a model reads numbers, not {start!r}: give text.encode(start), as of tg.data.Text")
    tokens = as_tensor(start, device=model.tokens.weight.device)
    alone = tokens.ndim == 1
    written = [tokens.expand_dims(0) if alone else tokens]
    written += stream(model, written[0], length, temperature, top_k, top_p, cache)
    made = concat(written, axis=1)
    return made.squeeze(0) if alone else made


def stream(
    model: GPT,
    start: TensorLike,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    cache: bool = True,
) -> Iterator[Tensor]:
    """The tokens (batch, 1) that `generate` writes, one after the other as they are drawn."""
    window = as_tensor(start, device=model.tokens.weight.device)
    if window.ndim != 2 or not window.shape[1]:
        raise ShapeError(f"writing begins from tokens (n,) or (batch, n), at least one, but got shape {window.shape}")
    if length < 0:
        raise OptionError(f"length={length} tokens were asked for; it must be 0 or more")
    _check(temperature, top_k, top_p)
    read = _reading(model) if cache else model
    window = window[:, -model.context :]
    for _ in range(length):
        with no_grad():
            token = draw(_in_use(model, read, window)[:, -1], temperature, top_k, top_p)
            window = concat([window, token], axis=1)
            if window.shape[1] > model.context:
                window = window[:, -max(model.context // 2, 1) :]
        yield token


def _in_use(model: nn.Module, read: Callable[[Tensor], Tensor], window: Tensor) -> Tensor:
    """The logits for a window, by a model that is not in training for the while."""
    training = model.training
    model.eval()
    try:
        return read(window)
    finally:
        model.train(training)


def _reading(model: GPT) -> Callable[[Tensor], Tensor]:
    """Reads windows each of which is the one before it and one token more, and else begins anew."""
    read, kept = 0, None

    def logits(window: Tensor) -> Tensor:
        nonlocal read, kept
        if kept is None or read + 1 != window.shape[1]:
            read, kept = 0, model.empty_cache(len(window))
        for i in range(read, window.shape[1]):
            found, kept = model.read_on(window[:, i : i + 1], kept)
        read = window.shape[1]
        return found

    return logits


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raise `OptionError` for options of `draw` that do not fit."""
    if not 0 <= temperature < math.inf:
        raise OptionError(f"temperature={temperature}; it must be 0 or more, and is 1 to draw as the model says")
    if top_k is not None and top_k < 1:
        raise OptionError(f"top_k={top_k}; it must be 1 or more, or None for all tokens")
    if top_p is not None and not 0 < top_p <= 1:
        raise OptionError(f"top_p={top_p}; it must be above 0 and at most 1, or None for all tokens")


@compiled_step
def draw(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    """A token for each row of logits (batch, vocab_size), drawn as `generate` says: (batch, 1)."""
    if temperature == 0:
        return logits.argmax(axis=-1, keepdims=True)
    order = argsort(logits, axis=-1, descending=True)
    likely = softmax(take_along_axis(logits, order, axis=-1) / temperature, axis=-1)
    kept = likely > 0
    if top_k is not None:
        kept = kept & (arange(logits.shape[-1], device=logits.device) < top_k)
    if top_p is not None:
        kept = kept & (cumulative_sum(likely, axis=-1) - likely < top_p)  # what is likelier does not yet add up to it
    upto = cumulative_sum(kept.where(likely, 0.0), axis=-1)
    point = random((len(logits), 1), device=logits.device) * upto[:, -1:]
    rank = (upto <= point).sum(axis=-1, keepdims=True)
    # Rounding could lead one beyond the last.
    return take_along_axis(order, minimum(rank, kept.sum(axis=-1, keepdims=True) - 1), axis=-1)
