"""A recorded step as plain data: values, the instructions that make them, and what is left behind at the end.

Every value is computed once and never changes (the form that compilers call SSA). Memory that the
step overwrites, such as a parameter, appears as two values: the one that was there at the start, and
the one that is *written* at the end.

Read before: `sources.py`. Read next: `record/`, which makes a program out of a function; `passes/`, which make it shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy

from ..modes import Place
from ..ops import Primitive
from ..ops.index import fill
from ..ops.shapes import size

PLAIN_TYPES = {int, bool, str, type(None)}
"""What is equal to nothing of its type but itself, as most parameters are."""
_TEXT = 60
"""Columns of a printed instruction, behind which its result is described; a longer one takes more."""


@dataclass(slots=True, eq=False, repr=False)
class Value:
    """One array in a program.

    number         by which it is called: %12
    shape, dtype   of the array
    source         where it comes from, a `Source` (`sources.py`); None if an instruction computes it
    scope          the calls of modules and functions inside which it is computed, as nodes remember them
    gradient_of    in a backward walk: the operation, or the parameter, whose turn it was; nothing elsewhere
    """

    number: int
    shape: tuple[int, ...]
    dtype: numpy.dtype
    source: Any = None
    scope: tuple[Place, ...] = ()
    gradient_of: str | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes its array takes."""
        return size(self.shape) * self.dtype.itemsize

    @property
    def constant(self) -> Any:
        """Its array, if it is the same in every step; None for all others."""
        return getattr(self.source, "array", None)

    @property
    def known_number(self) -> Any:
        """A single number that is the same in every step; None for all others."""
        return None if self.constant is None or self.shape else self.constant.item()

    def __repr__(self) -> str:
        return f"%{self.number}"


class Call:
    """What an instruction does that is no primitive: `value(xp, *arrays, **parameters)`, as there.

    effect  whether it must run even if nobody uses what it gives
    checks  whether it only looks at numbers, and raises if there is a mistake in them, which is an effect
    outward whether it has to do with other processes: all such run in the order of the program
    """

    inputs: tuple[str, ...] = ()
    kind, scalar, ufunc, view, turned, apart = "", None, None, None, False, False
    neutral: tuple = ()

    def __init__(self, name: str, value: Any, effect: bool = False, checks: bool = False, outward: bool = False):
        self.name, self.value, self.effect, self.checks = name, value, effect or checks, checks
        self.outward = outward

    @staticmethod
    def flops(output: tuple[int, ...], *inputs: tuple[int, ...]) -> int:
        """None that are counted."""
        return 0

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _put(xp: Any, x: Any, values: Any, *arrays: Any, index: tuple) -> Any:
    result = x.copy()
    result[fill(index, arrays)] = values
    return result


COPY = Call("copy", lambda xp, x: x.copy())
"""The same numbers in memory of their own."""
PUT = Call("put", _put)
"""x with other numbers at some places."""
GATHER = Call("gather", None)
"""x[index], where the index arrays, which had the shape `common`, are given for each element of the result."""
DRAW = Call("draw", None, effect=True)
"""Random numbers, from the stream of a device. Also drawn if nobody needs them: the stream has to go on."""


class Instruction:
    """output = op(*inputs, **params)"""

    __slots__ = ("op", "inputs", "params", "output", "_frozen")

    def __init__(self, op: Primitive | Call, inputs: tuple[Value, ...], params: dict[str, Any], output: Value):
        self.op, self.inputs, self.params, self.output = op, inputs, params, output
        self._frozen: Hashable = None

    def of(self, inputs: tuple[Value, ...]) -> Instruction:
        """The same of other inputs."""
        same = Instruction(self.op, inputs, self.params, self.output)
        same._frozen = self._frozen
        return same

    @property
    def frozen(self) -> Hashable:
        """Its parameters, as something that can be looked up."""
        if self._frozen is None:
            self._frozen = frozen(self.params) if self.params else ()
        return self._frozen

    @property
    def elementwise(self) -> bool:
        """Whether each element of its result follows from the elements in the same place."""
        return self.op.kind == "elementwise"

    @property
    def reduces(self) -> bool:
        """Whether numbers along some axes become one, put together by its operation's `fold`."""
        return self.op.kind in ("reduction", "position")

    @property
    def fold(self) -> tuple[Primitive, float]:
        """How a reduction puts two numbers together, and the number that it begins with."""
        assert isinstance(self.op, Primitive) and self.op.fold is not None
        return self.op.fold

    @property
    def renames(self) -> bool:
        """Whether its result is its first input, number by number, in another shape."""
        return self.op.view is not None and self.op.view.order == "kept"

    @property
    def flops(self) -> int:
        """Floating-point operations."""
        return self.op.flops(self.output.shape, *[value.shape for value in self.inputs])

    def __repr__(self) -> str:
        operands = [repr(value) for value in self.inputs]
        operands += [f"{name}={_shown(value)}" for name, value in self.params.items()]
        return f"{self.output!r} = {self.op.name}({', '.join(operands)})"


