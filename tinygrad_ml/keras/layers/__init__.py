"""Layers, in files by Keras's own names. Read `base.py`, then `core.py`."""

from ..absent import not_offered
from ..serialization import deserialize, serialize
from .advanced_activations import ELU, LeakyReLU, Maxout, PReLU, ReLU, Softmax
from .attention import AdditiveAttention, Attention, MultiHeadAttention
from .base import Layer
from .cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .convolutional import Conv1D, Conv2D, Conv3D, Convolution1D, Convolution2D, Convolution3D
from .core import Activation, Dense, Embedding, Identity, Lambda, Masking
from .einsum_dense import EinsumDense
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
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
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
from .regularization import (
    ActivityRegularization,
    Dropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from .reshaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from .text_vectorization import TextVectorization
from .wrappers import Bidirectional, TimeDistributed, Wrapper

_RECURRENT = "write a cell of your own with Conv2D inside, and give it to RNN"
_IN_NN = "use nn.{} in a Layer of your own"
_ATTENTION = "use nn.functional.scaled_dot_product_attention in a Layer of your own"
_BEFORE = "prepare tables, text and sound with NumPy, before the model"
_PICTURES = "write the change as a Layer, or make it in the Dataset"


def _all(names: str, instead: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), instead)


_OTHERS = {
    **_all("ConvLSTM1D ConvLSTM2D ConvLSTM3D", _RECURRENT),
    "DepthwiseConv1D": "use Conv1D(channels, kernel_size, groups=channels)",
    **_all(
        "SeparableConv1D SeparableConvolution1D",
        "use Conv1D(channels, kernel_size, groups=channels), then Conv1D(filters, 1)",
    ),
    **_all("Conv1DTranspose Convolution1DTranspose", _IN_NN.format("ConvTranspose1d")),
    **_all("Conv2DTranspose Convolution2DTranspose", _IN_NN.format("ConvTranspose2d")),
    **_all("Conv3DTranspose Convolution3DTranspose", _IN_NN.format("ConvTranspose3d")),
    **_all(
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D", _IN_NN.format("AdaptiveAvgPool2d")
    ),
    **_all("AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D", _IN_NN.format("AdaptiveMaxPool2d")),
    "DepthwiseConv2D": "use Conv2D(channels, kernel_size, groups=channels)",
    **_all(
        "SeparableConv2D SeparableConvolution2D",
        "use Conv2D(channels, kernel_size, groups=channels), then Conv2D(filters, 1)",
    ),
    "GroupQueryAttention": _ATTENTION,
    "GroupNormalization": _IN_NN.format("GroupNorm"),
    "RMSNormalization": _IN_NN.format("RMSNorm"),
    **_all("SpectralNormalization UnitNormalization", "use constraint UnitNorm, or Lambda"),
    **_all("merge Merge", "use Add()([a, b]), Concatenate()([a, b]) and the like"),
    **_all("Dot dot ReversibleEmbedding", "use Lambda(lambda x: tg.einsum(...)), or a Layer of your own"),
    **_all("AlphaDropout GaussianDropout", "use Dropout, or a Layer of your own with tg.random"),
    **_all("CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup", _BEFORE),
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
