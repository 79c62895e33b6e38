"""What stands in the place of arrays while a function is recorded: a shape, a dtype and a value of the program.

Nothing is computed while recording. The engine asks each operation's shape rule instead, as it does
for symbols, and everything that would need numbers (`float(loss)`, `if loss > 1`, NumPy's functions)
has none to read: so nothing that changes from step to step can slip into a program as a constant.

Read next: `recorder.py`.
"""

from __future__ import annotations

import numpy

from ..backend import Absent, get, register
from ..backend.host import Backend
from ..errors import CompileError
from ..ops.shapes import size

WHAT_TO_DO = (
    "while a function is recorded by tg.compile there are no numbers to read: not by float(), .item(), .numpy(), "
    ".data, print, or `if` on a tensor. Return the tensor and read it outside; choose between tensors by "
    "tg.where; or leave the function uncompiled"
)

LEFT_BEHIND = (
    "a tensor that was made while a function was recorded by tg.compile was kept, and that recording is over: it has no "
    "numbers, and never will. Return the tensor from the function, or keep numbers in one that is there beforehand, by assign()"
)


class _Flags:
    c_contiguous = False  # so that nobody looks for blocks in it
    writeable = True


class Traced(Absent):
    """Stands for the array of one tensor, and of all that share its memory.

    recorder   who writes the program
    value      what it holds now; another one after it was written to
    base       whose memory this looks at, for a view
    written    how often it was written to; `seen`, how often its owner had been, when this view was made
    index      of the device
    """

    __slots__ = ("recorder", "value", "base", "index", "written", "seen", "__weakref__")
    flags = _Flags
    strides = ()

    def __init__(self, recorder, shape, dtype, value=None, base: Traced | None = None, index: int = 0):
        super().__init__(tuple(shape), numpy.dtype(dtype))
        self.recorder, self.value, self.base, self.index = recorder, value, base, index
        self.written = 0
        self.seen = base.owner.written if base is not None else 0

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return size(self.shape)

    @property
    def owner(self) -> Traced:
        return self if self.base is None else self.base.owner

    def like(self, shape, dtype) -> Traced:
        return type(self)(self.recorder, shape, dtype, index=self.index)

    def astype(self, dtype, copy: bool = True) -> Traced:
        return self.recorder.cast(self, numpy.dtype(dtype))

    def copy(self) -> Traced:
        return type(self)(self.recorder, self.shape, self.dtype, self.recorder.read(self), index=self.index)

    def __setitem__(self, key, values) -> None:
        self.recorder.write(self, key, values)

    def __array__(self, *_, **__):
        raise TypeError(WHAT_TO_DO)

    def __len__(self) -> int:
        return self.shape[0]


class _Tracing(Backend):
    """The backend of traced arrays: makes constants on the real device, and refuses to read."""

    def __init__(self, real):
        self._real, self.kind, self.namespace = real, real.kind, real.namespace

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    def to_host(self, array):
        real = array.recorder.array_for_host(array)
        if real is None:
            raise CompileError(LEFT_BEHIND if array.recorder.over else WHAT_TO_DO)
        return self._real.to_host(real)

    def moved(self, array, device):
        return traced_type(get(device))(array.recorder, array.shape, array.dtype, index=device.index)

    def nonzero(self, array):
        raise CompileError(
            "a boolean mask as an index takes as many elements as are True, and how many those are is not known "
            "while a function is recorded by tg.compile. Use tg.where(mask, x, 0) instead of x[mask]"
        )

    @staticmethod
    def index_of(array) -> int:
        return array.index


_kinds: dict[str, type[Traced]] = {}


def traced_type(real) -> type[Traced]:
    """The type of arrays that stand for those of the backend `real`."""
    if real.kind not in _kinds:
        made = type("Traced", (Traced,), {"__slots__": ()})
        register(made, _Tracing(real))
        _kinds[real.kind] = made
    return _kinds[real.kind]
