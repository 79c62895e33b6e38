"""Texts and series as numbers: `keras_texts.json` has what Keras makes of them. And what is refused, saved and said."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from keras_texts import GIVEN, LEARNT, NEW, TEXTS, WINDOWS, numbers_of_texts, numbers_of_windows

from tinygrad_ml import keras
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.keras import layers

EXPECTED = json.loads(Path(__file__).with_name("keras_texts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", range(len(LEARNT) + len(GIVEN)), ids=[str(options) for options in (*LEARNT, *GIVEN)])
def test_texts_become_keras_numbers(case):
    vocabulary, numbers = numbers_of_texts(layers, [*LEARNT, *GIVEN][case])
    assert vocabulary == EXPECTED["texts"][case][0]
    np.testing.assert_allclose(numbers, EXPECTED["texts"][case][1], atol=1e-5)


@pytest.mark.parametrize("case", range(len(WINDOWS)))
def test_windows_are_those_of_keras(case):
    assert numbers_of_windows(keras.utils, WINDOWS[case]) == EXPECTED["windows"][case]


def test_ways_to_give_texts():
    layer = layers.TextVectorization()
    layer.adapt(iter([TEXTS[:3], TEXTS[3:]]))
    assert layer.get_vocabulary() == numbers_of_texts(layers, {})[0]
    expected = layer(NEW).numpy()
    for given in (np.array(NEW), np.array(NEW)[:, None], [text.encode() for text in NEW], np.array(NEW, object)):
        np.testing.assert_array_equal(layer(given), expected)
    np.testing.assert_array_equal(layer(NEW[0]), expected[0])
    assert layer(NEW).dtype == "int64" and layer.vocabulary_size() == len(layer.get_vocabulary())
    assert layer.get_vocabulary(include_special_tokens=False) == layer.get_vocabulary()[2:]
    layer.adapt(["one two"], steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "two", "one"]
    shouting = layers.TextVectorization(standardize=np.char.upper, split=lambda texts: np.char.split(texts, "-"))
    shouting.adapt(["a-b", "b-c"])
    assert shouting.get_vocabulary() == ["", "[UNK]", "B", "C", "A"]


def test_a_vocabulary_goes_with_the_layer(tmp_path):
    for options in ({}, {"output_mode": "tf_idf"}, {"ngrams": (1, 2), "max_tokens": 9, "standardize": "lower"}):
        layer = layers.TextVectorization(**options)
        layer.adapt(TEXTS)
        written = json.loads(json.dumps(layer.get_config()))
        for twin in (layers.TextVectorization.from_config(written), pickle.loads(pickle.dumps(layer))):
            assert twin.get_vocabulary() == layer.get_vocabulary()
            np.testing.assert_allclose(twin(NEW), layer(NEW), rtol=1e-6)
    (tmp_path / "words.txt").write_text("the\ncat\n", encoding="utf-8")
    assert layers.TextVectorization(vocabulary=tmp_path / "words.txt").get_vocabulary() == ["", "[UNK]", "the", "cat"]


@pytest.mark.parametrize(
    ("make", "kind", "word"),
    [
        (lambda: layers.TextVectorization(standardize="upper"), OptionError, "standardize"),
        (lambda: layers.TextVectorization(split="lines"), OptionError, "split"),
        (lambda: layers.TextVectorization(output_mode="ints"), OptionError, "output_mode"),
        (lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3), OptionError, "'int'"),
        (lambda: layers.TextVectorization(max_tokens=1), OptionError, "max_tokens"),
        (lambda: layers.TextVectorization(pad_to_max_tokens=True), OptionError, "max_tokens"),
        (lambda: layers.TextVectorization(ragged=True), OptionError, "ragged"),
        (lambda: layers.TextVectorization(vocabulary=["a", "a"]), OptionError, "twice"),
        (lambda: layers.TextVectorization(vocabulary=["a", ""]), OptionError, "fills up"),
        (lambda: layers.TextVectorization(vocabulary=[]), OptionError, "no token"),
        (lambda: layers.TextVectorization(max_tokens=3, vocabulary=["a", "b"]), OptionError, "4 places"),
        (lambda: layers.TextVectorization(vocabulary=["a"]).adapt(["b"]), OptionError, "learns none"),
        (lambda: layers.TextVectorization(vocabulary=["a"], output_mode="tf_idf"), OptionError, "idf_weights"),
        (
            lambda: layers.TextVectorization(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1.0, 2.0]),
            ShapeError,
            "1 tokens",
        ),
        (lambda: layers.TextVectorization()([["a", "b"]]), ShapeError, "batch, 1"),
        (lambda: layers.TextVectorization()([1, 2]), DTypeError, "texts"),
        (lambda: layers.TextVectorization()(keras.Input((1,))), DTypeError, "before the model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_texts_that_are_none(make, kind, word):
    with pytest.raises(kind, match=word):
        make()


def test_lists_are_filled_up():
    pad = keras.utils.pad_sequences
    np.testing.assert_array_equal(pad([[1, 2, 3], [4], []]), [[1, 2, 3], [0, 0, 4], [0, 0, 0]])
    np.testing.assert_array_equal(pad([[1, 2, 3], [4]], 2, padding="post", value=-1), [[2, 3], [4, -1]])
    np.testing.assert_array_equal(pad([[1, 2, 3]], 2, truncating="post"), [[1, 2]])
    assert pad([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]
    assert pad([np.ones((2, 3)), np.ones((1, 3))], dtype="float32").shape == (2, 2, 3)
    for wrong, kind, word in (
        ([1, 2], ShapeError, "element 0 is 1"),
        ([[[1, 2]], [[1]]], ShapeError, "list 1"),
    ):
        with pytest.raises(kind, match=word):
            pad(wrong)
    with pytest.raises(DTypeError, match="dtype=object"):
        pad([[1]], value="-")
    with pytest.raises(OptionError, match="padding"):
        pad([[1]], padding="before")


def test_windows_for_training():
    series = np.sin(np.arange(60) / 3)
    make = keras.utils.timeseries_dataset_from_array
    batches = make(series[:-5], series[5:], 5, batch_size=16, shuffle=True, seed=1)
    orders = [np.concatenate([x.numpy()[:, 0] for x, _ in batches]) for _ in range(2)]
    assert (orders[0] != orders[1]).any()
    np.testing.assert_allclose(np.sort(orders[0]), np.sort(series[:51]), rtol=1e-6)
    again = make(series[:-5], series[5:], 5, batch_size=16, shuffle=True, seed=1)
    np.testing.assert_array_equal(np.concatenate([x.numpy()[:, 0] for x, _ in again]), orders[0])
    model = keras.Sequential([layers.Input((5,)), layers.Reshape((-1, 1)), layers.GRU(4), layers.Dense(1)])
    model.compile("adam", "mse")
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
    for wrong in (
        {"sampling_rate": 0},
        {"sequence_stride": 60},
        {"start_index": 60},
        {"start_index": 9, "end_index": 8},
        {"end_index": 60},
        {"sequence_length": 70},
    ):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            make(series, None, **{"sequence_length": 5, **wrong})
