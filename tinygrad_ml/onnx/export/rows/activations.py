"""Calls of activation functions for which ONNX has an operator.

Read next: `networks.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from .... import functional as tg
from ....nn import functional as F
from ..table import call_row
from ..varying import VaryingNumber
from ..wires import CalledFunction, ExportWire

SELU_ALPHA, SELU_GAMMA = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
GELU, MISH = 20, 18
"""The opsets from which on these are there."""


def floating(call: CalledFunction, name: str = "input") -> ExportWire | None:
    """The input of a call, if it is of floats that operators of networks know."""
    x = call.wire(name)
    return x if x is not None and x.dtype in (numpy.float16, numpy.float32, numpy.float64) else None


def _activation(function: Callable, operator: str, since: int = 1, **attributes: Any) -> None:
    """A row of a function of one input. An attribute is a number, or the name of an argument."""

    @call_row(function)
    def written(w: Any, call: CalledFunction) -> str | None:
        x = floating(call)
        given = {name: call.arguments[value] if isinstance(value, str) else value for name, value in attributes.items()}
        if x is None or w.opset < since or any(isinstance(value, VaryingNumber) for value in given.values()):
            return None
        return w.node(operator, [w.name(x)], **{name: float(value) for name, value in given.items()})


_activation(F.leaky_relu, "LeakyRelu", alpha="negative_slope")
_activation(F.elu, "Elu", alpha="alpha")
_activation(F.celu, "Celu", alpha="alpha")
_activation(F.selu, "Selu", alpha=SELU_ALPHA, gamma=SELU_GAMMA)
_activation(F.softsign, "Softsign")
_activation(F.hardsigmoid, "HardSigmoid", alpha=1 / 6, beta=0.5)
_activation(F.hardswish, "HardSwish", 14)
_activation(F.hardshrink, "Shrink", lambd="lambd", bias=0.0)
_activation(F.softshrink, "Shrink", lambd="lambd", bias="lambd")
_activation(F.mish, "Mish", MISH)


@call_row(F.gelu)
def gelu(w: Any, call: CalledFunction) -> str | None:
    x = floating(call)
    if x is None or w.opset < GELU:
        return None
    return w.node("Gelu", [w.name(x)], approximate=call.arguments["approximate"])


@call_row(F.prelu)
def prelu(w: Any, call: CalledFunction) -> str | None:
    x, weight = floating(call), call.wire("weight")
    if (
        x is None
        or weight is None
        or weight.dtype != x.dtype
        or weight.ndim != 1
        or isinstance(weight.shape[0], VaryingNumber)
    ):
        return None
    slope = w.name(weight)
    if weight.shape[0] > 1 and x.ndim > 2:
        slope = w.node("Unsqueeze", [slope, w.constant(numpy.arange(1, x.ndim - 1))])
    return w.node("PRelu", [w.name(x), slope])


def clipped(w: Any, x: ExportWire, low: Any, high: Any) -> str | None:
    """x within bounds, which are numbers, or None."""
    if any(
        isinstance(bound, (VaryingNumber, ExportWire)) or not isinstance(bound, (int, float, type(None)))
        for bound in (low, high)
    ):
        return None
    bounds = ["" if bound is None else w.number_like(bound, x) for bound in (low, high)]
    return w.node("Clip", [w.name(x), *(bounds if bounds[1] else bounds[:1])])


@call_row(F.hardtanh)
def hardtanh(w: Any, call: CalledFunction) -> str | None:
    x = floating(call)
    return None if x is None else clipped(w, x, call.arguments["min_val"], call.arguments["max_val"])


@call_row(F.relu6)
def relu6(w: Any, call: CalledFunction) -> str | None:
    x = floating(call)
    return None if x is None else clipped(w, x, 0, 6)


@call_row(tg.clip)
def clip(w: Any, call: CalledFunction) -> str | None:
    x = floating(call, "x")
    low, high = call.arguments["min"], call.arguments["max"]
    if x is None or (low is None and high is None) or (low is not None and high is not None and low > high):
        return None
    return clipped(w, x, low, high)
