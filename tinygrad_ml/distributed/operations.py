"""What ranks do together as operations: applied, written down, differentiated and drawn like all others.

So a compiled step has them as instructions, in its order and in its pictures, and batch norm over all ranks has derivatives of
every order. There are four, of which each group has its own:

    start average   hands a bucket of gradients over, and goes on: what it gives is the number of a ticket
    wait for        what becomes of it: the mean over the ranks of one of its gradients, when somebody needs it
    sum over ranks  y = x₀ + x₁ + ... + x_{N-1}, in the forward pass
    its gradient    gᵣ = (w₀·g₀ + w₁·g₁ + ...) / wᵣ, as what is differentiated is the mean of the ranks' losses

Read before: `group.py`. Read next: `share.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, count
from typing import Any

import numpy

from ..backend import Absent, Array, Device, of
from ..errors import RankError
from ..modes import no_grad
from ..ops import Primitive
from ..ops.primitive import zero
from ..ops.shapes import Shape, size
from ..tensor import Tensor, apply
from .exchange import Exchange
from .group import Group
from .nccl import row_of

UNUSED = -0.0
"""What stands for the gradient of a parameter that a rank does not use: x + -0.0 is x, to the bit, also for -0.0."""


class Outward(Primitive):
    """An operation that has to do with other processes. All of a program run, in its order, whether their results are
    needed or not: the others wait for them."""

    effect = True

    def __init__(
        self, name: str, value: Callable, shape: Callable, *, outward: bool = True, anywhere: bool = False, **facts: Any
    ):
        self.outward = outward  # `anywhere`: it takes arrays of a GPU as they are

        def with_numbers(xp: Any, *arrays: Array, **parameters: Any) -> Array:
            if any(isinstance(array, Absent) for array in arrays):
                raise TypeError("numbers of other processes, while there are none here")
            if not anywhere:
                arrays = tuple(numpy.asarray(of(array).to_host(array)) for array in arrays)
            return value(*arrays, **parameters)

        super().__init__(name, with_numbers, shape, flops=lambda *_: 0, **facts)


class Ticket:
    """A mean that was begun.

    exchange  by which it is made
    places    where each gradient begins in it, and behind them the numbers that say how many ranks use each
    expected  which of them some rank uses, as far as is known; for each of these `wait` will be called
    """

    def __init__(self, exchange: Exchange, sizes: tuple[int, ...], expected: Sequence[bool]):
        self.exchange, self.places = exchange, [0, *accumulate(sizes)]
        self.expect(expected)

    def expect(self, expected: Sequence[bool]) -> None:
        """Let these be asked for."""
        self.expected, self.readers = numpy.array(expected, bool), sum(expected)

    @property
    def used(self) -> numpy.ndarray:
        """Whether some rank uses each of them: bools, when the exchange is done."""
        told = self.exchange.result[self.places[-1] :]
        return of(told).to_host(told) > 0


class Operations:
    """The operations of a group, and what is on its way.

    group   whose ranks they are
    weight  `weight(beside)`: what this rank's share weighs when the walk back comes there, a tensor of one number
    """

    def __init__(self, group: Group, weight: Callable[[Tensor], Tensor]):
        # Rules name y so that it is kept: whoever draws a graph on one rank alone cannot compute it again.
        self.group = group
        self._tickets: dict[int, Ticket] = {}
        self._numbers = count(1)
        self._start = Outward(
            "start average",
            self._started,
            lambda *_, **__: (),
            anywhere=True,
            inputs=("weight", "gradients*"),
            formula="the mean over the ranks, begun",
            dtype=lambda *_, **__: numpy.dtype("int64"),
        )
        self._wait = Outward(
            "wait for average",
            self._waited,
            lambda _, shape, **__: shape,
            outward=False,
            inputs=("ticket",),
            formula="the mean over the ranks, done",
            dtype=lambda _, dtype, **__: dtype,
        )
        self._sum = Outward(
            "sum over ranks",
            self._summed,
            lambda x, **_: x,
            gradient=(lambda g, y, what: apply(self._back, (g, weight(g)), {"what": what}),),
            formula="Σ x over the ranks",
            local=("of all ranks",),
        )
        self._back = Outward(
            "gradients of ranks",
            self._weighed,
            lambda x, _, **__: x,
            gradient=(lambda g, y, what: apply(self._sum, (g,), {"what": what}), zero),
            inputs=("x", "weight"),
            formula="Σ w·x over the ranks, by the own w",
            local=("of all ranks", ""),
        )

    def start(
        self,
        what: str,
        weight: Tensor,
        gradients: Sequence[Tensor | None],
        parameters: Sequence[Tensor],
        expected: Sequence[bool] = (),
    ) -> Tensor:
        """Begin the mean of gradients over the ranks; the number of its ticket, a tensor.

        what        is done, in words that follow "to"
        weight      of this rank's share, one number
        gradients   of the parameters, all of one dtype; None for one that is not used here
        expected    which of them some rank uses, if that is not to be asked by `used` before `wait`
        """
        present = tuple(gradient is not None for gradient in gradients)
        given = (weight, *[gradient for gradient in gradients if gradient is not None])
        facts = {"sizes": tuple(p.size for p in parameters), "present": present, "expected": tuple(expected)}
        with no_grad():
            return apply(self._start, given, {"what": what, "dtype": parameters[0].dtype, **facts})

    def used(self, ticket: Tensor) -> list[bool]:
        """Wait for a mean that was begun; which of its gradients some rank uses. For each of these `wait` is to follow."""
        number = int(ticket.item())
        waiting = self._tickets[number]
        self.group.finish(waiting.exchange)
        waiting.expect(waiting.used.tolist())
        if not waiting.readers:
            del self._tickets[number]
        return waiting.used.tolist()

    def wait(self, ticket: Tensor, place: int, p: Tensor) -> Tensor:
        """The mean of one of the gradients that were handed over, in the shape and dtype of its parameter."""
        with no_grad():
            return apply(self._wait, (ticket,), {"place": place, "shape": p.shape, "dtype": p.dtype})

    def sum(self, x: Tensor, what: str) -> Tensor:
        """The sum over the ranks, with its gradient."""
        return apply(self._sum, (x,), {"what": what})

    def give_up(self) -> None:
        """Wait for nothing that was begun."""
        self._tickets.clear()

    def _started(
        self,
        weight: Array,
        *gradients: Array,
        what: str,
        dtype: numpy.dtype,
        sizes: tuple[int, ...],
        present: tuple[bool, ...],
        expected: tuple[bool, ...],
    ) -> Array:
        device = Device("cpu") if self.group.talk.wire is None else self.group.device
        if device.kind == "cpu":
            gradients = tuple(of(array).to_host(array) for array in gradients)
        given = iter(gradients)
        flat = row_of([next(given) if there else None for there in present], sizes, UNUSED, dtype, device)
        what = f"{what} {dtype}[{flat.size}]"
        number = next(self._numbers)
        exchange = self.group.begin(what, self.group.talk.averaging(flat, what, float(of(weight).to_host(weight))))
        if any(expected) or not expected:  # else nobody will ask
            self._tickets[number] = Ticket(exchange, sizes, expected)
        return numpy.asarray(number)

    def _waited(self, ticket: Array, place: int, shape: Shape, dtype: numpy.dtype) -> Array:
        waiting = self._tickets[int(ticket)]
        mean = self.group.finish(waiting.exchange)
        if (waiting.used & ~waiting.expected).any():
            raise RankError(
                f"a rank has begun to use a parameter that none used when the step was recorded, so the others would not "
                f"update it (they wanted to {waiting.exchange.what}): use it in the first step, or leave the step uncompiled"
            )
        waiting.readers -= 1
        if not waiting.readers:
            del self._tickets[int(ticket)]
        return mean[waiting.places[place] : waiting.places[place + 1]].reshape(shape)

    def _summed(self, x: Array, what: str) -> Array:
        what = f"add up {what} {_form(x)}"
        return self._at_once(what, self.group.talk.reduction(_in_a_row(x), what), x)

    def _weighed(self, x: Array, weight: Array, what: str) -> Array:
        what = f"add up the gradients of {what} {_form(x)}"
        return self._at_once(what, self.group.talk.weighing(_in_a_row(x), what, float(weight)), x)

    def _at_once(self, what: str, steps: Any, x: Array) -> Array:
        return self.group.finish(self.group.begin(what, steps)).reshape(x.shape)


def _in_a_row(x: Array) -> Array:
    return numpy.ascontiguousarray(x).reshape(size(x.shape))


def _form(x: Array) -> str:
    return f"{x.dtype}[{', '.join(map(str, x.shape))}]"
