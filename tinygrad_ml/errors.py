"""The errors a user can meet. Each is also the built-in kind that one would expect to catch.

A message says three things: what was given, what was expected, and what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ops import Primitive
    from .tensor import Tensor


class TinygradError(Exception):
    """Anything that tinygrad_ml itself reports.

    operation  what could not be computed, where it is known
    inputs     the tensors that it was given
    """

    def __init__(self, message: str = "", operation: Primitive | None = None, inputs: tuple[Tensor, ...] = ()):
        super().__init__(message)
        self.operation, self.inputs = operation, inputs

    def __reduce__(self) -> tuple:
        return type(self), self.args  # to another process go the words, and not the operation and its inputs


class ShapeError(TinygradError, ValueError):
    """Shapes or axes that do not fit an operation."""


class AxisError(ShapeError, IndexError):
    """An axis that a tensor does not have, or an index that does not fit its axes."""


class DTypeError(TinygradError, TypeError):
    """A dtype, or a kind of Python object, that an operation cannot work on."""


class DeviceError(TinygradError, RuntimeError):
    """Devices that were mixed, or a device that this machine does not have."""


class GradientError(TinygradError, RuntimeError):
    """A gradient that does not exist, or that can no longer be computed."""


class AnomalyError(GradientError, FloatingPointError):
    """A nan that `detect_anomaly` caught where it was made."""


class RangeError(TinygradError, IndexError):
    """An index or a class label outside of its range."""


class OptionError(TinygradError, ValueError):
    """An unknown or impossible option, such as a negative learning rate."""


class SpellingError(TinygradError, AttributeError, TypeError):
    """A name, or an argument, that is another library's.

    line   what to write instead, or "" where there is nothing like it
    typed  what was typed, where that is known
    """

    def __init__(self, message: str = "", line: str = "", typed: str | None = None):
        super().__init__(message)
        self.line, self.typed = line, typed


class SpellingImportError(TinygradError, ImportError):
    """A name that is another library's, and was to be imported."""

    def __init__(self, message: str = "", name: str | None = None):
        super().__init__(message)
        self.name = name


class CompileError(TinygradError, RuntimeError):
    """Something in a function given to `tg.compile` that cannot be recorded."""


class DataError(TinygradError, ValueError):
    """A data file that is missing, corrupt or truncated."""


class UnsupportedError(TinygradError, NotImplementedError):
    """Something that a file has, or would have to have, and that there is no counterpart for."""


class CheckpointError(TinygradError, ValueError):
    """A checkpoint that cannot be written or read, or that belongs to another network."""


class RankError(TinygradError, RuntimeError):
    """Something that another process of the group did, or did not do: it ended, sleeps, or does something else.

    ranks  the numbers of those that are meant, where they are known
    """

    def __init__(self, message: str = "", ranks: tuple[int, ...] = ()):
        super().__init__(message)
        self.ranks = ranks
