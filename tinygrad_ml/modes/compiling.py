"""What code that a step is made of says to whoever compiles the step; it says nothing while nobody does."""

from collections.abc import Callable
from typing import Any

from .state import modes


def each_time(function: Callable[[], Any], beside: Any = None) -> Any:
    """The value of `function()`, host code that is part of a training step: a compiled step runs it in each replay.

    beside  a tensor: the value is then a dictionary of numbers that change from step to step, to compute with
            beside that tensor
    """
    return function() if modes.recorder is None else modes.recorder.each_time(function, beside)


def overwriting(tensor: Any) -> None:
    """Note that the memory of a tensor is about to be overwritten, or that it is about to take over another."""
    if modes.recorder is not None:
        modes.recorder.take(tensor)


def rely_on(function: Callable[[], Any]) -> None:
    """Note that what a step does depends on `function()`, as it is before the step: if that is another one day, a
    compiled step is recorded anew."""
    if modes.recorder is not None:
        modes.recorder.rely_on(function)
