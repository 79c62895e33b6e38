"""Operations on symbols: between the layers of a functional model a function of `keras.ops` is a layer without weights.

    x = keras.Input((4, 6))
    y = keras.ops.reshape(x, (-1, 24))     # remembered, as the call of a layer is
    model = keras.Model(x, keras.layers.Dense(2)(y))

On tensors that have numbers, and inside of layers, the function is just called.

Read before: `../layers/symbols.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ...errors import OptionError
from ...structure import leaves, mapped
from ...tensor import Tensor
from ..layers.base import Layer
from ..layers.phase import in_phase, phase
from ..layers.symbols import LayerCall, PartialShape, symbols_behind, twin
from ..naming import numbered

P = ParamSpec("P")
R = TypeVar("R")

OPERATIONS: dict[str, Callable] = {}
"""The functions of `keras.ops` by name, those of images as "image.resize"."""

OTHER_BATCH = 2
"""Beside the 1 of symbols: a size that differs between the two depends on the batch."""


class Operation(Layer):
    """A function of `keras.ops` between the layers of a model.

    operation  its name, such as "reshape"
    """

    def __init__(self, operation: str, name: str | None = None, **options: Any):
        if operation not in OPERATIONS:
            raise OptionError(f"keras.ops has no operation {operation!r}")
        super().__init__(name=name or numbered(operation.rpartition(".")[-1]), **options)
        self.operation, self.built = operation, True

    def call(self, *inputs: Any, **options: Any) -> Any:
        return OPERATIONS[self.operation](*inputs, **options)

    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """Compute; or, on symbols outside of layers, remember the call. `training` changes nothing."""
        if phase.inside or not _is_symbolic((inputs, options)):
            return self.call(*inputs, **options)
        with in_phase(phase.training, True):
            output = self.call(*inputs, **options)
            given, named = mapped(_twin, (inputs, options))
            shapes = [_common(a.shape, b.shape) for a, b in _pairs(output, self.call(*given, **named))]
        return LayerCall(self, inputs, options).returned(output, shapes)


def operation(function: Callable[P, R]) -> Callable[P, R]:
    """Offer a function as an operation: called on symbols outside of layers, it is remembered."""
    return _operation(function, function.__name__)


def image_operation(function: Callable[P, R]) -> Callable[P, R]:
    """The same for `keras.ops.image`."""
    return _operation(function, f"image.{function.__name__}")


def _operation(function: Callable[P, R], name: str) -> Callable[P, R]:
    OPERATIONS[name] = function

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not phase.inside and _is_symbolic((args, kwargs)):
            return Operation(name)(*args, **kwargs)
        return function(*args, **kwargs)

    return call


def _is_symbolic(given: Any) -> bool:
    """Whether something in it came out of layers that were called on symbols."""
    return any(isinstance(one, Tensor) and one.symbolic and symbols_behind(one) for one in leaves(given))


def _twin(thing: Any) -> Any:
    return twin(thing, OTHER_BATCH) if isinstance(thing, Tensor) and thing.symbolic else thing


def _pairs(output: Any, other: Any) -> list[tuple[Tensor, Tensor]]:
    return list(zip(leaves(output), leaves(other), strict=True))


def _common(shape: tuple[int, ...], other: tuple[int, ...]) -> PartialShape:
    """The sizes that do not depend on the batch, nor on what is unknown; None for those that do."""
    return tuple(a if a == b else None for a, b in zip(shape, other, strict=True))
