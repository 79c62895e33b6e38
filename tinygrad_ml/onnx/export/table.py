"""The table of the export: a row an operation of ours, which says how ONNX writes it.

    @row("tanh")
    def tanh(w, step):
        return w.node("Tanh", [step.inputs[0]])

A row is a function of the writer and the step; it returns the name of the value that ONNX computes for the step's output. A
`call_row` is the same for a call of a composed function, such as `layer_norm`: where ONNX has an operator for the whole of it.
It returns names for all that the call gave, or None where the operator would mean something else; then the operations stand there, of
which the function is composed. So a call row only makes a file nicer, and never decides whether something can be written.

What ONNX cannot express raises `InexpressibleError` and says why.

Read next: `rows/`, a family a file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

ROWS: dict[str, Callable[..., str]] = {}
"""Name of a primitive, or of what a program does besides -> its row."""
CALLS: dict[Callable, Callable[..., Any]] = {}
"""Composed function, without its decorator -> its row."""


class InexpressibleError(Exception):
    """ONNX has no operators for this: the text says for what of it."""


def row(*names: str) -> Callable[[Callable], Callable]:
    """Make a function the row of primitives, by name."""

    def enter(function: Callable) -> Callable:
        for name in names:
            assert name not in ROWS, f"{name} stands twice in the table"
            ROWS[name] = function
        return function

    return enter


def call_row(*functions: Any) -> Callable[[Callable], Callable]:
    """Make a function the row of calls of these composed functions."""

    def enter(function: Callable) -> Callable:
        for composed in functions:
            inside = composed.__wrapped__  # what `composed` decorates
            assert inside not in CALLS, f"{composed.__name__} stands twice in the table"
            CALLS[inside] = function
        return function

    return enter


def arguments_of(function: Callable, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments of a call by name, defaults included; None where they do not fit, which is an error elsewhere."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return dict(bound.arguments)
