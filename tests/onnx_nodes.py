"""Small ONNX files for tests: of one operator, or of nodes that are given; and what they make of arrays."""

from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import tinygrad_ml as tg
from tinygrad_ml.onnx import load

NEWEST = 25
RNG = np.random.default_rng(0)


class Known(NamedTuple):
    """An input that is a constant of the file."""

    array: Any


def numbers(*shape, low=0.5, high=2.0):
    return RNG.uniform(low, high, shape)


def places(*numbers):
    return Known(np.array(numbers, np.int64))


def at(number):
    return Known(np.array(number, np.int64))


def declared(name, value):
    kind = TensorProto.STRING if value.dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, [None] * value.ndim)


def inner(nodes, inputs, outputs, kind=TensorProto.DOUBLE):
    """A graph inside of a node; inputs are names, or (name, kind)."""
    ports = [
        helper.make_tensor_value_info(*(each if isinstance(each, tuple) else (each, kind)), None) for each in inputs
    ]
    return helper.make_graph(nodes, "inside", ports, [helper.make_empty_tensor_value_info(name) for name in outputs])


def model_of(nodes, values, outputs, opset=NEWEST, domain="", version=1):
    """A file's bytes: nodes between values, of which `Known` ones are constants, and the names of outputs."""
    constants = [numpy_helper.from_array(each.array, name) for name, each in values.items() if isinstance(each, Known)]
    ports = [declared(name, each) for name, each in values.items() if each is not None and not isinstance(each, Known)]
    graph = helper.make_graph(
        nodes, "graph", ports, [helper.make_empty_tensor_value_info(o) for o in outputs], constants
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, version)] if domain else [])
    made = helper.make_model(graph, opset_imports=imports)
    made.ir_version = 10
    return made.SerializeToString()


def one(operator, values, outputs=("y",), opset=NEWEST, domain="", version=1, **attributes):
    """A file of one operator; None is an input that is left out."""
    names = [name if value is not None else "" for name, value in values.items()]
    node = helper.make_node(operator, names, list(outputs), domain=domain, **attributes)
    return model_of([node], values, outputs, opset, domain, version)


def given(values):
    return [each for each in values.values() if each is not None and not isinstance(each, Known)]


def plain(made):
    if isinstance(made, (list, tuple)):
        return [plain(each) for each in made]
    return made.numpy() if isinstance(made, tg.Tensor) else made


def run(operator, values, outputs=("y",), **described):
    """What an operator makes of arrays, as arrays."""
    return plain(load(one(operator, values, outputs, **described))(*given(values)))
