"""Models: symbols, branches, sharing, subclasses, weights, files."""

import gc
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import CheckpointError, OptionError, ShapeError
from tinygrad_ml.keras import Input, Model, Sequential, layers

X = np.random.default_rng(0).standard_normal((20, 4)).astype("float32")
Y = np.random.default_rng(1).standard_normal((20, 1)).astype("float32")


def two_branches():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    joined = layers.Concatenate()([layers.Dense(5, activation="relu")(a), layers.Dense(2)(b)])
    joined = layers.Dropout(0.5)(joined)
    return Model([a, b], {"value": layers.Dense(1)(joined), "kind": layers.Dense(3, activation="softmax")(joined)})


def test_branches_inputs_and_outputs_by_name():
    model = two_branches()
    x = {"b": np.ones((6, 3)), "a": np.ones((6, 4))}
    y = {"kind": np.array([0, 1, 2, 0, 1, 2]), "value": np.zeros((6, 1))}
    model.compile("adam", {"value": "mse", "kind": "sparse_categorical_crossentropy"}, metrics={"kind": ["accuracy"]})
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert list(history) == ["kind_accuracy", "kind_loss", "loss", "value_loss"]
    np.testing.assert_allclose(history["loss"], np.add(history["kind_loss"], history["value_loss"]), rtol=1e-5)
    out = model.predict(x, verbose=0)
    assert {name: value.shape for name, value in out.items()} == {"value": (6, 1), "kind": (6, 3)}
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == [
        "kind_accuracy",
        "kind_loss",
        "loss",
        "value_loss",
    ]


def test_losses_nested_as_the_outputs_are():
    x = Input((4,))
    y = [layers.Dense(1, name=name)(x) for name in ("one", "two", "three")]
    model = Model(x, {"a": (y[0], y[1]), "b": y[2]})
    together = lambda t, p: keras.losses.mae(t[0], p[0]) + keras.losses.mae(t[1], p[1])  # noqa: E731
    model.compile("sgd", {"a": [together, ("mse", None)], "b": "mae"}, loss_weights={"a": [2.0, (3.0, 0.0)], "b": 1.0})
    targets = {"a": (Y, Y), "b": Y}
    logs = model.evaluate(X, targets, verbose=0, return_dict=True)
    assert list(logs) == ["a/one_loss", "a_loss", "b_loss", "loss"]
    (one, two), three = (model.predict(X, verbose=0)[name] for name in ("a", "b"))
    parts = np.square(one - Y).mean(), abs(one - Y).mean() + abs(two - Y).mean(), abs(three - Y).mean()
    np.testing.assert_allclose(list(logs.values()), [*parts, 3 * parts[0] + 2 * parts[1] + parts[2]], rtol=1e-5)
    with pytest.raises(OptionError, match="one sample_weight for all"):
        model.fit(X, targets, sample_weight={"a": (Y[:, 0] ** 2, Y[:, 0] ** 4), "b": None}, verbose=0)
    with pytest.raises(OptionError, match="loss has 'c' under a"):
        model.compile("sgd", {"a": {"c": "mse"}, "b": "mse"})
        model.fit(X, targets, verbose=0)


def test_a_list_of_losses_of_one_output_is_their_sum():
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile("sgd", ["mse", "mae"], loss_weights=[2.0, 3.0])
    wrong = model.predict(X, verbose=0) - Y
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["loss"], 2 * np.square(wrong).mean() + 3 * abs(wrong).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("made", "given", "told"), [("one", "list", 1), ("dictionary", "list", 1), ("list", "dictionary", 0)]
)
def test_inputs_in_another_nesting_than_the_model_was_made_with(made, given, told):
    a, b = Input((4,), name="a"), Input((4,), name="b")
    inputs = {"one": a, "list": [a, b], "dictionary": {"a": a, "b": b}}[made]
    model = Model(inputs, layers.ReLU()(a) if made == "one" else layers.Subtract()([a, b]))
    x = {"list": [X] if made == "one" else [X, -X], "dictionary": {"b": -X, "a": X}}[given]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, np.maximum(X, 0) if made == "one" else 2 * X)
    assert len(caught) == told and all("inputs of the model are" in str(one.message) for one in caught)


def test_a_shared_layer_is_trained_once_for_both_uses():
    x = Input((4,))
    twice = layers.Dense(4, use_bias=False)
    model = Model(x, twice(twice(x)))
    assert len(model.weights) == 1 and [layer.name for layer in model.layers].count(twice.name) == 1
    (w,) = model.get_weights()
    np.testing.assert_allclose(model.predict(X, verbose=0), X @ w @ w, rtol=1e-4, atol=1e-5)


