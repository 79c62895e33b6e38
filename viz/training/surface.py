"""The error surface: the loss over a plane through the space of all parameters, and the path that training took on it.

A network has a thousand parameters or a million, and paper has two directions. Which two to look along, and how far
a step in each shall be, decides what one sees:

- two numbers in all (the line y = w·x + b): the axes are the parameters, and the picture is the whole truth;
- the directions in which the path itself went most (its principal components): random directions would show
  nothing of it, as two random directions in a large space are nearly orthogonal to any third;
- random directions, each filter scaled to the length of that filter in the network, so that a flat picture means a
  flat surface and not merely large weights.

Source: H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the Loss Landscape of Neural Nets" (2018).

Read next: `layers.py`, on why a path may be so slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator

from tinygrad_ml.errors import DTypeError, OptionError, ShapeError
from tinygrad_ml.modes import no_grad
from tinygrad_ml.tensor import Tensor

from .style import HEAT_COLOUR_MAP, as_array, picture, styled


@styled
def surface(
    loss_fn: Callable[[], Tensor | float],
    params: Tensor | Iterable[Tensor],
    path: Sequence | None = None,
    directions: str | Sequence | None = None,
    span: float | Sequence[float] | None = None,
    resolution: int = 31,
    seed: int = 0,
) -> Figure:
    """A contour plot of the loss over two directions through the parameters as they are now, with the optimiser's path.

    loss_fn     a function without arguments that computes the loss from the current parameters, as in
                `lambda: loss(model(x), y)`. Called resolution² times, without recording a graph
    params      the tensors to vary, as in `model.parameters()`
    path        what the parameters were after each step: for each a list with an array for every one of `params`, as
                `[p.numpy() for p in params]` gives, or one array if `params` is one tensor
    directions  None chooses: the two parameters if there are only two numbers, else "path" if a path is given, else
                "random". "path" takes the principal components of the path, "random" two filter-normalised random
                directions; or give two directions, each like an entry of `path`
    span        how far to go each way from the current parameters, one number or one for each direction; by default 1,
                or so that the path fits
    resolution  points along each side
    seed        of the random directions

    The contours are spaced by factors where the loss is positive and spans more than a factor of 30. Where the loss is
    not a finite number, the picture is hatched. Afterwards the parameters hold the very numbers that they held before,
    also after an error; a graph that was recorded before refuses to run backward, so draw after `backward()`. Switch
    dropout off first (`model.eval()`): a loss that draws random numbers gives a rough surface.

    Raises `OptionError` for directions that are none, `ShapeError` for a path or a direction of another size and for a
    loss that is not a single number, `DTypeError` for what is no function or no parameter.
    """
    if not callable(loss_fn):
        raise DTypeError(
            f"loss_fn is called at every point, so it is a function such as lambda: loss(model(x), y), "
            f"and not {type(loss_fn).__name__}"
        )
    given = [params] if isinstance(params, Tensor) else list(params) if isinstance(params, Iterable) else [params]
    for p in given:
        if not isinstance(p, Tensor):
            hint = "; pass its parameters()" if hasattr(p, "parameters") else ""
            raise DTypeError(f"params are tensors, as in model.parameters(), and not {type(p).__name__}{hint}")
    if path is not None and not isinstance(path, (Sequence, numpy.ndarray)):
        raise DTypeError(
            f"a path is a list, of [p.numpy() for p in params] after each step, and not {type(path).__name__}"
        )
    params = [p for p in given if isinstance(p, Tensor)]
    if not params:
        raise OptionError("no parameters were given; pass tensors, as in model.parameters()")
    here = _flat(params)
    steps = (
        None
        if path is None or not len(path)
        else numpy.stack([_like(params, entry, "an entry of the path") for entry in path])
    )
    plane = _plane(params, here, steps, directions, seed)
    spans = _spans(plane, span)
    axis_x, axis_y = (numpy.linspace(low, high, resolution) for low, high in spans)
    losses = _losses(loss_fn, params, here, plane, axis_x, axis_y)

    made = picture(6.4, 5)
    axes = made.subplots()
    _contours(made, axes, axis_x + plane.origin[0], axis_y + plane.origin[1], losses)
    if plane.walked is not None:
        _draw_path(axes, plane.walked + plane.origin)
        _mark(axes, plane.walked[0] + plane.origin, "start", "o", 8)
        _mark(axes, plane.walked[-1] + plane.origin, "end", "*", 14)
    else:
        _mark(axes, plane.origin, "now", "*", 14)
    axes.set_xlabel(plane.names[0])
    axes.set_ylabel(plane.names[1])
    axes.set_title("error surface")
    if plane.shown is not None:
        axes.set_title(
            f"the plane holds {plane.shown:.0%} of the path's movement", loc="right", fontsize=9, fontweight="normal"
        )
    return made


class Plane(NamedTuple):
    """Two directions from the current parameters.

    x, y    the directions, as flat vectors
    names   what to write at the axes
    origin  the coordinates of the current parameters, as the axes show them
    walked  the path in the plane, relative to the current parameters, of shape (steps, 2)
    shown   the share of the path's movement (its squared length) that lies in the plane; None if all of it does
    """

    x: numpy.ndarray
    y: numpy.ndarray
    names: tuple[str, str]
    origin: numpy.ndarray
    walked: numpy.ndarray | None
    shown: float | None


def _flat(parts: Iterable) -> numpy.ndarray:
    """All numbers of some arrays in one vector of float64."""
    return numpy.concatenate([as_array(part).ravel().astype(numpy.float64) for part in parts])


def _like(params: list[Tensor], given, what: str) -> numpy.ndarray:
    """`given`, an array for each parameter, in one vector."""
    size = sum(p.size for p in params)
    parts = [given] if isinstance(given, (Tensor, numpy.ndarray)) else given
    vector = _flat(parts)
    if len(vector) != size:
        shapes = ", ".join(str(p.shape) for p in params)
        raise ShapeError(
            f"{what} has {len(vector)} numbers, but the parameters, of shapes {shapes}, have {size}; "
            f"record [p.numpy() for p in params]"
        )
    return vector


def _plane(params: list[Tensor], here: numpy.ndarray, steps: numpy.ndarray | None, directions, seed: int) -> Plane:
    if directions is None and len(here) == 2:
        walked = None if steps is None else steps - here
        return Plane(numpy.array([1.0, 0.0]), numpy.array([0.0, 1.0]), _names(params), here, walked, None)
    if directions is None:
        directions = "random" if steps is None else "path"
    if isinstance(directions, str) and directions == "path":
        if steps is None:
            raise OptionError("directions='path' needs a path; record [p.numpy() for p in params] after each step")
        x, y = numpy.linalg.svd(steps - here, full_matrices=False)[2][:2] if len(steps) > 1 else (None, None)
        names = ("first principal direction of the path", "second principal direction of the path")
    elif isinstance(directions, str) and directions == "random":
        random = numpy.random.default_rng(seed)
        x, y = (_random_direction(random, params) for _ in range(2))
        names = ("first random direction", "second random direction")
    elif not isinstance(directions, str) and len(directions) == 2:
        x, y = (_like(params, direction, "a direction") for direction in directions)
        names = ("first direction", "second direction")
    else:
        raise OptionError(f"directions={directions!r} is unknown; use 'path', 'random', or give two directions")
    if x is None or y is None or numpy.linalg.matrix_rank(numpy.stack([x, y])) < 2:
        raise OptionError("the two directions span no plane: they are zero, or parallel; give others")
    if steps is None:
        return Plane(x, y, names, numpy.zeros(2), None, None)
    basis = numpy.stack([x, y], axis=1)
    walked = numpy.linalg.lstsq(basis, (steps - here).T, rcond=None)[0].T
    moved = ((steps - here) ** 2).sum()
    return Plane(x, y, names, numpy.zeros(2), walked, ((walked @ basis.T) ** 2).sum() / moved if moved else None)


def _names(params: list[Tensor]) -> tuple[str, str]:
    if len(params) == 2:
        return params[0].name or "first parameter", params[1].name or "second parameter"
    name = params[0].name or "parameter"
    return f"{name}[0]", f"{name}[1]"


def _random_direction(random: numpy.random.Generator, params: list[Tensor]) -> numpy.ndarray:
    """A random direction in which each filter (a row of a weight, a bias as a whole) is as long as the network's."""
    parts = []
    for p in params:
        filters = as_array(p).reshape(p.shape[0] if p.ndim > 1 else 1, -1).astype(numpy.float64)
        drawn = random.standard_normal(filters.shape)
        length = numpy.linalg.norm(drawn, axis=1, keepdims=True)
        parts.append(drawn / length * numpy.linalg.norm(filters, axis=1, keepdims=True))
    return _flat(parts)


