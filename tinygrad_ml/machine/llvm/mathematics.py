"""Functions for loops that no processor has, for sixteen numbers at a time: exponentials, logarithms, powers, sines, the error
function, and divisions that round downwards.

This text is written in the language of `language.py`: each call of a function in a loop is its lines, put there. A
function ends in its one `return`, and takes numbers of the dtype that it names, or of any. Those of `OF_BOTH` are for float64, too:
with constants that end in `_WIDE`. Others for float64 end in `_wide`; where there is none, there is C's library. All are right but for the last two or three binary digits: a test says
by how much, for numbers of any size.

It is Python, too, with NumPy's numbers. In a loop a sum with a product in it is rounded once (`language.py`), so a last digit may
be another one there.
"""

# pyright: reportArgumentType=false, reportReturnType=false
# NumPy says of float32 and Python's numbers that they are any float.

from __future__ import annotations

import math
from functools import reduce
from math import copysign, floor, fmod
from typing import Any

import numpy
from numpy import float32, float64, int32, int64, rint, uint64

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
LEAST, LEAST_LESS_1, MOST = float32(-105), float32(-20), float32(89)
"""From here on eˣ is 0, eˣ - 1 is -1, and eˣ is inf."""

LN2_WIDE, LOG2_E_WIDE = float64(math.log(2)), float64(1 / math.log(2))
ROUNDING_WIDE = float64(1.5 * 2**52)
LN2_HIGH_WIDE, LN2_LOW_WIDE = float64(2977044471 / 2**32), float64(1.9082149292705877e-10)
BIAS_WIDE, DIGITS_WIDE = int64(1023), int64(52)
TWO_THIRDS_WIDE = int64(0x3FE5555555555555)
SMALLEST_WIDE = float64(2.0**-1022)
LEAST_WIDE, LEAST_LESS_1_WIDE, MOST_WIDE = float64(-746), float64(-50), float64(710)
"""The same numbers for float64."""
TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561
"""The first 256 binary digits of 2/π behind the point."""
QUARTERS = numpy.array([(TWO_OVER_PI << 38 + e >> 256) % 2**64 for e in range(130)], numpy.uint64)
MORE_OF_QUARTERS = numpy.array([(TWO_OVER_PI << 70 + e >> 256) % 2**32 for e in range(130)], numpy.uint64)
"""2ᵉ⁻²⁴ radians as quarters of a turn, of which whole turns are left out: as integers that count 2⁻⁶² of a quarter, and the
rest of it in 2⁻⁹⁴."""
HALF_PI = float64(math.pi / 2 / 2**62)

GROWTH, GROWTH_OF_POWER, GROWTH_WIDE = (tuple(1 / math.factorial(n) for n in range(n, 1, -1)) for n in (7, 8, 13))
"""The Taylor series of (eʳ - 1 - r)/r², up to 1/n!. This one and all others begin at the highest power: see `polynomial`."""
RATIO_OF_POWER, RATIO_WIDE = (tuple(2 / n for n in range(n, 1, -2)) for n in (13, 23))
"""The series of (ln((1 + s)/(1 - s)) - 2s)/s³, as one of s²."""
LOGARITHM = (
    0.11619525,
    -0.12429866,
    0.108516574,
    -0.12287237,
    0.14296292,
    -0.16673398,
    0.19999851,
    -0.24999943,
    0.33333334,
)
TANGENT = (-0.00543889, 0.02039701, -0.0536645, 0.13330531, -0.33333248)
SMALL_ERROR = (8.513248e-05, -0.00081756774, 0.005203863, -0.02686051, 0.11283715, -0.37612635)
LARGE_ERROR = (
    2.0828618e-05,
    -0.00043139356,
    0.0041562549,
    -0.025080616,
    0.10822038,
    0.63340085,
    1.1294884,
    -0.000169205125,
)
SINE, COSINE = (-0.00019515284, 0.008332161, -0.16666655), (2.4433156e-05, -0.0013887316, 0.041666646)
"""Least-squares fits, and of the error function, fits to the least largest error."""


def bits(x: Any) -> Any:
    """The bits of a float32 as an int32, those of a float64 as an int64."""
    return x.view(int32 if x.dtype == float32 else int64)


def of_bits(bits: Any) -> Any:
    """The float that has these bits."""
    return bits.view(float32 if bits.dtype == int32 else float64)


def polynomial(x: Any, coefficients: Any) -> Any:
    """The first coefficient is that of the highest power: Horner's rule."""
    return reduce(lambda y, coefficient: y * x + type(x)(coefficient), coefficients[1:], type(x)(coefficients[0]))


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


def growth(r: float32) -> float32:
    """eʳ - 1 for |r| ≤ ½·ln 2: the Taylor series, which ends at r⁷/5040."""
    return polynomial(r, GROWTH) * r * r + r


