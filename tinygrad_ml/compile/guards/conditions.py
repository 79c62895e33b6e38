"""On what, besides numbers in tensors, it depends which operations a step does.

Modules and optimisers say so themselves: `_relied_on_by_steps()` gives names, and what stands behind them now. What code
of the user's reads besides is in `watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import is_
from typing import Any, NamedTuple

from ...tensor import Tensor
from .values import MISSING, differences, is_plain, snapshot


class Condition(NamedTuple):
    """A recording holds as long as `look()` is `expected`.

    words  in what a step differs if it is not: a text, or a function that returns one
    """

    words: str | Callable[[], str]
    look: Callable[[], Any]
    expected: Any

    def change(self) -> str | None:
        """In what it is another now; None if it is not."""
        if self.look() == self.expected:
            return None
        return self.words if isinstance(self.words, str) else self.words()


def conditions(reporters: Iterable[Any], tensors: list[Tensor]) -> list[Condition]:
    """What things say that is relied on, and which of the tensors need gradients."""
    facts = map(Facts, reporters)
    needs = Condition("which tensors need a gradient, or their hooks", partial(_needs, tensors), _needs(tensors))
    return [*(Condition(fact.words, fact.holds, True) for fact in facts), needs]


def gradients(tensors: list[Tensor], there: list[bool]) -> Condition:
    """Which of the tensors have a gradient before the step, to which more is added."""
    return Condition("which tensors have a gradient before the step", partial(_have_gradients, tensors), there)


def _needs(tensors: list[Tensor]) -> list[Any]:
    """For each tensor whether it needs a gradient, and who listens to that."""
    return [tensor._needs and (tensor._node is None or tensor._node.hooks) for tensor in tensors]


def _have_gradients(tensors: list[Tensor]) -> list[bool]:
    return [tensor._grad is not None for tensor in tensors]


class Facts:
    """What a thing says that steps rely on."""

    def __init__(self, thing: Any):
        self._thing, self._said = thing, thing._relied_on_by_steps()
        inside = getattr(thing, "__dict__", {})
        self._plain = {name for name, value in self._said.items() if is_plain(value)}
        attributes = (inside.get(name, getattr(type(thing), name, MISSING)) for name in self._said)
        self._are_attributes = all(map(is_, attributes, self._said.values()))
        held = snapshot(inside)
        self._names, self._values = list(held), list(held.values())

    def holds(self) -> bool:
        """Whether they are as they were. Attributes need not be asked for while all of them are the same."""
        if self._are_attributes:
            inside = vars(self._thing)
            same = len(inside) == len(self._names) and all(map(is_, inside.values(), self._values))
            if same and all(map(is_, inside, self._names)):  # as nearly always
                return True
            return not differences(self._thing._relied_on_by_steps(), self._said)
        now = self._thing._relied_on_by_steps()
        for name, value in self._said.items():
            if now[name] is not value and not (name in self._plain and now[name] == value):
                return False
        return True

    def words(self) -> str:
        """What is another now."""
        name = min(differences(self._thing._relied_on_by_steps(), self._said), default="what is relied on")
        return f"{name.lstrip('_')} of a {type(self._thing).__qualname__}"
