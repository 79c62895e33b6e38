"""Changes of images: told what Keras's layer has drawn, ours makes of images, labels and masks what it makes."""

import numpy as np
import pytest
from keras_twins import agree, as_array, ours, quiet, theirs, torch

import tinygrad_ml as tg

pytestmark = quiet

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 9, 10, 3)).astype("float32")
LABELS = np.eye(4, dtype="float32")[[0, 2, 3]]
MASKS = np.random.default_rng(1).integers(0, 3, (3, 9, 10, 1)).astype("float32")

CASES = [
    ("RandomBrightness", {"factor": 0.4}),
    ("RandomBrightness", {"factor": (-0.2, 0.5), "value_range": (0, 300)}),
    ("RandomContrast", {"factor": 0.7}),
    ("RandomHue", {"factor": 0.9}),
    ("RandomHue", {"factor": (0.2, 0.3), "value_range": (0, 256)}),
    ("RandomSaturation", {"factor": (0.2, 0.9)}),
    ("RandomColorDegeneration", {"factor": (0.2, 0.9)}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomInvert", {"factor": 0.5}),
    ("RandomPosterization", {"factor": (1, 7)}),
    ("RandomPosterization", {"factor": 3, "value_range": (0, 1000)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": (0.1, 0.9)}),
    ("RandomSharpness", {"factor": 1.0}),
    ("RandomGaussianBlur", {"factor": 0.8, "kernel_size": 5, "sigma": (0.3, 0.9)}),
    ("RandomErasing", {"factor": 0.8, "scale": (0.1, 0.9)}),
    ("RandomErasing", {"fill_value": (1.0, 2.0, 3.0)}),
    *(
        ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3), "fill_mode": mode, "interpolation": how})
        for mode, how in (
            ("reflect", "bilinear"),
            ("constant", "nearest"),
            ("nearest", "bilinear"),
            ("wrap", "nearest"),
        )
    ),
    ("RandomPerspective", {"scale": 0.4}),
    ("RandomPerspective", {"factor": 0.5, "fill_value": 7.0, "interpolation": "nearest"}),
    ("MixUp", {"alpha": 0.5}),
    ("CutMix", {"factor": 0.8}),
    ("AutoContrast", {}),
    ("AutoContrast", {"value_range": (0, 300)}),
    ("Equalization", {}),
    ("Equalization", {"bins": 16, "value_range": (0, 300)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3), "clip_limit": 12.8}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (3, 5), "clip_limit": 0.0}),
    *(
        ("Resizing", {"height": size[0], "width": size[1], **options})
        for size in ((5, 4), (12, 17))
        for options in (
            {},
            {"interpolation": "nearest"},
            {"interpolation": "bicubic"},
            {"antialias": True},
            {"crop_to_aspect_ratio": True},
            {"pad_to_aspect_ratio": True, "fill_value": 3.0},
        )
    ),
    ("CenterCrop", {"height": 4, "width": 7}),
    ("CenterCrop", {"height": 12, "width": 7}),
]


def as_ours(drawn):
    """What Keras has drawn, as tensors of ours."""
    if isinstance(drawn, dict):
        return {name: as_ours(value) for name, value in drawn.items()}
    return tg.asarray(as_array(drawn)) if isinstance(drawn, torch.Tensor) else drawn


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{'-'.join(o)}" for name, o in CASES])
def test_what_is_made_of_what_was_drawn(name, options):
    other, own = (getattr(room.layers, name)(**options) for room in (theirs, ours))
    images = torch.tensor(IMAGES)
    theirs.utils.set_random_seed(1)
    drawn = other.get_random_transformation(images, training=True)
    told = {"should_apply": as_ours(drawn)} if name == "RandomGrayscale" else as_ours(drawn)
    atol = 2e-2 if "Posterization" in name else 1e-3
    agree(own.transform_images(tg.asarray(IMAGES), told), other.transform_images(images, drawn), atol=atol)
    if name in ("MixUp", "CutMix"):
        agree(own.transform_labels(tg.asarray(LABELS), told), other.transform_labels(torch.tensor(LABELS), drawn))
    if name in ("RandomShear", "RandomPerspective", "Resizing", "CenterCrop"):
        found = own.transform_segmentation_masks(tg.asarray(MASKS), told)
        expected = other.transform_segmentation_masks(torch.tensor(MASKS), drawn)
        assert (
            np.mean(abs(np.asarray(found) - as_array(expected)) > 1e-3) < 0.01
        )  # rounding decides between two that are equally near
    assert own(IMAGES).shape == tuple(other(images).shape)
    assert own.compute_output_shape((None, 9, 10, 3)) == tuple(other.compute_output_shape((None, 9, 10, 3)))


@pytest.mark.parametrize("name", ["RandomBrightness", "RandomHue", "Resizing", "RandomErasing"])
def test_channels_first(name):
    options = (
        {"height": 4, "width": 5} if name == "Resizing" else {} if name == "RandomErasing" else {"factor": (0.3, 0.3)}
    )
    first = getattr(ours.layers, name)(data_format="channels_first", seed=3, **options) if name != "Resizing" else None
    first = first or ours.layers.Resizing(data_format="channels_first", **options)
    last = getattr(ours.layers, name)(**options, **({} if name == "Resizing" else {"seed": 3}))
    turned = np.moveaxis(IMAGES, -1, 1).copy()
    np.testing.assert_allclose(np.moveaxis(first(turned).numpy(), 1, -1), last(IMAGES).numpy(), atol=1e-3)


def test_distributions_of_what_is_drawn():
    x = np.zeros((20_000, 1, 1, 3), "float32")
    for name, options, key in (
        ("RandomBrightness", {"factor": (-0.2, 0.5)}, "rgb_delta"),
        ("RandomHue", {"factor": (0.2, 0.5)}, "factor"),
        ("RandomSaturation", {"factor": (0.2, 0.5)}, "factor"),
        ("RandomInvert", {"factor": (0.2, 0.5)}, "apply_inversion"),
        ("RandomPosterization", {"factor": (2, 6)}, "shift_factor"),
        ("Solarization", {"addition_factor": (0.2, 0.5)}, "additions"),
        ("RandomShear", {"x_factor": (0.1, 0.3)}, "shear_factor"),
        ("RandomErasing", {"factor": (0.1, 0.4)}, "apply_erasing"),
        ("MixUp", {"alpha": 0.4}, "mix_weight"),
    ):
        other, own = (getattr(room.layers, name)(**options) for room in (theirs, ours))
        expected = as_array(other.get_random_transformation(torch.tensor(x))[key]).astype("float64")
        found = np.asarray(own.get_random_transformation(tg.asarray(x))[key]).astype("float64")
        assert found.mean() == pytest.approx(expected.mean(), abs=0.06 * max(expected.std(), 0.1)), name
        assert found.std() == pytest.approx(expected.std(), rel=0.06), name
