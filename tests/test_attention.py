"""Attention: what masks hide, what positions do, and transformers as programs. `tests/compare` holds it against PyTorch."""

import numpy as np
import pytest
import strict

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.loops.primitive import Scan
from tinygrad_ml.nn.functional import attention

pytestmark = pytest.mark.host_only

F = nn.functional
assert strict.BACKEND  # "strict" is the name of a second device


def numbers(*shape, seed=0):
    return tg.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def test_weights_add_up_to_one_and_make_the_output():
    q, k, v = numbers(2, 3, 4), numbers(2, 5, 4, seed=1), numbers(2, 5, 6, seed=2)
    weights = F.attention_weights(q, k)
    np.testing.assert_allclose(weights.sum(-1).numpy(), 1, 1e-12)
    np.testing.assert_allclose((weights @ v).numpy(), F.scaled_dot_product_attention(q, k, v).numpy(), 1e-12)


def test_causal_attention_sees_nothing_of_later_positions():
    layer, x = nn.MultiheadAttention(4, 2, dtype="float64"), numbers(5, 1, 4)
    y, weights = layer(x, x, x, is_causal=True)
    assert (np.triu(weights.numpy()[0], 1) == 0).all()
    (slope,) = tg.grad(y[2].sum(), x)
    assert (slope.numpy()[3:] == 0).all() and (slope.numpy()[:3] != 0).all()
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype="float64")
    np.testing.assert_allclose(layer(x, x, x, attn_mask=mask)[0].numpy(), y.numpy(), 1e-12)


@pytest.mark.parametrize("hidden", [np.ones((1, 3), bool), np.full((1, 3), -np.inf)], ids=["bools", "numbers"])
def test_who_may_look_at_nothing_gets_nothing(hidden):
    layer, x = nn.MultiheadAttention(4, 2, dtype="float64"), numbers(3, 1, 4)
    y, weights = layer(x, x, x, key_padding_mask=hidden)
    np.testing.assert_array_equal(weights.numpy(), 0)
    np.testing.assert_allclose(y.numpy(), np.broadcast_to(layer.out_proj.bias.numpy(), y.shape))
    (slope,) = tg.grad((y * y).sum(), x)
    np.testing.assert_array_equal(slope.numpy(), 0)


@pytest.mark.parametrize(
    "masks",
    [
        {"is_causal": True},
        {"key_padding_mask": np.eye(1, 3, dtype=bool)},
        {"attn_mask": np.eye(3, dtype=bool), "key_padding_mask": np.eye(1, 3, dtype=bool)},
        {"is_causal": True, "attn_mask": np.zeros((3, 3))},
    ],
    ids=lambda masks: " and ".join(masks),
)
def test_masks_of_the_host_go_to_the_device_of_the_inputs(masks):
    layer, x = nn.MultiheadAttention(4, 2), numbers(3, 1, 4).detach().astype("float32")
    expected = layer(x, x, x, **masks)[0]
    layer.to("strict")
    there = x.to("strict")
    y, _ = layer(there, there, there, **masks)
    assert y.device == "strict"
    np.testing.assert_allclose(y.to("cpu").numpy(), expected.numpy(), 1e-6)


def test_dropout_acts_in_training_only():
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.5), numbers(3, 1, 4).astype("float32")
    tg.manual_seed(0)
    one, other = layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy()
    assert (one != other).any()
    layer.eval()
    np.testing.assert_array_equal(layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy())


def test_rotary_embeddings_keep_lengths_and_tell_distances():
    q, k = numbers(6, 8), numbers(6, 8, seed=1)
    turned = F.rotary_embedding(q)
    np.testing.assert_allclose((turned**2).sum(-1).numpy(), (q**2).sum(-1).numpy(), 1e-12)
    np.testing.assert_array_equal(turned[0].numpy(), q[0].numpy())
    places = np.arange(6)
    near = (F.rotary_embedding(q, places) * F.rotary_embedding(k, places + 2)).sum(-1)
    far = (F.rotary_embedding(q, places + 100) * F.rotary_embedding(k, places + 102)).sum(-1)
    np.testing.assert_allclose(near.numpy(), far.numpy(), 1e-9, 1e-9)
    pair = F.rotary_embedding(tg.tensor([[1.0, 0.0]] * 2, dtype="float64"))  # by one radian at place 1
    np.testing.assert_allclose(pair.numpy(), [[1, 0], [np.cos(1), np.sin(1)]], 1e-12)
    assert tg.gradcheck(F.rotary_embedding, [q])


