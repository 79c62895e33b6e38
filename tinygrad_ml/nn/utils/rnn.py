"""Sequences of unlike lengths: padded to one length, or packed, so that what is no step of any of them is not computed.

    lengths         3, 2, 1              sorted, the longest first
    padded          a₀ a₁ a₂ | b₀ b₁ · | c₀ · ·
    packed          a₀ b₀ c₀   a₁ b₁   a₂         with batch_sizes 3, 2, 1: so many are still there at each step

Read next: `../recurrent.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy

from ...errors import OptionError, RangeError, ShapeError
from ...functional import asarray, concat, stack, take
from ...tensor import Tensor, TensorLike, as_tensor
from ..functional import pad


class PackedSequence(NamedTuple):
    """Sequences step by step, as `pack_padded_sequence` makes them, and recurrent layers take and return them.

    data              (steps of all together, ...)
    batch_sizes       how many sequences are still there at each step; int64, on the host
    sorted_indices    where in the batch each of the sorted sequences stood; None if they were sorted
    unsorted_indices  where each sequence of the batch stands among the sorted
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None


def pad_sequence(
    sequences: Iterable[TensorLike],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (lengthᵢ, ...) as one tensor (longest, batch, ...), or (batch, longest, ...) with `batch_first`.

    padding_side  where the padding goes: "right", behind a sequence, or "left"
    """
    parts = [as_tensor(sequence) for sequence in sequences]
    if not parts or padding_side not in ("left", "right"):
        raise OptionError(
            f"{len(parts)} sequences, padding_side={padding_side!r}: give one at least, and 'left' or 'right'"
        )
    if len({part.shape[1:] for part in parts}) > 1 or not all(part.ndim for part in parts):
        raise ShapeError(
            f"sequences may differ along their first axis only, but have shapes {', '.join(str(p.shape) for p in parts)}"
        )
    longest = max(part.shape[0] for part in parts)
    padded = []
    for part in parts:
        missing = longest - part.shape[0]
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(part, (*(0,) * (2 * part.ndim - 2), *sides), value=padding_value))
    return stack(padded, axis=0 if batch_first else 1)


def unpad_sequence(padded_sequences: TensorLike, lengths: TensorLike, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each of its own length."""
    padded = _batch_first(as_tensor(padded_sequences), batch_first)
    return [padded[i, :length] for i, length in enumerate(_check_lengths(lengths, padded.shape[:2]))]


def pack_padded_sequence(
    input: TensorLike, lengths: TensorLike, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """The steps of a padded batch, without the padding.

    input           (longest, batch, ...), or (batch, longest, ...) with `batch_first`
    lengths         (batch,) integers from 1 to the longest
    enforce_sorted  whether the sequences must come sorted, the longest first; if not, they are sorted here, and put
                    back by `pad_packed_sequence`

    Raises `RangeError` for lengths that are none, or are not sorted.
    """
    padded = _batch_first(as_tensor(input), batch_first)
    sizes = _check_lengths(lengths, padded.shape[:2])
    if enforce_sorted:
        if sizes != sorted(sizes, reverse=True):
            raise RangeError(f"lengths {sizes} are not sorted, the longest first: sort, or pass enforce_sorted=False")
        order = back = None
    else:
        order = numpy.argsort([-size for size in sizes], kind="stable")
        back = numpy.argsort(order, kind="stable")
        padded, sizes = take(padded, order, axis=0), [sizes[i] for i in order]
    batch_sizes = [sum(size > step for size in sizes) for step in range(sizes[0])]
    data = concat([padded[:count, step] for step, count in enumerate(batch_sizes)], axis=0)
    indices = (None if found is None else asarray(found, device=data.device) for found in (order, back))
    return PackedSequence(data, asarray(numpy.array(batch_sizes), device="cpu"), *indices)


def pack_sequence(sequences: Sequence[TensorLike], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (lengthᵢ, ...), packed; see `pack_padded_sequence`."""
    lengths = [as_tensor(sequence).shape[0] for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences, batch_first=True), lengths, True, enforce_sorted)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """(padded, lengths) of packed sequences: what `pack_padded_sequence` was given, in its order.

    total_length  the length to pad to; that of the longest by default
    """
    sizes = sequence.batch_sizes.tolist()
    longest = len(sizes) if total_length is None else total_length
    if longest < len(sizes):
        raise OptionError(f"total_length={total_length} is less than the longest sequence, of {len(sizes)} steps")
    behind = (0, 0) * (sequence.data.ndim - 1)
    steps = [
        pad(step, (*behind, 0, sizes[0] - n), value=padding_value)
        for step, n in zip(steps_of(sequence), sizes, strict=True)
    ]
    padded = pad(stack(steps, axis=1), (*behind, 0, longest - len(sizes), 0, 0), value=padding_value)
    lengths = numpy.array([sum(size > i for size in sizes) for i in range(sizes[0])])
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices
        padded, lengths = take(padded, order, axis=0), lengths[order.numpy()]
    return (padded if batch_first else padded.swapaxes(0, 1)), asarray(lengths, device="cpu")


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that `pack_sequence` was given."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)


def steps_of(sequence: PackedSequence) -> list[Tensor]:
    """(batch at that step, ...) for each step of packed sequences."""
    ends = numpy.cumsum(sequence.batch_sizes.numpy()).tolist()
    return [sequence.data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _batch_first(padded: Tensor, batch_first: bool) -> Tensor:
    if padded.ndim < 2:
        raise ShapeError(f"a padded batch has an axis for steps and one for sequences, but got {padded._described()}")
    return padded if batch_first else padded.swapaxes(0, 1)


def _check_lengths(lengths: TensorLike, shape: tuple[int, ...]) -> list[int]:
    """The lengths as integers, if they are some of a padded batch of that shape (batch, longest)."""
    sizes = [int(size) for size in numpy.ravel(as_tensor(lengths, device="cpu").numpy())]
    if len(sizes) != shape[0] or not all(1 <= size <= shape[1] for size in sizes):
        raise RangeError(f"lengths {sizes} are not those of {shape[0]} sequences of 1 to {shape[1]} steps")
    return sizes
