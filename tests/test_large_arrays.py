"""Eager mode on many numbers: what machine code computes is what operations give, on however many threads, and in each order."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import RangeError
from tinygrad_ml.graph import topological
from tinygrad_ml.kernels import convolution, ctc, loops, recurrent
from tinygrad_ml.machine.products import plan
from tinygrad_ml.machine.sharing import again

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.skipif(not plan.register(), reason="needs llvmlite: tinygrad_ml[fast], and OpenBLAS"),
]

F = nn.functional
NEVER = 1 << 60
RANDOM = np.random.default_rng(5)


@pytest.fixture
def worth(monkeypatch):
    """`worth(size)`: machine code for arrays of so many numbers, or multiplications."""

    def choose(size):
        monkeypatch.setattr(loops, "MANY_ELEMENTS", size)
        monkeypatch.setattr(convolution, "MANY_MULTIPLICATIONS", size)
        monkeypatch.setattr(recurrent, "ROUNDS_MULTIPLICATIONS", size)
        monkeypatch.setattr(ctc, "MANY_BEGINNINGS", size)

    return choose


def outcome(function, arrays):
    """The value, and the gradients by all arrays, of a loss in which each number counts something else."""
    given = [tg.tensor(array, requires_grad=True) for array in arrays]
    y = function(*given)
    weights = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    return y.node.op, [tensor.numpy() for tensor in (y, *tg.grad((y * weights).sum(), given))]


def agree(worth, function, *shapes, dtype="float32"):
    arrays = [RANDOM.standard_normal(shape).astype(dtype) for shape in shapes]
    worth(0)
    op, ours = outcome(function, arrays)
    assert op.take_apart is not None, op
    worth(NEVER)
    _, theirs = outcome(function, arrays)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=0, atol=(3e-6 if dtype == "float32" else 1e-14) * abs(b).max())


CONVOLUTIONS = {
    "plain": ({}, (6, 4, 3, 3), False),
    "with bias and padding": ({"padding": 2}, (8, 4, 5, 5), True),
    "strides": ({"stride": 2, "padding": 1}, (9, 4, 3, 3), False),
    "strides that do not divide": ({"stride": 2, "padding": (3, 0)}, (9, 4, 7, 2), True),
    "dilation": ({"dilation": (2, 1), "padding": (1, 2)}, (9, 4, 3, 3), False),
    "groups": ({"groups": 2, "stride": (2, 1), "padding": 1}, (8, 2, 3, 3), True),
    "channel by channel": ({"groups": 4, "padding": 1}, (8, 1, 3, 3), True),
    "of single pixels": ({}, (16, 4, 1, 1), True),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(worth, case):
    options, weight, bias = CONVOLUTIONS[case]
    shapes = [(9, 4, 15, 18), weight, *[weight[:1]] * bias]
    for dtype in ("float32", "float64") if case in ("plain", "groups") else ("float32",):
        agree(worth, lambda x, w, *b: F.conv2d(x, w, *b, **options), *shapes, dtype=dtype)


def test_convolutions_of_sequences_and_of_what_lies_in_no_order(worth):
    agree(worth, lambda x, w, b: F.conv1d(x, w, b, padding=2), (9, 8, 57), (12, 8, 5), (12,))
    agree(worth, lambda x, w: F.conv2d(x.permute_dims((0, 3, 1, 2)), w.mT), (9, 15, 18, 4), (6, 4, 3, 2))


def test_a_convolution_keeps_no_windows_and_small_ones_need_no_compiler():
    x, w = tg.ones((8, 8, 64, 64), requires_grad=True), tg.ones((16, 8, 3, 3), requires_grad=True)
    kept = F.conv2d(x, w, padding=1).node.saved
    assert sum(array.nbytes for array in kept) < 3 * x._data.nbytes
    assert F.conv2d(x[:1, :, :9, :9], w).node.op.take_apart is None


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("options", [(2,), (3, 2, 1), ((2, 3), 1), (4, None, 0)], ids=str)
def test_pooling(worth, pool, options):
    agree(worth, lambda x: pool(x, *options), (3, 4, 9, 16))
    ties = RANDOM.integers(0, 3, (2, 3, 8, 8)).astype("float64")
    results = []
    for size in (0, NEVER):
        worth(size)
        results.append(outcome(lambda x: pool(x, *options), [ties])[1])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)


def test_what_is_no_number_goes_through_a_maximum(worth):
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1], x[0, 0, 3, 3] = np.nan, np.inf
    worth(0)
    np.testing.assert_array_equal(
        F.max_pool2d(tg.tensor(x, requires_grad=True), 2).numpy()[0, 0], [[np.nan, 0], [0, np.inf]]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 6, 7, 9), (64, 6), (4, 6, 33)], ids=str)
def test_batch_norm(worth, shape, dtype):
    agree(worth, lambda x, w, b: F.batch_norm(3 * x + 1, None, None, w, b, True), shape, (6,), (6,), dtype=dtype)
    x, moved = RANDOM.standard_normal(shape).astype(dtype), []
    for size in (0, NEVER):
        worth(size)
        layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](6, dtype=dtype)
        layer(tg.tensor(x))
        moved.append([layer.running_mean.numpy(), layer.running_var.numpy()])
    np.testing.assert_allclose(*moved, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ctc(worth, dtype):
    texts, times, lengths = RANDOM.integers(1, 4, (5, 9)), [30, 30, 1, 21, 30], [9, 0, 2, 7, 5]  # the third has no path
    texts[0, :4] = 2
    impossible = np.zeros((30, 5, 4), dtype)
    impossible[::4, :, 3] = -np.inf

    def loss(x):
        return F.ctc_loss(tg.log_softmax(x, -1) + impossible, texts, times, lengths, reduction="none")[[0, 1, 3, 4]]

    arrays = [RANDOM.standard_normal((30, 5, 4)).astype(dtype)]
    found = []
    for size in (0, NEVER):
        worth(size)
        found.append(outcome(loss, arrays)[1])
    for ours, theirs in zip(*found, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6)
    log_p = np.log(np.full((30, 5, 4), 0.25, dtype))
    log_p[7, 0, 2] = np.nan
    for size in (0, NEVER):
        worth(size)
        lost = F.ctc_loss(tg.tensor(log_p), texts, times, lengths, reduction="none").numpy()
        assert np.isnan(lost[0]) and lost[2] == np.inf and np.isfinite(lost[[1, 3, 4]]).all()


def operations(node):
    """The names of all that is computed as a whole on the way to a node, and nothing taken apart."""
    return {node.op.name if node.op else None}.union(*[operations(parent) for parent in node.inputs])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"batch_first": True}], ids=str)
@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_lstm(worth, options, dtype, rounds):
    tg.manual_seed(1)
    layer = nn.LSTM(8, 16, dtype=dtype, **options)
    layers = 4 if "num_layers" in options else 1
    arrays = [
        RANDOM.standard_normal(shape).astype(dtype)
        for shape in ((5, rounds, 8) if "batch_first" in options else (rounds, 5, 8), *[(layers, 5, 16)] * 2)
    ]
    found = []
    for size in (0, NEVER):
        worth(size)
        given = [tg.tensor(array, requires_grad=True) for array in arrays]
        y, (h, c) = layer(given[0], tuple(given[1:]))
        assert ("lstm" in operations(y.node)) == (size == 0)
        loss = (y * y).sum() + (h * c).sum() + c.sum()
        found.append([y, h, c, *tg.grad(loss, [*given, *layer.parameters()])])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(
            a.numpy(), b.numpy(), rtol=0, atol=(1e-5 if dtype == "float32" else 1e-13) * abs(b).max().item()
        )


def test_the_steps_of_an_lstm_are_there_for_second_derivatives_and_for_who_looks(worth):
    worth(0)
    tg.manual_seed(2)
    layer = nn.LSTM(3, 16, dtype="float64")
    x = tg.tensor(RANDOM.standard_normal((3, 8, 3)), requires_grad=True)
    y, _ = layer(x)
    assert "lstm" in operations(y.node)
    assert any(node.op and node.op.name == "scan" for node in topological([y.node]))
    assert tg.gradcheck(lambda x: layer(x)[0], (x,), order=2)


@pytest.mark.parametrize("mode", ["mean", "sum"])
@pytest.mark.parametrize("nothing", [None, 3])
@pytest.mark.parametrize("rows", [7, 4000])
def test_bags_of_rows(worth, mode, nothing, rows):
    words = RANDOM.integers(0, 7, (20, 9))
    words[4] = 3
    agree(worth, lambda table: F.embedding_bag(words, table, mode=mode, padding_idx=nothing), (rows, 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [7, 4000])
def test_sums_at_places_have_the_bits_of_numpys(worth, rows, dtype):
    x, places = RANDOM.standard_normal((300, 5)).astype(dtype), RANDOM.integers(-7 * (rows == 7), 7, 300)
    found = []
    for size in (0, NEVER):
        worth(size)
        table = tg.zeros((rows, 5), dtype=dtype, requires_grad=True)
        (table[tg.tensor(places)] * x).sum().backward()
        found.append(table.grad.numpy())
    np.testing.assert_array_equal(*found)


def test_rows_are_read_as_numpy_reads_them():
    table = RANDOM.standard_normal((6, 4))
    for places in ([[5, -1], [0, -6]], 3, np.zeros((0, 2), int)):
        for x in (table, table.T, np.asfortranarray(table)):
            np.testing.assert_array_equal(tg.tensor(x)[np.array(places) % 4].numpy(), x[np.array(places) % 4])
    np.testing.assert_array_equal(tg.tensor(table)[np.array([-1, -6])].numpy(), table[[-1, -6]])
    with pytest.raises(RangeError, match="6"):
        tg.tensor(table)[np.array([1, 6])]


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_and_erf(worth, approximate):
    agree(worth, lambda x: F.gelu(3 * x, approximate), (40, 60))
    x = np.concatenate([np.linspace(-6, 6, 1001), [np.inf, -np.inf, np.nan]]).astype(np.float32)
    found = []
    for size in (0, NEVER):
        worth(size)
        found.append(tg.erf(tg.tensor(x)[::2]).numpy())
    np.testing.assert_allclose(*found, rtol=3e-7)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=1), [(9, 4, 9, 16), (8, 4, 3, 3), (8,)]),
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [(3, 2, 4, 4), (2,), (2,)]),
        (lambda x: F.max_pool2d(x, 2), [(2, 2, 4, 6)]),
        (lambda x: F.avg_pool2d(x, 3, 1, 1), [(2, 2, 4, 6)]),
    ],
    ids=["convolution", "batch norm", "largest", "mean"],
)
def test_derivatives_of_two_orders(worth, function, shapes):
    worth(0)
    given = [tg.tensor(RANDOM.standard_normal(shape), requires_grad=True) for shape in shapes]
    assert function(*given).node.op.take_apart is not None
    assert tg.gradcheck(function, given, order=2)


def network() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 8, 3),
        nn.AvgPool2d(2),
    )


def gradients(model: nn.Module) -> list[np.ndarray]:
    x = np.random.default_rng(2).standard_normal((16, 3, 32, 32)).astype(np.float32)
    model.zero_grad()
    (model(tg.tensor(x)) ** 2).sum().backward()
    return [parameter.grad.numpy().copy() for parameter in model.parameters()]


def test_threads_change_no_bit_and_those_of_the_user_do_not_mix_up_their_arrays():
    found = []
    for threads in (1, 3):
        with threadpool_limits(threads, user_api="blas"):
            found += [gradients(network()), gradients(network())]

    models, first = [network(), network()], len(found)
    found += [None, None]

    def train(place):
        found[first + place] = [gradients(models[place]) for _ in range(3)][-1]

    with threadpool_limits(2, user_api="blas"):
        at_work = [threading.Thread(target=train, args=(place,)) for place in range(2)]
        [thread.start() for thread in at_work]
        [thread.join() for thread in at_work]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def long_lstm(x):
    tg.manual_seed(0)
    return nn.LSTM(24, 16)(tg.swapaxes(x, 0, 1))[0]


def many_paths(x):
    labels = np.random.default_rng(3).integers(1, 24, (16, 5))
    return F.ctc_loss(tg.log_softmax(tg.swapaxes(x, 0, 1), -1), labels, [20] * 16, [5] * 16, reduction="none")


@pytest.mark.parametrize("function", [long_lstm, many_paths])
def test_threads_change_no_bit_of_what_goes_on_from_moment_to_moment(worth, monkeypatch, function):
    worth(0)
    monkeypatch.setattr(again, "WORTH_SHARING", 0)
    monkeypatch.setattr(plan, "SHARED_PRODUCT_MULTIPLICATIONS", 0)
    arrays, found = [np.random.default_rng(4).standard_normal((16, 20, 24)).astype("float32")], []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            found += [outcome(function, arrays)[1] for _ in range(3)]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
