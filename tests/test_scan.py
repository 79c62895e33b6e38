"""tg.scan: what a loop of Python gives, derivatives of every order included, written down once."""

import gc

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.compile.cpu import Executable
from tinygrad_ml.compile.passes.laid_out import laid_out
from tinygrad_ml.errors import DTypeError, GradientError, OptionError, RangeError, ShapeError
from tinygrad_ml.graph import topological
from tinygrad_ml.loops.primitive import Scan
from tinygrad_ml.nn import functional as F
from tinygrad_ml.structure import leaves, mapped

OPTIONS = [
    {},
    {"reverse": True},
    {"keep": "carries"},
    {"keep": "sqrt"},
    {"keep": "sqrt", "reverse": True},
]


def looped(f, init, xs, reverse=False, keep="all"):
    """What `tg.scan` gives, by a loop of Python."""
    rounds, ys = range(leaves(xs)[0].shape[0]), []
    carry = init
    for t in reversed(rounds) if reverse else rounds:
        carry, y = f(carry, mapped(lambda leaf, t=t: leaf[t], xs))
        ys.append(y)
    ys = ys[::-1] if reverse else ys
    stacked = mapped(lambda path: path, ys[0])
    parts = [tg.stack(list(each)) for each in zip(*map(leaves, ys), strict=True)]
    rest = iter(parts)
    return carry, mapped(lambda _: next(rest), stacked)


def numbers(seed, *shape, dtype="float64", scale=0.5):
    array = numpy.random.default_rng(seed).standard_normal(shape) * scale
    return tg.tensor(array.astype(dtype), requires_grad=True)


def weighted(tensors, seed=9):
    """A number that depends on all elements, on each in its own way."""
    rng = numpy.random.default_rng(seed)
    floats = [x for x in tensors if x.dtype.kind == "f"]
    return sum((x * x * rng.standard_normal(x.shape)).sum() for x in floats)


def same(got, wanted, tolerance=1e-9):
    for one, other in zip(got, wanted, strict=True):
        numpy.testing.assert_allclose(one.numpy(), other.numpy(), rtol=tolerance, atol=tolerance)


def check(f, init, xs, parameters, orders=3, **options):
    """Values, and derivatives up to an order, against a loop of Python."""
    ways = [tg.scan(f, init, xs, **options), looped(f, init, xs, **options)]
    found = [leaves(way) for way in ways]
    same(*found)
    for _ in range(orders):
        found = [tg.grad(weighted(tensors), parameters, create_graph=True) for tensors in found]
        same(*found)


# -- bodies --------------------------------------------------------------------------------------------------------

BATCH, SIZE, WIDTH, LENGTH = 3, 4, 5, 6


def lstm():
    weight, inside, bias = numbers(0, 4 * WIDTH, SIZE), numbers(1, 4 * WIDTH, WIDTH), numbers(2, 4 * WIDTH)
    hidden, cell, xs = numbers(3, BATCH, WIDTH), numbers(4, BATCH, WIDTH), numbers(5, LENGTH, BATCH, SIZE)

    def step(carry, x):
        h, c = F.lstm_step(F.linear(x, weight, bias), *carry, inside)
        return (h, c), {"h": h, "twice": 2 * c}

    return step, (hidden, cell), xs, [weight, inside, bias, hidden, cell, xs]


def vectors():
    weight, inside, xs, start = (
        numbers(0, WIDTH, SIZE),
        numbers(1, WIDTH, WIDTH),
        numbers(2, LENGTH, SIZE),
        numbers(3, WIDTH),
    )

    def step(h, x):
        h = tg.tanh(weight @ x + inside @ h + 1.0)
        return h, (h * h).sum()

    return step, start, xs, [weight, inside, xs, start]


