"""Loops of Python are rolled up in compiled steps: the same numbers as with their rounds written out, to the last bit."""

import random
import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.loops import Scan
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.host_only
ROUNDS, BATCH, WIDTH = 12, 2, 4


def zeros():
    return tg.zeros(BATCH, WIDTH)


def rnn(p, x):
    h, kept = zeros(), []
    for t in range(ROUNDS):
        h = (x[t] @ p[0] + h @ p[1] + p[2][0]).tanh()
        kept.append(h)
    return (tg.stack(kept) ** 2).mean()


def rnn_of_columns(p, x):
    """Slices of another axis; of the outputs only the last is used."""
    x, h = x.permute_dims((1, 0, 2)), zeros()
    for t in range(ROUNDS):
        h = F.relu(x[:, t] @ p[0] + h @ p[1] + p[2][0])
    return (h * h).mean()


def rnn_reversed(p, x):
    h, kept = zeros(), []
    for step in reversed(list(x)):
        h = (step @ p[0] + h @ p[1]).tanh()
        kept.append(h)
    return (tg.concat(kept[::-1]).reshape(x.shape) * x).sum()


def losses_on_the_way(p, x):
    h, loss = zeros(), 0
    for t in range(ROUNDS - 1):
        h = (x[t] @ p[0] + h @ p[1] + p[2][0]).tanh()
        loss = loss + ((h @ p[2] - x[t + 1]) ** 2).sum()
    return loss


def lstm(p, x):
    h, c, kept = zeros(), zeros(), []
    weight = tg.concat([p[1], p[2], p[1] * 2, p[2] * 2], 1)
    projected = x @ tg.concat([p[0]] * 4, 1)
    for t in range(ROUNDS):
        i, f, g, o = tg.split(projected[t] + h @ weight, h.shape[-1], -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        kept.append(h)
    return (tg.stack(kept, 1) ** 2).mean()


def gru(p, x):
    h = x[0]
    for t in range(1, ROUNDS):
        r, z = (x[t] @ p[0] + h @ p[1]).sigmoid(), (x[t] @ p[1] + h @ p[0]).sigmoid()
        h = (1 - z) * (x[t] @ p[2] + r * h).tanh() + z * h
    return (h * h).mean()


def euler(p, x):
    """Its rounds know what time it is."""
    y = x[0]
    for t in range(ROUNDS):
        y = y + 0.1 * ((y @ p[0] + p[1][0] * (t / ROUNDS)).tanh() @ p[2])
    return (y * y).mean()


def leapfrog(p, x):
    before, y = x[0], x[1]
    for _ in range(ROUNDS + 2):
        before, y = y, 2 * y - before + 0.01 * (y @ p[0])
    return (y * before).mean()


def softmaxes_with_labels(p, x):
    labels, h, loss = (x[..., 0] > 0).astype("int64"), zeros(), 0
    for t in range(ROUNDS):
        h = F.layer_norm(x[t] @ p[0] + h @ p[1], (WIDTH,))
        loss = loss + F.cross_entropy(h, labels[t])
    return loss


def masked(p, x):
    h = zeros()
    for t in range(ROUNDS):
        new = x[t] @ p[0] + h @ p[1]
        h = tg.where(new > h, new, 0.5 * h + p[2][0])
    return h.sum()


def rows_of_a_table(p, x):
    numbers, h = (x[..., 0] > 0).astype("int64"), zeros()
    for t in range(ROUNDS):
        h = (p[0][numbers[t]] + h @ p[1]).tanh()
    return (h * h).mean()


def dropout(p, x):
    h = zeros()
    for t in range(ROUNDS):
        h = F.dropout((x[t] @ p[0] + h @ p[1]).tanh(), 0.3)
    return (h * h).mean()


def in_any_order(p, x):
    h = zeros()
    for t in np.random.default_rng(0).permutation(ROUNDS):
        h = (x[int(t)] @ p[0] + h @ p[1]).tanh()
    return (h * h).mean()


def turned_weights(p, x):
    h = zeros()
    for _ in range(2 * ROUNDS):  # so many that weights are turned, if that is exact
        h = F.linear(h, p[0], p[2][0]).tanh() + F.linear(x[0], p[1])
    return (h * h).mean()


def begun_with_a_transpose(p, x):
    h = p[0].T
    for _ in range(ROUNDS):
        h = (h @ p[1] + p[2]).tanh()
    return (h * h).mean()


def both_ways(p, x):
    a, b, there, back = zeros(), zeros(), [], []
    for t in range(ROUNDS):
        a = (x[t] @ p[0] + a @ p[1]).tanh()
        there.append(a)
    for t in reversed(range(ROUNDS)):
        b = (x[t] @ p[1] + b @ p[2]).tanh()
        back.append(b)
    return (tg.stack(there) * tg.stack(back[::-1])).sum()


def layer_by_layer(p, x):
    xs = list(x)
    for weight in p:
        h, out = zeros(), []
        for step in xs:
            h = (step + h @ weight).tanh()
            out.append(h)
        xs = out
    return (xs[-1] * xs[-1]).sum()


LOOPS = {
    rnn: 2,
    rnn_of_columns: 2,
    rnn_reversed: 2,
    losses_on_the_way: 2,
    lstm: 2,
    gru: 2,
    euler: 2,
    leapfrog: 2,
    softmaxes_with_labels: 4,  # two of which are of integers and truths, which are as they are in each step
    masked: 2,
    rows_of_a_table: 2,
    dropout: 2,
    in_any_order: 2,
    turned_weights: 2,
    begun_with_a_transpose: 2,
    both_ways: 4,
    layer_by_layer: 6,
}


def trained(loss, without=(), batch=BATCH, width=WIDTH, dtype="float32"):
    """(the step, what three calls of it gave and left)"""
    rng = np.random.default_rng(1)
    parameters = [tg.tensor(0.4 * rng.standard_normal((width, width)), dtype=dtype) for _ in range(3)]
    for parameter in parameters:
        parameter.requires_grad = True
    x = tg.tensor(rng.standard_normal((ROUNDS, batch, width)), dtype=dtype)
    optimizer = tg.optim.Adam(parameters, 0.01)
    tg.manual_seed(2)

    @tg.compile(without=without)
    def step(x):
        optimizer.zero_grad()
        value = loss(parameters, x)
        value.backward()
        optimizer.step()
        return value

    found = [step(x).numpy() for _ in range(3)]
    return step, [*found, *(array.numpy() for p in parameters for array in (p, p.grad) if array is not None)]


def scans(step):
    return [i.op for i in step.program.instructions if isinstance(i.op, Scan)]


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=["at once", "behind the other passes"])
def when(request, monkeypatch):
    """When loops are rolled up: a short program as a long one is, or as it is."""
    if request.param == "at once":
        monkeypatch.setattr(import_module("tinygrad_ml.compile.passes.rolled"), "MANY_INSTRUCTIONS", 0)
    return request.param


