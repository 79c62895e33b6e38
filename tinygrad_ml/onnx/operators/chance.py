"""Operators that draw at random. `tg.manual_seed` rules them all: the attribute `seed` of a node, with which each run would draw
the same, is not looked at.

Read next: `signals.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import functional as tg
from ... import random
from ...backend import dtypes
from ...distributions import multinomial as draw_positions
from ...nn import functional as F
from ...tensor import Tensor
from ..table import NodeCall, Numbers, operator
from .casting import element_type

FLOAT, INT32 = 1, 6
"""Two numbers of `TensorProto.DataType`."""


@operator("RandomNormal", (1, 22))
def random_normal(
    *, shape: Sequence[int], mean: float = 0.0, scale: float = 1.0, dtype: int = FLOAT, seed: float | None = None
) -> Tensor:
    return random.normal(mean, scale, tuple(shape), element_type(dtype))


@operator("RandomUniform", (1, 22))
def random_uniform(
    *, shape: Sequence[int], low: float = 0.0, high: float = 1.0, dtype: int = FLOAT, seed: float | None = None
) -> Tensor:
    return random.uniform(low, high, tuple(shape), element_type(dtype))


@operator("RandomNormalLike", (1, 22))
def random_normal_like(
    x: Tensor, *, mean: float = 0.0, scale: float = 1.0, dtype: int | None = None, seed: float | None = None
) -> Tensor:
    return random.normal(mean, scale, x.shape, x.dtype if dtype is None else element_type(dtype), x.device)


@operator("RandomUniformLike", (1, 22))
def random_uniform_like(
    x: Tensor, *, low: float = 0.0, high: float = 1.0, dtype: int | None = None, seed: float | None = None
) -> Tensor:
    return random.uniform(low, high, x.shape, x.dtype if dtype is None else element_type(dtype), x.device)


@operator("Bernoulli", (15, 22))
def bernoulli(p: Tensor, *, dtype: int | None = None, seed: float | None = None) -> Tensor:
    """1 with probability p, else 0."""
    drawn = random.random(p.shape, dtypes.float32, p.device) < p
    return drawn.astype(p.dtype if dtype is None else element_type(dtype))


@operator("Multinomial", (7, 22))
def multinomial(logs: Tensor, *, dtype: int = INT32, sample_size: int = 1, seed: float | None = None) -> Tensor:
    """Positions, drawn for each row with the probabilities of which it has the logarithms, up to a number."""
    return draw_positions(tg.softmax(logs), sample_size, replacement=True).astype(element_type(dtype))


def _dropped(x: Tensor, ratio: float, training: bool, call: NodeCall) -> Any:
    """x with zeros at random in training, the rest scaled; and, if somebody asks for it, where it was kept."""
    if not call.wants(1):
        return F.dropout(x, ratio, training)
    factors = F.dropout(tg.ones_like(x), ratio, training)
    return x * factors, (factors != 0).astype(dtypes.bool_ if call.opset >= 10 else x.dtype)


@operator("Dropout", (12, 13, 22))
def dropout(
    x: Tensor,
    ratio: Numbers | None = None,
    training_mode: Numbers | None = None,
    *,
    seed: int | None = None,
    call: NodeCall,
) -> Any:
    """Zeros at random where the model is in training mode, or the node says that it always is."""
    training = call.training or (training_mode is not None and bool(training_mode.item()))
    return _dropped(x, 0.5 if ratio is None else float(ratio.item()), training, call)


@operator("Dropout", (1, 6, 7, 10))
def dropout_by_attributes(
    x: Tensor, *, ratio: float = 0.5, is_test: int = 0, consumed_inputs: Any = None, call: NodeCall
) -> Any:
    """Zeros at random where the model is in training mode, for whichever mode the file was written."""
    return _dropped(x, ratio, call.training, call)
