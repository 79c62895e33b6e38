"""Whether two recordings are one program: then what was made of the first serves the second.

A function is recorded anew when something is another that it relied on: an array of the outside has other numbers, an
option is another. Often what comes out is the same.

Read before: `record/recorder.py`.
"""

from __future__ import annotations

import sys
import types
from functools import partial
from typing import Any

import numpy

from ..backend import Device
from .guards.values import is_same
from .program import Call, Program, Value
from .recording import Recording, Result
from .sources import Constant, Source

COMPARED_BYTES = 1 << 24
"""Larger constants are not compared."""


def alike(one: Recording, other: Recording) -> bool:
    """Whether both do the same with the same tensors, whatever they relied on."""
    return _Comparison().same(_parts(one), _parts(other))


def _parts(recording: Recording) -> list:
    """What a recording does. Its writes are recorded in the order in which their memory was met, and told in another."""

    def memory(write: tuple[Value, Value]) -> tuple:
        source = write[0].source
        return (source.kind, source.position if source.kind == "argument" else id(source.tensor))

    program = recording.program
    host = [(function, dtype) for function, dtype, _ in recording.host]
    instructions = [(i.op, i.inputs, i.output, i.params) for i in program.instructions]
    left = [program.results, sorted(program.writes, key=memory)]
    return [recording.rebinds, recording.outputs, recording.aliases, host, len(instructions), instructions, left]


class _Comparison:
    """Whether things are the same: values of two programs are if each is the partner of the other wherever they stand."""

    def __init__(self):
        self._partner: dict[Value, Value] = {}
        self._taken: set[Value] = set()

    def same(self, a: Any, b: Any) -> bool:
        """Whether two parameters, functions, places or values are the same."""
        if type(a) is not type(b):
            return False
        if isinstance(a, Value):
            return self._pair(a, b)
        if a is b:
            return True
        if isinstance(a, (tuple, list)):
            return len(a) == len(b) and all(map(self.same, a, b))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(self.same(value, b[name]) for name, value in a.items())
        if isinstance(a, Constant):
            return _same_constants(a, b)
        if isinstance(a, types.FunctionType):
            return a.__code__ is b.__code__ and self.same(_beside_code(a), _beside_code(b))
        if isinstance(a, types.MethodType):
            return a.__self__ is b.__self__ and a.__func__ is b.__func__
        for kinds, names in _MADE_OF:
            if isinstance(a, kinds):
                return all(self.same(getattr(a, name, None), getattr(b, name, None)) for name in names)
        if isinstance(a, Source):
            return self.same(vars(a), vars(b))
        if isinstance(a, Device):
            return a == b and getattr(a, "streams", None) is getattr(b, "streams", None)
        return a == b if isinstance(a, (numpy.dtype, range)) else is_same(a, b)

    def _pair(self, a: Value, b: Value) -> bool:
        if a in self._partner or b in self._taken:
            return self._partner.get(a) is b
        self._partner[a] = b
        self._taken.add(b)
        return a.shape == b.shape and a.dtype == b.dtype and self.same(a.source, b.source)


_MADE_OF = (
    (slice, ("start", "stop", "step")),
    (Result, ("place", "tensor")),
    (Call, ("name", "effect", "value")),
    (partial, ("func", "args", "keywords")),
)
"""(kind of things, what all of it they are)"""


def _same_constants(a: Constant, b: Constant) -> bool:
    """Whether they are the same memory, or the same numbers in memory that nobody else can change."""
    x, y = a.array, b.array
    if x is y:
        return True
    if not all(isinstance(z, (numpy.ndarray, numpy.generic)) and z.nbytes <= COMPARED_BYTES for z in (x, y)):
        return False
    if isinstance(x, numpy.ndarray) and isinstance(y, numpy.ndarray):
        where = [(array.__array_interface__["data"], array.shape, array.strides) for array in (x, y)]
        if where[0] == where[1] and x.size:
            return True
    return a.private and b.private and x.tobytes() == y.tobytes()


def look_for_holders(program: Program) -> None:
    """Note which constants of a program that was just recorded nobody else holds, and so cannot change."""
    for value in program.sources():
        if isinstance(value.source, Constant):
            value.source.private = _private(value.source)


def _private(constant: Constant) -> bool:
    """Whether nobody else holds the array, nor that at whose memory it looks."""
    array: Any = constant.array
    while isinstance(array, numpy.ndarray):
        if sys.getrefcount(array) > 3:  # the holder's, ours, that of this question
            return False
        array = array.base
    return array is None or isinstance(array, numpy.generic)


def _beside_code(function: types.FunctionType) -> tuple:
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return function.__globals__, cells, function.__defaults__, function.__kwdefaults__
