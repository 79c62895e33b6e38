"""Products of matrices, determinants, and Fourier transforms, which are such products.

Read next: `windows.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from .... import functional as tg
from ....nn import functional as F
from ..table import InexpressibleError, call_row, row
from ..varying import varies
from ..wires import CalledFunction, ExportStep, ExportWire


@row("matmul")
def matmul(w: Any, step: ExportStep) -> str:
    return w.node("MatMul", w.names(step.inputs))


@row("linear")
def linear(w: Any, step: ExportStep) -> str:
    """`Gemm` of matrices, with the bias that is added to nothing else; of more axes `MatMul`, which needs no other shape."""
    x, weight = step.inputs
    whole = _around(w, step)
    if whole is not None:
        inner, outer = whole
        turned = w.shared("Transpose", [w.name(weight)], perm=[1, 0])
        w.bind(outer, w.node("MatMul", [w.name(inner), turned]))
        return _product(w, x, weight, None)
    bias = _bias(w, step)
    if bias is not None:
        wire, output = bias
        w.bind(output, _product(w, x, weight, wire))
    return _product(w, x, weight, None)


def _product(w: Any, x: ExportWire, weight: ExportWire, bias: ExportWire | None) -> str:
    return w.node("Gemm", w.names([x, weight] if bias is None else [x, weight, bias]), transB=1)


def _around(w: Any, step: ExportStep) -> tuple[ExportWire, ExportWire] | None:
    """What was reshaped into the matrix x, and what the product is reshaped to, if only the last axis is another."""
    before = w.makers.get(id(step.inputs[0]))
    after = w.only_use(step.output, "reshape")
    if before is None or before.name != "reshape" or after is None:
        return None
    x, y = before.inputs[0], after.output
    fits = x.ndim > 2 and x.shape[:-1] == y.shape[:-1] and x.shape[-1] == step.inputs[0].shape[-1]
    return (x, y) if fits and y.shape[-1] == step.output.shape[-1] and not w.bound(y) else None


def _bias(w: Any, step: ExportStep) -> tuple[ExportWire, ExportWire] | None:
    """The bias that is added to a product, and the sum."""
    added = w.only_use(step.output, "add")
    if added is None or w.bound(added.output):
        return None
    others = [wire for wire in added.inputs if wire is not step.output]
    if len(others) != 1 or others[0].ndim != 1 or others[0].dtype != step.output.dtype or w.makers.get(id(others[0])):
        return None
    return others[0], added.output


@row("det")
def det(w: Any, step: ExportStep) -> str:
    return w.node("Det", w.names(step.inputs))


@row("log_abs_det")
def log_abs_det(w: Any, step: ExportStep) -> str:
    return w.node("Log", [w.node("Abs", [w.node("Det", w.names(step.inputs))])])


@row("sign_det")
def sign_det(w: Any, step: ExportStep) -> str:
    return w.node("Sign", [w.node("Det", w.names(step.inputs))])


@row("fourier")
def fourier(w: Any, step: ExportStep) -> str:
    """y = C·x - S·x turned by a quarter: the matrices of cosines and sines, and pairs of real and imaginary parts."""
    (x,) = step.inputs
    n = x.shape[-2]
    if varies(n):
        raise InexpressibleError("a Fourier transform along an axis whose size varies")
    angles = 2 * numpy.pi * numpy.outer(numpy.arange(n), numpy.arange(n)) / n
    cosines, sines = (
        w.constant(part.astype(x.dtype)) for part in (numpy.cos(angles), step.params["sign"] * numpy.sin(angles))
    )
    quarter = w.constant(numpy.array([[0, 1], [-1, 0]], x.dtype))  # (a, b) · i = (-b, a)
    turned = w.node("MatMul", [w.name(x), quarter])
    return w.node("Add", [w.node("MatMul", [cosines, w.name(x)]), w.node("MatMul", [sines, turned])])


@call_row(tg.einsum)
def einsum(w: Any, call: CalledFunction) -> str | None:
    subscripts, operands = call.arguments["subscripts"], call.arguments["operands"]
    if not isinstance(subscripts, str) or "..." in subscripts or any(not isinstance(x, ExportWire) for x in operands):
        return None
    if len({x.dtype for x in operands}) > 1 or operands[0].dtype != call.results.dtype:
        return None
    return w.node("Einsum", w.names(operands), equation=subscripts)


@call_row(F.bilinear)
def bilinear(w: Any, call: CalledFunction) -> str | None:
    a, b, weight = (call.wire(name) for name in ("input1", "input2", "weight"))
    bias = call.arguments["bias"]
    if a is None or b is None or weight is None or not (bias is None or isinstance(bias, ExportWire)):
        return None
    y = w.node("Einsum", w.names([a, weight, b]), equation="...i,oij,...j->...o")
    return y if bias is None else w.node("Add", [y, w.name(bias)])
