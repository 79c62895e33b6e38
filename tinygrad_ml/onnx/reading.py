"""An ONNX file is read: `read(path)` is what it says as plain data, after all of it was found to make sense.

Nothing in a file is run, and nothing is believed. What a file refers to must be there (`ordering.py`), its tensors have as
many numbers as they declare (`stored.py`), and a node has what its operator takes (`declared.py`). The
package `onnx` knows the format and the operators; without it this file says how to install it.

Read next: `graph.py` for what comes out, `stored.py`, `declared.py`, `ordering.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from ..errors import DataError, OptionError
from .declared import checked_version
from .graph import OnnxFile, OnnxFunction, OnnxGraph, OnnxNode, Port, Reference
from .ordering import check_functions, check_sizes, ordered
from .stored import Storage, dtype_of

_LARGEST_FILE = 2**31 - 1  # a message of protobuf is no longer
NAME_SCOPES = "pkg.torch.onnx.name_scopes"
_DEEPEST_SCOPE = 32
_DEEPEST_GRAPH = 12
_OTHER_FILES = {
    b"PK": "a ZIP archive, as PyTorch and Keras write them",
    b"\x89HDF": "a file of HDF5",
    b"GGUF": "a GGUF file",
    b"\x80": "a pickle",
    b"{": "JSON",
}


def read(source: str | os.PathLike[str] | bytes) -> OnnxFile:
    """What an ONNX file says. Nodes are sorted so that each comes after those that it needs.

    source   the path of the file, or its bytes; tensors that are stored beside it are found by its path only

    Raises `OptionError` for what is neither; `DataError`: the file is missing, is truncated or damaged, is not ONNX, contradicts itself, refers to files outside
    of its folder, or declares tensors that are larger than what is there. The message names file, node, and what is wrong.
    """
    onnx = onnx_package()
    if isinstance(source, bytes):
        label, content, folder = "the ONNX file", source, None
    elif not isinstance(source, str | os.PathLike):
        gives = "file.read()" if hasattr(source, "read") else "model.SerializeToString()"
        hint = f", as {gives} gives them" if hasattr(source, "read") or isinstance(source, onnx.ModelProto) else ""
        raise OptionError(
            f"a model is read from the path of a file, or from its bytes{hint}, and not from a {type(source).__name__}"
        )
    else:
        path = Path(source)
        label, content, folder = str(path), _content(path), path.parent
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # of protobuf, which has several
        known = next((kind for begin, kind in _OTHER_FILES.items() if content.startswith(begin)), "")
        what = f"looks like {known}" if known else "is truncated, damaged, or of another kind"
        raise DataError(f"{label} cannot be read as ONNX: it {what} ({error})") from error
    try:
        return _FileReader(onnx, Storage(folder)).file(model)
    except DataError as error:
        raise DataError(f"{label}: {error}") from error.__cause__
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DataError(f"{label} is damaged: {type(error).__name__}: {error}") from error


def standard_function(
    domain: str, name: str, opset: int, node: OnnxNode | None = None, dtypes: Sequence[numpy.dtype | None] = ()
) -> OnnxFunction | None:
    """What ONNX's standard says that an operator is, by other operators; None where it says nothing of the kind.

    node    the node that is to be computed: some bodies depend on which inputs and attributes it has, and on the dtypes
    dtypes  those of its inputs, None for one that is left out. Without node, such operators have no body
    """
    onnx = onnx_package()
    if not onnx.defs.has(name, opset, domain):
        return None
    schema = onnx.defs.get_schema(name, opset, domain)
    plain = [version for version in schema.function_opset_versions if version <= opset]
    asking = [version for version in schema.context_dependent_function_opset_versions if version <= opset]
    if plain:
        content = schema.get_function_with_opset_version(max(plain))
    elif asking and node is not None:
        call, types = _typed_call(onnx, node, dtypes)
        content = schema.get_context_dependent_function_with_opset_version(max(asking), call, types)
    else:
        return None
    proto = onnx.FunctionProto.FromString(content)
    if not proto.node:
        return None
    reader = _FileReader(onnx, Storage(None))
    opsets = {domain: opset, **reader.imported(proto.opset_import)}
    defaults = {key: kept.default_value for key, kept in schema.attributes.items() if kept.default_value.name}
    return reader.function(proto, opsets)._replace(
        domain=domain,
        name=name,
        attributes=tuple(schema.attributes),
        defaults={key: reader.attribute(value) for key, value in defaults.items()},
    )


def _typed_call(onnx: Any, node: OnnxNode, dtypes: Sequence[numpy.dtype | None]) -> tuple[bytes, list[bytes]]:
    """A node and the types of its inputs, in the bytes that `onnx` asks for."""
    proto = onnx.helper.make_node(node.operator, node.inputs, node.outputs, domain=node.domain)
    for name, value in node.attributes.items():
        kept = onnx.numpy_helper.from_array(value) if isinstance(value, numpy.ndarray) else value
        proto.attribute.append(onnx.helper.make_attribute(name, kept))
    types = [onnx.TypeProto() for _ in dtypes]
    for kind, dtype in zip(types, dtypes, strict=True):
        if dtype is not None:
            kind.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    return proto.SerializeToString(), [kind.SerializeToString() for kind in types]


def onnx_package() -> Any:
    """The package `onnx`. Raises `DataError` where it is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.defs
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise DataError(
            'ONNX files are read and written by the package onnx: pip install "tinygrad_ml[onnx]"'
        ) from None
    return onnx


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"{path} is not a file" if path.exists() else f"there is no file {path}")
    if path.stat().st_size > _LARGEST_FILE:
        raise DataError(
            f"{path} is larger than the 2 GiB that ONNX allows; the numbers of larger models are stored beside them"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); name a file that you may read") from error


