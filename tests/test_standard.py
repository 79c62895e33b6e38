"""The library as a namespace of the Python Array API standard: what one asks it, and the rules that hold by name.

The suite of the standard's makers says more; `python -m tests.array_api` runs it.
"""

import importlib
import inspect
import math
import pkgutil
from itertools import product

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, OptionError

FLOATS = ("float16", "float32", "float64")
SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
ALL = ("bool", *SIGNED, *UNSIGNED, *FLOATS)


def test_constants():
    assert (tg.e, tg.pi, tg.inf, tg.newaxis) == (math.e, math.pi, math.inf, None)
    assert math.isnan(tg.nan)
    assert tg.ones(3)[:, tg.newaxis].shape == (3, 1)


def test_the_namespace_of_a_tensor():
    x = tg.ones(2)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is tg
    assert tg.__array_api_version__ == "2024.12"
    with pytest.raises(OptionError, match="'2030.12' .* is not offered; '2024.12' is"):
        x.__array_namespace__(api_version="2030.12")
    assert x.to_device(x.device) is x
    assert complex(tg.tensor(2.0)) == 2 + 0j


def test_what_the_namespace_tells_of_itself():
    info = tg.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert tg.device("cpu") in info.devices()
    assert info.default_device() == tg.ones(1).device
    assert info.default_dtypes() == {"real floating": tg.float32, "integral": tg.int64, "indexing": tg.int64}
    assert set(info.dtypes(kind="integral")) == {*SIGNED, *UNSIGNED}
    assert info.dtypes(kind=("bool", "real floating")) == {
        "bool": tg.bool,
        "float32": tg.float32,
        "float64": tg.float64,
    }


def test_names_behind_the_dot_are_meant_for_users():
    """Each is a function, a class, a number, a dtype, or one of the rooms with names of their own."""
    rooms = {"data", "distributed", "distributions", "errors", "keras", "linalg", "nn", "onnx", "optim", "random"}
    for part in pkgutil.iter_modules(tg.__path__):  # whatever is imported under way
        if not part.name.startswith("_"):
            importlib.import_module(f"tinygrad_ml.{part.name}")
    names = [name for name in dir(tg) if not name.startswith("__")]
    assert {name for name in names if inspect.ismodule(getattr(tg, name))} == rooms
    assert not [name for name in names if name.startswith("_")]
    assert {"Tensor", "compile", "matmul", "float32", "pi", "unique_values"} <= set(names)


def test_kinds_of_dtypes():
    kinds = {
        "bool": ("bool",),
        "signed integer": SIGNED,
        "unsigned integer": UNSIGNED,
        "integral": (*SIGNED, *UNSIGNED),
        "real floating": FLOATS,
        "complex floating": (),
        "numeric": (*SIGNED, *UNSIGNED, *FLOATS),
    }
    for kind, dtype in product(kinds, ALL):
        assert tg.isdtype(getattr(tg, dtype), kind) is (dtype in kinds[kind])
    assert tg.isdtype("int8", (tg.float32, "signed integer"))
    assert tg.isdtype(tg.float32, tg.float32)
    assert not tg.isdtype(tg.float32, "float64")
    with pytest.raises(OptionError, match="'real' is no kind of dtypes"):
        tg.isdtype(tg.float32, "real")


def test_the_dtype_in_which_operands_meet_is_that_of_their_sum():
    for a, b in product(ALL, ALL):
        made = (tg.ones(1, dtype=a) + tg.ones(1, dtype=b)).dtype
        assert tg.result_type(a, b) == tg.result_type(tg.ones(1, dtype=a), getattr(tg, b)) == made
        assert tg.can_cast(a, b) is (made == b)
    for dtype, number in product(ALL, (True, 2, 2.5)):
        assert tg.result_type(number, getattr(tg, dtype)) == (tg.ones(1, dtype=dtype) + number).dtype
    with pytest.raises(DTypeError, match="a tensor or a dtype at least"):
        tg.result_type(1, 2.0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_limits_of_floats(dtype):
    for asked in (dtype, getattr(tg, dtype), tg.ones(2, dtype=dtype)):
        ours, numpy = tg.finfo(asked), np.finfo(dtype)
        for name in ("bits", "eps", "max", "min", "smallest_normal", "dtype"):
            assert getattr(ours, name) == getattr(numpy, name)
        assert type(ours.max) is float
    with pytest.raises(DTypeError, match="see finfo"):
        tg.iinfo(dtype)


@pytest.mark.parametrize("dtype", [*SIGNED, *UNSIGNED])
def test_limits_of_integers(dtype):
    for asked in (dtype, getattr(tg, dtype), tg.ones(2, dtype=dtype)):
        ours, numpy = tg.iinfo(asked), np.iinfo(dtype)
        assert (ours.bits, ours.max, ours.min, ours.dtype) == (numpy.bits, numpy.max, numpy.min, numpy.dtype)
    with pytest.raises(DTypeError, match="see iinfo"):
        tg.finfo(dtype)


@pytest.mark.parametrize(
    ("function", "keywords"),
    [
        (tg.zeros, "shape dtype device"),
        (tg.reshape, "shape copy"),
        (tg.asarray, "dtype device copy"),
        (tg.astype, "dtype copy device"),
        (tg.sort, "axis descending stable"),
        (tg.argsort, "axis descending stable"),
        (tg.cumulative_sum, "axis dtype include_initial"),
        (tg.prod, "axis dtype keepdims"),
        (tg.linalg.trace, "offset dtype"),
        (tg.linalg.vector_norm, "axis keepdims ord"),
    ],
)
def test_keywords_of_the_standard(function, keywords):
    assert set(keywords.split()) <= set(inspect.signature(function).parameters)


def test_the_diagonals_of_matrices():
    """Those of `tg.diagonal` are of the first two axes, as NumPy's; those of the standard's of the last two."""
    x = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(tg.linalg.diagonal(tg.tensor(x), offset=1).numpy(), np.linalg.diagonal(x, offset=1))
    assert np.array_equal(tg.diagonal(tg.tensor(x)).numpy(), np.diagonal(x))
