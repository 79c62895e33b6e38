"""The processes that work together, and what they say to each other.

Each process of a group is a *rank*, numbered from 0. All run the same program; each works on its own part of the data. What
they do together they call together: all of them, in the same order.

    group = distributed.init()
    total = group.all_reduce(x)         # the sum of what the ranks have, the same bits on all
    parts = group.all_gather(x)         # what all of them have, one behind the other
    value = group.broadcast(x)          # what rank 0 has

Read before: `exchange.py`.
"""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import numpy

from .. import random
from ..backend import Device, current_device, get
from ..errors import OptionError, RankError
from ..modes import modes
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike
from .ending import supervise
from .exchange import FOLDS, Exchange, Steps, Talk
from .mpi import Cable, can_lose_ranks, world
from .nccl import nccl_of, neighbours, own_gpu
from .survivors import closed_up
from .waiting import until_done


class Group:
    """The ranks that work together, as one of them sees it.

    rank    the number of this process, from 0
    size    how many there are
    device  where this rank computes
    elastic whether it may go on without some of them: `shrink`

    Made by `distributed.init()`. What it offers is called by all ranks, in the same order, with the same shapes and dtypes
    unless it says otherwise; where they differ, each raises the same `RankError`, which says who wanted what. All sums are
    made in the order of the ranks: the same bits on each of them, as often as one likes.
    """

    def __init__(self, cable: Any, device: Device, timeout: float | None = None, elastic: bool = False):
        self.rank: int = cable.rank
        self.size: int = cable.size
        self.device, self.timeout, self.cable = device, timeout, cable
        self.elastic = elastic
        self.talk = Talk(cable)

    def __repr__(self) -> str:
        return f"<rank {self.rank} of {self.size}, on {self.device}>"

    def __deepcopy__(self, memo: dict) -> Group:
        return self  # a copy of a model is trained by the same processes

    def shrink(self, because: RankError) -> None:
        """Go on without ranks that have ended: this group is that of the others now, numbered anew in the same order.

        because  what was raised; the ranks that it names, if they sleep or have left, are ended

        All ranks that live call it, each after its error. Nothing is repeated: `Elastic` takes care of what a training has to do
        again. Needs a group of `init(elastic=True)`.

        Raises `because` where the group cannot do without them, as without MPI's help; `RankError` where another one does not come.
        """
        if not self.elastic or not because.ranks:
            raise because
        self.cable = closed_up(self.cable, because, self.timeout)
        self.talk.give_up()
        self.talk = Talk(self.cable)
        self.rank, self.size = self.cable.rank, self.cable.size

    def all_reduce(self, x: TensorLike, op: str = "sum") -> Tensor:
        """What the ranks' tensors give together, the same on all: y = x₀ + x₁ + ... + x_{N-1}, element by element.

        x   a tensor, of the same shape and dtype on every rank
        op  "sum", "mean", "max" or "min"

        Outside of graphs. Raises `RankError` where ranks differ, `OptionError` for another `op`.
        """
        if op == "mean":
            return self.mean(x)
        if op not in FOLDS:
            raise OptionError(f"all_reduce with op={op!r}: use 'mean', {', '.join(map(repr, FOLDS))}")
        x = as_tensor(x)
        what = f"all_reduce ({op}) {_told(x)}"
        return self._tensor(self.finish(self.begin(what, self.talk.reduction(_host(x), what, op))).reshape(x.shape))

    def mean(self, x: TensorLike, weight: float = 1.0) -> Tensor:
        """The mean of the ranks' tensors, each of which weighs `weight`: Σ wᵣ·xᵣ / Σ wᵣ, the same on all.

        x       a tensor, of the same shape and floating dtype on every rank, such as a loss
        weight  0 or more, for instance the number of samples behind it: the means of unequal parts give the mean of all then

        A rank whose weight is 0 has no say: its x may be nan. Outside of graphs.
        """
        x = as_tensor(x)
        what = f"take the mean of {_told(x)}"
        steps = self.talk.averaging(_host(x), what, float(weight))
        return self._tensor(self.finish(self.begin(what, steps)).reshape(x.shape))

    def all_gather(self, x: TensorLike) -> Tensor:
        """What all ranks have, one behind the other along the first axis, in the order of the ranks.

        x  a tensor, of which only the first axis may be of another length on each rank; a number becomes one of a row

        The predictions for the parts of a batch, for example, become those for the batch.
        """
        x = as_tensor(x)
        rows = x if x.ndim else x.reshape(1)
        what = f"all_gather {rows.dtype}[{', '.join(['any', *map(str, rows.shape[1:])])}]"
        whole, _ = self.finish(self.begin(what, self.talk.gathering(_host(rows), what)))
        return self._tensor(whole.reshape(-1, *rows.shape[1:]) if rows.size else whole.reshape(_behind(whole, rows)))

    def broadcast(self, x: TensorLike, root: int = 0) -> Tensor:
        """What rank `root` has, on all of them."""
        x = as_tensor(x)
        what = f"broadcast {_told(x)} from rank {self._rank(root)}"
        return self._tensor(self.finish(self.begin(what, self.talk.handing_out(_host(x), what, root))).reshape(x.shape))

    def barrier(self) -> None:
        """Wait here until all ranks have come."""
        what = "meet at a barrier"
        self.finish(self.begin(what, self.talk.meeting(what)))

    def all_gather_object(self, thing: Any) -> list[Any]:
        """What each rank has to say, a list with a place for each: anything that `pickle` can write."""
        what = "all_gather_object"
        own = numpy.frombuffer(pickle.dumps(thing), numpy.uint8)
        whole, cuts = self.finish(self.begin(what, self.talk.gathering(own, what)))
        return [pickle.loads(whole[first:end].tobytes()) for first, end in pairwise(cuts)]

    def broadcast_object(self, thing: Any, root: int = 0) -> Any:
        """What rank `root` has to say; what the others hand in does not matter."""
        what = f"broadcast_object from rank {self._rank(root)}"
        own = numpy.frombuffer(pickle.dumps(thing if self.rank == root else None), numpy.uint8)
        return pickle.loads(self.finish(self.begin(what, self.talk.handing_out(own, what, root))).tobytes())

    def begin(self, what: str, steps: Steps) -> Exchange:
        """Begin what all ranks do together, and go on: see `exchange.py` for the steps."""
        exchange = Exchange(self.talk, what, steps)
        self.talk.carry_on()
        return exchange

    def finish(self, exchange: Exchange) -> Any:
        """Wait for an exchange; its result."""
        until_done(exchange, exchange.what, self.timeout)
        return exchange.result

    def _tensor(self, array: numpy.ndarray) -> Tensor:
        return Tensor(array) if self.device.kind == "cpu" else as_tensor(array, device=self.device)

    def _rank(self, root: int) -> int:
        if not 0 <= root < self.size:
            raise OptionError(f"there is no rank {root}: there are {self.size}, numbered from 0")
        return root


