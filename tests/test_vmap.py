"""tg.vmap: what it takes and gives, beside other functions that take functions, and what it says of mistakes."""

import threading
from collections import Counter, namedtuple

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import AxisError, DTypeError, GradientError, OptionError, RangeError, ShapeError
from tinygrad_ml.modes import watching
from tinygrad_ml.nn import functional as F
from tinygrad_ml.structure import leaves, packed_like

RANDOM = np.random.default_rng(3)


def numbers(*shape, needs=False):
    return tg.tensor(RANDOM.standard_normal(shape), requires_grad=needs)


def near(ours, expected, tolerance=1e-10):
    for a, b in zip(leaves(ours), leaves(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=tolerance, atol=tolerance)


def looped(f, *xs):
    """f of each sample, stacked."""
    every = [f(*[x[i] for x in xs]) for i in range(len(xs[0]))]
    return packed_like(every[0], [tg.stack(list(parts)) for parts in zip(*map(leaves, every), strict=True)])


# -- arguments and results -----------------------------------------------------------------------------------------


def test_the_function_sees_one_sample():
    seen = []

    def f(x):
        seen.append((x.shape, x.ndim, x.size, len(x), x.dtype, x.device, repr(x)))
        return x

    assert tg.vmap(f)(numbers(5, 3)).shape == (5, 3)
    assert seen == [((3,), 1, 3, 3, np.float64, "cpu", "tensor(shape=(3,), one of 5 in tg.vmap, dtype=float64)")]


def test_structures_go_in_and_come_out():
    pair = namedtuple("pair", "a b")
    a, b, c = numbers(4, 3), numbers(2, 4), numbers(3)

    def f(given, c, scale=1.0):
        assert given["x"].a.shape == (3,) and given["x"].b[0].shape == (2,) and given["none"] is None
        return pair(given["x"].a * c * scale, {"sum": given["x"].b[0].sum(), "none": None, "c": c})

    axes = ({"x": pair(0, 1), "none": None}, None)
    y = tg.vmap(f, in_axes=axes, out_axes=pair(1, {"sum": 0, "none": 0, "c": None}))(
        {"x": pair(a, [b]), "none": None}, c, scale=2.0
    )
    near(y.a, (a * c * 2).T)
    near(y.b["sum"], b.sum(0))
    assert y.b["none"] is None and y.b["c"] is c
    assert tg.vmap(lambda x: 1.0)(a).shape == (4,)
    assert tg.vmap(lambda x, y: x * y, in_axes=(0, None))(np.ones((4, 3)), 2).shape == (4, 3)


def test_of_itself():
    a, b = numbers(4, 3, needs=True), numbers(5, 3, needs=True)
    table = tg.vmap(tg.vmap(lambda a, b: (a * b).sum().exp(), in_axes=(None, 0)), in_axes=(0, None))
    expected = (a @ b.T).exp()
    near(table(a, b), expected)
    near(tg.grad((table(a, b) ** 2).sum(), (a, b)), tg.grad((expected**2).sum(), (a, b)))
    inner = tg.vmap(lambda a: tg.vmap(lambda b: tg.grad((a * b).sum().exp(), a)[0])(b))(a)
    near(inner, expected[..., None] * b)


def test_a_sample_of_the_outer_beside_those_of_the_inner():
    x, i = numbers(4, 5), tg.tensor([[0, 1], [4, 4], [2, 3], [1, 0]])
    near(
        tg.vmap(lambda x, i: tg.vmap(lambda k: x[k] * x.sum())(i))(x, i),
        tg.take_along_axis(x, i, 1) * x.sum(1)[:, None],
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_chunks(size):
    x, w = numbers(7, 3, needs=True), numbers(3, needs=True)
    seen = []

    def f(x, w):
        seen.append(x._data.level.size)
        return (x * w).sum().exp(), w * 2

    y, twice = tg.vmap(f, in_axes=(1, None), out_axes=(0, None), chunk_size=size)(x.T, w)
    assert sum(seen) == 7 and max(seen) == min(size, 7)
    near(y, (x @ w).exp())
    near(twice, w * 2)
    near(tg.grad(y.sum(), (x, w)), tg.grad((x @ w).exp().sum(), (x, w)))


def test_no_samples():
    assert tg.vmap(lambda x: (x @ tg.ones((3, 2))).sum())(tg.zeros((0, 3))).shape == (0,)


# -- derivatives ---------------------------------------------------------------------------------------------------


def f(x):
    return (x**3).sum() * x.prod()


@pytest.mark.parametrize("derivative", [tg.jacobian, tg.hessian], ids=["jacobian", "hessian"])
def test_jacobians_inside_and_around(derivative):
    x = numbers(4, 3)
    near(tg.vmap(lambda x: derivative(f, x))(x), looped(lambda x: derivative(f, x), x))
    near(tg.jacobian(tg.vmap(f), x), tg.jacobian(lambda x: looped(f, x), x))


def test_products_with_derivatives_inside_and_around():
    x, v = numbers(4, 3), numbers(4, 3)
    near(tg.vmap(lambda x, v: tg.hvp(f, x, v))(x, v), looped(lambda x, v: tg.hvp(f, x, v), x, v))
    near(tg.vmap(lambda x, v: tg.jvp(f, x, v))(x, v), looped(lambda x, v: tg.jvp(f, x, v), x, v))
    near(tg.vmap(lambda x: tg.vjp(f, x)[1](2.0))(x), looped(lambda x: tg.vjp(f, x)[1](2.0), x))
    near(tg.hvp(lambda x: tg.vmap(f)(x).sum(), x, v), tg.hvp(lambda x: looped(f, x).sum(), x, v))


def test_a_gradient_inside_is_differentiated_outside_if_it_has_a_graph():
    w, x = numbers(3, needs=True), numbers(4, 3)

    def penalty(create_graph):
        g = tg.vmap(lambda x: tg.grad((x * w).sum().exp(), w, create_graph=create_graph)[0])(x)
        return (g * g).sum()

    expected = (((x @ w).exp()[:, None] * x) ** 2).sum()
    near(tg.grad(penalty(True), w), tg.grad(expected, w))
    assert not penalty(False).requires_grad
    slopes = tg.vmap(lambda x: tg.grad((3 * w * x).sum(), w, create_graph=True)[0])(x)
    near(tg.grad(slopes.sum(), w), (tg.zeros_like(w),))


def test_what_is_a_constant_in_it_is_one_outside():
    x = numbers(4, 3, needs=True)

    def g(x):
        with tg.no_grad():
            fixed = x.exp()
        return (x * x.detach() * fixed * tg.tensor(x)).sum()

    near(tg.grad(tg.vmap(g)(x).sum(), x), tg.grad(looped(g, x).sum(), x))
    assert not tg.vmap(lambda x: x.detach() * 2)(x).requires_grad


def test_values_that_variables_take_over():
    def g(x, v):
        x, y = x * 1, tg.zeros(3, dtype=x.dtype)
        y[1] = x[0]
        y += x * v
        x[0] = v.sum()
        return y * x

    xs = numbers(4, 3, needs=True), numbers(4, 3, needs=True)
    near(tg.grad(tg.vmap(g)(*xs).sum(), xs), tg.grad(looped(g, *xs).sum(), xs))


LAYERS = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "convolution": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, groups=2), nn.MaxPool2d(2)), (2, 4, 4)),
    "transposed convolution": (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2), (2, 5)),
    "lstm": (lambda: nn.LSTM(3, 4), (5, 3)),
    "layer norm": (lambda: nn.LayerNorm(4), (3, 4)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (1, 4, 3)),
    "batch norm": (lambda: nn.BatchNorm1d(3).eval(), (1, 3)),
    "attention": (lambda: nn.MultiheadAttention(4, 2), (3, 4)),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), (3, 4)),
    "embedding": (lambda: nn.Embedding(6, 3), None),
}
LOSSES = {
    "cross_entropy": lambda y: F.cross_entropy(y.reshape(1, -1), tg.tensor([1])),
    "mse_loss": lambda y: F.mse_loss(y, tg.zeros_like(y)),
    "huber_loss": lambda y: F.huber_loss(y, tg.ones_like(y)),
    "bce": lambda y: F.binary_cross_entropy_with_logits(y, tg.ones_like(y)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_single_samples_of_layers(name):
    make, shape = LAYERS[name]
    layer = make().astype("float64")
    x = tg.tensor(np.arange(8).reshape(4, 2) % 6) if shape is None else numbers(4, *shape)
    weights = list(layer.parameters())

    def gradients(x):
        y = layer(x, x, x) if name == "attention" else layer(x)
        y = leaves(y)[0]
        return [tg.grad(loss(y), weights) for loss in LOSSES.values()]

    near(tg.vmap(gradients)(x), looped(gradients, x))


# -- random numbers ------------------------------------------------------------------------------------------------


def test_random_numbers():
    x = tg.ones((4, 50))
    drop = nn.Dropout(0.5)
    with pytest.raises(OptionError, match="randomness='different'"):
        tg.vmap(drop)(x)
    same = tg.vmap(drop, randomness="same")(x)
    assert (same == same[0]).all() and set(np.unique(same.numpy())) == {0, 2}
    tg.manual_seed(1)
    different = tg.vmap(drop, randomness="different")(x)
    assert not (different == different[0]).all(1)[1:].any()
    tg.manual_seed(1)
    near(different, drop(x))  # all numbers are drawn at once
    counts = tg.vmap(lambda x: (x.sum() * 0 + tg.random.integers(0, 9), tg.random.randn(2)), randomness="different")(x)
    assert [part.shape for part in counts] == [(4,), (4, 2)]
    with pytest.raises(OptionError, match="permutation"):
        tg.vmap(lambda x: tg.random.permutation(3), randomness="different")(x)
    with pytest.raises(OptionError, match="randomness='often' is none of"):
        tg.vmap(drop, randomness="often")
    nested = tg.vmap(tg.vmap(lambda x: tg.random.random(), randomness="different"), randomness="different")(x[:, :5])
    assert nested.shape == (4, 5) and len(np.unique(nested.numpy())) == 20


# -- beside other tools --------------------------------------------------------------------------------------------


def test_in_a_compiled_step():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))
    weights = list(net.parameters())
    x, y = tg.random.randn(5, 3), tg.tensor([0, 1, 0, 0, 1])

    def gradients(x, y):
        return tg.vmap(lambda x, y: tg.grad(F.cross_entropy(net(x[None]), y[None]), weights), randomness="different")(
            x, y
        )

    step = tg.compile(gradients)
    for _ in range(2):
        tg.manual_seed(3)
        expected = gradients(x, y)
        tg.manual_seed(3)
        near(step(x, y), expected, 1e-5)
    with pytest.raises(RangeError, match="label 2 is out of range"):
        step(x, y + 1)
    near(tg.vmap(tg.compile(lambda x: x * 2))(x), x * 2)