UNSETTLED = (softmaxes_with_labels, rows_of_a_table)
"""In whose rounds arrays are indices, which a pass behind may make something else of."""


@pytest.mark.parametrize("loss", LOOPS, ids=lambda loss: loss.__name__)
def test_a_loop_and_its_gradient_are_rolled_up_and_give_the_same_bits(loss, when):
    step, found = trained(loss, ("loops",))
    assert ("rolled at once" in step.stages) == (when == "at once" and loss not in UNSETTLED)
    _, expected = trained(loss, ("loops", "rolled"))
    assert_equal(found, expected)
    rounds = [scan.length for scan in scans(step)]
    assert len(rounds) == LOOPS[loss] and min(rounds) >= ROUNDS - 4, rounds  # a few at the ends are others


@pytest.mark.parametrize("loss, batch, width", [(rnn, 32, 128), (lstm, 32, 128), (turned_weights, 5, 20)])
def test_so_do_loops_of_machine_code(loss, batch, width, monkeypatch):
    monkeypatch.setattr("test_compile_rolled.zeros", lambda: tg.zeros(batch, width))
    step, found = trained(loss, (), batch, width)
    _, expected = trained(loss, ("rolled",), batch, width)
    for one, other in zip(
        found[:3], expected[:3], strict=True
    ):  # losses, whose kernel has the end of the last round, if that is there
        np.testing.assert_array_max_ulp(one, other, 1)
    assert_equal(found[3:], expected[3:])
    assert len(scans(step)) == 2


def repeated_work(h, w, x):
    """Twice in a round, and in all rounds: done once."""
    return (h @ w).tanh() * (h @ w) + w.exp()[0]


def test_rounds_stay_for_other_passes_that_find_the_same_work_in_them(when):
    w, x = 0.1 * tg.ones(WIDTH, WIDTH), tg.ones(BATCH, WIDTH)

    def function(x):
        h = x
        for _ in range(12):
            h = repeated_work(h, w, x)
        return h

    step = tg.compile(function, without=("loops",))
    np.testing.assert_allclose(step(x).numpy(), function(x).numpy(), rtol=1e-6)
    (scan,) = scans(step)
    assert [operation.op.name for operation in scan.body.steps].count("matmul") == 1
    assert [i.op.name for i in step.program.instructions].count("exp") == 1
    assert "rolled at once" not in step.stages and "rolled up" in step.explain()


