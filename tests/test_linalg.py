"""Matrices: values against NumPy for single ones and batches, shapes that do not fit, and what is singular."""

import math

import numpy as np
import pytest
from checks import assert_close
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, OptionError, ShapeError, TinygradError

L = tg.linalg


@st.composite
def square_matrices(draw):
    """Well-conditioned matrices, in a batch of up to two axes."""
    n, batch = draw(st.integers(1, 4)), draw(st.lists(st.integers(0, 3), max_size=2))
    random = np.random.default_rng(draw(st.integers(0, 100)))
    return random.standard_normal((*batch, n, n)) + 3 * np.eye(n)


@given(square_matrices())
def test_decompositions(matrix):
    x = tg.tensor(matrix)
    assert_close(L.inv(x), np.linalg.inv(matrix), rtol=1e-9, atol=1e-12)
    assert_close(L.det(x), np.linalg.det(matrix), rtol=1e-9)
    sign, log = L.slogdet(x)
    assert_close(sign, np.linalg.slogdet(matrix)[0])
    assert_close(log, np.linalg.slogdet(matrix)[1], rtol=1e-9)
    assert_close(L.trace(x), np.trace(matrix, axis1=-2, axis2=-1), rtol=1e-9)
    definite = matrix @ matrix.mT + np.eye(matrix.shape[-1])
    assert_close(L.cholesky(tg.tensor(definite)), np.linalg.cholesky(definite), rtol=1e-9, atol=1e-12)
    assert_close(L.cholesky(tg.tensor(definite), upper=True), np.linalg.cholesky(definite).mT, rtol=1e-9, atol=1e-12)


@given(square_matrices(), st.integers(1, 3))
def test_solve(matrix, columns):
    n = matrix.shape[-1]
    x = tg.tensor(matrix)
    right = np.random.default_rng(0).standard_normal((n, columns))
    assert_close(
        L.solve(x, tg.tensor(right)), np.linalg.solve(matrix, np.broadcast_to(right, (*matrix.shape[:-1], columns)))
    )
    assert_close(L.solve(x, tg.tensor(right[:, 0])), np.linalg.solve(matrix, right[:, 0]))
    if matrix.ndim == 2:
        batch = np.stack([right, right + 1])
        assert_close(L.solve(x, tg.tensor(batch)), np.linalg.solve(matrix[None], batch))


OF_MATRICES = {
    "eigvalsh": lambda x: L.eigvalsh(x + x.mT),
    "eigh": lambda x: L.eigh(x + x.mT)[1] ** 2,
    "inv": L.inv,
    "det": L.det,
    "slogdet": lambda x: sum(L.slogdet(x)),
    "cholesky": lambda x: L.cholesky(x @ x.mT + tg.eye(x.shape[-2], dtype=x.dtype)),
    "solve": lambda x: L.solve(x, x[..., :2]),
    "svd": lambda x: L.svd(x, full_matrices=False)[0] ** 2,
    "the other side of svd": lambda x: L.svd(x, full_matrices=False)[2] ** 2,
    "svdvals": L.svdvals,
    "pinv": L.pinv,
    "qr": lambda x: L.qr(x)[1],
}


