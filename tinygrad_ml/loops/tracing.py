"""Writing a body down: the function of a loop is called once, with placeholders, and every operation on them is a step.

What does not depend on placeholders is computed there and then, outside of the loop, and comes in as something shared:
the transpose of a weight, a mask. Random numbers are drawn for all rounds beforehand, and come in as xs.

Read before: `placeholders.py`. Read next: `scan.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from ..backend import Device, dtypes, get
from ..backend.arrays import HOST
from ..errors import GradientError
from ..functional.indexing import LookForMistakes
from ..modes import modes
from ..ops import Primitive, elementwise, movement
from ..random import streams
from ..random.many import Draws
from ..tensor import Tensor
from .body import Body, Form, Operation
from .placeholders import Placeholder, placeholder_type


class Tracer:
    """Writes down what is done to its placeholders, in this thread and inside of a `with`.

    length  of the loop; the numbers that random steps need are drawn for so many rounds
    alone   whether what is computed outside of the rounds is no part of a graph or of a recorded step: it is used again later
    steps   in the order in which they were applied; the values are numbered as they come up, unlike in a body
    drawn   (placeholder, the random numbers of all rounds)
    checks  (look, tensor): what looks for mistakes in the numbers of a tensor
    """

    def __init__(self, length: int, alone: bool = False):
        self.length, self._alone = length, alone
        self.steps: list[Operation] = []
        self._outputs: dict[int, Operation] = {}  # the values of the steps
        self.places: dict[int, int] = {}  # value -> what it is called in the body, once there is one
        self.drawn: list[tuple[Tensor, Tensor]] = []
        self.checks: list[tuple[LookForMistakes, Tensor]] = []
        self._forms: list[Form] = []
        self._needs: list[bool] = []
        self._known: dict[int, tuple[Any, int]] = {}  # id of an array -> it, and its value
        self._constants: dict[tuple, int] = {}  # what is told apart of tensors from outside -> value
        self._alive: list[Tensor] = []  # whose ids are in there
        self._found: dict[int, Tensor] = {}
        self._numbers: dict[int, Any] = {}
        self._casts: dict[tuple, Placeholder] = {}

    def __enter__(self) -> Tracer:
        self._outer = modes.watchers, modes.stream, modes.busy, modes.recorder, modes.tracer
        self._passed_on = () if self._alone else modes.watchers
        if self._alone:
            modes.recorder = None
        self.depth = 1 if modes.tracer is None else modes.tracer.depth + 1
        modes.tracer = self
        modes.watchers, modes.stream, modes.busy = (self._watch,), self._stream, True
        return self

    def __exit__(self, *_: object) -> None:
        modes.watchers, modes.stream, modes.busy, modes.recorder, modes.tracer = self._outer
        # Placeholders know who writes the body down. It shall not know them any more: circles are freed late.
        for met in (self._known, self._casts, self._constants, self._alive):
            met.clear()

    def forget(self) -> None:
        """Let go of the tensors that it has met, once they have been asked for."""
        self.drawn, self.checks, self._found = [], [], {}

    @property
    def found(self) -> list[Tensor]:
        """The tensors from outside that steps take."""
        return list(self._found.values())

    def placeholder(self, form: Form, device: Device, needs: bool = False) -> Tensor:
        """A new input."""
        kind = placeholder_type(get(device))
        tensor = Tensor(kind(self, form.shape, form.dtype, self.depth, device.index))
        if needs and dtypes.is_float(form.dtype):
            tensor.requires_grad = True
        self._new(tensor._data, tensor._needs)
        return tensor

    def _new(self, array: Any, needs: bool) -> int:
        value = len(self._forms)
        self._forms.append(Form.of(array))
        self._needs.append(needs)
        self._known[id(array)] = array, value
        return value

    def value_of(self, tensor: Tensor) -> int:
        """The value that a tensor is; one from outside becomes something shared, or a number."""
        array = tensor._data
        if id(array) in self._known:
            return self._known[id(array)][1]
        if isinstance(array, Placeholder) and array.depth >= self.depth:  # those of loops around have less
            raise GradientError(
                "a tensor of another call of the function of a tg.scan was used: return it as the carry"
            )
        key = id(array), id(tensor._node), tensor._needs
        if key not in self._constants:
            self._constants[key] = value = len(self._forms)
            self._forms.append(Form.of(array))
            self._needs.append(tensor._needs)
            if HOST.is_number(array) and not tensor._needs:
                self._numbers[value] = array
            else:
                self._found[value] = tensor
            self._alive.append(tensor)
        return self._constants[key]

    def step_of(self, value: int) -> Operation | None:
        """The step that gives a value; None for what comes in."""
        return self._outputs.get(value)

    def form_of(self, value: int) -> Form:
        """Shape and dtype of a value."""
        return self._forms[value]

    def place_of(self, tensor: Tensor) -> int:
        """What a tensor that was made here, or stands for an input, is called in the body."""
        return self.places[self._known[id(tensor._data)][1]]

    def is_inside(self, tensor: Tensor) -> bool:
        """Whether it depends on what differs from round to round."""
        return id(tensor._data) in self._known

    def _is_constant(self, tensor: Tensor, value: int) -> bool:
        """Whether no gradient flows through this use of a value, as after `detach()`."""
        return self._needs[value] and not tensor._needs

    def _result(self, tensor: Tensor) -> int:
        """The value of something that a round hands on."""
        value = self.value_of(tensor)
        if not self._is_constant(tensor, value):
            return value
        return self._step(movement.reshape, (value,), {"shape": tensor.shape}, self._forms[value], (0,))

    def _step(
        self, op: Primitive, inputs: tuple[int, ...], params: dict, form: Form, constants: tuple[int, ...] = ()
    ) -> int:
        value = len(self._forms)
        self._forms.append(form)
        self._needs.append(False)
        step = self._outputs[value] = Operation(op, inputs, params, form, constants, modes.scope)
        self.steps.append(step)
        return value

    def sample_of(self, op: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any]) -> Any:
        """What an operation gives of one sample of a `tg.vmap` around, if it is outside of the rounds."""
        around = self._outer[4]
        if around is None or any(map(self.is_inside, inputs)):
            return None
        return around.sample_of(op, inputs, params)

    def _watch(self, op: Primitive, inputs: Sequence[Tensor], params: dict[str, Any], output: Tensor) -> None:
        """Write down an operation that the engine has just applied."""
        if not any(map(self.is_inside, inputs)):
            for watcher in self._passed_on:
                watcher(op, inputs, params, output)
            return
        array = output._data
        if id(array) in self._known:
            return  # a cast, or an operation that hands its input on
        places = tuple(map(self.value_of, inputs))
        stopped = op.gradient and not output._needs  # inside of `no_grad`
        constants = [k for k, place in enumerate(places) if stopped or self._is_constant(inputs[k], place)]
        value = self._step(
            op, places, dict(params), Form.of(array), tuple(k for k in constants if self._needs[places[k]])
        )
        self._needs[value] = output._needs
        self._known[id(array)] = array, value

    def cast(self, array: Placeholder, dtype: numpy.dtype) -> Placeholder:
        """`array.astype(dtype)`"""
        if array.dtype == dtype:
            return array
        key = id(array), dtype
        if key not in self._casts:
            kind = elementwise.cast if dtype.kind == "f" else elementwise.discrete_cast
            made = array.like(array.shape, dtype)
            source = self._known[id(array)][1]
            value = self._step(kind, (source,), {"dtype": dtype}, Form.of(made))
            self._needs[value] = self._needs[source] and dtype.kind == "f"
            self._known[id(made)] = made, value
            self._casts[key] = made
        return self._casts[key]

    def check(self, look: LookForMistakes, tensor: Tensor) -> None:
        """Note that `look` looks for mistakes in the numbers of a tensor."""
        if self.is_inside(tensor):
            self.checks.append((look, tensor))
        elif modes.recorder is not None:
            modes.recorder.check(look, tensor)
        else:
            look(tensor._data)

    def _stream(self, device: Device) -> Draws:
        real = self._outer[1](device) if self._outer[1] is not None else streams.generator(device)
        return Draws(real, self.length, lambda drawn: self.draw(drawn, device))

    def draw(self, array: Any, device: Device) -> Placeholder:
        """What stands in a round for its part of the random numbers of all rounds."""
        every = Tensor(array)
        tensor = self.placeholder(Form(every.shape[1:], every.dtype), device)
        self.drawn.append((tensor, every))
        return tensor._data

    def body(
        self,
        carries: Sequence[Tensor],
        xs: Sequence[Tensor],
        shared: Sequence[Tensor],
        carried: Sequence[Tensor],
        made: Sequence[Tensor],
        operands: Iterable[int] = (),
    ) -> Body:
        """The body with these placeholders as inputs, and these outputs; it hands out the values `operands` too.

        Behind `shared` it shares the tensors in `found`.
        """
        finals, outputs = list(map(self._result, carried)), list(map(self._result, made))
        placeholders = [self._known[id(tensor._data)][1] for tensor in (*carries, *xs, *shared)]
        order = [*placeholders, *self._found, *self._numbers, *self._outputs]
        self.places = now = {value: place for place, value in enumerate(order)}
        forms = [self._forms[value] for value in order]
        first_x, first_shared = len(carries), len(carries) + len(xs)
        return Body(
            forms[:first_x],
            forms[first_x:first_shared],
            forms[first_shared : len(placeholders) + len(self._found)],
            self._numbers.values(),
            [step._replace(inputs=tuple(now[value] for value in step.inputs)) for step in self.steps],
            [now[value] for value in finals],
            [now[value] for value in (*outputs, *operands)],
        )
