"""The elementwise operations: the table of derivatives of the whole library, a row each.

How to read a row: `tanh` computes NumPy's `tanh`; its local derivative is `1 - y²`; the rule turns
the gradient g at the output y into the one at the input x, and names what it needs (see
`primitive.py`); the last column is the value of a single number, for compiled loops and kernels.

A derivative that jumps is what PyTorch takes: 0 for `abs` and `relu` at 0, half to each side where
`maximum(a, b)` meets a tie. Rules keep the digits that a formula can keep, as beside the poles of `asin`;
but `sigmoid` and `tanh` are written in y, which costs no exponential, and are flat where y rounds to 1.
"""

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy

from ..backend import dtypes
from ..backend.arrays import HOST
from .primitive import Primitive, zero
from .shapes import broadcast, same

bool_result = {"dtype": lambda *_: dtypes.bool_}
small_result = {"dtype": lambda x, *_, **__: dtypes.int8 if x == dtypes.bool_ else x}  # of bools, as NumPy has it


def unary(
    name: str, value: str | Callable, formula: str, local: Any, rule: Callable | None, scalar: Any = None, **facts: Any
) -> Primitive:
    """A row of one input x. `value` is a function, or the name of one in NumPy's namespace."""
    if isinstance(value, str):
        function, facts["ufunc"] = value, getattr(numpy, value)
        value = lambda xp, x: getattr(xp, function)(x)  # noqa: E731
    gradient, words = ((rule,), (local,)) if rule else ((), ())
    facts = {"coerce": dtypes.promote_floats, "kind": "elementwise", "local": words, "scalar": scalar} | facts
    return Primitive(name, value, same, gradient, formula=formula, **facts)


def binary(
    name: str, value: str | Callable, formula: str, local: Any, rules: Sequence, scalar: Any = None, **facts: Any
) -> Primitive:
    """A row of two inputs a and b, broadcast against each other. Where there is an `operator`, that is what computes."""
    if isinstance(value, str):
        function, compute, facts["ufunc"] = value, facts.get("operator"), getattr(numpy, value)
        value = (lambda xp, a, b: compute(a, b)) if compute else lambda xp, a, b: getattr(xp, function)(a, b)
    facts = {"coerce": dtypes.promote, "kind": "elementwise", "local": local, "scalar": scalar} | facts
    return Primitive(name, value, broadcast, rules, inputs=("a", "b"), formula=formula, **facts)


# Values that can be computed into the memory `out`, too: of NumPy's arrays, they are their rows' `ufunc`.


def _sigmoid(xp, x, out=None):
    with xp.quiet():  # e¹⁰⁰⁰ may overflow here: 1/∞ is 0, as it should be
        t = xp.exp(xp.negative(x, out=out), out=out)
    t += 1
    return xp.divide(1, t, out=out)


def _relu(xp, x, out=None):
    return xp.maximum(x, x.dtype.type(0), out=out)


def _softplus(xp, x, out=None):
    return xp.add(xp.log1p(xp.exp(-xp.abs(x))), xp.maximum(x, x.dtype.type(0)), out=out)


def _power(xp, x, exponent, out=None):
    if out is None:
        return x**exponent
    quick = {2: xp.square, 0.5: xp.sqrt, -1: xp.reciprocal}.get(exponent)  # which `**` takes, too
    return xp.power(x, exponent, out=out) if quick is None else quick(x, out=out)


