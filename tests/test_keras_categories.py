"""Categories as numbers: `keras_categories.json` has what Keras makes of them. And what stands in models, is saved, and is refused."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from keras_categories import CASES, SEEN, numbers_of

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.keras import layers

EXPECTED = json.loads(Path(__file__).with_name("keras_categories.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{name}-{'-'.join(options)}" for name, options, *_ in CASES])
def test_categories_become_keras_numbers(case):
    learnt, shape, values = numbers_of(layers, CASES[case])
    assert shape == EXPECTED[case][1]
    if CASES[case][0] == "Discretization" and learnt:
        np.testing.assert_allclose(learnt, EXPECTED[case][0], rtol=1e-5)
    else:
        assert learnt == EXPECTED[case][0]
    if isinstance(values[0], str):
        assert values == EXPECTED[case][2]
    else:
        np.testing.assert_allclose(values, EXPECTED[case][2], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (layers.IntegerLookup(vocabulary=[5, 9, 7], num_oov_indices=2, mask_token=0), [[0, 9], [7, 3]]),
        (layers.IntegerLookup(vocabulary=[5, 9, 7], output_mode="multi_hot"), [[5, 9], [7, 3]]),
        (layers.IntegerLookup(vocabulary=[5, 9, 7], invert=True), [[0, 1], [3, 8]]),
        (layers.CategoryEncoding(4, "count"), [[0, 1], [3, 3]]),
        (layers.Discretization([0.0, 1.0], output_mode="one_hot"), [[-1.0], [3.0]]),
        (layers.Discretization([0.0, 1.0]), [[-1.0, 0.5], [3.0, 1.0]]),
    ],
    ids=str,
)
def test_in_a_model_and_its_file_and_compiled(layer, x, tmp_path):
    x = np.array(x, "float32" if isinstance(x[0][0], float) else "int64")
    y = layer(x)
    symbol = keras.Input(x.shape[1:], dtype=str(x.dtype))
    model = keras.Model(symbol, layer(symbol))
    assert model.output_shape[1:] == y.shape[1:]
    np.testing.assert_array_equal(model.predict(x, verbose=0), y.numpy())
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), y.numpy())
    step = tg.compile(lambda x: layer(x))
    for _ in range(2):
        np.testing.assert_array_equal(step(tg.asarray(x)).numpy(), y.numpy())


def test_a_vocabulary_goes_with_the_layer():
    for options in ({}, {"output_mode": "tf_idf"}, {"mask_token": "", "max_tokens": 4}):
        layer = layers.StringLookup(**options)
        layer.adapt(SEEN)
        written = json.loads(json.dumps(layer.get_config()))
        for twin in (layers.StringLookup.from_config(written), pickle.loads(pickle.dumps(layer))):
            assert twin.get_vocabulary() == layer.get_vocabulary()
            np.testing.assert_allclose(twin(SEEN), layer(SEEN), rtol=1e-6)
    back = layers.StringLookup(vocabulary=layer.get_vocabulary(), invert=True, mask_token="", max_tokens=4)
    assert back(layer(SEEN)).tolist() == [["b", "[UNK]", "b"], ["[UNK]", "", "b"], ["[UNK]", "d", "d"]]
    cut = layers.Discretization(num_bins=3)
    cut.adapt(np.arange(12.0))
    assert layers.Discretization.from_config(cut.get_config()).bin_boundaries == cut.bin_boundaries
    for hashing in (layers.Hashing(9, salt=3, dtype="int32"), layers.HashedCrossing(9, dtype="int32")):
        given = [["a", "b"], [1, 2]] if isinstance(hashing, layers.HashedCrossing) else ["a", "b"]
        twin = type(hashing).from_config(json.loads(json.dumps(hashing.get_config())))
        assert twin(given).dtype == "int32" and (twin(given) == hashing(given)).all().item()


def test_ways_to_give_categories(tmp_path):
    layer = layers.StringLookup(vocabulary=["a", "b"])
    assert layer("b").item() == 2 and layer([b"b", "a"]).numpy().tolist() == [2, 1]
    (tmp_path / "words.txt").write_text("a\nb\n", encoding="utf-8")
    assert layers.StringLookup(vocabulary=tmp_path / "words.txt").get_vocabulary() == ["[UNK]", "a", "b"]
    assert layers.IntegerLookup(vocabulary=[3])([3, 4]).numpy().tolist() == [1, 0]
    assert layers.Hashing(3)("a").shape == () and layers.Hashing(3)(tg.tensor([1, 2])).shape == (2,)
    weighed = layers.CategoryEncoding(3, "count")([[0, 1], [1, 1]], count_weights=np.array([[0.5, 2.0], [1.0, 0.25]]))
    assert weighed.numpy().tolist() == [[0.5, 2.0, 0.0], [0.0, 1.25, 0.0]]


@pytest.mark.parametrize(
    ("make", "kind", "word"),
    [
        (lambda: layers.CategoryEncoding(), OptionError, "num_tokens="),
        (lambda: layers.CategoryEncoding(3, sparse=True), OptionError, "no sparse tensors"),
        (lambda: layers.CategoryEncoding(3)([0], count_weights=[1.0]), OptionError, "count_weights"),
        (lambda: layers.Discretization(), OptionError, "bin_boundaries="),
        (lambda: layers.Discretization(3), OptionError, "num_bins="),
        (lambda: layers.Discretization(num_bins=3)([1.0]), OptionError, "adapt"),
        (lambda: layers.Discretization([1.0]).adapt([1.0]), OptionError, "nothing to adapt"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), OptionError, "twice"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), OptionError, "no place"),
        (lambda: layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([2]), OptionError, "no place"),
        (lambda: layers.IntegerLookup(vocabulary=["a"]), DTypeError, "StringLookup"),
        (lambda: layers.StringLookup(vocabulary=["a"])(keras.Input((2,))), DTypeError, "before the model"),
        (lambda: layers.StringLookup(vocabulary=["a"])([3]), DTypeError, "takes texts"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), OptionError, "invert"),
        (lambda: layers.IntegerLookup(salt=3), OptionError, "farmhash"),
        (lambda: layers.Hashing(3, salt="x"), OptionError, "salt"),
        (lambda: layers.Hashing(3)(keras.Input((2,))), DTypeError, "before the model"),
        (lambda: layers.HashedCrossing(3)([["a"]]), OptionError, "two features"),
        (lambda: layers.HashedCrossing(3)([["a"], ["a", "b"]]), ShapeError, "one shape"),
        (lambda: layers.TextVectorization(output_mode="one_hot"), OptionError, "multi_hot"),
    ],
)
def test_what_does_not_fit_is_told(make, kind, word):
    with pytest.raises(kind, match=word):
        make()
