"""What stands in the place of arrays while a function is recorded: a shape, a dtype and a value of the program.

Nothing is computed while recording. The engine asks each operation's shape rule instead, as it does
for symbols, and everything that would need numbers (`float(loss)`, `if loss > 1`, NumPy's functions)
has none to read: so nothing that changes from step to step can slip into a program as a constant.

Read next: `recorder.py`.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy

from ...backend import Absent, register
from ...backend.host import Backend
from ...errors import CompileError
from ...modes import modes
from ...ops import Primitive
from ...ops.movement import constant_in, reshape
from ...ops.shapes import size
from ...tensor import Tensor
from ..program import PUT, Value

WHAT_TO_DO = (
    "while a function is recorded by tg.compile there are no numbers to read, only shapes. Return the tensor and read it "
    "outside; choose between tensors by tg.where; or leave the function uncompiled"
)
READERS = {
    "__float__": "float()",
    "__int__": "int()",
    "__index__": "using it as an index or a whole number",
    "__bool__": "`if`, `while`, `and`, `or`, `not` or bool()",
    "__contains__": "`in`",
    "__repr__": "print() or repr()",
    "__format__": "an f-string or format()",
    "__array__": "a function of NumPy",
    "__dlpack__": "another library",
    "data": ".data",
}
"""Methods of tensors that read numbers, and what calls them."""


def no_numbers() -> CompileError:
    """What to raise where somebody reads numbers, and says by what."""
    frame, reader = sys._getframe(1), None
    while frame is not None:
        in_class = frame.f_globals["__name__"] in (
            Tensor.__module__,
            Tensor.__bool__.__module__,
            Tensor.assign.__module__,
        )
        if in_class and isinstance(frame.f_locals.get("self"), Tensor):
            reader = frame  # the outermost one is what the function has called
        elif reader is not None:
            break
        frame = frame.f_back
    if reader is None:
        return CompileError(WHAT_TO_DO)
    name = reader.f_code.co_name
    how = READERS.get(name, f".{name}()")
    return CompileError(f"{how} reads {reader.f_locals['self']._described()}, but {WHAT_TO_DO}")


LEFT_BEHIND = (
    "a tensor that was made while a function was recorded by tg.compile was kept, and that recording is over: it has no "
    "numbers, and never will. Return the tensor from the function, or keep numbers in one that is there beforehand, by assign()"
)

ELSEWHERE = (
    "what other threads compute is not recorded by tg.compile, only what the thread does that calls the function. Let "
    "threads call the compiled function, and start none in it"
)


class Unreadable(TypeError):
    """NumPy has asked for numbers. The engine then asks the shape rule instead; if nobody does, it is an error."""


_FLAGS, _FLAGS_OF_MANY = (SimpleNamespace(c_contiguous=False, writeable=writeable) for writeable in (True, False))
"""Nobody shall look for blocks in it; and of an array that shows one number in several places."""


class Traced(Absent):
    """Stands for the array of one tensor, and of all that share its memory.

    A value of a program never changes. So after a write all that looks at the memory is another value: a view through
    which was written puts it into the whole, and other views are taken again when they are read.

    recorder   who writes the program
    value      what it holds now; another one after it was written to
    base       whose memory this looks at, for a view; `by`, the operation that takes it, and its parameters
    written    how often it was written to; `seen`, how often its owner had been, when this view was taken
    in_order   whether it surely lies in memory as NumPy lays out a new array
    index      of the device
    """

    __slots__ = ("recorder", "value", "base", "by", "index", "written", "seen", "in_order", "__weakref__")
    strides = ()

    def __init__(self, recorder: Any, shape: tuple[int, ...], dtype: numpy.dtype, value: Any = None, index: int = 0):
        self.shape, self.dtype, self.recorder, self.index = shape, dtype, recorder, index
        self.value: Any = value
        self.base: Any = None
        self.by: tuple = ()
        self.written, self.seen, self.in_order = 0, 0, True

    @property
    def size(self) -> int:
        """The number of elements."""
        return size(self.shape)

    @property
    def owner(self) -> Traced:
        """What owns the memory that it looks at."""
        return self if self.base is None else self.base.owner

    @property
    def flags(self) -> SimpleNamespace:
        """Whether it lies in order, as an array says it."""
        if self.base is None:
            return _FLAGS
        return _FLAGS_OF_MANY if self.by[0].view.many else self.base.flags

    def look_at(self, base: Traced, op: Primitive, params: dict) -> None:
        """From now on this is a view of the memory of `base`."""
        self.base, self.by, self.seen = base, (op, params), base.owner.written

    def taken_again(self) -> Value:
        """What this view shows after the memory was overwritten that it looks at."""
        (op, params), base = self.by, self.base
        if op is reshape and not base.in_order:
            raise CompileError(
                "a reshaped tensor is read after the memory was overwritten that it was reshaped of, by assign() or an optimiser, "
                "in a function recorded by tg.compile: whether that is a view, is not known there. Reshape again after the write"
            )
        value = self.recorder.read(base)
        return value if op is constant_in else self.recorder.emit(op, (value,), params, self.shape, self.dtype)

    def written_through(self, value: Value) -> Value:
        """What the whole is at which this view looks, when `value` is written to the view."""
        (op, params), base, recorder = self.by, self.base, self.recorder
        if op.view.order == "part":
            return recorder.emit(PUT, (recorder.read(base), value), params, base.shape, base.dtype)
        if op.view.back is not None and (base.in_order or op.view.order != "kept" or op is constant_in):
            back, params = op.view.back(base.shape, **params)
            return recorder.emit(back, (value,), params, base.shape, base.dtype)
        raise CompileError(
            f"what {op.name} gives is overwritten in a function recorded by tg.compile, where it is not known whether that is a "
            f"view of other memory; write to the tensor itself"
        )

    def like(self, shape: tuple[int, ...], dtype: numpy.dtype, value: Any = None) -> Traced:
        if modes.recorder is not self.recorder and not self.recorder.over:
            raise CompileError(ELSEWHERE)
        return type(self)(self.recorder, shape, dtype, value, self.index)

    def _beside(self, other: Any) -> Any:
        """What an operator of Python's gives where that goes without saying: of floats of one dtype and shape, or with a number.
        Elsewhere the engine asks the operation's shape rule, which takes several times as long."""
        if getattr(other, "dtype", None) is not self.dtype or self.dtype.kind != "f":
            return NotImplemented
        if type(other) is type(self):
            shape = self.shape or other.shape
            if other.shape not in (shape, ()) or other.index != self.index or other.recorder is not self.recorder:
                return NotImplemented
            return self.like(shape, self.dtype)
        return self.like(self.shape, self.dtype) if isinstance(other, numpy.generic) else NotImplemented

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _beside

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        """The same in another dtype."""
        return self.recorder.cast(self, numpy.dtype(dtype))

    def copy(self) -> Traced:
        """The same numbers, as they are now, in memory of their own."""
        return type(self)(self.recorder, self.shape, self.dtype, self.recorder.read(self), index=self.index)

    def __setitem__(self, key: Any, values: Any) -> None:
        self.recorder.write(self, key, values)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise Unreadable(WHAT_TO_DO)


