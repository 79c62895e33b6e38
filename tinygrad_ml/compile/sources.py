"""Where the values of a program come from that it does not compute: arguments, state, constants, numbers of the host.

Read next: `program.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor


class Source:
    """Where a value comes from. A subclass says what `kind` of thing it is."""

    kind = "?"
    name = ""

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


class Memory(Source):
    """The memory of a tensor that is there before the step, and after it: one that may be overwritten."""

    def now(self, arguments: Sequence[Tensor]) -> Tensor:
        """The tensor, in a call with these arguments."""
        raise NotImplementedError


class Argument(Memory):
    """What the caller hands in."""

    kind = "argument"

    def __init__(self, position: int, name: str):
        self.position, self.name = position, name

    def now(self, arguments: Sequence[Tensor]) -> Tensor:
        return arguments[self.position]


class State(Memory):
    """The memory of a tensor that lives on between steps: a parameter, a running mean, an optimiser's state."""

    kind = "state"

    def __init__(self, tensor: Tensor):
        self.tensor, self.name = tensor, tensor.name or ""

    def now(self, arguments: Sequence[Tensor] = ()) -> Tensor:
        return self.tensor


class Gradient(State):
    """The `.grad` of a tensor as it is when a step begins."""

    kind = "gradient"

    def now(self, arguments: Sequence[Tensor] = ()) -> Any:
        return self.tensor.grad


class Constant(Source):
    """An array that was made inside of the function, of nothing: the same in every step."""

    kind = "constant"
    private = False  # whether it is known that nobody else holds the array

    def __init__(self, array: Any):
        self.array = array

    def __repr__(self) -> str:
        return f"constant {self.array}" if not self.array.ndim else "constant"


class Number(Source):
    """A number that the host computes for each step."""

    kind = "number"

    def __init__(self, call: int, name: str):
        self.call, self.name = call, name
