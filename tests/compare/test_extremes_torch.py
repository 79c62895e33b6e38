"""Infinite, huge, tiny and no numbers: values, gradients and second derivatives are PyTorch's, or better.

Better is a number where PyTorch has nan, or digits where it has 0.
"""

import math

import numpy as np
import operations
import pytest
from checks import words

import tinygrad_ml as tg
import tinygrad_ml.nn.functional as F
from tinygrad_ml.errors import TinygradError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")  # NumPy warns where infinity arises
INF = math.inf
SAME_ZERO = 1e-8  # less than this may have been lost to rounding by PyTorch

ELEMENTWISE = {
    name: (getattr(tg, name), getattr(torch, name))
    for name in words("""
        exp expm1 log log1p log2 log10 sqrt reciprocal square sin cos tan asin acos atan sinh cosh tanh asinh acosh
        atanh sigmoid relu abs sign floor ceil round trunc sinc nan_to_num
    """)
}
ELEMENTWISE |= {
    name: (getattr(F, name), getattr(torch.nn.functional, name))
    for name in words("""
        softplus elu celu selu gelu silu mish softsign logsigmoid tanhshrink hardtanh relu6 hardswish leaky_relu
        hardshrink softshrink
    """)
}
ELEMENTWISE |= {"erf": (tg.erf, torch.special.erf)}
ELEMENTWISE |= {f"x ** {n}": (lambda x, n=n: x**n,) * 2 for n in (0, 1, 2, 3, -1, 0.5, -1.5)}
PAIRS = {
    name: (getattr(tg, name), getattr(torch, name))
    for name in words("add subtract multiply divide maximum minimum atan2 remainder pow hypot logaddexp copysign")
}
PAIRS |= {"xlogy": (tg.xlogy, torch.special.xlogy)}
ROWS = {
    "sum": (lambda x: x.sum(-1),) * 2,
    "mean": (lambda x: x.mean(-1),) * 2,
    "max": (lambda x: x.max(axis=-1), lambda x: x.amax(-1)),
    "min": (lambda x: x.min(axis=-1), lambda x: x.amin(-1)),
    "prod": (lambda x: x.prod(-1),) * 2,
    "std": (lambda x: tg.std(x, axis=-1), lambda x: torch.std(x, -1, correction=0)),
    "logsumexp": (lambda x: tg.logsumexp(x, -1), lambda x: torch.logsumexp(x, -1)),
    "softmax": (lambda x: x.softmax(-1),) * 2,
    "log_softmax": (lambda x: x.log_softmax(-1),) * 2,
    "cumulative_sum": (lambda x: tg.cumulative_sum(x, -1), lambda x: x.cumsum(-1)),
    "cumulative_logsumexp": (lambda x: tg.cumulative_logsumexp(x, -1), lambda x: x.logcumsumexp(-1)),
    "sort": (lambda x: x.sort(axis=-1), lambda x: x.sort(-1)[0]),
}
ROWS |= {
    f"norm {p}": (lambda x, p=p: x.norm(p, -1), lambda x, p=p: torch.linalg.vector_norm(x, p, -1))
    for p in (0, 0.5, 1, 2, 3, -1, -2, INF, -INF)
}

POINTS = np.array([-INF, -1e300, -1e4, -37, -3, -1, -1e-300, -0.0, 0, 1e-300, 0.5, 1, 6, 37, 1e4, 1e300, INF])
SPARSE = np.array([-INF, -1e300, -2, -0.0, 0, 1e-300, 3, 1e300, INF])
LINES = np.array(
    [[0, 0, 0], [1, 2, 3], [-INF, -INF, -INF], [-INF, 0, 1], [INF, 0, 1], [1e150, 1e100, 1], [5, 5, 5], [0, 2, 3]]
)

ASIDE = {
    ("acosh", 1): "at ±1 it is infinite; ours keeps the digits beside it, and says nan of the slope there",
    **{(name, 2): "the same" for name in words("acosh asin acos atanh")},
    ("elu", 2): "at 0 its second derivative jumps: ours is that from the left",
    ("celu", 2): "the same",
    ("selu", 2): "the same",
    ("x ** 0.5", 1): "the root of -0 is -0, and 1/(2·-0) is -inf or inf",
    ("cumulative_logsumexp", 1): "of an infinite number all that follow vary with it, and not only its own sum",
    ("xlogy", 1): "0 · ln ∞ is 0, and flat: PyTorch has the slope ln ∞ there",
    ("xlogy", 2): "the same, and of 0 · ln 0",
    ("pow", 2): "a negative base has no derivative in the exponent, which we say with nan",
}


