"""The NumPy calls that compute an elementwise operation into given memory, as lines of source.

`{out}` may be the same memory as an operand, except where `NOT_IN_PLACE` says otherwise: then one
call writes to it before another has read all.
"""

from __future__ import annotations

from collections.abc import Callable

from ...backend import dtypes
from ...backend.arrays import HOST
from ...ops import elementwise as rows
from ..eager import value_of
from ..program import Instruction

SEVERAL = {
    rows.relu: ("maximum({0}, {zero}, out={out})",),
    rows.softplus: ("logaddexp({0}, {zero}, {out})",),
    rows.sigmoid: (
        "negative({0}, {out})",
        "exp({out}, {out})",
        "add({out}, {one}, {out})",
        "divide({one}, {out}, {out})",
    ),
    rows.where: ("copyto({out}, {2})", "copyto({out}, {1}, where={0})"),
    rows.cast: ("copyto({out}, {0}, casting='unsafe')",),
    rows.discrete_cast: ("copyto({out}, {0}, casting='unsafe')",),
}
"""Row -> its calls; `{0}`, `{1}` are the operands, `{one}` and `{zero}` numbers of their dtype."""

POWERS = {2: "square({0}, {out})", 0.5: "sqrt({0}, {out})", -1: "divide({one}, {0}, {out})"}
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


def calls(instruction: Instruction, operands: list[str], out: str, named: Callable[[Callable], str]) -> list[str]:
    """The lines of source that compute it: from the operands, which are expressions, into `out`.

    named  gives a function a name in that source
    """
    op, params, dtype = instruction.op, instruction.params, instruction.inputs[0].dtype
    words = {"out": out, "one": f"one_{dtype}", "zero": f"zero_{dtype}"}
    if op is rows.power:
        exponent = params["exponent"]
        pattern = POWERS.get(exponent, f"power({{0}}, {exponent!r}, {{out}})")
        return [pattern.format(*operands, **words)]
    if op in OF_FLOATS and not dtypes.is_float(dtype):
        return [f"copyto({out}, {operands[0]})"]
    if op in SEVERAL:
        return [line.format(*operands, **words) for line in SEVERAL[op]]
    if op.ufunc is None:  # as in eager mode
        name = named(lambda *arrays: value_of(instruction, HOST, *arrays))
        return [f"copyto({out}, {name}({', '.join(operands)}))"]
    return [f"{op.ufunc}({', '.join(operands)}, out={out})"]
