"""What an export is written from: operations on wires, that is on the values of all recordings at once.

Read before: `varying.py`. Read next: `watching.py`, which makes them; `writer.py`, which writes them down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ...modes import Place
from .varying import Extents, merged


class ExportWire:
    """One value, as all recordings have it.

    shape     its sizes, `VaryingNumber` where they depend on those of the inputs
    dtype     of its numbers
    source    where it comes from if no operation gives it: a `Source` of the program; None otherwise
    constant  its array, if it is the same whenever the function is called; `VaryingNumber` if it depends on the sizes
    """

    __slots__ = ("constant", "dtype", "shape", "source")

    def __init__(self, shape: Extents, dtype: numpy.dtype, source: Any = None, constant: Any = None):
        self.shape, self.dtype, self.source, self.constant = shape, dtype, source, constant

    @classmethod
    def of(cls, values: Sequence[Any]) -> ExportWire:
        """Of the values of the recordings, or whatever has a shape and a dtype."""
        source = getattr(values[0], "source", None)
        arrays = [getattr(value, "constant", None) for value in values]
        constant = None if arrays[0] is None else merged([numpy.asarray(array) for array in arrays])
        return cls(merged([tuple(value.shape) for value in values]), values[0].dtype, source, constant)

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def number(self) -> Any:
        """The number that it always is; None for all else."""
        known = self.constant
        return known.item() if isinstance(known, numpy.ndarray) and not known.shape else None

    def __repr__(self) -> str:
        return f"<wire {self.dtype}{list(self.shape)}>"


class ExportStep(NamedTuple):
    """output = op(*inputs, **params), inside of the calls of `scope`.

    ops  the operation, as each of the recordings has it: loops over other sizes are other operations
    """

    ops: tuple[Any, ...]
    inputs: tuple[ExportWire, ...]
    params: dict[str, Any]
    output: ExportWire
    scope: tuple[Place, ...]

    @property
    def op(self) -> Any:
        """The operation."""
        return self.ops[0]

    @property
    def name(self) -> str:
        """What the operation is called."""
        return self.op.name


class CalledFunction(NamedTuple):
    """A call of a function that is composed of operations: its arguments by name, with wires in the places of tensors, and
    what it gave. Of a network that was read from a file, an operator: the `OnnxNode`, and its "inputs"."""

    function: Any
    arguments: dict[str, Any]
    results: Any

    def wire(self, name: str) -> ExportWire | None:
        """The tensor that it was given by this name; None if it is none."""
        found = self.arguments.get(name)
        return found if isinstance(found, ExportWire) else None


class ExportProgram(NamedTuple):
    """What a function does, whatever the sizes.

    inputs   (name, wire) of the arguments
    steps    in an order in which they can be computed
    results  (name, wire) of what it gives
    state    (name, wire, wire): memory that it overwrites, and what that holds in the end
    calls    of composed functions, by their places
    numbers  (name, wire, number): what the host computes for each call, and is now
    """

    inputs: list[tuple[str, ExportWire]]
    steps: list[ExportStep]
    results: list[tuple[str, ExportWire]]
    state: list[tuple[str, ExportWire, ExportWire]]
    calls: dict[Place, CalledFunction]
    numbers: list[tuple[str, ExportWire, Any]]
