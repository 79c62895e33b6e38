"""The function of NumPy that computes an elementwise operation into given memory: `function(*operands, out=array)`.

That memory may be the same as an operand's, except where `NOT_IN_PLACE` says otherwise: then a part of it is written
to before all has been read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

from ...backend import dtypes
from ...backend.arrays import HOST
from ...ops import elementwise as rows
from ..eager import value_of
from ..program import Instruction


def _sigmoid(x, out) -> None:
    numpy.negative(x, out)
    numpy.exp(out, out)
    numpy.add(out, 1, out)
    numpy.divide(1, out, out)


def _where(condition, x, y, out) -> None:
    numpy.copyto(out, y)
    numpy.copyto(out, x, where=condition)


def _cast(x, out) -> None:
    numpy.copyto(out, x, casting="unsafe")


SEVERAL = {
    rows.relu: lambda x, out: numpy.maximum(x, x.dtype.type(0), out=out),
    rows.softplus: lambda x, out: numpy.logaddexp(x, 0, out),
    rows.sigmoid: _sigmoid,
    rows.where: _where,
    rows.cast: _cast,
    rows.discrete_cast: _cast,
}
"""Rows for which NumPy has no function of its own -> their calls of NumPy."""

POWERS = {2: numpy.square, 0.5: numpy.sqrt, -1: lambda x, out: numpy.divide(1, x, out)}
"""Exponents for which NumPy itself does not take powers."""

OF_FLOATS = frozenset((rows.floor, rows.ceil, rows.round_, rows.trunc))
"""Rows that change no integer."""

NOT_IN_PLACE = frozenset((rows.where,))


def has_form(instruction: Instruction) -> bool:
    """Whether an elementwise operation can be a part of a kernel: not if there are numbers for which it is an error."""
    op, dtype = instruction.op, instruction.output.dtype
    if dtype.kind not in "iu" or op not in (rows.remainder, rows.floor_divide, rows.pow_, rows.power):
        return True
    if op is rows.power:
        return instruction.params["exponent"] >= 0
    second = instruction.inputs[1]
    if op is rows.pow_ and second.dtype.kind != "i":
        return True
    if second.source is None or second.source.kind != "constant":
        return False
    return bool((second.source.array >= 0).all() if op is rows.pow_ else second.source.array.all())


def has_calls(instruction: Instruction) -> bool:
    """Whether NumPy has calls for it that compute many elements at a time."""
    return instruction.op.ufunc is not None or instruction.op in SEVERAL or instruction.op is rows.power


def function_of(instruction: Instruction) -> Callable:
    """What computes it into given memory."""
    op, params = instruction.op, instruction.params
    if op is rows.power:
        exponent = params["exponent"]
        return POWERS.get(exponent, lambda x, out: numpy.power(x, exponent, out))
    if op in OF_FLOATS and not dtypes.is_float(instruction.inputs[0].dtype):
        return _cast
    if op in SEVERAL:
        return SEVERAL[op]
    if op.ufunc is None:
        return lambda *arrays, out: numpy.copyto(out, value_of(instruction, HOST, *arrays))
    return getattr(numpy, op.ufunc)