def test_sinusoidal_positions_are_the_papers():
    table = F.sinusoidal_positions(4, 5, dtype="float64").numpy()
    for place in range(4):
        for feature in range(5):
            angle = place / 10000 ** (2 * (feature // 2) / 5)
            wanted = np.sin(angle) if feature % 2 == 0 else np.cos(angle)
            np.testing.assert_allclose(table[place, feature], wanted, rtol=1e-12)
    assert F.sinusoidal_positions(0, 4).shape == (0, 4) and F.sinusoidal_positions(3, 4).dtype == "float32"


def test_copies_of_a_layer_are_equal_and_their_own():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2, nn.LayerNorm(4))
    first, second = encoder.layers
    np.testing.assert_array_equal(first.linear1.weight.numpy(), second.linear1.weight.numpy())
    assert first.linear1.weight is not second.linear1.weight
    assert [p.name for p in encoder.parameters()] == [path for path, _ in encoder.named_parameters()]
    assert second.self_attn.in_proj_weight.name == "layers.1.self_attn.in_proj_weight"


def test_a_compiled_step_of_a_transformer_is_the_eager_one():
    def trained(compiled):
        tg.manual_seed(0)
        model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.1)
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(source, target):
            optimizer.zero_grad()
            loss = (model(source, target, tgt_is_causal=True) ** 3).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step) if compiled else step
        source, target = (numbers(n, 2, 8, seed=n).detach().astype("float32") for n in (5, 4))
        return [run(source, target).item() for _ in range(4)]

    np.testing.assert_allclose(trained(True), trained(False), rtol=2e-4)


def test_symbols_go_through_a_transformer():
    assert nn.Transformer(8, 2, 1, 1, 16)(tg.symbol((5, 3, 8)), tg.symbol((4, 3, 8))).shape == (4, 3, 8)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: nn.MultiheadAttention(5, 2), OptionError, "embed_dim=5 is not to be divided by num_heads=2"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), OptionError, "use 'relu', 'gelu', or a function"),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[tg.ones(3, 4)] * 2, tg.ones(2, 4)),
            ShapeError,
            "as many keys as values",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(tg.ones(3, 2, 4), *[tg.ones(3, 1, 4)] * 2),
            ShapeError,
            "queries are of 2",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[tg.ones(3, 2, 4)] * 3, attn_mask=np.ones((2, 3))),
            ShapeError,
            r"attn_mask has shape \(2, 3\); expected \(L, S\) = \(3, 3\)",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[tg.ones(3, 2, 4)] * 3, key_padding_mask=np.ones(3)),
            ShapeError,
            r"key_padding_mask has shape \(3,\); expected \(batch, S\) = \(2, 3\)",
        ),
        (
            lambda: nn.Transformer(4, 2, 1, 1)(tg.ones(3, 2, 4), tg.ones(3, 1, 4)),
            ShapeError,
            "src has 2 samples and tgt 1",
        ),
        (lambda: nn.Transformer(4, 2, 1, 1)(tg.ones(3, 2, 5), tg.ones(3, 2, 5)), ShapeError, r"\(length, batch, 4\)"),
        (lambda: F.rotary_embedding(tg.ones(3, 5)), ShapeError, "whose number is even"),
        (lambda: F.sinusoidal_positions(3, 0), OptionError, "features=0"),
    ],
)
def test_wrong_use_says_what_is_expected(wrong, error, said):
    with pytest.raises(error, match=said):
        wrong()


@pytest.mark.parametrize("length, width", [(8, 8), (11, 8), (11, 13), (3, 40)])
@pytest.mark.parametrize("kind", ["plain", "causal", "truths", "numbers", "one row"])
def test_rows_at_a_time_are_the_same(length, width, kind, monkeypatch):
    rng = np.random.default_rng(0)
    q, k, v = (tg.tensor(rng.standard_normal((2, 3, n, 4)), requires_grad=True) for n in (length, width, width))
    masks = {
        "truths": rng.random((3, length, width)) > 0.4,
        "numbers": rng.standard_normal((length, width)),
        "one row": rng.random((1, width)) > 0.3,
    }
    options = {"attn_mask": masks.get(kind), "is_causal": kind == "causal", "scale": 0.7}

    def found():
        y = F.scaled_dot_product_attention(q, k, v, **options)
        first = tg.grad((y**2).sum(), [q, k, v], create_graph=True)
        return [y, *first, *tg.grad(sum((g**2).sum() for g in first), [q, k, v])]

    wanted = found()
    monkeypatch.setattr(attention, "MANY_PAIRS", 1)
    monkeypatch.setattr(attention, "ROWS_AT_A_TIME", 2)
    rows = found()
    assert any(isinstance(node.op, Scan) for node in tg.graph.topological([rows[0].node]))
    for one, other in zip(rows, wanted, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-9, atol=1e-11)


def test_the_weights_of_all_pairs_are_never_there(monkeypatch):
    monkeypatch.setattr(attention, "MANY_PAIRS", 1)
    monkeypatch.setattr(attention, "ROWS_AT_A_TIME", 4)
    q, made = tg.tensor(np.ones((400, 2)), requires_grad=True), []
    with tg.modes.watching(lambda op, inputs, params, output: made.append((op, output.size))):
        F.scaled_dot_product_attention(q, q, q).sum().backward()
    assert max(size for _, size in made) < 400 * 400 / 8
    loops = [op for op, _ in made if isinstance(op, Scan)]
    assert len(loops) == 2
    for loop in loops:
        assert max(int(np.prod(form.shape)) for form in loop.body.forms) == 4 * 400
