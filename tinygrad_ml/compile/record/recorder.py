"""From a Python function to a program: every operation that runs through the engine is written down.

The function is called once, with `Traced` arrays in place of the real ones in all tensors that were
taken. What it wrote to, and the gradients it left, are read off the tensors afterwards. All of that
happens in their shadows: recording changes nothing, and other threads see nothing of it.

Three things are not operations on tensors, and are handed over explicitly: random numbers (`stream`),
numbers that the host computes for each step, such as a learning rate (`each_time`), and what the
recording relied on (`rely_on`): if that is another one day, the function is recorded anew.

Read before: `program.py`, `traced.py`, `shadow.py`. Read next: `../recording.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy

from ...backend import Device, absent, get, of
from ...backend.arrays import HOST
from ...errors import CompileError, DTypeError
from ...functional.indexing import LookForMistakes
from ...modes import BACKWARD, Place, modes
from ...ops import Primitive, elementwise, movement
from ...ops.index import ARRAY
from ...random.streams import StreamDevice
from ...tensor import Tensor, constants
from ..program import PUT, Call, Instruction, Value
from ..sources import Constant, Gradient, Number, Source, State
from .shadow import Shadows
from .stream import Stream
from .traced import ELSEWHERE, LEFT_BEHIND, WHAT_TO_DO, Traced, traced_type


class Recorder:
    """Writes down what is done to tensors, in this thread and inside of a `with`.

    listens  whether it wants to know of calls of functions that are one operation elsewhere
    """

    listens = False

    def __init__(self):
        self.instructions: list[Instruction] = []
        self.host: list[tuple[Callable, Any, Any]] = []
        self.relied_on: list[Callable] = []
        self._count = 0
        # id of an array -> the array, what stands for it, the value that it has at the start, its tensors
        self._lifted: dict[int, tuple] = {}
        self._casts: dict[tuple, Traced] = {}
        self.shadows = Shadows()
        self.over = False
        self.gradient_of: str | None = None  # where a backward walk is
        self._on_host = False  # whether host code of the step is running

    def new(
        self, shape: tuple[int, ...], dtype: numpy.dtype, source: Source | None = None, scope: tuple[Place, ...] = ()
    ) -> Value:
        """A new value of the program."""
        self._count += 1
        return Value(self._count, shape, dtype, source, scope)

    def stand_in(self, value: Value, device: Device) -> Traced:
        """What stands for an array of that value, on a device."""
        return traced_type(get(device))(self, value.shape, value.dtype, value, device.index)

    def emit(
        self, op: Primitive | Call, inputs: tuple[Value, ...], params: dict, shape: tuple[int, ...], dtype: numpy.dtype
    ) -> Value:
        """Write an instruction down; the value that it gives."""
        if modes.recorder is not self:
            raise CompileError(LEFT_BEHIND if self.over else ELSEWHERE)
        scope = modes.scope
        output = self.new(shape, dtype, None, scope)
        if self.gradient_of is not None and BACKWARD in scope:
            output.gradient_of = self.gradient_of
        self.instructions.append(Instruction(op, inputs, params, output))
        return output

    def read(self, array: Any) -> Value:
        """The value of an array, or of what stands for one."""
        if not isinstance(array, Traced):
            return self._lift(array).value
        if array.recorder is not self:
            raise CompileError(LEFT_BEHIND)
        if array.value is None:  # it was computed past the engine
            raise CompileError(WHAT_TO_DO)
        if array.base is not None and array.owner.written != array.seen:
            array.value, array.seen = array.taken_again(), array.owner.written
        return array.value

    def _overwrite(self, array: Traced, value: Value) -> None:
        """Let the array, and so all that looks at its memory, hold another value."""
        if array.base is None:
            array.value = value
            array.written += 1
            return
        self._overwrite(array.base, array.written_through(value))
        array.value, array.seen = value, array.owner.written

    def _lift(self, array: Any, tensor: Tensor | None = None) -> Traced:
        """What stands for a real array from now on."""
        key = id(array)
        if key not in self._lifted:
            backend = of(array)
            if absent(array):
                raise CompileError("a function of symbols cannot be recorded by tg.compile: it needs real tensors")
            value = self.new(array.shape, array.dtype)
            traced = traced_type(backend)(self, value.shape, value.dtype, value, backend.index_of(array))
            traced.in_order = bool(array.flags.c_contiguous)
            self._lifted[key] = (array, traced, value, [])
        array, traced, _, tensors = self._lifted[key]
        if tensor is not None:
            tensors.append(weakref.ref(tensor))
        return traced

    def take(self, tensor: Tensor, source: Source | None = None) -> None:
        """Put a stand-in in the place of the tensor's array, until the recording is over."""
        if self.shadows.of(tensor) is not None or absent(tensor._data) or isinstance(tensor._data, Traced):
            return
        gradient = tensor._grad
        traced = self._lift(tensor._data, tensor)
        if source is not None:
            traced.value.source = source
            traced.in_order = False  # that of another call may lie otherwise
        self.shadows.cast(tensor, traced)
        if gradient is not None:
            self.take(gradient, Gradient(tensor))

    def array_for_host(self, traced: Traced) -> Any:
        """The array that `traced` stands for, if host code asks, which runs before all of a step; else None."""
        if not self._on_host:
            return None
        return next((array for array, stand_in, *_ in self._lifted.values() if stand_in is traced), None)

    def _standing_for(self, tensor: Tensor) -> Traced:
        """What stands for the array of a tensor."""
        array = tensor._data
        if isinstance(array, Traced):
            return array
        if isinstance(array, numpy.generic) and not tensor._needs:
            return self._lift(array, tensor)  # a number of a formula, which other threads may share
        self.take(tensor)
        return tensor._data if isinstance(tensor._data, Traced) else self._lift(tensor._data)

    def watch(self, op: Primitive, inputs: Sequence[Tensor], params: dict[str, Any], output: Tensor) -> None:
        """Write down an operation that the engine has just applied."""
        made = output._data
        if isinstance(made, Traced) and made.value is not None:
            return  # a cast, or an operation that hands its input on
        arrays = self._operands(op, inputs)
        if not isinstance(made, Traced):
            made = arrays[0].like(made.shape, made.dtype)
        values, truths = [], op.kind == "elementwise"
        for array in arrays:  # in one go, as most of the time of a recording is spent here
            values.append(self.read(array))
            truths = truths and array.dtype.kind == "b"
            made.in_order = made.in_order and array.in_order  # what is computed lies as its operands do
        if truths:
            _refuse_what_truths_have_not(op, arrays)
        made.value = self.emit(op, tuple(values), params, made.shape, made.dtype)
        view = op.view
        if view is not None and arrays and arrays[0].shape and view.when(made.shape, **params):
            made.in_order = made.in_order and view.order == "kept"
            made.look_at(arrays[0], op, params)
        output._data = made
        node = output._node
        if node is not None and node.plan is not None and node.saved:
            node.saved = node.plan.keep((*arrays, made))

    def _operands(self, op: Primitive, inputs: Sequence[Tensor]) -> list[Traced]:
        """What stands for the arrays of tensors, in the dtype and the place in which the operation takes them."""
        arrays = []
        for tensor in inputs:
            array = tensor._data
            arrays.append(array if isinstance(array, Traced) else self._standing_for(tensor))
        if op.coerce is not None:
            arrays = op.coerce(arrays)
        for array in arrays:
            if type(array) is not type(arrays[0]):
                return self._together(arrays)
        return arrays

    def _together(self, arrays: list[Traced]) -> list[Traced]:
        """The arrays with numbers of a formula, which lie on the host, as if they lay where the others do."""
        placed: Any = next((array for array in arrays if of(array).kind != "cpu"), arrays[0])

        def there(array: Traced) -> Traced:
            return array if type(array) is type(placed) else placed.like(array.shape, array.dtype, self.read(array))

        return list(map(there, arrays))

    def cast(self, array: Traced, dtype: numpy.dtype) -> Traced:
        """`array.astype(dtype)`"""
        value = self.read(array)
        if array.dtype == dtype:
            return array.copy()
        if (value, dtype) not in self._casts:
            kind = elementwise.cast if dtype.kind == "f" else elementwise.discrete_cast
            made = self.emit(kind, (value,), {"dtype": dtype}, array.shape, dtype)
            self._casts[value, dtype] = array.like(array.shape, dtype, made)
        return self._casts[value, dtype].copy()

    def write(self, array: Traced, key: Any, values: Any) -> None:
        """`array[key] = values`"""
        if not hasattr(values, "dtype"):
            values = numpy.asarray(values)
        value = self.read(self.cast(values if isinstance(values, Traced) else self._lift(values), array.dtype))
        if key is Ellipsis:
            if value.shape != array.shape:
                if movement.broadcast_to.shape(value.shape, shape=array.shape) != array.shape:
                    raise CompileError(f"cannot write shape {value.shape} into shape {array.shape}")
                value = self.emit(movement.broadcast_to, (value,), {"shape": array.shape}, array.shape, array.dtype)
        else:
            parts = key if isinstance(key, tuple) else (key,)
            arrays = [part for part in parts if hasattr(part, "dtype")]
            template = tuple(ARRAY if hasattr(part, "dtype") else part for part in parts)
            inputs = (self.read(array), value, *map(self.read, arrays))
            value = self.emit(PUT, inputs, {"index": template}, array.shape, array.dtype)
        self._overwrite(array, value)

    def each_time(self, function: Callable, beside: Tensor | None) -> Any:
        """Run host code now, and note that every replay has to."""
        self._on_host = True
        try:
            given = function()
        finally:
            self._on_host = False
        if beside is None:
            self.host.append((function, None, None))
            return given
        numbers = {name: self.new((), beside.dtype, Number(len(self.host), name)) for name in given}
        self.host.append((function, beside.dtype, given))
        return {name: Tensor(self.stand_in(number, beside.device)) for name, number in numbers.items()}

    def rely_on(self, function: Callable) -> None:
        """Note that the program is right only while `function()` is what it was before the step."""
        self.relied_on.append(function)

    def check(self, look: LookForMistakes, tensor: Tensor) -> None:
        """Note that every replay has to look at the array, which raises if there is a mistake in it."""
        value = self.read(self._standing_for(tensor))

        def checked(xp: Any, x: Any, below: int | None) -> Any:
            look(x)
            return x

        self.emit(Call("check", checked, checks=True), (value,), {"below": look.below}, value.shape, value.dtype)

    def called(self, place: Place, what: Any, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        """Note that a function which is composed of operations, or an operator of a file, was called, and what it gave: of use
        to who reads programs."""

    def __enter__(self) -> Recorder:
        modes.recorder, modes.stream = self, lambda device: Stream(self, StreamDevice(device))
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of all tensors, and be of no more use."""
        for _, shadow in self.shadows:
            node = shadow.before.node
            if node is not None and isinstance(node.value, Traced):  # by `x.data = ...`
                node.value = shadow.before.data
        self.shadows.lift()
        modes.recorder, modes.stream, self.over = None, None, True
        # What stands for an array knows the recorder, and may live on. It shall not keep what was recorded with it.
        self._lifted.clear()
        self._casts.clear()
        self.instructions, self.host, self.relied_on = [], [], []

    def was_made_here(self, tensor: Tensor) -> bool:
        """Whether the function has made the tensor."""
        return isinstance(tensor._data, Traced) and self.shadows.of(tensor) is None

    def replaced(self) -> Iterator[tuple[Tensor, str, Tensor | None]]:
        """(tensor, "data" or "grad", what has that array now, or is its gradient): what is another than at the start, and
        gradients that were put there, whatever was there before."""
        for tensor, shadow in self.shadows:
            if shadow._data is not self._lifted[id(shadow.before.data)][1]:
                yield tensor, "data", tensor
            if shadow.gradient is not shadow.before.gradient or shadow.first_use == "put":
                yield tensor, "grad", shadow.gradient

    def read_gradients(self) -> dict[Tensor, bool]:
        """Whether they had one before, for the tensors of which the function has asked that before it put one there."""
        read = [(x, shadow.before) for x, shadow in self.shadows if shadow.first_use == "read"]
        return {tensor: before.gradient is not None for tensor, before in read if before.needs}

    def value_of(self, tensor: Tensor) -> Value:
        """What the tensor holds now."""
        return self.read(self._standing_for(tensor))

    def writes(self, made: set[int]) -> list[tuple[Value, Value]]:
        """(memory, value) of all memory that was overwritten and is somebody's. `made` are the ids of tensors that the
        function made and returns: they are the caller's, and other ones in each step."""
        writes = []
        for array, traced, first, tensors in self._lifted.values():
            source = first.source
            if isinstance(source, Gradient) and getattr(self.shadows.of(source.tensor), "first_use", None) != "read":
                source = None  # a tensor by itself, which is known in another way
            first.source = source or _source_of(array, tensors, made)
            if traced.written and not isinstance(first.source, Constant):  # else it was made here, and nobody has it
                writes.append((first, traced.value))
        return writes


def _source_of(array: Any, tensors: list[weakref.ref], made: set[int]) -> Source:
    """State if somebody still holds a tensor of this array, and may change it; else a constant."""
    alive = [tensor for reference in tensors if (tensor := reference()) is not None and id(tensor) not in made]
    if isinstance(array, numpy.generic):
        known = set(map(id, constants.values()))
        alive = [tensor for tensor in alive if id(tensor) not in known]
    return State(alive[0]) if alive else Constant(array)


def _refuse_what_truths_have_not(op: Primitive, arrays: list[Traced]) -> None:
    """`DTypeError` for an operation that there is for numbers only, such as a difference: shapes do not say so."""
    try:
        op.value(HOST, *[numpy.zeros((), bool) for _ in arrays])
    except TypeError as error:
        what = ", ".join(f"a tensor of shape {array.shape} and dtype bool" for array in arrays)
        raise DTypeError(f"{op.name} of {what}: {error}") from None
