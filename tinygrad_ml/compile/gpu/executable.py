"""What is called to run a program on the GPU: CUDA graphs, and the memory that they point to.

The first call lays out memory, compiles kernels, lets cuBLAS choose its own, and captures the whole program without
running any of it; then the graph is launched, once. A later call copies its arguments into their buffers, sends the
host's numbers and launches. What the graph points to is looked at before each launch: if state lies elsewhere
(`load_state_dict`, `.data = ...`), if the random stream is another one (`manual_seed`), or if the caller has kept a result,
the program is captured anew.

Read before: `memory.py`, `tasks.py`, `runtime.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from itertools import groupby
from typing import Any

import numpy

from ...ops.movement import transfer
from ...random import streams
from ..passes.laid_out import laid_out
from ..program import COPY, Instruction, Program, Value, is_check
from ..schedule import executable as schedule
from ..schedule.draws import drawing
from ..schedule.executable import span
from ..schedule.kernel import Kernel
from ..schedule.layout import Layout
from .around import around_products
from .beside import beside, in_turns
from .gathers import gathers
from .grouped import alike, grouped
from .kernels import has_form, has_launch, launches
from .launch import Launch
from .loops import alone
from .memory import DeviceLayout, Results, RoomyLayout, Table, TaskMemory, of_the_host
from .multiplying import THREADS
from .persistent import whole_step, why_not
from .phases import in_phases, shifts, units
from .rows import REVISITED_ELEMENTS
from .runtime import CudaGraph, CudaRuntime
from .small import small_products, small_scatters
from .tasks import CopyTask, DrawTask, EagerTask, LaunchTask, StepTask, Task, tasks

CAPTURED_STEPS = 16
"""Steps that `repeat` captures into one launch."""


class Executable(schedule.Executable):
    """A program on the GPU: what is shared, `memory`, is the door to it.

    graphs  what was captured: one graph, if nothing in the program has to run as in eager mode
    """

    few = REVISITED_ELEMENTS
    _one_kernel = False
    memory: CudaRuntime
    graphs: list[CudaGraph]
    _copied: frozenset[int] = frozenset()

    def prepared(self, program: Program, fuse: bool) -> Program:
        return _on_device(laid_out(program), fuse)

    def has_form(self, instruction: Instruction) -> bool:
        return has_form(instruction)

    def may_reduce(self, instruction: Instruction, is_reduced: bool) -> bool:
        return has_form(instruction) or has_launch(instruction)

    def in_turns(self, kernels: list[Kernel], fuse: bool) -> list[list[Kernel]]:
        reason = why_not(self.program, kernels, self.memory.cache_bytes) if fuse and self.persistent else "left out"
        self._one_kernel = not reason
        self.launched = f"one by one, since as one kernel: {reason}"
        if self._one_kernel:
            return [[kernel] for kernel in around_products(self.program, kernels)]
        return _updates_last(self.program, kernels, fuse)

    def places_for(self, values: list[Value]) -> dict[Value, numpy.ndarray]:
        self._draws = [i for i in self.program.instructions if of_the_host(i)]
        with self.memory.current():
            self._table = Table(self.memory, [*values, *(draw.output for draw in self._draws)], CAPTURED_STEPS)
        return {value: self._table.numbers[value] for value in values}

    def array(self, array: Any) -> Any:
        host = isinstance(array, (numpy.ndarray, numpy.generic))
        return self.memory.backend.from_host(numpy.asarray(array), self.memory.index) if host else array

    def address(self, array: Any) -> int:
        return self.memory.address(array)

    def lay_out(self, forms: dict[Value, numpy.ndarray], writeable: set[Value]) -> DeviceLayout:
        in_order = {value for value in writeable if forms[value].flags.c_contiguous}
        return (RoomyLayout if self._one_kernel else DeviceLayout)(self.program, self.turns, forms, in_order)

    def write(self, layout: DeviceLayout, arrays: dict[Value, Any]) -> None:
        """Make ready what runs, and capture it."""
        runtime = self.memory
        self._buffers = {v: runtime.array(runtime.allocate(v.nbytes), 0, v.shape, v.dtype) for v in self.moving}
        self._results = Results(runtime, layout, self._copied)
        planned = runtime.planned(layout.nbytes)
        arrays = arrays | self._buffers | self._results.arrays
        self._places = TaskMemory(runtime, layout, arrays, self._table, planned)
        self._tasks = self._whole(layout) if self._one_kernel else self._all_tasks(layout)
        self.text = "\n".join(dict.fromkeys(map(str, self._tasks)))
        launched = [task for task in self._tasks if isinstance(task, LaunchTask)]
        for task, kernel in zip(launched, runtime.kernels([task.launch for task in launched]), strict=True):
            task.kernel = kernel
        for task in self._tasks:
            task.prepare(self._places)
        self.eager = [task.instruction for task in self._tasks if isinstance(task, EagerTask)]
        self._streams = {task.device: None for task in self._tasks if isinstance(task, DrawTask)}
        self._capture()

    def _all_tasks(self, layout: DeviceLayout) -> list[Task]:
        work: list[Task] = []
        for turn in self.turns:
            if len(turn) == 1:
                work += tasks(turn[0], layout)
            else:
                equal = alike(turn, layout.lies)
                work += map(LaunchTask, beside(one for kernels in equal for one in _as_few(kernels, layout)))
        return [*work, *(CopyTask(*pair) for pair in self._copies(layout))]

    def _copies(self, layout: Layout) -> list[tuple[Value, Value]]:
        """(memory, what goes there) at the end of a step."""
        # What moves is written to after the launch: the graph does not know where it lies.
        copies = [(memory, value) for memory, value in self.program.writes if value not in layout.in_place]
        self._after = [(memory, value) for memory, value in copies if memory in self.moving]
        return [pair for pair in copies if pair[0] not in self.moving]

    def _whole(self, layout: DeviceLayout) -> list[Task]:
        """One task for all that is computed, behind random draws if there are any."""
        forms, draws, made = layout.lies, [], []
        for kernel in self.kernels:
            for task in tasks(kernel, layout, THREADS, self.memory.precision):
                if isinstance(task, LaunchTask):
                    made.append((kernel, task.launch))
                else:
                    draws.append(task)
                    task.prepare(self._places)  # which shows where the numbers lie
        for memory, value in self._copies(layout):
            copy = alone(Instruction(COPY, (value,), {}, memory))
            made += ((copy, launch) for launch in launches(copy, forms, THREADS))
        phases = [shifts(phase, forms) for phase in in_phases(units(made, partial(self._span, forms), forms))]
        self.launched = f"as one kernel for all steps of a call, in {len(phases)} phases between which all blocks meet"
        return [*draws, StepTask(whole_step(phases, dict.fromkeys(self._table.numbers, self._table.nbytes)))]

    def _span(self, forms: dict[Value, numpy.ndarray], value: Value) -> tuple[int, int] | None:
        """Where a value lies; None for the host's numbers, to which nobody writes."""
        return None if value in self._table else span(self._places.address(value), forms[value])

    def _capture(self) -> None:
        self._linked = False
        self._streams = {device: streams.generator(device) for device in self._streams}
        self._parts: list[Callable[[], None]] = []
        self.graphs, self._many = [], None
        for captured, group in groupby(self._tasks, key=lambda task: task.captured):
            if captured:
                self.graphs.append(self.memory.capture(partial(self._run, list(group), 1)))
                self._parts.append(self.graphs[-1].launch)
            else:
                self._parts += [partial(task.run, self._places) for task in group]

    def _run(self, group: list[Task], steps: int) -> None:
        if len(group) == 1 and isinstance(group[0], StepTask):
            group[0].run(self._places, steps)
            return
        for self._places.step in range(steps):
            for task in group:
                task.run(self._places)
        self._places.step = 0

    def ready(self) -> None:
        """Link or capture, if that is called for."""
        held = self._results.held() if self._linked else frozenset()
        self._copied |= held
        if held or not self.is_linked():
            self.link()
        elif any(streams.generator(device) is not stream for device, stream in self._streams.items()):
            self._capture()
            self._linked = True

    @property
    def together(self) -> int:
        """So many steps can run in one launch of `run_together`; 1 if that cannot be, or nothing is linked yet."""
        if not self._linked:
            return 1
        moves = any(value.source.kind != "argument" for value in self.moving)
        return 1 if moves or self._after or any(not task.captured for task in self._tasks) else CAPTURED_STEPS

    def keep_numbers(self, step: int = 0) -> None:
        """Take the host's numbers, as they stand in `numbers` now, for one of the next steps."""
        for draw in self._draws:
            self._table.numbers[draw.output][...] = drawing(draw)()
        self._table.keep(step)

    def __call__(self, arguments: list) -> tuple:
        with self.memory.current():
            return super().__call__(arguments)

    def run(self, arguments: list) -> tuple:
        self.keep_numbers()
        self._send(arguments, 1)
        for part in self._parts:
            part()
        for memory, value in self._after:
            self.memory.copy(self._lies(memory, arguments), self._places.array(value))
        return self._results.take()

    def run_together(self, arguments: list) -> tuple:
        """Run as many steps as `together` says, whose numbers have been kept, with the same arguments; the last results."""
        with self.memory.current():
            self.ready()
            if self._many is None:
                self._many = self.memory.capture(partial(self._run, self._tasks, CAPTURED_STEPS))
            self._send(arguments, CAPTURED_STEPS)
            self._many.launch()
            return self._results.take()

    def _send(self, arguments: list, steps: int) -> None:
        self._table.send(steps)
        for value, buffer in self._buffers.items():
            self.memory.copy(buffer, self._lies(value, arguments))

    def _lies(self, value: Value, arguments: list) -> Any:
        """What moves, where it is in this call, as an array of the device."""
        return self.array(self.lies(value, arguments))


