"""`.keras` files: what is saved here is loaded by Keras, and the other way round; predictions and a further step agree."""

import json

import numpy as np
import pytest
from keras_twins import ours, quiet, theirs

pytestmark = quiet


@pytest.fixture(autouse=True)
def the_same_first_weights():
    """A gradient that happens to be nearly 0 is rounding, which Adam enlarges: no run is to meet one that others do not."""
    for library in (ours, theirs):
        library.utils.set_random_seed(3)


pytest.importorskip("h5py")

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


X = numbers(6, 4)
IMAGES = numbers(6, 8, 8, 3)
STEPS = numbers(6, 5, 4)
WORDS = RNG.integers(0, 9, (6, 5)).astype("int64")


def dense(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, "relu"), k.layers.BatchNormalization(), k.layers.Dense(1)])


def late(k):
    return k.Sequential([k.layers.Dense(3, "tanh", kernel_regularizer="l2"), k.layers.Dropout(0.0), k.layers.Dense(2)])


def images(k):
    parts = [k.layers.Rescaling(0.5), k.layers.Conv2D(4, 3, padding="same"), k.layers.MaxPooling2D()]
    parts += [k.layers.LayerNormalization(), k.layers.LeakyReLU(), k.layers.GlobalAveragePooling2D()]
    return k.Sequential([k.Input((8, 8, 3)), *parts, k.layers.Dense(2, "softmax")])


def words(k):
    rnn = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True))
    return k.Sequential(
        [k.Input((None,), dtype="int64"), k.layers.Embedding(9, 4, mask_zero=True), rnn, k.layers.GRU(2)]
    )


def branches(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(4, "relu")
    h = shared(a) + 2.0 * shared(b) - 1
    h = k.layers.Concatenate()([h, a / 3.0, -(b**2)])
    return k.Model(
        [a, b], {"value": k.layers.Dense(1, name="value")(h), "kind": k.layers.Dense(2, name="kind")(h[:, ::2])}
    )


def nested(k):
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(4, "tanh")], name="inner")
    a = k.Input((4,), name="first")
    part = k.Model(a, [inner(a), k.layers.Add()([inner(inner(a)), a])], name="part")
    x = k.Input((4,))
    one, two = part(x)
    return k.Model(x, k.layers.Average()([one, two, part(two)[0]]))


def attention(k):
    x = k.Input((5, 4))
    h = k.layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
    return k.Model(x, k.layers.TimeDistributed(k.layers.Dense(2))(k.layers.LayerNormalization()(x + h)))


def own(k):
    @k.saving.register_keras_serializable("mine")
    class Net(k.Model):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units
            self.first = k.layers.Dense(units, "relu")
            self.rest = [k.layers.Dense(units), k.layers.Dense(1)]

        def call(self, x):
            x = self.first(x)
            for layer in self.rest:
                x = layer(x)
            return x

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Net(3)


MODELS = {
    "dense": (dense, X),
    "late": (late, X),
    "images": (images, IMAGES),
    "words": (words, WORDS),
    "branches": (branches, [X, X[::-1].copy()]),
    "nested": (nested, X),
    "attention": (attention, STEPS),
    "own": (own, X),
}


def flat(outputs):
    if isinstance(outputs, dict):
        outputs = [outputs[name] for name in sorted(outputs)]
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return np.concatenate([np.asarray(one).ravel() for one in outputs])


def targets(model, x):
    outputs = model.predict(x, verbose=0)
    return {name: np.ones_like(one) for name, one in outputs.items()} if isinstance(outputs, dict) else 0 * outputs + 1


