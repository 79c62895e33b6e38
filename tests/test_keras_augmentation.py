"""Changes of images: where they act, what they take, what is seeded, compiled, saved and refused. `compare/` has Keras's numbers."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import keras
from tinygrad_ml.errors import OptionError, ShapeError
from tinygrad_ml.keras import layers
from tinygrad_ml.keras.layers.mixing import betas

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 6, 8, 3)).astype("float32")
CHANGES = {
    "RandomBrightness": {"factor": 0.5},
    "RandomHue": {"factor": 0.5},
    "RandomSaturation": {"factor": 0.9},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.2,
        "saturation_factor": 0.8,
        "hue_factor": 0.3,
    },
    "RandomColorDegeneration": {"factor": 0.8},
    "RandomGrayscale": {"factor": 1.0},
    "RandomInvert": {},
    "RandomPosterization": {"factor": 3},
    "Solarization": {"addition_factor": 0.5, "threshold_factor": 0.5},
    "RandomSharpness": {"factor": 0.9},
    "RandomGaussianBlur": {},
    "RandomErasing": {"scale": (0.3, 0.5)},
    "RandomShear": {"x_factor": 0.5, "y_factor": 0.5},
    "RandomPerspective": {"scale": 0.6},
    "RandomElasticTransform": {},
    "Equalization": {},
    "RandAugment": {"num_ops": 1},
    "AugMix": {"num_chains": 2, "chain_depth": 1},
}
SIZES = {
    "RandomCrop": {"height": 4, "width": 5},
    "CenterCrop": {"height": 4, "width": 5},
    "Resizing": {"height": 4, "width": 5},
}
LABELS = np.eye(4, dtype="float32")[[0, 2, 3]]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_acts_in_training_only_and_is_seeded(name):
    seed = {} if name == "Equalization" else {"seed": 5}
    layer, twin = (getattr(layers, name)(**CHANGES[name], **seed) for _ in range(2))
    y = layer(IMAGES).numpy()
    assert y.shape == IMAGES.shape and y.min() >= -1e-3 and y.max() <= 255 + 1e-3
    assert name in ("RandAugment", "AugMix") or (y != IMAGES).any()
    np.testing.assert_array_equal(twin(IMAGES).numpy(), y)
    np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)
    assert layer(IMAGES[0]).shape == IMAGES.shape[1:]
    assert layer.compute_output_shape((None, None, None, 3)) == (None, None, None, 3)
    again = getattr(layers, name).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_those_asked_for_in_training_and_in_use(name, tmp_path):
    layer = getattr(layers, name)(**SIZES[name])
    for given in (IMAGES, IMAGES[:, :3, :4]):
        for training in (False, True):
            assert layer(given, training=training).shape == (3, 4, 5, 3)
    model = keras.Sequential([keras.Input((6, 8, 3)), layer, layers.Flatten(), layers.Dense(2)])
    assert model.output_shape == (None, 2)
    model.save(tmp_path / "model.keras")
    expected = model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "model.keras").predict(IMAGES, verbose=0), expected, 1e-5
    )
    assert layer.compute_output_shape((None, 6, 8, 3)) == (None, 4, 5, 3)


def test_a_crop_is_a_part_of_the_image():
    y = layers.RandomCrop(4, 5, seed=1)(IMAGES).numpy()
    parts = [IMAGES[:, i : i + 4, j : j + 5] for i in range(3) for j in range(4)]
    assert any((part == y).all() for part in parts)


def test_images_labels_and_masks_are_changed_alike():
    masks = (IMAGES[..., :1] > 128).astype("float32")
    flipped = layers.RandomFlip(seed=2)({"images": IMAGES, "labels": LABELS, "segmentation_masks": masks})
    np.testing.assert_array_equal(flipped["images"].numpy()[..., :1] > 128, flipped["segmentation_masks"].numpy() == 1)
    np.testing.assert_array_equal(flipped["labels"].numpy(), LABELS)
    for layer in (layers.CutMix(seed=1), layers.MixUp(0.8, seed=1)):
        mixed = layer({"images": np.repeat(LABELS[:, None, None], 8, 1).repeat(8, 2), "labels": LABELS})
        np.testing.assert_allclose(mixed["labels"].numpy().sum(1), 1, rtol=1e-5)
        if isinstance(layer, layers.MixUp):  # the images are their labels
            np.testing.assert_allclose(mixed["images"].numpy()[:, 0, 0], mixed["labels"].numpy(), rtol=1e-5)
        same = layer({"images": IMAGES, "labels": LABELS}, training=False)
        np.testing.assert_array_equal(same["labels"], LABELS)
    with pytest.raises(OptionError, match="to_categorical"):
        layers.MixUp()({"images": IMAGES, "labels": np.array([0, 2, 3])})
    with pytest.raises(OptionError, match="boxes"):
        layers.RandomFlip()({"images": IMAGES, "bounding_boxes": {}})


def test_they_train_compiled():
    model = keras.Sequential(
        [
            keras.Input((6, 8, 3)),
            layers.Pipeline([layers.RandomBrightness(0.2), layers.RandomHue(0.1)]),
            layers.RandomShear(0.2, 0.2),
            layers.RandomErasing(),
            layers.RandomElasticTransform(),
            layers.RandomPerspective(scale=0.2),
            layers.RandomPosterization((4, 8)),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(IMAGES / 255, np.zeros((3, 1)), epochs=3, verbose=0)
    assert "compiled" in repr(model.train_function)


def test_evened_shades_reach_from_end_to_end():
    dark = (IMAGES / 8).round()
    for layer in (layers.AutoContrast(), layers.Equalization()):
        y = layer(dark).numpy()
        assert y.min() == 0 and y.max() == pytest.approx(255)
    flat = np.full((1, 4, 4, 1), 7.0, "float32")
    np.testing.assert_array_equal(layers.AutoContrast()(flat).numpy(), flat)
    np.testing.assert_array_equal(layers.Equalization()(flat).numpy(), flat)
    local = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    assert local(dark).numpy().std() > dark.std() and local(dark[0]).shape == dark.shape[1:]


@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0, 7.0])
def test_shares_are_those_of_beta(alpha):
    tg.manual_seed(0)
    drawn = betas(alpha, (40_000,), None).numpy()
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert ((drawn - 0.5) ** 4).mean() == pytest.approx(fourth, rel=0.03)
    assert np.isfinite(betas(1e-6, (1000,), None).numpy()).all()


@pytest.mark.parametrize(
    ("make", "kind", "word"),
    [
        (lambda: layers.RandomBrightness(1.5), OptionError, "factor"),
        (lambda: layers.RandomHue((0.2, 0.3, 0.4)), OptionError, "pair"),
        (lambda: layers.RandomHue(0.2)(IMAGES[..., :2]), ShapeError, "red, green and blue"),
        (lambda: layers.RandomInvert(value_range=1), OptionError, "value_range"),
        (lambda: layers.RandomPosterization(9), OptionError, "from 1 to 8"),
        (lambda: layers.RandomBrightness(0.5)(IMAGES[0, 0]), ShapeError, "reshape"),
        (lambda: layers.Resizing(3, 3, "lanczos3"), OptionError, "interpolation"),
        (lambda: layers.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), OptionError, "both"),
        (lambda: layers.RandomShear(fill_mode="mirror"), OptionError, "fill_mode"),
    ],
)
def test_what_does_not_fit_is_told(make, kind, word):
    with pytest.raises(kind, match=word):
        make()


def test_an_elastic_change_is_smooth():
    ramp = np.broadcast_to(np.arange(32.0, dtype="float32")[:, None, None], (1, 32, 32, 1))
    bent = layers.RandomElasticTransform((1, 1), (0.3, 0.3), seed=1, interpolation="bilinear")(ramp).numpy()
    assert 0.1 < abs(bent - ramp).max() < 16 and abs(np.diff(bent[0, ..., 0], axis=1)).max() < 3
    assert tg.asarray(bent).shape == (1, 32, 32, 1)
