"""What is called to run a program on the GPU: CUDA graphs, and the memory that they point to.

The first call lays out memory, compiles kernels, lets cuBLAS choose its own, and captures the whole program without
running any of it; then the graph is launched, once. A later call copies its arguments into their buffers, sends the
host's numbers and launches. What the graph points to is looked at before each launch: if state lies elsewhere
(`load_state_dict`, `.data = ...`), if the random stream is another one (`manual_seed`), or if the caller has kept a result,
the program is captured anew.

Read before: `memory.py`, `tasks.py`, `runtime.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial
from itertools import groupby
from typing import Any

import numpy

from ...backend import random as streams
from ...ops.movement import transfer
from ...tensor import Tensor
from ..passes.equal import frozen
from ..program import Instruction, Program, Value, is_check
from ..schedule.fusion import fusion
from ..schedule.kernel import Kernel
from ..schedule.layout import form_of, is_alike
from .beside import beside, in_turns
from .gathers import gathers
from .kernels import grouped, has_form, has_launch, structure
from .memory import DeviceLayout, Places, Results, Table, of_the_host
from .rows import FEW
from .small import small_products
from .tasks import Called, Copied, Drawn, Launched, Task, draw_options, tasks

TOGETHER = 16
"""Steps that `repeat` captures into one launch."""


class Executable:
    """A program that can be called.

    program  what it does
    rebound  ids of the tensors that get new memory in each step, and are looked up in each
    runtime  the door to the GPU, which the programs of a step share
    fuse     whether elementwise operations run together
    in_place whether state may be overwritten before the end
    loops    of no meaning here: kernels are compiled in any case

    graphs   what was captured: one graph, if nothing in the program has to run as in eager mode
    """

    def __init__(
        self,
        program: Program,
        rebound: set[int],
        runtime,
        fuse: bool = True,
        in_place: bool = True,
        loops: bool = True,
    ):
        self.program, self._runtime, self._in_place = _on_device(program, fuse), runtime, in_place
        self._turns = _updates_last(self.program, fusion(self.program, has_form, fuse, _may_reduce, few=FEW), fuse)
        self.kernels = [kernel for turn in self._turns for kernel in turn]
        self._sources = self.program.sources()
        self._written = {memory for memory, _ in self.program.writes}
        self._moving = [
            value
            for value in self._sources
            if value.source.kind in ("argument", "gradient")
            or (value.source.kind == "state" and id(value.source.tensor) in rebound)
        ]
        self._draws = [i for i in self.program.instructions if of_the_host(i)]
        given = [value for value in self._sources if value.source.kind == "number"]
        with runtime.current():
            self._table = Table(runtime, [*given, *(draw.output for draw in self._draws)], TOGETHER)
        self.numbers: dict[Value, numpy.ndarray] = {value: self._table.numbers[value] for value in given}
        self.layout: DeviceLayout | None = None
        self._linked = False
        self._bound: list[tuple[Tensor, Any]] = []
        self._copied: frozenset[int] = frozenset()
        self._parts: list[Callable[[], None]] = []
        self.graphs: list = []

    # -- before it runs ----------------------------------------------------------------------------------------

    def fits(self) -> bool:
        """Whether all state has the shapes and dtypes that the program was recorded with, if not the same memory."""
        return all(is_alike(tensor._data, array) for tensor, array in self._bound)

    def link(self) -> None:
        """Lay out memory, make ready what runs, and capture it."""
        self._linked = False  # until all of it has been done
        runtime, arrays = self._runtime, {}
        self._bound = []
        moving = set(self._moving)
        for value in self._sources:
            source = value.source
            if value in moving:
                arrays[value] = runtime.array(runtime.allocate(value.nbytes), 0, value.shape, value.dtype)
            elif source.kind == "state":
                arrays[value] = self._state(source.tensor, value in self._written)
            elif source.kind == "constant":
                array = source.array
                host = isinstance(array, (numpy.ndarray, numpy.generic))
                arrays[value] = runtime.backend.from_host(numpy.asarray(array), runtime.index) if host else array
        forms = {
            value: form_of(value.shape, value.dtype, arrays[value].strides if value in arrays else None)
            for value in self._sources
        }
        in_order = {value for value, array in arrays.items() if value not in moving and array.flags.c_contiguous}
        writeable = self._written & in_order if self._in_place else set()
        turns = {kernel: number for number, turn in enumerate(self._turns) for kernel in turn}
        self.layout = DeviceLayout(self.program, self.kernels, forms, writeable, turns)
        self._results = Results(runtime, self.layout, self._copied)
        planned = runtime.planned(self.layout.nbytes)
        self._places = Places(runtime, self.layout, arrays | self._results.arrays, self._table, planned)
        self._buffers = {value: arrays[value] for value in self._moving}
        self._tasks = self._all_tasks()
        launched = [task for task in self._tasks if isinstance(task, Launched)]
        for task, kernel in zip(launched, runtime.kernels([task.launch for task in launched]), strict=True):
            task.kernel = kernel
        for task in self._tasks:
            task.prepare(self._places)
        self.eager = [task.instruction for task in self._tasks if isinstance(task, Called)]
        self._streams = {task.device: None for task in self._tasks if isinstance(task, Drawn)}
        self._capture()

    def _state(self, tensor: Tensor, written: bool) -> Any:
        if written:
            tensor._make_writeable()
        self._bound.append((tensor, tensor._data))
        return tensor._data

    def _all_tasks(self) -> list[Task]:
        layout = self.layout
        forms = layout.forms | {value: layout.forms[memory] for value, memory in layout.in_place.items()}
        made: list[Task] = []
        for structured, equal in groupby(self._turns, key=lambda turn: _structure(turn, forms)):
            if structured is None:
                made += [task for turn in equal for task in self._at_once(turn, forms)]
            else:
                made += self._side_by_side([kernel for (kernel,) in equal], forms)
        # What moves is written to after the launch: the graph does not know where it lies.
        copies = [(memory, value) for memory, value in self.program.writes if value not in layout.in_place]
        self._after = [(memory, value) for memory, value in copies if memory in self._moving]
        return [*made, *(Copied(*pair) for pair in copies if pair[0] not in self._moving)]

    def _at_once(self, turn: list[Kernel], forms: dict[Value, numpy.ndarray]) -> list[Task]:
        """The tasks of kernels that do not need each other, with as few launches as may be."""
        made = [task for kernel in turn for task in tasks(kernel, self.layout, forms)]
        if len(turn) == 1:
            return made
        return [Launched(launch) for launch in beside(task.launch for task in made)]

    def _side_by_side(self, kernels: list[Kernel], forms: dict[Value, numpy.ndarray]) -> list[Task]:
        """The tasks of kernels of one structure: one, if they can be one launch."""
        if len(kernels) == 1:
            return list(tasks(kernels[0], self.layout, forms))
        if self._apart(kernels):
            launch = grouped(kernels, forms)
            if launch is not None:
                return [Launched(launch)]
        half = len(kernels) // 2  # of fewer kernels there are fewer pointers
        return self._side_by_side(kernels[:half], forms) + self._side_by_side(kernels[half:], forms)

    def _apart(self, kernels: list[Kernel]) -> bool:
        """Whether none of them writes to what another one reads: then it does not matter which one is first."""
        roots, in_place = self.layout.roots, self.layout.in_place
        if any(value not in in_place for kernel in kernels for value in kernel.outputs):
            return False  # planned memory may have been that of an operand
        read = [{roots[value] for value in kernel.inputs()} for kernel in kernels]
        readers = Counter(root for roots_read in read for root in roots_read)
        return all(
            readers[in_place[value]] == (in_place[value] in own)
            for kernel, own in zip(kernels, read, strict=True)
            for value in kernel.outputs
        )

    # -- capturing ---------------------------------------------------------------------------------------------

    def _capture(self) -> None:
        self._linked = False
        self._streams = {device: streams.generator(device) for device in self._streams}
        self._parts, self.graphs, self._many = [], [], None
        for captured, group in groupby(self._tasks, key=lambda task: task.captured):
            if captured:
                self.graphs.append(self._runtime.capture(partial(self._run, list(group), 1)))
                self._parts.append(self.graphs[-1].launch)
            else:
                self._parts += [partial(task.run, self._places) for task in group]
        self._linked = True

    def _run(self, group: list[Task], steps: int) -> None:
        for self._places.step in range(steps):
            for task in group:
                task.run(self._places)
        self._places.step = 0

    def _ready(self) -> None:
        """Link or capture, if that is called for."""
        held = self._results.held() if self._linked else frozenset()
        self._copied |= held
        if not self._linked or held or any(tensor._data is not array for tensor, array in self._bound):
            self.link()
        elif any(streams.generator(device) is not stream for device, stream in self._streams.items()):
            self._capture()

    # -- running -----------------------------------------------------------------------------------------------

    @property
    def together(self) -> int:
        """So many steps can run in one launch of `run_together`; 1 if that cannot be, or nothing is linked yet."""
        if not self._linked:
            return 1
        moves = any(value.source.kind != "argument" for value in self._moving)
        return 1 if moves or self._after or any(not task.captured for task in self._tasks) else TOGETHER

    def keep_numbers(self, step: int = 0) -> None:
        """Take the host's numbers, as they stand in `numbers` now, for one of the next steps."""
        for draw in self._draws:
            method, options = draw_options(draw)
            self._table.numbers[draw.output][...] = getattr(streams.generator(draw.params["device"]), method)(**options)
        self._table.keep(step)

    def __call__(self, arguments: list) -> tuple:
        """Run it; the results."""
        with self._runtime.current():
            self._ready()
            self.keep_numbers()
            self._send(arguments, 1)
            for part in self._parts:
                part()
            for memory, value in self._after:
                self._runtime.copy(self._lies(memory, arguments), self._places.array(value))
            return self._results.take()

    def run_together(self, arguments: list) -> tuple:
        """Run as many steps as `together` says, whose numbers have been kept, with the same arguments; the last results."""
        with self._runtime.current():
            self._ready()
            if self._many is None:
                self._many = self._runtime.capture(partial(self._run, self._tasks, TOGETHER))
            self._send(arguments, TOGETHER)
            self._many.launch()
            return self._results.take()

    def _send(self, arguments: list, steps: int) -> None:
        self._table.send(steps)
        for value, buffer in self._buffers.items():
            self._runtime.copy(buffer, self._lies(value, arguments))

    def _lies(self, value: Value, arguments: list) -> Any:
        """What moves, where it is in this call."""
        source = value.source
        if source.kind == "argument":
            array = arguments[source.position]
            host = isinstance(array, (numpy.ndarray, numpy.generic))
            return self._runtime.backend.from_host(numpy.asarray(array), self._runtime.index) if host else array
        return (source.tensor.grad if source.kind == "gradient" else source.tensor)._data

    @property
    def text(self) -> str:
        """The CUDA source of all kernels, in the order in which they run, with a remark for what is none."""
        return "\n".join(dict.fromkeys(map(str, self._tasks)))


