"""One thing that all ranks do together, on its way from the first word to the last byte.

An exchange goes through at most three calls, none of which waits:

    words     who wants what: each rank says what it is about to do, of which shape and dtype, and sees what all say.
              Where they differ, every rank raises the same error, and nothing else was sent that could not be read
    deal      to each rank the piece that is its to add up, from all ranks
    collect   the sums (or whatever each rank has) from all ranks to all

Sums are made in the order of the ranks, so they have the bits that one process gets which adds up the same numbers in a loop:
rank 0's, plus rank 1's, and so on. MPI's own sum does not promise that, and does otherwise from four ranks on. It takes no
longer: each rank adds up 1/N of the numbers, and all at the same time.

Data only moves on while somebody asks (`Test`). Whoever asks one exchange carries all earlier ones on, too.

Read before: `mpi.py`. Read next: `group.py`.
"""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy

from ..blocks import BLOCK_ELEMENTS
from ..errors import RankError
from .waiting import failure

_SECONDS_TO_GIVE_UP = 1.0
_LETTERS = 232
_WORDS = numpy.dtype([("weight", "f8"), ("count", "i8"), ("what", f"S{_LETTERS}")])
"""What a rank says before it sends: what it is doing, how many elements it has, and what its share weighs."""
_WORDS_CALL, _DEAL_CALL, _COLLECT_CALL, _NOTHING_LEFT = range(4)
SMALL_BYTES = 1 << 14
"""Arrays up to this size go to all ranks whole, and each adds up all: that is one call less."""

TIMES_ASKED = 64
"""Whoever waits asks so many times in a row: data travels in pieces, one at a time when it is asked for, and what else there is
to do between two questions takes longer than a piece."""

Steps: TypeAlias = Generator[tuple[int, Callable[[], Any]], None, Any]
"""Of an exchange: (which of the three calls comes next, what makes it) until nothing is left; it returns the result."""
FOLDS: dict[str, Callable] = {"sum": numpy.add, "max": numpy.maximum, "min": numpy.minimum}


class Exchange:
    """What has been begun, and can be asked (`Test`) whether it is done, as a request of MPI's can.

    what    it is, in words that follow "to"
    result  what it gave, when it is done
    """

    def __init__(self, talk: Talk, what: str, steps: Steps):
        self.what = what
        self.result: Any = None
        self._talk, self._steps = talk, steps
        self._request: Any = None
        self._call, self._next = -1, next(steps, None)  # the call that was made last, and the next one
        talk.waiting.append(self)

    def Test(self) -> bool:
        """Whether it is done; it and all that were begun before are carried on meanwhile."""
        self._talk.carry_on(TIMES_ASKED)
        return self.done

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self._call == _NOTHING_LEFT

    @property
    def call(self) -> int:
        """Which call it has got to."""
        return self._call

    def given_up(self) -> bool:
        """Whether MPI has let go of the memory of an exchange whose line was cut."""
        try:
            return self._request is None or self._request.Test()
        except RuntimeError:
            return True

    def advance(self, as_far_as: int, times: int) -> None:
        """Go on as far as that call, if the ones before are done; ask for that so many times."""
        while not self.done:
            if self._request is not None:
                if not any(self._request.Test() for _ in range(times)):
                    return
                self._request = None
                try:
                    self._next = next(self._steps)
                except StopIteration as end:
                    self.result, self._call = end.value, _NOTHING_LEFT
                    return
            assert self._next is not None
            call, make = self._next
            if call > as_far_as:
                return
            self._call, self._request = call, make()


