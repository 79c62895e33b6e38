"""`python tests/gpu/run.py`, rehearsed without a GPU. A file of its own: it takes as long as `test_switch.py`, beside which it runs."""

import pathlib
import subprocess
import sys

import pytest

import tinygrad_ml as tg

pytestmark = pytest.mark.host_only  # the script chooses its devices itself

HERE = pathlib.Path(__file__).parent


def test_the_script_for_gpu_machines_works_and_is_polite_on_others():
    script = [sys.executable, str(HERE / "gpu" / "run.py")]
    rehearsal = subprocess.run(
        [*script, "--device", "strict", "--without-suite", "--every", "40"], capture_output=True, text=True, check=False
    )
    assert rehearsal.returncode == 0, rehearsal.stdout[-2000:] + rehearsal.stderr[-2000:]
    assert "all agree" in rehearsal.stdout
    if not tg.gpu_available():
        refusal = subprocess.run(script, capture_output=True, text=True, check=False)
        assert refusal.returncode == 2
        assert refusal.stdout.startswith("There is nothing to check here: ")
        assert not refusal.stderr
