"""Algebra that is exact: rewritten, the program gives the same bits.

x·1, x/1 and x-0 are x; a movement that moves nothing is nothing; two reshapes are one; what was
broadcast only for an operation that broadcasts by itself need not be; who only looks for mistakes in
numbers looks at each once; an operation on constant numbers is a constant. What is not here is not exact: (a + b) - b is not a, and x + 0 turns -0 into 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

from ...backend import of
from ...errors import TinygradError
from ...ops import Primitive, elementwise, movement
from ...ops.shapes import broadcast, size
from ..eager import value_of
from ..program import Call, Instruction, Program, Value
from ..sources import Constant

FOLDED_ELEMENTS = 64
"""Constants of up to so many elements are computed while compiling."""


def algebra(program: Program) -> Program:
    """With each instruction simplified, if a rule below applies to it; again and again."""
    replaced: dict[Value, Value] = {}
    producers: dict[Value, Instruction] = {}
    kept, as_it_is, rules = [], replaced.keys().isdisjoint, _Rules()
    for instruction in program.instructions:
        if not as_it_is(instruction.inputs):
            instruction = instruction.of(tuple([_now(value, replaced) for value in instruction.inputs]))
        simpler = instruction
        while isinstance(simpler, Instruction):
            instruction = simpler
            for rule in rules[instruction.op]:
                simpler = rule(instruction, producers)
                if simpler is not None:
                    break
            else:
                simpler = None
        if simpler is not None:
            replaced[instruction.output] = simpler
        else:
            producers[instruction.output] = instruction
            kept.append(instruction)
    return program.with_instructions(kept, replaced)


def _now(value: Value, replaced: dict[Value, Value]) -> Value:
    while value in replaced:
        value = replaced[value]
    return value


def _constant(instruction: Instruction, producers) -> Value | None:
    """An operation on small constants of the host is done now."""
    if None in [value.source for value in instruction.inputs]:
        return None
    given = [value.constant for value in instruction.inputs]
    arrays = [array for array in given if isinstance(array, (numpy.ndarray, numpy.generic))]
    if not arrays or len(arrays) < len(given):
        return None
    output = instruction.output
    if (
        any(array.size > FOLDED_ELEMENTS for array in arrays)
        or numpy.prod(output.shape) > FOLDED_ELEMENTS
        or "device" in instruction.params
    ):
        return None
    try:
        with numpy.errstate(all="ignore"):
            array = value_of(instruction, of(arrays[0]), *arrays)
    except TinygradError:
        return None  # which each call will raise, in its turn
    return Value(output.number, output.shape, output.dtype, Constant(numpy.array(array, output.dtype)))


def _broadcast_for_nothing(instruction: Instruction, producers) -> Instruction | None:
    """Elementwise operations broadcast by themselves, if another operand has the shape."""
    for position, value in enumerate(instruction.inputs):
        producer = producers.get(value)
        if producer is not None and producer.op is movement.broadcast_to:
            inputs = list(instruction.inputs)
            inputs[position] = producer.inputs[0]
            if broadcast(*[value.shape for value in inputs]) == instruction.output.shape:
                return Instruction(instruction.op, tuple(inputs), instruction.params, instruction.output)
    return None


def _same(instruction: Instruction, value: Value) -> Value | None:
    """`value`, if it can stand for the output."""
    output = instruction.output
    return value if value.shape == output.shape and value.dtype == output.dtype else None


def _neutral(instruction: Instruction, producers) -> Value | None:
    """x ∘ n is x, with the number n of the row."""
    for position, number in enumerate(instruction.op.neutral):
        value = instruction.inputs[position]
        if number is not None and value.source is not None and _is(value, number):
            return _same(instruction, instruction.inputs[1 - position])
    return None


def _looked_at_once(instruction: Instruction, producers: dict[Value, Instruction]) -> Instruction | None:
    """A check of numbers that were only broadcast, or got another shape, as one of these numbers themselves."""
    producer = producers.get(instruction.inputs[0])
    if producer is None or not size(instruction.output.shape):
        return None
    if producer.op is not movement.broadcast_to and not producer.renames:
        return None
    (x, *_), output = producer.inputs, instruction.output
    output = Value(output.number, x.shape, output.dtype, None, output.scope)  # which nobody reads
    return Instruction(instruction.op, (x,), instruction.params, output)


def _is(value: Value, number: float) -> bool:
    array = value.constant
    if array is None or array.size != 1 or type(array).__module__ != "numpy":
        return False
    return array.item() == number and not numpy.signbit(array.astype(float)).any()


def _undone(instruction: Instruction, producers) -> Value | None:
    """-(-x) is x."""
    producer = producers.get(instruction.inputs[0])
    return _same(instruction, producer.inputs[0]) if producer is not None and producer.op is instruction.op else None


def _moves_nothing(instruction: Instruction, producers) -> Value | Instruction | None:
    """A reshape, broadcast or cast to what x is already; a reshape of a reshape."""
    (x,) = instruction.inputs
    producer = producers.get(x)
    if _same(instruction, x) is not None:
        return x
    if instruction.op is movement.reshape and producer is not None and producer.op is movement.reshape:
        return Instruction(instruction.op, producer.inputs, instruction.params, instruction.output)
    return None


def _in_order(instruction: Instruction, producers) -> Value | Instruction | None:
    """Axes in the order that they have; two permutations are one."""
    axes = instruction.params["axes"]
    if axes == tuple(range(len(axes))):
        return instruction.inputs[0]
    producer = producers.get(instruction.inputs[0])
    if producer is not None and producer.op is movement.permute_dims:
        both = {"axes": tuple(producer.params["axes"][axis] for axis in axes)}
        return Instruction(instruction.op, producer.inputs, both, instruction.output)
    return None


def _first_power(instruction: Instruction, producers) -> Value | None:
    """x¹ is x."""
    return _same(instruction, instruction.inputs[0]) if instruction.params["exponent"] == 1 else None


RULES: dict[Primitive, tuple[Callable, ...]] = {
    elementwise.neg: (_undone,),
    movement.reshape: (_moves_nothing,),
    movement.broadcast_to: (_moves_nothing,),
    elementwise.cast: (_moves_nothing,),
    elementwise.discrete_cast: (_moves_nothing,),
    movement.permute_dims: (_in_order,),
    movement.constant_in: (lambda instruction, producers: instruction.inputs[0],),
    elementwise.power: (_first_power,),
}
"""Primitive -> its rules(instruction, who made each value) -> value, simpler instruction, or None."""


class _Rules(dict[Primitive | Call, tuple[Callable, ...]]):
    """An operation -> the rules that may have something to say of it, in the order in which they are tried."""

    def __missing__(self, op: Primitive | Call) -> tuple[Callable, ...]:
        rules: list[Callable] = []
        if isinstance(op, Primitive):
            rules.append(_constant)
            if op.kind == "elementwise":
                rules.append(_broadcast_for_nothing)
            if op.neutral:
                rules.append(_neutral)
            rules += RULES.get(op, ())
        elif op.checks:
            rules.append(_looked_at_once)
        self[op] = found = tuple(rules)
        return found
