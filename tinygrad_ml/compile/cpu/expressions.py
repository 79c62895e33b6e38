"""One elementwise operation as an expression in the language of loops, for every dtype but float16.

The table of derivatives has an expression for each of its rows, which `../schedule/scalar.py` takes apart. Here is how it is
written.

Read next: `loops.py`.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy

from ...backend import dtypes
from ...ops.shapes import size
from ..program import Instruction, Value
from ..schedule.scalar import NotPrinted, Printer, Term, beside
from .functions import has_calls
from .places import MEMORY

VECTORS = frozenset(("abs", "sqrt", "floor", "ceil", "rint", "trunc", "copysign"))
"""Functions that machine code computes for many floats at a time ..."""
VECTORS_OF_FLOAT64 = VECTORS | {"exp", "expm1", "log", "log1p", "tanh"}
VECTORS_OF_FLOAT32 = VECTORS_OF_FLOAT64 | {"power", "erf", "sin", "cos"}
"""... and those that `mathematics.py` has besides. All others are computed for one element at a time; NumPy has them
for sixteen, so they are welcome for few elements only, and where NumPy has no call for an operation."""
FEW_ELEMENTS = 256
"""They take one by one no longer than a call of NumPy's."""
PYTHON_SIGNS = {"quotient": "//", "remainder": "%", "power": "**"}


class LoopPrinter(Printer):
    """Prints the language of `machine/llvm/language.py`, in which every number has its dtype."""

    def literal(self, number: float, dtype: numpy.dtype) -> str:
        return literal(number, dtype)

    def arithmetic(self, text: str, dtype: numpy.dtype) -> Term:
        if dtype.kind in "iu" and dtype != dtypes.int64:
            return Term(f"{dtype}({text})", dtype)
        return Term(text, dtype, False)

    def converted(self, term: Term, dtype: numpy.dtype) -> Term:
        text = term.text
        if dtype.kind in "iu" and dtype.itemsize <= 4 and dtype != dtypes.int32 and term.dtype.kind == "f":
            text = f"int64({text})"  # a negative number becomes a large one, as in NumPy
        return Term(f"{dtype}({text})", dtype)

    def choice(self, condition: Term, a: Term, b: Term) -> str:
        return f"({a.text} if {condition.text} else {b.text})"

    def either(self, sign: str, a: Term, b: Term) -> str:
        return f"{beside(a)} {sign} {beside(b)}"

    def negated(self, truth: Term) -> str:
        return f"{beside(truth)} == False"

    def call(self, function: str, arguments: list[Term], dtype: numpy.dtype) -> str:
        if dtype.kind == "f":
            self.slow |= function not in (VECTORS_OF_FLOAT32 if dtype == dtypes.float32 else VECTORS_OF_FLOAT64)
            if function != "power" or dtype == dtypes.float32:
                name = f"floor_{function}" if function in ("quotient", "remainder") else function
                return f"{dtype}({name}({', '.join(argument.text for argument in arguments)}))"
        a, b = map(beside, arguments)
        text = f"{dtype}({a} {PYTHON_SIGNS[function]} {b})"
        if dtype == dtypes.int64 and function == "quotient":  # the least integer by -1
            return f"({self.arithmetic(f'-{a}', dtype).text} if {b} == {self.literal(-1, dtype)} else {text})"
        return text

    slow = False  # whether there is a function in it that is computed for one element at a time


def has_loop(instruction: Instruction, is_reduced: bool) -> bool:
    """Whether a loop can have an elementwise operation, and is not slower with it than a call of NumPy is."""
    slow = _slowness(instruction)
    few = is_reduced or size(instruction.output.shape) <= FEW_ELEMENTS
    return slow is False or (slow is True and (few or not has_calls(instruction)))


_ASKED: dict[Hashable, bool | None] = {}
_MOST = 4096


def _slowness(instruction: Instruction) -> bool | None:
    """Whether it is computed for one element at a time; None if a loop cannot have it."""
    dtypes_of_it = [value.dtype for value in (*instruction.inputs, instruction.output)]
    if not all(dtype in MEMORY for dtype in dtypes_of_it):
        return None
    key = instruction.op, *dtypes_of_it, instruction.frozen
    if key not in _ASKED:
        if len(_ASKED) >= _MOST:
            _ASKED.clear()
        try:
            printer = LoopPrinter(instruction, instruction.op.inputs)
            printer.text()
            _ASKED[key] = printer.slow
        except NotPrinted:
            _ASKED[key] = None
    return _ASKED[key]


def is_brief(instruction: Instruction) -> bool:
    """Whether it is one or two instructions of the processor, and not a function or a division."""
    printer = LoopPrinter(instruction, instruction.op.inputs)
    text = printer.text()
    return not printer.used and "/" not in text and "%" not in text


def expression(instruction: Instruction, operands: list[str]) -> str:
    """The instruction as an expression of operands that are names or literals."""
    return LoopPrinter(instruction, operands).text()


def literal(number: float, dtype: numpy.dtype) -> str:
    """A number of a dtype: `float32(0.5)`."""
    exact = dtype.type(number).item()
    return repr(exact) if dtype == dtypes.bool_ else f"{dtype}({exact!r})"


def constant(value: Value) -> str | None:
    """A constant number as it is written in the source; None if the value is none."""
    return None if value.known_number is None else literal(value.known_number, value.dtype)