def same_numbers_looked_at_anew(p, x):
    """Each round transposes the weight and makes the number for itself."""
    h = zeros()
    for t in range(ROUNDS):
        h = (x[t] @ p[0].T + h @ p[1].T + tg.tensor(0.5, dtype=x.dtype)).tanh()
    return (h * h).mean()


def test_what_is_looked_at_anew_in_each_round_is_the_same(when):
    step, found = trained(same_numbers_looked_at_anew, ("loops",))
    _, expected = trained(same_numbers_looked_at_anew, ("loops", "rolled"))
    assert_equal(found, expected)
    forward, backward = scans(step)
    assert len(forward.body.shared) == len(backward.body.shared) + 1 == 2  # the weights, and no stack of numbers
    assert ("rolled at once" in step.stages) == (when == "at once")


def test_long_programs_are_rolled_up_at_once_and_short_ones_are_not():
    short, long = looping(20), looping(800)
    assert "rolled at once" not in short.stages
    assert len(long.stages["rolled at once"].instructions) < 60 < 5000 < len(long.stages["dead"].instructions)
    assert [scan.length for scan in scans(long)] == [800, 798]
    assert "rolled up                800 rounds of 4 operations, 798 rounds of" in long.explain()
    assert not scans(looping(800, ("rolled",)))
    assert [scan.length for scan in scans(looping(800, ("rolled at once",)))] == [800, 798]


def looping(rounds, without=()):
    w, x = tg.ones(WIDTH, WIDTH) * 0.1, tg.ones(rounds, BATCH, WIDTH)
    w.requires_grad = True

    @tg.compile(without=without)
    def step(x):
        w.grad = None
        h = zeros()
        for t in range(rounds):
            h = (x[t] @ w + h @ w).tanh()
        h.sum().backward()

    step(x)
    return step


def test_the_program_is_as_long_for_any_number_of_rounds():
    steps = [looping(rounds) for rounds in (12, 40)]
    short, long = ([i.op.name for i in step.program.instructions] for step in steps)
    assert short == long
    assert [scan.length for scan in scans(steps[1])] == [40, 38]  # the first gradient and the last are others
    assert [scan.reverse for scan in scans(steps[1])] == [False, True]
    assert "rolled up                40 rounds of 4 operations, 38 rounds of" in steps[1].explain()
    assert "scan of 40 rounds" in steps[1].explain()


def test_seven_rounds_stay_and_so_does_everything_if_the_pass_is_left_out():
    assert not scans(looping(7))
    step = looping(12, ("rolled",))
    assert not scans(step) and "rolled" not in step.stages
    assert "left as they are; tg.scan" in step.explain()


def test_a_gpu_has_the_rounds_laid_out_as_before():
    import fake_cuda  # noqa: F401  makes "strict" a device that runs programs

    with tg.device("strict"):
        step = looping(12)
        assert "rolled" not in step.stages and not scans(step)


def power_of_the_round(h, w, x, t):
    return (h @ w) ** (t + 2)


def elementwise(h, w, x, t):
    return (h * w[0] + x).tanh()


@pytest.mark.parametrize(
    "turn, why",
    [
        (power_of_the_round, r"power has exponent=\d+ in one round, and exponent=\d+ in the next"),
        (elementwise, "its operations are fused as they stand, which is quicker"),
    ],
)
def test_what_cannot_be_rolled_up_is_said_with_the_reason(turn, why):
    w, x = 0.1 * tg.ones(WIDTH, WIDTH), tg.ones(BATCH, WIDTH)

    @tg.compile
    def step(x):
        h = x
        for t in range(12):
            h = turn(h, w, x, t)
        return h

    step(x)
    assert not scans(step)
    said = re.sub(r"\s+", " ", step.explain())
    assert re.search(rf"written out 12 rounds of \d operations: {why}; tg.scan", said)


def refused(function, *arguments):
    step = tg.compile(function)
    step(*arguments)
    assert not scans(step)
    return re.sub(r"\s+", " ", step.explain())


