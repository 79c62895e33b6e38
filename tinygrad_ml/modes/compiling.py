"""What code that a step is made of says to whoever compiles the step; it says nothing while nobody does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..state import modes


def each_time(function: Callable[[], Any], beside: Any = None) -> Any:
    """The value of `function()`, host code that is part of a training step: a compiled step runs it in each replay.

    beside  a tensor: the value is then a dictionary of numbers that change from step to step, to compute with
            beside that tensor
    """
    return function() if modes.recorder is None else modes.recorder.each_time(function, beside)


def overwriting(tensor: Any) -> bool:
    """Note that the memory of a tensor is about to be overwritten, or that it is about to take over another. Whether it must
    not be, as it was when the same was computed before."""
    if modes.recorder is not None:
        modes.recorder.take(tensor)
    return modes.overwriting is not None and modes.overwriting(tensor)


def rely_on(function: Callable[[], Any]) -> None:
    """Note that what a step does depends on `function()`, as it is before the step: if that is another one day, a
    compiled step is recorded anew."""
    if modes.recorder is not None:
        modes.recorder.rely_on(function)


class Options:
    """What a step takes for granted of dictionaries of options: which of them there are, which numbers are 0 (by how much they are
    not, may be another in each step), how long lists are, and all else by what is written for it.

    groups  the dictionaries
    said    that of each option: (name, what)
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]]):
        self.groups = groups
        self.said = [[(name, _told(value)) for name, value in group.items()] for group in groups]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and self.said == other.said

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.said)


def _told(option: Any) -> Any:
    """Whether an option is not 0; of a tuple, that of what is in it; of a list, how long it is."""
    if isinstance(option, (int, float)):
        return bool(option)
    if isinstance(option, tuple):
        return tuple(map(_told, option))
    return len(option) if isinstance(option, list) else repr(option)
