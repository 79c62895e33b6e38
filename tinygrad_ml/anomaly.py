"""Finding where a nan comes from. Nothing in the core asks for it: it watches, as `modes/watching.py` lets anybody do."""

import sys

from . import backend
from .backend import is_float
from .errors import AnomalyError
from .modes import modes, part_of, watching
from .tensor import Tensor


class detect_anomaly(watching):
    """Inside, an operation that makes a nan out of numbers raises `AnomalyError` at once.

    In the forward pass the error names the operation, its inputs, its module and the line of the
    program; in the backward pass also the operation whose gradient it was. Every result is looked
    at, which costs time (and on a GPU waits for the device): for finding a fault, not for training.

    >>> with tg.detect_anomaly():
    ...     loss = model(x); loss.backward()
    """

    def __init__(self):
        super().__init__(_stop_at_nan)


def _stop_at_nan(op, inputs, params, output: Tensor) -> None:
    line = _line_of_the_program()
    if output._node is not None:
        output._node.line = line
    if output.symbolic or not _has_nan(output) or any(_has_nan(tensor) for tensor in inputs):
        return
    given = ", ".join(tensor._described() for tensor in inputs)
    raise AnomalyError(f"'{op.name}'{part_of(modes.scope)} made nan out of {given}, called at {line}")


def _has_nan(x: Tensor) -> bool:
    return is_float(x.dtype) and bool(backend.of(x._data).isnan(x._data).any())


_PACKAGE = __name__.partition(".")[0]


def _line_of_the_program() -> str:
    """File and line of the innermost caller outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
