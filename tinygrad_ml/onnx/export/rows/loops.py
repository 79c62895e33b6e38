"""`tg.scan` as ONNX's `Scan`: one node with one body, however many rounds there are.

What our operation gives is one array in which all lies, one thing after the other, and slices of it are what it made. ONNX gives each by
itself, so the slices are bound to these.

Read next: `draws.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    first_x, first_shared = len(op.body.carries), len(op.body.carries) + len(op.body.xs)
    given = w.names(step.inputs[:first_shared])
    counted = first_x == first_shared
    if counted:  # ONNX goes over something
        given.append(counting(w, merged([each.length for each in step.ops])))
    parts = merged([[(first, end, tuple(form.shape)) for first, end, form in each.parts] for each in step.ops])
    wanted = _wanted(w, step, parts)
    handed = [place for place in range(len(op.body.made)) if len(op.finals) + place in wanted]
    body = _body(w, step, handed, counted)
    many = first_shared - first_x + counted
    directions = {"scan_input_directions": [1] * many, "scan_output_directions": [1] * len(handed)}
    made = w.node(
        "Scan",
        given,
        first_x + len(handed),
        body=body,
        num_scan_inputs=many,
        **{name: each for name, each in directions.items() if op.reverse and each},
    )
    made = made if isinstance(made, list) else [made]
    names = {place: made[i] for place, i in enumerate(op.finals)}
    names |= {len(op.finals) + place: made[first_x + k] for k, place in enumerate(handed)}
    return _taken_apart(w, step, parts, names)


def _uses(w: Any, step: ExportStep, parts: Any) -> Iterator[tuple[ExportStep, int | None]]:
    """Who looks at what the operation gives, and at which part of it: None for those that look at all."""
    places = {(first, end): place for place, (first, end, _) in enumerate(parts)}
    for use in w.uses.get(id(step.output), []):
        index = use.params.get("index")
        if use.name == "getitem" and isinstance(index, tuple) and len(index) == 1 and isinstance(index[0], slice):
            yield use, places.get((index[0].start, index[0].stop))
        else:
            yield use, None


def _wanted(w: Any, step: ExportStep, parts: Any) -> set[int]:
    """The parts that somebody looks at: others were kept for a gradient that nobody asks for."""
    found = {place for _, place in _uses(w, step, parts)}
    return set(range(len(parts))) if None in found or w.is_result(step.output) else {p for p in found if p is not None}


def _body(w: Any, step: ExportStep, handed: list[int], counted: bool) -> OnnxGraph:
    """The graph of one round, of which these values are handed out."""
    bodies = [each.body for each in step.ops]
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
    results = [wires[i] for i in (*op.body.carried, *[op.body.made[place] for place in handed])]
    w.scope = step.scope
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


def _taken_apart(w: Any, step: ExportStep, parts: Any, names: dict[int, str]) -> str:
    """Bind what is sliced out of the one array, and give that array, in case somebody looks at it as it is."""
    flat = {
        place: w.node("Reshape", [name, w.constant(numpy.array([-1], numpy.int64))]) for place, name in names.items()
    }
    for use, place in _uses(w, step, parts):
        if place is not None and not w.bound(use.output):
            for later in w.uses.get(id(use.output), []):
                if later.name == "reshape" and later.output.shape == parts[place][2] and not w.bound(later.output):
                    w.bind(later.output, names[place])
            w.bind(use.output, flat[place])
    return w.node("Concat", list(flat.values()), axis=0) if len(flat) != 1 else next(iter(flat.values()))
