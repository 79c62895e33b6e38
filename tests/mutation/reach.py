"""Which tests reach which line: noted in one run of all tests, under Coverage.py with a context for each test."""

import ast
import functools
import itertools
import math
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

from coverage import CoverageData

from tests.mutation.mutants import PARTS, ROOT

FOLDER = ROOT / "bench"
NOTED, TIMES = FOLDER / "reach.sqlite", FOLDER / "reach.xml"
ENOUGH = 30
"""So many seconds of tests, as they took in that run, are tried on one mutant at most."""


def note() -> None:
    """Run all tests, and write down what each of them reaches, and how long it takes."""
    FOLDER.mkdir(exist_ok=True)
    settings = FOLDER / "reach.ini"
    settings.write_text(f"[run]\ndata_file = {NOTED}\ninclude =\n" + "".join(f"    {ROOT / part}\n" for part in PARTS))
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--cov", "--cov-context=test", "--cov-report=", f"--cov-config={settings}", f"--junitxml={TIMES}"],
        cwd=ROOT, check=True,
    )  # fmt: skip


def tests(file: str, line: int) -> list[str]:
    """The tests that reach the line, quick and unlike ones first. Where none does by itself, those that reach the file.

    (A constant at the top of a file is computed before any test begins.)
    """
    reached = _reached(file)
    own = set().union(*(reached.get(number, set()) for number in _statement(file, line)))
    functions: dict[str, list[str]] = {}
    for test in sorted(own or set().union(*reached.values()), key=lambda test: (_seconds().get(test, 1.0), test)):
        functions.setdefault(test.partition("[")[0], []).append(test)
    rounds = itertools.zip_longest(*functions.values())  # one case of each, then the next of each
    chosen, left = [], ENOUGH
    for test in filter(None, itertools.chain.from_iterable(rounds)):
        left -= _seconds().get(test, 1.0)
        if left < 0 and chosen:
            break
        chosen.append(test)
    return chosen


@functools.cache
def _reached(file: str) -> dict[int, set[str]]:
    """Line -> the tests that execute it."""
    data = CoverageData(str(NOTED))
    data.read()
    found = data.contexts_by_lineno(str(ROOT / file))
    return {line: {context.rpartition("|")[0] for context in contexts if context} for line, contexts in found.items()}


@functools.cache
def _seconds() -> dict[str, float]:
    """Test -> how long it took."""
    found = {}
    for case in xml.etree.ElementTree.parse(TIMES).iter("testcase"):
        path = case.get("classname").replace(".", "/") + ".py"
        found[f"{path}::{case.get('name')}"] = float(case.get("time"))
    return found


@functools.cache
def _lines(file: str) -> dict[int, range]:
    """Line -> the lines of the innermost statement around it, without what is inside of that."""
    found: dict[int, range] = {}
    for node in ast.walk(ast.parse((ROOT / file).read_text())):  # outer ones come first
        if isinstance(node, ast.stmt):
            inside = [part.lineno for part in ast.walk(node) if isinstance(part, ast.stmt) and part is not node]
            last = min([min(inside, default=math.inf) - 1, node.end_lineno])
            own = range(node.lineno, max(last, node.lineno) + 1)
            found.update(dict.fromkeys(own, own))
    return found


def _statement(file: str, line: int) -> range:
    return _lines(file).get(line, range(line, line + 1))


def noted() -> bool:
    """Whether there is such a run, and none of the files has changed since."""
    paths = [path for part in PARTS for path in Path(ROOT).glob(part)]
    return TIMES.exists() and all(path.stat().st_mtime < TIMES.stat().st_mtime for path in paths)
