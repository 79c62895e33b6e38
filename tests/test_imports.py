"""Imports tell how the house is built: no file needs itself on a way round, and none hides in a function what it needs."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("tinygrad_ml", "viz")
    for path in (ROOT / package).rglob("*.py")
}
"""Every module of both packages, and its file."""

IMPORTED_AS = {"cupy": {"cupy", "cupyx", "cuda"}, "pillow": {"PIL"}}
"""The packages that one brings which one installs, where they are called otherwise."""

LATE = {
    "tinygrad_ml": (
        "tinygrad_ml.keras",
        "tinygrad_ml.distributed",
        "tinygrad_ml.onnx",
    ),  # long to import, and few need them
    "tinygrad_ml.data.vision": ("tinygrad_ml.data.download",),  # which needs Python's library for the network
    "viz": ("viz.training",),  # which needs Matplotlib
}
"""Packages that import parts of theirs when somebody asks for them, and the parts."""


def optional() -> frozenset[str]:
    """What pyproject.toml offers to install, and nobody has to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = set()
    for requirements in project["optional-dependencies"].values():
        for requirement in requirements:
            name = "".join(letter if letter.isalnum() or letter in "_-" else " " for letter in requirement).split()[0]
            name = name.partition("-cuda")[0]
            found |= IMPORTED_AS.get(name, {name})
    return frozenset(found - {"tinygrad_ml"})


def statements(node: ast.AST, when: str = "always") -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """All imports that are run, and when: "always", "tried" (it may fail) or "called" (in a function); those for type
    checkers are not."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.If) and "TYPE_CHECKING" in ast.unparse(part.test):
            for other in part.orelse:
                yield from statements(other, when)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            yield part, when
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from statements(part, "called")
        else:
            yield from statements(part, "tried" if isinstance(part, ast.Try) and when == "always" else when)


@cache
def imports(module: str) -> set[tuple[str, str]]:
    """(what a module imports, when): modules of ours by their whole name, of others the package."""
    path = MODULES[module]
    folder = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for statement, when in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found |= {(alias.name, when) for alias in statement.names}
            continue
        above = folder[: len(folder) - statement.level + 1] if statement.level else []
        base = ".".join([*above, *([statement.module] if statement.module else [])])
        parts = {f"{base}.{alias.name}" for alias in statement.names}
        found |= {(part if part in MODULES else base, when) for part in parts}
    return {(name if name in MODULES else name.partition(".")[0], when) for name, when in found if name != module}


@cache
def needs(module: str, packages: frozenset[str]) -> bool:
    """Whether a module cannot be imported without one of the packages."""
    always = [name for name, when in imports(module) if when == "always"]
    return any(needs(name, packages) if name in MODULES else name in packages for name in always)


def serves(name: str, packages: frozenset[str]) -> bool:
    """Whether it is an optional package, or a module of ours that needs one, or is about one."""
    if name not in MODULES:
        return name in packages
    return needs(name, packages) or any(taken in packages for taken, when in imports(name) if when == "called")


def test_an_import_in_a_function_serves_an_optional_package():
    packages = optional()
    assert {"cupy", "llvmlite", "matplotlib", "h5py", "PIL"} <= packages
    assert not packages & sys.stdlib_module_names
    hidden = [
        f"{module} imports {name} in a function"
        for module in MODULES
        for name, when in imports(module)
        if when == "called" and not serves(name, packages)
    ]
    assert not hidden


def test_a_part_that_is_imported_late_is_asked_for_by_its_package():
    calls = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert calls == set(LATE)


def test_no_file_imports_itself_on_a_way_round():
    """Imports in functions and late ones count too. A package's own __init__ counts where something is taken from it by
    name."""
    done, way, circles = set(), [], []

    def walk(module: str) -> None:
        if module in way:
            circles.append(" → ".join([*way[way.index(module) :], module]))
        elif module not in done:
            way.append(module)
            for name in sorted({name for name, _ in imports(module)} | {*LATE.get(module, ())}):
                if name in MODULES:
                    walk(name)
            done.add(way.pop())

    for module in sorted(MODULES):
        walk(module)
    assert not circles
