"""`nn.functional`, imported as `F`: what layers compute, as functions, with PyTorch's names and arguments.

Everything here is composed of functions of `tinygrad_ml.functional`, and so has derivatives of every
order. `dim` is PyTorch's word for what is `axis` elsewhere.
"""

from typing import TYPE_CHECKING

from ...spellings import missing_from
from .activation import celu as celu
from .activation import elu as elu
from .activation import gelu as gelu
from .activation import glu as glu
from .activation import gumbel_softmax as gumbel_softmax
from .activation import hardshrink as hardshrink
from .activation import hardsigmoid as hardsigmoid
from .activation import hardswish as hardswish
from .activation import hardtanh as hardtanh
from .activation import leaky_relu as leaky_relu
from .activation import log_softmax as log_softmax
from .activation import logsigmoid as logsigmoid
from .activation import mish as mish
from .activation import prelu as prelu
from .activation import relu as relu
from .activation import relu6 as relu6
from .activation import rrelu as rrelu
from .activation import selu as selu
from .activation import sigmoid as sigmoid
from .activation import silu as silu
from .activation import softmax as softmax
from .activation import softmin as softmin
from .activation import softplus as softplus
from .activation import softshrink as softshrink
from .activation import softsign as softsign
from .activation import tanh as tanh
from .activation import tanhshrink as tanhshrink
from .activation import threshold as threshold
from .attention import attention_weights as attention_weights
from .attention import rotary_embedding as rotary_embedding
from .attention import scaled_dot_product_attention as scaled_dot_product_attention
from .attention import sinusoidal_positions as sinusoidal_positions
from .bags import embedding_bag as embedding_bag
from .convolution import conv1d as conv1d
from .convolution import conv2d as conv2d
from .convolution import conv3d as conv3d
from .convolution import conv_transpose1d as conv_transpose1d
from .convolution import conv_transpose2d as conv_transpose2d
from .convolution import conv_transpose3d as conv_transpose3d
from .ctc import ctc_loss as ctc_loss
from .distance import cosine_similarity as cosine_similarity
from .distance import pairwise_distance as pairwise_distance
from .distance import pdist as pdist
from .dropout import alpha_dropout as alpha_dropout
from .dropout import dropout as dropout
from .dropout import dropout1d as dropout1d
from .dropout import dropout2d as dropout2d
from .dropout import dropout3d as dropout3d
from .dropout import feature_alpha_dropout as feature_alpha_dropout
from .interpolation import interpolate as interpolate
from .likelihood import gaussian_nll_loss as gaussian_nll_loss
from .likelihood import poisson_nll_loss as poisson_nll_loss
from .linear import bilinear as bilinear
from .linear import embedding as embedding
from .linear import linear as linear
from .linear import one_hot as one_hot
from .loss import binary_cross_entropy as binary_cross_entropy
from .loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .loss import cross_entropy as cross_entropy
from .loss import huber_loss as huber_loss
from .loss import kl_div as kl_div
from .loss import l1_loss as l1_loss
from .loss import mse_loss as mse_loss
from .loss import nll_loss as nll_loss
from .loss import smooth_l1_loss as smooth_l1_loss
from .margin_loss import cosine_embedding_loss as cosine_embedding_loss
from .margin_loss import hinge_embedding_loss as hinge_embedding_loss
from .margin_loss import margin_ranking_loss as margin_ranking_loss
from .margin_loss import multi_margin_loss as multi_margin_loss
from .margin_loss import multilabel_margin_loss as multilabel_margin_loss
from .margin_loss import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .margin_loss import soft_margin_loss as soft_margin_loss
from .margin_loss import triplet_margin_loss as triplet_margin_loss
from .margin_loss import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from .normalization import batch_norm as batch_norm
from .normalization import group_norm as group_norm
from .normalization import instance_norm as instance_norm
from .normalization import layer_norm as layer_norm
from .padding import pad as pad
from .pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from .pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from .pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from .pooling import adaptive_max_pool1d as adaptive_max_pool1d
from .pooling import adaptive_max_pool2d as adaptive_max_pool2d
from .pooling import adaptive_max_pool3d as adaptive_max_pool3d
from .pooling import avg_pool1d as avg_pool1d
from .pooling import avg_pool2d as avg_pool2d
from .pooling import avg_pool3d as avg_pool3d
from .pooling import lp_pool1d as lp_pool1d
from .pooling import lp_pool2d as lp_pool2d
from .pooling import lp_pool3d as lp_pool3d
from .pooling import max_pool1d as max_pool1d
from .pooling import max_pool2d as max_pool2d
from .pooling import max_pool3d as max_pool3d
from .pooling import max_unpool1d as max_unpool1d
from .pooling import max_unpool2d as max_unpool2d
from .pooling import max_unpool3d as max_unpool3d
from .recurrent import gru_step as gru_step
from .recurrent import lstm_step as lstm_step
from .recurrent import rnn_step as rnn_step
from .reordering import channel_shuffle as channel_shuffle
from .reordering import pixel_shuffle as pixel_shuffle
from .reordering import pixel_unshuffle as pixel_unshuffle
from .sampling import affine_grid as affine_grid
from .sampling import grid_sample as grid_sample
from .scaling import local_response_norm as local_response_norm
from .scaling import normalize as normalize
from .scaling import rms_norm as rms_norm
from .unfolding import fold as fold
from .unfolding import unfold as unfold

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "F")
