"""The programs of courses run with their import line changed, in today's spelling and in the old one."""

import importlib
import inspect
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits():
    """A little of MNIST, reshaped and one-hot as the courses do it."""
    from tinygrad_ml.keras.datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_train.dtype == np.uint8 and y_test.shape == (10000,)
    x_train, x_test = x_train[:2000].reshape(2000, 28 * 28), x_test[:500].reshape(500, 28 * 28)
    y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train[:2000], y_test[:500]))
    return x_train, y_train, x_test, y_test


def test_new_spelling(digits, capsys):
    from tinygrad_ml.keras.layers import Dense
    from tinygrad_ml.keras.models import Sequential

    x_train, y_train, x_test, y_test = digits
    keras.utils.set_random_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Sequential()
        model.add(Dense(input_dim=28 * 28, units=50, activation="sigmoid"))
        model.add(Dense(units=50, activation="sigmoid"))
        model.add(Dense(units=10, activation="softmax"))
        model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        model.fit(x_train, y_train, batch_size=100, epochs=15)
        score = model.evaluate(x_test, y_test)
        result = model.predict(x_test)
    assert score[0] < 1.2 and score[1] > 0.65
    assert result.shape == (500, 10) and isinstance(result, np.ndarray)
    np.testing.assert_allclose(result.sum(1), 1, rtol=1e-5)
    assert (result.argmax(1) == y_test.argmax(1)).mean() == pytest.approx(score[1])
    shown = capsys.readouterr().out
    assert "Epoch 15/15" in shown and "20/20" in shown and "accuracy:" in shown and "loss:" in shown


def test_old_spelling_warns_once_for_each_old_name(digits):
    from tinygrad_ml.keras.layers.core import Activation, Dense
    from tinygrad_ml.keras.models import Sequential
    from tinygrad_ml.keras.optimizers import SGD

    x_train, y_train, *_ = digits
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = Sequential()
        model.add(Dense(input_dim=28 * 28, output_dim=50))
        model.add(Activation("sigmoid"))
        model.add(Dense(10, init="uniform"))
        model.add(Activation("softmax"))
        model.compile(loss="mse", optimizer=SGD(lr=0.1), metrics=["accuracy"])
        history = model.fit(x_train[:200], y_train[:200], batch_size=100, nb_epoch=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert all(warning.category is DeprecationWarning and warning.filename == __file__ for warning in told)
    new = ["units=", "kernel_initializer=", "learning_rate=", "epochs="]
    assert [str(warning.message).split("today it is ")[1] for warning in told] == new


def test_old_convolution_and_decay():
    from tinygrad_ml.keras.layers.convolutional import Convolution2D, MaxPooling2D
    from tinygrad_ml.keras.optimizers import Adam

    with pytest.warns(DeprecationWarning, match="Conv2D") as told:
        layer = Convolution2D(4, 3, 2, input_shape=(8, 8, 1), border_mode="same")
    assert len(told) == 1
    assert layer.kernel_size == (3, 2) and layer.padding == "same"
    model = keras.Sequential([layer, MaxPooling2D((2, 2))])
    assert model.output_shape == (None, 4, 4, 4)
    with pytest.warns(DeprecationWarning, match="InverseTimeDecay"):
        optimizer = Adam(0.1, decay=0.5)
    optimizer.iterations = 2
    assert float(optimizer.learning_rate) == pytest.approx(0.05)


def test_an_old_and_a_new_name_together():
    with pytest.raises(tg.errors.OptionError, match="same option"):
        keras.layers.Dense(3, units=3, output_dim=3)


def test_forward_pass_by_hand():
    def dense(a_in, W, b, g):
        units = W.shape[1]
        a_out = np.zeros(units)
        for j in range(units):
            a_out[j] = g(np.dot(W[:, j], a_in) + b[j])
        return a_out

    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, activation="sigmoid", name="L1"),
            keras.layers.Dense(1, activation="sigmoid", name="L2"),
        ]
    )
    W1, b1 = model.get_layer("L1").get_weights()
    assert W1.shape == (2, 3) and b1.shape == (3,) and not b1.any()
    W2, b2 = RNG.standard_normal((3, 1)), np.array([0.5])
    model.get_layer("L2").set_weights([W2, b2])
    x = np.array([[200.0, 13.9], [0.3, -0.2]])
    by_hand = [dense(dense(row, W1, b1, sigmoid), W2, b2, sigmoid) for row in x]
    np.testing.assert_allclose(model.predict(x, verbose=0), by_hand, rtol=1e-5)


def test_from_logits_is_finite_where_probabilities_are_cut_off():
    logits = tg.tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)([2], logits)
    assert float(loss) == 400
    cut = keras.losses.SparseCategoricalCrossentropy()([2], keras.activations.softmax(logits))
    assert float(cut) == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_regression_with_a_linear_output():
    keras.utils.set_random_seed(0)
    x = np.linspace(-1, 1, 64)
    model = keras.Sequential([keras.layers.Dense(1, activation="linear")])
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=0.1))
    model.fit(x[:, None], 3 * x - 1, epochs=100, batch_size=64, verbose=0)
    kernel, bias = model.get_weights()
    assert float(kernel[0, 0]) == pytest.approx(3, abs=0.05) and float(bias[0]) == pytest.approx(-1, abs=0.05)


def test_several_labels_at_once():
    keras.utils.set_random_seed(0)
    x = RNG.standard_normal((300, 4))
    y = (x[:, :3] > 0).astype("float32")
    model = keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
    history = model.fit(x, y, epochs=40, verbose=0).history
    assert history["binary_accuracy"][-1] > 0.9


def test_what_is_not_offered_says_what_to_use():
    with pytest.raises(ImportError, match="part of a Layer"):
        from tinygrad_ml.keras.layers import TorchModuleWrapper  # noqa: F401
    with pytest.raises(AttributeError, match="ModelCheckpoint"):
        keras.callbacks.OrbaxCheckpoint
    with pytest.raises(ImportError, match="two Dense inside"):
        from tinygrad_ml.keras.layers.core import Highway  # noqa: F401
    with pytest.raises(ImportError, match="no trained networks"):
        from tinygrad_ml.keras import applications  # noqa: F401
    with pytest.raises(ImportError, match="build the same layers here"):
        from tinygrad_ml.keras.applications.vgg16 import VGG16  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="No module named 'tinygrad_ml.keras.nothing'"):
        import tinygrad_ml.keras.nothing  # noqa: F401


def test_what_is_not_offered_is_not_there_either():
    assert not hasattr(keras, "applications") and getattr(keras.layers, "TorchModuleWrapper", None) is None
    for name in ("keras", "keras.layers", "keras.layers.core", "keras.utils", "keras.optimizers", "keras.callbacks"):
        module = importlib.import_module(f"tinygrad_ml.{name}")
        assert dict(inspect.getmembers(module)).keys() == set(dir(module))


def test_what_is_misspelt_is_told():
    with pytest.raises(AttributeError):
        keras.layers.Nothing
    with pytest.raises(tg.errors.OptionError, match="adam"):
        keras.optimizers.get("adamm")
    with pytest.raises(tg.errors.OptionError, match="no option unit="):
        keras.layers.Dense(3, unit=4)


def test_the_package_does_not_import_it_by_itself():
    import subprocess
    import sys

    program = "import sys, tinygrad_ml; assert 'tinygrad_ml.keras' not in sys.modules; tinygrad_ml.keras.Sequential"
    subprocess.run([sys.executable, "-c", program], check=True)
