"""What `fit`, `evaluate` and `predict` take: batches by number, tables, generators, data sets of other libraries."""

import threading

import numpy as np
import pytest

from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError
from tinygrad_ml.keras import Input, Model, Sequential, layers

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32")


def linear():
    keras.utils.set_random_seed(1)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


class Batches(keras.utils.PyDataset):
    def __init__(self, count=4, **options):
        super().__init__(**options)
        self.count, self.ends, self.begins, self.seen, self.threads = count, 0, 0, [], set()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.seen.append(index)
        self.threads.add(threading.get_ident())
        return X[5 * index : 5 * index + 5], Y[5 * index : 5 * index + 5]

    def on_epoch_begin(self):
        self.begins += 1

    def on_epoch_end(self):
        self.ends += 1


def by_arrays(**options):
    model = linear()
    return model, model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0, **options).history


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_data_set_of_batches(workers):
    expected, history = by_arrays(validation_data=(X, Y))
    data, model = Batches(workers=workers, max_queue_size=2), linear()
    found = model.fit(data, epochs=3, shuffle=False, validation_data=Batches(), verbose=0).history
    for name, values in history.items():
        np.testing.assert_allclose(found[name], values, 1e-5, err_msg=name)
    assert (data.begins, data.ends) == (3, 3) and sorted(data.seen) == sorted([0, 1, 2, 3] * 3)
    assert (threading.get_ident() in data.threads) == (workers < 2)
    np.testing.assert_allclose(model.evaluate(Batches(), verbose=0), expected.evaluate(X, Y, verbose=0), 1e-5)
    np.testing.assert_allclose(model.predict(Batches(), verbose=0), expected.predict(X, verbose=0), 1e-5)


def test_batches_come_in_another_order_in_each_epoch():
    data = Batches()
    linear().fit(data, epochs=5, verbose=0)
    epochs = [tuple(data.seen[i : i + 4]) for i in range(0, 20, 4)]
    assert all(sorted(one) == [0, 1, 2, 3] for one in epochs) and len(set(epochs)) > 1


def test_steps_of_a_data_set_of_batches():
    data = Batches()
    linear().fit(data, epochs=4, steps_per_epoch=2, shuffle=False, verbose=0)
    assert data.seen == [0, 1, 2, 3] * 2 and data.ends == 2

    class Endless(Batches):
        num_batches = None

        def __getitem__(self, index):
            return super().__getitem__(index % 4)

    data = Endless(workers=2)
    history = linear().fit(data, epochs=2, steps_per_epoch=6, verbose=0).history
    assert len(history["loss"]) == 2 and len(data.seen) >= 12


def test_what_a_batch_raises_is_raised_by_fit():
    class Broken(Batches):
        def __getitem__(self, index):
            raise ZeroDivisionError("in a thread")

    for workers in (1, 3):
        with pytest.raises(ZeroDivisionError, match="in a thread"):
            linear().fit(Broken(workers=workers), verbose=0)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        keras.utils.PyDataset()[0]
    with pytest.raises(OptionError, match="workers"):
        keras.utils.PyDataset(workers=-1)
    assert keras.utils.Sequence is keras.utils.PyDataset


class Tf:
    """What tf.data's data sets show of themselves."""

    def __init__(self, known=True):
        self.known = known

    def cardinality(self):
        return np.int64(4 if self.known else -2)

    def __iter__(self):
        return ((X[i : i + 5], Y[i : i + 5]) for i in range(0, 20, 5))


class Torch:
    """What PyTorch's loaders yield: lists of tensors."""

    class Tensor:
        def __init__(self, values):
            self.values = values

        def detach(self):
            return self

        def cpu(self):
            return self.values

    def __len__(self):
        return 4

    def __iter__(self):
        return ([self.Tensor(X[i : i + 5]), self.Tensor(Y[i : i + 5])] for i in range(0, 20, 5))


@pytest.mark.parametrize("source", [Tf(), Tf(known=False), Torch()])
def test_data_sets_of_other_libraries(source):
    expected, history = by_arrays(class_weight={-1: 1.0})
    model = linear()
    found = model.fit(source, epochs=3, validation_data=source, verbose=0).history
    np.testing.assert_allclose(found["loss"], history["loss"], 1e-5)
    np.testing.assert_allclose(model.predict(source, verbose=0), expected.predict(X, verbose=0), 1e-5)
    assert len(found["val_loss"]) == 3


def test_tables():
    pandas = pytest.importorskip("pandas")
    _, history = by_arrays(validation_split=0.25)
    table = pandas.DataFrame(X, columns=["a", "b", "c"])
    table["y"] = Y
    model = linear()
    found = model.fit(
        table[["a", "b", "c"]], table["y"], batch_size=5, epochs=3, shuffle=False, validation_split=0.25, verbose=0
    ).history
    np.testing.assert_allclose(found["val_loss"], history["val_loss"], 1e-5)
    mixed = pandas.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
    expected = model.predict(np.array([[1, 1, 0.5], [2, 0, 1.5]]), verbose=0)
    np.testing.assert_allclose(model.predict(mixed, verbose=0), expected, 1e-5)
    a, b = Input((1,), name="a"), Input((1,), name="b")
    several = Model({"a": a, "b": b}, layers.Dense(1)(layers.Concatenate()([a, b])))
    several.compile("sgd", "mse")
    columns = {"a": table["a"], "b": table["b"]}
    assert len(several.fit(columns, table["y"], epochs=2, verbose=0).history["loss"]) == 2
    assert several.predict(columns, verbose=0).shape == (20, 1)
    assert model.predict(dict_of_one := table[["a", "b", "c"]], verbose=0).shape == (len(dict_of_one), 1)
