"""The variables of the user's program that hold tensors of a graph: names for what has none.

Read next: `subject.py`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import FrameType
from typing import Any

import numpy

from tinygrad_ml.graph import Node
from tinygrad_ml.tensor import Tensor

from .origins import Whole

_OURS = ("tinygrad_ml", "viz")


def variables(
    whole: Whole, frame: FrameType | None, besides: Sequence[tuple[str, Tensor | numpy.ndarray]] = ()
) -> tuple[dict[Node, str], dict[int, str]]:
    """Names for the nodes of a graph: the variables that hold their tensors in a running function or in what called it.
    And the names, by `id`, of tensors and arrays that are not in it.

    besides  names for tensors that no variable holds

    A function that only hands a tensor on, as `show(picture_of)` does, has a name for it, too: that of the caller counts.
    A name stands for one tensor: the one that is nearest to `frame`.
    """
    order = whole.order
    known = set(order)
    arrays = {_numbers_of(leaf.value): leaf for leaf in reversed(order) if leaf.op is None and leaf.shape}
    taken = {node.name for node in order}
    found: dict[Node, str] = {}
    others: dict[int, str] = {}
    meaning: dict[str, Node] = {}
    for name, thing in chain(besides, _tensors_of_frames(frame)):
        node = whole.now(thing.node) if isinstance(thing, Tensor) else None
        direct = node in known
        if not direct:  # a function may have made a tensor of the array, or flattened it
            node = arrays.get(_numbers_of(thing if node is None else node.value))
        if node is None:
            others[id(thing)] = name
        elif node.name is None and name not in taken and meaning.setdefault(name, node) is node:
            found[node] = name if direct else found.get(node, name)
    return found, others


def _tensors_of_frames(frame: FrameType | None) -> Iterator[tuple[str, Tensor | numpy.ndarray]]:
    """The tensors and arrays of a running function, and of those that called it: the nearest first."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _OURS:
            yield from _tensors_of(frame)
        frame = frame.f_back


def _numbers_of(array: Any) -> object:
    """What is equal for arrays of the same numbers, in memory and not only in value, whatever their shape."""
    if isinstance(array, numpy.ndarray) and array.size:
        return array.__array_interface__["data"][0], array.size, array.dtype
    return id(array)


def _tensors_of(frame: FrameType) -> list[tuple[str, Tensor | numpy.ndarray]]:
    """The tensors and arrays among the variables of a running function and its file; of several names for one the first."""
    local = frame.f_locals
    both: dict[int, tuple[str, Tensor | numpy.ndarray]] = {}
    for held in (frame.f_globals, local):
        both.update(_variables(held))
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        local.clear()  # a copy, which the frame would keep: the tensors in it would live on with it
    return list(both.values())


def _variables(held: Mapping[str, Any]) -> dict[int, tuple[str, Tensor | numpy.ndarray]]:
    found: dict[int, tuple[str, Tensor | numpy.ndarray]] = {}
    for name, value in list(held.items()):
        if (
            isinstance(value, (Tensor, numpy.ndarray)) and name.isidentifier() and name[0] != "_"
        ):  # others are a tool's, not the user's
            found.setdefault(id(value), (name, value))
    return found
