"""What a picture says is true: programs as users write them, and what one would not believe at first sight."""

import ast
from pathlib import Path

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import keras, nn

F = nn.functional
PRIVATE = ("_data", "_node", "_needs", "_grad", "_hooks", "_path", "_called")
"""What tensors and modules keep for themselves."""


def boxes(picture, *kinds):
    return [box for box in picture.drawing.items if box.kind in kinds]


def has_circle(picture):
    """Whether one can go round along the arrows; the "next" of a folded row is the way to another call."""
    above: dict[str, set[str]] = {}
    for edge in picture.drawing.edges:
        if edge.kind in ("forward", "idle"):
            above.setdefault(edge.target, set()).add(edge.source)
    left = {box.id for box in picture.drawing.items}
    while free := {box for box in left if not above.get(box, set()) & left}:
        left -= free
    return bool(left)


def test_two_networks_in_one_loss_have_the_inputs_that_were_given_and_no_others():
    generator = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    critic = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(), nn.Linear(4, 1))
    z, real = tg.random.rand(5, 2), tg.random.rand(5, 3)
    loss_of = F.binary_cross_entropy_with_logits
    loss = loss_of(critic(real), tg.ones((5, 1))) + loss_of(critic(generator(z)), tg.zeros((5, 1)))
    picture = viz.draw(loss)
    assert {box.name for box in boxes(picture, "input")} == {"z", "real", "target"}  # and no 1 - target
    frames = [frame for frame in picture.drawing.frames.values() if frame.label == "Sequential"]
    assert sorted(frame.aside for frame in frames) == ["", "shared: call 1 of 2", "shared: call 2 of 2"]


def test_the_1_with_which_a_gradient_starts_is_no_input():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    (g,) = tg.grad((x * x).sum(), x, create_graph=True)
    picture = viz.draw((g * g).sum(), "both")
    assert not boxes(picture, "input")
    (one,) = boxes(picture, "constant")
    assert one.value.values == [1, 1] and one.path and picture.drawing.frames[one.path[-1]].label == "backward"


def test_masks_are_no_inputs():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x")
    picture = viz.draw((tg.where(x > 2, x, 0.0) + tg.clip(x, 1.5, 3.5)).sum())
    assert not boxes(picture, "input")
    assert {box.name for box in boxes(picture, "constant")} == {"mask₁", "mask₂", "mask₃"}
    attn_mask = tg.tensor([[True, False], [True, True]])
    scores = x + 0.0
    given = viz.draw(F.scaled_dot_product_attention(scores, scores, scores, attn_mask=attn_mask).sum())
    assert [box.name for box in boxes(given, "input")] == ["attn_mask"]


def test_what_dropout_multiplies_with_is_a_mask_that_stays_where_it_was_made():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    (mask,) = boxes(viz.draw((F.dropout(x) * 2).sum()), "constant")
    assert mask.name == "mask"
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)  # with dropout inside of attention, and of layers
    sequence = tg.ones((2, 3, 8))
    for level in ("network", "layers", "functions"):
        assert [box.name for box in boxes(viz.draw(layer(sequence).sum(), level=level), "input")] == ["sequence"]
    opened = viz.draw(layer(sequence).sum(), level="operations")
    assert [box.name for box in boxes(opened, "input")] == ["sequence"]
    assert sum(box.name.startswith("mask") for box in boxes(opened, "constant")) == 4
    gone = F.softmax(x * 2).sum() + (tg.tensor([1.0, 0.0]) * x).sum()  # other numbers that are made are no masks
    assert not any(box.name.startswith("mask") for box in viz.draw(gone).drawing.items)


