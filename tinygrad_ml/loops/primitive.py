"""A loop as one operation: its body, how many rounds there are, and in which direction.

All that it gives lies in one array, one thing after the other: the final carries, then what is handed out of each round,
stacked. Each is a slice of it, so the gradients of all arrive together, and the loop of the gradient is run once.

Read before: `body.py`. Read next: `derivative.py`, its gradient rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..backend import Absent, Array
from ..ops import Primitive
from ..ops.index import getitem
from ..ops.shapes import Shape, size
from ..tensor import Tensor
from .body import Body, Form


class Scan(Primitive):
    """A loop over a body, all of whose outputs are of one dtype.

    body      what is done in a round
    finals    the carries whose last value is an output
    shown     how many of the values that the body hands out were asked for; those behind are kept for the gradient
    length    the number of rounds
    reverse   whether the last slices of xs come first
    gradient  `gradient(scan, g, y, inputs, needed)`, the shares of all inputs
    batch     `batch(scan, inputs, n, many)`, the loop for each of n samples
    exact     whether a compiled step may do nothing in its rounds but what they say, to the last digit
    inputs    the carries at the beginning, the xs, what is shared
    parts     (first element, behind the last one, form) of each output
    """

    def __init__(
        self,
        body: Body,
        finals: Sequence[int],
        shown: int,
        length: int,
        reverse: bool,
        gradient: Callable,
        exact: bool = False,
        batch: Callable | None = None,
    ):
        self.body, self.finals, self.shown, self.exact = body, tuple(finals), shown, exact
        self.length, self.reverse = length, reverse
        made = [body.forms[value] for value in body.made]
        stacked = [Form((length, *form.shape), form.dtype) for form in made]
        self.parts: list[tuple[int, int, Form]] = []
        end = 0
        for form in (*[body.carries[i] for i in self.finals], *stacked):
            first, end = end, end + size(form.shape)
            self.parts.append((first, end, form))
        self.size, self.result_dtype = end, self.parts[0][2].dtype
        super().__init__(
            "scan",
            self._run,
            self._shape,
            (lambda g, y, inputs, needed: gradient(self, g, y, inputs, needed),),
            inputs=("inputs*",),
            formula=f"{length} rounds of {len(body.steps)} operations",
            local=("the rounds, backwards",),
            dtype=lambda *_, **__: self.result_dtype,
            flops=lambda *_: self.length * body.flops,
            joint=True,
            batch=batch and (lambda *inputs, n, many: batch(self, inputs, n, many)),
        )

    def __repr__(self) -> str:
        return f"<scan of {self.length} rounds, {len(self.body.steps)} operations each>"

    def input_name(self, position: int) -> str:
        """carry0, x0, shared0"""
        for name, forms in (("carry", self.body.carries), ("x", self.body.xs), ("shared", self.body.shared)):
            if position < len(forms):
                return f"{name}{position if len(forms) > 1 else ''}"
            position -= len(forms)
        raise IndexError(position)

    def outputs(self, whole: Tensor) -> list[Tensor]:
        """The final carries, and what was handed out, of what the operation gives."""
        return [self.part(whole, place) for place in range(len(self.finals) + self.shown)]

    def part(self, whole: Tensor, place: int) -> Tensor:
        """One of the outputs."""
        first, end, form = self.parts[place]
        return whole._apply(getitem, index=(slice(first, end),)).reshape(form.shape)

    def rounds(self) -> Iterator[int]:
        """The numbers of the rounds, in the order in which they run."""
        return reversed(range(self.length)) if self.reverse else iter(range(self.length))

    def views(self, whole: Array) -> list[Array]:
        """The outputs as views of the array in which they lie."""
        return [whole[first:end].reshape(form.shape) for first, end, form in self.parts]

    def _shape(self, *shapes: Shape) -> Shape:
        return (self.size,)

    def _run(self, xp: Any, *arrays: Array) -> Array:
        if any(isinstance(array, Absent) for array in arrays):
            raise TypeError("a loop over what has no numbers")
        body = self.body
        whole = xp.empty(self.size, dtype=self.result_dtype)
        views = self.views(whole)
        finals, stacks = views[: len(self.finals)], views[len(self.finals) :]
        first_x = len(body.carries)
        first_shared = first_x + len(body.xs)
        carries, xs, shared = arrays[:first_x], arrays[first_x:first_shared], arrays[first_shared:]
        for t in self.rounds():
            values = body.round(xp, [*carries, *[x[t] for x in xs], *shared])
            for stack, value in zip(stacks, body.made, strict=True):
                stack[t] = values[value]
            carries = [values[value] for value in body.carried]
        for final, i in zip(finals, self.finals, strict=True):
            final[...] = carries[i]
        return whole


def given_parts(op: Scan, g: Any) -> dict[int, Tensor]:
    """The outputs at which a gradient has arrived, and that gradient: of the whole, or of slices."""
    if isinstance(g, Tensor):
        return {place: op.part(g, place) for place in range(len(op.parts))}
    places = {(first, end): place for place, (first, end, _) in enumerate(op.parts) if end > first}
    found: dict[int, Tensor] = {}
    for share, index in g.shares:
        share = share if isinstance(share, Tensor) else Tensor(share)
        if index is None:
            parts = {place: op.part(share, place) for place in range(len(op.parts))}
        else:
            place = places.get((index[0].start, index[0].stop))
            parts = {} if place is None else {place: share.reshape(op.parts[place][2].shape)}
        for place, part in parts.items():
            found[place] = found[place] + part if place in found else part
    return found
