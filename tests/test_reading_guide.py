"""The reading guide tells the truth: its examples run, its files exist, its map is the code's, and so is the compiler's."""

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinygrad_ml.ops import PRIMITIVES

PACKAGE = Path(__file__).parents[1] / "tinygrad_ml"
GUIDE = (PACKAGE / "README.md").read_text(encoding="utf-8")
MAPPED = pytest.mark.parametrize("folder", [PACKAGE, PACKAGE / "compile"], ids=lambda folder: folder.name)


def blocks(language: str, page: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.host_only
def test_the_examples_print_what_the_guide_says():
    code = "\n".join(blocks("python"))
    assert code.count(">>>") > 20
    page = doctest.DocTestParser().get_doctest(code, {}, "README.md", "tinygrad_ml/README.md", 0)
    said = []
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(page, out=said.append)
    assert outcome.failed == 0, "".join(said)
    assert "logit" not in PRIMITIVES  # which are those of the library


def levels(folder: Path) -> dict[str, int]:
    """Room -> its line on the map, counted from the bottom."""
    (drawn,) = blocks("map", (folder / "README.md").read_text(encoding="utf-8"))
    rows = [re.split(r" {3,}", line)[0].split() for line in drawn.splitlines()]
    return {room: level for level, row in enumerate(reversed(rows)) for room in row}


def rooms(folder: Path) -> set[str]:
    """What lies directly in the folder: its folders of code, and its files."""
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return files | {path.parent.name for path in folder.glob("*/*.py")}


def run(statement: ast.AST) -> Iterator[ast.AST]:
    """All statements inside that are run, which those for type checkers are not."""
    for part in ast.iter_child_nodes(statement):
        if not (isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING"):
            yield part
            yield from run(part)


def imports(within: Path) -> set[tuple[str, str, str]]:
    """(file, its room, a room that it imports) for all imports within the folder, inside functions too."""
    found = set()
    for path in within.rglob("*.py"):
        inside = path.relative_to(within)
        if inside.parts[0] in ("__init__.py", "__main__.py"):
            continue
        here = inside.parts[0].removesuffix(".py")
        for statement in run(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.ImportFrom) and 0 < statement.level <= len(inside.parts):
                folder = list(inside.parts[: len(inside.parts) - statement.level])
                module = folder + (statement.module.split(".") if statement.module else [])
                names = [module[0]] if module else [alias.name for alias in statement.names]
                found |= {(str(inside), here, name) for name in names if name != here and not name.startswith("__")}
    return found


@MAPPED
def test_the_map_has_every_room(folder):
    assert rooms(folder) == set(levels(folder))


@MAPPED
def test_imports_point_downward_on_the_map(folder):
    level, found = levels(folder), sorted(imports(folder))
    assert not [f"{file} imports {there}" for file, here, there in found if level[there] >= level[here]]
    assert len(found) > 50


def test_the_compiler_reads_bytecode_behind_one_door_and_asks_modules_and_optimisers_themselves():
    compile = PACKAGE / "compile"
    source = {path.relative_to(compile).as_posix(): path.read_text(encoding="utf-8") for path in compile.rglob("*.py")}
    assert [file for file, text in source.items() if re.search(r"\bimport dis\b|\bco_names\b", text)] == [
        "guards/code.py"
    ]
    asking = [file for file in source if file.partition("/")[0] in ("guards", "record", "recording.py", "step.py")]
    assert len(asking) > 10
    assert not [file for file in asking if re.search(r"^from \.+(nn|optim|keras)\b", source[file], re.MULTILINE)]


def test_the_files_that_the_guide_names_exist():
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", GUIDE))
    assert {"graph/walk.py", "ops/primitive.py", "viz/"} <= named
    missing = [name for name in named if not (PACKAGE / name).exists() and not (PACKAGE.parent / name).exists()]
    assert not missing
    for name in re.findall(r"\]\(([^)]+)\)", GUIDE):
        assert (PACKAGE / name).exists(), name


def test_the_rules_that_the_guide_quotes_are_those_of_the_table():
    table = (PACKAGE / "ops" / "elementwise.py").read_text(encoding="utf-8")
    for rule in ("lambda g, b: g * b", "lambda g, a: g * a", "lambda g: g,"):
        assert rule in table
    for file, function in {"chain_rule": "fit", "walk": "backpropagate", "node": "topological"}.items():
        assert f"def {function}(" in (PACKAGE / "graph" / f"{file}.py").read_text(encoding="utf-8")
    assert "def restore_in_graph(" in (PACKAGE / "autograd" / "gradients.py").read_text(encoding="utf-8")


CORE = [
    "errors",
    "backend",
    "ops",
    "graph",
    "tensor",
    "operators",
    "state",
    "writes",
    "autograd",
]


def of_code(text: str) -> int:
    """How many lines are neither empty, nor a comment, nor a part of a docstring."""
    lines = text.splitlines()
    docstrings = [
        range(part.lineno, part.end_lineno + 1)
        for part in ast.walk(ast.parse(text))
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
    ]
    said = set().union(*docstrings)
    return sum(bool(re.match(r"\s*[^\s#]", line)) for number, line in enumerate(lines, 1) if number not in said)


def length(*paths: Path) -> tuple[int, int]:
    """The lines of files and folders: all of them, and those of code alone."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    texts = [file.read_text(encoding="utf-8") for file in files]
    return sum(len(text.splitlines()) for text in texts), sum(map(of_code, texts))


@pytest.mark.host_only
def test_lines_of_code_are_those_that_are_run():
    assert of_code('"""One.\n\nTwo."""\n\nx = 1  # one\n"""What x is."""\n# two\n\ny = """\nthree\n"""\n') == 4


@pytest.mark.host_only
def test_nothing_is_longer_than_the_guide_says():
    """Shown by `pytest -s`: the lines of each stop of the evening's path, and of the rooms; then those of code alone."""
    path = GUIDE[GUIDE.index("## An evening's path") : GUIDE.index("That was the core")]
    stops = {name: PACKAGE / name for name in re.findall(r"\*\*`([\w/]+\.py)`\*\*", path)}
    assert len(stops) >= 9
    core = [PACKAGE / room if (PACKAGE / room).is_dir() else PACKAGE / f"{room}.py" for room in CORE]
    true = {
        "the evening's path above": length(*stops.values()),
        "the whole core": length(*core),
        **{room: length(PACKAGE / room) for room in ("compile", "machine", "keras", "onnx", "distributed")},
    }
    lengths = {name: length(file) for name, file in stops.items()} | true
    shown = "\n".join(f"{name:26} {lines:7,} {code:7,}" for name, (lines, code) in lengths.items())
    print(f"\n{shown}")
    (said,) = blocks("lines")
    rows = re.findall(r"^(\S.+?) {3,}([\d,]+) +([\d,]+)$", said, re.MULTILINE)
    limits = {name: [int(number.replace(",", "")) for number in numbers] for name, *numbers in rows}
    assert limits.keys() == true.keys()
    for name, both in limits.items():
        for limit, lines in zip(both, true[name], strict=True):
            assert lines <= limit, f"{name} has more than {limit:,} lines\n{shown}"
            assert lines > 0.9 * limit, f"{name} has become shorter: say so in the guide\n{shown}"


@pytest.mark.host_only
def test_a_file_of_more_than_400_lines_says_why():
    for path in [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "viz").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            assert re.search(r"one file because", ast.get_docstring(ast.parse(text)) or ""), path
