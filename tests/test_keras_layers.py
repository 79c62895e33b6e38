"""Layers and helpers that Keras's own numbers cannot check: what is random, what is refused, what is ours."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import DataError, OptionError, RangeError, ShapeError
from tinygrad_ml.keras import layers

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, 2)).astype("float32")


def test_maxout_is_the_largest_of_each_group():
    x = np.arange(12.0).reshape(2, 6)[:, ::-1].copy()
    np.testing.assert_array_equal(layers.Maxout(3)(x).numpy(), x.reshape(2, 3, 2).max(axis=-1))
    with pytest.raises(ShapeError, match="4 groups"):
        layers.Maxout(4)(x)


def test_relu_is_a_maxout():
    x = np.linspace(-2, 2, 9)[:, None].astype("float32")
    dense = layers.Dense(2)
    dense(x)
    dense.set_weights([np.array([[1.0, 0.0]]), np.zeros(2)])
    np.testing.assert_array_equal(layers.Maxout(1)(dense(x)).numpy(), np.maximum(x, 0))


def test_dropout_keeps_the_mean_and_does_nothing_in_use():
    x = np.ones((200, 50), "float32")
    layer = layers.Dropout(0.2, seed=1)
    assert (layer(x).numpy() == 1).all()
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {0, np.float32(1.25)} and y.mean() == pytest.approx(1, abs=0.02)
    again = layers.Dropout(0.2, seed=1)(x, training=True).numpy()
    np.testing.assert_array_equal(y, again)
    assert (layer(x, training=True).numpy() != y).any()
    rows = layers.Dropout(0.5, noise_shape=(None, 1))(x, training=True).numpy()
    assert (rows == rows[:, :1]).all()


def test_seeded_initializers_repeat_and_leave_the_stream_alone():
    keras.utils.set_random_seed(0)
    plain = keras.initializers.GlorotUniform()((3, 4)).numpy()
    keras.utils.set_random_seed(0)
    a = keras.initializers.GlorotUniform(seed=5)((3, 4)).numpy()
    np.testing.assert_array_equal(keras.initializers.GlorotUniform()((3, 4)).numpy(), plain)
    np.testing.assert_array_equal(keras.initializers.GlorotUniform(seed=5)((3, 4)).numpy(), a)
    assert np.abs(plain).max() <= np.sqrt(6 / 7)


def test_orthogonal_and_identity():
    q = keras.initializers.Orthogonal(gain=2.0)((3, 3, 2, 4)).numpy().reshape(-1, 4)
    np.testing.assert_allclose(q.T @ q, 4 * np.eye(4), atol=1e-5)
    np.testing.assert_array_equal(keras.initializers.Identity()((2, 3)).numpy(), np.eye(2, 3))


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomTranslation(0.3, 0.3),
        layers.RandomRotation(0.2),
        layers.RandomZoom(0.3),
        layers.RandomContrast(0.5),
        layers.RandomFlip(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_augmentation_acts_in_training_and_called_by_itself(layer):
    np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)
    np.testing.assert_array_equal(keras.Sequential([layer]).predict(IMAGES, verbose=0), IMAGES)
    assert (layer(IMAGES).numpy() != IMAGES).any()
    changed = layer(IMAGES, training=True).numpy()
    assert changed.shape == IMAGES.shape and (changed != IMAGES).any()
    assert changed.min() >= 0 and changed.max() <= 255


def test_geometry_with_fixed_amounts():
    flat = {"fill_mode": "constant", "fill_value": -1.0}
    down = layers.RandomTranslation((1 / 6, 1 / 6), (0, 0), **flat)(IMAGES, training=True).numpy()
    np.testing.assert_allclose(down[:, 1:], IMAGES[:, :-1], atol=1e-3)
    np.testing.assert_allclose(down[:, 0], -1, atol=1e-3)
    wrapped = layers.RandomTranslation((0, 0), (0.4, 0.4), "wrap")(IMAGES, training=True).numpy()
    np.testing.assert_allclose(wrapped, np.roll(IMAGES, 2, 2), atol=1e-3)
    reflected = layers.RandomTranslation((2 / 6, 2 / 6), (0, 0))(IMAGES, training=True).numpy()
    np.testing.assert_allclose(reflected[:, :2], IMAGES[:, 1::-1], atol=1e-3)
    half = layers.RandomRotation((0.5, 0.5), interpolation="nearest")(IMAGES, training=True).numpy()
    np.testing.assert_array_equal(half, IMAGES[:, ::-1, ::-1])
    square = IMAGES[:, :5]
    quarter = layers.RandomRotation((0.25, 0.25), interpolation="nearest")(square, training=True).numpy()
    np.testing.assert_array_equal(quarter, np.rot90(square, 1, (1, 2)))
    small = layers.RandomZoom((1.0, 1.0), **flat)(IMAGES, training=True).numpy()
    assert (small[:, 0] == -1).all() and (small[:, 2:4, 2:3] >= 0).all()
    mean = IMAGES.mean((1, 2), keepdims=True)
    contrast = (layers.RandomContrast((0.2, 0.5), (-1e9, 1e9))(IMAGES).numpy() - mean) / (IMAGES - mean)
    assert 0.8 - 1e-4 < contrast.min() < contrast.max() < 1.5 + 1e-4
    np.testing.assert_allclose(contrast, contrast[:, :1, :1, :1].repeat(6, 1).repeat(5, 2).repeat(2, 3), rtol=1e-2)


def test_batch_norm_takes_a_batch_of_one():
    layer = layers.BatchNormalization()
    assert (layer(np.full((1, 3), 7.0), training=True).numpy() == 0).all()
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.07, rtol=1e-5)


@pytest.mark.parametrize("axis", [1, (0, 2), [-1, 1], -1])
def test_layers_are_normalised_along_any_axes(axis):
    x = np.random.default_rng(0).standard_normal((2, 4, 5)).astype("float32")
    axes = tuple(sorted(one % 3 for one in ([axis] if isinstance(axis, int) else axis)))
    kept = [x.shape[i] if i in axes else 1 for i in range(3)]
    sizes = [x.shape[i] for i in axes]
    gamma, beta = (np.random.default_rng(seed).standard_normal(sizes).astype("float32") for seed in (1, 2))

    own = layers.LayerNormalization(axis, epsilon=0.01)
    own.build(x.shape)
    own.set_weights([gamma, beta])
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    wanted = (x - mean) / np.sqrt(variance + 0.01) * gamma.reshape(kept) + beta.reshape(kept)
    np.testing.assert_allclose(own(x).numpy(), wanted, 1e-4, 1e-5)

    own = layers.RMSNormalization(axis, epsilon=0.01)
    own.build(x.shape)
    own.set_weights([gamma])
    wanted = x / np.sqrt((x * x).mean(axes, keepdims=True) + 0.01) * gamma.reshape(kept)
    np.testing.assert_allclose(own(x).numpy(), wanted, 1e-4, 1e-5)


def test_what_layers_are_normalised_along_is_known_and_there():
    x = keras.Input((None, 4))
    assert keras.Model(x, layers.LayerNormalization(-1)(x)).output_shape == (None, None, 4)
    with pytest.raises(ShapeError, match="axis=1 must be known"):
        layers.LayerNormalization(1)(keras.Input((None, 4)))
    with pytest.raises(OptionError, match="axis=3 is not in"):
        layers.RMSNormalization(3)(np.ones((2, 4), "float32"))


def test_convolution_lays_its_kernel_out_as_keras():
    layer = layers.Conv2D(7, (2, 3))
    assert layer(IMAGES).shape == (3, 5, 3, 7)
    assert [w.shape for w in layer.get_weights()] == [(2, 3, 2, 7), (7,)]
    with pytest.raises(ShapeError, match="reshape"):
        layer(IMAGES[..., 0])
    with pytest.raises(OptionError, match="'valid' or 'same'"):
        layers.Conv2D(1, 1, padding="full")


def test_a_layer_of_functions():
    assert (layers.Lambda(lambda x, by: x * by, arguments={"by": 3})(np.ones((2, 2))).numpy() == 3).all()
    first, second = keras.Input((3,)), keras.Input((3,))
    apart = layers.Lambda(lambda pair: (pair[0] - pair[1]).sum(1, True), output_shape=(1,))([first, second])
    assert keras.Model([first, second], apart).output_shape == (None, 1)


def test_layers_compute_on_lists_of_tensors_only():
    with pytest.raises(ShapeError, match="list"):
        layers.Add()(IMAGES)


def test_to_categorical():
    np.testing.assert_array_equal(keras.utils.to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
    assert keras.utils.to_categorical([[1], [0]], 4).shape == (2, 4)
    with pytest.raises(RangeError, match="class 5"):
        keras.utils.to_categorical([5], 3)


@pytest.fixture
def folder(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for i in range(3):
            image.new("RGB", (8, 6), (100 * number, i, 0)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_folder_of_images(folder, capsys):
    loader = keras.utils.image_dataset_from_directory(folder, image_size=(4, 4), batch_size=4, seed=0)
    assert "6 files belonging to 2 classes" in capsys.readouterr().out and loader.class_names == ["cat", "dog"]
    batches = list(loader)
    assert [tuple(x.shape) for x, _ in batches] == [(4, 4, 4, 3), (2, 4, 4, 3)]
    for x, y in batches:
        np.testing.assert_array_equal(x.numpy()[:, 0, 0, 0], 100 * y.numpy())
    parts = keras.utils.image_dataset_from_directory(
        folder,
        validation_split=0.34,
        subset="both",
        seed=1,
        verbose=False,
        label_mode="categorical",
        color_mode="grayscale",
        image_size=(2, 2),
    )
    (x, y), (u, v) = (next(iter(part)) for part in parts)
    assert x.shape == (4, 2, 2, 1) and y.shape == (4, 2) and u.shape[0] == 2 and v.shape == (2, 2)
    assert not set(parts[0].file_paths) & set(parts[1].file_paths)
    model = keras.Sequential([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert len(model.fit(loader, epochs=2, verbose=0).history["accuracy"]) == 2


def test_single_images_of_a_folder(folder):
    single = keras.utils.image_dataset_from_directory(folder, batch_size=None, image_size=(4, 4), verbose=False)
    assert {(image.shape, int(label)) for image, label in single} == {((4, 4, 3), 0), ((4, 4, 3), 1)}
    assert sorted(image[0, 0, 0] for image, _ in single) == [0] * 3 + [100] * 3


@pytest.mark.parametrize(
    ("option", "wrong"),
    [("color_mode", "blue"), ("interpolation", "best"), ("label_mode", "some"), ("batch_size", 0)]
    + [("validation_split", split) for split in (0, 1, 2, -0.5, "half")],
)
def test_options_of_folders_are_looked_at_at_once(folder, option, wrong):
    subset = {"subset": "training"} if option == "validation_split" else {}
    with pytest.raises(OptionError, match=option):
        keras.utils.image_dataset_from_directory(folder, **{option: wrong}, **subset, verbose=False)


def test_folders_that_are_none(folder, tmp_path):
    (folder / "cat" / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.png"):
        list(keras.utils.image_dataset_from_directory(folder, verbose=False))
    with pytest.raises(DataError, match="no folder"):
        keras.utils.image_dataset_from_directory(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no files"):
        keras.utils.image_dataset_from_directory(tmp_path / "empty")


def test_plot_model(tmp_path):
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, "relu", name="first"), layers.Dense(1, name="second")]
    )
    picture = keras.utils.plot_model(model, tmp_path / "model.dot", show_shapes=True)
    assert (tmp_path / "model.dot").exists() and "first" in picture.source and "second" in picture.source


def test_configs_make_equal_objects():
    layer = layers.Dense(3, "relu", kernel_regularizer=keras.regularizers.L2(0.5), name="mine")
    twin = layers.Dense.from_config(layer.get_config())
    assert twin.name == "mine" and twin.units == 3 and twin.kernel_regularizer.l2 == 0.5
    loss = keras.losses.CategoricalCrossentropy(True, label_smoothing=0.1)
    assert type(loss).from_config(loss.get_config()).options == {
        "from_logits": True,
        "label_smoothing": 0.1,
        "axis": -1,
    }
    with pytest.warns(DeprecationWarning):
        old = layers.Dense(output_dim=4)
    assert old.get_config()["units"] == 4


def test_a_layer_keeps_float32():
    y = layers.Dense(2)(np.ones((3, 4)))
    assert y.dtype == np.float32
    y.sum().backward()
    with pytest.raises(OptionError, match="float32"):
        layers.Dense(2, dtype="float16")
    assert isinstance(layers.Dense(2)(tg.ones(3, 4)), tg.Tensor)


def test_the_losses_of_a_call_are_those_of_the_last_one():
    inner = layers.Dense(2, activity_regularizer="l2")
    model = keras.Sequential([layers.Input((3,)), inner])
    x = np.ones((4, 3), "float32")
    for _ in range(2):
        model(x)
        assert len(model.losses) == 1
    inner(np.ones((4, 3), "float32"))  # called by itself, it begins anew, too
    assert len(inner.losses) == len(model.losses) == 1


@pytest.mark.parametrize(
    ("equation", "sizes", "shape", "fan_in", "fan_out"),
    [
        ("abc,cde->abde", (None, 8, 16), (None, 10, 32), 32, 128),
        ("abde,dec->abc", (None, 32), (None, 10, 8, 16), 128, 32),
        ("...b,bc->...c", (64,), (None, 10, 32), 32, 64),
    ],
)
def test_einsum_dense_begins_with_the_spread_of_what_comes_in_and_goes_out(equation, sizes, shape, fan_in, fan_out):
    for name, fan in ("lecun_normal", fan_in), ("glorot_uniform", (fan_in + fan_out) / 2):
        keras.utils.set_random_seed(0)
        layer = layers.EinsumDense(equation, sizes, kernel_initializer=name)
        layer.build(shape)
        assert layer.kernel.numpy().std() == pytest.approx(fan**-0.5, rel=0.1)
    told = keras.initializers.LecunNormal(input_axes=[0], output_axes=[1])
    assert told.of_axes([1], [0]) is told


def test_layers_are_made_again_of_their_configs():
    made = layers.SpatialDropout1D.from_config(layers.SpatialDropout1D(0.5, seed=3, name="drop").get_config())
    assert (made.rate, made.seed, made.name) == (0.5, 3, "drop")
    model = keras.Sequential([layers.Input((4, 3)), layers.SpatialDropout1D(0.5)])
    assert keras.Sequential.from_config(model.get_config()).output_shape == (None, 4, 3)


def test_masks_of_what_is_merged_may_be_numbers():
    a, b = np.array([[1.0, 0.0, 0.0]]), np.array([[0, 0, 1]])
    assert layers.Add().compute_mask([a, b], [a, b]).numpy().tolist() == [[True, False, True]]
    x = np.ones((1, 3, 2))
    joined = layers.Concatenate(axis=1).compute_mask([x, x], [a, None])
    assert joined.numpy().tolist() == [[True, False, False, True, True, True]]


def test_conv_lstm_has_four_gates_whatever_their_size():
    for filters in (1, 3, 5):
        assert layers.ConvLSTM1D(filters, 3, padding="same")(np.ones((3, 2, 4, 3), "float32")).shape == (3, 4, filters)


def test_stacked_cells_of_ones_own_keep_a_tensor_each():
    class Sum(layers.Layer):
        state_size = 4

        def call(self, inputs, states):
            return inputs + states[0], inputs + states[0]

    x = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
    layer = layers.RNN([Sum(), Sum()], return_state=True)
    output, first, second = layer(x)
    np.testing.assert_array_equal(first.numpy(), x.sum(1))
    np.testing.assert_array_equal(second.numpy(), output.numpy())
    again, *_ = layer(x, initial_state=[first, second])
    np.testing.assert_array_equal(again.numpy(), output.numpy() * 2 + 3 * first.numpy())
