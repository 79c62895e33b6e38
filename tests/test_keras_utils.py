"""`keras.utils` and Keras 2's `keras.preprocessing`: files, folders, images, texts, sequences, and small helpers."""

import hashlib
import io
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import DataError, OptionError, RangeError, ShapeError
from tinygrad_ml.keras.preprocessing import image, sequence, text
from tinygrad_ml.keras.preprocessing.warping import warp
from tinygrad_ml.keras.utils import files

utils = keras.utils
RNG = np.random.default_rng(0)


@pytest.fixture
def net(tmp_path, monkeypatch):
    """{address: content}, as a network."""
    addresses = {}

    def fetch(urls, path, checksum):
        content = addresses.get(urls[0])
        if content is None or (checksum and hashlib.md5(content).hexdigest() != checksum):
            raise DataError(f"{path} could not be downloaded")
        addresses["count"] = addresses.get("count", 0) + 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(files, "fetch", fetch)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return addresses


def tar(**contents):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("UP", ".."))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def test_files_are_fetched_once_and_unpacked(net, tmp_path):
    net["https://a.b/data.txt?x=1"] = b"text"
    path = utils.get_file(origin="https://a.b/data.txt?x=1")
    assert path == str(tmp_path / "datasets/data.txt") and utils.get_file(origin="https://a.b/data.txt?x=1") == path
    assert net["count"] == 1
    utils.get_file("data.txt", "https://a.b/data.txt?x=1", force_download=True)
    assert net["count"] == 2
    with pytest.raises(DataError):
        utils.get_file("other.txt", "https://a.b/data.txt?x=1", file_hash="0" * 32)
    net["https://a.b/c.tgz"] = tar(c__one=b"1")
    folder = utils.get_file("c", "https://a.b/c.tgz", extract=True, cache_dir=tmp_path / "there", cache_subdir="sub")
    assert folder == str(tmp_path / "there/sub/c") and Path(folder, "c/one").read_text() == "1"
    assert utils.get_file("c.tgz", "https://a.b/c.tgz", untar=True).endswith("c_extracted")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("two", "2")
    net["https://a.b/z.zip"] = zipped.getvalue()
    assert Path(utils.get_file("z", "https://a.b/z.zip", extract=True), "two").read_text() == "2"


def test_archives_that_would_write_elsewhere_are_refused(net, tmp_path):
    net["https://a.b/evil"] = tar(UP__UP__evil=b"!")
    with pytest.raises(DataError, match="cannot be unpacked"):
        utils.get_file("evil", "https://a.b/evil", extract=True)
    assert not list(tmp_path.rglob("evil")) and not list(tmp_path.rglob("*.part"))
    net["https://a.b/text"] = b"no archive"
    with pytest.raises(DataError, match="no archive"):
        utils.get_file("text", "https://a.b/text", extract=True)
    for wrong in ({"fname": "a/b", "origin": "https://a.b/c"}, {"origin": "https://a.b/"}, {"fname": "a"}):
        with pytest.raises(OptionError):
            utils.get_file(**wrong)


def test_images_and_arrays():
    pytest.importorskip("PIL")
    x = RNG.integers(0, 256, (5, 4, 3)).astype("float32")
    for channels in (1, 3, 4):
        one = RNG.integers(0, 256, (5, 4, channels)).astype("float32")
        np.testing.assert_array_equal(utils.img_to_array(utils.array_to_img(one, scale=False)), one)
    first = utils.array_to_img(x.transpose(2, 0, 1), "channels_first", scale=False)
    np.testing.assert_array_equal(utils.img_to_array(first, "channels_first"), x.transpose(2, 0, 1))
    scaled = utils.img_to_array(utils.array_to_img(x / 7 - 3))
    assert scaled.min() == 0 and scaled.max() == 255
    assert utils.img_to_array(utils.array_to_img(tg.tensor(np.zeros((2, 2, 1))))).max() == 0
    assert utils.array_to_img(np.full((2, 2, 1), 300.0), scale=False).mode == "I"
    for wrong in (np.zeros((2, 2)), np.zeros((2, 2, 2))):
        with pytest.raises(ShapeError):
            utils.array_to_img(wrong)


