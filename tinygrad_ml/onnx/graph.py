"""What an ONNX file says, as plain data: a graph of nodes by the names of their values, and nothing that runs.

Read next: `table.py`, and `reading.py`, which makes it of a file.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy


def is_made_up(name: str) -> bool:
    """Whether an exporter of PyTorch made up the name of a constant, as `onnx::Conv_108` and `val_79`; parameters have their own."""
    return bool(re.fullmatch(r"onnx::\w+|_?val_\d+", name))


class Port(NamedTuple):
    """An input or an output of a graph, as the file declares it.

    kind    "tensor", "sequence", "optional", or "" where nothing is declared, or a kind that is none of these
            (of a sequence in an optional: "optional")
    dtype   of its tensors; None for strings and where nothing is declared
    shape   a size, a name of a size, or None (any size), for each axis; None where the rank is not declared
    """

    name: str
    kind: str = ""
    dtype: numpy.dtype | None = None
    shape: tuple[int | str | None, ...] | None = None

    def __str__(self) -> str:
        sizes = "" if self.shape is None else f"[{', '.join('?' if n is None else str(n) for n in self.shape)}]"
        return f"{self.name} {self.dtype or self.kind}{sizes}"


class Reference(NamedTuple):
    """In the body of a function, the value of an attribute that the function itself was given under this name."""

    name: str


class OnnxNode(NamedTuple):
    """One operator, applied to values by their names.

    domain      of the operator; "" is ONNX's own
    operator    what it is called there
    version     the opset in which the operator last changed before the model's: which row of the table it needs
    opset       the version of the domain for which the model was written
    inputs      names of values; "" for an optional one that is left out
    outputs     names of values; "" for one that nobody asks for
    attributes  by their names: int, float, str, numpy.ndarray (a tensor), OnnxGraph, Port (a type), Reference,
                or lists of these
    called      the node's own name, which may be empty
    scope       the modules inside which it was made, outermost first, where the file says so: ("encoder", "layers.0")
    """

    domain: str
    operator: str
    version: int
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    called: str = ""
    scope: tuple[str, ...] = ()


class OnnxGraph(NamedTuple):
    """Nodes in an order in which they can be computed.

    constants   name -> array: the file's initialisers, which an input of the same name stands before
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, numpy.ndarray]

    def __repr__(self) -> str:
        """In a line: all nodes and numbers would be many pages."""
        inputs, outputs = map(_in_short, (self.inputs, self.outputs))
        return (
            f"<OnnxGraph {self.name}: {inputs} -> {outputs}; {len(self.nodes)} nodes, {len(self.constants)} constants>"
        )


def _in_short(ports: tuple[Port, ...]) -> str:
    more = len(ports) - 4
    return ", ".join(map(str, ports[:4])) + (f" and {more} more" if more > 0 else "")


class OnnxFunction(NamedTuple):
    """A composite operator that the file itself defines, or ONNX's standard: a body with inputs, outputs and attributes by name."""

    domain: str
    name: str
    body: OnnxGraph
    attributes: tuple[str, ...]
    defaults: dict[str, Any]


class OnnxFile(NamedTuple):
    """A whole file: its graph, the versions it was written for by domain, its functions, and who wrote it."""

    graph: OnnxGraph
    opsets: dict[str, int]
    functions: dict[tuple[str, str], OnnxFunction]
    producer: str
