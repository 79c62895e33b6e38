"""Elementwise functions that the Array API standard does not have, under the names that NumPy and PyTorch have for them.

Four have rows of their own, after the table in `../ops/elementwise.py`; the others are composed.
"""

import math

from ..backend import dtypes
from ..ops.elementwise import SQRT_PI, binary, divides, small_result, unary
from ..tensor import Tensor, TensorLike, as_tensor
from .elementwise import _binary, _operands, _unary, abs, exp, isnan, logaddexp, maximum, minimum, sin, where
from .reductions import floating, rounded, widened

LN2 = math.log(2)
NEWTON_STEPS = 3
I0_POINTS = 128
"""Points on half a turn, which are enough for all |x| < 700, beyond which e^|x| overflows."""


def _erfc(xp, x):
    return xp.erfc(x).astype(x.dtype, copy=False)  # the libraries widen float16


def _erfinv(xp, x):
    """Newton's steps in float64 on erfc, which has digits where erf rounds to 1, from S. Winitzki's approximation (2008)."""
    wide = abs_ = xp.abs(x.astype(dtypes.float64))
    with xp.quiet():
        log = xp.log1p(-wide * wide)
        part = 2 / (math.pi * 0.147) + log / 2
        y = xp.sqrt(xp.maximum(xp.sqrt(part * part - log / 0.147) - part, 0))
        for _ in range(NEWTON_STEPS):
            y = y + (xp.erfc(y) - (1 - abs_)) * (SQRT_PI / 2) * xp.exp(y * y)
        y = xp.where(abs_ == 1, abs_ * math.inf, y)
    return xp.copysign(y, x).astype(x.dtype)


def _gcd(xp, a, b):
    return xp.gcd(a, b)


# fmt: off
#                 name       value     y =             ∂y/∂x               gradient                                          of one number
erfc_row   = unary("erfc",   _erfc,    "1 - erf x",    "-2/√π · exp(-x²)", lambda g, x: g * ((-x * x).exp() * (-2 / SQRT_PI)))
erfinv_row = unary("erfinv", _erfinv,  "erf⁻¹ x",      "√π/2 · exp(y²)",   lambda g, y: g * ((y * y).exp() * (SQRT_PI / 2)))
cbrt_row   = unary("cbrt",   "cbrt",   "∛x",           "1/(3·y²)",          lambda g, y: g / (y * y * 3))
fmod_row   = binary("fmod",  "fmod",   "a mod b, with the sign of a", ("1", "-trunc(a/b)"), (lambda g: g, lambda g, a, b: -g * (a / b).trunc()), None, defined=divides, **small_result)
gcd_row    = binary("gcd",   _gcd,     "the largest number that divides a and b", (), (), coerce=dtypes.promote_bits)
# fmt: on

erfc = _unary(erfc_row)
erfinv = _unary(erfinv_row)
cbrt = _unary(cbrt_row)
fmod = _binary(fmod_row)
gcd = _binary(gcd_row)


def lcm(a: TensorLike, b: TensorLike) -> Tensor:
    """The smallest positive number that both a and b divide, 0 if one of them is 0. Integers, shapes that broadcast."""
    a, b = _operands(a, b)
    common = gcd(a, b)
    return abs(a // where(common == 0, 1, common) * b)


def exp2(x: TensorLike) -> Tensor:
    """y = 2ˣ, elementwise; dy/dx = y·ln 2. Any shape."""
    return 2.0 ** as_tensor(x)


def rsqrt(x: TensorLike) -> Tensor:
    """y = 1/√x, elementwise. Any shape."""
    return 1 / as_tensor(x).sqrt()


def deg2rad(x: TensorLike) -> Tensor:
    """y = x·π/180, elementwise: degrees as radians. Any shape."""
    return as_tensor(x) * (math.pi / 180)


def rad2deg(x: TensorLike) -> Tensor:
    """y = x·180/π, elementwise: radians as degrees. Any shape."""
    return as_tensor(x) * (180 / math.pi)


def logaddexp2(a: TensorLike, b: TensorLike) -> Tensor:
    """y = log₂(2ᵃ + 2ᵇ), elementwise, without overflow. Shapes that broadcast."""
    a, b = _operands(a, b)
    return logaddexp(a * LN2, b * LN2) / LN2


def ldexp(a: TensorLike, b: TensorLike) -> Tensor:
    """y = a·2ᵇ, elementwise. Shapes that broadcast."""
    return as_tensor(a) * exp2(b)


def heaviside(a: TensorLike, b: TensorLike) -> Tensor:
    """0 where a < 0, 1 where a > 0, b where a = 0, elementwise; dy/da = 0. Shapes that broadcast."""
    a, b = _operands(a, b)
    return where(isnan(a), a, where(a == 0, b, (a > 0).astype(b.dtype)))


def fmax(a: TensorLike, b: TensorLike) -> Tensor:
    """max(a, b), elementwise; where one of them is nan, the other. Shapes that broadcast."""
    a, b = _operands(a, b)
    return where(isnan(a), b, where(isnan(b), a, maximum(a, b)))


def fmin(a: TensorLike, b: TensorLike) -> Tensor:
    """min(a, b), elementwise; where one of them is nan, the other. Shapes that broadcast."""
    a, b = _operands(a, b)
    return where(isnan(a), b, where(isnan(b), a, minimum(a, b)))


_SINC = [(-1) ** k / math.factorial(2 * k + 1) for k in range(10)]
"""The Taylor series of sin(t)/t in t²: exact in float64 for |t| < 1."""


def sinc(x: TensorLike) -> Tensor:
    """y = sin(πx)/(πx), elementwise, and 1 at 0, as NumPy's. All derivatives are right at and near 0 too."""
    x = floating(x)
    angle = widened(x) * math.pi
    near = abs(angle) < 1
    small = where(near, angle, 0)
    power, series = small * small, 0.0
    for coefficient in reversed(_SINC):
        series = power * series + coefficient
    far = where(near, 1, angle)
    return rounded(where(near, series, sin(far) / far), x)


def i0(x: TensorLike) -> Tensor:
    """y = I₀(x) = 1/π ∫ exp(x·cos t) dt from 0 to π, elementwise: the modified Bessel function of order 0. Any shape.

    The integrand is periodic, so that the trapezoidal rule is exact to rounding, and so are its derivatives.
    Source: L. Trefethen, J. Weideman, "The Exponentially Convergent Trapezoidal Rule" (2014).
    """
    x = floating(x)
    wide = widened(x)
    total = (exp(wide) + exp(-wide)) / 2
    for k in range(1, I0_POINTS):
        total = total + exp(wide * math.cos(math.pi * k / I0_POINTS))
    return rounded(total / I0_POINTS, x)
