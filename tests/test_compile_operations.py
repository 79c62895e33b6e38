"""Compiled equals eager, for every operation of the table: its value, its gradients, and gradients of gradients."""

import numpy as np
import pytest
from operations import TABLE

import tinygrad_ml as tg


def _outputs(function, inputs):
    made = function(*inputs)
    return tuple(made) if isinstance(made, (tuple, list)) else (made,)


def values(function):
    return lambda *inputs: _outputs(function, inputs)


def gradients(function):
    def compute(*inputs):
        wanted = [y for y in _outputs(function, inputs) if y.requires_grad]
        if not wanted:
            return ()
        seeds = [tg.ones_like(y) for y in wanted]
        return tuple(g for g in tg.grad(wanted, inputs, seeds, allow_unused=True) if g is not None)

    return compute


def second_gradients(function):
    def compute(*inputs):
        wanted = [y for y in _outputs(function, inputs) if y.requires_grad]
        if not wanted:
            return ()
        first = tg.grad(wanted, inputs, [tg.ones_like(y) for y in wanted], create_graph=True, allow_unused=True)
        total = sum((g * g).sum() for g in first if g is not None)
        return tuple(g for g in tg.grad(total, inputs, allow_unused=True) if g is not None)

    return compute


def both_orders(function):
    first, second = gradients(function), second_gradients(function)
    return lambda *inputs: first(*inputs) + second(*inputs)


def everything(function):
    value, slopes = values(function), both_orders(function)
    return lambda *inputs: value(*inputs) + slopes(*inputs)


@pytest.mark.host_only
@pytest.mark.parametrize(
    ("dtype", "steps"), [("float64", [everything]), ("float32", [values, both_orders])], ids=["float64", "float32"]
)
@pytest.mark.parametrize("operation", TABLE, ids=lambda row: row.name)
def test_compiled_equals_eager(operation, dtype, steps):
    """In one step, where they share what they compute, and the value in one of its own."""
    if operation.name == "boolean mask":
        return  # see test_wrong_use.py
    for kind in steps:
        function = kind(operation.function)
        step = tg.compile(function)
        for factor in (1.0, 1.01):  # the second call has other numbers
            inputs = [
                tg.tensor(np.asarray(x * factor, dtype), requires_grad=True) if x.dtype.kind == "f" else tg.tensor(x)
                for x in operation.inputs
            ]
            expected, found = function(*inputs), step(*inputs)
            assert len(expected) == len(found)
            for a, b in zip(expected, found, strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                tolerance = 1e-12 if dtype == "float64" else 2e-5
                scale = max(1.0, float(np.max(np.abs(a.numpy()[np.isfinite(a.numpy())]), initial=0)))
                np.testing.assert_allclose(b.numpy(), a.numpy(), tolerance, tolerance * scale)
