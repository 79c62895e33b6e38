"""What is called to run a program: what is the same on every machine, and what a writer says of its own.

State is looked up when a program is linked. If some of it lies elsewhere at a later call (`load_state_dict`,
`.data = ...`), the program is linked anew, which takes milliseconds.

Read before: `fusion.py`, `layout.py`. Read next: a writer, `../cpu/executable.py` or `../gpu/executable.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy

from ...backend import of
from ...tensor import Tensor
from ..guards.glance import Glance
from ..program import Instruction, Program, Value
from ..sources import Argument, Constant, Number, State
from ..uncollected import uncollected
from .fusion import fusion
from .kernel import Kernel
from .layout import Layout, form_of, is_alike


class Executable:
    """A program that can be called. A machine has a class of its own, which is derived from this one: its *writer*.

    program  what it does
    rebound  ids of the tensors that get new memory in each step, and are looked up in each
    memory   what all programs of a step share on this machine; only one of them runs at a time
    fuse     whether operations run together
    in_place whether state may be overwritten before the end
    loops    whether a machine that has NumPy may write loops too
    persistent  whether a step may be one kernel that stays for several steps, on a machine that has such

    launched how what was written runs, in words, where there is more than one way

    turns    the kernels in order, those together that may run at the same time; `kernels` are all of them
    sources  the values from outside; those that are `overwritten`, and those that may lie elsewhere in each call: `moving`
    numbers  value -> an array, into which the host puts its number for the next step
    layout   where values lie; None until it is linked

    A writer says what its kernels may be (`has_form`, `may_reduce`, `longest`, `few`), how the program is prepared and laid
    out for them (`prepared`, `in_turns`, `lay_out`, `array`), writes them (`write`, which leaves its source as `text`, and
    the instructions that have no compiled form as `eager`), and runs what it has written (`run`).
    """

    together = 1
    """Steps that can be one launch, by `keep_numbers` and `run_together`."""
    longest: float = math.inf
    few: int = 0
    text: str = ""
    launched: str = ""
    eager: list[Instruction]

    def __init__(
        self,
        program: Program,
        rebound: set[int],
        memory: Any,
        fuse: bool = True,
        in_place: bool = True,
        loops: bool = True,
        persistent: bool = True,
    ):
        self.memory, self.loops, self._in_place, self.persistent = memory, fuse and loops, in_place, persistent
        self.program = self.prepared(program, fuse)
        limits = {"longest": self.longest, "few": self.few}
        self.turns = self.in_turns(fusion(self.program, self.has_form, fuse, self.may_reduce, **limits), fuse)
        self.kernels = [kernel for turn in self.turns for kernel in turn]
        self.sources = self.program.sources()
        self.overwritten = {memory for memory, _ in self.program.writes}
        self.moving = [value for value in self.sources if _moves(value, rebound)]
        self.numbers = self.places_for([value for value in self.sources if isinstance(value.source, Number)])
        self.layout: Layout | None = None
        self._linked = False
        self._bound: list[tuple[Tensor, Any]] = []

    def prepared(self, program: Program, fuse: bool) -> Program:
        """The program as it runs on the machine."""
        return program

    def has_form(self, instruction: Instruction) -> bool:
        """Whether an elementwise instruction can be a part of a kernel."""
        raise NotImplementedError

    def may_reduce(self, instruction: Instruction, is_reduced: bool) -> bool:
        """Whether an instruction can be in a kernel with reductions. See `fusion.fusion`, also for `longest` and `few`."""
        return False

    def in_turns(self, kernels: list[Kernel], fuse: bool) -> list[list[Kernel]]:
        """The kernels in the order in which they run, those together that may run at the same time."""
        return [[kernel] for kernel in kernels]

    def places_for(self, values: list[Value]) -> dict[Value, numpy.ndarray]:
        """Where the host puts its numbers."""
        return {value: numpy.zeros((), value.dtype) for value in values}

    def array(self, array: Any) -> Any:
        """A constant as an array of the machine."""
        return numpy.asarray(array)

    def address(self, array: Any) -> int:
        """Where the first element of such an array lies."""
        return array.__array_interface__["data"][0]

    def lay_out(self, forms: dict[Value, numpy.ndarray], writeable: set[Value]) -> Layout:
        """Where values lie. See `Layout`."""
        return Layout(self.program, self.turns, forms, writeable)

    def write(self, layout: Layout, arrays: dict[Value, Any]) -> None:
        """Make ready what runs; `arrays` are the values from outside that always lie in one place."""
        raise NotImplementedError

    def run(self, arguments: list) -> tuple:
        """Run what was written, on these arrays; the results."""
        raise NotImplementedError

    @uncollected()
    def link(self) -> None:
        """Lay out memory, for where state lies now, and write what runs."""
        self._linked = False  # until all of it has been done
        self._bound, moving = [], set(self.moving)
        fixed = [v for v in self.sources if v not in moving and not isinstance(v.source, Number)]
        arrays = {value: self._found(value) for value in fixed}
        forms = {v: form_of(v.shape, v.dtype, arrays[v].strides if v in arrays else None) for v in self.sources}
        spans = ((value, *span(self.address(array), forms[value])) for value, array in arrays.items())
        self.layout = layout = self.lay_out(forms, self.overwritten & _apart(spans) if self._in_place else set())
        self.write(layout, arrays)
        self._linked = True

    def _found(self, value: Value) -> Any:
        source = value.source
        if isinstance(source, Constant):
            return self.array(source.array)
        assert isinstance(source, State)
        tensor = source.tensor
        if value in self.overwritten or of(tensor._data).is_number(tensor._data):
            tensor._make_writeable()
        self._bound.append((tensor, tensor._data))
        return tensor._data

    def fits(self) -> bool:
        """Whether all state has the shapes and dtypes that the program was recorded with, if not the same memory."""
        return all(is_alike(tensor._data, array) for tensor, array in self._bound)

    def is_linked(self) -> bool:
        """Whether it was linked, and all state lies where it lay then."""
        for tensor, array in self._bound:
            if tensor._data is not array:
                return False
        return self._linked

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether it is linked as it is now, and all state lies where it lies now: arrays that go and
        come back are the same ones, and it was linked to others meanwhile."""
        glance.attribute(self, "_linked", True)
        glance.attribute(self, "layout", self.layout)
        for tensor, array in self._bound:
            glance.attribute(tensor, "_data", array)

    def lies(self, value: Value, arguments: list) -> Any:
        """What moves, where it is in this call."""
        source = value.source
        return arguments[source.position] if isinstance(source, Argument) else source.now()._data

    def ready(self) -> None:
        """Link it, if that is called for."""
        if not self.is_linked():
            self.link()

    def __call__(self, arguments: list) -> tuple:
        """Run it; the results."""
        self.ready()
        return self.run(arguments)

    def linked(self) -> Callable[[list], tuple]:
        """What runs it for as long as all state is known to lie where it lies now, if there is something quicker."""
        return self


def _moves(value: Value, rebound: set[int]) -> bool:
    source = value.source
    return source.kind in ("argument", "gradient") or (isinstance(source, State) and id(source.tensor) in rebound)


def span(address: int, form: numpy.ndarray) -> tuple[int, int]:
    """(where the memory begins that such an array lies in, where it ends)."""
    if not form.size:
        return address, address
    reach = [step * (n - 1) for n, step in zip(form.shape, form.strides, strict=True)]
    return address + sum(step for step in reach if step < 0), address + sum(s for s in reach if s > 0) + form.itemsize


def _apart(spans: Iterable[tuple[Value, int, int]]) -> set[Value]:
    """The values in whose memory no other one lies: only there can be written while others are still read."""
    ordered = sorted(spans, key=lambda span: span[1:])
    apart, end = {value for value, *_ in ordered}, 0
    for (value, _, stop), (other, following, _) in pairwise(ordered):
        end = max(end, stop)
        if following < end:
            apart.discard(other)
            if following < stop:
                apart.discard(value)
    return apart
