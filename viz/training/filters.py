"""What a convolution looks for, and what it finds: its filters, and the maps that it makes of an image.

Read before: `images.py`. Read next: `attention.py`.
"""

from __future__ import annotations

import math

import numpy
from matplotlib.figure import Figure

from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.modes import no_grad
from tinygrad_ml.nn import Module
from tinygrad_ml.tensor import Tensor, TensorLike, as_tensor

from .style import HEAT_COLOUR_MAP, as_array, picture, styled

SIGNED_COLOUR_MAP = "PuOr"  # white is 0; both ends are dark, and differ in hue for the colour-blind too
TILE_INCHES = 0.85
MOST_ROWS = 21
"""Of more layers the rows stand in several columns."""


@styled
def filters(weight: Module | TensorLike, limit: int = 64, columns: int = 8) -> Figure:
    """The kernels of a two-dimensional convolution, one picture each, all on one scale with white for 0.

    weight   the layer, or its weights (out_channels, in_channels, height, width). A filter of three channels is one
             picture in red, green and blue, spread over its own range; of one with more, each channel is a picture
    limit    pictures at most, from the first one on
    columns  pictures in a row

    Raises `ShapeError` for weights that are no filters of images, `DTypeError` for a module without weights.
    """
    _check_counts(limit, columns)
    if isinstance(weight, Module):
        own = vars(weight).get("weight")
        if not isinstance(own, Tensor):
            raise DTypeError(f"{type(weight).__name__} has no weight: give a convolution, or the weights themselves")
        weight = own
    array = as_array(weight)
    if array.ndim != 4 or not array.size:
        raise ShapeError(
            f"filters of images have shape (out_channels, in_channels, height, width), and these {array.shape}"
        )
    out, channels = array.shape[:2]
    if channels == 3:
        low, high = array.min((1, 2, 3), keepdims=True), array.max((1, 2, 3), keepdims=True)
        tiles = ((array - low) / numpy.where(high > low, high - low, 1)).transpose(0, 2, 3, 1)
        captions = [str(i) for i in range(out)]
    else:
        tiles = array.reshape(-1, *array.shape[2:])
        captions = [
            f"{i // channels}" if channels == 1 else f"{i // channels}, {i % channels}" for i in range(len(tiles))
        ]
    made = picture(*_size(min(len(tiles), limit), columns))
    shown = _grid(made, tiles[:limit], captions, columns, SIGNED_COLOUR_MAP, float(numpy.abs(array).max()))
    if channels != 3:
        made.colorbar(shown, ax=made.axes, label="weight", shrink=0.8)
    rest = f"{limit} of {len(tiles)}" if len(tiles) > limit else f"{len(tiles)}"
    made.suptitle(f"{rest} filters" if channels in (1, 3) else f"{rest} (filter, channel)", fontsize=10)
    return made


@styled
def feature_maps(model: Module, image: TensorLike, limit: int = 8) -> Figure:
    """What each layer makes of an image: a row for every layer whose output still has a height and a width.

    model  the network, which is called once, without recording a graph
    image  what it takes: (1, channels, height, width), or one image of that without the batch; of several images the
           first one is shown
    limit  maps of a layer at most, from the first channel on

    Each row has its own scale, from the darkest to the brightest number in it, which stand beside it. Raises
    `ShapeError` if no layer makes maps.
    """
    _check_counts(limit, limit)
    if not isinstance(model, Module):
        raise DTypeError(f"feature maps are those of a module, and not of {type(model).__name__}")
    rows: list[tuple[str, numpy.ndarray]] = []

    def listen(name: str):
        def hook(module, inputs, output) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.size:
                rows.append((name, as_array(output)[0]))

        return hook

    hooks = [
        module.register_forward_hook(listen(f"{path} {type(module).__name__}".strip()))
        for path, module in model.named_modules()
        if not any(module.children())
    ]
    given = as_array(image)
    given = given[None] if given.ndim == 3 else given
    place = next((parameter.device for parameter in model.parameters()), None)
    try:
        with no_grad():
            model(as_tensor(given, device=place))
    finally:
        for hook in hooks:
            hook.remove()
    if not rows:
        raise ShapeError(
            f"no layer of {type(model).__name__} puts out maps (batch, channels, height, width) for an input of shape "
            f"{given.shape}"
        )
    rows.insert(0, ("the image", given[0]))
    widest = min(limit, max(len(maps) for _, maps in rows))
    strips = math.ceil(len(rows) / MOST_ROWS)
    high = math.ceil(len(rows) / strips)
    made = picture((2.2 + TILE_INCHES * widest) * strips, 0.4 + (TILE_INCHES + 0.15) * high)
    parts = made.subfigures(1, strips, squeeze=False)[0]
    grid = [axes for part in parts for axes in part.subplots(high, widest, squeeze=False)]
    for axes in grid[len(rows) :]:
        for tile in axes:
            _bare(tile)
    for axes, (name, maps) in zip(grid, rows, strict=False):
        low, most = float(maps.min()), float(maps.max())
        for i, tile in enumerate(axes):
            _bare(tile)
            if i < len(maps[:limit]):
                tile.imshow(maps[i], cmap=HEAT_COLOUR_MAP, vmin=low, vmax=most, interpolation="nearest")
        more = f" of {len(maps)}" if len(maps) > limit else ""
        label = f"{name}\n{min(len(maps), limit)}{more} of {maps.shape[1]} × {maps.shape[2]}\n{low:.2g} to {most:.2g}"
        axes[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axes[0].set_axis_on()
    return made


def _check_counts(limit: int, columns: int) -> None:
    if limit < 1 or columns < 1:
        raise OptionError(f"limit={limit}, columns={columns}; both must be 1 or more")


def _size(tiles: int, columns: int) -> tuple[float, float]:
    columns = min(columns, tiles)
    return max(3.2, TILE_INCHES * columns + 1), max(1.6, (TILE_INCHES + 0.2) * math.ceil(tiles / columns) + 0.5)


def _grid(made: Figure, tiles: numpy.ndarray, captions: list[str], columns: int, colours: str, reach: float):
    """The tiles in rows; returns what a colour bar is made of."""
    columns = min(columns, len(tiles))
    grid = made.subplots(math.ceil(len(tiles) / columns), columns, squeeze=False).ravel()
    for axes in grid:
        _bare(axes)
    for axes, tile, caption in zip(grid, tiles, captions, strict=False):
        axes.imshow(tile, cmap=colours, vmin=-reach or -1, vmax=reach or 1, interpolation="nearest")
        axes.set_title(caption, loc="center", fontsize=7, pad=2, fontweight="normal")
    return grid[0].images[0]


def _bare(axes) -> None:
    """Without ticks and frame."""
    axes.set(xticks=[], yticks=[], frame_on=False)
