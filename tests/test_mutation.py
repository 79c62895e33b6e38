"""The run of mutants (`python -m tests.mutation`): what its tables say is there, and its worker tells dead from alive."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.host_only
EQUIVALENT = tomllib.loads((ROOT / "tests/mutation/equivalent.toml").read_text())["mutant"]


def test_equivalent_mutants_are_changes_of_lines_that_are_there():
    for entry in EQUIVALENT:
        lines = [line.strip() for line in (ROOT / entry["file"]).read_text().splitlines()]
        assert entry["before"] in lines, entry
        assert entry["after"] != entry["before"] and entry["reason"]


def test_the_chosen_tests_are_there():
    tree = ast.parse((ROOT / "tests/mutation/reach.py").read_text())  # whose imports not everybody has
    values = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    chosen = ast.literal_eval(values["CHOSEN"])
    assert [name for name in chosen if not (ROOT / f"tests/test_{name}.py").is_file()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_worker_tells_dead_from_alive(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "code.py").write_text("def double(x):\n    return x * 2\n")
    (tmp_path / "tests/test_code.py").write_text("import code_\ndef test_double():\n    assert code_.double(3) == 6\n")
    (tmp_path / "code_.py").write_text((tmp_path / "code.py").read_text())
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.mutation.worker import outcome
sys.path.insert(0, ".")
for source, seconds in (
    ("def double(x): return x * 3", 30),
    ("def double(x): return 2 * x", 30),
    ("def double(x):\\n while True: pass", 2),
):
    found = outcome("code_.py", source, ["tests/test_code.py"], seconds)
    print(found["outcome"], found["by"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["killed tests/test_code.py::test_double", "survived ", "endless "]
    assert "x * 2" in (tmp_path / "code_.py").read_text()
