"""A row of the table: a call of PyTorch's, and how the same is written here. Read before: `tables/`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy

from .tables import TEXTS

GAP = re.compile(r" {2,}")

LEFT_OUT = frozenset(
    [
        "memory_format",
        "non_blocking",
        "layout",
        "pin_memory",
        "pin_memory_device",
        "generator",
        "foreach",
        "fused",
        "capturable",
        "differentiable",
        "timeout",
        "persistent_workers",
        "worker_init_fn",
        "prefetch_factor",
        "multiprocessing_context",
        "num_workers",
        "sorted",
        "stable",
        "inplace",
        "weights_only",
    ]
)
"""Arguments of PyTorch's that say how something is done, and not what: they have no place here."""

OWNERS = ("x", "model")
"""What a tensor and a module are called whose methods the table has."""

ANOTHER_WORD = {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "axis": "dim", "keepdims": "keepdim"}
"""What an argument is called in the other of the two languages that are spoken here, the standard's and PyTorch's."""


class TypedArgument(NamedTuple):
    """What was typed for a parameter, and its value.

    node   `NAMELESS` where nobody knows what it is called
    value  `UNKNOWN` where code is only read
    """

    node: ast.expr
    value: object


NAMELESS = ast.Name("")
UNKNOWN = object()

Arguments: TypeAlias = dict[str, "TypedArgument | list[TypedArgument]"]
"""Parameter → what was given for it."""

MODULES = {
    "tg": "",
    "nn": ".nn",
    "F": ".nn.functional",
    "init": ".nn.init",
    "utils": ".nn.utils",
    "optim": ".optim",
    "lr_scheduler": ".optim.lr_scheduler",
    "data": ".data",
}
"""What our modules are called in the table, and their places in the package."""