class _Tracing(Backend):
    """The backend of traced arrays: makes constants on the real device, and refuses to read."""

    symbolic = True

    def __init__(self, real: Backend):
        self._real, self.namespace = real, real.namespace
        vars(self)["kind"] = real.kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def shown(self, array: Traced) -> Traced:
        self.to_host(array)  # or the error that says who asks for numbers
        return array

    def to_host(self, array: Traced) -> Any:
        real = array.recorder.array_for_host(array)
        if real is None:
            if modes.recorder is array.recorder:
                raise no_numbers()
            raise CompileError(LEFT_BEHIND if array.recorder.over else ELSEWHERE)
        return self._real.to_host(real)

    def moved(self, array: Traced, there: Any, index: int) -> Traced:
        return traced_type(there)(array.recorder, array.shape, array.dtype, index=index)

    def nonzero(self, array: Traced) -> NoReturn:
        raise CompileError(
            "where a boolean mask is True, and how often, is not known while a function is recorded by tg.compile, so it "
            "cannot be an index. Use tg.where(mask, x, 0) instead of x[mask], and x = tg.where(mask, value, x) instead of "
            "x[mask] = value (which is recorded if the value is one number, or one row for each True)"
        )

    @staticmethod
    def erf(x: Traced) -> NoReturn:
        """No number; and no library is imported that would have said so, which takes a tenth of a second."""
        raise Unreadable(WHAT_TO_DO)

    erfc = erf

    @staticmethod
    def index_of(array: Traced) -> int:
        return array.index


_kinds: dict[str, type[Traced]] = {}


def traced_type(real: Any) -> type[Traced]:
    """The type of arrays that stand for those of the backend `real`."""
    if real.kind not in _kinds:
        kind = type("Traced", (Traced,), {"__slots__": ()})
        register(kind, _Tracing(real))
        _kinds[real.kind] = kind
    return _kinds[real.kind]
