"""On what, besides numbers in tensors, it depends which operations a step does.

Modules and optimisers say so themselves: `_relied_on_by_steps()` gives names, and what stands behind them now. What code
of the user's reads besides is in `watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import is_
from typing import Any, NamedTuple

from ...modes import Options
from ...tensor import Tensor
from .glance import Glance
from .values import MISSING, differences, is_plain, snapshot


class Condition(NamedTuple):
    """A recording holds as long as `look()` is `expected`.

    words  in what a step differs if it is not: a text, or a function that returns one
    look   if it has a method `glance`, that says how to see it quickly
    """

    words: str | Callable[[], str]
    look: Callable[[], Any]
    expected: Any

    def change(self) -> str | None:
        """In what it is another now; None if it is not."""
        if self.look() == self.expected:
            return None
        return self.words if isinstance(self.words, str) else self.words()

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        glance_at = getattr(self.look, "glance", None)
        if glance_at is None:
            glance.call(self.look, self.expected)
        else:
            glance_at(glance)


def conditions(reporters: Iterable[Any], tensors: list[Tensor]) -> list[Condition]:
    """What things say that is relied on, and which of the tensors need gradients."""
    facts = map(Facts, reporters)
    needs = Needs(tensors)
    words = "which tensors need a gradient, or their hooks"
    return [*(Condition(fact.words, fact, True) for fact in facts), Condition(words, needs, needs())]


def gradients(tensors: list[Tensor], there: list[bool]) -> Condition:
    """Which of the tensors have a gradient before the step, to which more is added."""
    return Condition("which tensors have a gradient before the step", Gradients(tensors), there)


class Tensors:
    """What is asked of each of some tensors."""

    def __init__(self, tensors: list[Tensor]):
        self._tensors = tensors

    def __call__(self) -> list[Any]:
        return list(map(self.asked, self._tensors))

    def asked(self, tensor: Tensor) -> Any:
        """What it is, of one of them."""
        raise NotImplementedError

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        for tensor in self._tensors:
            self._glance_at(tensor, glance)

    def _glance_at(self, tensor: Tensor, glance: Glance) -> None:
        raise NotImplementedError


class Needs(Tensors):
    """Whether tensors need gradients, and who listens to these."""

    def asked(self, tensor: Tensor) -> Any:
        return tensor._needs and (tensor._node is None or tensor._node.hooks)

    def _glance_at(self, tensor: Tensor, glance: Glance) -> None:
        glance.attribute(tensor, "_needs", tensor._needs)
        if tensor._needs:
            glance.attribute(tensor, "_node", tensor._node)
            if tensor._node is not None:
                glance.attribute(tensor._node, "hooks", tensor._node.hooks)


class Gradients(Tensors):
    """Whether tensors have gradients."""

    def asked(self, tensor: Tensor) -> bool:
        return tensor._grad is not None

    def _glance_at(self, tensor: Tensor, glance: Glance) -> None:
        glance.require(f"{glance.word(tensor)}._grad {'is' if tensor._grad is None else 'is not'} None")


class Facts:
    """What a thing says that steps rely on."""

    def __init__(self, thing: Any):
        self._thing, self._said = thing, thing._relied_on_by_steps()
        inside = getattr(thing, "__dict__", {})
        self._plain = {name for name, value in self._said.items() if is_plain(value)}
        self._derived = [
            name
            for name, said in self._said.items()
            if inside.get(name, getattr(type(thing), name, MISSING)) is not said
        ]
        held = snapshot(inside)
        self._names, self._values = list(held), list(held.values())

    def __call__(self) -> bool:
        """Whether they are as they were. Attributes need not be asked for while all of them are the same."""
        if not self._derived:
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

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        options = [said for said in self._said.values() if isinstance(said, Options)]
        if hasattr(self._thing, "__dict__") and len(options) == len(self._derived):
            glance.only(vars(self._thing), snapshot(vars(self._thing)))
            for said in options:
                _glance_at_options(said, glance)
        else:
            glance.call(self, True)

    def words(self) -> str:
        """What is another now."""
        name = min(differences(self._thing._relied_on_by_steps(), self._said), default="what is relied on")
        return f"{name.lstrip('_')} of a {type(self._thing).__qualname__}"


def _glance_at_options(options: Options, glance: Glance) -> None:
    """Let it be looked at whether there are the same options, numbers of which may be others that are not 0 either."""
    glance.members(options.groups, list(options.groups))
    for group in options.groups:
        glance.require(f"len({glance.word(group)}) == {len(group)}")
        for name, value in group.items():
            now = f"{glance.word(group)}[{name!r}]"
            same = f"{now} is {glance.word(value)}"
            if isinstance(value, (int, float)):
                same = f"({same} or type({now}) is {glance.word(type(value))} and {'' if value else 'not '}{now})"
            glance.require(same)
            if isinstance(value, list):
                glance.require(f"len({now}) == {len(value)}")
