"""A compiled step, drawn: its kernels in the order in which they run, what goes in, what comes out, and what it costs."""

import gc
import re
import weakref
from xml.etree import ElementTree

import operations
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import models, nn
from tinygrad_ml.errors import CompileError, DTypeError, OptionError
from viz import render
from viz.dot import PLAIN_IN_PROGRAMS
from viz.style import VALUE

pytestmark = pytest.mark.host_only
needs_graphviz = pytest.mark.skipif(not render._commands("svg"), reason="there is no Graphviz on this machine")


def called(function, *args, **options):
    step = tg.compile(function, **options)
    step(*args)
    return step


def training(model, optimizer, *args, loss=lambda y: (y * y).mean()):
    """A compiled training step that has been called twice: without gradients before it, and with them."""

    def train(x):
        optimizer.zero_grad()
        value = loss(model(x))
        value.backward()
        optimizer.step()
        return value

    step = called(train, *args)
    step(*args)
    return step


@pytest.fixture
def mlp():
    model = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 4), nn.Sigmoid(), nn.Linear(4, 3))
    return training(model, tg.optim.Adam(model.parameters()), tg.ones((2, 6)))


def item(picture, name):
    """The box with a name, or of the one operation so called that has none."""
    (found,) = [box for box in picture.drawing.items if box.name == name or box.operation == name]
    return found


def arrows(picture, source, target):
    source, target = item(picture, source).id, item(picture, target).id
    return [edge for edge in picture.drawing.edges if (edge.source, edge.target) == (source, target)]


def layer(x, w, b):
    return (x @ w + b).tanh()


LAYER = tg.ones((8, 16)), tg.ones((16, 32)), tg.ones(32)


def test_a_fused_group_is_a_frame_with_its_operations():
    picture = viz.draw(called(layer, *LAYER))
    product, total, result = (item(picture, name) for name in ("matmul", "add", "tanh"))
    (frame,) = picture.drawing.frames.values()
    assert (product.path, total.path, result.path) == ((), (frame.id,), (frame.id,))
    assert (frame.label, frame.count) == ("kernel 2", 1)
    assert frame.detail == "one loop over (8, 32)\n2.18 kB moved · 512 FLOP"
    assert product.costs == ("kernel 1 · 3.58 kB moved · 8.19 k FLOP",)
    assert (total.equation, result.kind, result.goes) == ("v₁ + b", "output", ("returned",))
    assert repr(picture) == "<picture of layer, kernels: 6 boxes, 5 arrows>"


def test_the_figures_are_those_of_the_explanation(mlp):
    picture = viz.draw(mlp, depth=0, fold=False)
    drawn = [box for box in picture.drawing.items if box.kind == "kernel"]
    explanation = mlp.explanation
    assert [box.bytes for box in drawn] == [explanation.nbytes(kernel) for kernel in explanation.kernels]
    assert sum(box.flops for box in drawn) == explanation.compiled.flops


def test_arrows_between_kernels_say_what_goes_along():
    picture = viz.draw(called(lambda x, y: (x.exp().mT @ y, x.argmax(0)), tg.ones((4, 5)), tg.ones((4, 3))))
    (view,) = arrows(picture, "exp", "matmul")
    assert view.words == ("(4, 5)", "as permute_dims: (5, 4)")
    assert item(picture, "matmul").equation == "v₁ᵀ @ y"
    (plain,) = arrows(picture, "x", "exp")
    assert plain.words == ()  # the shape stands in the box of x
    labels = viz.draw(called(lambda x: (x > 0).sum(), tg.ones(4)), fold=False)
    assert not {word for edge in labels.drawing.edges for word in edge.words} - {"bool (4,)", "int64 (4,)"}


def test_formulas_with_long_names_read_well():
    picture = viz.draw(called(lambda x, w: tg.softmax((x @ w).tanh(), axis=1), *LAYER[:2]))
    equations = {box.operation: box.equation for box in picture.drawing.items}
    assert equations["tanh"] == "tanh(v₁)" and equations["max"] == "max v₂ over axis 1"
    assert equations["where"] == "v₃ if v₄ else 0"
    sorting = viz.draw(called(lambda x: x.exp().argsort(0), tg.ones(4)))
    assert item(sorting, "argsort").equation == "the order that sorts v₁ along axis 0"


def test_a_value_used_twice_has_one_box_and_two_arrows():
    picture = viz.draw(called(lambda x: x * x + x, tg.ones(3)))
    assert len(arrows(picture, "x", "mul")) == 2 and len(arrows(picture, "x", "add")) == 1


