"""CIFAR-10 as NumPy arrays."""

from ...data import CIFAR10
from .arrays import Arrays, cache_folder, channels_last, load


def load_data() -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 32, 32, 3) of bytes 0 to 255, and labels (N, 1) 0 to 9."""
    (train, train_labels), (test, test_labels) = load(CIFAR10, cache_folder())
    return (channels_last(train), train_labels[:, None]), (channels_last(test), test_labels[:, None])
