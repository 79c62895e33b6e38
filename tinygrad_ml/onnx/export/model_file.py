"""A graph as the file that it becomes: checked in the strictest way that there is, and written whole or not at all.

Read before: `writer.py`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from ...errors import OptionError
from ...io import write
from ..graph import OnnxGraph, OnnxNode, Port
from ..table import TABLE

LARGEST_FILE = (1 << 31) - (1 << 20)
"""Bytes of the numbers of a file that is one message; beyond it they lie in a second file beside it."""
EXTERNAL_FROM = 1024
SPLIT_SAYS_HOW_MANY = 18
"""The opset from which on `Split` into equal parts has to be told how many."""
SCOPES = "pkg.torch.onnx.name_scopes"
"""Under which name programs look for the modules that a node was made in."""


def onnx_package() -> Any:
    """The package `onnx`, or an error that says how to get it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise OptionError("ONNX files need the package onnx: pip install 'tinygrad_ml[onnx]'") from error
    return onnx


def newest_opset() -> int:
    """The newest version of ONNX's operators that the installed package knows."""
    return int(onnx_package().defs.onnx_opset_version())


def same_meaning(node: OnnxNode, opset: int, inputs: Sequence[numpy.dtype | None]) -> bool:
    """Whether an operator of ONNX's own means in a version of the operators what it means where it comes from: then it is one
    row of the table of what is read, and takes the same inputs (of these dtypes, if they are known) and attributes."""
    onnx = onnx_package()
    if node.domain not in ("", "ai.onnx"):
        return False
    try:
        schema = onnx.defs.get_schema(node.operator, opset, "")
    except onnx.defs.SchemaError:
        return False
    if schema.deprecated or len(node.inputs) > schema.max_input or len(node.outputs) > schema.max_output:
        return False
    if schema.since_version == node.version:
        return True
    then, now = (TABLE.get(("", node.operator, version)) for version in (node.version, schema.since_version))
    if then is None or then is not now or not node.attributes.keys() <= set(schema.attributes):
        return False
    if node.operator == "Split" and len(node.inputs) < 2 and "num_outputs" not in node.attributes:
        return opset < SPLIT_SAYS_HOW_MANY
    takes = [schema.inputs[min(k, len(schema.inputs) - 1)].types for k in range(len(inputs))]
    return all(dtype is None or _type(dtype) in types for dtype, types in zip(inputs, takes, strict=True))


def _type(dtype: numpy.dtype) -> str:
    """A dtype of a tensor as ONNX calls it."""
    return f"tensor({ {'float32': 'float', 'float64': 'double'}.get(dtype.name, dtype.name) })"


def model_proto(graph: OnnxGraph, opset: int, name: str) -> Any:
    """The message that a file holds."""
    onnx = onnx_package()
    operators = [onnx.helper.make_opsetid("", opset)]
    made = onnx.helper.make_model(
        _graph(graph, name),
        opset_imports=operators,
        producer_name="tinygrad_ml",
        ir_version=max(8, onnx.helper.find_min_ir_version_for(operators)),
    )
    for called, array in graph.constants.items():
        made.graph.initializer.append(
            onnx.numpy_helper.from_array(numpy.ascontiguousarray(array).reshape(array.shape), called)
        )
    return made


def _graph(graph: OnnxGraph, name: str) -> Any:
    onnx = onnx_package()
    nodes = [_node(node) for node in graph.nodes]
    return onnx.helper.make_graph(nodes, name, [*map(_port, graph.inputs)], [*map(_port, graph.outputs)])


def _port(port: Port) -> Any:
    helper = onnx_package().helper
    assert port.dtype is not None
    return helper.make_tensor_value_info(port.name, helper.np_dtype_to_tensor_dtype(port.dtype), port.shape)


def _node(node: OnnxNode) -> Any:
    helper = onnx_package().helper
    made = helper.make_node(node.operator, node.inputs, node.outputs, node.called, domain=node.domain or None)
    for name, value in sorted(node.attributes.items()):
        if isinstance(value, OnnxGraph):
            value = _graph(value, value.name)
        elif isinstance(value, numpy.dtype):
            value = helper.np_dtype_to_tensor_dtype(value)
        made.attribute.append(helper.make_attribute(name, value))
    for key, words in ((SCOPES, ["", *node.scope, node.operator]),) if node.scope else ():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, repr(words)
    return made


def save(model: Any, path: Path) -> None:
    """Check a model, and write it.

    Raises `OptionError` for one that ONNX does not take, which is a mistake of ours, and `CheckpointError` for a file that
    cannot be written.
    """
    onnx = onnx_package()
    numbers = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if numbers < LARGEST_FILE:
        content = model.SerializeToString(deterministic=True)
        check(lambda: onnx.checker.check_model(content, full_check=True))
        write(path, content)
        return
    _save_apart(model, path)


def check(checking: Any) -> None:
    """Run the checker of ONNX."""
    try:
        checking()
    except Exception as error:  # of several kinds, which the package makes
        raise OptionError(
            f"ONNX's checker does not take what was written, which is a mistake of this library: {error}"
        ) from error


def _save_apart(model: Any, path: Path) -> None:
    """Write a model whose numbers are too many for one message: they lie in a file beside it, which is there first."""
    onnx = onnx_package()
    beside = path.name + ".data"
    with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=f".{path.name}.") as folder:
        onnx.save_model(
            model,
            os.path.join(folder, path.name),
            save_as_external_data=True,
            location=beside,
            size_threshold=EXTERNAL_FROM,
        )
        check(lambda: onnx.checker.check_model(os.path.join(folder, path.name), full_check=True))
        os.replace(os.path.join(folder, beside), path.parent / beside)
        os.replace(os.path.join(folder, path.name), path)
