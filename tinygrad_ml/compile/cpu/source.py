"""Lines of the Python function that runs a program, and the objects that they name.

What lies at a fixed place (parameters, planned buffers, views of these, blocks of all of them) is taken
once, when the function is made, and has a name in it: `v12` is value %12. What is another array in each
call (arguments, results) is a local variable of that name.

Read next: `lines.py`, those of each kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ...backend.arrays import HOST
from ...machine.machine_code import begun
from ...machine.sharing import calling
from ...machine.sharing.job import FIRST_ARGUMENT, FIRST_OF_CALL, MOST_SHARED_ARGUMENTS, SHARED, TURNS, address
from ...ops.shapes import size
from ..eager import value_of
from ..program import Instruction, Value
from .gathers import IndexLoop
from .keepers import Pool
from .layout import HostLayout
from .moves import Move
from .scans import ScanLoop
from .stretches import JobCall, NotedMistake, Preparation
from .walks import Written

SHARED_LOOP_ELEMENTS = 1 << 15
"""Elements of a loop that threads share: they take a hundredth of a millisecond."""


class StepSource:
    """The lines of the function, and the objects that they name.

    fixed    value -> its array, where that is always the same
    memory   the planned buffers, as bytes
    pools    value that is handed out -> what gives memory for it
    loops    name -> source of the loops that are compiled to machine code
    threads  that share what is worth it
    """

    def __init__(
        self,
        layout: HostLayout,
        fixed: dict[Value, numpy.ndarray],
        memory: numpy.ndarray,
        pools: Mapping[Value, Pool],
    ):
        self.layout, self.fixed, self.memory, self.pools = layout, dict(fixed), memory, pools
        self.lines: list[Any] = []
        self.loops: dict[str, str] = {}
        self.texts: list[str] = []  # of functions that these lines call
        self.names: dict[str, Any] = {
            name: getattr(numpy, name) for name in ("asarray", "concatenate", "copyto", "reshape")
        }
        self.names |= {name: function for name, function in vars(numpy).items() if isinstance(function, numpy.ufunc)}
        self.names |= {"address": address, "memory": memory}
        self.threads = calling.threads() if layout.compiled else 1
        self._names_given = 0

    def function(self, results: Iterable[Value]) -> Callable:
        """The function of these lines, which returns the results."""
        given = ", ".join(map(self.name, results))
        body = [*self.lines, f"return ({given}{',' if given else ''})"]
        self.text = "def step(arguments):\n" + "\n".join(f"    {line}" for line in body) + "\n"
        exec(compile(self.text, "<compiled step>", "exec"), self.names)
        return self.names.pop("step")  # which holds the names, and they not it

    def whole(self) -> str:
        """All that was written: the loops, and the function that calls them."""
        loops = [text.replace("def loop(", f"def {name}(") for name, text in self.loops.items()]
        return "\n\n".join([*loops, *self.texts, self.text])

    def name(self, value: Value) -> str:
        """The value as an expression."""
        word = f"v{value.number}"
        if value in self.fixed:
            self.names[word] = self.fixed[value]
        return word

    def _place(self, offset: int, shape: tuple[int, ...], dtype: numpy.dtype) -> numpy.ndarray:
        return self.memory[offset : offset + size(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def _placed(self, value: Value) -> numpy.ndarray:
        """Its planned buffer, as its form says."""
        flat = self._place(self.layout.offsets[value], (size(value.shape),), value.dtype)
        return as_strided(flat, value.shape, self.layout.forms[value].strides)

    def _target(self, value: Value) -> str:
        """Where a kernel puts a value, as an expression."""
        if value in self.layout.parts:
            whole, where = self.layout.parts[value]
            self._target(whole)
            self.fixed[value] = self.fixed[whole][where]
        elif value in self.layout.in_place:
            self.fixed[value] = self.fixed[self.layout.in_place[value]]
        elif value in self.layout.offsets:
            self.fixed[value] = self._placed(value)
        elif value in self.pools:
            self.names[f"new_{value.number}"] = self.pools[value]
            self.lines.append(Preparation(f"v{value.number}", f"new_{value.number}()", self.pools[value]))
        return self.name(value)

    def _named(self, function: Callable) -> str:
        """A name for a function in the source."""
        if isinstance(function, numpy.ufunc):
            return function.__name__
        word = self._new_name("value")
        self.names[word] = function
        return word

    def _new_name(self, kind: str) -> str:
        self._names_given += 1
        return f"{kind}_{self._names_given}"

    def _call_loop(
        self,
        loop: Written | Move | IndexLoop | ScanLoop,
        operands: Sequence[tuple[Value, bool]],
        elements: int,
        behind: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """A call of a loop, compiled to machine code.

        operands  values, and whether it is scratch memory for them that it works in
        elements  how many it goes through
        behind    operand -> by how many bytes behind its beginning the loop begins
        """
        known = (name for name, source in self.loops.items() if source == loop.source)
        name = next(known, f"loop_{len(self.loops) + 1}")
        self.loops[name] = loop.source
        code = begun(loop.source)
        arrays = [self._memory(value, scratch) for value, scratch in operands]
        addresses = [0 if x is None else address(x) + behind.get(i, 0) for i, x in enumerate(arrays)]
        count, steps = len(loop.sizes) + len(operands) + len(loop.steps), list(loop.steps)
        shared = self.threads > 1 and loop.growth is not None and elements >= SHARED_LOOP_ELEMENTS
        if shared and count <= MOST_SHARED_ARGUMENTS:
            given = [(n, 0) for n in loop.sizes[1:]]
            first, turns = FIRST_ARGUMENT + len(given), 1 if isinstance(loop, Written) and loop.in_pieces else TURNS
            given += [*zip(addresses, loop.growth or (), strict=True), *((step, 0) for step in steps)]
            if isinstance(loop, IndexLoop) and loop.once:
                given[len(given) - len(steps)], turns = (0, 1), 1
            job = calling.rows(code, loop.sizes[0], given, turns * self.threads)
            job[SHARED] = True
        else:
            job, first = calling.call(code, [*loop.sizes, *addresses, *steps]), FIRST_OF_CALL + len(loop.sizes)
        places = {first + i: value for i, (value, _) in enumerate(operands)}
        placed = {place: array for place, array in zip(places, arrays, strict=True) if array is not None}
        what = f"{name}({', '.join(map(str, [*loop.sizes, *(self.name(value) for value, _ in operands)]))})"
        moving = {place: value for place, value in places.items() if place not in placed}
        self._call_job(job, moving, placed, what, {first + i: nbytes for i, nbytes in behind.items()})

    def _call_noting(
        self, loop: IndexLoop | Move, operands: Sequence[tuple[Value, bool]], elements: int, instruction: Instruction
    ) -> None:
        """A call of a loop that notes whether there is a mistake, and a line which then computes the instruction as eager mode
        does: that raises its error."""
        word = self._new_name("wrong")
        self.names[word] = wrong = numpy.zeros(1, numpy.int64)
        self._call_loop(loop._replace(steps=(*loop.steps, address(wrong))), operands, elements)

        def refuse(*arrays: numpy.ndarray) -> None:
            wrong[0] = 0
            value_of(instruction, HOST, *arrays)

        self.names[f"refuse_{word}"] = refuse
        given = ", ".join(map(self.name, instruction.inputs))
        self.lines.append(NotedMistake(f"if {word}[0]: refuse_{word}({given})"))

    def _call_job(
        self,
        job: numpy.ndarray,
        moving: Mapping[int, Value],
        placed: Mapping[int, numpy.ndarray],
        what: str,
        behind: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """A call of what does a job.

        moving  place in the job -> value whose address belongs there, if that is another one in each call
        placed  place in the job -> array at a fixed place, whose address is there
        what    it does, in words
        behind  place in the job -> by how many bytes behind its beginning an array is asked for there
        """
        words = {place: (self.name(value), behind.get(place, 0)) for place, value in moving.items()}
        self.lines.append(JobCall(job, words, what))
        self.names[self._new_name("placed")] = list(placed.values())  # which a job does not hold

    def _moved(self, move: Move, value: Value, target: Value) -> None:
        """A loop that moves the numbers of `value` into memory that is there, and in order: that of `target`."""
        self._call_loop(move, [(value, False), (target, False)], size(value.shape))

    def _memory(self, value: Value, scratch: bool) -> numpy.ndarray | None:
        """Where a value is, or the scratch memory for it; None if that is elsewhere in each call."""
        if scratch:
            return self._place(self.layout.offsets[value], (1,), value.dtype)
        return self.fixed.get(value)
