"""The program beside the map: which lines made a box, and at which one it failed."""

import json
import re
from pathlib import Path

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError
from viz.lines import ProgramLine

F = nn.functional


class Net(nn.Module):
    def __init__(self, width=4):
        self.first, self.head = nn.Linear(3, 4), nn.Linear(width, 2)

    def forward(self, x):
        hidden = F.relu(self.first(x))
        return self.head(hidden * 2)  # the head


def line_with(text):
    """The number of the line of this file that ends with a text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.endswith(text))


def carried(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])


def said(data, box):
    """The lines that made a box, as text, the innermost first."""
    blocks = data["program"]["blocks"]
    return [blocks[block]["lines"][line - blocks[block]["first"]] for block, line in data["program"]["boxes"][box]]


def box_of(data, name):
    return next(box for box, facts in data["boxes"].items() if facts["name"] == name)


def test_inside_of_lines_nodes_remember_where_they_were_called():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    before = x * 2
    with viz.lines():
        y = x * 3  # here
    assert before.node.line is None and y.node.line == f"{__file__}:{line_with('# here')}"
    assert isinstance(y.node.line, ProgramLine) and (x * 4).node.line is None


def test_each_box_has_the_lines_that_made_it_and_so_has_its_gradient(tmp_path):
    def loss():
        out = Net()(tg.ones((5, 3)))
        return (out * out).sum()

    with viz.lines():
        made = loss()
    data = carried(viz.explain(made, tmp_path / "page.html", check=False))
    titles = [block["title"] for block in data["program"]["blocks"]]
    assert titles == [  # a function stands in the one around it
        "test_viz_lines.py · test_each_box_has_the_lines_that_made_it_and_so_has_its_gradient",
        "test_viz_lines.py · Net.forward",
    ]
    relu = next(step for step in data["steps"] if step["operation"] == "relu")
    told = [line.strip() for line in said(data, relu["box"])]
    assert told == ["hidden = F.relu(self.first(x))", "out = Net()(tg.ones((5, 3)))", "made = loss()"]
    assert said(data, "g" + relu["box"][1:]) == said(data, relu["box"])
    assert said(data, box_of(data, made.name or "made"))[0].strip() == "return (out * out).sum()"
    assert all(block["lines"][0].startswith("def ") for block in data["program"]["blocks"] if "·" in block["title"])


def test_a_function_that_is_explained_is_shown_without_being_asked(tmp_path):
    data = carried(viz.explain(Net(), tmp_path / "page.html", input_shape=(5, 3)))
    (block,) = data["program"]["blocks"]
    assert block["title"].endswith("Net.forward") and block["first"] == line_with("def forward(self, x):")
    assert carried(viz.explain(tg.ones((2,)).sum(), tmp_path / "page.html"))["program"] is None


def test_where_a_line_fails_the_page_shows_what_ran_until_then_and_both_shapes(tmp_path):
    class Bad(Net):
        def forward(self, x):
            hidden = self.first(x)
            return hidden @ tg.ones((3, 2))  # too narrow

    with pytest.raises(ShapeError) as raised:
        viz.explain(Bad(), tmp_path / "page.html", inputs=(tg.ones((5, 3)),))
    assert any("page.html shows what ran until then" in note for note in raised.value.__notes__)
    data = carried(tmp_path / "page.html")
    assert data["steps"][-1]["kind"] == "failed" and "(5, 4)" in data["steps"][-1]["shapes"]
    assert "(3, 2)" in data["steps"][-1]["shapes"] and "matmul" in data["steps"][-1]["value"]
    assert data["program"]["failed"][0][1] == line_with("# too narrow")
    assert not any(step["phase"] == "backward" for step in data["steps"])
    if data["rooms"]:
        arrows = [arrow for arrow in data["rooms"][0]["arrows"] if arrow["to"] == "failed"]
        assert len(arrows) == 2 and {"failed"} <= {box["id"] for box in data["rooms"][0]["boxes"]}
        # The way out of the module that made the first input goes through its wall.
        module = next(room for room in data["rooms"] if room["name"] == "first" or room["name"].startswith("Bad"))
        assert any(door["partner"] == "failed" for door in module["doors"].values())


def test_an_error_is_explained_and_mistakes_in_the_call_are_not(tmp_path):
    try:
        with viz.lines():
            Net()(tg.ones((5, 7)))
    except ShapeError as error:
        data = carried(viz.explain(error, tmp_path / "page.html"))
    assert data["steps"][-1]["operation"] == "linear" and data["program"]["failed"]
    (tmp_path / "page.html").unlink()
    with pytest.raises(OptionError, match="give one of them"):
        viz.explain(Net(), tmp_path / "page.html", input_shape=(5, 3), inputs=(tg.ones((5, 3)),))
    assert not (tmp_path / "page.html").exists()