def _spans(plane: Plane, span) -> list[tuple[float, float]]:
    """(low, high) along each direction, relative to the current parameters."""
    if span is not None:
        each = [float(span)] * 2 if numpy.ndim(span) == 0 else [float(s) for s in span]
        if len(each) != 2 or min(each) <= 0:
            raise OptionError(f"span={span!r}; give one positive number, or one for each direction")
        return [(-s, s) for s in each]
    if plane.walked is None or not numpy.ptp(plane.walked, axis=0).any():
        return [(-1.0, 1.0)] * 2
    low, high = (edge(numpy.vstack([plane.walked, [0.0, 0.0]]), axis=0) for edge in (numpy.min, numpy.max))
    # Room around the path, and not too thin a strip where the path is nearly straight.
    side = numpy.maximum(high - low, 0.4 * (high - low).max()) * 1.5
    return [(c - s / 2, c + s / 2) for c, s in zip((low + high) / 2, side, strict=True)]


def _losses(
    loss_fn: Callable, params: list[Tensor], here: numpy.ndarray, plane: Plane, axis_x, axis_y
) -> numpy.ndarray:
    """The loss at each point of the grid, rows along y. The parameters are put back in the end."""
    kept = [p.numpy() for p in params]
    ends = numpy.cumsum([p.size for p in params])[:-1]
    losses = numpy.empty((len(axis_y), len(axis_x)))
    try:
        with no_grad(), numpy.errstate(all="ignore"):
            for row, column in numpy.ndindex(losses.shape):
                point = here + axis_x[column] * plane.x + axis_y[row] * plane.y
                for p, part in zip(params, numpy.split(point, ends), strict=True):
                    p.assign(part.reshape(p.shape))
                loss = as_array(loss_fn())
                if loss.size != 1:
                    raise ShapeError(f"loss_fn gave shape {loss.shape}; a loss is a single number, as a mean")
                losses[row, column] = loss.item()
    finally:
        for p, values in zip(params, kept, strict=True):
            p.assign(values)
    return losses


