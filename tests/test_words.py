"""One noun for one concept, and what docstrings point to is there."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("tinygrad_ml/**/*.py"), *ROOT.glob("viz/**/*.py")])
KERAS = ROOT / "tinygrad_ml/keras"

SAME_CLASS = {
    "Step": "tg.compile returns one, viz.steps is made of the other: both names are public",
    "Optimizer": "what all optimisers share, and one over several processes: both names are public",
    "Executable": "a program that can be called: what every machine shares, and what each adds",
}
FOLDERS_OF_USERS = {"runs/", "MNIST/raw/", "FashionMNIST/raw/", "cifar-10-batches-bin/"}
SAME_CONSTANT: dict[str, str] = {}
NO_NOUN = {
    "Compiled": "a program, compiled",
    "Counted": "a tensor that is one, and is counted",
    "Masked": "a tensor that is one, and has a mask",
    "Seeded": "a layer that is one, and has a seed",
    "Traced": "an array that is none, and is traced",
    "Written": "the text of a loop, and what it is given",
}
"""Classes that are called by what was done to them, and why."""
IRREGULAR = {"Found", "Given", "Held", "Kept", "Known", "Made", "Met", "Sent", "Taken", "Told", "Drawn", "Written"}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def definitions(trees: dict[Path, ast.Module], kinds) -> Iterator[tuple[str, Path, str]]:
    """(name, file, what it is) of the module-level classes, or assignments."""
    for path, tree in trees.items():
        for statement in tree.body:
            if not isinstance(statement, kinds):
                continue
            if isinstance(statement, ast.ClassDef):
                yield statement.name, path, path.name
            elif statement.value is not None:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield target.id, path, ast.unparse(statement.value)


def test_no_two_classes_have_one_name(trees):
    """But for Keras's: those of its public classes are Keras's own words."""
    files = defaultdict(list)
    for name, path, _ in definitions(trees, ast.ClassDef):
        if not (KERAS in path.parents and not name.startswith("_")):
            files[name].append(str(path.relative_to(ROOT)))
    twice = {name: where for name, where in files.items() if len(where) > 1}
    assert twice.keys() == SAME_CLASS.keys(), twice


def test_classes_are_nouns(trees):
    """What something is, and not what was done to it: `Snapshot`, and not `Held`. Viz's are words of its pictures."""
    participles = [
        name
        for name, path, _ in definitions(trees, ast.ClassDef)
        if "viz" not in path.parts and (re.fullmatch(r"_?[A-Z][a-z]+[^ie]ed", name) or name.strip("_") in IRREGULAR)
    ]
    assert sorted(participles) == sorted(NO_NOUN)


def test_no_two_constants_of_one_name_have_different_values(trees):
    values = defaultdict(set)
    for name, _, value in definitions(trees, (ast.Assign, ast.AnnAssign)):
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
            values[name].add(value)
    different = {name: said for name, said in values.items() if len(said) > 1}
    assert different.keys() == SAME_CONSTANT.keys(), different


def docstrings(tree: ast.Module) -> Iterator[str]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(part) or ""


def test_files_that_docstrings_name_are_there(trees):
    """They are read from the folder of the file, or from one above it."""
    missing = []
    for path, tree in trees.items():
        above = [folder for folder in path.parents if folder == ROOT or ROOT in folder.parents]
        for text in docstrings(tree):
            for name in re.findall(r"`((?:\.\./)*(?:\w+/)*(?:\w+\.(?:py|md)|\w+/))`", text):
                if not any((folder / name).exists() for folder in above) and name not in FOLDERS_OF_USERS:
                    missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


def test_what_is_to_be_read_next_is_said_by_the_names_of_files(trees):
    for path, tree in trees.items():
        for sentence in re.findall(r"Read (?:next|before|then):(.*(?:\n.+)*)", ast.get_docstring(tree) or ""):
            assert re.search(r"`[\w./]+(\.py|/)`", sentence), (path, sentence)


def test_numpy_has_one_name():
    assert [str(path) for path in FILES if re.search(r"import numpy as np\b", path.read_text(encoding="utf-8"))] == []


def test_docstrings_have_one_style():
    """Arguments stand in two columns, as in `name  what it is`."""
    assert [
        str(path) for path in FILES if re.search(r"^\s+(Args|Returns|Raises):$", path.read_text("utf-8"), re.M)
    ] == []
