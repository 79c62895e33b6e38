"""Where old courses import `Embedding` from; it is in `core.py`."""

from .core import Embedding

__all__ = ["Embedding"]
