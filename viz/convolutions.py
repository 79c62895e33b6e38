"""What the page needs to show how a pixel of a convolution comes about: the numbers of its first image, its filters, its result.

Read before: `known.py`, `rooms.py`. Read next: `page/convolution.js`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from tinygrad_ml import nn
from tinygrad_ml.graph import Node
from tinygrad_ml.modes import Place
from tinygrad_ml.tensor import as_tensor

from .arranging import Arrangement
from .replay import on_host
from .rooms import Room

MOST_NUMBERS = 60_000
"""So many numbers of convolutions a page carries at most, those of the first ones."""


@dataclass
class Convolution:
    """One call of a `Conv2d`.

    source  what goes in: a node; or the array, where it left no trace in the graph
    result  the node that comes out
    """

    place: Place
    layer: nn.Conv2d
    source: Node | numpy.ndarray
    result: Node
    arrays: dict[str, numpy.ndarray] = field(default_factory=dict)


class Convolutions:
    """The convolutions of a graph. `look` and `look_back` take the numbers that they need as these are computed."""

    def __init__(self, at: Arrangement):
        self.at = at
        self.found = [found for place, nodes in self._calls().items() if (found := self._convolution(place, nodes))]
        self._wanted: dict[Node, list[tuple[Convolution, str]]] = {}
        for found in self.found:
            self._wanted.setdefault(found.result, []).append((found, "output"))
            if isinstance(found.source, Node):
                self._wanted.setdefault(found.source, []).append((found, "input"))
            else:
                found.arrays["input"] = found.source[0]

    def _calls(self) -> dict[Place, list[Node]]:
        calls: dict[Place, list[Node]] = {}
        for node in self.at.order:
            if node.op is not None and not self.at.is_copy(node):
                for place in self._path(node):
                    if isinstance(place.module(), nn.Conv2d):
                        calls.setdefault(place, []).append(node)
        return calls

    def _path(self, node: Node) -> tuple[Place, ...]:
        return self.at.around(self.at.place(node) or "")

    def _convolution(self, place: Place, nodes: Sequence[Node]) -> Convolution | None:
        layer = place.module()
        sources = {parent for node in nodes for parent in node.inputs if place not in self._path(parent)}
        images = [node for node in sources if len(node.shape) == 4]
        if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros" or len(nodes[-1].shape) != 4:
            return None
        if len(images) == 1:
            return Convolution(place, layer, images[0], nodes[-1])
        given = [gift for inner in self._path(nodes[0]) for gift in inner.given or () if len(gift.shape) == 4]
        things = [thing for gift in given if (thing := gift.thing()) is not None]
        array = on_host(as_tensor(things[0])) if len(things) == 1 and not images else None
        return None if array is None else Convolution(place, layer, array, nodes[-1])

    def look(self, node: Node, array: numpy.ndarray) -> None:
        """A node's numbers are known."""
        for found, what in self._wanted.get(node, ()):
            found.arrays[what] = array[0]

    def look_back(self, node: Node, array: numpy.ndarray) -> None:
        """The gradient of a node is known."""
        for found, what in self._wanted.get(node, ()):
            if what == "output":
                found.arrays["gradient"] = array[0]

    def data(self, rooms: Sequence[Room]) -> list[dict[str, Any]]:
        """The convolutions as data for the page, as many as it may carry. One whose result is not the plain sum, as where a
        hook changed it, is left out."""
        carried, left = [], MOST_NUMBERS
        for found in self.found:
            arrays = self._numbers(found)
            size = sum(array.size for array in arrays.values())
            if {"input", "output", "weight"} <= arrays.keys() and size <= left and _is_the_sum(found, arrays):
                left -= size
                parts = {name: {"shape": array.shape, "values": _rounded(array)} for name, array in arrays.items()}
                carried.append({"boxes": self._boxes(found, rooms), **_geometry(found.layer), **parts})
        return carried

    @staticmethod
    def _numbers(found: Convolution) -> dict[str, numpy.ndarray]:
        arrays = dict(found.arrays)
        for name in ("weight", "bias"):
            array = on_host(getattr(found.layer, name))
            if array is not None:
                arrays[name] = array
        return arrays

    def _boxes(self, found: Convolution, rooms: Sequence[Room]) -> list[str]:
        """The boxes that show its result, or the gradient of it: of the operation, and of the closed calls around it."""
        path = self._path(found.result)
        around = [room for room in rooms if found.place in room.path and room.path == path[: len(room.path)]]
        place = self.at.place(found.result) or ""
        boxes = [place, self.at.gradient_of(place), *(box for room in around for box in (room.id, room.back))]
        return [box for box in boxes if box]


def _geometry(layer: nn.Conv2d) -> dict[str, Any]:
    padding = layer.padding
    if isinstance(padding, str):  # "same" pads so that the result is as large as the image; what is odd, at the end
        reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.weight.shape[2:], strict=True)]
        padding = tuple(r // 2 for r in reach) if padding == "same" else (0, 0)
    return {"stride": layer.stride, "padding": padding, "dilation": layer.dilation, "groups": layer.groups}


def _is_the_sum(found: Convolution, arrays: dict[str, numpy.ndarray]) -> bool:
    """Whether the result is what the page will say of it, at its corners and in its middle."""
    output = arrays["output"]
    if output.ndim != 3 or not numpy.isfinite(output).all():
        return False
    channels, high, wide = output.shape
    value = _values(_geometry(found.layer), arrays)
    for o, y, x in {(0, 0, 0), (channels - 1, high - 1, wide - 1), (channels // 2, high // 2, wide // 2)}:
        if not math.isclose(value(o, y, x), float(output[o, y, x]), rel_tol=1e-3, abs_tol=1e-4):
            return False
    return True


def _values(geometry: dict[str, Any], arrays: dict[str, numpy.ndarray]) -> Callable[[int, int, int], float]:
    """A pixel of the result: the sum of what is seen through the window, times the filter, and the bias."""
    weight, image = arrays["weight"].astype(numpy.float64), arrays["input"]
    (py, px), (sy, sx), (dy, dx) = geometry["padding"], geometry["stride"], geometry["dilation"]
    _, own, high, wide = weight.shape
    reach = dy * (high - 1) + 1, dx * (wide - 1) + 1
    padded = numpy.pad(image, ((0, 0), (py, py + reach[0]), (px, px + reach[1])))

    def value(o: int, y: int, x: int) -> float:
        first = o // (len(weight) // geometry["groups"]) * own
        window = padded[first : first + own, y * sy : y * sy + reach[0] : dy, x * sx : x * sx + reach[1] : dx]
        bias = float(arrays["bias"][o]) if "bias" in arrays else 0.0
        return float((window * weight[o]).sum()) + bias

    return value


def _rounded(array: numpy.ndarray) -> list[float]:
    return [float(f"{number:.5g}") for number in array.ravel().tolist()]
