"""The programs of the README run as they stand there, and its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.host_only


def test_the_programs_run_one_after_the_other(tmp_path):
    program = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tensor([3., 5., 7.])\n")
    assert "101,770" in done.stdout  # the parameters of its network, in the summary
    assert list(tmp_path.glob("graph.*"))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()