OF_BOTH = ("exp", "scaled", "expm1", "log", "log1p")


def exp(x: float32) -> float32:
    """eˣ = 2ⁿ · eʳ, n the nearest integer to x/ln 2, and so |r| ≤ ½·ln 2."""
    x = LEAST if x < LEAST else x
    x = MOST if x > MOST else x
    n = x * LOG2_E + ROUNDING - ROUNDING
    r = x - n * LN2_HIGH - n * LN2_LOW
    return scaled(growth(r) + float32(1), n)


def scaled(x: float32, n: float32) -> float32:
    """x·2ⁿ for a whole n, rounded once. 2ⁿ comes in two halves: the smallest and the largest results have no power of two of
    their own. Some processors have an instruction for it, which gives the same bits (`compiler.py`)."""
    half = int32(n) >> int32(1)
    rest = int32(n) - half
    return x * of_bits((half + BIAS) << DIGITS) * of_bits((rest + BIAS) << DIGITS)


def weight(x: float32) -> float32:
    """eˣ for x of at most 88, and 0 below -87: then 2ⁿ is one power of two, whose n is what ROUNDING leaves in the last bits."""
    y = float32(-87) if x < float32(-87) else x
    shifted = y * LOG2_E + ROUNDING
    n = shifted - ROUNDING
    r = y - n * LN2_HIGH - n * LN2_LOW
    power = of_bits((bits(shifted) << DIGITS) + (BIAS << DIGITS))
    e = growth(r) * power + power
    return float32(0) if x < float32(-87) else e


def weight_wide(x: float64) -> float64:
    """eˣ"""
    return exp(x)


def expm1(x: float32) -> float32:
    """eˣ - 1 = 2ⁿ·(eʳ - 1) + (2ⁿ - 1), with n and r as for eˣ: where x is small, n is 0 and no digit is lost."""
    y = LEAST_LESS_1 if x < LEAST_LESS_1 else x
    y = MOST if y > MOST else y
    n = y * LOG2_E + ROUNDING - ROUNDING
    r = y - n * LN2_HIGH - n * LN2_LOW
    half = int32(n) >> int32(1)  # as for eˣ: 2ⁿ may be too large for its power of two
    rest = int32(n) - half
    power = of_bits((half + BIAS) << DIGITS)
    least = of_bits((BIAS - rest) << DIGITS)
    return copysign((growth(r) * power + (power - least)) * of_bits((rest + BIAS) << DIGITS), x)


def tanh(x: float32) -> float32:
    """(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ) = 1 - 2/(e²ˣ + 1), and for small x, where that has few digits left, x + x³·p(x²) with a
    least-squares fit."""
    size = abs(x)
    square = x * x
    small = size * square * polynomial(square, TANGENT) + size
    large = float32(1) - float32(2) / (exp(size + size) + float32(1))
    return copysign(small if size < float32(0.625) else large, x)


def logarithm(r: float32, k: float32, rest: float32) -> float32:
    """k·ln 2 + ln(1 + r) + rest for |r| ≤ ⅓; the coefficients are a least-squares fit."""
    series = polynomial(r, LOGARITHM)
    return k * LN2_HIGH + (r + (r * r * (series * r - float32(0.5)) + (rest + k * LN2_LOW)))


def log(x: float32) -> float32:
    """ln x = n·ln 2 + ln(1 + r), where x = 2ⁿ·(1 + r) and |r| ≤ ⅓."""
    few = x < SMALLEST
    b = bits(x * (float32(2.0**54) if few else float32(1)))
    n = (b - TWO_THIRDS) >> DIGITS
    r = of_bits(b - (n << DIGITS)) - float32(1)
    log_x = logarithm(r, float32(n) - (float32(54) if few else float32(0)), float32(0))
    log_x = log_x if x > float32(0) else (-INFINITE if x == float32(0) else UNKNOWN)
    return log_x if x < INFINITE else x


def log1p(x: float32) -> float32:
    """ln(1 + x): that of u, which is 1 + x rounded, and what the rounding left out, divided by u."""
    u = float32(1) + x
    left = x - (u - float32(1)) if x < float32(1) else float32(1) - (u - x)
    b = bits(u)
    n = (b - TWO_THIRDS) >> DIGITS
    near = n == int32(0)  # to 0: then there is no rounding to be made up for
    r = x if near else of_bits(b - (n << DIGITS)) - float32(1)
    y = logarithm(r, float32(n), float32(0) if near else left / u)
    y = y if u > float32(0) else (-INFINITE if u == float32(0) else UNKNOWN)
    return copysign(y, x) if x < INFINITE else x


