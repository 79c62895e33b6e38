"""The dtype of every value and gradient is that of the inputs, and nothing widens by accident."""

import numpy as np
import operations
import pytest
from checks import assert_close, leaf

import tinygrad_ml as tg


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_values_and_gradients_keep_the_dtype(operation, dtype):
    if dtype == "float16" and _needs_lapack(operation):
        pytest.skip("LAPACK knows no half precision")
    x = [tg.tensor(array, dtype=dtype, requires_grad=True) for array in operation.inputs]
    y = operation.function(*x)
    outputs = [y] if isinstance(y, tg.Tensor) else list(y)
    assert {part.dtype.name for part in outputs} == {dtype}
    first = tg.grad(outputs, x, [tg.ones_like(part) for part in outputs], create_graph=True)
    assert {g.dtype.name for g in first} == {dtype}
    exact = operation.function(*map(tg.tensor, operation.inputs))
    for part, reference in zip(outputs, [exact] if isinstance(exact, tg.Tensor) else exact, strict=True):
        tolerance = {"float32": 2e-4, "float16": 0.1}[dtype]
        assert_close(part, reference.numpy(), rtol=tolerance, atol=tolerance)


def _needs_lapack(operation) -> bool:
    inverses = ("inv", "det", "log|det|", "sign of det", "cofactors", "cholesky", "solve")
    decompositions = ("eig", "svd", "all of svd", "pinv", "qr", "all of qr", "matrix norm nuc", "matrix norm 2")
    return operation.name.startswith((*inverses, *decompositions, "matrix norm -2"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numbers_never_widen_a_tensor(dtype):
    x = tg.ones(3, dtype=dtype)
    for y in (
        *(x + 1, 2 * x, x / 3, 1 - x, x**2, 2.5**x, x**0.5, x // 2, x % 2),
        *(
            x * np.float64(2),
            np.float64(2) * x,
            x * np.float32(2),
            x ** np.float64(2),
            np.float64(2) ** x,
            x * np.int64(2),
            x * True,
            x * np.array(2.0),
        ),
        *(x.mean(), x.std(), x.softmax(), x.norm(), x.clip(0, 0.5), tg.where(x > 0, x, 0.0), tg.maximum(x, 0.5)),
        *(tg.concat([x, x]).mean(keepdims=True), x.var(correction=1), x.prod(), x.logsumexp(), x.cumulative_prod()),
    ):
        assert y.dtype == dtype


def test_kinds_meet():
    assert (tg.arange(3) + 1).dtype == tg.int64
    assert (tg.arange(3) + 1.5).dtype == tg.float32
    assert (tg.arange(3) / 2).dtype == tg.float32
    assert (tg.arange(3) * tg.ones(3, dtype="float16")).dtype == tg.float16
    assert (tg.ones(3) * tg.ones(3, dtype="float64")).dtype == tg.float64
    assert (tg.ones(3) * tg.ones(3, dtype="bool")).dtype == tg.float32
    assert (tg.tensor([True]) + 1).dtype == tg.int64
    assert tg.arange(3).exp().dtype == tg.float32
    assert tg.tensor([1.5]).dtype == tg.tensor(1.5).dtype == tg.float32
    assert tg.tensor([1]).dtype == tg.int64
    assert tg.tensor(np.ones(2)).dtype == tg.float64


def test_where_dtypes_meet_each_input_gets_a_gradient_in_its_own():
    half, double = leaf([1.0, 2.0], "float16"), leaf([3.0, 4.0], "float64")
    y = half * double
    assert y.dtype == tg.float64
    y.sum().backward()
    assert (half.grad.dtype, double.grad.dtype) == (tg.float16, tg.float64)
    assert_close(half.grad, [3, 4])


def test_a_cast_casts_the_gradient_back():
    x = leaf([1.0, 2.0])
    y = (x.astype("float64") ** 3).sum()
    (first,) = tg.grad(y, x, create_graph=True)
    assert first.dtype == tg.float32
    assert_close(first, [3, 12])
    assert_close(tg.grad(first.sum(), x)[0], [6, 12])


def test_scaling_a_half_precision_loss_stays_in_half_precision():
    x = leaf([1.0, 2.0], "float16")
    ((x * x).mean() * 1024).backward()
    assert x.grad.dtype == tg.float16
    assert_close(x.grad, [1024, 2048])
