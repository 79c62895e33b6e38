"""Prints what an elementwise operation computes of single numbers, the `scalar` of its row, in the language of a backend.

    tanh     tanh(x)
    relu     0 if x < 0 else x
    power    x ** exponent

It is an expression of Python, and stated once: loops for the CPU and kernels for a GPU are printed from it, for every dtype
that the row accepts. In it may stand

- the inputs, by their names, and parameters of the operation; a parameter that is a dtype is called: `dtype(x)`;
- numbers, which take the dtype of the inputs, and `inf`, `nan`, `pi`, `e`;
- `+ - * / // % **`, of integers `& | ^ ~ << >>`, comparisons, `and`, `or`, `not`, `a if c else b`, all as NumPy has
  them: sums of truths are "or", integers divide downwards;
- the functions below.

A backend derives its own `Printer`, which says how all this is written in its language: `cpu/expressions.py`,
`gpu/expressions.py`.

Read before: `ops/primitive.py`.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy

from ...backend import dtypes
from ...errors import OptionError
from ...machine.parsing import expression
from ..program import Instruction

# fmt: off
OF_ONE = frozenset((
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "erf", "abs", "floor", "ceil", "rint", "trunc", "isnan", "isinf", "isfinite",
))
OF_TWO = frozenset(("atan2", "hypot", "copysign", "min", "max"))
# fmt: on
"""Functions, by the names of C and Python; `rint` rounds half to even, `min` and `max` are nan if one of the numbers is."""

NUMBERS = {"inf": math.inf, "nan": math.nan, "pi": math.pi, "e": math.e}


class NotPrinted(Exception):
    """The operation has no expression, or none of these dtypes."""


class Term(NamedTuple):
    """A part of an expression.

    text    in the language: a string; a number until it is known what it stands beside
    dtype   of what it gives, as NumPy has it; None for such a number
    simple  whether it can stand beside an operator as it is
    """

    text: Any
    dtype: Any
    simple: bool = True


_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_OF_TRUTHS = {"+": "|", "*": "&", "&": "&", "|": "|", "^": "^"}
_KNOWN = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
"""What is done with numbers that stand in an expression before it is printed."""
_OF_WHOLE_NUMBERS = {"floor", "ceil", "rint", "trunc"}
"""Functions that change no integer."""

bool_ = dtypes.bool_


class Printer:
    """The value of an instruction as text, of operands that are names or literals. `used` are the functions in it."""

    def __init__(self, instruction: Instruction, operands: Sequence[str]):
        op, given = instruction.op, [value.dtype for value in instruction.inputs]
        if op.scalar is None or len(op.inputs) != len(given):
            raise NotPrinted
        self._op = op
        self._params, self._output = instruction.params, instruction.output.dtype
        self._inputs = {name: Term(x, dtype) for name, x, dtype in zip(op.inputs, operands, given, strict=True)}
        self._dtype = dtypes.result_type(*([dtype for dtype in given if dtype != bool_] or given))
        self.used: set[str] = set()

    def text(self) -> str:
        """All of it. Raises `NotPrinted`, and `OptionError` for what is no such expression."""
        try:
            tree = _parse(self._op.scalar)
        except SyntaxError as error:
            raise OptionError(f"{self._named()} is no expression of Python: {error.msg}") from None
        return self.as_dtype(self._term(tree), self._output).text

    def _named(self) -> str:
        return f"scalar={self._op.scalar!r} of the operation {self._op.name!r}"

    def _wrong(self, part: ast.expr, hint: str = "") -> OptionError:
        return OptionError(
            f"{self._named()} has {ast.unparse(part)!r} in it{hint}; it is an expression of the inputs "
            f"({', '.join(self._op.inputs)}), parameters, numbers and the functions {', '.join(sorted(OF_ONE | OF_TWO))}"
        )

    def literal(self, number: float, dtype: numpy.dtype) -> str:
        """A number of a dtype."""
        raise NotImplementedError

    def arithmetic(self, text: str, dtype: numpy.dtype) -> Term:
        """An operation of the language on operands of a dtype, whose result has to be of it too."""
        raise NotImplementedError

    def converted(self, term: Term, dtype: numpy.dtype) -> Term:
        """A number as one of another dtype, which is not bool."""
        raise NotImplementedError

    def choice(self, condition: Term, a: Term, b: Term) -> str:
        """a if the condition holds, else b."""
        raise NotImplementedError

    def either(self, sign: str, a: Term, b: Term) -> str:
        """a and b (`&`), a or b (`|`), of truths."""
        raise NotImplementedError

    def negated(self, truth: Term) -> str:
        """Whether a condition does not hold, as a condition."""
        raise NotImplementedError

    def call(self, function: str, arguments: list[Term], dtype: numpy.dtype) -> str:
        """A function of those above, or `quotient`, `remainder`, `power`, of numbers of a dtype, which it gives too."""
        raise NotImplementedError

    def as_dtype(self, term: Term, dtype: numpy.dtype | None) -> Term:
        """The term as one of this dtype; None: of that which numbers have here."""
        dtype = dtype or self._dtype
        if term.dtype is None:
            if isinstance(term.text, float) and dtype.kind in "iu":
                raise NotPrinted  # 0.5 beside integers: their dtype is not decided by the row
            number = term.text
            if dtype.kind == "u" and number < 0:  # the -1 of a sign, say, which no such number has
                number %= 1 << 8 * dtype.itemsize
            return Term(self.literal(number, dtype), dtype)
        if term.dtype == dtype:
            return term
        return self.truth(term) if dtype == bool_ else self.converted(term, dtype)

    def truth(self, term: Term) -> Term:
        """Whether it is not 0."""
        if term.dtype == bool_:
            return term
        if term.dtype is None:
            return Term(self.literal(bool(term.text), bool_), bool_)
        return Term(f"{beside(term)} != {self.literal(0, term.dtype)}", bool_, False)

    def _together(self, *terms: Term) -> tuple[list[Term], numpy.dtype]:
        """Terms as those of one dtype, and this."""
        own_dtypes = [term.dtype for term in terms if term.dtype is not None]
        dtype = dtypes.result_type(*own_dtypes) if own_dtypes else self._dtype
        if dtype == bool_ and any(type(term.text) in (int, float) for term in terms if term.dtype is None):
            dtype = self._dtype  # a number beside a truth
        return [self.as_dtype(term, dtype) for term in terms], dtype

    def _term(self, part: ast.expr) -> Term:
        printed = getattr(self, f"_{type(part).__name__}", None)
        if printed is None:
            raise self._wrong(part)
        return printed(part)

    def _Constant(self, part: ast.Constant) -> Term:
        if not isinstance(part.value, (bool, int, float)):
            raise self._wrong(part)
        return Term(part.value, None)

    def _Name(self, part: ast.Name) -> Term:
        if part.id in self._inputs:
            return self._inputs[part.id]
        if part.id not in self._params and part.id not in NUMBERS:
            raise self._wrong(part)
        number = self._params.get(part.id, NUMBERS.get(part.id))
        if not isinstance(number, (bool, int, float, numpy.generic)):
            raise NotPrinted
        return Term(number.item() if isinstance(number, numpy.generic) else number, None)

    def _BinOp(self, part: ast.BinOp) -> Term:
        a, b, kind = self._term(part.left), self._term(part.right), type(part.op)
        if kind is ast.MatMult:
            raise self._wrong(part)
        if a.dtype is None and b.dtype is None and kind in _KNOWN:
            return Term(_KNOWN[kind](a.text, b.text), None)
        if kind is ast.Pow and b.dtype is None and a.dtype is not None and a.dtype != bool_:
            return self._power(a, b.text)
        (a, b), dtype = self._together(a, b)
        if dtype == bool_ and self._output != bool_:  # NumPy squares and divides truths as integers of 8 bits
            a, b, dtype = self.as_dtype(a, self._output), self.as_dtype(b, self._output), self._output
        sign = _SIGNS.get(kind)
        if dtype == bool_:
            if sign not in _OF_TRUTHS:
                raise NotPrinted
            return Term(self.either(_OF_TRUTHS[sign], a, b), bool_, False)
        if (sign == "/" and dtype.kind != "f") or (sign in ("&", "|", "^") and dtype.kind == "f"):
            raise NotPrinted
        if sign:
            return self.arithmetic(f"{beside(a)} {sign} {beside(b)}", dtype)
        if kind in (ast.LShift, ast.RShift):
            return self._shift("<<" if kind is ast.LShift else ">>", a, b, dtype)
        return self._called({ast.FloorDiv: "quotient", ast.Mod: "remainder", ast.Pow: "power"}[kind], [a, b], dtype)

    def _power(self, x: Term, exponent: float) -> Term:
        """xⁿ of a number n: small powers are products, as they are in NumPy or better."""
        if exponent in (1, 2, 3):
            return x if exponent == 1 else self.arithmetic(" * ".join([beside(x)] * int(exponent)), x.dtype)
        if exponent == 0:
            return self.as_dtype(Term(1, None), x.dtype)
        if x.dtype.kind == "f" and exponent == 0.5:
            return self._called("sqrt", [x], x.dtype)
        if x.dtype.kind == "f" and exponent == -1:
            return self.arithmetic(f"{self.literal(1, x.dtype)} / {beside(x)}", x.dtype)
        if x.dtype.kind != "f" and exponent < 0:
            raise NotPrinted  # an error, in eager mode
        return self._called("power", [x, self.as_dtype(Term(exponent, None), x.dtype)], x.dtype)

    def _shift(self, sign: str, a: Term, b: Term, dtype: numpy.dtype) -> Term:
        """No shift is further than there are digits: all of them are lost, but that of the sign."""
        if dtype.kind == "f":
            raise NotPrinted
        bits = dtype.itemsize * 8
        far = self.literal(bits, dtype) if bits <= numpy.iinfo(dtype).max else None
        inside = Term(f"{beside(b)} < {far}", bool_, False) if far else Term(self.literal(True, bool_), bool_)
        if dtype.kind == "i":
            inside = Term(
                self.either("&", Term(f"{beside(b)} >= {self.literal(0, dtype)}", bool_, False), inside), bool_, False
            )
        lost = Term(self.literal(0, dtype), dtype)
        if sign == ">>" and dtype.kind == "i":
            negative = Term(f"{beside(a)} < {self.literal(0, dtype)}", bool_, False)
            lost = Term(self.choice(negative, Term(self.literal(-1, dtype), dtype), lost), dtype)
        return Term(self.choice(inside, self.arithmetic(f"{beside(a)} {sign} {beside(b)}", dtype), lost), dtype)

    def _UnaryOp(self, part: ast.UnaryOp) -> Term:
        x, kind = self._term(part.operand), type(part.op)
        if kind is ast.Not:
            return Term(self.negated(self.truth(x)), bool_, False)
        if kind is ast.UAdd:
            return x
        if x.dtype is None:
            return Term(-x.text if kind is ast.USub else ~x.text, None)
        if kind is ast.Invert:
            if x.dtype == bool_:
                return Term(self.negated(x), bool_, False)
            if x.dtype.kind == "f":
                raise NotPrinted
            return self.arithmetic(f"~{beside(x)}", x.dtype)
        if x.dtype == bool_:
            raise NotPrinted
        return self.arithmetic(f"-{beside(x)}", x.dtype)

    def _BoolOp(self, part: ast.BoolOp) -> Term:
        first, *others = [self.truth(self._term(value)) for value in part.values]
        for other in others:
            first = Term(self.either("&" if isinstance(part.op, ast.And) else "|", first, other), bool_, False)
        return first

    def _Compare(self, part: ast.Compare) -> Term:
        sign = _COMPARISONS.get(type(part.ops[0]))
        if sign is None or len(part.ops) > 1:
            raise self._wrong(part, ", to be written with `and`" if sign else "")
        (a, b), _ = self._together(self._term(part.left), self._term(part.comparators[0]))
        return Term(f"{beside(a)} {sign} {beside(b)}", bool_, False)

    def _IfExp(self, part: ast.IfExp) -> Term:
        condition = self.truth(self._term(part.test))
        (a, b), dtype = self._together(self._term(part.body), self._term(part.orelse))
        return Term(self.choice(condition, a, b), dtype)

    def _Call(self, part: ast.Call) -> Term:
        name = part.func.id if isinstance(part.func, ast.Name) else ""
        known = name in OF_ONE or name in OF_TWO or name in self._params
        if not known or len(part.args) != 1 + (name in OF_TWO) or part.keywords:
            raise self._wrong(part)
        arguments = [self._term(argument) for argument in part.args]
        if name in self._params:
            dtype = self._params[name]
            if not isinstance(dtype, numpy.dtype):
                raise NotPrinted
            return self.as_dtype(arguments[0], dtype)
        arguments, dtype = self._together(*arguments)
        return self._called(name, arguments, dtype)

    def _called(self, name: str, arguments: list[Term], dtype: numpy.dtype) -> Term:
        x = arguments[0]
        zero = Term(self.literal(0, dtype), dtype)
        if name in ("min", "max"):
            a, b = arguments
            wins = Term(f"{beside(a)} {'<' if name == 'min' else '>'} {beside(b)}", bool_, False)
            if dtype.kind == "f":
                wins = Term(self.either("|", wins, Term(f"{beside(a)} != {beside(a)}", bool_, False)), bool_, False)
            return Term(self.choice(wins, a, b), dtype)
        if name == "isnan":
            return self._asked(dtype, False, lambda: Term(f"{beside(x)} != {beside(x)}", bool_, False))
        if name in ("isinf", "isfinite"):
            size, sign = lambda: self._called("abs", [x], dtype), "==" if name == "isinf" else "<"
            compared = lambda: Term(f"{size().text} {sign} {self.literal(numpy.inf, dtype)}", bool_, False)  # noqa: E731
            return self._asked(dtype, name == "isfinite", compared)
        if dtype.kind != "f":
            if name in _OF_WHOLE_NUMBERS or (name == "abs" and dtype.kind in "ub"):
                return x
            if name == "abs":
                below = Term(f"{beside(x)} < {zero.text}", bool_, False)
                return Term(self.choice(below, self.arithmetic(f"-{beside(x)}", dtype), x), dtype)
            if name not in ("quotient", "remainder", "power") or dtype == bool_:
                raise NotPrinted
        self.used.add(name)
        return Term(self.call(name, arguments, dtype), dtype)

    def _asked(self, dtype: numpy.dtype, of_integers: bool, of_floats: Callable[[], Term]) -> Term:
        """What only floats can be."""
        return of_floats() if dtype.kind == "f" else Term(self.literal(of_integers, bool_), bool_)


@lru_cache
def _parse(text: str) -> ast.expr:
    return expression(text)


def beside(term: Term) -> str:
    """As it stands beside an operator."""
    return term.text if term.simple else f"({term.text})"
