"""Whether two recordings are one program: then what was made of the first serves the second.

A function is recorded anew when something is another that it relied on: an array of the outside has other numbers, an
option is another. Often what comes out is the same.

Read before: `record/recorder.py`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
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
    return (
        _same([(target, what, place) for target, what, place in one.rebinds], list(other.rebinds))
        and _same(one.outputs, other.outputs)
        and _same(one.aliases, other.aliases)
        and _same([(f, dtype) for f, dtype, _ in one.host], [(f, dtype) for f, dtype, _ in other.host])
        and _same_programs(one.program, other.program)
    )


def _same_programs(one: Program, other: Program) -> bool:
    partner: dict[Value, Value] = {}
    taken: set[Value] = set()

    def pair(a: Value, b: Value) -> bool:
        if a in partner or b in taken:
            return partner.get(a) is b
        partner[a] = b
        taken.add(b)
        return a.shape == b.shape and a.dtype == b.dtype and _same_sources(a.source, b.source)

    def pairs(these: Sequence[Value], those: Sequence[Value]) -> bool:
        return len(these) == len(those) and all(map(pair, these, those))

    return (
        len(one.instructions) == len(other.instructions)
        and all(
            _same(i.op, j.op) and pairs((*i.inputs, i.output), (*j.inputs, j.output)) and _same(i.params, j.params)
            for i, j in zip(one.instructions, other.instructions, strict=True)
        )
        and pairs(one.results, other.results)
        and pairs(_in_one_order(one.writes), _in_one_order(other.writes))
    )


def _in_one_order(writes: list[tuple[Value, Value]]) -> list[Value]:
    """The values of writes, which are recorded in the order in which their memory was met."""

    def memory(write: tuple[Value, Value]) -> tuple:
        source = write[0].source
        return (source.kind, source.position if source.kind == "argument" else id(source.tensor))

    return [value for write in sorted(writes, key=memory) for value in write]


def _same_sources(a: Source | None, b: Source | None) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, Constant) and isinstance(b, Constant):
        return _same_constants(a, b)
    return a is None or _same(vars(a), vars(b))


def _same_constants(a: Constant, b: Constant) -> bool:
    """Whether they are the same memory, or the same numbers in memory that nobody else can change."""
    x, y = a.array, b.array
    if x is y:
        return True
    if not all(
        isinstance(array, (numpy.ndarray, numpy.generic)) and array.nbytes <= COMPARED_BYTES for array in (x, y)
    ):
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


def _same(a: Any, b: Any) -> bool:
    """Whether two parameters, functions or places are the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    if isinstance(a, slice):
        return _same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    if isinstance(a, Result):
        return a.place == b.place and _same(a.tensor, b.tensor)
    if isinstance(a, Call):
        return (a.name, a.effect) == (b.name, b.effect) and _same(a.value, b.value)
    if isinstance(a, types.FunctionType):
        return a.__code__ is b.__code__ and _same(_beside_code(a), _beside_code(b))
    if isinstance(a, types.MethodType):
        return a.__self__ is b.__self__ and a.__func__ is b.__func__
    if isinstance(a, partial):
        return _same((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, Device):
        return a == b and getattr(a, "streams", None) is getattr(b, "streams", None)
    return a == b if isinstance(a, (numpy.dtype, range)) else is_same(a, b)


def _beside_code(function: types.FunctionType) -> tuple:
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return function.__globals__, cells, function.__defaults__, function.__kwdefaults__
