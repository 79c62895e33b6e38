"""Memory of their own for what is handed out: a copy where a result would share memory with something else.

A result that is a view of a parameter would change with it; two results that are one array would
change with each other; what is written into a parameter must not come from memory that another write
changes first.
"""

from __future__ import annotations

from ..passes.rewriting import Rewriting
from ..program import COPY, Program, Value


def ownership(program: Program) -> Program:
    """With copies, so that every result and every written value is computed, and none shares memory."""
    producers, taken = program.producers(), set()
    copies = Rewriting(program)

    def own(value: Value, may_be_view: bool) -> Value:
        root, straight = value, True
        while root in producers and producers[root].op.kind == "view":
            straight = straight and producers[root].renames
            root = producers[root].inputs[0]
        if root in producers and root not in taken and (straight or may_be_view):
            taken.add(root)
            return value
        copies.scope = value.scope
        return copies.new(COPY, (value,), value.shape, value.dtype)

    writes = [(memory, own(value, may_be_view=True)) for memory, value in program.writes]
    results = [own(value, may_be_view=False) for value in program.results]
    new = copies.producers.values()
    first = [copy for copy in new if copy.inputs[0] not in producers]  # before anything is overwritten
    last = [copy for copy in new if copy.inputs[0] in producers]
    return Program([*first, *program.instructions, *last], results, writes)