class Spelling:
    """A line of the table.

    theirs   PyTorch's call, with its parameters, or an attribute
    ours     the same in this library, in terms of those parameters; "-" for nothing
    differs  what else there is to say
    """

    def __init__(self, line: str):
        columns = [*GAP.split(line.strip(), maxsplit=2), ""]
        self.theirs, self.ours, self.differs = columns[:3]

    def __repr__(self) -> str:
        return f"Spelling({self.theirs!r}, {self.ours!r})"

    @cached_property
    def _call(self) -> ast.expr:
        return ast.parse(self.theirs, mode="eval").body

    @property
    def called(self) -> bool:
        """Whether it is a call, and not an attribute."""
        return isinstance(self._call, ast.Call)

    @cached_property
    def place(self) -> str:
        """What stands before the name: `x`, `torch`, `F`."""
        return self.theirs.partition("(")[0].rpartition(".")[0]

    @cached_property
    def name(self) -> str:
        """PyTorch's name."""
        return self.theirs.partition("(")[0].rpartition(".")[2]

    @cached_property
    def parameters(self) -> dict[str, ast.expr | None]:
        """Parameter → its default, or None if it must be given. The first of a method is whose it is."""
        found: dict[str, ast.expr | None] = {self.place: None} if self.place in OWNERS else {}
        if isinstance(self._call, ast.Call):
            found |= {argument.id: None for argument in self._call.args if isinstance(argument, ast.Name)}
            found |= {keyword.arg: keyword.value for keyword in self._call.keywords if keyword.arg}
        return found

    @cached_property
    def rest(self) -> str | None:
        """The parameter that takes any number of arguments."""
        args = self._call.args if isinstance(self._call, ast.Call) else []
        return next((ast.unparse(argument.value) for argument in args if isinstance(argument, ast.Starred)), None)

    @cached_property
    def words(self) -> dict[str, str]:
        """Our keyword → PyTorch's, where they are two words for one thing."""
        calls = [node for node in ast.walk(self._ours) if isinstance(node, ast.Call)] if self.ours != "-" else []
        return {
            keyword.arg: keyword.value.id
            for call in calls
            for keyword in call.keywords
            if keyword.arg and isinstance(keyword.value, ast.Name) and keyword.value.id in self.parameters
        }

    @cached_property
    def _ours(self) -> ast.Module:
        return ast.parse(self.ours)

    def bind(self, args: Sequence[TypedArgument], keywords: Mapping[str, TypedArgument]) -> Arguments | None:
        """Parameter → what was given for it; None if the call of this row cannot have been meant."""
        names = [name for name in self.parameters if not self.rest or name in OWNERS]
        given: Arguments = dict(zip(names, args, strict=False))
        if self.rest is not None:
            given[self.rest] = list(args[len(names) :])
        elif len(args) > len(names):
            return None
        for word, argument in keywords.items():
            word = word if word in self.parameters or word == self.rest else self.words.get(word, word)
            if word == self.rest and not given[word]:
                given[word] = [argument]
            elif word in given or word not in self.parameters:
                return None
            else:
                given[word] = argument
        if any(default is None and name not in given for name, default in self.parameters.items()):
            return None
        if self.rest is not None and not given[self.rest] and self.place != "torch":
            return None
        if not all(_fits(name, argument) for name, argument in given.items()):
            return None
        return {name: _with_node(argument, name) for name, argument in given.items()}

    def filled(self, given: Arguments, roots: Callable[[str], ast.expr] = ast.Name) -> str:
        """Our line with what was given put in; `roots` says how modules of ours are called there."""
        if self.ours == "-":
            return ""
        if self.name == "expand":
            given = _with_sizes_of_x(given)
        filled = _Filling(given, self.parameters, roots).visit(ast.parse(self.ours))
        text = ast.unparse(ast.fix_missing_locations(filled)).strip()
        pair = isinstance(filled.body[0], ast.Expr) and isinstance(filled.body[0].value, ast.Tuple)
        return text[1:-1] if pair and text.startswith("(") else text

    def as_it_stands(self) -> str:
        """Our line where it is not known what was given: the parameters stand for themselves."""
        names = {name: TypedArgument(ast.Name(name), UNKNOWN) for name in self.parameters}
        rest = {self.rest: [TypedArgument(ast.Starred(ast.Name(self.rest)), UNKNOWN)]} if self.rest else {}
        return self.filled(names | rest)


def _with_sizes_of_x(given: Arguments) -> Arguments:
    """A size of -1 is written out: it is the size that x has there."""
    x, sizes = given["x"], given["sizes"]
    nodes = [size.node for size in sizes] if isinstance(sizes, list) else []
    if len(nodes) == 1 and isinstance(nodes[0], (ast.Tuple, ast.List)):
        nodes = nodes[0].elts
    if not isinstance(x, TypedArgument):
        return given
    of_x = [
        ast.Subscript(ast.Attribute(x.node, "shape"), ast.UnaryOp(ast.USub(), ast.Constant(len(nodes) - i)))
        if ast.unparse(node) == "-1"
        else node
        for i, node in enumerate(nodes)
    ]
    return given | {"sizes": [TypedArgument(node, UNKNOWN) for node in of_x]}


def _with_node(argument: TypedArgument | list[TypedArgument], name: str) -> TypedArgument | list[TypedArgument]:
    """The parameter's own name stands for what nobody knows a name of."""
    if isinstance(argument, list):
        return [TypedArgument(called(part.node, name), part.value) for part in argument]
    return TypedArgument(called(argument.node, name), argument.value)


def called(node: ast.expr, name: str) -> ast.expr:
    """A name for what has none."""
    return ast.Name(name) if node is NAMELESS else node


