"""Every row of the table of derivatives, and rows of a user's own: compiled, in each dtype that it accepts in eager mode.

As loops, which machine code is made of, and as NumPy's calls over blocks. What they are on a GPU is in
`test_compile_cuda_kernels.py`.
"""

import cuda_on_cpu
import numpy as np
import pytest
from cuda_cases import EXPONENTS, edges
from cuda_on_cpu import Library
from emulated import Emulated

import tinygrad_ml as tg
from tinygrad_ml import blocks
from tinygrad_ml.backend import dtypes
from tinygrad_ml.compile.cpu import expressions
from tinygrad_ml.compile.gpu.expressions import expression as as_cuda
from tinygrad_ml.compile.program import Instruction, Value
from tinygrad_ml.errors import OptionError, TinygradError
from tinygrad_ml.ops import PRIMITIVES, Primitive, elementwise
from tinygrad_ml.ops.elementwise import binary, unary
from tinygrad_ml.ops.shapes import kept, reduced
from tinygrad_ml.tensor import apply, as_tensor

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy, at the edges
]
AS_LOOPS = ["bool", "float32", "int32", "int64", "uint8"]
"""One of each way of writing them down: to compile all rows takes seconds for each dtype."""
ROWS = [op for op in PRIMITIVES.values() if op.kind == "elementwise"]
WITH_EXPRESSION = [op for op in ROWS if op.scalar is not None]


@pytest.fixture(params=["loops", "blocks"])
def way(request, monkeypatch):
    """All kernels as loops, also those that are sooner done by NumPy; or none, in blocks of a few elements."""
    if request.param == "loops":
        pytest.importorskip("llvmlite")
        monkeypatch.setattr(expressions, "has_calls", lambda instruction: False)
    else:
        monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 4)
    return request.param


def applications(dtype: str, rows):
    """(words, function, two tensors of this dtype) for every row that accepts it."""
    x = tg.tensor(edges(np.dtype(dtype)))
    divisors = (
        x[(x != 0) & (x != -1)] if x.dtype.kind == "i" else x[x != 0]
    )  # the least integer / -1 overflows in NumPy
    for op in rows:
        variants = [{}]
        if op.name == "power":
            variants = [{"exponent": n} for n in EXPONENTS[x.dtype.kind]]
        if op.name in ("cast", "discrete_cast"):
            targets = dtypes.FLOATS if op.name == "cast" else dtypes.SUPPORTED - dtypes.FLOATS
            variants = [{"dtype": target} for target in targets if target.kind != "u" or x.dtype.kind != "f"]
        for params in variants:
            other, here = x, x
            if op.name in ("remainder", "floor_divide") and x.dtype.kind in "iu":
                other = tg.tensor(divisors.numpy())
            if op.name == "pow" and x.dtype.kind in "iub":
                other = tg.arange(2 if dtype == "bool" else 6).astype(dtype)
            if op.name in ("cast", "discrete_cast"):
                here = x[tg.isfinite(x) & (abs(x.astype("float64")) <= 100)]

            def function(here, other, op=op, params=params):
                given = {1: (here,), 2: (here, other), 3: (here > other, here, other)}
                return apply(op, given[len(op.inputs)], params)

            here, other = here.numpy(), other.numpy()
            pairs = np.repeat(here, len(other)), np.tile(other, len(here))
            yield f"{op.name} {params or ''}", function, *map(tg.tensor, pairs if len(op.inputs) > 1 else (here, here))


def test_what_has_no_expression():
    """What a library computes, and the machine has no instruction for."""
    found = [op.name for op in ROWS if op not in WITH_EXPRESSION]
    assert sorted(found) == ["cbrt", "erfc", "erfinv", "fmod", "gcd", "nextafter"]


TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-13}


