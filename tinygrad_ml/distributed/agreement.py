"""That all ranks begin with the same numbers: the check, and what makes it so.

Ranks that begin with different weights train different networks, and their mean gradient is none of any. Nothing would fail:
so it is looked at before the first step. Each rank says the names, shapes and a hash of what it has; only where these differ
the numbers are compared themselves.

Read before: `group.py`. Read next: `data_parallel.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy

from ..errors import RankError
from ..nn.module import Module
from ..tensor import Tensor
from .group import Group, init

_REMEDY = (
    "All ranks must begin with the same numbers: call distributed.init() before the model is made, and let none of them "
    "draw or load something else; or hand out those of rank 0 by distributed.broadcast_parameters(model)"
)


def check_agreement(group: Group, named: Iterable[tuple[str, Tensor]]) -> None:
    """See that tensors are the same on all ranks.

    Raises `RankError` on all of them: it names the first tensor that is not, and the first element in which.
    """
    tensors = [(name, tensor.numpy()) for name, tensor in named]
    own = [(name, str(array.dtype), array.shape, hashlib.sha1(array.tobytes()).digest()) for name, array in tensors]
    told = group.all_gather_object(own)
    for rank, other in enumerate(told):
        if other == told[0]:
            continue
        place = next((i for i, pair in enumerate(zip(told[0], other, strict=False)) if pair[0] != pair[1]), None)
        if place is None:
            raise RankError(
                f"the ranks have different models: rank 0 has {len(told[0])} tensors, and rank {rank} has {len(other)}",
                (0, rank),
            )
        (name, *form, _), (other_name, *other_form, _) = told[0][place], other[place]
        if (name, form) != (other_name, other_form):
            raise RankError(
                f"the ranks have different models: tensor {place} is {_described(name, *form)} on rank 0, and "
                f"{_described(other_name, *other_form)} on rank {rank}",
                (0, rank),
            )
        raise RankError(f"{_first_difference(group, name, tensors[place][1], rank)}. {_REMEDY}", (0, rank))


def broadcast_parameters(parameters: Module | Iterable[Tensor], root: int = 0, group: Group | None = None) -> None:
    """Overwrite tensors by those of one rank.

    parameters  a module, whose parameters and buffers are meant; or tensors, in the same order on all ranks
    root        the rank whose numbers all will have
    group       of the ranks; all of them by default
    """
    group = init() if group is None else group
    if isinstance(parameters, Module):
        parameters = [*parameters.parameters(), *parameters.buffers()]
    for tensor in parameters:
        tensor.assign(group.broadcast(tensor, root))


def _described(name: str, dtype: str, shape: tuple[int, ...]) -> str:
    return f"{name!r}, {dtype}[{', '.join(map(str, shape))}]"


def _first_difference(group: Group, name: str, array: numpy.ndarray, rank: int) -> str:
    """Which element is the first that rank 0 and another one do not share, and what it is on both."""
    rows = group.all_gather(array.reshape(1, -1)).numpy()
    bits = [numpy.ascontiguousarray(row).view(numpy.uint8).reshape(row.size, -1) for row in (rows[0], rows[rank])]
    first = int((bits[0] != bits[1]).any(1).argmax())
    index = tuple(int(i) for i in numpy.unravel_index(first, array.shape))
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    return f"{place} is {rows[0][first]} on rank 0, and {rows[rank][first]} on rank {rank}"
