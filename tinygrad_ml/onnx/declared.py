"""Whether a node has the inputs, outputs and attributes that its operator takes, as the package `onnx` declares it.

Read next: `reading.py`, which asks for this.
"""

from __future__ import annotations

from typing import Any

from ..errors import DataError

# fmt: off
_FLAGS = frozenset((
    "align_corners", "allowzero", "antialias", "broadcast", "ceil_mode", "center_point_box", "count_include_pad",
    "exclude_outside", "exclusive", "fmod", "input_forget", "interleaved", "inverse", "is_causal", "is_test",
    "keepdims", "largest", "layout", "linear_before_reset", "noop_with_empty_axes", "onesided", "output_sequence",
    "periodic", "reverse", "saturate", "select_last_index", "sorted", "spatial", "storage_order", "training_mode",
    "transA", "transB", "upper",
))
# fmt: on
"""Attributes that are 0 or 1. What another number means, programs do not agree on."""


def checked_version(defs: Any, node: Any, opset: int, domain: str) -> int:
    """The version of the operator of a `NodeProto`: the opset in which it last changed, up to this one.

    That of an operator that is somebody else's, or that this opset does not have, is the opset: whoever runs it says what it is.

    Raises `DataError`: the operator takes other inputs, outputs or attributes.
    """
    if not defs.has(node.op_type, opset, domain):
        return opset
    schema = defs.get_schema(node.op_type, opset, domain)
    _check_values(defs, schema, node)
    _check_attributes(schema, node)
    return schema.since_version


def _check_values(defs: Any, schema: Any, node: Any) -> None:
    for what, count, least, most in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not least <= count <= most:
            raise DataError(f"it has {count} {what}, and takes {least if least == most else f'{least} to {most}'}")
    for formal, name in zip(schema.inputs, node.input, strict=False):
        if not name and formal.option == defs.OpSchema.FormalParameterOption.Single:
            raise DataError(f"its input {formal.name} is left out, and it needs it")


def _check_attributes(schema: Any, node: Any) -> None:
    for given in node.attribute:
        formal = schema.attributes.get(given.name)
        if formal is None:
            known = ", ".join(sorted(schema.attributes)) or "none"
            raise DataError(f"it has no attribute {given.name!r} in version {schema.since_version}; there are {known}")
        if given.type and given.type != formal.type.value:
            raise DataError(f"its attribute {given.name!r} must be of type {formal.type.name}")
        if given.name in _FLAGS and given.i not in (0, 1):
            raise DataError(f"its attribute {given.name!r} is 0 or 1, and not {given.i}")
    names = {given.name for given in node.attribute}
    missing = [name for name, formal in schema.attributes.items() if formal.required and name not in names]
    if missing:
        raise DataError(f"its attribute {missing[0]!r} is missing")
