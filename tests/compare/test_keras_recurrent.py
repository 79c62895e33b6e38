"""Recurrent layers and masks: with Keras's weights Keras's outputs, gradients, states, masks, configs, counts and files."""

import numpy as np
import pytest
from keras_twins import agree, as_array, numbers, ours, quiet, theirs, torch

import tinygrad_ml as tg
from tinygrad_ml.structure import leaves

pytestmark = quiet

BATCH, STEPS, IN = 3, 5, 4
MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)

OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"go_backwards": True, "use_bias": False},
    {"activation": "relu", "bias_initializer": "ones", "return_sequences": True},
    {"unroll": True, "activation": None},
]
OF_GATES = [{"recurrent_activation": "hard_sigmoid", "activation": "softsign"}]
CASES = [(name, options) for name in ("SimpleRNN", "LSTM", "GRU") for options in OPTIONS]
CASES += [(name, options) for name in ("LSTM", "GRU") for options in OF_GATES]
CASES += [
    ("LSTM", {"unit_forget_bias": False, "return_state": True}),
    ("GRU", {"reset_after": False}),
    ("GRU", {"reset_after": False, "use_bias": False, "return_sequences": True}),
    ("GRU", {"reset_after": False, "bias_initializer": "ones", "go_backwards": True}),
]


def names(value):
    return "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def twins(make, x):
    """The layer of Keras and ours, built and with the same weights."""
    their_layer, own = make(theirs), make(ours)
    their_layer.build(x.shape)
    own(x)
    same_weights(own, their_layer)
    return their_layer, own


def same_weights(own, other):
    shapes = [weight.shape for weight in other.get_weights()]
    assert [weight.shape for weight in own.get_weights()] == shapes
    weights = [0.3 * numbers(*shape, seed=seed) for seed, shape in enumerate(shapes, 1)]
    own.set_weights(weights)
    other.set_weights(weights)


def compare(own, their_layer, x, **given):
    """Outputs, and the gradients of the input and of all weights."""
    their_x, own_x = torch.tensor(x, requires_grad=True), tg.tensor(x, requires_grad=True)
    to_torch = {
        key: [torch.tensor(a) for a in v] if isinstance(v, list) else torch.tensor(v) for key, v in given.items()
    }
    expected, found = leaves(their_layer(their_x, **to_torch)), leaves(own(own_x, **given))
    assert len(found) == len(expected)
    total, their_total = 0, 0
    for i, (one, other) in enumerate(zip(found, expected, strict=True)):
        agree(one, other)
        direction = numbers(*one.shape, seed=i + 50)
        total = total + (one * direction).sum()
        their_total = their_total + (other * torch.tensor(direction)).sum()
    total.backward()
    their_total.backward()
    agree(own_x.grad, their_x.grad, atol=1e-5)
    for mine, other in zip(own.trainable_weights, their_layer.trainable_weights, strict=True):
        agree(mine.grad, other.value.grad, atol=1e-5)
        other.value.grad = None
        mine.grad = None
    return found, expected


def in_words(layer):
    return {weight.name for weight in layer.weights} if layer.weights[0].name else set()


@pytest.mark.parametrize(("name", "options"), CASES, ids=names)
def test_layers(name, options):
    x = numbers(BATCH, STEPS, IN)
    their_layer, own = twins(lambda room: getattr(room.layers, name)(3, **options), x)
    compare(own, their_layer, x)
    if not options.get("unroll"):  # Keras cannot turn a mask round in an unrolled loop
        compare(own, their_layer, x, mask=MASK)
    states = [numbers(BATCH, 3, seed=7 + i) for i in range(2 if name == "LSTM" else 1)]
    compare(own, their_layer, x, initial_state=states)
    assert own.count_params() == their_layer.count_params()
    expected = their_layer.compute_output_shape((None, None, IN))
    found = own.compute_output_shape((None, None, IN))
    assert [tuple(s) for s in (found if options.get("return_state") else [found])] == [
        tuple(s) for s in (expected if options.get("return_state") else [expected])
    ]


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_weights_begin_alike(name):
    """Their names, shapes and order; and b of the forget gate."""
    x = numbers(BATCH, STEPS, IN)
    made = []
    for room in (theirs, ours):
        layer = getattr(room.layers, name)(3)
        layer(x if room is ours else torch.tensor(x))
        made.append(layer)
    for mine, other in zip(made[1].weights, made[0].weights, strict=True):
        assert tuple(mine.shape) == tuple(other.shape)
        assert vars(made[1].cell)[other.name] is mine
    agree(made[1].cell.bias, as_array(made[0].cell.bias.value))
    recurrent = made[1].cell.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-5)