def _fits(name: str, argument: TypedArgument | list[TypedArgument]) -> bool:
    """Whether an argument can be meant for a parameter."""
    if isinstance(argument, list):
        return True
    value = argument.value
    tensor = hasattr(value, "requires_grad")
    if value is UNKNOWN:
        literal = isinstance(argument.node, (ast.Constant, ast.UnaryOp, ast.Tuple, ast.List))
        tensor = not literal and not re.search("dim|axis|size|step|^[a-z]$", ast.unparse(argument.node))
    match name:
        case "dim" | "correction":
            return not tensor
        case "unbiased":
            return value is UNKNOWN or isinstance(value, bool)
        case "dtype":
            named = isinstance(value, str) and re.fullmatch(r"(u?int|float|bool)\d*", value) is not None
            return value is UNKNOWN or named or isinstance(value, (type, numpy.dtype))
        case "src" | "mat2":
            return tensor or value is UNKNOWN
        case "data":
            return not isinstance(value, int)
    return True


class _Filling(ast.NodeTransformer):
    """Puts arguments in the place of parameters. What was given is not looked into."""

    def __init__(self, given: Arguments, parameters: Mapping[str, ast.expr | None], roots: Callable[[str], ast.expr]):
        self.given, self.parameters, self.roots = given, parameters, roots

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self.given.get(node.id)
        if isinstance(found, TypedArgument):
            return found.node
        if isinstance(found, list):
            return _one(found)
        default = self.parameters.get(node.id)
        if default is not None:
            return default
        return self.roots(node.id) if node.id in MODULES else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Call(
            self.visit(node.func),
            list(self._spread([argument for argument in node.args if not self._absent(argument)])),
            [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords if not self._absent(k.value)],
        )

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        if len(node.elts) == 1 and isinstance(node.elts[0], ast.Starred) and isinstance(node.elts[0].value, ast.Name):
            found = self.given.get(node.elts[0].value.id)
            if isinstance(found, list) and len(found) == 1 and not _is_number(found[0]):
                return found[0].node
        return ast.Tuple(list(self._spread(node.elts)), ast.Load())

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """`dtype or x.dtype`: the first of them that was given."""
        return self.visit(next(value for value in node.values if not self._absent(value)))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """1 · a is a: factors that were not given are not written."""
        if isinstance(node.op, ast.Mult) and self._absent(node.left) and ast.unparse(self.visit(node.left)) == "1":
            return self.visit(node.right)
        return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))

    def _absent(self, node: ast.expr) -> bool:
        """Whether it is a parameter that may be left out, and was."""
        return isinstance(node, ast.Name) and node.id not in self.given and self.parameters.get(node.id) is not None

    def _spread(self, nodes: Sequence[ast.expr]) -> Iterator[ast.expr]:
        for node in nodes:
            name = node.value.id if isinstance(node, ast.Starred) and isinstance(node.value, ast.Name) else ""
            found = self.given.get(name)
            if isinstance(found, list):
                yield from (argument.node for argument in found)
            elif isinstance(found, TypedArgument) and isinstance(found.node, (ast.Tuple, ast.List)):
                yield from found.node.elts
            else:
                yield self.visit(node)


def _is_number(argument: TypedArgument) -> bool:
    if argument.value is not UNKNOWN:
        return isinstance(argument.value, int)
    return isinstance(argument.node, (ast.Constant, ast.UnaryOp))


def _one(arguments: list[TypedArgument]) -> ast.expr:
    nodes = [argument.node for argument in arguments]
    return nodes[0] if len(nodes) == 1 else ast.Tuple(nodes)


def _read() -> dict[tuple[str, str], tuple[Spelling, ...]]:
    found: dict[tuple[str, str], tuple[Spelling, ...]] = {}
    for text in TEXTS:
        for line in text.splitlines():
            if line.strip():
                row = Spelling(line)
                key = row.place, row.name
                found[key] = (*found.get(key, ()), row)
    return found


ROWS: dict[tuple[str, str], tuple[Spelling, ...]] = {}
"""(place, name) → the rows for it; read when somebody asks first."""


def rows(place: str, name: str) -> tuple[Spelling, ...]:
    """The rows for a name of PyTorch's at a place: `x` a method of tensors, `torch`, `nn`, `F`, ..."""
    if not ROWS:
        ROWS.update(_read())
    return ROWS.get((place, name), ())