@pytest.mark.parametrize("direction", ["read by Keras", "read from Keras"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_and_its_training_go_on_in_the_other_library(name, direction, tmp_path):
    make, x = MODELS[name]
    writer, reader = (ours, theirs) if direction == "read by Keras" else (theirs, ours)
    make(reader)  # so that it knows classes of one's own
    model = make(writer)
    y = targets(model, x)
    metrics = None if isinstance(y, dict) else ["mae", writer.metrics.MeanSquaredError(name="off")]
    model.compile(writer.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics=metrics)
    model.fit(x, y, epochs=2, batch_size=6, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    twin = reader.models.load_model(tmp_path / "model.keras")
    assert twin.name == model.name and len(twin.layers) == len(model.layers)
    assert int(twin.optimizer.iterations) == 2 and twin.optimizer.clipnorm == 1.0
    for _ in range(2):
        np.testing.assert_allclose(flat(twin.predict(x, verbose=0)), flat(model.predict(x, verbose=0)), 1e-4, 1e-5)
        losses = [one.fit(x, y, batch_size=6, shuffle=False, verbose=0).history for one in (model, twin)]
        assert losses[0].keys() == losses[1].keys()
        for what, values in losses[0].items():
            np.testing.assert_allclose(losses[1][what], values, 1e-4, err_msg=what)


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.1}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=[f"{name}{len(how)}" for name, how in OPTIMIZERS])
def test_optimizers_go_on_where_they_were(name, options, tmp_path):
    y = np.ones((6, 1), "float32")
    for writer, reader in ((ours, theirs), (theirs, ours)):
        model = dense(writer)
        model.compile(getattr(writer.optimizers, name)(**options), "mse")
        model.fit(X, y, epochs=3, batch_size=6, shuffle=False, verbose=0)
        model.save(tmp_path / "model.keras")
        twin = reader.models.load_model(tmp_path / "model.keras")
        for one in (model, twin):
            one.fit(X, y, epochs=2, batch_size=6, shuffle=False, verbose=0)
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, 1e-4, 1e-6)


def test_a_learning_rate_that_changes_goes_on(tmp_path):
    for writer, reader in ((ours, theirs), (theirs, ours)):
        model = dense(writer)
        model.compile(writer.optimizers.SGD(writer.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)), "mse")
        model.fit(X, X[:, :1], epochs=3, batch_size=6, verbose=0)
        model.save(tmp_path / "model.keras")
        rate = reader.models.load_model(tmp_path / "model.keras").optimizer.learning_rate
        np.testing.assert_allclose(float(rate), 0.1 * 0.5**3, 1e-5)


def between(k):
    """Operations of Keras between layers; here their equals."""
    x = k.Input((5, 4))
    if k is theirs:
        h = k.ops.softmax(x, axis=-1) + k.ops.mean(x, axis=1, keepdims=True) * k.ops.exp(-k.ops.abs(x))
        h = k.ops.concatenate([h, k.ops.clip(x, -0.5, 0.5), k.ops.where(x > 0, x, 0.1)], axis=-1)
        h = k.ops.reshape(k.ops.transpose(h, (0, 2, 1)), (-1, 60))
        return k.Model(x, k.layers.Dense(2)(k.ops.expand_dims(h, 1)))
    fn = __import__("tinygrad_ml").functional
    h = fn.concat([fn.exp(-abs(x)), fn.maximum(x, 0.1), fn.sqrt(fn.square(x) + 1)], -1)
    h = h / h.sum(1, keepdims=True) - h.max(axis=-1, keepdims=True) + fn.where(h > 0.5, h, 0.2)
    return k.Model(x, k.layers.Dense(2)(fn.permute_dims(h, (0, 2, 1))[:, 1:]))


def test_operations_between_layers(tmp_path):
    model = between(theirs)
    model.save(tmp_path / "model.keras")
    twin = ours.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(twin.predict(STEPS, verbose=0), model.predict(STEPS, verbose=0), 1e-4, 1e-5)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    twin.save(tmp_path / "again.keras")
    again = theirs.models.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(again.predict(STEPS, verbose=0), model.predict(STEPS, verbose=0), 1e-4, 1e-5)
    model = between(ours)
    model.save(tmp_path / "ours.keras")
    twin = theirs.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(twin.predict(STEPS, verbose=0), model.predict(STEPS, verbose=0), 1e-4, 1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("late", "own")])
