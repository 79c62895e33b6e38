"""`viz.steps`: the forward and the backward pass as a table, in the order in which the engine works.

Read before: `telling.py`, where the steps come from. Read next: `page/`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, overload

from .arranging import Arrangement
from .asked import Drawable, outputs_of
from .known import Known
from .notebook import table_html
from .telling import Step, tell

COLUMNS = ("step", "operation", "rule", "shapes", "value", "gradient", "check")
_WIDEST = 58


def steps(
    what: Drawable,
    *,
    input_shape: Sequence[int] | None = None,
    inputs: Sequence[Any] | None = None,
    check: bool = False,
    limit: int = 3000,
) -> Steps:
    """The steps by which a tensor and its gradients are computed, with this run's shapes and numbers.

    what         a tensor, or several; with `input_shape` or `inputs` a module or function, as for `draw`
    check        try each gradient by a finite difference too, in float64, along one direction; for a tensor this is a
                 random one, so that what is compared is the slope along it, and not each element
    limit        refuse to tell of more nodes than that

    Forward, a step is an operation. Backward, it is one share of gradient that arrives at a tensor;
    then the sum over the axes along which the tensor was broadcast, and the sum with the shares that
    came earlier, where there are such.

    Returns `Steps`, a sequence of `Step`s whose text is the table. Changes nothing, keeps nothing.

    >>> print(viz.steps(loss))
    """
    asked = outputs_of(what, input_shape, inputs, sys._getframe(1))
    arrangement = Arrangement(asked.outputs, "forward", None, False, limit, usual="operations", called=asked.called)
    learns = any(node.needs_grad for node in arrangement.outputs)
    known = Known(arrangement.order, arrangement.outputs, back=learns, check=check)
    return Steps(tell(arrangement, {}, known), asked.notes)


class Steps(Sequence):
    """Steps in their order; printed, or shown by a notebook, they are a table.

    notes  what has to be known of all of them: they are printed first
    """

    def __init__(self, steps: Sequence[Step], notes: Sequence[str] = ()):
        self._steps, self.notes = tuple(steps), tuple(notes)

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self._steps[index]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    def __str__(self) -> str:
        rows = [COLUMNS, *map(row, self._steps)]
        if not any(step.check for step in self._steps):
            rows = [cells[:-1] for cells in rows]
        last = len(COLUMNS) - 1  # a check ends with its verdict, and nothing follows that it would push aside
        rows = [[*map(_clip, cells[:last]), *cells[last:]] for cells in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows
        ]
        return "\n".join([*self.notes, lines[0], "  ".join("─" * width for width in widths), *lines[1:]])

    def _repr_html_(self) -> str:
        shown = COLUMNS if any(step.check for step in self._steps) else COLUMNS[:-1]
        return table_html(shown, [row(step)[: len(shown)] for step in self._steps], self.notes)

    def __repr__(self) -> str:
        backward = sum(step.phase == "backward" for step in self._steps)
        return f"<{len(self)} steps: {len(self) - backward} forward, {backward} backward; print them for the table>"


def row(step: Step) -> tuple[str, ...]:
    """A step as the cells of the table, in the order of `COLUMNS`."""
    result = step.numbers or step.value
    value, gradient = (result, "") if step.phase == "forward" else ("", result)
    return (str(step.number), step.operation, step.rule, step.shapes, value, gradient, step.check)


def _clip(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