def recurrent(w, keep="all"):
    def run(h, xs):
        def step(h, x):
            h = (w @ h + x).tanh()
            return h, h.sum()

        return tg.scan(step, h, xs, keep=keep)

    return run


@pytest.mark.parametrize("keep", ["all", "carries", "sqrt"])
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_of_a_scan(keep, axes):
    w, h, xs = numbers(3, 3, needs=True), numbers(3, needs=True), numbers(6, 3, needs=True)
    h, xs = (tg.stack([x, x * 0.5]) if axis == 0 else x for x, axis in zip((h, xs), axes, strict=True))
    many = [x if axis == 0 else tg.stack([x] * 2) for x, axis in zip((h, xs), axes, strict=True)]

    def derivatives(results):
        total = sum(((part * part).sum() for part in results), 0.0)
        first = tg.grad(total, (w, h, xs), create_graph=True)
        return first, tg.grad(sum((g**3).sum() for g in first), (w, h, xs))

    ours, expected = tg.vmap(recurrent(w, keep), in_axes=axes)(h, xs), looped(recurrent(w, keep), *many)
    near(ours, expected)
    near(derivatives(ours), derivatives(expected), 1e-8)

    def single(h, xs):
        return tg.grad(sum((part * part).sum() for part in recurrent(w, keep)(h, xs)), (w, h, xs))

    near(tg.vmap(single, in_axes=axes)(h, xs), looped(single, *many))


