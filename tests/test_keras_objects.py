"""Layers, models and the rest as objects: copied, pickled, built, described, registered, and refused what they cannot do."""

import copy
import gc
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras, nn
from tinygrad_ml.errors import CheckpointError, OptionError, ShapeError
from tinygrad_ml.keras import Input, Model, Sequential, layers

X = np.random.default_rng(0).standard_normal((16, 4)).astype("float32")
Y = np.random.default_rng(1).standard_normal((16, 2)).astype("float32")
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}


class Net(Model):
    def __init__(self, width=5, **options):
        super().__init__(**options)
        self.parts = {"first": layers.Dense(width, "relu"), "rest": [layers.BatchNormalization(), layers.Dense(2)]}

    def call(self, x):
        x = self.parts["first"](x)
        for layer in self.parts["rest"]:
            x = layer(x)
        return x


class Ends(Model):
    """A functional model with a class of its own."""

    def scaled(self, x):
        return self(x) * 2


class Made(Model):
    """A functional model that makes its own symbols."""

    def __init__(self, width):
        x = Input((4,))
        super().__init__(x, layers.Dense(2)(layers.Dense(width)(x)))


def residual(seed=3):
    x = Input((4,), name="x")
    shared = layers.Dense(4, "tanh", kernel_regularizer="l2")
    h = shared(x)
    h = layers.Dropout(0.3, seed=seed)(layers.BatchNormalization()(shared(h) * 0.5 + x))
    return Model(x, layers.Dense(2)(h), name="residual")


def straight():
    return Sequential([Input((4,)), layers.Dense(3, "relu"), layers.LayerNormalization(), layers.Dense(2)])


def of_symbols():
    x = Input((4,))
    return Ends(x, layers.Dense(2)(x))


MODELS = [residual, straight, lambda: Sequential([layers.Dense(3), layers.Dense(2)]), Net, of_symbols, lambda: Made(3)]
NAMES = ["functional", "sequential", "late", "subclass", "functional subclass", "own symbols"]


def go_on(model):
    keras.utils.set_random_seed(7)
    return model.fit(X, Y, epochs=2, batch_size=8, verbose=0).history


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("make", MODELS, ids=NAMES)
def test_copies_compute_and_train_as_the_model_does(make, way):
    model = make()
    early = COPIES[way](model)
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    go_on(model)
    twin = COPIES[way](model)
    assert type(twin) is type(model) and twin.name == model.name and twin.compiled
    assert not {id(weight) for weight in twin.weights} & {id(weight) for weight in model.weights}
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    assert twin.optimizer.iterations == model.optimizer.iterations == 4
    found, expected = go_on(twin), go_on(model)  # to rounding, as the twin's first step runs operation by operation
    assert found == {name: pytest.approx(values, rel=1e-5) for name, values in expected.items()}
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    assert early(X).shape == (16, 2) and not early.compiled


@pytest.mark.parametrize("way", COPIES)
def test_copies_of_layers_and_what_they_are_made_of(way):
    layer = layers.Dense(3, "relu", kernel_regularizer="l1", kernel_constraint="max_norm", name="mine")
    layer(Input((4,)))
    layer(X)
    twin = COPIES[way](layer)
    assert twin.get_config() == layer.get_config() and twin.built
    np.testing.assert_array_equal(twin(X).numpy(), layer(X).numpy())
    twin.kernel.assign(twin.kernel * 0)
    assert layer.kernel.numpy().any() and float(twin.losses[0]) == 0
    assert twin.kernel.constraint.get_config() == layer.kernel.constraint.get_config()
    for thing in (
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5)),
        keras.initializers.HeNormal(3),
        keras.regularizers.L1L2(0.1, 0.2),
        keras.constraints.MaxNorm(3),
        keras.losses.Huber(0.3),
        keras.metrics.SparseTopKCategoricalAccuracy(2),
    ):
        assert COPIES[way](thing).get_config() == thing.get_config()


def test_a_copy_keeps_nothing_of_the_first_alive():
    model = residual()
    tg_weight = model.weights[0]
    twin = copy.deepcopy(model)
    gc.collect()
    assert not any(thing is tg_weight for thing in gc.get_referents(*vars(twin).values()))
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert twin.get_layer("x").output is twin.input


