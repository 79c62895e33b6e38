"""The source of an operation in this library: the row of the table, or the statement, that defines it.

Read next: `page/`.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache

from tinygrad_ml import ops
from tinygrad_ml.ops import Primitive


@cache
def source_of(op: Primitive) -> str:
    """The statement that defines an operation (its value, shape and gradient rules), with the functions it names.

    Empty if it is not in the library's table, as for an operation of a user's own.
    """
    if ops.PRIMITIVES.get(op.name) is not op:
        return ""
    for module in ops.FAMILIES:
        try:
            text = inspect.getsource(module)
        except (OSError, TypeError):
            continue
        if f'"{op.name}"' not in text:
            continue
        tree = ast.parse(text)
        functions = {part.name: part for part in tree.body if isinstance(part, ast.FunctionDef)}
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and _defines(statement.value, op.name):
                lines = text.splitlines()
                named = _functions_named_in(statement, functions)
                own = _lines(lines, statement)
                own = own if "\n" in own else re.sub(" {2,}", " ", own)  # a row, away from its table
                parts = [*(_lines(lines, functions[name]) for name in named), own]
                return f"# {module.__name__.replace('.', '/')}.py\n\n" + "\n\n\n".join(parts)
    return ""


def _defines(value: ast.expr, name: str) -> bool:
    """Whether an expression is a call whose first argument is the name of the operation."""
    return (
        isinstance(value, ast.Call)
        and bool(value.args)
        and isinstance(value.args[0], ast.Constant)
        and value.args[0].value == name
    )


def _functions_named_in(statement: ast.stmt, functions: dict[str, ast.FunctionDef]) -> list[str]:
    """The functions of the file that a statement uses, and those that they use in turn."""
    found: list[str] = []
    waiting: list[ast.AST] = [statement]
    while waiting:
        for part in ast.walk(waiting.pop()):
            if isinstance(part, ast.Name) and part.id in functions and part.id not in found:
                found.append(part.id)
                waiting.append(functions[part.id])
    # `unary` and `binary` only make a Primitive of a row of the table; they explain no operation.
    return [name for name in functions if name in found and name not in ("unary", "binary")]


def _lines(lines: list[str], part: ast.stmt) -> str:
    return "\n".join(lines[part.lineno - 1 : part.end_lineno])
