"""What a picture shows: as plain data, and for a small graph as exact text."""

import gc
import itertools
import re
import sys
import weakref
from xml.etree import ElementTree

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import DTypeError, OptionError
from tinygrad_ml.graph import topological
from tinygrad_ml.modes import watching
from viz.render import _commands
from viz.subject import CHANGED, FREED

needs_graphviz = pytest.mark.skipif(not _commands("svg"), reason="there is no Graphviz on this machine")


def leaf(number, name):
    return tg.tensor(number, requires_grad=True, name=name)


def item(picture, name):
    """The box with a name, or of the one operation so called that has none."""
    (found,) = [box for box in picture.drawing.items if box.name == name or box.operation == name]
    return found


def turns(picture):
    """The gradients in the order of the walk."""
    return [item.name for item in sorted(picture.drawing.items, key=lambda item: item.turn or 0) if item.turn]


class Block(nn.Module):
    def __init__(self, width):
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(nn.functional.relu(self.inner(x)))


class Network(nn.Module):
    def __init__(self, blocks=12):
        self.layers = nn.Sequential(*[Block(4) for _ in range(blocks)])
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.layers(x))


@pytest.mark.host_only
def test_the_text_of_a_small_graph_is_exactly_this():
    x = leaf(3.0, "x")
    source = viz.draw(x * x, legend=False).source
    row = '<TR><TD><FONT COLOR="{}" POINT-SIZE="{}">{}</FONT></TD></TR>'
    box = '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{}</TABLE>>'
    x_label = box.format(
        row.format("#1c2733", 12, "<B>x</B>")
        + row.format("#0b5a8a", 10, "3")
        + row.format("#7a2e8f", 10, "gradient not computed")
    )
    slope = (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD>&nbsp;'
        '<FONT COLOR="#7a2e8f" POINT-SIZE="9">∂ = 3</FONT>&nbsp;</TD></TR></TABLE>>'
    )
    lines = [line.strip() for line in source.splitlines()]
    assert lines[0] == "digraph picture {"
    assert lines[5] == (
        f"n0 [label={x_label} class=parameter "
        'color="#a5690a" fillcolor="#fdf1d8" id=n0 penwidth=2.2 shape=box style=filled]'
    )
    assert lines[6].startswith("n1 [label=<<TABLE") and "<B>L</B>" in lines[6] and "3 · 3 = 9" in lines[6]
    assert lines[7:] == [
        f"n0 -> n1 [label={slope} class=forward id=e0 weight=20]",
        f"n0 -> n1 [label={slope} class=forward id=e1 weight=20]",
        "}",
    ]


def test_the_same_graph_gives_the_same_text():
    def picture():
        tg.manual_seed(3)
        return viz.draw(Network()(tg.ones((2, 4))).sum(), direction="both").source

    assert picture() == picture()


def test_a_tensor_used_twice_has_two_arrows_and_a_shared_parameter_one_box():
    w = leaf([1.0, 2.0], "w")
    picture = viz.draw((w * w).sum() + w.sum())
    assert [box.name for box in picture.drawing.items].count("w") == 1
    assert [edge.source for edge in picture.drawing.edges].count(item(picture, "w").id) == 3


def test_leaves_empty_tensors_and_several_outputs_are_drawn_and_told():
    x, empty = leaf(2.0, "x"), leaf(tg.zeros((0, 3)), "empty")
    assert len(viz.draw(x, direction="both").drawing.items) == 2
    assert viz.steps((empty * 2.0).sum(), check=True)[-1].value == "empty"
    one, other = x * 2.0, x * 3.0
    assert turns(viz.draw([one, other], direction="both"))[-1] == "∂L/∂x"
    assert viz.steps([one, other], check=True)[-1].value == "5"


def test_an_output_that_is_an_input_of_another_starts_with_1_and_gets_a_share_besides():
    x = leaf(3.0, "x")
    inner = x * 2.0
    inner.name = "h"
    outer = inner * 5.0
    picture = viz.draw([inner, outer], direction="both")
    assert item(picture, "∂L/∂h").sum == "1 + 5 = 6" and item(picture, "∂L/∂x").gradient.numbers.values == 12
    told = [(step.rule, step.numbers or step.value) for step in viz.steps([inner, outer]) if step.name == "∂L/∂h"]
    assert told[0] == ("∂L/∂h = 1, and more to come", "1") and told[-1] == (
        "∂L/∂h = share 1 + what came before",
        "1 + 5 = 6",
    )