def test_what_comes_from_outside_is_drawn_as_what_it_is():
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True, name="w")
    mean = tg.tensor([0.0, 0.0, 0.0], name="mean")
    optimizer = tg.optim.Adam([w])
    table = tg.tensor([3.0, 4.0, 5.0])

    def train(x, batch):
        optimizer.zero_grad()
        mean.assign(mean * 0.9 + x * 0.1)
        loss = ((w * x + batch["y"]) * tg.arange(3.0) * table).sum()
        loss.backward()
        optimizer.step()
        return loss

    step = called(train, tg.ones(3), {"y": tg.ones(3)})
    picture = viz.draw(step)
    kinds = {box.name: box.kind for box in picture.drawing.items}
    assert kinds["x"] == kinds["batch['y']"] == "input"
    assert kinds["w"] == "parameter"
    assert kinds["mean"] == kinds["w.exp_avg"] == kinds["w.exp_avg_sq"] == "state"
    assert kinds["fresh1, beta2, fresh2, rate, eps"] == "host"
    assert kinds["constant (3,)"] == "constant"
    assert "0.9" not in kinds and any("mean · 0.9" in box.equation for box in picture.drawing.items)
    goes = [what for box in picture.drawing.items for what in box.goes]
    assert {"w.grad", "into w, in place", "into mean, in place", "into w.exp_avg, in place"} <= set(goes)


def test_what_is_not_written_in_place_says_so():
    w = tg.ones(3)
    w.name = "w"
    picture = viz.draw(called(lambda: w.assign(w + 1), without=("in_place",)))
    assert item(picture, "add").goes == ("into w, at the end",)


def test_updates_that_do_the_same_are_drawn_as_one(mlp):
    picture = viz.draw(mlp, depth=1)
    (frame,) = [frame for frame in picture.drawing.frames.values() if frame.count > 1]
    assert (frame.count, frame.label) == (3, "Adam") and frame.kind.startswith("kernels ")
    assert (item(picture, "exp_avg").count, item(picture, "exp_avg_sq").count) == (3, 3)
    gradient, parameter = item(picture, "gradient ×3"), item(picture, "parameter ×3")
    assert gradient.kind == "entry" and parameter.equation == "4.weight, 2.weight, 0.weight"
    assert len([edge for edge in picture.drawing.edges if edge.target == gradient.id]) == 3
    assert "into weight, in place" in [what for box in picture.drawing.items for what in box.goes]
    assert "×3" in picture.source
    for name in ("4.weight", "2.weight", "0.weight"):
        assert arrows(picture, name, "parameter ×3")


def test_and_one_by_one_if_asked_for(mlp):
    picture = viz.draw(mlp, depth=1, fold=False)
    assert {frame.count for frame in picture.drawing.frames.values()} == {1}
    assert item(picture, "0.weight.exp_avg").shape == (5, 6)
    assert not [box for box in picture.drawing.items if box.kind == "entry"]


def test_depth_0_closes_kernels(mlp):
    picture = viz.draw(mlp, depth=0)
    assert [frame.label for frame in picture.drawing.frames.values()] == ["forward", "backward", "update"]
    first = item(picture, "0 Linear, 1 Sigmoid; gradient of 1 Sigmoid")
    assert (first.kind, first.operation, first.equation) == ("kernel", "kernel 2", "add sigmoid sub mul")
    assert first.costs[0] == "one loop over (2, 5)" and first.costs[-1] == "with 0.bias"
    assert len({(edge.source, edge.target) for edge in picture.drawing.edges}) == len(picture.drawing.edges)


def test_a_training_step_is_drawn_with_closed_kernels_which_say_what_they_update(mlp):
    picture = viz.draw(mlp, fold=False, depth=0)
    assert [box.kind for box in picture.drawing.items].count("kernel") == len(mlp.explanation.kernels)
    assert {box.kind for box in picture.drawing.items} == {"input", "kernel"}
    updates = [box for box in picture.drawing.items if "updates" in " ".join(box.goes)]
    names = [f"{place}.{what}" for place in (4, 2, 0) for what in ("bias", "weight")]
    told = {f"updates {name} and its exp_avg, exp_avg_sq, in place" for name in names}
    assert {what for box in updates for what in box.goes if what.startswith("updates")} == told
    assert all("with fresh1, beta2, fresh2, rate, eps of this step" in box.costs for box in updates)
    assert item(picture, "0 Linear").costs[-1] == "with 0.weight"
    assert not any(
        "with 0.weight" in line for box in updates for line in box.costs
    )  # which is read where it is updated