class Parts(layers.Layer):
    """A layer whose build makes layers."""

    def build(self, input_shape):
        self.inner = layers.Dense(3)
        self.inner.build(input_shape)

    def call(self, x):
        return self.inner(x)


@pytest.mark.parametrize("make", [lambda: layers.Dense(3), Parts, lambda: layers.BatchNormalization(), lambda: Net(6)])
def test_weights_set_after_build_stay(make):
    layer = make()
    layer.build((None, 4))
    assert layer.built and layer.weights
    layer.set_weights([np.full(weight.shape, 0.25) for weight in layer.weights])
    layer(X)
    assert all((weight == 0.25).all() for weight in layer.get_weights())


def test_build_is_given_the_shapes_of_the_arguments_that_it_names():
    class Two(layers.Layer):
        def build(self, b_shape, a_shape):
            self.seen = a_shape, b_shape

        def call(self, a, b):
            return a.sum() + b.sum()

    layer = Two()
    layer(X, b=Y)
    assert layer.seen == ((None, 4), (None, 2)) and layer.get_build_config() == {
        "shapes_dict": {"a_shape": (None, 4), "b_shape": (None, 2)},
    }

    class Wrong(Two):
        def build(self, a_shape, size):
            pass

    with pytest.raises(OptionError, match="size"):
        Wrong()(X, Y)


def test_weights_in_lists_are_trained():
    class Many(layers.Layer):
        def build(self, input_shape):
            self.factors = [self.add_weight((input_shape[-1],), "ones") for _ in range(3)]

        def call(self, x):
            for factor in self.factors:
                x = x * factor
            return x

    layer = Many()
    layer(X).sum().backward()
    assert len(layer.trainable_weights) == 3 and all(weight.grad is not None for weight in layer.weights)


def test_losses_of_a_layer_that_is_called_by_itself_are_those_of_the_last_call():
    class Penalised(layers.Layer):
        def __init__(self):
            super().__init__(activity_regularizer="l2")
            self.inner = layers.Dense(2, kernel_regularizer="l1")

        def call(self, x):
            self.add_loss(tg.tensor(1.0))
            return self.inner(x)

    layer = Penalised()
    for _ in range(3):
        layer(X)
        assert len(layer.losses) == 3
    outer = Sequential([Input((4,)), Penalised()])
    assert len(outer.losses) == 1  # what was called on symbols leaves no loss of theirs
    outer(X)
    assert len(outer.losses) == 3


def test_a_functional_subclass_is_a_functional_model():
    model = of_symbols()
    assert isinstance(model, keras.models.Functional) and len(model.layers) == 2
    np.testing.assert_array_equal(model.scaled(X).numpy(), 2 * model(X).numpy())
    assert Made(7).layers[1].units == 7


def test_get_config_holds_all_options_and_makes_an_equal_layer():
    layer = layers.Conv2D(4, 3, strides=2)
    config = layer.get_config()
    assert config["kernel_size"] == (3, 3) and config["strides"] == (2, 2) and config["padding"] == "valid"
    assert config["kernel_initializer"]["class_name"] == "GlorotUniform" and config["use_bias"] is True
    assert layers.Conv2D.from_config(config).get_config() == config

    class Scaled(layers.Dense):
        def __init__(self, units, scale=2.0, **options):
            super().__init__(units, **options)
            self.scale = scale

    own = Scaled(3, scale=5.0, activation="relu", name="own")
    config = own.get_config()
    assert (config["scale"], config["units"], config["activation"], config["name"]) == (5.0, 3, "relu", "own")
    twin = Scaled.from_config(config)
    assert twin.scale == 5.0 and twin.activation is keras.activations.relu

    class Written(layers.Layer):
        def __init__(self, size, **options):
            super().__init__(**options)
            self.size = object()

        def get_config(self):
            return {**super().get_config(), "size": 3}

    assert Written(object()).get_config()["size"] == 3

    class Rest(layers.Layer):
        def __init__(self, *sizes):
            super().__init__()

    with pytest.raises(CheckpointError, match="one list"):
        Rest(1, 2).get_config()