def test_numbers_stand_in_formulas():
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    picture = viz.draw((a * b + 10.0).tanh())
    assert item(picture, "mul").sum == "2 · (-3) = -6"
    assert item(picture, "add").sum == "(-6) + 10 = 4"
    assert {box.kind for box in picture.drawing.items} == {"parameter", "operation", "output"}


def test_local_derivatives_stand_on_the_arrows():
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    edges = viz.draw(a * b).drawing.edges
    assert [edge.local for edge in edges] == ["∂ = -3", "∂ = 2"]
    x, w = tg.tensor(tg.ones((5, 3)), name="x"), leaf(tg.ones((3, 2)), "w")
    to_x, to_w = viz.draw(x @ w).drawing.edges
    assert (to_x.kind, to_x.local) == ("idle", "")
    assert (to_w.local, to_w.shape) == ("xᵀ @ g", (3, 2))


def test_gradients_are_drawn_in_the_order_of_the_walk_each_beside_its_tensor():
    a, b, c = leaf(2.0, "a"), leaf(-3.0, "b"), leaf(10.0, "c")
    picture = viz.draw((a * b + c).tanh() * a, direction="both")
    assert turns(picture) == ["∂L/∂L", "∂L/∂v₃", "∂L/∂v₂", "∂L/∂v₁", "∂L/∂c", "∂L/∂b", "∂L/∂a"]
    beside = {box.name: box.beside for box in picture.drawing.items if box.beside}
    assert beside["∂L/∂v₃"] == item(picture, "tanh").id
    assert item(picture, "∂L/∂b").gradient.numbers.mean == pytest.approx(0.0053637, rel=1e-3)
    shares = [edge for edge in picture.drawing.edges if edge.target == item(picture, "∂L/∂a").id]
    assert [(edge.which, edge.rule) for edge in shares] == [((1, 2), "g · v₃"), ((2, 2), "g · b")]


def test_the_sum_over_broadcast_axes_is_on_the_arrow():
    x, bias = leaf(tg.ones((4, 3)), "x"), leaf(tg.ones(3), "bias")
    picture = viz.draw((x + bias).sum(), direction="backward")
    (edge,) = [edge for edge in picture.drawing.edges if edge.target == item(picture, "∂L/∂bias").id]
    assert edge.summed == (0,)
    assert "Σ over axis 0" in picture.source


def test_a_gradient_that_was_not_computed_is_never_drawn_as_0():
    x, unused = leaf(3.0, "x"), leaf(2.0, "unused")
    y = x * unused.detach()
    assert item(viz.draw(y), "x").gradient.note == "not computed"
    y.backward()
    assert item(viz.draw(y), "x").gradient.numbers.mean == 2


def _boxes(picture):
    return [(box.name, box.value, box.gradient, box.turn) for box in picture.drawing.items]


def test_a_freed_graph_is_computed_again_and_says_so_once():
    x, w = leaf([1.0, 2.0], "x"), leaf([3.0, 4.0], "w")
    y = (x * w).tanh().sum()
    before = _boxes(viz.draw(y, direction="both"))
    y.backward()
    freed = viz.draw(y, direction="both")
    assert "freed" not in freed.source and not freed.drawing.alarm
    assert freed.drawing.notes == [FREED] == viz.draw(y).drawing.notes == list(viz.steps(y).notes)
    assert y.node.inputs[0].freed and str(viz.steps(y)).startswith(FREED)
    assert _boxes(freed) == before
    assert item(viz.draw(y), "x").gradient.numbers is not None  # that is its .grad


def test_what_depends_on_an_overwritten_tensor_is_computed_again_as_a_whole():
    w = leaf([1.0, 2.0], "w")
    y = (w + 1).exp().sum()  # exp has saved its own output, which must not stand beside the new w
    w.assign([5.0, 5.0])
    picture = viz.draw(y, direction="both")
    y = (w + 1).exp().sum()
    now = viz.draw(y, direction="both")
    assert _boxes(picture) == _boxes(now) and item(picture, "add").value.values == [6, 6]
    assert picture.drawing.notes == [CHANGED] and "changed since" not in picture.source
    w.data[0] = 7.0  # without a word
    assert item(viz.draw(y), "add").value.values == [8, 6]


def test_after_a_step_of_the_optimiser_a_network_is_drawn_as_it_is_now():
    tg.manual_seed(0)
    model = Network(1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.5)
    y = model(tg.ones((2, 4))).sum()
    y.backward()
    optimizer.step()
    picture = viz.draw(y)
    assert item(picture, "y").value.values == pytest.approx(model(tg.ones((2, 4))).sum().item(), rel=1e-5)
    assert not any(box.note for box in picture.drawing.items) and "freed" not in picture.source