class Talk:
    """The exchanges of a group, in the order in which they were begun, which is the same on all ranks.

    None makes a call that an earlier one has still to make, so that each call meets that of the same exchange elsewhere.
    """

    def __init__(self, cable: Any, wire: Any = None):
        self.cable, self.wire, self.waiting = cable, wire, []  # the wire is between GPUs, if there is one
        self.broken: str | None = None  # what made the ranks lose each other

    def carry_on(self, times: int = 1) -> None:
        """Go on with all exchanges, as far as the others have got; each is asked so many times."""
        if self.broken is not None:
            raise RankError(self.broken)
        as_far_as = _NOTHING_LEFT
        try:
            for exchange in self.waiting:
                exchange.advance(as_far_as, times)
                as_far_as = min(as_far_as, exchange.call)
        except RankError as error:
            self.broken = str(error)
            raise
        except RuntimeError as error:  # MPI's own, which says that a rank has died
            raise failure(error, self.waiting[0].what) from error
        self.waiting = [exchange for exchange in self.waiting if not exchange.done]

    def give_up(self) -> None:
        """Leave what is on its way, when its lines are cut: no data may arrive later in memory that is no longer ours."""
        end = time.monotonic() + _SECONDS_TO_GIVE_UP
        for exchange in self.waiting:
            while not exchange.given_up() and time.monotonic() < end:
                time.sleep(0.001)

    def said(self, what: str, count: int = 0, weight: float = 1.0) -> Generator[Any, None, numpy.ndarray]:
        """Say what this rank is about to do; what all ranks said. `RankError` if that is not one thing."""
        own = numpy.zeros(1, _WORDS)
        own["weight"], own["count"], own["what"] = weight, count, _short(what)
        of_all = numpy.zeros(self.cable.size, _WORDS)
        yield _WORDS_CALL, lambda: self.cable.words(own, of_all)
        if (of_all["what"] != of_all["what"][0]).any():
            raise RankError(_difference(of_all["what"].tolist()))
        return of_all

    def meeting(self, what: str, count: int = 0) -> Steps:
        """Nothing but that all have come here, and told each other a number."""
        words = yield from self.said(what, count)
        return words["count"].tolist()

    def reduction(self, flat: numpy.ndarray, what: str, fold: str = "sum", pieces: bool = False) -> Steps:
        """The sum (or largest, or smallest) over the ranks of arrays in a row, one element beside the other. With `pieces`, of
        the own piece only."""
        yield from self.said(what, flat.size)
        return (yield from self._folded(flat, fold, None, pieces))

    def averaging(self, flat: numpy.ndarray, what: str, weight: float, pieces: bool = False) -> Steps:
        """The mean over the ranks, Σ weight·array / Σ weight. With `pieces`, of the own piece only."""
        words = yield from self.said(what, flat.size, weight)
        weights = whole_weights(words["weight"].tolist())
        whole, wire = sum(weights), self.wire
        if isinstance(flat, numpy.ndarray) or wire is None:
            return (yield from self._folded(flat, "sum", weights, pieces, whole))
        begun: list[Any] = []  # the sum, which is complete when the request behind it is done
        yield _DEAL_CALL, lambda: begun.extend(wire.total(flat, lambda rows: weighed(rows, weights))) or begun[1]
        return begun[0] if whole == 1 else begun[0] / flat.dtype.type(whole)

    def weighing(self, flat: numpy.ndarray, what: str, weight: float) -> Steps:
        """Σ weight·array over the ranks, divided by the own weight: 0 if that is 0."""
        words = yield from self.said(what, flat.size, weight)
        weights = whole_weights(words["weight"].tolist())
        total = yield from self._folded(flat, "sum", weights, False)
        own = weights[self.cable.rank]
        return divided(total, own) if own else numpy.zeros_like(total)

    def _folded(
        self, flat: numpy.ndarray, fold: str, weights: Sequence[float] | None, pieces: bool, whole: float = 1
    ) -> Steps:
        """What arrays give together, divided by `whole`."""
        cable, cuts = self.cable, equal_parts(flat.size, self.cable.size)
        own = slice(cuts[cable.rank], cuts[cable.rank + 1])
        if flat.nbytes <= SMALL_BYTES:
            of_all = numpy.empty((cable.size, flat.size), flat.dtype)
            whole_cuts = [flat.size * q for q in range(cable.size + 1)]
            yield _COLLECT_CALL, lambda: cable.collect(flat, of_all, whole_cuts)
            total = folded(of_all, fold, weights, whole)
            return total[own] if pieces else total
        if cable.size == 2:  # whole as well: for so few, that is quicker than two calls one behind the other
            other = numpy.empty_like(flat)
            yield _DEAL_CALL, lambda: cable.swap(flat, other)
            total = folded((other, flat) if cable.rank else (flat, other), fold, weights, whole, out=other)
            return total[own] if pieces else total
        received = numpy.empty((cable.size, own.stop - own.start), flat.dtype)
        yield _DEAL_CALL, lambda: cable.deal(flat, received, cuts)
        piece = folded(received, fold, weights, whole)
        if pieces:
            return piece
        total = numpy.empty_like(flat)
        yield _COLLECT_CALL, lambda: cable.collect(piece, total, cuts)
        return total

    def gathering(self, flat: numpy.ndarray, what: str) -> Steps:
        """What each rank has, side by side; and where each begins. They may be of different lengths."""
        words = yield from self.said(what, flat.size)
        cuts = [0, *accumulate(words["count"].tolist())]
        whole = numpy.empty(cuts[-1], flat.dtype)
        yield _COLLECT_CALL, lambda: self.cable.collect(flat, whole, cuts)
        return whole, cuts

    def handing_out(self, flat: numpy.ndarray, what: str, root: int) -> Steps:
        """What rank `root` has, to all."""
        words = yield from self.said(what, flat.size)
        whole = flat.copy() if self.cable.rank == root else numpy.empty(int(words["count"][root]), flat.dtype)
        yield _DEAL_CALL, lambda: self.cable.hand_out(whole, root)
        return whole