def test_what_was_made_long_before_or_is_counted_beside_cannot_be_rolled_up():
    w, x = 0.1 * tg.ones(WIDTH, WIDTH), tg.ones(BATCH, WIDTH)

    def halfway(x):
        h, kept = x, []
        for t in range(20):
            kept.append(h)
            h = (h @ w + kept[t // 2]).tanh()
        return h

    def counting(x):
        h, count = x, tg.zeros((), dtype="int64")
        for _ in range(12):
            h = (h @ w).tanh()
            count = count + (h > 0).sum()
        return h, count

    assert re.search(r"add takes what was made \d+ rounds before; tg.scan", refused(halfway, x))
    assert "hands on to others is of several dtypes: float32, int64; tg.scan" in refused(counting, x)


def test_large_rounds_of_elementwise_operations_are_a_loop():
    x = tg.tensor(np.random.default_rng(0).standard_normal(5000), dtype="float32")

    def function(x):
        y = x
        for _ in range(12):
            y = y + 0.1 * (y * x - y * y)
        return y

    step = tg.compile(function)
    np.testing.assert_array_equal(step(x).numpy(), function(x).numpy())
    assert [scan.length for scan in scans(step)] == [11]  # in the first one, y is x


def test_what_rounds_give_is_the_callers():
    w = 0.3 * tg.ones(WIDTH, WIDTH)

    @tg.compile
    def step(x):
        h, kept = x, []
        for _ in range(9):
            h = (h @ w).tanh()
            kept.append(h)
        return kept

    first = step(tg.ones(BATCH, WIDTH))
    before = [h.numpy().copy() for h in first]
    second = step(2 * tg.ones(BATCH, WIDTH))
    assert_equal([h.numpy() for h in first], before)
    assert not np.array_equal(second[0].numpy(), before[0])
    first[0].assign(tg.zeros(BATCH, WIDTH))
    assert_equal([h.numpy() for h in first[1:]], before[1:])


def test_what_is_overwritten_in_each_round_is_what_it_was():
    state, w = tg.zeros(BATCH, WIDTH), 0.3 * tg.ones(WIDTH, WIDTH)

    def function(x):
        for t in range(10):
            state.assign((state @ w + x[t]).tanh())
        return state.sum()

    x = tg.tensor(np.random.default_rng(0).standard_normal((10, BATCH, WIDTH)), dtype="float32")
    step = tg.compile(function, without=("loops",))
    found = [step(x).item(), step(x).item()], state.numpy().copy()
    state.assign(tg.zeros(BATCH, WIDTH))
    expected = [function(x).item(), function(x).item()], state.numpy()
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_array_equal(found[1], expected[1])
    assert len(scans(step)) == 1


def forget(parameters, optimizer):
    for parameter in parameters:
        parameter.grad = None


FORGETTING = {
    "zero_grad": lambda parameters, optimizer: optimizer.zero_grad(),
    "zeros": lambda parameters, optimizer: optimizer.zero_grad(set_to_none=False),
    "None": forget,
    "not at all": lambda parameters, optimizer: None,
    "once they were read": lambda parameters, optimizer: (
        sum((p.grad * p.grad).sum() for p in parameters),
        optimizer.zero_grad(),
    )[0],
}
"""How a step begins with the gradients of the one before. What that gives, is added to its loss."""


@pytest.mark.parametrize("forgetting", FORGETTING.values(), ids=FORGETTING)
@pytest.mark.parametrize("held", [False, True], ids=["", "held"])
def test_gradients_are_let_go_of_before_rounds_unless_these_need_them(forgetting, held, when):
    rng = np.random.default_rng(0)
    weights = [0.4 * rng.standard_normal((WIDTH, WIDTH)) for _ in range(3)]
    batches = [tg.tensor(rng.standard_normal((ROUNDS, BATCH, WIDTH)), dtype="float32") for _ in range(4)]

    def run(compiled):
        parameters = [tg.tensor(w, dtype="float32", requires_grad=True) for w in weights]
        optimizer = tg.optim.SGD(parameters, 0.01)
        for p in parameters:
            p.grad = tg.ones(WIDTH, WIDTH)

        def function(x):
            read = forgetting(parameters, optimizer)
            loss = rnn(parameters, x)
            loss.backward()
            return loss if read is None else loss + read

        step = tg.compile(function, without=("loops",)) if compiled else function
        losses, gradients, places, old = [], [], [], []
        for x in batches:
            losses.append(step(x).item())
            gradients.append([p.grad.numpy().copy() for p in parameters])
            places.append([p.grad._data.__array_interface__["data"][0] for p in parameters])
            old += [p.grad for p in parameters] if held else []
        return step, losses, gradients, places, [g.numpy() for g in old]

    step, losses, gradients, places, old = run(True)
    _, expected_losses, expected, _, _ = run(False)
    assert len(scans(step)) == 2
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-6)
    np.testing.assert_allclose(gradients, expected, rtol=1e-5, atol=1e-7)
    if held:
        assert_equal(old, [g for all_of_them in gradients for g in all_of_them])  # nobody has written there
    let_go = forgetting not in (FORGETTING["not at all"], FORGETTING["once they were read"])
    if let_go and not held:
        assert places[1] == places[2] == places[3]  # the memory of the last ones was free when it was asked for


def test_power_iteration_finds_the_largest_eigenvalue():
    matrix = np.random.default_rng(0).standard_normal((6, 6))
    matrix = matrix @ matrix.T

    @tg.compile
    def largest(m, v):
        for _ in range(200):
            v = m @ v
            v = v / (v * v).sum().sqrt()
        return v @ (m @ v)

    found = largest(tg.tensor(matrix), tg.ones(6, dtype="float64"))
    assert found.item() == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-9)
    assert [scan.length for scan in scans(largest)] == [200]


