"""From a Python function to a program: every operation that runs through the engine is written down.

The function is called once, with `Traced` arrays in place of the real ones in all tensors that it
could reach. What it wrote to, and the gradients it left, are read off the tensors afterwards. All of
that happens in their shadows: recording changes nothing, and other threads see nothing of it.

Three things are not operations on tensors, and are handed over explicitly: random numbers (`stream`),
numbers that the host computes for each step, such as a learning rate (`each_time`), and what the
recording relied on (`conditions`): if that is another one day, the function is recorded anew.

Read before: `program.py`, `traced.py`, `shadow.py`. Read next: `guards/state.py`, how tensors are found.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import numpy

from ...backend import Device, absent, get, of
from ...backend.arrays import HOST
from ...backend.random import Place
from ...errors import CompileError, DTypeError
from ...modes import modes, watching
from ...ops import elementwise, movement
from ...ops.index import ARRAY
from ...structure import containers, leaves, mapped
from ...tensor import Tensor
from ..guards.noticed import Noticed
from ..guards.signature import argument_names, named_arguments
from ..guards.state import Found, Held, describe_condition, has_gradient, reachable
from ..program import DRAW, PUT, Call, Instruction, Program, Value
from ..sources import Argument, Constant, Gradient, Number, Source, State
from .shadow import Shadows
from .traced import ELSEWHERE, LEFT_BEHIND, WHAT_TO_DO, Traced, Unreadable, traced_type
from .views import KEEP_ORDER, looks_at, taken_again, written_through


class Recording:
    """What recording a function gives.

    program     the instructions
    rebinds     (tensor or position of an argument, "grad" or "data", place in the results or None)
    outputs     what the function returned, with `Result` in the places of its tensors
    host        the host's part of each step, in order: functions, their dtype or None, and what they gave this time
    conditions  (function, what it returned): what the recording relied on
    noticed     the variables and attributes that code of the user's reads, as they were behind it
    before      what everything that can be reached held before
    counted     (dictionary, name): where the host's part of a step leaves its numbers
    """

    def __init__(self, program, rebinds, outputs, host, conditions, noticed, before, counted):
        self.program, self.rebinds, self.outputs = program, rebinds, outputs
        self.host, self.conditions, self.noticed = host, conditions, noticed
        self.before, self.counted = before, counted

    def change(self) -> str:
        """What to say of something that it relied on, and that is another now."""
        named = self.noticed.change()
        if named is not None:
            return named
        differing = (function for function, expected in self.conditions if function() != expected)
        about = next(map(describe_condition, differing), "the shape or dtype of its state")
        return f"it differs in {about}"

    def differs_in_numbers_only(self) -> bool:
        """Whether nothing that it relied on is another, but the numbers in arrays of the outside."""
        return self.holds() and self.noticed.same_names()

    def holds(self) -> bool:
        """Whether all that the recording relied on is as it was."""
        return all(function() == expected for function, expected in self.conditions)


class Result:
    """In the structure that a function returned: the place among the results, or the tensor of the caller's itself."""

    def __init__(self, place: int | None, tensor: Any = None):
        self.place, self.tensor = place, tensor


