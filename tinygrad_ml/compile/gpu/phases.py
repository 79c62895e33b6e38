"""In which order the work of a step runs that is one kernel: between which of its parts all blocks meet, and between which not.

A *phase* is what does not need each other: of the step's work each piece comes as early as memory allows, that is after
the last one that writes what it reads, or reads or writes what it writes.

Most of what a network does with a batch it does with each row of it by itself: where a layer is narrow, its product, its
activation, the loss and the gradients that go back need of the row before them nothing but the same row. So they are a *chain*: a
block takes a few rows, does one after the other with them, and waits between two of them only for its own threads. Which
elements belong to a row follows from where they lie. What is small and the same for all rows, such as the number of labels that
count, each block computes for itself then. And what is very small, as the network of XOR, one block does from beginning to end.

Read before: `launch.py`. Read next: `persistent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy

from ...ops.shapes import size
from ..program import GATHER, Value
from ..schedule.axes import along_domain, shape_read, strides_in
from ..schedule.kernel import Kernel
from .kernels import launches
from .launch import Launch
from .multiplying import THREADS

CHAIN_BLOCKS = 256
"""Blocks that share the rows of a chain: with more rows each block takes several at a time."""
CHAINED_ELEMENTS = 1 << 14
"""Elements that a block goes through in a chain at most: about as many as it does in the time of a meeting."""
ONE_BLOCK_ELEMENTS = 1 << 12
"""Elements of what one block does alone, or each for itself, at most."""


class Access(NamedTuple):
    """Memory that is read or written: the first byte, and the one behind the last one.

    step   bytes from what the first row of a domain touches to what the next one does; 0 if it may be anywhere
    reach  bytes that a row touches: no more than `step`
    """

    first: int
    end: int
    step: int = 0
    reach: int = 0

    def overlaps(self, other: Access) -> bool:
        """Whether they have a byte in common."""
        return self.first < other.end and other.first < self.end

    def row_by_row(self, other: Access) -> bool:
        """Whether no row of one touches what another row of the other one does."""
        low = min(self.first, other.first)
        return self.step == other.step != 0 and all(one.first - low + one.reach <= one.step for one in (self, other))


class Unit(NamedTuple):
    """A launch, the kernel of which it is, and the memory that it reads and writes.

    rows  that a chain of its kind has, which is how long the first axis of its domain is; 0 if it is to be in none
    """

    launch: Launch
    kernel: Kernel
    reads: list[Access]
    writes: list[Access]
    rows: int

    def conflicts(self, other: Unit) -> list[tuple[Access, Access]]:
        """Where one of them writes to what the other one reads or writes: its own memory, and the other's."""
        pairs = [(self.writes, other.writes), (self.writes, other.reads), (self.reads, other.writes)]
        return [(a, b) for ours, theirs in pairs for a in ours for b in theirs if a.overlaps(b)]

    @property
    def elements(self) -> int:
        """How many it goes through, if it is a loop; else too many."""
        return size(self.kernel.shape) if self.kernel.kind == "loop" else ONE_BLOCK_ELEMENTS + 1

    def only_needs(self, other: Unit) -> bool:
        """Whether it overwrites nothing that the other one reads or writes."""
        return not any(a.overlaps(b) for a in self.writes for b in (*other.reads, *other.writes))


