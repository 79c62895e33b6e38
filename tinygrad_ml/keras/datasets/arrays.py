"""A data set of `tinygrad_ml.data` as Keras hands it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

Arrays = tuple[tuple[numpy.ndarray, numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]]


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path.home() / ".cache" / "tinygrad_ml"


def load(kind: Any, root: Path | None) -> Arrays:
    """((x_train, y_train), (x_test, y_test)) of a data set under `root`, fetched if it is not there."""
    parts = [kind(root, train=train, download=True) for train in (True, False)]
    train, test = ((part.images, part.labels) for part in parts)
    return train, test
