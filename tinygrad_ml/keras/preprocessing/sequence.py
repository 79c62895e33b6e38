"""Where old courses import `pad_sequences` from; it is in `keras.utils`."""

from ..utils import pad_sequences

__all__ = ["pad_sequences"]
