"""Applying an operation: it is computed, and recorded if a gradient can flow through it.

`apply` is the one door: every operation of the library passes through it.

Read before: `base.py`. Read next: `../operators.py`, `../autograd/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import writes
from ..backend import Absent, Array
from ..backend.arrays import BY_TYPE, HOST
from ..errors import DTypeError, RangeError, TinygradError
from ..graph import Node
from ..ops import Primitive
from ..state import modes, part_of, unrecorded
from ..writes import tick
from .base import Tensor, check_devices

NO_PARAMETERS: dict[str, Any] = {}


def apply(op: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any] = NO_PARAMETERS) -> Tensor:
    """Compute `op` on `inputs`, and record it if a gradient can flow through it. Raises the errors of the operation's shape
    rule, `DTypeError`, `DeviceError`."""
    sample = None if modes.tracer is None else modes.tracer.sample_of(op, inputs, params)
    arrays = [tensor._data for tensor in inputs]
    try:
        if op.coerce is not None:
            arrays = op.coerce(arrays)
        backend = _backend_of(arrays)
        if sample is not None:
            value = sample
        elif backend.symbolic and not op.symbolic:  # its value would fail, and to fail takes longer than a shape rule
            value = _symbolic_value(op, inputs, arrays, params)
        else:
            value = op.value(backend, *arrays, **params)
    except Exception as error:
        value = _symbolic_value(op, inputs, arrays, params, error)
    return record(op, inputs, arrays, params, value)


def record(
    op: Primitive, inputs: tuple[Tensor, ...], arrays: Sequence[Array], params: dict[str, Any], value: Array
) -> Tensor:
    """The tensor of `value`, which `op` computed from `arrays`, the (coerced) arrays of `inputs`.

    It gets a node if some input needs a gradient that can flow through `op`, or is symbolic.
    """
    output = Tensor(value)
    if len(inputs) == 2:  # written out, because a chain of scalars spends its time here
        a, b = inputs
        plan = op.plans[(a._needs, b._needs)]
    elif len(inputs) == 1:
        plan = op.plans[(inputs[0]._needs,)]
    else:
        plan = op.plans[tuple([tensor._needs for tensor in inputs])]
    if plan is not None and not modes.grad:
        plan = None
    if plan is not None or type(value) is Absent:
        if BY_TYPE[type(value)].kind != "cpu" and any(map(HOST.is_number, arrays)):
            check_devices(op.name, inputs)  # NumPy's scalars were taken for numbers
        if writes.on_loan:
            for array in arrays:  # a write that is noticed now is older than the node
                writes.look(array)
        # The inputs first: a tensor from outside gets its node, and with it its number, here.
        if len(inputs) == 2:
            parents = (a._node or a.node, b._node or b.node)
        else:
            parents = tuple([tensor._node or tensor.node for tensor in inputs])
        output._node = node = Node(tick(), value.shape, value.dtype)
        node.op, node.inputs = op, parents
        if params:
            node.params = params
        if plan is not None:
            node.plan = plan
            if plan.kept:
                saved = plan.keep((*arrays, value))
                node.saved = writes.safe(saved) if writes.borrowed else saved
            node.needs_grad = output._needs = True
    if modes.busy:
        if output._node is not None:
            output._node.scope = modes.scope
        elif modes.scope and modes.grad and modes.recorder is None:
            for note in unrecorded:
                note(op, inputs, params, output)
        for watcher in modes.watchers:
            watcher(op, inputs, params, output)
    return output


def _backend_of(arrays):
    """The backend of the arrays; NumPy's scalars go with any."""
    for array in arrays:
        if (backend := BY_TYPE[type(array)]) is not HOST:
            return backend
    return HOST


def _symbolic_value(op: Primitive, inputs, arrays, params, error: Exception | None = None) -> Absent:
    """What `op` gives where data is missing; where nothing is missing, the error in clear words."""
    if isinstance(error, TinygradError):
        raise error
    if len(inputs) > 1:
        check_devices(op.name, inputs)
    try:
        shape = op.shape(*[array.shape for array in arrays], **params)
        absent = [array for array in arrays if isinstance(array, Absent)]
        missing = absent[0] if len(absent) == 1 else max(absent, key=lambda array: array.depth, default=None)
        if missing is not None:
            arrays = op.coerce(arrays) if error is not None and op.coerce is not None else arrays
            own = [array.dtype for array in arrays]
            return missing.like(shape, op.dtype(*own, **params) if op.dtype is not None else own[0])
    except TinygradError as clear:
        names = ", ".join(f"{op.input_name(i)} is {tensor._described()}" for i, tensor in enumerate(inputs))
        raise type(clear)(f"{op.name}{part_of(modes.scope)}: {clear}. Here {names}.", op, inputs) from None
    raise failure(op, [tensor._described() for tensor in inputs], error, inputs) from error


def failure(op: Primitive, words: Sequence[str], error: Any, inputs: tuple[Tensor, ...] = ()) -> TinygradError:
    """An error of the array library's as one of ours: `words` are those for the inputs."""
    kind = (
        RangeError if isinstance(error, IndexError) else DTypeError if isinstance(error, TypeError) else TinygradError
    )
    return kind(f"{op.name} of {', '.join(words)}: {error}", op, inputs)