def _contours(made: Figure, axes: Axes, x: numpy.ndarray, y: numpy.ndarray, losses: numpy.ndarray) -> None:
    losses = numpy.ma.masked_invalid(losses)
    axes.set_facecolor("#DDDDDD")
    if losses.mask.any():
        axes.patch.set(hatch="///", edgecolor="#999999")
    if losses.count():
        low, high = float(losses.min()), float(losses.max())
        by_factors = low > 0 and high > 30 * low
        if by_factors:
            # The bottom of a valley may be near 0 at a single point, which shall not take half of the colours.
            low = float(numpy.quantile(losses.compressed(), 0.02))
            losses = numpy.ma.maximum(losses, low)
            levels = numpy.geomspace(low, high * 1.0001, 16)
        else:
            around = 0 if high > low else abs(low) or 1.0
            levels = MaxNLocator(14).tick_values(low - around, high + around)
        norm = "log" if by_factors else "linear"
        # Several shades between two lines: a saddle is flat, and would be of a single one.
        steps = numpy.arange(len(levels))
        shades = numpy.interp(numpy.linspace(0, steps[-1], 6 * steps[-1] + 1), steps, levels)
        filled = axes.contourf(x, y, losses, levels=shades, cmap=colormaps[HEAT_COLOUR_MAP], norm=norm)
        axes.contour(x, y, losses, levels=levels[1:], colors="white", linewidths=0.5, alpha=0.6, norm=norm)
        bar = made.colorbar(filled, ax=axes, label="loss", format="%.3g")
        bar.set_ticks(list(levels[::2]))
        if by_factors:
            bar.set_ticks(LogLocator(subs=(1, 2, 5)).tick_values(low, high))
            bar.ax.set_ylim(low, high)
            bar.ax.minorticks_off()
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    for spine in axes.spines.values():
        spine.set_visible(True)


def _draw_path(axes: Axes, points: numpy.ndarray) -> None:
    outline = [withStroke(linewidth=3.5, foreground="black")]  # white on black is seen on any colour
    axes.plot(*points.T, color="white", linewidth=1.6, marker=".", markersize=5, path_effects=outline, label="path")


def _mark(axes: Axes, point: numpy.ndarray, word: str, marker: str, size: float) -> None:
    axes.plot(
        *point, marker=marker, markersize=size, color="white", markeredgecolor="black", linestyle="none", label=word
    )
    axes.annotate(
        word,
        tuple(point),
        xytext=(8, 8),
        textcoords="offset points",
        color="white",
        fontweight="bold",
        path_effects=[withStroke(linewidth=2.5, foreground="black")],
    )