@pytest.mark.parametrize("name", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_cells(name):
    x = numbers(BATCH, IN)
    their_cell, own = getattr(theirs.layers, name)(3), getattr(ours.layers, name)(3)
    states = [numbers(BATCH, 3, seed=5 + i) for i in range(2 if name == "LSTMCell" else 1)]
    their_cell.build(x.shape)
    own(x, states)
    same_weights(own, their_cell)
    expected, kept = their_cell(torch.tensor(x), [torch.tensor(state) for state in states])
    found, own_kept = own(x, states)
    agree(found, expected)
    for one, other in zip(own_kept, kept, strict=True):
        agree(one, other)
    assert own.state_size == their_cell.state_size and own.output_size == their_cell.output_size


class Both:
    """A cell of a user's own, for either library."""

    def __new__(cls, room):
        class Fading(room.layers.Layer):
            def __init__(self, units=3, **options):
                super().__init__(**options)
                self.units, self.state_size = units, units

            def build(self, input_shape):
                self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

            def call(self, inputs, states):
                output = inputs @ self.kernel + states[0] * 0.5
                return output, [output]

        return Fading()


@pytest.mark.parametrize(
    "options", [{}, {"return_sequences": True, "return_state": True, "zero_output_for_mask": True}], ids=names
)
def test_cells_of_ones_own_and_cells_above_cells(options):
    x = numbers(BATCH, STEPS, IN)
    their_layer, own = twins(lambda room: room.layers.RNN(Both(room), **options), x)
    compare(own, their_layer, x)
    compare(own, their_layer, x, mask=MASK)

    def stacked(room):
        cells = [room.layers.GRUCell(3), room.layers.SimpleRNNCell(2)]
        return room.layers.RNN(cells, **{k: v for k, v in options.items() if k != "return_state"})

    their_layer, own = twins(stacked, x)
    compare(own, their_layer, x)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "ave", "mul", None])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_state": True}], ids=names)
def test_both_directions(merge_mode, options):
    x = numbers(BATCH, STEPS, IN)
    their_layer, own = twins(lambda room: room.layers.Bidirectional(room.layers.LSTM(3, **options), merge_mode), x)
    compare(own, their_layer, x)
    if not options.get("return_state"):
        compare(own, their_layer, x, mask=MASK)
    compare(own, their_layer, x, initial_state=[numbers(BATCH, 3, seed=i) for i in range(4)])
    assert [weight.shape for weight in own.get_weights()] == [weight.shape for weight in their_layer.get_weights()]


def test_another_layer_on_the_way_back():
    x = numbers(BATCH, STEPS, IN)
    make = lambda room: room.layers.Bidirectional(  # noqa: E731
        room.layers.GRU(2, return_sequences=True),
        backward_layer=room.layers.SimpleRNN(3, return_sequences=True, go_backwards=True),
    )
    their_layer, own = twins(make, x)
    compare(own, their_layer, x, mask=MASK)


@pytest.mark.parametrize(
    "inner",
    [
        lambda layers: layers.Dense(3, "tanh"),
        lambda layers: layers.Flatten(),
        lambda layers: layers.BatchNormalization(),
        lambda layers: layers.GRU(2),
    ],
    ids=["dense", "flatten", "batch norm", "gru"],
)
def test_a_layer_for_each_step(inner):
    x = numbers(BATCH, STEPS, 2, IN)
    their_layer, own = twins(lambda room: room.layers.TimeDistributed(inner(room.layers)), x)
    compare(own, their_layer, x)
    for training in (False, True):
        agree(own(x, training=training), their_layer(torch.tensor(x), training=training))
    for one, other in zip(own.get_weights(), their_layer.get_weights(), strict=True):
        agree(one, other)
    assert own.compute_output_shape(x.shape) == tuple(their_layer.compute_output_shape(x.shape))


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_what_is_kept_from_batch_to_batch(name):
    their_layer, own = (getattr(room.layers, name)(3, stateful=True, return_sequences=True) for room in (theirs, ours))
    x = numbers(BATCH, STEPS, IN)
    their_layer(torch.tensor(x))
    own(x)
    same_weights(own, their_layer)
    own.reset_state()
    their_layer.reset_state()
    for seed in range(3):
        x = numbers(BATCH, STEPS, IN, seed=seed)
        agree(own(x), their_layer(torch.tensor(x)))
    own.reset_state()
    their_layer.reset_state()
    agree(own(x), their_layer(torch.tensor(x)))
    for one, other in zip(leaves(own.states), leaves(their_layer.states), strict=True):
        agree(one, as_array(other.value))