def test_json_is_read_by_both(name):
    make, x = MODELS[name]
    for writer, reader in ((ours, theirs), (theirs, ours)):
        model = make(writer)
        model.compile("sgd", "mse")
        twin = reader.models.model_from_json(model.to_json())
        twin.set_weights(model.get_weights())
        np.testing.assert_allclose(flat(twin.predict(x, verbose=0)), flat(model.predict(x, verbose=0)), 1e-4, 1e-5)


def test_code_in_a_file_of_keras_is_not_run(tmp_path):
    model = theirs.Sequential([theirs.Input((4,)), theirs.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="code of Python"):
        ours.models.load_model(tmp_path / "model.keras", safe_mode=False)


def shape_of(config):
    """The parts of a config, without numbers of objects and what says nothing."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return config["config"]["name"]
        skipped = {"shared_object_id", "compile_config", "build_config", "quantization_config"}
        return {key: shape_of(value) for key, value in config.items() if key not in skipped}
    return [shape_of(part) for part in config] if isinstance(config, list) else config


def test_configs_of_models_are_keras(tmp_path):
    found = []
    for k in (ours, theirs):
        k.utils.clear_session()
        found.append(json.loads(branches(k).to_json()))
    a, b = (shape_of(one) for one in found)
    assert a["config"].keys() == b["config"].keys() and a["config"]["output_layers"] == b["config"]["output_layers"]
    layers = [{layer["name"]: layer for layer in one["config"]["layers"]} for one in (a, b)]
    for name in ("a", "b", "dense", "concatenate", "value", "kind"):
        assert layers[0][name]["inbound_nodes"] == layers[1][name]["inbound_nodes"], name
    assert a["module"] == b["module"] and a["registered_name"] in (None, "Functional")


def tangled(k, seed):
    """Layers that are called on outputs of any layers before them."""
    draw = np.random.default_rng(seed)
    symbols = [k.Input((3,), name=f"in{i}") for i in range(3)]
    inputs = list(symbols)
    made = []
    for _ in range(8):
        if made and draw.random() < 0.2:
            layer = made[draw.integers(len(made))]
            symbols.append(layer(symbols[draw.integers(len(symbols))]))
        elif draw.random() < 0.5:
            made.append(k.layers.Dense(3))
            symbols.append(made[-1](symbols[draw.integers(len(symbols))]))
        else:
            pair = [symbols[i] for i in draw.choice(len(symbols), 2, replace=False)]
            symbols.append(k.layers.Add()(pair) if draw.random() < 0.5 else pair[0] - pair[1] * 2.0)
    ends = draw.choice(len(symbols) - 3, 3, replace=False) + 3
    return k.Model(
        inputs, {f"out{9 - i}": k.layers.Dense(1, name=f"out{9 - i}")(symbols[e]) for i, e in enumerate(ends)}
    )


@pytest.mark.parametrize("seed", range(12))
def test_layers_stand_in_the_order_of_keras(seed):
    names = []
    for k in (ours, theirs):
        k.utils.clear_session()
        names.append([layer.name for layer in tangled(k, seed).layers])
    assert names[0] == names[1]


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("late", "own")])
def test_models_in_hdf5_are_read(name, tmp_path):
    make, x = MODELS[name]
    model = make(theirs)
    y = targets(model, x)
    model.compile(theirs.optimizers.Adam(0.01), "mse", metrics=None if isinstance(y, dict) else ["mae"])
    model.fit(x, y, epochs=2, batch_size=6, shuffle=False, verbose=0)
    model.save(tmp_path / "model.h5")
    twin = ours.models.load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(flat(twin.predict(x, verbose=0)), flat(model.predict(x, verbose=0)), 1e-4, 1e-5)
    for one in (model, twin):
        one.fit(x, y, epochs=2, batch_size=6, shuffle=False, verbose=0)
    np.testing.assert_allclose(flat(twin.predict(x, verbose=0)), flat(model.predict(x, verbose=0)), 1e-3, 1e-4)
    assert not ours.models.load_model(tmp_path / "model.h5", compile=False).compiled
