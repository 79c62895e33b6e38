"""A script as text and as a tree, and which part of the one belongs to which of the other. Read next: `porter.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..errors import DataError


class ScriptText:
    """A script.

    Raises `DataError` for what is no Python.
    """

    def __init__(self, text: str, name: str):
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            raise DataError(f"{name}{line} is not Python that can be read: {said}") from None
        self.text = text
        self._lines = text.encode().splitlines(keepends=True)  # columns are counted in bytes
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line.decode()))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def place(self, line: int, column: int) -> int:
        """A line, from 1, and a column in bytes as a position in the text."""
        return self._starts[line - 1] + len(self._lines[line - 1][:column].decode())

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> tuple[int, int]:
        """Where a node stands in the text: from, to. A function begins behind the @ of its first decorator."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        first = next(iter(getattr(node, "decorator_list", [])), node)
        return self.place(first.lineno, first.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def line_start(self, place: int) -> int:
        """Where the line begins that has a position."""
        return self.text.rfind("\n", 0, place) + 1

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement of which a node is a part."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def parts(self, node: ast.AST) -> Iterator[ast.expr | ast.stmt | ast.keyword]:
        """The nearest nodes inside of a node that have a place in the text, in its order."""
        return iter(sorted(self._parts(node), key=self.span))

    def _parts(self, node: ast.AST) -> Iterator[ast.expr | ast.stmt | ast.keyword]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.stmt, ast.keyword)):
                yield child
            else:
                yield from self._parts(child)

    def readable(self, node: ast.expr) -> bool:
        """Whether the text at the place of a node is that node: before Python 3.12 that of a part of an f-string need not
        be."""
        try:
            start, stop = self.span(node)
            return ast.dump(ast.parse(f"({self.text[start:stop]})", mode="eval").body) == ast.dump(node)
        except (SyntaxError, IndexError, UnicodeDecodeError):
            return False


def is_computed(node: ast.expr) -> bool:
    """Whether an expression makes a tensor that has no name."""
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def parses(text: str, mode: str) -> bool:
    """Whether a text is an expression ("eval"), or are statements ("exec")."""
    try:
        compile(text, "", mode, ast.PyCF_ONLY_AST)
    except SyntaxError:
        return False
    return True
