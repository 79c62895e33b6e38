"""What is refused, and what programs give, beside Keras: each is run with both."""

import contextlib
import io
import itertools
import os
import re
import tempfile
import warnings

import numpy as np
import pytest
from keras_twins import as_array, numbers, ours, quiet, theirs, torch

pytestmark = quiet

REFUSED = [
    ("layers.Dense", {"units": 3}, {"units": [0, -1, 2.5, "3", None, (3,)], "activation": ["nope", 3], "foo": [1]}),
    ("layers.Dense", {"units": 3}, {"kernel_initializer": ["nope", 3], "kernel_regularizer": ["nope", 3]}),
    ("layers.Dense", {"units": 3}, {"bias_constraint": ["nope", 3], "name": [3, "a/b"], "trainable": ["x"]}),
    ("layers.Conv2D", {"filters": 3, "kernel_size": 3}, {"filters": [0, -1, 2.5, "3"], "groups": [0, -1, 2]}),
    ("layers.Conv2D", {"filters": 3, "kernel_size": 3}, {"kernel_size": [0, -1, (3,), (3, 3, 3), 2.5, None, "3"]}),
    ("layers.Conv2D", {"filters": 3, "kernel_size": 3}, {"strides": [0, -1, (1,)], "padding": ["full"]}),
    (
        "layers.Conv2D",
        {"filters": 3, "kernel_size": 3, "strides": 2},
        {"dilation_rate": [0, 2], "data_format": ["nope"]},
    ),
    (
        "layers.MaxPooling2D",
        {},
        {"pool_size": [0, -1, (2,), None, 2.5], "strides": [-1, (2,)], "data_format": ["nope"]},
    ),
    ("layers.Flatten", {}, {"data_format": ["nope"]}),
    ("layers.Reshape", {}, {"target_shape": [3, (-1, -1), (-2,), None]}),
    ("layers.Permute", {}, {"dims": [(0, 1), (1, 1), (1, 3), 3]}),
    ("layers.RepeatVector", {}, {"n": [0, -1, 2.5, "3", None, True]}),
    (
        "layers.ZeroPadding2D",
        {},
        {"padding": [(1,), (1, 2, 3), ((1, 2),), ((1, 2, 3), (1, 2)), "x"], "data_format": ["nope"]},
    ),
    ("layers.Dropout", {"rate": 0.5}, {"rate": [-0.1, 1.1, None, "x"], "seed": ["x", 1.5]}),
    ("layers.Dropout", {"rate": 0.5}, {"noise_shape": [3, "x", (0, 3), (-1, 2)]}),
    ("layers.SpatialDropout2D", {"rate": 0.5}, {"rate": [-0.1, 1.1, None], "data_format": ["nope"]}),
    ("layers.GaussianNoise", {}, {"stddev": [-0.1, 1.1, None]}),
    ("layers.ActivityRegularization", {}, {"l1": [-1, "x"], "l2": [-1]}),
    ("layers.BatchNormalization", {}, {"epsilon": ["x"], "axis": ["x", [1, 2]], "gamma_initializer": ["nope"]}),
    ("layers.LayerNormalization", {}, {"axis": ["x", 1.5]}),
    ("layers.ReLU", {}, {"max_value": [-1, "x"], "negative_slope": [-1, None], "threshold": [-1, None]}),
    ("layers.LeakyReLU", {}, {"negative_slope": [None, -1]}),
    ("layers.Normalization", {}, {"mean": [1.0], "variance": [1.0]}),
    ("layers.RandomTranslation", {"width_factor": 0.1}, {"height_factor": [2, -2, (0.1, 0.2, 0.3), None, "x"]}),
    ("layers.RandomRotation", {}, {"factor": [2, "x", (-0.5,)]}),
    ("layers.RandomZoom", {}, {"height_factor": [2, -2, (0.1, 0.2, 0.3), None]}),
    ("layers.RandomContrast", {}, {"factor": [2, -2, (0.1, 0.2, 0.3), None]}),
    ("layers.Embedding", {"input_dim": 3, "output_dim": 4}, {"input_dim": [0, -1, 2.5, None], "output_dim": [0, None]}),
    ("layers.Activation", {}, {"activation": ["nope", 3]}),
    ("layers.Lambda", {}, {"function": [3, None]}),
    ("layers.InputLayer", {}, {"shape": [None, "x", (2.5,), (-1,)]}),
    ("initializers.VarianceScaling", {}, {"scale": [0, -1], "mode": ["nope"], "distribution": ["nope"]}),
    ("initializers.RandomUniform", {}, {"seed": ["x", 1.5, (1, 2)]}),
    ("regularizers.L1", {}, {"l1": [-1, "x", float("nan"), float("inf")]}),
    ("regularizers.L1L2", {}, {"l1": [-1, "x"], "l2": [-1, "x"]}),
    ("optimizers.SGD", {}, {"learning_rate": ["x", None], "momentum": [-1, 2, "x"], "name": [3], "foo": [1]}),
    ("optimizers.SGD", {"clipnorm": 1.0}, {"clipvalue": [1.0], "global_clipnorm": [1.0]}),
    ("optimizers.Adam", {}, {"learning_rate": ["x", None], "gradient_accumulation_steps": [-1]}),
    (
        "optimizers.schedules.ExponentialDecay",
        {"initial_learning_rate": 1.0, "decay_rate": 0.5},
        {"decay_steps": [0, -1]},
    ),
    ("callbacks.ModelCheckpoint", {"filepath": "a.keras"}, {"filepath": ["a", "a.ckpt"], "save_freq": ["batch", 1.5]}),
    ("callbacks.ModelCheckpoint", {"save_weights_only": True}, {"filepath": ["a.h5", "a.keras", "weights.ckpt"]}),
    ("utils.Progbar", {"target": 1, "stateful_metrics": []}, {"stateless_metrics": [[]]}),
    ("optimizers.schedules.CosineDecay", {"initial_learning_rate": 1.0}, {"decay_steps": [0, -1]}),
]