def test_closed_kernels_say_which_state_they_read_and_which_they_update():
    mean = tg.zeros(3)
    mean.name = "mean"

    def function(x, read):
        product = x @ mean if read else x.exp()
        mean.assign(mean * 0.9 + x.sum(0))
        return product

    for read in (False, True):
        picture = viz.draw(called(function, tg.ones((3, 3)), read), depth=0)
        assert ("with mean" in [line for box in picture.drawing.items for line in box.costs]) == read
        assert "updates mean, in place" in [what for box in picture.drawing.items for what in box.goes]


@needs_graphviz
def test_no_arrow_runs_through_the_text_of_a_frame():
    picture = viz.draw(called(lambda x: tg.softmax(x, axis=1), tg.ones((4, 5))))
    (frame,) = picture.drawing.frames
    root = ElementTree.fromstring(picture.svg)
    lines = [t for t in root.iter("{http://www.w3.org/2000/svg}text") if "moved" in (t.text or "")]
    assert f"label_{frame}" in picture.source and len(lines) == 1
    bottom, left = float(lines[0].get("y")), float(lines[0].get("x"))
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        if not group.get("class", "").startswith("edge"):
            continue
        (path,) = group.iter("{http://www.w3.org/2000/svg}path")
        points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path.get("d"))]
        assert not [x for x, y in points if y < bottom and left < x < left + 4 * len(lines[0].text)]


def test_the_legend_shows_constants_as_they_are_drawn():
    table = tg.tensor([3.0, 4.0, 5.0])
    picture = viz.draw(called(lambda x: x * tg.arange(3.0) + table, tg.ones(3)))
    assert item(picture, "constant (3,)").kind == "constant"
    (row,) = [line for line in picture.source.splitlines() if line.strip().startswith("legend_constant [")]
    assert ">constant<" in row and VALUE in row


def test_a_kernel_with_a_reduction_says_over_which_axes():
    picture = viz.draw(called(lambda x: tg.softmax(x, axis=1), tg.ones((4, 5))))
    details = [frame.detail for frame in picture.drawing.frames.values()]
    assert any("reduced over axis 1" in detail for detail in details)


def test_large_steps_close_their_kernels_and_huge_ones_are_refused():
    def chain(x, length):
        for _ in range(length):
            x = x.sin()
        return x

    step = called(chain, tg.ones(3), 400)
    large = viz.draw(step)
    assert (
        len(large.drawing.items) == 1 + len(step.explanation.kernels) < 10
        and "kernels are closed" in large.drawing.notes[0]
    )
    assert len(viz.draw(step, depth=1).drawing.items) == 401
    step = called(chain, tg.ones(3), 50)
    with pytest.raises(OptionError, match=r"51 boxes, which is more than limit=20.*depth=0.*raise limit="):
        viz.draw(step, depth=1, limit=20)
    with pytest.raises(OptionError, match=r"51 boxes"):
        viz.draw(step, stage="recorded", depth=1, limit=20)


def test_operations_without_a_compiled_form_are_marked_by_shape_and_words():
    for options in ({}, {"depth": 0}):
        picture = viz.draw(called(lambda x: x.exp().argsort(0), tg.ones(4)), **options)
        (marked,) = [box for box in picture.drawing.items if box.kind == "uncompiled"]
        assert "argsort" in (marked.operation, marked.equation)
        assert "no compiled form" in marked.note
    assert "shape=component" in picture.source and ">no compiled form<" in picture.source


def test_the_program_is_drawn_at_every_stage():
    def function(x):
        x.exp()
        return (x * 1).sin() + x.sin()

    step = called(function, tg.ones(3))
    names = {stage: [box.operation for box in viz.draw(step, stage=stage).drawing.items][1:] for stage in step.stages}
    assert names["recorded"] == ["exp", "mul", "sin", "sin", "add"]
    assert names["dead"] == ["mul", "sin", "sin", "add"]
    assert names["algebra"] == ["sin", "sin", "add"]
    assert names["equal"] == ["sin", "add"]
    picture = viz.draw(step, stage="recorded")
    assert not picture.drawing.frames and item(picture, "add").goes == ("returned",)
    assert repr(picture).startswith("<picture of function after 'recorded', program:")


def test_overlays_colour_kernels(mlp):
    for overlay in ("flops", "bytes"):
        picture = viz.draw(mlp, overlay=overlay)
        heats = [box.heat for box in picture.drawing.items if box.heat is not None]
        assert min(heats) == 0 and max(heats) == 1 and f"much: {overlay}" in picture.source