def test_drawing_changes_nothing_and_keeps_nothing():
    x = leaf([1.0, 2.0], "x")
    y = (x * x).sum()
    gc.disable()
    try:
        picture = viz.draw(y, direction="both")
        steps = viz.steps(y, check=True)
        assert x.grad is None and not y.node.inputs[0].freed
        y.backward()
        assert x.grad.tolist() == [2, 4]
        node = weakref.ref(y.node)
        del y
        assert node() is None
    finally:
        gc.enable()
    assert picture.source and len(steps)


def test_a_network_on_a_symbol_is_drawn_without_data():
    picture = viz.draw(Network(), input_shape=(8, 4))
    assert item(picture, "x").shape == (8, 4) and item(picture, "x").value is None
    assert viz.draw(tg.symbol((3, 4), name="s").tanh().sum()).drawing.items[0].name == "s"
    assert viz.draw(Network()(tg.symbol((8, 4))), direction="both").drawing.direction == "both"


def test_modules_are_nested_boxes_and_parameters_have_their_paths():
    picture = viz.draw(Network(), input_shape=(8, 4), fold=False, level="operations")
    weight = item(picture, "layers.0.inner.weight")
    assert [picture.drawing.frames[frame].label for frame in weight.path] == ["Network", "layers", "0", "inner"]
    assert item(picture, "x").path == ()


def test_equal_modules_in_a_row_are_folded():
    folded = viz.draw(Network(), input_shape=(8, 4))
    (frame,) = [frame for frame in folded.drawing.frames.values() if frame.count > 1]
    assert (frame.label, frame.kind, frame.count) == ("0 … 11", "Block", 12)
    assert "×12" in folded.source
    assert len(viz.draw(Network(), input_shape=(8, 4), fold=False).drawing.items) > 5 * len(folded.drawing.items)


def test_modules_that_hand_on_more_than_one_value_are_not_folded():
    class Dense(nn.Module):
        """Each block sees the outputs of all before it, so no two are alike in what they are given."""

        def __init__(self):
            self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(4)])

        def forward(self, x):
            outputs = [x]
            for block in self.blocks:
                outputs.append(block(sum(outputs[1:], outputs[0])))
            return outputs[-1]

    assert all(frame.count == 1 for frame in viz.draw(Dense(), input_shape=(2, 4)).drawing.frames.values())


def test_depth_closes_modules_and_counts_what_is_inside():
    whole = viz.draw(Network(), input_shape=(8, 4), depth=0)
    assert [box.kind for box in whole.drawing.items] == ["module", "input"] or len(whole.drawing.items) == 2
    one = viz.draw(Network(), input_shape=(8, 4), depth=1)
    layers = item(one, "layers")
    assert layers.kind == "module" and layers.operations == 12 * 6 and layers.parameters == 12 * 2 * (16 + 4)


def test_closed_modules_have_their_gradients_counted():
    picture = viz.draw(Network()(tg.ones((2, 4))).sum(), direction="both", depth=1)
    head = item(picture, "∂L in head")
    assert head.parameters == 2 and head.norm > 0


def test_large_graphs_close_their_modules_and_huge_ones_are_refused():
    large = viz.draw(Network(100), input_shape=(2, 4), fold=False)
    assert len(large.drawing.items) <= 300 and "closed" in large.drawing.notes[0] and not large.drawing.alarm
    y = x = leaf(1.0, "x")
    for _ in range(100_000):
        y = y * 1.0001
    with pytest.raises(OptionError, match=r"100,001 boxes.*depth=0.*limit="):
        viz.draw(y)
    for _ in range(2000):
        x = x + 1.0
    with pytest.raises(OptionError, match="4,002 boxes"):
        viz.draw(x, direction="both")


@pytest.mark.parametrize(
    "read",
    [lambda y: viz.draw(y, direction="both", legend=False), lambda y: [node.device for node in topological([y.node])]],
)
def test_twice_the_operations_are_twice_the_work(read):
    def calls(operations):
        y = leaf([0.5, 1.0], "x")
        for _ in range(operations):
            y = (y * 1.1).tanh()
        count = itertools.count()
        sys.setprofile(lambda *_: next(count))
        try:
            read(y.sum())
        finally:
            sys.setprofile(None)
        return next(count)

    calls(1)  # which fills what is kept
    assert calls(100) < 2.2 * calls(50)


