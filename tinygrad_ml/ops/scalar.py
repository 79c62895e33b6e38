"""What an elementwise operation computes of single numbers, as an expression of Python: `scalar` of its row.

    tanh     tanh(x)
    relu     0 if x < 0 else x
    power    x ** exponent

It is stated once. Loops for the CPU and kernels for a GPU are printed from it, for every dtype that the row accepts
(`compile/schedule/scalar.py`). In it may stand

- the inputs, by their names, and parameters of the operation; a parameter that is a dtype is called: `dtype(x)`;
- numbers, which take the dtype of the inputs, and `inf`, `nan`, `pi`, `e`;
- `+ - * / // % **`, of integers `& | ^ ~ << >>`, comparisons, `and`, `or`, `not`, `a if c else b`, all as NumPy has
  them;
- the functions below.
"""

import ast
import inspect
import math
from collections.abc import Callable

from ..errors import OptionError

# fmt: off
OF_ONE = frozenset((
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "erf", "abs", "floor", "ceil", "rint", "trunc", "isnan", "isinf", "isfinite",
))
OF_TWO = frozenset(("atan2", "hypot", "copysign", "min", "max"))
# fmt: on
SCALAR_FUNCTIONS = OF_ONE | OF_TWO
"""By the names of C and Python; `rint` rounds half to even, `min` and `max` are nan if one of the numbers is."""

NUMBERS = {"inf": math.inf, "nan": math.nan, "pi": math.pi, "e": math.e}

_PARTS = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant, ast.Load),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_NOT_OF_NUMBERS = (ast.MatMult, ast.Is, ast.IsNot, ast.In, ast.NotIn)


def parsed(text: str, name: str, inputs: tuple[str, ...], value: Callable) -> ast.expr:
    """The expression. `OptionError` if it is none, or if in it stands what cannot be printed.

    name, inputs, value  of its operation
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise OptionError(
            f"scalar={text!r} of the operation {name!r} is no expression of Python: {error.msg}"
        ) from None
    # What is called is no number, and so may be a name of its own.
    called = {id(part.func) for part in ast.walk(tree) if isinstance(part, ast.Call)}
    known = {*inputs, *NUMBERS, *list(inspect.signature(value).parameters)[1:]}
    for part in ast.walk(tree):
        wrong = _wrong(part, known, id(part) in called)
        if wrong:
            raise OptionError(
                f"scalar={text!r} of the operation {name!r} has {wrong} in it; it is an expression of the inputs "
                f"({', '.join(inputs)}), parameters, numbers and the functions {', '.join(sorted(SCALAR_FUNCTIONS))}"
            )
    return tree


def _wrong(part: ast.AST, known: set[str], called: bool) -> str | None:
    """What is wrong with a part of an expression, in words."""
    if isinstance(part, ast.Name):
        return None if part.id in known or (called and part.id in SCALAR_FUNCTIONS) else repr(part.id)
    if isinstance(part, ast.Constant):
        return None if isinstance(part.value, (bool, int, float)) else repr(part.value)
    if isinstance(part, ast.Compare) and len(part.ops) > 1:
        return f"{ast.unparse(part)!r}, to be written with `and`,"
    if isinstance(part, ast.Call):
        function = part.func.id if isinstance(part.func, ast.Name) else ""
        wanted = 1 + (function in OF_TWO)
        return None if len(part.args) == wanted and not part.keywords else repr(ast.unparse(part))
    if isinstance(part, _NOT_OF_NUMBERS) or not isinstance(part, _PARTS):
        return repr(ast.unparse(part) if isinstance(part, ast.expr) else type(part).__name__)
    return None
