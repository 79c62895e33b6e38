"""Names at the top of Keras: variables, devices, trees; and tables of models."""

from collections import namedtuple

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.keras import Input, layers, tree


def test_variables():
    weight = keras.Variable([1.0, 2.0], name="w")
    assert weight.requires_grad and weight.dtype == "float32" and weight.name == "w"
    state = keras.Variable(0, trainable=False)
    state.assign_add(3)
    assert int(state) == 3 and not state.requires_grad and isinstance(state, keras.Variable)
    assert isinstance(weight, keras.Variable) and not isinstance(tg.ones((2,)), keras.Variable)
    drawn = keras.Variable("glorot_uniform", shape=(3, 4))
    assert drawn.shape == (3, 4) and float(abs(drawn).max()) > 0
    assert keras.Variable(lambda shape, dtype: tg.ones(shape, dtype=dtype), (2,)).numpy().tolist() == [1, 1]
    assert (
        keras.Variable(np.ones(2)).dtype == "float32" and keras.Variable(np.ones(2), dtype="float64").dtype == "float64"
    )
    with pytest.raises(OptionError, match="shape="):
        keras.Variable("zeros")
    before = np.ones(2, "float32")
    keras.Variable(before, trainable=False).assign([5, 5])
    assert before.tolist() == [1, 1]


def test_variables_of_a_layer_are_its_weights():
    class Counter(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.factor = keras.Variable([2.0])
            self.calls = keras.Variable(0.0, trainable=False)

        def call(self, x):
            self.calls.assign_add(1)
            return x * self.factor

    layer = Counter()
    layer(np.ones((2, 1), "float32"))
    assert layer.trainable_weights == [layer.factor] and layer.non_trainable_weights == [layer.calls]
    assert float(layer.calls) == 1 and len(layer.get_weights()) == 2
    model = keras.Sequential([Input((1,)), Counter()])
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    assert float(model.layers[0].factor[0]) < 2


def test_places():
    for name in ("cpu", "cpu:0", "CPU:0", "/device:CPU:0"):
        with keras.device(name):
            assert tg.ones((2,)).device == tg.device("cpu")
    with keras.name_scope("part"):
        assert layers.Dense(2, name="d").name == "d"
    with pytest.raises(OptionError):
        keras.name_scope("")
    x = Input((2,))
    assert keras.Function(x, x * 2.0)(np.ones((1, 2))).numpy().tolist() == [[2, 2]]


Pair = namedtuple("Pair", "a b")
NESTED = {"z": [1, (2, None)], "a": Pair(3, {"k": 4})}


def test_trees():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None] and tree.flatten(7) == [7]
    assert tree.flatten_with_path(NESTED)[1] == (("a", 1, "k"), 4)
    doubled = tree.map_structure(lambda x: x and x * 2, NESTED)
    assert doubled == {"z": [2, (4, None)], "a": Pair(6, {"k": 8})} and list(doubled) == ["z", "a"]
    assert tree.map_structure(lambda x: x + 1, [1, None], none_is_leaf=False) == [2, None]
    assert tree.map_structure(lambda x, y: x + y, (1, [2]), (3, [4])) == (4, [6])
    assert tree.map_structure_up_to([0, 0], lambda part: len(part), [[1, 2], [3]]) == [2, 1]
    assert tree.map_shape_structure(len, [(1, 2), {"a": (None, 3, 4)}]) == [2, {"a": 3}]
    assert tree.pack_sequence_as(NESTED, range(5)) == {"z": [2, (3, 4)], "a": Pair(0, {"k": 1})}
    assert tree.lists_to_tuples({"a": [1, [2]]}) == {"a": (1, (2,))}
    assert tree.is_nested({}) and not tree.is_nested("text")
    assert tree.traverse(lambda x: sum(x) if isinstance(x, tuple) else None, [(1, 2), 3]) == [3, 3]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2], top_down=False) == [None, 2]


def test_trees_that_differ():
    for a, b in (([1], [1, 2]), ([1], (1,)), ({"a": 1}, {"b": 1}), ([1], 1), ([1], {"a": 1})):
        with pytest.raises(ShapeError):
            tree.assert_same_structure(a, b)
        with pytest.raises(ShapeError):
            tree.map_structure(lambda x, y: x, a, b)
    tree.assert_same_structure(NESTED, NESTED)
    tree.assert_same_paths([1, 2], (3, 4))
    with pytest.raises(ShapeError):
        tree.assert_same_paths([1], [1, 2])
    with pytest.raises(ShapeError, match="leaves"):
        tree.pack_sequence_as([1, 2], [1])


def table(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return lines


def test_parts_of_a_table():
    dense = [layers.Dense(3, name=f"dense_{i}") for i in range(5)]
    model = keras.Sequential([Input((3,)), *dense])
    rows = [line for line in table(model, layer_range=["dense_1", "dense_3"]) if "(Dense)" in line]
    assert [row.split()[1] for row in rows] == ["dense_1", "dense_2", "dense_3"]
    assert len([line for line in table(model, layer_range=["dense_[34]", "dense_4"]) if "(Dense)" in line]) == 2
    assert {len(line) for line in table(model, line_length=100, positions=[0.5, 0.8, 1.0])[1:-3]} == {100}
    assert {len(line) for line in table(model, positions=[30, 50, 70])[1:-3]} == {70}
    with pytest.raises(OptionError, match=r"dense_0, dense_1"):
        table(model, layer_range=["none", "dense_1"])
    with pytest.raises(OptionError, match="positions"):
        table(model, positions=[0.5, 0.3, 1.0])
    with pytest.raises(keras.absent.NotOfferedError, match=r"\.keras"):
        model.export("folder")


def test_lines_instead_of_a_bar(capsys):
    model = keras.Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    keras.utils.disable_interactive_logging()
    try:
        assert not keras.utils.is_interactive_logging_enabled()
        model.fit(np.ones((4, 1)), np.ones((4, 1)))
    finally:
        keras.utils.enable_interactive_logging()
    assert "\r" not in capsys.readouterr().out and keras.utils.is_interactive_logging_enabled()