class _FileReader:
    """Makes plain data of protobuf's messages."""

    def __init__(self, onnx: Any, storage: Storage):
        self.onnx, self.storage = onnx, storage
        self.own: set[tuple[str, str]] = set()  # (domain, name) of the file's functions
        self.opsets: dict[str, int] = {}  # of the graph or function that is being read
        self.depth = 0  # of graphs in attributes of nodes

    def file(self, model: Any) -> OnnxFile:
        if not model.HasField("graph") or not model.ir_version:
            raise DataError("it has no graph, or no version of its format: it is damaged, or no ONNX file")
        if model.ir_version > self.onnx.IR_VERSION:
            raise DataError(
                f"its format is of version {model.ir_version}, and the installed onnx {self.onnx.__version__} knows those up to "
                f"{self.onnx.IR_VERSION}: pip install --upgrade onnx"
            )
        opsets = self.imported(model.opset_import) or ({"": 1} if model.ir_version < 3 else {})
        self.own = {(domain_of(each), _overloaded(each.name, each)) for each in model.functions}
        functions = {}
        for each in model.functions:
            function = self.function(each, {**opsets, **self.imported(each.opset_import)})
            if (function.domain, function.name) in functions:
                raise DataError(f"the function {function.name} is defined twice")
            functions[function.domain, function.name] = function
        self.opsets = opsets
        graph = self.graph(model.graph)
        check_functions(graph, functions)
        return OnnxFile(graph, opsets, functions, f"{model.producer_name} {model.producer_version}".strip())

    def imported(self, imports: Any) -> dict[str, int]:
        """The versions of operators, by domain."""
        found: dict[str, int] = {}
        newest = self.onnx.defs.onnx_opset_version()
        for each in imports:
            domain = domain_of(each)
            if each.version < 1 or found.get(domain, each.version) != each.version:
                raise DataError(
                    f"it imports the operators of {domain or 'ai.onnx'} in version {each.version}, which cannot be"
                )
            if not domain and each.version > newest:
                raise DataError(
                    f"it is written for opset {each.version}, and the installed onnx {self.onnx.__version__} knows those up to {newest}: "
                    "pip install --upgrade onnx"
                )
            found[domain] = each.version
        return found

    def function(self, proto: Any, opsets: dict[str, int]) -> OnnxFunction:
        """A function of the file, whose body sees nothing but its inputs."""
        self.opsets = opsets
        name = _overloaded(proto.name, proto)
        try:
            nodes = ordered(
                [self.node(each, number) for number, each in enumerate(proto.node)], proto.input, (), proto.output
            )
        except DataError as error:
            raise DataError(f"function {name}: {error}") from error.__cause__
        body = OnnxGraph(name, tuple(map(Port, proto.input)), tuple(map(Port, proto.output)), nodes, {})
        defaults = {each.name: self.attribute(each) for each in proto.attribute_proto}
        return OnnxFunction(domain_of(proto), name, body, (*proto.attribute, *defaults), defaults)

    def graph(self, proto: Any, inside: bool = False) -> OnnxGraph:
        """A graph; one that is an attribute of a node sees the names around it, which the graph around it checks."""
        constants: dict[str, numpy.ndarray] = {}
        for each in proto.initializer:
            self._constant(constants, each.name, lambda each=each: self.storage.array(each))
        for each in proto.sparse_initializer:
            self._constant(constants, each.values.name, lambda each=each: self.storage.dense(each))
        nodes = [self.node(each, number) for number, each in enumerate(proto.node)]
        inputs, outputs = (tuple(self.port(each) for each in ports) for ports in (proto.input, proto.output))
        nodes = ordered(
            nodes, [port.name for port in inputs], constants, [port.name for port in outputs], strict=not inside
        )
        check_sizes(nodes, constants)
        if not inside and not any(_is_weight(array) for array in constants.values()):
            found = {node.outputs[0]: node.attributes.get("value") for node in nodes if node.operator == "Constant"}
            weights = {name: numpy.asarray(array) for name, array in found.items() if _is_weight(array)}
            nodes = tuple(node for node in nodes if node.outputs[0] not in weights)
            constants.update(weights)
        return OnnxGraph(proto.name, inputs, outputs, nodes, constants)

    def _constant(self, constants: dict[str, numpy.ndarray], name: str, array: Any) -> None:
        if not name or name in constants:
            raise DataError(f"the initialiser {name!r} has no name, or stands twice")
        try:
            constants[name] = array()
        except DataError as error:
            raise DataError(f"initialiser {name!r}: {error}") from error.__cause__

    def node(self, proto: Any, number: int) -> OnnxNode:
        domain, operator = domain_of(proto), _overloaded(proto.op_type, proto)
        try:
            attributes = {each.name: self.attribute(each) for each in proto.attribute}
            if len(attributes) < len(proto.attribute):
                raise DataError("an attribute stands twice")
            version, opset = self._version(proto, domain, operator)
        except DataError as error:
            raise DataError(f"node {number} {proto.name!r} ({operator}): {error}") from error.__cause__
        kept = {each.key: each.value for each in proto.metadata_props}
        scope = _scope(proto.name, kept.get(NAME_SCOPES, ""))
        inputs, outputs = tuple(proto.input), tuple(proto.output)
        return OnnxNode(domain, operator, version, opset, inputs, outputs, attributes, proto.name, scope)

    def _version(self, proto: Any, domain: str, operator: str) -> tuple[int, int]:
        """The version of an operator and that of its set."""
        if (domain, operator) in self.own:
            return 1, self.opsets.get(domain, 1)
        if domain not in self.opsets:
            raise DataError(f"the file does not say which version of the operators of {domain or 'ai.onnx'} it uses")
        opset = self.opsets[domain]
        return checked_version(self.onnx.defs, proto, opset, domain), opset

    def attribute(self, proto: Any) -> Any:
        """The value of an attribute, as `OnnxNode` has it."""
        if not proto.name:
            raise DataError("an attribute has no name")
        if proto.ref_attr_name:
            return Reference(proto.ref_attr_name)
        kinds = self.onnx.AttributeProto.AttributeType
        set_fields = [field.name for field, _ in proto.ListFields()]
        kind = proto.type or next(
            (kinds.Value(known) for known, field in _ATTRIBUTES.items() if field in set_fields), 0
        )
        if kind not in kinds.values() or not kind:
            raise DataError(f"its attribute {proto.name!r} is of no type")
        name = kinds.Name(kind)
        others = [field for field in set_fields if field in _ATTRIBUTES.values() and field != _ATTRIBUTES[name]]
        if others:
            raise DataError(f"its attribute {proto.name!r} of type {name} has the value of another type, {others[0]}")
        single = name.removesuffix("S")
        value = getattr(proto, _ATTRIBUTES[name])
        try:
            return self._value(single, value) if single == name else [self._value(single, each) for each in value]
        except DataError as error:
            raise DataError(f"its attribute {proto.name!r}: {error}") from error.__cause__

    def _value(self, kind: str, value: Any) -> Any:
        match kind:
            case "STRING":
                return value.decode("utf-8", "surrogateescape")
            case "TENSOR":
                return self.storage.array(value)
            case "SPARSE_TENSOR":
                return self.storage.dense(value)
            case "GRAPH":
                self.depth += 1
                if self.depth > _DEEPEST_GRAPH:
                    raise DataError(f"more than {_DEEPEST_GRAPH} graphs are inside of each other")
                graph = self.graph(value, inside=True)
                self.depth -= 1
                return graph
            case "TYPE_PROTO":
                return _port("", value)
        return value

    def port(self, proto: Any) -> Port:
        try:
            return _port(proto.name, proto.type)
        except DataError as error:
            raise DataError(f"{proto.name!r}: {error}") from error.__cause__


