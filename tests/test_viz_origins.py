"""A picture begins with the tensor that the user gave, whatever the first layers make of it before a parameter comes."""

import gc
import weakref

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import keras, nn
from tinygrad_ml.graph import topological
from tinygrad_ml.origins import LONGEST_TRAIL, Origin

LEVELS = ("network", "layers", "functions", "operations")


def inputs(picture):
    return [(box.name, box.shape) for box in picture.drawing.items if box.kind == "input"]


LAYERS = {
    "attention": (lambda: nn.MultiheadAttention(8, 2), (5, 2, 8), lambda layer, x: layer(x, x, x)[0]),
    "attention, batch first": (
        lambda: nn.MultiheadAttention(8, 2, batch_first=True),
        (5, 2, 8),
        lambda layer, x: layer(x, x, x)[0],
    ),
    "transformer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), (5, 2, 8), None),
    "convolution": (lambda: nn.Conv2d(1, 2, 3), (1, 1, 6, 6), None),
    "padded convolution": (lambda: nn.Conv1d(3, 4, 2, padding=1), (2, 3, 5), None),
    "transposed convolution": (lambda: nn.ConvTranspose2d(1, 2, 3), (1, 1, 6, 6), None),
    "flattened": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), (2, 1, 6, 6), None),
    "pooled": (lambda: nn.Sequential(nn.MaxPool2d(2, padding=1), nn.Conv2d(1, 1, 2)), (1, 1, 6, 6), None),
    "softmax": (lambda: nn.Sequential(nn.Flatten(), nn.Softmax(1), nn.Linear(4, 2)), (3, 2, 2), None),
    "normalised": (lambda: nn.Sequential(nn.LayerNorm(4, elementwise_affine=False), nn.Linear(4, 2)), (3, 4), None),
    "lstm": (lambda: nn.LSTM(3, 4), (4, 2, 3), lambda layer, x: layer(x)[0]),
    "lstm, batch first": (lambda: nn.LSTM(3, 4, batch_first=True), (4, 2, 3), lambda layer, x: layer(x)[0]),
    "keras": (lambda: keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]), (2, 4, 4), None),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_one_tensor_that_was_given_is_the_one_input(name):
    make, shape, call = LAYERS[name]
    tg.manual_seed(0)
    layer, given = make(), tg.random.rand(*shape)
    y = (call or (lambda layer, x: layer(x)))(layer, given).sum()
    expected = y.item()
    for level in LEVELS:
        picture = viz.draw(y, level=level)
        assert inputs(picture) == [("given", shape)], level
        (last,) = [box for box in picture.drawing.items if box.name == "y"]
        assert last.value.values == pytest.approx(expected, rel=1e-5)
    y.backward()
    assert inputs(viz.draw(y, direction="both")) == [("given", shape)]
    assert viz.steps(y, check=True)


def test_what_a_loss_makes_of_its_targets_comes_before_what_is_made_of_that():
    layer, x, other = nn.Linear(6, 6), tg.random.rand(4, 6), tg.random.rand(4, 6)
    loss = nn.functional.binary_cross_entropy_with_logits(layer(x), x)
    loss = (
        loss + nn.functional.binary_cross_entropy_with_logits(layer(other), other) + (1 + layer(x)).mean()
    )  # the same 1
    expected = loss.item()
    for level in LEVELS:
        assert inputs(viz.draw(loss, level=level)) == [("x", (4, 6)), ("other", (4, 6))], level
    order = topological([loss.node])
    assert all(parent.number < node.number for node in order for parent in node.inputs)
    loss.backward()
    picture = viz.draw(loss, direction="both")
    assert [box.value.values for box in picture.drawing.items if box.name == "loss"] == [
        pytest.approx(expected, rel=1e-5)
    ]
    assert viz.steps(loss, check=True)


