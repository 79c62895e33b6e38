"""Plain data as an ONNX file: what `reading.py` reads, the other way round, so that what was read can be written again.

Read before: `graph.py`, `reading.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy

from .graph import OnnxFile, OnnxFunction, OnnxGraph, OnnxNode, Port, Reference
from .reading import NAME_SCOPES, onnx_package


def file_proto(file: OnnxFile, name: str = "") -> Any:
    """The message (a `ModelProto`) that a file holds.

    name   of its graph, where that has none
    """
    onnx = onnx_package()
    imports = _imports(file.opsets)
    made = onnx.helper.make_model(
        graph_proto(file.graph, name),
        opset_imports=imports,
        functions=[_function(function, file.opsets) for function in file.functions.values()],
        ir_version=max(8 if not file.functions else 10, _format_version(imports)),
    )
    producer, _, version = file.producer.partition(" ")
    made.producer_name, made.producer_version = producer, version
    return made


def _format_version(imports: list[Any]) -> int:
    helper = onnx_package().helper
    return int(helper.find_min_ir_version_for(imports, ignore_unknown=True))


def _imports(opsets: dict[str, int]) -> list[Any]:
    return [onnx_package().helper.make_opsetid(domain, version) for domain, version in opsets.items()]


def graph_proto(graph: OnnxGraph, name: str = "") -> Any:
    """A graph as a message."""
    onnx = onnx_package()
    made = onnx.helper.make_graph(
        [_node(node) for node in graph.nodes],
        graph.name or name or "graph",
        [_value(port) for port in graph.inputs],
        [_value(port) for port in graph.outputs],
    )
    made.initializer.extend(_tensor(array, called) for called, array in graph.constants.items())
    return made


def _tensor(array: numpy.ndarray, name: str = "") -> Any:
    onnx = onnx_package()
    if array.dtype == object:  # texts
        texts = [str(text).encode("utf-8", "surrogateescape") for text in array.ravel()]
        return onnx.helper.make_tensor(name, onnx.TensorProto.STRING, array.shape, texts)
    return onnx.numpy_helper.from_array(numpy.ascontiguousarray(array).reshape(array.shape), name)


def _value(port: Port) -> Any:
    onnx = onnx_package()
    made = onnx.ValueInfoProto(name=port.name)
    kind = _type(port)
    if kind is not None:
        made.type.CopyFrom(kind)
    return made


def _type(port: Port) -> Any:
    """What is declared of a value; None where nothing is."""
    onnx = onnx_package()
    if not port.kind:
        return None
    text = port.dtype is None and port.kind == "tensor"
    number = onnx.TensorProto.STRING if text else _number(port.dtype) if port.dtype is not None else 0
    kind = onnx.helper.make_tensor_type_proto(number, port.shape)
    if port.kind == "sequence":
        return onnx.helper.make_sequence_type_proto(kind)
    return onnx.helper.make_optional_type_proto(kind) if port.kind == "optional" else kind


def _number(dtype: Any) -> int:
    return int(onnx_package().helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype)))


def _node(node: OnnxNode) -> Any:
    onnx = onnx_package()
    operator, _, overload = node.operator.partition(":")
    made = onnx.helper.make_node(operator, node.inputs, node.outputs, node.called, domain=node.domain or None)
    if overload:
        made.overload = overload
    made.attribute.extend(_attribute(name, value, node) for name, value in sorted(node.attributes.items()))
    if node.scope:
        entry = made.metadata_props.add()
        around = itertools.accumulate(node.scope, lambda outer, inner: f"{outer}.{inner}")
        entry.key, entry.value = NAME_SCOPES, repr(["", *around, node.operator])
    return made


def _attribute(name: str, value: Any, node: OnnxNode) -> Any:
    onnx = onnx_package()
    if isinstance(value, Reference):
        return onnx.AttributeProto(name=name, ref_attr_name=value.name, type=_declared_type(name, node))
    if name == "sparse_value":  # which is a dense one here
        name = "value"
    listed = isinstance(value, Iterable) and not isinstance(value, (str, bytes, numpy.ndarray, tuple))
    if listed and not list(value):
        return onnx.AttributeProto(name=name, type=_declared_type(name, node))
    return onnx.helper.make_attribute(name, [*map(_plain, value)] if listed else _plain(value))


def _plain(value: Any) -> Any:
    """A value of an attribute as the package takes it."""
    if isinstance(value, numpy.dtype):
        return _number(value)
    if isinstance(value, numpy.ndarray):
        return _tensor(value)
    if isinstance(value, OnnxGraph):
        return graph_proto(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return _type(value) if isinstance(value, Port) else value


def _declared_type(name: str, node: OnnxNode) -> int:
    """The type of an operator's attribute."""
    defs = onnx_package().defs
    if defs.has(node.operator, node.opset, node.domain):
        formal = defs.get_schema(node.operator, node.opset, node.domain).attributes.get(name)
        if formal is not None:
            return int(formal.type.value)
    return 0


def _function(function: OnnxFunction, opsets: dict[str, int]) -> Any:
    onnx = onnx_package()
    name, _, overload = function.name.partition(":")
    used = {node.domain: node.opset for node in function.body.nodes}
    made = onnx.helper.make_function(
        function.domain,
        name,
        [port.name for port in function.body.inputs],
        [port.name for port in function.body.outputs],
        [_node(node) for node in function.body.nodes],
        _imports({**opsets, **used}),
        [name for name in function.attributes if name not in function.defaults],
        [onnx.helper.make_attribute(name, _plain(value)) for name, value in function.defaults.items()],
    )
    if overload:
        made.overload = overload
    return made
