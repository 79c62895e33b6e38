"""CIFAR-10 as NumPy arrays."""

import numpy

from ...data import CIFAR10
from .arrays import Arrays, cache_folder, load


def load_data() -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 32, 32, 3) of bytes 0 to 255, and labels (N, 1) 0 to 9."""
    (train, train_labels), (test, test_labels) = load(CIFAR10, cache_folder())
    return (_channels_last(train), train_labels[:, None]), (_channels_last(test), test_labels[:, None])


def _channels_last(images: numpy.ndarray) -> numpy.ndarray:
    return images.transpose(0, 2, 3, 1)
