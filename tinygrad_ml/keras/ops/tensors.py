"""What operations take for a tensor, and the dtypes that Keras gives to numbers: int32 and float32."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy

from ... import functional as tg
from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError
from ...tensor import Tensor, as_tensor
from .calls import operation

P = ParamSpec("P")
R = TypeVar("R")

INDEX = dtypes.int32
"""Of places and counts, where `tg` has int64."""


def tensor_of(x: Any, dtype: Any = None) -> Tensor:
    """x as a tensor: Python's integers become int32, its floats float32, lists that hold tensors are stacked; arrays and
    tensors keep their dtype."""
    if isinstance(x, Tensor):
        return x if dtype is None else x.astype(dtype)
    if isinstance(x, (list, tuple)) and _holds_tensors(x):
        made = tg.stack([tensor_of(part) for part in x])
        return made if dtype is None else made.astype(dtype)
    if dtype is None and not isinstance(x, (numpy.ndarray, numpy.generic)) and not hasattr(x, "__dlpack__"):
        array = numpy.asarray(x)
        dtype = {"i": INDEX, "f": DEFAULT_FLOAT}.get(array.dtype.kind)
    return as_tensor(x, dtype)


def _holds_tensors(x: Any) -> bool:
    return any(isinstance(part, Tensor) or (isinstance(part, (list, tuple)) and _holds_tensors(part)) for part in x)


def operand(x: Any) -> Any:
    """x beside another operand: a number stays one, and so does not widen a tensor."""
    return x if isinstance(x, (Tensor, bool, int, float)) else tensor_of(x)


def pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands, of which one at least is a tensor."""
    x1, x2 = operand(x1), operand(x2)
    return (x1, x2) if isinstance(x1, Tensor) or isinstance(x2, Tensor) else (tensor_of(x1), tensor_of(x2))


def tensors(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two operands as tensors; a number takes the dtype of the other one."""
    x1, x2 = pair(x1, x2)
    if not isinstance(x1, Tensor):
        x1 = as_tensor(x1, dtypes.number_dtype(x1, x2.dtype), x2.device)
    if not isinstance(x2, Tensor):
        x2 = as_tensor(x2, dtypes.number_dtype(x2, x1.dtype), x1.device)
    return x1, x2


def float_of(x: Any) -> Tensor:
    """x as a tensor of floats: integers and truth values become float32."""
    x = tensor_of(x)
    return x if dtypes.is_float(x.dtype) else x.astype(DEFAULT_FLOAT)


def whole_number(what: str, x: Any) -> int:
    """A number, which may stand in a tensor, as a Python integer."""
    number = x.item() if isinstance(x, Tensor) else x
    if int(number) != number:
        raise OptionError(f"{what}={x!r} must be a whole number")
    return int(number)


def likewise(function: Callable[P, R], of: Callable = tensor_of) -> Callable[P, R]:
    """The operation that has the name, the options and the docstring of a function of one tensor, x."""

    plain: Callable = function

    @functools.wraps(function, assigned=("__name__", "__qualname__", "__doc__"))
    def call(x: Any, *args: Any, **options: Any) -> Any:
        return plain(of(x), *args, **options)

    signature = inspect.signature(function)
    first, *options = signature.parameters.values()
    vars(call)["__signature__"] = signature.replace(parameters=[first.replace(annotation=Any), *options])
    return operation(call)


def one(name: str, function: Callable, of: Callable = tensor_of) -> Callable:
    """The operation `name(x)`, which is a function of one tensor under another name."""

    def call(x: Any) -> Tensor:
        return function(of(x))

    return _named(call, name, function)


def two(name: str, function: Callable, of: Callable = pair) -> Callable:
    """The operation `name(x1, x2)`, likewise."""

    def call(x1: Any, x2: Any) -> Tensor:
        return function(*of(x1, x2))

    return _named(call, name, function)


def bits(name: str, function: Callable) -> Callable:
    """The operation `name(x, y)` of integers, likewise."""

    def call(x: Any, y: Any) -> Tensor:
        return function(*pair(x, y))

    return _named(call, name, function)


def _named(call: Callable, name: str, function: Callable) -> Callable:
    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    return operation(call)
