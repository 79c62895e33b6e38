"""Prices of houses in California by the block, in dollars, and 8 numbers about each block."""

import numpy

from ...data import read_npz
from ..checks import one_of
from .arrays import Arrays, Source, parted, shuffled

CALIFORNIA_HOUSING = Source(
    "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
)
SMALL_SAMPLES = 600
"""Samples of the small version."""


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Arrays:
    """((x_train, y_train), (x_test, y_test)): 20,640 samples (N, 8) of float32, and prices (N,).

    version     "large", or "small": the first 600 samples
    path        of the file, or its name in the folder of downloads
    test_split  the part of the samples that is for testing
    seed        of the order

    Raises `DataError` if the file is not there and cannot be fetched; the message says where to put it.
    """
    one_of("version", version, ("large", "small"))
    arrays = read_npz(CALIFORNIA_HOUSING.locate(path))
    x, y = (arrays[name][: SMALL_SAMPLES if version == "small" else None] for name in ("x", "y"))
    x, y = shuffled(numpy.random.RandomState(seed), x, y)
    return parted(x, y, test_split)