class Chain:
    """Units of which a block does one after the other; most chains are a single one, by as many blocks as it has.

    units     in this order
    repeated  those that each block does as a whole: some of them, before others are done row by row; or all of them, by one block
    """

    def __init__(self, units: Iterable[Unit], repeated: Iterable[Unit] = ()):
        self.units, self.repeated = list(units), list(repeated)

    @property
    def elements(self) -> int:
        """How many a block goes through that does all of it."""
        return sum(unit.elements for unit in self.units)

    def meets(self, unit: Unit) -> bool:
        """Whether the unit cannot run at the same time."""
        return any(unit.conflicts(own) for own in self.units)

    def goes_on_with(self, unit: Unit) -> bool:
        """Whether a block that has done this with some rows can do that with them at once."""
        return len(self.repeated) < len(self.units) and all(self._goes_on(own, unit) for own in self.units)

    def _goes_on(self, own: Unit, unit: Unit) -> bool:
        if own in self.repeated:
            return unit.only_needs(own)
        return own.rows == unit.rows and all(a.row_by_row(b) for a, b in unit.conflicts(own))

    def may_be_repeated(self, unit: Unit) -> bool:
        """Whether each block may do all of it for itself, before it does that: then nothing is overwritten that another block
        may still have to read."""
        units = [*self.units, unit]
        return (
            self.elements <= ONE_BLOCK_ELEMENTS
            and all(one.only_needs(other) for k, one in enumerate(units) for other in units[:k])
            and not any(a.overlaps(b) for own in self.units for a in own.reads for b in own.writes)
        )

    @property
    def work(self) -> float:
        """About what a block has to do, as a number."""
        return sum(unit.kernel.flops for unit in self.units) / self._blocks

    @property
    def _blocks(self) -> int:
        if len(self.units) == 1:
            return self.units[0].launch.grid[0]
        rows = self.units[-1].rows
        return 1 if len(self.repeated) == len(self.units) else -(-rows // strip(rows))

    def shift(self, forms: Mapping[Value, numpy.ndarray]) -> Shift:
        """What a block does for it."""
        pieces: list[Piece] = []
        since: list[Unit] = []  # the threads of a block have met
        for unit in self.units:
            launch, repeated = unit.launch, unit in self.repeated
            if len(self.units) > 1 and not repeated:
                (launch,) = launches(unit.kernel, forms, THREADS, strip=strip(unit.rows))
            waits = any(unit.conflicts(other) for other in since)
            since = [unit] if waits else [*since, unit]
            pieces.append(Piece(launch, repeated, waits))
        return Shift(self._blocks, pieces)


class Piece(NamedTuple):
    """What a block does in a shift: its part of a launch that has as many blocks of its own for each of those that share the shift.

    repeated  whether each block does all of it instead
    waits     whether the threads of a block wait for each other before
    """

    launch: Launch
    repeated: bool
    waits: bool


class Shift(NamedTuple):
    """Some of the work of a phase: pieces of which a block does its part of one after the other, and blocks that share it."""

    blocks: int
    pieces: list[Piece]


def strip(rows: int) -> int:
    """Of so many rows those that a block takes at a time."""
    return -(-rows // CHAIN_BLOCKS)


def in_phases(work: Iterable[Unit]) -> list[list[Chain]]:
    """The units by phase: each as early as it may be."""
    phases: list[list[Chain]] = []
    for unit in work:
        last = max((k for k, phase in enumerate(phases) if any(chain.meets(unit) for chain in phase)), default=-1)
        met = [chain for chain in phases[last] if chain.meets(unit)] if last >= 0 else []
        joined = _joined(met, unit) if met else None
        if joined is not None:
            phases[last] = [*(chain for chain in phases[last] if chain not in met), joined]
            continue
        if last + 1 == len(phases):
            phases.append([])
        phases[last + 1].append(Chain([unit]))
    return _by_one_block(phases)


def _joined(chains: list[Chain], unit: Unit) -> Chain | None:
    """The chain of some chains and a unit that needs them; None if they can only be done one phase after the other."""
    before = [chain for chain in chains if unit.rows and chain.goes_on_with(unit)]
    small = [chain for chain in chains if chain not in before]
    done = [one for chain in (*small, *before) for one in chain.units]
    if unit.rows and all(chain.may_be_repeated(unit) for chain in small):
        again = [one for chain in small for one in chain.units]
        return Chain([*done, unit], [*again, *(one for chain in before for one in chain.repeated)])
    single = all(len(chain.units) in (1, len(chain.repeated)) for chain in chains)  # of rows there may be more to come
    if single and sum(chain.elements for chain in chains) + unit.elements <= ONE_BLOCK_ELEMENTS:
        return Chain([*done, unit], [*done, unit])
    return None


def _by_one_block(phases: Iterable[list[Chain]]) -> list[list[Chain]]:
    """The same phases, with those one after the other as one that are little enough for one block."""
    joined: list[list[Chain]] = []
    for phase in phases:
        units = [unit for chain in (*(joined[-1] if joined else ()), *phase) for unit in chain.units]
        if joined and sum(unit.elements for unit in units) <= ONE_BLOCK_ELEMENTS:
            joined[-1] = [Chain(units, units)]
        else:
            joined.append(phase)
    return joined


def units(
    made: Iterable[tuple[Kernel, Launch]],
    span: Callable[[Value], tuple[int, int] | None],
    forms: Mapping[Value, numpy.ndarray],
) -> list[Unit]:
    """What is done in a step, in order.

    span   from a value to where it lies: the first byte, and the one behind the last one; None for what is never written to
    forms  value -> how it lies in memory
    """
    found = []
    for kernel, launch in made:
        rows = _rows(kernel)
        step = _of_rows(kernel, forms) if rows else {}
        reads, writes = (
            [Access(*where, *step.get(value, (0, 0))) for value in values if (where := span(value))]
            for values in (launch.reads, launch.writes)
        )
        found.append(Unit(launch, kernel, reads, writes, rows))
    return found


def _rows(kernel: Kernel) -> int:
    """Rows of the chain in which a kernel may be; 0 if in none."""
    if kernel.kind != "loop" or not kernel.shape or 0 in kernel.axes or kernel.shape[0] < 2:
        return 0
    rows = kernel.shape[0]
    return rows if size(kernel.shape) <= -(-rows // strip(rows)) * CHAINED_ELEMENTS else 0


def _of_rows(kernel: Kernel, forms: Mapping[Value, numpy.ndarray]) -> dict[Value, tuple[int, int]]:
    """Of the values that a kernel reads or writes: step and reach of a row, see `Access`."""
    found: dict[Value, tuple[int, int]] = {}
    for instruction in kernel.instructions:
        shape = shape_read(kernel, instruction) if kernel.axes else kernel.shape
        for value in dict.fromkeys(instruction.inputs):
            anywhere = instruction.op is GATHER and value is instruction.inputs[0]
            here = (0, 0) if anywhere else _row(kernel, forms.get(value), shape)
            found[value] = here if found.get(value, here) == here else (0, 0)
    for value in kernel.outputs:
        found[value] = _row(kernel, forms[value], value.shape if kernel.axes else kernel.shape)
    return found


def _row(kernel: Kernel, form: numpy.ndarray | None, shape: tuple[int, ...]) -> tuple[int, int]:
    """Bytes from row to row of an array that is read or written in this shape, and those of a row; zeros if they mix."""
    if form is None:
        return 0, 0
    step, *others = along_domain(kernel, strides_in(form, shape))
    reach = 1 + sum((n - 1) * along for n, along in zip(kernel.shape[1:], others, strict=True) if n > 1)
    if min(step, *others, 0) < 0 or reach > step:
        return 0, 0
    return step * form.itemsize, reach * form.itemsize


def shifts(phase: Iterable[Chain], forms: Mapping[Value, numpy.ndarray]) -> list[Shift]:
    """What is done in a phase; first that of which a block has most to do."""
    return [chain.shift(forms) for chain in sorted(phase, key=lambda chain: -chain.work)]
