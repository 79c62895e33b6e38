"""Keras's data sets by their names: from files in the real formats, which are checked, and never run."""

import hashlib
import io
import json
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from tinygrad_ml.data import CIFAR100, read_npz
from tinygrad_ml.data import vision as data_vision
from tinygrad_ml.errors import DataError, OptionError
from tinygrad_ml.keras import datasets
from tinygrad_ml.keras.datasets import arrays, boston_housing, california_housing, cifar100, imdb, reuters


def lists(*texts):
    made = np.empty(len(texts), object)
    made[:] = [list(text) for text in texts]
    return made


TEXTS = lists([1, 5, 2], [7, 7], [3], [4, 1, 9, 9, 2], [6, 2])
LABELS = np.array([0, 1, 1, 0, 1])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of downloads without anything in it, and no network."""
    monkeypatch.setattr(arrays, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(cifar100, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for folder in ("cache", "keras/datasets"):
        (tmp_path / folder).mkdir(parents=True)

    def fetch(urls, path, checksum):
        raise DataError(f"{path} could not be downloaded: no network, {urls}. Put it there")

    monkeypatch.setattr(arrays, "fetch", fetch)
    monkeypatch.setattr(data_vision, "fetch", fetch)
    return tmp_path


def published(monkeypatch, module, source, content, folder, kind="sha256"):
    """Put a file in a folder, and let it be the one that is published."""
    old = getattr(module, source)
    monkeypatch.setattr(module, source, arrays.Source(old.name, hashlib.new(kind, content).hexdigest()))
    (folder / old.name).write_bytes(content)
    return folder / old.name


def npz(**values):
    content = io.BytesIO()
    np.savez(content, **values)
    return content.getvalue()


def test_imdb(home, monkeypatch):
    content = npz(x_train=TEXTS, y_train=LABELS, x_test=TEXTS[:3], y_test=LABELS[:3])
    published(monkeypatch, imdb, "IMDB", content, home / "cache")
    (x, y), (x_test, y_test) = datasets.imdb.load_data()
    order = np.arange(5)
    np.random.RandomState(113).shuffle(order)
    assert x.dtype == object and x.tolist() == [[1, *(word + 3 if word < 9 else 2 for word in TEXTS[i])] for i in order]
    assert y.tolist() == LABELS[order].tolist() and x_test.shape == y_test.shape == (3,)
    (x, _), _ = datasets.imdb.load_data(num_words=8, skip_top=5)
    assert x.tolist() == [[2, *(word + 3 if 5 <= word + 3 < 8 else 2 for word in TEXTS[i])] for i in order]
    (x, _), _ = datasets.imdb.load_data(num_words=8, oov_char=None, start_char=None, index_from=0)
    assert x.tolist() == [[word for word in TEXTS[i] if word < 8] for i in order]
    (x, y), _ = datasets.imdb.load_data(maxlen=4)
    assert sorted(map(len, x)) == [2, 3, 3] and len(y) == 3
    with pytest.raises(OptionError, match="maxlen=2"):
        datasets.imdb.load_data(maxlen=2)
    with pytest.raises(OptionError, match="words"):
        datasets.imdb.load_data(words=3)
    with pytest.warns(DeprecationWarning, match="num_words"):
        datasets.imdb.load_data(nb_words=8)
    index = json.dumps({"the": 1, "wörld": 2}).encode()
    published(monkeypatch, imdb, "IMDB_WORDS", index, home / "keras/datasets", "md5")
    assert datasets.imdb.get_word_index() == {"the": 1, "wörld": 2}


def test_reuters(home, monkeypatch):
    path = published(monkeypatch, reuters, "REUTERS", npz(x=TEXTS, y=LABELS), home)
    (x, y), (x_test, y_test) = datasets.reuters.load_data(str(path), test_split=0.4)
    assert len(x) == len(y) == 3 and len(x_test) == len(y_test) == 2
    assert sorted(map(len, [*x, *x_test])) == [2, 3, 3, 4, 6]
    names = datasets.reuters.get_label_names()
    assert len(names) == 46 and names[3:5] == ("earn", "acq")


def test_houses(home, monkeypatch):
    values = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    content = npz(x=values[0], y=values[1])
    for module, source in ((boston_housing, "BOSTON_HOUSING"), (california_housing, "CALIFORNIA_HOUSING")):
        published(monkeypatch, module, source, content, home / "keras/datasets")
        (x, y), (x_test, y_test) = module.load_data(test_split=0.25)
        assert x.shape == (15, 2) and x_test.shape == (5, 2) and (x[:, 0] == 2 * y).all()
        assert sorted([*y, *y_test]) == list(range(20)) and y.tolist() != list(range(15))
        with pytest.raises(OptionError, match="test_split"):
            module.load_data(test_split=1)
    monkeypatch.setattr(california_housing, "SMALL_SAMPLES", 4)
    assert california_housing.load_data("small")[0][0].shape == (3, 2)
    with pytest.raises(OptionError, match="version"):
        california_housing.load_data("tiny")


def test_a_file_with_another_checksum_is_refused(home, monkeypatch):
    path = published(monkeypatch, imdb, "IMDB", npz(x=1), home)
    path.write_bytes(npz(x=2))
    with pytest.raises(DataError, match=r"checksum.*Fetch https"):
        datasets.imdb.load_data(str(path))
    assert path.exists()
    (home / "cache/imdb.npz").write_bytes(b"another")  # which a download would replace
    with pytest.raises(DataError, match="no network"):
        datasets.imdb.load_data()
    with pytest.raises(DataError, match="does not exist"):
        datasets.imdb.load_data(str(home / "nowhere.npz"))


@pytest.mark.parametrize("name", ["imdb", "reuters", "boston_housing", "california_housing", "cifar100"])
def test_without_a_network_one_message_says_where_the_file_goes(home, name):
    with pytest.raises(DataError, match=r"cache.* could not be downloaded: .*https://.*Put it there"):
        getattr(datasets, name).load_data()


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-be-there",)


def pickled(value):
    """An array of objects whose content is another pickle."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"shape": (1,), "fortran_order": False, "descr": "|O"})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", content.getvalue() + pickle.dumps(value))
    return file.getvalue()


