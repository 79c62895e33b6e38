"""`tinygrad-ml draw` and `explain`: what they write, and how they fail."""

import re
import sys

import pytest

from tinygrad_ml import cli
from viz import render

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not render._commands("svg"), reason="there is no Graphviz on this machine"),
]

PROGRAM = """
import tinygrad_ml as tg
from beside import WIDTH

def loss():
    x = tg.tensor([1.0] * WIDTH, requires_grad=True, name="weights")
    return (x * x).sum()

def constant():
    return tg.ones(3)

def broken():
    return loss() + tg.ones((2, 2)) @ tg.ones((3, 3))

def needs(something):
    return something

def network():
    return tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU(), tg.nn.Linear(3, 2))

def words():
    return tg.nn.Embedding(10, 4)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "beside.py").write_text("WIDTH = 3")
    yield tmp_path
    sys.modules.pop("beside", None)


def run(*arguments, code=0):
    assert cli.main(list(arguments)) == code


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_networks_of_the_training_are_drawn(folder, capsys, model):
    run("draw", model, "--depth", "1", "--batch", "2", "-o", f"{model}.svg")
    assert capsys.readouterr().out == f"{model}.svg\n"
    text = (folder / f"{model}.svg").read_text()
    assert "Linear" in text and "∂loss/∂loss" in text


def test_a_level_is_chosen_and_places_are_opened(folder, capsys):
    run("draw", "mlp", "--batch", "2", "-o", "a.dot")
    run("draw", "mlp", "--batch", "2", "--open", "1", "--open", "cross_entropy", "-o", "b.dot")
    run("draw", "mlp", "--batch", "2", "--level", "network", "-o", "c.dot")
    layers, opened, network = ((folder / f"{name}.dot").read_text() for name in "abc")
    assert "linear" not in layers and "linear" in opened and "log_softmax" in opened
    assert "Linear" in layers and "Linear" not in network
    run("draw", "mlp", "--open", "nowhere", code=2)
    assert "there is no 'nowhere' to open" in capsys.readouterr().err


def test_a_picture_is_read_to_the_right(folder):
    run("draw", "mlp", "--batch", "2", "--rankdir", "LR", "-o", "right.dot")
    assert "rankdir=LR" in (folder / "right.dot").read_text()


def test_a_function_of_a_file_is_drawn_and_explained(folder):
    run("draw", "program.py:loss", "--direction", "backward", "-o", "graph.dot")
    assert "∂L/∂weights" in (folder / "graph.dot").read_text()
    run("draw", "program.py:constant")
    assert (folder / "graph.svg").read_text().startswith("<svg")
    run("explain", "program.py:loss")
    assert "∂L/∂weights" in (folder / "page.html").read_text()


def test_a_module_is_called_on_inputs_of_the_shapes_given(folder, capsys):
    run("draw", "program.py:network", "--input-shape", "5,4", "--open", "0", "-o", "a.dot")
    assert "(5, 4)" in (folder / "a.dot").read_text() and "class=gradient" in (folder / "a.dot").read_text()
    run("draw", "program.py:words", "--input-shape", "5,7:int64", "--direction", "forward", "-o", "b.dot")
    assert "(5, 7) · int64" in (folder / "b.dot").read_text()
    capsys.readouterr()
    run("draw", "program.py:network", code=2)
    run("draw", "program.py:loss", "--input-shape", "5,4", code=2)
    run("draw", "program.py:network", "--input-shape", "5,4", "--input-shape", "5,4", code=2)
    said = capsys.readouterr().err
    assert "network returns a module" in said and "loss returns a Tensor" in said and "on 2 inputs" in said
    with pytest.raises(SystemExit):
        run("draw", "program.py:network", "--input-shape", "wide")
    assert "4,1,28,28" in capsys.readouterr().err


def test_a_module_that_fails_on_its_input_is_drawn_until_there(folder, capsys):
    run("draw", "program.py:network", "--input-shape", "5,3", "-o", "graph.dot", code=2)
    assert "class=failed" in (folder / "graph.dot").read_text()
    assert "4 features" in capsys.readouterr().err
    run("explain", "program.py:network", "--input-shape", "5,3", "-o", "failed.html", code=2)
    assert "and the one that failed" in (folder / "failed.html").read_text()
    said = capsys.readouterr().err
    assert "4 features" in said and "failed.html shows what ran until then" in said


def test_what_ran_before_an_error_is_drawn(folder, capsys):
    run("draw", "program.py:broken", "-o", "graph.dot", code=2)
    assert "class=failed" in (folder / "graph.dot").read_text()
    assert "matmul" in capsys.readouterr().err
    run("explain", "program.py:broken", code=2)
    assert "and the one that failed" in (folder / "page.html").read_text()
    said = capsys.readouterr().err
    assert "matmul" in said and "The page shows what ran until then" in said


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("program.py:nothing", "it has .*loss"),
        ("program.py:needs", "called with nothing"),
        ("missing.py:loss", "no file missing.py"),
        ("resnet", "mlp, cnn, FILE.py:FUNCTION, or FILE.onnx"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(capsys, what, says):
    run("draw", what, code=2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(says, error)


def test_an_unwritable_path_and_an_unknown_ending_are_one_line(capsys):
    run("draw", "program.py:loss", "-o", "nowhere/graph.svg", code=2)
    run("draw", "program.py:loss", "-o", "graph.jpeg", code=2)
    assert capsys.readouterr().err.count("\n") == 2


def test_without_graphviz_the_text_is_written_and_a_line_says_so(folder, capsys, monkeypatch):
    monkeypatch.setattr(render, "_commands", lambda form: [])
    run("draw", "program.py:loss")
    captured = capsys.readouterr()
    assert captured.out == "graph.dot\n" and "pip install pygraphviz" in captured.err
    assert (folder / "graph.dot").exists()


def onnx_file(path, text):
    """Write an ONNX file, given in ONNX's own language."""
    onnx = pytest.importorskip("onnx", reason="onnx reads the files")
    path.write_bytes(
        onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> net {text}').SerializeToString()
    )


