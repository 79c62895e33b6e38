"""The data types, and the one rule by which they mix.

A Python number never widens a tensor; integers meet floats as floats of the *other* operand's
precision; float64 appears only where somebody asked for it.
"""

from typing import Any, TypeAlias

import numpy

from ..errors import DTypeError

Array: TypeAlias = Any
"""An array of NumPy's or CuPy's, or what stands for one. Type checkers know no type that has them all in it."""

float16, float32, float64 = (numpy.dtype(name) for name in ("float16", "float32", "float64"))
int8, int16, int32, int64 = (numpy.dtype(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (numpy.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64"))
bool_ = numpy.dtype("bool")

TRUTH_TYPES = (bool, numpy.bool_)
INTEGER_TYPES = (int, numpy.integer)
NUMPY_SCALAR = numpy.generic
"""Types of bare numbers, for `isinstance`: Python's and NumPy's, and all of NumPy's."""

DEFAULT_FLOAT = float32
FLOATS = frozenset((float16, float32, float64))
SUPPORTED = FLOATS | {int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool_}
_ONE_OF_EACH = {dtype: dtype for dtype in SUPPORTED}  # equal dtypes mostly are one object then: that is quick to tell


def is_float(dtype: numpy.dtype) -> bool:
    """Whether tensors of this dtype can have gradients."""
    return dtype in FLOATS


def as_dtype(dtype: Any) -> numpy.dtype:
    """The NumPy dtype that `dtype` names; `DTypeError` for what no tensor can hold."""
    try:
        known = numpy.dtype(dtype).newbyteorder("=")
    except TypeError:
        known = None
    if known not in _ONE_OF_EACH:
        hint = "; complex numbers are out of scope" if known is not None and known.kind == "c" else ""
        raise DTypeError(f"dtype {dtype!r} is not one of {', '.join(sorted(map(str, SUPPORTED)))}{hint}")
    return _ONE_OF_EACH[known]


def result_type(*dtypes: numpy.dtype) -> numpy.dtype:
    """The dtype in which operands of these dtypes meet: NumPy's rule within floats and within
    integers; where both kinds meet, the widest of the floats."""
    floats = [dtype for dtype in dtypes if dtype in FLOATS]
    return numpy.result_type(*(floats or dtypes))


def number_dtype(number: Any, dtype: numpy.dtype) -> numpy.dtype:
    """The dtype that a bare number takes beside a tensor of `dtype`: the tensor's own, unless the
    number is of a wider *kind* (a float beside integers, an integer beside bools)."""
    if dtype in FLOATS or isinstance(number, TRUTH_TYPES):
        return dtype
    if isinstance(number, INTEGER_TYPES):
        return int64 if dtype == bool_ else dtype
    return DEFAULT_FLOAT


def promote(arrays: list) -> list:
    """All operands in their common dtype."""
    first = arrays[0].dtype
    for array in arrays:
        if array.dtype is not first:
            common = result_type(*[array.dtype for array in arrays])
            return [array if array.dtype == common else array.astype(common) for array in arrays]
    return arrays


def promote_floats(arrays: list) -> list:
    """All operands in their common dtype, which is made a float if it is not: 1 / 2 is 0.5."""
    if len(arrays) > 1:
        arrays = promote(arrays)
    return arrays if arrays[0].dtype.kind == "f" else [array.astype(DEFAULT_FLOAT) for array in arrays]


def promote_bits(arrays: list) -> list:
    """All operands, integers or truth values, in their common dtype; `DTypeError` for floats, whose bits are none."""
    arrays = promote(arrays)
    if is_float(arrays[0].dtype):
        raise DTypeError(
            f"& | ^ ~ << >> combine bits of integers, or truth values, and not those of {arrays[0].dtype}; "
            f"compare first, as in (x > 0), or convert, as in x.astype('int64')"
        )
    return arrays