def test_what_a_pickle_says_is_not_run(tmp_path):
    path = tmp_path / "a.npz"
    one = np.empty(1, object)
    one[0] = Evil()
    for value in (Evil(), one, [1], {"a": 1}, np.empty((1, 1), object)):
        path.write_bytes(pickled(value))
        with pytest.raises(DataError):
            read_npz(path)
    for content in ([{}], [["a"]], [[[1]]], [None]):
        one = np.empty(1, object)
        one[:] = content
        path.write_bytes(pickled(one))
        with pytest.raises(DataError, match="list of numbers"):
            read_npz(path)
    path.write_bytes(npz(x=lists([1, 2], []), y=np.eye(2, dtype="float32")))
    found = read_npz(path)
    assert found["x"].tolist() == [[1, 2], []] and found["y"].dtype == "float32"
    assert not os.path.exists("/tmp/should-not-be-there")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        read_npz(path)
    path.write_bytes(whole)
    with pytest.raises(DataError, match="SHA-256"):
        read_npz(path, "0" * 64)
    with pytest.raises(OptionError, match="32 hexadecimal digits"):
        read_npz(path, "00ff")


def test_cifar100(home, monkeypatch):
    monkeypatch.setattr(CIFAR100, "records_per_file", (4, 2))
    random = np.random.default_rng(0)
    parts = {name: random.integers(0, 20, (count, 2 + 3072), "uint8") for name, count in (("train", 4), ("test", 2))}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, records in parts.items():
            info = tarfile.TarInfo(f"cifar-100-binary/{name}.bin")
            info.size = records.nbytes
            tar.addfile(info, io.BytesIO(records.tobytes()))
    (home / "cache" / CIFAR100.archive).write_bytes(content.getvalue())
    monkeypatch.setattr(CIFAR100, "md5", hashlib.md5(content.getvalue()).hexdigest())
    monkeypatch.setattr(data_vision, "fetch", lambda urls, path, checksum: path)
    (x, y), (x_test, y_test) = datasets.cifar100.load_data()
    assert (
        x.shape == (4, 32, 32, 3) and x.dtype == "uint8" and y.shape == (4, 1) and x_test.shape[0] == len(y_test) == 2
    )
    np.testing.assert_array_equal(x[1], parts["train"][1, 2:].reshape(3, 32, 32).transpose(1, 2, 0))
    np.testing.assert_array_equal(y[:, 0], parts["train"][:, 1])
    np.testing.assert_array_equal(datasets.cifar100.load_data("coarse")[0][1][:, 0], parts["train"][:, 0])
    assert len(CIFAR100(home / "cache").classes) == 100
    assert len(CIFAR100(home / "cache", coarse=True).classes) == 20
