"""`.keras` files and configs of models: Keras's form, what is refused, and that older files of this library stay readable."""

import io as bytes_io
import json
import zipfile

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import io, keras
from tinygrad_ml.errors import CheckpointError
from tinygrad_ml.keras import Input, Model, Sequential, layers
from tinygrad_ml.keras.models import hdf5

needs_h5py = pytest.mark.skipif(not hdf5.available(), reason="needs h5py")
X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def branches():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(3, "relu", name="shared")
    h = shared(a) * 2.0 - shared(b)[:, ::-1]
    h = layers.BatchNormalization(name="norm")(layers.Concatenate(name="join")([h, tg.exp(-abs(a))]), training=False)
    return Model(
        {"a": a, "b": b}, [layers.Dense(1, name="one")(h), layers.Dense(2, name="two")(h.sum(1, keepdims=True))]
    )


def trained(model, x, y):
    model.compile(keras.optimizers.Adam(0.1), "mse", metrics=None if isinstance(y, list) else ["mae"])
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model


CASES = {
    "functional": lambda: (branches(), {"a": X, "b": X[::-1].copy()}, [X[:, :1], X[:, :2]]),
    "sequential": lambda: (Sequential([Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)]), X, X[:, :1]),
    "built late": lambda: (Sequential([layers.Dense(3, "tanh"), layers.Dropout(0.0), layers.Dense(1)]), X, X[:, :1]),
}


def outputs(model, x):
    found = model.predict(x, verbose=0)
    return np.concatenate([one.ravel() for one in (found if isinstance(found, list) else [found])])


@needs_h5py
@pytest.mark.parametrize("case", CASES)
def test_a_file_is_keras_and_training_goes_on(case, tmp_path):
    model, x, y = CASES[case]()
    trained(model, x, y).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        assert {"keras_version", "date_saved"} <= json.loads(archive.read("metadata.json")).keys()
        assert json.loads(archive.read("config.json"))["compile_config"]["optimizer"]["module"] == "keras.optimizers"
    twin = keras.models.load_model(tmp_path / "model.keras")
    assert twin.optimizer.iterations == 2
    for _ in range(2):
        np.testing.assert_allclose(outputs(twin, x), outputs(model, x), 1e-4, 1e-6)
        for one in (model, twin):
            one.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    assert not keras.models.load_model(tmp_path / "model.keras", compile=False).compiled
    model.save(tmp_path / "bare.keras", include_optimizer=False)
    assert not keras.models.load_model(tmp_path / "bare.keras").compiled


def test_the_config_of_a_graph_is_that_of_keras():
    config = branches().get_config()
    entries = {entry["name"]: entry for entry in config["layers"]}
    assert config["input_layers"] == {"a": ["a", 0, 0], "b": ["b", 0, 0]}
    assert config["output_layers"] == [["one", 0, 0], ["two", 0, 0]]
    of_a = {"shape": [None, 4], "dtype": "float32", "keras_history": ["a", 0, 0]}
    first, second = entries["shared"]["inbound_nodes"]
    assert first == {"args": [{"class_name": "__keras_tensor__", "config": of_a}], "kwargs": {}}
    assert second["args"][0]["config"]["keras_history"] == ["b", 0, 0]
    assert entries["multiply"]["module"] == "keras.src.ops.numpy" and entries["multiply"]["class_name"] == "Multiply"
    assert entries["multiply"]["inbound_nodes"][0]["args"][1] == 2.0
    assert entries["sum"]["config"] == {"name": "sum", "axis": (1,), "keepdims": True}
    assert entries["norm"]["inbound_nodes"][0]["kwargs"] == {"training": False}
    assert [entry["class_name"] for entry in config["layers"]].count("GetItem") == 1


def placed(layer, *rest):
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 4], "keras_history": [layer, *(rest or (0, 0))]},
    }


def entry(class_name, name, *calls, module="keras.layers", **config):
    nodes = [{"args": list(args), "kwargs": {}} for args in calls]
    config = {"name": name, **config}
    return {"module": module, "class_name": class_name, "config": config, "name": name, "inbound_nodes": nodes}


def graph(*entries, inputs=("x", 0, 0), outputs=("y", 0, 0)):
    start = entry("InputLayer", "x", batch_shape=[None, 4], dtype="float32")
    config = {"name": "m", "trainable": True, "layers": [start, *entries]}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config | {"input_layers": list(inputs), "output_layers": list(outputs)},
        "registered_name": "Functional",
    }


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


