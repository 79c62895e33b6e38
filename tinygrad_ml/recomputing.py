"""`tg.checkpoint`: a part of a network that keeps nothing for the backward pass, and is computed again there.

The graph stays, and its arrays go. When the walk back comes to a node of the part, f is run again, and the arrays of the graph
that grows then are those that are missing. So all gradients are what they are without it, to the bit and to any order.
Random numbers are drawn from where the streams were, and memory that was overwritten is not overwritten again.

Read before: `graph/walk.py`, `random/streams.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypeVar
from weakref import ref

import numpy

from .backend import Absent, Array, Device, current_device, of
from .errors import GradientError
from .graph import Node
from .modes import enable_grad, modes
from .random.streams import copied, generator
from .structure import leaves, mapped
from .tensor import Tensor
from .writes import overwritten_since, safe, tick

R = TypeVar("R")
PLACE: Any = object()
"""Stands in the arguments of f for a tensor."""
PROBES = 64
"""Of so many numbers of each result it is noted what they are, to be compared when they are computed again."""


def checkpoint(f: Callable[..., R], *x: Any, **options: Any) -> R:
    """f(*x, **options), of which nothing is kept for the backward pass but x: there, f is computed again.

    It trades time for memory: of a network in n parts, each of them a checkpoint, there are kept n inputs, and in the backward
    pass what one part needs; which takes one forward pass more. Gradients flow to x, to parameters and to all else that f
    takes from outside, to any order, and are what they are without it, to the bit. Dropout draws the same numbers again, and
    batch norm counts a batch once.

    x, options  what f takes: tensors, nested tuples, lists and dictionaries of tensors, and anything else

    In the function of `tg.compile`, `tg.scan` or `tg.vmap`, and for symbols, it is f alone: a compiled step plans its memory
    itself.

    Raises `GradientError` in the backward pass, if f then does something else: because it depends on something that has
    changed since (`eval()`, say), or on memory that it overwrites. On a GPU numbers are not looked at.

    >>> y = tg.checkpoint(block, x)      # block(x)

    Source: T. Chen and others, "Training deep nets with sublinear memory cost" (2016).
    """
    given = leaves((x, options))
    recorded = modes.recorder is not None or modes.tracer is not None
    if recorded or not modes.grad or any(isinstance(leaf, Tensor) and isinstance(leaf._data, Absent) for leaf in given):
        return f(*x, **options)
    segment = _Segment(f, x, options)
    result, nodes = segment.run(x, options, segment.noted_stream, segment.noted_writing)
    segment.let_go(result, nodes)
    return result


class LateArrays:
    """What a node has in the place of its saved arrays: whoever looks at them lets them be computed again.

    place  of the node, among those of the segment that save something
    """

    __slots__ = ("segment", "place")

    def __init__(self, segment: _Segment, place: int):
        self.segment, self.place = segment, place

    def __iter__(self) -> Iterator[Array]:
        return iter(self.segment.take(self.place))


class _Segment:
    """What is computed again, and all that has to be as it was.

    start     when f was run
    arrays    of the tensors that f was given; `needs`, whether they need a gradient
    streams   device -> a random stream, from where it was before f drew from it
    written   references to tensors whose memory f overwrites
    forms     what can be told of each node that saves something
    probes    some of the numbers of each result
    restored  place of a node -> its arrays, computed again, until the walk has come to it
    """

    def __init__(self, f: Callable, x: tuple, options: dict[str, Any]):
        self.f, self.device, self.start = f, current_device(), tick()
        tensors = [leaf for leaf in leaves((x, options)) if isinstance(leaf, Tensor)]
        arrays = tuple([tensor._data for tensor in tensors])
        self.arrays = safe(arrays)
        self.needs = [tensor._needs for tensor in tensors]
        self.given = mapped(lambda leaf: PLACE if isinstance(leaf, Tensor) else leaf, (x, options))
        self.streams: dict[Device, Any] = {}
        self.written: list[ref[Tensor]] = []
        self.restored: dict[int, tuple] = {}

    def noted_stream(self, device: Device, outer: Callable | None) -> Any:
        """The random stream of a device; where it is now is noted, when it is asked for first."""
        stream = generator(device) if outer is None else outer(device)
        if device not in self.streams:
            self.streams[device] = copied(stream, device)
        return stream

    def noted_writing(self, tensor: Tensor, outer: Callable | None) -> bool:
        """Note that memory is overwritten."""
        self.written.append(ref(tensor))
        return outer is not None and outer(tensor)

    def run(self, x: tuple, options: dict[str, Any], stream: Callable, overwriting: Callable) -> tuple[Any, list[Node]]:
        """(f(*x, **options), the nodes that it has made and that save something)."""
        outer, start = (modes.stream, modes.overwriting), tick()
        modes.stream = lambda device: stream(device, outer[0])
        modes.overwriting = lambda tensor: overwriting(tensor, outer[1])
        try:
            with self.device, enable_grad():
                result = self.f(*x, **options)
        finally:
            modes.stream, modes.overwriting = outer
        return result, _that_save(result, start)

    def let_go(self, result: Any, nodes: list[Node]) -> None:
        """Forget the arrays of the graph that f has made."""
        self.forms = list(map(_form, nodes))
        self.probes = list(map(_probe, leaves(result)))
        for place, node in enumerate(nodes):
            node.saved = LateArrays(self, place)  # pyright: ignore[reportAttributeAccessIssue] which is iterable, and that suffices
            for leaf in node.inputs:
                if leaf.op is None and leaf.number > self.start and not leaf.needs_grad and leaf.shape:
                    leaf._device = leaf.device
                    leaf.value = Absent(leaf.shape, leaf.dtype)
        self.written = [reference for reference in self.written if reference() is not None]

    def take(self, place: int) -> tuple:
        """The arrays of a node. They are handed out once, so that nothing of them is kept."""
        if place not in self.restored:
            self._run_again()
        return tuple(self.restored.pop(place))

    def _run_again(self) -> None:
        if any(overwritten_since(array, self.start) for array in self.arrays):
            raise self._differs("a tensor that it was given has been overwritten since")
        again, tensors = tick(), [Tensor(array) for array in self.arrays]
        for tensor, needs in zip(tensors, self.needs, strict=True):
            tensor.requires_grad = needs
        rest = iter(tensors)
        x, options = mapped(lambda leaf: next(rest) if leaf is PLACE else leaf, self.given)
        streams = {device: copied(stream, device) for device, stream in self.streams.items()}
        written = [reference() for reference in self.written]

        def stream(device: Device, outer: Callable | None) -> Any:
            if device not in streams:
                raise self._differs(f"it drew random numbers on {device}, as it had not")
            return streams[device]

        def was_written(tensor: Tensor, outer: Callable | None) -> bool:
            return any(tensor is known for known in written) or (outer is not None and outer(tensor))

        result, nodes = self.run(x, options, stream, was_written)
        if list(map(_form, nodes)) != self.forms:
            raise self._differs("it did not apply the same operations")
        if not all(map(_near, map(_probe, leaves(result)), self.probes)):
            raise self._differs("it gave other numbers")
        self.restored = {
            place: tuple([_settled(array, again, node) for array in node.saved or ()])
            for place, node in enumerate(nodes)
        }

    def _differs(self, how: str) -> GradientError:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return GradientError(
            f"tg.checkpoint has computed {name} again for a gradient, and {how}. It must not depend on what changes until then: "
            f"train() and eval(), memory that is overwritten, by itself too, random numbers that are not of tg.random"
        )


def _settled(array: Array, again: int, node: Node) -> Array:
    """An array that f has filled itself, before the node took it: what was there before is nobody's concern."""
    filled = overwritten_since(array, again) and not overwritten_since(array, node.number)
    return array.copy() if filled else array


