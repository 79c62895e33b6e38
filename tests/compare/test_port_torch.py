"""Scripts print the same losses under PyTorch and, turned by `tinygrad-ml port`, under this library."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tinygrad_ml.porting import ported

pytest.importorskip("torch")
SCRIPTS = {
    path.stem: path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "torch_scripts").glob("*.py")
}
WITHOUT_A_TWIN = {"reinforce", "custom_function"}
"""The one draws at random, the other cannot be turned altogether."""


def printed(text: str, name: str) -> list[float]:
    """The numbers that a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", out.getvalue())]


@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() - WITHOUT_A_TWIN))
def test_a_script_prints_the_same_numbers(name):
    theirs, ours = printed(SCRIPTS[name], name), printed(ported(SCRIPTS[name]), name)
    assert len(theirs) >= 5
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4)
