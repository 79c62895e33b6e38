"""The mutants: small changes of the code, one at a time, each of which some test should notice.

Cosmic Ray finds the places and makes the changes. Of its operators those are taken that make one thing into its
neighbour (`+` into `-`, `<` into `<=`, `and` into `or`, a number into the next one, a loop into none). Type annotations are
left alone: nothing reads them while the code runs; so is `strict=True` of `zip`, which says what holds anyway.
"""

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
PARTS = (
    "tinygrad_ml/ops/*.py",
    "tinygrad_ml/graph/*.py",
    "tinygrad_ml/autograd/*.py",
    "tinygrad_ml/optim/*.py",
    "tinygrad_ml/optim/lr_scheduler/*.py",
    "tinygrad_ml/compile/passes/*.py",
    "tinygrad_ml/compile/schedule/*.py",
)
"""What is mutated, if nothing else is asked for."""

OPERATORS = [
    *(
        f"core/ReplaceBinaryOperator_{change}"
        for change in (
            "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul", "BitOr_BitAnd", "BitAnd_BitOr",
            "LShift_RShift", "RShift_LShift",
        )
    ),
    *(
        f"core/ReplaceComparisonOperator_{change}"
        for change in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is")
    ),
    *(
        f"core/{change}"
        for change in (
            "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not", "AddNot", "ReplaceTrueWithFalse",
            "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue",
            "ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop",
        )
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one file, from the root of the repository: the `number`-th place at which an operator applies."""

    file: str
    line: int
    operator: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.operator.removeprefix('core/')} {self.number}"

    def text(self) -> str:
        """The line, without indentation, as it is without the change."""
        return (ROOT / self.file).read_text().splitlines()[self.line - 1].strip()

    def source(self) -> str:
        """The text of the changed file."""
        changed = mutate_code((ROOT / self.file).read_text(), _operator(self.operator), self.number)
        assert changed is not None
        return changed

    def change(self) -> tuple[str, str]:
        """The lines that are other ones, without indentation: as they were, and as they are now."""
        lines = (ROOT / self.file).read_text().splitlines()
        difference = [*difflib.unified_diff(lines, self.source().splitlines(), lineterm="", n=0)][3:]
        removed, added = (" ".join(line[1:].strip() for line in difference if line[0] == mark) for mark in "-+")
        return removed, added


def _operator(name: str):
    return cosmic_ray.plugins.get_operator(name)()


def mutants(file: str) -> Iterator[Mutant]:
    """All mutants of a file."""
    source = (ROOT / file).read_text()
    nodes, unread = list(ast_nodes(get_ast(source))), _annotations(source)
    lines = source.splitlines()
    for name in OPERATORS:
        operator = _operator(name)
        positions = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for number, (line, column) in enumerate(positions):
            before = "\n".join([*lines[: line - 1], lines[line - 1][:column]]).rstrip()
            if any(first <= (line, column) < last for first, last in unread) or before.endswith("strict="):
                continue
            if "BinaryOperator" in name and not re.search(r"(?<!\blambda)(?<=[\w)\]}\"'])$", before):
                continue  # the star of `*arguments`, which has no operand on its left
            yield Mutant(file, line, name, number)


def _annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where, as (line, column), the annotations of a source reach."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                found.append(((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)))
    return found