@pytest.mark.parametrize("dtype", sorted(map(str, dtypes.SUPPORTED)))
def test_each_row_accepts_compiled_what_it_accepts_in_eager_mode(dtype, way):
    if way == "loops" and dtype not in AS_LOOPS:
        return
    functions, given, expected, words = [], [], [], []
    for name, function, *inputs in applications(dtype, ROWS if way == "blocks" else WITH_EXPRESSION):
        if way == "loops" and "float16" in name:
            continue  # which no loop computes with
        try:
            expected.append(function(*inputs).numpy())
        except TinygradError as error:  # there is no difference of truths
            with pytest.raises(type(error)):
                tg.compile(function)(*inputs)
            continue
        functions.append(function)
        given.append(tuple(inputs))
        words.append(name)
    step = tg.compile(
        lambda given: tuple(f(*inputs) for f, inputs in zip(functions, given, strict=True)),
        without=() if way == "loops" else ("loops",),
    )
    found = step(given)
    if way == "loops":
        assert "multiply(" not in step.source and "value_" not in step.source
    for name, a, b in zip(words, found, expected, strict=True):
        a, tolerance = a.numpy(), TOLERANCE.get(str(a.dtype), 0)
        assert (a.shape, a.dtype) == (b.shape, b.dtype), name
        np.testing.assert_allclose(a, b, 4 * tolerance, tolerance, err_msg=f"{name} of {dtype}")


# -- rows of a user's own ------------------------------------------------------------------------------------------


def row(scalar="log(x / (1 - x))", name="logit", value=lambda xp, x: xp.log(x / (1 - x))):
    """A function whose operation is stated as the reading guide states one."""
    op = unary(name, value, "ln(x/(1 - x))", "1/(x(1 - x))", lambda g, x: g / (x * (1 - x)), scalar)
    return lambda x: apply(op, (as_tensor(x),))


X = np.linspace(0.02, 0.98, 6000).reshape(60, 100).astype(np.float32)


def neighbours(function):
    return lambda x: tg.grad((function(x * 0.9 + 0.05) * 2 + 1).relu().sum(), x)


@pytest.mark.parametrize("scalar", ["log(x / (1 - x))", None])
@pytest.mark.parametrize("without", [(), ("loops",)])
def test_an_operation_of_ones_own_is_one_kernel_with_its_neighbours(without, scalar):
    function = neighbours(row(scalar))
    step, x = tg.compile(function, without=without), tg.tensor(X, requires_grad=True)
    for _ in range(2):
        np.testing.assert_allclose(step(x)[0].numpy(), function(x)[0].numpy(), 3e-6)
    assert len(step.explanation.kernels) == 1
    assert "no compiled form" not in step.explain()
    if scalar and not without:
        assert "def loop_1(" in step.source and "log(" in step.source and "value_" not in step.source


@pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
def test_an_operation_of_ones_own_is_one_kernel_of_cuda():
    case = Emulated(neighbours(row()), X)
    (launch,) = case.launches
    assert "logf(" not in launch.source and "log(" in launch.source
    np.testing.assert_allclose(case(Library([launch]))[0], case.expected[0], 3e-6)


def test_without_an_expression_it_runs_alone_on_a_gpu():
    case = Emulated(lambda x: row(None)(x * 2) + 1, X[:1, :5] / 2)
    assert case.eager == ["logit"]