def named(keras, path):
    """What stands there in Keras, or here."""
    for part in path.split("."):
        keras = getattr(keras, part)
    return keras


def functional(keras):
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Dense(2)(x))


@pytest.mark.parametrize(("path", "options", "wrong"), REFUSED, ids=[path for path, _, _ in REFUSED])
def test_what_keras_refuses_is_refused(path, options, wrong):
    for option, values in wrong.items():
        for value in values:
            for keras in (theirs, ours):
                with pytest.raises((ValueError, TypeError)):
                    named(keras, path)(**{**options, option: value})


# -- programs that are run with both, and give the same -------------------------------------------------------------


def building(keras):
    layer = keras.layers.Dense(2)
    before = layer.built, len(layer.weights)
    layer.build((None, 3))
    layer.set_weights([np.ones((3, 2)), np.ones(2)])
    return before, layer.built, as_array(layer(np.ones((1, 3), "float32"))), layer.count_params()


def training_by_default(keras):
    x = numbers(4, 4, 4, 1)
    flip = keras.layers.RandomContrast(0.9, value_range=(-99, 99))
    model = keras.Sequential([keras.layers.RandomContrast(0.9, value_range=(-99, 99))])
    changed = [
        bool((as_array(one) != x).any())
        for one in (flip(x), flip(x, training=False), model(x), model(x, training=False))
    ]
    return (
        changed,
        bool((as_array(keras.layers.Dropout(0.5)(x)) != x).any()),
        bool((model.predict(x, verbose=0) != x).any()),
    )


def losses_of_calls(keras):
    layer = keras.layers.Dense(2, activity_regularizer="l2", kernel_regularizer="l1")
    counts = []
    for _ in range(3):
        layer(np.ones((2, 3), "float32"))
        counts.append(len(layer.losses))
    model = keras.Sequential([keras.Input((3,)), layer])
    counts.append(len(model.losses))
    model(np.ones((2, 3), "float32"))
    return [*counts, len(model.losses)]


def functional_subclass(keras):
    class Net(keras.Model):
        def double(self):
            return 2

    x = keras.Input((3,))
    net = Net(inputs=x, outputs=keras.layers.Dense(2, kernel_initializer="ones")(x), name="net")
    return net.double(), net.name, as_array(net(np.ones((1, 3), "float32"))), len(net.layers), isinstance(net, Net)