def test_clip_is_one_box_with_the_numbers_between_which_it_keeps_what_it_was_given():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    low = tg.tensor([0.0, 2.5, 0.0], name="low")
    limited = {
        "clip(x, -1, 2)": tg.clip(x, -1, 2),
        "clip(x, min=0)": tg.clip(x, min=0),
        "clip(x, max=2.5)": x.clip(max=2.5),
        "clip(x, low, 3)": tg.clip(x, low, 3.0),
    }
    for equation, result in limited.items():
        (box,) = boxes(viz.draw(result.sum(), level="functions"), "function")
        assert (box.operation, box.equation) == ("clip", equation)
    opened = viz.draw(tg.clip(x, -1, 2).sum())
    assert [frame.label for frame in opened.drawing.frames.values()] == ["clip"]
    (symbol,) = boxes(
        viz.draw(nn.Sequential(nn.Linear(3, 3), _Clip()), input_shape=(2, 3), level="functions"), "function"
    )
    assert symbol.equation.endswith(", min=0)")


class _Clip(nn.Module):
    def forward(self, x):
        return tg.clip(x, min=0)


def test_a_name_outlives_what_was_called_so():
    x = tg.tensor([[1.0, 2.0]], requires_grad=True, name="x")
    picture = viz.draw(F.cross_entropy(x * 2, tg.tensor([1], name="labels")), level="layers")
    assert [(box.name, box.value) for box in boxes(picture, "input")] == [("labels", None)]
    assert picture.drawing.items[2].equation == "cross_entropy(v₁, labels)"


def test_where_nan_and_infinite_numbers_meet_those_that_begin_are_told_from_those_that_come_in():
    w = tg.tensor([0.0, 1.0, -1.0], requires_grad=True, name="w")
    picture = viz.draw((tg.log(w) * 2 + tg.sqrt(w)).sum(), "both", overlay="nan")
    told = {box.name: box.heat_text for box in picture.drawing.items if box.heat_text}
    assert told["∂L/∂w"] == "2 nan or infinite, some begin here"  # 1/(2·√0), beside the nan of √-1
    x = tg.tensor([[1.0, tg.nan], [0.0, 1.0]], requires_grad=True, name="x")
    y = viz.draw((x @ x * tg.tensor(tg.nan)).exp(), overlay="nan")
    assert [box.name for box in y.drawing.items if box.alarm] == ["x"]


def test_a_row_of_calls_says_that_each_is_given_something_of_its_own():
    cell, sequence, hidden = nn.RNNCell(3, 4), tg.random.rand(5, 2, 3), tg.zeros((2, 4))
    for step in range(5):
        hidden = cell(sequence[step], hidden)
    picture = viz.draw(hidden.sum())
    (row,) = [box for box in picture.drawing.items if box.count == 4]
    assert "with (2, 3) too, which has no arrow" in row.inside
    plain = viz.draw(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))(tg.random.rand(4, 3)).sum())
    assert not any("no arrow" in line for box in plain.drawing.items for line in box.inside)


def test_viz_uses_nothing_of_the_engine_that_is_not_public():
    for file in sorted((Path(viz.__file__).parent).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinygrad_ml"):
                private = [
                    name for name in [*node.module.split("."), *(alias.name for alias in node.names)] if name[0] == "_"
                ]
                assert not private, (file.name, private)
            if isinstance(node, ast.Attribute) and node.attr in PRIVATE:
                assert isinstance(node.value, ast.Name) and node.value.id == "self", (file.name, node.lineno, node.attr)


@pytest.mark.parametrize("loss", ["SparseCategoricalCrossentropy", "MeanSquaredError", "BinaryCrossentropy"])
def test_a_loss_of_keras_is_one_box_with_its_targets(loss):
    model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
    shape = (5,) if loss.startswith("Sparse") else (5, 1)
    answers = tg.zeros(shape, dtype="int64" if len(shape) == 1 else "float32")
    made = getattr(keras.losses, loss)()
    value = made(answers, model(tg.ones((5, 3))))
    picture = viz.draw(value)
    (box,) = [box for box in picture.drawing.items if box.name == "value"]
    assert box.operation == loss and box.value.values == pytest.approx(value.item(), abs=1e-6)
    assert not any("name=" in line for box in picture.drawing.items for line in box.inside)  # it stands above
