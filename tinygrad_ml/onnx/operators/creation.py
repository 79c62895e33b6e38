"""Operators that make numbers of shapes and of other numbers: constants, ranges, and what is known of a tensor before it has any.

What is known before anything runs stays a NumPy array. Read next: `chance.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from ...errors import OptionError
from ..table import Numbers, operator
from .casting import element_type


@operator("Constant", (1, 9, 11, 12, 13, 19, 21, 23, 24, 25))
def constant(
    *,
    value: numpy.ndarray | None = None,
    value_float: float | None = None,
    value_floats: Sequence[float] | None = None,
    value_int: int | None = None,
    value_ints: Sequence[int] | None = None,
    value_string: str | None = None,
    value_strings: Sequence[str] | None = None,
    sparse_value: numpy.ndarray | None = None,
) -> numpy.ndarray:
    for given, dtype in (
        (value, None),
        (sparse_value, None),
        (value_float, numpy.float32),
        (value_floats, numpy.float32),
        (value_int, numpy.int64),
        (value_ints, numpy.int64),
        (value_string, object),
        (value_strings, object),
    ):
        if given is not None:
            return numpy.asarray(given, dtype)
    raise OptionError("a Constant has no value")


@operator("ConstantOfShape", (9, 20, 21, 23, 24, 25))
def constant_of_shape(shape: Numbers, *, value: numpy.ndarray | None = None) -> numpy.ndarray:
    """One number everywhere: a view of it, which takes no memory, however large the shape is."""
    value = numpy.zeros(1, numpy.float32) if value is None else value
    return numpy.broadcast_to(value.reshape(()), tuple(shape.tolist()))


@operator("EyeLike", (9, 22))
def eye_like(x: Any, *, dtype: int | None = None, k: int = 0) -> numpy.ndarray:
    return numpy.eye(*x.shape, k=k, dtype=x.dtype if dtype is None else element_type(dtype))


@operator("Range", (11, 27))
def numbers_of_range(start: Numbers, limit: Numbers, delta: Numbers, *, stash_type: int = 1) -> numpy.ndarray:
    """start + i·delta before limit. Of numbers of 16 bits it is computed in 32, and rounded once."""
    dtype = start.dtype
    wide = numpy.float32 if dtype.kind not in "iuf" or (dtype.itemsize < 4 and dtype.kind == "f") else dtype
    first, last, step = (part.reshape(()).astype(wide) for part in (start, limit, delta))
    count = max(0, int(numpy.ceil((last - first) / step)))
    return (first + numpy.arange(count).astype(wide) * step).astype(dtype)


@operator("Shape", (1, 13))
def shape(x: Any) -> numpy.ndarray:
    return numpy.array(x.shape, numpy.int64)


@operator("Shape", (15, 19, 21, 23, 24, 25))
def part_of_shape(x: Any, *, start: int = 0, end: int | None = None) -> numpy.ndarray:
    return numpy.array(x.shape[start:end], numpy.int64)


@operator("Size", (1, 13, 19, 21, 23, 24, 25))
def size(x: Any) -> numpy.ndarray:
    return numpy.array(x.size, numpy.int64)
