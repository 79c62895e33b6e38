"""The body of a loop, made of rounds that are wired alike: what each of its operations takes, as `rolled.py` says it in a table.

Read before: `wiring.py`, `../../loops/body.py`. Read next: `rolled.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from ...loops.body import Body, Form, Operation
from ...ops import Primitive
from ...ops.elementwise import cast
from ..program import Call, Instruction, Value
from ..repeats import Looks
from .slices import Series, ViewStep, views_of
from .wiring import Refusal, Slot, Wire, Wiring


class _Node(NamedTuple):
    """A value of the body, before it has a number: an input by its kind and place, or what a step gives."""

    kind: str
    place: int


class _Carry(NamedTuple):
    """What a carry begins with, and what the next round has of it: a work, looked at through views, or another carry."""

    start: Value
    work: int
    views: tuple[ViewStep, ...]
    before: _Node | None = None


class RollingBody:
    """The body of a loop, as it comes about.

    carries, xs, shared, numbers  what its inputs are in the program; xs are slices, or a value for each round
    works   what each work of a round is in the body
    """

    def __init__(self, wiring: Wiring, looks: Looks):
        self.wiring, self._looks = wiring, looks
        self.carries: list[_Carry] = []
        self.xs: list[Series | tuple[Value, ...]] = []
        self.shared: list[Value] = []
        self.numbers: list[Value] = []
        self.works: list[_Node] = []
        self._steps: list[tuple[tuple[_Node, ...], Operation]] = []
        self._views: dict[tuple, _Node] = {}
        slots = {(slot.work, slot.position): slot for slot in wiring.slots}
        for number in range(wiring.repeat.works):
            work = wiring.work(number, wiring.repeat.rounds - 1)
            op = _operation(work)
            taken = tuple(self._node(slots[number, position]) for position in range(len(work.inputs)))
            self.works.append(self._step(op, taken, work.params, Form.of(work.output), work.output))
        self._next = [self._seen(self.works[c.work], c.views) if c.before is None else c.before for c in self.carries]

    def body(self, made: Sequence[int], dtypes: Mapping[int, numpy.dtype] | None = None) -> Body:
        """The body, which hands out these works, in these dtypes if they are said."""
        handed = list(map(self._in_dtype, made, (None if dtypes is None else dtypes[number] for number in made)))
        kinds = {
            "carry": self.carries,
            "x": self.xs,
            "shared": self.shared,
            "number": self.numbers,
            "step": self._steps,
        }
        nodes = [_Node(kind, place) for kind, those in kinds.items() for place in range(len(those))]
        now = {node: place for place, node in enumerate(nodes)}
        return Body(
            [Form.of(carry.start) for carry in self.carries],
            map(self._form_of_x, self.xs),
            map(Form.of, self.shared),
            [value.constant[()] for value in self.numbers],
            [step._replace(inputs=tuple(now[node] for node in taken)) for taken, step in self._steps],
            [now[node] for node in self._next],
            [now[node] for node in handed],
        )

    def _in_dtype(self, number: int, dtype: numpy.dtype | None) -> _Node:
        form = Form.of(self.wiring.work(number).output)
        if dtype is None or dtype == form.dtype:
            return self.works[number]
        return self._step(cast, (self.works[number],), {"dtype": dtype}, Form(form.shape, dtype))

    def carry_of(self, number: int) -> int | None:
        """The carry that is what a work gave the round before."""
        return next((i for i, node in enumerate(self._next) if node == self.works[number]), None)

    @staticmethod
    def _form_of_x(x: Series | tuple[Value, ...]) -> Form:
        if isinstance(x, tuple) and not isinstance(x, Series):
            return Form.of(x[0])
        return Form(x.shape, x.source.dtype)

    def _node(self, slot: Slot) -> _Node:
        last = slot.made
        look = self._looks.of(slot.taken[-1])
        if slot.varies:
            if slot.slices is not None:
                slices, views = slot.slices
                return self._seen(self._input("x", self.xs, slices), views)
            return self._input("x", self.xs, tuple(slot.taken))
        if last is None:
            number = look.base.known_number is not None and isinstance(
                look.base.constant, (numpy.ndarray, numpy.generic)
            )
            which = ("number", self.numbers) if number else ("shared", self.shared)
            return self._seen(self._input(*which, look.base), views_of(look.views))
        if not last.ago:
            return self._seen(self.works[last.work], views_of(look.views))
        return self._carried(last, slot.taken[: last.ago], views_of(look.views))

    def _carried(self, made: Wire, starts: Sequence[Value], views: list[ViewStep]) -> _Node:
        """What was made before this round; `starts` has it for the first rounds."""
        bases = [self._looks.base(value) for value in starts]
        form = Form.of(self.wiring.work(made.work).output)
        within = all(self.wiring.key(value) == made.key for value in starts) and all(Form.of(b) == form for b in bases)
        carry = None
        for start in reversed(bases if within else starts):
            carry = self._input("carry", self.carries, _Carry(start, made.work, () if within else tuple(views), carry))
        assert carry is not None  # there is at least one round before
        return self._seen(carry, views) if within else carry

    def _input(self, kind: str, those: list, what: Any) -> _Node:
        """An input, which is one even if several works take it."""
        same = (place for place, other in enumerate(those) if other == what)
        place = next(same, len(those))
        if place == len(those):
            those.append(what)
        return _Node(kind, place)

    def _seen(self, node: _Node, views: Sequence[ViewStep]) -> _Node:
        """A value, looked at through views."""
        for view in views:
            key = node, view.key
            if key not in self._views:
                self._views[key] = self._step(view.op, (node,), view.params, Form(view.shape, view.dtype))
            node = self._views[key]
        return node

    def _step(
        self, op: Primitive, taken: tuple[_Node, ...], params: dict[str, Any], form: Form, like: Value | None = None
    ) -> _Node:
        scope = () if like is None else like.scope
        self._steps.append((taken, Operation(op, (), params, form, scope=scope)))
        return _Node("step", len(self._steps) - 1)


def _operation(work: Instruction) -> Primitive:
    """The operation of a work. Refuses what a body cannot have."""
    given = [numpy.empty(0, value.dtype) for value in work.inputs]
    op = work.op
    if isinstance(op, Call):
        raise Refusal(f"{op.name} is nothing that a loop can do")
    if op.coerce is not None and not all(a is b for a, b in zip(op.coerce(given), given, strict=True)):
        raise Refusal(f"{op.name} takes several dtypes")
    return op
