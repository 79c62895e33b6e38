"""`keras.backend`: what holds for a whole program, dtypes, and what old programs call as K.sum, K.mean, K.dot, ...

Read before: `../config.py`, `../ops/`. Read next: `dtypes.py`, `variables.py`, `shapes.py`, `networks.py`, `control.py`.
"""

from ..absent import not_offered
from ..config import backend as backend
from ..config import epsilon as epsilon
from ..config import floatx as floatx
from ..config import image_data_format as image_data_format
from ..config import set_epsilon as set_epsilon
from ..config import set_floatx as set_floatx
from ..config import set_image_data_format as set_image_data_format
from ..naming import clear_session as clear_session
from ..ops import abs as abs
from ..ops import all as all
from ..ops import any as any
from ..ops import argmax as argmax
from ..ops import argmin as argmin
from ..ops import binary_crossentropy as binary_crossentropy
from ..ops import cast as cast
from ..ops import categorical_crossentropy as categorical_crossentropy
from ..ops import clip as clip
from ..ops import cos as cos
from ..ops import cumprod as cumprod
from ..ops import cumsum as cumsum
from ..ops import dtype as dtype
from ..ops import elu as elu
from ..ops import equal as equal
from ..ops import exp as exp
from ..ops import expand_dims as expand_dims
from ..ops import eye as eye
from ..ops import greater as greater
from ..ops import greater_equal as greater_equal
from ..ops import hard_sigmoid as hard_sigmoid
from ..ops import less as less
from ..ops import less_equal as less_equal
from ..ops import log as log
from ..ops import max as max
from ..ops import maximum as maximum
from ..ops import mean as mean
from ..ops import min as min
from ..ops import minimum as minimum
from ..ops import ndim as ndim
from ..ops import not_equal as not_equal
from ..ops import one_hot as one_hot
from ..ops import ones as ones
from ..ops import ones_like as ones_like
from ..ops import prod as prod
from ..ops import reshape as reshape
from ..ops import round as round
from ..ops import shape as shape
from ..ops import sigmoid as sigmoid
from ..ops import sign as sign
from ..ops import sin as sin
from ..ops import softmax as softmax
from ..ops import softplus as softplus
from ..ops import softsign as softsign
from ..ops import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from ..ops import sqrt as sqrt
from ..ops import square as square
from ..ops import squeeze as squeeze
from ..ops import stack as stack
from ..ops import std as std
from ..ops import stop_gradient as stop_gradient
from ..ops import sum as sum
from ..ops import tanh as tanh
from ..ops import tile as tile
from ..ops import transpose as transpose
from ..ops import var as var
from ..ops import zeros as zeros
from ..ops import zeros_like as zeros_like
from .control import dropout as dropout
from .control import foldl as foldl
from .control import foldr as foldr
from .control import map_fn as map_fn
from .control import random_bernoulli as random_bernoulli
from .control import random_normal as random_normal
from .control import random_normal_variable as random_normal_variable
from .control import random_uniform as random_uniform
from .control import random_uniform_variable as random_uniform_variable
from .control import switch as switch
from .control import truncated_normal as truncated_normal
from .dtypes import get_uid as get_uid
from .dtypes import is_float_dtype as is_float_dtype
from .dtypes import is_int_dtype as is_int_dtype
from .dtypes import is_keras_tensor as is_keras_tensor
from .dtypes import result_type as result_type
from .dtypes import standardize_dtype as standardize_dtype
from .networks import batch_dot as batch_dot
from .networks import batch_normalization as batch_normalization
from .networks import bias_add as bias_add
from .networks import conv1d as conv1d
from .networks import conv2d as conv2d
from .networks import conv3d as conv3d
from .networks import depthwise_conv2d as depthwise_conv2d
from .networks import dot as dot
from .networks import in_top_k as in_top_k
from .networks import l2_normalize as l2_normalize
from .networks import pool2d as pool2d
from .networks import pool3d as pool3d
from .networks import pow as pow
from .networks import relu as relu
from .networks import separable_conv2d as separable_conv2d
from .shapes import arange as arange
from .shapes import batch_flatten as batch_flatten
from .shapes import concatenate as concatenate
from .shapes import flatten as flatten
from .shapes import gather as gather
from .shapes import permute_dimensions as permute_dimensions
from .shapes import repeat as repeat
from .shapes import repeat_elements as repeat_elements
from .shapes import resize_images as resize_images
from .shapes import resize_volumes as resize_volumes
from .shapes import reverse as reverse
from .shapes import spatial_2d_padding as spatial_2d_padding
from .shapes import spatial_3d_padding as spatial_3d_padding
from .shapes import temporal_padding as temporal_padding
from .variables import batch_get_value as batch_get_value
from .variables import batch_set_value as batch_set_value
from .variables import cast_to_floatx as cast_to_floatx
from .variables import constant as constant
from .variables import count_params as count_params
from .variables import eval as eval
from .variables import get_value as get_value
from .variables import gradients as gradients
from .variables import int_shape as int_shape
from .variables import is_sparse as is_sparse
from .variables import moving_average_update as moving_average_update
from .variables import set_value as set_value
from .variables import to_dense as to_dense
from .variables import update as update
from .variables import update_add as update_add
from .variables import update_sub as update_sub
from .variables import variable as variable

_LAYER = "use the layer, keras.layers.{}"
__getattr__ = not_offered(
    "keras.backend",
    {
        "rnn": _LAYER.format("RNN"),
        "conv2d_transpose": "use keras.ops.conv_transpose",
        "function": "use tg.compile",
        "placeholder": "use keras.Input",
        "learning_phase": "layers are told training=",
        "set_learning_phase": "layers are told training=",
        "name_scope": "give layers a name=",
        "ctc_batch_cost": "use keras.ops.ctc_loss",
        "ctc_decode": "use keras.ops.ctc_decode",
        **dict.fromkeys(("ctc_label_dense_to_sparse", "sparse_placeholder"), "there are no sparse tensors here"),
        **dict.fromkeys(("binary_focal_crossentropy", "categorical_focal_crossentropy"), "use keras.losses"),
    },
)
