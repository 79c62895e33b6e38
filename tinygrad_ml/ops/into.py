"""Rows for which NumPy has no function of its own: its calls that compute them into given memory.

Read before: `primitive.py`.
"""

import numpy

from ..backend import Array

_POWERS = {2: numpy.square, 0.5: numpy.sqrt, -1: lambda x, out: numpy.divide(1, x, out)}
"""Exponents for which NumPy itself does not take powers."""


def sigmoid(x: Array, out: Array) -> None:
    """1/(1 + e⁻ˣ)"""
    numpy.exp(numpy.negative(x, out), out)
    numpy.divide(1, numpy.add(out, 1, out), out)


def relu(x: Array, out: Array) -> None:
    """max(x, 0)"""
    numpy.maximum(x, x.dtype.type(0), out=out)


def softplus(x: Array, out: Array) -> None:
    """ln(1 + eˣ)"""
    numpy.logaddexp(x, 0, out)


def where(condition: Array, a: Array, b: Array, out: Array) -> None:
    """a if the condition holds, else b"""
    numpy.copyto(out, b)
    numpy.copyto(out, a, where=condition)


def power(x: Array, exponent: float, out: Array) -> None:
    """xⁿ"""
    function = _POWERS.get(exponent)  # other than these NumPy takes powers
    numpy.power(x, exponent, out) if function is None else function(x, out)


def cast(x: Array, dtype: numpy.dtype, out: Array) -> None:
    """x as `dtype`"""
    numpy.copyto(out, x, casting="unsafe")
