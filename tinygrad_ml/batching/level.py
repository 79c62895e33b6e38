"""One sample that stands for many: inside of `tg.vmap` a tensor has the shape of one, and the numbers of all.

    f sees       x: (3,)              w: (3,)          x * w: (3,)
    whole        x: (n, 3)            w: (3,)          x * w: (n, 3)

The array of such a tensor is a `Sample`, which has no numbers of its own and holds the whole: an ordinary tensor with one
more axis in front. When the engine applies an operation, it asks the level first, which applies it to the wholes of
samples: that is where the numbers are computed, and where a graph is recorded as always. So a gradient flows through
`tg.vmap` of what was given to it, to any order.

A sample has a graph too, like every tensor, of nodes of one sample each. It ends at the samples that f was given, and at what f
takes from outside: gradients inside of f walk there.

Read before: `../tensor/applying.py`, `../symbols.py`. Read next: `rules.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from ..backend import Device
from ..backend.arrays import BY_TYPE
from ..errors import GradientError, OptionError, TinygradError
from ..functional import astype
from ..functional.indexing import LookForMistakes
from ..modes import modes
from ..ops import Primitive
from ..random import streams
from ..random.many import Draws
from ..symbols import StandIn, standing_for
from ..tensor import Tensor
from .rules import batched

NOT_ONE_NUMBER = (
    "tg.vmap calls its function once, for all samples at a time, so there is no single number to read in it. Choose between "
    "tensors by tg.where, and return what you want to read"
)
NO_ROOM = (
    "it is one of many samples in tg.vmap, and memory that is the same for all of them has room for one. Return it, and assign "
    "it outside; layers that keep statistics of their batches have eval()"
)
USED_OUTSIDE = (
    "a tensor of one sample was used outside of the call of tg.vmap that it belongs to, or in another thread. Return it from "
    "the function; and in place of backward(), which keeps gradients in .grad, call tg.grad and return what it gives"
)


class Sample(StandIn):
    """Stands for the array of one sample of many.

    level  the call of `tg.vmap`
    whole  the tensor of all samples, along its first axis
    """

    __slots__ = ("level", "whole")
    refusal = NOT_ONE_NUMBER

    def __init__(self, level: Level, whole: Tensor, index: int):
        array = whole._data
        self.shape, self.dtype = array.shape[1:], array.dtype
        self.level, self.whole, self.depth, self.index = level, whole, level.depth, index

    @property
    def inside(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] how many there are is told by the level
        """Of how many samples it is one."""
        return f"one of {self.level.size} in tg.vmap"

    def like(self, shape: tuple[int, ...], dtype: Any) -> NoReturn:
        """What is wrong, if the shape of the result is not."""
        raise self.level.wrong or GradientError(USED_OUTSIDE)

    def astype(self, dtype: Any, copy: bool = False) -> Sample:
        """The same in another dtype; a copy is outside of the graph."""
        self.level.require_open()
        return self.level.standing_for(astype(self.whole.detach() if copy else self.whole, dtype))

    def copy(self) -> Sample:
        """The same numbers, which nobody can overwrite."""
        return self

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(NO_ROOM)

    def __setitem__(self, key: Any, values: Any) -> NoReturn:
        raise TypeError("a sample in tg.vmap cannot be overwritten in place; write x = ..., or x[...] = ...")


class Level:
    """One call of `tg.vmap`, in this thread and inside of a `with`: applies to all samples what is done to one.

    size        how many samples there are
    randomness  "error", "different" or "same": what random numbers are
    depth       how many loops, and other such calls, it is inside of
    """

    def __init__(self, size: int, randomness: str):
        self.size, self.randomness = size, randomness
        self._thread: int | None = None
        self.wrong: TinygradError | None = None  # of the operation that is about to raise it

    def __enter__(self) -> Level:
        self._outer = modes.watchers, modes.stream, modes.busy, modes.tracer
        self._thread = threading.get_ident()
        self.depth = 1 if modes.tracer is None else modes.tracer.depth + 1
        modes.watchers, modes.stream, modes.busy, modes.tracer = (self._watch,), self._stream, True, self
        return self

    def __exit__(self, *_: object) -> None:
        modes.watchers, modes.stream, modes.busy, modes.tracer = self._outer
        # Samples may live on, and know the level.
        self._outer, self._thread, self.wrong = ((), None, False, None), None, None

    def require_open(self) -> None:
        """An error if samples are used where they do not belong."""
        if self._thread != threading.get_ident():
            raise GradientError(USED_OUTSIDE)

    def sample(self, whole: Tensor) -> Tensor:
        """One of the samples that lie along the first axis of a tensor."""
        sample = Tensor(self.standing_for(whole))
        sample.requires_grad = whole.requires_grad
        return sample

    def is_sample(self, tensor: Tensor) -> bool:
        """Whether it is one of several; or else the same for all samples."""
        data = tensor._data
        return isinstance(data, Sample) and data.level is self

    def whole(self, tensor: Tensor) -> Tensor:
        """The tensor of all samples; the tensor itself, if it is the same for all of them."""
        data = tensor._data
        if not isinstance(data, Sample) or data.level is not self:
            return tensor
        whole = data.whole
        return whole if tensor._needs or not whole._needs else whole.detach()

    def sample_of(self, op: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any]) -> Sample | None:
        """What an operation gives of one sample, by applying it to all; None if no input is one."""
        wholes = list(map(self.whole, inputs))
        many = tuple([whole is not x for whole, x in zip(wholes, inputs, strict=True)])
        modes.tracer = around = self._outer[3]
        try:
            if True not in many:
                return None if around is None else around.sample_of(op, inputs, params)
            return self.standing_for(batched(op, self.size, wholes, many, params))
        except TinygradError as error:
            self.wrong = (
                error  # the engine looks whether it is wrong of one sample, and finds the words, or asks for `like`
            )
            return None
        finally:
            modes.tracer = self

    def standing_for(self, whole: Tensor) -> Sample:
        """What stands for one of the samples that lie along the first axis of a tensor."""
        here = BY_TYPE[type(whole._data)]
        return standing_for(Sample, here)(self, whole, here.index_of(whole._data))

    def _watch(self, op: Primitive, inputs: Sequence[Tensor], params: dict[str, Any], output: Tensor) -> None:
        """Show to others what was computed for all samples, and what is the same for all of them."""
        if not self.is_sample(output):
            for watcher in self._outer[0]:
                watcher(op, inputs, params, output)

    def check(self, look: LookForMistakes, tensor: Tensor) -> None:
        """Let `look` look for mistakes in the numbers of all samples."""
        whole, outer = self.whole(tensor), self._outer[3] or modes.recorder
        if outer is None:
            look(whole._data)
        else:
            outer.check(look, whole)

    def _stream(self, device: Device) -> Any:
        real = streams.generator(device) if self._outer[1] is None else self._outer[1](device)
        if self.randomness == "same":
            return real
        if self.randomness == "error":
            raise OptionError(
                "random numbers in the function of tg.vmap: say by randomness='different' that each sample has its own, or by "
                "randomness='same' that all have the same"
            )
        return Draws(real, self.size, lambda drawn: self.sample(Tensor(drawn))._data)
