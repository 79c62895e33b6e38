"""Symbolic tensors: the shape and dtype rules of every operation foretell what is computed, and nothing is computed."""

import numpy as np
import operations
import pytest
from checks import words
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.errors import DTypeError, GradientError, ShapeError, TinygradError
from tinygrad_ml.modes import watching
from tinygrad_ml.ops import PRIMITIVES
from tinygrad_ml.tensor import apply

WITHOUT_GRADIENT = {
    "equal": lambda x: x == x,
    "not_equal": lambda x: x != 1,
    "less": lambda x: x < 1,
    "less_equal": lambda x: x <= 1,
    "greater": lambda x: x > 1,
    "greater_equal": lambda x: x >= 1,
    "logical_and": lambda x: tg.logical_and(x, x),
    "logical_or": lambda x: tg.logical_or(x, x),
    "logical_xor": lambda x: tg.logical_xor(x, x),
    "logical_not": tg.logical_not,
    "bits": lambda x: (x > 0) & (x < 1) | ~(x > 2) ^ (x < 3),
    "bits of integers": lambda x: x.astype("int16") & 3 | ~x.astype("int8") ^ 1,
    "shifts": lambda x: x.astype("int64") << 2 >> 1,
    "signbit": tg.signbit,
    "nextafter": lambda x: tg.nextafter(x, 0),
    "searchsorted": lambda x: tg.searchsorted(tg.linspace(-1, 1, 5), x, side="right"),
    "count_nonzero": lambda x: tg.count_nonzero(x, axis=0),
    "matrix_rank": lambda x: tg.linalg.matrix_rank(x.astype("float32")),
    "isnan": tg.isnan,
    "isinf": tg.isinf,
    "isfinite": tg.isfinite,
    "argmax": lambda x: tg.argmax(x, 1),
    "argmax of all": lambda x: tg.argmax(x, keepdims=True),
    "argmin": lambda x: tg.argmin(x, 0, keepdims=True),
    "any": lambda x: tg.any(x, 0),
    "all": tg.all,
    "argsort": lambda x: tg.argsort(x, 0, descending=True),
    "topk": lambda x: tg.topk(x, 2, 0)[1],
    "to integers": lambda x: x.astype("int32"),
    "to half": lambda x: x.astype("float16"),
    "to bools": lambda x: x.astype("bool"),
    "one_hot": lambda x: tg.one_hot(x.astype("int64"), 4),
    "ones_like": tg.ones_like,
    "full_like": lambda x: tg.full_like(x, 3.0),
}


class Foretold:
    """A watcher that compares each operation's rules with its result, and remembers which ones it saw."""

    def __init__(self):
        self.seen = set()

    def __call__(self, primitive, inputs, params, output):
        if output.symbolic:
            return
        self.seen.add(primitive.name)
        symbols = tuple(tg.symbol(x.shape, x.dtype) for x in inputs)
        rule = apply(primitive, symbols, params)
        assert rule.symbolic
        assert (rule.shape, rule.dtype) == (output.shape, output.dtype), primitive
        work = primitive.flops(output.shape, *[x.shape for x in inputs]) if primitive.flops else output.size
        assert isinstance(work, int)
        assert work >= 0


def test_rules_foretell_shape_and_dtype_of_every_primitive_forward_and_backward():
    foretold = Foretold()
    with watching(foretold):
        for dtype in ("float32", "float64"):
            for operation in operations.TABLE:
                x = [tg.tensor(array, dtype=dtype, requires_grad=True) for array in operation.inputs]
                y = operation.function(*x)
                outputs = [y] if isinstance(y, tg.Tensor) else list(y)
                first = tg.grad(outputs, x, [tg.ones_like(part) for part in outputs], create_graph=True)
                tg.grad(first, x, [tg.ones_like(g) for g in first])
            for function in WITHOUT_GRADIENT.values():
                function(tg.tensor(operations.A, dtype=dtype))
    assert set(PRIMITIVES) - foretold.seen == {"transfer", "gcd"}  # gcd is of integers, and the table of floats


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16"])
def test_rules_foretell_other_dtypes(dtype):
    """An operation that refuses a dtype refuses it with a clear error; what it accepts it foretells."""
    foretold = Foretold()
    numbers = np.array([[1, 0, 1], [1, 1, 0]])
    functions = [
        *WITHOUT_GRADIENT.values(),
        *(getattr(tg, name) for name in words("abs exp sqrt floor round trunc sign relu square negative reciprocal")),
        *(getattr(tg, name) for name in words("sum prod mean max min var std norm sort")),
        *(
            lambda x, name=name: getattr(tg, name)(x, x + 1)
            for name in words("add subtract multiply divide maximum minimum")
        ),
        *(
            lambda x, name=name: getattr(tg, name)(x, tg.ones_like(x))
            for name in words("floor_divide remainder pow atan2")
        ),
        *(lambda x, n=n: x**n for n in (0, 2, -1, 0.5)),
        *(lambda x, n=n, f=f: f(x, n) for n in (1, 1.5, True) for f in (tg.add, tg.multiply, tg.pow, tg.maximum)),
        *(
            lambda x, kind=kind: x * tg.ones(3, dtype=kind)
            for kind in ("int8", "uint16", "int64", "float16", "float64", "bool")
        ),
        lambda x: tg.cumulative_sum(x, 0),
        lambda x: tg.cumulative_prod(x, 1),
        lambda x: x @ x.T,
        lambda x: tg.where(x > 0, x, 1.5),
        lambda x: tg.concat([x, tg.ones(1, 3)]),
        lambda x: x[[0, 0]],
        lambda x: tg.pad(x, 1),
        lambda x: -x,
        lambda x: ~x,
        lambda x: x & x,
    ]
    accepted = 0
    with watching(foretold):
        for function in functions:
            try:
                function(tg.tensor(numbers, dtype=dtype))
                accepted += 1
            except DTypeError:
                continue
    assert accepted > 50


