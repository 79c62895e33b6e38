"""A call as it was typed, which is to be put into rows of the table. Read before: `rows.py` and `caller.py`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from .caller import PACKAGE, SourceCall, alias, node_of
from .rows import LEFT_OUT, MODULES, Spelling, TypedArgument, called


class TypedCall:
    """A call as it was typed.

    frame         of the code that calls
    typed         what stands there, if that is known
    args, kwargs  the values
    names         our names of what is given by its place
    owner         whether what is typed is a method: the first value stands before its name
    """

    def __init__(
        self,
        frame: FrameType,
        typed: SourceCall | None,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        names: Sequence[str] = (),
        owner: bool = False,
    ):
        nodes: list[ast.expr | None] = [None] * len(args)
        words: dict[str, ast.expr | None] = dict.fromkeys(kwargs)
        if typed is not None:
            nodes = [*([typed.function.value] if owner else []), *typed.args]
            words = dict(typed.keywords)
        self.frame, self.typed = frame, typed
        values = dict(zip(names, args, strict=False)) | dict(kwargs)
        self.args = [self._argument(node, args[i] if i < len(args) else None) for i, node in enumerate(nodes)]
        self.kwargs = {word: self._argument(node, values.get(word)) for word, node in words.items()}

    def _argument(self, node: ast.expr | None, value: object) -> TypedArgument:
        return TypedArgument(_gpu(node_of(value, self.frame) if node is None else node), value)

    def translated(self, found: Sequence[Spelling]) -> tuple[Spelling, str] | None:
        """The row that fits, and its line with the arguments put in; None where none fits."""
        for left_out in ((), LEFT_OUT):
            kwargs = {word: argument for word, argument in self.kwargs.items() if word not in (*left_out, "out")}
            for row in found:
                given = row.bind(self.args, kwargs)
                if given is not None:
                    return row, self._assigned(row.filled(given, self.root))
        return None

    def _assigned(self, line: str) -> str:
        """What was to be written into `out=` is assigned here."""
        if not line or "out" not in self.kwargs:
            return line
        return f"{ast.unparse(called(self.kwargs['out'].node, 'y'))} = {line}"

    def renamed(self, function: ast.expr, words: Mapping[str, str], parameters: Mapping[str, object]) -> str:
        """The call as it was typed, with other words for some keywords, and without those that have no place here; ""
        where that is no call of ours."""
        if not words or not all(words[word] in parameters or word in LEFT_OUT or word == "out" for word in words):
            return ""
        kept = {words.get(word, word): argument for word, argument in self.kwargs.items() if words.get(word, word)}
        named = [
            ast.keyword(word, called(argument.node, word)) for word, argument in kept.items() if word in parameters
        ]
        args = [called(argument.node, "x") for argument in self.args]
        if self.typed is not None:
            function, args = self.typed.function, self.typed.args
        return self._assigned(ast.unparse(ast.fix_missing_locations(ast.Call(function, args, named))))

    def root(self, name: str) -> ast.expr:
        """A module of ours as the code that called knows it."""
        return ast.parse(alias(PACKAGE + MODULES[name], name, self.frame), mode="eval").body


def _gpu(node: ast.expr) -> ast.expr:
    """'cuda:1' is 'gpu:1' here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.partition(":")[0] == "cuda":
        return ast.Constant(node.value.replace("cuda", "gpu"))
    return node
