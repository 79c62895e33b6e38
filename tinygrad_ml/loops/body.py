"""The body of a loop as plain data: what is done in one round, written down once.

    values      0 … are the inputs: carries, then slices of the xs, then what all rounds share; behind them the numbers of
                formulas; behind them what the steps give, a value each
    a step      an operation of the table, the values that it takes, and its parameters
    carried     the values that the next round begins with, one for each carry
    made        the values that are handed out of each round, and stacked

Two bodies that do the same are equal, so what is derived from one is derived once.

Read next: `tracing.py`, which makes a body of a function; `scan.py`, which runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy

from ..backend import Array
from ..modes import Place
from ..ops import Primitive


class Form(NamedTuple):
    """A shape and a dtype."""

    shape: tuple[int, ...]
    dtype: numpy.dtype

    @classmethod
    def of(cls, what: Any) -> Form:
        """That of a tensor or an array."""
        return cls(tuple(what.shape), what.dtype)

    def __str__(self) -> str:
        return f"shape {self.shape} and dtype {self.dtype}"


class Operation(NamedTuple):
    """One operation of a round.

    constants  the places among its inputs of those through which no gradient flows
    scope      the calls of modules and functions in which it was applied
    """

    op: Primitive
    inputs: tuple[int, ...]
    params: dict[str, Any]
    form: Form
    constants: tuple[int, ...] = ()
    scope: tuple[Place, ...] = ()

    def given(self, k: int, values: Any) -> Any:
        """The tensor that it takes at place `k`, of the tensors `values`; None if that is not among them."""
        tensor = values.get(self.inputs[k]) if isinstance(values, Mapping) else values[self.inputs[k]]
        return tensor.detach() if tensor is not None and k in self.constants else tensor


class Body:
    """What is done in a round. See the top of this file.

    carries, xs, shared  the forms of the inputs
    numbers              NumPy's scalars
    """

    def __init__(
        self,
        carries: Iterable[Form],
        xs: Iterable[Form],
        shared: Iterable[Form],
        numbers: Iterable[Any],
        steps: Iterable[Operation],
        carried: Iterable[int],
        made: Iterable[int],
    ):
        self.carries, self.xs, self.shared = tuple(carries), tuple(xs), tuple(shared)
        self.numbers, self.steps = tuple(numbers), tuple(steps)
        self.carried, self.made = tuple(carried), tuple(made)

    @property
    def inputs(self) -> tuple[Form, ...]:
        """The forms of all inputs, in their order."""
        return (*self.carries, *self.xs, *self.shared)

    @property
    def first_step(self) -> int:
        """The value that the first step gives."""
        return len(self.carries) + len(self.xs) + len(self.shared) + len(self.numbers)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The form of every value."""
        return (*self.inputs, *map(Form.of, self.numbers), *[step.form for step in self.steps])

    @cached_property
    def flops(self) -> int:
        """Floating-point operations of a round."""
        forms = self.forms
        return sum(step.op.flops(step.form.shape, *[forms[i].shape for i in step.inputs]) for step in self.steps)

    @cached_property
    def _key(self) -> tuple:
        steps = tuple((step.op, step.inputs, _frozen(step.params), step.form, step.constants) for step in self.steps)
        numbers = tuple((number.dtype, number.tobytes()) for number in self.numbers)
        return self.carries, self.xs, self.shared, numbers, steps, self.carried, self.made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def round(self, xp: Any, inputs: Sequence[Array]) -> list[Array]:
        """All values of one round, in arrays of the backend `xp`."""
        values = [*inputs, *self.numbers]
        for value, coerce, places, params in self._work:
            arrays = [values[place] for place in places]
            values.append(value(xp, *(arrays if coerce is None else coerce(arrays)), **params))
        return values

    @cached_property
    def _work(self) -> list[tuple]:
        return [(step.op.value, self._coercion(step), step.inputs, step.params) for step in self.steps]

    def _coercion(self, step: Operation) -> Callable | None:
        """What changes the dtypes of the inputs of a step; None if they stay what they are."""
        given = [numpy.empty(0, self.forms[i].dtype) for i in step.inputs]
        if step.op.coerce is None or all(a is b for a, b in zip(step.op.coerce(given), given, strict=True)):
            return None
        return step.op.coerce

    def again(self, inputs: Sequence[Any], number: Callable[[Any], Any], apply: Callable) -> list[Any]:
        """All values of one round as tensors: `apply(op, inputs, params)` for each step, `number(scalar)` for numbers."""
        values = [*inputs, *map(number, self.numbers)]
        for step in self.steps:
            given = tuple([step.given(k, values) for k in range(len(step.inputs))])
            values.append(apply(step.op, given, step.params))
        return values

    def needed_carries(
        self, finals: Iterable[int], made: Iterable[int], known: frozenset[int] = frozenset()
    ) -> list[int]:
        """The carries without which some of the final carries or of the made values could not be computed."""
        needed: set[int] = set(finals)
        while True:
            reached = self._ancestors([*made, *[self.carried[i] for i in sorted(needed)]], known)
            grown = needed | {value for value in reached if value < len(self.carries)}
            if grown == needed:
                return sorted(needed)
            needed = grown

    def _ancestors(self, outputs: Iterable[int], known: frozenset[int]) -> set[int]:
        """The values that the outputs follow from, themselves included; what is known follows from nothing."""
        reached, first = set(outputs), self.first_step
        for value in range(len(self.forms) - 1, first - 1, -1):
            if value in reached and value not in known:
                reached.update(self.steps[value - first].inputs)
        return reached

    def part(
        self, finals: Sequence[int], made: Sequence[int], known: Sequence[int] = (), fixed: Sequence[int] = ()
    ) -> Extract:
        """The body of what is needed for the final carries and the made values alone.

        known  values that come in as further xs, behind the others
        fixed  values that come in as something shared, behind the others
        """
        given = frozenset((*known, *fixed))
        kept = self.needed_carries(finals, made, given)
        reached = self._ancestors([*made, *[self.carried[i] for i in kept]], given)
        known = [value for value in known if value in reached]
        fixed = [value for value in fixed if value in reached]
        first_x, first_shared = len(self.carries), len(self.carries) + len(self.xs)
        first_number = first_shared + len(self.shared)
        xs = [j for j in range(len(self.xs)) if first_x + j in reached]
        shared = [k for k in range(len(self.shared)) if first_shared + k in reached]
        numbers = [n for n in range(len(self.numbers)) if first_number + n in reached]
        steps = [value for value in range(self.first_step, len(self.forms)) if value in reached and value not in given]
        order = [
            *kept,
            *[first_x + j for j in xs],
            *known,
            *[first_shared + k for k in shared],
            *fixed,
            *[first_number + n for n in numbers],
            *steps,
        ]
        now = {old: new for new, old in enumerate(order)}
        body = Body(
            [self.carries[i] for i in kept],
            [*[self.xs[j] for j in xs], *[self.forms[value] for value in known]],
            [*[self.shared[k] for k in shared], *[self.forms[value] for value in fixed]],
            [self.numbers[n] for n in numbers],
            [
                step._replace(inputs=tuple(now[i] for i in step.inputs))
                for step in (self.steps[value - self.first_step] for value in steps)
            ],
            [now[self.carried[i]] for i in kept],
            [now[value] for value in made],
        )
        return Extract(body, kept, xs, shared, known, fixed, now)

    def handing_out(self, values: Iterable[int]) -> Body:
        """The same, which also hands these values out of each round, behind the others."""
        made = (*self.made, *values)
        return Body(self.carries, self.xs, self.shared, self.numbers, self.steps, self.carried, made)


class Extract(NamedTuple):
    """A part of a body, and which of the inputs of the whole are its inputs, before the values that are `known` or
    `fixed`. `now` has the values of the part by those of the whole."""

    body: Body
    carries: list[int]
    xs: list[int]
    shared: list[int]
    known: list[int]
    fixed: list[int]
    now: dict[int, int]


def _frozen(what: Any) -> Any:
    """Parameters as something that can be compared, and looked up."""
    if isinstance(what, Mapping):
        return tuple((name, _frozen(item)) for name, item in what.items())
    if isinstance(what, (tuple, list)):
        return tuple(map(_frozen, what))
    if isinstance(what, slice):
        return "slice", what.start, what.stop, what.step
    return type(what), what if type(what).__hash__ is not None else id(what)
