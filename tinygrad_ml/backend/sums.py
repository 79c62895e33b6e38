"""What is added up, is added up wide: the one statement of it, which eager mode and the compiler read.

A running total of float16 cannot count beyond 2048, one of float32 not beyond 16,777,216, and long before it gets
there, each addition drops those digits of its number that are small beside the total. So:

- float16 is added up in float32, and rounded once, at the end;
- no total runs on for long: it is set aside, and the totals of the runs are added up in turn (`../totals.py`);
- where a total has to run on, because each of its values is wanted, or because its numbers come in no order
  (cumulative sums, numbers scattered to places), that of float32 is a float64.

Read next: `host.py`, whose sums these are.
"""

import numpy

from ..totals import RUNNING_SUM_ELEMENTS
from .dtypes import float16, float32, float64


def accumulator(dtype: numpy.dtype, running: bool = False) -> numpy.dtype:
    """The dtype of a total of numbers of a `dtype`; `running` for one that cannot be set aside."""
    if running and dtype == float32:
        return float64
    return float32 if dtype == float16 else dtype


def is_plain(dtype: numpy.dtype, count: int) -> bool:
    """Whether totals of this many numbers each are what NumPy's own sum gives: one run, in the dtype of the numbers."""
    return count <= RUNNING_SUM_ELEMENTS and accumulator(dtype) == dtype
