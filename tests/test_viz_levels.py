"""Frames and levels: what is a box of its own, what is drawn as one, and that no arrow is lost by it."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from viz.arranging import Arrangement
from viz.asked import outputs_of
from viz.draw import Picture
from viz.labels import item_label, lines_of
from viz.levels import LEVELS
from viz.reading import read_graph

pytestmark = pytest.mark.host_only

F = nn.functional


def boxes(picture, *kinds):
    return [item for item in picture.drawing.items if item.kind in kinds]


def arrows(picture):
    """(name of the source, name of the target, kind) of each arrow, by the names on the boxes."""
    names = {item.id: item.name for item in picture.drawing.items}
    return {(names[edge.source], names[edge.target], edge.kind) for edge in picture.drawing.edges}


def has_circle(picture):
    """Whether the arrows go in a circle; those to the next of a row do, and do not count."""
    below = {}
    for edge in picture.drawing.edges:
        if edge.kind != "repeat":
            below.setdefault(edge.source, set()).add(edge.target)
            below.setdefault(edge.target, set())
    while below:
        ends = {box for box, targets in below.items() if not targets}
        if not ends:
            return True
        below = {box: targets - ends for box, targets in below.items() if box not in ends}
    return False


class Block(nn.Module):
    def __init__(self, width=4):
        self.inner = nn.Sequential(nn.Linear(width, width), nn.ReLU())

    def forward(self, x):
        return x + self.inner(x)


X, Z = (tg.tensor(tg.ones((2, 4)), requires_grad=True, name=name) for name in "xz")
X2 = tg.tensor(tg.ones((2, 2)), requires_grad=True, name="x")


# -- a frame is one module in one call -----------------------------------------------------------------


def test_modules_without_names_are_a_box_each():
    a, b = nn.Linear(4, 4), nn.Linear(4, 4)
    picture = viz.draw(b(a(X)).sum(), depth=0)
    assert [(box.name, box.parameters) for box in boxes(picture, "module")] == [("Linear", 20)] * 2


@pytest.mark.parametrize("fold", [True, False])
def test_a_module_called_n_times_says_so_and_its_parameters_are_counted_once(fold):
    cell, h = nn.Linear(4, 4), X
    for _ in range(5):
        h = cell(h)
    picture = viz.draw(h.sum(), depth=0, fold=fold)
    calls = boxes(picture, "module")
    assert sum(box.parameters for box in calls) == 20 and not has_circle(picture)
    if fold:
        assert [(box.count, box.aside) for box in calls] == [(5, "one module, the numbers of its first call")]
    else:
        assert [box.aside for box in calls] == [f"shared: call {number} of 5" for number in range(1, 6)]


def test_a_shared_network_says_so_once_and_not_at_each_of_its_layers():
    network = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
    frames = viz.draw(network(network(X)).sum()).drawing.frames.values()
    assert [frame.aside for frame in frames if frame.aside] == ["shared: call 1 of 2", "shared: call 2 of 2"]


def test_two_networks_in_one_step_have_each_its_box():
    generator, discriminator = (nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(2))
    real = discriminator(X).mean()
    fake = discriminator(generator(Z)).mean()
    picture = viz.draw(real - fake, depth=0)
    assert len(boxes(picture, "module")) == 3 and not has_circle(picture)
    assert {"z", "x"} <= {item.name for item in picture.drawing.items}
    assert sum(box.parameters for box in boxes(picture, "module")) == 40


# -- a folded row keeps its arrows ----------------------------------------------------------------------


@pytest.mark.parametrize("depth", [9, 1])
def test_residual_blocks_in_a_row_take_what_the_block_before_gives(depth):
    network = nn.Sequential(*[Block() for _ in range(5)])
    picture = viz.draw(network(X), depth=depth)
    if depth == 9:
        add = [item.id for item in picture.drawing.items if item.operation == "add"][-1]
        from_the_sum = {edge.target for edge in picture.drawing.edges if (edge.source, edge.kind) == (add, "repeat")}
        (linear,) = [item.id for item in picture.drawing.items if item.operation == "linear"]
        assert from_the_sum == {add, linear}  # the skip, and the way through the block
    else:
        (block,) = boxes(picture, "module")
        assert [edge.source for edge in picture.drawing.edges if edge.kind == "repeat"] == [block.id]
        assert block.aside == "with the numbers of 0" and block.count == 5


def test_rows_of_two_kinds_fold():
    network = nn.Sequential(*[layer for _ in range(20) for layer in (nn.Linear(4, 4), nn.ReLU())])
    picture = viz.draw(network, input_shape=(2, 4), depth=1)
    assert [box.operation for box in boxes(picture, "module")] == ["Linear", "ReLU"]
    (row,) = [frame for frame in picture.drawing.frames.values() if frame.count > 1]
    assert (row.label, row.kind, row.count) == ("0 … 39", "Linear, ReLU", 20)
    assert ("1", "0", "repeat") in arrows(picture)


def test_layers_with_functions_between_them_fold():
    layers = [nn.Linear(4, 4) for _ in range(6)]
    h = X
    for layer in layers:
        h = F.relu(layer(h)) * 0.5
    (row,) = [frame for frame in viz.draw(h).drawing.frames.values() if frame.count > 1]
    assert (row.kind, row.count) == ("Linear, relu, mul", 6)


def test_blocks_with_other_numbers_are_not_folded():
    class Scaled(nn.Module):
        def __init__(self, by):
            self.by, self.inner = by, nn.Linear(4, 4)

        def forward(self, x):
            return self.inner(x) * self.by

    network = nn.Sequential(*[Scaled(float(by)) for by in range(1, 5)])
    assert all(frame.count == 1 for frame in viz.draw(network, input_shape=(2, 4)).drawing.frames.values())


# -- what the user named stays named --------------------------------------------------------------------


def test_variables_of_the_program_name_what_has_no_name():
    hidden = X.exp()
    loss = (hidden * 2).sum()
    assert {box.name for box in viz.draw(loss).drawing.items} == {"x", "hidden", "v₁", "loss"}
    assert viz.steps(loss)[-1].name == "∂loss/∂x"


def test_who_only_hands_a_tensor_on_does_not_name_it():
    def show(what):
        return viz.draw(what)

    answer = X.sum()
    assert show(answer).drawing.items[-1].name == "answer"
    assert show(X.sum()).drawing.items[-1].name == "what"


def test_a_name_stands_for_one_tensor():
    def inner(y):
        h = y.exp()
        return viz.draw(h.sum())

    h = X.tanh()
    names = [box.name for box in inner(h).drawing.items]
    assert names.count("h") == 1 and len(names) == len(set(names))


# -- levels ----------------------------------------------------------------------------------------------


class LeNet(nn.Module):
    def __init__(self):
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


@pytest.fixture(scope="module")
def lenet():
    """A network, the images and labels that it is given, and its loss."""
    tg.manual_seed(0)
    network, images, labels = LeNet(), tg.ones((2, 1, 28, 28)), tg.tensor([1, 2])
    return network, images, labels, F.cross_entropy(network(images), labels)


def test_a_network_is_drawn_as_its_layers(lenet):
    _, images, labels, loss = lenet
    picture = viz.draw(loss)
    assert len(boxes(picture, "module", "function", "operation", "output")) == 13
    assert [box.name for box in boxes(picture, "input")] == ["images", "labels"] and images is not labels
    assert {("images", "conv1", "idle"), ("labels", "loss", "idle"), ("fc3", "loss", "forward")} <= arrows(picture)
    (conv, loss_box) = (box for box in picture.drawing.items if box.name in ("conv1", "loss"))
    assert conv.takes == ((2, 1, 28, 28),) and conv.shape == (2, 6, 28, 28)
    assert conv.weights == ("weight (6, 1, 5, 5)", "bias (6,)") and "kernel_size=(5, 5)" in conv.inside[0]
    assert loss_box.equation == "cross_entropy(fc3, labels)" and loss_box.value.values == pytest.approx(loss.item())


@pytest.mark.parametrize("level, calls, parameters", [("network", 2, 0), ("layers", 13, 0), ("functions", 16, 10)])
def test_each_level_closes_what_it_says(lenet, level, calls, parameters):
    picture = viz.draw(lenet[-1], level=level)
    assert len(boxes(picture, "module", "function", "operation", "output")) == calls
    assert len(boxes(picture, "parameter")) == parameters and len(boxes(picture, "input")) == 2
    assert not has_circle(picture)


def test_a_place_is_opened_on_its_own(lenet):
    picture = viz.draw(lenet[-1], open=["conv1", "cross_entropy"])
    labels = {frame.label: frame for frame in picture.drawing.frames.values()}
    assert set(labels) == {"LeNet", "conv1", "cross_entropy"}
    assert {"conv1.weight", "conv1.bias"} <= {box.name for box in boxes(picture, "parameter")}
    with pytest.raises(OptionError, match=r"no 'conv9' to open; there are LeNet, conv1, conv1\.conv2d"):
        viz.draw(lenet[-1], open=["conv9"])
    with pytest.raises(OptionError, match=r"open is a list of names, as in open=\['conv1'\]"):
        viz.draw(lenet[-1], open="conv1")


def test_an_open_function_says_what_it_was_given_and_its_own_constants_are_no_inputs(lenet):
    labels = lenet[2]
    picture = viz.draw(lenet[-1], level="operations")
    (frame,) = [frame for frame in picture.drawing.frames.values() if frame.label == "cross_entropy"]
    assert frame.aside == "target: labels" and labels.shape == (2,)
    assert {box.name for box in boxes(picture, "constant")} >= {"constant₁", "constant₂"}
    assert [box.shape for box in boxes(picture, "input")] == [(2, 1, 28, 28)]


def test_levels_that_do_not_exist_are_refused(lenet):
    with pytest.raises(OptionError, match="level is one of 'network', 'layers'"):
        viz.draw(lenet[-1], level="atoms")
    with pytest.raises(OptionError, match="level='layers' and depth=1 both say"):
        viz.draw(lenet[-1], level="layers", depth=1)
    with pytest.raises(OptionError, match="with depth= to open its kernels"):
        viz.draw(tg.compile(lambda x: x * 2), level="layers")


def test_a_network_of_one_layer_is_opened_and_a_computation_without_modules_too():
    assert {box.name for box in boxes(viz.draw(nn.Linear(4, 2), input_shape=(3, 4)), "parameter")} == {"weight", "bias"}
    picture = viz.draw(F.softmax(X, -1))
    assert [frame.label for frame in picture.drawing.frames.values()] == ["softmax"]
    assert not boxes(picture, "function", "module")


def test_a_layer_of_ours_is_one_box_though_it_calls_another():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    names = [box.name for box in boxes(viz.draw(layer, input_shape=(2, 3, 8)), "module")]
    assert "self_attn" in names and "linear1" in names and "norm2" in names


def test_what_was_given_and_has_gone_is_a_box_with_its_shape():
    loss = F.cross_entropy(nn.Linear(4, 3)(nn.Linear(4, 4)(X)), tg.tensor([1, 2]))
    (target,) = boxes(viz.draw(loss), "input")
    assert (target.name, target.shape, target.dtype, target.value) == ("target", (2,), "int64", None)


def test_an_array_that_several_layers_take_is_one_box_with_its_name():
    image = np.ones((2, 4), "float32")
    one, other = nn.Linear(4, 3), nn.Linear(4, 3)
    picture = viz.draw(one(image) + other(image))
    assert [box.name for box in boxes(picture, "input")] == ["image"]
    assert {("image", "Linear", "idle")} == {arrow for arrow in arrows(picture) if arrow[0] == "image"}


# -- whatever the nesting ---------------------------------------------------------------------------------


class Mix(nn.Module):
    """A module whose calls are read off a plan: layers of its own, layers that others use too, functions, and skips."""

    def __init__(self, plan, shared):
        self.plan, self.shared = plan, shared
        self.parts = nn.ModuleList([Mix(part, shared) if isinstance(part, list) else nn.Linear(2, 2) for part in plan])

    def forward(self, x):
        first = x
        for part, layer in zip(self.plan, self.parts, strict=True):
            if part == "skip":
                x = x + first
            elif part == "function":
                x = F.softmax(x, -1)
            else:
                x = self.shared(x) if part == "shared" else layer(x)
        return x


plans = st.recursive(
    st.sampled_from(["own", "shared", "function", "skip"]),
    lambda part: st.lists(part, min_size=1, max_size=4),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(plans, min_size=1, max_size=5), st.sampled_from(LEVELS), st.booleans())
def test_every_arrow_of_the_graph_is_an_arrow_of_the_picture_or_lies_in_one_box(plan, level, fold):
    network = Mix(plan, nn.Linear(2, 2))
    loss = network(X2).sum()
    asked = outputs_of(loss, None, None, None).outputs
    arrangement = Arrangement(asked, "forward", None, fold, 10_000, level=level)
    drawing = read_graph(arrangement, values=False)
    drawn = {(edge.source, edge.target) for edge in drawing.edges}
    parameters = {parameter.node for parameter in network.parameters()}
    for node in arrangement.order:
        for parent in node.inputs:
            source, target = arrangement.place(parent), arrangement.place(node)
            if source is None or parent in parameters:
                continue  # a number in a formula, or a line in the box of its module
            assert source == target or (source, target) in drawn, (parent, node)
    assert {end for arrow in drawn for end in arrow} <= {item.id for item in drawing.items}
    assert not has_circle(Picture(drawing))
    called = sum(item.parameters for item in drawing.items)
    used = {node for node in arrangement.order if node.op is None and node.needs_grad}
    if not fold:
        assert called == sum(int(np.prod(node.shape)) for node in used)


def test_the_level_of_numbers_shows_all_of_them():
    w = tg.tensor([[0.5, -1.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    source = viz.draw((w * w).sum(), level="numbers").source
    assert "[0.25, 1, 4, 1]" in source and "[1, 4, 9, 16]" in source
    assert "[1, 4, 9, 16]" not in viz.draw((w * w).sum(), level="operations").source


def test_a_flattened_image_keeps_its_name():
    images = tg.ones((2, 1, 4, 4))
    picture = viz.draw(nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.ReLU())(images))
    (box,) = boxes(picture, "input")
    assert (box.name, box.shape) == ("images", (2, 1, 4, 4))
    assert any(box.operation == "Flatten" for box in picture.drawing.items)


def test_a_page_of_layers_has_a_box_for_each_step(lenet, tmp_path):
    text = viz.explain(lenet[-1], tmp_path / "page.html", level="layers", check=False).read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    boxes = {box["id"] for room in data["rooms"] for box in room["boxes"]}
    arrows = {arrow["id"] for room in data["rooms"] for arrow in room["arrows"]}
    assert {step["box"] for step in data["steps"]} | {"x0"} <= boxes
    assert {arrow for step in data["steps"] for arrow in step.get("arrows", ())} <= arrows
    opened = {room["name"] for room in data["rooms"] if room["id"] in data["open"]}
    assert opened == {"LeNet"}  # layers are closed, and what is around them is open


def test_the_first_state_that_a_module_makes_for_itself_is_no_input():
    outputs, _ = nn.LSTM(3, 4)(tg.ones((5, 2, 3)))
    picture = viz.draw(outputs)
    assert [box.name for box in boxes(picture, "input")] == ["input"]


def test_a_layer_that_two_networks_share_is_counted_in_neither():
    tied = nn.Linear(4, 4)
    one, other = nn.Sequential(nn.Linear(4, 4), tied), nn.Sequential(tied, nn.Tanh())
    picture = viz.draw(other(one(X)).sum(), level="network")
    assert [box.parameters for box in boxes(picture, "module")] == [20, 0]
    shared = {box.name for box in boxes(picture, "parameter")} - {"x"}
    assert len(shared) == 2 and all({(name, "Sequential", "forward")} <= arrows(picture) for name in shared)


def test_a_loop_is_one_box_that_says_how_many_rounds_it_has_and_its_function_is_one_round():
    weight = tg.tensor(np.ones((4, 4), "float32"), requires_grad=True, name="w")

    def once(state, x):
        h = tg.tanh(x + state["h"] @ weight)
        return {"h": h}, h

    start, xs = {"h": tg.zeros((2, 4))}, tg.ones((20, 2, 4))
    last, ys = tg.scan(once, start, xs)
    picture = viz.draw(ys.sum() + last["h"].sum(), level="functions")
    (box,) = [item for item in picture.drawing.items if item.operation == "scan"]
    assert box.kind == "function" and box.aside == "20 rounds of 3 operations"
    assert "20 rounds of 3 operations" in picture.source
    round_ = viz.draw(once, inputs=(start, xs[0]))
    steps = [item.operation for item in round_.drawing.items if item.kind in ("operation", "output")]
    assert steps == ["matmul", "add", "tanh"]


def test_no_line_of_a_narrow_box_is_broken_within_a_name_or_is_an_arrow_to_nothing():
    x = tg.random.rand(2, 8)
    blocks = nn.Sequential(*(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0) for _ in range(3)))
    loss = nn.functional.cross_entropy(blocks(x.reshape(1, 2, 8)).reshape(2, 8), tg.tensor([0, 1]))
    picture = viz.draw(loss, direction="both", fold=False, open=["0.self_attn"])
    for brevity in (1, 2, 3):
        for item in picture.drawing.items:
            lines = lines_of(item_label(dataclasses.replace(item, brevity=brevity)))
            assert "→" not in lines
            assert not [line for line in lines if line.endswith(("(v", " v"))], lines
