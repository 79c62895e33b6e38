"""Random numbers, choices and loops, under the names of Keras's first versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tensor import Tensor
from .. import ops, random
from ..config import floatx
from ..variables import Variable
from .variables import variable

random_normal, random_uniform, truncated_normal = random.normal, random.uniform, random.truncated_normal


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """1 with probability p, else 0."""
    return (random.uniform(shape, seed=seed) < p).astype(floatx() if dtype is None else dtype)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of normal numbers."""
    return variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of uniform numbers."""
    return variable(random.uniform(shape, low, high, dtype, seed), dtype, name)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Tensor:
    """x · m / (1 - level), each element of m being 0 with probability `level`, else 1."""
    return random.dropout(x, level, noise_shape, seed)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Tensor:
    """The first where the condition holds, else the second, elementwise; either may be a function of nothing."""
    first, second = (one() if callable(one) else one for one in (then_expression, else_expression))
    condition, first, second = (ops.convert_to_tensor(one) for one in (condition, first, second))
    condition = condition.reshape((*condition.shape, *(1,) * (first.ndim - condition.ndim)))
    return ops.where(condition, first, second)


def map_fn(fn: Callable, elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """fn of each slice along the first axis, stacked."""
    return ops.map(fn, elems)


def foldl(fn: Callable, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """fn(… fn(fn(initializer, x₀), x₁) …) over the first axis; without an initializer x₀ is it."""
    elems = ops.convert_to_tensor(elems)
    start, rest = (elems[0], elems[1:]) if initializer is None else (initializer, elems)
    return ops.scan(lambda carry, x: (fn(carry, x), None), start, rest)[0]


def foldr(fn: Callable, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """As `foldl`, from the last slice to the first."""
    return foldl(fn, ops.flip(elems, 0), initializer)