OPERATIONS = [
    ("numpy", "Add", {}, [placed("x"), 1.5], lambda x: x + 1.5),
    ("numpy", "Subtract", {}, [1, placed("x")], lambda x: 1 - x),
    ("numpy", "TrueDivide", {}, [placed("x"), 4], lambda x: x / 4),
    ("numpy", "Power", {}, [placed("x"), 2], lambda x: x**2),
    ("numpy", "Absolute", {}, [placed("x")], abs),
    ("numpy", "Mean", {"axis": -1, "keepdims": True}, [placed("x")], lambda x: x.mean(-1, keepdims=True)),
    ("numpy", "Max", {"axis": 1, "keepdims": False, "initial": None}, [placed("x")], lambda x: x.max(axis=1)),
    ("numpy", "Argmax", {"axis": -1, "keepdims": False}, [placed("x")], lambda x: x.argmax(-1)),
    ("numpy", "Reshape", {"newshape": [-1, 2, 2]}, [placed("x")], lambda x: x.reshape(-1, 2, 2)),
    ("numpy", "ExpandDims", {"axis": 1}, [placed("x")], lambda x: x[:, None]),
    ("numpy", "Transpose", {"axes": [0, 1]}, [placed("x")], lambda x: x),
    ("numpy", "Clip", {"x_min": -0.5, "x_max": 0.5}, [placed("x")], lambda x: x.clip(-0.5, 0.5)),
    ("numpy", "Concatenate", {"axis": -1}, [[placed("x"), placed("x")]], lambda x: np.concatenate([x, x], -1)),
    ("numpy", "Stack", {"axis": 1}, [[placed("x"), placed("x")]], lambda x: np.stack([x, x], 1)),
    ("numpy", "Einsum", {"subscripts": "bi,bj->bij"}, [placed("x"), placed("x")], lambda x: x[:, :, None] * x[:, None]),
    ("nn", "Softmax", {"axis": -1}, [placed("x")], softmax),
    ("nn", "Relu", {}, [placed("x")], lambda x: np.maximum(x, 0)),
    ("core", "Cast", {"dtype": "int32"}, [placed("x")], lambda x: x.astype("int32")),
]


@pytest.mark.parametrize(("room", "name", "config", "args", "expected"), OPERATIONS, ids=[one[1] for one in OPERATIONS])
def test_operations_that_keras_writes_between_layers(room, name, config, args, expected):
    written = graph(entry(name, "y", args, module=f"keras.src.ops.{room}", **config))
    model = keras.models.model_from_json(json.dumps(written))
    again = keras.models.model_from_json(model.to_json())
    for one in (model, again, keras.models.clone_model(model)):
        np.testing.assert_allclose(one.predict(X, verbose=0), expected(X), 1e-5, 1e-6)
        assert [layer.name for layer in one.layers] == ["x"]


def test_calls_may_be_written_in_any_order_and_as_keras_2_did():
    late = entry("Add", "y", [[placed("a"), placed("b")]])
    dense = {"kernel_initializer": "ones", "units": 4}
    written = graph(late, entry("Dense", "b", [placed("a")], **dense), entry("Dense", "a", [placed("x")], **dense))
    model = keras.models.model_from_json(json.dumps(written))
    total = X.sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict(X, verbose=0), np.repeat(5 * total, 4, 1), 1e-5, 1e-5)
    for one in written["config"]["layers"]:
        one["inbound_nodes"] = []
    layers_ = {one["name"]: one for one in written["config"]["layers"]}
    layers_["a"]["inbound_nodes"], layers_["b"]["inbound_nodes"] = [[["x", 0, 0, {}]]], [[["a", 0, 0, {}]]]
    layers_["y"]["inbound_nodes"] = [[["a", 0, 0, {}], ["b", 0, 0, {}]]]
    written["config"]["input_layers"], written["config"]["output_layers"] = [["x", 0, 0]], [["y", 0, 0]]
    model = keras.models.model_from_json(json.dumps(written))
    np.testing.assert_allclose(outputs(model, X), np.repeat(5 * total, 4, 1).ravel(), 1e-5, 1e-5)


