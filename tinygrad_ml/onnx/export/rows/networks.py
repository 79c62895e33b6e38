"""Calls of what networks are made of, for which ONNX has an operator: convolutions, pooling, normalisation, dropout.

Where the operator means something else (a batch norm in training, windows that reach over an edge whose place varies), a row
says so by None, and the operations stand there of which the function is composed.

Read before: `../table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from ....functional.convolution import padding_pairs, per_axis
from ....functional.pooling import _ceil_padding as ceil_padding
from ....nn import functional as F
from ..table import call_row
from ..varying import VaryingNumber, varies
from ..wires import CalledFunction, ExportWire
from .activations import floating

LAYER_NORM, GROUP_NORM, RMS_NORM = 17, 21, 23
"""The opsets from which on these are there."""


class _Space:
    """How windows of a call lie in space: attributes of ONNX's operators."""

    def __init__(self, call: CalledFunction, kernel: Sequence[int], pooling: bool = False):
        given, dims = call.arguments, len(kernel)
        stride = given.get("stride")
        self.kernel = tuple(kernel)
        self.strides = (
            self.kernel if stride is None and pooling else per_axis(1 if stride is None else stride, dims, "stride")
        )
        self.dilations = per_axis(given.get("dilation", 1), dims, "dilation")
        self.pairs = padding_pairs(given.get("padding", 0), self.kernel, self.dilations, self.strides)

    def attributes(self) -> dict[str, Any]:
        """As ONNX has them."""
        pads = [before for before, _ in self.pairs] + [after for _, after in self.pairs]
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.strides),
            "pads": pads,
            "dilations": list(self.dilations),
        }


def _parts(call: CalledFunction, *names: str) -> list[ExportWire] | None:
    """Parameters of a call, those that are None left out; None if one is something else than a tensor of its floats."""
    x = floating(call)
    if x is None:
        return None
    given = [call.arguments[name] for name in names if call.arguments[name] is not None]
    fits = all(isinstance(part, ExportWire) and part.dtype == x.dtype for part in given)
    return [x, *given] if fits else None


def _conv(w: Any, call: CalledFunction) -> str | None:
    parts = _parts(call, "weight", "bias")
    if parts is None or parts[0].ndim != parts[1].ndim:
        return None
    space = _Space(call, parts[1].shape[2:])
    return w.node("Conv", w.names(parts), **space.attributes(), group=call.arguments["groups"])


def _conv_transpose(w: Any, call: CalledFunction) -> str | None:
    parts = _parts(call, "weight", "bias")
    if parts is None or parts[0].ndim != parts[1].ndim:
        return None
    space = _Space(call, parts[1].shape[2:])
    more = per_axis(call.arguments["output_padding"], len(space.kernel), "output_padding")
    attributes = {**space.attributes(), "output_padding": list(more)}
    return w.node("ConvTranspose", w.names(parts), **attributes, group=call.arguments["groups"])


def _dims(function: Any) -> int:
    return int(function.__name__[-2])


def _pooled(w: Any, call: CalledFunction, operator: str, **more: Any) -> str | None:
    """A pooling of a batch. Windows that reach over the edge need more zeros there, and the size must be known."""
    x, dims = floating(call), _dims(call.function)
    if x is None or x.ndim != dims + 2:
        return None
    space = _Space(call, per_axis(call.arguments["kernel_size"], dims, "kernel_size"), pooling=True)
    if call.arguments["ceil_mode"]:
        if varies(x.shape[2:]) or operator == "AveragePool":
            return None
        lines = zip(x.shape[2:], space.kernel, space.strides, space.dilations, space.pairs, strict=True)
        space.pairs = [ceil_padding(*line) for line in lines]
    attributes = {**space.attributes(), **more}
    if operator == "AveragePool":
        del attributes["dilations"]
    if any(pad >= k for pads, k in zip(space.pairs, space.kernel, strict=True) for pad in pads):
        return None
    return w.node(operator, [w.name(x)], **attributes)


def _max_pool(w: Any, call: CalledFunction) -> str | None:
    return None if call.arguments["return_indices"] else _pooled(w, call, "MaxPool")


def _avg_pool(w: Any, call: CalledFunction) -> str | None:
    if call.arguments.get("divisor_override") is not None:
        return None
    return _pooled(w, call, "AveragePool", count_include_pad=int(call.arguments["count_include_pad"]))


