"""Text as numbers, and numbers as text: a number for each character, or for pieces that stand often in a text.

Read next: `text.py`, a data set of such numbers.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy

from ..errors import OptionError, RangeError

_WORDS = re.compile(r" ?\w+| ?[^\w\s]+|\s")
"""A word with the space before it, marks with the space before them, or white space: together they are all of a text."""

Pair = tuple[str, str]


class Tokenizer:
    """What turns a text into the numbers of its pieces, and back.

    pieces  the text of each number, all of them different; among them each character that can be encoded

    Raises `OptionError`: there are no pieces, or one stands twice.
    """

    def __init__(self, pieces: Iterable[str]):
        self.pieces = tuple(pieces)
        self._numbers = {piece: number for number, piece in enumerate(self.pieces)}
        if not self.pieces or len(self._numbers) < len(self.pieces):
            raise OptionError(f"a tokenizer was given {len(self.pieces)} pieces; give one at least, and each only once")

    @property
    def vocab_size(self) -> int:
        """How many numbers there are."""
        return len(self.pieces)

    def encode(self, text: str) -> numpy.ndarray:
        """The numbers (n,) of the pieces of a text, int64.

        Raises `RangeError`: the text has a character that none of the pieces is.
        """
        try:
            return numpy.array([self._numbers[piece] for piece in self._split(text)], dtype=numpy.int64)
        except KeyError as error:
            known = "".join(sorted(piece for piece in self.pieces if len(piece) == 1))
            raise RangeError(
                f"the character {error.args[0]!r} cannot be encoded; known are {known!r}. Leave it out, or make the "
                "tokenizer from a text that has it"
            ) from None

    def decode(self, tokens: Any) -> str:
        """The text of numbers: of a tensor, an array or a list (n,), or of one number.

        Raises `RangeError`: one is negative, or not below `vocab_size`. `OptionError`: they are no integers, or have more
        than one axis.
        """
        numbers = numpy.asarray(tokens)
        if numbers.ndim > 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise OptionError(
                f"decode was given {numbers.dtype} of shape {numbers.shape}; it takes integers, those of one text: "
                "decode the rows of a batch one by one"
            )
        wrong = numbers[(numbers < 0) | (numbers >= self.vocab_size)] if numbers.size else numbers
        if wrong.size:
            raise RangeError(f"there is no token {wrong.flat[0]}; they go from 0 to {self.vocab_size - 1}")
        return "".join(self.pieces[number] for number in numbers.ravel())

    def _split(self, text: str) -> Iterable[str]:
        """The pieces of a text, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define _split(text)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size} tokens)"


class Characters(Tokenizer):
    """A number for each character of a text, in the order of their codes.

    >>> letters = Characters("banana")
    >>> letters.encode("nab")
    array([2, 0, 1])
    >>> letters.decode([1, 0, 2])
    'ban'
    """

    def __init__(self, text: Iterable[str]):
        super().__init__(sorted(set(text)))

    def _split(self, text: str) -> Iterable[str]:
        return text


class BytePairs(Tokenizer):
    """Pieces that are learnt from a text: at first its characters, then again and again the two that stand side by side most often.

    text        what to learn from
    vocab_size  how many pieces to have; fewer, where nothing stands side by side twice any more

    merges  which two became one, in the order in which they did

    No piece reaches over the end of a word. Words are encoded as they were learnt: the earliest merge first.

    >>> pieces = BytePairs("low lower lowest", vocab_size=11)
    >>> pieces.merges
    (('o', 'w'), ('l', 'ow'), ('low', 'e'))
    >>> [pieces.decode(token) for token in pieces.encode("low slower")]
    ['low', ' ', 's', 'lowe', 'r']

    Raises `OptionError`: `vocab_size` is less than the number of characters of the text.

    Source: R. Sennrich, B. Haddow and A. Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016).
    """

    def __init__(self, text: str, vocab_size: int = 512):
        letters = sorted(set(text))
        if vocab_size < len(letters):
            raise OptionError(f"vocab_size={vocab_size}, but the text has {len(letters)} different characters")
        self.merges = tuple(_merges(Counter(_WORDS.findall(text)), vocab_size - len(letters)))
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._known_words: dict[str, list[str]] = {}
        super().__init__(dict.fromkeys([*letters, *(first + second for first, second in self.merges)]))

    def _split(self, text: str) -> Iterable[str]:
        for word in _WORDS.findall(text):
            if word not in self._known_words:
                self._known_words[word] = self._pieces_of(word)
            yield from self._known_words[word]

    def _pieces_of(self, word: str) -> list[str]:
        pieces = list(word)
        while found := [pair for pair in _pairs(pieces) if pair in self._ranks]:
            pieces = _merged(pieces, min(found, key=self._ranks.__getitem__))
        return pieces


def _merges(words: Counter[str], count: int) -> Iterable[Pair]:
    """Up to so many merges of what stands side by side most often, counted with how often each word stands in a text."""
    split = {word: list(word) for word in words}
    counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[str]] = defaultdict(set)  # words in which a pair stands, or has stood

    def count_in(word: str, sign: int) -> None:
        for pair in _pairs(split[word]):
            counts[pair] += sign * words[word]
            where[pair].add(word)

    for word in words:
        count_in(word, 1)
    for _ in range(count):
        best = max(counts, key=lambda pair: (counts[pair], pair), default=None)
        if best is None or counts[best] < 2:
            return
        yield best
        for word in where.pop(best):
            count_in(word, -1)
            split[word] = _merged(split[word], best)
            count_in(word, 1)
        del counts[best]


def _pairs(pieces: list[str]) -> list[Pair]:
    return list(itertools.pairwise(pieces))


def _merged(pieces: list[str], pair: Pair) -> list[str]:
    """The pieces, with each place where the pair stands become one."""
    made: list[str] = []
    for piece in pieces:
        if made and (made[-1], piece) == pair:
            made[-1] += piece
        else:
            made.append(piece)
    return made
