"""Modules: layers, networks and losses, with PyTorch's names, arguments and defaults.

Read `module.py` first: a module is what its attributes are. Then `linear.py`, a layer in twenty
lines. What the layers compute stands in `functional/`, under the same names in small letters; what they
start from is in `init.py`.

What there is, file by file (of names with a d behind, there are 1d, 2d and 3d, if not said otherwise):

    `module.py`         Module, and in `parameter.py` Parameter; in `calling.py` tg.functional_call, tg.stack_module_state
    `linear.py`         Identity, Linear, Bilinear
    `embedding.py`      Embedding, EmbeddingBag
    `containers.py`     Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict
    `shape.py`          Flatten, Unflatten, PixelShuffle, PixelUnshuffle, ChannelShuffle
    `convolution.py`    Conv d, ConvTranspose d
    `unfolding.py`      Unfold, Fold
    `pooling.py`        MaxPool d, MaxUnpool d, AvgPool d, LPPool d, AdaptiveMaxPool d, AdaptiveAvgPool d
    `padding.py`        ZeroPad d, ConstantPad d, ReflectionPad d, ReplicationPad d, CircularPad d
    `upsampling.py`     Upsample, UpsamplingNearest2d, UpsamplingBilinear2d
    `normalization.py`  BatchNorm d, InstanceNorm d, GroupNorm, LayerNorm, RMSNorm, LocalResponseNorm
    `dropout.py`        Dropout, Dropout d, AlphaDropout, FeatureAlphaDropout
    `activation.py`     ReLU, ReLU6, LeakyReLU, PReLU, RReLU, ELU, CELU, SELU, GELU, SiLU, Mish, GLU, Sigmoid, LogSigmoid,
                        Tanh, Softplus, Softsign, Tanhshrink, Hardshrink, Softshrink, Hardtanh, Hardsigmoid, Hardswish,
                        Threshold, Softmax, LogSoftmax, Softmin, Softmax2d
    `recurrent.py`      RNN, LSTM, GRU, and in `cells.py` RNNCell, LSTMCell, GRUCell; sequences of unlike lengths in `utils/rnn.py`
    `attention.py`      MultiheadAttention
    `transformer.py`    Transformer, TransformerEncoder, TransformerEncoderLayer, TransformerDecoder,
                        TransformerDecoderLayer
    `distance.py`       CosineSimilarity, PairwiseDistance
    `loss.py`           MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss, KLDivLoss, NLLLoss,
                        CrossEntropyLoss
    `margin_loss.py`    MarginRankingLoss, HingeEmbeddingLoss, CosineEmbeddingLoss, TripletMarginLoss,
                        TripletMarginWithDistanceLoss, SoftMarginLoss, MultiMarginLoss, MultiLabelMarginLoss,
                        MultiLabelSoftMarginLoss
    `likelihood.py`     GaussianNLLLoss, PoissonNLLLoss, CTCLoss
    `utils/`            clip_grad_norm_, parameters_to_vector, ...; rnn; parametrize, and parametrizations.weight_norm, ...

and in `functional` alone: interpolate, pad, grid_sample, affine_grid, normalize, one_hot, pdist, gumbel_softmax,
scaled_dot_product_attention, attention_weights, sinusoidal_positions, rotary_embedding. Not here are fractional pooling, and layers that find out their sizes later (Lazy...).
"""

from typing import TYPE_CHECKING