def test_image_files(tmp_path):
    pytest.importorskip("PIL")
    x = RNG.integers(0, 256, (6, 4, 3)).astype("float32")
    utils.save_img(tmp_path / "a.png", x, scale=False)
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(tmp_path / "a.png")), x)
    utils.save_img(tmp_path / "b.jpg", np.concatenate([x, x[..., :1]], -1))
    assert utils.load_img(tmp_path / "b.jpg", color_mode="grayscale", target_size=(3, 2)).size == (2, 3)
    kept = utils.img_to_array(utils.load_img(tmp_path / "a.png", target_size=(4, 4), keep_aspect_ratio=True))
    np.testing.assert_array_equal(kept, x[1:5])
    content = io.BytesIO()
    utils.save_img(content, x, file_format="png")
    with pytest.raises(OptionError, match="file_format"):
        utils.save_img(io.BytesIO(), x)
    assert image.load_img is utils.load_img


def test_folders_of_images_keep_their_proportions(tmp_path, capsys):
    pytest.importorskip("PIL")
    (tmp_path / "a").mkdir()
    wide = np.zeros((4, 8, 3))
    wide[:, 2:6] = 255
    utils.save_img(tmp_path / "a/wide.png", wide, scale=False)
    options = {"image_size": (4, 4), "interpolation": "nearest", "verbose": False}
    read = lambda **more: next(iter(utils.image_dataset_from_directory(tmp_path, **options, **more)))[0].numpy()  # noqa: E731
    assert read(crop_to_aspect_ratio=True).min() == 255
    padded = read(pad_to_aspect_ratio=True)
    assert padded[0, 0].max() == 0 and padded[0, 2].max() == 255
    assert read(data_format="channels_first").shape == (1, 3, 4, 4)


