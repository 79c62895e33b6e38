"""Elementwise operations: most are one operator, and the others a formula of a few.

Read next: `reductions.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from ....backend import dtypes
from ..table import InexpressibleError, row
from ..wires import ExportStep, ExportWire

BITS = 18
"""The opset from which on there are operators for the bits of integers."""


def one(operator: str, *names: str) -> None:
    """Rows that are one operator, of the same inputs."""

    @row(*names)
    def same(w: Any, step: ExportStep) -> str:
        return w.node(operator, w.names(step.inputs))


for _operator, _name in (
    ("Exp", "exp"), ("Log", "log"), ("Sqrt", "sqrt"), ("Sin", "sin"), ("Cos", "cos"), ("Tan", "tan"),
    ("Asin", "asin"), ("Acos", "acos"), ("Atan", "atan"), ("Sinh", "sinh"), ("Cosh", "cosh"), ("Tanh", "tanh"),
    ("Asinh", "asinh"), ("Acosh", "acosh"), ("Atanh", "atanh"), ("Erf", "erf"), ("Sigmoid", "sigmoid"), ("Relu", "relu"),
    ("Softplus", "softplus"), ("Abs", "abs"), ("Neg", "neg"), ("Sign", "sign"), ("Reciprocal", "reciprocal"),
    ("Sub", "sub"), ("Div", "div"), ("IsNaN", "isnan"),
):  # fmt: skip
    one(_operator, _name)


def _bools(names: str, numbers: str) -> Callable[[Any, ExportStep], str]:
    """An operator for numbers, and another one for truths."""

    def written(w: Any, step: ExportStep) -> str:
        truths = all(wire.dtype == bool for wire in step.inputs)
        return w.node(names if truths else numbers, w.names(step.inputs))

    return written


row("add")(_bools("Or", "Add"))
row("mul")(_bools("And", "Mul"))
row("maximum")(_bools("Or", "Max"))
row("minimum")(_bools("And", "Min"))


def _compared(operator: str, negated: bool = False) -> Callable[[Any, ExportStep], str]:
    def written(w: Any, step: ExportStep) -> str:
        names = w.names(step.inputs)
        if step.inputs[0].dtype == bool and operator != "Equal":
            names = [w.cast(name, numpy.int32) for name in names]
        y = w.node(operator, names)
        return w.node("Not", [y]) if negated else y

    return written


row("equal")(_compared("Equal"))
row("not_equal")(_compared("Equal", negated=True))
row("less")(_compared("Less"))
row("less_equal")(_compared("LessOrEqual"))
row("greater")(_compared("Greater"))
row("greater_equal")(_compared("GreaterOrEqual"))


def truth(w: Any, wire: ExportWire) -> str:
    """A value as truths."""
    return w.name(wire) if wire.dtype == bool else w.cast(w.name(wire), numpy.bool_)


def _logical(operator: str) -> Callable[[Any, ExportStep], str]:
    return lambda w, step: w.node(operator, [truth(w, wire) for wire in step.inputs])


for _operator, _name in (("And", "logical_and"), ("Or", "logical_or"), ("Xor", "logical_xor"), ("Not", "logical_not")):
    row(_name)(_logical(_operator))


@row("where")
def where(w: Any, step: ExportStep) -> str:
    condition, a, b = step.inputs
    return w.node("Where", [truth(w, condition), w.name(a), w.name(b)])


@row("cast", "discrete_cast")
def cast(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return w.cast(w.name(x), step.output.dtype)


def _rounding(operator: str) -> Callable[[Any, ExportStep], str]:
    """Integers are round as they are."""
    return lambda w, step: (
        w.node(operator, w.names(step.inputs)) if dtypes.is_float(step.output.dtype) else w.name(step.inputs[0])
    )


for _operator, _name in (("Floor", "floor"), ("Ceil", "ceil"), ("Round", "round")):
    row(_name)(_rounding(_operator))


@row("trunc")
def trunc(w: Any, step: ExportStep) -> str:
    x = w.name(step.inputs[0])
    if not dtypes.is_float(step.output.dtype):
        return x
    return w.node("Mul", [w.node("Sign", [x]), w.node("Floor", [w.node("Abs", [x])])])


@row("square")
def square(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    name = w.name(x) if x.dtype == step.output.dtype else w.cast(w.name(x), step.output.dtype)
    return w.node("Mul", [name, name])


@row("power")
def power(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    exponent = step.params["exponent"]
    simple = {0.5: "Sqrt", -1: "Reciprocal"}.get(exponent) if dtypes.is_float(x.dtype) else None
    if simple:
        return w.node(simple, [w.name(x)])
    return w.node("Pow", [w.name(x), w.number_like(exponent, x)])


@row("pow")
def pow_(w: Any, step: ExportStep) -> str:
    return w.node("Pow", _of_result(w, step))


def _of_result(w: Any, step: ExportStep) -> list[str]:
    """The inputs in the dtype of the result."""
    dtype = step.output.dtype
    return [w.name(x) if x.dtype == dtype else w.cast(w.name(x), dtype) for x in step.inputs]


@row("expm1")
def expm1(w: Any, step: ExportStep) -> str:
    """tanh(x/2) · (eˣ + 1), which keeps its digits near 0."""
    (x,) = step.inputs
    half = w.node("Tanh", [w.node("Mul", [w.name(x), w.number_like(0.5, x)])])
    more = w.node("Add", [w.node("Exp", [w.name(x)]), w.number_like(1, x)])
    return w.node("Mul", [half, more])


@row("log1p")
def log1p(w: Any, step: ExportStep) -> str:
    """2·artanh(x/(x + 2)) near 0, where it keeps its digits, and ln(1 + x) elsewhere."""
    (x,) = step.inputs
    name, half = w.name(x), w.number_like(0.5, x)
    near = w.node("Less", [w.node("Abs", [name]), half])
    inside = w.node("Where", [near, name, w.number_like(0, x)])
    ratio = w.node("Div", [inside, w.node("Add", [inside, w.number_like(2, x)])])
    small = w.node("Mul", [w.node("Atanh", [ratio]), w.number_like(2, x)])
    return w.node("Where", [near, small, w.node("Log", [w.node("Add", [name, w.number_like(1, x)])])])


@row("log2")
def log2(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return w.node("Div", [w.node("Log", [w.name(x)]), w.number_like(math.log(2), x)])


@row("log10")
def log10(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return w.node("Div", [w.node("Log", [w.name(x)]), w.number_like(math.log(10), x)])


@row("cbrt")
def cbrt(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    root = w.node("Pow", [w.node("Abs", [w.name(x)]), w.number_like(1 / 3, x)])
    return w.node("Mul", [w.node("Sign", [w.name(x)]), root])


@row("erfc")
def erfc(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    return w.node("Sub", [w.number_like(1, x), w.node("Erf", [w.name(x)])])


@row("hypot")
def hypot(w: Any, step: ExportStep) -> str:
    squares = [w.node("Mul", [name, name]) for name in w.names(step.inputs)]
    return w.node("Sqrt", [w.node("Add", squares)])


@row("logaddexp")
def logaddexp(w: Any, step: ExportStep) -> str:
    a, b = w.names(step.inputs)
    apart = w.node("Abs", [w.node("Sub", [a, b])])
    apart = w.node("Where", [w.node("Equal", [a, b]), w.number_like(0, step.output), apart])  # of two infinities
    return w.node("Add", [w.node("Max", [a, b]), w.node("Softplus", [w.node("Neg", [apart])])])


def negative(w: Any, wire: ExportWire) -> str:
    """Whether numbers have the sign of -0, or of what is less."""
    x, zero = w.name(wire), w.number_like(0, wire)
    below = w.node("Less", [x, zero])
    if not dtypes.is_float(wire.dtype):
        return below
    return w.node("Or", [below, w.node("Less", [w.node("Reciprocal", [x]), zero])])


@row("signbit")
def signbit(w: Any, step: ExportStep) -> str:
    return negative(w, step.inputs[0])


@row("copysign")
def copysign(w: Any, step: ExportStep) -> str:
    a, b = step.inputs
    size = w.node("Abs", [w.name(a)])
    return w.node("Where", [negative(w, b), w.node("Neg", [size]), size])


@row("atan2")
def atan2(w: Any, step: ExportStep) -> str:
    """arctan(a/b), turned by half a circle where b is negative."""
    a, b = step.inputs
    zero, half = w.number_like(0, a), w.number_like(math.pi / 2, a)
    up = w.node("Where", [negative(w, a), w.number_like(-math.pi, a), w.number_like(math.pi, a)])
    angle = w.node("Atan", [w.node("Div", w.names(step.inputs))])
    turned = w.node("Where", [negative(w, b), w.node("Add", [angle, up]), angle])
    upright = w.node("Mul", [w.node("Sign", [w.name(a)]), half])
    level = w.node("Where", [negative(w, b), up, zero])
    upright = w.node("Where", [w.node("Equal", [w.name(a), zero]), level, upright])
    return w.node("Where", [w.node("Equal", [w.name(b), zero]), upright, turned])


@row("isinf")
def isinf(w: Any, step: ExportStep) -> str:
    return w.node("IsInf", [_wide(w, step.inputs[0])])


@row("isfinite")
def isfinite(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    wrong = w.node("Or", [w.node("IsInf", [_wide(w, x)]), w.node("IsNaN", [w.name(x)])])
    return w.node("Not", [wrong])


def _wide(w: Any, x: ExportWire) -> str:
    """Numbers of which it can be asked whether they are infinite."""
    return w.name(x) if x.dtype in (numpy.float32, numpy.float64) else w.cast(w.name(x), numpy.float32)


@row("fmod")
def fmod(w: Any, step: ExportStep) -> str:
    return w.node("Mod", _of_result(w, step), fmod=1)


@row("remainder")
def remainder(w: Any, step: ExportStep) -> str:
    return _remainder(w, step, *_of_result(w, step))


def _remainder(w: Any, step: ExportStep, a: str, b: str) -> str:
    """a mod b, with the sign of b."""
    if not dtypes.is_float(step.output.dtype):
        return w.node("Mod", [a, b])
    zero = w.number_like(0, step.output)
    rest = w.node("Mod", [a, b], fmod=1)
    other_sign = w.node("Less", [w.node("Mul", [w.node("Sign", [rest]), w.node("Sign", [b])]), zero])
    return w.node("Where", [other_sign, w.node("Add", [rest, b]), rest])


@row("floor_divide")
def floor_divide(w: Any, step: ExportStep) -> str:
    a, b = _of_result(w, step)
    if dtypes.is_float(step.output.dtype):
        whole = w.node("Div", [w.node("Sub", [a, _remainder(w, step, a, b)]), b])
        return w.node("Round", [whole])
    return w.node("Div", [w.node("Sub", [a, w.node("Mod", [a, b])]), b])


def _bitwise(operator: str, truths: str) -> Callable[[Any, ExportStep], str]:
    def written(w: Any, step: ExportStep) -> str:
        if step.output.dtype == bool:
            return w.node(truths, [truth(w, wire) for wire in step.inputs])
        if w.opset < BITS:
            raise InexpressibleError(f"of integers there is {operator} from opset {BITS} on")
        return w.node(operator, w.names(step.inputs))

    return written


row("bitwise_and")(_bitwise("BitwiseAnd", "And"))
row("bitwise_or")(_bitwise("BitwiseOr", "Or"))
row("bitwise_xor")(_bitwise("BitwiseXor", "Xor"))
row("bitwise_invert")(_bitwise("BitwiseNot", "Not"))


@row("bitwise_left_shift")
def left_shift(w: Any, step: ExportStep) -> str:
    a, power = _shifted(w, step)
    return w.cast(w.node("Mul", [a, power]), step.output.dtype)


@row("bitwise_right_shift")
def right_shift(w: Any, step: ExportStep) -> str:
    a, power = _shifted(w, step)
    return w.cast(w.node("Div", [w.node("Sub", [a, w.node("Mod", [a, power])]), power]), step.output.dtype)


def _shifted(w: Any, step: ExportStep) -> tuple[str, str]:
    """a, and the power of two that a shift by b multiplies or divides by; as int64, of which there are powers."""
    a, b = [w.cast(w.name(x), numpy.int64) for x in step.inputs]
    return a, w.node("Pow", [w.constant(numpy.int64(2)), b])
