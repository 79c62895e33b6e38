"""The NumPy calls that compute an elementwise operation into given memory, as lines of source.

`{out}` may be the same memory as an operand, except where `NOT_IN_PLACE` says otherwise: then one
call writes to it before another has read all.
"""

from __future__ import annotations

from ..program import Instruction

UFUNCS = {
    "neg": "negative",
    "abs": "absolute",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "round": "rint",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "atan2": "arctan2",
    "pow": "power",
} | {
    name: name
    for name in [
        "sign",
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "square",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "floor",
        "ceil",
        "trunc",
        "add",
        "maximum",
        "minimum",
        "remainder",
        "floor_divide",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "isnan",
        "isinf",
        "isfinite",
    ]
}
"""Primitive -> the function of NumPy that takes the memory of the result as `out`."""

SEVERAL = {
    "reciprocal": ("divide({one}, {0}, {out})",),
    "relu": ("maximum({0}, {zero}, out={out})",),
    "softplus": ("logaddexp({0}, {zero}, {out})",),
    "sigmoid": (
        "negative({0}, {out})",
        "exp({out}, {out})",
        "add({out}, {one}, {out})",
        "divide({one}, {out}, {out})",
    ),
    "where": ("copyto({out}, {2})", "copyto({out}, {1}, where={0})"),
    "cast": ("copyto({out}, {0}, casting='unsafe')",),
    "discrete_cast": ("copyto({out}, {0}, casting='unsafe')",),
}
"""Primitive -> its calls; `{0}`, `{1}` are the operands, `{one}` and `{zero}` numbers of their dtype."""

POWERS = {2: "square({0}, {out})", 0.5: "sqrt({0}, {out})", -1: "divide({one}, {0}, {out})"}
"""Exponents for which NumPy itself does not take powers."""

NOT_IN_PLACE = frozenset(("where",))


def has_form(instruction: Instruction) -> bool:
    """Whether an elementwise operation can be written as such calls."""
    name = instruction.op.name
    if name in ("remainder", "floor_divide") and instruction.output.dtype.kind in "iu":
        divisor = instruction.inputs[1].source  # by 0 it is an error, and NumPy's calls and loops give 0
        return divisor is not None and divisor.kind == "constant" and bool(divisor.array.all())
    if name == "logical_not" or name.startswith("is"):
        return True
    return name in UFUNCS or name in SEVERAL or name == "power"


def calls(instruction: Instruction, operands: list[str], out: str) -> list[str]:
    """The lines of source that compute it: from the operands, which are expressions, into `out`."""
    name, dtype = instruction.op.name, instruction.inputs[0].dtype
    words = {"out": out, "one": f"one_{dtype}", "zero": f"zero_{dtype}"}
    if name == "power":
        exponent = instruction.params["exponent"]
        pattern = POWERS.get(exponent, f"power({{0}}, {exponent!r}, {{out}})")
        return [pattern.format(*operands, **words)]
    if name in SEVERAL:
        return [line.format(*operands, **words) for line in SEVERAL[name]]
    target = f"out={out}" if name in ("maximum", "minimum") else out  # a third operand of these means something else
    return [f"{UFUNCS[name]}({', '.join(operands)}, {target})"]
