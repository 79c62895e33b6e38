"""What is read from an ONNX file is written again as it stood there: import, export, import gives the same graph."""

from pathlib import Path

import numpy
import pytest

import tinygrad_ml as tg
from tests.onnx_corruptions import equal, inputs_of, ours, same, small_files
from tinygrad_ml import optim
from tinygrad_ml.onnx.reading import read
from tinygrad_ml.onnx.writing import file_proto

onnx = pytest.importorskip("onnx", reason="onnx reads the files")

pytestmark = pytest.mark.host_only

FILES = small_files()


def test_every_file_in_the_folder_of_the_suite_is_written_as_it_was_read():
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    found = sorted(folder.rglob("model.onnx"))
    assert len(found) > 100
    for path in found:
        file = read(path)
        assert equal(file, read(file_proto(file).SerializeToString())), path


@pytest.mark.parametrize("name", FILES)
def test_a_model_is_exported_as_it_was_read(name, tmp_path):
    model = tg.onnx.load(FILES[name])
    tg.onnx.export(model, list(model.symbols(default=2)), tmp_path / "again.onnx")
    assert equal(read(FILES[name]).graph, read(tmp_path / "again.onnx").graph)
    inputs = inputs_of(FILES[name])
    assert same(ours(FILES[name], inputs), ours((tmp_path / "again.onnx").read_bytes(), inputs))


def test_what_was_learnt_is_written(tmp_path):
    model = tg.onnx.load(FILES["layers"])
    x = tg.ones((2, 4))
    (model(x) ** 2).sum().backward()
    optim.SGD(model.parameters(), lr=0.1).step()
    tg.onnx.export(model, (2, 4), tmp_path / "learnt.onnx")
    learnt = tg.onnx.load(tmp_path / "learnt.onnx")
    assert numpy.array_equal(learnt.w.numpy(), model.w.numpy()) and not equal(
        learnt.w.numpy(), tg.onnx.load(FILES["layers"]).w.numpy()
    )
    assert numpy.array_equal(learnt(x).numpy(), model(x).numpy())


def test_another_opset_is_written_anew(tmp_path):
    model = tg.onnx.load(FILES["layers"])
    tg.onnx.export(model, (2, 4), tmp_path / "new.onnx", opset=20)
    assert read(tmp_path / "new.onnx").opsets == {"": 20}
    x = tg.ones((2, 4))
    numpy.testing.assert_allclose(tg.onnx.load(tmp_path / "new.onnx")(x).numpy(), model(x).numpy(), rtol=1e-6)
