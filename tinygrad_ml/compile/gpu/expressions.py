"""One elementwise operation as an expression of CUDA C++, for every dtype.

The table of derivatives has an expression for each of its rows, which `../schedule/scalar.py` takes apart. Here is how it is
written: float16 is computed in float32 and rounded after each operation, as NumPy and CuPy do; integers divide
downwards and take powers by multiplying; a literal is of the dtype of its tensor, so that nothing of
float32 is computed in double precision by accident.
"""

from __future__ import annotations

import math

import numpy

from ...backend import dtypes
from ..program import Instruction, Value
from ..schedule.scalar import NotPrinted, Printer, Term, beside

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

NAMES = {"abs": "fabs", "power": "pow", "remainder": "floor_remainder", "quotient": "floor_quotient"}
"""Functions of floats that are called otherwise here; `helpers.py` has those that CUDA has not."""
OF_INTEGERS = {"power": "whole_power", "remainder": "whole_remainder", "quotient": "whole_quotient"}


def literal(number: float, dtype: numpy.dtype) -> str:
    """A number as C, exactly.

    >>> literal(-0.1, dtypes.float32), literal(float("inf"), dtypes.float32), literal(3, dtypes.int64)
    ('(-0.1f)', '__int_as_float(0x7f800000)', '3LL')
    """
    exact = dtype.type(number)
    if dtype == dtypes.bool_:
        return "true" if exact else "false"
    if dtype in dtypes.FLOATS:
        wide = exact if dtype == dtypes.float64 else numpy.float32(exact)
        if not numpy.isfinite(wide):
            bits = wide.view(f"u{wide.itemsize}")
            return f"__int_as_float(0x{bits:08x})" if wide.itemsize == 4 else f"__longlong_as_double(0x{bits:016x}LL)"
        text = repr(wide.item()) if dtype == dtypes.float64 else f"{wide!s}f"
        return f"({text})" if math.copysign(1, wide) < 0 else text
    suffix = {"uint32": "u", "int64": "LL", "uint64": "ULL"}.get(dtype.name, "")
    number = int(exact)
    if number == numpy.iinfo(dtype).min and number < 0:  # whose absolute value is no literal
        return f"(-{-number - 1}{suffix} - 1)"
    return f"(-{-number}{suffix})" if number < 0 else f"{number}{suffix}"


def constant(value: Value) -> str | None:
    """The literal of a value that is a single number known while compiling; None if it is none."""
    return None if value.known_number is None else literal(value.known_number, value.dtype)


class CudaPrinter(Printer):
    """Prints CUDA C++."""

    def literal(self, number: float, dtype: numpy.dtype) -> str:
        return literal(number, dtype)

    def arithmetic(self, text: str, dtype: numpy.dtype) -> Term:
        if dtype.kind in "iu" and dtype.itemsize < 4:  # which C computes as int
            return Term(f"({REGISTER[dtype]})({text})", dtype)
        return Term(text, dtype, False)

    def converted(self, term: Term, dtype: numpy.dtype) -> Term:
        if dtype == dtypes.float16 and term.dtype == dtypes.float64:
            return Term(term.text, dtype, term.simple)  # to be rounded once
        return Term(f"({REGISTER[dtype]}){beside(term)}", dtype, False)

    def choice(self, condition: Term, a: Term, b: Term) -> str:
        return f"({condition.text} ? {a.text} : {b.text})"

    def either(self, sign: str, a: Term, b: Term) -> str:
        return f"{beside(a)} {CUDA_SIGNS[sign]} {beside(b)}"

    def negated(self, truth: Term) -> str:
        return f"!{beside(truth)}"

    def call(self, function: str, arguments: list[Term], dtype: numpy.dtype) -> str:
        given = ", ".join(argument.text for argument in arguments)
        if dtype.kind == "f":
            return f"{NAMES.get(function, function)}({given})"
        if dtype.kind == "u" and function != "power":
            a, b = map(beside, arguments)
            return f"({b} == 0 ? 0 : {a} {'%' if function == 'remainder' else '/'} {b})"
        return f"{OF_INTEGERS[function]}<{REGISTER[dtype]}>({given})"


CUDA_SIGNS = {"&": "&&", "|": "||", "^": "!="}


def printed(instruction: Instruction) -> bool:
    """Whether there is C for an instruction."""
    try:
        expression(instruction, list(instruction.op.inputs))
    except NotPrinted:
        return False
    return True


def expression(instruction: Instruction, operands: list[str]) -> str:
    """The instruction as C, of operands that are names or literals."""
    text = CudaPrinter(instruction, operands).text()
    return f"rounded({text})" if instruction.output.dtype == dtypes.float16 else text


def loaded(element: str, dtype: numpy.dtype) -> str:
    """An element of memory, to compute with."""
    return f"__half2float({element})" if dtype == dtypes.float16 else element


def stored(name: str, dtype: numpy.dtype) -> str:
    """A number, to be put into memory."""
    return f"__float2half_rn({name})" if dtype == dtypes.float16 else name
