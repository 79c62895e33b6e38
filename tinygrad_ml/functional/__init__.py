"""Functions on tensors, composed of the primitives: so each has derivatives of every order for free.

Names and arguments are those of the Python Array API standard and NumPy 2. A function whose first
argument is a tensor is a method too: `tg.sum(x, axis=0)` is `x.sum(axis=0)`; `methods.py` has the list.

Read `elementwise.py` and `reductions.py` first; a loss or a layer is a few lines of these.
"""

from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING

from .. import ops
from . import cumulative, fourier, indexing, scattering, special, windows
from .creation import arange as arange
from .creation import asarray as asarray
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import eye as eye
from .creation import from_dlpack as from_dlpack
from .creation import full as full
from .creation import full_like as full_like
from .creation import linspace as linspace
from .creation import meshgrid as meshgrid
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import symbol as symbol
from .creation import tensor as tensor
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .cumulative import cumulative_logsumexp as cumulative_logsumexp
from .cumulative import cumulative_prod as cumulative_prod
from .cumulative import cumulative_sum as cumulative_sum
from .cumulative import diff as diff
from .data_types import can_cast as can_cast
from .data_types import finfo as finfo
from .data_types import iinfo as iinfo
from .data_types import isdtype as isdtype
from .data_types import result_type as result_type
from .elementwise import abs as abs
from .elementwise import acos as acos
from .elementwise import acosh as acosh
from .elementwise import add as add
from .elementwise import asin as asin
from .elementwise import asinh as asinh
from .elementwise import astype as astype
from .elementwise import atan as atan
from .elementwise import atan2 as atan2
from .elementwise import atanh as atanh
from .elementwise import bitwise_and as bitwise_and
from .elementwise import bitwise_invert as bitwise_invert
from .elementwise import bitwise_left_shift as bitwise_left_shift
from .elementwise import bitwise_or as bitwise_or
from .elementwise import bitwise_right_shift as bitwise_right_shift
from .elementwise import bitwise_xor as bitwise_xor
from .elementwise import ceil as ceil
from .elementwise import clip as clip
from .elementwise import copysign as copysign
from .elementwise import cos as cos
from .elementwise import cosh as cosh
from .elementwise import divide as divide
from .elementwise import equal as equal
from .elementwise import erf as erf
from .elementwise import exp as exp
from .elementwise import expm1 as expm1
from .elementwise import floor as floor
from .elementwise import floor_divide as floor_divide
from .elementwise import greater as greater
from .elementwise import greater_equal as greater_equal
from .elementwise import hypot as hypot
from .elementwise import isfinite as isfinite
from .elementwise import isinf as isinf
from .elementwise import isnan as isnan
from .elementwise import less as less
from .elementwise import less_equal as less_equal
from .elementwise import log as log
from .elementwise import log1p as log1p
from .elementwise import log2 as log2
from .elementwise import log10 as log10
from .elementwise import logaddexp as logaddexp
from .elementwise import logical_and as logical_and
from .elementwise import logical_not as logical_not
from .elementwise import logical_or as logical_or
from .elementwise import logical_xor as logical_xor
from .elementwise import maximum as maximum
from .elementwise import minimum as minimum
from .elementwise import multiply as multiply
from .elementwise import nan_to_num as nan_to_num
from .elementwise import negative as negative
from .elementwise import nextafter as nextafter
from .elementwise import not_equal as not_equal
from .elementwise import positive as positive
from .elementwise import pow as pow
from .elementwise import reciprocal as reciprocal
from .elementwise import relu as relu
from .elementwise import remainder as remainder
from .elementwise import round as round
from .elementwise import sigmoid as sigmoid
from .elementwise import sign as sign
from .elementwise import signbit as signbit
from .elementwise import sin as sin
from .elementwise import sinh as sinh
from .elementwise import softplus as softplus
from .elementwise import sqrt as sqrt
from .elementwise import square as square
from .elementwise import subtract as subtract
from .elementwise import tan as tan
from .elementwise import tanh as tanh
from .elementwise import trunc as trunc
from .elementwise import where as where
from .elementwise import xlogy as xlogy
from .indexing import argsort as argsort
from .indexing import nonzero as nonzero
from .indexing import one_hot as one_hot
from .indexing import searchsorted as searchsorted
from .indexing import sort as sort
from .indexing import take as take
from .indexing import take_along_axis as take_along_axis
from .indexing import topk as topk
from .linear_algebra import einsum as einsum
from .linear_algebra import kron as kron
from .linear_algebra import matmul as matmul
from .linear_algebra import outer as outer
from .linear_algebra import tensordot as tensordot
from .linear_algebra import vecdot as vecdot
from .manipulation import broadcast_arrays as broadcast_arrays
from .manipulation import broadcast_to as broadcast_to
from .manipulation import concat as concat
from .manipulation import diagonal as diagonal
from .manipulation import expand_dims as expand_dims
from .manipulation import flatten as flatten
from .manipulation import flip as flip
from .manipulation import matrix_transpose as matrix_transpose
from .manipulation import moveaxis as moveaxis
from .manipulation import pad as pad
from .manipulation import permute_dims as permute_dims
from .manipulation import repeat as repeat
from .manipulation import reshape as reshape
from .manipulation import roll as roll
from .manipulation import split as split
from .manipulation import squeeze as squeeze
from .manipulation import stack as stack
from .manipulation import swapaxes as swapaxes
from .manipulation import tile as tile
from .manipulation import to as to
from .manipulation import transpose as transpose
from .manipulation import tril as tril
from .manipulation import triu as triu
from .manipulation import unstack as unstack
from .reductions import all as all
from .reductions import any as any
from .reductions import argmax as argmax
from .reductions import argmin as argmin
from .reductions import count_nonzero as count_nonzero
from .reductions import log_softmax as log_softmax
from .reductions import logsumexp as logsumexp
from .reductions import max as max
from .reductions import mean as mean
from .reductions import min as min
from .reductions import norm as norm
from .reductions import prod as prod
from .reductions import softmax as softmax
from .reductions import std as std
from .reductions import sum as sum
from .reductions import var as var
from .scattering import index_add as index_add
from .scattering import scatter as scatter
from .scattering import scatter_add as scatter_add
from .sets import unique_all as unique_all
from .sets import unique_counts as unique_counts
from .sets import unique_inverse as unique_inverse
from .sets import unique_values as unique_values
from .special import cbrt as cbrt
from .special import deg2rad as deg2rad
from .special import erfc as erfc
from .special import erfinv as erfinv
from .special import exp2 as exp2
from .special import fmax as fmax
from .special import fmin as fmin
from .special import fmod as fmod
from .special import gcd as gcd
from .special import heaviside as heaviside
from .special import i0 as i0
from .special import lcm as lcm
from .special import ldexp as ldexp
from .special import logaddexp2 as logaddexp2
from .special import rad2deg as rad2deg
from .special import rsqrt as rsqrt
from .special import sinc as sinc
from .statistics import average as average
from .statistics import bincount as bincount
from .statistics import corrcoef as corrcoef
from .statistics import digitize as digitize
from .statistics import histogram as histogram
from .statistics import median as median
from .statistics import nanargmax as nanargmax
from .statistics import nanargmin as nanargmin
from .statistics import nancumprod as nancumprod
from .statistics import nancumsum as nancumsum
from .statistics import nanmax as nanmax
from .statistics import nanmean as nanmean
from .statistics import nanmedian as nanmedian
from .statistics import nanmin as nanmin
from .statistics import nanprod as nanprod
from .statistics import nanquantile as nanquantile
from .statistics import nanstd as nanstd
from .statistics import nansum as nansum
from .statistics import nanvar as nanvar
from .statistics import ptp as ptp
from .statistics import quantile as quantile
from .statistics import trapezoid as trapezoid

ops.enter(cumulative, fourier, indexing, scattering, special, windows)  # which have rows of their own

newaxis = None
"""A new axis of size 1, as in x[:, tg.newaxis]."""

_ROOMS = [
    "creation",
    "cumulative",
    "data_types",
    "elementwise",
    "fourier",
    "indexing",
    "interchange",
    "linear_algebra",
    "manipulation",
    "reductions",
    "scattering",
    "sets",
    "special",
    "statistics",
    "composed",
    "convolution",
    "ops",
    "TYPE_CHECKING",
    "pooling",
    "whole",
    "windows",
]
if not TYPE_CHECKING:  # which sees from the imports what is offered
    __all__ = [name for name in dir() if not name.startswith("_") and name not in _ROOMS]