def _may_reduce(instruction: Instruction, is_reduced: bool) -> bool:
    """Whether it can stand in a kernel with reductions, at either level."""
    return has_form(instruction) or has_launch(instruction)


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
    return gathers(small_products(program) if fuse else program, fuse)


def _structure(turn: list[Kernel], forms: dict[Value, numpy.ndarray]) -> Hashable | None:
    """What equal kernels of consecutive turns have in common, which may be one launch."""
    return structure(turn[0], forms) if len(turn) == 1 else None


def _updates_last(program: Program, kernels: list[Kernel], together: bool) -> list[list[Kernel]]:
    """The kernels in turns, with those at the end that only compute what is written to memory, equal ones side by side.

    There they can be one launch: an optimiser's update of each parameter. Others may run `together`, if nothing
    needs them yet.
    """
    written = {value for _, value in program.writes} - set(program.results)
    read = {value for kernel in kernels for value in kernel.inputs()}
    only = written - read
    updates = [k for k in kernels if k.kind == "loop" and k.outputs and only.issuperset(k.outputs)]
    alike: dict[Hashable, list[Kernel]] = {}
    for kernel in updates:
        alike.setdefault(tuple((i.op, frozen(i.params), i.output.dtype) for i in kernel.instructions), []).append(
            kernel
        )
    last = {kernel: None for same in alike.values() if len(same) > 1 for kernel in same}
    others = [kernel for kernel in kernels if kernel not in last]
    return [*(in_turns(others) if together else ([kernel] for kernel in others)), *([kernel] for kernel in last)]