def test_what_a_round_computes_of_the_sample_alone():
    def run(w, xs):
        return tg.scan(lambda h, x: ((w.mT.exp() @ h + x).tanh(), None), xs[0] * 0, xs)[
            0
        ]  # no placeholder in w.mT.exp()

    w, xs = numbers(5, 3, 3, needs=True), numbers(5, 4, 3)
    near(tg.vmap(run)(w, xs), looped(run, w, xs))
    near(tg.grad(tg.vmap(run)(w, xs).sum(), w), tg.grad(looped(run, w, xs).sum(), w))


def test_what_is_the_same_for_all_is_not_repeated_beside_a_slope():
    seen = Counter()

    def slopes(x):
        return tg.grad((x * w[0] * w[1]).sum(), w, create_graph=True)

    x, w = numbers(5, 3), (numbers(3, needs=True), numbers(3, needs=True))
    with watching(lambda op, inputs, params, output: seen.update([op.name])):
        found = tg.vmap(slopes)(x)
    near(found, (x * w[1], x * w[0]))
    assert (
        seen["constant_in"] and seen["broadcast_to"] <= 2
    )  # of 1, with which the walk begins, and which the note is about


def test_inside_of_a_scan():
    w, h, xs = numbers(3, 3, needs=True), numbers(2, 3, needs=True), numbers(2, 6, 3)
    step = lambda h, x: (w @ h + x).tanh()  # noqa: E731
    last, sums = tg.scan(lambda h, x: (lambda h: (h, h.sum(1)))(tg.vmap(step)(h, x)), h, xs.swapaxes(0, 1))
    expected = tg.vmap(recurrent(w))(h, xs)
    near((last, sums.T), expected)
    near(tg.grad((last**2).sum() + sums.sum(), (w, h)), tg.grad((expected[0] ** 2).sum() + expected[1].sum(), (w, h)))


