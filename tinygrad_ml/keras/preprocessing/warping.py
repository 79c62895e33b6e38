"""Images turned, moved, sheared and zoomed about their middle."""

from __future__ import annotations

import numpy

from ...tensor import as_tensor
from ..layers.affine import looked_up

WARP_FILLS = ("nearest", "constant", "reflect", "wrap")


def warp(
    x: numpy.ndarray,
    theta: float,
    tx: float,
    ty: float,
    shear: float,
    zx: float,
    zy: float,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> numpy.ndarray:
    """An image (height, width, channels) of which each place shows what was at A·place, A being turn · move · shear · zoom.

    theta, shear  degrees
    tx, ty        pixels along the width, and the height
    zx, zy        factors along these: above 1, more of the image is seen
    fill_mode     what is at places outside of the image, with `cval` for "constant"
    order         1: between places linearly; 0: the nearest
    """
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    turn, lean = numpy.deg2rad(theta), numpy.deg2rad(shear)
    c, s = numpy.cos(turn), numpy.sin(turn)
    matrix = numpy.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    matrix = matrix @ numpy.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    matrix = matrix @ numpy.array([[1, -numpy.sin(lean), 0], [0, numpy.cos(lean), 0], [0, 0, 1]])
    matrix = matrix @ numpy.array([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    middle = numpy.array([x.shape[0] - 1, x.shape[1] - 1]) / 2
    places = numpy.stack(numpy.meshgrid(*map(numpy.arange, x.shape[:2]), indexing="ij"), -1) - middle
    there = (places[..., ::-1] @ matrix[:2, :2].T + matrix[:2, 2])[..., ::-1] + middle  # the matrix is of (right, down)
    rows, columns = (as_tensor(there[..., i]) for i in range(2))
    image = as_tensor(x.astype("float64"))
    seen = looked_up(image, (rows, columns), fill_mode, ("nearest", "bilinear")[order], cval)
    return seen.numpy().astype(x.dtype)