def test_inputs_have_names_however_many_there_are():
    named = {primitive.name: primitive for primitive in PRIMITIVES.values()}
    assert [named["sub"].input_name(i) for i in range(2)] == ["a", "b"]
    assert [named["concat"].input_name(i) for i in range(3)] == ["x0", "x1", "x2"]
    assert [named["getitem"].input_name(i) for i in range(3)] == ["x", "indices0", "indices1"]
    assert [named["scatter_max"].input_name(i) for i in (1, 2, 3)] == ["values", "indices0", "indices1"]


WORK = {
    "matmul": (lambda a, b: a @ b, [(2, 3, 4), (2, 4, 5)], 2 * 2 * 3 * 4 * 5),
    "linear": (tg.nn.functional.linear, [(2, 3), (5, 3)], 2 * 2 * 3 * 5),
    "inv": (tg.linalg.inv, [(2, 3, 3)], 2 * 3**3),
    "solve": (tg.linalg.solve, [(3, 3), (3, 2)], 3**3),
    "det": (tg.linalg.det, [(2, 3, 3)], 2 * 3**3),
    "log_abs_det": (lambda x: tg.linalg.slogdet(x)[1], [(3, 3)], 3**3),
    "sign_det": (lambda x: tg.linalg.slogdet(x)[0], [(3, 3)], 3**3),
    "cholesky": (tg.linalg.cholesky, [(3, 3)], 3**3),
    "eigh": (tg.linalg.eigh, [(3, 3)], 3**3),
    "eigvalsh": (tg.linalg.eigvalsh, [(3, 3)], 3**3),
    "svd": (lambda x: tg.linalg.svd(x, full_matrices=False), [(5, 3)], 5 * 3**2),
    "complement": (tg.linalg.svd, [(5, 3)], 5 * 3**2),
    "svdvals": (tg.linalg.svdvals, [(5, 3)], 5 * 3**2),
    "pinv": (tg.linalg.pinv, [(5, 3)], 5 * 3**2),
    "qr": (tg.linalg.qr, [(5, 3)], 5 * 3**2),
    "sum": (tg.sum, [(3, 4)], 12),
    "max": (tg.max, [(3, 4)], 12),
    "argmax": (tg.argmax, [(3, 4)], 12),
    "any": (lambda x: tg.any(x > 0), [(3, 4)], 12),
    "argsort": (tg.argsort, [(3, 4)], 12),
    "topk": (lambda x: tg.topk(x, 2), [(3, 4)], 12),
    "cumulative_sum": (lambda x: tg.cumulative_sum(x, 0), [(3, 4)], 12),
    "mul": (lambda a, b: a * b, [(3, 1), (4,)], 12),
    "where": (lambda a, b: tg.where(a > b, a, b), [(3, 1), (4,)], 12),
    "cast": (lambda x: x.astype("float64"), [(3, 4)], 0),
    "reshape": (lambda x: x.reshape(12), [(3, 4)], 0),
    "permute_dims": (tg.matrix_transpose, [(3, 4)], 0),
    "broadcast_to": (lambda x: x.broadcast_to((5, 3, 4)), [(3, 4)], 0),
    "getitem": (lambda x: x[[0, 0]], [(3, 4)], 0),
    "searchsorted": (tg.searchsorted, [(7,), (2, 5)], 10 * 3),
    "scatter_max": (lambda x, v: tg.scatter(x, tg.zeros(2, 4, dtype="int64"), v, reduce="max"), [(3, 4), (2, 4)], 8),
    "windows": (lambda x: tg.nn.functional.max_pool2d(x, 2), [(1, 4, 4)], 0),
}
"""Primitive -> a function that runs it once, the shapes of what goes in, and how many operations on numbers that is."""


