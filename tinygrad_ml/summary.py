"""`tg.summary(model, input_shape)`: layers, shapes, parameters, FLOPs and bytes, as a table.

The model is called once on symbols, so nothing is computed and nothing allocated, whatever the batch.
Everything is read off the graph that comes out: each node knows its operation, its shapes, and the
modules inside which it was made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .backend import DEFAULT_FLOAT
from .errors import OptionError
from .functional import symbol
from .graph import Node, topological
from .loops import Scan
from .modes import enable_grad, path
from .nn.module import Module
from .structure import leaves
from .tensor import Tensor


@dataclass
class Row:
    """One module, without the modules inside of it.

    path               from the outermost module, which has none, in dots
    kind               its class
    output_shapes      of what it returned when it was last called; () if it was not called
    parameters         how many numbers training changes, and
    frozen             how many it leaves alone. Tied parameters count where they come first
    parameter_bytes    the memory that both take
    flops              floating-point operations of the forward pass; a product and a sum are two
    activation_bytes   the memory of the results that the backward pass will need
    rounds             of the longest loop (`tg.scan`) that it is made of; 0 if it has none
    """

    path: str
    kind: str
    output_shapes: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    frozen: int = 0
    parameter_bytes: int = 0
    flops: int = 0
    activation_bytes: int = 0
    rounds: int = 0


class Summary:
    """What `tg.summary` returns: `rows`, the totals under the same names, and a table when it is printed."""

    def __init__(self, rows: list[Row]):
        self.rows = rows

    @property
    def parameters(self) -> int:
        """How many numbers training changes."""
        return sum(row.parameters for row in self.rows)

    @property
    def frozen(self) -> int:
        """How many numbers of parameters training leaves alone."""
        return sum(row.frozen for row in self.rows)

    @property
    def parameter_bytes(self) -> int:
        """The memory of all parameters."""
        return sum(row.parameter_bytes for row in self.rows)

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass."""
        return sum(row.flops for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """The memory of the results that the backward pass will need."""
        return sum(row.activation_bytes for row in self.rows)

    def __repr__(self) -> str:
        head = ("layer", "class", "output", "parameters", "FLOPs", "kept for backward")
        table = [head, *map(_cells, self.rows)]
        widths = [max(len(row[column]) for row in table) for column in range(len(head))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in table]
        line = "-" * max(map(len, lines))
        frozen = f", {self.frozen:,} of them frozen" if self.frozen else ""
        loops = [f"{row.path or '(model)'} has a loop of {row.rounds:,} rounds" for row in self.rows if row.rounds]
        return "\n".join(
            [
                lines[0],
                line,
                *lines[1:],
                line,
                f"{self.parameters + self.frozen:,} parameters ({_bytes(self.parameter_bytes)}){frozen}",
                f"{_count(self.flops)}FLOPs in a forward pass, {_bytes(self.activation_bytes)} kept for the backward pass",
                *loops,
            ]
        )


def summary(model: Module, input_shape: Sequence, dtype: Any = DEFAULT_FLOAT, depth: int | None = None) -> Summary:
    """What a model consists of, and what a forward pass costs.

    model        any module; it is called in the mode (training or not) in which it is
    input_shape  the shape of its input, batch included; or a list of such, for several inputs
    dtype        of the input, such as "int64" for class numbers; or a list, one for each
    depth        how many levels of modules get rows of their own; those below count with their parents

    Raises `OptionError` for what is no module, no shape or no depth, and whatever the model raises for an input of this
    shape.

    >>> print(tg.summary(model, (100, 784)))
    """
    if not isinstance(model, Module):
        raise OptionError(f"summary is of a module, and not of {model!r}")
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise OptionError(f"depth is a number of levels, 0 or more, or None, and not {depth!r}")
    shapes = _shapes(input_shape)
    dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise OptionError(
            f"{len(dtypes)} dtypes were given for {len(shapes)} inputs; give one for each, or one for all"
        )
    inputs = [symbol(shape, kind) for shape, kind in zip(shapes, dtypes, strict=True)]

    rows = {name: Row(name, type(module).__name__) for name, module in model.named_modules()}
    names = {module: name for name, module in model.named_modules()}

    def note(module: Module, _, output: Any) -> None:
        rows[names[module]].output_shapes = tuple(tensor.shape for tensor in _tensors(output))

    hooks = [module.register_forward_hook(note) for module in names]
    try:
        with enable_grad():
            output = model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()

    for name, parameter in model.named_parameters():
        row = rows[name.rpartition(".")[0]]
        row.parameters += parameter.size if parameter.requires_grad else 0
        row.frozen += 0 if parameter.requires_grad else parameter.size
        row.parameter_bytes += parameter.size * parameter.dtype.itemsize
    nodes = topological(tensor.node for tensor in _tensors(output))
    for node in nodes:
        if node.op is not None:
            row = _row_of(node, rows)
            row.flops += node.flops
            row.rounds = max(row.rounds, node.op.length if isinstance(node.op, Scan) else 0)
    for node in {_memory(kept) for user in nodes for kept in user.saved_from}:
        if node.op is not None:  # not the parameters and inputs themselves
            _row_of(node, rows).activation_bytes += math.prod(node.shape) * node.dtype.itemsize
    return Summary(list(rows.values()) if depth is None else _folded(rows, depth))


def _shapes(input_shape: Any) -> list[tuple[int, ...]]:
    """One shape, or several, as a list of them."""
    if isinstance(input_shape, (tuple, list)):
        several = [input_shape] if all(isinstance(extent, int) for extent in input_shape) else input_shape
        if all(isinstance(shape, (tuple, list)) for shape in several):
            return [tuple(shape) for shape in several]
    raise OptionError(
        f"input_shape is the shape of an input, batch included, as in (100, 784), or a list of such, and not {input_shape!r}"
    )


def _tensors(output: Any) -> list[Tensor]:
    """The tensors in what a module returned."""
    return [leaf for leaf in leaves(output) if isinstance(leaf, Tensor)]


def _row_of(node: Node, rows: dict[str, Row]) -> Row:
    """The row of the innermost module in which the node was made; the first place is the model's own."""
    return rows.get(path(node.scope[1:]), rows[""])


def _memory(node: Node) -> Node:
    """The node that made the memory which this one looks at: views have none of their own."""
    while node.op is not None and node.op.view is not None and node.op.view.when(node.shape, **node.params):
        source = node.inputs[0]
        turned = source.op is not None and source.op.view is not None and source.op.view.order == "changed"
        if turned and node.op.view.order == "kept":
            break  # what does not lie in order is copied
        node = source
    return node


def _folded(rows: dict[str, Row], depth: int) -> list[Row]:
    """The rows of `depth` levels, with those below added to them."""
    kept: dict[str, Row] = {}
    for name, row in rows.items():
        parts = name.split(".") if name else []
        if len(parts) <= depth:
            kept[name] = row
            continue
        parent = kept[".".join(parts[:depth])]
        for column in ("parameters", "frozen", "parameter_bytes", "flops", "activation_bytes"):
            setattr(parent, column, getattr(parent, column) + getattr(row, column))
        parent.rounds = max(parent.rounds, row.rounds)
    return list(kept.values())


def _cells(row: Row) -> tuple[str, ...]:
    level = row.path.count(".") + 1 if row.path else 0
    return (
        "  " * level + (row.path.rpartition(".")[2] or "(model)"),
        row.kind,
        ", ".join(map(str, row.output_shapes)) or "-",
        f"{row.parameters + row.frozen:,}" if row.parameter_bytes else "-",
        _count(row.flops).strip() if row.flops else "-",
        _bytes(row.activation_bytes) if row.activation_bytes else "-",
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        cell.ljust(width) if i < 3 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _count(number: int) -> str:
    """1234567 as "1.23 M", with a space behind where there is no letter."""
    return _scaled(number, 1000, ("", "k", "M", "G", "T"))


def _bytes(number: int) -> str:
    """1234567 as "1.18 MiB"."""
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _scaled(number: float, base: int, units: tuple[str, ...]) -> str:
    exponent = 0
    while number >= base and exponent < len(units) - 1:
        number, exponent = number / base, exponent + 1
    return f"{number:.0f} {units[exponent]}" if number >= 100 else f"{number:.3g} {units[exponent]}"