def test_folders_of_texts(tmp_path):
    for name, texts in {"bad": ["no good", "bad film"], "good": ["fine", "nice film"]}.items():
        (tmp_path / name).mkdir()
        for i, one in enumerate(texts):
            (tmp_path / name / f"{i}.txt").write_text(one, encoding="utf-8")
    data = utils.text_dataset_from_directory(tmp_path, shuffle=False, batch_size=3, max_length=4, verbose=False)
    (texts, labels), rest = list(data)
    assert texts.tolist() == ["no g", "bad ", "fine"] and labels.numpy().tolist() == [0, 0, 1] and len(rest[1]) == 1
    assert data.class_names == ["bad", "good"]
    vectorize = keras.layers.TextVectorization(output_mode="int", output_sequence_length=2)
    vectorize.adapt([str(one) for batch, _ in data for one in batch])
    numbers = utils.text_dataset_from_directory(tmp_path, verbose=False).map(lambda x, y: (vectorize(x), y))
    model = keras.Sequential([keras.layers.Embedding(20, 2), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(numbers) == 1 and len(model.fit(numbers, epochs=2, verbose=0).history["loss"]) == 2
    (tmp_path / "bad/2.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="UTF-8"):
        list(utils.text_dataset_from_directory(tmp_path, verbose=False))


def test_folders_of_sounds(tmp_path):
    (tmp_path / "a").mkdir()
    for name, length in (("x", 5), ("y", 8)):
        with wave.open(str(tmp_path / f"a/{name}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(np.full((length, 2), 1 << 14, "<i2").tobytes())
    data = utils.audio_dataset_from_directory(tmp_path, output_sequence_length=6, shuffle=False, verbose=False)
    ((sounds, labels),) = list(data)
    assert sounds.shape == (2, 6, 2) and labels.numpy().tolist() == [0, 0]
    assert (sounds.numpy()[0, :5] == 0.5).all() and (sounds.numpy()[0, 5:] == 0).all()
    with pytest.raises(DataError, match="8000"):
        list(utils.audio_dataset_from_directory(tmp_path, sampling_rate=16000, verbose=False))
    (tmp_path / "a/z.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match=r"z\.wav"):
        list(utils.audio_dataset_from_directory(tmp_path, output_sequence_length=6, verbose=False))


def test_data_sets_are_split():
    x, y = np.arange(10.0), np.arange(10)
    left, right = utils.split_dataset((x, y), left_size=0.7)
    assert (len(left), len(right)) == (7, 3) and [int(right[i][1]) for i in range(3)] == [7, 8, 9]
    left, right = utils.split_dataset(x, right_size=4, shuffle=True, seed=1)
    numbers = [float(part[i][0]) for part in (left, right) for i in range(len(part))]
    assert (len(left), len(right)) == (6, 4) and sorted(numbers) == x.tolist() != numbers
    for wrong in ({}, {"left_size": 11}, {"left_size": 6, "right_size": 5}, {"left_size": -1}):
        with pytest.raises(OptionError):
            utils.split_dataset(x, **wrong)


def test_symbols_dtypes_and_batches():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    y = keras.layers.Add()([keras.layers.Dense(2)(a), b * 2.0])
    assert utils.is_keras_tensor(y) and utils.is_keras_tensor(y + 1) and not utils.is_keras_tensor(tg.ones((2,)))
    assert {id(one) for one in utils.get_source_inputs(y)} == {id(a), id(b)}
    names = ["float32", np.float64, np.dtype("int8"), None, int, float, bool, tg.float16]
    found = [utils.standardize_dtype(name) for name in names]
    assert found == ["float32", "float64", "int8", "float32", "int32", "float32", "bool", "float16"]
    for packed in (1, (1, 2), (1, 2, 3)):
        given = packed if isinstance(packed, tuple) else (packed,)
        assert utils.pack_x_y_sample_weight(*given) == packed
        assert utils.unpack_x_y_sample_weight(packed) == (*given, None, None)[:3]
    assert utils.pack_x_y_sample_weight([1, 2]) == ([1, 2],)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    assert "only" in utils.model_to_dot(model, show_shapes=True, dpi=100).source


def test_tokenizer():
    texts = ["The cat, the DOG!", "a cat", "the\tbird"]
    tokens = text.Tokenizer(num_words=4, oov_token="?")
    tokens.fit_on_texts(texts)
    assert list(tokens.word_index)[:3] == ["?", "the", "cat"] and tokens.document_count == 3
    assert tokens.texts_to_sequences(["the cat barks", "dog"]) == [[2, 3, 1], [1]]
    assert tokens.sequences_to_texts([[2, 3, 99]]) == ["the cat ?"]
    counts = tokens.texts_to_matrix(["the the cat"], "count")
    assert counts.tolist() == [[0, 0, 2, 1]]
    assert tokens.texts_to_matrix(["the the cat"], "freq")[0, 2] == pytest.approx(2 / 3)
    assert tokens.texts_to_matrix(["the the cat"])[0].tolist() == [0, 0, 1, 1]
    idf = (1 + np.log(2)) * np.log(1 + 3 / (1 + 2))
    assert tokens.texts_to_matrix(["the the cat"], "tfidf")[0, 2] == pytest.approx(idf)
    again = text.tokenizer_from_json(tokens.to_json())
    assert again.texts_to_sequences(texts) == tokens.texts_to_sequences(texts) and again.index_docs == tokens.index_docs
    letters = text.Tokenizer(char_level=True)
    letters.fit_on_texts(["aab"])
    assert letters.texts_to_sequences(["ba"]) == [[2, 1]]
    assert text.text_to_word_sequence("One, two") == ["one", "two"]
    assert all(1 <= number < 10 for number in text.hashing_trick("one two three", 10, "md5"))
    with pytest.raises(OptionError, match="num_words"):
        text.Tokenizer().sequences_to_matrix([[1]])
    with pytest.warns(DeprecationWarning, match="num_words"):
        assert text.Tokenizer(nb_words=3).num_words == 3


def test_windows_of_a_series():
    x = np.arange(20.0)
    windows = sequence.TimeseriesGenerator(x, x * 10, length=4, sampling_rate=2, batch_size=5)
    assert len(windows) == 4
    inputs, targets = windows[0]
    assert inputs.tolist() == [[i, i + 2] for i in range(5)] and targets.tolist() == [(i + 4) * 10 for i in range(5)]
    assert sum(len(one) for one, _ in windows) == 16
    backwards = sequence.TimeseriesGenerator(x, x, 3, reverse=True, stride=2, start_index=1, end_index=9)[0]
    assert backwards[0][0].tolist() == [3, 2, 1] and backwards[1].tolist() == [4, 6, 8]
    with pytest.raises(OptionError, match="length"):
        sequence.TimeseriesGenerator(x, x, 30)


def test_images_are_warped():
    x = RNG.normal(size=(5, 5, 1))
    np.testing.assert_allclose(warp(x, 90, 0, 0, 0, 1, 1), np.rot90(x), atol=1e-12)
    np.testing.assert_allclose(warp(x, 0, 0, 1, 0, 1, 1)[:-1], x[1:])
    np.testing.assert_allclose(warp(x, 0, 2, 0, 0, 1, 1)[:, :-2], x[:, 2:])
    modes = {"nearest": x[4], "constant": np.full((5, 1), 7.0), "reflect": x[4], "wrap": x[0]}
    for mode, expected in modes.items():
        np.testing.assert_allclose(warp(x, 0, 0, 1, 0, 1, 1, mode, 7.0)[4], expected)
    np.testing.assert_allclose(warp(x, 0, 0, 0.5, 0, 1, 1)[0], (x[0] + x[1]) / 2)
    np.testing.assert_allclose(warp(x, 0, 0, 0, 0, 0.5, 1)[:, 0], x[:, 1])
    np.testing.assert_allclose(warp(x, 0, 0, 0.4, 0, 1, 1, order=0), x)


def test_images_are_changed_at_random():
    x, y = RNG.uniform(0, 255, (10, 6, 6, 3)), np.arange(10)
    plain = image.ImageDataGenerator(rescale=1 / 255).flow(x, y, batch_size=4, shuffle=False)
    batch, labels = next(plain)
    np.testing.assert_allclose(batch, x[:4] / 255, 1e-6)
    assert labels.tolist() == [0, 1, 2, 3] and len(plain) == 3 and [len(next(plain)[1]) for _ in range(3)] == [4, 2, 4]
    much = {"rotation_range": 20, "width_shift_range": 0.1, "height_shift_range": [1], "zoom_range": 0.2}
    much |= {"shear_range": 5, "brightness_range": (0.5, 1.5), "channel_shift_range": 10, "fill_mode": "reflect"}
    changed = image.ImageDataGenerator(**much, horizontal_flip=True, vertical_flip=True)
    first, again = (changed.flow(x, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (10, 6, 6, 3) and first.dtype == "float32" and first.min() >= 0 and first.max() <= 260
    normal = image.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    with pytest.raises(OptionError, match="fit"):
        normal.flow(x)[0]
    normal.fit(x)
    batch = normal.flow(x, batch_size=10)[0]
    np.testing.assert_allclose(batch.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std((0, 1, 2)), 1, 1e-4)
    halves = image.ImageDataGenerator(validation_split=0.3)
    assert halves.flow(x, y, subset="validation").n == 3 and halves.flow(x, y, subset="training").n == 7
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mae")
    assert len(model.fit(changed.flow(x, y), epochs=2, verbose=0).history["loss"]) == 2
    with pytest.raises(ShapeError, match="labels"):
        halves.flow(x, y[:3])
    with pytest.raises(OptionError, match="zca"):
        image.ImageDataGenerator(zca_whitening=True)


def test_images_of_folders_are_changed_at_random(tmp_path, capsys):
    pytest.importorskip("PIL")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(3):
            utils.save_img(tmp_path / name / f"{i}.png", RNG.uniform(0, 255, (5, 5, 3)))
    generator = image.ImageDataGenerator(horizontal_flip=True, validation_split=0.34)
    data = generator.flow_from_directory(tmp_path, (4, 4), batch_size=4, subset="training")
    assert data.class_indices == {"cat": 0, "dog": 1} and data.n == 4 and "Found 4 images" in capsys.readouterr().out
    x, y = data[0]
    assert x.shape == (4, 4, 4, 3) and y.shape == (4, 2)
    assert generator.flow_from_directory(tmp_path, (4, 4), class_mode="binary")[0][1].shape == (6,)
    same = generator.flow_from_directory(tmp_path, (4, 4), class_mode="input")[0]
    np.testing.assert_array_equal(same[0], same[1])
    with pytest.raises(DataError, match="no folder"):
        generator.flow_from_directory(tmp_path / "none")


def test_labels():
    with pytest.raises(RangeError):
        utils.to_categorical([3], 2)
    assert keras.preprocessing.sequence.pad_sequences is utils.pad_sequences
