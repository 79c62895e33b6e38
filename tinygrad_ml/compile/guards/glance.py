"""A glance at all that a program relies on, as one Python expression: whether each thing is the very one that it was.

Guards say exactly what matters, and ask for it one by one, which takes longer than the step of a small network. Most calls
differ from the one before in nothing but the numbers in tensors: then all names lead to the same objects, and to see that
takes hundredths of a microsecond each. Where one does not, the glance says no, and the guards are asked.

    def glance(args, kwargs):
        try:
            a0, a1 = args
            fits = type(a0) is x1 and a0._data.shape == (4, 2) and ... and x7['tg'] is x8 and len(x9) == 3
        except Exception:
            fits = False
        if not fits:
            return NotImplemented
        ...

Read before: `conditions.py`, `watch.py`, `signature.py`, which say what has to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any

MOST_TERMS = 20_000
"""Of a larger expression, writing it would take longer than what it saves."""

MOST_BY_NUMBER = 8
"""Items of a list that are looked at one by one; of a longer one, to call a function that goes through it takes less time."""


class Wording:
    """Names for the things that written lines mean, and functions made of such lines."""

    def __init__(self, **known: Any):
        self._things, self._words = known, dict[int, str]()

    def word(self, thing: Any) -> str:
        """A name for a thing; what stands for itself, is written as it is."""
        if thing is None or thing is True or thing is False:
            return repr(thing)
        if id(thing) not in self._words:
            self._words[id(thing)] = word = f"x{len(self._words)}"
            self._things[word] = thing
        return self._words[id(thing)]

    def function(self, head: str, lines: Iterable[str]) -> Callable:
        """The function of such a head, `name(parameters)`, that does these lines."""
        name = head.partition("(")[0]
        text = "\n".join([f"def {head}:", *(f"    {line}" for line in lines), ""])
        exec(compile(text, f"<{name}>", "exec"), self._things)
        return self._things.pop(name)


class Glance:
    """What is looked at, as it is written: in order, lines that take arguments apart, and terms of one condition."""

    def __init__(self):
        self.lines: list[str] = []
        self.terms: list[str] = []
        self.names = Wording(all=all, id=id, is_=is_, len=len, map=map, type=type)
        self.word = self.names.word

    def require(self, *terms: str) -> None:
        """Let these be true, too."""
        self.terms += terms

    def attribute(self, thing: Any, name: str, value: Any) -> None:
        """Let an attribute be this very thing."""
        self.require(f"{self.word(thing)}.{name} is {self.word(value)}")

    def items(self, holder: Mapping, held: Mapping) -> None:
        """Let there be these very things under these names in a dictionary, whatever else there is."""
        for key, value in held.items():
            place = repr(key) if type(key) is str else self.word(key)
            self.require(f"{self.word(holder)}[{place}] is {self.word(value)}")

    def members(self, container: Any, items: list) -> None:
        """Let these very things be in something that can be gone through, in this order."""
        word = self.word(container)
        self.require(f"len({word}) == {len(items)}")
        if isinstance(container, list) and len(items) <= MOST_BY_NUMBER:
            self.require(*(f"{word}[{i}] is {self.word(item)}" for i, item in enumerate(items)))
        elif items:
            self.require(f"all(map(is_, {word}, {self.word(items)}))")

    def function(self, then: Iterable[str]) -> Callable[[tuple, dict], Any] | None:
        """`glance(args, kwargs)`, which does the lines `then` if all is as it was, and gives NotImplemented if something, or
        the place where to look, is not. None if there is too much to look at."""
        if len(self.terms) > MOST_TERMS:
            return None
        look = [*self.lines, f"fits = {' and '.join(self.terms)}"]
        lines = ["try:", *(f"    {line}" for line in look), "except Exception:", "    fits = False"]
        return self.names.function("glance(args, kwargs)", [*lines, "if not fits:", "    return NotImplemented", *then])