def _is_weight(value: Any) -> bool:
    """Whether this may be a weight: several floats."""
    return isinstance(value, numpy.ndarray) and value.size > 1 and value.dtype.kind == "f"


_ATTRIBUTES = {
    "FLOAT": "f",
    "INT": "i",
    "STRING": "s",
    "TENSOR": "t",
    "GRAPH": "g",
    "SPARSE_TENSOR": "sparse_tensor",
    "TYPE_PROTO": "tp",
    "FLOATS": "floats",
    "INTS": "ints",
    "STRINGS": "strings",
    "TENSORS": "tensors",
    "GRAPHS": "graphs",
    "SPARSE_TENSORS": "sparse_tensors",
    "TYPE_PROTOS": "type_protos",
}
"""The type of an attribute -> the field that has its value."""


def domain_of(proto: Any) -> str:
    """The domain of a node, a function or an import, by one name."""
    return "" if proto.domain == "ai.onnx" else proto.domain


def _overloaded(name: str, proto: Any) -> str:
    return f"{name}:{proto.overload}" if proto.overload else name


def _port(name: str, kind: Any) -> Port:
    """What is declared of a value: of a sequence or an optional, what its items are."""
    word = kind.WhichOneof("value")
    if word in ("sequence_type", "optional_type"):
        return _port(name, getattr(kind, word).elem_type)._replace(kind=word.removesuffix("_type"))
    if word not in ("tensor_type", "sparse_tensor_type"):
        return Port(name)
    tensor = getattr(kind, word)
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(_extent(each) for each in tensor.shape.dim)
    dtype = dtype_of(tensor.elem_type)
    return Port(name, "tensor", None if dtype and dtype.kind == "O" else dtype, shape)


def _extent(dim: Any) -> int | str | None:
    """A size, or its name; None for any, which is also written as -1 and as a question mark."""
    if dim.HasField("dim_value"):
        return dim.dim_value if dim.dim_value >= 0 else None
    return dim.dim_param.strip("?") or None


def _scope(name: str, scopes: str) -> tuple[str, ...]:
    """The modules inside of which a node was made: PyTorch notes them, and before its version 2.5 they were in the node's name."""
    if scopes:
        parts = re.findall(r"'([^']*)'", scopes)[:-1]  # the last is the operation
    else:
        parts = name.split("/")[:-1]
    found, before = [], ""
    for part in parts[:_DEEPEST_SCOPE]:
        if part:  # the name of a module may begin with that of the module around it
            found.append(part.removeprefix(before + "."))
            before = part
    return tuple(found)