def derivatives(library, function, arrays):
    """Value, gradients, and all second derivatives with respect to each input; zeros where there are none."""
    make = tg.tensor if library is tg else torch.tensor
    grad = tg.grad if library is tg else torch.autograd.grad
    inputs = [make(array, requires_grad=True) for array in arrays]

    def gradients(y):
        if y is None or not y.requires_grad:
            return [None] * len(inputs)
        return grad(y, inputs, library.ones_like(y), create_graph=True, allow_unused=True)

    def numbers(y):
        return 0.0 if y is None else y.numpy() if library is tg else y.numpy(force=True)

    y = function(*inputs)
    first = gradients(y)
    second = [part for g in first for part in gradients(g)]
    return tuple([numbers(part) for part in parts] for parts in ([y], first, second))


def check(name, functions, arrays, rtol):
    ours, theirs = (derivatives(library, f, arrays) for library, f in zip((tg, torch), functions, strict=True))
    for order, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if (name, order) in ASIDE:
            continue
        for a, b in zip(mine, other, strict=True):
            assert float in (type(a), type(b)) or a.shape == b.shape  # a float is no derivative
            known = ~np.isnan(b)
            a, b, known = np.broadcast_arrays(a, b, known)
            np.testing.assert_allclose(a[known], b[known], rtol=rtol, atol=SAME_ZERO, err_msg=f"order {order}")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions_at_the_ends_of_the_numbers(name, dtype):
    points = (
        POINTS if dtype == "float64" else np.sign(POINTS) * np.abs(POINTS) ** np.where(np.abs(POINTS) > 1e9, 0.1, 1)
    )
    check(name, ELEMENTWISE[name], [points.astype(dtype)], 1e-6 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_at_the_ends_of_the_numbers(name):
    check(name, PAIRS[name], [x.ravel() for x in np.meshgrid(SPARSE, SPARSE)], 1e-6)


@pytest.mark.parametrize("name", ROWS)
def test_reductions_of_the_ends_of_the_numbers(name):
    check(name, ROWS[name], [LINES], 1e-6)


@pytest.mark.parametrize("name", [*ELEMENTWISE, *ROWS])
def test_nothing_and_tensors_of_no_axes(name):
    functions = {**ELEMENTWISE, **ROWS}[name]
    for shape in ((), (0,), (3, 0), (0, 3)):
        x = np.full(shape, 0.5)
        try:
            expected = derivatives(torch, functions[1], [x])
        except (RuntimeError, IndexError):  # the largest of nothing
            with pytest.raises(TinygradError):
                functions[0](tg.tensor(x))
            continue
        if name.startswith("cumulative") and shape == ():
            continue  # NumPy's has one axis
        for a, b in zip(derivatives(tg, functions[0], [x])[0], expected[0], strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-9)


def _shapes(library, operation, arrays):
    """The shapes of the outputs, once their gradients and the gradients of these have been computed; or the error."""
    make = tg.tensor if library is tg else torch.tensor
    grad = tg.grad if library is tg else torch.autograd.grad
    inputs = [make(np.ascontiguousarray(array), requires_grad=True) for array in arrays]
    y = operation.function(*inputs) if library is tg else operation.torch(torch, *inputs)
    y = list(y) if isinstance(y, (tuple, list)) else [y]
    for part in y:
        for g in _gradients(library, grad, part, inputs):
            if g is not None:
                _gradients(library, grad, g, inputs)
    return [tuple(part.shape) for part in y]


def _gradients(library, grad, y, inputs):
    if not y.requires_grad:
        return []
    return grad(y, inputs, library.ones_like(y), create_graph=True, allow_unused=True)


@pytest.mark.parametrize("operation", [o for o in operations.TABLE if o.torch], ids=lambda operation: operation.name)
def test_operations_on_nothing_have_the_shapes_of_pytorch(operation):
    """Where PyTorch takes inputs without elements, so do we; where it does not, ours is right or an error of our own."""
    if operation.name.startswith("matrix norm"):
        return  # PyTorch has a largest of no columns
    for arrays in (
        [x[:0] for x in operation.inputs],
        [x[..., :0] for x in operation.inputs],
        [operation.inputs[0][:0], *operation.inputs[1:]],
    ):
        try:
            expected = _shapes(torch, operation, arrays)
        except (RuntimeError, IndexError, ValueError):
            try:
                _shapes(tg, operation, arrays)
            except (TinygradError, np.linalg.LinAlgError):
                continue
        else:
            assert _shapes(tg, operation, arrays) == expected
