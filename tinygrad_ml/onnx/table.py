"""The table from ONNX's operators to functions of this library: a row an operator, which says the versions it covers.

    @operator("Softmax", versions=(13,))
    def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
        return F.softmax(x, axis)

A row is a function. Its positional parameters are the operator's inputs in ONNX's order, `None` by default where ONNX lets
them be left out; its keyword-only parameters are the attributes, by ONNX's names and with ONNX's defaults. What it returns
is the output, or a tuple of them. How an input arrives, its annotation says:

    Tensor    a tensor on the model's device; one of what is known before anything runs (a shape, a constant) too
    Numbers   a NumPy array: the row needs to know the numbers, as of a shape or of axes. A tensor that was computed is looked at
    Any       as it is: a tensor, an array, a list (a sequence), None (an optional without a value)

An attribute that is a graph, as the branches of `If`, arrives as a function from its inputs to the tuple of its outputs,
which says by `outputs` what the file declares of these. And
a parameter named `call` gets what is known of the place: see `NodeCall`.

A version is the number of the opset in which ONNX last changed the operator ("since version"): a model of opset 17 uses
`Softmax` of version 13. Where versions differ in meaning there is a row for each meaning.

Read next: `operators/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeAlias

import numpy

Numbers: TypeAlias = numpy.ndarray
"""An input of which a row needs to know the numbers."""


class NodeCall(NamedTuple):
    """What a row may know of the node that it computes.

    outputs   the names of the node's outputs, "" for one that nobody asked for
    training  whether the model is in training mode
    opset     the version of the operator's set that the model was written for
    """

    outputs: tuple[str, ...]
    training: bool
    opset: int

    def wants(self, place: int) -> bool:
        """Whether somebody asked for this output."""
        return place < len(self.outputs) and bool(self.outputs[place])


class OperatorRow(NamedTuple):
    """An operator: what computes it, and of which versions.

    arrives   how each input arrives: "tensor", "numbers" or "any"
    rest      how each further input arrives, if any number of them may follow
    known     the names of the attributes
    """

    domain: str
    name: str
    versions: tuple[int, ...]
    function: Callable[..., Any]
    arrives: tuple[str, ...]
    rest: str | None
    known: frozenset[str]
    asks_for_call: bool


TABLE: dict[tuple[str, str, int], OperatorRow] = {}
"""(domain, operator, version) -> the row. The domain of ONNX's own operators is ""."""


def operator(name: str, versions: Collection[int], domain: str = "") -> Callable[[Callable], Callable]:
    """Make a function the row of an operator, for these versions of it."""

    def add(function: Callable) -> Callable:
        arrives, rest, known, asks = [], None, set(), False
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                rest = _way(parameter)
            elif parameter.name == "call":
                asks = True
            elif parameter.kind is parameter.KEYWORD_ONLY:
                known.add(parameter.name)
            else:
                arrives.append(_way(parameter))
        row = OperatorRow(domain, name, tuple(versions), function, tuple(arrives), rest, frozenset(known), asks)
        for version in row.versions:
            assert (domain, name, version) not in TABLE, f"{name} of version {version} stands twice in the table"
            TABLE[domain, name, version] = row
        return function

    return add


def _way(parameter: inspect.Parameter) -> str:
    """ "numbers", "any" or "tensor", as the annotation says: `Numbers`, `Any`, or `Tensor`; `| None` does not matter."""
    way = str(parameter.annotation).removesuffix(" | None")
    return {"Numbers": "numbers", "Any": "any"}.get(way, "tensor")