class Recorder:
    """Writes down what a function does. `record` is the whole of its use."""

    def __init__(self):
        self.instructions: list[Instruction] = []
        self.host: list[tuple[Callable, Any, Any]] = []
        self._relied_on: list[Callable] = []
        self._count = 0
        # id of an array -> the array, what stands for it, the value that it has at the start, its tensors
        self._lifted: dict[int, tuple] = {}
        # id of a tensor -> a reference to it, and its array, node, needs and gradient, as they were
        self._before: dict[int, tuple] = {}
        self._casts: dict[tuple, Traced] = {}
        self.shadows = Shadows()
        self.over = False
        self._on_host = False  # whether host code of the step is running

    # -- values ------------------------------------------------------------------------------------------

    def new(self, shape, dtype, source: Source | None = None) -> Value:
        self._count += 1
        return Value(self._count, tuple(shape), numpy.dtype(dtype), source)

    def emit(self, op, inputs, params, shape, dtype) -> Value:
        if modes.recorder is not self:
            raise CompileError(LEFT_BEHIND if self.over else ELSEWHERE)
        output = self.new(shape, dtype)
        self.instructions.append(Instruction(op, tuple(inputs), params, output))
        return output

    def read(self, array) -> Value:
        """The value of an array, or of what stands for one."""
        if not isinstance(array, Traced):
            return self._lift(array).value
        if array.recorder is not self:
            raise CompileError(LEFT_BEHIND)
        if array.base is not None and array.owner.written != array.seen:
            array.value, array.seen = taken_again(array, self), array.owner.written
        return array.value

    def _overwrite(self, array: Traced, value: Value) -> None:
        """Let the array, and so all that looks at its memory, hold another value."""
        if array.base is None:
            array.value = value
            array.written += 1
            return
        self._overwrite(array.base, written_through(array, value, self))
        array.value, array.seen = value, array.owner.written

    def _lift(self, array, tensor: Tensor | None = None) -> Traced:
        """What stands for a real array from now on."""
        key = id(array)
        if key not in self._lifted:
            backend = of(array)
            if absent(array):
                raise CompileError("a function of symbols cannot be recorded by tg.compile: it needs real tensors")
            index = backend.index_of(array)
            traced = traced_type(backend)(self, array.shape, array.dtype, index=index)
            traced.value = self.new(array.shape, array.dtype)
            traced.in_order = bool(array.flags.c_contiguous)
            self._lifted[key] = (array, traced, traced.value, [])
        array, traced, _, tensors = self._lifted[key]
        if tensor is not None:
            tensors.append(weakref.ref(tensor))
        return traced

    def take(self, tensor: Tensor, source: Source | None = None) -> None:
        """Put a stand-in in the place of the tensor's array, until the recording is over."""
        if self._taken(tensor) or absent(tensor._data) or isinstance(tensor._data, Traced):
            return
        before = tensor._data, tensor._node, tensor._needs, tensor.grad
        self._before[id(tensor)] = (weakref.ref(tensor), *before)
        traced = self._lift(tensor._data, tensor)
        if source is not None:
            traced.value.source = source
            traced.in_order = False  # that of another call may lie otherwise
        self.shadows.cast(tensor, traced)
        if tensor.grad is not None:
            self.take(tensor.grad, Gradient(tensor))

    def array_for_host(self, traced: Traced):
        """The array that `traced` stands for, if host code asks, which runs before all of a step; else None."""
        if not self._on_host:
            return None
        return next((array for array, stand_in, *_ in self._lifted.values() if stand_in is traced), None)

    def _taken(self, tensor: Tensor) -> bool:
        return id(tensor) in self._before and self._before[id(tensor)][0]() is tensor

    def _standing_for(self, tensor: Tensor) -> Traced:
        """What stands for the array of a tensor."""
        array = tensor._data
        if isinstance(array, Traced):
            return array
        if isinstance(array, numpy.generic) and not tensor._needs:
            return self._lift(array, tensor)  # a number of a formula, which other threads may share
        self.take(tensor)
        return tensor._data if isinstance(tensor._data, Traced) else self._lift(tensor._data)

    # -- what the engine calls ---------------------------------------------------------------------------

    def watch(self, op, inputs, params, output: Tensor) -> None:
        """Write down an operation that the engine has just applied."""
        arrays = [self._standing_for(tensor) for tensor in inputs]
        made = output._data
        if isinstance(made, Traced) and made.value is not None:
            return  # a cast, or an operation that hands its input on
        if op.coerce is not None:
            arrays = op.coerce(arrays)
        arrays = self._together(arrays)
        if op.kind == "elementwise" and all(array.dtype.kind == "b" for array in arrays):
            _refuse_what_truths_have_not(op, arrays)
        values = [self.read(array) for array in arrays]
        if not isinstance(made, Traced):
            made = arrays[0].like(made.shape, made.dtype)
        made.value = self.emit(op, values, params, made.shape, made.dtype)
        is_view = arrays and looks_at(op, params, arrays[0].shape, made.shape)
        # What is computed lies as its operands do.
        made.in_order = all(array.in_order for array in arrays) and (not is_view or op in KEEP_ORDER)
        if is_view:
            made.look_at(arrays[0], op, params)
        output._data = made
        node = output._node
        if node is not None and node.saved:
            node.saved = node.plan.keep((*arrays, made))

    def _together(self, arrays: list[Traced]) -> list[Traced]:
        """The arrays with numbers of a formula, which lie on the host, as if they lay where the others do."""
        placed = next((array for array in arrays if of(array).kind != "cpu"), arrays[0]) if arrays else None
        together = []
        for array in arrays:
            if type(array) is not type(placed):
                number, array = array, placed.like(array.shape, array.dtype)
                array.value = self.read(number)
            together.append(array)
        return together

    def cast(self, array: Traced, dtype: numpy.dtype) -> Traced:
        """`array.astype(dtype)`"""
        value = self.read(array)
        if array.dtype == dtype:
            return array.copy()
        if (value, dtype) not in self._casts:
            kind = elementwise.cast if dtype.kind == "f" else elementwise.discrete_cast
            result = array.like(array.shape, dtype)
            result.value = self.emit(kind, (value,), {"dtype": dtype}, array.shape, dtype)
            self._casts[value, dtype] = result
        return self._casts[value, dtype].copy()

    def write(self, array: Traced, key, values) -> None:
        """`array[key] = values`"""
        if not hasattr(values, "dtype"):
            values = numpy.asarray(values)
        given = values if isinstance(values, Traced) else self._lift(values)
        given = self.cast(given, array.dtype)
        value = self.read(given)
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

    def each_time(self, function: Callable, beside: Tensor | None):
        """Run host code now, and note that every replay has to."""
        self._on_host = True
        try:
            given = function()
        finally:
            self._on_host = False
        if beside is None:
            self.host.append((function, None, None))
            return given
        call, dtype = len(self.host), beside.dtype
        self.host.append((function, dtype, given))
        kind, index = traced_type(get(beside.device)), beside.device.index
        return {
            name: Tensor(kind(self, (), dtype, self.new((), dtype, Number(call, name)), index=index)) for name in given
        }

    def rely_on(self, function: Callable) -> None:
        """Note that the program is right only while `function()` is what it was before the step."""
        self._relied_on.append(function)

    def check(self, function: Callable, tensor: Tensor) -> None:
        """Note that every replay has to call `function` with the array, which raises if there is a mistake in it."""
        value = self.read(self._standing_for(tensor))

        def checked(xp, x):
            function(x)
            return x

        self.emit(Call("check", checked, effect=True), (value,), {}, value.shape, value.dtype)

    def stream(self, device: Device) -> _Stream:
        """What random numbers are drawn from while recording."""
        return _Stream(self, Place(device))

    # -- the whole -----------------------------------------------------------------------------------------

    def record(self, function: Callable, args, kwargs, arguments: list[Tensor], found) -> Recording:
        """Call the function, and say what it did.

        arguments  the tensors among `args` and `kwargs`
        found      the tensors, modules and optimisers that it can reach (see `guards/state.py`)
        """
        before = found.now()
        try:
            modes.recorder = self
            named = named_arguments(function, args, kwargs)
            given = [(name, Held([(part, name, name)])) for name, whole in named for part in containers(whole)]
            for position, name in enumerate(argument_names(function, args, kwargs)):
                self.take(arguments[position], Argument(position, name))
            for tensor in found.tensors:
                self.take(tensor)
            with watching(self.watch):
                returned = function(*args, **kwargs)
            changed = next((name for name, part in given if part.change() is not None), None)
            if changed is not None:
                raise CompileError(
                    f"the function changes argument {changed}, or a list or a dictionary in it, and a recorded one would not: "
                    f"return what it makes, and put it there outside"
                )
            if self.shadows.awaited:
                raise CompileError(
                    f"while it is recorded, the function waits for another thread, which uses its tensors: {ELSEWHERE}"
                )
            now = reachable(function, args, kwargs)
            self._refuse_what_was_kept(now, returned)
            return self._finish(returned, arguments, found, before, now)
        except BaseException as error:
            before.restore()
            if isinstance(error, Unreadable):
                raise CompileError(str(error)) from error
            raise
        finally:
            for _, array, node, _, _ in self._as_they_were():
                if node is not None and isinstance(node.value, Traced):  # by `x.data = ...`
                    node.value = array
            self.shadows.lift()
            modes.recorder, self.over = None, True
            # What stands for an array knows the recorder, and may live on. It shall not keep what was recorded with it.
            for met in (self._lifted, self._before, self._casts):
                met.clear()
            self.instructions, self.host, self._relied_on = [], [], []

    def _refuse_what_was_kept(self, now: Found, returned) -> None:
        """`CompileError` if a tensor that the function made stays somewhere: it has no numbers, and no replay makes them."""
        kept = now.place(self._was_made_here)
        if kept is not None:
            raise CompileError(
                f"a tensor that the function makes is kept in {kept}, but a function recorded by tg.compile only hands over "
                f"what it returns. Return the tensor and keep it outside; or make a tensor beforehand, as with tg.zeros, "
                f"and overwrite it by {kept.partition('[')[0]}.assign(...)"
            )
        for leaf in leaves(returned):
            if isinstance(leaf, (Iterator, Awaitable)):
                raise CompileError(
                    f"the function returns a {type(leaf).__name__}, which computes when it is asked, and that would be after "
                    f"tg.compile has recorded. Return a list or a tuple"
                )
            inside = None if isinstance(leaf, Tensor) else reachable(leaf).place(self._was_made_here)
            if inside is not None:
                raise CompileError(
                    f"the function returns an object with a tensor in it, {inside}, which a function recorded by tg.compile "
                    f"could not fill anew. Return tensors in tuples, lists and dictionaries, and make the object outside"
                )

    def _was_made_here(self, tensor: Tensor) -> bool:
        return isinstance(tensor._data, Traced) and not self._taken(tensor)

    def _finish(self, returned, arguments: list[Tensor], found, before, now) -> Recording:
        place_of_argument = {id(tensor): position for position, tensor in enumerate(arguments)}
        own = {id(tensor): tensor for tensor in found.tensors}
        results: list[Value] = []
        rebinds = []

        def result(tensor: Tensor) -> int:
            results.append(self.read(self._standing_for(tensor)))
            return len(results) - 1

        for tensor, array, _, _, gradient in self._as_they_were():
            target = place_of_argument.get(id(tensor), tensor)
            if tensor._data is not self._lifted[id(array)][1]:
                rebinds.append((target, "data", result(tensor)))
            if tensor.grad is not gradient:
                rebinds.append((target, "grad", None if tensor.grad is None else result(tensor.grad)))

        def placed(leaf):
            if isinstance(leaf, Traced):
                raise CompileError(WHAT_TO_DO)
            if not isinstance(leaf, Tensor):
                return leaf
            if id(leaf) in place_of_argument:
                return Result(None, place_of_argument[id(leaf)])
            return Result(None, leaf) if id(leaf) in own else Result(result(leaf))

        outputs = mapped(placed, returned)
        theirs = {id(leaf) for leaf in leaves(returned)} - own.keys() - place_of_argument.keys()
        writes, names = [], found.names()
        for array, traced, first, tensors in self._lifted.values():
            if first.source is None:
                first.source = self._source_of(array, tensors, names, theirs)
            if traced.written and not isinstance(first.source, Constant):  # else it was made here, and nobody has it
                writes.append((first, traced.value))
        conditions = found.conditions() + [
            (partial(has_gradient, tensor), gradient is not None)
            for tensor, _, _, needs, gradient in self._as_they_were()
            if needs and id(tensor) not in place_of_argument
        ]
        with before.back(found.optimizers):
            conditions += [(function, function()) for function in self._relied_on]
        program = Program(self.instructions, results, writes)
        counted = before.counted(now) if self.host else []
        return Recording(program, rebinds, outputs, self.host, conditions, Noticed(now), before, counted)

    def _as_they_were(self) -> list[tuple]:
        """(tensor, array, node, needs, gradient) of all tensors that were taken and are still there."""
        return [
            (tensor, *before) for reference, *before in self._before.values() if (tensor := reference()) is not None
        ]

    def _source_of(self, array, tensors, names: dict[int, str], theirs: set[int]) -> Source:
        """State if somebody still holds a tensor of this array, and may change it; else a constant.

        Those in `theirs`, which the function made and returns, are the caller's, and made anew in each step.
        """
        from ...operators import _constants

        alive = [tensor for reference in tensors if (tensor := reference()) is not None and id(tensor) not in theirs]
        if isinstance(array, numpy.generic):
            known = {id(tensor) for tensor in _constants.values()}
            alive = [tensor for tensor in alive if id(tensor) not in known]
        return State(alive[0], names.get(id(alive[0]), "")) if alive else Constant(array)


