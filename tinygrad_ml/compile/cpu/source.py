"""Lines of the Python function that runs a program, and the objects that they name.

What lies at a fixed place (parameters, planned buffers, views of these, blocks of all of them) is taken
once, when the function is made, and has a name in it: `v12` is value %12. What is another array in each
call (arguments, results) is a local variable of that name.

Read next: `lines.py`, those of each kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
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
from .keepers import Pool
from .layout import HostLayout
from .places import NOTHING_IS_EMPTY, Operand, Written
from .stretches import JobCall, NotedMistake, Preparation

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

    def _call_loop(self, loop: Written) -> None:
        """A call of a loop, compiled to machine code."""
        if NOTHING_IS_EMPTY in loop.source and 0 in loop.sizes:
            return
        known = (name for name, source in self.loops.items() if source == loop.source)
        name = next(known, f"loop_{len(self.loops) + 1}")
        self.loops[name] = loop.source
        code = begun(loop.source)
        count = len(loop.sizes) + len(loop.operands) + len(loop.steps)
        numbers = [*[0] * len(loop.operands), *loop.steps]  # in which the addresses are to be
        if (
            self.threads > 1
            and loop.growth is not None
            and loop.elements >= SHARED_LOOP_ELEMENTS
            and count <= MOST_SHARED_ARGUMENTS
        ):
            given = [*((n, 0) for n in loop.sizes[1:]), *zip_longest(numbers, loop.growth, fillvalue=0)]
            tasks = self.threads * (1 if loop.in_pieces else TURNS)
            job, first = calling.rows(code, loop.sizes[0], given, tasks), FIRST_ARGUMENT + len(loop.sizes) - 1
            job[SHARED] = True
        else:
            job, first = calling.call(code, [*loop.sizes, *numbers]), FIRST_OF_CALL + len(loop.sizes)
        what = f"{name}({', '.join(map(str, [*loop.sizes, *(self.name(x.value) for x in loop.operands)]))})"
        self._call_job(job, dict(enumerate(loop.operands, first)), what)

    def _call_noting(self, loop: Written, instruction: Instruction) -> None:
        """A call of a loop that notes whether there is a mistake, and a line which then computes the instruction as eager mode
        does: that raises its error."""
        word = self._new_name("wrong")
        self.names[word] = wrong = numpy.zeros(1, numpy.int64)
        self._call_loop(loop._replace(steps=(*loop.steps, address(wrong))))

        def refuse(*arrays: numpy.ndarray) -> None:
            wrong[0] = 0
            value_of(instruction, HOST, *arrays)

        self.names[f"refuse_{word}"] = refuse
        given = ", ".join(map(self.name, instruction.inputs))
        self.lines.append(NotedMistake(f"if {word}[0]: refuse_{word}({given})"))

    def _call_job(self, job: numpy.ndarray, operands: Mapping[int, Operand], what: str) -> None:
        """A call of what does a job.

        operands  place in the job -> what begins at the address that belongs there
        what      it does, in words
        """
        moving, placed = {}, []
        for place, operand in operands.items():
            array = self._memory(operand)
            if array is None:
                moving[place] = self.name(operand.value), operand.behind
            else:
                job[place] = address(array) + operand.behind
                placed.append(array)
        self.lines.append(JobCall(job, moving, what))
        self.names[self._new_name("placed")] = placed  # which a job does not hold

    def _memory(self, operand: Operand) -> numpy.ndarray | None:
        """Where an operand is; None if that is elsewhere in each call."""
        if operand.scratch:
            return self._place(self.layout.offsets[operand.value], (1,), operand.value.dtype)
        return self.fixed.get(operand.value)