def _global_pool(w: Any, call: CalledFunction) -> str | None:
    x, dims = floating(call), _dims(call.function)
    whole = call.arguments["output_size"] in (1, (1,) * dims, [1] * dims)
    return w.node("GlobalAveragePool", [w.name(x)]) if x is not None and whole and x.ndim == dims + 2 else None


call_row(F.conv1d, F.conv2d, F.conv3d)(_conv)
call_row(F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)(_conv_transpose)
call_row(F.max_pool1d, F.max_pool2d, F.max_pool3d)(_max_pool)
call_row(F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)(_avg_pool)
call_row(F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)(_global_pool)


def _filled(w: Any, shape: Sequence[Any], number: float, dtype: numpy.dtype) -> str:
    """A scale of ones, or a bias of zeros, where a call has none."""
    return w.constant(numpy.full(tuple(shape), number, dtype))


@call_row(F.batch_norm)
def batch_norm(w: Any, call: CalledFunction) -> str | None:
    parts = _parts(call, "weight", "bias", "running_mean", "running_var")
    given = call.arguments
    if parts is None or given["training"] or given["running_mean"] is None or given["running_var"] is None:
        return None
    x = parts[0]
    channels = x.shape[1]
    if isinstance(channels, VaryingNumber):
        return None
    scale, bias = (
        _filled(w, (channels,), number, x.dtype) if given[name] is None else w.name(given[name])
        for name, number in (("weight", 1), ("bias", 0))
    )
    moments = w.names([given["running_mean"], given["running_var"]])
    return w.node("BatchNormalization", [w.name(x), scale, bias, *moments], epsilon=float(given["eps"]))


@call_row(F.layer_norm)
def layer_norm(w: Any, call: CalledFunction) -> str | None:
    parts, given = _parts(call, "weight", "bias"), call.arguments
    shape = given["normalized_shape"]
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if parts is None or w.opset < LAYER_NORM or varies(shape):
        return None
    x = parts[0]
    scale = _filled(w, shape, 1, x.dtype) if given["weight"] is None else w.name(given["weight"])
    rest = [] if given["bias"] is None else [w.name(given["bias"])]
    return w.node("LayerNormalization", [w.name(x), scale, *rest], axis=-len(shape), epsilon=float(given["eps"]))


@call_row(F.rms_norm)
def rms_norm(w: Any, call: CalledFunction) -> str | None:
    parts, given = _parts(call, "weight"), call.arguments
    shape = given["normalized_shape"]
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if parts is None or w.opset < RMS_NORM or varies(shape):
        return None
    x, eps = parts[0], given["eps"]
    scale = _filled(w, shape, 1, x.dtype) if given["weight"] is None else w.name(given["weight"])
    eps = float(numpy.finfo(x.dtype).eps if eps is None else eps)
    return w.node("RMSNormalization", [w.name(x), scale], axis=-len(shape), epsilon=eps)


@call_row(F.group_norm)
def group_norm(w: Any, call: CalledFunction) -> str | None:
    parts, given = _parts(call, "weight", "bias"), call.arguments
    if parts is None or w.opset < GROUP_NORM or isinstance(parts[0].shape[1], VaryingNumber):
        return None
    scale, bias = _scale_and_bias(w, call, parts[0])
    groups = given["num_groups"]
    return w.node("GroupNormalization", [w.name(parts[0]), scale, bias], epsilon=float(given["eps"]), num_groups=groups)


@call_row(F.instance_norm)
def instance_norm(w: Any, call: CalledFunction) -> str | None:
    parts, given = _parts(call, "weight", "bias"), call.arguments
    if parts is None or not given["use_input_stats"] or isinstance(parts[0].shape[1], VaryingNumber):
        return None
    scale, bias = _scale_and_bias(w, call, parts[0])
    return w.node("InstanceNormalization", [w.name(parts[0]), scale, bias], epsilon=float(given["eps"]))


def _scale_and_bias(w: Any, call: CalledFunction, x: ExportWire) -> tuple[str, str]:
    found = []
    for name, number in (("weight", 1), ("bias", 0)):
        wire = call.arguments[name]
        found.append(_filled(w, x.shape[1:2], number, x.dtype) if wire is None else w.name(wire))
    return found[0], found[1]


@call_row(F.dropout)
def dropout(w: Any, call: CalledFunction) -> str | None:
    x, p = floating(call), call.arguments["p"]
    if x is None or not call.arguments["training"] or not 0 < p < 1:
        return None
    return w.node("Dropout", [w.name(x), w.constant(numpy.float32(p)), w.constant(numpy.bool_(True))])
