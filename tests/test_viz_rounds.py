"""Loops opened: one round of a `tg.scan` in a picture, and on the map."""

import json
import re

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.render import _commands

pytestmark = pytest.mark.host_only
needs_graphviz = pytest.mark.skipif(not _commands("svg"), reason="there is no Graphviz on this machine")


def loop(reverse=False):
    tg.manual_seed(0)
    w = tg.tensor(np.ones((3, 3), "float32"), requires_grad=True, name="w")
    xs, start = tg.tensor(np.ones((200, 2, 3), "float32"), name="xs"), tg.zeros((2, 3))

    def cell(h, x):
        h = tg.tanh(h @ w + x)
        return h, h.sum()

    h, ys = tg.scan(cell, start, xs, reverse=reverse)
    return h.sum() + ys.mean()


def named(drawing):
    return {item.id: item.name if item.name[0] != "v" else item.operation or item.equation for item in drawing.items}


def arrows(drawing, *kinds):
    names = named(drawing)
    return {(names[edge.source], names[edge.target]) for edge in drawing.edges if edge.kind in kinds}


@pytest.mark.parametrize("options", [{"level": "operations"}, {"level": "functions", "open": ["scan"]}, {}])
@pytest.mark.parametrize("reverse", [False, True])
def test_an_open_loop_is_one_round_with_an_arrow_to_the_next(options, reverse):
    drawing = viz.draw(loop(reverse), **options).drawing
    (frame,) = [frame for frame in drawing.frames.values() if frame.label == "round"]
    assert frame.count == 200
    inside = [item for item in drawing.items if frame.id in item.path]
    assert [item.operation for item in inside] == ["matmul", "add", "tanh", "sum"]
    assert [item.equation for item in inside] == ["carry @ w", "v₁ + ‘xs[t]’", "tanh(v₂)", "Σ v₃ over axes 0, 1"]
    assert arrows(drawing, "repeat") == {("tanh", "matmul")}
    found = arrows(drawing, "forward", "idle")
    assert {("init", "matmul"), ("w", "matmul"), ("xs", "add")} <= found
    assert {("tanh", "the last one"), ("sum", "of all 200 rounds, stacked")} <= found
    assert not any(item.operation in ("scan", "getitem") for item in drawing.items)


def test_results_of_an_open_loop_are_numbered_without_gaps():
    names = [item.name for item in viz.draw(loop(), level="operations").drawing.items if item.name[0] == "v"]
    assert names == [f"v{'₀₁₂₃₄₅₆₇₈₉'[k]}" for k in range(1, len(names) + 1)]


def test_a_round_shows_the_layers_that_are_called_in_it():
    cell, xs = nn.RNNCell(3, 4), tg.tensor(np.ones((20, 2, 3), "float32"))

    def once(h, x):
        h = cell(nn.functional.relu(x), h)
        return h, h

    _, ys = tg.scan(once, tg.zeros((2, 4)), xs)
    drawing = viz.draw((ys**2).mean(), level="operations").drawing
    round_ = next(frame for frame in drawing.frames.values() if frame.label == "round")
    inside = [item for item in drawing.items if round_.id in item.path]
    assert any(drawing.frames[frame].label == "RNNCell" for item in inside for frame in item.path)
    assert len({item.id for item in drawing.items}) == len(drawing.items)
    known = {item.id for item in drawing.items}
    assert all({edge.source, edge.target} <= known for edge in drawing.edges)


def test_both_directions_keep_the_loop_as_the_one_operation_that_it_is_for_the_gradient():
    drawing = viz.draw(loop(), "both", level="operations").drawing
    assert sum(item.operation == "scan" for item in drawing.items) == 1
    assert not any(frame.label == "round" for frame in drawing.frames.values())


@needs_graphviz
def test_on_the_map_the_box_of_a_loop_opens_into_one_round(tmp_path):
    page = viz.explain(loop(), tmp_path / "page.html", check=False)
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search('<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
    (room,) = [room for room in data["rooms"] if room["name"].startswith("one round")]
    assert room["name"] == "one round ×200" and len(room["boxes"]) == 4 and room["isFunction"]
    around = next(other for other in data["rooms"] if other["id"] == room["around"])
    assert room["id"] in {box["id"] for box in around["boxes"]}
    boxes = {box["id"] for box in room["boxes"]}
    assert all({arrow["from"], arrow["to"]} <= boxes | room["doors"].keys() for arrow in room["arrows"])
    assert [arrow["kind"] for arrow in room["arrows"]].count("repeat") == 1
    ends = {arrow["from"] for arrow in around["arrows"] if arrow["to"] == room["id"]}
    ends |= {arrow["to"] for arrow in around["arrows"] if arrow["from"] == room["id"]}
    inner = {door["partner"] for door in around["doors"].values()}
    for door in room["doors"].values():
        assert door["partner"] in ends | inner | around["doors"].keys()
    assert boxes <= data["boxes"].keys()
