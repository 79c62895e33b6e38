"""Recurrent layers are PyTorch's: outputs, what is kept, gradients of everything, names, and how sequences are packed."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn.utils import rnn

torch = pytest.importorskip("torch")
their_rnn = torch.nn.utils.rnn

EXACT = {"rtol": 1e-9, "atol": 1e-11}
CLASSES = ["RNN", "LSTM", "GRU"]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def twins(name, *args, **options):
    """A layer here and there, in float64, with the same parameters."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*args, **options, dtype=torch.float64)
    ours = getattr(nn, name)(*args, **options, dtype="float64")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({path: value.numpy() for path, value in theirs.state_dict().items()})
    return ours, theirs


def flat(made):
    """All tensors inside of tuples."""
    return [part for each in made for part in flat(each)] if isinstance(made, (tuple, list)) else [made]


def agree(ours, theirs, run, *inputs, second=True):
    """run(layer, library, *inputs) gives the same tensors and gradients, to second order."""
    given = [tg.tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    made, there = flat(run(ours, tg, *given)), flat(run(theirs, torch, *other))
    for a, b in zip(made, there, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **EXACT)
    total = sum((y * numbers(*y.shape, seed=5)).sum() for y in made if y.requires_grad)
    total_there = sum((y * torch.tensor(numbers(*y.shape, seed=5))).sum() for y in there if y.requires_grad)
    wanted, wanted_there = [*given, *ours.parameters()], [*other, *theirs.parameters()]
    first = tg.grad(total, wanted, create_graph=second)
    first_there = torch.autograd.grad(total_there, wanted_there, create_graph=second)
    pairs = [*zip(first, first_there, strict=True)]
    if second:
        more = tg.grad(sum((g**2).sum() for g in first), wanted)
        pairs += zip(more, torch.autograd.grad(sum((g**2).sum() for g in first_there), wanted_there), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-9)


OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "bias": False, "num_layers": 2},
]


def state_for(name, layer, batch, width=4):
    ways = layer.num_layers * (2 if layer.bidirectional else 1)
    h = numbers(ways, batch, width, seed=1)
    return (h, numbers(ways, batch, 4, seed=2)) if name == "LSTM" else (h,)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_layers(name, options):
    ours, theirs = twins(name, 3, 4, **options)
    agree(ours, theirs, lambda layer, _, x: layer(x), numbers(5, 2, 3))
    batch = 5 if options.get("batch_first") else 2
    state = state_for(name, ours, batch)
    agree(
        ours,
        theirs,
        lambda layer, _, x, *hx: layer(x, hx if name == "LSTM" else hx[0]),
        numbers(5, 2, 3),
        *state,
        second=False,
    )


@pytest.mark.parametrize("name", CLASSES)
def test_one_sequence_without_a_batch(name):
    ours, theirs = twins(name, 3, 4, 2, bidirectional=True)
    state = [part[:, 0] for part in state_for(name, ours, 1)]
    agree(ours, theirs, lambda layer, _, x, *hx: layer(x, hx if name == "LSTM" else hx[0]), numbers(5, 3), *state)


def test_other_kinds_of_units():
    agree(*twins("RNN", 3, 4, 2, nonlinearity="relu"), lambda layer, _, x: layer(x), numbers(5, 2, 3))
    agree(*twins("LSTM", 3, 4, 2, proj_size=2, bidirectional=True), lambda layer, _, x: layer(x), numbers(5, 2, 3))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [1, 4, 5, 2]], ids=str)
def test_packed_sequences(name, lengths):
    ours, theirs = twins(name, 3, 4, 2, bidirectional=True)
    ordered = lengths == sorted(lengths, reverse=True)
    state = state_for(name, ours, 4)

    def run(layer, library, x, *hx):
        here = rnn if library is tg else their_rnn
        packed = here.pack_padded_sequence(x, lengths, enforce_sorted=ordered)
        output, kept = layer(packed, hx if name == "LSTM" else hx[0])
        return output.data, here.pad_packed_sequence(output, padding_value=7.0, total_length=6), kept

    agree(ours, theirs, run, numbers(5, 4, 3), *state, second=False)


def test_packing_as_such():
    parts = [numbers(n, 2, seed=n) for n in (2, 4, 1)]
    ours, theirs = [tg.tensor(x) for x in parts], [torch.tensor(x) for x in parts]
    mine, other = rnn.pack_sequence(ours, enforce_sorted=False), their_rnn.pack_sequence(theirs, enforce_sorted=False)
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    for a, b in zip(rnn.unpack_sequence(mine), their_rnn.unpack_sequence(other), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    for options in ({}, {"batch_first": True, "padding_value": -1.0}, {"padding_side": "left"}):
        padded = rnn.pad_sequence(ours, **options)
        np.testing.assert_array_equal(padded.numpy(), their_rnn.pad_sequence(theirs, **options).numpy())
    for a, b in zip(rnn.unpad_sequence(rnn.pad_sequence(ours), [2, 4, 1]), ours, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", CLASSES)
def test_cells(name):
    ours, theirs = twins(f"{name}Cell", 3, 4)
    agree(ours, theirs, lambda layer, _, x: layer(x), numbers(2, 3))
    state = [numbers(4, seed=3), numbers(4, seed=4)][: 2 if name == "LSTM" else 1]
    agree(ours, theirs, lambda layer, _, x, *hx: layer(x, hx if name == "LSTM" else hx[0]), numbers(3), *state)


def test_initial_distributions():
    for name, args in {"LSTM": (20, 64, 2), "GRUCell": (20, 64), "RNN": (20, 64)}.items():
        bound = 1 / 8
        for path, parameter in getattr(nn, name)(*args).named_parameters():
            assert abs(parameter.numpy()).max() <= bound, path
            np.testing.assert_allclose(parameter.numpy().std(), bound / np.sqrt(3), rtol=0.2, err_msg=path)
