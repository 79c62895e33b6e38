"""What is done for one kernel of a program on the GPU: launches, a product, a draw, or a call as in eager mode.

A task runs on `TaskMemory`. While a graph is captured its calls are written down; one that cannot be
captured (`captured = False`) stands between two graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from ...backend import dtypes, get, of
from ...ops.shapes import size
from ...random import streams
from ..eager import value_of
from ..program import DRAW, Instruction, Value
from ..schedule.draws import draw_options
from ..schedule.kernel import Kernel
from ..schedule.layout import form_of
from . import blas
from .kernels import has_launch, launches
from .launch import Launch
from .memory import DeviceLayout, TaskMemory, of_the_host
from .tiles import PRODUCT


class Task:
    """Something that is done in each step.

    remark  what it does, in words
    """

    captured = True
    remark = ""

    def __init__(self, instruction: Instruction):
        self.instruction = instruction

    def prepare(self, places: TaskMemory) -> None:
        """Whatever has to be done once, outside of a capture. May spoil planned memory, and no other."""

    def run(self, places: TaskMemory) -> None:
        """Do it."""
        raise NotImplementedError

    def __str__(self) -> str:
        """As source code, or as a remark in it."""
        return f"// {self.remark}: {self.instruction!r}\n"


class LaunchTask(Task):
    """A generated kernel."""

    def __init__(self, launch: Launch):
        self.launch = launch
        self.kernel: Any = None  # compiled together with all others

    def run(self, places: TaskMemory) -> None:
        launch = self.launch
        for value in launch.zeroed:
            places.runtime.zero(places.array(value))
        places.runtime.launch(self.kernel, launch.grid, launch.block, list(map(places.address, launch.arguments)))

    def __str__(self) -> str:
        return self.launch.source


class StepTask(LaunchTask):
    """All of a step, or of several, as one kernel: see `persistent.py`."""

    def prepare(self, places: TaskMemory) -> None:
        runtime = places.runtime
        self._arrived = runtime.array(runtime.allocate(4), 0, (1,), dtypes.uint32)
        runtime.zero(self._arrived)
        self._blocks = min(self.launch.grid[0], runtime.resident(self.kernel, self.launch.block[0]))

    def run(self, places: TaskMemory, steps: int = 1) -> None:
        """So many steps, from the one on whose turn it is."""
        runtime, launch = places.runtime, self.launch
        given = [steps, runtime.address(self._arrived), *map(places.address, launch.arguments)]
        runtime.launch_together(self.kernel, (self._blocks, 1, 1), launch.block, given)


class ProductTask(Task):
    """A matrix product; an operand of which neither rows nor columns are contiguous is copied first."""

    remark = "a product of cuBLAS"

    def __init__(self, instruction: Instruction, forms: Mapping[Value, numpy.ndarray]):
        super().__init__(instruction)
        self._copies: dict[Value, Any] = {value: None for value in instruction.inputs if not blas.fits(forms[value])}
        laid = (form_of(v.shape, v.dtype) if v in self._copies else forms[v] for v in instruction.inputs)
        left, right = laid
        self._calls = blas.products(left, right.T if instruction.op.turned else right, forms[instruction.output])

    def prepare(self, places: TaskMemory) -> None:
        for value in self._copies:
            memory = places.runtime.allocate(value.nbytes)
            self._copies[value] = places.runtime.array(memory, 0, value.shape, value.dtype)
        self.run(places)  # so that the library has chosen and loaded what it runs, before a capture begins

    def run(self, places: TaskMemory) -> None:
        runtime, output = places.runtime, self.instruction.output
        for value, array in self._copies.items():
            runtime.copy(array, places.array(value))
        a, b = (
            runtime.address(self._copies[value]) if value in self._copies else places.address(value)
            for value in self.instruction.inputs
        )
        out = places.address(output)
        if not self._calls and size(output.shape):
            runtime.zero(places.array(output))
        for call in self._calls:
            runtime.product(call, a + call.a.offset, b + call.b.offset, out + call.out.offset)


class DrawTask(Task):
    """Random numbers, from the stream that eager mode draws from: its state lies on the device."""

    remark = "drawn from the device's stream"

    def __init__(self, instruction: Instruction):
        super().__init__(instruction)
        self.device = instruction.params["device"]

    def prepare(self, places: TaskMemory) -> None:
        # Another stream than the device's own, which has to stand still. What is drawn from it shows where it lies.
        self._draw(places, get(self.device).generator(numpy.random.SeedSequence(0), self.device.index))

    def run(self, places: TaskMemory) -> None:
        self._draw(places, streams.generator(self.device))

    def _draw(self, places: TaskMemory, generator) -> None:
        method, options = draw_options(self.instruction)
        value = self.instruction.output
        drawn = places.runtime.draw(generator, method, options, value)
        if value in places.layout.handed_out:
            places.runtime.copy(places.array(value), drawn)
        else:
            places.put(value, drawn)


class UploadTask(Task):
    """A random draw of the host that is handed out: from the table, where all others read it."""

    remark = "drawn by the host"

    def run(self, places: TaskMemory) -> None:
        value = self.instruction.output
        places.runtime.copy(places.array(value), places.table.array(value, places.step))


class EagerTask(Task):
    """An operation without a compiled form, as in eager mode. It may wait for the device, so it is not captured."""

    captured = False
    remark = "as in eager mode, between two graphs"

    def run(self, places: TaskMemory) -> None:
        arrays = list(map(places.array, self.instruction.inputs))
        target = places.array(self.instruction.output)
        places.runtime.copy(target, value_of(self.instruction, of(target), *arrays))


class CopyTask(Task):
    """At the end, into state: what could not be computed there, since the old numbers were still needed."""

    def __init__(self, memory: Value, value: Value):
        self.memory, self.value = memory, value

    def run(self, places: TaskMemory) -> None:
        places.runtime.copy(places.array(self.memory), places.array(self.value))

    def __str__(self) -> str:
        return f"// a copy: {self.memory!r} <- {self.value!r}\n"


def tasks(
    kernel: Kernel, layout: DeviceLayout, threads: int | None = None, products: str = "float32"
) -> Iterator[Task]:
    """What is done for a kernel, in this order; of `threads` and `products` see `launches`."""
    instruction, forms = kernel.instructions[0], layout.lies
    output = instruction.output
    if kernel.kind in ("loop", PRODUCT):
        yield from map(LaunchTask, launches(kernel, forms, threads, products)) if kernel.outputs else ()
    elif output in layout.views:
        return
    elif of_the_host(instruction):
        yield from [UploadTask(instruction)] if output in layout.handed_out else ()
    elif instruction.op is DRAW:
        yield DrawTask(instruction)
    elif not kernel.outputs:
        return
    elif instruction.op.kind == "product" and str(output.dtype) in blas.DATA:
        yield ProductTask(instruction, forms)
    elif has_launch(instruction):
        yield from map(LaunchTask, launches(kernel, forms, threads))
    else:
        yield EagerTask(instruction)