def test_models_are_layers():
    inner = Sequential([Input((4,)), layers.Dense(3), layers.Dense(2)])
    x = Input((4,))
    outer = Model(x, layers.Dense(1)(inner(x)))
    assert len(outer.weights) == 6 and outer.layers[1] is inner
    a, b, c, d, e, f = outer.get_weights()
    np.testing.assert_allclose(outer(X).numpy(), ((X @ a + b) @ c + d) @ e + f, rtol=1e-4, atol=1e-5)
    assert inner.layers[0].output_shape == (None, 3)
    part = Model(inner.input, inner.layers[0].output)
    np.testing.assert_allclose(part(X).numpy(), X @ a + b, rtol=1e-5, atol=1e-6)


def test_arithmetic_between_layers_is_repeated():
    x = Input((4,))
    h = layers.Dense(4)(x)
    model = Model(x, layers.Dense(1)(tg.sqrt(h * h + 1) / 2 - x))
    k, b, k2, b2 = model.get_weights()
    h = X @ k + b
    np.testing.assert_allclose(model(X).numpy(), (np.sqrt(h * h + 1) / 2 - X) @ k2 + b2, rtol=1e-4, atol=1e-5)


def test_inputs_that_are_missing():
    a, b = Input((4,)), Input((4,), name="other")
    with pytest.raises(OptionError, match="'other'"):
        Model(a, layers.Add()([a, b]))
    with pytest.raises(OptionError, match="symbols"):
        Model(a, X)


def test_wrong_shapes_are_reported_before_anything_runs():
    with pytest.raises(ShapeError, match="size 4 on axis -1"):
        x = Input((4,))
        dense = layers.Dense(2)
        dense(x), dense(Input((5,)))
    model = Sequential([Input((4,)), layers.Dense(1)])
    with pytest.raises(OptionError, match=r"\(4,\)"):
        model(np.ones((2, 5)))


class Net(Model):
    def __init__(self, width=5):
        super().__init__()
        self.hidden = [layers.Dense(width, activation="relu") for _ in range(2)]
        self.norm = layers.BatchNormalization()
        self.last = layers.Dense(1)

    def call(self, x, training=False):
        self.seen = training
        for layer in self.hidden:
            x = layer(x)
        return self.last(self.norm(x))


def test_subclass():
    model = Net()
    assert model.weights == []
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    assert model.seen is True
    model.evaluate(X, Y, verbose=0)
    assert model.seen is False
    assert [w.shape for w in model.get_weights()] == [(4, 5), (5,), (5, 5), (5,), (5,), (5,), (5,), (5,), (5, 1), (1,)]
    assert model.hidden[1].kernel.name == "hidden.1.kernel"
    assert len(model.trainable_weights) == 8 and len(model.layers) == 4


