"""Elementwise operations: mostly other names for the functions of `tinygrad_ml.functional`.

Read before: `tensors.py`.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

from ... import functional as tg
from ...backend import dtypes
from ...functional.data_types import iinfo
from ...tensor import Tensor
from .calls import operation
from .tensors import bits, float_of, likewise, one, pair, tensor_of, tensors, two

# fmt: off
abs = one("abs", tg.abs)
absolute = one("absolute", tg.abs)
arccos, arccosh = one("arccos", tg.acos), one("arccosh", tg.acosh)
arcsin, arcsinh = one("arcsin", tg.asin), one("arcsinh", tg.asinh)
arctan, arctanh = one("arctan", tg.atan), one("arctanh", tg.atanh)
bitwise_invert, bitwise_not = one("bitwise_invert", tg.bitwise_invert), one("bitwise_not", tg.bitwise_invert)
cbrt = one("cbrt", tg.cbrt)
ceil = one("ceil", tg.ceil, float_of)
conj, conjugate, real = one("conj", tg.positive), one("conjugate", tg.positive), one("real", tg.positive)
cos, cosh, deg2rad = one("cos", tg.cos), one("cosh", tg.cosh), one("deg2rad", tg.deg2rad)
erf, erfc, erfinv = one("erf", tg.erf), one("erfc", tg.erfc), one("erfinv", tg.erfinv)
exp, exp2, expm1 = one("exp", tg.exp), one("exp2", tg.exp2, float_of), one("expm1", tg.expm1)
fabs = one("fabs", tg.abs, float_of)
floor = one("floor", tg.floor, float_of)
i0 = one("i0", tg.i0)
isfinite, isinf, isnan = one("isfinite", tg.isfinite), one("isinf", tg.isinf), one("isnan", tg.isnan)
log, log10, log1p, log2 = one("log", tg.log), one("log10", tg.log10), one("log1p", tg.log1p), one("log2", tg.log2)
logical_not, negative = one("logical_not", tg.logical_not), one("negative", tg.negative)
rad2deg, reciprocal, rsqrt = one("rad2deg", tg.rad2deg), one("reciprocal", tg.reciprocal), one("rsqrt", tg.rsqrt)
sign, signbit = one("sign", tg.sign), one("signbit", tg.signbit)
sin, sinc, sinh = one("sin", tg.sin), one("sinc", tg.sinc, float_of), one("sinh", tg.sinh)
sqrt, tan, tanh = one("sqrt", tg.sqrt), one("tan", tg.tan), one("tanh", tg.tanh)
trunc = one("trunc", tg.trunc)
nan_to_num, round = likewise(tg.nan_to_num), likewise(tg.round)

add, subtract, multiply = two("add", tg.add), two("subtract", tg.subtract), two("multiply", tg.multiply)
divide, true_divide = two("divide", tg.divide), two("true_divide", tg.divide)
arctan2, hypot, nextafter = two("arctan2", tg.atan2), two("hypot", tg.hypot), two("nextafter", tg.nextafter)
floor_divide, mod, fmod = two("floor_divide", tg.floor_divide), two("mod", tg.remainder), two("fmod", tg.fmod)
maximum, minimum = two("maximum", tg.maximum), two("minimum", tg.minimum)
fmax, fmin = two("fmax", tg.fmax), two("fmin", tg.fmin)
gcd, lcm = two("gcd", tg.gcd, tensors), two("lcm", tg.lcm, tensors)
heaviside, ldexp = two("heaviside", tg.heaviside), two("ldexp", tg.ldexp, tensors)
logaddexp, logaddexp2 = two("logaddexp", tg.logaddexp), two("logaddexp2", tg.logaddexp2)
equal, not_equal = two("equal", tg.equal), two("not_equal", tg.not_equal)
greater, greater_equal = two("greater", tg.greater), two("greater_equal", tg.greater_equal)
less, less_equal = two("less", tg.less), two("less_equal", tg.less_equal)
logical_and, logical_or, logical_xor = (two(name, getattr(tg, name), tensors) for name in ("logical_and", "logical_or", "logical_xor"))

bitwise_and, bitwise_or, bitwise_xor = (bits(name, getattr(tg, name)) for name in ("bitwise_and", "bitwise_or", "bitwise_xor"))
bitwise_left_shift, left_shift = (bits(name, tg.bitwise_left_shift) for name in ("bitwise_left_shift", "left_shift"))
bitwise_right_shift, right_shift = (bits(name, tg.bitwise_right_shift) for name in ("bitwise_right_shift", "right_shift"))
# fmt: on


@operation
def power(x1: Any, x2: Any) -> Tensor:
    """y = x1 to the power of x2."""
    x1, x2 = pair(x1, x2)
    return x1**x2


@operation
def square(x: Any) -> Tensor:
    """y = x²."""
    x = tensor_of(x)
    return tg.square(x.astype(dtypes.int32) if x.dtype == dtypes.bool_ else x)


@operation
def angle(x: Any) -> Tensor:
    """The angle of a number in the complex plane: π where x < 0, else 0."""
    x = float_of(x)
    return tg.where(tg.isnan(x), x, tg.where(x < 0, math.pi, x * 0))


@operation
def imag(x: Any) -> Tensor:
    """The imaginary part, which is 0: there are no complex numbers here."""
    return tg.zeros_like(tensor_of(x))


@operation
def isreal(x: Any) -> Tensor:
    """Where the imaginary part is 0, which is everywhere."""
    return tg.ones_like(tensor_of(x), dtype=dtypes.bool_)


@operation
def isposinf(x: Any) -> Tensor:
    """Where x is ∞."""
    return float_of(x) == math.inf


@operation
def isneginf(x: Any) -> Tensor:
    """Where x is -∞."""
    return float_of(x) == -math.inf


@operation
def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """y = x limited to [x_min, x_max]; None is no limit."""
    x = tensor_of(x)
    low, high = (None if end is None else pair(x, end)[1] for end in (x_min, x_max))
    return tg.clip(x.astype(dtypes.int32) if x.dtype == dtypes.bool_ else x, low, high)


@operation
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """y = x1 / x2, and 0 where x2 is 0."""
    x1, x2 = tensors(x1, x2)
    nothing = x2 == 0
    return tg.where(nothing, 0, x1 / tg.where(nothing, 1, x2))


@operation
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2; without both the places where it does, as `nonzero`."""
    condition = tensor_of(condition)
    if x1 is None and x2 is None:
        return tg.nonzero(condition)
    return tg.where(condition, *pair(x1, x2))


