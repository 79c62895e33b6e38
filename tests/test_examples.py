"""Every lesson runs as a user would run it, from any folder, and prints what it promises."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.host_only  # the lessons run on the default device of a machine, in a process of their own


@pytest.fixture
def run(tmp_path):
    """Run a lesson in another folder; what it printed."""

    def lesson(name: str, *options: str) -> str:
        env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *options],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return lesson


def test_a_scalar_by_hand(run):
    said = run("01_scalar_by_hand.py")
    assert "f'(x) = 2x + 1 = 7" in said
    assert "By backward: 7\n" in said
    assert "f'(3) = 7    f''(3) = 2    f'''(3) = 0" in said


def test_the_chain_rule(run):
    said = run("02_chain_rule.py")
    assert "∂loss/∂a = ∂loss/∂p · b" in said
    assert "8 · (-3) = -24" in said
    table = said.split("by backward()\n")[1]
    numbers = {
        row[0]: tuple(map(float, row[1:])) for row in re.findall(r"^(\w+) +(\S+) +(\S+) +(\S+)$", table, re.MULTILINE)
    }
    assert numbers == {
        "loss": (16, 1, 1),
        "s": (4, 8, 8),
        "p": (-6, 8, 8),
        "c": (10, 8, 8),
        "b": (-3, 16, 16),
        "a": (2, -24, -24),
    }


def test_a_training_loop_from_nothing(run):
    said = run("03_training_loop.py")
    found, best = (
        [float(number.replace(" ", "")) for number in re.search(rf"{words} +y = (\S+) x (\S+)", said).groups()]
        for words in ("found by walking", "the exact best line")
    )
    assert found == pytest.approx(best, abs=2e-3)
    assert found == pytest.approx([1.5, -0.5], abs=0.15)


def test_xor(run):
    said = run("04_xor.py")
    line, network = (float(re.search(rf"loss of a {what}: +(\S+)", said)[1]) for what in ("line", "network"))
    assert line == pytest.approx(0.6931, abs=1e-3) and network < 0.05
    rows = [
        tuple(map(float, row)) for row in re.findall(r"^ +([01]) +([01]) +([01]) +(\S+) +(\S+)$", said, re.MULTILINE)
    ]
    assert [row[:3] for row in rows] == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert all(abs(network - truth) < 0.1 for _, _, truth, _, network in rows)


def test_mnist(run):
    accuracy = float(re.search(r"test accuracy (\S+)%", run("05_mnist.py"))[1])
    assert accuracy > 94


def test_a_saddle_and_a_minimum(run):
    start, end = run("06_saddle_or_minimum.py").split("The end:")
    assert "[-2.  2.]: a saddle" in start
    assert re.search(r"step 60 .* loss 0\.0000", start)
    assert "[0. 4.]: a minimum with a flat floor" in end


def test_pictures_of_training(run, tmp_path):
    said = run("07_pictures_of_training.py")
    dying, healthy = (float(re.search(rf"{name}: .* is (\S+) of the last's", said)[1]) for name in ("sigmoid", "relu"))
    assert dying < 0.01 < 0.1 < healthy
    stuck, learned = (float(re.search(rf"{name}: .* in the end: (\S+)%", said)[1]) for name in ("sigmoid", "relu"))
    assert stuck < 20 and learned > 80
    named = re.findall(r"^(\S+\.png)$", said, re.MULTILINE)
    assert len(named) == 6
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in named)


def test_a_gallery_of_graphs(run, tmp_path):
    said = run("08_gallery.py")
    named = re.findall(r"^(\S+\.(?:svg|html))$", said, re.MULTILINE)
    assert len(named) == 11
    texts = {Path(name).stem: (tmp_path / name).read_text(encoding="utf-8") for name in named}
    assert "1 + 3 + 3 = 7" in texts["1-reuse"]
    assert "×12" in texts["8-residual"]
    assert "backward of backward" in texts["7-second-derivative"]
    assert "updates 0.weight and its momentum_buffer, in place" in texts["9-compiled-step"]
    assert "Conv2d" in texts["5-cnn-layers"] and "much: flops" in texts["6-cnn-operations"]


def test_a_compiled_step(run, tmp_path):
    said = run("09_compiled_step.py")
    recorded, equal = said.split("As it was recorded:")[1].split("After the pass 'equal':")
    assert (recorded.split("After")[0].count("matmul"), equal.split("return")[0].count("matmul")) == (3, 1)
    kernels, operations = (int(number) for number in re.search(r"^kernels +(\d+) +(\d+)", said, re.MULTILINE).groups())
    assert kernels < operations / 3
    named = re.findall(r"^(\S+\.svg)$", said, re.MULTILINE)
    assert [Path(name).name for name in named] == ["kernels.svg", "operations.svg"]
    assert all("in place" in (tmp_path / name).read_text(encoding="utf-8") for name in named)
    assert re.search(r"^the compiled step is \S+ times as fast; in half of the pairs between", said, re.MULTILINE)
    eager, compiled = re.search(r"eager (\d+\.\d+), compiled (\d+\.\d+)", said).groups()
    assert float(eager) == pytest.approx(float(compiled), rel=1e-4)


def test_digits_in_one_epoch(run):
    said = run("10_mnist_99_fast.py", "--tiny", "--seeds", "2")
    accuracies = [float(found) for found in re.findall(r"^seed \d: test accuracy (\S+)% after", said, re.MULTILINE)]
    assert len(accuracies) == 2 and min(accuracies) > 50  # after 7 steps: 99 % are of 234
    assert re.search(r"^median: test accuracy \S+%, \S+ s; lowest \S+%", said, re.MULTILINE)


def test_every_lesson_is_tested_and_listed():
    lessons = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))
    listed = re.findall(r"^\| \[`(.+?)`\]\(\1\)", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    tested = re.findall(r'run\("([0-9].+?)"', Path(__file__).read_text(encoding="utf-8"))
    assert lessons == listed == sorted(tested)


def test_what_the_list_points_to_exists():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:tinygrad_ml|viz)/\S+?\.(?:py|md))`", text)
    assert len(files) > 5
    assert all((EXAMPLES.parent / file).exists() for file in files)


def test_an_lstm_reads_what_a_bag_of_words_cannot_tell(run):
    said = run("keras/text_classification.py")
    bag, lstm = (
        float(re.search(rf"^{name}: .* weights, (\S+)% of 400", said, re.MULTILINE)[1])
        for name in ("bag of words", "LSTM")
    )
    assert 40 < bag < 65 and lstm > 95
    sure = [float(number) for number in re.findall(r"^ *(\S+)%  \w", said, re.MULTILINE)]
    assert [share > 50 for share in sure] == [True, False, True, False]


KERAS = {
    "convnet": r"^test images: loss \S+, \S+% right$",
    "branches": r"^new letters: the department right in \S+%, urgency in \S+%$",
    "own_step": r"^penalty 0.02: loss \S+, slope +\S+, from the truth \S+$",
    "own_layer": r"^made again from its configuration: bumps with 6 units$",
    "autoencoder": r"^loss 0\.6\d\d$",
    "gan": r"^at the end: distance from the middle \S+ ± \S+, shares around ",
    "siamese": r"^eights and nines: pairs alike are \S+ apart, others \S+; \S+% right$",
    "time_series": r"^the network: \S+ off in the mean$",
    "imbalanced": r"^a fraud counts 10 times: accuracy \S+, precision \S+, recall \S+, prc \S+$",
    "structured": r"^a pilot of 40 with 2,500: \S+%$",
    "denoising": r"^off by \S+ with the snow, by \S+ without$",
}
"""What each program prints at its end; that its numbers are those of Keras is compared in `compare/test_keras_examples.py`."""


@pytest.mark.parametrize("name", KERAS)
def test_a_program_in_keras_runs(run, name):
    assert re.search(KERAS[name], run(f"keras/{name}.py", "--tiny"), re.MULTILINE)


def test_every_program_in_keras_is_tested_and_listed():
    programs = sorted(path.stem for path in (EXAMPLES / "keras").glob("*.py"))
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[`(\w+)`\]\(keras/\1\.py\)", text, re.MULTILINE)
    assert programs == sorted(listed) == sorted([*KERAS, "text_classification"])


def test_two_ranks(run, tmp_path):
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("needs mpi4py, and MPI itself: pip install 'tinygrad_ml[mpi]'")
    said = run("11_two_ranks.py")
    assert all(line.startswith("[rank 0] ") for line in said.splitlines())
    rows = {
        row[0].strip(): (row[1], row[2])
        for row in re.findall(r"^\[rank 0\] (\S.*?\S) +(-?\d\.\d+) +(-?\d\.\d+)$", said, re.MULTILINE)
    }
    assert rows["3/8 of one, 5/8 of other"] == rows["the batch of eight"] != rows["the mean of two"]
    assert "those of one process, to the bit: True" in said
    drawn = (tmp_path / "ranks" / "two_ranks.svg").read_text(encoding="utf-8")
    assert "rank 0" in drawn and "mean of ∂loss/∂w2" in drawn and "= 0.03177" in drawn


def test_a_network_from_a_file(run):
    pytest.importorskip("onnx")
    said = run("12_onnx.py")
    before, after, again = (int(found) for found in re.findall(r"upside down (\d+)%", said))
    assert before < 40 and after > 75 and again == after
    assert "(4): OnnxPart(Gemm)" in said and "digits.svg" in said
