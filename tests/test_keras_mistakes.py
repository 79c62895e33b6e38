"""What those who come from a course of Keras's do wrong first: each says what was given, and what to write."""

from typing import Any

import numpy as np
import pytest

from tinygrad_ml import keras
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError, TinygradError
from tinygrad_ml.keras import layers

X = np.linspace(0, 1, 64, dtype="float32").reshape(16, 4)
Y = np.arange(16) % 3


def compiled(**options):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile(**{"loss": "sparse_categorical_crossentropy", "optimizer": "sgd", "metrics": ["accuracy"], **options})
    return model


def fit(x: Any = X, y: Any = Y, *, model=None, **options):
    return (model or compiled()).fit(x, y, **{"verbose": 0, **options})


MISTAKES = {
    "a word": (lambda: compiled(optimizer="adm"), OptionError, "did you mean 'adam'"),
    "a metric": (lambda: fit(model=compiled(metrics=["acuracy"])), OptionError, "did you mean 'accuracy'"),
    "an activation": (lambda: layers.Dense(3, activation="rellu"), OptionError, "did you mean 'relu'"),
    "an option": (lambda: layers.Dense(3, actvation="relu"), OptionError, "did you mean 'activation'.*it has units"),
    "rows for a sparse loss": (lambda: fit(y=np.eye(3)[Y]), ShapeError, r"\(16, 3\).*'categorical_crossentropy'"),
    "texts": (lambda: fit(np.array([["a", "b"]] * 16)), DTypeError, "texts, such as 'a'.*TextVectorization"),
    "no texts": (lambda: fit(np.array([[]] * 16, dtype=str)), DTypeError, "texts, such as ''"),
    "texts as labels": (lambda: fit(y=np.array(["cat"] * 16)), DTypeError, "'cat'.*StringLookup"),
    "gaps": (lambda: fit(np.array([[None, 1.0]] * 16)), DTypeError, "None stands in it"),
    "a list of rows": (lambda: fit(X.tolist()), DTypeError, r"x is a list of numbers.*numpy.array\(x\)"),
    "a list of labels": (lambda: fit(y=Y.tolist()), DTypeError, r"y is a list of numbers.*numpy.array\(y\)"),
    "a list to predict": (lambda: compiled().predict([1, 2, 3, 4], verbose=0), DTypeError, "list of numbers"),
    "no batch": (lambda: fit(batch_size=0), OptionError, "batch_size=0 must be an integer of 1 or more"),
    "half a batch": (lambda: fit(batch_size=2.5), OptionError, "batch_size=2.5"),
    "epochs": (lambda: fit(epochs="3"), OptionError, "epochs='3' must be an integer"),
    "a class": (lambda: fit(callbacks=[keras.callbacks.EarlyStopping]), OptionError, r"write EarlyStopping\(\.\.\.\)"),
    "no callback": (lambda: fit(callbacks=["early"]), OptionError, "'early' is no callback"),
    "metrics in the third place": (lambda: compiled(loss_weights=["mae"]), OptionError, r"write metrics=\['mae'\]"),
    "no targets": (lambda: fit(validation_data=X), OptionError, "targets are missing"),
    "names": (lambda: keras.utils.to_categorical(["a", "b"]), DTypeError, "not 'a': numpy.unique"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_says_what_to_write(name):
    call, kind, words = MISTAKES[name]
    assert issubclass(kind, TinygradError)
    with pytest.raises(kind, match=words):
        call()


def test_what_only_looks_like_a_mistake_is_none():
    assert fit(epochs=0).history == {}
    assert fit(epochs=np.int64(1), batch_size=np.int64(8), callbacks=keras.callbacks.EarlyStopping("loss")).epoch == [0]
    mixed = np.array([[1, 2.5, True, 4]] * 16, dtype=object)  # as pandas has rows of several dtypes
    assert np.isfinite(fit(mixed, validation_data=(X, Y)).history["val_loss"]).all()
    assert keras.utils.to_categorical([], 3).shape == (0, 3)
    assert keras.utils.to_categorical(["0", "1"][:0], 2).shape == (0, 2)


@pytest.mark.parametrize(("module", "name"), [(layers, "Densee"), (keras.optimizers, "Adamm")])
def test_python_finds_the_name_that_was_meant(module, name):
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    assert (caught.value.name, caught.value.obj) == (name, module)
