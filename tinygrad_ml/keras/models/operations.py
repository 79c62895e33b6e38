"""Operations between layers, as Keras writes them into the config of a model: `a + b` is an entry of class `Add`.

A model that is read has an `Operation` in such a place. Operations of the engine that Keras has not are written under their
own names, and read by this library alone.

Read next: `graphs.py`, where the entries are written and read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import functional as fn
from ...errors import CheckpointError
from ...graph import Node
from ...ops import PRIMITIVES
from ...tensor import Tensor, apply, as_tensor
from ..layers.base import Layer
from ..layers.symbols import call_of
from ..serialization import deserialize, serialize

_OURS = "tinygrad_ml"

_NAMED = {
    "Negative": "negative",
    "Absolute": "abs",
    "Abs": "abs",
    "Arcsin": "asin",
    "Arccos": "acos",
    "Arctan": "atan",
    "Arcsinh": "asinh",
    "Arccosh": "acosh",
    "Arctanh": "atanh",
    "TrueDivide": "divide",
    "Divide": "divide",
    "Mod": "remainder",
    "Power": "pow",
    "Arctan2": "atan2",
    "NotEqual": "not_equal",
    "LessEqual": "less_equal",
    "GreaterEqual": "greater_equal",
    "FloorDivide": "floor_divide",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "LogicalXor": "logical_xor",
    "LogicalNot": "logical_not",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
    "BitwiseInvert": "bitwise_invert",
}
_ALIKE = (
    "sign exp expm1 log log1p log2 log10 sqrt square reciprocal sin cos tan sinh cosh tanh floor ceil trunc erf sigmoid relu "
    "softplus isnan isinf isfinite add subtract multiply maximum minimum logaddexp equal less greater matmul where"
)
_BY_AXIS = "sum mean max min any all prod var std argmax argmin logsumexp"
_NAMED |= {name.capitalize(): name for name in _ALIKE.split()}
_REDUCTIONS = {name.capitalize(): name for name in _BY_AXIS.split()}


def _by_axis(name: str) -> Callable:
    """A function of (x, axis, keepdims)."""
    function = getattr(fn, name)
    return lambda x, axis=None, keepdims=False, initial=None: function(x, axis=_axes(axis), keepdims=keepdims)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _part(x: Any, key: Any) -> Tensor:
    return as_tensor(x)[tuple(key) if isinstance(key, list) else key]


_FUNCTIONS: dict[str, Callable] = {
    **{name: getattr(fn, own) for name, own in _NAMED.items()},
    **{name: _by_axis(own) for name, own in _REDUCTIONS.items()},
    "Cast": lambda x, dtype: fn.astype(x, dtype),
    "Clip": lambda x, x_min, x_max: fn.clip(x, x_min, x_max),
    "Concatenate": lambda xs, axis=0: fn.concat(xs, axis),
    "Cumsum": lambda x, axis=None, dtype=None: fn.cumulative_sum(x, axis=axis, dtype=dtype),
    "Einsum": lambda *operands, subscripts: fn.einsum(subscripts, *operands),
    "ExpandDims": lambda x, axis: fn.expand_dims(x, _axes(axis)),
    "GetItem": _part,
    "LogSoftmax": lambda x, axis=-1: fn.log_softmax(x, axis),
    "Repeat": lambda x, repeats, axis=None: fn.repeat(x, repeats, axis),
    "Reshape": lambda x, newshape: fn.reshape(x, _whole_batch(x, newshape)),
    "Round": lambda x, decimals=0: fn.round(x, decimals),
    "Softmax": lambda x, axis=-1: fn.softmax(x, axis),
    "Silu": lambda x: x * fn.sigmoid(x),
    "Squeeze": lambda x, axis=None: fn.squeeze(x, _axes(axis)),
    "Stack": lambda xs, axis=0: fn.stack(xs, axis),
    "Swapaxes": lambda x, axis1, axis2: fn.swapaxes(x, axis1, axis2),
    "Tile": lambda x, repeats: fn.tile(x, tuple(repeats) if isinstance(repeats, list) else repeats),
    "Transpose": lambda x, axes=None: fn.permute_dims(x, tuple(axes or range(as_tensor(x).ndim)[::-1])),
}
"""{Keras's class: function of what it was called with, and of its config}."""


def _whole_batch(x: Any, shape: Any) -> tuple[int, ...]:
    """A shape that models have written: -1 stands for the batch, which is None where it was not known."""
    return tuple(-1 if size is None else size for size in shape)


_WRITTEN = {own: name for name, own in (_NAMED | _REDUCTIONS).items() if own in PRIMITIVES and name != "Abs"}
_WRITTEN |= {"neg": "Negative", "sub": "Subtract", "mul": "Multiply", "div": "TrueDivide", "getitem": "GetItem"}
_WRITTEN |= {"cast": "Cast", "discrete_cast": "Cast", "permute_dims": "Transpose", "concat": "Concatenate"}
_WRITTEN |= {"power": "Power", "round": "Round", "cumulative_sum": "Cumsum"}
_MODULES = {
    **dict.fromkeys(("Erf", "Logsumexp"), "math"),
    **dict.fromkeys(("Sigmoid", "Relu", "Softplus"), "nn"),
    "Cast": "core",
}


class Operation(Layer):
    """An operation that stood between the layers of a model that was read.

    operation  Keras's name of it, as `Add`; or that of one of the engine's
    options    what it is told beside what it computes on
    module     where Keras has it; "tinygrad_ml" for operations of the engine
    """

    supports_masking = True

    def __init__(self, operation: str, options: Mapping[str, Any] | None = None, module: str = _OURS, **base: Any):
        super().__init__(**base)
        self.operation, self.options, self.module = operation, dict(options or {}), module
        known = PRIMITIVES if module == _OURS else _FUNCTIONS
        if operation not in known:
            raise CheckpointError(
                f"the operation {operation!r} of {module}, which stands between two layers, is not known here: put it into "
                "a layer of your own"
            )

    def call(self, *inputs: Any, **options: Any) -> Any:
        options = {name: value for name, value in {**self.options, **options}.items() if name != "training"}
        if self.module == _OURS:
            return apply(PRIMITIVES[self.operation], tuple(map(as_tensor, inputs)), options)
        return _FUNCTIONS[self.operation](*inputs, **options)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: what is computed between layers has no mask."""

    def entry(self) -> dict[str, Any]:
        """What is written of it, but for its calls."""
        return _entry(self.module, self.operation, self.name, self.options)


def repeat(entry: Mapping[str, Any], inputs: list[Any], options: Mapping[str, Any]) -> Any:
    """What comes out of an operation that was read: as arithmetic between symbols, where models repeat that; else of an
    `Operation`."""
    module, name = str(entry["module"]), str(entry["class_name"])
    told = {key: deserialize(value) for key, value in entry["config"].items() if key != "name"}
    operation = Operation(name, told, _OURS if module == _OURS else module, name=entry["config"].get("name"))
    if module == _OURS or name in _WRITTEN.values():
        made = operation.call(*inputs, **options)
        if not _reshapes(made):
            return made
    return operation(*inputs, **options)


def _reshapes(made: Tensor) -> bool:
    """Whether a shape is written down in what was computed from symbols."""
    waiting = [made.node]
    for node in waiting:
        if node.op is not None and call_of(node) is None:
            if "shape" in node.params:
                return True
            waiting += [parent for parent in node.inputs if parent not in waiting]
    return False


def is_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a config is an operation."""
    module = str(entry.get("module"))
    return module == _OURS or module.startswith(("keras.src.ops.", "keras.ops"))


def _entry(module: str, operation: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    config = {"name": name, **{key: serialize(value) for key, value in options.items()}}
    return {"module": module, "class_name": operation, "config": config, "registered_name": operation}


def entry_of(node: Node, name: Callable[[str], str], inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
    """The entry of an operation of the engine, and the arguments that it is called with.

    name    gives a free name that begins with this
    inputs  what its inputs are written as
    """
    op = node.op
    options: dict[str, Any] = dict(node.params)
    assert op is not None
    written = _WRITTEN.get(op.name, op.name)
    if op.name == "power":
        return _entry("keras.src.ops.numpy", written, name(written), {}), [*inputs, options["exponent"]]
    if op.name == "getitem" and len(inputs) == 1:
        return _entry("keras.src.ops.numpy", written, name(written), {}), [*inputs, serialize(options["index"])]
    if op.name == "concat":
        return _entry("keras.src.ops.numpy", written, name(written), {"axis": options["axis"]}), [inputs]
    if written == "Round":
        options = {"decimals": 0}
    if written in ("Argmax", "Argmin") and isinstance(options["axis"], tuple):
        options["axis"] = options["axis"][0] if len(options["axis"]) == 1 else None
    known = written in _FUNCTIONS and op.name != "getitem"
    module = f"keras.src.ops.{_MODULES.get(written, 'numpy')}" if known else _OURS
    written = written if known else op.name
    return _entry(module, written, name(written), options), inputs
