"""What ranks do together as operations: applied, written down, differentiated and drawn like all others.

So a compiled step has them as instructions, in its order and in its pictures, and batch norm over all ranks has derivatives of
every order. There are four, of which each group has its own:

    start average   hands a bucket of gradients over, and goes on: what it gives is the number of a ticket
    wait for        what becomes of it: the mean of the bucket over the ranks, as soon as somebody needs it
    sum over ranks  y = x₀ + x₁ + ... + x_{N-1}, in the forward pass
    its gradient    gᵣ = (w₀·g₀ + w₁·g₁ + ...) / wᵣ, as what is differentiated is the mean of the ranks' losses

Read before: `group.py`. Read next: `share.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, count
from typing import Any

import numpy

from ..backend import Absent, Array, of
from ..errors import RankError
from ..modes import no_grad
from ..ops import Primitive
from ..ops.primitive import zero
from ..ops.shapes import size
from ..tensor import Tensor, apply
from .exchange import Exchange
from .group import Group

UNUSED = -0.0
"""What stands for the gradient of a parameter that a rank does not use: x + -0.0 is x, to the bit, also for -0.0."""


class Outward(Primitive):
    """An operation that has to do with other processes. All of a program run, in its order, whether their results are
    needed or not: the others wait for them."""

    effect = True

    def __init__(self, name: str, value: Callable, shape: Callable, *, outward: bool = True, **facts: Any):
        self.outward = outward

        def with_numbers(xp: Any, *arrays: Array, **parameters: Any) -> Array:
            if any(isinstance(array, Absent) for array in arrays):
                raise TypeError("numbers of other processes, while there are none here")
            return value(*[numpy.asarray(of(array).to_host(array)) for array in arrays], **parameters)

        super().__init__(name, with_numbers, shape, flops=lambda *_: 0, **facts)


class Operations:
    """The operations of a group, and what is on its way.

    group   whose ranks they are
    weight  `weight(beside)`: what this rank's share weighs when the walk back comes there, a tensor of one number
    """

    def __init__(self, group: Group, weight: Callable[[Tensor], Tensor]):
        self.group = group
        self._tickets: dict[int, tuple[Exchange, str]] = {}
        self._numbers = count(1)
        self._start = Outward(
            "start average",
            self._started,
            lambda *_, **__: (),
            inputs=("weight", "gradients*"),
            formula="the mean over the ranks, begun",
            dtype=lambda *_, **__: numpy.dtype("int64"),
        )
        self._wait = Outward(
            "wait for average",
            self._waited,
            lambda _, length, **__: (length,),
            outward=False,
            inputs=("ticket",),
            formula="the mean over the ranks, done",
            dtype=lambda _, dtype, **__: dtype,
        )
        self._sum = Outward(
            "sum over ranks",
            self._summed,
            lambda x, **_: x,
            gradient=(lambda g, what: apply(self._back, (g, weight(g)), {"what": what}),),
            formula="Σ x over the ranks",
            local=("of all ranks",),
        )
        self._back = Outward(
            "gradients of ranks",
            self._weighed,
            lambda x, _, **__: x,
            gradient=(lambda g, what: apply(self._sum, (g,), {"what": what}), zero),
            inputs=("x", "weight"),
            formula="Σ w·x over the ranks, by the own w",
            local=("of all ranks", ""),
        )

    def start(
        self, what: str, weight: Tensor, gradients: Sequence[Tensor | None], sizes: Sequence[int], dtype: numpy.dtype
    ) -> Tensor:
        """Begin the mean of gradients over the ranks; the number of its ticket, a tensor. None stands for one that is not used
        here. `weight` is what this rank's share weighs, one number; `sizes` are those of the gradients."""
        present = tuple(gradient is not None for gradient in gradients)
        given = (weight, *[gradient for gradient in gradients if gradient is not None])
        with no_grad():
            return apply(self._start, given, {"what": what, "sizes": tuple(sizes), "present": present, "dtype": dtype})

    def wait(self, ticket: Tensor, length: int, dtype: numpy.dtype, expected: tuple[bool, ...] | None) -> Tensor:
        """The mean that was begun: one gradient beside the other, and behind them a number for each, which is 0 if no rank
        uses it.

        expected  which of them are used by some rank as far as is known, if there must not be more; None if there may
        """
        with no_grad():
            return apply(self._wait, (ticket,), {"length": length, "dtype": dtype, "expected": expected})

    def sum(self, x: Tensor, what: str) -> Tensor:
        """The sum over the ranks, with its gradient."""
        return apply(self._sum, (x,), {"what": what})

    # -- what they do ----------------------------------------------------------------------------------------------

    def _started(
        self, weight: Array, *gradients: Array, what: str, sizes: tuple[int, ...], present: tuple, dtype: numpy.dtype
    ) -> Array:
        given = iter(gradients)
        flat = numpy.full(sum(sizes) + len(sizes), UNUSED, dtype)
        for first, length, there in zip(accumulate((0, *sizes)), sizes, present, strict=False):
            if there:
                flat[first : first + length] = next(given).reshape(-1)
        flat[sum(sizes) :] = present
        what = f"{what} {dtype}[{flat.size}]"
        number = next(self._numbers)
        steps = self.group.talk.averaging(flat, what, float(weight))
        self._tickets[number] = self.group.begin(what, steps), what
        return numpy.asarray(number)

    def _waited(self, ticket: Array, length: int, dtype: Any, expected: tuple[bool, ...] | None) -> Array:
        exchange, what = self._tickets.pop(int(ticket))
        mean = self.group.finish(exchange)
        if expected is not None:
            used = mean[length - len(expected) :] > 0
            if (used & ~numpy.array(expected, bool)).any():
                raise RankError(
                    f"a rank has begun to use a parameter that none used when the step was recorded, so the others would not "
                    f"update it (they wanted to {what}): use it in the first step, or leave the step uncompiled"
                )
        return mean

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