class _Stream:
    """Stands for a generator of random numbers: its draws become instructions."""

    def __init__(self, recorder: Recorder, device: Device):
        self._recorder, self._device = recorder, device

    def _draw(self, method: str, shape, dtype, **options) -> Traced:
        recorder = self._recorder
        params = {"method": method, "device": self._device, **options}
        value = recorder.emit(DRAW, (), params, shape, dtype)
        return traced_type(get(self._device))(recorder, shape, dtype, value, index=self._device.index)

    def random(self, size, dtype) -> Traced:
        return self._draw("random", size, dtype)

    def standard_normal(self, size, dtype) -> Traced:
        return self._draw("standard_normal", size, dtype)

    def integers(self, low, high, size) -> Traced:
        return self._draw(
            "integers", (size,) if isinstance(size, int) else tuple(size), numpy.int64, low=low, high=high, size=size
        )

    def permutation(self, x: int) -> Traced:
        return self._draw("permutation", (x,), numpy.int64, x=x)

    def choice(self, a: int, size, replace) -> Traced:
        shape = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        return self._draw("choice", shape, numpy.int64, a=a, replace=replace, size=size)


def _refuse_what_truths_have_not(op, arrays: list[Traced]) -> None:
    """`DTypeError` for an operation that there is for numbers only, such as a difference: shapes do not say so."""
    try:
        op.value(HOST, *[numpy.zeros((), bool) for _ in arrays])
    except TypeError as error:
        what = ", ".join(f"a tensor of shape {array.shape} and dtype bool" for array in arrays)
        raise DTypeError(f"{op.name} of {what}: {error}") from None
