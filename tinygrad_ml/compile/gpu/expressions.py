"""One elementwise operation as an expression of CUDA C++, for every dtype.

The table of derivatives has an expression for each of its rows. Here is what differs between dtypes:
float16 is computed in float32 and rounded after each operation, as NumPy and CuPy do; integers divide
downwards and take powers by multiplying; a literal is of the dtype of its tensor, so that nothing of
float32 is computed in double precision by accident.
"""

from __future__ import annotations

import math

import numpy

from ...backend import dtypes
from ..program import Instruction, Value

POINTER = {
    dtypes.float16: "__half",
    dtypes.float32: "float",
    dtypes.float64: "double",
    dtypes.int8: "signed char",
    dtypes.int16: "short",
    dtypes.int32: "int",
    dtypes.int64: "long long",
    dtypes.uint8: "unsigned char",
    dtypes.uint16: "unsigned short",
    dtypes.uint32: "unsigned int",
    dtypes.uint64: "unsigned long long",
    dtypes.bool_: "bool",
}
"""What numbers are in memory."""

REGISTER = POINTER | {dtypes.float16: "float"}
"""What they are while one computes with them."""

WHOLE = {
    "abs": "({x} < 0 ? -{x} : {x})",
    "floor": "{x}",
    "ceil": "{x}",
    "round": "{x}",
    "trunc": "{x}",
    "remainder": "whole_remainder<{type}>({a}, {b})",
    "floor_divide": "whole_quotient<{type}>({a}, {b})",
    "pow": "whole_power<{type}>({a}, {b})",
    "power": "whole_power<{type}>({x}, {exponent})",
    "isnan": "false",
    "isinf": "false",
    "isfinite": "true",
}
"""Rows that are another expression of integers and bools."""

UNSIGNED = {
    "abs": "{x}",
    "remainder": "({b} == 0 ? 0 : {a} % {b})",
    "floor_divide": "({b} == 0 ? 0 : {a} / {b})",
}
"""Those that are another one again where no number is negative."""

FLOAT = {"remainder": "floor_remainder({a}, {b})", "floor_divide": "floor_quotient({a}, {b})"}
"""Rows whose expression in the table is not exact for large quotients and infinite operands."""

POWERS = {2: "{x} * {x}", 1: "{x}", 0.5: "sqrt({x})", -1: "1 / {x}"}
"""Exponents for which no power is taken."""


def literal(number, dtype: numpy.dtype) -> str:
    """A number as C, exactly.

    >>> literal(-0.1, dtypes.float32), literal(float("inf"), dtypes.float32), literal(3, dtypes.int64)
    ('(-0.1f)', '__int_as_float(0x7f800000)', '3LL')
    """
    number = dtype.type(number)
    if dtype == dtypes.bool_:
        return "true" if number else "false"
    if dtype in dtypes.FLOATS:
        wide = number if dtype == dtypes.float64 else numpy.float32(number)
        if not numpy.isfinite(wide):
            bits = wide.view(f"u{wide.itemsize}")
            return f"__int_as_float(0x{bits:08x})" if wide.itemsize == 4 else f"__longlong_as_double(0x{bits:016x}LL)"
        text = repr(wide.item()) if dtype == dtypes.float64 else f"{wide!s}f"
        return f"({text})" if math.copysign(1, wide) < 0 else text
    suffix = {"uint32": "u", "int64": "LL", "uint64": "ULL"}.get(dtype.name, "")
    number = int(number)
    if number == numpy.iinfo(dtype).min and number < 0:  # whose absolute value is no literal
        return f"(-{-number - 1}{suffix} - 1)"
    return f"(-{-number}{suffix})" if number < 0 else f"{number}{suffix}"


def constant(value: Value) -> str | None:
    """The literal of a value that is a single number known while compiling; None if it is none."""
    if value.shape or value.source is None or value.source.kind != "constant":
        return None
    return literal(value.source.array.item(), value.dtype)


def expression(instruction: Instruction, operands: list[str]) -> str:
    """The instruction as C, of operands that are names or literals."""
    op, inputs, dtype = instruction.op, instruction.inputs, instruction.output.dtype
    words = dict(zip(op.inputs, operands, strict=True))
    if op.name in ("cast", "discrete_cast"):
        text = f"({REGISTER[dtype]}){operands[0]}"
        if dtype == dtypes.float16 and inputs[0].dtype == dtypes.float64:
            text = operands[0]  # to be rounded once
    else:
        text = _pattern(instruction).format(**words, type=REGISTER[dtype], exponent=_exponent(instruction))
    return f"rounded({text})" if dtype == dtypes.float16 else text


def _pattern(instruction: Instruction) -> str:
    name, dtype = instruction.op.name, instruction.inputs[0].dtype
    if name == "power" and instruction.params["exponent"] in POWERS:
        return POWERS[instruction.params["exponent"]]
    table = instruction.op.c
    if dtype in dtypes.FLOATS:
        return FLOAT.get(name, table)
    if dtype.kind == "u" and name in UNSIGNED:
        return UNSIGNED[name]
    return WHOLE.get(name, table)


def _exponent(instruction: Instruction) -> str:
    exponent = instruction.params.get("exponent")
    if exponent is None:
        return ""
    dtype = instruction.inputs[0].dtype
    return literal(exponent, dtypes.float32 if dtype == dtypes.float16 else dtype)


def loaded(element: str, dtype: numpy.dtype) -> str:
    """An element of memory, to compute with."""
    return f"__half2float({element})" if dtype == dtypes.float16 else element


def stored(name: str, dtype: numpy.dtype) -> str:
    """A number, to be put into memory."""
    return f"__float2half_rn({name})" if dtype == dtypes.float16 else name
