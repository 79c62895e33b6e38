"""Recurrent layers: what steps know of each other, sequences of unlike lengths, compiled steps. `tests/compare` holds them
against PyTorch."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, RangeError, ShapeError
from tinygrad_ml.loops.primitive import Scan
from tinygrad_ml.nn.utils import rnn

pytestmark = pytest.mark.host_only

F = nn.functional


def numbers(*shape, seed=0):
    return tg.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def layer(kind, *args, **options):
    tg.manual_seed(0)
    return kind(*args, **options, dtype="float64")


KINDS = pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])


@KINDS
def test_a_layer_is_its_cell_step_by_step(kind):
    whole, cell = layer(kind, 3, 4), layer(getattr(nn, f"{kind.__name__}Cell"), 3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in whole.state_dict().items()})
    x, kept, outputs = numbers(5, 2, 3), None, []
    for step in tg.unstack(x):
        kept = cell(step, kept)
        outputs.append(kept[0] if kind is nn.LSTM else kept)
    y, final = whole(x)
    np.testing.assert_allclose(y.numpy(), tg.stack(outputs).numpy(), 1e-12)
    last = final[0] if kind is nn.LSTM else final
    np.testing.assert_array_equal(last[0].numpy(), y[-1].numpy())


@KINDS
def test_a_step_knows_those_before_it_and_the_way_back_those_behind_it(kind):
    x = numbers(6, 1, 3)
    for way, seen in ((slice(0, 4), slice(0, 3)), (slice(4, 8), slice(2, 6))):
        y, _ = layer(kind, 3, 4, bidirectional=True)(x)
        (slope,) = tg.grad(y[2, :, way].sum(), x)
        reached = abs(slope.numpy()).sum((1, 2)) > 0
        assert reached[seen].all() and reached.sum() == len(range(6)[seen])


@KINDS
def test_packed_sequences_are_what_each_is_alone(kind):
    whole = layer(kind, 3, 4, 2, bidirectional=True)
    parts = [numbers(n, 3, seed=n) for n in (2, 5, 1)]
    output, final = whole(rnn.pack_sequence(parts, enforce_sorted=False))
    last = final[0] if kind is nn.LSTM else final
    for i, (made, part) in enumerate(zip(rnn.unpack_sequence(output), parts, strict=True)):
        alone, kept = whole(part)
        np.testing.assert_allclose(made.numpy(), alone.numpy(), 1e-12)
        np.testing.assert_allclose(last[:, i].numpy(), (kept[0] if kind is nn.LSTM else kept).numpy(), 1e-12)


@KINDS
def test_a_compiled_step_is_the_eager_one(kind):
    def trained(compiled):
        tg.manual_seed(0)
        model = kind(3, 4, 2, dropout=0.2, bidirectional=True)
        optimizer = tg.optim.Adam(model.parameters())

        def step(x):
            optimizer.zero_grad()
            loss = (model(x)[0] ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step) if compiled else step
        return [run(numbers(4, 2, 3, seed=9).detach().astype("float32")).item() for _ in range(3)]

    np.testing.assert_allclose(trained(True), trained(False), rtol=1e-4)


def test_dropout_lies_between_layers_in_training():
    x = numbers(4, 2, 3)
    deep, flat = layer(nn.GRU, 3, 4, 2, dropout=0.5), layer(nn.GRU, 3, 4, 1, dropout=0.5)
    assert (deep(x)[0].numpy() != deep(x)[0].numpy()).any()
    np.testing.assert_array_equal(flat(x)[0].numpy(), flat(x)[0].numpy())
    deep.eval()
    np.testing.assert_array_equal(deep(x)[0].numpy(), deep(x)[0].numpy())


def test_symbols_go_through_and_the_steps_are_one_loop_of_one_step():
    y, (h, c) = nn.LSTM(3, 4)(tg.symbol((5, 2, 3)))
    assert (y.shape, h.shape, c.shape) == ((5, 2, 4), (1, 2, 4), (1, 2, 4))
    (loop,) = [node.op for node in tg.graph.topological([y.node]) if isinstance(node.op, Scan)]
    assert loop.length == 5
    assert {place.kind for step in loop.body.steps for place in step.scope} >= {"LSTM", "lstm_step"}


def test_padding_and_packing_undo_each_other():
    padded = numbers(4, 3, 2)
    packed = rnn.pack_padded_sequence(padded, [1, 4, 2], enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1] and packed.data.shape == (7, 2)
    again, lengths = rnn.pad_packed_sequence(packed)
    assert lengths.tolist() == [1, 4, 2]
    for i, length in enumerate(lengths.tolist()):
        np.testing.assert_array_equal(again.numpy()[:length, i], padded.numpy()[:length, i])
        assert not again.numpy()[length:, i].any()


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), OptionError, "use 'tanh' or 'relu'"),
        (lambda: nn.LSTM(3, 4, num_layers=0), OptionError, "num_layers=0"),
        (lambda: nn.LSTM(3, 4, proj_size=4), OptionError, "less than hidden_size=4"),
        (lambda: nn.GRU(3, 4)(tg.ones(3)), ShapeError, r"GRU takes sequences \(length, batch, 3\)"),
        (lambda: nn.GRU(3, 4)(tg.ones(0, 2, 3)), ShapeError, "a sequence without steps"),
        (lambda: nn.GRU(3, 4)(tg.ones(5, 2, 3), tg.ones(1, 3, 4)), ShapeError, r"expected h of \(1, 2, 4\)"),
        (
            lambda: nn.LSTM(3, 4)(tg.ones(5, 2, 3), (tg.ones(1, 2, 4),)),
            ShapeError,
            r"h and c of \(1, 2, 4\), \(1, 2, 4\)",
        ),
        (
            lambda: nn.GRU(3, 4)(tg.ones(5, 2, 6)),
            ShapeError,
            r"GRU.*\(length, batch, 3\).*not a tensor of shape \(5, 2, 6\)",
        ),
        (lambda: nn.GRUCell(3, 4)(tg.ones(1, 2, 3)), ShapeError, r"takes \(batch, 3\) or \(3,\)"),
        (lambda: rnn.pack_padded_sequence(tg.ones(3, 2, 1), [1, 3]), RangeError, "pass enforce_sorted=False"),
        (lambda: rnn.pack_padded_sequence(tg.ones(3, 2, 1), [4, 1]), RangeError, "of 1 to 3 steps"),
        (lambda: rnn.pad_sequence([]), OptionError, "0 sequences"),
        (lambda: rnn.pad_sequence([tg.ones(2, 3), tg.ones(2, 4)]), ShapeError, "along their first axis only"),
        (
            lambda: rnn.pad_packed_sequence(rnn.pack_sequence([tg.ones(2)]), total_length=1),
            OptionError,
            "total_length=1",
        ),
    ],
)
def test_wrong_use_says_what_is_expected(wrong, error, said):
    with pytest.raises(error, match=said):
        wrong()
