"""Operations between layers, as Keras writes them into the config of a model: `a + b` is an entry of class `Add`.

Functions of `keras.ops` that stand there are calls of an `Operation` (`ops/calls.py`), and arithmetic is nodes of the engine's
graph; both are written as Keras writes them. Operations of the engine that Keras has not are written under their own names,
and read by this library alone.

Read next: `graphs.py`, where the entries are written and read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import CheckpointError
from ...graph import Node
from ...ops import PRIMITIVES
from ...structure import mapped
from ...tensor import Tensor, apply, as_tensor
from ..layers.symbols import LayerCall, call_of
from ..naming import snake_case
from ..ops.calls import OPERATIONS, Operation
from ..serialization import deserialize, serialize

_OURS = "tinygrad_ml"

_WRITTEN = {
    "neg": "Negative",
    "abs": "Absolute",
    "asin": "Arcsin",
    "acos": "Arccos",
    "atan": "Arctan",
    "asinh": "Arcsinh",
    "acosh": "Arccosh",
    "atanh": "Arctanh",
    "sub": "Subtract",
    "mul": "Multiply",
    "div": "TrueDivide",
    "remainder": "Mod",
    "pow": "Power",
    "power": "Power",
    "atan2": "Arctan2",
    "getitem": "GetItem",
    "permute_dims": "Transpose",
    "concat": "Concatenate",
    "cumulative_sum": "Cumsum",
    "discrete_cast": "Cast",
}
_ALIKE = (
    "sign exp expm1 log log1p log2 log10 sqrt square reciprocal sin cos tan sinh cosh tanh floor ceil round trunc erf sigmoid "
    "relu softplus isnan isinf isfinite signbit add maximum minimum logaddexp hypot copysign nextafter equal not_equal less "
    "less_equal greater greater_equal logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor "
    "bitwise_invert floor_divide matmul where cast sum max min any all argmax argmin"
)
_WRITTEN |= {name: "".join(part.capitalize() for part in name.split("_")) for name in _ALIKE.split()}
"""{operation of the engine: Keras's class}."""

_ROOMS = {
    "nn": "relu relu6 sigmoid sparse_sigmoid softplus softsign soft_shrink sparse_plus silu squareplus log_sigmoid leaky_relu "
    "hard_sigmoid hard_silu elu selu gelu celu glu tanh_shrink hard_tanh hard_shrink threshold softmax log_softmax sparsemax "
    "max_pool average_pool conv depthwise_conv separable_conv conv_transpose one_hot multi_hot moments normalize",
    "math": "segment_sum segment_max top_k in_top_k logsumexp rsqrt erf erfinv logdet extract_sequences",
    "core": "cast saturate_cast stop_gradient slice scatter unstack",
    "linalg": "cholesky det inv norm solve solve_triangular qr eigh",
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}

_PARAMETERS = (
    "x x1 x2 xs y a b q inputs indices key operands condition target output kernel depthwise_kernel pointwise_kernel values "
    "updates start_indices data segment_ids sorted_sequence tensor array variable images volumes image1 image2 coordinates transform "
    "start_points end_points query value bias mask mean variance offset scale gamma beta targets predictions bins weights "
    "condlist choicelist output_length target_length sequence_lengths"
)
_CALLED_WITH = set(_PARAMETERS.split())
"""Parameters of a function that Keras's class of it is called with; the others are in its config."""


def is_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a config is an operation."""
    module = str(entry.get("module"))
    return module == _OURS or module.startswith(("keras.src.ops.", "keras.ops"))


def repeat(entry: Mapping[str, Any], inputs: list[Any], options: Mapping[str, Any]) -> Any:
    """What comes out of an operation that was read: as arithmetic between symbols, where models repeat that; else of an
    `Operation`."""
    name, given = str(entry["class_name"]), entry["config"].get("name")
    options = {key: deserialize(value) for key, value in entry["config"].items() if key != "name"} | dict(options)
    if entry["module"] == _OURS and name in PRIMITIVES:
        return apply(PRIMITIVES[name], tuple(map(as_tensor, inputs)), options)
    function = _function_of(entry)
    if function is None:
        raise CheckpointError(
            f"the operation {name!r} of {entry['module']}, which stands between two layers, is not known here: put it into a "
            "layer of your own"
        )
    if name in _WRITTEN.values():
        made = OPERATIONS[function](*inputs, **options)
        if not _reshapes(made):
            return made
    return Operation(function, name=given)(*_in_order(OPERATIONS[function], inputs, options), **options)


def _function_of(entry: Mapping[str, Any]) -> str | None:
    """The name in `OPERATIONS` of the function whose class an entry names: HSVToRGB in the room of images is image.hsv_to_rgb."""
    room = "image." if str(entry["module"]).endswith(".image") else ""
    wanted = str(entry["class_name"]).lower()
    names = (name for name in OPERATIONS if name.startswith("image.") == bool(room))
    return next((name for name in names if name.removeprefix(room).replace("_", "") == wanted), None)


def _in_order(function: Callable, inputs: list[Any], options: dict[str, Any]) -> list[Any]:
    """The inputs, behind those options (which are taken out) that a function of any number of inputs takes before them."""
    parameters = inspect.signature(function).parameters.values()
    if all(parameter.kind is not inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return inputs
    return [*[options.pop(parameter.name) for parameter in parameters if parameter.name in options], *inputs]


def _reshapes(made: Tensor) -> bool:
    """Whether a shape is written down in what was computed from symbols."""
    waiting = [made.node]
    for node in waiting:
        if node.op is not None and call_of(node) is None:
            if "shape" in node.params:
                return True
            waiting += [parent for parent in node.inputs if parent not in waiting]
    return False


def _entry(module: str, operation: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    config = {"name": name, **{key: serialize(value) for key, value in options.items()}}
    return {"module": module, "class_name": operation, "config": config, "registered_name": operation}


def _keras_entry(function: str, class_name: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return _entry(f"keras.src.ops.{_ROOM_OF.get(function, 'numpy')}", class_name, name, options)


def entry_of_call(call: LayerCall, name: str, written: Callable[[Any], Any]) -> tuple[dict[str, Any], list[Any]]:
    """The entry of a call of an `Operation`, and the arguments that it is called with.

    written  writes what is called with
    """
    layer: Any = call.layer
    function = layer.operation
    room, _, own = function.rpartition(".")
    bound = inspect.signature(OPERATIONS[function]).bind(*call.inputs, **call.options)
    arguments, options = [], {}
    for parameter in bound.signature.parameters.values():
        if parameter.name not in bound.arguments:
            continue
        value = bound.arguments[parameter.name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options |= value
        elif parameter.name not in _CALLED_WITH:
            options[parameter.name] = value
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            arguments += value
        else:
            arguments.append(value)
    class_name = "".join(part.capitalize() for part in own.split("_"))
    module = f"keras.src.ops.{room}" if room else f"keras.src.ops.{_ROOM_OF.get(own, 'numpy')}"
    return _entry(module, class_name, name, mapped(_plain, options)), [written(one) for one in arguments]


def _plain(value: Any) -> Any:
    return str(value) if hasattr(value, "itemsize") and not hasattr(value, "shape") else value


def entry_of_node(node: Node, name: Callable[[str], str], inputs: list[Any]) -> tuple[dict[str, Any], list[Any]]:
    """The entry of an operation of the engine, and the arguments that it is called with.

    name    gives a free name that begins with this
    inputs  what its inputs are written as
    """
    op = node.op
    assert op is not None
    options: dict[str, Any] = dict(node.params)
    class_name = _WRITTEN.get(op.name)
    if class_name is None or (op.name == "getitem" and len(inputs) > 1):
        return _entry(_OURS, op.name, name(op.name), options), inputs
    if op.name == "power":
        inputs, options = [*inputs, options["exponent"]], {}
    elif op.name == "getitem":
        inputs, options = [*inputs, serialize(options["index"])], {}
    elif op.name == "concat":
        inputs, options = [inputs], {"axis": options["axis"]}
    elif op.name == "round":
        options = {"decimals": 0}
    elif op.name in ("argmax", "argmin") and isinstance(options["axis"], tuple):
        options["axis"] = options["axis"][0] if len(options["axis"]) == 1 else None
    return _keras_entry(snake_case(class_name), class_name, name(class_name), options), inputs