def test_wrong_use_is_one_clear_error(mlp):
    with pytest.raises(CompileError, match="has not been called yet"):
        viz.draw(tg.compile(layer))
    with pytest.raises(OptionError, match="'recorded', 'dead'.*not 'fused'"):
        viz.draw(mlp, stage="fused")
    with pytest.raises(OptionError, match="direction="):
        viz.draw(mlp, "both")
    with pytest.raises(OptionError, match="input_shape="):
        viz.draw(mlp, input_shape=(2, 6))
    with pytest.raises(OptionError, match="'flops' or 'bytes', not by 'nan'"):
        viz.draw(mlp, overlay="nan")
    with pytest.raises(OptionError, match="compiled by tg.compile"):
        viz.draw(tg.ones(3), stage="dead")
    for function in (viz.steps, lambda step: viz.explain(step, "page.html")):
        with pytest.raises(DTypeError, match=r"viz.draw\(step\)"):
            function(mlp)


def test_a_picture_keeps_nothing_of_the_step():
    step = called(layer, *LAYER)
    gone = weakref.ref(step)
    picture = viz.draw(step)
    del step
    gc.collect()
    assert gone() is None and picture.source


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_an_operation_of_the_table(operation):
    step = called(operation.function, *map(tg.tensor, operation.inputs), without=("loops",))  # which take time to make
    for options in ({}, {"depth": 0}, {"stage": "recorded"}):
        picture = viz.draw(step, **options)
        assert "returned" in [what for box in picture.drawing.items for what in box.goes]


def test_a_convolutional_network_with_dropout_and_batch_norm_is_drawn():
    tg.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 3)),
    )
    step = training(model, tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), tg.random.rand(2, 1, 6, 6))
    picture = viz.draw(step, depth=1)
    names = {name for box in picture.drawing.items for name in (box.name, box.operation)}
    assert {"1.running_mean", "1.running_var", "draw"} <= names
    assert {edge.source for edge in picture.drawing.edges} <= {box.id for box in picture.drawing.items}
    assert {edge.target for edge in picture.drawing.edges} <= {box.id for box in picture.drawing.items}


@needs_graphviz
def test_hostile_names_are_text_and_the_svg_is_well_formed():
    names = ['"quoted" \\N', "<b>&</b>", "a:b:c{d|e}", "权重", "]]> -->", "line\nbreak"]
    parameters = [tg.tensor([1.0], requires_grad=True, name=name) for name in names]
    optimizer = tg.optim.SGD(parameters, lr=0.1)

    def hostile(options):
        optimizer.zero_grad()
        value = sum((p * x).sum() for p, x in zip(parameters, options.values(), strict=True))
        value.backward()
        optimizer.step()
        return value

    step = called(hostile, {name: tg.ones(1) for name in names})
    for options in ({}, {"fold": False}, {"depth": 0}, {"stage": "recorded"}):
        root = ElementTree.fromstring(viz.draw(step, **options).svg)
        text = " ".join(root.itertext())
        assert "权重" in text and "<b>&</b>" in text
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert root.get("aria-label").startswith(("Kernels of hostile", "Program of hostile"))


def test_without_graphviz_the_text_is_saved_and_a_message_says_so(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_commands", lambda form: [])
    with pytest.warns(UserWarning, match="install Graphviz"):
        written = viz.draw(mlp).save(tmp_path / "step.svg")
    assert written.name == "step.dot" and "k1 [label" in written.read_text(encoding="utf-8")


def test_the_models_of_the_package_are_drawn():
    for model in (models.mlp(), models.cnn()):
        picture = viz.draw(training(model, tg.optim.Adam(model.parameters()), tg.random.rand(2, 1, 28, 28)))
        assert 10 < len(picture.drawing.items) <= 40


def steps_of_networks():
    """A residual network of 18 layers, a transformer of 2 blocks, LeNet: each with what it is trained on."""

    class Block(nn.Module):
        def __init__(self, width):
            self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
            self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

        def forward(self, x):
            inner = self.norm2(self.conv2(nn.functional.relu(self.norm1(self.conv1(x)))))
            return nn.functional.relu(x + inner)

    residual = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), *[Block(4) for _ in range(8)], nn.Flatten(), nn.Linear(256, 3)
    )
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    return {
        "lenet": (models.cnn(), tg.ones((2, 1, 28, 28))),
        "residual": (residual, tg.ones((2, 3, 8, 8))),
        "transformer": (nn.TransformerEncoder(layer, 2), tg.ones((2, 5, 16))),
    }