def test_a_gradient_of_a_gradient_stands_in_nested_frames():
    x = leaf(0.5, "x")
    (first,) = tg.grad((x * x).tanh(), x, create_graph=True)
    (second,) = tg.grad(first, x, create_graph=True)
    picture = viz.draw(second)
    paths = {tuple(picture.drawing.frames[frame].label for frame in box.path) for box in picture.drawing.items}
    assert ("backward of backward", "backward", "forward") in paths
    assert ("backward of backward", "backward") in paths and ("backward of backward",) in paths
    assert "constant_in" not in picture.source and "constant_in" not in str(viz.steps(second))


def test_the_gradient_of_a_gradient_has_no_helpers_and_no_gaps():
    x = leaf(2.0, "x")
    (slope,) = tg.grad(x * x * x, x, create_graph=True)
    slope.name = "slope"
    picture = viz.draw(slope * slope, direction="both")
    assert (item(picture, "slope").operation, item(picture, "slope").sum) == ("add", "8 + 4 = 12")
    assert "constant_in" not in picture.source and "constant_in" not in str(viz.steps(slope * slope))
    assert sorted(box.turn for box in picture.drawing.items if box.turn) == list(range(1, 10))
    shares = [edge.which for edge in picture.drawing.edges if edge.target == item(picture, "∂L/∂x").id]
    assert sorted(shares) == [(k, 5) for k in range(1, 6)]
    results = [box.name for box in picture.drawing.items if box.operation in ("mul", "add")]
    assert results == ["v₁", "v₂", "v₃", "v₄", "v₅", "v₆", "slope", "L"]


def test_a_gradient_that_does_not_vary_has_an_arrow_that_says_0():
    x = leaf(2.0, "x")
    (slope,) = tg.grad(x * 3.0, x, create_graph=True)
    slope.name = "slope"
    picture = viz.draw(slope * slope, direction="both")
    (arrow,) = [edge for edge in picture.drawing.edges if edge.target == item(picture, "∂L/∂x").id]
    assert (arrow.source, arrow.rule) == (item(picture, "∂L/∂slope").id, "0")
    assert item(picture, "∂L/∂x").gradient.numbers.values == 0
    (told,) = [step for step in viz.steps(slope * slope) if step.name == "∂L/∂x"]
    assert told.rule == "∂L/∂x = 0, as slope does not vary with it"


def test_a_gradient_of_0_is_passed_on_as_arrows():
    x, w = leaf([1.5, 2.5], "x"), leaf(2.0, "w")
    picture = viz.draw(((x * w).floor() * x).sum(), direction="both")
    arrows: dict[str, list] = {}
    for edge in picture.drawing.edges:
        if edge.kind == "backward":
            arrows.setdefault(edge.target, []).append((edge.which, edge.share.numbers.norm))
    assert arrows[item(picture, "∂L/∂v₁").id] == arrows[item(picture, "∂L/∂w").id] == [((1, 1), 0.0)]
    assert [which for which, _ in arrows[item(picture, "∂L/∂x").id]] == [(1, 2), (2, 2)]


def test_what_is_not_shown_is_not_counted():
    picture = viz.draw(Network()(tg.ones((2, 4))).tanh().exp().sum(), depth=1)
    names = [box.name for box in picture.drawing.items if box.kind == "operation"]
    assert names == ["v₁", "v₂"] and item(picture, "tanh").equation == "tanh(head)"
    assert [box.name for box in picture.drawing.items if box.kind == "input"] == ["input"]
    both = viz.draw(Network(3)(tg.ones((2, 4))).sum(), direction="both")
    turns = sorted(box.turn for box in both.drawing.items if box.turn)
    assert turns == list(range(1, len(turns) + 1))


@pytest.mark.parametrize("overlay", ["flops", "bytes", "gradient"])
def test_overlays_colour_by_a_figure(overlay):
    picture = viz.draw(Network(2)(tg.ones((2, 4))).sum(), overlay=overlay)
    heats = [box.heat for box in picture.drawing.items if box.heat is not None]
    assert min(heats) == 0 and max(heats) == 1
    assert f"much: {overlay}" in picture.source


