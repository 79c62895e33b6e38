"""Random numbers of many rounds of a loop, or of many samples, drawn at once. Read before: `streams.py`."""

from collections.abc import Callable
from typing import Any

from ..errors import OptionError


class Draws:
    """Stands for the random stream of a device, in code that is run once for `count` rounds or samples.

    real   the stream
    taken  `taken(drawn)`, what stands for its part of the numbers of all, which lie along a first axis
    """

    def __init__(self, real: Any, count: int, taken: Callable[[Any], Any]):
        self._real, self._count, self._taken = real, count, taken

    def _draw(self, method: str, *bounds: int, size: Any, **options: Any) -> Any:
        shape = (size,) if isinstance(size, int) else tuple(size or ())
        return self._taken(getattr(self._real, method)(*bounds, size=(self._count, *shape), **options))

    def random(self, size: Any, dtype: Any) -> Any:
        """Uniform on [0, 1)."""
        return self._draw("random", size=size, dtype=dtype)

    def standard_normal(self, size: Any, dtype: Any) -> Any:
        """Normal, with mean 0 and standard deviation 1."""
        return self._draw("standard_normal", size=size, dtype=dtype)

    def integers(self, low: int, high: int, size: Any) -> Any:
        """Integers from low to high - 1."""
        return self._draw("integers", low, high, size=size)

    def permutation(self, x: int) -> Any:
        """Refused: the permutations of all cannot be drawn at once."""
        raise OptionError(
            "a permutation in the function of tg.scan or tg.vmap: draw one for each round or sample outside, and hand them over"
        )

    def choice(self, a: int, size: Any, replace: bool) -> Any:
        """Numbers from 0 ... a - 1, with replacement."""
        return self.integers(0, a, size) if replace else self.permutation(a)
