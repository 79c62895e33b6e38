"""Tensors as pictures in their boxes: which are pictures, and what their colours say."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from test_viz_explain import needs_graphviz, page_of

import tinygrad_ml as tg
from tinygrad_ml import nn
from viz.pixels import LABELLED_POINTS, LONGEST_SIDE, MOST_TILES, SLOT_POINTS, pixels_of


def opened(pixels):
    image = Image.open(io.BytesIO(base64.b64decode(pixels.png)))
    assert image.size == (pixels.width, pixels.height)
    return np.asarray(image)


def operation(array):
    """A node that gives an array."""
    return (tg.tensor(array, requires_grad=True) * 1.0).node


def test_sign_and_size_of_numbers_are_told_by_colour():
    array = np.zeros((1, 1, 3, 3))
    array[0, 0, 0] = [2.0, -2.0, 0.0]
    array[0, 0, 1] = [1.0, np.nan, 0.0]
    (first, *_), (half, nan, _), _ = opened(pixels_of(array, operation(array)))[..., :3].astype(int).tolist()
    low = opened(pixels_of(array, operation(array)))[0, 1, :3].astype(int)
    assert first[0] > first[2] + 100 and low[2] > low[0] + 100  # orange above 0, blue below
    assert first[2] < half[2] < 246 and opened(pixels_of(array, operation(array)))[0, 2, :3].tolist() == [246] * 3
    assert nan[0] > 150 > nan[1]


def test_images_are_grey_or_coloured_from_black_to_white():
    grey = np.linspace(-3, 5, 4 * 4).reshape(1, 1, 4, 4).astype("float32")
    seen = opened(pixels_of(grey))
    assert (seen[..., 0] == seen[..., 1]).all() and seen[0, 0, 0] == 0 and seen[3, 3, 0] == 255
    colour = np.zeros((1, 3, 4, 4), "float32")
    colour[:, 1] = 1
    assert opened(pixels_of(colour))[0, 0].tolist() == [0, 255, 0, 255]
    assert "1 of 1 images" in pixels_of(colour).about


def test_filters_and_channels_are_tiles_of_which_a_few_are_shown():
    weight = tg.tensor(np.ones((6, 4, 3, 3)), requires_grad=True, name="weight").node
    filters = pixels_of(np.ones((6, 4, 3, 3)), weight)
    assert filters.about == f"{MOST_TILES} of 24 filters"
    large = np.ones((2, 5, 200, 90))
    channels = pixels_of(large, operation(large))
    assert channels.about == "5 channels of the first of the batch"
    assert channels.width <= 5 * (LONGEST_SIDE + 1) and channels.height <= 5 * (LONGEST_SIDE + 1)
    for pixels in (filters, channels):
        assert all(0 < points <= most + 1 for points, most in zip(pixels.points, SLOT_POINTS, strict=True))


@pytest.mark.parametrize("shape", [(), (4,), (4, 4), (2, 4, 4), (2, 3, 1, 1), (0, 3, 4, 4), (2, 3, 2, 2)])
def test_what_is_no_picture_has_none(shape):
    assert pixels_of(np.zeros(shape), operation(np.zeros(shape))) is None
    assert pixels_of(np.zeros((2, 3, 4, 4), "int64")) is None


@needs_graphviz
def test_images_filters_and_feature_maps_stand_in_their_boxes(tmp_path):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2))
    images = tg.tensor(np.random.default_rng(0).standard_normal((4, 1, 8, 8)), dtype="float32")
    data = page_of(model(images).sum(), tmp_path, check=False).data
    boxes = {box["id"]: box for room in data["rooms"] for box in room["boxes"]}
    pictured = {data["boxes"][name]["name"]: box["picture"]["about"] for name, box in boxes.items() if "picture" in box}
    assert pictured["images"] == "4 of 4 images" and pictured["0.weight"] == "3 filters"
    assert pictured["0 Conv2d"] == pictured["1 ReLU"] == "3 channels of the first of the batch"
    assert "4 Linear" not in pictured and not any(
        box["kind"] == "gradient" for box in boxes.values() if "picture" in box
    )
    for box in boxes.values():
        if "picture" in box:
            x, y, wide, high = box["picture"]["at"]
            assert x >= 0 and y >= 0 and x + wide <= box["at"][2] + 1 and y + high <= box["at"][3] + 1


def test_attention_has_room_for_the_words_along_its_edges():
    words = ["the", "cat", "sat", "extraordinarily"]
    weights = np.zeros((1, 2, 4, 4))
    weights[0, 1, 2, 3] = 1.0
    pixels = pixels_of(weights, operation(weights), words)
    assert pixels.words == tuple(words) and len(pixels.tiles) == 2 and pixels.about == "2 of 2 heads"
    seen = opened(pixels)
    for head, (x, y, wide, high) in enumerate(pixels.tiles):
        assert (wide, high) == (4, 4) and (seen[y : y + 4, x : x + 4, 3] == 255).all()
        assert (seen[:y, x : x + 4, 3] == 0).all() or (head and y > 4)  # clear above, where the words stand
        assert ((seen[y : y + 4, x : x + 4, 2] < 100).sum() == 1) == (head == 1)
    assert (seen[..., 3] == 255).sum() == 2 * 16
    assert all(points <= most + 1 for points, most in zip(pixels.points, LABELLED_POINTS, strict=True))
    for others in (words[:3], [*words, "more"], ()):
        assert not pixels_of(weights, operation(weights), others).words