def language():
    table, head, inside, start = (
        numbers(0, 7, WIDTH),
        numbers(1, 7, WIDTH),
        numbers(2, WIDTH, WIDTH),
        numbers(3, BATCH, WIDTH),
    )
    rng = numpy.random.default_rng(4)
    tokens, targets = (tg.tensor(rng.integers(0, 7, (LENGTH, BATCH))) for _ in range(2))

    def step(h, x):
        token, target = x
        h = tg.tanh(table[token] + F.linear(h, inside))
        return h, F.cross_entropy(F.linear(h, head), target)

    return step, start, (tokens, targets), [table, head, inside, start]


def constants():
    """What no gradient flows through: of the carry, of x, of what is shared, and of what is handed out."""
    xs, start, weight = numbers(0, LENGTH, 2, WIDTH), numbers(1, 2, WIDTH), numbers(2, WIDTH, WIDTH)

    def step(h, x):
        with tg.no_grad():
            fixed = 2 * h + weight.sum()
        h = tg.sin(h * x.detach() + fixed) * tg.exp(-h.detach())
        h = h + F.linear(x.detach(), weight) * F.linear(x, weight.detach()) * weight.detach()[0]
        return h, (h, h.detach())

    return step, start, xs, [start, xs, weight]


def shared_everywhere():
    """What all rounds share in the ways in which gradients of it arise: scaled, cut, turned, summed, and elementwise."""
    matrix, row, xs, start = numbers(0, WIDTH, WIDTH), numbers(1, WIDTH), numbers(2, LENGTH, WIDTH), numbers(3, WIDTH)

    def step(h, x):
        h = tg.tanh(
            h @ matrix.mT * 0.5 + (matrix * h).sum(axis=0) - row * x + matrix[1] * row[:1] + (matrix * matrix).mean()
        )
        return h, (h[:2], -h.max())

    return step, start, xs, [matrix, row, xs, start]


BODIES = [lstm, vectors, language, constants, shared_everywhere]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_values_and_three_derivatives_are_those_of_a_loop(body, options):
    step, init, xs, parameters = body()
    check(step, init, xs, parameters, **options)


def test_a_carry_of_integers_and_one_of_another_float_dtype():
    xs, wide, narrow = numbers(0, LENGTH, WIDTH), numbers(1, WIDTH), numbers(2, WIDTH, dtype="float32")

    def step(carry, x):
        count, a, b = carry
        a = tg.tanh(a * 0.5 + x * (count.astype("float64") + 1.0) + b.astype("float64"))
        return (count + 1, a, (b * 0.5 + a).astype("float32")), {"a": a * 2, "count": count}

    init = tg.tensor(0), wide, narrow
    ways = [leaves(tg.scan(step, init, xs)), leaves(looped(step, init, xs))]
    assert [x.dtype for x in ways[0]] == [x.dtype for x in ways[1]]
    assert ways[0][4].tolist() == list(range(LENGTH))
    same(*ways, tolerance=1e-6)
    for _ in range(2):
        ways = [
            tg.grad(weighted([x.astype("float64") for x in way]), [xs, wide, narrow], create_graph=True) for way in ways
        ]
        same(*ways, tolerance=1e-4)


@pytest.mark.parametrize("keep", ["all", "carries", "sqrt"])
def test_a_loop_in_a_loop(keep):
    start, xs = numbers(0), numbers(1, 4, 5)

    def inner(a, b):
        return tg.sin(a * b + 1.0), a * a

    def by_scan(c, x):
        c, ys = tg.scan(inner, c, x, keep=keep)
        return c * 1.5, ys.sum()

    def by_loop(c, x):
        c, ys = looped(inner, c, x)
        return c * 1.5, ys.sum()

    ways = [leaves(tg.scan(by_scan, start, xs, keep=keep)), leaves(looped(by_loop, start, xs))]
    same(*ways)
    for _ in range(2):
        ways = [tg.grad(weighted(way), [start, xs], create_graph=True) for way in ways]
        same(*ways)


