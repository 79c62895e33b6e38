"""`keras.ops`: what Keras's programs call on tensors, under its names, with its arguments and dtypes.

    from tinygrad_ml.keras import ops           # from keras import ops

The functions are those of `tinygrad_ml.functional`, `linalg` and `nn.functional`; what is said here is what Keras calls them, and
that a number is float32 or int32. They work on tensors, in compiled steps, and between the layers of a functional model.

Read in this order: `calls.py`, `tensors.py`, `elementwise.py`; then what you look for: `reductions.py`, `shaping.py`, `creation.py`,
`selecting.py`, `products.py`, `linalg.py`, `control.py` (loops and choices), `signals.py`, `nn.py`, `convolving.py`, `images.py`, `warping.py`.
"""

from ..absent import not_offered
from . import image as image
from . import linalg as linalg
from . import methods as methods
from . import nn as nn
from . import numpy as numpy
from .calls import Operation as Operation
from .control import associative_scan as associative_scan
from .control import cond as cond
from .control import convert_to_numpy as convert_to_numpy
from .control import convert_to_tensor as convert_to_tensor
from .control import custom_gradient as custom_gradient
from .control import dtype as dtype
from .control import fori_loop as fori_loop
from .control import is_tensor as is_tensor
from .control import jvp as jvp
from .control import map as map
from .control import scan as scan
from .control import shape as shape
from .control import stop_gradient as stop_gradient
from .control import switch as switch
from .control import vectorized_map as vectorized_map
from .control import while_loop as while_loop
from .convolving import adaptive_average_pool as adaptive_average_pool
from .convolving import adaptive_max_pool as adaptive_max_pool
from .convolving import average_pool as average_pool
from .convolving import conv as conv
from .convolving import conv_transpose as conv_transpose
from .convolving import depth_to_space as depth_to_space
from .convolving import depthwise_conv as depthwise_conv
from .convolving import fold as fold
from .convolving import max_pool as max_pool
from .convolving import separable_conv as separable_conv
from .convolving import space_to_depth as space_to_depth
from .convolving import unfold as unfold
from .elementwise import cast as cast
from .elementwise import erf as erf
from .elementwise import erfc as erfc
from .elementwise import erfinv as erfinv
from .elementwise import rsqrt as rsqrt
from .elementwise import saturate_cast as saturate_cast
from .linalg import cholesky as cholesky
from .linalg import cholesky_inverse as cholesky_inverse
from .linalg import det as det
from .linalg import eigh as eigh
from .linalg import inv as inv
from .linalg import logdet as logdet
from .linalg import lstsq as lstsq
from .linalg import matrix_rank as matrix_rank
from .linalg import norm as norm
from .linalg import pinv as pinv
from .linalg import qr as qr
from .linalg import solve as solve
from .linalg import solve_triangular as solve_triangular
from .linalg import svd as svd
from .nn import batch_normalization as batch_normalization
from .nn import binary_crossentropy as binary_crossentropy
from .nn import categorical_crossentropy as categorical_crossentropy
from .nn import celu as celu
from .nn import ctc_decode as ctc_decode
from .nn import ctc_loss as ctc_loss
from .nn import dot_product_attention as dot_product_attention
from .nn import elu as elu
from .nn import gelu as gelu
from .nn import glu as glu
from .nn import hard_shrink as hard_shrink
from .nn import hard_sigmoid as hard_sigmoid
from .nn import hard_silu as hard_silu
from .nn import hard_swish as hard_swish
from .nn import hard_tanh as hard_tanh
from .nn import layer_normalization as layer_normalization
from .nn import leaky_relu as leaky_relu
from .nn import log_sigmoid as log_sigmoid
from .nn import log_softmax as log_softmax
from .nn import normalize as normalize
from .nn import relu as relu
from .nn import relu6 as relu6
from .nn import rms_normalization as rms_normalization
from .nn import selu as selu
from .nn import sigmoid as sigmoid
from .nn import silu as silu
from .nn import soft_shrink as soft_shrink
from .nn import softmax as softmax
from .nn import softplus as softplus
from .nn import softsign as softsign
from .nn import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .nn import sparse_plus as sparse_plus
from .nn import sparse_sigmoid as sparse_sigmoid
from .nn import sparsemax as sparsemax
from .nn import squareplus as squareplus
from .nn import swish as swish
from .nn import tanh_shrink as tanh_shrink
from .nn import threshold as threshold
from .numpy import *  # noqa: F403  what NumPy has, too
from .reductions import logsumexp as logsumexp
from .reductions import moments as moments
from .selecting import in_top_k as in_top_k
from .selecting import multi_hot as multi_hot
from .selecting import one_hot as one_hot
from .selecting import scatter as scatter
from .selecting import scatter_update as scatter_update
from .selecting import slice as slice
from .selecting import slice_update as slice_update
from .selecting import top_k as top_k
from .shaping import rearrange as rearrange
from .shaping import unstack as unstack
from .signals import cdist as cdist
from .signals import extract_sequences as extract_sequences
from .signals import fft as fft
from .signals import fft2 as fft2
from .signals import ifft2 as ifft2
from .signals import irfft as irfft
from .signals import istft as istft
from .signals import psnr as psnr
from .signals import rfft as rfft
from .signals import segment_max as segment_max
from .signals import segment_min as segment_min
from .signals import segment_prod as segment_prod
from .signals import segment_sum as segment_sum
from .signals import stft as stft

_COMPLEX = "there are no complex numbers here: keep the real and the imaginary part as two tensors"
__getattr__ = not_offered(
    "keras.ops",
    {
        "eig": "its eigenvalues are complex; use eigh for symmetric matrices, or numpy.linalg.eig",
        "lu_factor": "use solve, qr or cholesky",
        "polar": "it is complex; use abs_ * cos(angle) and abs_ * sin(angle)",
        "view": "use astype for other numbers, or x.numpy().view for other bytes",
        **dict.fromkeys(("view_as_complex", "view_as_real"), _COMPLEX),
    },
)
