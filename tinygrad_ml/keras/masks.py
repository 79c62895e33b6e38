"""Masks: which steps of a sequence count. They come out of layers beside their outputs, and go into the next ones.

A mask is a tensor of bools, (batch, steps), True for what counts. As in Keras it is the attribute `_keras_mask` of a tensor;
what is computed of such a tensor, outside of layers, is an ordinary one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..structure import is_nested, leaves, mapped, packed_like
from ..tensor import Tensor
from .warn import warn


class Masked(Tensor):
    """A tensor with a mask."""

    __slots__ = ("_keras_mask",)

    def __init__(self, values: Tensor, mask: Tensor):
        super().__init__(values._data, values._node, values._needs)
        self._keras_mask = mask


def mask_of(tensor: Any) -> Tensor | None:
    """The mask of a tensor; None if it has none."""
    return getattr(tensor, "_keras_mask", None)


def masks_of(structure: Any) -> Any:
    """The masks of the tensors in a structure; None if there is none at all."""
    if not is_nested(structure):
        return mask_of(structure)
    masks = mapped(mask_of, structure)
    return masks if any(mask is not None for mask in leaves(masks)) else None


def with_masks(output: Any, masks: Any) -> Any:
    """An output, or a structure of such, with masks, if there are any; those that are there already stay."""
    if masks is None:
        return output
    each = iter(leaves(masks)) if is_nested(output) else iter([masks])

    def one(tensor: Any) -> Any:
        mask = next(each, None)
        return tensor if mask is None or mask_of(tensor) is not None else Masked(tensor, mask)

    return packed_like(output, map(one, leaves(output)))


def without_mask(tensor: Tensor) -> Tensor:
    """The same tensor without its mask."""
    return tensor if mask_of(tensor) is None else Tensor(tensor._data, tensor._node, tensor._needs)


def detach_masked(tensor: Tensor) -> Tensor:
    """The same numbers and mask, without gradients."""
    mask = mask_of(tensor)
    return tensor.detach() if mask is None else Masked(tensor.detach(), mask)


def masks_for(arguments: Mapping[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    """{argument: masks} of what a `call` takes as masks and was not given: `mask` is that of the only argument with tensors;
    where there are several, `a_mask` is that of the argument a."""
    tensors = [
        name
        for name, value in arguments.items()
        if "mask" not in name and any(isinstance(leaf, Tensor) for leaf in leaves(value))
    ]
    wanted = {"mask": tensors[0]} if len(tensors) == 1 else {f"{name}_mask": name for name in tensors}
    free = {mask: name for mask, name in wanted.items() if mask in taken and arguments.get(mask) is None}
    found = {mask: masks_of(arguments[name]) for mask, name in free.items()}
    return {mask: value for mask, value in found.items() if value is not None}


def warn_of_lost_mask(layer: Any) -> None:
    """Warn that a layer lets a mask fall."""
    warn(
        f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed an input with a mask attached to it. However, this "
        "layer does not support masking and will therefore destroy the mask information. Downstream layers will not see the "
        "mask."
    )
