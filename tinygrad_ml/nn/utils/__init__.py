"""What helps with training, with PyTorch's names: `clipping.py` for gradients, `rnn.py` for sequences of unlike lengths."""

from . import rnn
from .clipping import clip_grad_norm_, clip_grad_value_, norm_and_factor, shorten

__all__ = ["clip_grad_norm_", "clip_grad_value_", "norm_and_factor", "rnn", "shorten"]
