"""The state of an optimiser in shards: each rank keeps 1/N of it, updates 1/N of the numbers, and hands these to the others.

Adam keeps two numbers beside each parameter. Where N ranks take the same step, all of them would keep and compute the same
ones. Instead the parameters are laid in a row, bucket by bucket, and each bucket is cut into N pieces. A rank updates its own
piece of each, and while it goes on with the next bucket, the pieces of this one are gathered:

    bucket 1   w w w w b b | W W W W W W      two ranks; rank 0 updates w and b, rank 1 updates W
               \\____ gathered ________/      then each has all of them

An update is elementwise, so cutting changes no bit. Those that are not, as Muon's, are given whole parameters. What is saved
is the state of one process: the pieces put together, under the number of each parameter.

Read before: `exchange.py`, `operations.py`. Read next: `optimizer.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, count, pairwise
from typing import Any, NamedTuple

import numpy

from ..backend import Array
from ..denormals import flushed
from ..errors import OptionError
from ..functional import broadcast_to, zeros
from ..modes import enable_grad, modes, no_grad
from ..optim.optimizer import Optimizer as OneProcess
from ..tensor import Tensor, apply
from .exchange import Exchange, equal_parts
from .group import Group
from .operations import Outward


class OwnPiece(NamedTuple):
    """Numbers first ... end - 1 of a parameter, of all its numbers in a row.

    key  stands for the piece among the optimiser's parameters: it has its size, and no memory
    """

    parameter: Tensor
    first: int
    end: int
    key: Tensor


class Shelf(NamedTuple):
    """Parameters that are gathered together.

    parameters  in the order in which they lie in a row
    places      where each begins in the row, and the end
    own         the pieces of this rank
    what        is done with it, in words
    """

    parameters: list[Tensor]
    places: list[int]
    own: list[OwnPiece]
    what: str


class Shards:
    """Runs an optimiser of one process in shards.

    optimizer  it, with all its parameters; its `state` is that of the own pieces from now on
    group      of the ranks
    bucket_mb  megabytes of parameters that are gathered together

    Raises `OptionError`: the optimiser looks at all its gradients at once, as LBFGS does.
    """

    def __init__(self, optimizer: OneProcess, group: Group, bucket_mb: float):
        if type(optimizer).step is not OneProcess.step:
            raise OptionError(
                f"{type(optimizer).__name__} has a step of its own, which needs all gradients at once: it cannot be cut into "
                f"shards; leave out shard=True"
            )
        self.optimizer, self.group, self.bucket_bytes = optimizer, group, bucket_mb * 1e6
        self._shelves: list[list[Shelf]] = []
        self._tickets: dict[int, Exchange] = {}
        self._values: dict[Tensor, tuple[Array, Tensor]] = {}
        self._numbers = count(1)
        self._start = Outward(
            "start gathering",
            self._started,
            lambda *_, **__: (),
            inputs=("pieces*",),
            formula="what all ranks have updated, begun",
            dtype=lambda *_, **__: numpy.dtype("int64"),
        )
        self._wait = Outward(
            "wait for gathering",
            lambda ticket, **_: self.group.finish(self._tickets.pop(int(ticket)))[0],
            lambda _, length, **__: (length,),
            outward=False,
            inputs=("ticket",),
            formula="what all ranks have updated, done",
            dtype=lambda _, dtype, **__: dtype,
        )
        self._cut()

    @property
    def state_bytes(self) -> int:
        """Bytes of state that this rank keeps."""
        return sum(
            value._data.nbytes
            for kept in self.optimizer.state.values()
            for value in kept.values()
            if isinstance(value, Tensor)
        )

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """What `step` of the optimiser does."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad(), flushed():
            begun = [
                (shelf, self._update(shelf, group))
                for group, shelves in zip(self.optimizer.param_groups, self._all_shelves(), strict=True)
                for shelf in shelves
                if any(map(_moves, shelf.parameters))
            ]
            for shelf, ticket in begun:
                self._put(shelf, ticket)
        return loss

    def _update(self, shelf: Shelf, group: Mapping[str, Any]) -> Tensor:
        """Update the own pieces, and let them set out to the others; the number of a ticket."""
        values = [self._value(piece) for piece in shelf.own]
        held = {
            piece.key: (value, _part(piece.parameter.grad, piece))
            for piece, value in zip(shelf.own, values, strict=True)
            if piece.parameter.grad is not None and piece.parameter.requires_grad
        }
        self.optimizer.held = held
        try:
            if held:
                self.optimizer._step_group([*held], group)
        finally:
            self.optimizer.held = {}
        if not values:  # nothing of it is this rank's, and it takes part
            values = [shelf.parameters[0].detach().reshape(-1)[:0]]
        return apply(self._start, tuple(values), {"what": shelf.what})

    def _value(self, piece: OwnPiece) -> Tensor:
        """The numbers of a piece: the same array in each eager step, as long as the parameter has the same."""
        array, known = piece.parameter._data, self._values.get(piece.key)
        if known is not None and known[0] is array:
            return known[1]
        value = _part(piece.parameter.detach(), piece)
        if modes.recorder is None:
            self._values[piece.key] = array, value
        return value

    def _put(self, shelf: Shelf, ticket: Tensor) -> None:
        """Wait for the pieces of all, and overwrite the parameters by them."""
        row = apply(self._wait, (ticket,), {"length": shelf.places[-1], "dtype": shelf.parameters[0].dtype})
        for p, (first, end) in zip(shelf.parameters, pairwise(shelf.places), strict=True):
            if _moves(p):
                p.assign(row[first:end].reshape(p.shape).to(p.device))

    def _started(self, *values: Array, what: str) -> Array:
        flat = numpy.concatenate([value.reshape(-1) for value in values])
        number = next(self._numbers)
        self._tickets[number] = self.group.begin(what, self.group.talk.gathering(flat, what))
        return numpy.asarray(number)

    def _all_shelves(self) -> list[list[Shelf]]:
        """Those of each group of parameters, also of groups that came later."""
        groups = self.optimizer.param_groups
        for group in groups[len(self._shelves) :]:
            owner = {} if self.optimizer.elementwise else _owners(group["params"], self.group.size)
            self._shelves.append([self._shelf(bucket, owner) for bucket in self._buckets(group["params"])])
        return self._shelves

    def _buckets(self, parameters: Sequence[Tensor]) -> Iterator[list[Tensor]]:
        bucket: list[Tensor] = []
        for p in parameters:
            full = sum(map(_bytes, (*bucket, p))) > self.bucket_bytes
            if bucket and (full or p.dtype != bucket[0].dtype or p.device != bucket[0].device):
                yield bucket
                bucket = []
            bucket.append(p)
        if bucket:
            yield bucket

    def _shelf(self, parameters: list[Tensor], owner: Mapping[Tensor, int]) -> Shelf:
        """Parameters in a row, and the pieces of this rank: equal ones, or whole parameters where each has an owner."""
        ranks, rank = self.group.size, self.group.rank
        cuts = equal_parts(sum(p.size for p in parameters), ranks)
        if owner:
            parameters = sorted(parameters, key=owner.__getitem__)
            cuts = [0, *accumulate(sum(p.size for p in parameters if owner[p] == each) for each in range(ranks))]
        places, own = [0, *accumulate(p.size for p in parameters)], []
        for p, begin in zip(parameters, places, strict=False):
            first, end = (min(max(cut - begin, 0), p.size) for cut in cuts[rank : rank + 2])
            if first < end:
                shape = p.shape if end - first == p.size else (end - first,)
                own.append(OwnPiece(p, first, end, _name_only(p, shape)))
        names = dict.fromkeys(repr(parameters[end].name or "a parameter") for end in (0, -1))
        what = f"gather what was updated of {' to '.join(names)}, {parameters[0].dtype}[{places[-1]}]"
        return Shelf(parameters, places, own, what)

    def state_dict(self) -> dict[str, Any]:
        """That of the optimiser, for one process or any number: what all ranks keep, put together. All call it, and all get it."""
        own, self.optimizer.state = self.optimizer.state, self._whole()
        try:
            return self.optimizer.state_dict()
        finally:
            self.optimizer.state = own

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, or that of an optimiser of one process, of which this rank keeps its pieces."""
        self.optimizer.load_state_dict(state_dict)
        self._shelves.clear()  # there may be fewer ranks than there were
        self._cut()

    def _whole(self) -> dict[Tensor, dict[str, Any]]:
        """{parameter: all of its state}, the same on all ranks."""
        whole: dict[Tensor, dict[str, Any]] = {}
        for shelves in self._all_shelves():
            for shelf in shelves:
                whole |= self._gathered(shelf)
        order = [p for group in self.optimizer.param_groups for p in group["params"]]
        return {p: whole[p] for p in order if p in whole}

    def _gathered(self, shelf: Shelf) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        """All state of the parameters of a shelf."""
        state, own = self.optimizer.state, {piece.parameter: piece for piece in shelf.own}
        kept = {place: state.get(own[p].key, {}) for place, p in enumerate(shelf.parameters) if p in own}
        told: list[dict[int, dict[str, Any]]] = self.group.all_gather_object(
            {place: {name: _told(value) for name, value in values.items()} for place, values in kept.items()}
        )
        for place, p in enumerate(shelf.parameters):
            values = next((said[place] for said in told if said.get(place)), None)
            if values is None:
                continue
            whole: dict[str, Any] = {}
            for name, value in values.items():
                if isinstance(value, _TensorForm):
                    part = kept.get(place, {}).get(name, numpy.empty(0, value.dtype))
                    row = self.group.all_gather(Tensor(numpy.asarray(part).reshape(-1)))
                    shape = p.shape if self.optimizer.elementwise else value.shape
                    value = row.reshape(shape).to(p.device)
                whole[name] = value
            yield p, whole

    def _cut(self) -> None:
        """Keep, of the state of whole parameters, that of the own pieces."""
        whole, pieces = self.optimizer.state, {}
        for shelves in self._all_shelves():
            for piece in (piece for shelf in shelves for piece in shelf.own):
                if piece.parameter in whole:
                    pieces[piece.key] = {name: _cut_out(value, piece) for name, value in whole[piece.parameter].items()}
        self.optimizer.state = pieces


class _TensorForm(NamedTuple):
    """Of a tensor that a rank keeps."""

    shape: tuple[int, ...]
    dtype: str


def _told(value: Any) -> Any:
    return _TensorForm(value.shape, str(value.dtype)) if isinstance(value, Tensor) else value


def _moves(p: Tensor) -> bool:
    return p.grad is not None and p.requires_grad


def _bytes(p: Tensor) -> int:
    return p.size * p.dtype.itemsize


def _part(tensor: Any, piece: OwnPiece) -> Tensor:
    """The piece of a parameter, or of what has its shape; a look at its memory where that lies in a row."""
    if piece.key.shape == tensor.shape:
        return tensor
    return tensor.reshape(-1)[piece.first : piece.end]


def _cut_out(value: Any, piece: OwnPiece) -> Any:
    """The piece of what is kept for a parameter, with memory of its own."""
    if not isinstance(value, Tensor) or value.shape != piece.parameter.shape:
        return value
    return Tensor(_part(value, piece)._data.copy())


def _name_only(p: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor that has a size and a name, and the memory of one number."""
    with no_grad():
        key = broadcast_to(zeros((), dtype=p.dtype, device=p.device), shape)
    key.name = p.name
    return key


def _owners(parameters: Sequence[Tensor], ranks: int) -> dict[Tensor, int]:
    """A rank for each parameter, so that all have about as many numbers: the largest first, each to the one that has least."""
    numbers, owner = [0] * ranks, {}
    for p in sorted(parameters, key=lambda p: -p.size):
        owner[p] = numbers.index(min(numbers))
        numbers[owner[p]] += p.size
    return owner
