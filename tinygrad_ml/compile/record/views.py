"""What looks at the memory of another array while a function is recorded: views, which are overwritten with it.

A value of a program never changes. So after a write all that looks at the memory is another value: a view through which
was written puts it into the whole, and other views are taken again when they are read.

Read next: `traced.py`, `recorder.py`.
"""

from __future__ import annotations

from typing import Any

from ...errors import CompileError
from ...ops.movement import constant_in, reshape
from ..program import PUT, Value


def taken_again(view: Any, recorder: Any) -> Value:
    """What a view shows after the memory was overwritten that it looks at."""
    op, params = view.by
    if op is reshape and not view.base.in_order:
        raise CompileError(
            "a reshaped tensor is read after the memory was overwritten that it was reshaped of, by assign() or an optimiser, "
            "in a function recorded by tg.compile: whether that is a view, is not known there. Reshape again after the write"
        )
    value = recorder.read(view.base)
    return value if op is constant_in else recorder.emit(op, (value,), params, view.shape, view.dtype)


def written_through(view: Any, value: Value, recorder: Any) -> Value:
    """What the whole is at which a view looks, when `value` is written to the view."""
    (op, params), base = view.by, view.base
    if op.view.order == "part":
        return recorder.emit(PUT, (recorder.read(base), value), params, base.shape, base.dtype)
    if op.view.back is not None and (base.in_order or op.view.order != "kept" or op is constant_in):
        back, params = op.view.back(base.shape, **params)
        return recorder.emit(back, (value,), params, base.shape, base.dtype)
    raise CompileError(
        f"what {op.name} gives is overwritten in a function recorded by tg.compile, where it is not known whether that is a "
        f"view of other memory; write to the tensor itself"
    )
