"""Pictures for texts and papers: Mermaid and TikZ say what the picture says."""

import re
import shutil
import subprocess

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.mermaid import to_mermaid
from viz.render import NoRenderer, render

pytestmark = pytest.mark.host_only


@pytest.fixture(scope="module")
def picture():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    scores = model(tg.tensor([[1.0, 2.0, 3.0]], name='x "<&#;>\\ 50% {_^~$`'))
    return viz.draw((scores * scores).sum(), "both")


def laid_out() -> bool:
    try:
        return bool(render("digraph {a}", "json"))
    except NoRenderer:
        return False


needs_graphviz = pytest.mark.skipif(not laid_out(), reason="there is no Graphviz")


def test_mermaid_has_each_box_in_its_frame_and_each_arrow(picture, tmp_path):
    text = picture.save(tmp_path / "net.mmd").read_text(encoding="utf-8")
    assert text == to_mermaid(picture.drawing) and text.startswith("flowchart TB\n")
    open_frames = []
    found, arrows = {}, []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("subgraph "):
            open_frames.append(line.split()[1].partition("[")[0])
        elif line == "end":
            open_frames.pop()
        elif box := re.match(r'(\w+)(?:\[|\()+"(.*)"(?:\]|\))+:::(\w+)$', line):
            found[box[1]] = tuple(open_frames), box[3]
        elif arrow := re.match(r'(\w+) (?:-->|-\.->|==>)(?:\|".*"\|)? (\w+)$', line):
            arrows.append((arrow[1], arrow[2]))
    assert found == {item.id: (item.path, item.kind) for item in picture.drawing.items}
    assert arrows == [(edge.source, edge.target) for edge in picture.drawing.edges]


def test_mermaid_takes_names_as_text(picture):
    assert "x #34;#60;#38;#35;#59;#62;#92; 50% {_^~$#96;" in to_mermaid(picture.drawing)


def test_mermaid_draws_notes_heat_and_failures_too():
    with pytest.raises(tg.errors.ShapeError) as failed:
        tg.ones(2, requires_grad=True) + tg.ones(3)
    assert ":::failed" in to_mermaid(viz.draw(failed.value).drawing)
    x = tg.tensor([1.0], requires_grad=True)
    assert re.search(r"style n\d+ fill:#", to_mermaid(viz.draw((x * x).sum(), overlay="bytes").drawing))


@needs_graphviz
def test_tikz_has_each_box_and_arrow_where_graphviz_puts_it(picture, tmp_path):
    text = picture.save(tmp_path / "net.tex").read_text(encoding="utf-8")
    body = text.partition("\\begin{document}")[2]
    assert body.count("minimum width=") == len(picture.drawing.items)
    assert len(re.findall(r"\\draw\[.*Stealth", body)) == len(picture.drawing.edges)
    assert body.count("\\filldraw") == len({frame for item in picture.drawing.items for frame in item.path})
    assert r"""x "<\&\#;>\textbackslash{} 50\% \{\_\textasciicircum{}\textasciitilde{}\$`""" in body
    used = set(re.findall(r"(?:text|draw|fill)=(c\w{6})", body))
    assert used <= set(re.findall(r"\\definecolor{(c\w{6})}", text))
    bare = re.sub(r"\\[\\{}]", "", text)
    assert bare.count("{") == bare.count("}")


@needs_graphviz
@pytest.mark.skipif(shutil.which("lualatex") is None, reason="there is no LuaLaTeX")
def test_latex_sets_it(picture, tmp_path):
    picture.save(tmp_path / "net.tex")
    command = ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "net.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]


def test_other_endings_are_refused_with_those_there_are(picture, tmp_path):
    with pytest.raises(tg.errors.OptionError, match=r"\.dot, \.mmd or \.tex, not 'net.doc'"):
        picture.save(tmp_path / "net.doc")
