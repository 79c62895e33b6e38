"""What is called to run a program on the CPU: its function, and the memory that this works in.

Parameters and other state are looked up when the function is made. If one of them lies elsewhere at a
later call (`load_state_dict`, `.data = ...`), the function is made anew, which takes milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy
from numpy.lib.array_utils import byte_bounds

from ...backend import of
from ...tensor import Tensor
from ..program import Program, Value
from ..schedule.fusion import fusion
from ..schedule.layout import form_of, is_alike
from . import machine_code
from .functions import has_form
from .layout import HostLayout
from .loops import LONGEST, may_reduce
from .source import Source


class Memory:
    """The planned memory of a step, which all of its programs share: only one of them runs at a time."""

    def __init__(self):
        self.array = numpy.empty(0, numpy.uint8)

    def of(self, nbytes: int) -> numpy.ndarray:
        """At least so many bytes, aligned to a cache line."""
        if self.array.size < nbytes:
            whole = numpy.empty(nbytes + 64, numpy.uint8)
            start = -whole.ctypes.data % 64
            self.array = whole[start : start + nbytes]
        return self.array


class Pool:
    """Memory for one result: the same array again, as soon as the caller has let go of the last one."""

    def __init__(self, shape: tuple[int, ...], dtype: numpy.dtype):
        self.shape, self.dtype = shape, dtype
        self._array = None

    def __call__(self) -> numpy.ndarray:
        if self._array is None or sys.getrefcount(self._array) > 2:  # our own, and that of this question
            self._array = numpy.empty(self.shape, self.dtype)
        return self._array


def _apart(fixed: dict[Value, numpy.ndarray]) -> set[Value]:
    """The values in whose memory no other one lies: only there can be written while others are still read."""
    spans = sorted(((*byte_bounds(array), value) for value, array in fixed.items()), key=lambda span: span[:2])
    apart, end = set(fixed), 0
    for (_, stop, value), (following, _, other) in pairwise(spans):
        end = max(end, stop)
        if following < end:
            apart.discard(other)
            if following < stop:
                apart.discard(value)
    return apart


class Executable:
    """A program that can be called.

    program  what it does
    rebound  ids of the tensors that get new memory in each step, and are looked up in each
    memory   the planned memory
    fuse     whether elementwise operations run together
    in_place whether state may be overwritten before the end
    loops    whether kernels become machine code, where Numba is installed
    """

    together = 1  # steps in one launch: here, a launch costs nothing

    def __init__(
        self,
        program: Program,
        rebound: set[int],
        memory: Memory,
        fuse: bool = True,
        in_place: bool = True,
        loops: bool = True,
    ):
        self.program, self._rebound, self._memory, self._in_place = program, rebound, memory, in_place
        self._loops = fuse and loops and machine_code.available()
        asked = {"may_reduce": may_reduce, "longest": LONGEST} if self._loops else {}
        self.kernels = fusion(program, has_form, fuse, **asked)
        self._sources = program.sources()
        self._written = {memory for memory, _ in program.writes}
        self.numbers: dict[Value, numpy.ndarray] = {
            value: numpy.zeros((), value.dtype) for value in self._sources if value.source.kind == "number"
        }
        self.layout: HostLayout | None = None
        self._bound: list[tuple[Tensor, Any]] = []
        self._function: Callable | None = None

    def link(self) -> None:
        """Make the function, for the memory that the state has now."""
        fixed: dict[Value, numpy.ndarray] = dict(self.numbers)
        entry: list[str] = []
        names: dict[str, Any] = {"asarray": numpy.asarray}
        self._bound = []
        for value in self._sources:
            source, word = value.source, f"v{value.number}"
            if source.kind == "constant":
                fixed[value] = numpy.asarray(source.array)
            elif source.kind == "argument":
                entry.append(f"{word} = asarray(arguments[{source.position}], order='C')")
                entry.append(f"target_{value.number} = arguments[{source.position}]")
            elif source.kind == "gradient" or (source.kind == "state" and id(source.tensor) in self._rebound):
                names[f"tensor_{value.number}"] = source.tensor
                where = f"tensor_{value.number}{'.grad' if source.kind == 'gradient' else ''}._data"
                entry.append(f"{word} = asarray({where}, order='C')")
                entry.append(f"target_{value.number} = {where}")
            elif source.kind == "state":
                fixed[value] = self._state(source.tensor, value in self._written)
        forms = {value: fixed.get(value, form_of(value.shape, value.dtype)) for value in self._sources}
        states = self._written & _apart(fixed) if self._in_place else set()
        self.layout = HostLayout(self.program, self.kernels, forms, states, self._loops)
        source = Source(self.layout, fixed, self._memory.of(self.layout.nbytes))
        source.names |= names
        pools = {value: Pool(value.shape, value.dtype) for value in self.layout.handed_out}
        self._function = source.compiled(entry, pools)
        self.text, self.eager = source.whole(), source.eager

    def fits(self) -> bool:
        """Whether all state has the shapes and dtypes that the program was recorded with, if not the same memory."""
        return all(is_alike(tensor._data, array) for tensor, array in self._bound)

    def _state(self, tensor: Tensor, written: bool) -> numpy.ndarray:
        if written or of(tensor._data).is_number(tensor._data):
            tensor._make_writeable()
        self._bound.append((tensor, tensor._data))
        return tensor._data

    def __call__(self, arguments: list[numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        """Run it; the results."""
        if self._function is None:
            self.link()
        else:
            for tensor, array in self._bound:
                if tensor._data is not array:
                    self.link()
                    break
        with numpy.errstate(all="ignore"):
            return self._function(arguments)
