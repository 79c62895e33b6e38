"""Layers of recurrent networks, which ONNX has as a whole: a node for each layer in each direction.

Gates stand in another order there, so the rows of the weights are taken in that order, by a `Gather`: the parameters
themselves stay as they are in the file.

Read next: `../table.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from ....nn.recurrent import GRU, LSTM, RNN, through_steps
from ..table import call_row
from ..varying import VaryingNumber, merged
from ..wires import CalledFunction, ExportWire
from .movement import reshaped


class _Gates(NamedTuple):
    """ONNX's operator for a layer, and where each of its gates stands in ours."""

    operator: str
    order: tuple[int, ...]


GATES = {RNN: _Gates("RNN", (0,)), GRU: _Gates("GRU", (1, 0, 2)), LSTM: _Gates("LSTM", (0, 3, 1, 2))}


@call_row(through_steps)
def recurrent(w: Any, call: CalledFunction) -> list[str] | None:
    layer, data = call.arguments["layer"], call.arguments["data"]
    sizes: Any = call.arguments["sizes"]
    weights, state = call.arguments["weights"], call.arguments["state"]
    gates = GATES.get(type(layer))
    if gates is None or weights["weight_hr"] is not None or data.dtype != weights["weight_ih"].dtype or not sizes:
        return None
    if any(len(set(each)) != 1 for each in (sizes if isinstance(sizes, VaryingNumber) else (sizes,))):
        return None  # a packed sequence
    x = _sequences(w, data, sizes)
    hidden = weights["weight_hh"].shape[1]
    inputs = [x, *[_weight(w, weights[name], gates, hidden) for name in ("weight_ih", "weight_hh")]]
    if weights["bias_ih"] is None:
        inputs.append("")
    else:
        both = [_in_order(w, weights[name], gates, hidden) for name in ("bias_ih", "bias_hh")]
        inputs.append(w.node("Unsqueeze", [w.node("Concat", both, axis=0), w.constant(numpy.array([0]))]))
    inputs += ["", *[w.node("Unsqueeze", [w.name(part), w.constant(numpy.array([0]))]) for part in state]]
    backwards = call.arguments["backwards"]
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": "reverse" if backwards else "forward"}
    if gates.operator == "RNN":
        attributes["activations"] = [{"tanh": "Tanh", "relu": "Relu"}[layer.nonlinearity]]
    if gates.operator == "GRU":
        attributes["linear_before_reset"] = 1
    y, *kept = w.node(gates.operator, inputs, 1 + len(state), **attributes)
    one = w.constant(numpy.array([0]))
    flat = w.node("Reshape", [y, w.constant(numpy.array([-1, hidden]))])
    return [flat, *[w.node("Squeeze", [part, one]) for part in kept]]


def _sequences(w: Any, data: ExportWire, sizes: Any) -> str:
    """(length, batch, features) of all steps together: mostly what they were made of."""
    runs = len(sizes) if isinstance(sizes, VaryingNumber) else 0
    length: Any = VaryingNumber(map(len, sizes)) if runs else len(sizes)
    if runs and len(set(length)) == 1:
        length = length[0]
    batch = merged([each[0] for each in sizes]) if runs else sizes[0]
    shape = (length, batch, data.shape[1])
    maker = w.makers.get(id(data))
    if maker is not None and maker.name == "reshape" and maker.inputs[0].shape == shape:
        return w.name(maker.inputs[0])
    return reshaped(w, w.name(data), data.shape, shape)


def _weight(w: Any, weight: ExportWire, gates: _Gates, hidden: int) -> str:
    return w.node("Unsqueeze", [_in_order(w, weight, gates, hidden), w.constant(numpy.array([0]))])


def _in_order(w: Any, weight: ExportWire, gates: _Gates, hidden: int) -> str:
    """The rows of a weight in ONNX's order of gates."""
    if len(gates.order) == 1:
        return w.name(weight)
    rows = (numpy.array(gates.order)[:, None] * hidden + numpy.arange(hidden)).reshape(-1)
    return w.node("Gather", [w.name(weight), w.constant(rows)], axis=0)