def power(x: float32, y: float32) -> float32:
    """xʸ = 2ᵗ, t = y·log₂ x, in float64, as an error of log₂ x is multiplied by y. Where x = 2ⁿ·m, log₂ x is n and a series
    of s = (m - 1)/(m + 1)."""
    size = float64(abs(x))
    b = bits(size)
    n = (b - TWO_THIRDS_WIDE) >> DIGITS_WIDE
    m = of_bits(b - (n << DIGITS_WIDE))
    s = (m - float64(1)) / (m + float64(1))
    z = s * s
    series = polynomial(z, RATIO_OF_POWER) * z + float64(2)
    log2_x = float64(n) + s * series * LOG2_E_WIDE
    log2_x = log2_x if size < float64(INFINITE) else size
    log2_x = log2_x if size > float64(0) else (float64(-INFINITE) if size == float64(0) else size)
    t = float64(0) if size == float64(1) else float64(y) * log2_x
    t = float64(-200) if t < float64(-200) else t  # from here on it is 0 as a float32,
    t = float64(200) if t > float64(200) else t  # and from here on inf
    n2 = t + ROUNDING_WIDE - ROUNDING_WIDE
    r = (t - n2) * LN2_WIDE
    e = polynomial(r, GROWTH_OF_POWER) * r * r + r + float64(1)
    y_x = float32(e * of_bits((int64(n2) + BIAS_WIDE) << DIGITS_WIDE))
    whole = rint(y) == y
    half = y * float32(0.5)
    odd = whole & (rint(half) != half)
    y_x = -y_x if odd & (copysign(float32(1), x) < float32(0)) else y_x
    no_number = (x < float32(0)) & (not whole) & (abs(x) < INFINITE)
    y_x = UNKNOWN if no_number else y_x
    return float32(1) if (y == float32(0)) | (x == float32(1)) else y_x


def erf(x: float32) -> float32:
    """2/√π ∫₀ˣ exp(-t²) dt: for small x x·p(x²), elsewhere 1 - exp(-q(|x|)), of fits to the least largest error."""
    size = abs(x)
    far = float32(4) if size > float32(4) else size  # from here on it is 1
    square = far * far
    small = polynomial(square, SMALL_ERROR) * square * far + far * float32(0.12837916676)  # 2/√π is 1 more
    small = small + far
    large = float32(1) - exp(-polynomial(far, LARGE_ERROR))
    return copysign(small if size < float32(0.9) else large, x) if x == x else x


def sine(size: float32, quarters: Any) -> float32:
    """The sine of a number that is not negative, and so many quarters of a turn.

    size = m·2ᵉ⁻²⁴ with an integer m, and in quarters of a turn that is m times what the table has for 2ᵉ⁻²⁴. All of it is done
    in integers, which forget whole turns by themselves, so it is exact however large the number is.
    """
    b = bits(size)
    e = (b >> DIGITS) - int32(126)
    e = int32(0) if e < int32(0) else e
    m = uint64((b & int32(0x7FFFFF)) | int32(0x800000))
    turned = m * QUARTERS[e] + ((m * MORE_OF_QUARTERS[e]) >> uint64(32))
    near = (turned + uint64(2**61)) >> uint64(62)
    rest = int64(turned - (near << uint64(62)))
    near_zero = size < float32(0.785)
    r = size if near_zero else float32(float64(rest) * HALF_PI)
    k = (int64(0) if near_zero else int64(near)) + quarters
    square = r * r
    odd = r + r * square * polynomial(square, SINE)
    even = float32(1) + square * (square * polynomial(square, COSINE) - float32(0.5))
    y = odd if (k & int64(1)) == int64(0) else even
    y = y if (k & int64(2)) == int64(0) else -y
    return y if size < INFINITE else UNKNOWN


def sin(x: float32) -> float32:
    """sin x, of the sign of x times that of the sine of its size."""
    return sine(abs(x), int64(0)) * copysign(float32(1), x)


def cos(x: float32) -> float32:
    """cos x: the sine a quarter of a turn further on."""
    return sine(abs(x), int64(1))


def growth_wide(r: float64) -> float64:
    """eʳ - 1 for |r| ≤ ½·ln 2, by the Taylor series."""
    return polynomial(r, GROWTH_WIDE) * r * r + r


def tanh_wide(x: float64) -> float64:
    """tanh x = (e²ˣ - 1)/(e²ˣ + 1)"""
    size = abs(x)
    e = expm1(float64(44) if size > float64(22) else size + size)
    return copysign(e / (e + float64(2)), x) if x == x else x


def logarithm_wide(f: float64, k: float64, rest: float64) -> float64:
    """k·ln 2 + ln(1 + f) + rest: by the series of ln((1 + s)/(1 - s)) = ln(1 + f), where s = f/(2 + f)."""
    s = f / (f + float64(2))
    z = s * s
    half = float64(0.5) * f * f
    series = polynomial(z, RATIO_WIDE)
    return k * LN2_HIGH_WIDE + (f - (half - (s * (half + z * series) + (rest + k * LN2_LOW_WIDE))))
