"""Functions for loops that no processor has: an exponential, a tangent of it and a logarithm for sixteen numbers at a
time, and divisions that round downwards.

This text is written in the language of `language.py`: each call of a function in a loop is its lines, put there. A
function ends in its one `return`, and takes numbers of the dtype that it names, or of any. For float64 there is C's library.

It is Python, too, with NumPy's numbers.
"""

from __future__ import annotations

import math
from math import copysign, floor, fmod
from typing import Any

from numpy import float32, int32

LOG2_E = float32(1 / math.log(2))
ROUNDING = float32(1.5 * 2**23)
"""So large that a float32 beside it has no digits left behind the point: adding it rounds to an integer."""
LN2_HIGH = float32(0.693359375)
LN2_LOW = float32(math.log(2) - 0.693359375)
"""ln 2 in two parts. The first has few digits, so that its products with small integers are exact."""
TWO_THIRDS = int32(0x3F2AAAAB)
"""The bits of 2/3 as a float32."""
SMALLEST = float32(2.0**-126)
"""Numbers below have fewer digits, and no exponent of their own."""
BIAS, DIGITS = int32(127), int32(23)
"""Of a float32: what its exponent is written larger by, and how many bits stand behind that."""
INFINITE, UNKNOWN = float32(math.inf), float32(math.nan)


def bits(x: float32) -> int32:
    """The bits of a float32."""
    return x.view(int32)


def of_bits(bits: int32) -> float32:
    """The float32 that has these bits."""
    return bits.view(float32)


def floor_remainder(a: Any, b: Any) -> Any:
    """What is left of a after subtracting b a whole number of times, of the sign of b."""
    rest = fmod(a, b)
    other = (rest < 0) != (b < 0)
    return copysign(rest, b) if rest == 0 else (rest + b if other else rest)


def floor_quotient(a: Any, b: Any) -> Any:
    """a / b, rounded downwards. The quotient of a number without its remainder is whole but for a rounding error."""
    rest = fmod(a, b)
    whole = (a - rest) / b
    between = (rest != 0) & ((rest < 0) != (b < 0))
    whole = whole - 1 if between else whole
    below = floor(whole)
    nearest = below + 1 if 2 * (whole - below) > 1 else below
    return a / b if b == 0 else (copysign(whole, a / b) if whole == 0 else nearest)


def exp(x: float32) -> float32:
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
    return series * of_bits((half + BIAS) << DIGITS) * of_bits((rest + BIAS) << DIGITS)


def tanh(x: float32) -> float32:
    """(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ) = 1 - 2/(e²ˣ + 1), and for small x, where that has few digits left, x + x³·p(x²) with a
    least-squares fit."""
    size = abs(x)
    square = x * x
    series = float32(-0.00543889)
    series = series * square + float32(0.02039701)
    series = series * square - float32(0.0536645)
    series = series * square + float32(0.13330531)
    series = series * square - float32(0.33333248)
    small = size * square * series + size
    large = float32(1) - float32(2) / (exp(size + size) + float32(1))
    return copysign(small if size < float32(0.625) else large, x)


def log(x: float32) -> float32:
    """ln x = n·ln 2 + ln(1 + r), where x = 2ⁿ·(1 + r) and |r| ≤ ⅓; the coefficients are a least-squares fit."""
    few = x < SMALLEST
    b = bits(x * (float32(2.0**25) if few else float32(1)))
    n = (b - TWO_THIRDS) >> DIGITS
    r = of_bits(b - (n << DIGITS)) - float32(1)
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