def _as_few(kernels: list[Kernel], layout: DeviceLayout) -> list[Launch]:
    """Kernels of one structure, as few launches as may be."""
    if len(kernels) == 1:
        return launches(kernels[0], layout.lies)
    launch = grouped(kernels, layout.lies)
    half = len(kernels) // 2  # of fewer kernels there are fewer pointers
    return [launch] if launch else [*_as_few(kernels[:half], layout), *_as_few(kernels[half:], layout)]


def _on_device(program: Program, fuse: bool) -> Program:
    """What is left to do on the device, as it has kernels for.

    Arguments and draws that come from the host are put there at once, so their transfers are nothing. Labels are not
    looked at, as in eager mode: a look would have to wait for the device.
    """
    from_host = {i.output for i in program.instructions if of_the_host(i)}
    from_host |= {value for value in program.sources() if value.source.kind == "argument"}
    moved = [i for i in program.instructions if i.op is transfer and i.inputs[0] in from_host]
    kept = [i for i in program.instructions if i not in moved and not is_check(i)]
    program = program.with_instructions(kept, {i.output: i.inputs[0] for i in moved})
    return gathers(small_scatters(small_products(program)) if fuse else program, fuse)


def _updates_last(program: Program, kernels: list[Kernel], together: bool) -> list[list[Kernel]]:
    """The kernels in turns, with those at the end that only compute what is written to memory, equal ones in one turn: an
    optimiser's update of each parameter. Others may run `together`, if nothing needs them yet."""
    written = {value for _, value in program.writes} - set(program.results)
    only = written.difference(value for kernel in kernels for value in kernel.inputs())
    updates: dict[Hashable, list[Kernel]] = {}
    for kernel in kernels:
        if kernel.kind == "loop" and kernel.outputs and only.issuperset(kernel.outputs):
            same = tuple((i.op, i.frozen, i.output.dtype) for i in kernel.instructions)
            updates.setdefault(same, []).append(kernel)
    last = [equal for equal in updates.values() if len(equal) > 1]
    waiting = {kernel for equal in last for kernel in equal}
    others = [kernel for kernel in kernels if kernel not in waiting]
    return [*(in_turns(others) if together else ([kernel] for kernel in others)), *last]
