"""Layers, in files by Keras's own names. Read `base.py`, then `core.py`."""

from ..absent import not_offered
from ..serialization import deserialize, serialize
from .advanced_activations import ELU, LeakyReLU, Maxout, PReLU, ReLU, Softmax
from .base import Layer
from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .convolutional import Conv2D, Convolution2D, ZeroPadding2D
from .core import Activation, Dense, Embedding, Identity, Lambda, Masking
from .input import Input, InputLayer
from .input_spec import InputSpec
from .merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .normalization import BatchNormalization, LayerNormalization
from .pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .preprocessing import (
    Normalization,
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    Rescaling,
)
from .recurrent import GRU, LSTM, RNN, SimpleRNN
from .regularization import ActivityRegularization, Dropout, GaussianNoise, SpatialDropout2D
from .reshaping import Flatten, Permute, RepeatVector, Reshape
from .wrappers import Bidirectional, TimeDistributed, Wrapper

_RECURRENT = "write a cell of your own with Conv2D inside, and give it to RNN"
_ONE_D = "give sequences (batch, length, channels) to the 2D layer as (batch, length, 1, channels)"
_IN_NN = "use nn.{} in a Layer of your own"
_ATTENTION = "use nn.functional.scaled_dot_product_attention in a Layer of your own"
_BEFORE = "prepare tables, text and sound with NumPy, before the model"
_PICTURES = "write the change as a Layer, or make it in the Dataset"
_LAMBDA = "use Lambda, with functions of tinygrad_ml"


def _all(names: str, instead: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), instead)


_OTHERS = {
    **_all("ConvLSTM1D ConvLSTM2D ConvLSTM3D", _RECURRENT),
    **_all("Conv1D Convolution1D MaxPooling1D MaxPool1D AveragePooling1D AvgPool1D GlobalAveragePooling1D", _ONE_D),
    **_all("GlobalAvgPool1D GlobalMaxPooling1D GlobalMaxPool1D SpatialDropout1D UpSampling1D ZeroPadding1D", _ONE_D),
    **_all("Cropping1D DepthwiseConv1D SeparableConv1D SeparableConvolution1D", _ONE_D),
    **_all("Conv1DTranspose Convolution1DTranspose", _IN_NN.format("ConvTranspose1d")),
    **_all("Conv2DTranspose Convolution2DTranspose", _IN_NN.format("ConvTranspose2d")),
    **_all("Conv3D Convolution3D Conv3DTranspose Convolution3DTranspose", _IN_NN.format("Conv3d and its family")),
    **_all("MaxPooling3D MaxPool3D AveragePooling3D AvgPool3D GlobalAveragePooling3D", _IN_NN.format("MaxPool3d")),
    **_all("GlobalAvgPool3D GlobalMaxPooling3D GlobalMaxPool3D", "use Lambda(lambda x: x.mean((1, 2, 3)))"),
    **_all(
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D", _IN_NN.format("AdaptiveAvgPool2d")
    ),
    **_all("AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D", _IN_NN.format("AdaptiveMaxPool2d")),
    **_all("ZeroPadding3D Cropping3D UpSampling3D SpatialDropout3D", _LAMBDA),
    "DepthwiseConv2D": "use Conv2D(channels, kernel_size, groups=channels)",
    **_all(
        "SeparableConv2D SeparableConvolution2D",
        "use Conv2D(channels, kernel_size, groups=channels), then Conv2D(filters, 1)",
    ),
    **_all("MultiHeadAttention GroupQueryAttention Attention AdditiveAttention", _ATTENTION),
    "GroupNormalization": _IN_NN.format("GroupNorm"),
    "RMSNormalization": _IN_NN.format("RMSNorm"),
    **_all("SpectralNormalization UnitNormalization", "use constraint UnitNorm, or Lambda"),
    **_all("merge Merge", "use Add()([a, b]), Concatenate()([a, b]) and the like"),
    **_all("Dot dot EinsumDense ReversibleEmbedding", "use Lambda(lambda x: tg.einsum(...)), or a Layer of your own"),
    "UpSampling2D": "use Lambda(lambda x: tg.repeat(tg.repeat(x, 2, axis=1), 2, axis=2))",
    "Cropping2D": "use Lambda(lambda x: x[:, 1:-1, 1:-1])",
    **_all("AlphaDropout GaussianDropout", "use Dropout, or a Layer of your own with tg.random"),
    **_all(
        "CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup TextVectorization", _BEFORE
    ),
    **_all("MelSpectrogram STFTSpectrogram", _BEFORE),
    **_all(
        "AugMix AutoContrast CenterCrop ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization", _PICTURES
    ),
    **_all("MaxNumBoundingBoxes MixUp Pipeline RandAugment RandomBrightness RandomColorDegeneration", _PICTURES),
    **_all("RandomColorJitter RandomCrop RandomElasticTransform RandomErasing RandomGaussianBlur", _PICTURES),
    **_all("RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation", _PICTURES),
    **_all("RandomSharpness RandomShear Resizing Solarization", _PICTURES),
    **_all("FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper", "an nn.Module is a part of a Layer as it is"),
}
__getattr__ = not_offered("keras.layers", _OTHERS)