def mask_of(tensor):
    mask = getattr(tensor, "_keras_mask", None)
    return None if mask is None else as_array(mask) if isinstance(mask, torch.Tensor) else mask.numpy()


def sequences():
    x = numbers(BATCH, STEPS, IN)
    x[1, 3:] = 0
    x[2, 0] = 0
    return x


def chains(layers):
    """Layers behind a mask: what becomes of it."""
    return {
        "Dense": [layers.Dense(3, kernel_initializer="ones")],
        "Activation": [layers.Activation("tanh"), layers.ReLU(), layers.ELU(), layers.LeakyReLU()],
        "Dropout": [
            layers.Dropout(0.5),
            layers.GaussianNoise(0.5),
            layers.ActivityRegularization(0.1),
            layers.Identity(),
        ],
        "LayerNormalization": [layers.LayerNormalization()],
        "BatchNormalization": [layers.BatchNormalization()],
        "Rescaling": [layers.Rescaling(2.0)],
        "LSTM": [layers.LSTM(2, kernel_initializer="ones", recurrent_initializer="ones", return_sequences=True)],
        "last": [layers.GRU(2, kernel_initializer="ones", recurrent_initializer="ones")],
        "two": [
            layers.GRU(2, kernel_initializer="ones", recurrent_initializer="ones", return_sequences=True),
            layers.SimpleRNN(2, kernel_initializer="ones", recurrent_initializer="ones"),
        ],
        "Bidirectional": [
            layers.Bidirectional(
                layers.GRU(2, kernel_initializer="ones", recurrent_initializer="ones", return_sequences=True)
            )
        ],
        "TimeDistributed": [layers.TimeDistributed(layers.Dense(2, kernel_initializer="ones"))],
        "Lambda": [layers.Lambda(lambda x: x * 2)],
        "GlobalAveragePooling1D": [layers.GlobalAveragePooling1D()],
        "Conv1D": [layers.Conv1D(2, 2, kernel_initializer="ones")],
        "Flatten": [layers.Flatten()],
        "Masking": [layers.Masking(mask_value=0.0)],
    }


@pytest.mark.parametrize("chain", chains(ours.layers))
def test_masks_go_on(chain):
    x = sequences()
    found = ours.layers.Masking()(x)
    expected = theirs.layers.Masking()(torch.tensor(x))
    np.testing.assert_array_equal(mask_of(found), mask_of(expected))
    for own, other in zip(chains(ours.layers)[chain], chains(theirs.layers)[chain], strict=True):
        found, expected = own(found), other(expected)
    agree(found, expected, atol=1e-5)
    assert (mask_of(found) is None) == (mask_of(expected) is None)
    if mask_of(found) is not None:
        np.testing.assert_array_equal(mask_of(found), mask_of(expected))


def test_a_mask_and_a_beginning():
    """Where a layer is given states as well, Keras takes the mask for nobody's."""
    x, state = sequences(), numbers(BATCH, 2, seed=3)
    made = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
    found, expected = (
        room.layers.GRU(2, **made)(room.layers.Masking()(to(x)), initial_state=[to(state)])
        for room, to in ((ours, lambda a: a), (theirs, torch.tensor))
    )
    agree(found, expected)


def test_batch_norm_counts_what_counts():
    x = sequences()
    results = []
    for room, given in ((ours, x), (theirs, torch.tensor(x))):
        layer = room.layers.BatchNormalization()
        y = layer(room.layers.Masking()(given), training=True)
        results.append((y, layer.get_weights()))
    agree(results[0][0], results[1][0], atol=1e-5)
    for one, other in zip(results[0][1], results[1][1], strict=True):
        agree(one, other)