@pytest.mark.parametrize("name", WORK)
def test_the_work_of_an_operation(name):
    function, shapes, expected = WORK[name]
    found = []

    def note(primitive, inputs, params, output):
        if primitive.name == name:
            found.append(primitive.flops(output.shape, *[x.shape for x in inputs]) if primitive.flops else output.size)

    with watching(note):
        function(*[tg.symbol(shape) for shape in shapes])
    assert found == [expected]


@pytest.mark.parametrize("operation", operations.TABLE, ids=lambda operation: operation.name)
def test_a_function_of_symbols_has_the_shape_of_the_function_of_numbers(operation):
    symbols = [tg.symbol(x.shape, dtype="float32") for x in operation.inputs]
    numbers = [tg.tensor(x, dtype="float32") for x in operation.inputs]
    if "mask" in operation.name:
        pytest.skip("how many elements a mask selects is in its numbers")
    foretold, computed = operation.function(*symbols), operation.function(*numbers)
    if isinstance(computed, tg.Tensor):
        foretold, computed = [foretold], [computed]
    for symbol, number in zip(foretold, computed, strict=True):
        assert symbol.symbolic
        assert (symbol.shape, symbol.dtype) == (number.shape, number.dtype)


@given(st.sampled_from(operations.TABLE))
def test_symbols_record_the_graph_of_the_function(operation):
    def names(made):
        return {node.op.name for node in tg.graph.topological([made.node]) if node.op}

    if "mask" in operation.name:
        return
    y = operation.function(*[tg.symbol(x.shape, requires_grad=True) for x in operation.inputs])
    x = operation.function(*[tg.tensor(x, dtype="float32", requires_grad=True) for x in operation.inputs])
    if isinstance(y, tg.Tensor):
        assert names(x) <= names(y)


def test_nothing_is_allocated():
    x, w = tg.symbol((10**6, 10**6)), tg.symbol((10**6, 10**6))
    y = ((x @ w).softmax() + 1).sum(0)
    assert y.shape == (10**6,)
    assert "symbolic" in repr(y)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "uint32"])
def test_symbols_of_integers_index(dtype):
    symbol = tg.symbol((2,), dtype=dtype)
    assert tg.symbol((6, 4))[symbol].shape == (2, 4) and tg.zeros((5, 3))[symbol].shape == (2, 3)


def test_symbols_have_names_shapes_and_dtypes_and_no_numbers():
    x = tg.symbol((2, 3), name="x", dtype="float16")
    assert (x.name, x.shape, x.ndim, x.size, x.dtype, x.symbolic) == ("x", (2, 3), 2, 6, tg.float16, True)
    assert tg.symbol(5).shape == (5,)
    assert not tg.tensor(1.0).symbolic
    for look in (
        lambda: x.numpy(),
        lambda: x.data,
        lambda: x.tolist(),
        lambda: bool(x.sum() > 0),
        lambda: float(x.sum()),
    ):
        with pytest.raises(GradientError, match="symbolic"):
            look()
    with pytest.raises((GradientError, TypeError), match=r"symbolic|no data"):
        np.asarray(x)


def test_a_wrong_shape_is_reported_as_with_data():
    for make in (tg.zeros, lambda *shape: tg.symbol(shape)):
        with pytest.raises(ShapeError, match=r"add.*\(2, 3\) and \(2, 4\)"):
            make(2, 3) + make(2, 4)
        with pytest.raises(ShapeError, match="matmul"):
            make(2, 3) @ make(2, 3)
        with pytest.raises(ShapeError, match="reshape"):
            make(2, 3).reshape(7)


def test_symbols_mix_with_numbers_arrays_and_tensors():
    x = tg.symbol((2, 3))
    for y in (
        x * 2,
        2 - x,
        x + np.ones(3, np.float32),
        np.ones((4, 2, 3), np.float32) * x,
        x @ tg.ones(3, 5),
        tg.ones(5, 2) @ x,
    ):
        assert y.symbolic
        assert y.dtype == tg.float32


def test_a_gradient_of_symbols_is_refused_or_symbolic():
    x = tg.symbol((2, 3), requires_grad=True)
    try:
        (g,) = tg.grad((x * x).sum(), x)
    except TinygradError:
        return
    assert g.symbolic
    assert g.shape == (2, 3)
