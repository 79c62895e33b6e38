"""Random draws: what a generator is asked for by an instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...random import streams
from ..program import Instruction

INTO_MEMORY = ("random", "standard_normal")
"""Methods that are told shape and dtype, and on the host can draw into memory that is there: `out`."""


def draw_options(instruction: Instruction) -> tuple[str, dict[str, Any]]:
    """The method of a generator, and what it is given."""
    options = {name: value for name, value in instruction.params.items() if name not in ("method", "device")}
    method = instruction.params["method"]
    if method in INTO_MEMORY:
        options |= {"size": instruction.output.shape, "dtype": instruction.output.dtype}
    return method, options


def drawing(instruction: Instruction) -> Callable[..., Any]:
    """Draws from the stream that the device has at that moment."""
    (method, options), device = draw_options(instruction), instruction.params["device"]
    return lambda **more: getattr(streams.generator(device), method)(**options, **more)
