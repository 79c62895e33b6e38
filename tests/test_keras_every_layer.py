"""What holds for every layer: in a model of symbols, in a file, from its config, and in a compiled step it gives what it gives."""

import numpy as np
import pytest
from keras_cases import wave

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.keras import layers

LAYERS = [
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 5, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3}, (2, 3, 4, 2)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2}, (1, 2, 3, 2, 2)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, (2, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same"}, (2, 4, 5, 3)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 2}, (2, 6, 3)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 2, "strides": 2}, (2, 5, 6, 3)),
    ("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "return_sequences": True}, (2, 3, 5, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "padding": "same"}, (2, 3, 4, 3, 2)),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": 1}, (2, 2, 2, 3, 2, 2)),
    ("GroupNormalization", {"groups": 2}, (2, 3, 4)),
    ("RMSNormalization", {}, (3, 4)),
    ("LayerNormalization", {"axis": 1}, (3, 4, 2)),
    ("MelSpectrogram", {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4}, (2, 40)),
    ("STFTSpectrogram", {"frame_length": 8, "mode": "magnitude"}, (2, 20, 2)),
    ("UnitNormalization", {"axis": 1}, (3, 4, 2)),
    ("SpectralNormalization", {"layer": layers.Dense(3)}, (3, 4)),
    ("AdaptiveAveragePooling1D", {"output_size": 3}, (2, 7, 2)),
    ("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, (2, 5, 7, 2)),
    ("AdaptiveMaxPooling2D", {"output_size": 2, "data_format": "channels_first"}, (2, 3, 5, 4)),
    ("AdaptiveMaxPooling3D", {"output_size": 1}, (2, 2, 3, 2, 2)),
    ("AlphaDropout", {"rate": 0.3}, (3, 4)),
    ("GaussianDropout", {"rate": 0.3}, (3, 4)),
]


def made(name, options, shape):
    layer = getattr(layers, name)(**options)
    x = wave(shape, 0.7)
    layer(x)
    layer.set_weights([0.5 * wave(w.shape, 1.3 + i) ** 2 for i, w in enumerate(layer.get_weights())])
    return layer, x, layer(x).numpy()


every_layer = pytest.mark.parametrize(("name", "options", "shape"), LAYERS, ids=lambda value: str(value))


@every_layer
def test_in_a_model_of_symbols_and_in_its_file(name, options, shape, tmp_path):
    layer, x, y = made(name, options, shape)
    symbol = keras.Input(shape[1:])
    output = layer(symbol)
    model = keras.Model(symbol, output)
    assert output.shape[1:] == y.shape[1:] and layer.compute_output_shape((None, *shape[1:])) == (None, *y.shape[1:])
    np.testing.assert_allclose(model.predict(x, verbose=0), y, 1e-5, 1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), y, 1e-5, 1e-6)


@every_layer
def test_from_its_config(name, options, shape):
    layer, x, y = made(name, options, shape)
    again = type(layer).from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x).numpy(), y)
    assert again.get_config() == layer.get_config()


@every_layer
def test_compiled_it_gives_the_same_numbers_and_gradients(name, options, shape):
    layer, x, _ = made(name, options, shape)
    weights = layer.trainable_weights

    def step(x):
        y = layer(x, training=False)
        return y, tg.grad((y * tg.asarray(wave(y.shape, 0.4))).sum(), [x, *weights])

    eager = step(tg.tensor(x, requires_grad=True))
    compiled = tg.compile(step)
    for _ in range(2):
        y, slopes = compiled(tg.tensor(x, requires_grad=True))
    np.testing.assert_allclose(y.numpy(), eager[0].numpy(), 1e-5, 1e-6)
    for found, expected in zip(slopes, eager[1], strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-4, 1e-5)


@pytest.mark.parametrize("name", ["Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
def test_images_of_any_size(name):
    options = {"filters": 4} if name != "DepthwiseConv2D" else {}
    layer = getattr(layers, name)(kernel_size=3, padding="same", strides=2, **options)
    x = keras.Input((None, None, 4))
    model = keras.Model(x, layer(x))
    assert model.output_shape == (None, None, None, 4)
    for size in (4, 6):
        assert model.predict(np.zeros((1, size, size, 4)), verbose=0).shape[1] == (
            size * 2 if "Trans" in name else size // 2
        )


def test_convolutional_lstm_on_masked_and_longer_sequences():
    layer = layers.ConvLSTM1D(2, 2, return_sequences=True, return_state=True)
    x, counts = wave((2, 4, 5, 1), 0.7), np.array([[True, True, False, False], [True] * 4])
    y, h, c = layer(x, mask=counts)
    np.testing.assert_allclose(h.numpy()[0], y.numpy()[0, 1], rtol=1e-6)
    np.testing.assert_allclose(layer(x[:1, :2])[1].numpy(), h.numpy()[:1], rtol=1e-5)
    assert c.shape == h.shape == (2, 4, 2)
    again = layer(x, initial_state=[h, c])[0].numpy()
    assert (again != y.numpy()).any()
    kept = layers.ConvLSTM1D(2, 2, dropout=0.5, recurrent_dropout=0.5)
    assert (kept(x, training=True).numpy() != kept(x).numpy()).any()


def test_dropouts_keep_mean_and_variance():
    x = tg.random.randn(400, 500).numpy()
    alpha = layers.AlphaDropout(0.2, seed=1)
    y = alpha(x, training=True).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    rows = layers.AlphaDropout(0.5, noise_shape=(None, 1))(np.ones((50, 4), "float32"), training=True).numpy()
    assert (rows == rows[:, :1]).all() and len(np.unique(rows)) == 2
    noisy = layers.GaussianDropout(0.2, seed=1)(np.ones((400, 500), "float32"), training=True).numpy()
    assert noisy.mean() == pytest.approx(1, abs=0.01) and noisy.std() == pytest.approx(0.5, abs=0.01)


def test_a_spectral_norm_is_one_and_shared_by_all_calls():
    layer = layers.SpectralNormalization(layers.Dense(5, kernel_initializer="ones"), power_iterations=30)
    x = wave((3, 4), 0.7)
    layer(x, training=True)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1, rel=1e-5)
    zeros = layers.SpectralNormalization(layers.Dense(5, kernel_initializer="zeros"))
    assert (zeros(x, training=True).numpy() == 0).all()
    with pytest.raises(tg.errors.OptionError, match="neither a kernel"):
        layers.SpectralNormalization(layers.ReLU())(x)


def test_what_does_not_fit_is_told():
    with pytest.raises(tg.errors.OptionError, match="smaller than strides"):
        layers.Conv2DTranspose(2, 3, strides=2, output_padding=2)
    with pytest.raises(tg.errors.ShapeError, match="cannot be cut into groups=32"):
        layers.GroupNormalization()(np.zeros((2, 3, 8)))
    with pytest.raises(tg.errors.ShapeError, match="one size"):
        layers.Dot(-1)([np.zeros((2, 3)), np.zeros((2, 4))])
    with pytest.raises(tg.errors.OptionError, match="multiple of"):
        layers.GroupQueryAttention(4, 3, 2)
    with pytest.raises(tg.errors.ShapeError, match="must be known"):
        layers.ConvLSTM2D(2, 3)(keras.Input((None, None, None, 1)))
