"""Operators of strings, which are NumPy arrays of objects.

Read next: `learning.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy

from ...errors import OptionError
from ..table import Numbers, operator


def strings(given: Sequence[str] | numpy.ndarray, shape: tuple[int, ...] | None = None) -> numpy.ndarray:
    """Texts as an array."""
    made = numpy.array(list(given), object)
    return made if shape is None else made.reshape(shape)


@operator("StringConcat", (20,))
def string_concat(a: Any, b: Any) -> numpy.ndarray:
    return numpy.asarray(a + b, object)


@operator("StringSplit", (20,))
def string_split(x: Any, *, delimiter: str = "", maxsplit: int = -1) -> tuple[numpy.ndarray, numpy.ndarray]:
    """(pieces, how many): a last axis of pieces, with "" behind those of texts that have fewer."""
    pieces = [str(text).split(delimiter or None, maxsplit) for text in x.flat]
    most = max(map(len, pieces), default=0)
    filled = [piece for row in pieces for piece in [*row, *[""] * (most - len(row))]]
    return strings(filled, (*x.shape, most)), numpy.array([len(row) for row in pieces], numpy.int64).reshape(x.shape)


@operator("RegexFullMatch", (20,))
def regex_full_match(x: Any, *, pattern: str) -> numpy.ndarray:
    """Whether the whole of each text is as the pattern says."""
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise OptionError(f"RegexFullMatch: {pattern!r} is no pattern that Python knows: {error}") from error
    return numpy.array([wanted.fullmatch(str(text)) is not None for text in x.flat], bool).reshape(x.shape)


@operator("StringNormalizer", (10,))
def string_normalizer(
    x: Any,
    *,
    case_change_action: str = "NONE",
    is_case_sensitive: int = 0,
    locale: str = "",
    stopwords: Sequence[str] = (),
) -> numpy.ndarray:
    """A row of words, (C) or (1, C), without stop words and accents, in capitals ("UPPER") or not ("LOWER"); one "" if none is left."""
    change = {"UPPER": str.upper, "LOWER": str.lower, "NONE": str}[case_change_action]
    compare = str if is_case_sensitive else str.lower
    stops = {compare(word) for word in stopwords}
    left = [change(_without_accents(word)) for word in map(str, x.flat) if compare(word) not in stops]
    return strings(left or [""], (1, -1) if x.ndim == 2 else None)


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


@operator("TfIdfVectorizer", (9,))
def tfidf_vectorizer(
    x: Numbers,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: Sequence[int],
    ngram_indexes: Sequence[int],
    pool_int64s: Sequence[int] = (),
    pool_strings: Sequence[str] = (),
    weights: Sequence[float] = (),
) -> numpy.ndarray:
    """How often runs of n words or numbers, that may be some places apart, are in each row: of each run of a pool, at its place.

    mode  "TF" counts; "IDF" says whether it is there at all, times its weight; "TFIDF" counts, times the weight
    """
    pool = [*pool_int64s] or [*pool_strings]
    places, ends, number = {}, [*ngram_counts[1:], len(pool)], 0
    for n, (start, end) in enumerate(zip(ngram_counts, ends, strict=True), 1):
        for at in range(start, end, n):
            places[tuple(pool[at : at + n])] = number
            number += 1
    scale = weights if weights and mode != "TF" else [1.0] * len(ngram_indexes)
    rows = [x.tolist()] if x.ndim == 1 else x.tolist()
    y = numpy.zeros((len(rows), max(ngram_indexes) + 1), numpy.float32)
    for row, words in enumerate(rows):
        for run, count in Counter(_runs(words, min_gram_length, max_gram_length, max_skip_count)).items():
            if run in places:
                place = places[run]
                y[row, ngram_indexes[place]] += scale[place] * (1 if mode == "IDF" else count)
    return y[0] if x.ndim == 1 else y


def _runs(words: list, shortest: int, longest: int, skips: int) -> list[tuple]:
    """Runs of words whose neighbours are 1 to `skips` + 1 places apart, everywhere in a run; a single word counts once."""
    return [
        tuple(words[at : at + step * (n - 1) + 1 : step])
        for n in range(shortest, longest + 1)
        for step in range(1, 2 + (skips if n > 1 else 0))
        for at in range(len(words) - step * (n - 1))
    ]