@operation
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |x1 - x2| ≤ atol + rtol·|x2|."""
    x1, x2 = tensors(x1, x2)
    near = tg.abs(x1 - x2) <= tg.abs(x2) * rtol + atol
    close = (x1 == x2) | (near & tg.isfinite(x1) & tg.isfinite(x2))
    return close | (tg.isnan(x1) & tg.isnan(x2)) if equal_nan else close


@operation
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |x1 - x2| ≤ atol + rtol·|x2| everywhere."""
    return tg.all(isclose(x1, x2, rtol, atol, equal_nan))


@operation
def cast(x: Any, dtype: Any) -> Tensor:
    """x in another dtype."""
    return tensor_of(x).astype(dtype)


@operation
def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """x in another dtype, numbers that it does not hold becoming the nearest that it does."""
    x, dtype = tensor_of(x), dtypes.as_dtype(dtype)
    limits = (0, 1) if dtype == dtypes.bool_ else None
    if dtypes.is_float(dtype):
        limits = (-tg.finfo(dtype).max, tg.finfo(dtype).max)
    elif limits is None:
        limits = (iinfo(dtype).min, iinfo(dtype).max)
    if x.dtype != dtypes.bool_ and not (dtypes.is_float(dtype) and not dtypes.is_float(x.dtype)):
        own = iinfo(x.dtype) if not dtypes.is_float(x.dtype) else tg.finfo(x.dtype)
        low, high = (_inside(limit, x.dtype) for limit in (max(limits[0], own.min), min(limits[1], own.max)))
        x = tg.clip(x, low, high)
    return x.astype(dtype)


def _inside(limit: float, dtype: Any) -> float:
    """The limit in a floating dtype, without being rounded beyond it: 2³¹ - 1 would become 2³¹ in float32."""
    if not dtypes.is_float(dtype):
        return limit
    near = dtype.type(limit)
    return float(near if builtins.abs(float(near)) <= builtins.abs(limit) else tg.nextafter(near, dtype.type(0)).item())
