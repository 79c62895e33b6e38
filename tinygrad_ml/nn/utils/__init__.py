"""What helps with training, with PyTorch's names: `clipping.py` for gradients, `vectors.py` for all parameters as one vector,
`parametrize.py` for parameters that are computed of others, `rnn.py` for sequences of unlike lengths."""

from typing import TYPE_CHECKING

from ...spellings import missing_from
from . import parametrizations, parametrize, rnn
from .clipping import clip_grad_norm_, clip_grad_value_, norm_and_factor, shorten
from .vectors import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "norm_and_factor",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "rnn",
    "shorten",
    "vector_to_parameters",
]

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "utils")
