"""One call of PyTorch's as a line of ours. Read before: `names.py` and `spellings/rows.py`. Read next: `porter.py`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..spellings import Spelling
from ..spellings.rows import ANOTHER_WORD, LEFT_OUT, UNKNOWN, TypedArgument
from .names import ScriptNames

WITHOUT_BRACKETS = (
    *(ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.JoinedStr),
    *(ast.Tuple, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp),
)
"""Expressions to which `.name` can be appended without brackets."""

BY_NAME = frozenset(("dtype", "device"))
"""What PyTorch's functions take by name alone."""

DELIMITED = re.compile(r"[(,\[=]\s*$"), re.compile(r"\s*[),\]]")
IMPORTED = re.compile(r"with import (\w+)")


class TurnedCall(NamedTuple):
    """What takes the place of a call.

    text    "" where there is nothing to write
    pair    both texts where it is a pair of tensors
    notes   what was lost
    import_ a module that it needs
    """

    text: str
    pair: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    import_: str = ""


class CallText:
    """A call whose arguments are texts that have been turned already.

    text   says what takes the place of an argument
    names  what names of the script mean
    """

    def __init__(self, text: Callable[[ast.expr], str], names: ScriptNames):
        self._text, self._names = text, names
        self._texts: dict[str, str] = {}

    def filled(
        self, found: Sequence[Spelling], args: Sequence[ast.expr], keywords: dict[str, ast.expr]
    ) -> tuple[Spelling, TurnedCall] | None:
        """The row that fits and its line; None where none does."""
        for left_out in ((), LEFT_OUT):
            typed = {word: node for word, node in keywords.items() if word not in left_out}
            for row in found:
                if row.place == "torch" and row.rest is None and BY_NAME & set(list(row.parameters)[: len(args)]):
                    continue
                self._texts = {}
                listed = row.rest is not None
                words = {word: TypedArgument(self._hidden(node, listed), UNKNOWN) for word, node in typed.items()}
                given = row.bind([TypedArgument(self._hidden(node, listed), UNKNOWN) for node in args], words)
                if given is not None:
                    return row, self._line(row, row.filled(given, self._names.root), typed)
        return None

    def _line(self, row: Spelling, line: str, typed: dict[str, ast.expr]) -> TurnedCall:
        words = set(re.findall(r"\w+", row.ours))
        lost = [
            word
            for word in typed
            if word in row.parameters and row.ours != "-" and word not in words and word not in LEFT_OUT
            if ast.unparse(typed[word]) != ast.unparse(row.parameters[word] or ast.Constant(...))
        ]
        notes = tuple(f"{row.name} has no {word}= here" for word in lost)
        module = IMPORTED.search(row.differs)
        pair = _pair(line)
        return TurnedCall(self._shown(line), tuple(map(self._shown, pair)), notes, module[1] if module else "")

    def _hidden(self, node: ast.expr, listed: bool) -> ast.expr:
        """A node that stands for an argument while the row is filled; numbers and tuples stand for themselves."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = f"port_{len(self._texts)}_"
            self._texts[name] = self._text(node)
            return ast.Constant(name)
        if isinstance(node, (ast.Constant, ast.UnaryOp)) and not any(
            isinstance(part, ast.Name) for part in ast.walk(node)
        ):
            return ast.parse(self._text(node), mode="eval").body
        if isinstance(node, ast.Tuple) or (listed and isinstance(node, ast.List)):
            return type(node)([self._hidden(part, listed) for part in node.elts], ast.Load())
        if isinstance(node, ast.Starred):
            return ast.Starred(self._hidden(node.value, listed), ast.Load())
        text = self._text(node)
        if isinstance(node, ast.Name) and text == node.id:
            return node
        number = re.search("dim|axis|size|step", text) is not None and isinstance(node, (ast.Attribute, ast.BinOp))
        name = f"port_{len(self._texts)}_{'dim' if number else ''}"
        self._texts[name] = text
        return ast.Name(name, ast.Load())

    def _shown(self, line: str) -> str:
        """The line with the arguments' own texts."""
        parts, end = [], 0
        for match in re.finditer(r"'?\b(port_\d+_(?:dim)?)\b'?", line):
            text, before, after = self._texts[match[1]], line[end : match.start()], line[match.end() :]
            inside = (DELIMITED[0].search(line[: match.start()]) or not line[: match.start()]) and (
                DELIMITED[1].match(after) or not after
            )
            parts += [before, text if inside or is_atom(text) else f"({text})"]
            end = match.end()
        return "".join([*parts, line[end:]])


def _pair(line: str) -> tuple[str, ...]:
    try:
        body = ast.parse(line, mode="eval").body
    except SyntaxError:
        return ()
    return tuple(map(ast.unparse, body.elts)) if isinstance(body, ast.Tuple) else ()


def is_atom(text: str) -> bool:
    """Whether `.name` can be appended to an expression as it stands."""
    try:
        body = ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError:
        return False
    if isinstance(body, ast.Tuple):
        return text.startswith("(") and not isinstance(ast.parse(f"{text}.a", mode="eval").body, ast.Tuple)
    return (isinstance(body, WITHOUT_BRACKETS) and not isinstance(body, ast.GeneratorExp)) or (
        text.startswith("(") and _closed(text)
    )


def _closed(text: str) -> bool:
    """Whether the first bracket is closed by the last."""
    try:
        return isinstance(ast.parse(f"{text}.a", mode="eval").body, ast.Attribute)
    except SyntaxError:
        return False


class Words(NamedTuple):
    """What becomes of the keywords of a call whose function has the same name here: another word, or left out."""

    renamed: dict[str, str]
    dropped: tuple[str, ...]
    unknown: tuple[str, ...]


def words_of(function: object, keywords: Sequence[str]) -> Words:
    """What a function of ours calls the keywords of a call."""
    try:
        parameters = inspect.signature(function).parameters  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return Words({}, (), ())
    kinds = {parameter.kind for parameter in parameters.values() if parameter.name != "typed"}
    strange = [] if inspect.Parameter.VAR_KEYWORD in kinds else [word for word in keywords if word not in parameters]
    renamed = {word: ANOTHER_WORD[word] for word in strange if ANOTHER_WORD.get(word) in parameters}
    dropped = tuple(word for word in strange if word in LEFT_OUT and word not in renamed)
    return Words(renamed, dropped, tuple(word for word in strange if word not in (*renamed, *dropped)))
