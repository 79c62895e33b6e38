"""The gradient of a loop: a loop over the gradient of its body, from the last round to the first.

For  cₜ₊₁, yₜ = f(cₜ, xₜ, w)  the gradients g of what follows give those of what went in, round by round:

    gcₜ, gxₜ, gwₜ = (∂f/∂(cₜ, xₜ, w))ᵀ · (gcₜ₊₁, gyₜ)        gw = Σₜ gwₜ

The body of that loop is written down like any other, by walking back over the graph of one round. What it needs of the
forward round is either kept, or computed again from cₜ and xₜ. It is a loop like any other, too: it can be differentiated
in turn.

Read before: `primitive.py`, `totals.py`. Read next: `scan.py`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from ..autograd.gradients import restore_in_graph
from ..backend import Device, dtypes
from ..graph import ZERO, backpropagate
from ..modes import enable_grad
from ..ops.shapes import size
from ..tensor import Tensor, apply, filled
from .body import Body
from .totals import Total, Totals
from .tracing import Tracer


class Derivative(NamedTuple):
    """One round of the gradient of a body.

    body      carries are the gradients of the float carries, then sums; xs are those in `taken`; it shares `shared`, then
              `found`, and hands out the gradients of xs, then operands of totals
    taken     what each of its xs is: a `Stack`
    shared    places among what the body shares
    found     tensors from outside that its rounds share
    sums      inputs whose gradients are added up in the rounds, in the order of the carries behind the first ones
    slices    inputs whose gradients are handed out, in that order
    totals    (input, how to compute its gradient) of those that are computed behind the loop
    operands  a value of a total -> its stack
    needed    the values of steps of the body that it takes from there, if they are kept
    """

    body: Body
    taken: list[Stack]
    shared: list[int]
    found: list[Tensor]
    sums: list[int]
    slices: list[int]
    totals: list[tuple[int, Total]]
    operands: dict[int, Stack]
    needed: list[int]


class Stack(NamedTuple):
    """Something of all rounds, stacked: a "value" of the body, the gradient "of" something that it hands out, or
    something that the derivative hands out ("made"); and which."""

    kind: str
    which: int


def float_carries(body: Body) -> list[int]:
    """The carries that have gradients."""
    return [i for i, form in enumerate(body.carries) if dtypes.is_float(form.dtype)]


@functools.lru_cache(maxsize=256)
def derivative(body: Body, wanted: tuple[int, ...], given: tuple[int, ...], device: Device) -> Derivative:
    """The round of the gradient.

    wanted  the inputs whose gradients are asked for
    given   which of the values that the body hands out have a gradient
    """
    with enable_grad(), Tracer(0, alone=True) as tracer:
        derived = _Backwards(body, wanted, given, device, tracer).derivative()
    tracer.forget()
    return derived


class _Backwards:
    """Writes the round of the gradient down."""

    def __init__(self, body: Body, wanted: tuple[int, ...], given: tuple[int, ...], device: Device, tracer: Tracer):
        self.body, self.tracer, self.device = body, tracer, device
        self.first_shared = len(body.carries) + len(body.xs)
        self.carries = float_carries(body)
        self.inputs = [tracer.placeholder(form, device, needs=True) for form in body.inputs]
        self.arriving = [tracer.placeholder(body.carries[i], device) for i in self.carries]
        self.handed = {place: tracer.placeholder(body.forms[body.made[place]], device) for place in given}
        self.values = body.again(self.inputs, Tensor, apply)
        self.forward = len(tracer.steps)
        self.wanted = [i for i in wanted if self.inputs[i]._needs]
        self.gradients = self._walk()

    def _walk(self) -> dict[int, Tensor]:
        """The gradients of the float carries and of the wanted inputs, where they are not 0."""
        seeds: dict = {}
        pairs = [(self.body.carried[i], g) for i, g in zip(self.carries, self.arriving, strict=True)]
        for value, g in [*pairs, *[(self.body.made[place], g) for place, g in self.handed.items()]]:
            tensor = self.values[value]
            if tensor._needs:
                seeds[tensor.node] = seeds[tensor.node] + g if tensor.node in seeds else g
        nodes = {i: self.inputs[i].node for i in {*self.carries, *self.wanted}}
        found = backpropagate(seeds, nodes.values(), restore_in_graph) if seeds else {}
        return {i: found[node] for i, node in nodes.items() if found.get(node, ZERO) is not ZERO}

    def derivative(self) -> Derivative:
        """What was written down, put together."""
        carried = [self._gradient_of_carry(i) for i in self.carries]
        gradients, first_x = self.gradients, len(self.body.carries)
        slices = [i for i in self.wanted if first_x <= i < self.first_shared and i in gradients]
        stacked = {self.tracer.value_of(x): Stack("value", i) for i, x in enumerate(self.inputs[: self.first_shared])}
        stacked |= {self.tracer.value_of(g): Stack("of", place) for place, g in self.handed.items()}
        stacked |= {
            self.tracer.value_of(self.values[value]): Stack("value", value)
            for value in self.body.made
            if value >= self.body.first_step and self.values[value]._needs
        }
        for place, i in enumerate(slices):
            stacked.setdefault(self.tracer.value_of(gradients[i]), Stack("made", place))
        varying = {*stacked, *map(self.tracer.value_of, self.arriving)}
        finder, totals, sums, so_far = Totals(self.tracer, {*stacked}, varying), [], [], []
        shared = [i for i in self.wanted if i >= self.first_shared and i in gradients]
        for i in sorted(
            shared, key=lambda i: -size(self.body.inputs[i].shape)
        ):  # what a weight takes, its bias may too
            total = finder.of(self.tracer.value_of(gradients[i]))
            if total is not None:
                totals.append((i, total))
                continue
            sums.append(i)
            so_far.append(self.tracer.placeholder(self.body.inputs[i], self.device))
            carried.append(so_far[-1] + gradients[i])
        operands = [value for value in finder.operands if value not in stacked]
        for place, value in enumerate(operands, len(slices)):
            stacked[value] = Stack("made", place)
        whole = self.tracer.body(
            [*self.arriving, *so_far],
            [*self.handed.values(), *self.inputs[: self.first_shared]],
            self.inputs[self.first_shared :],
            carried,
            [gradients[i] for i in slices],
            operands,
        )
        needed = self._steps_needed(whole)
        kept = {place: value for place, value in needed.items() if value in self.body.made}
        part = whole.part(range(len(whole.carries)), whole.made, list(kept))
        every = [*[Stack("of", place) for place in self.handed], *[Stack("value", i) for i in range(self.first_shared)]]
        own = len(self.body.shared)
        return Derivative(
            part.body,
            [*[every[j] for j in part.xs], *[Stack("value", kept[place]) for place in part.known]],
            [k for k in part.shared if k < own],
            [self.tracer.found[k - own] for k in part.shared if k >= own],
            sums,
            slices,
            totals,
            {value: stacked[value] for value in finder.operands},
            list(needed.values()),
        )

    def _gradient_of_carry(self, i: int) -> Tensor:
        form = self.body.carries[i]
        return self.gradients[i] if i in self.gradients else filled(form.shape, 0, form.dtype, self.device)

    def _steps_needed(self, whole: Body) -> dict[int, int]:
        """The steps of the forward round that the steps of the backward one take: what they are called in the whole, and
        in the body. Not those that only look at others: these are looked at again."""
        body_steps = range(self.body.first_step, len(self.values))
        known = {self.tracer.place_of(self.values[value]): value for value in body_steps}
        first, needed = whole.first_step, {}
        taken = [i for step in whole.steps[self.forward :] for i in step.inputs]
        forward = range(first, first + self.forward)
        for place in (*taken, *whole.carried, *whole.made):
            while place in forward and (whole.steps[place - first].op.kind == "view" or place not in known):
                place = whole.steps[place - first].inputs[0]
            if place in forward:
                needed[place] = known[place]
        return needed
