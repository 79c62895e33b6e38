"""Symbols that remember the calls of layers which they came out of: what a functional model is made of.

The sizes of a symbol are numbers, as those of all tensors. Where a size is not known (Keras's None) it has `UNKNOWN`; what
depends on it is found out by computing with `OTHER` as well: a size that comes out differently is unknown, too.

Read next: `shapes.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...backend import absent
from ...errors import OptionError
from ...functional import symbol
from ...graph import Node
from ...ops import movement
from ...structure import leaves, mapped
from ...tensor import Tensor, apply
from ..masks import mask_of, with_masks
from .phase import phase

if TYPE_CHECKING:
    from .base import Layer

PartialShape = tuple[int | None, ...]

UNKNOWN, OTHER = 1504, 1696  # multiples of 32, for networks that halve and double; no layer is as wide by chance
_numbers = itertools.count()


class KerasTensor(Tensor):
    """A symbol that came out of the call of a layer. Its first axis, the batch, stands for any size and is 1."""

    __slots__ = ("_keras_mask",)

    @property
    def call(self) -> LayerCall:
        """The call that it came out of."""
        return vars(self.node)["call"]


class LayerCall:
    """One call of a layer on symbols: what was given, and what came out. The nodes of what came out know it."""

    def __init__(self, layer: Layer, inputs: tuple, options: dict[str, Any]):
        self.layer, self.inputs, self.options = layer, inputs, options
        self.number = next(_numbers)

    def returned(self, output: Any, shapes: Iterable[PartialShape] | None = None) -> Any:
        """`output` with its tensors as symbols that remember this call, and their shapes, None where a size is unknown."""
        known = iter([(None, *t.shape[1:]) for t in leaves(output)] if shapes is None else shapes)
        self.output = mapped(lambda tensor: self._remember(tensor, next(known)), output)
        self.layer._calls.append(self)
        return self.output

    def _remember(self, tensor: Tensor, shape: PartialShape) -> KerasTensor:
        mask = mask_of(tensor)
        if call_of(tensor.node) is not None:  # handed on as it was; yet it is another symbol now
            tensor = apply(movement.reshape, (tensor,), {"shape": tensor.shape})
        made = KerasTensor(tensor._data, tensor.node, tensor._needs)
        if mask is not None:
            made._keras_mask = mask
        vars(made.node).update(call=self, shape_known=tuple(shape))
        return made


def call_of(node: Node) -> LayerCall | None:
    """The call of a layer that made this node its output."""
    return vars(node).get("call")


def symbols_behind(tensor: Any) -> list[Node]:
    """The outputs of recorded calls that a symbol is, or was computed from by arithmetic."""
    if not isinstance(tensor, Tensor) or not tensor.symbolic:
        return []
    found, waiting = [], [tensor.node]
    for node in waiting:
        if call_of(node) is not None:
            found.append(node)
        else:
            waiting += [parent for parent in node.inputs if parent not in waiting]
    return found


def sized(shape: Iterable[int | None], size: int, batch: int = 1) -> tuple[int, ...]:
    """A shape with `batch` for the batch, and `size` for what is unknown."""
    return tuple((size if axis else batch) if one is None else one for axis, one in enumerate(shape))


def differing(shape: Iterable[int], other: Iterable[int]) -> PartialShape:
    """A shape with None for the batch, and for the sizes that are others in `other`."""
    return tuple(a if a == b and axis else None for axis, (a, b) in enumerate(zip(shape, other, strict=True)))


def fits(shape: PartialShape, known: PartialShape) -> bool:
    """Whether samples of this shape are of the one that is known, where both are."""
    pairs = zip(shape[1:], known[1:], strict=False)
    return len(shape) == len(known) and all(a == b or a is None or b is None for a, b in pairs)


def partial_shape(tensor: Tensor) -> PartialShape:
    """The shape as Keras tells it: None for the batch, and for what is unknown."""
    if not tensor.symbolic:
        return (None, *tensor.shape[1:])
    if call_of(tensor.node) is not None:
        return vars(tensor.node)["shape_known"]
    if not phase.inside and has_unknown(tensor):
        return differing(tensor.shape, twin(tensor).shape)
    return (None, *[None if size == UNKNOWN else size for size in tensor.shape[1:]])


def has_unknown(tensor: Any) -> bool:
    """Whether a symbol came out of others whose size is not known."""
    return any(None in vars(node)["shape_known"][1:] for node in symbols_behind(tensor))


def twin(tensor: Any, batch: int = 1) -> Any:
    """A symbol of the same with `OTHER` in place of what is unknown, which nobody remembers, and of its mask; what is no
    symbol, as it is."""
    known = {
        node: symbol(sized(vars(node)["shape_known"], OTHER, batch), node.dtype, name=node.name)
        for node in symbols_behind(tensor)
    }
    if not known:
        return tensor
    return with_masks(computed(tensor.node, known), twin(mask_of(tensor), batch))


def computed(node: Node, known: Mapping[Node, Tensor]) -> Tensor:
    """The tensor of a node: that of a layer's output, or the arithmetic between such, done again."""
    if node in known:
        return known[node]
    if node.op is None and not absent(node.value):
        held = node.tensor()  # a number, or a weight, that stands in the arithmetic
        return Tensor(node.value) if held is None else held
    if node.op is None or "shape" in node.params:
        raise OptionError(
            "a model repeats elementwise arithmetic, products and reductions between its layers, and functions of "
            "keras.ops, such as keras.ops.reshape; put anything else that is done to symbols into a Lambda layer"
        )
    return apply(node.op, tuple(computed(parent, known) for parent in node.inputs), node.params)
