"""Helpers for data beside Keras's own: data sets from one file, images, texts, trees, and what `fit` takes."""

import hashlib

import numpy as np
import pytest
from keras_twins import ours, quiet, theirs

from tinygrad_ml.errors import TinygradError
from tinygrad_ml.keras.datasets import arrays

pytestmark = quiet
RNG = np.random.default_rng(0)


def lists(count):
    made = np.empty(count, object)
    made[:] = [RNG.integers(1, 60, RNG.integers(2, 12)).tolist() for _ in range(count)]
    return made


OPTIONS = [
    {},
    {"num_words": 30, "skip_top": 5},
    {"num_words": 30, "oov_char": None, "start_char": None},
    {"maxlen": 7, "index_from": 0},
    {"seed": 3, "start_char": None, "index_from": None},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_texts(name, options, tmp_path, monkeypatch):
    parts = ("_train", "_test") if name == "imdb" else ("",)
    values = {f"x{part}": lists(30) for part in parts} | {f"y{part}": RNG.integers(0, 3, 30) for part in parts}
    path = tmp_path / f"{name}.npz"
    np.savez(path, **values)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(getattr(ours.datasets, name), name.upper(), arrays.Source(path.name, checksum))
    module = __import__(f"keras.src.datasets.{name}", fromlist=["load_data"])
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    if name == "reuters" and options.get("index_from", 3) is None:
        options = {**options, "index_from": 0}
    found, expected = getattr(ours.datasets, name).load_data(str(path), **options), module.load_data(**options)
    for (x, y), (other_x, other_y) in zip(found, expected, strict=True):
        assert x.dtype == other_x.dtype == object and [list(one) for one in x] == [list(one) for one in other_x]
        np.testing.assert_array_equal(y, other_y)


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_houses(name, tmp_path, monkeypatch):
    path = tmp_path / f"{name}.npz"
    np.savez(path, x=RNG.normal(size=(50, 4)), y=RNG.normal(size=50))
    source = arrays.Source(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(getattr(ours.datasets, name), name.upper(), source)
    module = __import__(f"keras.src.datasets.{name}", fromlist=["load_data"])
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    for options in ({}, {"test_split": 0.35, "seed": 4}):
        found, expected = getattr(ours.datasets, name).load_data(path=str(path), **options), module.load_data(**options)
        for pair, other in zip(found, expected, strict=True):
            for one, two in zip(pair, other, strict=True):
                np.testing.assert_array_equal(one, two)


def test_images(tmp_path):
    for shape, options in [
        ((5, 4, 3), {}),
        ((5, 4, 1), {"scale": False}),
        ((4, 5, 4), {"scale": False}),
        ((3, 5, 4), {"data_format": "channels_first"}),
    ]:
        x = RNG.uniform(0, 255, shape)
        found, expected = ours.utils.array_to_img(x, **options), theirs.utils.array_to_img(x, **options)
        assert found.mode == expected.mode
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    path = tmp_path / "a.png"
    ours.utils.save_img(path, RNG.uniform(0, 255, (9, 14, 3)))
    for options in (
        {},
        {"color_mode": "grayscale", "target_size": (4, 5), "interpolation": "bilinear"},
        {"target_size": (5, 5), "keep_aspect_ratio": True},
        {"target_size": (3, 9), "keep_aspect_ratio": True, "interpolation": "bicubic"},
    ):
        images = [keras.utils.img_to_array(keras.utils.load_img(path, **options)) for keras in (ours, theirs)]
        np.testing.assert_array_equal(*images)


def test_tokenizers():
    text = pytest.importorskip("keras.src.legacy.preprocessing.text")
    texts = ["The cat sat, on the mat!", "a dog-and a CAT", "on\ton x", "z"] * 2 + ["the"]
    for options in ({}, {"num_words": 5, "oov_token": "?"}, {"char_level": True}, {"lower": False, "split": "a"}):
        found = ours.preprocessing.text.Tokenizer(**options)
        expected = text.Tokenizer(**options)
        for one in (found, expected):
            one.fit_on_texts(texts)
        assert found.word_index == expected.word_index and dict(found.index_docs) == dict(expected.index_docs)
        sequences = found.texts_to_sequences(["the dog sat", "nothing at all"])
        assert sequences == expected.texts_to_sequences(["the dog sat", "nothing at all"])
        assert found.sequences_to_texts(sequences) == expected.sequences_to_texts(sequences)
        for mode in ("binary", "count", "freq", "tfidf"):
            np.testing.assert_allclose(found.texts_to_matrix(texts, mode), expected.texts_to_matrix(texts, mode))
        again = ours.preprocessing.text.tokenizer_from_json(expected.to_json())
        assert again.texts_to_sequences(texts) == expected.texts_to_sequences(texts)


def test_windows():
    sequence = pytest.importorskip("keras.src.legacy.preprocessing.sequence")
    x = RNG.normal(size=(30, 2))
    for options in ({}, {"sampling_rate": 2, "stride": 3}, {"reverse": True, "start_index": 4, "end_index": 21}):
        pair = [
            kind(x, x[:, 0], 6, batch_size=4, **options)
            for kind in (ours.preprocessing.sequence.TimeseriesGenerator, sequence.TimeseriesGenerator)
        ]
        assert len(pair[0]) == len(pair[1])
        for i in range(len(pair[0])):
            for one, two in zip(pair[0][i], pair[1][i], strict=True):
                np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
def test_images_are_warped_alike(fill_mode):
    pytest.importorskip("scipy")
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    x = RNG.uniform(0, 255, (9, 9, 3))
    generators = [
        kind(fill_mode=fill_mode, cval=7.0)
        for kind in (ours.preprocessing.image.ImageDataGenerator, legacy.ImageDataGenerator)
    ]
    for told in (
        {"tx": 2, "ty": -1},
        {"theta": 30},
        {"zx": 0.7, "zy": 1.3},
        {"shear": 10, "theta": -5, "tx": 0.5},
        {"flip_horizontal": True, "flip_vertical": True},
    ):
        found, expected = (one.apply_transform(x, told) for one in generators)
        inside = (slice(2, -2), slice(2, -2)) if fill_mode in ("constant", "wrap") else ()
        np.testing.assert_allclose(found[inside], expected[inside], 1e-4, 1e-3, err_msg=str(told))


def outcome(function):
    try:
        return function()
    except (ValueError, TypeError, TinygradError):
        return "refused"


TREE = {"z": [1, (2, 3)], "a": {"b": 4, "y": [5]}}


def test_trees():
    calls = [
        lambda tree: tree.flatten(TREE),
        lambda tree: tree.flatten_with_path(TREE),
        lambda tree: tree.map_structure(lambda a, b: a * b, TREE, TREE),
        lambda tree: tree.map_structure_up_to({"z": 0, "a": 0}, len, {"z": [1, 2, 3], "a": {"k": 1}}),
        lambda tree: tree.pack_sequence_as(TREE, [10, 20, 30, 40, 50]),
        lambda tree: tree.pack_sequence_as(TREE, [1]),
        lambda tree: tree.lists_to_tuples(TREE),
        lambda tree: tree.map_shape_structure(lambda shape: shape, {"a": (None, 3), "b": [(1, 2)]}),
        lambda tree: tree.traverse(lambda x: x * 2 if isinstance(x, int) else None, TREE),
        lambda tree: tree.traverse(lambda x: len(x) if isinstance(x, list) else None, TREE, top_down=False),
        lambda tree: tree.assert_same_structure([1, 2], [1]),
        lambda tree: tree.assert_same_structure({"a": 1}, {"a": 2}),
        lambda tree: tree.assert_same_paths([1, 2], (3, 4)),
        lambda tree: [tree.is_nested(one) for one in ([], (), {}, 1, "a", None)],
    ]
    for i, call in enumerate(calls):
        assert outcome(lambda: call(ours.tree)) == outcome(lambda: call(theirs.tree)), i  # noqa: B023


class Batches:
    def __init__(self, keras, workers):
        class Pairs(keras.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, i):
                return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]

        self.data = Pairs(workers=workers)


X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 1)).astype("float32")


@pytest.mark.parametrize("kind", ["PyDataset", "torch", "generator", "pandas"])
def test_fit_takes_what_keras_takes(kind):
    import torch

    def source(keras):
        if kind == "PyDataset":
            return {"x": Batches(keras, 1).data}
        if kind == "torch":
            pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
            return {"x": torch.utils.data.DataLoader(pairs, batch_size=4)}
        if kind == "generator":
            return {
                "x": ((X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]) for _ in range(3) for i in range(3)),
                "steps_per_epoch": 3,
            }
        pandas = pytest.importorskip("pandas")
        return {"x": pandas.DataFrame(X), "y": pandas.DataFrame(Y), "batch_size": 4}

    histories = []
    for keras in (ours, theirs):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
        histories.append(model.fit(**source(keras), epochs=3, shuffle=False, verbose=0).history)
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, 1e-4)
