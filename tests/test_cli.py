"""The command `tinygrad-ml`: what a run leaves, that it can be repeated and resumed exactly, and how it fails."""

import errno
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_runs import check
from threadpoolctl import threadpool_info

import tinygrad_ml as tg
from tinygrad_ml import cli, models
from tinygrad_ml.blas import blas
from tinygrad_ml.cli import doctor, pictures, tasks, train
from tinygrad_ml.data import MNIST
from tinygrad_ml.training import Trainer

pytestmark = pytest.mark.host_only
QUICK = ("--device", "cpu", "--limit", "300", "--epochs", "2", "--batch-size", "64")
THREADS = min(blas()["num_threads"], 4) if blas() else 1  # by default


@pytest.fixture(scope="module")
def mnist():
    """Both parts, whose numbers become tensors once."""
    parts = {part: MNIST(train=part) for part in (True, False)}
    for data in parts.values():
        data.tensors = functools.cache(data.tensors)
    return parts


@pytest.fixture
def quick(monkeypatch, tmp_path, mnist):
    """Runs without pictures, with the data read once for all tests, in a folder of their own."""
    monkeypatch.setattr(tasks, "MNIST", lambda train: mnist[train])
    monkeypatch.setattr(train, "draw_run", lambda *_: {})
    monkeypatch.chdir(tmp_path)


def run(*arguments, code=0):
    """Run the command, which must end with `code`."""
    assert cli.main([str(argument) for argument in arguments]) == code


def after_each_step(monkeypatch, do):
    """Call `do` with the number of the step behind each step of a training."""
    epoch, numbers = Trainer.train_epoch, itertools.count(1)

    def watched(self, loader):
        for count in epoch(self, loader):
            do(next(numbers))
            yield count

    monkeypatch.setattr(Trainer, "train_epoch", watched)


def interrupt_after(monkeypatch, steps):
    """Send this process a Ctrl-C in that step."""
    after_each_step(monkeypatch, lambda step: step == steps and os.kill(os.getpid(), signal.SIGINT))


# -- what a run leaves --------------------------------------------------------------------------------


def test_a_run_leaves_its_model_its_curve_and_its_drawn_graph(tmp_path, capsys):
    out = tmp_path / "run"
    run("train", *QUICK, "--out", out)

    printed = capsys.readouterr().out
    assert "test accuracy" in printed
    for name in ("model.safetensors", "history.csv", "curve.png", "graph.svg", "step.html", "settings.json"):
        assert (out / name).stat().st_size > 0
        assert name in printed
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "graph.svg").read_text()


def test_the_saved_model_has_the_accuracy_of_the_last_line_of_the_csv(quick, mnist):
    run("train", *QUICK, "--out", "run")
    names, *lines = (line.split(",") for line in Path("run/history.csv").read_text().splitlines())
    assert names == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [line[0] for line in lines] == ["1", "2"]

    model = models.mlp().eval()
    model.load_state_dict(tg.load("run/model.safetensors"))
    images, labels = (part[:300] for part in mnist[False].tensors())
    accuracy = (model(images).numpy().argmax(1) == labels.numpy()).mean()
    np.testing.assert_allclose(float(lines[-1][-1]), accuracy)


def test_settings_are_kept(quick):
    run("train", *QUICK, "--optimizer", "sgd", "--lr", "0.05", "--seed", "7", "--out", "run")
    assert json.loads(Path("run/settings.json").read_text()) == {
        "model": "mlp",
        "data": "mnist",
        "epochs": 2,
        "batch_size": 64,
        "optimizer": "sgd",
        "lr": 0.05,
        "seed": 7,
        "threads": THREADS,
        "limit": 300,
        "eager": False,
    }


@pytest.mark.parametrize(("option", "threads"), [((), THREADS), (("--eager",), 1), (("--threads", "2"), 2)])
def test_products_take_the_threads_that_they_are_given(quick, monkeypatch, option, threads):
    seen = set()
    after_each_step(
        monkeypatch,
        lambda step: seen.update(
            library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
        ),
    )
    run("train", *QUICK, *option, "--out", "run")
    assert seen == {threads}


@pytest.mark.parametrize("optimizer", train._OPTIMIZERS)
def test_every_optimizer_learns_at_its_default_rate(quick, optimizer):
    run("train", *QUICK, "--epochs", "4", "--limit", "1000", "--optimizer", optimizer, "--out", "run")
    accuracy = float(Path("run/history.csv").read_text().splitlines()[-1].split(",")[-1])
    assert accuracy > 0.6