def test_the_nan_overlay_marks_where_they_are():
    x = leaf([-1.0, 2.0], "x")
    picture = viz.draw((tg.log(x) + 1).sum(), overlay="nan")
    assert [box.name for box in picture.drawing.items if box.alarm] == ["v₁"]
    assert item(picture, "log").heat_text == "1 nan or infinite, begin here"
    assert item(picture, "add").heat_text == "1 nan or infinite, from what comes in"
    assert "here nan or infinite begins" in picture.source
    assert viz.draw((x * 2).sum(), overlay="nan").drawing.notes == ["All numbers are finite."]


def test_a_gradient_that_becomes_infinite_is_told_from_one_that_meets_nan():
    x, w = leaf([0.0, 2.0], "x"), leaf([1.0, 1.0], "w")
    picture = viz.draw((x.sqrt() * w).sum(), direction="both", overlay="nan")  # √x is finite, and its slope is not
    assert [box.name for box in picture.drawing.items if box.alarm] == ["∂L/∂x"]
    both = viz.draw((tg.log(x) * w).sum(), direction="both", overlay="nan")
    assert [box.name for box in both.drawing.items if box.alarm] == ["v₁", "∂L/∂x"]  # 1/0 needs no log
    assert item(both, "∂L/∂w").heat_text == "1 nan or infinite, from what comes in"
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    closed = viz.draw(module(tg.tensor([[tg.nan, 1.0]])).sum(), overlay="nan", depth=0)
    assert [box.kind for box in closed.drawing.items if box.alarm] == ["input"]


def test_the_norm_of_a_gradient_is_written_once():
    picture = viz.draw(Network(1)(tg.ones((2, 4))).sum(), direction="both", overlay="gradient", level="operations")
    assert "gradient norm" not in item(picture, "∂L/∂head.weight").heat_text
    assert picture.source.count("norm") > 3


def test_a_dotted_arrow_is_one_along_which_no_gradient_comes_back_and_the_legend_says_so():
    x, w = tg.tensor([1.0, 2.0], name="x"), leaf([3.0, 4.0], "w")
    picture = viz.draw((x.reshape(2) * w).sum())
    from_x = [edge for edge in picture.drawing.edges if edge.source == item(picture, "x").id]
    assert {edge.kind for edge in from_x} == {"idle"} and "dotted: no gradient" in picture.source
    folded = viz.draw(Network(), input_shape=(8, 4)).source
    assert {"idle"} == set(re.findall(r"class=(\w+)[^\n]*style=dotted", folded))
    nothing = viz.draw(tg.symbol((3,)).exp())
    assert "dotted" not in nothing.source and "on arrows" not in nothing.source and "∂:" not in nothing.source


@needs_graphviz
def test_a_png_that_nobody_could_read_is_refused(tmp_path):
    y = leaf(1.0, "x")
    for _ in range(450):
        y = y * 1.0001
    with pytest.raises(OptionError, match=r"graph.png would be [\d,]+ by [\d,]+ pixels.*\.svg or \.pdf.*depth=0"):
        viz.draw(y).save(tmp_path / "graph.png")
    assert not (tmp_path / "graph.png").exists()
    assert viz.draw(y).save(tmp_path / "graph.svg").exists()


def test_an_error_of_an_operation_is_drawn_with_what_ran_until_then():
    x = leaf(tg.ones((2, 3)), "x")
    with pytest.raises(tg.errors.ShapeError) as caught:
        x.exp() + tg.ones(4)
    picture = viz.draw(caught.value)
    failed = picture.drawing.items[-1]
    assert (failed.kind, failed.name) == ("failed", "add") and "broadcast" in failed.note
    assert (
        item(picture, "exp").sum == "" and len([edge for edge in picture.drawing.edges if edge.target == "failed"]) == 2
    )


def test_an_error_inside_a_network_is_drawn_from_the_function_that_failed():
    network = Network(1)
    with pytest.raises(tg.errors.ShapeError) as caught:
        network.head(network.layers(tg.ones((2, 4)))[:, :3])
    picture = viz.draw(caught.value)
    assert picture.drawing.items[-1].name == "linear"
    assert item(picture, "relu").operation == "relu"


def test_drawing_is_not_watched():
    x = leaf(-1.0, "x")
    seen = []
    with tg.detect_anomaly():
        with pytest.raises(tg.errors.AnomalyError) as caught:
            tg.log(x * 2.0)
        picture = viz.draw(caught.value)
    assert picture.drawing.items[-1].name == "log" and item(picture, "mul").sum == "(-1) · 2 = -2"
    y = x * x
    with watching(lambda *_: seen.append(_)):
        viz.draw(y, direction="both")
        viz.steps(y, check=True)
    assert not seen


