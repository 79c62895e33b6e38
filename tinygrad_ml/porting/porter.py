"""Goes through a script and puts our text where PyTorch's stands. Read before: `calls.py`, `kinds.py` and `imports.py`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..spellings import Spelling, rows
from ..tensor import Tensor
from .calls import CallText, TurnedCall, is_atom, words_of
from .imports import Imports, first_place
from .kinds import Kinds
from .names import OTHERWISE, ROOMS, ScriptNames, apart, our_module, ours_has
from .source import ScriptText, is_computed, parses

SAME = frozenset(
    ["sum", "mean", "prod", "argmax", "argmin", "any", "all", "logsumexp", "softmax", "log_softmax", "squeeze", "tanh"]
)
"""Functions of a tensor that take here what they take there, as long as nothing is given by name."""

NOTE = "# port: "
DROPPED = "\0"
"""Stands for a statement that is written nowhere."""

AUGMENTED = re.compile(r"([\w.\[\]]+) (\*\*|[-+*/])= (.*)", re.DOTALL)
"""`x += y`, taken apart."""

PARTS = {0: 0, 1: 1, "values": 0, "indices": 1}
"""What is asked of a pair of values and positions → which of the two that is."""


def ported(text: str, name: str = "the script") -> str:
    """A script of PyTorch's in the names of this library.

    text  the script; it is read, and never run
    name  what to call it in errors

    Whatever has no counterpart here stays as it is, and has a comment above its line that begins with `# port:`. A script
    that does not import PyTorch comes back unchanged.

    Raises `DataError` for what is no Python.
    """
    return _Porter(ScriptText(text, name)).result()


class _Porter:
    """One script on its way."""

    def __init__(self, source: ScriptText, names: ScriptNames | None = None):
        self.source = source
        self.names = names or ScriptNames(source.tree)
        self.kinds = Kinds(source.tree, self.names)
        self.imports = Imports(self.names)
        self.notes: dict[int, list[str]] = {}
        self.needed: list[str] = []

    def result(self) -> str:
        if not self.names.theirs:
            return self.source.text
        pieces = dict(self._statements(self.source.tree, 0, len(self.source.text)))
        for node, path in self.imports.missing:
            self._note(node, f"{path}: {self.names.differs(path) if path.startswith('torch.') else 'it is not here'}")
        return self._with_notes(pieces)

    def _statements(self, node: ast.AST, start: int, stop: int) -> Iterator[tuple[int, tuple[int, str]]]:
        """Edits: from → (to, text)."""
        for part in self.source.parts(node):
            first, last = self.source.span(part)
            new = self._turned(part)
            if new is not None:
                yield first, (last, self._in_brackets(part, new))
            elif isinstance(part, ast.JoinedStr):
                yield from self._formatted(part)
            else:
                yield from self._statements(part, first, last)

    def _formatted(self, node: ast.JoinedStr) -> Iterator[tuple[int, tuple[int, str]]]:
        """Edits inside of an f-string."""
        values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        for value in values:
            if self.source.readable(value):
                text = self.text(value)
                start, stop = self.source.span(value)
                if text != self.source.text[start:stop]:
                    if set(text) & {'"', "'"} and text != text.replace("'", '"').replace('"', "'"):
                        quote = self.source.text[self.source.span(node)[1] - 1]
                        text = text.replace(quote, "'" if quote == '"' else '"')
                    yield start, (stop, text)
            elif _Porter(ScriptText(ast.unparse(value), ""), self.names).edited():
                self._note(node, f"write it outside of the text: {ast.unparse(value)}")

    def edited(self) -> bool:
        """Whether there is anything to turn."""
        return bool(list(self._statements(self.source.tree, 0, len(self.source.text))))

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The text of a node, turned."""
        new = self._turned(node)
        return self._in_brackets(node, new) if new is not None else self._inside(node)

    def _inside(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The text of a node that stays, with what is inside of it turned."""
        start, stop = self.source.span(node)
        edits = self._formatted(node) if isinstance(node, ast.JoinedStr) else self._statements(node, start, stop)
        return self._edited(dict(edits), start, stop)

    def _edited(self, edits: dict[int, tuple[int, str]], start: int, stop: int) -> str:
        pieces, end = [], start
        for first in sorted(edits):
            last, new = edits[first]
            pieces += [self.source.text[end:first], new]
            end = last
        return "".join([*pieces, self.source.text[end:stop]])

    def _in_brackets(self, node: ast.AST, new: str) -> str:
        """A text in brackets, where what stands around it would take it apart."""
        parent = self.source.parents.get(node)
        close = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Attribute, ast.Starred, ast.IfExp)
        binds = isinstance(parent, close) or (isinstance(parent, ast.Subscript) and parent.value is node)
        binds = binds or (isinstance(parent, ast.Call) and parent.func is node)
        return f"({new})" if isinstance(node, ast.expr) and binds and not is_atom(new) else new

    def _note(self, node: ast.AST, said: str) -> None:
        statement = self.source.statement(node)
        found = self.notes.setdefault(self.source.line_start(self.source.span(statement)[0]), [])
        if said not in found:
            found.append(said)

    def _with_notes(self, edits: dict[int, tuple[int, str]]) -> str:
        """The whole text, with a line for each note above its statement, and the imports that are needed."""
        text, imports = self.source.text, self._needed_imports()
        for start, said in self.notes.items():
            indent = re.match(r"[ \t]*", text[start:])[0]  # pyright: ignore[reportOptionalSubscript]
            lines = "".join(f"{indent}{NOTE}{' '.join(line.split())}\n" for line in said)
            at = start + len(indent)
            last, new = edits.get(at, (at, ""))
            edits[at] = last, f"{lines.lstrip()}{indent}{new}"
        if imports:
            first = first_place(self.source)
            last, new = edits.get(first, (first, ""))
            lines = "\n".join(imports)
            edits[first] = last, lines if new == DROPPED else f"{lines}\n{new}"
        done = self._edited(edits, 0, len(text))
        return re.sub(rf"^[ \t]*{DROPPED}[ \t]*(\n|$)", "", done, flags=re.MULTILINE).replace(DROPPED, "pass")

    def _needed_imports(self) -> list[str]:
        needed = [f"import {name}" for name in self.needed if name not in self.names.others]
        known = "torch" in self.names.theirs.values()
        return [
            *needed,
            *([f"import tinygrad_ml as {self.names.package}"] if self.names.needs_package and not known else []),
        ]

    # What takes the place of one node; None where it stays.

    def _turned(self, node: ast.expr | ast.stmt | ast.keyword) -> str | None:
        match node:
            case ast.Import() | ast.ImportFrom():
                return self._import(node)
            case ast.Assign(targets=[target], value=ast.Call() as value):
                return self._assigned(target, value)
            case ast.AugAssign(target=ast.Attribute(attr="data", value=owner)) if self.kinds.holds_numbers(owner):
                line = ast.unparse(ast.AugAssign(ast.Name("x"), node.op, ast.Name("y")))  # pyright: ignore
                name, sign = self.text(owner), line.removeprefix("x ").removesuffix("= y")
                return f"{name}.assign({name}.detach() {sign} ({self.text(node.value)}))"
            case ast.Assign(targets=[ast.Attribute(attr="data", value=owner)]) if self.kinds.holds_numbers(owner):
                return f"{self.text(owner)}.assign({self.text(node.value)})"
            case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=0 | 1 as place)):
                return self._part_of_pair(call, PARTS[place])
            case ast.Attribute(value=ast.Call() as call, attr="values" | "indices" as place):
                return self._part_of_pair(call, PARTS[place])
            case ast.Call():
                return self._call(node)
            case ast.Name(ctx=ast.Load()) | ast.Attribute() if self.names.path(node):
                return self._reference(node, self.names.path(node))
            case ast.Attribute(attr="data", ctx=ast.Load()) if self.kinds.holds_numbers(node.value):
                parent = self.source.parents[node]
                written = isinstance(parent, ast.Call) and self.names.path(parent.func).startswith("torch.nn.init.")
                return (
                    None if ast.unparse(node.value) == "self" else self.text(node.value) + ".detach()" * (not written)
                )
            case ast.Attribute(attr="is_cuda" | "grad_fn" as name) if not self.kinds.is_foreign(node.value):
                return self._filled(node, rows("x", name), [node.value], {})
            case ast.Constant(value=str(value)) if re.fullmatch(r"cuda(:\d+)?", value):
                start, stop = self.source.span(node)
                return self.source.text[start:stop].replace("cuda", "gpu")
        return None

    def _import(self, node: ast.Import | ast.ImportFrom) -> str | None:
        found = self.imports.turned(node)
        if found is None:
            return None
        start, _ = self.source.span(node)
        indent = self.source.text[self.source.line_start(start) : start]
        alone = len(getattr(self.source.parents[node], "body", ())) == 1 and node not in self.source.tree.body
        return f"\n{indent}".join(found) or ("pass" if alone else DROPPED)

    def _assigned(self, target: ast.expr, value: ast.Call) -> str | None:
        match target, value.func:
            case ast.Tuple(elts=[first, second]), _ if "_" in (ast.unparse(first), ast.unparse(second)):
                place = 1 if ast.unparse(first) == "_" else 0
                part = self._part_of_pair(value, place)
                return part and f"{self.text((first, second)[place])} = {part}"
            case ast.Name(id=name), ast.Attribute(attr="requires_grad_", value=owner):
                if ast.unparse(value) not in (
                    f"{ast.unparse(value.func)}()",
                    f"{ast.unparse(value.func)}(True)",
                ) or self.kinds.is_module(owner):
                    return None
                start, _ = self.source.span(self.source.parents[value])  # pyright: ignore[reportArgumentType]
                indent = self.source.text[self.source.line_start(start) : start]
                return f"{name} = {self.text(owner)}\n{indent}{name}.requires_grad = True"
        return None

    def _part_of_pair(self, call: ast.Call, place: int) -> str | None:
        line = self._line(call)
        if line is None or len(line.pair) != 2:
            return None
        return line.pair[place]

    def _call(self, call: ast.Call) -> str | None:
        path = self.names.path(call.func)
        if path:
            return self._function(call, path)
        if not self.kinds.is_of_tensor(call) or not isinstance(call.func, ast.Attribute):
            return None
        return self._method(call, call.func)

    def _rows(self, call: ast.Call) -> tuple[tuple[Spelling, ...], list[ast.expr], dict[str, ast.expr]]:
        """The rows that may be meant by a call, and the arguments that they take."""
        path, args = self.names.path(call.func), list(call.args)
        keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        if not path:
            assert isinstance(call.func, ast.Attribute)
            place = "model" if self.kinds.is_module(call.func.value) else "x"
            return rows(place, call.func.attr), [call.func.value, *args], keywords
        module, name = apart(path)
        table = ROOMS[module].table
        found = rows(table, name) if table else ()
        if not found and table == "torch":
            found = rows("x", name)
            if "input" in keywords:
                args = [keywords.pop("input"), *args]
        return found, args, keywords

    def _line(self, call: ast.Call) -> TurnedCall | None:
        """A call by the table."""
        if not self.names.path(call.func) and not self.kinds.is_of_tensor(call):
            return None
        found = CallText(self.text, self.names).filled(*self._rows(call))
        return found[1] if found else None

    def _filled(
        self, node: ast.expr, found: tuple[Spelling, ...], args: list[ast.expr], keywords: dict[str, ast.expr]
    ) -> str | None:
        """What the table has for a node; None, with a note, where that cannot be written."""
        both = CallText(self.text, self.names).filled(found, args, keywords)
        if both is None:
            return None
        row, line = both
        if not line.text:
            self._note(node, f"{row.name}: {row.differs or 'it is not here'}")
            return None
        for said in line.notes:
            self._note(node, said)
        if line.import_ and line.import_ not in self.needed:
            self.needed.append(line.import_)
        parent = self.source.parents.get(node)
        if line.pair:
            if is_computed(args[0]) and row.name not in (
                "std_mean",
                "var_mean",
            ):
                self._note(node, f"{row.name}: what it is called on is computed twice: give it a name on a line before")
            return line.text if isinstance(parent, (ast.Assign, ast.Return)) else f"({line.text})"
        if not parses(line.text, "eval") and not (isinstance(parent, ast.Expr) and parses(line.text, "exec")):
            self._note(node, f"{row.name}: a line of its own here: {line.text}")
            return None
        return line.text

    def _function(self, call: ast.Call, path: str) -> str | None:
        module, name = apart(path)
        words = [keyword.arg for keyword in call.keywords if keyword.arg]
        found, args, keywords = self._rows(call)
        here = ours_has(path) and path not in ROOMS
        same = words_of(getattr(our_module(module), name), words) if here else None
        first = module == "torch" and not (name in SAME and not words)
        if same and not (found and (first or same.unknown)):
            return self._same(call, path, same.renamed, same.dropped, same.unknown)
        if name == "Lazy" or name.startswith("Lazy") or not found or "." in name:
            return self._reference_of_call(call, path)
        text = self._filled(call, found, args, keywords)
        if text is None and same and not any(row.ours == "-" for row in found):
            return self._same(call, path, same.renamed, same.dropped, same.unknown)
        if text is not None and here:  # which the script may have by its name alone
            return text.replace(f"{self.names.reference(module)}.{name}(", f"{self.names.reference(path)}(", 1)
        return self._as_it_is(call) if text is None else text

    def _as_it_is(self, call: ast.Call) -> str:
        """A call whose name stays; there is a note about it, if only that it is not known how to write it."""
        statement = self.source.line_start(self.source.span(self.source.statement(call))[0])
        if statement not in self.notes:
            self._note(call, f"{ast.unparse(call.func)}: it is not known how to write it with these arguments")
        return self._with_function(call, self.source.text[slice(*self.source.span(call.func))], {}, ())

    def _reference_of_call(self, call: ast.Call, path: str) -> str:
        function = self._reference(call.func, path)
        return self._with_function(call, function, {}, ())

    def _same(
        self, call: ast.Call, path: str, renamed: dict[str, str], dropped: tuple[str, ...], unknown: tuple[str, ...]
    ) -> str:
        for word in unknown:
            self._note(call, f"{apart(path)[1]} has no {word}= here")
        return self._with_function(call, self.names.reference(path), renamed, dropped)

    def _with_function(self, call: ast.Call, function: str, renamed: dict[str, str], dropped: tuple[str, ...]) -> str:
        """A call with another function, and other words for its keywords; its layout stays if nothing is dropped."""
        edits = {}
        for part in (*call.args, *call.keywords):
            word = part.arg if isinstance(part, ast.keyword) else None
            text = self.text(part) if word not in renamed else f"{renamed[word]}={self.text(part.value)}"  # type: ignore
            start, stop = self.source.span(part)
            edits[start] = stop, text
        if dropped:
            kept = [part for part in (*call.args, *call.keywords) if getattr(part, "arg", None) not in dropped]
            return f"{function}({', '.join(edits[self.source.span(part)[0]][1] for part in kept)})"
        start, stop = self.source.span(call)
        edits[start] = self.source.span(call.func)[1], function
        return self._edited(edits, start, stop)

    def _method(self, call: ast.Call, function: ast.Attribute) -> str | None:
        name, owner = function.attr, function.value
        words = [keyword.arg for keyword in call.keywords if keyword.arg]
        of_data = isinstance(owner, ast.Attribute) and owner.attr == "data" and name.endswith("_")
        if isinstance(owner, ast.Attribute) and of_data:
            function.value = owner.value  # what writes into `x.data` writes into x here
        if name == "to":
            return self._moved(call)
        alone = name.removesuffix("_")
        writes = name != alone and (rows("x", alone) or hasattr(Tensor, alone)) and alone != "requires_grad"
        if writes and not isinstance(self.source.parents.get(call), ast.Expr) and is_computed(owner):
            function.attr = name = alone  # nobody else has what is written into
        if name in SAME and not words:
            return None
        found, args, keywords = self._rows(call)
        if not found or any(keyword.arg is None for keyword in call.keywords):
            return None
        text = self._filled(call, found, args, keywords)
        if text and of_data and (changed := AUGMENTED.fullmatch(text)):
            return f"{changed[1]}.assign({changed[1]}.detach() {changed[2]} ({changed[3]}))"
        if text is None and not hasattr(Tensor, name) and all(row.ours != "-" for row in found):
            lines = found[0].as_it_stands()
            if self.source.line_start(self.source.span(self.source.statement(call))[0]) not in self.notes:
                self._note(call, f"{name}: here it is {lines}")
        return text

    def _moved(self, call: ast.Call) -> str | None:
        """`.to(...)`: to a device as it stands, to a dtype as `astype`."""
        assert isinstance(call.func, ast.Attribute)
        words = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg != "non_blocking"}
        given = [*call.args, *words.values()]
        dtype = len(given) == 1 and ("dtype" in words or self.names.is_dtype(given[0]))
        owner = self.text(call.func.value)
        if self.kinds.is_module(call.func.value):
            return f"{owner}.to(dtype={self.text(given[0])})" if dtype else None
        if dtype:
            return f"{owner}.astype({self.text(given[0])})"
        if len(given) == 2:
            return f"{owner}.to({self.text(given[0])}).astype({self.text(given[1])})"
        if len(given) < len(call.args) + len(call.keywords) and given:
            return f"{owner}.to({self.text(given[0])})"
        return None

    def _reference(self, node: ast.expr, path: str) -> str:
        """A name of PyTorch's that is not called, or is called as here."""
        module, name = apart(path)
        head, _, rest = name.partition(".")
        if path in ROOMS and ours_has(path):
            return self.names.reference(path)
        if path in OTHERWISE:
            return self.names.reference(OTHERWISE[path])
        if head and ours_has(f"{module}.{head}"):
            return self.names.reference(f"{module}.{head}") + (f".{rest}" if rest else "")
        if (
            module == "torch"
            and re.fullmatch(r"[A-Z]\w+Tensor", name)
            and node is not getattr(self.source.parents[node], "func", None)
        ):
            return self.names.reference("torch.Tensor")
        found = tuple(row for row in rows(ROOMS[module].table, head) if not row.called) if ROOMS[module].table else ()
        if found and not rest and found[0].ours != "-":
            text = self._filled(node, found, [], {})
            if text is not None:
                return text
        if head and not (isinstance(node, ast.Name) and path in dict(self.imports.missing).values()):
            self._note(node, f"{path}: {self.names.differs(path)}")
        return self.source.text[slice(*self.source.span(node))]