@pytest.mark.parametrize("without", [(), ("loops",), ("fusion",)])
def test_identity_decides_and_no_name(without):
    """Operations of one name, with each other's name or with one of the library's, are what they are."""
    one = row("x + 1", "shift", lambda xp, x: x + 1)
    two = row("x + 2", "shift", lambda xp, x: x + 2)
    library = PRIMITIVES.keys() | {"check", "draw", "copy", "put", "gather", "kernel", "single"}
    three = [row("x + 3", name, lambda xp, x: x + 3) for name in sorted(library)]

    def function(x):
        return (one(x), two(x), *[f(x) for f in three], one(two(x)) * 2)

    for found, expected in zip(tg.compile(function, without=without)(X), function(X), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert PRIMITIVES["exp"] is tg.ops.elementwise.exp


@pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
def test_identity_decides_on_a_gpu():
    rows = [
        row(f"x + {n}", name, lambda xp, x, n=n: x + n)
        for n, name in enumerate(["sum", "sum", "reshape", "copy", "exp"])
    ]
    case = Emulated(lambda x: tuple(f(x) for f in rows), X[:2])
    for found, expected in zip(case(Library(case.launches)), case.expected, strict=True):
        np.testing.assert_array_equal(found, expected)


def product_over(axis: int | tuple[int, ...], keepdims: bool = False):
    """A reduction of one's own: the product of numbers along an axis, of which the library has no operation."""
    op = Primitive(
        "product",
        lambda xp, x, axis, keepdims: xp.prod(x, axis=axis, keepdims=keepdims),
        reduced,
        (lambda g, y, x, like, axis: g.reshape(kept(like.shape, axis)) * y.reshape(kept(like.shape, axis)) / x,),
        fold=(elementwise.mul, 1),
    )
    axes = axis if isinstance(axis, tuple) else (axis,)
    return lambda x: apply(op, (as_tensor(x),), {"axis": axes, "keepdims": keepdims})


@pytest.mark.parametrize("axis", [1, 0, (0, 1)])
def test_a_reduction_of_ones_own_is_one_kernel_with_its_neighbours(axis):
    pytest.importorskip("llvmlite")
    product, x = product_over(axis), tg.tensor(X, requires_grad=True)

    def function(x):
        return (product(x * 0.01 + 0.995) + 1).log()

    step = tg.compile(function)
    for _ in range(2):
        np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), 3e-6)
    assert len(step.explanation.kernels) == 1 and "no compiled form" not in step.explain()
    assert "def loop_1(" in step.source and "value_" not in step.source
    assert tg.gradcheck(product_over(1), tg.tensor(X[:3, :4], dtype="float64"))


def test_a_reduction_of_ones_own_is_a_call_of_numpy_where_there_are_no_loops():
    function = product_over(1)
    step = tg.compile(lambda x: function(x * 0.01 + 0.995), without=("loops",))
    np.testing.assert_allclose(step(X).numpy(), np.prod(X * 0.01 + 0.995, axis=1), 1e-5)
    assert "multiply.reduce(" in step.source


@pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
@pytest.mark.parametrize("axis", [1, 0])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_a_reduction_of_ones_own_is_one_kernel_of_cuda(axis, dtype):
    x = (np.random.default_rng(0).integers(-1, 2, (9, 40)) * 2 + 1).clip(-1, 1).astype(dtype)
    case = Emulated(lambda x: product_over(axis)(x) + 1, x)
    (launch,) = case.launches
    assert not case.eager
    np.testing.assert_array_equal(case(Library([launch]))[0], case.expected[0])


@pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no g++ to compile kernels for the CPU")
@pytest.mark.parametrize("truth", [tg.any, tg.all])
def test_truths_are_put_together_in_the_kernel_that_finds_them(truth):
    case = Emulated(lambda x: tg.where(truth(x > 0.4, axis=1), 1, 2), X)
    (launch,) = case.launches
    np.testing.assert_array_equal(case(Library([launch]))[0], case.expected[0])


def test_a_product_of_ones_own_is_a_product():
    op = Primitive(
        "by_transposed",
        lambda xp, a, b: xp.matmul(a, xp.swapaxes(b, -1, -2)),
        lambda a, b: (a[0], b[0]),
        (lambda g, b: g @ b, lambda g, a: g.mT @ a),
        inputs=("a", "b"),
        kind="product",
        turned=True,
    )
    step = tg.compile(lambda a, b: apply(op, (a, b)) + 1)
    np.testing.assert_allclose(step(X, X[:7]).numpy(), X @ X[:7].T + 1, 1e-5)
    assert "@" in step.source or "matmul(" in step.source