def test_cells_of_the_library_are_rolled_up_under_their_names():
    cell = nn.LSTMCell(WIDTH, WIDTH)

    @tg.compile
    def step(x):
        cell.zero_grad()
        state = None
        for t in range(ROUNDS):
            state = cell(x[t], state)
        state[0].sum().backward()

    step(tg.ones(ROUNDS, BATCH, WIDTH))
    assert len(scans(step)) == 2
    assert re.search(r"LSTMCell: scan of \d+ rounds", step.explain())


# -- loops made by chance -------------------------------------------------------------------------------------------

CHOICES = {
    "product": lambda a, b, w, x, t: a @ w,
    "turned": lambda a, b, w, x, t: a @ w.T,
    "sum": lambda a, b, w, x, t: a + b,
    "product of numbers": lambda a, b, w, x, t: a * b,
    "tanh": lambda a, b, w, x, t: a.tanh(),
    "relu": lambda a, b, w, x, t: F.relu(a),
    "slice": lambda a, b, w, x, t: x * 0.5 + a,
    "parts": lambda a, b, w, x, t: tg.concat([a[:, 1:], b[:, :1]], 1),
    "mean": lambda a, b, w, x, t: a - a.mean(1, keepdims=True),
    "number": lambda a, b, w, x, t: a * (0.1 * t),
    "choice": lambda a, b, w, x, t: tg.where(a > b, a, b * 0.3),
    "state": lambda a, b, w, x, t: a - 0.5 * b + w[0],
}


def by_chance(seed):
    """A loss over a loop whose body is made by chance."""
    chance = random.Random(seed)
    turn = [(chance.choice(list(CHOICES)), *(chance.random() for _ in range(3))) for _ in range(chance.randint(2, 7))]
    ends = [0.4 + 0.6 * chance.random() for _ in range(chance.randint(1, 3))]
    end, backwards = chance.choice(["last", "stack", "concat", "each", "some"]), chance.random() < 0.3

    def loss(p, x):
        state, kept, total = [zeros() + k * p[2][0] for k in range(len(ends))], [], 0
        for t in reversed(range(ROUNDS)) if backwards else range(ROUNDS):
            values = [*state, x[t]]
            for name, *where in turn:
                a, b = (values[int(place * len(values))] for place in where[:2])
                values.append(CHOICES[name](a, b, p[int(where[2] * 3)], x[t], t))
            state = [values[int(place * len(values))].tanh() for place in ends]
            kept.append(state[0])
            total = total + (values[-1] * x[t]).sum()
        total = total + (state[0] @ p[1]).sum()
        return {
            "last": lambda: (state[0] ** 2).mean() + total,
            "stack": lambda: (tg.stack(kept, 1) ** 2).sum() + (kept[-1] @ p[0]).sum(),
            "concat": lambda: (tg.concat(kept) ** 2).sum() + (kept[-1] @ p[0]).sum(),
            "each": lambda: total,
            "some": lambda: (kept[3] * kept[5]).sum() + (kept[-1] @ p[0]).sum(),
        }[end]()

    return loss


@given(st.integers(0, 10**6))
@settings(max_examples=12)
def test_loops_made_by_chance_give_the_same_bits(seed):
    loss = by_chance(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("tinygrad_ml.compile.passes.rolled"), "MANY_INSTRUCTIONS", seed % 2 * 10**6)
        _, found = trained(loss, ("loops",))
    _, expected = trained(loss, ("loops", "rolled"))
    assert_equal(found, expected)
