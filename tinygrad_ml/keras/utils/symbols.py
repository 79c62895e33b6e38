"""What is asked of symbols, dtypes and batches by name."""

from __future__ import annotations

from typing import Any

from ...backend import dtypes
from ...errors import OptionError
from ...structure import leaves
from ..layers.symbols import KerasTensor, symbols_behind
from ..models.batches import unpack


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a symbol, as `Input` returns, and the layers that are called on one."""
    return isinstance(x, KerasTensor) or bool(symbols_behind(x))


def get_source_inputs(tensor: Any) -> list[KerasTensor]:
    """The symbols of `Input` that a symbol is computed from."""
    if not is_keras_tensor(tensor):
        raise OptionError(f"get_source_inputs takes a symbol that a layer has returned, and not {tensor!r}")
    found: dict[Any, KerasTensor] = {}
    waiting = [tensor]
    for symbol in waiting:
        for node in symbols_behind(symbol):
            call = vars(node)["call"]
            if not call.inputs:
                found[node] = call.output
            else:
                waiting += [one for one in _symbols((call.inputs, call.options)) if all(one is not w for w in waiting)]
    return list(found.values())


def _symbols(structure: Any) -> list[Any]:
    return [one for one in leaves(structure) if is_keras_tensor(one)]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """x alone, or (x,) where it is a list or a tuple; (x, y); or (x, y, sample_weight), as data sets yield them."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of x, (x,), (x, y) or (x, y, sample_weight)."""
    return unpack(list(data) if isinstance(data, list) else data)


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype: of a string, a NumPy dtype, or a type of Python; None is that of layers, float32."""
    names = {None: "float32", bool: "bool", int: "int32", "int": "int32", float: "float32", str: "string"}
    if dtype is None or (isinstance(dtype, (type, str)) and dtype in names):
        return names[dtype]
    if getattr(type(dtype), "__module__", "").partition(".")[0] == "torch":
        return str(dtype).rpartition(".")[2]
    return str(dtypes.as_dtype(getattr(dtype, "name", dtype)))
