"""Attention and transformers are PyTorch's: outputs, weights, gradients of inputs and parameters, second derivatives, names."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*nested_tensor.*")


@pytest.fixture(autouse=True)
def formulas():
    """PyTorch's kernels for attention have no second derivative; its formula has one."""
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield


EXACT = {"rtol": 1e-9, "atol": 1e-11}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def twins(name, *args, **options):
    """A layer here and there, in float64, with the same parameters, which have the same names."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*args, **options).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.5)
    ours = getattr(nn, name)(*args, **options, dtype="float64")
    ours.load_state_dict({path: value.numpy() for path, value in theirs.state_dict().items()})
    return ours, theirs


def agree(ours, theirs, run, *inputs):
    """run(layer, library, *inputs) gives the same outputs, gradients, and gradients of the gradients' squares."""
    given = [tg.tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    made, made_there = run(ours, tg, *given), run(theirs, torch, *other)
    for a, b in zip(made, made_there, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **EXACT)
    total = sum((y * numbers(*y.shape, seed=5)).sum() for y in made)
    there = sum((y * torch.tensor(numbers(*y.shape, seed=5))).sum() for y in made_there)
    wanted, wanted_there = [*given, *ours.parameters()], [*other, *theirs.parameters()]
    first = tg.grad(total, wanted, create_graph=True)
    first_there = torch.autograd.grad(there, wanted_there, create_graph=True)
    second = tg.grad(sum((g * g).sum() for g in first), given)
    second_there = torch.autograd.grad(sum((g * g).sum() for g in first_there), other)
    for a, b in zip([*first, *second], [*first_there, *second_there], strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-9)


def array(library, x):
    return tg.tensor(x) if library is tg else torch.tensor(x)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"batch_first": True},
        {"kdim": 3, "vdim": 5},
        {"add_bias_kv": True, "add_zero_attn": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("masks", [None, "bools", "numbers", "for each head"])
def test_attention_of_several_heads(options, masks):
    ours, theirs = twins("MultiheadAttention", 6, 2, **options)
    length, keys, batch = 3, 4, 2
    hidden = {
        None: {},
        "bools": {"attn_mask": np.eye(3, 4, dtype=bool), "key_padding_mask": np.eye(2, 4, dtype=bool)},
        "numbers": {"attn_mask": numbers(3, 4), "key_padding_mask": numbers(2, 4, seed=1)},
        "for each head": {"attn_mask": numbers(4, 3, 4, seed=2)},
    }[masks]

    def run(layer, library, q, k, v):
        given = {name: array(library, mask) for name, mask in hidden.items()}
        return layer(q, k, v, average_attn_weights=masks is None, **given)

    sizes = (6, options.get("kdim", 6), options.get("vdim", 6))
    inputs = [numbers(n, batch, size, seed=size) for n, size in zip((length, keys, keys), sizes, strict=True)]
    if options.get("batch_first"):
        inputs = [x.swapaxes(0, 1) for x in inputs]
    agree(ours, theirs, run, *inputs)


def test_attention_without_a_batch_and_without_weights():
    ours, theirs = twins("MultiheadAttention", 4, 2)
    agree(ours, theirs, lambda layer, _, x: layer(x, x, x), numbers(3, 4))
    ignored = np.array([True, False, False])
    agree(
        ours,
        theirs,
        lambda layer, library, x: layer(x, x, x, array(library, ignored), need_weights=False)[:1],
        numbers(3, 4),
    )


OPTIONS = [
    {},
    {"norm_first": True, "activation": "gelu"},
    {"batch_first": True, "bias": False, "layer_norm_eps": 1e-3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_encoder_layers(options):
    ours, theirs = twins("TransformerEncoderLayer", 6, 2, 5, 0.0, **options)

    def run(layer, library, x):
        length = x.shape[1] if options.get("batch_first") else x.shape[0]
        mask = array(library, np.triu(np.ones((length, length), bool), 1))
        return (layer(x, mask), layer(x))

    agree(ours, theirs, run, numbers(3, 2, 6))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_decoder_layers(options):
    ours, theirs = twins("TransformerDecoderLayer", 6, 2, 5, 0.0, **options)
    batch = {"memory_key_padding_mask": np.eye(2, 2, dtype=bool)} if options.get("batch_first") else {}

    def run(layer, library, x, memory):
        return (layer(x, memory, **{name: array(library, mask) for name, mask in batch.items()}),)

    agree(ours, theirs, run, numbers(2, 3, 6), numbers(2, 2, 6, seed=1) if batch else numbers(4, 3, 6, seed=1))


@pytest.mark.parametrize("norm_first", [False, True])
def test_whole_transformers(norm_first):
    ours, theirs = twins("Transformer", 4, 2, 2, 2, 5, 0.0, norm_first=norm_first)
    mask = nn.Transformer.generate_square_subsequent_mask(3).numpy()
    np.testing.assert_array_equal(mask, torch.nn.Transformer.generate_square_subsequent_mask(3).numpy())

    def run(layer, library, source, target):
        ignored = array(library, np.array([[False] * 4, [False, False, True, True]]))
        return (layer(source, target, tgt_mask=array(library, mask.astype("float64")), src_key_padding_mask=ignored),)

    agree(ours, theirs, run, numbers(4, 2, 4), numbers(3, 2, 4, seed=1))


def test_parameters_start_as_pytorchs():
    torch.manual_seed(0)
    for name, args in {
        "MultiheadAttention": (64, 4),
        "TransformerEncoderLayer": (64, 4, 96),
        "Transformer": (64, 4, 1, 1, 96),
    }.items():
        ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for (path, mine), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            assert mine.shape == tuple(other.shape), path
            np.testing.assert_allclose(mine.numpy().std(), other.numpy().std(), rtol=0.15, atol=1e-6, err_msg=path)
