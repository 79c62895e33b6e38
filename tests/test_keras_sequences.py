"""Sequences in the Keras face, where Keras's own numbers cannot check: dropout, what is refused, lengths that vary, masks in
steps that are compiled, copies. What it computes is compared with Keras in `compare/test_keras_recurrent.py`."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.keras import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6, 3)).astype("float32")


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_dropout_is_the_same_at_all_steps(kind):
    ones = np.ones((50, 6, 3), "float32")
    layer = kind(4, return_sequences=True, dropout=0.5, recurrent_initializer="zeros", seed=1, activation="linear")
    if kind is layers.SimpleRNN:  # which then computes each step for itself
        y = layer(ones, training=True).numpy()
        np.testing.assert_allclose(y, y[:, :1].repeat(6, 1), rtol=1e-5)
    assert (layer(ones, training=True).numpy() != layer(ones).numpy()).any()
    np.testing.assert_array_equal(layer(ones).numpy(), layer(ones).numpy())
    other = kind(4, recurrent_dropout=0.5, seed=1)
    assert (other(X, training=True).numpy() != other(X).numpy()).any()
    again = kind(4, recurrent_dropout=0.5, seed=1)
    again(X)
    again.set_weights(other.get_weights())
    np.testing.assert_array_equal(again(X, training=True).numpy(), kind_with(other, X))


def kind_with(layer, x):
    """What a copy that begins its random numbers anew computes."""
    twin = type(layer).from_config(layer.get_config())
    twin(x)
    twin.set_weights(layer.get_weights())
    return twin(x, training=True).numpy()


def test_all_of_h_is_dropped_but_what_is_mixed_in():
    """With recurrent dropout z·h stays: only where weights multiply h is it dropped."""
    layer = layers.GRU(2, recurrent_dropout=0.5, seed=0)
    y = layer(np.zeros((1, 3, 2), "float32"), training=True, initial_state=np.ones((1, 2), "float32")).numpy()
    assert (y != 0).all()


def test_gradients_go_through_time():
    layer = layers.LSTM(3)
    layer(X)
    x = tg.tensor(X, requires_grad=True)
    layer(x, mask=np.array([[1, 1, 0, 0, 0, 0]] * 4, bool)).sum().backward()
    assert (x.grad.numpy()[:, :2] != 0).all() and (x.grad.numpy()[:, 2:] == 0).all()


def test_masks_in_the_steps_of_a_model():
    """Compiled and not, fit learns the same; what fills up changes nothing."""
    words = RNG.integers(1, 9, (12, 5))
    words[:, 3:] = 0
    labels = words[:, 0] > 4
    found = []
    for length, eagerly in ((5, False), (5, True), (3, False)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [layers.Input((None,)), layers.Embedding(9, 4, mask_zero=True), layers.GRU(3), layers.Dense(1, "sigmoid")]
        )
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"], run_eagerly=eagerly)
        history = model.fit(words[:, :length], labels, epochs=3, batch_size=4, shuffle=False, verbose=0).history
        found.append([*history["loss"], *model.predict(words, verbose=0).ravel()])
        assert eagerly or model.train_function.why_not is None
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5)


def test_what_is_kept_in_the_steps_of_a_model():
    model = keras.Sequential([layers.Input((None, 3)), layers.SimpleRNN(3, stateful=True, return_sequences=True)])
    whole = model.predict(X, batch_size=4, verbose=0)
    model.layers[0].reset_state()
    parts = [model.predict(X[:, at : at + 2], batch_size=4, verbose=0) for at in range(0, 6, 2)]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-5)
    with pytest.raises(ShapeError, match="4 samples"):
        model.predict(X[:3], verbose=0)


def test_masks_are_told_of_where_they_end():
    x = layers.Masking()(X)
    np.testing.assert_array_equal(x._keras_mask.numpy(), np.ones((4, 6), bool))
    assert not hasattr(x + 1, "_keras_mask")
    with pytest.warns(UserWarning, match="destroy the mask"):
        layers.Flatten()(x)

    class Doubled(layers.Layer):
        def call(self, inputs, mask=None):
            assert mask is not None
            return inputs.repeat(2, axis=1)

        def compute_mask(self, inputs, mask=None):
            return mask.repeat(2, axis=1)

    assert Doubled()(x)._keras_mask.shape == (4, 12)

    class Handing(layers.Layer):
        supports_masking = True

        def call(self, inputs):
            return inputs * 2

    assert Handing()(x)._keras_mask is x._keras_mask

    class Weighing(Handing):
        def call(self, inputs, mask=None):
            counts = mask.astype("float32").expand_dims(-1)
            weights = tg.exp(inputs) * counts
            return weights / weights.sum(1, keepdims=True)

    words = keras.Input((None,))
    weighed = Weighing()(layers.Dense(1)(layers.Embedding(5, 2, mask_zero=True)(words)))
    shares = keras.Model(words, weighed)(np.array([[1, 2, 0], [3, 0, 0]])).numpy()
    assert weighed.call.layer.output_shape == (None, None, 1)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    assert shares[0, 2] == 0 and shares[1, 0] == 1


def test_masks_of_symbols():
    words = keras.Input((None,), dtype="int64")
    embedding = layers.Embedding(5, 2, mask_zero=True)
    y = layers.LSTM(3)(embedding(words), mask=embedding.compute_mask(words))
    model = keras.Model(words, y)
    given = np.array([[1, 2, 0], [3, 0, 0]])
    np.testing.assert_allclose(model(given), keras.Model(words, layers.Identity()(y))(given))
    np.testing.assert_allclose(model(given[1:, :1]), model(given)[1:], rtol=1e-6)


# -- lengths that vary -------------------------------------------------------------------------------------------------


def test_sizes_that_are_unknown_until_data_come():
    x = keras.Input((None, 3))
    h = layers.Dense(4, "relu")(x)
    both = layers.Concatenate(axis=1)([h, h + h])
    y = layers.LSTM(2)(both)
    model = keras.Model(x, [both, y])
    assert both.call.layer.output_shape == (None, None, 4) and model.output_shape == [(None, None, 4), (None, 2)]
    for length in (1, 4, 7):
        assert [t.shape for t in model(X[:, :1].repeat(length, 1))] == [(4, 2 * length, 4), (4, 2)]
    with pytest.raises(OptionError, match=r"\(None, 3\)"):
        model(np.ones((2, 5, 4)))


def test_a_model_takes_sequences_of_other_lengths_than_it_was_made_with():
    for begin in ([], [layers.Input((6, 3))]):
        model = keras.Sequential([*begin, layers.LSTM(2, return_sequences=True), layers.Dense(1)])
        assert model.predict(X, verbose=0).shape == (4, 6, 1)
        assert model.predict(X[:, :2], verbose=0).shape == (4, 2, 1)
        with pytest.raises(OptionError, match="samples of shape"):
            model.predict(X[:, :, :2], verbose=0)
    flat = keras.Sequential([layers.Input((6, 3)), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ShapeError, match="size 18"):
        flat.predict(X[:, :2], verbose=0)


def test_a_size_that_must_be_known():
    with pytest.raises(ShapeError, match="must be known"):
        layers.Dense(2)(layers.Flatten()(keras.Input((None, 3))))
    with pytest.raises(ShapeError, match="must be known"):
        layers.Dense(2)(keras.Input((3, None)))


def test_models_in_models_and_layers_of_unknown_length():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.looking = layers.MultiHeadAttention(2, 3)
            self.inside = keras.Sequential([layers.Dense(5, "relu"), layers.Dense(3)])

        def call(self, x):
            x = x + self.looking(x, x)
            return x + self.inside(x)

    x = keras.Input((None, 3))
    model = keras.Model(x, keras.Sequential([layers.GRU(2, return_sequences=True)])(Block()(x)))
    assert model.output_shape == (None, None, 2)
    assert model(X).shape == (4, 6, 2) and model(X[:, :2]).shape == (4, 2, 2)
    twin = copy.deepcopy(model)
    assert twin.output_shape == (None, None, 2)
    np.testing.assert_array_equal(twin(X), model(X))


def test_images_of_any_size():
    x = keras.Input((None, None, 3))
    y = layers.MaxPooling2D()(layers.Conv2D(4, 3)(x))
    model = keras.Model(x, layers.GlobalAveragePooling2D()(y))
    assert y.call.layer.output_shape == (None, None, None, 4)
    for size in (8, 11):
        assert model(np.ones((2, size, size + 1, 3))).shape == (2, 4)


# -- copies and files --------------------------------------------------------------------------------------------------


def network():
    return keras.Sequential(
        [
            layers.Input((None,), dtype="int64"),
            layers.Embedding(9, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)]),
        ]
    )


def test_copies_and_files(tmp_path):
    words, model = RNG.integers(0, 9, (3, 5)), network()
    expected = model.predict(words, verbose=0)
    model.save(tmp_path / "model.keras")
    for twin in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        np.testing.assert_array_equal(twin.predict(words, verbose=0), expected)
        assert twin.predict(words[:, :2], verbose=0).shape == (3, 2)
    clone = keras.models.clone_model(model)
    assert clone.count_params() == model.count_params() and clone.output_shape == model.output_shape
    assert keras.models.model_from_json(model.to_json()).output_shape == (None, 2)


def test_a_drawing():
    picture = viz.draw(keras.Sequential([layers.LSTM(3)])(tg.symbol((2, 2, 3)))).source
    assert "LSTM" in picture


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: layers.LSTM(0), "units"),
        (lambda: layers.GRU(3, dropout=1.5), "dropout"),
        (lambda: layers.LSTM(3, use_cudnn="yes"), "use_cudnn"),
        (lambda: layers.LSTM(3, returns=True), "returns"),
        (lambda: layers.RNN(layers.Dense(3)), "state_size"),
        (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="max"), "merge_mode"),
        (lambda: layers.Bidirectional(layers.Dense(3)), "recurrent"),
        (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)), "go_backwards"),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(3), backward_layer=layers.LSTM(3, go_backwards=True, return_sequences=True)
            ),
            "return_sequences",
        ),
        (lambda: layers.TimeDistributed(len), "layer"),
        (lambda: keras.Input((1,), dtype="string"), "TextVectorization"),
        (lambda: layers.Bidirectional(layers.LSTM(3)).reset_state(), "stateful"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_mean_nothing(make, word):
    with pytest.raises(OptionError, match=word):
        make()


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: layers.LSTM(3)(np.ones((2, 4))), "3 axes"),
        (lambda: layers.RNN(layers.GRUCell(2))(np.ones((2, 0, 4))), "a step or more"),
        (lambda: layers.LSTM(3)(X, initial_state=[np.zeros((4, 3), "float32")]), "expected"),
        (lambda: layers.GRU(3)(X, initial_state=np.zeros((4, 2), "float32")), "expected"),
        (lambda: layers.LSTM(3)(X, mask=np.ones((4, 5), bool)), "mask"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(np.ones((2, 4))), "steps"),
        (lambda: layers.TimeDistributed(layers.Dense(2))(X, mask=np.ones((4, 5), bool)), "mask"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_shapes_that_do_not_fit(call, word):
    with pytest.raises(ShapeError, match=word):
        call()


def test_no_warning_where_masks_are_used():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network().predict(np.ones((2, 3), "int64"), verbose=0)


def test_what_is_causal_sees_nothing_behind():
    layer = layers.Conv1D(2, 3, padding="causal", dilation_rate=2)
    y = layer(X).numpy()
    changed = X.copy()
    changed[:, 4:] += 1
    again = layer(changed).numpy()
    np.testing.assert_array_equal(again[:, :4], y[:, :4])
    assert y.shape == (4, 6, 2) and (again[:, 4:] != y[:, 4:]).any()
    with pytest.raises(OptionError, match="causal"):
        layers.Conv2D(2, 3, padding="causal")


def test_convolutions_of_any_length():
    x = keras.Input((None, 3))
    h = layers.MaxPooling1D()(layers.Conv1D(4, 3, activation="relu")(x))
    model = keras.Model(x, [h, layers.GlobalMaxPooling1D()(h)])
    assert model.output_shape == [(None, None, 4), (None, 4)]
    assert [t.shape for t in model(X)] == [(4, 2, 4), (4, 4)]
    with pytest.raises(ShapeError, match="leaves nothing"):
        layers.Cropping1D((3, 3))(X)
    with pytest.raises(ShapeError, match=r"x.reshape\(-1, length, 1\)"):
        layers.Conv1D(2, 3)(X[0])


# -- attention ---------------------------------------------------------------------------------------------------------


def test_attention_looks_where_it_may():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.5, seed=0)
    y, weights = layer(X, X, use_causal_mask=True, return_attention_scores=True)
    assert y.shape == X.shape and weights.shape == (4, 2, 6, 6)
    np.testing.assert_array_equal(np.triu(weights.numpy(), 1), 0)
    np.testing.assert_allclose(weights.numpy().sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(layer(X, X, use_causal_mask=True), y, rtol=1e-4, atol=1e-6)
    assert (layer(X, X, training=True).numpy() != layer(X, X).numpy()).any()
    changed = X.copy()
    changed[:, 4:] += 1
    again = layer(changed, changed, use_causal_mask=True).numpy()
    np.testing.assert_allclose(again[:, :4], y.numpy()[:, :4], rtol=1e-4, atol=1e-6)


def test_attention_between_sequences_of_any_length():
    source, target = keras.Input((None, 3)), keras.Input((None, 5))
    y, weights = layers.MultiHeadAttention(2, 4)(target, source, return_attention_scores=True)
    model = keras.Model([source, target], [y, weights, layers.Attention()([y, layers.Dense(5)(source)])])
    assert model.output_shape == [(None, None, 5), (None, 2, None, None), (None, None, 5)]
    for steps in (2, 4):
        given = X[:, :steps], RNG.standard_normal((4, 7, 5)).astype("float32")
        assert [t.shape for t in model(list(given))] == [(4, 7, 5), (4, 2, 7, steps), (4, 7, 5)]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "num_heads"),
        (lambda: layers.MultiHeadAttention(2, 3)(X, X, X[:, :2]), "as many keys as values"),
        (lambda: layers.Attention()(X), "list"),
        (lambda: layers.Attention()([X, X], mask=np.ones((4, 6), bool)), "mask is a list"),
        (lambda: layers.Attention(score_mode="cosine"), "score_mode"),
        (lambda: layers.EinsumDense("ab->b", 3), "equation"),
        (lambda: layers.EinsumDense("abc,cd->abd", 3)(X), "output_shape"),
        (lambda: layers.EinsumDense("abcd,de->abce", (None, None, 3))(X), "does not fit"),
        (lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="x")(X), "bias_axes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_attention_that_means_nothing(call, word):
    with pytest.raises((OptionError, ShapeError), match=word):
        call()


def test_old_spellings():
    from tinygrad_ml.keras.preprocessing.sequence import pad_sequences

    assert pad_sequences is keras.utils.pad_sequences
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        layer = layers.LSTM(output_dim=3, inner_activation="hard_sigmoid", dropout_U=0.1)
    assert [str(one.message).split()[-1] for one in told] == ["units=", "recurrent_activation=", "recurrent_dropout="]
    assert layer.units == 3 and layer.recurrent_dropout == 0.1
    assert layer.get_config()["recurrent_activation"] == "hard_sigmoid"


# -- what counts -------------------------------------------------------------------------------------------------------


def test_losses_and_metrics_count_what_the_mask_lets_count():
    y, t = X.copy(), np.zeros_like(X)
    y[:, 4:] = 0
    masked = layers.Masking()(y)
    right = (y[:, :4] ** 2).mean()
    assert float(keras.losses.MeanSquaredError()(t, masked)) == pytest.approx(right, rel=1e-5)
    assert float(keras.losses.MeanSquaredError(reduction="sum")(t + 1, masked)) == pytest.approx(
        ((y[:, :4] - 1) ** 2).mean(-1).sum(), rel=1e-5
    )
    weights = np.linspace(0, 1, 24).reshape(4, 6)
    metric = keras.metrics.MeanSquaredError()
    metric.update_state(t, masked)
    assert float(metric.result()) == pytest.approx(right, rel=1e-5)
    metric.reset_state()
    metric.update_state(t, masked, weights)
    counted = weights[:, :4]
    assert float(metric.result()) == pytest.approx(((y[:, :4] ** 2).mean(-1) * counted).sum() / counted.sum(), rel=1e-5)
    classes = RNG.integers(0, 3, (4, 6))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    both = float(loss(classes, masked))
    assert both == pytest.approx(float(loss(np.where(np.arange(6) < 4, classes, 0), y)), rel=1e-5)


def test_the_forget_gate_begins_open():
    for kind, options, expected in (
        (layers.LSTM, {}, [0, 0, 1, 1, 0, 0, 0, 0]),
        (layers.LSTM, {"unit_forget_bias": False}, [0] * 8),
        (layers.LSTM, {"bias_initializer": "ones"}, [1] * 8),
    ):
        layer = kind(2, **options)
        layer(X)
        assert layer.cell.bias.numpy().tolist() == expected


def test_masks_of_attention_hold_together():
    allowed = np.ones((4, 6, 6), bool)
    allowed[:, :, 1] = False
    layer = layers.MultiHeadAttention(1, 2, sliding_window=3)
    _, weights = layer(X, X, attention_mask=allowed, use_causal_mask=True, return_attention_scores=True)
    far = np.arange(6)[:, None] - np.arange(6)
    seen = (far >= 0) & (far < 3) & allowed[0]
    np.testing.assert_array_equal(weights.numpy()[0, 0] > 0, seen)
