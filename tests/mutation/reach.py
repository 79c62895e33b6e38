"""Which tests reach which line: noted in one run of them, under Coverage.py with a context for each test."""

import ast
import functools
import itertools
import math
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

from coverage import CoverageData

from tests.mutation.mutants import PARTS, ROOT

FOLDER = ROOT / "bench"
NOTED, TIMES = FOLDER / "reach.sqlite", FOLDER / "reach.xml"
ENOUGH = 0.1
"""This part of the tests, by the time that they took in that run, is tried on one mutant at most."""
CHOSEN = (
    "backward", "chain_rule", "compile", "compile_errors", "compile_explain", "compile_loops", "compile_passes",
    "compile_random_programs", "compile_rows", "compile_schedule", "compile_training", "convolution", "degenerate", "devices", "dtypes",
    "engine", "errors", "first_guesses", "functions", "gradients", "higher_order", "in_place", "indexing", "lbfgs",
    "linalg", "modes_backward", "no_grad", "numerics", "optim", "optim_defaults", "optim_edges", "optim_loop",
    "reading_guide", "sums", "symbols", "topological_order", "training", "walk", "writes",
)  # fmt: skip
"""The tests (`tests/test_*.py`) about what is mutated. The others (the Keras face, `nn`, drawing, the emulated GPU, the
examples) come by the same lines, but slower, and after these, which are there for them."""


def note(everything: bool) -> None:
    """Run the chosen tests, or all, and write down what each of them reaches, and how long it takes."""
    FOLDER.mkdir(exist_ok=True)
    settings = FOLDER / "reach.ini"
    settings.write_text(f"[run]\ndata_file = {NOTED}\ninclude =\n" + "".join(f"    {ROOT / part}\n" for part in PARTS))
    paths = [] if everything else [f"tests/test_{name}.py" for name in CHOSEN]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--cov", "--cov-context=test", "--cov-report=", f"--cov-config={settings}", f"--junitxml={TIMES}", *paths],
        cwd=ROOT, env=os.environ | {"CI": "1"}, check=True,  # the draws that the mutants meet
    )  # fmt: skip


@functools.cache
def tests(file: str, line: int) -> list[str]:
    """The tests that reach the line: those named after the file first, and quick and unlike ones before others.

    A signature is read before any test begins: what its defaults are is known to the tests that reach the function. A
    constant at the top of a file, likewise, to those that reach the file.
    """
    reached = _reached(file)
    own = set().union(*(reached.get(number, set()) for number in _reader(file, line)))
    rank = lambda test: (Path(file).stem not in test.partition("::")[0], _seconds().get(test, 1.0), test)  # noqa: E731
    functions: dict[str, list[str]] = {}
    for test in sorted(own or set().union(*reached.values()), key=rank):
        functions.setdefault(test.partition("[")[0], []).append(test)
    rounds = itertools.zip_longest(*functions.values())  # one case of each, then the next of each
    chosen, left = [], ENOUGH * sum(_seconds().values())
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
def _readers(file: str) -> dict[int, range]:
    """Line -> the lines that use what is there: of the innermost statement around it, or of the function it is the head of."""
    found: dict[int, range] = {}
    for node in ast.walk(ast.parse((ROOT / file).read_text())):  # outer ones come first
        if isinstance(node, ast.stmt):
            inside = [part.lineno for part in ast.walk(node) if isinstance(part, ast.stmt) and part is not node]
            last = max(node.lineno, min([min(inside, default=math.inf) - 1, node.end_lineno]))
            own = range(node.lineno, last + 1)
            body = range(last + 1, node.end_lineno + 1)
            found.update(dict.fromkeys(own, body if isinstance(node, ast.FunctionDef) and body else own))
    return found


def _reader(file: str, line: int) -> range:
    return _readers(file).get(line, range(line, line + 1))


def noted() -> bool:
    """Whether there is such a run, and neither code nor tests have changed since."""
    paths = [path for part in (*PARTS, "tests/*.py") for path in Path(ROOT).glob(part)]
    return TIMES.exists() and all(path.stat().st_mtime < TIMES.stat().st_mtime for path in paths)