class Alone:
    """The line of a rank that has no others: what it says, it hears."""

    rank, size = 0, 1

    def words(self, own: numpy.ndarray, of_all: numpy.ndarray) -> Alone:
        """Its own row, to itself."""
        of_all[...] = own
        return self

    def deal(self, whole: numpy.ndarray, pieces: numpy.ndarray, cuts: list[int]) -> Alone:
        """All of it is its piece."""
        pieces[0] = whole
        return self

    def collect(self, piece: numpy.ndarray, whole: numpy.ndarray, cuts: list[int]) -> Alone:
        """Its piece is all of it."""
        whole.reshape(-1)[...] = piece
        return self

    def hand_out(self, array: numpy.ndarray, root: int) -> Alone:
        """It has it already."""
        return self

    def Test(self) -> bool:
        """All is done at once."""
        return True


_groups: dict[str, Group] = {}


def init(
    ranks: int | None = None, device: DeviceLike | None = None, timeout: float | None = None, elastic: bool = False
) -> Group:
    """The group of all processes that were started together; of one, for a program that was started alone.

    ranks    how many there must be; None for as many as there are
    device   where this rank computes; that of new tensors by default. "gpu": the ranks on a machine take its GPUs in turn, and
             `group.device` says which; where each has one of its own, gradients travel by NCCL
    timeout  seconds to wait for other ranks before it is an error: longer than any of them should compute between two
             exchanges; 600 by default
    elastic  let the others go on when a rank has ended: see `Elastic`. Needs Open MPI, started by `tinygrad-ml launch --elastic`

    All ranks go on with the random numbers of rank 0: what they draw alike is alike, such as the first weights of a model.
    It is made once: a later call gives the same group.

    Raises `RankError`: there are more or fewer than `ranks`, or MPI is missing in a process that was started as one of several;
    `DeviceError`: this machine does not have the device.
    """
    if modes.recorder is not None:
        raise OptionError("distributed.init() in a function that tg.compile records: call it once, outside")
    everybody = world()
    if elastic and everybody is not None and everybody.Get_size() > 1 and not can_lose_ranks():
        raise OptionError(
            "init(elastic=True): this MPI ends all ranks when one has died. Use Open MPI, started by tinygrad-ml launch --elastic "
            "-n ... or by mpiexec --with-ft ulfm -n ..."
        )
    if "world" in _groups:
        return _as_it_is(_groups["world"], ranks, device, timeout, elastic)
    supervise(everybody, timeout, elastic)
    cable = Alone() if everybody is None or everybody.Get_size() == 1 else Cable(everybody)
    group = Group(cable, current_device() if device is None else Device(device), timeout, elastic)
    if str(group.device) == "gpu":
        group.device = own_gpu(neighbours(group)[0])
    get(group.device)  # which says what is missing
    group.talk.wire = None if elastic else nccl_of(group)
    told = group.all_gather_object(ranks)
    wrong = [rank for rank, expected in enumerate(told) if expected not in (None, group.size)]
    if wrong:
        raise _other_number(told[wrong[0]], group.size, tuple(wrong))
    random.set_state(group.broadcast_object(random.get_state()))
    _groups["world"] = group
    return group