def test_the_convolutional_network_trains(quick):
    run("train", *QUICK, "--model", "cnn", "--epochs", "1", "--out", "run")
    models.cnn().load_state_dict(tg.load("run/model.safetensors"))


def test_the_default_folder_is_named_after_the_model(quick, tmp_path):
    run("train", *QUICK)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("mlp-")


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(quick):
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        run("train", *QUICK, "--seed", seed, "--out", out)
    a, b, c = (Path(out, "model.safetensors").read_bytes() for out in "abc")
    assert a == b
    assert a != c


# -- stopping and going on ----------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4, 5, 8])  # of 5 an epoch: at its start, in it, at its end, in the second
def test_an_interrupted_run_is_resumed_to_the_same_numbers(quick, monkeypatch, capsys, steps):
    run("train", *QUICK, "--out", "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, steps)
        run("train", *QUICK, "--out", "parts", code=130)
    assert "tinygrad-ml train --resume parts" in capsys.readouterr().out
    run("train", "--device", "cpu", "--resume", "parts")
    for name in ("model.safetensors", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def test_an_eager_run_is_said_to_be_one_and_resumed_as_one(quick, monkeypatch, capsys):
    run("train", *QUICK, "--eager", "--out", "whole")
    assert "operation by operation" in capsys.readouterr().out
    with monkeypatch.context() as patched:
        interrupt_after(patched, 3)
        run("train", *QUICK, "--eager", "--out", "parts", code=130)
    settings = json.loads(Path("parts/settings.json").read_text())
    del settings["eager"]  # as in the folders of older versions, which knew nothing else
    Path("parts/settings.json").write_text(json.dumps(settings))
    capsys.readouterr()
    run("train", "--device", "cpu", "--resume", "parts")
    assert "operation by operation" in capsys.readouterr().out
    assert Path("parts/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()

    run("train", *QUICK, "--out", "compiled")
    assert "compiled" in capsys.readouterr().out
    curves = [np.loadtxt(Path(name, "history.csv"), delimiter=",", skiprows=1) for name in ("whole", "compiled")]
    np.testing.assert_allclose(*curves, rtol=1e-4)


def test_resume_alone_takes_the_latest_run_and_a_finished_run_stays_as_it_is(quick, capsys):
    run("train", *QUICK)
    first = capsys.readouterr().out.splitlines()
    run("train", "--device", "cpu", "--resume")
    again = capsys.readouterr().out.splitlines()
    (result,) = (line.partition(";")[0] for line in again if "test accuracy" in line)
    assert any(line.startswith(result) for line in first)


def test_ctrl_c_in_a_terminal_saves_what_was_learned(tmp_path):
    command = [sys.executable, "-u", "-m", "tinygrad_ml", "train", "--device", "cpu", "--limit", "500"]
    process = subprocess.Popen(
        [*command, "--epochs", "10000", "--out", tmp_path / "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not process.stdout.readline().startswith("epoch 2/"):
        pass
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == ""
    assert "--resume" in printed
    models.mlp().load_state_dict(tg.load(tmp_path / "run" / "model.safetensors"))


# -- mistakes: one line, exit code 2 ------------------------------------------------------------------


def fails(capsys, *arguments):
    """The one line that the command prints when it fails."""
    run(*arguments, code=2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tinygrad-ml: ")
    return line


@pytest.mark.skipif(tg.gpu_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(quick, capsys, tmp_path):
    assert "device 'gpu' cannot be used" in fails(capsys, "train", "--device", "gpu", "--out", "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run(quick, capsys):
    run("train", *QUICK, "--out", "run")
    assert "holds a run already" in fails(capsys, "train", *QUICK, "--out", "run")


def test_a_folder_that_cannot_be_made(quick, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "Not a directory" in fails(capsys, "train", *QUICK, "--out", tmp_path / "file" / "run")


def test_a_full_disk(quick, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert "make room on the disk" in fails(capsys, "train", *QUICK, "--out", "checkpoints")
    monkeypatch.setattr(Path, "write_text", full)
    assert "No space left on device" in fails(capsys, "train", *QUICK, "--out", "settings")


def test_resuming_what_is_not_there(quick, capsys):
    assert "no run" in fails(capsys, "train", "--resume")
    assert "nowhere holds no run" in fails(capsys, "train", "--resume", "nowhere")


def test_resuming_with_other_settings(quick, capsys):
    run("train", *QUICK, "--out", "run")
    assert "with --lr 0.01, and --lr 0.5 was given" in fails(capsys, "train", "--resume", "run", "--lr", "0.5")
    assert "without --eager, and --eager was given" in fails(capsys, "train", "--resume", "run", "--eager")


def test_resuming_from_a_truncated_checkpoint(quick, capsys):
    run("train", *QUICK, "--out", "run")
    os.truncate("run/checkpoint.safetensors", 1000)
    assert "checkpoint.safetensors is truncated" in fails(capsys, "train", "--device", "cpu", "--resume", "run")


def test_a_learning_rate_that_makes_the_loss_nan(quick, capsys):
    line = fails(capsys, "train", *QUICK, "--optimizer", "sgd", "--lr", "1e30", "--out", "run")
    assert "learning rate" in line


@pytest.mark.parametrize(
    "option", ["--epochs=0", "--batch-size=x", "--lr=-1", "--lr=nan", "--seed=-1", "--optimizer=lion"]
)
def test_impossible_options(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", option])
    assert option.partition("=")[0] in capsys.readouterr().err


def test_a_graph_without_a_renderer_is_saved_as_text_and_the_line_says_so(tmp_path, monkeypatch):
    from viz import render

    monkeypatch.setattr(render, "_commands", lambda form: [])
    x = tg.tensor(2.0, requires_grad=True)
    found = pictures.draw_run(tmp_path, {"loss": [1.0]}, x * x)
    assert "no graph.svg could be made" in found["graph.dot"]
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


def test_a_picture_that_cannot_be_drawn_is_a_line_and_no_failure(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("viz.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = pictures.draw_run(tmp_path, {"loss": [1.0]}, tg.tensor(1.0, requires_grad=True) * 2)
    assert found["curve.png"].startswith("not drawn, for matplotlib")
    assert 'pip install "tinygrad_ml[viz]"' in found["curve.png"]
    assert "not drawn" not in found["step.html"]


# -- the rest -----------------------------------------------------------------------------------------


def test_doctor_names_what_is_there(capsys):
    run("doctor")
    printed = capsys.readouterr().out
    for name in (
        "Python",
        "NumPy",
        "BLAS",
        "threads",
        "SciPy",
        "CuPy",
        "Driver",
        "GPU",
        "MPI",
        "Graphviz",
        "llvmlite",
        "Matplotlib",
    ):
        assert name.lower() in printed.lower()


def test_doctor_tells_who_makes_products_slow(monkeypatch, capsys):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    run("doctor")
    assert "OPENBLAS_CORETYPE" not in capsys.readouterr().out
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    run("doctor")
    assert "-> unset OPENBLAS_CORETYPE (Haswell)" in capsys.readouterr().out


def test_doctor_tells_who_has_loops_written_for_other_processors(monkeypatch, capsys):
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("TINYGRAD_ML_PROCESSOR", "x86-64-v3")
    run("doctor")
    assert "-> unset TINYGRAD_ML_PROCESSOR (x86-64-v3)" in capsys.readouterr().out


def test_doctor_works_with_everything_missing_and_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_version", lambda package: "")
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(doctor, "_output", lambda *command: "")
    run("doctor")
    printed = capsys.readouterr().out
    for extra in ("fast", "gpu", "viz"):
        assert f'pip install "tinygrad_ml[{extra}]"' in printed


def test_the_cuda_version_of_the_driver_decides_which_cupy_is_proposed(monkeypatch, capsys):
    header = "| NVIDIA-SMI 550.54   Driver Version: 550.54   CUDA Version: 12.4 |"
    monkeypatch.setattr(doctor, "_output", lambda *command: header if command == ("nvidia-smi",) else "")
    monkeypatch.setattr(doctor, "_version", lambda package: "")
    run("doctor")
    assert 'pip install "tinygrad_ml[gpu12]"' in capsys.readouterr().out


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_ml", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"tinygrad_ml {tg.__version__}\n"


def test_no_command_prints_the_help(capsys):
    run(code=2)
    assert "tinygrad-ml train" in capsys.readouterr().out


# -- texts --------------------------------------------------------------------------------------------

WRITING = ("--device", "cpu", "--model", "gpt", "--limit", "128", "--epochs", "2", "--batch-size", "16")


@pytest.fixture
def writing(monkeypatch, quick):
    """As `quick`, with a GPT that takes no time."""
    sizes = {"context": 8, "width": 16, "layers": 1, "heads": 2}
    monkeypatch.setattr(tasks, "WRITINGS", {name: (kind, sizes, 8) for name, (kind, _, _) in tasks.WRITINGS.items()})


def test_a_gpt_is_trained_on_names_shows_what_it_writes_and_writes_more(writing, capsys):
    run("train", *WRITING, "--out", "run")
    printed = capsys.readouterr().out
    assert "128 windows in batches of 16" in printed and "test loss" in printed and "accuracy" not in printed
    assert printed.count("\n    ") >= 2  # a sample behind each epoch
    assert "tinygrad-ml generate run" in printed
    assert Path("run/history.csv").read_text().splitlines()[0] == "epoch,loss,val_loss"
    assert json.loads(Path("run/settings.json").read_text())["data"] == "names"

    texts = []
    for options in (("--seed", "1"), ("--seed", "1", "--no-cache"), ("--seed", "2")):
        run("generate", "run", "--start", "Em", "--length", "20", *options)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("Em") and len(texts[0]) == 2 + 20 + 1


def test_the_latest_run_that_writes_is_found_among_others(writing, capsys):
    run("train", *WRITING, "--epochs", "1", "--data", "shakespeare")
    run("train", *QUICK, "--epochs", "1")
    capsys.readouterr()
    run("generate", "--length", "5", "--temperature", "0")
    assert len(capsys.readouterr().out) == 6


@pytest.mark.parametrize("steps", [3, 8, 11])  # of 8 an epoch
def test_an_interrupted_gpt_is_resumed_to_the_same_numbers(writing, monkeypatch, steps):
    run("train", *WRITING, "--out", "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, steps)
        run("train", *WRITING, "--out", "parts", code=130)
    run("train", "--device", "cpu", "--resume", "parts")
    for name in ("model.safetensors", "history.csv"):
        assert Path("parts", name).read_bytes() == Path("whole", name).read_bytes()


def test_mistakes_with_texts_are_said(writing, capsys):
    assert "--model gpt learns from --data names or shakespeare, and --data mnist" in fails(
        capsys, "train", "--model", "gpt", "--data", "mnist"
    )
    assert "--model mlp learns from --data mnist" in fails(capsys, "train", "--data", "names")
    assert "only 8 windows for batches of 16" in fails(capsys, "train", *WRITING, "--limit", "8")
    assert "no run of gpt" in fails(capsys, "generate")
    assert "nowhere holds no run" in fails(capsys, "generate", "nowhere")
    run("train", *QUICK, "--epochs", "1", "--out", "digits")
    assert "a run of mlp, which does not write" in fails(capsys, "generate", "digits")
    run("train", *WRITING, "--epochs", "1", "--out", "run")
    assert "'1' cannot be encoded" in fails(capsys, "generate", "run", "--start", "100%")
    for option in ("--temperature=-1", "--top-p=2", "--length=0"):
        with pytest.raises(SystemExit, match="2"):
            cli.main(["generate", option])
        assert option.partition("=")[0] in capsys.readouterr().err


def test_a_trained_network_is_exported_for_other_programs(writing, capsys):
    run("train", *QUICK, "--epochs", "1", "--out", "digits")
    run("train", *WRITING, "--epochs", "1")
    capsys.readouterr()
    run("export", "digits", "-o", "digits.onnx", "--opset", "17")
    printed = capsys.readouterr().out
    assert printed.startswith("digits.onnx: input float32[batch, 1, 28, 28] -> output float32[batch, 10], ")
    model = tasks.task("mlp", "mnist", 1, 8, 0).model
    model.load_state_dict(tg.load("digits/model.safetensors"))
    check("digits.onnx", model.eval(), np.random.default_rng(0).random((7, 1, 28, 28), np.float32))
    run("export")
    assert "model.onnx: tokens int64[batch, length] -> output float32[batch, length, " in capsys.readouterr().out
    assert "nowhere holds no run" in fails(capsys, "export", "nowhere")
    assert "opset=3 should be" in fails(capsys, "export", "digits", "--opset", "3")