def test_of_symbols():
    y = tg.vmap(lambda x, w: (x @ w).exp().sum(), in_axes=(0, None))(tg.symbol((7, 3)), tg.symbol((3, 2)))
    assert y.shape == (7,) and y.symbolic


def test_an_anomaly_is_found():
    with tg.detect_anomaly(), pytest.raises(tg.errors.AnomalyError, match="'log' made nan"):
        tg.vmap(lambda x: (x - 100).log())(tg.ones((3, 2)))


def test_an_operation_of_a_users_own_is_applied_to_one_sample_after_the_other():
    calls = []

    def value(xp, x, values):
        y = x * values.sum()  # which a sample without numbers refuses
        calls.append(x.shape)
        return y

    op = tg.ops.Primitive(
        "own",
        value,
        lambda x, values: x,
        (lambda g, values: g * values.sum(), lambda g, x, values: (g * x).sum() + values * 0),
        inputs=("x", "values"),
    )
    x, v = numbers(4, 3, needs=True), numbers(2, needs=True)
    y = tg.vmap(lambda x: x._apply(op, v))(x)
    assert calls == [(3,)] * 4
    near(tg.grad((y**2).sum(), (x, v)), tg.grad(((x * v.sum()) ** 2).sum(), (x, v)))


# -- mistakes ------------------------------------------------------------------------------------------------------