def output_shapes(keras):
    x = keras.layers
    return [
        tuple(x.Dense(2).compute_output_shape((5, 3))),
        tuple(x.Conv2D(2, 3).compute_output_shape((None, 8, 8, 1))),
        tuple(x.Flatten().compute_output_shape((4, 3, 2))),
        tuple(x.RepeatVector(3).compute_output_shape((4, 2))),
        tuple(x.Concatenate().compute_output_shape([(4, 2), (4, 3)])),
    ]


def frozen(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    found = [(len(model.trainable_weights), len(model.non_trainable_weights), len(model.weights))]
    model.layers[1].trainable = False
    found.append((len(model.trainable_weights), len(model.non_trainable_weights), model.trainable))
    model.trainable = False
    return [*found, (len(model.trainable_weights), model.layers[0].trainable)]


def changed_sequential(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model.pop()
    model.add(keras.layers.Dense(5))
    return [layer.units for layer in model.layers], model(np.ones((2, 3), "float32")).shape[-1], len(model.weights)


def other_ranks(keras):
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    return model(np.ones((2, 3, 1), "float32")).shape[-1]


def nested_inputs(keras):
    a, b = keras.Input((1,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"one": a, "more": {"two": b}}, {"sum": keras.layers.Concatenate()([a, b])})
    out = model({"one": np.ones((2, 1), "float32"), "more": {"two": np.ones((2, 2), "float32")}})
    return sorted(out), as_array(out["sum"])


def activations_of_names(keras):
    x = numbers(3, 4)
    names = "leaky_relu elu celu hard_shrink soft_shrink hard_tanh squareplus sparse_plus sparse_sigmoid glu relu6 selu"
    return [as_array(getattr(keras.activations, name)(x)) for name in names.split()]


def thresholds(keras):
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 7.0], "float32")
    return [
        as_array(keras.activations.relu(x, negative_slope=0.5, max_value=3.0, threshold=1.0)),
        as_array(keras.layers.ReLU(threshold=2.0)(x[None])),
        as_array(keras.activations.threshold(x, 1.0, 9.0)),
    ]