class Words(nn.Module):
    """Two inputs, one of integers; two results, in a dictionary."""

    def __init__(self):
        self.look_up, self.mix = nn.Embedding(10, 4), nn.Linear(8, 2)

    def forward(self, tokens, extra):
        found = self.look_up(tokens).mean(axis=1)
        return {"mixed": self.mix(tg.concat([found, extra], axis=-1)), "found": (found,)}


def test_a_module_of_several_inputs_is_drawn_with_their_names():
    symbols = tg.symbol((8, 16), dtype="int64"), tg.symbol((8, 4), name="features")
    picture = viz.draw(Words(), inputs=symbols)
    found = {(box.name, box.shape, box.dtype) for box in picture.drawing.items if box.kind == "input"}
    assert found == {("tokens", (8, 16), "int64"), ("features", (8, 4), "float32")}
    assert {box.shape for box in picture.drawing.items if box.kind in ("output", "function")} >= {(8, 4)}
    numbers = viz.draw(Words(), "both", inputs=(tg.tensor([[1, 2], [3, 4]]), tg.ones((2, 4))))
    assert any(box.kind == "gradient" for box in numbers.drawing.items)
    assert len(viz.steps(Words(), inputs=symbols)) > 5


def test_what_a_module_cannot_be_called_on_is_said_at_once():
    for inputs in ((), tg.symbol((8, 16))):
        with pytest.raises(OptionError, match=r"inputs is a tuple with a tensor for each argument"):
            viz.draw(Words(), inputs=inputs)
    with pytest.raises(DTypeError, match=r"inputs are tensors, .* and not tuple"):
        viz.draw(Words(), inputs=((8, 16), (8, 4)))
    with pytest.raises(DTypeError, match=r"\(tokens, extra\) cannot be called on 1 input: missing"):
        viz.draw(Words(), inputs=(tg.symbol((8, 16), dtype="int64"),))
    with pytest.raises(OptionError, match=r"inputs=\(tg.symbol\(\(8, 16\)\), tg.symbol\(\(8, 4\)\)\)"):
        viz.draw(Words(), input_shape=((8, 16), (8, 4)))
    with pytest.raises(OptionError, match="give one of them"):
        viz.draw(Words(), input_shape=(8, 16), inputs=(tg.symbol((8, 16)),))
    with pytest.raises(DTypeError, match="inputs is for drawing a module or a function, not Tensor"):
        viz.draw(tg.ones(3), inputs=(tg.ones(3),))
    with pytest.raises(DTypeError, match="gives no tensor"):
        viz.draw(lambda x: 3, input_shape=(2,))
    with pytest.raises(DTypeError, match="integers") as caught:
        viz.draw(nn.Embedding(3, 2), input_shape=(2, 3))
    assert "dtype='int64'" in caught.value.__notes__[0]


def test_wrong_use_is_one_clear_error():
    x = leaf(1.0, "x")
    with pytest.raises(OptionError, match="'forward', 'backward', 'both'"):
        viz.draw(x * x, direction="sideways")
    with pytest.raises(OptionError, match="'flops'"):
        viz.draw(x * x, overlay="heat")
    with pytest.raises(OptionError, match="requires a gradient"):
        viz.draw(tg.ones(3), direction="backward")
    with pytest.raises(DTypeError, match="input_shape"):
        viz.draw(Network())
    with pytest.raises(OptionError, match=r"input_shape is a shape, .* and not 4"):
        viz.draw(Network(), input_shape=4)
    with pytest.raises(DTypeError, match="ValueError"):
        viz.draw(ValueError("no tensors here"))


@needs_graphviz
def test_the_svg_is_well_formed_and_its_ids_belong_to_this_picture():
    x = leaf(3.0, "x")
    one, other = viz.draw(x * x + x, direction="both"), viz.draw(x * x, direction="both")
    ids = [element.get("id") for element in ElementTree.fromstring(one.svg).iter() if element.get("id")]
    prefix = ids[0]
    assert len(ids) == len(set(ids)) and all(own.startswith(prefix) for own in ids)
    assert {f"{prefix}-{part.id}" for part in (*one.drawing.items, *one.drawing.edges)} <= set(ids)
    assert prefix not in other.svg
    assert "prefers-color-scheme:dark" in one.svg and "<script" not in one.svg


@needs_graphviz
def test_a_notebook_shows_it():
    shown = viz.draw(leaf(3.0, "x") * 2)._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg") and shown["text/plain"].startswith("<picture of")
