"""An operation as eager mode computes it: the value of what has no compiled form, and the errors of eager mode.

Words and class of an error are those that `tensor.apply` finds. What a tensor was called there a program knows only of
state; of all else it says "a tensor".
"""

from __future__ import annotations

from typing import Any

import numpy

from ..backend import of
from ..errors import TinygradError
from ..indexing.keys import parse
from ..ops.index import ARRAY, fill
from ..tensor import Tensor, failure
from .program import Instruction


def value_of(instruction: Instruction, xp: Any, *arrays: Any) -> Any:
    """What an instruction computes of these arrays, which lie where the backend `xp` is."""
    try:
        return instruction.op.value(xp, *arrays, **instruction.params)
    except TinygradError:
        raise
    except Exception as error:
        _check_indices(instruction, arrays)
        inputs = zip(instruction.inputs, arrays, strict=True)
        names = [getattr(value.source, "tensor", Tensor(array))._described() for value, array in inputs]
        op: Any = instruction.op  # or what is called instead of one
        raise failure(op, names, error) from error


def _check_indices(instruction: Instruction, arrays: tuple) -> None:
    """`RangeError` for an index array that names a place which is not there, in the words of indexing."""
    index = instruction.params.get("index", ())
    if ARRAY in index:
        places = [numpy.array(of(array).to_host(array)) for array in arrays[len(arrays) - index.count(ARRAY) :]]
        parse(fill(index, places), instruction.params.get("shape", arrays[0].shape), places[0])
