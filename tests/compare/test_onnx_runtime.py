"""Every operation, exported at one size and run by ONNX Runtime at others; and models of Keras."""

import nn_operations
import numpy as np
import operations
import pytest
from onnx_runs import NOT_IN_ONNX, here, narrow, same, session

import tinygrad_ml as tg
from tinygrad_ml.errors import OptionError

NOT_AT_ALL_SIZES = (
    "prod", "prod over axis 0, kept", "cumulative_prod along 0", "recurrence along 0", "cumulative_logsumexp along 0", "roll, flattened", "fft",
    "pdist 1.0", "pdist 2.0", "pdist 3.0", "all of svd", "qr",
    "embedding_bag mean, padding", "embedding_bag sum, padding", "embedding_bag max, padding",
)  # fmt: skip
"""What does something else at other sizes: a tree of products has as many levels, a Fourier transform another matrix, and the
row of padding is counted modulo the number of rows."""


def resized(x, before, now):
    """The first axis in another size, if it has the size of the others' first axes."""
    return np.concatenate([x] * (now // before + 1))[:now] if x.ndim and x.shape[0] == before else x


def works(function, arrays):
    try:
        here(function, arrays)
    except (tg.errors.TinygradError, IndexError, ValueError):
        return False
    return True


@pytest.mark.parametrize("table", [operations.TABLE, nn_operations.TABLE], ids=["functions", "nn"])
@pytest.mark.filterwarnings("ignore")
def test_each_operation_at_other_sizes(table, tmp_path):
    wrong, right = [], 0
    for row in table:
        arrays = [narrow(x) for x in row.inputs]
        if not arrays or not arrays[0].ndim:
            continue
        n = arrays[0].shape[0]
        sizes = [size for size in (1, 7, 20) if works(row.function, [resized(x, n, size) for x in arrays])]
        if len(sizes) < 2:
            continue  # its numbers are for one size
        axes = [{0: "n"} if x.ndim and x.shape[0] == n else {} for x in arrays]
        try:
            graph = tg.onnx.export(
                row.function, [(x.shape, x.dtype) for x in arrays], tmp_path / "x.onnx", dynamic=axes
            )
        except OptionError as error:
            if not row.name.startswith(NOT_AT_ALL_SIZES) and not any(name in str(error) for name in NOT_IN_ONNX):
                wrong.append((row.name, str(error)))
            continue
        ready = session(tmp_path / "x.onnx")
        for size in sizes:
            now = [resized(x, n, size) for x in arrays]
            found = ready.run(None, {p.name: x for p, x in zip(graph.inputs, now, strict=True)})
            if not all(same(a, b, 2e-5) for a, b in zip(found, here(row.function, now), strict=True)):
                wrong.append((row.name, size))
        right += 1
    assert not wrong
    assert right > 150


L = tg.keras.layers


def image_network():
    inputs = tg.keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = L.AveragePooling2D(2, 1, padding="same")(L.MaxPooling2D()(L.BatchNormalization()(x)))
    x = L.DepthwiseConv2D(3)(x)
    return tg.keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x)))


def attention_network():
    inputs = tg.keras.Input((6, 8))
    return tg.keras.Model(inputs, L.LayerNormalization()(inputs + L.MultiHeadAttention(2, 4)(inputs, inputs)))


MODELS = {
    "dense": lambda: tg.keras.Sequential([tg.keras.Input((8,)), L.Dense(5, "relu"), L.Dropout(0.5), L.Dense(3, "softmax")]),
    "images": image_network,
    "words": lambda: tg.keras.Sequential([tg.keras.Input((6,), dtype="int64"), L.Embedding(7, 4), L.LSTM(5), L.Dense(2)]),
    "sequences": lambda: tg.keras.Sequential([tg.keras.Input((None, 4)), L.Bidirectional(L.GRU(5, return_sequences=True))]),
    "attention": attention_network,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models_of_keras(name, tmp_path):
    model = MODELS[name]()
    model.export(tmp_path / "x.onnx", format="onnx")
    ready = session(tmp_path / "x.onnx")
    (port,) = ready.get_inputs()
    assert port.shape[0] == "batch"
    for n in (1, 7, 100):
        shape = (n, *[5 if isinstance(size, str) else size for size in port.shape[1:]])
        x = np.random.default_rng(n).random(shape, np.float32) if "float" in port.type else np.ones(shape, np.int64)
        (found,) = ready.run(None, {port.name: x})
        assert same(found, np.asarray(model.predict(x, verbose=0)))


def test_what_is_given_to_a_keras_model_may_have_to_be_said(tmp_path):
    class Net(tg.keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = L.Dense(3)

        def call(self, x):
            return self.layer(x)

    model = Net()
    with pytest.raises(OptionError, match="input_signature"):
        model.export(tmp_path / "x.onnx", format="onnx")
    model.export(tmp_path / "x.onnx", format="onnx", input_signature=[tg.keras.InputSpec(shape=(None, 4))])
    model.export(tmp_path / "y.onnx", format="onnx", opset_version=20)  # it knows by now
    x = np.ones((5, 4), np.float32)
    for path in tmp_path.iterdir():
        (port,) = session(path).get_inputs()
        assert same(session(path).run(None, {port.name: x})[0], np.asarray(model.predict(x, verbose=0)))


def test_two_inputs_of_a_keras_model_keep_their_names(tmp_path):
    a, b = tg.keras.Input((4,), name="left"), tg.keras.Input((4,), name="right")
    model = tg.keras.Model([a, b], L.Concatenate()([a, L.Dense(2)(b)]))
    model.export(tmp_path / "x.onnx", format="onnx")
    x, y = np.ones((5, 4), np.float32), np.zeros((5, 4), np.float32)
    (found,) = session(tmp_path / "x.onnx").run(None, {"left": x, "right": y})
    assert same(found, np.asarray(model.predict([x, y], verbose=0)))
