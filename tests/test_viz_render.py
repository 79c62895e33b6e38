"""From text to pictures: with the program dot, with pygraphviz, and with neither; and whatever names one may give."""

import importlib.util
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
import viz
from tinygrad_ml import models
from tinygrad_ml.errors import OptionError
from tinygrad_ml.modes import scope
from viz import render
from viz.labels import LABEL_CHARACTERS, escaped, plain

needs_graphviz = pytest.mark.skipif(not render._commands("svg"), reason="there is no Graphviz on this machine")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    'with "quotes" and \\ backslashes',
    "<b>bold</b> & <script>alert(1)</script>",
    "<lambda>",
    "a:b:c{d|e}[f]",
    "\\N \\G \\l node",
    "权重 與 偏置",
    "وزن الشبكة",
    "\u202eright to left\u202c",
    "]]> --> <!-- ",
    "line\nbreak\ttab\0null",
    "&amp; &#x41;",
    " ",
    "label=evil]; n0 -> n0 [",
    "javascript:alert(1)",
]


def picture_of(*names):
    total = 0.0
    for name in names:
        x = tg.tensor([1.0, 2.0], requires_grad=True, name=name)
        with scope(name, name):
            total = total + (x * 2.0).sum()
    return viz.draw(total, direction="both")


def texts_in(svg):
    """The texts of an SVG, each with its spaces made single."""
    return {" ".join((text.text or "").split()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}


any_name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LABEL_CHARACTERS)


@needs_graphviz
@settings(max_examples=6)  # of several names each: it takes a process to lay a picture out
@given(st.lists(any_name, min_size=1, max_size=8))
def test_any_name_is_shown_as_it_is_and_as_nothing_else(names):
    svg = picture_of(*names).svg
    root = ElementTree.fromstring(svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "title", "style", "polygon", "polyline", "path", "text", "ellipse"}
    assert not any(key.endswith("href") or key.startswith("on") for element in root.iter() for key in element.attrib)
    assert {" ".join(plain(name).split()) for name in names} <= texts_in(svg)


@needs_graphviz
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_as_text(name):
    texts = texts_in(picture_of(name).svg)
    assert " ".join(plain(name).split()) in texts
    gradients = {" ".join(plain(text).split()) for text in (f"∂L/∂{name}", f"∂{name}")}  # short where names are long
    assert gradients & texts


def test_what_cannot_be_shown_is_taken_out_of_names():
    assert plain("line\nbreak\0") == "line break "
    assert plain("\u202eevil\u202c") == "evil"
    assert plain(" ") == "␣"
    assert plain('<b> & "q" \\N 权重') == '<b> & "q" \\N 权重'


def test_long_names_lose_their_middle():
    assert escaped("a" * 50 + "z" * 50) == "a" * 21 + " … " + "z" * 20


@needs_graphviz
@pytest.mark.parametrize(
    ("form", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")]
)
def test_a_picture_is_saved_by_its_ending(tmp_path, form, start):
    path = picture_of("x").save(tmp_path / f"graph.{form}")
    assert path.read_bytes().startswith(start)


@needs_graphviz
@pytest.mark.parametrize("images_want_gradients", [False, True])
def test_the_backward_pass_stands_to_the_right(images_want_gradients):
    images = tg.zeros((2, 1, 28, 28), requires_grad=images_want_gradients)
    picture = viz.draw(models.cnn()(images).sum(), direction="both")
    boxes = picture.layout.boxes
    pairs = [(boxes[item.beside], boxes[item.id]) for item in picture.drawing.items if item.beside in boxes]
    assert pairs and all(tensor.right < gradient.left for tensor, gradient in pairs)


def test_another_ending_is_an_error(tmp_path):
    with pytest.raises(OptionError, match=r"\.svg, \.png, \.pdf, \.dot, \.mmd or \.tex"):
        picture_of("x").save(tmp_path / "graph.jpeg")


@pytest.mark.skipif(not importlib.util.find_spec("pygraphviz"), reason="pygraphviz is not installed")
def test_without_dot_pygraphviz_draws(monkeypatch):
    monkeypatch.setattr(render.shutil, "which", lambda program: None)
    assert [name for name, _ in render._commands("svg")] == ["pygraphviz"]
    texts = texts_in(picture_of("weights").svg)
    assert "weights" in texts and texts & {"∂L/∂weights", "∂weights"}  # the latter where the machine's letters are wide


def test_without_any_graphviz_the_text_is_saved_and_one_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "_commands", lambda form: [])
    picture = picture_of("x")
    with pytest.warns(UserWarning, match=r"graph\.png .*graph\.dot.*pip install pygraphviz") as caught:
        path = picture.save(tmp_path / "graph.png")
    assert len(caught) == 1
    assert path == tmp_path / "graph.dot" and path.read_text(encoding="utf-8") == picture.source
    assert "pip install pygraphviz" in picture._repr_mimebundle_()["text/plain"]


def test_a_renderer_that_crashes_is_followed_by_the_next(monkeypatch):
    crash = ("broken", [sys.executable, "-c", "import os; os.abort()"])
    works = ("works", [sys.executable, "-c", "print('<svg/>')"])
    monkeypatch.setattr(render, "_commands", lambda form: [crash, works])
    assert render.render("digraph {}", "svg").strip() == b"<svg/>"
    monkeypatch.setattr(render, "_commands", lambda form: [crash])
    with pytest.raises(render.NoRenderer, match="broken ended with code"):
        render.render("digraph {}", "svg")


def test_a_layout_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(
        render, "_commands", lambda form: [("slow", [sys.executable, "-c", "import time; time.sleep(60)"])]
    )
    with pytest.raises(render.NoRenderer, match=r"more than 0\.2 s.*depth=0"):
        render.render("digraph {}", "svg", time_limit=0.2)


def test_matplotlib_is_imported_only_for_its_pictures():
    code = "import sys, viz; assert 'matplotlib' not in sys.modules; assert 'curves' in dir(viz); viz.draw; viz.explain"
    subprocess.run([sys.executable, "-c", code], check=True)