def test_queries_and_keys_are_two_inputs_and_labels_no_part_of_the_arithmetic():
    layer, queries, memory = nn.MultiheadAttention(8, 2), tg.random.rand(5, 2, 8), tg.random.rand(4, 2, 8)
    picture = viz.draw(layer(queries, memory, memory)[0].sum())
    assert inputs(picture) == [("queries", (5, 2, 8)), ("memory", (4, 2, 8))]
    logits, labels = nn.Linear(3, 4)(tg.ones((2, 3))), tg.tensor([0, 1])
    before = viz.draw(nn.functional.cross_entropy(logits, labels), level="operations")
    assert not {"not_equal", "equal", "arange"} & {box.operation for box in before.drawing.items}


def test_a_first_layer_without_parameters_has_its_box():
    images = tg.random.rand(2, 1, 6, 6)
    picture = viz.draw(nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(9, 2))(images))
    layers = {box.operation: box.shape for box in picture.drawing.items if box.kind == "module"}
    assert layers == {"AvgPool2d": (2, 1, 3, 3), "Flatten": (2, 9), "Linear": (2, 2)}
    drawn = viz.draw(nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(9, 2)), input_shape=(2, 1, 6, 6))
    assert {box.operation: box.shape for box in drawn.drawing.items if box.kind == "module"} == layers


def test_operations_of_what_was_computed_as_a_whole_are_drawn():
    x = tg.random.rand(3, 4)
    picture = viz.draw(nn.Linear(4, 2)(tg.softmax(x, 1)).sum(), level="operations")
    assert {"max", "exp", "div"} <= {box.operation for box in picture.drawing.items}
    assert "softmax" in {box.operation for box in viz.draw(nn.Linear(4, 2)(tg.softmax(x, 1)).sum()).drawing.items}


def test_what_is_gone_or_overwritten_is_a_leaf():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    images = tg.ones((2, 2, 2))
    y = model(images).sum()
    del images
    assert inputs(viz.draw(y)) == [("input", (2, 4))]
    images = tg.ones((2, 2, 2))
    y = (model(images) ** 2).sum()
    images.assign(images * 2)
    for box in viz.draw(y).drawing.items:
        assert box.kind != "input" or box.shape in ((2, 4), (2, 2, 2))
    nodes = topological([y.node])
    assert not any(node.op is not None and node.op.name == "reshape" for node in nodes)  # the graph is as it was


def test_names_and_later_use_of_what_was_made_stay():
    flatten, layer = nn.Flatten(), nn.Linear(4, 2)
    images = tg.random.rand(2, 2, 2)
    flat = flatten(images)
    flat.name = "pixels"
    picture = viz.draw(layer(flat).sum() + images.sum())
    assert inputs(picture) == [("images", (2, 2, 2))] and "Flatten" in {box.name for box in picture.drawing.items}
    opened = viz.draw(layer(flat).sum(), level="operations")
    assert "pixels" in {box.name for box in opened.drawing.items if box.operation == "reshape"}
    wanted = flatten(images)
    wanted.requires_grad = True
    assert next(box.kind for box in viz.draw(layer(wanted)).drawing.items if box.shape == (2, 4)) == "parameter"


class Remembers(nn.Module):
    """Adds up what it was given, step by step, and never says no_grad."""

    def __init__(self):
        self.layer, self.total = nn.Linear(3, 2), tg.zeros(3)

    def forward(self, x):
        self.total = self.total * 0.9 + x.mean(axis=0)
        return self.layer(x - self.total)


def test_a_module_that_adds_to_a_sum_in_each_step_keeps_a_short_trail():
    model, alive = Remembers(), []
    gc.disable()
    try:
        for _ in range(3 * LONGEST_TRAIL):
            x = tg.random.rand(4, 3)
            alive.append(weakref.ref(x))
            model(x).sum().backward()
            del x
        assert sum(reference() is not None for reference in alive) == 0
        trail, origin = 0, model.total.node.origin
        while isinstance(origin, Origin):
            trail += 1
            origin = next((each for each in origin.inputs if isinstance(each, Origin)), None)
        assert trail <= LONGEST_TRAIL
    finally:
        gc.enable()


def test_nothing_is_remembered_outside_of_calls_and_where_no_graph_is_recorded():
    x = tg.ones((2, 3))
    assert x.T._node is None
    with tg.no_grad():
        assert nn.Flatten()(x)._node is None
    assert nn.Flatten()(x).is_leaf and not nn.Flatten()(x).requires_grad
