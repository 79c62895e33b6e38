"""A text as a data set: windows of it, and for each place in them what comes next.

Read before: `tokens.py`. Read next: `text_sets.py`, names and plays that are part of this package.
"""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import Device
from ..errors import OptionError, RangeError
from ..functional import tensor
from ..tensor import Tensor, as_tensor
from ..typing import DeviceLike
from .dataset import Dataset, recordable
from .tokens import Characters, Tokenizer


class Text(Dataset):
    """Windows of a text: a sample is (tokens t … t + length - 1, tokens t + 1 … t + length), what is read and what comes next::

        text = Text(open("letters.txt").read(), length=64)
        for x, y in DataLoader(text, batch_size=12, shuffle=True):  # both (12, 64) of int64
            ...

    text       what is read
    length     how many tokens a window has
    stride     how many tokens a window begins after the one before it
    tokenizer  makes numbers of the text; None for one number a character. Give that of another text to share it
    device     where the tokens live, and the batches are made; None is the default device

    text, tokenizer, length, stride  as given
    tokens                           the whole text as numbers, int64 of shape (n,)

    Of a tensor of sample numbers a batch is a few operations on the device, so a loop over it can be a part of a compiled
    step: `DataLoader.resident`.

    Raises `OptionError`: the text is shorter than a window and what follows it, or `length` or `stride` is not positive.
    `RangeError`: the tokenizer does not know a character.
    """

    def __init__(
        self,
        text: str,
        length: int = 64,
        stride: int = 1,
        tokenizer: Tokenizer | None = None,
        device: DeviceLike | None = None,
    ):
        if length < 1 or stride < 1:
            raise OptionError(f"length={length} and stride={stride} were given; both must be 1 or more")
        self.text, self.length, self.stride = text, length, stride
        self.tokenizer: Tokenizer = tokenizer or Characters(text or " ")
        numbers = self.tokenizer.encode(text)
        if len(numbers) <= length:
            raise OptionError(
                f"the text has {len(numbers)} tokens; a window of length={length} and what comes next take {length + 1}"
            )
        self.tokens = tensor(numbers, device=device)
        self._inside = tensor(numpy.arange(length), device=device)

    @property
    def device(self) -> Device:
        """Where the tokens live, and the batches are made."""
        return self.tokens.device

    @property
    def vocab_size(self) -> int:
        """How many different tokens there are."""
        return self.tokenizer.vocab_size

    def encode(self, text: str) -> Tensor:
        """The numbers of another text, where this one's are."""
        return tensor(self.tokenizer.encode(text), device=self.device)

    def decode(self, tokens: Any) -> str:
        """The text of numbers (n,)."""
        return self.tokenizer.decode(tokens.numpy() if isinstance(tokens, Tensor) else tokens)

    def __len__(self) -> int:
        return (self.tokens.shape[0] - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Window number `index`, and what comes next at each place: two tensors (length,)."""
        if not -len(self) <= index < len(self):
            raise RangeError(f"there is no window {index}; the text has {len(self)}")
        return self.gather(index % len(self))

    @recordable
    def gather(self, indices: Tensor | numpy.ndarray | slice | int) -> tuple[Tensor, Tensor]:
        """The windows at `indices` (from 0), and what comes next: two tensors of shape (..., length)."""
        if isinstance(indices, slice):
            indices = numpy.arange(len(self))[indices]
        places = as_tensor(indices, device=self.device).expand_dims(-1) * self.stride + self._inside
        return self.tokens[places], self.tokens[places + 1]
