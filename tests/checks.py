"""Small checks that many tests share."""

import gc

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.modes import watching

words = str.split


def leaf(data, dtype=None, name: str | None = None) -> tg.Tensor:
    """A tensor that requires a gradient."""
    return tg.tensor(data, dtype=dtype, requires_grad=True, name=name)


def assert_close(tensor, expected, rtol: float = 1e-6, atol: float = 1e-7) -> None:
    """The numbers and the shape of a tensor."""
    actual = tensor.numpy()
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def operations_in(function) -> list[str]:
    """The names of the primitives that run while `function()` does, in order."""
    names = []
    with watching(lambda primitive, *_: names.append(primitive.name)):
        function()
    return names


def garbage_of(function) -> int:
    """How many objects in reference cycles `function()` leaves behind."""
    function()  # what is built once and stays is not garbage
    gc.collect()
    gc.disable()
    try:
        function()
        return gc.collect()
    finally:
        gc.enable()
