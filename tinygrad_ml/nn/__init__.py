"""Modules: layers, networks and losses, with PyTorch's names, arguments and defaults.

Read `module.py` first: a module is what its attributes are. Then `linear.py`, a layer in twenty
lines. What the layers compute stands in `functional/`, under the same names in small letters; what they
start from is in `init.py`.

What there is, file by file (of names with a d behind, there are 1d, 2d and 3d, if not said otherwise):

    `module.py`         Module, and in `parameter.py` Parameter
    `linear.py`         Identity, Linear, Bilinear
    `embedding.py`      Embedding
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

and in `functional` alone: interpolate, pad, grid_sample, affine_grid, normalize, one_hot, pdist, gumbel_softmax,
scaled_dot_product_attention, attention_weights, sinusoidal_positions, rotary_embedding. Not here are EmbeddingBag, fractional pooling, and layers that find out their sizes later (Lazy...).
"""

from . import functional, init, utils
from .activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    RReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from .attention import MultiheadAttention
from .cells import GRUCell, LSTMCell, RNNCell
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .distance import CosineSimilarity, PairwiseDistance
from .dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout
from .embedding import Embedding
from .likelihood import CTCLoss, GaussianNLLLoss, PoissonNLLLoss
from .linear import Bilinear, Identity, Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .margin_loss import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)
from .module import Module
from .normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LocalResponseNorm,
    RMSNorm,
)
from .padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from .parameter import Parameter
from .pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    MaxUnpool1d,
    MaxUnpool2d,
    MaxUnpool3d,
)
from .recurrent import GRU, LSTM, RNN
from .shape import ChannelShuffle, Flatten, PixelShuffle, PixelUnshuffle, Unflatten
from .transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .unfolding import Fold, Unfold
from .upsampling import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d
