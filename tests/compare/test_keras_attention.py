"""Attention with Keras's weights: Keras's outputs, weights of positions, gradients, masks, configs and files."""

import numpy as np
import pytest
from keras_twins import agree, numbers, ours, quiet, theirs, torch
from test_keras_api import plain

import tinygrad_ml as tg
from tinygrad_ml.structure import leaves, mapped

pytestmark = quiet

B, L, S = 2, 4, 5
QUERY, VALUE, KEY = numbers(B, L, 6), numbers(B, S, 3, seed=1), numbers(B, S, 6, seed=2)
ALLOWED = np.random.default_rng(0).random((B, L, S)) > 0.4
ALLOWED[:, :, 0] = True


def to_torch(value):
    return mapped(lambda x: torch.tensor(x) if isinstance(x, np.ndarray) else x, value)


def compare(make, inputs, call=lambda layer, x, **given: layer(*x, **given), **given):
    """A layer of each, with equal weights: outputs, and the gradients of inputs and weights."""
    own, other = make(ours.layers), make(theirs.layers)
    call(own, inputs, **given)
    call(other, to_torch(inputs), **to_torch(given))
    shapes = [weight.shape for weight in other.get_weights()]
    assert [weight.shape for weight in own.get_weights()] == shapes
    weights = [0.5 * numbers(*shape, seed=seed) for seed, shape in enumerate(shapes, 5)]
    own.set_weights(weights)
    other.set_weights(weights)
    own_x = [tg.tensor(x, requires_grad=True) for x in inputs]
    their_x = [torch.tensor(x, requires_grad=True) for x in inputs]
    found, expected = leaves(call(own, own_x, **given)), leaves(call(other, their_x, **to_torch(given)))
    assert len(found) == len(expected)
    for one, its in zip(found, expected, strict=True):
        agree(one, its, atol=5e-6)
    direction = numbers(*found[0].shape, seed=3)
    (found[0] * direction).sum().backward()
    (expected[0] * torch.tensor(direction)).sum().backward()
    for mine, its in zip(own_x, their_x, strict=True):
        if its.grad is not None:
            agree(mine.grad, its.grad, atol=2e-5)
    for mine, its in zip(own.trainable_weights, other.trainable_weights, strict=True):
        if its.value.grad is not None:
            agree(mine.grad, its.value.grad, atol=2e-5)
    assert own.count_params() == other.count_params()


HEADS = [
    {},
    {"value_dim": 5},
    {"use_bias": False, "output_shape": 7},
    {"output_shape": (2, 3)},
    {"sliding_window": 2},
    {"use_gate": True},
]


@pytest.mark.parametrize("options", HEADS, ids=str)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"return_attention_scores": True},
        {"attention_mask": ALLOWED},
        {"attention_mask": ALLOWED[:1], "return_attention_scores": True},
        {"use_causal_mask": True},
        {"use_causal_mask": True, "attention_mask": ALLOWED, "return_attention_scores": True},
    ],
    ids=lambda given: "-".join(given) or "plain",
)
def test_heads(options, given):
    make = lambda layers: layers.MultiHeadAttention(2, 3, **options)  # noqa: E731
    compare(make, [QUERY, VALUE, KEY], **given)
    compare(make, [QUERY, VALUE], **given)


@pytest.mark.parametrize("options", [{}, {"use_bias": False, "sliding_window": 2}, {"use_gate": True}], ids=str)
@pytest.mark.parametrize(
    "given",
    [{}, {"return_attention_scores": True}, {"attention_mask": ALLOWED}, {"use_causal_mask": True}],
    ids=lambda given: "-".join(given) or "plain",
)
def test_heads_that_share_keys_and_values(options, given):
    compare(lambda layers: layers.GroupQueryAttention(3, 4, 2, **options), [QUERY, KEY], **given)


def test_a_position_that_may_look_at_nothing():
    """It gets 0, as in Keras where weights are returned; where they are not, Keras's own is what PyTorch's kernel makes of it."""
    allowed = ALLOWED.copy()
    allowed[0, 2] = False
    make = lambda layers: layers.MultiHeadAttention(2, 3, use_bias=False)  # noqa: E731
    compare(make, [QUERY, VALUE, KEY], attention_mask=allowed, return_attention_scores=True)
    layer = make(ours.layers)
    y = layer(QUERY, VALUE, attention_mask=allowed).numpy()
    assert (y[0, 2] == 0).all() and (y[0, 1] != 0).any()


def test_heads_over_some_axes():
    x = numbers(2, 3, 4, 5, 6)
    for axes in (None, (2, 3), 2, (-3,)):
        make = lambda layers: layers.MultiHeadAttention(2, 3, attention_axes=axes)  # noqa: B023, E731
        compare(make, [x, x])
        compare(make, [x, x], return_attention_scores=True)
    allowed = np.random.default_rng(1).random((2, 3, 4, 5, 4, 5)) > 0.3
    make = lambda layers: layers.MultiHeadAttention(2, 3, attention_axes=(2, 3))  # noqa: E731
    compare(make, [x, x], attention_mask=allowed[:, :1, :].reshape(2, 4, 5, 4, 5))


def masked(room, array, rows):
    """A masked tensor: what is 0 in `rows` does not count."""
    array = array.copy()
    array[rows] = 0
    return room.layers.Masking()(array if room is ours else torch.tensor(array))


