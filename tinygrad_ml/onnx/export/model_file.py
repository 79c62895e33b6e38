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

from ...errors import CheckpointError, OptionError
from ...io import write
from ..graph import OnnxFile, OnnxGraph, OnnxNode
from ..reading import onnx_package
from ..table import TABLE
from ..writing import file_proto

LARGEST_FILE = (1 << 31) - (1 << 20)
"""Bytes of the numbers of a file that is one message; beyond it they lie in a second file beside it."""
EXTERNAL_FROM = 1024
SPLIT_SAYS_HOW_MANY = 18
"""The opset from which on `Split` into equal parts has to be told how many."""


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
    return file_proto(OnnxFile(graph, {"": opset}, {}, "tinygrad_ml"), name)


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
    options = {"save_as_external_data": True, "location": beside, "size_threshold": EXTERNAL_FROM}
    try:
        with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=f".{path.name}.") as folder:
            onnx.save_model(model, os.path.join(folder, path.name), **options)
            check(lambda: onnx.checker.check_model(os.path.join(folder, path.name), full_check=True))
            os.replace(os.path.join(folder, beside), path.parent / beside)
            os.replace(os.path.join(folder, path.name), path)
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be written ({error.strerror}): choose a folder you may write to, with room for all numbers"
        ) from error