@keras.saving.register_keras_serializable(package="mine")
class Doubled(layers.Layer):
    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, x):
        return x * self.factor * 2


@keras.saving.register_keras_serializable(package="mine", name="cube")
def third_power(x):
    return x**3


@keras.saving.register_keras_serializable(package="mine")
class Saved(Net):
    pass


def test_registered_names():
    assert keras.saving.get_registered_name(Doubled) == "mine>Doubled"
    assert keras.saving.get_registered_object("mine>cube") is third_power
    assert keras.saving.serialize_keras_object(Doubled())["registered_name"] == "mine>Doubled"
    with pytest.raises(OptionError, match="get_config"):
        keras.saving.register_keras_serializable()(type("Bare", (), {}))


def test_names_that_older_files_have_are_known():
    read = keras.saving.deserialize_keras_object
    assert read({"class_name": "layers.Dense", "config": {"units": 3, "activation": "relu"}}).units == 3
    assert (
        read({"class_name": "optimizers.CosineDecay", "config": {"initial_learning_rate": 1.0, "decay_steps": 5}})(0)
        == 1
    )
    assert read({"class_name": "function", "config": "relu"}) is keras.activations.relu


def test_models_with_classes_of_ones_own_are_saved(tmp_path):
    model = Sequential([Input((4,)), Doubled(), layers.Activation(third_power), layers.Dense(2)])
    net = Saved(6)
    own = Made(3)
    for one, known in ((model, None), (net, None), (own, {"Made": Made}), (residual(None), None)):
        one.compile("adam", "mse", metrics=["mae"])
        go_on(one)
        one.save(tmp_path / "model.keras")
        twin = keras.models.load_model(tmp_path / "model.keras", known)
        assert type(twin) is type(one)
        np.testing.assert_array_equal(twin.predict(X, verbose=0), one.predict(X, verbose=0))
        assert go_on(twin) == go_on(one)
        fresh = keras.models.model_from_json(one.to_json(), known)
        assert [weight.shape for weight in fresh.weights] == [weight.shape for weight in one.weights]


def test_a_model_with_a_compile_of_its_own_is_loaded_uncompiled(tmp_path):
    class Own(Net):
        def compile(self, strength, **options):
            super().compile(**options)

    model = Own()
    model.compile(3, optimizer="sgd", loss="mse")
    go_on(model)
    model.save(tmp_path / "model")
    with pytest.warns(UserWarning, match="compile_from_config"):
        twin = keras.models.load_model(tmp_path / "model", {"Own": Own})
    assert not twin.compiled and (twin(X).numpy() == model(X).numpy()).all()


def nested():
    inner = Sequential([Input((4,)), layers.Dense(3, "relu"), layers.Dense(4)])
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(4)
    part = Model([a, b], shared(inner(a)) + shared(inner(b))[:, ::-1] * 2.0 - tg.sqrt(tg.abs(inner(a)) + 1))
    x = Input((4,))
    return Model(x, [layers.Dense(2)(part([x, inner(x)])), part([x, x])])


def test_parts_that_stand_in_several_places_stay_one(tmp_path):
    model = nested()
    model.save(tmp_path / "model")
    ways = [*COPIES.values(), lambda model: keras.models.load_model(tmp_path / "model"), keras.models.clone_model]
    for way in [*ways, lambda model: keras.models.model_from_json(model.to_json())]:
        twin = way(model)
        twin.set_weights(model.get_weights())
        for a, b in zip(twin(X), model(X), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_configs_of_another_kind_are_told_of():
    with pytest.raises(CheckpointError, match="damaged"):
        keras.models.Functional.from_config({"name": "model", "layers": [], "input_layers": ["x", 0, 0]})
    with pytest.raises(CheckpointError, match="Dense"):
        keras.saving.deserialize_keras_object({"class_name": "Dense", "config": [3]})
    values = [b"\xff", slice(1, None, 2), ..., (1, 2.5), np.float32(3), np.arange(3)]
    read = [keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(value)) for value in values]
    assert read[:5] == values[:5] and (read[5] == values[5]).all()