def chosen(condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b: of tensors, or of NumPy's arrays. One of both may be a number."""
    if not isinstance(condition, (numpy.ndarray, numpy.generic)):
        return condition.where(a, b)
    if isinstance(b, int):
        return HOST.where(condition, a, a.dtype.type(b))
    return HOST.where(condition, b.dtype.type(a) if isinstance(a, int) else a, b)


def _cast(xp, x, dtype, out=None):
    return x.astype(dtype) if out is None else xp.copyto(out, x, casting="unsafe")


def _erf(xp, x):
    return xp.erf(x).astype(x.dtype, copy=False)  # the libraries widen float16


def _rounding(function):
    """Integers are round as they are; of some libraries they would come back as float64."""
    return lambda xp, x: getattr(xp, function)(x) if dtypes.is_float(x.dtype) else x


# Where integers have no answer, and floats have inf and nan: division by 0, and negative powers. See `Primitive.defined`.


def whole_quotient(compute: Callable) -> Callable:
    """`compute`, which refuses to divide integers by 0: they have no inf to answer with, and NumPy answers 0."""

    def value(xp, a, b):
        # On a GPU a look would have to wait for the device, and is not taken.
        if b.dtype.kind in "iu" and xp.kind == "cpu" and not b.all():
            raise ZeroDivisionError("integers cannot be divided by 0; floats can, and give inf or nan")
        return compute(a, b)

    return value


def divides(dtypes: Sequence[Any], constants: Sequence[Any]) -> bool:
    """Whether no integer is divided by 0."""
    return "f" in (dtypes[0].kind, dtypes[1].kind) or (constants[1] is not None and bool(constants[1].all()))


def whole_power(dtypes: Sequence[Any], constants: Sequence[Any]) -> bool:
    """Whether no integer is taken to a negative power."""
    return dtypes[1].kind != "i" or (constants[1] is not None and bool((constants[1] >= 0).all()))


SQRT_PI = math.sqrt(math.pi)
LN2, LN10 = math.log(2), math.log(10)

# fmt: off
casting: dict[str, Any] = {"coerce": None, "ufunc": partial(_cast, HOST), "dtype": lambda x, dtype: dtype, "flops": lambda *_: 0, "symbolic": True}

#                     name          value          y =               ∂y/∂x               gradient                                      of one number
neg        = unary("neg",        lambda xp, x: -x, "-x",             "-1",               lambda g: -g,                                 "-x", coerce=None, ufunc=numpy.negative)
absolute   = unary("abs",        "abs",            "|x|",            "sign x",           lambda g, x: g * sign(x),                    "abs(x)", coerce=None)
sign       = unary("sign",       "sign",           "sign x",         "0",                zero,                                         "1 if x > 0 else -1 if x < 0 else 0 if x == 0 else x", coerce=None)
exp        = unary("exp",        "exp",            "eˣ",             "y",                lambda g, y: g * y,                           "exp(x)")
expm1      = unary("expm1",      "expm1",          "eˣ - 1",         "eˣ",               lambda g, x: g * exp(x),                     "expm1(x)")
log        = unary("log",        "log",            "ln x",           "1/x",              lambda g, x: g / x,                           "log(x)")
log1p      = unary("log1p",      "log1p",          "ln(1 + x)",      "1/(1 + x)",        lambda g, x: g / (x + 1),                     "log1p(x)")
log2       = unary("log2",       "log2",           "log₂ x",         "1/(x·ln 2)",       lambda g, x: g / (x * LN2),                   "log2(x)")
log10      = unary("log10",      "log10",          "log₁₀ x",        "1/(x·ln 10)",      lambda g, x: g / (x * LN10),                  "log10(x)")
sqrt       = unary("sqrt",       "sqrt",           "√x",             "1/(2y)",           lambda g, y: g / (y * 2),                     "sqrt(x)")
square     = unary("square",     "square",         "x²",             "2x",               lambda g, x: g * (x * 2),                     "x * x", coerce=None, **small_result)
reciprocal = unary("reciprocal", lambda xp, x: 1 / x, "1/x",         "-y²",              lambda g, y: -g * (y * y),                    "1 / x", ufunc=numpy.reciprocal)
sin        = unary("sin",        "sin",            "sin x",          "cos x",            lambda g, x: g * cos(x),                     "sin(x)")
cos        = unary("cos",        "cos",            "cos x",          "-sin x",           lambda g, x: -g * sin(x),                    "cos(x)")
tan        = unary("tan",        "tan",            "tan x",          "1 + y²",           lambda g, y: g * (y * y + 1),                 "tan(x)")
asin       = unary("asin",       "arcsin",         "arcsin x",       "1/√(1 - x²)",      lambda g, x: g / sqrt((1 - x) * (1 + x)),  "asin(x)")
acos       = unary("acos",       "arccos",         "arccos x",       "-1/√(1 - x²)",     lambda g, x: -g / sqrt((1 - x) * (1 + x)), "acos(x)")
atan       = unary("atan",       "arctan",         "arctan x",       "1/(1 + x²)",       lambda g, x: g / (x * x + 1),                 "atan(x)")
sinh       = unary("sinh",       "sinh",           "sinh x",         "cosh x",           lambda g, x: g * cosh(x),                    "sinh(x)")
cosh       = unary("cosh",       "cosh",           "cosh x",         "sinh x",           lambda g, x: g * sinh(x),                    "cosh(x)")
tanh       = unary("tanh",       "tanh",           "tanh x",         "1 - y²",           lambda g, y: g * (1 - y * y),                 "tanh(x)")
asinh      = unary("asinh",      "arcsinh",        "arsinh x",       "1/√(x² + 1)",      lambda g, x: g / sqrt(x * x + 1),          "asinh(x)")
acosh      = unary("acosh",      "arccosh",        "arcosh x",       "1/√(x² - 1)",      lambda g, x: g / sqrt((x - 1) * (x + 1)),  "acosh(x)")
atanh      = unary("atanh",      "arctanh",        "artanh x",       "1/(1 - x²)",       lambda g, x: g / ((1 - x) * (1 + x)),         "atanh(x)")
erf        = unary("erf",        _erf,             "erf x",          "2/√π · exp(-x²)",  lambda g, x: g * (exp(-x * x) * (2 / SQRT_PI)), "erf(x)")
sigmoid    = unary("sigmoid",    _sigmoid,         "1/(1 + e⁻ˣ)",    "y(1 - y)",         lambda g, y: g * (y * (1 - y)),               "1 / (1 + exp(-x))", ufunc=partial(_sigmoid, HOST))
relu       = unary("relu",       _relu,            "max(x, 0)",      "1 if x > 0, else 0", lambda g, y: chosen(y > 0, g, 0),           "0 if x < 0 else x", coerce=None, ufunc=partial(_relu, HOST))
softplus   = unary("softplus",   _softplus,        "ln(1 + eˣ)",     "1/(1 + e⁻ˣ)",      lambda g, x: g * _logistic(x),                "(x if x > 0 else 0) + log1p(exp(-abs(x)))", ufunc=partial(_softplus, HOST))
floor      = unary("floor",      _rounding("floor"), "⌊x⌋",          "0",                zero,                                         "floor(x)", coerce=None, ufunc=numpy.floor)
ceil       = unary("ceil",       _rounding("ceil"),  "⌈x⌉",          "0",                zero,                                         "ceil(x)", coerce=None, ufunc=numpy.ceil)
round_     = unary("round",      _rounding("rint"),  "x, rounded half to even", "0",       zero,                                         "rint(x)", coerce=None, ufunc=numpy.rint)
trunc      = unary("trunc",      _rounding("trunc"), "x, towards 0", "0",                zero,                                         "trunc(x)", coerce=None, ufunc=numpy.trunc)
power      = unary("power",      _power,           "xⁿ, n a number", "n·xⁿ⁻¹",          lambda g, x, exponent: None if exponent == 0 else g * (x ** (exponent - 1) * exponent),
                                                                                         "x ** exponent", coerce=None, ufunc=partial(_power, HOST), defined=lambda kinds, _, exponent: kinds[0].kind == "f" or exponent >= 0)
cast       = unary("cast",       _cast,            "x as {dtype}",   "1",                lambda g: g,                                  "dtype(x)", **casting)
discrete_cast = unary("discrete_cast", _cast,      "x as {dtype}",   "",                 None,                                         "dtype(x)", **casting)  # to what has no gradient

#                     name          value            y =             ∂y/∂a, ∂y/∂b        gradients                                     of one number
add        = binary("add",       "add",            "a + b",          ("1", "1"),         (lambda g: g,           lambda g: g),         "a + b", operator=operator.add, symbolic=True)
sub        = binary("sub",       "subtract",       "a - b",          ("1", "-1"),        (lambda g: g,           lambda g: -g),        "a - b", neutral=(None, 0), operator=operator.sub, symbolic=True)
mul        = binary("mul",       "multiply",       "a · b",          ("b", "a"),         (lambda g, b: g * b,    lambda g, a: g * a),  "a * b", neutral=(1, 1), operator=operator.mul, symbolic=True)
div        = binary("div",       "divide",         "a / b",          ("1/b", "-y/b"),    (lambda g, b: g / b,    lambda g, y, b: -g * y / b), "a / b", coerce=dtypes.promote_floats, neutral=(None, 1), operator=operator.truediv, symbolic=True)
maximum    = binary("maximum",   "maximum",        "max(a, b)",      ("1 if a > b, ½ at a tie", "1 if b > a, ½ at a tie"),
                                                   (lambda g, a, b: _share(g, a < b, a == b), lambda g, a, b: _share(g, b < a, a == b)), "a if a > b or a != a else b")
minimum    = binary("minimum",   "minimum",        "min(a, b)",      ("1 if a < b, ½ at a tie", "1 if b < a, ½ at a tie"),
                                                   (lambda g, a, b: _share(g, a > b, a == b), lambda g, a, b: _share(g, b > a, a == b)), "a if a < b or a != a else b")
atan2      = binary("atan2",     "arctan2",        "arctan2(a, b)",  ("b/(a² + b²)", "-a/(a² + b²)"),
                                                   (lambda g, a, b: g * b / _radius2(a, b), lambda g, a, b: -g * a / _radius2(a, b)), "atan2(a, b)", coerce=dtypes.promote_floats)
hypot      = binary("hypot",     "hypot",          "√(a² + b²)",     ("a/y", "b/y"),     (lambda g, y, a: g * a / _nonzero(y), lambda g, y, b: g * b / _nonzero(y)), "hypot(a, b)", coerce=dtypes.promote_floats)
logaddexp  = binary("logaddexp", "logaddexp",      "ln(eᵃ + eᵇ)",    ("1/(1 + eᵇ⁻ᵃ)", "1/(1 + eᵃ⁻ᵇ)"),
                                                   (lambda g, a, b: g * _logistic(_distance(a, b)), lambda g, a, b: g * _logistic(_distance(b, a))),
                                                   "a + log(2) if a == b else (a if a > b else b) + log1p(exp(-abs(a - b)))", coerce=dtypes.promote_floats)
copysign   = binary("copysign",  "copysign",       "a with the sign of b", ("sign a · sign y", "0"),
                                                   (lambda g, y, a: g * (sign(a) * sign(y)), zero),                                  "copysign(a, b)", coerce=dtypes.promote_floats)
remainder  = binary("remainder", whole_quotient(operator.mod), "a mod b",     ("1", "-⌊a/b⌋"),    (lambda g: g, lambda g, a, b: -g * (a // b)), "a % b", ufunc=numpy.remainder, defined=divides, **small_result)
floor_divide = binary("floor_divide", whole_quotient(operator.floordiv), "⌊a/b⌋", ("0", "0"),  (zero, zero),                                 "a // b", ufunc=numpy.floor_divide, defined=divides, **small_result)
pow_       = binary("pow",       "power",          "aᵇ",             ("b·aᵇ⁻¹", "y·ln a"),
                                                   (lambda g, a, b: _pow_base(g, a, b), lambda g, y, a, b: _pow_exponent(g, y, a, b)),       "a ** b", operator=operator.pow, defined=whole_power, **small_result)

where      = Primitive("where", lambda xp, condition, a, b: xp.where(condition, a, b), broadcast,
                                                   (zero, lambda g, condition: chosen(condition, g, 0), lambda g, condition: chosen(condition, 0, g)),
                       inputs=("condition", "a", "b"), formula="a if condition else b", local=("0", "1 where the condition holds", "1 where it does not"),
                       coerce=lambda arrays: [arrays[0], *dtypes.promote(arrays[1:])], dtype=lambda condition, a, b: a,
                       kind="elementwise", scalar="a if condition else b", ufunc=HOST.where, apart=True)

equal         = binary("equal",         "equal",         "a = b", (), (), "a == b", operator=operator.eq, **bool_result)
not_equal     = binary("not_equal",     "not_equal",     "a ≠ b", (), (), "a != b", operator=operator.ne, **bool_result)
less          = binary("less",          "less",          "a < b", (), (), "a < b", operator=operator.lt, **bool_result)
less_equal    = binary("less_equal",    "less_equal",    "a ≤ b", (), (), "a <= b", operator=operator.le, **bool_result)
greater       = binary("greater",       "greater",       "a > b", (), (), "a > b", operator=operator.gt, **bool_result)
greater_equal = binary("greater_equal", "greater_equal", "a ≥ b", (), (), "a >= b", operator=operator.ge, **bool_result)
logical_and   = binary("logical_and", "logical_and", "a ∧ b", (), (), "a and b", **bool_result)
logical_or    = binary("logical_or",  "logical_or",  "a ∨ b", (), (), "a or b", **bool_result)
logical_xor   = binary("logical_xor", "logical_xor", "a ⊻ b", (), (), "(not a) != (not b)", **bool_result)
logical_not   = unary("logical_not",  "logical_not", "¬x",    "", None, "not x", coerce=None, **bool_result)
signbit       = unary("signbit",      "signbit",     "x < 0 or x is -0", "", None, "copysign(1, x) < 0", **bool_result)
isnan         = unary("isnan",    "isnan",    "x is nan",    "", None, "isnan(x)",    coerce=None, **bool_result)
isinf         = unary("isinf",    "isinf",    "x is ±∞",     "", None, "isinf(x)",    coerce=None, **bool_result)
isfinite      = unary("isfinite", "isfinite", "x is finite", "", None, "isfinite(x)", coerce=None, **bool_result)

nextafter           = binary("nextafter",           "nextafter",   "the number next to a, towards b", (), (), coerce=dtypes.promote_floats)
bitwise_and         = binary("bitwise_and",         "bitwise_and", "a and b, bit by bit", (), (), "a & b",  coerce=dtypes.promote_bits)
bitwise_or          = binary("bitwise_or",          "bitwise_or",  "a or b, bit by bit",  (), (), "a | b",  coerce=dtypes.promote_bits)
bitwise_xor         = binary("bitwise_xor",         "bitwise_xor", "a xor b, bit by bit", (), (), "a ^ b",  coerce=dtypes.promote_bits)
bitwise_left_shift  = binary("bitwise_left_shift",  "left_shift",  "a · 2ᵇ, without the bits that leave", (), (), "a << b", coerce=dtypes.promote_bits, **small_result)
bitwise_right_shift = binary("bitwise_right_shift", "right_shift", "⌊a / 2ᵇ⌋",            (), (), "a >> b", coerce=dtypes.promote_bits, **small_result)
bitwise_invert      = unary("bitwise_invert",       "invert",      "x with each bit inverted (of bools: ¬x)", "", None, "~x", coerce=dtypes.promote_bits)
# fmt: on


def _share(g, lost, tied):
    """g to the winner, half of it at a tie, and 0 to the loser, whatever the numbers are: ∞ · 0 would be nan."""
    return chosen(lost, 0, chosen(tied, g * 0.5, g))


def _logistic(x):
    """1/(1 + e⁻ˣ), and where that is nearly 1, 1 - 1/(1 + eˣ): of it all derivatives keep their digits."""
    large = x > 0
    small = sigmoid(chosen(large, -x, x))
    return chosen(large, 1 - small, small)


def _nonzero(y):
    """y, and 1 where it is 0: so that 0/y is 0 there, which is taken for the slope of a length at the origin."""
    return chosen(y == 0, 1, y)


def _distance(a, b):
    """a - b, and 0 where both are the same infinity."""
    return chosen(logical_and(a == b, isinf(a)), 0, a - b)


def _radius2(a, b):
    """a² + b², and 1 at the origin, where the angle has no derivative and gets 0."""
    square = a * a + b * b
    return chosen(square == 0, 1, square)


def _pow_base(g, a, b):
    # At a = b = 0 the derivative of x⁰, which is 0, wins over 0 · 0⁻¹.
    both_zero = logical_and(a == 0, b == 0)
    return g * (b * chosen(both_zero, 1, a) ** (b - 1))


def _pow_exponent(g, y, a, b):
    # 0ᵇ is flat in b ≥ 0: the logarithm of 0 must not make it nan.
    flat = logical_and(a == 0, b >= 0)
    return g * (y * log(chosen(flat, 1, a)))
