"""Where the random choices of this folder begin: a stream of its own from a seed, or one that the library's seed rules."""

from __future__ import annotations

import operator

from ..errors import OptionError
from ..random import streams


def base_seed(seed: int | None) -> int:
    """`seed` as it is, or for None a fresh one from the library's generator, so that `manual_seed` rules it.

    Raises `OptionError`: `seed` is no integer, or negative.
    """
    if seed is None:
        return streams.draw_seed()
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise OptionError(f"seed={seed!r} was given; it must be an integer of 0 or more, or None")
    return number