BROKEN = {
    "a circle": graph(entry("Dense", "a", [placed("y")], units=4), entry("Dense", "y", [placed("a")], units=4)),
    "nowhere": graph(entry("Dense", "y", [placed("z")], units=4)),
    "no such output": graph(entry("Dense", "y", [placed("x", 0, 3)], units=4)),
    "no end": graph(entry("Dense", "z", [placed("x")], units=4)),
    "no operation": graph(entry("Exec", "y", [placed("x")], module="keras.src.ops.numpy")),
    "code": graph(
        entry("Lambda", "y", [placed("x")], function={"class_name": "__lambda__", "config": {"code": "4wEA"}})
    ),
    "a module": graph(entry("system", "y", [placed("x")], module="os")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_configs_that_make_no_sense_are_refused(case):
    with pytest.raises(CheckpointError):
        keras.models.model_from_json(json.dumps(BROKEN[case]))


def test_json_that_is_none():
    for text in ("{", "[]", '{"a": 1}', "[" * 100_000):
        with pytest.raises(CheckpointError):
            keras.models.model_from_json(text)


def zipped(**parts):
    content = bytes_io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/").replace("_json", ".json").replace("_h5", ".weights.h5"), part)
    return content.getvalue()


@needs_h5py
def test_archives_that_are_no_models_are_refused(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(2)])
    path = tmp_path / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
    path.write_bytes(zipped(config_json=config, model_h5=weights, metadata_json="{}"))
    np.testing.assert_array_equal(keras.models.load_model(path).predict(X, verbose=0), model.predict(X, verbose=0))
    refused = {
        "each once": [zipped(config_json=config), zipped(config_json=config, model_h5=weights, **{"..__evil": b""})],
        "would be of": [zipped(config_json=config, model_h5=bytes(100_000_000))],
        "no JSON": [zipped(config_json="{", model_h5=weights)],
        "damaged": [path.read_bytes()[:200], zipped(config_json=config, model_h5=b"\x89HDF and so on")],
        "vocabulary": [zipped(config_json=config, model_h5=weights, assets__layers__words="a b c")],
        "does not fit": [zipped(config_json=config.replace(b'"units": 2', b'"units": 3'), model_h5=weights)],
    }
    for complaint, contents in refused.items():
        for content in contents:
            path.write_bytes(content)
            with pytest.raises(CheckpointError, match=complaint):
                keras.models.load_model(path)
    flipped = bytearray(zipped(config_json=config, model_h5=weights))
    flipped[len(flipped) // 2] ^= 4
    path.write_bytes(flipped)
    with pytest.raises(CheckpointError):
        keras.models.load_model(path)


@needs_h5py
def test_numbers_that_are_in_other_files_are_not_read(tmp_path):
    import h5py

    secret = tmp_path / "secret"
    secret.write_bytes(bytes(64))
    for kind in ("external", "virtual"):
        content = bytes_io.BytesIO()
        with h5py.File(content, "w") as file:
            file["layers/dense/vars/1"] = np.zeros(2, "float32")
            if kind == "external":
                file.create_dataset("layers/dense/vars/0", (4, 2), "float32", external=[(str(secret), 0, 32)])
            else:
                layout = h5py.VirtualLayout((4, 2), "float32")
                layout[:] = h5py.VirtualSource(str(secret), "x", (4, 2))
                file.create_virtual_dataset("layers/dense/vars/0", layout)
        model = Sequential([Input((4,)), layers.Dense(2)])
        (tmp_path / "a.keras").write_bytes(zipped(config_json=model.to_json(), model_h5=content.getvalue()))
        with pytest.raises(CheckpointError, match="another file"):
            keras.models.load_model(tmp_path / "a.keras")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.keras"
    model = Sequential([Input((4,)), layers.Dense(2)])
    model.save(path)
    before = path.read_bytes()
    model.add(layers.Lambda(lambda x: x))
    with pytest.raises(CheckpointError, match="lambda"):
        model.save(path)
    assert path.read_bytes() == before and [one.name for one in tmp_path.iterdir()] == ["model.keras"]
    assert len(keras.models.load_model(path).layers) == 1


def test_without_h5py_a_file_is_in_the_format_of_this_library(tmp_path, monkeypatch):
    model = trained(*CASES["functional"]())
    x = {"a": X, "b": X}
    monkeypatch.setattr(hdf5, "available", lambda: False)
    model.save(tmp_path / "model.keras")
    assert not zipfile.is_zipfile(tmp_path / "model.keras")
    monkeypatch.undo()
    np.testing.assert_array_equal(outputs(keras.models.load_model(tmp_path / "model.keras"), x), outputs(model, x))


def test_what_cannot_be_written_of_compile_is_left_out_of_json():
    model = Sequential([Input((4,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    assert keras.models.model_from_json(model.to_json()).compiled
    model.compile("sgd", lambda y_true, y_pred: (y_true - y_pred).abs())
    assert not keras.models.model_from_json(model.to_json()).compiled


def test_a_file_of_version_1(tmp_path):
    """Its weights stand in the order of the calls, its symbols by numbers of calls."""

    def old(class_name, name, **config):
        return {"module": "keras.layers", "class_name": class_name, "config": {"name": name, **config}}

    calls = [
        {"layer": 0, "inputs": [], "options": {}},
        {"layer": 1, "inputs": [], "options": {}},
        {"layer": 2, "inputs": [{"symbol": [1, 0]}], "options": {}},
        {"layer": 3, "inputs": [{"symbol": [0, 0]}], "options": {}},
        {
            "layer": 4,
            "inputs": [
                {"operation": "mul", "inputs": [{"symbol": [3, 0]}, {"symbol": [3, 0]}], "parameters": {}},
            ],
            "options": {},
        },
    ]
    dense = {"units": 4, "use_bias": False}
    config = {
        "name": "old",
        "trainable": True,
        "layers": [
            old("InputLayer", "a", batch_shape=[None, 4]),
            old("InputLayer", "b", batch_shape=[None, 4]),
            old("Dense", "early", **dense),
            old("Dense", "middle", **dense),
            old("Dense", "last", **dense),
        ],
        "calls": calls,
        "inputs": [{"symbol": [0, 0]}, {"symbol": [1, 0]}],
        "outputs": [{"symbol": [4, 0]}, {"symbol": [2, 0]}],
    }
    early, middle, last = (np.random.default_rng(i).normal(size=(4, 4)).astype("float32") for i in range(3))
    weights = {str(i): tg.tensor(value) for i, value in enumerate([early, middle, last])}
    description = {"module": "keras", "class_name": "Functional", "config": config, "registered_name": None}
    compiled = {"optimizer": "sgd", "loss": "mse", "metrics": None}
    state = {"format": "tinygrad_ml.keras", "model": description, "weights": weights, "compile": compiled}
    io.save(tmp_path / "old.keras", state)
    model = keras.models.load_model(tmp_path / "old.keras")
    found = model.predict([X, X[::-1].copy()], verbose=0)
    np.testing.assert_allclose(found[0], (X @ middle) ** 2 @ last, 1e-4, 1e-4)
    np.testing.assert_allclose(found[1], X[::-1] @ early, 1e-4, 1e-4)
    assert model.compiled
    model.save(tmp_path / "new.keras")
    again = keras.models.load_model(tmp_path / "new.keras")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # The first prediction is computed as it is recorded, a later one by the compiled step: they may differ in the last digit.
    np.testing.assert_allclose(outputs(again, [X, X]), outputs(model, [X, X]), 1e-5, 1e-5)


def test_layers_stand_farthest_from_the_outputs_first():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    late = layers.Dense(4, name="late")(b)
    h = layers.Dense(4, name="second")(layers.Dense(4, name="first")(a))
    model = Model([a, b], layers.Add(name="both")([h, late]))
    assert [layer.name for layer in model.layers] == ["a", "first", "b", "second", "late", "both"]
    unused = Input((4,), name="unused")
    model = Model([a, unused], layers.Dense(1, name="end")(a))
    assert [layer.name for layer in model.layers] == ["a", "unused", "end"]


def hdf5_model(path, config, weights, **attributes):
    """A whole model as Keras 2 writes it."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            inside = group.create_group(name)
            inside.attrs["weight_names"] = [f"{name}/w_{i}:0".encode() for i in range(len(arrays))]
            for i, array in enumerate(arrays):
                inside.create_dataset(f"{name}/w_{i}:0", data=array)


@needs_h5py
def test_models_of_keras_2_in_hdf5_are_read(tmp_path):
    path = tmp_path / "model.h5"
    kernel, bias = np.arange(8, dtype="float32").reshape(4, 2), np.ones(2, "float32")
    inputs = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"}}
    ones = {"class_name": "Ones", "config": {}}
    dense = {
        "name": "d",
        "trainable": True,
        "dtype": "float32",
        "units": 2,
        "activation": "relu",
        "bias_initializer": ones,
    }
    layer = {"class_name": "Dense", "config": dense}
    sequential = {"class_name": "Sequential", "config": {"name": "old", "layers": [inputs, layer]}}
    graph_ = {
        "class_name": "Functional",
        "config": {
            "name": "old",
            "layers": [
                {**inputs, "name": "x", "inbound_nodes": []},
                {**layer, "name": "d", "inbound_nodes": [[["x", 0, 0, {}]]]},
            ],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["d", 0, 0]],
        },
    }
    sgd = {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.5, "momentum": 0.0, "nesterov": False}}
    training = {
        "loss": "mse",
        "metrics": ["mae"],
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": sgd,
    }
    for config in (sequential, graph_):
        hdf5_model(path, config, {"x": [], "d": [kernel, bias]}, training_config=training)
        with pytest.warns(DeprecationWarning, match="batch_input_shape"):
            model = keras.models.load_model(path)
        np.testing.assert_allclose(outputs(model, X), np.maximum(X @ kernel + bias, 0).ravel(), 1e-5, 1e-5)
        assert model.compiled and float(model.optimizer.learning_rate) == 0.5
    inputs["config"] = {"batch_shape": [None, 4], "name": "x"}
    hdf5_model(path, sequential, {"d": [kernel.T, bias]})
    with pytest.raises(CheckpointError, match="shapes"):
        keras.models.load_model(path)
    hdf5_model(path, sequential, {})
    with pytest.raises(CheckpointError, match="0 layers"):
        keras.models.load_model(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(CheckpointError, match="damaged"):
        keras.models.load_model(path)
    Sequential([Input((4,)), layers.Dense(2)]).save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(CheckpointError, match="no whole model"):
        keras.models.load_model(tmp_path / "w.weights.h5")
