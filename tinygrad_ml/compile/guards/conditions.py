"""On what, besides numbers in tensors, it depends which operations a step does.

Modules and optimisers say so themselves: `_relied_on_by_steps()` gives names, and what stands behind them now. What code
of the user's reads besides is in `watch.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple

from ...modes import Options
from ...tensor import Tensor
from .glance import Glance
from .values import MISSING, are_same, differences, snapshot


class Condition(NamedTuple):
    """A recording holds as long as `look()` is `expected`.

    words  in what a step differs if it is not
    see    how to see that at a glance, if not by calling `look`
    """

    words: str
    look: Callable[[], Any]
    expected: Any
    see: Callable[[Glance], None] | None = None

    def holds(self) -> bool:
        """Whether it is as it was."""
        return self.look() == self.expected

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether it is as it was."""
        if self.see is None:
            glance.require(f"{glance.word(self.look)}() == {glance.word(self.expected)}")
        else:
            self.see(glance)


def needs(tensors: list[Tensor]) -> Condition:
    """Which of the tensors need gradients, and who listens to these."""

    def look() -> list:
        return [tensor._needs and (tensor._node is None or tensor._node.hooks) for tensor in tensors]

    def see(glance: Glance) -> None:
        for tensor in tensors:
            glance.attribute(tensor, "_needs", tensor._needs)
            if tensor._needs:
                glance.attribute(tensor, "_node", tensor._node)
                if tensor._node is not None:
                    glance.attribute(tensor._node, "hooks", tensor._node.hooks)

    return Condition("which tensors need a gradient, or their hooks", look, look(), see)


def gradients(there: dict[Tensor, bool]) -> Condition:
    """Whether these tensors have a gradient before the step, to which more is added."""

    def look() -> list[bool]:
        return [tensor._grad is not None for tensor in there]

    def see(glance: Glance) -> None:
        for tensor, has in there.items():
            glance.require(f"{glance.word(tensor)}._grad {'is not' if has else 'is'} None")

    return Condition("which tensors have a gradient before the step", look, [*there.values()], see)


class Facts:
    """What a thing says that steps rely on: a condition, too."""

    def __init__(self, thing: Any):
        self._thing, self._said = thing, thing._relied_on_by_steps()
        self._held = snapshot(getattr(thing, "__dict__", {}))
        attribute = {name: self._held.get(name, getattr(type(thing), name, MISSING)) for name in self._said}
        derived = [said for name, said in self._said.items() if attribute[name] is not said]
        self._options = [said for said in derived if isinstance(said, Options)]
        self._simple = hasattr(thing, "__dict__") and len(self._options) == len(derived)
        """Whether all follows from its attributes, and these options."""

    def holds(self) -> bool:
        """Whether they are as they were. They need not be asked for while all attributes are the same, as nearly always."""
        if self._simple and not self._options:
            inside, held = vars(self._thing), self._held
            if len(inside) == len(held) and all(map(is_, inside.values(), held.values())) and [*inside] == [*held]:
                return True
        now, said = self._thing._relied_on_by_steps(), self._said
        return now.keys() == said.keys() and are_same([*map(now.get, said)], [*said.values()])

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        if not self._simple:
            glance.require(f"{glance.word(self.holds)}()")
            return
        held = snapshot(vars(self._thing))
        glance.require(f"len({glance.word(vars(self._thing))}) == {len(held)}")
        glance.items(vars(self._thing), held)
        for said in self._options:
            _glance_at_options(said, glance)

    @property
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
