"""What holds while layers run, in each thread for itself: whether it is training, and which layer runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Phase(threading.local):
    training: bool | None = None  # whether what runs now is training, for the layers that were not told themselves
    inside = False  # whether a layer is running: its own calls of other layers are not to be recorded
    calling: Any = None  # the layer whose `call` is running


phase = _Phase()


@contextmanager
def in_phase(training: bool | None, inside: bool) -> Iterator[None]:
    """Layers called inside of this are told so."""
    outer = phase.training, phase.inside
    phase.training, phase.inside = training, inside
    try:
        yield
    finally:
        phase.training, phase.inside = outer
