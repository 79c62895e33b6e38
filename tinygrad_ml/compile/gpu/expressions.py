"""One elementwise operation as an expression of CUDA C++, for every dtype.

The table of derivatives has an expression for each of its rows. Here is what differs between dtypes:
float16 is computed in float32 and rounded after each operation, as NumPy and CuPy do; integers divide
downwards and take powers by multiplying; a literal is of the dtype of its tensor, so that nothing of
float32 is computed in double precision by accident.
"""

from __future__ import annotations

import math
import re

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

HELPERS = {
    "rounded": """\
// A number as float16 has it: these are computed in float32, and rounded after each operation.
__device__ float rounded(float x) { return __half2float(__float2half_rn(x)); }
__device__ float rounded(double x) { return __half2float(__double2half(x)); }
""",
    "floor_remainder": """\
// What is left of a after subtracting b a whole number of times: of the sign of b.
template <typename T> __device__ T floor_remainder(T a, T b)
{
    const T rest = fmod(a, b);
    if (rest == 0) return copysign(rest, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}
""",
    "floor_quotient": """\
// a / b, rounded downwards. The quotient of a number without its remainder is whole but for a rounding error.
template <typename T> __device__ T floor_quotient(T a, T b)
{
    if (b == 0) return a / b;
    const T rest = fmod(a, b);
    T whole = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) whole -= 1;
    if (whole == 0) return copysign(whole, a / b);
    const T below = floor(whole);
    return 2 * (whole - below) > 1 ? below + 1 : below;
}
""",
    "whole_remainder": """\
// The same of integers; 0 where b is 0.
template <typename T> __device__ T whole_remainder(T a, T b)
{
    if (b == 0 || b == -1) return 0;
    const T rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
""",
    "whole_quotient": """\
// a / b, rounded downwards, of integers; 0 where b is 0.
template <typename T> __device__ T whole_quotient(T a, T b)
{
    if (b == 0) return 0;
    if (b == -1) return -a;
    const T whole = a / b;
    return whole * b != a && (a < 0) != (b < 0) ? whole - 1 : whole;
}
""",
    "whole_power": """\
// base to a whole power that is not negative, by squaring.
template <typename T> __device__ T whole_power(T base, T exponent)
{
    T product = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) product *= base;
    return product;
}
""",
    "wrapped": """\
// A place along an axis of n elements; -1 is the last one.
__device__ long long wrapped(long long place, long long n)
{
    if (place >= 0 && place < n) return place;
    place %= n;
    return place < 0 ? place + n : place;
}
""",
    "Four": """\
// Four numbers that are read or written at once where they lie at an address that allows it.
template <typename T> struct alignas(4 * sizeof(T)) Four { T at[4]; };
template <typename T> __device__ Four<T> four(const T* p, long long left)
{
    if (left >= 4 && (unsigned long long)p % sizeof(Four<T>) == 0) return *(const Four<T>*)p;
    Four<T> x;
    for (int k = 0; k < 4; k++) x.at[k] = p[k < left ? k : 0];
    return x;
}
template <typename T> __device__ void put(T* p, long long left, Four<T> x)
{
    if (left >= 4 && (unsigned long long)p % sizeof(Four<T>) == 0) *(Four<T>*)p = x;
    else for (int k = 0; k < 4; k++) if (k < left) p[k] = x.at[k];
}
""",
}
"""Functions that generated kernels call, by the word by which a kernel that needs them is known."""


def prelude(text: str) -> str:
    """What has to stand before `text`: the header of float16, and the helpers that it calls."""
    words = set(re.findall(r"\w+", text))
    needed = [source for word, source in HELPERS.items() if word in words]
    header = ["#include <cuda_fp16.h>\n\n"] if words & {"__half", "rounded"} else []
    return "".join([*header, *(f"{source}\n" for source in needed)])


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