@settings(deadline=None, max_examples=25)
@given(
    length=st.integers(0, 7),
    shape=st.lists(st.integers(0, 3), max_size=2),
    reverse=st.booleans(),
    keep=st.sampled_from(["all", "carries", "sqrt"]),
)
def test_any_length_and_shape(length, shape, reverse, keep):
    xs, start = numbers(1, length, *shape), numbers(2, *shape)

    def step(h, x):
        h = tg.tanh(h + x) * x
        return h, h * h

    last, ys = tg.scan(step, start, xs, reverse=reverse, keep=keep)
    assert last.shape == start.shape and ys.shape == xs.shape
    if length:
        check(step, start, xs, [xs, start], orders=2, reverse=reverse, keep=keep)
    else:
        same(tg.grad(weighted([last, ys]), [start]), tg.grad(weighted([start]), [start]))


def test_without_xs_the_length_says_how_many_rounds():
    last, ys = tg.scan(lambda c, x: (c * 2, c), tg.tensor(1.0), length=5)
    assert last.item() == 32 and ys.tolist() == [1, 2, 4, 8, 16]
    last, nothing = tg.scan(lambda c, x: (c + x["a"], None), tg.tensor(0.0), {"a": tg.ones(3), "b": None}, length=3)
    assert last.item() == 3 and nothing is None


def test_writing_at_fixed_places_and_printing(capsys):
    start, xs = numbers(0, 4), numbers(1, 5, 4)

    def step(h, x):
        h = h * x
        h[1:3] = x[:2]
        count = tg.zeros(4, dtype="int64") + (x > 0).astype("int64")
        count[0] = 7
        print(h)
        return h, (h, count)

    check(step, start, xs, [start, xs])
    assert "tensor(shape=(4,), in tg.scan, dtype=float64" in capsys.readouterr().out


# -- what is recorded ----------------------------------------------------------------------------------------------


def operations(*outputs):
    return [node.op for node in topological([x.node for x in outputs]) if node.op is not None]


def test_the_function_is_called_once_and_the_graph_does_not_grow_with_the_length():
    calls = []

    def step(h, x):
        calls.append(1)
        return tg.tanh(h + x), h

    sizes = []
    for length in (4, 400):
        start = numbers(0, 3)
        h, ys = tg.scan(step, start, numbers(1, length, 3))
        (g,) = tg.grad((h * h).sum() + ys.sum(), [start], create_graph=True)
        sizes.append(len(operations(g)))
    assert len(calls) == 2 and sizes[0] == sizes[1]


def test_products_without_the_carry_are_one_product_before_the_loop():
    step, init, xs, _ = lstm()
    _, ys = tg.scan(step, init, xs)
    outside = operations(ys["h"])
    (loop,) = [op for op in outside if isinstance(op, Scan)]
    assert [op.name for op in outside].count("linear") == 1
    assert [step.op.name for step in loop.body.steps].count("linear") == 1  # that of the carry


def test_gradients_of_weights_are_one_product_behind_the_loop():
    step, init, xs, parameters = lstm()
    _, ys = tg.scan(step, init, xs)
    found = tg.grad(ys["h"].sum(), parameters[:3], create_graph=True)
    loops = {op for op in operations(*found) if isinstance(op, Scan)}
    assert len(loops) == 2
    for loop in loops:
        assert all(
            len(form.shape) == 2 and form.shape[0] == BATCH for form in loop.body.carries
        )  # no sum of a weight's shape


def test_what_is_kept_follows_from_keep():
    def kept(keep):
        step, init, xs, _ = lstm()
        _, ys = tg.scan(step, init, xs, keep=keep)
        return sum(op.size for op in operations(ys["h"]) if isinstance(op, Scan))

    length, inner = LENGTH, BATCH * WIDTH
    assert kept("carries") == (2 + 2 * length + 2 * length) * inner  # last carries, ys, carries of each round
    assert kept("all") == (2 + 2 * length + (2 + 5) * length) * inner  # and the gates, and tanh(c)
    with tg.no_grad():
        step, init, xs, _ = lstm()
        watched = []
        with tg.modes.watching(lambda op, *_: watched.append(op)):
            tg.scan(step, init, xs)
    (loop,) = [op for op in watched if isinstance(op, Scan)]
    assert loop.size == (2 + 2 * length) * inner


