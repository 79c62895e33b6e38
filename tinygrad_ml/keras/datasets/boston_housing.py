"""Prices of houses in Boston, in thousands of dollars, and 13 numbers about where each stands."""

import numpy

from ...data import read_npz
from .arrays import Arrays, Source, parted, shuffled

BOSTON_HOUSING = Source("boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5")


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Arrays:
    """((x_train, y_train), (x_test, y_test)): 506 samples (N, 13) of float64, and prices (N,).

    path        of the file, or its name in the folder of downloads
    test_split  the part of the samples that is for testing
    seed        of the order

    Raises `DataError` if the file is not there and cannot be fetched; the message says where to put it.
    """
    arrays = read_npz(BOSTON_HOUSING.locate(path))
    x, y = shuffled(numpy.random.RandomState(seed), arrays["x"], arrays["y"])
    return parted(x, y, test_split)