def equal_parts(count: int, ranks: int) -> list[int]:
    """Where the parts begin into which `count` things are divided among the ranks, and the end: as equal as can be, in
    order, larger ones first."""
    return [0, *accumulate(count // ranks + (rank < count % ranks) for rank in range(ranks))]


def whole_weights(weights: Sequence[float]) -> list[float]:
    """Weights in the same proportions: 1 where all are equal, and whole numbers without a common factor if they are whole.

    So equal shares are added up as they are.

    Raises `RankError`: one is negative or no number, or all are 0.
    """
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise RankError(
            f"the shares of the ranks weigh {', '.join(map('{:g}'.format, weights))}: nothing is their mean"
        )
    if len(set(weights)) == 1:
        return [1.0] * len(weights)
    if all(float(weight).is_integer() for weight in weights):
        common = math.gcd(*map(int, weights))
        return [weight / common for weight in weights]
    return list(weights)


def folded(
    rows: Iterable[numpy.ndarray],
    fold: str,
    weights: Sequence[float] | None,
    whole: float = 1,
    out: numpy.ndarray | None = None,
) -> numpy.ndarray:
    """What the rows give together, each times its weight, in their order, divided by `whole`. One that weighs nothing is not
    looked at. Block by block, so that what is between is in the cache; `out` may be one of the rows."""
    rows = list(rows)
    counted = [(row, weight) for row, weight in zip(rows, weights or [1.0] * len(rows), strict=True) if weight]
    total = numpy.empty_like(rows[0]) if out is None else out
    for first in range(0, total.size, BLOCK_ELEMENTS):
        block = slice(first, first + BLOCK_ELEMENTS)
        shares = (row[block] if weight == 1 else row[block] * row.dtype.type(weight) for row, weight in counted)
        together = functools.reduce(FOLDS[fold], shares)
        if whole == 1:
            total[block] = together
        else:
            numpy.divide(together, total.dtype.type(whole), out=total[block])
    return total


def weighed(rows: Any, weights: Sequence[float]) -> Any:
    """Σ weight·row, in their order, for arrays of a GPU: as `folded` for those of the host."""
    total = None
    for row, weight in zip(rows, weights, strict=True):
        if weight:
            share = row if weight == 1 else row * row.dtype.type(weight)
            total = share if total is None else total + share
    return total


def divided(total: numpy.ndarray, whole: float) -> numpy.ndarray:
    """A sum, divided by what its parts weigh together."""
    return total if whole == 1 else numpy.divide(total, total.dtype.type(whole), out=total)


def _short(what: str) -> bytes:
    """Words that have room, and differ where the whole ones do."""
    text = what.encode()
    return (
        text if len(text) <= _LETTERS else text[: _LETTERS - 20] + b" " + hashlib.sha1(text).hexdigest()[:19].encode()
    )


def _difference(said: list[bytes]) -> str:
    """What to say where ranks do different things."""
    by_words: dict[str, list[int]] = {}
    for rank, what in enumerate(said):
        by_words.setdefault(what.decode(errors="replace"), []).append(rank)
    parts = [f"{ranks_in_words(ranks)} to {what}" for what, ranks in by_words.items()]
    return (
        f"the ranks do different things, and none of it was done: {'; '.join(parts)}. All ranks have to call the same, in the "
        f"same order, with the same shapes and dtypes: look for an `if` that only some of them enter"
    )


def ranks_in_words(ranks: Sequence[int]) -> str:
    """rank 1 wants; ranks 0, 2 and 3 want"""
    if len(ranks) == 1:
        return f"rank {ranks[0]} wants"
    return f"ranks {', '.join(map(str, ranks[:-1]))} and {ranks[-1]} want"