def test_own_layer_and_own_step():
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=True)

        def call(self, inputs):
            return inputs * self.factor

    class Careful(Sequential):
        steps = 0

        def train_step(self, data):
            self.steps += 1
            return super().train_step(data)

    model = Careful([Scale(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=10, epochs=3, verbose=0)
    assert model.steps == 6 and not (model.layers[0].get_weights()[0] == 1).any()


def test_frozen_layers_stay():
    model = Sequential([Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    model.layers[0].trainable = model.layers[1].trainable = False
    before = model.get_weights()
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 6
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    for old, new in list(zip(before, model.get_weights(), strict=True))[:6]:
        np.testing.assert_array_equal(old, new)
    assert (before[6] != model.get_weights()[6]).any()


def test_sequential_is_built_late_or_at_once():
    late = Sequential([layers.Dense(3), layers.Dense(1)])
    assert not late.built and late.weights == []
    with pytest.raises(OptionError, match="Input first"):
        late.output
    late(X)
    assert late.built and len(late.weights) == 4 and late.output_shape == (None, 1)
    late.pop()
    assert late.output_shape == (None, 3)
    late.add(layers.Dense(7))
    assert late(X).shape == (20, 7)
    with pytest.raises(OptionError, match="is none"):
        late.add(lambda x: x)


def test_set_weights_says_what_it_needs():
    model = Sequential([Input((4,)), layers.Dense(1)])
    with pytest.raises(ShapeError, match=r"\(4, 1\), \(1,\)"):
        model.set_weights([np.ones((4, 2)), np.ones(1)])


def test_summary_of_what_is_not_built(capsys):
    Sequential([layers.Dense(3)]).summary()
    assert "0 (unbuilt)" in capsys.readouterr().out


def test_summary_counts(capsys):
    model = Sequential(
        [Input((28, 28, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(10), layers.BatchNormalization()]
    )
    model.summary()
    shown = capsys.readouterr().out
    assert "(None, 26, 26, 4)" in shown and "Total params: 27,130" in shown and "Non-trainable params: 20 " in shown


@pytest.mark.parametrize(
    "make",
    [
        two_branches,
        lambda: Sequential(
            [
                layers.Input((4,)),
                layers.Dense(3, "relu", kernel_regularizer=keras.regularizers.L2(0.1)),
                layers.LeakyReLU(),
                layers.Dense(1),
            ]
        ),
    ],
)
def test_save_and_go_on(make, tmp_path):
    model = make()
    x = {"a": X, "b": X[:, :3]} if isinstance(model, keras.models.Functional) else X
    y = {"value": Y, "kind": np.eye(3)[np.arange(20) % 3]} if x is not X else Y
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 50)),
        "mse",
        metrics=["mae"] if x is X else {"kind": ["mae"]},
    )
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    twin = keras.models.load_model(tmp_path / "model.keras")
    assert twin.name == model.name and twin.optimizer.iterations == model.optimizer.iterations == 2
    histories = []
    for one in (model, twin):
        keras.utils.set_random_seed(3)
        histories.append(one.fit(x, y, epochs=2, verbose=0, shuffle=False).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, 1e-5, err_msg=name)
    model.save_weights(tmp_path / "w.safetensors")
    other = keras.models.clone_model(model)
    other.load_weights(tmp_path / "w.safetensors")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_was_compiled_comes_back(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(1, keras.activations.relu)])
    model.compile(
        keras.optimizers.SGD(0.5, momentum=0.9),
        keras.losses.MeanAbsoluteError(),
        metrics=[keras.metrics.MeanAbsoluteError(name="off"), keras.losses.mse],
    )
    before = model.evaluate(X, Y, verbose=0, return_dict=True)
    model.save(tmp_path / "m")
    twin = keras.models.load_model(tmp_path / "m")
    assert twin.evaluate(X, Y, verbose=0, return_dict=True) == before
    assert twin.optimizer.momentum == 0.9 and float(twin.optimizer.learning_rate) == 0.5
    model.add(layers.Lambda(lambda x: x))
    with pytest.raises(CheckpointError, match="lambda"):
        model.save(tmp_path / "m")
    assert keras.models.load_model(tmp_path / "m", compile=False).compiled is False


def test_files_that_do_not_fit(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.save_weights(tmp_path / "w")
    with pytest.raises(CheckpointError, match="shapes"):
        Sequential([Input((5,)), layers.Dense(1)]).load_weights(tmp_path / "w")
    with pytest.raises(CheckpointError, match="no model"):
        keras.models.load_model(tmp_path / "w")
    with pytest.raises(CheckpointError, match="there already"):
        model.save(tmp_path / "w", overwrite=False)
    (tmp_path / "zip.keras").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(CheckpointError, match="no model of Keras"):
        keras.models.load_model(tmp_path / "zip.keras")

    class Own(layers.Layer):
        def call(self, x):
            return x

    Sequential([Input((4,)), Own()]).save(tmp_path / "own")
    with pytest.raises(CheckpointError, match="custom_objects"):
        keras.models.load_model(tmp_path / "own")
    assert keras.models.load_model(tmp_path / "own", {"Own": Own}).layers[0].built


def test_training_leaves_nothing_behind():
    model = Sequential(
        [Input((4,)), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.1), layers.Dense(1)]
    )
    model.compile("adam", "mse", metrics=["mae"])
    batch = tg.tensor(X), tg.tensor(Y), None
    for _ in range(3):
        model.train_step(batch)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            model.train_step(batch)
        assert len(gc.get_objects()) - before < 100  # a graph left behind would be thousands
    finally:
        gc.enable()


def test_a_model_is_a_module_that_can_be_drawn():
    model = Sequential([Input((4,)), layers.Dense(3, name="first"), layers.Dense(1, name="second")])
    assert list(model.state_dict()) == ["first.kernel", "first.bias", "second.kernel", "second.bias"]
    output = model(tg.symbol((2, 4)))
    assert output.shape == (2, 1)
    places = {node.scope[-1].name for node in tg.graph.topological([output.node]) if node.scope}
    assert {"first", "second"} <= places
    assert model.layers[0].output_shape == (None, 3)  # being drawn is no further call
