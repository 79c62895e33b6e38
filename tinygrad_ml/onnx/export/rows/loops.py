"""`tg.scan` as ONNX's `Scan`: one node with one body, however many rounds there are.

What our operation gives is one array in which all lies, one thing after the other, and slices of it are what it made. ONNX gives each by
itself, so the slices are bound to these.

Read next: `draws.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ...graph import OnnxGraph, Port
from ..constants import counting
from ..table import row
from ..varying import VaryingNumber, merged
from ..wires import ExportStep, ExportWire
from ..writer import needed_nodes


@row("scan")
def scan(w: Any, step: ExportStep) -> str:
    op = step.op
    bodies = [each.body for each in step.ops]
    first_x, first_shared = len(op.body.carries), len(op.body.carries) + len(op.body.xs)
    carries, xs = step.inputs[:first_x], step.inputs[first_x:first_shared]
    given = w.names([*carries, *xs])
    length = merged([each.length for each in step.ops])
    counted = not xs
    if counted:  # ONNX goes over something
        given.append(counting(w, length))
    body = _body(w, step, bodies, counted)
    many = len(xs) + counted
    directions = {"scan_input_directions": [1] * many, "scan_output_directions": [1] * len(op.body.made)}
    outputs = len(op.body.carries) + len(op.body.made)
    made = w.node(
        "Scan",
        given,
        outputs,
        body=body,
        num_scan_inputs=many,
        **{k: v for k, v in directions.items() if op.reverse and v},
    )
    made = [made] if outputs == 1 else made
    return _taken_apart(w, step, [made[i] for i in op.finals] + made[first_x:])


def _body(w: Any, step: ExportStep, bodies: list[Any], counted: bool) -> OnnxGraph:
    """The graph of one round."""
    op, first = step.op, bodies[0]
    forms = [merged([tuple(body.forms[k].shape) for body in bodies]) for k in range(len(first.forms))]
    wires = [ExportWire(shape, form.dtype) for shape, form in zip(forms, first.forms, strict=True)]
    first_shared = len(first.carries) + len(first.xs)
    first_number = first_shared + len(first.shared)
    for k, shared in enumerate(step.inputs[first_shared:]):
        wires[first_shared + k] = shared
    for k in range(len(first.numbers)):
        wires[first_number + k].constant = merged([numpy.asarray(body.numbers[k]) for body in bodies])
    applied = [
        ExportStep(
            tuple(body.steps[k].op for body in bodies),
            tuple(wires[i] for i in each.inputs),
            merged([body.steps[k].params for body in bodies]),
            wires[first.first_step + k],
            each.scope,
        )
        for k, each in enumerate(first.steps)
    ]
    outer, scope, known, shared = w.nodes, w.scope, w.sizes.fork(), dict(w._shared)
    w.nodes = []
    names = [w._new() for _ in range(first_shared)]
    for wire, name in zip(wires, names, strict=False):
        w.bind(wire, name)
    ports = [_port(name, wire) for name, wire in zip(names, wires, strict=False)]
    if counted:
        ports.append(Port(w._new(), "tensor", numpy.dtype(numpy.int64), ()))
    w.enter(applied)
    w.steps(applied, {})
    results = [wires[i] for i in (*op.body.carried, *op.body.made)]
    outputs = [w.node("Identity", [w.name(wire)]) for wire in results]
    nodes = needed_nodes(w.nodes, outputs)
    w.nodes, w.scope, w._shared = outer, scope, shared
    w.sizes.back(known)
    return OnnxGraph(
        "round",
        tuple(ports),
        tuple(_port(name, wire) for name, wire in zip(outputs, results, strict=True)),
        tuple(nodes),
        {},
    )


def _port(name: str, wire: ExportWire) -> Port:
    shape = tuple(None if isinstance(n, VaryingNumber) else n for n in wire.shape)
    return Port(name, "tensor", wire.dtype, shape)


def _taken_apart(w: Any, step: ExportStep, made: list[str]) -> str:
    """Bind what is sliced out of the one array, and give that array, in case somebody looks at it as it is."""
    flat = [w.node("Reshape", [name, w.constant(numpy.array([-1], numpy.int64))]) for name in made]
    parts = merged([[(first, end, tuple(form.shape)) for first, end, form in each.parts] for each in step.ops])
    for use in w.uses.get(id(step.output), []):
        index = use.params.get("index")
        if use.name != "getitem" or not isinstance(index, tuple) or len(index) != 1 or not isinstance(index[0], slice):
            continue
        for (first, end, shape), name, line in zip(parts, made, flat, strict=True):
            if (index[0].start, index[0].stop) == (first, end) and not w.bound(use.output):
                for later in w.uses.get(id(use.output), []):
                    if later.name == "reshape" and later.output.shape == shape and not w.bound(later.output):
                        w.bind(later.output, name)
                w.bind(use.output, line)
    return flat[0] if len(flat) == 1 else w.node("Concat", flat, axis=0)