def registered(keras):
    @keras.saving.register_keras_serializable(package="compared")
    class Own(keras.layers.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def call(self, x):
            return x

    layer = Own(3, name="own")
    config = layer.get_config()
    written = keras.saving.serialize_keras_object(layer)
    return (
        config["size"],
        config["name"],
        written["registered_name"],
        written["class_name"],
        keras.saving.get_registered_name(Own),
    )


def own_get_config(keras):
    class Own(keras.layers.Layer):
        def get_config(self):
            return {**super().get_config(), "more": 3}

    config = Own(name="own", trainable=False).get_config()
    return sorted(config), config["trainable"], config["more"]


def clones(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    clone = keras.models.clone_model(model)
    json = keras.models.model_from_json(model.to_json())
    return (
        clone.compiled,
        len(clone.weights),
        len(json.weights),
        [layer.name == other.name for layer, other in zip(clone.layers, json.layers, strict=True)],
    )


def padded(keras):
    rows = [[1], [2, 3], [4, 5, 6]]
    pad = keras.utils.pad_sequences
    return [
        pad(rows),
        pad(rows, 2),
        pad(rows, 4, padding="post"),
        pad(rows, 2, truncating="post", value=-1, dtype="float32"),
    ]


def weights_in_lists(keras):
    class Own(keras.layers.Layer):
        def build(self, input_shape):
            self.parts = [self.add_weight(shape=(2,), initializer="ones") for _ in range(2)]
            self.inner = {"a": [keras.layers.Dense(1)]}
            self.state = self.add_weight(shape=(), trainable=False, name="state", initializer="zeros")

        def call(self, x):
            return self.inner["a"][0](x * self.parts[0] * self.parts[1])

    layer = Own()
    layer(np.ones((1, 2), "float32"))
    return [tuple(weight.shape) for weight in layer.get_weights()], len(layer.trainable_weights)


def spec(keras):
    found = []
    for options in (
        {"ndim": 2},
        {"shape": (None, 3)},
        {"min_ndim": 3},
        {"max_ndim": 1},
        {"axes": {-1: 4}},
        {"dtype": "int32"},
    ):
        layer = keras.layers.Identity()
        layer.input_spec = keras.layers.InputSpec(**options)
        try:
            layer(np.ones((2, 3), "float32"))
            found.append("taken")
        except ValueError:
            found.append("refused")
    return found


def has(keras):
    layer = keras.layers.Dense(2)
    models = [keras.Sequential(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])]
    shapes = [[hasattr(model, name) for name in ("inputs", "outputs", "output_shape")] for model in models]
    return [hasattr(layer, name) for name in ("input", "output", "nothing")], hasattr(keras.layers, "Nothing"), shapes


def added(keras):
    layer = keras.layers.Layer()
    made = [
        layer.add_weight((2, 3), "ones", "float32"),
        layer.add_weight(shape=4, initializer="ones")
        if keras is ours
        else layer.add_weight(shape=(4,), initializer="ones"),
        layer.add_weight((2,), dtype="int32", trainable=False),
    ]
    made.append(layer.add_variable((2,), "ones", trainable=False))
    drawn = layer.add_weight((3,), trainable=False)
    return [as_array(getattr(one, "value", one)) for one in made], bool(
        np.any(as_array(getattr(drawn, "value", drawn)))
    )


def rates(keras):
    asked = []
    optimizer = keras.optimizers.SGD(lambda: asked.append(1) or 0.25)
    weight = keras.layers.Dense(1, kernel_initializer="ones")
    weight.build((None, 1))
    found = [float(as_array(optimizer.learning_rate)), optimizer.built]
    return [*found, keras.optimizers.get({"class_name": "adam", "config": {}}).name]


def bars(keras):
    shown = []
    for options in [{}, {"stateful_metrics": ["a"]}, {"stateless_metrics": ["a"]}, {"verbose": 2}, {"verbose": 0}]:
        with contextlib.redirect_stdout(io.StringIO()) as written:
            bar = keras.utils.Progbar(3, interval=0.0, **options)
            for i in range(1, 4):
                bar.update(i, [("a", 2.0 * i - 2), ("b", np.array([1.0 * i, 3]))])
            bar = keras.utils.Progbar(None, interval=0.0, unit_name="sample", **options)
            bar.update(4, [("a", 1e-7)])
            bar.add(2, [("a", -5.0)])
            bar.update(7, finalize=True)
            keras.utils.Progbar(0, **options).update(0, finalize=True)
        plain = re.sub("\x1b\\[[0-9]*m|\x08", "", written.getvalue()).replace("─", "━")  # colours; what is to come
        lines = [re.sub("[0-9]+(us|ms|s)", "time", line).strip() for line in re.split("[\r\n]", plain)]
        shown.append([line for line in lines if line])
    return shown


def checkpoints(keras):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as written:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        every = {"verbose": 1, "save_weights_only": True, "save_freq": 3}
        watched = {"monitor": "loss", "verbose": 1, "save_best_only": True, "initial_value_threshold": 2.5}
        saved = [
            keras.callbacks.ModelCheckpoint(f"{folder}/{{epoch}}-{{batch}}.weights.h5", **every),
            keras.callbacks.ModelCheckpoint(f"{folder}/new/{{epoch}}.keras", **watched),
            keras.callbacks.ModelCheckpoint(f"{folder}/best.h5", mode="max", **watched),
        ]
        model.fit(numbers(8, 4), numbers(8, 1), batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=saved)
        files = sorted(
            os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names
        )
        return files, written.getvalue().replace(folder, "").splitlines()


def structures(keras):
    """Which inputs of another nesting than the model's are warned of."""
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    made_with = [a, [a, b], {"a": a, "b": b}, [a, [b]], {"a": a, "c": {"b": b}}]
    models = [keras.Model(x, keras.layers.ReLU()(a) if x is a else keras.layers.Add()([a, b])) for x in made_with]
    x, y = numbers(2, 2), numbers(2, 2, seed=1)
    called_with = [[x, y], (x, y), {"a": x, "b": y}, {"b": y, "a": x}, [x, [y]]]
    found = []
    for model, given in [(models[0], x), (models[0], [x]), *itertools.product(models[1:], called_with)]:
        if isinstance(given, dict) and isinstance(model.input, list) and isinstance(model.input[1], list):
            continue  # Keras refuses names where inputs are nested in lists
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found.append(as_array(model(given)))
        told = [
            one for one in caught if re.search("structure of `inputs`|they are taken in this order", str(one.message))
        ]
        found.append(len(told))
    return found


def own_step(keras):
    """What constraints make of weights in a step of one's own, and whether a layer that is not used is told of."""

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.used = keras.layers.Dense(1, kernel_initializer="ones", kernel_constraint=keras.constraints.NonNeg())
            self.unused = keras.layers.Dense(1)

        def call(self, x):
            self.unused(x)
            return self.used(x)

        def train_step(self, data):
            x, y = data
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            self.zero_grad()
            loss.backward()
            weights = self.trainable_weights
            gradients = [getattr(weight, "value", weight).grad for weight in weights]
            with torch.no_grad() if keras is theirs else contextlib.nullcontext():
                self.optimizer.apply(gradients, weights)
            return {"loss": loss}

    model = Net()
    model.compile(keras.optimizers.SGD(10.0), "mse")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(np.ones((4, 2), "float32"), -np.ones((4, 1), "float32"), verbose=0)
    told = [one for one in caught if re.search("unused.kernel|dense_1/kernel", str(one.message))]
    return model.used.get_weights(), len(told)


def told_shapes(keras):
    """A layer that tells the shape of what comes out is not asked for more."""

    class Told(keras.layers.Layer):
        def call(self, x, scale=None):
            raise RuntimeError("it needs numbers")

        def compute_output_shape(self, input_shape):
            return [(*input_shape[:-1], 7), (input_shape[0], 2)]

    first, second = Told()(keras.Input((4, 3)), scale=keras.Input((1,)))
    told = keras.layers.Lambda(lambda x: 1 / 0, output_shape=(5,))(keras.Input((3,)))
    return first.shape[1:], second.shape[1:], told.shape[1:]


def loaded_in_part(keras):
    """Of a model with one layer more, what fits is loaded; a warning tells of the rest."""
    with tempfile.TemporaryDirectory() as folder:
        made = [keras.Sequential([keras.Input((3,)), *map(keras.layers.Dense, sizes)]) for sizes in [(4, 5), (4, 5, 6)]]
        found = []
        for name in ("w.weights.h5", "w.keras"):
            made[0].save(f"{folder}/{name}") if name == "w.keras" else made[0].save_weights(f"{folder}/{name}")
            with pytest.raises(ValueError):
                made[1].load_weights(f"{folder}/{name}")
            with pytest.warns(UserWarning):
                made[1].load_weights(f"{folder}/{name}", skip_mismatch=True)
            found.append(
                [np.array_equal(*pair) for pair in zip(made[0].get_weights(), made[1].get_weights(), strict=False)]
            )
        return found


def from_configs(keras):
    x, dense = keras.Input((3,)), keras.layers.Dense(3)
    model = keras.Model(x, dense(dense(x)))
    straight = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    made = keras.Model.from_config(model.get_config()), keras.Sequential.from_config(straight.get_config())
    return [([weight.shape for weight in one.get_weights()], one.output_shape, len(one.layers)) for one in made]


PROGRAMS = [
    building, training_by_default, losses_of_calls, functional_subclass, output_shapes, frozen, changed_sequential,
    other_ranks, nested_inputs, activations_of_names, thresholds, registered, own_get_config, clones, padded,
    weights_in_lists, spec, has, rates, bars, checkpoints, structures, added,
    own_step, told_shapes, loaded_in_part, from_configs,
]  # fmt: skip


def same(found, expected):
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_allclose(found, expected, 1e-5, 1e-6)
    else:
        assert found == expected


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_gives_the_same_with_both(program):
    for keras in (theirs, ours):
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
    expected, found = program(theirs), program(ours)
    same(found, expected)


WRONG = {
    "weights of a wrong shape": lambda keras: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).set_weights(
        [1]
    ),
    "inputs of a wrong size": lambda keras: functional(keras)(np.ones((2, 5), "float32")),
    "too few axes": lambda keras: keras.layers.Dense(2)(np.ones(3, "float32")),
    "a layer that is none": lambda keras: keras.Sequential([3]),
    "two names": lambda keras: keras.Sequential([keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="a")]),
    "two inputs": lambda keras: keras.Sequential([keras.Input((3,)), keras.Input((3,))]),
    "no such layer": lambda keras: functional(keras).get_layer("nothing"),
    "no layer there": lambda keras: functional(keras).get_layer(index=9),
    "which layer": lambda keras: functional(keras).get_layer(),
    "fit before compile": lambda keras: functional(keras).fit(np.ones((2, 3)), np.ones((2, 2))),
    "three for Subtract": lambda keras: keras.layers.Subtract()([np.ones((1, 2), "float32")] * 3),
    "none for Add": lambda keras: keras.layers.Add()([]),
    "shapes for Concatenate": lambda keras: keras.layers.Concatenate()([np.ones((1, 2)), np.ones((3, 2))]),
    "outputs of nowhere": lambda keras: keras.Model(keras.Input((3,)), keras.layers.Dense(2)(keras.Input((3,)))),
    "no symbols": lambda keras: keras.Model(np.ones(3), np.ones(3)),
    "count before build": lambda keras: keras.layers.Dense(2).count_params(),
    "no call": lambda keras: keras.layers.Layer()(np.ones((1, 2), "float32")),
    "an unknown class": lambda keras: keras.saving.deserialize_keras_object(
        {"module": None, "class_name": "Nothing", "config": {}, "registered_name": "Nothing"}
    ),
    "no file": lambda keras: keras.models.load_model("/nowhere/model.keras"),
    "no decay for AdamW": lambda keras: keras.optimizers.AdamW(weight_decay=None),
    "no gradients": lambda keras: with_weights(keras).apply_gradients([(None, keras.layers.Dense(2))]),
    "an axis that is not there": lambda keras: keras.layers.Normalization(axis=5).build((None, 3)),
    "Dense under a name of another's": lambda keras: keras.saving.deserialize_keras_object(
        {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}, "registered_name": "evil>Dense"}
    ),
    "a class without get_config": lambda keras: keras.saving.register_keras_serializable()(type("Bare", (), {})),
    "an activation without a name": lambda keras: keras.activations.get("nothing"),
    "the name of a weight by its place": lambda keras: keras.layers.Layer().add_weight("scale", shape=(2,)),
    "a shape twice": lambda keras: keras.layers.Layer().add_weight((2,), shape=(2,)),
    "four by place": lambda keras: keras.layers.Layer().add_weight((2,), "ones", "float32", True),
    "built for other inputs": lambda keras: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).build(
        (None, 4)
    ),
    "weights made in call": lambda keras: made_in_call(keras, lambda layer: layer.add_weight(shape=(2,))),
    "a layer made in call": lambda keras: made_in_call(keras, lambda layer: keras.layers.Dense(2)),
    "no gradient for any": lambda keras: with_weights(keras).apply([None, None]),
    "a gradient too many": lambda keras: with_weights(keras).apply([np.ones((3, 2), "float32")] * 9),
}


def made_in_call(keras, make):
    class Own(keras.layers.Layer):
        def call(self, x):
            self.made = make(self)
            return x

    return Own()(np.ones((2, 2), "float32"))


def with_weights(keras):
    layer, optimizer = keras.layers.Dense(2), keras.optimizers.SGD()
    layer.build((None, 3))
    optimizer.build(layer.trainable_variables)
    return optimizer


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told_of_by_both(case):
    for keras in (theirs, ours):
        with pytest.raises((ValueError, TypeError, NotImplementedError, RuntimeError)) as caught:
            WRONG[case](keras)
        assert len(str(caught.value)) > 15
