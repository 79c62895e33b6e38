"""What helps with training, with PyTorch's names: `clipping.py` for gradients, `rnn.py` for sequences of unlike lengths."""

from typing import TYPE_CHECKING

from ...spellings import missing_from
from . import rnn
from .clipping import clip_grad_norm_, clip_grad_value_, norm_and_factor, shorten

__all__ = ["clip_grad_norm_", "clip_grad_value_", "norm_and_factor", "rnn", "shorten"]

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "utils")
