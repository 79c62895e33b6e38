"""A grid of images with their labels, the wrong predictions marked.

Read before: `confusion.py`, which counts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy
from matplotlib.figure import Figure

from tinygrad_ml.errors import OptionError, RangeError, ShapeError
from tinygrad_ml.tensor import TensorLike

from .style import FAINT, INK, VERMILLION, as_array, class_numbers, picture, styled


@styled
def images(
    images: TensorLike,
    labels: TensorLike | None = None,
    predicted: TensorLike | None = None,
    classes: Sequence[str] | None = None,
    columns: int = 10,
    limit: int = 50,
) -> Figure:
    """A grid of images, each with its label; a wrong prediction gets a thick frame and says what was right.

    images     grey (N, H, W) or (N, 1, H, W) or flattened squares (N, H·W); colour (N, 3, H, W) or (N, H, W, 3).
               Bytes, or floats on any scale: the range found is spread from black to white
    labels     the true classes: numbers of shape (N,), or one-hot rows (N, classes)
    predicted  what the network says: class numbers, or scores (N, classes), of which the highest counts
    classes    the names of the classes; their numbers by default
    columns    images in a row
    limit      images at most, from the first one on

    To see mistakes only, pick them: `wrong = predicted != labels; viz.images(x[wrong], labels[wrong], predicted[wrong])`.

    Raises `ShapeError` for arrays that are no images, or of other lengths, `RangeError` for a class without a name.
    """
    pixels = _as_pictures(as_array(images))
    total = len(pixels)
    truth = _check(labels, "labels", total)
    guess = _check(predicted, "predicted", total)
    if limit < 1 or columns < 1:
        raise OptionError(f"limit={limit}, columns={columns}; both must be 1 or more")
    shown = min(total, limit)
    columns = min(columns, shown)
    rows = math.ceil(shown / columns)

    low, high = float(pixels.min()), float(pixels.max())
    if pixels.ndim == 4:
        pixels = (pixels - low) / (high - low or 1)
    captions = [_caption(i, truth, guess, classes) for i in range(shown)]
    lines = [line for words in captions for line in words.split("\n")]
    width = max(0.95, 0.08 * max(map(len, lines)))
    made = picture(max(width * columns, 2.8), (width + 0.25) * rows + 0.5)
    grid = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for i, axes in enumerate(grid[:shown]):
        axes.set_axis_on()
        axes.set_xticks([])
        axes.set_yticks([])
        axes.imshow(pixels[i], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        wrong = truth is not None and guess is not None and truth[i] != guess[i]
        for spine in axes.spines.values():
            spine.set(visible=True, color=VERMILLION if wrong else FAINT, linewidth=3 if wrong else 0.8)
        axes.set_title(
            captions[i],
            loc="center",
            fontsize=8,
            pad=3,
            color=VERMILLION if wrong else INK,
            fontweight="bold" if wrong else "normal",
        )
    made.suptitle(_summary(total, shown, truth, guess), fontsize=10)
    return made


def _as_pictures(array: numpy.ndarray) -> numpy.ndarray:
    """(N, H, W) for grey and (N, H, W, 3) for colour, as matplotlib takes them."""
    given = array.shape
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 4 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    elif array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    elif array.ndim == 2 and math.isqrt(array.shape[1]) ** 2 == array.shape[1]:
        array = array.reshape(len(array), math.isqrt(array.shape[1]), -1)
    if 0 in array.shape or not (array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)):
        raise ShapeError(
            f"an array of shape {given} holds no images; expected (N, H, W), (N, 1, H, W), (N, 3, H, W), (N, H, W, 3), "
            f"or flattened squares (N, H·W)"
        )
    return array


def _check(data, what: str, total: int) -> numpy.ndarray | None:
    if data is None:
        return None
    found = class_numbers(data, what)
    if len(found) != total:
        raise ShapeError(f"{what} has {len(found)} entries for {total} images; give one for each")
    return found


def _caption(i: int, truth: numpy.ndarray | None, guess: numpy.ndarray | None, classes: Sequence[str] | None) -> str:
    said, right = (None if given is None else _name(given[i], classes) for given in (guess, truth))
    if said is None or right is None or said == right:
        return right or said or ""
    return f"✗ {said}, not {right}" if len(said + right) < 4 else f"✗ {said}\nnot {right}"


def _name(number: int, classes: Sequence[str] | None) -> str:
    if classes is None:
        return str(number)
    if number >= len(classes):
        raise RangeError(f"class {number} occurs, but only {len(classes)} names of classes were given")
    return classes[number]


def _summary(total: int, shown: int, truth: numpy.ndarray | None, guess: numpy.ndarray | None) -> str:
    words = f"{shown} of {total} images" if shown < total else f"{total} images"
    if truth is not None and guess is not None:
        words += f", {(truth[:shown] != guess[:shown]).sum()} of them wrong"
    return words
