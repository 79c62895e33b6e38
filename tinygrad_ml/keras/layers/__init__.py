"""Layers, in files by Keras's own names. Read `base.py`, then `core.py`."""

from ..naming import not_offered
from ..serialization import deserialize, serialize
from .advanced_activations import ELU, LeakyReLU, Maxout, PReLU, ReLU, Softmax
from .base import Layer
from .convolutional import Conv2D, Convolution2D, ZeroPadding2D
from .core import Activation, Dense, Embedding, Lambda
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
from .regularization import ActivityRegularization, Dropout, GaussianNoise, SpatialDropout2D
from .reshaping import Flatten, Permute, RepeatVector, Reshape

_RECURRENT = "there are no recurrent layers; unroll the steps in a Layer of your own, with Dense inside"
_ONE_D = "give sequences (batch, length, channels) to the 2D layer as (batch, length, 1, channels)"
_OTHERS = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "TimeDistributed"), _RECURRENT),
    **dict.fromkeys(("Conv1D", "MaxPooling1D", "AveragePooling1D", "GlobalAveragePooling1D"), _ONE_D),
    "Conv2DTranspose": "use nn.ConvTranspose2d in a Layer of your own",
    "DepthwiseConv2D": "use Conv2D(channels, kernel_size, groups=channels)",
    "SeparableConv2D": "use Conv2D(channels, kernel_size, groups=channels), then Conv2D(filters, 1)",
    "MultiHeadAttention": "use nn.functional.scaled_dot_product_attention in a Layer of your own",
    "GroupNormalization": "use nn.GroupNorm in a Layer of your own",
    "merge": "use Add()([a, b]), Concatenate()([a, b]) and the like",
    "Merge": "use Add()([a, b]), Concatenate()([a, b]) and the like",
    "UpSampling2D": "use Lambda(lambda x: tg.repeat(tg.repeat(x, 2, axis=1), 2, axis=2))",
}
__getattr__ = not_offered("keras.layers", _OTHERS)