def test_what_a_row_says_of_numbers_is_believed():
    halves = binary("halves", lambda xp, a, b: a // b, "a // b", (), (), "a // b", neutral=(None, 1))
    guarded = binary(
        "guarded", lambda xp, a, b: a // b, "a // b", (), (), "a // b", defined=lambda dtypes, constants: False
    )
    numbers = np.arange(6)
    one = tg.compile(lambda x: apply(halves, (x, tg.tensor(1, dtype="int64"))) + 0 * x)
    np.testing.assert_array_equal(one(numbers).numpy(), numbers)
    assert "halves" not in one.explain()
    step = tg.compile(lambda x: apply(guarded, (x + 1, x + 2)) + 1)
    np.testing.assert_array_equal(step(numbers).numpy(), (numbers + 1) // (numbers + 2) + 1)
    assert "guarded" in step.explain().partition("no compiled form")[2]


EXPRESSIONS = {
    "max(x, 0.5) + min(x, 2)": lambda xp, x: xp.maximum(x, 0.5) + xp.minimum(x, 2),
    "x // 0.3 + x % 0.3": lambda xp, x: x // xp.asarray(0.3, x.dtype) + x % xp.asarray(0.3, x.dtype),
    "1 if isnan(x) or isinf(x) else 2 * pi / 4": lambda xp, x: xp.where(
        xp.isfinite(x), x.dtype.type(np.pi / 2), x.dtype.type(1)
    ),
    "-x ** 2 + x ** 3 - x ** -1": lambda xp, x: -(x**2) + x**3 - x**-1,
    "copysign(hypot(x, 3), -x) if not x > 100 and x == x else -inf": lambda xp, x: xp.where(
        (x > 100) | xp.isnan(x), x.dtype.type(-np.inf), xp.copysign(xp.hypot(x, x.dtype.type(3)), -x)
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_may_stand_in_an_expression(dtype, way):
    x = tg.tensor(edges(np.dtype(dtype)))
    functions = [row(scalar, "own", value) for scalar, value in EXPRESSIONS.items()]
    found = tg.compile(lambda x: tuple(f(x) for f in functions))(x)
    for scalar, function, y in zip(EXPRESSIONS, functions, found, strict=True):
        np.testing.assert_allclose(y.numpy(), function(x).numpy(), 4 * TOLERANCE[dtype], 1e-7, err_msg=scalar)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
def test_expressions_of_integers(dtype, way):
    def value(xp, a, b):
        small = b & np.asarray(7, dtype)
        return (((a << small) ^ (a >> small)) | ~b) + (a * b) // np.asarray(3, dtype)

    op = binary("own", value, "", (), (), "(((a << (b & 7)) ^ (a >> (b & 7))) | ~b) + (a * b) // 3")
    a = np.arange(-60, 60).astype(dtype)
    for b in (a, a[::-1].copy()):
        np.testing.assert_array_equal(
            tg.compile(lambda a, b: apply(op, (as_tensor(a), as_tensor(b))))(a, b).numpy(), value(np, a, b)
        )


@pytest.mark.parametrize(
    ("scalar", "words"),
    [
        ("log({x})", "has '{x}'"),
        ("log(x", "is no expression of Python"),
        ("x.real", "has 'x.real'"),
        ("y + 1", "has 'y'"),
        ("gamma(x)", "has 'gamma"),
        ("0 < x < 1", "to be written with `and`"),
        ("atan2(x)", "has 'atan2"),
        ("x @ x", "has 'x @ x'"),
        ("x is x", "has 'x is x'"),
        ("'x'", "has \"'x'\""),
    ],
)
def test_what_may_not(scalar, words):
    with pytest.raises(OptionError, match="scalar=.* of the operation 'wrong'") as caught:
        tg.compile(row(scalar, "wrong"))(X)
    assert words in str(caught.value)


def test_numbers_of_an_expression_are_of_the_dtype_of_the_inputs():
    x, y = (Value(n, (3,), dtypes.float32) for n in (1, 2))
    op = unary("own", lambda xp, x: x, "", "", None, "x * 2 + 0.1 * pi / 4 if x > -1 else 3")
    text = as_cuda(Instruction(op, (x,), {}, y), ["v1"])
    assert text == "(v1 > (-1.0f) ? (v1 * 2.0f) + 0.07853982f : 3.0f)"
