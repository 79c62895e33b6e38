"""The update of large parameters: block by block by NumPy, or one walk through their memory by machine code, which threads share.

NumPy goes a dozen times through each block, and computes in one thread. A walk is printed from what the operations of the
update say of one number, and only if these are such that every processor rounds them alike: then it is the update by NumPy to
the bit, and so is that of any number of threads. But LLVM takes a tenth of a second, and 60 MB or more of memory. So
there is a walk, where llvmlite is installed, when NumPy has taken about as long as that.

Read before: `loop.py`, `machine/llvm/language.py`. Read next: `together.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy

from ..backend.dtypes import float32, float64
from ..denormals import can_flush
from ..graph import Node, topological
from ..machine.machine_code import available
from ..machine.parsing import expression
from ..machine.sharing import again
from .loop import ElementwiseLoop

WORTH_A_WALK = 1 << 17
"""So many numbers the large parameters of a loop must have together,"""
WORTH_LLVM = 1 << 24
"""and so many it must have gone through block by block."""

_ROUNDED_ALIKE = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Call, ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip
_FUNCTIONS = {"sqrt", "abs"}


class LargeParameters:
    """Parameters of one loop, each too large to be brought together with others.

    memory  the number of a parameter -> what its loop overwrites: its own array, and those of its state
    """

    def __init__(self, loop: ElementwiseLoop, memory: Mapping[int, Sequence[numpy.ndarray]]):
        self._loop, self._memory = loop, memory
        enough = sum(arrays[0].size for arrays in memory.values()) >= WORTH_A_WALK
        self._may_walk = enough and loop.dtype in (float32, float64) and can_flush() and available()
        self._text: str | None = None

    def update(self, gradients: Mapping[int, numpy.ndarray], numbers: Mapping[str, float]) -> None:
        """Update them all."""
        if self._may_walk and self._text is None and self._loop.elements_so_far >= WORTH_LLVM:
            self._text = walk_text(self._loop)
            self._may_walk = self._text is not None
        given = numpy.array([numbers[name] for name in self._loop.numbers], self._loop.dtype)
        for i, (array, *state) in self._memory.items():
            arrays = array, _apart(gradients[i], self._memory[i]), *state
            if self._text is None:
                self._loop(arrays, numbers)
            else:
                growth = (*[array.itemsize] * len(arrays), 0)
                again.loop(self._text, array.size, (), (*arrays, given), growth)


def _apart(g: numpy.ndarray, arrays: Iterable[numpy.ndarray]) -> numpy.ndarray:
    """A gradient that is not overwritten with what is updated by it, its numbers in a row."""
    g = numpy.ascontiguousarray(g)
    return g.copy() if any(numpy.may_share_memory(g, array) for array in arrays) else g


def walk_text(loop: ElementwiseLoop) -> str | None:
    """`loop(n, a0, a1, ..., given)` in the language of `machine/llvm/language.py`; None if it cannot say it, or not to the bit."""
    kind = f"{loop.dtype}s"
    names: dict[Node, str] = {node: f"x{i}" for i, node in enumerate(loop.arrays)}
    before = ["nothing_overlaps()", "denormals_are_zero()"]
    for i, node in enumerate(loop.whole):
        names[node] = f"w{i}"
        if i < len(loop.numbers):
            before.append(f"w{i} = given[{i}]")
        elif node.op is None:
            before.append(f"w{i} = {loop.dtype}({float(node.value)!r})")  # type: ignore[arg-type]
    inside = [f"x{i} = a{i}[i]" for i in range(len(loop.arrays))]
    for node in topological(loop.outputs.values()):
        if node.op is None:
            continue
        text = _expression(node.op, [names[x] for x in node.inputs])
        if text is None:
            return None
        names.setdefault(node, f"v{len(names)}")
        (inside if node.shape else before).append(f"{names[node]} = {text}")
    inside += [f"{names[array].replace('x', 'a')}[i] = {names[output]}" for array, output in loop.outputs.items()]
    given = ", ".join(["n", *[f"a{i}: {kind}" for i in range(len(loop.arrays))], f"given: {kind}"])
    lines = [*before, "for i in range(n):", *[f"    {line}" for line in inside]]
    return f"def loop({given}):\n" + "".join(f"    {line}\n" for line in lines)


def _expression(op: Any, operands: Sequence[str]) -> str | None:
    """What an operation computes of single numbers, of these operands; None if not every processor computes it to the bit."""
    tree = expression(op.scalar or "None")
    names = dict(zip(op.inputs, operands, strict=True))
    for part in ast.walk(tree):
        if not isinstance(part, _ROUNDED_ALIKE) or (isinstance(part, ast.Constant) and part.value is None):
            return None
        if isinstance(part, ast.Name):
            if part.id not in names and part.id not in _FUNCTIONS:
                return None
            part.id = names.get(part.id, part.id)
    return ast.unparse(_Bitwise().visit(ast.Expression(tree)))


class _Bitwise(ast.NodeTransformer):
    """Writes "and" and "or", of truths, as the loops' language has them."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        sign = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        return reduce(lambda a, b: ast.BinOp(a, sign, b), node.values)
