"""Lines of the Python function that runs a program, and the objects that they name.

What lies at a fixed place (parameters, planned buffers, views of these, blocks of all of them) is taken
once, when the function is made, and has a name in it: `v12` is value %12. What is another array in each
call (arguments, results) is a local variable of that name.

Read next: `lines.py`, those of each kernel.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ...ops.shapes import size
from ..program import Value
from .gathers import IndexLoop
from .layout import HostLayout
from .machine_code import machine_code
from .moves import Move
from .sharing import calling
from .sharing.job import FIRST_ARGUMENT, MOST_ARGUMENTS, TURNS, address
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
        pools: dict[Value, Callable[[], numpy.ndarray]],
    ):
        self.layout, self.fixed, self.memory, self.pools = layout, dict(fixed), memory, pools
        self.lines: list[str] = []
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

    # -- names -------------------------------------------------------------------------------------------------

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
            self.lines.append(f"v{value.number} = new_{value.number}()")
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

    # -- machine code ------------------------------------------------------------------------------------------

    def _call_loop(
        self, loop: Written | Move | IndexLoop, operands: Sequence[tuple[Value, bool]], elements: int
    ) -> None:
        """A call of a loop, compiled to machine code.

        operands  values, and whether it is scratch memory for them that it works in
        elements  how many it goes through
        """
        known = (name for name, source in self.loops.items() if source == loop.source)
        name = next(known, f"loop_{len(self.loops) + 1}")
        self.loops[name] = loop.source
        self.names[name] = machine_code(loop.source)
        fits = len(loop.sizes) + len(operands) + len(loop.steps) <= MOST_ARGUMENTS
        if self.threads > 1 and loop.growth is not None and elements >= SHARED_LOOP_ELEMENTS and fits:
            self._share(name, loop, loop.growth, operands)
            return
        words = []
        for value, scratch in operands:
            array = self._memory(value, scratch)
            words.append(f"{self.name(value)}.ctypes" if array is None else self._new_name("a"))
            if array is not None:
                self.names[words[-1]] = self._pointer(array)
        self.lines.append(f"{name}({', '.join(map(str, [*loop.sizes, *words, *loop.steps]))})")

    def _share(
        self,
        loop_name: str,
        loop: Written | Move | IndexLoop,
        growth: tuple[int, ...],
        operands: Sequence[tuple[Value, bool]],
    ) -> None:
        """A call of a loop whose rows threads share."""
        arrays = [self._memory(value, scratch) for value, scratch in operands]
        addresses = [0 if array is None else address(array) for array in arrays]
        given = [(n, 0) for n in loop.sizes[1:]]
        first = FIRST_ARGUMENT + len(given)
        given += [*zip(addresses, growth, strict=True), *((step, 0) for step in loop.steps)]
        turns = TURNS
        if isinstance(loop, IndexLoop) and loop.once:
            given[len(given) - len(loop.steps)], turns = (0, 1), 1
        job = calling.rows(self.names[loop_name].address, loop.sizes[0], given, turns * self.threads)
        moving = {first + i: value for i, (value, _) in enumerate(operands) if arrays[i] is None}
        self._placed_in(job, {first + i: array for i, array in enumerate(arrays) if array is not None})
        self._call_job("rows", job, moving, 0, self.threads, f"{loop_name}({', '.join(map(str, loop.sizes))}, ...)")

    def _call_job(
        self, kind: str, job: numpy.ndarray, moving: dict[int, Value], scratch: int, threads: int, what: str
    ) -> None:
        """A call of what does a job.

        moving   place in the job -> value whose address belongs there, if that is another one in each call
        scratch  address of memory for it
        threads  that share it
        what     it does, in words
        """
        word = self._new_name(kind)
        self.lines += [f"{word}_job[{place}] = address({self.name(value)})" for place, value in moving.items()]
        self.names |= {f"{word}_job": job, word: calling.runner(job, scratch, threads)}
        self.lines.append(f"{word}()  # {what}")

    def _pointer(self, array: numpy.ndarray) -> Any:
        """The address of an array at a fixed place, as a loop is given it."""
        return array.ctypes.data_as(ctypes.c_void_p)  # which holds the array

    def _placed_in(self, job: numpy.ndarray, arrays: dict[int, numpy.ndarray]) -> None:
        """Called with the arrays at fixed places whose addresses a job has, by the places in the job."""

    def _moved(self, move: Move, value: Value, target: Value) -> None:
        """A loop that moves the numbers of `value` into memory that is there, and in order: that of `target`."""
        self._call_loop(move, [(value, False), (target, False)], size(value.shape))

    def _memory(self, value: Value, scratch: bool) -> numpy.ndarray | None:
        """Where a value is, or the scratch memory for it; None if that is elsewhere in each call."""
        if scratch:
            return self._place(self.layout.offsets[value], (1,), value.dtype)
        return self.fixed.get(value)
