"""The twelve programs that grow an engine: each runs alone, agrees with the library, and leads to the next."""

import ast
import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted((EXAMPLES / "growing").glob("[0-9]*.py"))
EACH = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)

pytestmark = pytest.mark.host_only


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d*)?(?:e[+-]\d+)?", line)]


@EACH
def test_it_finds_what_the_library_finds(program, capsys):
    runpy.run_path(str(program), run_name="__main__")
    printed = capsys.readouterr().out
    ours, theirs = (re.findall(rf"^{who} +(.+)$", printed, re.MULTILINE) for who in ("ours", "theirs"))
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        assert numbers(mine) and numbers(mine) == pytest.approx(numbers(other), rel=1e-4, abs=1e-5)


@EACH
def test_it_needs_the_library_only_to_compare_at_the_end(program):
    text = program.read_text(encoding="utf-8")
    own, _, comparison = text.partition("# -- and the library ---")
    imported = {
        name
        for statement in ast.walk(ast.parse(own))
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for name in [getattr(statement, "module", None), *[alias.name for alias in statement.names]]
    }
    assert imported <= {"itertools", "numpy", None}
    assert "import tinygrad_ml" in comparison and "assert" in comparison
    assert 30 <= text.count("\n") <= 80


def test_each_says_what_is_new_and_where_to_go_on():
    for position, program in enumerate(PROGRAMS):
        told = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")))
        assert told.startswith(f"{position + 1}. ")
        for neighbour in PROGRAMS[max(position - 1, 0) : position + 2]:
            assert neighbour is program or f"`{neighbour.name}`" in told
        files = re.findall(r"`((?:tinygrad_ml|viz)/\S+?)`", told)
        assert files and all((EXAMPLES.parent / file).exists() for file in files)


def test_all_are_listed_with_the_files_that_they_lead_to():
    rows = re.findall(
        r"^\| \[`\w+`\]\(growing/(\w+\.py)\) \| .+ \| `(\S+)` \|$",
        (EXAMPLES / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [name for name, _ in rows] == [program.name for program in PROGRAMS]
    assert len(rows) == 12
    for program, (_, file) in zip(PROGRAMS, rows, strict=True):
        assert f"`{file}`" in program.read_text(encoding="utf-8")