def test_clones_with_functions():
    model = residual()
    clone = keras.models.clone_model(model, clone_function=lambda layer: layer)
    np.testing.assert_array_equal(clone(X).numpy(), model(X).numpy())
    frozen = lambda layer: type(layer).from_config({**layer.get_config(), "trainable": False})  # noqa: E731
    for one in (model, straight()):
        assert keras.models.clone_model(one, clone_function=frozen).trainable_weights == []
        assert len(keras.models.clone_model(one).weights) == len(one.weights)


def test_damaged_weights_of_keras(tmp_path):
    pytest.importorskip("h5py")
    model = straight()
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    content, before = path.read_bytes(), model.get_weights()
    rng = np.random.default_rng(0)
    raised = 0
    for number in range(300):
        broken = bytearray(content)
        if number % 10:
            broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        else:
            del broken[rng.integers(len(broken)) :]
        path.write_bytes(bytes(broken))
        try:
            model.load_weights(path)
        except CheckpointError:
            raised += 1
        for weight, kept in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(weight, kept)
    assert raised > 30


def test_links_in_weight_files_are_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = Sequential([Input((4,)), layers.Dense(2, use_bias=False)])
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
    with pytest.raises(CheckpointError, match="ExternalLink"):
        model.load_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layers.Dense(0), "units=0"),
        (lambda: layers.Dense(2.5), "units=2.5"),
        (lambda: layers.Dense(3, kernel_initializer="nope"), "nope"),
        (lambda: layers.Dense(3, name="a/b"), "a/b"),
        (lambda: layers.Dense(3, trainable="x"), "trainable"),
        (lambda: layers.Conv2D(0, 3), "filters=0"),
        (lambda: layers.Conv2D(3, 3, groups=2), "groups=2"),
        (lambda: layers.Conv2D(3, 3, strides=2, dilation_rate=2), "dilation_rate"),
        (lambda: layers.RepeatVector(0), "n=0"),
        (lambda: layers.Permute((0, 1)), "dims"),
        (lambda: layers.Reshape((-1, -1)), "-1"),
        (lambda: layers.Embedding(0, 3), "input_dim=0"),
        (lambda: layers.Flatten(data_format="nope"), "data_format"),
        (lambda: layers.Dropout(0.5, noise_shape=3), "noise_shape"),
        (lambda: layers.SpatialDropout2D(1.5), "rate=1.5"),
        (lambda: layers.GaussianNoise(-1), "stddev=-1"),
        (lambda: layers.ReLU(max_value=-1), "max_value=-1"),
        (lambda: layers.LeakyReLU(None), "negative_slope=None"),
        (lambda: layers.LayerNormalization(axis="x"), "axis='x'"),
        (lambda: layers.RandomZoom(2), "height_factor=2"),
        (lambda: layers.RandomContrast((0.1, 1.5)), "factor"),
        (lambda: layers.Lambda(3), "3"),
        (lambda: keras.initializers.VarianceScaling(scale=0), "scale=0"),
        (lambda: keras.initializers.RandomNormal(seed=1.5), "seed=1.5"),
        (lambda: keras.regularizers.L2(-1), "l2=-1"),
        (lambda: keras.regularizers.L1(float("nan")), "l1=nan"),
        (lambda: keras.optimizers.SGD(momentum=-1), "momentum=-1"),
        (lambda: keras.optimizers.SGD("x"), "learning_rate|could not"),
        (lambda: keras.optimizers.Adam(clipnorm=0), "clipnorm=0"),
        (lambda: keras.optimizers.Adam(use_ema="yes"), "use_ema"),
    ],
)
def test_impossible_options(make, said):
    with pytest.raises((OptionError, ValueError), match=said):
        make()


def test_inputs_that_a_layer_cannot_take():
    for layer, wrong in (
        (layers.Dense(2), X[0]),
        (layers.RepeatVector(2), X[None]),
        (layers.Permute((2, 1)), X),
        (layers.ZeroPadding2D(2), X),
    ):
        with pytest.raises(ShapeError, match="incompatible with the layer"):
            layer(wrong)
    spec = keras.layers.InputSpec(shape=(None, 4), dtype="float32")

    class Picky(layers.Layer):
        input_spec = [spec, spec]

        def call(self, inputs):
            return inputs[0] + inputs[1]

    assert Picky()([X, X]).shape == X.shape
    for wrong in ([X], [X, X[:, :3]], [X, X.astype("int32")]):
        with pytest.raises(ShapeError):
            Picky()(wrong)


