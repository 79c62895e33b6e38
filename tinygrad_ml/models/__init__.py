"""The networks that the command line trains: two for digits, and a GPT for texts, with what writes by it.

    model = models.cnn()
    model.load_state_dict(tg.load("runs/.../model.safetensors"))

Read in this order: `digits.py`; `gpt.py`, `generation.py`; then `training/`.
"""

from .digits import MODELS, cnn, mlp
from .generation import generate, stream
from .gpt import GPT, next_token_loss

__all__ = ["GPT", "MODELS", "cnn", "generate", "mlp", "next_token_loss", "stream"]
