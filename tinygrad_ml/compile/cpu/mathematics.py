"""What compiled loops need and Numba has not: an exponential, its tangent and a logarithm for sixteen numbers at a time, sums in any order.

Everything here is compiled into the loops that use it, or says how they are compiled. Only `machine_code.py` imports this file, where
Numba is installed.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Numba compiles an intrinsic with a context, and is called without.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic, overload, register_jitable
from numpy import float32, int32

bools = uint8s = types.CPointer(types.uint8)
int8s, int16s, int32s, int64s = map(types.CPointer, (types.int8, types.int16, types.int32, types.int64))
uint16s, uint32s, uint64s = map(types.CPointer, (types.uint16, types.uint32, types.uint64))
float32s, float64s = types.CPointer(types.float32), types.CPointer(types.float64)


OPTIONS = {"error_model": "numpy", "_nrt": False, "no_rewrites": True}
"""As NumPy divides by zero. Where there is nothing but numbers and addresses, no references are to be counted, and there
is nothing to rewrite: to look for it takes time."""


INSIDE = OPTIONS | {"forceinline": True}
"""The same for functions that loops call."""


def machine_code(cache: bool) -> Callable[[Callable], Any]:
    """Decorates a function that is to be compiled at once. Its arguments are integers, but for those of which it says else."""

    def compiled(loop):
        given = loop.__code__.co_varnames[: loop.__code__.co_argcount]
        signature = types.void(*(loop.__annotations__.get(name, types.int64) for name in given))
        return cfunc(signature, cache=cache, **OPTIONS)(loop)

    return compiled


LOG2_E = float32(1 / math.log(2))
ROUNDING = float32(1.5 * 2**23)
"""So large that a float32 beside it has no digits left behind the point: adding it rounds to an integer."""
INFINITE, UNKNOWN = float32(math.inf), float32(math.nan)
LN2_HIGH = float32(0.693359375)
LN2_LOW = float32(math.log(2) - 0.693359375)
"""ln 2 in two parts. The first has few digits, so that its products with small integers are exact."""


@intrinsic
def _power_of_two(context, n):
    """2ⁿ for an int32 from -126 to 127: the float32 that has n in the bits of its exponent."""

    def bits(context, builder, signature, given):
        n, bias, digits = given[0], ir.IntType(32)(127), ir.IntType(32)(23)
        return builder.bitcast(builder.shl(builder.add(n, bias), digits), ir.FloatType())

    return types.float32(types.int32), bits


@intrinsic
def _bits(context, x):
    """The bits of a float32, as an int32."""
    return types.int32(types.float32), lambda context, builder, signature, given: builder.bitcast(
        given[0], ir.IntType(32)
    )


@intrinsic
def _of_bits(context, bits):
    """The float32 that has these bits."""
    return types.float32(types.int32), lambda context, builder, signature, given: builder.bitcast(
        given[0], ir.FloatType()
    )


@intrinsic
def add_in_any_order(context, a, b):
    """a + b, a step of a long sum that may be done in several parts at once."""
    if a != types.float64 or b != types.float64:
        return None
    return types.float64(a, b), lambda context, builder, signature, given: builder.fadd(*given, flags=("reassoc",))


@intrinsic
def nothing_overlaps(context):
    """Says that of the arrays that a loop is given none is written to in memory that another one has too."""

    def say(context, builder, signature, given):
        for argument in context.call_conv.get_arguments(builder.function):
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), say


def _rounding(name: str):
    """A function that the processor has for many floats at a time: `llvm.floor`."""

    @intrinsic
    def rounding(context, x):
        if not isinstance(x, types.Float):
            return None

        def call(context, builder, signature, given):
            return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [given[0].type]), given)

        return x(x), call

    return rounding


floor, ceil, trunc, rint = map(_rounding, ("floor", "ceil", "trunc", "rint"))


@intrinsic
def fmod(context, a, b):
    """What is left of a after subtracting b a whole number of times: of the sign of a."""
    return a(a, b), lambda context, builder, signature, given: builder.frem(*given)


@register_jitable(**INSIDE)
def floor_remainder(a: float, b: float) -> float:
    """The same, of the sign of b."""
    rest = fmod(a, b)
    if rest == 0:
        return math.copysign(rest, b)
    return rest + b if (rest < 0) != (b < 0) else rest


@register_jitable(**INSIDE)
def floor_quotient(a: float, b: float) -> float:
    """a / b, rounded downwards. The quotient of a number without its remainder is whole but for a rounding error."""
    if b == 0:
        return a / b
    rest = fmod(a, b)
    whole = (a - rest) / b
    if rest != 0 and (rest < 0) != (b < 0):
        whole -= 1
    if whole == 0:
        return math.copysign(whole, a / b)
    below = floor(whole)
    return below + 1 if 2 * (whole - below) > 1 else below


def exp(x: float) -> float:
    """eˣ."""
    return math.exp(x)


@overload(exp, jit_options=INSIDE)
def _exp(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def of_float32(x):
        """eˣ = 2ⁿ · eʳ, n the nearest integer to x/ln 2, and so |r| ≤ ½·ln 2. The Taylor series of eʳ ends at r⁷/5040."""
        x = float32(-105) if x < float32(-105) else x  # from here on it is 0,
        x = float32(89) if x > float32(89) else x  # and from here on inf
        n = x * LOG2_E + ROUNDING - ROUNDING
        r = x - n * LN2_HIGH - n * LN2_LOW
        series = float32(1 / 5040)
        series = series * r + float32(1 / 720)
        series = series * r + float32(1 / 120)
        series = series * r + float32(1 / 24)
        series = series * r + float32(1 / 6)
        series = series * r + float32(0.5)
        series = series * r * r + r + float32(1)
        # 2ⁿ in two halves: the smallest and the largest results have no power of two of their own.
        half = int32(n) >> int32(1)
        rest = int32(n) - half
        return series * _power_of_two(half) * _power_of_two(rest)

    return of_float32


def tanh(x: float) -> float:
    """(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ)"""
    return math.tanh(x)


@overload(tanh, jit_options=INSIDE)
def _tanh(x):
    if x != types.float32:
        return lambda x: math.tanh(x)

    def of_float32(x):
        """1 - 2/(e²ˣ + 1), and for small x, where that has few digits left, x + x³·p(x²) with a least-squares fit."""
        size = abs(x)
        square = x * x
        series = float32(-0.00543889)
        series = series * square + float32(0.02039701)
        series = series * square - float32(0.0536645)
        series = series * square + float32(0.13330531)
        series = series * square - float32(0.33333248)
        small = size * square * series + size
        large = float32(1) - float32(2) / (exp(size + size) + float32(1))
        return math.copysign(small if size < float32(0.625) else large, x)

    return of_float32


TWO_THIRDS = int32(0x3F2AAAAB)
"""The bits of 2/3 as a float32."""
SMALLEST = float32(2.0**-126)
"""Numbers below have fewer digits, and no exponent of their own."""


def log(x: float) -> float:
    """ln x."""
    return math.log(x)


@overload(log, jit_options=INSIDE)
def _log(x):
    if x != types.float32:
        return lambda x: math.log(x)

    def of_float32(x):
        """ln x = n·ln 2 + ln(1 + r), where x = 2ⁿ·(1 + r) and |r| ≤ ⅓; the coefficients are a least-squares fit."""
        few = x < SMALLEST
        bits = _bits(x * (float32(2.0**25) if few else float32(1)))
        n = int32(int32(bits - TWO_THIRDS) >> int32(23))
        r = _of_bits(int32(bits - int32(n << int32(23)))) - float32(1)
        series = float32(0.11619525)
        series = series * r - float32(0.12429866)
        series = series * r + float32(0.108516574)
        series = series * r - float32(0.12287237)
        series = series * r + float32(0.14296292)
        series = series * r - float32(0.16673398)
        series = series * r + float32(0.19999851)
        series = series * r - float32(0.24999943)
        series = series * r + float32(0.33333334)
        k = float32(n) - (float32(25) if few else float32(0))
        log_x = k * LN2_HIGH + (r + (r * r * (series * r - float32(0.5)) + k * LN2_LOW))
        log_x = log_x if x > float32(0) else (-INFINITE if x == float32(0) else UNKNOWN)
        return log_x if x < INFINITE else x

    return of_float32