@pytest.mark.parametrize("name", ["Add", "Subtract", "Average", "Multiply", "Maximum", "Minimum", "Concatenate"])
@pytest.mark.parametrize("which", ["both", "first", "neither"])
def test_merged_masks(name, which):
    x, other = sequences(), sequences()[::-1].copy() + 1
    other[0, :2] = 0
    results = []
    for room, to in ((ours, lambda a: a), (theirs, torch.tensor)):
        masking = room.layers.Masking()
        parts = [masking(to(x)) if which != "neither" else to(x), masking(to(other)) if which == "both" else to(other)]
        results.append(getattr(room.layers, name)()(parts))
    agree(results[0], results[1])
    masks = [mask_of(one) for one in results]
    assert (masks[0] is None) == (masks[1] is None)
    if masks[0] is not None:
        np.testing.assert_array_equal(*masks)


def test_concatenated_masks_along_the_steps():
    x = sequences()
    found, expected = (
        room.layers.Concatenate(axis=1)([room.layers.Masking()(to(x)), to(x + 1)])
        for room, to in ((ours, lambda a: a), (theirs, torch.tensor))
    )
    np.testing.assert_array_equal(mask_of(found), mask_of(expected))


def test_embedding_of_words_that_fill_up():
    words = np.array([[3, 1, 0, 0], [0, 2, 2, 1]])
    found, expected = (
        room.layers.Embedding(5, 2, mask_zero=True)(to(words))
        for room, to in ((ours, np.array), (theirs, torch.tensor))
    )
    np.testing.assert_array_equal(mask_of(found), mask_of(expected))
    assert mask_of(ours.layers.Embedding(5, 2)(words)) is None


def test_a_softmax_over_what_counts():
    x, mask = numbers(3, 5), MASK
    agree(ours.layers.Softmax()(x, mask=mask), theirs.layers.Softmax()(torch.tensor(x), mask=torch.tensor(mask)))


# -- whole models ------------------------------------------------------------------------------------------------------

WORDS = np.random.default_rng(3).integers(0, 7, (10, 6))
WORDS[:, 4:] *= np.random.default_rng(4).integers(0, 2, (10, 2))
TAGS = np.random.default_rng(5).integers(0, 3, (10, 6))


def tagger(room):
    layers = room.layers
    return room.Sequential(
        [
            layers.Input((None,), dtype="int64"),
            layers.Embedding(7, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3, "softmax")),
        ]
    )


def encoder_and_decoder(room):
    layers = room.layers
    source, target = layers.Input((None, IN), name="source"), layers.Input((None, 2), name="target")
    _, h, c = layers.LSTM(3, return_state=True)(source)
    y = layers.LSTM(3, return_sequences=True)(target, initial_state=[h, c])
    return room.Model([source, target], layers.Dense(2)(y))


def cells(room):
    layers = room.layers
    return room.Sequential(
        [layers.Input((None, IN)), layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), layers.Dense(1)]
    )


MODELS = {"tagger": tagger, "encoder and decoder": encoder_and_decoder, "cells": cells}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_files_go_both_ways(make, tmp_path):
    pytest.importorskip("h5py")
    theirs.utils.clear_session()
    ours.utils.clear_session()
    other, own = make(theirs), make(ours)
    assert [w.shape for w in own.get_weights()] == [w.shape for w in other.get_weights()]
    assert own.count_params() == other.count_params()
    other.save_weights(tmp_path / "theirs.weights.h5")
    own.load_weights(tmp_path / "theirs.weights.h5")
    for one, expected in zip(own.get_weights(), other.get_weights(), strict=True):
        agree(one, expected)
    own.set_weights([weight + 1 for weight in own.get_weights()])
    own.save_weights(tmp_path / "ours.weights.h5")
    other.load_weights(tmp_path / "ours.weights.h5")
    for one, expected in zip(own.get_weights(), other.get_weights(), strict=True):
        agree(one, expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_metrics_leave_out_what_is_masked(weighted):
    weights = np.linspace(0.1, 2, 60).reshape(10, 6) if weighted else None
    # On PyTorch Keras's loss overwrites the weights of the samples, which its metrics are given after it.
    more = {} if weighted else {"weighted_metrics": ["accuracy"]}
    histories = []
    for room in (theirs, ours):
        model = tagger(room)
        if room is theirs:
            start = [0.5 * numbers(*weight.shape, seed=i) for i, weight in enumerate(model.get_weights())]
        model.set_weights(start)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], **more)
        history = model.fit(
            WORDS, TAGS, epochs=3, batch_size=5, shuffle=False, verbose=0, sample_weight=weights
        ).history
        histories.append((history, model.evaluate(WORDS, TAGS, verbose=0), model.predict(WORDS[:, :4], verbose=0)))
    assert histories[0][0].keys() == histories[1][0].keys()
    for name, values in histories[0][0].items():
        np.testing.assert_allclose(histories[1][0][name], values, 2e-4, err_msg=name)
    np.testing.assert_allclose(histories[1][1], histories[0][1], 2e-4)
    agree(histories[1][2], histories[0][2], atol=1e-5)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"])
