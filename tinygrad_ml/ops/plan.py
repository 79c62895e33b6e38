"""What is due in the backward pass, read off the rules of an operation: which arrays to keep, and what to call.

Read before: `primitive.py`.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .primitive import Primitive


class Plans(dict):
    """The plans of one primitive, each made at its first use; None if no gradient can flow."""

    def __init__(self, primitive: Primitive):
        self._primitive = primitive

    def __missing__(self, needs: tuple[bool, ...]) -> Plan | None:
        self[needs] = plan = Plan(self._primitive, needs) if self._primitive.gradient and True in needs else None
        return plan


OUTPUT = -1  # in `Plan.kept`: the output itself
ON_ARRAYS = {"mT", "reshape", "astype", "shape", "dtype", "slice", "kept", "accumulator", "chosen", "_inverse"}
"""What a rule may ask of NumPy's arrays as well as of tensors, and the functions that take both."""


class Plan:
    """The backward work of one operation, for one pattern of inputs that need a gradient.

    primitive    the operation
    steps   (position, rule, pick, extras): for each such input its rule, `pick(saved)` which takes
            the arrays that the rule names from the node's `saved`, and the other names
    plain   whether all of these rules may compute with arrays in place of tensors
    kept    which arrays are saved: positions of inputs, or OUTPUT
    many    the places in `saved` of the inputs that a name with `*` stands for
    keep    `keep((*inputs, output))`: the tuple of arrays that is saved
    reached `reached(inputs)`: those inputs to which a gradient flows
    """

    __slots__ = ("primitive", "steps", "plain", "kept", "many", "keep", "reached")

    def __init__(self, primitive: Primitive, needs: tuple[bool, ...]):
        self.primitive = primitive
        self.kept: list[int] = []
        self.steps: list[tuple[int, Callable, Callable, tuple[str, ...]]] = []
        self.many: tuple[int, ...] = ()
        for position, needed in enumerate(needs):
            if not needed:
                continue
            rule = primitive.rule(position)
            saved, extras = [], []
            for name in list(inspect.signature(rule).parameters)[1:]:
                if name == "y" or name in primitive.inputs:
                    saved.append(self._slot(OUTPUT if name == "y" else primitive.inputs.index(name)))
                    continue
                extras.append(name)
                if name + "*" in primitive.inputs:
                    first = primitive.inputs.index(name + "*")
                    self.many = tuple(self._slot(source) for source in range(first, len(needs)))
            self.steps.append((position, rule, _picker(saved), tuple(extras)))
        self.plain = primitive.take_apart is not None or all(takes_arrays(step[1]) for step in self.steps)
        self.keep = _picker(self.kept)
        self.reached = tuple if all(needs) else _picker([step[0] for step in self.steps])

    def _slot(self, source: int) -> int:
        """The place in `saved` of the array from `source`, which is kept from now on."""
        if source not in self.kept:
            self.kept.append(source)
        return self.kept.index(source)


def takes_arrays(rule: Callable, deep: int = 3) -> bool:
    """Whether a rule is made of operators, numbers and operations, and of what is in `ON_ARRAYS`: it can compute with NumPy's
    arrays then, where nobody wants to differentiate what it computes."""
    others = set(rule.__code__.co_names) - ON_ARRAYS
    for step in dis.get_instructions(rule) if others else ():  # to read a rule takes long, and most ask for nothing
        if step.argval in others:
            what = rule.__globals__.get(step.argval) if step.opname == "LOAD_GLOBAL" else None
            known = hasattr(what, "plans") or isinstance(what, float)
            if not known and not (deep and inspect.isfunction(what) and takes_arrays(what, deep - 1)):
                return False
    return not rule.__closure__


def _picker(places: list[int]) -> Callable:
    """A function from a sequence to the tuple of its elements at `places`."""
    if len(places) == 1:
        only = places[0]
        return lambda sequence: (sequence[only],)
    return itemgetter(*places) if places else lambda sequence: ()
