"""Which library computes on an array, and how further ones make themselves known; what a tensor answers to wrong names."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import backend
from tinygrad_ml.backend import arrays, devices
from tinygrad_ml.errors import DeviceError, DTypeError

pytestmark = pytest.mark.host_only


def array_type(package: str) -> type:
    return type("Array", (), {"__module__": f"{package}.core"})


def test_a_package_is_known_by_the_module_of_its_arrays(monkeypatch):
    monkeypatch.setattr(arrays, "_of_package", dict(arrays._of_package))
    monkeypatch.setattr(arrays, "BY_TYPE", arrays._ByArrayType(arrays.BY_TYPE))
    opened, ours = [], object()
    arrays.register_package("further", lambda: opened.append(1) or ours)
    kind = array_type("further")
    assert arrays.of(kind()) is ours and arrays.of(kind()) is ours
    assert opened == [1]  # when the first of them was met, and then known
    with pytest.raises(DTypeError, match="Array is not an array type of any registered backend"):
        arrays.of(array_type("unheard_of")())


def test_cupys_arrays_and_the_gpu_are_known_without_an_import_of_cupy():
    assert "cupy" in arrays._of_package and "gpu" in devices._openers
    assert tg.device("gpu") == "gpu"


def test_a_further_kind_of_device_is_a_name_from_then_on(monkeypatch):
    monkeypatch.setattr(devices, "_openers", dict(devices._openers))
    with pytest.raises(DeviceError, match="'tpu' is not a device; use one of 'cpu', 'gpu'"):
        tg.device("tpu")
    devices.register_kind("tpu", lambda index: arrays.HOST)
    assert backend.get(tg.device("tpu:1")) is arrays.HOST


def test_brackets_and_names_come_with_the_methods():
    x = tg.tensor(np.arange(6.0).reshape(2, 3))
    assert x[1, -1].item() == 5
    x[0] = 7
    assert x.tolist() == [[7, 7, 7], [3, 4, 5]]
    with pytest.raises(AttributeError, match="no attribute 'unsqueeze'; here it is x.expand_dims"):
        x.unsqueeze(0)
    with pytest.raises(AttributeError, match="no attribute 'nothing'$"):
        x.nothing
    assert not hasattr(x, "__array_interface__")