X = tg.tensor(RANDOM.standard_normal((4, 3)).astype("float32"))
W = tg.zeros(3, requires_grad=True)
MISTAKES = {
    "if": (lambda x: x if x.sum() > 0 else -x, GradientError, "no single number to read"),
    "float": (lambda x: float(x.sum()), GradientError, "Choose between tensors by tg.where"),
    "mask": (lambda x: x[x > 0], ShapeError, "where a mask is True"),
    "nonzero": (lambda x: tg.nonzero(x), ShapeError, "how many elements are not 0 is in the numbers"),
    "backward": (lambda x: (x * W).sum().backward(), GradientError, "call tg.grad there"),
    "assign": (lambda x: tg.zeros(3).assign(x), DTypeError, "assign it outside"),
    "assign to a sample": (lambda x: x.assign(tg.zeros(3)), DTypeError, "cannot be overwritten in place"),
    "statistics": (lambda x: nn.BatchNorm1d(1)(x[:, None]), DTypeError, "eval()"),
    "x[i] = v": (lambda x: x.__setitem__(x.argmax(), 1.0), GradientError, "use tg.where or tg.scatter"),
    "shapes": (lambda x: x @ tg.zeros((4, 2)), ShapeError, "the first has size 3"),
    "a string": (lambda x: "x", DTypeError, "returns tensors"),
    "labels": (
        lambda x: F.cross_entropy(x[None], (x.sum() * 0 + 3).astype("int64")[None]),
        RangeError,
        "label 3 is out of range",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_the_function(name):
    function, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words):
        tg.vmap(function)(X)
    near(tg.vmap(lambda x: x * 2)(X), X * 2)  # all is as before


CALLS = {
    "numbers of samples": (lambda: tg.vmap(lambda x, y: x)(X, tg.zeros(5)), ShapeError, "4 and 5 samples"),
    "a number": (
        lambda: tg.vmap(lambda x, y: x)(X, 2.0),
        DTypeError,
        "argument 1 .* is 2.0, which has no samples: say None",
    ),
    "an axis": (lambda: tg.vmap(lambda d: d)({"a": X}, in_axes=0), TypeError, "in_axes"),
    "no such axis": (lambda: tg.vmap(lambda d: d, in_axes=2)({"a": X}), AxisError, r"argument 0\['a'\] .* no axis 2"),
    "no axis": (lambda: tg.vmap(lambda x: x)(tg.tensor(1.0)), AxisError, "no axis 0 for the samples"),
    "nothing": (lambda: tg.vmap(lambda x: x, in_axes=None)(X), OptionError, "needs an argument with samples"),
    "in_axes": (lambda: tg.vmap(lambda x: x, in_axes=(0, 0))(X), OptionError, "like that of the arguments"),
    "out_axes": (lambda: tg.vmap(lambda x: x, out_axes=(0, 0))(X), OptionError, "like that of the results"),
    "out_axes of many": (lambda: tg.vmap(lambda x: x, out_axes=None)(X), OptionError, "the same for all samples"),
    "chunks": (lambda: tg.vmap(lambda x: x, chunk_size=0), OptionError, "one or more"),
}


@pytest.mark.parametrize("name", CALLS)
def test_mistakes_in_the_call(name):
    call, kind, words = CALLS[name]
    with pytest.raises(kind, match=words):
        call()


def test_a_sample_stays_inside():
    kept, errors = [], []

    def elsewhere(x):
        try:
            x + 1
        except GradientError as error:
            errors.append(str(error))

    def g(x):
        kept.append(x)
        thread = threading.Thread(target=elsewhere, args=(x,))
        thread.start()
        thread.join()
        return x

    tg.vmap(g)(X)
    assert len(errors) == 1 and "or in another thread" in errors[0]
    for use in (lambda: kept[0] + 1, lambda: tg.vmap(lambda x: x * kept[0])(X), lambda: kept[0].astype("int64")):
        with pytest.raises(GradientError, match="outside of the call of tg.vmap that it belongs to"):
            use()
    with pytest.raises(ZeroDivisionError):
        tg.vmap(lambda x: 1 / 0)(X)
    assert tg.modes.modes.tracer is None and not tg.modes.modes.watchers