def test_memory_with_sqrt_grows_with_the_root_of_the_length():
    def most(length, keep):
        start, xs = numbers(0, 10), numbers(1, length, 10)
        h, _ = tg.scan(lambda h, x: (tg.tanh(h * x), None), start, xs, keep=keep)
        return max(op.size for op in operations(h) if isinstance(op, Scan))

    assert most(400, "sqrt") < most(400, "carries") / 8


def test_random_numbers_are_other_ones_in_each_round():
    tg.manual_seed(3)
    start, xs = numbers(0, 8, dtype="float32"), numbers(1, 5, 8, dtype="float32")

    def step(h, x):
        h = F.dropout(h + x, 0.5)
        return h, h

    _, ys = tg.scan(step, start, xs)
    zeros = ys.numpy() == 0
    assert 0.2 < zeros.mean() < 0.8 and len({row.tobytes() for row in zeros}) > 1
    (g,) = tg.grad(ys[-1].sum(), [xs], create_graph=True)  # through the same masks
    assert ((g.numpy()[-1] == 0) == zeros[-1]).all()
    tg.manual_seed(3)
    same([tg.scan(step, start, xs)[1]], [ys], tolerance=0)


def test_draws_of_all_kinds():
    def step(h, x):
        return h, (
            tg.random.normal(size=(2,)),
            tg.random.integers(0, 9, size=(3,)),
            tg.random.rand(),
            tg.random.choice(4),
        )

    _, (normal, whole, one, picked) = tg.scan(step, tg.tensor(0.0), length=50)
    assert [x.shape for x in (normal, whole, one, picked)] == [(50, 2), (50, 3), (50,), (50,)]
    assert len(set(one.tolist())) == 50 and set(whole.numpy().ravel()) == set(range(9))
    with pytest.raises(OptionError, match="permutation in the function of tg.scan or tg.vmap: draw one for each round"):
        tg.scan(lambda h, x: (h, tg.random.permutation(3)), tg.tensor(0.0), length=2)


def test_a_symbol_goes_through():
    last, ys = tg.scan(lambda c, x: (tg.tanh(c + x), c), tg.symbol((3,)), tg.symbol((7, 3)))
    assert last.symbolic and last.shape == (3,) and ys.shape == (7, 3)


def test_a_network_of_real_weights_takes_symbols():
    weight = numbers(0, 5, 5, dtype="float32")
    last, ys = tg.scan(
        lambda h, x: ((h := tg.tanh(F.linear(x, weight) + h @ weight)), h), tg.zeros((2, 5)), tg.symbol((7, 2, 5))
    )
    assert ys.shape == (7, 2, 5)
    (g,) = tg.grad(ys.sum() + last.sum(), [weight])
    assert g.symbolic and g.shape == (5, 5)


def test_the_work_of_all_rounds_is_counted():
    _, ys = tg.scan(lambda c, x: (c + x, c * x * x), tg.zeros(10), numbers(0, 7, 10, dtype="float32"))
    (node,) = [node for node in topological([ys.node]) if isinstance(node.op, Scan)]
    assert node.flops == 7 * 3 * 10


def test_hooks_freed_graphs_and_overwritten_numbers():
    start, xs = numbers(0, 3), numbers(1, 4, 3)
    seen = []
    h, ys = tg.scan(lambda h, x: (tg.tanh(h * x), h), start, xs)
    h.register_hook(lambda g: seen.append(g.shape))
    loss = (h * h).sum() + ys.sum()
    loss.backward()
    assert seen == [(3,)] and start.grad is not None
    with pytest.raises(GradientError, match="freed"):
        loss.backward()
    h, _ = tg.scan(lambda h, x: (tg.tanh(h * x), h), start, xs)
    xs.detach().assign(tg.zeros((4, 3)))
    with pytest.raises(GradientError, match="changed in place"):
        h.sum().backward()


