"""The benchmarks run, and the tables that they keep have a place. How fast anything is, no test says."""

import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tinygrad_ml.machine.products import plan
from viz.render import _commands

BENCHMARKS = Path(__file__).parent / "benchmarks"
sys.path.append(str(BENCHMARKS))
SUITE, TURNS = map(import_module, ("suite", "turns"))

pytestmark = pytest.mark.host_only  # they choose their devices by themselves


def run(script: str, *options: str) -> str:
    """What a benchmark printed."""
    done = subprocess.run([sys.executable, BENCHMARKS / script, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_contestants_take_turns_in_processes_of_their_own():
    names = ["tinygrad_ml, compiled", "tinygrad_ml, eager", "the matrix products alone, NumPy"]
    options = ["--rounds", "1", "--network", "mlp", "--cores", "one", "--no-first-calls"]
    said = run("step_cpu.py", *options, "--only", *names)
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["who", "---", *names]
    assert all(0 < float(row[1]) <= float(row[2]) for row in rows[2:])


def test_a_peer_that_is_not_there_is_left_out_and_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from race import Race
    from tasks import Task

    (tmp_path / "dezero.py").write_text("raise ImportError('No module named dezero')")
    there = "the matrix products alone, NumPy"
    race = Race(Task(batch=2), ["DeZero", there], 1, {"PYTHONPATH": str(tmp_path)}).run(rounds=2, warmup=0)
    assert set(race.turns) == {there} and len(race.turns[there]) == 2
    assert race.table(there).endswith("Left out: DeZero (No module named dezero).")


def test_attention_is_measured_in_processes_of_their_own():
    said = run("attention.py", "--lengths", "8", "--rounds", "1", "--only", "eager", "compiled")
    assert len([line for line in said.splitlines() if line.startswith("| 8 |")]) == 2


@pytest.mark.parametrize("title", SUITE.PROGRAMS)
def test_a_program_of_the_suite_learns_the_same_eager_and_compiled(title):
    entry = TURNS.Entry(title, tiny=True, compared=3)
    eager, compiled = (TURNS.begin(who, entry)[1]["losses"] for who in ("eager", "compiled"))
    assert eager == pytest.approx(compiled, rel=1e-5)
    assert len(set(eager)) == 3  # the step has changed the weights


def test_the_suite_measures_what_is_not_kept_yet(tmp_path):
    kept = tmp_path / "suite.json"
    options = ["--tiny", "--rounds", "1", "--cores", "one", "--who", "eager", "compiled", "--keep", str(kept)]
    run("suite.py", *options, "--only", "XOR", "--no-first-calls")
    steps = json.loads(kept.read_text())["XOR 2-8-1"]["one"]
    said = run("suite.py", *options, "--only", "XOR", "two moons")
    assert json.loads(kept.read_text())["XOR 2-8-1"]["one"] == steps
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    programs = ["XOR 2-8-1", "two moons 2-16-16-1"]
    assert [row[0] for row in rows] == [
        *("a step, ms", "---", *programs, "**geometric mean without Newton**"),
        *("first + second call, s", "---", *programs),
    ]
    assert [float(cell) > 0 for cell in rows[2][1:3]] == [True, True] and rows[2][-2] == "= eager"


def test_a_program_is_named_in_which_the_compiled_step_is_behind_the_best_peer(tmp_path):
    def steps(compiled: float) -> dict:
        turns = {"compiled": [(compiled, 1.0)] * 3, "PyTorch": [(2.0, 1.0)] * 3, "JAX": [(1.0, 2.0)] * 3}
        return {"one": {"turns": turns, "losses": {}, "absent": {"eager": "not asked"}}}

    measured = {"slow": steps(4.0), "fast": steps(0.25), "Newton": steps(100.0)}
    lines = import_module("suite.tables").of_steps(measured, "one", "seconds").splitlines()
    assert "| slow | - | 4,000 | 2,000 | - | 1,000 | - | 4.00x (JAX) | - | - | - |" in lines
    assert "| **1.00x** |" in lines[7] and "1 of 2 are at most" in lines[9]
    import_module("suite.picture").draw(measured, "one", "seconds", tmp_path / "suite.svg")
    drawn = (tmp_path / "suite.svg").read_text()
    assert all(f">{word}</text>" in drawn for word in ("slow", "fast", "JAX")) and ">eager</text>" not in drawn
    by_processor = import_module("suite.tables").of_steps(measured, "one", "processor")
    assert "2.00x (PyTorch)" in by_processor or "2.00x (JAX)" in by_processor


def test_each_line_of_a_compiled_step_has_a_clock():
    said = run("where_time_goes.py", "XOR", "--rounds", "1")
    assert said.startswith("XOR 2-8-1, compiled: ") and "matmul -> float32[" in said
    assert (
        "matmul" in run("where_time_goes.py", "XOR", "--rounds", "1", "--eager").rpartition("Operations applied: ")[2]
    )


def test_the_cost_of_an_operation_is_measured_beside_pytorch():
    pytest.importorskip("torch")
    said = run("overhead.py", "--only", "sigmoid", "isnan", "--sizes", "1", "9", "--rounds", "1")
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| `")]
    assert sorted(row[0] for row in rows) == ["`isnan`", "`logsigmoid`", "`sigmoid`"]
    assert said.rstrip().rpartition("\n")[2].startswith("The ten worst: ")


def test_each_convolution_is_measured_beside_pytorch():
    pytest.importorskip("torch")
    said = run("convolutions.py", "--rounds", "1", "--only", "3 x 3, 128 to 128, 4 x 4")
    assert re.search(r"^\| 3 x 3, 128 to 128, 4 x 4 (\| [\d.]+ / [\d.]+ = [\d.]+x ){3}\|$", said, re.MULTILINE)


def test_two_ranks_are_measured_beside_one_and_many_are_modelled(tmp_path):
    if find_spec("mpi4py") is None:
        pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
    said = run("distributed.py", "--tiny", "--out", str(tmp_path))
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    state = {row[0]: int(row[1].replace(",", "")) for row in rows if row[0] in ("whole", "in shards")}
    assert state["in shards"] <= state["whole"] / 2 + 8
    modelled = [[int(cell.rstrip("%")) for cell in row[4:]] for row in rows if row[3:4] in (["here"], ["ring"])]
    assert len(modelled) == 16 and all(row == sorted(row, reverse=True) for row in modelled)
    assert (tmp_path / "distributed.svg").read_text(encoding="utf-8").count("InfiniBand") == 2


def test_every_table_that_is_written_has_its_place():
    text = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    places = re.findall(r"^<!-- (\w+) -->$(?=[\s\S]*?^<!-- /\1 -->$)", text, re.MULTILINE)
    scripts = "".join(path.read_text(encoding="utf-8") for path in BENCHMARKS.glob("*.py"))
    written = set(re.findall(r'results\.write\(f?"(\w+)', scripts))
    assert sorted(places) == [
        "attention",
        "convolutions",
        "course_program",
        "distributed",
        "drawing",
        "functions",
        "gemm_1",
        "gemm_2",
        "gpt",
        "loops",
        "onnx_models",
        "overhead",
        "page",
        "scaling_cpu",
        "scaling_gpu",
        "sequences",
        "step_cpu",
        "step_gpu",
        "suite",
    ]
    assert written == {
        "attention",
        "convolutions",
        "course_program",
        "distributed",
        "drawing",
        "functions",
        "gemm_",
        "gpt",
        "loops",
        "onnx_models",
        "overhead",
        "page",
        "scaling_",
        "sequences",
        "step_cpu",
        "step_gpu",
        "suite",
    }


@pytest.mark.skipif(not _commands("svg"), reason="there is no Graphviz on this machine")
def test_pictures_are_measured_beside_those_of_whoever_is_there():
    said = run("drawing.py", "--only", "LeNet", "--no-times")
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    assert [row[1] for row in rows[1:4]] == ["tinygrad_ml", "tinygrad_ml, LR", "tinygrad_ml, both"]
    assert int(rows[1][2]) <= 14 and float(rows[1][5]) >= 8
    assert "torchvista was not measured" in said


@pytest.mark.skipif(not plan.register(), reason="needs llvmlite, OpenBLAS and a processor with AVX2")
def test_products_are_compared_as_they_lie_in_a_step():
    said = run("gemm.py", "--threads", "2", "--rounds", "1", "--only", "784-128-64-10, batch 100")
    rows = [line.strip("| ").split(" | ") for line in said.splitlines() if line.startswith("| ")]
    assert rows[0][2:6] == ["tiles", "gemm, a panel a thread", "gemm, 4 panels", "NumPy"]
    assert rows[2][0] == "100×784 by 784×128, bᵀ" and rows[-1][0] == "**all of a step**"
