"""What a picture is asked of: tensors; or a module or a function, and what it is called on.

Read before: `subject.py`, `variables.py`. Read next: `draw.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

import numpy

from tinygrad_ml.compile import Step as CompiledStep
from tinygrad_ml.errors import DTypeError, OptionError
from tinygrad_ml.functional import symbol
from tinygrad_ml.graph import Node
from tinygrad_ml.nn import Module
from tinygrad_ml.structure import is_nested, leaves
from tinygrad_ml.tensor import Tensor

from .origins import Whole
from .subject import subject
from .variables import variables

Drawable: TypeAlias = Tensor | Sequence[Tensor] | Callable[..., Any] | BaseException
"""What can be drawn: tensors; a compiled step; a module or a function, with its inputs; an error that an operation raised."""


class Asked(NamedTuple):
    """What a picture is asked of: nodes, what is to be said of them, and the names, by `id`, of what is no node."""

    outputs: list[Node]
    notes: list[str]
    called: dict[int, str]


def outputs_of(
    what: Drawable,
    input_shape: Sequence[int] | None,
    inputs: Sequence[Any] | None,
    caller: FrameType | None,
) -> Asked:
    """What `draw`, `steps` and `explain` are asked about.

    input_shape, inputs  what a module or a function is called on: a symbol of that shape, or these; a network from a file knows it
    caller               the function that asks: tensors without a name are called as its variables
    """
    if isinstance(what, CompiledStep):
        raise DTypeError(
            "a compiled step has no graph to go through step by step: viz.draw(step) draws its kernels, step.explain() "
            "lists them, and step.function is the function as it was, whose result has a graph"
        )
    called_on: list[tuple[str, Tensor | numpy.ndarray]] = []
    if input_shape is None and inputs is None and isinstance(what, Module):
        own = getattr(what, "symbols", None)  # of a network from a file, which says what it is called on
        inputs = None if own is None else own()
    if input_shape is not None or inputs is not None:
        what, called_on = _results(what, input_shape, inputs)
    given = list(what) if isinstance(what, (tuple, list)) else [what]
    tensors = [tensor for tensor in given if isinstance(tensor, Tensor)]
    if not given or len(tensors) < len(given):
        hint = "; give input_shape= or inputs= to draw a module" if callable(what) else ""
        raise DTypeError(
            f"a graph belongs to a tensor, several, or (for draw) an error, not {type(what).__name__}{hint}"
        )
    return asked_of([tensor.node for tensor in tensors], caller, called_on)


def asked_of(
    nodes: Sequence[Node], caller: FrameType | None, called_on: Sequence[tuple[str, Tensor | numpy.ndarray]] = ()
) -> Asked:
    """The same of nodes.

    called_on  inputs, and what to call those that no variable of the caller holds
    """
    whole = Whole(nodes)
    named, others = variables(whole, caller, called_on)
    return Asked(*subject(nodes, named, whole), others)


def _results(
    what: Drawable, input_shape: Sequence[int] | None, inputs: Sequence[Any] | None
) -> tuple[list[Tensor], list[tuple[str, Tensor | numpy.ndarray]]]:
    """The tensors that a module or a function gives, whatever tuples they come in, and what its inputs are called in it."""
    if not callable(what) or isinstance(what, Tensor):
        option = "inputs" if input_shape is None else "input_shape"
        raise DTypeError(f"{option} is for drawing a module or a function, not {type(what).__name__}")
    if inputs is None:
        if not isinstance(input_shape, (tuple, list)):
            raise OptionError(f"input_shape is a shape, batch included, as in (100, 784), and not {input_shape!r}")
        if any(isinstance(extent, (tuple, list)) for extent in input_shape):
            raise OptionError(
                f"input_shape is the shape of one input, and not {input_shape!r}: for several give "
                f"inputs={_as_symbols(input_shape)}"
            )
        inputs = (symbol(tuple(input_shape), name="x"),)
    elif input_shape is not None:
        raise OptionError("input_shape= and inputs= both say what is called: give one of them")
    elif not isinstance(inputs, (tuple, list)) or not inputs:
        raise OptionError(
            f"inputs is a tuple with a tensor for each argument, as in inputs=(tg.symbol((8, 16), dtype='int64'),), "
            f"and not {_describe(inputs)}"
        )
    for given in inputs:
        if not all(isinstance(leaf, (Tensor, numpy.ndarray)) for leaf in leaves(given)):
            raise DTypeError(
                f"inputs are tensors, as tg.symbol((8, 16), dtype='int64'), which has a shape and no numbers, "
                f"and not {_describe(given)}"
            )
    parameters = _parameters(what, len(inputs))
    try:
        given = what(*inputs)
    except DTypeError as error:
        if input_shape is not None:
            error.add_note(
                "input_shape= stands for one input of float32. For integers give inputs=(tg.symbol(shape, dtype='int64'),)."
            )
        raise
    results = [tensor for tensor in leaves(given) if isinstance(tensor, Tensor)]
    if not results:
        raise DTypeError(f"{_name(what)} gives no tensor that could be drawn, but {_describe(given)}")
    single = [(name, x) for name, x in zip(parameters, inputs, strict=False) if not is_nested(x)]
    return results, single


def _parameters(what: Callable[..., Any], count: int) -> list[str]:
    """The names of the arguments that a module or a function is called with, up to the first that stands for several.

    Raises `DTypeError` if it does not take so many.
    """
    try:
        signature = inspect.signature(getattr(what, "forward", getattr(what, "call", what)))
    except (TypeError, ValueError):
        return []  # as of a function written in C
    try:
        signature.bind(*range(count))
    except TypeError as error:
        raise DTypeError(
            f"{_name(what)}{signature} cannot be called on {count} input{'s' * (count > 1)}: {error}; "
            f"give inputs= a tensor for each argument"
        ) from error
    kinds = [(name, parameter.kind) for name, parameter in signature.parameters.items()]
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [name for name, kind in kinds if kind not in several][:count]


def _name(what: Callable[..., Any]) -> str:
    return getattr(what, "__name__", type(what).__name__)


def _describe(thing: Any) -> str:
    return f"{type(thing).__name__} {thing!r}"[:80]


def _as_symbols(shapes: Sequence[Any]) -> str:
    symbols = [f"tg.symbol({tuple(shape)!r})" for shape in shapes if isinstance(shape, (tuple, list))]
    return f"({', '.join(symbols)}{',' * (len(symbols) == 1)})"
