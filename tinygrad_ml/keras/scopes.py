"""`keras.Variable`, `keras.device` and `keras.name_scope`: Keras's spellings of tensors that are kept, and of places."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..backend import Device
from ..errors import OptionError
from ..tensor import as_tensor
from . import constraints, initializers, variables


class _KindOfVariable(type):
    """Lets `isinstance` know weights and state by the name `keras.Variable`."""

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, (variables.Weight, variables.Variable))


class Variable(metaclass=_KindOfVariable):
    """A tensor that is kept, and overwritten by `assign`: a weight, or state, if it is not to be trained.

    initializer  the numbers; or a function of (shape, dtype=), or the name of an initializer, with `shape`
    dtype        by default that of the numbers, or float32
    trainable    whether it is a weight
    As an attribute of a layer it is among its `weights`. autocast, aggregation, synchronization and layout change nothing.
    """

    def __new__(
        cls,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        constraint: Any = None,
        layout: Any = None,
    ) -> Any:
        if isinstance(initializer, str) or callable(initializer):
            if shape is None:
                raise OptionError(f"Variable: initializer={initializer!r} needs to know the shape=")
            function: Callable = initializers.get(initializer)
            value = as_tensor(function(tuple(shape), dtype=dtype or "float32"))
        else:
            value = as_tensor(initializer)
            value = value if dtype is None else value.astype(dtype)
            value = value.astype("float32") if dtype is None and value.dtype == "float64" else value
        if trainable and value.dtype.kind == "f":
            made: Any = variables.Weight(value.detach(), requires_grad=True)
            made.constraint = constraints.get(constraint)
        else:
            made = variables.ProgramVariable(value.detach()._data.copy())
        if name is not None:
            made.name = name
        return made


def device(device_name: str) -> Any:
    """The device of a name such as "cpu", "cpu:0", "gpu", "gpu:1" or "cuda:0": as a context, new tensors are there."""
    kind, _, number = str(device_name).lower().rpartition("/")[2].removeprefix("device:").partition(":")
    kind = "gpu" if kind == "cuda" else kind
    return Device(kind if kind == "cpu" or not number else f"{kind}:{number}")


def name_scope(name: str, **options: Any) -> AbstractContextManager[None]:
    """A context that changes nothing: layers and weights have their names from their layers."""
    if not name or not isinstance(name, str):
        raise OptionError(f"name_scope takes a name, and not {name!r}")
    return nullcontext()