def test_a_step_leaves_no_garbage():
    step, init, xs, parameters = lstm()

    def train():
        for parameter in parameters:
            parameter.grad = None
        _, ys = tg.scan(lambda c, x: step(c, F.dropout(x, 0.5)), init, xs)
        (ys["h"].sum() + ys["twice"].sum()).backward()

    train()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            train()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_gradcheck_and_hvp():
    step, init, xs, _ = lstm()

    def loss(hidden, xs):
        return weighted(leaves(tg.scan(step, (hidden, init[1]), xs)))

    assert tg.gradcheck(loss, (init[0], xs))

    def by_loop(hidden, xs):
        return weighted(leaves(looped(step, (hidden, init[1]), xs)))

    direction = numbers(7, *init[0].shape).detach()
    ways = [tg.hvp(lambda h, f=f: f(h, xs), init[0], direction)[1] for f in (loss, by_loop)]
    same([ways[0]], [ways[1]])


# -- under tg.compile ----------------------------------------------------------------------------------------------


def training(length, width, seed=0):
    weight, inside = (numbers(seed + i, 4 * width, width, dtype="float32", scale=0.2) for i in range(2))
    xs = numbers(seed + 2, length, 8, width, dtype="float32").detach()

    def step(xs):
        weight.grad = inside.grad = None
        zeros = tg.zeros((8, width))
        carry, ys = tg.scan(
            lambda c, x: ((c := F.lstm_step(F.linear(x, weight), *c, inside)), c[0]), (zeros, zeros), xs
        )
        loss = (ys * ys).mean() + carry[1].mean()
        loss.backward()
        weight.assign(weight - 0.1 * weight.grad)
        inside.assign(inside - 0.1 * inside.grad)
        return loss

    return step, xs, (weight, inside)