def _as_it_is(
    group: Group, ranks: int | None, device: DeviceLike | None, timeout: float | None, elastic: bool
) -> Group:
    """The group, which there is already, if it is as it is wanted."""
    if ranks not in (None, group.size):
        raise _other_number(ranks, group.size)
    another = device is not None and str(Device(device)) not in (str(group.device), group.device.kind)
    if another or elastic > group.elastic:
        raise OptionError(
            "distributed.init() was called before, and without this device or elastic=True: say so in the first call"
        )
    group.timeout = group.timeout if timeout is None else timeout
    return group


def _other_number(told: int | None, there_are: int, wrong: tuple[int, ...] = ()) -> RankError:
    return RankError(
        f"the program was told of {told} ranks, and there are {there_are}: start it by mpiexec -n {told} python ..., or say "
        f"init(ranks={there_are}), or nothing",
        wrong,
    )


def _host(x: Tensor) -> numpy.ndarray:
    """The numbers of a tensor in a row, which nobody overwrites meanwhile."""
    if modes.recorder is not None:
        raise OptionError(
            "this exchange between ranks has no place in a function that tg.compile records: call it outside; or return the "
            "tensor, and exchange that"
        )
    return numpy.ascontiguousarray(x.numpy()).reshape(-1)


def _told(x: Tensor) -> str:
    return f"{x.dtype}[{', '.join(map(str, x.shape))}]"


def _behind(whole: numpy.ndarray, rows: Tensor) -> tuple[int, ...]:
    """The shape of what was gathered, for a rank that has nothing itself."""
    width = int(numpy.prod(rows.shape[1:]))
    return (whole.size // width if width else 0, *rows.shape[1:])