def test_a_loss_of_masked_predictions(reduction):
    y, t = sequences(), numbers(BATCH, STEPS, IN, seed=8)
    found = ours.losses.MeanSquaredError(reduction=reduction)(t, ours.layers.Masking()(y))
    expected = theirs.losses.MeanSquaredError(reduction=reduction)(
        torch.tensor(t), theirs.layers.Masking()(torch.tensor(y))
    )
    agree(found, expected)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_sizes_that_are_unknown(make, capsys):
    theirs.utils.clear_session()
    ours.utils.clear_session()
    own, other = make(ours), make(theirs)
    assert [layer.name for layer in own.layers] == [layer.name for layer in other.layers]
    for mine, layer in zip(own.layers, other.layers, strict=True):
        shapes = [tuple(t.shape) for t in leaves(layer.output)]
        assert [tuple(shape) for shape in ([mine.output_shape] if len(shapes) == 1 else mine.output_shape)] == shapes
        assert mine.count_params() == layer.count_params()
    own.summary()
    assert all(str(tuple(t.shape)) in capsys.readouterr().out for t in leaves(other.outputs))


CONFIGS = [(name, options) for name, options in CASES if not options.get("unroll")]


@pytest.mark.parametrize(("name", "options"), CONFIGS, ids=names)
def test_configs(name, options):
    given = {**options, "dropout": 0.1, "kernel_regularizer": "l2", "recurrent_constraint": "non_neg", "seed": 3}
    other, own = getattr(theirs.layers, name)(3, **given), getattr(ours.layers, name)(3, **given)
    from test_keras_api import plain

    found, expected = plain(own.get_config()), plain(other.get_config())
    if name == "SimpleRNN":
        assert found.pop("seed") == 3
    assert found == expected
    assert plain(type(own).from_config(other.get_config()).get_config()) == expected | (
        {"seed": None} if name == "SimpleRNN" else {}
    )
    assert plain(type(other).from_config(own.get_config()).get_config()) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda layers: layers.Bidirectional(layers.LSTM(2), merge_mode="sum"),
        lambda layers: layers.TimeDistributed(layers.Dense(3)),
        lambda layers: layers.Masking(-1.0),
        lambda layers: layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]),
        lambda layers: layers.SimpleRNNCell(4, dropout=0.2),
        lambda layers: layers.Embedding(3, 2, mask_zero=True),
    ],
    ids=["Bidirectional", "TimeDistributed", "Masking", "RNN", "SimpleRNNCell", "Embedding"],
)
def test_configs_of_layers_around_layers(make):
    from test_keras_api import plain

    theirs.utils.clear_session()
    ours.utils.clear_session()
    other, own = make(theirs.layers), make(ours.layers)
    assert inner(plain(own.get_config())) == inner(plain(other.get_config()))
    assert type(ours.saving.deserialize_keras_object(theirs.saving.serialize_keras_object(other))) is type(own)
    assert type(theirs.saving.deserialize_keras_object(ours.saving.serialize_keras_object(own))) is type(other)


def inner(config):
    """A config without what Keras writes of builds, and of where classes stand."""
    if isinstance(config, dict):
        return {
            k: inner(v)
            for k, v in config.items()
            if k not in ("build_config", "module", "registered_name", "shared_object_id")
        }
    return [inner(one) for one in config] if isinstance(config, list) else config