def _that_save(result: Any, start: int) -> list[Node]:
    """The nodes of a result that save something, and are younger than a moment, in the order in which they were made.

    Nodes are not looked for by `topological`, which takes apart what eager mode has computed as a whole.
    """
    tensors = [leaf for leaf in leaves(result) if isinstance(leaf, Tensor) and leaf._node is not None]
    nodes = list(dict.fromkeys(tensor.node for tensor in tensors if tensor.node.number > start))
    seen = set(nodes)
    for node in nodes:  # which grows as we go
        for parent in node.inputs:
            if parent.number > start and parent not in seen:
                seen.add(parent)
                nodes.append(parent)
    return sorted((node for node in nodes if node.plan is not None and node.plan.kept), key=attrgetter("number"))


def _form(node: Node) -> tuple:
    """What is the same when a node is made again."""
    assert node.op is not None and node.plan is not None
    return node.op.name, node.shape, tuple(node.plan.kept)


def _probe(leaf: Any) -> numpy.ndarray | None:
    """Some of the numbers of a tensor; None for all else, and where a look would have to wait."""
    if not isinstance(leaf, Tensor) or of(leaf._data).kind != "cpu":
        return None
    array = numpy.asarray(leaf._data)
    return array.flat[:: max(1, array.size // PROBES)]


def _near(again: numpy.ndarray | None, before: numpy.ndarray | None) -> bool:
    """Whether they are equal, but for what another order of additions may make of them."""
    if again is None or before is None:
        return again is before
    if before.dtype.kind != "f" or again.shape != before.shape:
        return numpy.array_equal(again, before)
    near = math.sqrt(numpy.finfo(before.dtype).eps)
    largest = numpy.abs(before[numpy.isfinite(before)]).max(initial=0)
    return numpy.allclose(again, before, near, near * largest, equal_nan=True)
