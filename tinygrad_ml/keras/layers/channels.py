"""Sequences, images and volumes with the channels last, as Keras has them, brought to `nn.functional`, where they come first;
and padding. Their rank is the number of their axes in space, 1, 2 or 3.

The turned image is a view: no number is copied for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...errors import OptionError, ShapeError
from ...functional.convolution import per_axis
from ...nn.functional.convolution import SPACES
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from ..config import image_data_format

Ranked = TypeVar("Ranked")
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}


def checked_format(data_format: str | None) -> str:
    """ "channels_last" or "channels_first", by default `keras.config.image_data_format()`; old courses call them "tf" and
    "th"."""
    if data_format is None:
        return image_data_format()
    return one_of("data_format", DATA_FORMATS.get(data_format, data_format), ("channels_last", "channels_first"))


def channels_first(function: Callable[[Tensor], Tensor], inputs: Any, data_format: str, rank: int = 2) -> Tensor:
    """`function`, which takes channels on axis 1, of images in either format; the format stays."""
    inputs = as_tensor(inputs)
    if inputs.ndim != rank + 2:
        raise ShapeError(
            f"the layer needs (batch, {SPACES[rank]}, channels), but got {inputs._described()}. What has no channels gets "
            f"one by x.reshape(-1, {SPACES[rank]}, 1)"
        )
    if data_format == "channels_first":
        return function(inputs)
    output = function(inputs.permute_dims((0, rank + 1, *range(1, rank + 1))))
    return output.permute_dims((0, *range(2, rank + 2), 1)) if output.ndim == rank + 2 else output


def in_space(pairs: Sequence[Any], data_format: str, rest: Any) -> list[Any]:
    """What there is for each axis in space, with `rest` for the batch and the channels."""
    return [rest, rest, *pairs] if data_format == "channels_first" else [rest, *pairs, rest]


def sides(what: str, given: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis in space: a number for all; one for each; or a pair for each. For sequences a pair is
    (before, after)."""
    if rank == 1 and isinstance(given, (list, tuple)) and not isinstance(given[0], (list, tuple)):
        given = (given,)
    if not isinstance(given, (list, tuple)) or not isinstance(given[0], (list, tuple)):
        return tuple((size, size) for size in per_axis(given, rank, f"{what} or padding"))
    if [len(pair) for pair in given] != [2] * rank:
        raise OptionError(f"{what}={given} must be a pair (before, after) for each of {rank} axes")
    return tuple((whole(what, before, 0), whole(what, after, 0)) for before, after in given)


def channels_of(shape: tuple, data_format: str) -> int:
    """How many channels images of this shape have."""
    return shape[1 if data_format == "channels_first" else -1]


def checked_padding(padding: str, causal: bool = False) -> str:
    """ "valid" or "same", in any case; or, where it may be so, "causal"."""
    known = ("valid", "same", "causal") if causal else ("valid", "same")
    return one_of("padding", padding.lower() if isinstance(padding, str) else padding, known)


def padding_of(
    padding: str, space: Sequence[int], window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """(before, after) for each axis: with "same", as much as gives ⌈n / stride⌉ positions, the odd one after; with "causal",
    all of it before.

    That depends on the size n of the image, which is why PyTorch has no "same" with strides.
    """
    if padding == "valid":
        return [(0, 0)] * len(window)
    if padding == "causal":
        return [(d * (k - 1), 0) for k, d in zip(window, dilation, strict=True)]
    totals = [
        max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        for n, k, s, d in zip(space, window, stride, dilation, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def of_ranks(kind: type[Ranked], name: str, ranks: tuple[int, ...] = (1, 2, 3)) -> list[type[Ranked]]:
    """The layers of a kind for inputs with so many axes in space: `name1D` and so on."""
    return [type(f"{name}{rank}D", (kind,), {"rank": rank, "__module__": kind.__module__}) for rank in ranks]  # type: ignore[misc]
