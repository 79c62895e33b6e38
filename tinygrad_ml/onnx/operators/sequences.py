"""Sequences, which are lists here, and optional values, which are None where there is nothing.

Read next: `texts.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ... import functional as tg
from ...errors import OptionError
from ...tensor import Tensor
from ..table import Numbers, operator


@operator("SequenceEmpty", (11,))
def sequence_empty(*, dtype: int = 1) -> list:
    return []


@operator("SequenceConstruct", (11,))
def sequence_construct(*items: Any) -> list:
    return list(items)


@operator("SequenceAt", (11,))
def sequence_at(sequence: Any, position: Numbers) -> Any:
    return sequence[int(position.item())]


@operator("SequenceInsert", (11,))
def sequence_insert(sequence: Any, item: Any, position: Numbers | None = None) -> list:
    """The sequence with an item before a position, or behind all."""
    at = len(sequence) if position is None else int(position.item())
    return [*sequence[:at], item, *sequence[at:]]


@operator("SequenceErase", (11,))
def sequence_erase(sequence: Any, position: Numbers | None = None) -> list:
    at = range(len(sequence))[-1 if position is None else int(position.item())]
    return [*sequence[:at], *sequence[at + 1 :]]


@operator("SequenceLength", (11,))
def sequence_length(sequence: Any) -> numpy.ndarray:
    return numpy.array(len(sequence), numpy.int64)


@operator("SplitToSequence", (11, 24))
def split_to_sequence(x: Tensor, split: Numbers | None = None, *, axis: int = 0, keepdims: int = 1) -> list:
    """x cut along an axis, into pieces of one size or of several; by default of size 1, which can lose the axis."""
    if split is not None:
        return tg.split(x, split.tolist(), axis)
    return tg.split(x, 1, axis) if keepdims else list(tg.unstack(x, axis))


@operator("ConcatFromSequence", (11,))
def concat_from_sequence(sequence: Any, *, axis: int, new_axis: int = 0) -> Tensor:
    return tg.stack(sequence, axis) if new_axis else tg.concat(sequence, axis)


@operator("Optional", (15, 28))
def optional(x: Any = None, *, type: Any = None) -> Any:
    return x


@operator("OptionalHasElement", (15, 18, 28))
def optional_has_element(x: Any = None) -> numpy.ndarray:
    return numpy.array(x is not None)


@operator("OptionalGetElement", (15, 18, 28))
def optional_get_element(x: Any = None) -> Any:
    if x is None:
        raise OptionError(
            "OptionalGetElement of an optional value that is empty; ask OptionalHasElement first, and choose by If"
        )
    return x
