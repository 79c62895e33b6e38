"""`python tests/gpu/run.py`, rehearsed without a GPU. A file of its own: it takes as long as `test_switch.py`, beside which it runs."""

import json
import pathlib
import runpy
import subprocess
import sys
import time

import pytest

import tinygrad_ml as tg

pytestmark = pytest.mark.host_only  # the script chooses its devices itself

HERE = pathlib.Path(__file__).parent


def test_the_script_for_gpu_machines_works_and_is_polite_on_others(tmp_path):
    script = [sys.executable, str(HERE / "gpu" / "run.py")]
    rehearsal = subprocess.run(
        [*script, "--device", "strict", "--without-suite", "--every", "40", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rehearsal.returncode == 0, rehearsal.stdout[-2000:] + rehearsal.stderr[-2000:]
    assert "all agree" in rehearsal.stdout
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert list(found) == ["machine", "steps", "compiled", "training", "eager", "tests"]
    assert found["steps"]["by rows"]["again"]
    if not tg.gpu_available():
        refusal = subprocess.run(script, capture_output=True, text=True, check=False)
        assert refusal.returncode == 2
        assert refusal.stdout.startswith("There is nothing to check here: ")
        assert not refusal.stderr


def test_what_is_not_begun_in_time_is_said(tmp_path):
    script = [sys.executable, str(HERE / "gpu" / "run.py"), "--device", "strict", "--seconds", "-1", "--out", tmp_path]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "SOMETHING DIFFERS" in run.stdout
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert len(found) == 7
    assert all("not begun" in part["error"] for part in found.values())


def test_what_one_operation_cannot_do_costs_the_others_nothing(capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    part = runpy.run_path(str(HERE / "gpu" / "run.py"))["Part"]("cpu", 1, time.time() + 60)
    assert list(part.each("numbers", [2, 0, 4], lambda n: 1 / n)) == [0.5, 0.25]
    assert "0: ZeroDivisionError" in capsys.readouterr().out
    assert not part.agree(True)
    part.end = 0
    assert not list(part.each("numbers", [2, 0, 4], lambda n: 1 / n))
    assert part.figures["numbers left out"] == 3