def test_the_network_of_an_onnx_file_is_drawn_and_explained(folder, capsys):
    onnx_file(
        folder / "net.onnx", "(float[n,3] x) => (float[n,2] y) <float[3,2] w = {1,2,3,4,5,6}> { y = MatMul (x, w) }"
    )
    run("draw", "net.onnx", "-o", "both.dot")
    both = (folder / "both.dot").read_text()
    assert "<B>x</B>" in both and "(1, 3)" in both and "<B>layer</B>" in both and "∂" in both
    run("draw", "net.onnx", "--size", "n=5", "--direction", "forward", "-o", "five.dot")
    assert "(5, 2)" in (folder / "five.dot").read_text()
    run("draw", "net.onnx", "--input-shape", "7,3", "-o", "seven.dot")
    assert "(7, 2)" in (folder / "seven.dot").read_text()
    run("explain", "net.onnx", "--no-check", "-o", "net.html")
    assert "matmul" in (folder / "net.html").read_text()


def test_an_onnx_file_that_cannot_be_drawn_says_why(folder, capsys):
    run("draw", "nowhere.onnx", code=2)
    assert "there is no file nowhere.onnx" in capsys.readouterr().err
    (folder / "bad.onnx").write_bytes(b"PK and so on")
    run("explain", "bad.onnx", code=2)
    assert "looks like a ZIP archive" in capsys.readouterr().err
    onnx_file(
        folder / "open.onnx",
        "(float[n,width] x) => (float[a,b] y) <float[3,2] w = {1,2,3,4,5,6}> { y = MatMul (x, w) }",
    )
    run("draw", "open.onnx", code=2)
    assert "x (n, width). Say them, as by --size width=N" in capsys.readouterr().err
    run("draw", "open.onnx", "--size", "height=4", code=2)
    assert "those that have a name are n, width" in capsys.readouterr().err
    run("draw", "open.onnx", "--input-shape", "1,2", "--input-shape", "1,2", code=2)
    assert "has 1 inputs" in capsys.readouterr().err
    run("draw", "mlp", "--size", "n=4", code=2)
    assert "--size is for a network in a file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("draw", "open.onnx", "--size", "four")
