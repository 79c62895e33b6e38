"""Layers, in files by Keras's own names. Read `base.py`, then `core.py`."""

from ..absent import not_offered
from ..serialization import deserialize as deserialize
from ..serialization import serialize as serialize
from .advanced_activations import ELU as ELU
from .advanced_activations import LeakyReLU as LeakyReLU
from .advanced_activations import Maxout as Maxout
from .advanced_activations import PReLU as PReLU
from .advanced_activations import ReLU as ReLU
from .advanced_activations import Softmax as Softmax
from .attention import AdditiveAttention as AdditiveAttention
from .attention import Attention as Attention
from .attention import GroupQueryAttention as GroupQueryAttention
from .attention import MultiHeadAttention as MultiHeadAttention
from .base import Layer as Layer
from .categories import CategoryEncoding as CategoryEncoding
from .categories import Discretization as Discretization
from .categories import HashedCrossing as HashedCrossing
from .categories import Hashing as Hashing
from .cells import GRUCell as GRUCell
from .cells import LSTMCell as LSTMCell
from .cells import SimpleRNNCell as SimpleRNNCell
from .cells import StackedRNNCells as StackedRNNCells
from .colors import RandomBrightness as RandomBrightness
from .colors import RandomColorDegeneration as RandomColorDegeneration
from .colors import RandomColorJitter as RandomColorJitter
from .colors import RandomContrast as RandomContrast
from .colors import RandomGaussianBlur as RandomGaussianBlur
from .colors import RandomGrayscale as RandomGrayscale
from .colors import RandomHue as RandomHue
from .colors import RandomInvert as RandomInvert
from .colors import RandomPosterization as RandomPosterization
from .colors import RandomSaturation as RandomSaturation
from .colors import RandomSharpness as RandomSharpness
from .colors import Solarization as Solarization
from .conv_lstm import ConvLSTM1D as ConvLSTM1D
from .conv_lstm import ConvLSTM2D as ConvLSTM2D
from .conv_lstm import ConvLSTM3D as ConvLSTM3D
from .convolutional import Conv1D as Conv1D
from .convolutional import Conv2D as Conv2D
from .convolutional import Conv3D as Conv3D
from .convolutional import Convolution1D as Convolution1D
from .convolutional import Convolution2D as Convolution2D
from .convolutional import Convolution3D as Convolution3D
from .core import Activation as Activation
from .core import Dense as Dense
from .core import Embedding as Embedding
from .core import Identity as Identity
from .core import Lambda as Lambda
from .core import Masking as Masking
from .core import ReversibleEmbedding as ReversibleEmbedding
from .depthwise import DepthwiseConv1D as DepthwiseConv1D
from .depthwise import DepthwiseConv2D as DepthwiseConv2D
from .depthwise import SeparableConv1D as SeparableConv1D
from .depthwise import SeparableConv2D as SeparableConv2D
from .depthwise import SeparableConvolution1D as SeparableConvolution1D
from .depthwise import SeparableConvolution2D as SeparableConvolution2D
from .einsum_dense import EinsumDense as EinsumDense
from .geometry import RandomCrop as RandomCrop
from .geometry import RandomElasticTransform as RandomElasticTransform
from .geometry import RandomFlip as RandomFlip
from .geometry import RandomPerspective as RandomPerspective
from .geometry import RandomRotation as RandomRotation
from .geometry import RandomShear as RandomShear
from .geometry import RandomTranslation as RandomTranslation
from .geometry import RandomZoom as RandomZoom
from .input import Input as Input
from .input import InputLayer as InputLayer
from .input_spec import InputSpec as InputSpec
from .lookup import IntegerLookup as IntegerLookup
from .lookup import StringLookup as StringLookup
from .merging import Add as Add
from .merging import Average as Average
from .merging import Concatenate as Concatenate
from .merging import Dot as Dot
from .merging import Maximum as Maximum
from .merging import Minimum as Minimum
from .merging import Multiply as Multiply
from .merging import Subtract as Subtract
from .merging import add as add
from .merging import average as average
from .merging import concatenate as concatenate
from .merging import dot as dot
from .merging import maximum as maximum
from .merging import minimum as minimum
from .merging import multiply as multiply
from .merging import subtract as subtract
from .mixing import AugMix as AugMix
from .mixing import CutMix as CutMix
from .mixing import MixUp as MixUp
from .mixing import Pipeline as Pipeline
from .mixing import RandAugment as RandAugment
from .mixing import RandomErasing as RandomErasing
from .normalization import BatchNormalization as BatchNormalization
from .normalization import GroupNormalization as GroupNormalization
from .normalization import LayerNormalization as LayerNormalization
from .normalization import RMSNormalization as RMSNormalization
from .normalization import UnitNormalization as UnitNormalization
from .pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from .pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from .pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from .pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from .pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from .pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from .pooling import AveragePooling1D as AveragePooling1D
from .pooling import AveragePooling2D as AveragePooling2D
from .pooling import AveragePooling3D as AveragePooling3D
from .pooling import AvgPool1D as AvgPool1D
from .pooling import AvgPool2D as AvgPool2D
from .pooling import AvgPool3D as AvgPool3D
from .pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from .pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from .pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from .pooling import GlobalAvgPool1D as GlobalAvgPool1D
from .pooling import GlobalAvgPool2D as GlobalAvgPool2D
from .pooling import GlobalAvgPool3D as GlobalAvgPool3D
from .pooling import GlobalMaxPool1D as GlobalMaxPool1D
from .pooling import GlobalMaxPool2D as GlobalMaxPool2D
from .pooling import GlobalMaxPool3D as GlobalMaxPool3D
from .pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from .pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from .pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from .pooling import MaxPool1D as MaxPool1D
from .pooling import MaxPool2D as MaxPool2D
from .pooling import MaxPool3D as MaxPool3D
from .pooling import MaxPooling1D as MaxPooling1D
from .pooling import MaxPooling2D as MaxPooling2D
from .pooling import MaxPooling3D as MaxPooling3D
from .preprocessing import Normalization as Normalization
from .preprocessing import Rescaling as Rescaling
from .recurrent import GRU as GRU
from .recurrent import LSTM as LSTM
from .recurrent import RNN as RNN
from .recurrent import SimpleRNN as SimpleRNN
from .regularization import ActivityRegularization as ActivityRegularization
from .regularization import AlphaDropout as AlphaDropout
from .regularization import Dropout as Dropout
from .regularization import GaussianDropout as GaussianDropout
from .regularization import GaussianNoise as GaussianNoise
from .regularization import SpatialDropout1D as SpatialDropout1D
from .regularization import SpatialDropout2D as SpatialDropout2D
from .regularization import SpatialDropout3D as SpatialDropout3D
from .reshaping import Cropping1D as Cropping1D
from .reshaping import Cropping2D as Cropping2D
from .reshaping import Cropping3D as Cropping3D
from .reshaping import Flatten as Flatten
from .reshaping import Permute as Permute
from .reshaping import RepeatVector as RepeatVector
from .reshaping import Reshape as Reshape
from .reshaping import UpSampling1D as UpSampling1D
from .reshaping import UpSampling2D as UpSampling2D
from .reshaping import UpSampling3D as UpSampling3D
from .reshaping import ZeroPadding1D as ZeroPadding1D
from .reshaping import ZeroPadding2D as ZeroPadding2D
from .reshaping import ZeroPadding3D as ZeroPadding3D
from .resizing import CenterCrop as CenterCrop
from .resizing import Resizing as Resizing
from .shades import AutoContrast as AutoContrast
from .shades import ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization
from .shades import Equalization as Equalization
from .text_vectorization import TextVectorization as TextVectorization
from .transposed import Conv1DTranspose as Conv1DTranspose
from .transposed import Conv2DTranspose as Conv2DTranspose
from .transposed import Conv3DTranspose as Conv3DTranspose
from .transposed import Convolution1DTranspose as Convolution1DTranspose
from .transposed import Convolution2DTranspose as Convolution2DTranspose
from .transposed import Convolution3DTranspose as Convolution3DTranspose
from .wrappers import Bidirectional as Bidirectional
from .wrappers import SpectralNormalization as SpectralNormalization
from .wrappers import TimeDistributed as TimeDistributed
from .wrappers import Wrapper as Wrapper

_BEFORE = "prepare tables, text and sound with NumPy, before the model"


def _all(names: str, instead: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), instead)


_OTHERS = {
    **_all("merge Merge", "use Add()([a, b]), Concatenate()([a, b]) and the like"),
    **_all("MelSpectrogram STFTSpectrogram", _BEFORE),
    "MaxNumBoundingBoxes": "boxes around things in images are not offered",
    **_all("FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper", "an nn.Module is a part of a Layer as it is"),
}
__getattr__ = not_offered("keras.layers", _OTHERS)
