"""Names, and dtypes as strings."""

from __future__ import annotations

from typing import Any

from ...backend import DEFAULT_FLOAT, dtypes
from ..config import floatx
from ..naming import numbered
from ..utils.symbols import is_keras_tensor as is_keras_tensor
from ..utils.symbols import standardize_dtype as standardize_dtype


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for the same prefix, from the beginning after `clear_session`."""
    tail = numbered(f"uid of {prefix}").rpartition("_")[2]
    return int(tail) + 1 if tail.isdigit() else 1


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype has numbers with a point."""
    return dtypes.as_dtype(standardize_dtype(dtype)).kind == "f"


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype has whole numbers."""
    return dtypes.as_dtype(standardize_dtype(dtype)).kind in "iu"


def result_type(*dtypes_: Any) -> str:
    """The dtype in which operands of these dtypes meet. float64 stays what it is, where Keras has float32."""
    if not dtypes_:
        return floatx()
    strong = [standardize_dtype(dtype) for dtype in dtypes_ if dtype is not int and dtype is not float]
    if not strong:
        return floatx() if float in dtypes_ else "int32"
    found = dtypes.result_type(*map(dtypes.as_dtype, strong))
    if float in dtypes_ and not dtypes.is_float(found):
        found = DEFAULT_FLOAT
    return str(dtypes.int32 if int in dtypes_ and found == dtypes.bool_ else found)