from ..spellings import missing_from
from . import functional, init, utils
from .activation import CELU as CELU
from .activation import ELU as ELU
from .activation import GELU as GELU
from .activation import GLU as GLU
from .activation import SELU as SELU
from .activation import Hardshrink as Hardshrink
from .activation import Hardsigmoid as Hardsigmoid
from .activation import Hardswish as Hardswish
from .activation import Hardtanh as Hardtanh
from .activation import LeakyReLU as LeakyReLU
from .activation import LogSigmoid as LogSigmoid
from .activation import LogSoftmax as LogSoftmax
from .activation import Mish as Mish
from .activation import PReLU as PReLU
from .activation import ReLU as ReLU
from .activation import ReLU6 as ReLU6
from .activation import RReLU as RReLU
from .activation import Sigmoid as Sigmoid
from .activation import SiLU as SiLU
from .activation import Softmax as Softmax
from .activation import Softmax2d as Softmax2d
from .activation import Softmin as Softmin
from .activation import Softplus as Softplus
from .activation import Softshrink as Softshrink
from .activation import Softsign as Softsign
from .activation import Tanh as Tanh
from .activation import Tanhshrink as Tanhshrink
from .activation import Threshold as Threshold
from .attention import MultiheadAttention as MultiheadAttention
from .cells import GRUCell as GRUCell
from .cells import LSTMCell as LSTMCell
from .cells import RNNCell as RNNCell
from .containers import ModuleDict as ModuleDict
from .containers import ModuleList as ModuleList
from .containers import ParameterDict as ParameterDict
from .containers import ParameterList as ParameterList
from .containers import Sequential as Sequential
from .convolution import Conv1d as Conv1d
from .convolution import Conv2d as Conv2d
from .convolution import Conv3d as Conv3d
from .convolution import ConvTranspose1d as ConvTranspose1d
from .convolution import ConvTranspose2d as ConvTranspose2d
from .convolution import ConvTranspose3d as ConvTranspose3d
from .distance import CosineSimilarity as CosineSimilarity
from .distance import PairwiseDistance as PairwiseDistance
from .dropout import AlphaDropout as AlphaDropout
from .dropout import Dropout as Dropout
from .dropout import Dropout1d as Dropout1d
from .dropout import Dropout2d as Dropout2d
from .dropout import Dropout3d as Dropout3d
from .dropout import FeatureAlphaDropout as FeatureAlphaDropout
from .embedding import Embedding as Embedding
from .embedding import EmbeddingBag as EmbeddingBag
from .likelihood import CTCLoss as CTCLoss
from .likelihood import GaussianNLLLoss as GaussianNLLLoss
from .likelihood import PoissonNLLLoss as PoissonNLLLoss
from .linear import Bilinear as Bilinear
from .linear import Identity as Identity
from .linear import Linear as Linear
from .loss import BCELoss as BCELoss
from .loss import BCEWithLogitsLoss as BCEWithLogitsLoss
from .loss import CrossEntropyLoss as CrossEntropyLoss
from .loss import HuberLoss as HuberLoss
from .loss import KLDivLoss as KLDivLoss
from .loss import L1Loss as L1Loss
from .loss import MSELoss as MSELoss
from .loss import NLLLoss as NLLLoss
from .loss import SmoothL1Loss as SmoothL1Loss
from .margin_loss import CosineEmbeddingLoss as CosineEmbeddingLoss
from .margin_loss import HingeEmbeddingLoss as HingeEmbeddingLoss
from .margin_loss import MarginRankingLoss as MarginRankingLoss
from .margin_loss import MultiLabelMarginLoss as MultiLabelMarginLoss
from .margin_loss import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from .margin_loss import MultiMarginLoss as MultiMarginLoss
from .margin_loss import SoftMarginLoss as SoftMarginLoss
from .margin_loss import TripletMarginLoss as TripletMarginLoss
from .margin_loss import TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss
from .module import Module as Module
from .normalization import BatchNorm1d as BatchNorm1d
from .normalization import BatchNorm2d as BatchNorm2d
from .normalization import BatchNorm3d as BatchNorm3d
from .normalization import GroupNorm as GroupNorm
from .normalization import InstanceNorm1d as InstanceNorm1d
from .normalization import InstanceNorm2d as InstanceNorm2d
from .normalization import InstanceNorm3d as InstanceNorm3d
from .normalization import LayerNorm as LayerNorm
from .normalization import LocalResponseNorm as LocalResponseNorm
from .normalization import RMSNorm as RMSNorm
from .padding import CircularPad1d as CircularPad1d
from .padding import CircularPad2d as CircularPad2d
from .padding import CircularPad3d as CircularPad3d
from .padding import ConstantPad1d as ConstantPad1d
from .padding import ConstantPad2d as ConstantPad2d
from .padding import ConstantPad3d as ConstantPad3d
from .padding import ReflectionPad1d as ReflectionPad1d
from .padding import ReflectionPad2d as ReflectionPad2d
from .padding import ReflectionPad3d as ReflectionPad3d
from .padding import ReplicationPad1d as ReplicationPad1d
from .padding import ReplicationPad2d as ReplicationPad2d
from .padding import ReplicationPad3d as ReplicationPad3d
from .padding import ZeroPad1d as ZeroPad1d
from .padding import ZeroPad2d as ZeroPad2d
from .padding import ZeroPad3d as ZeroPad3d
from .parameter import Parameter as Parameter
from .pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from .pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from .pooling import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from .pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from .pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from .pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from .pooling import AvgPool1d as AvgPool1d
from .pooling import AvgPool2d as AvgPool2d
from .pooling import AvgPool3d as AvgPool3d
from .pooling import LPPool1d as LPPool1d
from .pooling import LPPool2d as LPPool2d
from .pooling import LPPool3d as LPPool3d
from .pooling import MaxPool1d as MaxPool1d
from .pooling import MaxPool2d as MaxPool2d
from .pooling import MaxPool3d as MaxPool3d
from .pooling import MaxUnpool1d as MaxUnpool1d
from .pooling import MaxUnpool2d as MaxUnpool2d
from .pooling import MaxUnpool3d as MaxUnpool3d
from .recurrent import GRU as GRU
from .recurrent import LSTM as LSTM
from .recurrent import RNN as RNN
from .shape import ChannelShuffle as ChannelShuffle
from .shape import Flatten as Flatten
from .shape import PixelShuffle as PixelShuffle
from .shape import PixelUnshuffle as PixelUnshuffle
from .shape import Unflatten as Unflatten
from .transformer import Transformer as Transformer
from .transformer import TransformerDecoder as TransformerDecoder
from .transformer import TransformerDecoderLayer as TransformerDecoderLayer
from .transformer import TransformerEncoder as TransformerEncoder
from .transformer import TransformerEncoderLayer as TransformerEncoderLayer
from .unfolding import Fold as Fold
from .unfolding import Unfold as Unfold
from .upsampling import Upsample as Upsample
from .upsampling import UpsamplingBilinear2d as UpsamplingBilinear2d
from .upsampling import UpsamplingNearest2d as UpsamplingNearest2d

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "nn")