def test_heads_and_the_masks_of_sequences():
    results = []
    weights = None
    for room in (theirs, ours):
        query, value = masked(room, QUERY, (0, slice(2))), masked(room, VALUE, (1, slice(1, 4)))
        layer = room.layers.MultiHeadAttention(2, 3)
        layer(query, value)
        weights = weights or [numbers(*w.shape, seed=i) for i, w in enumerate(layer.get_weights())]
        layer.set_weights(weights)
        query, value = masked(room, QUERY, (0, slice(2))), masked(room, VALUE, (1, slice(1, 4)))
        y = layer(query, value, use_causal_mask=True)
        results.append((y, y._keras_mask))
    counts = results[1][1].numpy()
    np.testing.assert_array_equal(counts, results[0][1].numpy())
    agree(results[1][0].numpy()[counts], results[0][0].detach().numpy()[counts], atol=5e-6)


ONE_HEAD = [
    lambda layers: layers.Attention(),
    lambda layers: layers.Attention(use_scale=True),
    lambda layers: layers.Attention(score_mode="concat"),
    lambda layers: layers.Attention(score_mode="concat", use_scale=True),
    lambda layers: layers.AdditiveAttention(),
    lambda layers: layers.AdditiveAttention(use_scale=False),
]
ROWS, COLUMNS = np.array([[1, 1, 0, 1], [1, 0, 0, 0]], bool), np.array([[1, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("make", ONE_HEAD, ids=["dot", "scaled", "concat", "scaled concat", "additive", "unscaled"])
@pytest.mark.parametrize(
    "given",
    [{}, {"mask": [ROWS, COLUMNS]}, {"use_causal_mask": True}, {"mask": [None, COLUMNS], "use_causal_mask": True}],
    ids=["plain", "mask", "causal", "both"],
)
def test_one_head(make, given):
    call = lambda layer, x, **given: layer(list(x), **given)  # noqa: E731
    compare(make, [QUERY, VALUE, KEY], call, **given, return_attention_scores=True)
    compare(make, [QUERY, KEY], call, **given)


def test_the_mask_of_the_queries_goes_on():
    found = [
        room.layers.Attention()([masked(room, QUERY, (0, slice(2))), masked(room, KEY, (1, slice(2)))])
        for room in (theirs, ours)
    ]
    agree(found[1], found[0])
    np.testing.assert_array_equal(found[1]._keras_mask.numpy(), found[0]._keras_mask.numpy())


EQUATIONS = [
    ("abc,cd->abd", (None, 7), "d", (2, 4, 6)),
    ("abc,cde->abde", (None, 2, 3), "de", (2, 4, 6)),
    ("abc,cde->abde", (None, 2, 3), "d", (2, 4, 6)),
    ("ab,bc->ac", 5, "c", (2, 6)),
    ("...x,xy->...y", 5, "y", (2, 4, 6)),
    ("ab...,bc->ac...", 5, "c", (2, 4, 6)),
    ("abc,bd->acd", (6, 5), None, (2, 4, 6)),
]


@pytest.mark.parametrize(("equation", "sizes", "bias", "shape"), EQUATIONS, ids=str)
def test_einsum_dense(equation, sizes, bias, shape):
    make = lambda layers: layers.EinsumDense(equation, sizes, "tanh", bias)  # noqa: E731
    compare(make, [numbers(*shape)])
    found, expected = (make(room.layers) for room in (ours, theirs))
    found(numbers(*shape))
    expected.build(shape)
    told = expected.compute_output_shape((None, *shape[1:]))  # with None for sizes that are those of x
    for size, wanted in zip(found.compute_output_shape((None, *shape[1:])), told, strict=True):
        assert wanted in (None, size)


def transformer(room):
    """A block of an encoder, on sequences of any length."""
    layers = room.layers
    words = layers.Input((None,), dtype="int64")
    x = layers.Embedding(9, 6, mask_zero=True)(words)
    h = layers.MultiHeadAttention(2, 3)(x, x)
    h = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, h]))
    h = layers.Add()([h, layers.Dense(6)(layers.Dense(8, "relu")(h))])
    return room.Model(words, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D()(h)))


def test_a_transformer(tmp_path):
    pytest.importorskip("h5py")
    theirs.utils.clear_session()
    ours.utils.clear_session()
    other, own = transformer(theirs), transformer(ours)
    other.save_weights(tmp_path / "theirs.weights.h5")
    own.load_weights(tmp_path / "theirs.weights.h5")
    words = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0], [5, 6, 7, 8, 1]])
    agree(own.predict(words, verbose=0), other.predict(words, verbose=0))
    agree(own.predict(words[:, :3], verbose=0), other.predict(words[:, :3], verbose=0))
    for mine, layer in zip(own.layers, other.layers, strict=True):
        assert mine.output_shape == tuple(layer.output.shape) and mine.count_params() == layer.count_params()
    own.save_weights(tmp_path / "ours.weights.h5")
    other.load_weights(tmp_path / "ours.weights.h5")
    labels = np.array([0, 1, 1])
    histories = []
    for model in (own, other):
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        histories.append(model.fit(words, labels, epochs=4, shuffle=False, verbose=0).history)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=2e-4)


@pytest.mark.parametrize(
    "make",
    [
        lambda layers: layers.MultiHeadAttention(
            2, 3, value_dim=4, output_shape=(5,), attention_axes=(1,), dropout=0.1
        ),
        lambda layers: layers.MultiHeadAttention(2, 3),
        lambda layers: layers.Attention(True, "concat", 0.1, 3),
        lambda layers: layers.AdditiveAttention(False, 0.2),
        lambda layers: layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"),
    ],
    ids=["heads", "plain heads", "one", "additive", "einsum"],
)
def test_configs(make):
    other, own = make(theirs.layers), make(ours.layers)
    assert plain(own.get_config()) == plain(other.get_config())
    assert plain(type(own).from_config(other.get_config()).get_config()) == plain(other.get_config())
    assert plain(type(other).from_config(own.get_config()).get_config()) == plain(other.get_config())