def frozen(parameter: Any) -> Hashable:
    """A parameter as something that can be looked up."""
    kind = type(parameter)
    if kind in PLAIN_TYPES:
        return kind, parameter
    if kind is slice:
        return slice, parameter.start, parameter.stop, parameter.step
    if isinstance(parameter, dict):
        return tuple([(name, frozen(value)) for name, value in parameter.items()])
    if isinstance(parameter, (tuple, list)):
        kinds = tuple(map(type, parameter))
        if PLAIN_TYPES.issuperset(kinds):
            return kinds, *parameter
        return tuple([frozen(part) for part in parameter])
    return kind, repr(parameter) if isinstance(parameter, float) else parameter


def _shown(parameter: Any) -> str:
    """A parameter as one writes it: `float32`, `(1, 0)`, an index as `(:, 0:8)`."""
    if isinstance(parameter, slice):
        ends = ["" if end is None else str(end) for end in (parameter.start, parameter.stop, parameter.step)]
        return ":".join(ends if ends[2] else ends[:2])
    if type(parameter) is tuple:
        return f"({', '.join(map(_shown, parameter))}{',' if len(parameter) == 1 else ''})"
    return str(parameter) if isinstance(parameter, numpy.dtype) else repr(parameter)


def is_check(instruction: Instruction) -> bool:
    """Whether it only looks at numbers, and raises if there is a mistake in them."""
    return isinstance(instruction.op, Call) and instruction.op.checks


class Program:
    """What a step does.

    instructions  in an order in which they can run
    results       values that are handed out: what the function returned, and new gradients
    writes        (memory, value): a value from outside, and what its memory holds at the end
    """

    def __init__(self, instructions: Iterable[Instruction], results: Iterable[Value], writes: Iterable[tuple]):
        self.instructions = list(instructions)
        self.results = list(results)
        self.writes: list[tuple[Value, Value]] = list(writes)

    def with_instructions(
        self, instructions: Iterable[Instruction], replaced: dict[Value, Value] | None = None
    ) -> Program:
        """The same program of other instructions, in which some values take the place of others."""
        if not replaced:
            return Program(instructions, self.results, self.writes)

        def now(value: Value) -> Value:
            while value in replaced:
                value = replaced[value]
            return value

        as_it_is = replaced.keys().isdisjoint
        renamed = [i if as_it_is(i.inputs) else i.of(tuple(map(now, i.inputs))) for i in instructions]
        return Program(renamed, map(now, self.results), [(memory, now(value)) for memory, value in self.writes])

    def producers(self) -> dict[Value, Instruction]:
        """The instruction that computes each value."""
        return {instruction.output: instruction for instruction in self.instructions}

    def uses(self) -> dict[Value, int]:
        """How often each value is read, by instructions, as a result, and by a write."""
        taken = [value for i in self.instructions for value in i.inputs]
        return Counter([*taken, *self.results, *(value for _, value in self.writes)])

    def sources(self) -> list[Value]:
        """The values from outside, in the order of their numbers."""
        taken = [value for i in self.instructions for value in i.inputs if value.source is not None]
        others = (*self.results, *(value for pair in self.writes for value in pair))
        met = {*taken, *(value for value in others if value.source is not None)}
        return sorted(met, key=lambda value: value.number)

    def __str__(self) -> str:
        rows = [(f"{value!r} = {_origin(value)}", value) for value in self.sources()]
        rows += [(repr(instruction), instruction.output) for instruction in self.instructions]
        width = max((len(text) for text, _ in rows if len(text) <= _TEXT), default=0)
        lines = [f"{text:{width}}  {described(value)}" for text, value in rows]
        lines += [f"{f'{memory!r} <- {value!r}':{width}}  {memory.source!r}" for memory, value in self.writes]
        return "\n".join([*lines, f"return {', '.join(map(repr, self.results)) or 'nothing'}"])


def _origin(value: Value) -> str:
    """Where a value comes from; of a constant of the host a glimpse of its numbers: `constant [0, 1, ..., 8, 9]`."""
    array = value.constant
    if type(array).__module__ != "numpy" or not array.ndim:
        return repr(value.source)
    flat = array.ravel()
    if flat.size > 1 and (flat == flat[0]).all():
        return f"constant {flat[0]} everywhere"
    parts = map(str, flat) if flat.size <= 5 else (*map(str, flat[:2]), "...", *map(str, flat[-2:]))
    return f"constant [{', '.join(parts)}]"


def described(value: Value) -> str:
    """float32[100, 784]"""
    return f"{value.dtype}[{', '.join(map(str, value.shape))}]"
