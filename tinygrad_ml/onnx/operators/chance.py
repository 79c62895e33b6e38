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


# --- dropout ----------------------------------------------------------------------------------------------------------


def dropped(x: Tensor, ratio: float, training: bool) -> tuple[Tensor, Tensor]:
    """(y, mask): x with zeros at random and the rest scaled in training, else x; and where it was kept."""
    if not training or not ratio:
        return x, tg.ones_like(x, dtype=dtypes.bool_)
    mask = F.dropout(tg.ones_like(x), ratio)
    return x * mask, mask != 0


@operator("Dropout", (12, 13, 22))
def dropout(
    x: Tensor,
    ratio: Numbers | None = None,
    training_mode: Numbers | None = None,
    *,
    seed: int | None = None,
    call: NodeCall,
) -> tuple[Tensor, Tensor]:
    """In training: where the node's third input says so, or, if it has none, where the model is in training mode."""
    training = call.training if training_mode is None else bool(training_mode.item())
    return dropped(x, 0.5 if ratio is None else float(ratio.item()), training)


@operator("Dropout", (10,))
def dropout_by_mode(x: Tensor, *, ratio: float = 0.5, call: NodeCall) -> tuple[Tensor, Tensor]:
    return dropped(x, ratio, call.training)


@operator("Dropout", (7,))
def dropout_with_a_mask_of_numbers(x: Tensor, *, ratio: float = 0.5, call: NodeCall) -> tuple[Tensor, Tensor]:
    y, mask = dropped(x, ratio, call.training)
    return y, mask.astype(x.dtype)


@operator("Dropout", (1, 6))
def dropout_by_attribute(
    x: Tensor, *, is_test: int = 0, ratio: float = 0.5, consumed_inputs: Any = None, call: NodeCall
) -> tuple[Tensor, Tensor]:
    y, mask = dropped(x, ratio, call.training and not is_test)
    return y, mask.astype(x.dtype)
