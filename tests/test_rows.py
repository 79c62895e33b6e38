"""A row says all of an operation: its name is for people, and nothing is found by it."""

import ast
import contextlib
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import CompileError
from tinygrad_ml.graph import topological
from tinygrad_ml.ops import Primitive, View
from tinygrad_ml.tensor import apply

COMPILE = Path(tg.__file__).parent / "compile"
LOOK_UPS = {"get", "setdefault", "pop", "index", "count", "startswith", "endswith", "removeprefix", "removesuffix"}
"""Methods that find something by what is in front of them, or between their brackets."""


def is_name_of_an_operation(part: ast.AST) -> bool:
    """`op.name`, `instruction.op.name`"""
    if not isinstance(part, ast.Attribute) or part.attr != "name":
        return False
    of = part.value
    return (of.id if isinstance(of, ast.Name) else getattr(of, "attr", "")) in ("op", "operation", "primitive")


def names_of_operations(function: ast.AST) -> list[ast.AST]:
    """Where a name of an operation stands, and variables that were given one."""
    found = [part for part in ast.walk(function) if is_name_of_an_operation(part)]
    given = set()
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                pairs = [(target, statement.value)]
                if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                    pairs = list(zip(target.elts, statement.value.elts, strict=False))
                given |= {to.id for to, what in pairs if isinstance(to, ast.Name) and is_name_of_an_operation(what)}
    return found + [part for part in ast.walk(function) if isinstance(part, ast.Name) and part.id in given]


def lines_that_go_by_names(code: str) -> list[int]:
    """Where the name of an operation is compared, or something is looked up by it."""
    tree, lines = ast.parse(code), set()
    outermost = [part for part in tree.body if isinstance(part, ast.FunctionDef | ast.ClassDef)]
    for function in [*outermost, tree]:
        wanted = set(map(id, names_of_operations(function)))
        for part in ast.walk(function):
            looked_at: list[ast.AST] = []
            if isinstance(part, ast.Compare):
                looked_at = [part.left, *part.comparators]
            elif isinstance(part, ast.Subscript):
                looked_at = [part.slice]
            elif isinstance(part, ast.Match):
                looked_at = [part.subject]
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in LOOK_UPS:
                looked_at = [part.func.value, *part.args]
            inside = [inner for outer in looked_at for inner in ast.walk(outer)]
            if any(id(inner) in wanted for inner in inside):
                lines.add(part.lineno)
    return sorted(lines)


def test_the_compiler_goes_by_no_name():
    files = sorted(COMPILE.rglob("*.py"))
    assert len(files) > 50
    found = [
        f"{file.relative_to(COMPILE)}:{line}"
        for file in files
        for line in lines_that_go_by_names(file.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    (
        "op.name == 'mul'",
        "'mul' != instruction.op.name",
        "i.op.name in ('mul', 'add')",
        "TABLE[instruction.op.name]",
        "TABLE.get(op.name)",
        "op.name.startswith('bit')",
        "def f(i):\n    name, x = i.op.name, 1\n    return name == 'mul'",
        "match op.name:\n    case 'mul': pass",
    ),
)
def test_what_goes_by_a_name_is_found(code: str):
    assert lines_that_go_by_names(code)


@pytest.mark.parametrize(
    "code", ("f'{op.name} of x'", "' '.join(i.op.name for i in found)", "value.source.name == 'lr'")
)
def test_printing_a_name_is_allowed(code: str):
    assert not lines_that_go_by_names(code)


def modules() -> list[ModuleType]:
    """All files of the compiler that can be imported here."""
    found = []
    for _, name, _ in pkgutil.walk_packages([str(COMPILE)], "tinygrad_ml.compile."):
        with contextlib.suppress(ImportError):  # of llvmlite, for one
            found.append(importlib.import_module(name))
    return found


def is_list_of_operations(thing: object) -> bool:
    """Whether it has operations in it; a dictionary from them to functions, which say what to do for them, is none."""
    if isinstance(thing, dict):
        functions = [whom if isinstance(whom, tuple) else (whom,) for whom in thing.values()]
        return any(isinstance(op, Primitive) for op in thing) and not all(map(callable, sum(functions, ())))
    return isinstance(thing, (set, frozenset, tuple, list)) and any(isinstance(one, Primitive) for one in thing)


def lists_in_line(code: str) -> list[int]:
    """Where an operation is looked for among several that are named there: `op in (matmul, linear)`."""
    return [
        part.lineno
        for part in ast.walk(ast.parse(code))
        if isinstance(part, ast.Compare)
        and any(isinstance(how, (ast.In, ast.NotIn)) for how in part.ops)
        and isinstance(part.comparators[0], (ast.Tuple, ast.List, ast.Set))
        and (part.left.id if isinstance(part.left, ast.Name) else getattr(part.left, "attr", "")) == "op"
    ]


def test_the_compiler_lists_no_operations():
    """What a list would say of them, each says in its row: so an operation of a user's own can say it too."""
    files = modules()
    assert len(files) > 50
    listed = [
        f"{module.__name__}.{name}"
        for module in files
        for name, thing in vars(module).items()
        if is_list_of_operations(thing)
    ]
    listed += [
        f"{file.relative_to(COMPILE)}:{line}"
        for file in COMPILE.rglob("*.py")
        for line in lists_in_line(file.read_text(encoding="utf-8"))
    ]
    assert not listed


@pytest.mark.parametrize("code", ("instruction.op in (matmul, linear)", "op not in {index.getitem}", "i.op in [add]"))
def test_a_list_of_operations_is_found(code: str):
    assert lists_in_line(code)
    assert is_list_of_operations(frozenset((every_other(),))) and is_list_of_operations({every_other(): "name"})
    assert not is_list_of_operations({every_other(): len}) and not is_list_of_operations({every_other(): (len, max)})


def every_other() -> Primitive:
    """A view of one's own: every other number, of which no other file knows."""
    return Primitive(
        "every_other",
        lambda xp, x: x[::2],
        lambda x: ((x[0] + 1) // 2,),
        (lambda g, like: tg.stack([g, g * 0], axis=1).reshape(-1)[: like.shape[0]],),
        view=View("changed", take=lambda x: x[::2]),
        flops=lambda *_: 0,
    )


def test_a_view_of_ones_own_is_summed_up_compiled_and_refused_as_the_tables_are():
    op = every_other()
    x = tg.tensor(np.arange(6.0), requires_grad=True)
    y = apply(op, (x * 2,))
    assert y.node.flops == 0
    assert [node.flops for node in topological([y.node])] == [0, 0, 6, 0]
    step = tg.compile(lambda x: (apply(op, (x * 2,)) + 1).sum())
    for _ in range(2):
        np.testing.assert_array_equal(step(x.detach()).numpy(), (np.arange(6.0)[::2] * 2 + 1).sum())
    assert tg.gradcheck(lambda x: apply(op, (x,)), x.detach())

    def write() -> tg.Tensor:
        base = tg.ones(6)
        apply(op, (base,)).assign(0)
        return base

    with pytest.raises(CompileError, match="every_other"):
        tg.compile(write)()