def test_shapes_that_come_out():
    layer = layers.Dense(3)
    assert layer.compute_output_shape((7, 4)) == (7, 3) and layer.compute_output_shape((None, 4)) == (None, 3)
    assert layer.compute_output_spec(Input((4,))).shape == (1, 3) and layer._calls == []
    with pytest.raises(AttributeError, match="called on a symbol"):
        layer.output
    assert not hasattr(layer, "input") and not hasattr(Sequential(), "output")


def test_losses_are_computed_in_the_dtype_that_they_are_given():
    t, p = tg.tensor([[0.0], [1.0]]), tg.tensor([[0.3], [0.8]], requires_grad=True)
    for dtype in ("float16", "float64"):
        loss = keras.losses.MeanSquaredError(dtype=dtype)
        value = loss(t, p, sample_weight=np.array([1.0, 2.0]))
        assert loss.dtype == dtype and str(value.dtype) == dtype and loss.get_config().get("dtype") == dtype
        (slope,) = tg.grad(value, p)
        assert str(slope.dtype) == "float32"
        np.testing.assert_allclose(slope.numpy(), [[0.3], [-0.4]], rtol=1e-3)
    assert str(keras.losses.MeanSquaredError()(t, p).dtype) == "float32"
    with pytest.raises(OptionError, match="none of floats"):
        keras.losses.MeanSquaredError(dtype="int32")


def test_a_weight_is_added_by_place_or_by_name():
    layer = keras.layers.Layer()
    assert layer.add_weight((2, 3), "ones", "float32").shape == layer.add_weight(shape=(2, 3)).shape == (2, 3)
    assert (
        layer.add_weight(3, trainable=False).numpy().any()
        and not layer.add_weight(shape=3, dtype="int32").numpy().any()
    )
    assert not layer.add_variable((), "zeros", trainable=False).requires_grad
    with pytest.raises(OptionError, match="name='scale'"):
        layer.add_weight("scale", shape=(2,))
    with pytest.raises(OptionError, match="shape twice"):
        layer.add_weight((2,), shape=(2,))
    with pytest.raises(OptionError, match="shape, initializer, dtype by place"):
        layer.add_weight((2,), "ones", "float32", True)


class Counting(layers.Layer):
    """It keeps a number beside its weights, and takes care of it in files."""

    seen = 0

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x):
        return x * self.scale

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["seen"] = np.array(self.seen)

    def load_own_variables(self, store):
        self.seen = int(store["seen"])
        self.scale.assign(store["0"])


@pytest.mark.parametrize("name", ["a.keras", "a.weights", "a.weights.h5"])
def test_layers_that_take_care_of_their_variables(name, tmp_path):
    if name.endswith("h5"):
        pytest.importorskip("h5py")
    first, second = (Sequential([Input((4,)), Sequential([Counting()]), layers.Dense(1)]) for _ in range(2))
    first.layers[0].layers[0].seen = 5
    if name == "a.keras":
        first.save(tmp_path / name)
        second = keras.models.load_model(tmp_path / name, custom_objects={"Counting": Counting})
    else:
        first.save_weights(tmp_path / name)
        second.load_weights(tmp_path / name)
    assert second.layers[0].layers[0].seen == 5
    np.testing.assert_array_equal(second(X).numpy(), first(X).numpy())


def test_modules_of_nn_in_a_layer_are_in_files_of_weights(tmp_path):
    pytest.importorskip("h5py")

    class Mixed(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inside = [nn.Linear(4, 2), nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))]

        def build(self, shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            return self.inside[1](self.inside[0](x)) * self.scale

    first, second = (Sequential([Input((4,)), Mixed()]) for _ in range(2))
    first.layers[0].scale.assign(2.0)
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(second(X).numpy(), first(X).numpy())


@pytest.mark.parametrize("option", ["steps_per_epoch", "validation_steps", "validation_freq"])
def test_counts_of_fit_are_one_or_more(option):
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(OptionError, match="must be an integer of 1 or more"):
        model.fit(X, X[:, :1], validation_data=(X, X[:, :1]), verbose=0, **{option: 0})
