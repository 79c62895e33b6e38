"""Callbacks that tell others of a training: files for TensorBoard, a server; and averages that stand in for weights."""

import http.server
import json
import struct
import threading
from urllib.parse import parse_qs

import numpy as np
import pytest

from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError
from tinygrad_ml.keras import callbacks
from tinygrad_ml.keras.callbacks.event_file import crc32c

X = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def model(**options):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1, name="only")])
    made.compile(loss="mse", metrics=["mae"], **{"optimizer": "sgd", **options})
    return made


def fit(made, *told, epochs=2):
    return made.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(told), validation_data=(X, Y))


# -- files of events ---------------------------------------------------------------------------------------


def checked(message):
    crc = crc32c(message)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def records(path):
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        message = data[12 : 12 + length]
        assert data[8:12] == checked(data[:8]) and data[12 + length : 16 + length] == checked(message)
        yield message
        data = data[16 + length :]


def number(data):
    value, shift = 0, 0
    for i, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data[i + 1 :]
    raise AssertionError("a number has no end")


def fields(message):
    """{number: value} of a message, the last of each number."""
    found = {}
    while message:
        key, message = number(message)
        if key & 7 == 0:
            found[key >> 3], message = number(message)
        elif key & 7 == 2:
            length, message = number(message)
            found[key >> 3], message = message[:length], message[length:]
        else:
            size, form = (8, "<d") if key & 7 == 1 else (4, "<f")
            found[key >> 3], message = struct.unpack(form, message[:size])[0], message[size:]
    return found


def events(folder):
    """{(tag, step): the fields of a value} in the one file of a folder."""
    (path,) = folder.iterdir()
    first, *rest = [fields(record) for record in records(path)]
    assert first[3] == b"brain.Event:2" and path.name.startswith("events.out.tfevents.")
    values = [(event.get(2, 0), fields(fields(event[5])[1])) for event in rest]
    return {(value[1].decode(), step): value for step, value in values}


def test_the_check_is_that_of_the_standard():
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43 and crc32c(b"123456789") == 0xE3069283


def test_numbers_of_epochs_stand_under_keras_tags(tmp_path):
    made = model()
    history = fit(made, callbacks.TensorBoard(tmp_path, histogram_freq=1)).history
    train, tested = events(tmp_path / "train"), events(tmp_path / "validation")
    for epoch in (0, 1):
        assert train["epoch_loss", epoch][2] == pytest.approx(history["loss"][epoch])
        assert train["epoch_learning_rate", epoch][2] == pytest.approx(0.01)
        assert tested["epoch_mae", epoch][2] == pytest.approx(history["val_mae"][epoch])
    assert tested["evaluation_loss_vs_iterations", 6][2] == pytest.approx(history["val_loss"][1])
    assert {tag for tag, _ in train if "batch" in tag} == set()
    kernel, shown = made.trainable_variables[0].numpy(), fields(train["only/kernel/histogram", 1][5])
    assert (shown[1], shown[2], shown[3]) == (kernel.min(), kernel.max(), 3)
    assert shown[4] == pytest.approx(kernel.sum()) and sum(struct.unpack("<30d", shown[7])) == 3
    assert json.loads(fields(train["keras", 0][8])[8]) == json.loads(made.to_json())


def test_numbers_of_batches_if_they_are_wanted(tmp_path):
    fit(model(), callbacks.TensorBoard(tmp_path, update_freq=2, write_steps_per_second=True, write_graph=False))
    train = events(tmp_path / "train")
    assert [step for tag, step in train if tag == "batch_loss"] == [2, 4, 6]
    assert train["batch_steps_per_second", 4][2] > 0 and train["epoch_steps_per_second", 1][2] > 0
    with pytest.raises(OptionError, match="profile_batch= is not offered: model.train_function"):
        callbacks.TensorBoard(tmp_path, profile_batch=2)


# -- a server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("send_as_json", [False, True])
def test_a_server_is_told_of_each_epoch(send_as_json):
    heard = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append((self.path, self.headers["X-Run"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        told = callbacks.RemoteMonitor(root, field="numbers", headers={"X-Run": "1"}, send_as_json=send_as_json)
        history = fit(model(), told).history
        server.shutdown()
    for epoch, (path, run, body) in enumerate(heard):
        found = json.loads(body if send_as_json else parse_qs(body)["numbers"][0])
        assert (path, run) == ("/publish/epoch/end/", "1")
        assert found == {"epoch": epoch, **{name: values[epoch] for name, values in history.items()}}
    assert len(heard) == 2


def test_a_server_that_is_not_there_is_a_warning():
    with pytest.warns(UserWarning, match=r"http://127.0.0.1:9 could not be reached"):
        fit(model(), callbacks.RemoteMonitor("http://127.0.0.1:9"), epochs=1)


# -- averages ----------------------------------------------------------------------------------------------


class Seen(callbacks.Callback):
    def __init__(self):
        self.test, self.epoch = [], []

    def on_test_batch_begin(self, batch, logs=None):
        self.test.append(self.model.get_weights()[0].copy())

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(self.model.get_weights()[0].copy())


def averages_of(weights, momentum):
    found = [weights[0]]
    for w in weights[1:]:
        found.append(momentum * found[-1] + (1 - momentum) * w)
    return found


class Steps(callbacks.Callback):
    def __init__(self):
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.get_weights()[0].copy())


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_stand_in_for_the_weights_in_tests(swap_on_epoch):
    made = model(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7))
    seen, steps = Seen(), Steps()
    fit(made, callbacks.SwapEMAWeights(swap_on_epoch), seen, steps)
    expected = averages_of(steps.weights, 0.7)
    for epoch, last in enumerate((2, 5)):
        np.testing.assert_allclose(seen.test[3 * epoch], expected[last], rtol=1e-5)
        np.testing.assert_allclose(seen.epoch[epoch], (expected if swap_on_epoch else steps.weights)[last], rtol=1e-5)
    np.testing.assert_allclose(made.get_weights()[0], expected[-1], rtol=1e-5)
    with pytest.raises(OptionError, match="needs an optimizer with use_ema=True"):
        model().evaluate(X, Y, callbacks=[callbacks.SwapEMAWeights()], verbose=0)
