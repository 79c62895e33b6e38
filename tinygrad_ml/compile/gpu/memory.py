"""Where the values of a program lie on the GPU: arrays in fixed places, to which a captured graph points.

Arguments, and state that lies elsewhere in every step, have a buffer, into which they are copied before a
launch. The host's numbers lie in a table, of which each step that is captured into one launch has a row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy

from ..program import DRAW, Instruction, Value
from ..schedule.buffers import Lifetime
from ..schedule.kernel import Kernel
from ..schedule.layout import Layout, bytes_between
from .tiles import PRODUCT

SMALL_RESULT_BYTES = 1 << 14
"""Results of up to so many bytes lie together, and are copied out together."""
DEVICE_ALIGNMENT_BYTES = 256
"""Bytes: so is what CUDA itself allocates."""


def aligned(nbytes: int) -> int:
    """The next multiple of the alignment."""
    return -(-nbytes // DEVICE_ALIGNMENT_BYTES) * DEVICE_ALIGNMENT_BYTES


def of_the_host(instruction: Instruction) -> bool:
    """Whether it draws random numbers on the host, as permutations do wherever they are used."""
    return instruction.op is DRAW and instruction.params["device"].kind == "cpu"


class DeviceLayout(Layout):
    """Draws come in memory of their own, so none is planned for them.

    lies  value -> how the memory is laid out in which it is computed
    """

    @cached_property
    def lies(self) -> dict[Value, numpy.ndarray]:
        return self.forms | {value: self.forms[memory] for value, memory in self.in_place.items()}

    def planned(self, kernel: Kernel) -> list[Value]:
        return [] if kernel.instructions[0].op is DRAW else super().planned(kernel)

    def computes_into(self, kernel: Kernel, memory: Value) -> bool:
        if kernel.kind != PRODUCT:
            return super().computes_into(kernel, memory)
        # A block reads of the operands, and of what these are made of, what another one has under its hands.
        place = next(i for i, one in enumerate(kernel.instructions) if one.op.kind == "product")
        read = {value for one in kernel.instructions[: place + 1] for value in one.inputs}
        return not any(self.roots.get(value) is memory for value in read)


class RoomyLayout(DeviceLayout):
    """What is planned is nobody else's for the whole step: so nothing waits for memory, only for numbers."""

    def _lifetimes(self) -> Iterable[Lifetime]:
        return (lifetime._replace(first=0, last=len(self.kernels)) for lifetime in super()._lifetimes())


class Table:
    """What the host gives to each step, numbers and random draws of its own, as rows of bytes: here and on the device.

    numbers  value -> a place for it in the row that is written
    """

    def __init__(self, runtime: Any, values: list[Value], steps: int):
        self._runtime, self._offsets, self.nbytes = runtime, {}, 0
        for value in values:
            self._offsets[value] = self.nbytes
            self.nbytes = aligned(self.nbytes + value.nbytes) if value.shape else self.nbytes + 8
        self.nbytes = aligned(self.nbytes)
        self._row = numpy.zeros(self.nbytes, numpy.uint8)
        self._rows = numpy.zeros((steps, self.nbytes), numpy.uint8)
        self._sent: numpy.ndarray | None = None
        self._there = runtime.allocate(steps * self.nbytes) if self.nbytes else None
        self.numbers = {
            value: self._row[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
            for value, start in self._offsets.items()
        }

    def keep(self, step: int) -> None:
        """Make what was written the row of a step."""
        self._rows[step] = self._row

    def send(self, steps: int) -> None:
        """Give the device the rows of the first steps, unless it has them."""
        if not self.nbytes:
            return
        rows = self._rows[:steps]
        if self._sent is None or self._sent.shape != rows.shape or not numpy.array_equal(self._sent, rows):
            self._runtime.upload(self._there, rows.reshape(-1))
            self._sent = rows.copy()

    def array(self, value: Value, step: int) -> Any:
        """Where the device finds a value of a step's row."""
        offset = step * self.nbytes + self._offsets[value]
        return self._runtime.array(self._there, offset, value.shape, value.dtype)

    def __contains__(self, value: Value) -> bool:
        return value in self._offsets


class Results:
    """Memory for what a program hands out.

    Small results are written into one buffer, and copied to new memory in each call. A large one is handed out as
    it is, as long as the caller has let go of the last one. A caller who keeps results gets copies from then on, and
    the graph writes into another buffer.

    arrays  value that is handed out -> where the program puts it
    """

    def __init__(self, runtime: Any, layout: Layout, copied: frozenset[int]):
        self._runtime, self._copied, self._values = runtime, copied, layout.program.results
        self.arrays: dict[Value, Any] = {}
        self._own: dict[int, Any] = {}
        self._offsets: dict[int, int] = {}
        roots, nbytes = [layout.roots[value] for value in self._values], 0
        for place, (value, root) in enumerate(zip(self._values, roots, strict=True)):
            if root.nbytes <= SMALL_RESULT_BYTES:
                self._offsets[place], nbytes = nbytes, aligned(nbytes + max(root.nbytes, 1))
                continue
            memory = runtime.allocate(root.nbytes)
            self.arrays[root] = runtime.array(memory, 0, root.shape, root.dtype)
            self._own[place] = runtime.array(memory, 0, value.shape, value.dtype)
        self._together = runtime.allocate(nbytes) if nbytes else None
        for place, start in self._offsets.items():
            self.arrays[roots[place]] = runtime.array(self._together, start, roots[place].shape, roots[place].dtype)

    def held(self) -> frozenset[int]:
        """The places of those results whose memory a caller still has in hand."""
        ours = 2  # references: that in the dictionary, and that of this question
        return frozenset(
            place for place in self._own if place not in self._copied and sys.getrefcount(self._own[place]) > ours
        )

    def take(self) -> tuple:
        """The results of the launch before."""
        fresh = self._runtime.copied(self._together) if self._together is not None else None
        return tuple(self._taken(place, value, fresh) for place, value in enumerate(self._values))

    def _taken(self, place: int, value: Value, fresh) -> Any:
        if place in self._offsets:
            return self._runtime.array(fresh, self._offsets[place], value.shape, value.dtype)
        return self._runtime.copied(self._own[place]) if place in self._copied else self._own[place]


class TaskMemory:
    """Value -> array and address, while tasks run or are captured.

    step   which of the steps that are captured together this is
    """

    def __init__(self, runtime: Any, layout: Layout, arrays: dict[Value, Any], table: Table, planned: Any):
        self.runtime, self.layout, self.table, self.step = runtime, layout, table, 0
        self._arrays, self._planned = arrays, planned

    def put(self, value: Value, array: Any) -> None:
        """The value lies in this array from now on."""
        self._arrays[value] = array

    def array(self, value: Value) -> Any:
        """The value as an array of the device."""
        root, form = self.layout.roots[value], self.layout.forms[value]
        whole = self._root(root)
        if root is value:
            return whole
        return self.runtime.array(whole, self._offset(value), form.shape, form.dtype, form.strides)

    def address(self, value: Value) -> int:
        """Where its first element lies."""
        return self.runtime.address(self._root(self.layout.roots[value])) + self._offset(value)

    def _offset(self, value: Value) -> int:
        return bytes_between(self.layout.forms[self.layout.roots[value]], self.layout.forms[value])

    def _root(self, root: Value) -> Any:
        root = self.layout.in_place.get(root, root)
        if root in self._arrays:
            return self._arrays[root]
        if root in self.table:
            return self.table.array(root, self.step)
        return self.runtime.array(self._planned, self.layout.offsets[root], root.shape, root.dtype)
