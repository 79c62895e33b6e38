"""Images turned, moved, sheared and zoomed about their middle."""

from __future__ import annotations

import numpy

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
    return _read(x, there, fill_mode, cval, order).astype(x.dtype)


def _read(x: numpy.ndarray, places: numpy.ndarray, fill_mode: str, cval: float, order: int) -> numpy.ndarray:
    if order == 0:
        return _at(x, numpy.floor(places + 0.5).astype(int), fill_mode, cval)
    low = numpy.floor(places).astype(int)
    part = places - low
    made = numpy.zeros((*places.shape[:2], x.shape[2]))
    for down in (0, 1):
        for right in (0, 1):
            share = numpy.abs(1 - down - part[..., 0]) * numpy.abs(1 - right - part[..., 1])
            made += share[..., None] * _at(x, low + numpy.array([down, right]), fill_mode, cval)
    return made


def _at(x: numpy.ndarray, places: numpy.ndarray, fill_mode: str, cval: float) -> numpy.ndarray:
    """The pixels at whole places, which may be outside of the image."""
    sizes = x.shape[:2]
    inside = numpy.all((places >= 0) & (places < sizes), -1)
    if fill_mode == "wrap":
        places = places % sizes
    elif fill_mode == "reflect":
        places = places % (2 * numpy.array(sizes))
        places = numpy.where(places < sizes, places, 2 * numpy.array(sizes) - 1 - places)
    else:
        places = numpy.clip(places, 0, numpy.array(sizes) - 1)
    found = x[places[..., 0], places[..., 1]]
    return numpy.where(inside[..., None], found, cval) if fill_mode == "constant" else found
