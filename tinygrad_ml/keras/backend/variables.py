"""Variables, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ...autograd import grad
from ...backend import dtypes
from ...structure import leaves
from ...tensor import Tensor, as_tensor
from .. import ops
from ..config import floatx
from ..ops import shape
from ..variables import Variable


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A tensor that `update` overwrites, and that gradients are taken of."""
    made = Variable(ops.convert_to_tensor(value, dtype)._data.copy())
    if name is not None:
        made.name = name
    made.requires_grad = dtypes.is_float(made.dtype)
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor of a value, in a shape."""
    made = ops.convert_to_tensor(value, dtype)
    return made if shape is None else made.reshape(shape) if made.size > 1 else made.broadcast_to(tuple(shape))


def update(x: Tensor, new_x: Any) -> Tensor:
    """x ← new_x."""
    return x.assign(new_x)


def update_add(x: Tensor, increment: Any) -> Tensor:
    """x ← x + increment."""
    return x.assign(x.detach() + increment)


def update_sub(x: Tensor, decrement: Any) -> Tensor:
    """x ← x - decrement."""
    return x.assign(x.detach() - decrement)


def moving_average_update(x: Tensor, value: Any, momentum: float) -> Tensor:
    """x ← momentum·x + (1 - momentum)·value."""
    return x.assign(x.detach() * momentum + as_tensor(value).detach() * (1 - momentum))


def get_value(x: Any) -> numpy.ndarray:
    """The numbers of a tensor."""
    return ops.convert_to_numpy(x)


def batch_get_value(tensors: Sequence[Any]) -> list[numpy.ndarray]:
    """The numbers of each tensor."""
    return [get_value(x) for x in tensors]


def set_value(x: Tensor, value: Any) -> None:
    """x ← value."""
    x.assign(ops.convert_to_tensor(value).astype(x.dtype))


def batch_set_value(tuples: Sequence[tuple[Tensor, Any]]) -> None:
    """x ← value for each pair."""
    for x, value in tuples:
        set_value(x, value)


eval = get_value
int_shape = shape


def count_params(x: Any) -> int:
    """The number of elements."""
    return math.prod(ops.convert_to_tensor(x).shape)


def is_sparse(tensor: Any) -> bool:
    """False: there are no sparse tensors."""
    return False


def to_dense(tensor: Any) -> Any:
    """The tensor, which is dense."""
    return tensor


def cast_to_floatx(x: Any) -> Any:
    """x in float32; arrays stay arrays."""
    return x.astype(floatx()) if isinstance(x, (Tensor, numpy.ndarray)) else numpy.asarray(x, dtype=floatx())


def gradients(loss: Tensor, variables: Any) -> Any:
    """The gradients of a loss with respect to tensors, for one alone a list of one; they can be differentiated again."""
    several = variables if isinstance(variables, (list, tuple)) else [variables]
    return list(grad(loss, leaves(several), create_graph=True))