@pytest.mark.parametrize("name", ["lenet", "residual", "transformer"])
def test_the_recorded_program_of_a_network_is_drawn_as_the_calls_of_its_layers(name):
    model, x = steps_of_networks()[name]
    step = training(model, tg.optim.Adam(model.parameters()), x)
    for stage in (None, "recorded"):
        picture = viz.draw(step, stage=stage)
        assert len(picture.drawing.items) <= 150 and "closed" in picture.drawing.notes[0]
        assert [frame.label for frame in picture.drawing.frames.values()] == ["forward", "backward", "update"]
        assert _is_acyclic(picture.drawing.edges)
        names = {box.name for box in picture.drawing.items}
        assert any("Linear" in name and "gradient" not in name for name in names)
        assert any(name.startswith("gradient of ") for name in names) and any("Adam" in name for name in names)
        assert not {"parameter", "state"} & {box.kind for box in picture.drawing.items}
        text = " ".join(line for box in picture.drawing.items for line in (*box.costs, *box.goes))
        assert all(part in text for part in (".weight", ".bias", "updates", "of this step"))
    kinds = {box.kind for box in picture.drawing.items}
    assert "call" in kinds and "kernel" not in kinds and "kernel" not in " ".join(names)


def test_arrows_of_a_long_recorded_program_are_straight():
    """Curves around its boxes, of which many lie between forward and backward, would take minutes."""
    layer = nn.TransformerEncoderLayer(8, 2, 8, dropout=0.0, batch_first=True)
    for layers, straight in ((2, False), (8, True)):
        model = nn.TransformerEncoder(layer, layers)
        picture = viz.draw(training(model, tg.optim.SGD(model.parameters()), tg.ones((2, 3, 8))), stage="recorded")
        assert (len(picture.drawing.items) > PLAIN_IN_PROGRAMS) == straight == ("splines=line" in picture.source)


def _is_acyclic(edges):
    above: dict[str, set[str]] = {}
    for edge in edges:
        above.setdefault(edge.target, set()).add(edge.source)
    boxes = {*above, *(source for sources in above.values() for source in sources)}
    while boxes:
        free = {box for box in boxes if not above.get(box, set()) & boxes}
        if not free:
            return False
        boxes -= free
    return True


def test_boxes_stand_in_the_frame_of_their_phase_and_gradients_flow_back(mlp):
    picture = viz.draw(mlp, depth=0, fold=False)
    frames = {frame.label: frame.id for frame in picture.drawing.frames.values()}
    for box in picture.drawing.items:
        if box.kind == "kernel" and box.name.startswith("gradient of"):
            assert box.path in [(frames["backward"],), (frames["update"],)]
        elif box.kind == "kernel":
            assert box.path == (frames["update"] if "Adam" in box.name else frames["forward"],)
    assert "dashed: from one gradient to the next" in picture.source
    back = [edge for edge in picture.drawing.edges if edge.kind == "backward"]
    within = {box.id for box in picture.drawing.items if box.path == (frames["backward"],)}
    assert back and all({edge.source, edge.target} <= within for edge in back)
    (written,) = [line for line in picture.source.splitlines() if f"id={back[0].id} " in line]
    assert written.strip().startswith(f"{back[0].target} -> {back[0].source} [") and "dir=back" in written


def test_updates_of_many_parameters_have_no_arrows_and_say_so():
    model = nn.Sequential(*[nn.Linear(60, 60) for _ in range(12)])
    step = training(model, tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), tg.ones((30, 60)))
    picture = viz.draw(step)
    updates = [box for box in picture.drawing.items if box.count > 8]
    assert {box.name for box in updates} >= {"SGD"}
    for box in updates:
        assert any(re.fullmatch("takes the .* of each, without arrows", line) for line in box.costs)
        assert not [edge for edge in picture.drawing.edges if edge.target == box.id]


def test_several_kernels_of_one_layer_are_one_box_unless_each_is_asked_for():
    model, x = steps_of_networks()["lenet"]
    step = training(model, tg.optim.Adam(model.parameters()), x)
    merged, single = viz.draw(step), viz.draw(step, depth=0)
    several = [box for box in merged.drawing.items if box.operation.startswith("kernels ") and box.count == 1]
    assert several and len(merged.drawing.items) < len(single.drawing.items)
    assert sum(box.flops for box in merged.drawing.items) == sum(box.flops for box in single.drawing.items)
    numbered = [int(number) for box in merged.drawing.items for number in re.findall(r"\d+", box.operation)]
    assert sorted(numbered) == list(range(1, len(step.explanation.kernels) + 1))


@needs_graphviz
def test_the_pass_forward_lies_to_the_left_of_the_updates(mlp):
    picture = viz.draw(mlp)
    lefts = {placed.frame.label: placed.area.left for placed in picture.layout.frames if placed.frame.kind != "legend"}
    assert lefts["forward"] < lefts["update"]