@pytest.mark.parametrize("rows, columns", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("name", OF_MATRICES)
def test_a_batch_is_each_of_its_matrices_by_itself(name, rows, columns):
    function = OF_MATRICES[name]
    batch = np.random.default_rng(0).standard_normal((2, 5, rows, columns))
    x = tg.tensor(batch, requires_grad=True)
    if rows != columns and name in ("eigvalsh", "eigh", "inv", "det", "slogdet", "solve"):
        with pytest.raises(ShapeError):
            function(x)
        return
    y = function(x)
    assert function(tg.symbol(x.shape, x.dtype)).shape == y.shape
    (slopes,) = tg.grad((y**3).sum(), x)
    assert np.isfinite(slopes.numpy()).all()
    for place in np.ndindex(2, 5):
        one = tg.tensor(batch[place], requires_grad=True)
        alone = function(one)
        assert_close(y[place], alone.numpy(), rtol=1e-9, atol=1e-9)
        assert_close(slopes[place], tg.grad((alone**3).sum(), one)[0].numpy(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["cholesky", "det", "eigh", "inv", "pinv", "qr", "slogdet", "svd", "svdvals"])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_matrix_has_two_axes(name, shape):
    with pytest.raises(ShapeError, match="ax[ei]s"):
        getattr(L, name)(tg.ones(shape))


def test_gradients_of_batches_that_broadcast_have_the_shape_of_their_input():
    a = tg.tensor(np.eye(3) * 2, requires_grad=True)
    b = tg.tensor(np.ones((5, 3, 2)), requires_grad=True)
    L.solve(a, b).sum().backward()
    assert a.grad.shape == (3, 3)
    assert b.grad.shape == (5, 3, 2)
    assert_close(b.grad, np.full((5, 3, 2), 0.5))


@pytest.mark.parametrize("order", [None, "fro", 1, -1, math.inf, -math.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_matrices(order, keepdims):
    matrix = np.random.default_rng(0).standard_normal((3, 4))
    cube = np.random.default_rng(1).standard_normal((2, 3, 4))
    assert_close(L.norm(tg.tensor(matrix), order, keepdims=keepdims), np.linalg.norm(matrix, order, keepdims=keepdims))
    for axis in ((1, 2), (0, 2), (2, 0), (-1, 0)):
        ours = L.norm(tg.tensor(cube), order, axis=axis, keepdims=keepdims)
        assert_close(ours, np.linalg.norm(cube, order, axis=axis, keepdims=keepdims))
    if order:
        assert_close(L.matrix_norm(tg.tensor(cube), order), np.linalg.matrix_norm(cube, ord=order))


@st.composite
def any_matrices(draw):
    """Matrices of all shapes, with columns that are linearly independent or not, in a batch of up to two axes."""
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    batch = draw(st.lists(st.integers(0, 3), max_size=2))
    random = np.random.default_rng(draw(st.integers(0, 100)))
    inner = draw(st.integers(1, 4))
    return random.standard_normal((*batch, rows, inner)) @ random.standard_normal((*batch, inner, columns))


@given(any_matrices(), st.booleans())
def test_singular_values(matrix, full):
    x = tg.tensor(matrix)
    u, s, vt = L.svd(x, full_matrices=full)
    expected = np.linalg.svd(matrix, full_matrices=full)
    assert_close(s, expected.S, rtol=1e-9, atol=1e-9)
    assert (u.shape, vt.shape) == (expected.U.shape, expected.Vh.shape)
    count = s.shape[-1]
    assert_close((u[..., :count] * s[..., None, :]) @ vt[..., :count, :], matrix, rtol=1e-9, atol=1e-9)
    assert_close(u.mT @ u, np.broadcast_to(np.eye(u.shape[-1]), (*matrix.shape[:-2], *[u.shape[-1]] * 2)), atol=1e-9)
    assert_close(
        vt @ vt.mT, np.broadcast_to(np.eye(vt.shape[-2]), (*matrix.shape[:-2], *[vt.shape[-2]] * 2)), atol=1e-9
    )
    assert_close(L.svdvals(x), np.linalg.svdvals(matrix), rtol=1e-9, atol=1e-9)
    assert_close(L.pinv(x), np.linalg.pinv(matrix, rtol=1e-12), rtol=1e-6, atol=1e-6)
    if count:
        assert_close(L.matrix_rank(x), np.linalg.matrix_rank(matrix, rtol=1e-12))
        for order in ("nuc", 2, -2):
            for keepdims in (False, True):
                expected = np.linalg.matrix_norm(matrix, ord=order, keepdims=keepdims)
                assert_close(L.matrix_norm(x, order, keepdims), expected, rtol=1e-9, atol=1e-9)
    else:
        assert_close(L.matrix_rank(x), np.zeros(matrix.shape[:-2]))


@given(any_matrices(), st.sampled_from(["reduced", "complete"]))
def test_orthogonal_columns(matrix, mode):
    q, r = L.qr(tg.tensor(matrix), mode=mode)
    expected = np.linalg.qr(matrix, mode)
    assert (q.shape, r.shape) == (expected.Q.shape, expected.R.shape)
    assert_close(q @ r, matrix, atol=1e-9)
    assert_close(q.mT @ q, np.broadcast_to(np.eye(q.shape[-1]), (*matrix.shape[:-2], *[q.shape[-1]] * 2)), atol=1e-9)
    assert_close(r, np.triu(r.numpy()), atol=1e-9)


@given(square_matrices(), st.integers(-3, 5))
def test_symmetric_matrices_and_powers(matrix, n):
    symmetric = matrix + matrix.mT
    x = tg.tensor(symmetric)
    values, vectors = L.eigh(x)
    assert_close(values, np.linalg.eigvalsh(symmetric), rtol=1e-9, atol=1e-9)
    assert_close(L.eigvalsh(x), np.linalg.eigvalsh(symmetric), rtol=1e-9, atol=1e-9)
    assert_close((vectors * values[..., None, :]) @ vectors.mT, symmetric, atol=1e-9)
    assert_close(L.matrix_power(tg.tensor(matrix), n), np.linalg.matrix_power(matrix, n), rtol=1e-6, atol=1e-9)


@given(st.data())
def test_vector_products(data):
    axis = data.draw(st.sampled_from([-2, -1]))
    shapes = [[data.draw(st.sampled_from([1, n])) for n in (2, 4, 5)] for _ in range(2)]
    for shape in shapes:
        shape[axis] = 3
    a, b = (np.random.default_rng(0).standard_normal(shape) for shape in shapes)
    assert_close(L.cross(tg.tensor(a), tg.tensor(b), axis=axis), np.linalg.cross(a, b, axis=axis))


def test_small_singular_values_count_as_0():
    x = tg.tensor(np.stack([np.diag([1, 1e-3, 0.0]), np.diag([5, 1.0, 0.5])]))
    assert L.matrix_rank(x).tolist() == [2, 3]
    assert L.matrix_rank(x, rtol=0.15).tolist() == [1, 2]
    assert L.matrix_rank(x, rtol=tg.tensor([1e-9, 0.5])).tolist() == [2, 1]
    assert_close(L.pinv(x, rtol=tg.tensor([1e-9, 0.5]))[0], np.diag([1, 1e3, 0]))
    assert_close(L.pinv(x, rtol=0.15)[1], np.diag([0.2, 1, 0]))


@pytest.mark.parametrize("equal", [np.eye(3), np.diag([2.0, 2, 1]), np.zeros((3, 3))])
def test_derivatives_where_values_are_equal(equal):
    """Those of the values are right. Those of the vectors would be a guess: they are nan or inf, and not a number."""
    x = tg.tensor(equal, requires_grad=True)
    for values in (L.eigh(x).eigenvalues, L.eigvalsh(x)):
        assert_close(tg.grad((values**2).sum(), x)[0], 2 * equal)  # of tr x²
    for values in (L.svd(x).S, L.svdvals(x)):
        assert_close(tg.grad((values**2).sum(), x)[0], 2 * equal)
    values, vectors = L.eigh(x)
    u, s, vt = L.svd(x)
    weights = tg.tensor(np.arange(9.0).reshape(3, 3))
    for whole in ((vectors * (values + 1)) @ vectors.mT, (u * (s + 1)) @ vt):
        assert not np.isfinite(tg.grad((whole * weights).sum(), x)[0].numpy()).all()


def test_norms_of_vectors():
    vector = np.array([3.0, -4.0, 0.0])
    for order in (None, 0, 1, 2, 3, math.inf, -math.inf):
        assert_close(L.norm(tg.tensor(vector), order), np.linalg.norm(vector, order))
    assert_close(L.vector_norm(tg.tensor(vector)), 5)


def test_the_names_of_the_standard_are_here():
    a, b = tg.ones(2, 3), tg.ones(3, 2)
    assert_close(L.matmul(a, b), np.full((2, 2), 3))
    assert_close(L.outer(tg.ones(2), tg.ones(3)), np.ones((2, 3)))
    assert_close(L.vecdot(a, a), [3, 3])
    assert_close(L.tensordot(a, b, 1), np.full((2, 2), 3))
    assert_close(L.matrix_transpose(a), np.ones((3, 2)))
    assert_close(L.diagonal(a), [1, 1])


def test_integers_become_floats():
    x = tg.tensor([[2, 0], [0, 4]])
    assert L.inv(x).dtype == L.det(x).dtype == tg.float32
    assert_close(L.inv(x), [[0.5, 0], [0, 0.25]])


# -- what does not fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [L.inv, L.det, L.slogdet, L.cholesky])
def test_what_is_not_square(function):
    for x in (tg.ones(2, 3), tg.ones(3), tg.symbol((2, 3))):
        with pytest.raises(ShapeError, match="square matrix"):
            function(x)


def test_systems_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"solve.*\(2, 2\) and \(3, 1\)"):
        L.solve(tg.eye(2), tg.ones(3, 1))
    with pytest.raises(ShapeError, match=r"solve.*broadcast"):
        L.solve(tg.ones(2, 2, 2), tg.ones(3, 2, 2))


@pytest.mark.host_only  # cuSOLVER reports nothing: the result is inf or nan
def test_singular_matrices_are_reported():
    for call in (lambda: L.inv(tg.zeros(2, 2)), lambda: L.solve(tg.zeros(2, 2), tg.ones(2, 1))):
        with pytest.raises(TinygradError, match=r"(?i)\(2, 2\).*singular"):
            call()
    with pytest.raises(TinygradError, match="(?i)cholesky.*not positive definite"):
        L.cholesky(-tg.eye(2))


def test_the_determinant_of_a_singular_matrix_is_zero():
    assert_close(L.det(tg.zeros(2, 2)), 0)
    sign, log = L.slogdet(tg.zeros(2, 2))
    assert (sign.item(), log.item()) == (0, -math.inf)


@pytest.mark.host_only
def test_half_precision_is_refused_in_words():
    with pytest.raises(DTypeError, match="inv.*float16"):
        L.inv(tg.eye(2, dtype="float16"))


def test_unknown_orders():
    with pytest.raises(OptionError, match="order 3: use 'fro', 'nuc'"):
        L.matrix_norm(tg.eye(2), 3)
    with pytest.raises(OptionError, match="'reduced' or 'complete', not 'r'"):
        L.qr(tg.eye(2), mode="r")
    with pytest.raises(OptionError, match=r"whole number of times, not 0\.5"):
        L.matrix_power(tg.eye(2), 0.5)
    with pytest.raises(ShapeError, match="cross needs axis -1 of size 3"):
        L.cross(tg.ones(3, 2), tg.ones(3, 2))
    with pytest.raises(DTypeError, match="rank of .*int64.* convert"):
        L.matrix_rank(tg.ones(2, 2, dtype="int64"))
    with pytest.raises(ShapeError, match="trace|diagonal|axis"):
        L.trace(tg.ones(3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tg.ones(2, 3) @ tg.ones(2, 3), r"matmul.*\(2, 3\).*\(2, 3\).*size 3.*size 2"),
        (lambda: tg.ones(3) @ tg.ones(2, 3), "matmul.*last but one"),
        (lambda: tg.ones(2, 3) @ tg.ones(2), "matmul.*only axis"),
        (lambda: tg.ones(2, 3) @ 2.0, "0-d|at least 1 axis"),
        (lambda: tg.ones(2, 3, 4) @ tg.ones(3, 4, 5), "matmul.*broadcast"),
        (lambda: tg.tensordot(tg.ones(2, 3), tg.ones(2, 3), 1), "tensordot.*equal sizes"),
        (lambda: tg.einsum("ij,jk", tg.ones(2, 3), tg.ones(2, 3)), "einsum.*'j' has sizes 3 and 2"),
        (lambda: tg.einsum("ij", tg.ones(2)), "names 2 axes"),
        (lambda: tg.einsum("i,i", tg.ones(2)), "names 2 operands, but 1"),
        (lambda: tg.einsum("i->j", tg.ones(2)), "only axes that an operand has"),
        (lambda: tg.einsum("ij->ii", tg.ones(2, 2)), "each axis once"),
        (lambda: tg.matrix_transpose(tg.ones(2)), "at least 2 axes"),
        (lambda: L.solve(tg.eye(3), tg.ones(4)), "needs 3 rows"),
        (lambda: L.solve(tg.eye(3), tg.ones(4, 2)), "needs 3 rows"),
        (lambda: L.solve(tg.eye(3), tg.tensor(1.0)), "needs 3 rows"),
        (lambda: L.solve(tg.ones(2, 3), tg.ones(3)), "last two axes must be equal"),
    ],
)
def test_products_that_do_not_fit(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


@pytest.mark.parametrize("make", [tg.ones, lambda *shape: tg.symbol(shape)])
def test_a_product_that_does_not_fit_is_told_by_the_sizes_that_do_not(make):
    with pytest.raises(ShapeError, match="first has size 3, the last but one axis of the second has size 4;"):
        make(5, 2, 3) @ make(4, 6)
    with pytest.raises(ShapeError, match="first has size 3, .*axis of the second has size 4;"):
        make(2, 3) @ make(4)