@pytest.mark.parametrize("width", [5, 40])
def test_a_compiled_step_trains_as_an_eager_one(width):
    found = []
    for compiled in (False, True):
        step, xs, parameters = training(20, width)
        step = tg.compile(step) if compiled else step
        losses = [float(step(xs)) for _ in range(4)]
        found.append([numpy.array(losses), *(p.numpy() for p in parameters)])
    for eager, compiled in zip(*found, strict=True):
        numpy.testing.assert_allclose(compiled, eager, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
def test_compiled_values_and_gradients_are_the_eager_ones(body, options):
    step, init, xs, parameters = body()

    def both(*_):
        found = leaves(tg.scan(step, init, xs, **options))
        first = tg.grad(weighted(found), parameters, create_graph=True)
        return [*found, *first, *tg.grad(weighted(first), parameters)]

    same(tg.compile(both)(), both(), tolerance=1e-9)


def test_the_program_does_not_grow_with_the_length():
    sizes, calls = [], []
    for length in (16, 256):
        step, xs, _ = training(length, 12)

        def counted(xs, step=step):
            calls.append(1)
            return step(xs)

        compiled = tg.compile(counted)
        for _ in range(3):
            compiled(xs)
        sizes.append((len(compiled.program.instructions), len(compiled.source.splitlines())))
    assert sizes[0][0] == sizes[1][0] and abs(sizes[0][1] - sizes[1][1]) < 10
    assert len(calls) <= 4  # the second call has gradients, and is recorded once more


def test_a_round_may_have_any_number_of_addresses():
    """More of them than a job has that threads share."""
    parts = tg.random.randn(10, 70, 4)

    def step(parts):
        return tg.scan(lambda carry, xs: (sum(xs, carry), None), tg.zeros(4), [parts[:, i] for i in range(70)])[0]

    compiled = tg.compile(step, without=("equal",))
    numpy.testing.assert_allclose(compiled(parts).numpy(), step(parts).numpy(), rtol=1e-4, atol=1e-5)


def test_a_compiled_loop_with_random_numbers_and_integers():
    def step(xs, count):
        def once(carry, x):
            total, n = carry
            total = F.dropout(total + x, 0.5)
            return (total, n + 1), (total, n)

        return tg.scan(once, (tg.zeros(4), count), xs)

    compiled, xs = tg.compile(step), tg.ones((9, 4))
    found = []
    for way in (step, compiled, compiled):
        tg.manual_seed(1)
        found.append([x.numpy() for x in leaves(way(xs, tg.tensor(3)))])
    for one, *others in zip(*found, strict=True):
        for other in others:
            numpy.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
def test_laid_out_rounds_compute_the_same(body, options, monkeypatch):
    monkeypatch.setattr(Executable, "prepared", lambda self, program, fuse: laid_out(program))
    step, init, xs, parameters = body()

    def both(*_):
        found = leaves(tg.scan(step, init, xs, **options))
        return [*found, *tg.grad(weighted(found), parameters)]

    compiled = tg.compile(both)
    same(compiled(), both())
    assert not any(
        isinstance(i.op, Scan) for kernel in compiled._latest.executable.kernels for i in kernel.instructions
    )


# -- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes_say_what_was_given_and_what_to_do():
    zero, xs = tg.tensor(0.0), tg.zeros(3)
    with pytest.raises(
        GradientError, match="no numbers to read in the function, only shapes. Choose between tensors by tg.where"
    ):
        tg.scan(lambda c, x: (c, float(c)), zero, xs)
    with pytest.raises(GradientError, match="no numbers to read"):
        tg.scan(lambda c, x: (c + 1 if c > 0 else c, c), zero, xs)
    with pytest.raises(ShapeError, match=r"gives \(carry, y\), not Tensor"):
        tg.scan(lambda c, x: c, zero, xs)
    with pytest.raises(
        ShapeError, match=r"begins with shape \(\) and dtype float32, and the function gives it shape \(2,\)"
    ):
        tg.scan(lambda c, x: (c + x, c), zero, tg.zeros((3, 2)))
    with pytest.raises(DTypeError, match=r"begins with shape \(\) and dtype int64.*init.astype\('float32'\)"):
        tg.scan(lambda c, x: (c + x, c), tg.tensor(0), xs)
    with pytest.raises(ShapeError, match="a tuple of 2, but the first one is one Tensor"):
        tg.scan(lambda c, x: ((c, c), c), zero, xs)
    with pytest.raises(OptionError, match="without xs needs length="):
        tg.scan(lambda c, x: (c, c), zero)
    with pytest.raises(ShapeError, match=r"one length, not over a tensor of shape \(3,\).*\(4,\)"):
        tg.scan(lambda c, x: (c, c), zero, (xs, tg.zeros(4)))
    with pytest.raises(ShapeError, match="length=5"):
        tg.scan(lambda c, x: (c, c), zero, xs, length=5)
    with pytest.raises(ShapeError, match="goes over the first axis of xs"):
        tg.scan(lambda c, x: (c, c), zero, zero)
    with pytest.raises(OptionError, match="keep='some'; use one of 'all', 'carries', 'sqrt'"):
        tg.scan(lambda c, x: (c, c), zero, xs, keep="some")
    with pytest.raises(DTypeError, match="what a round of tg.scan computes can only be returned"):
        tg.scan(lambda c, x: (c, xs.assign(xs + c)), zero, xs)
    with pytest.raises(RangeError, match="9"):
        tg.scan(lambda c, y: (c, F.cross_entropy(tg.zeros((2, 3)), y)), zero, tg.tensor([[0, 1], [2, 9]]))
    with pytest.raises(GradientError, match="use tg.where"):
        tg.scan(lambda c, i: (F.relu(c).__setitem__(i, 1.0), i), tg.zeros(3), tg.tensor([0, 1]))
    with pytest.raises(GradientError, match="of another call of the function of a tg.scan was used"):
        kept = []
        tg.scan(lambda c, x: (kept.append(c) or c, c), zero, xs)
        tg.scan(lambda c, x: (c + kept[0], c), zero, xs)
