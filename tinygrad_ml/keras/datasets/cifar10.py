"""CIFAR-10 as NumPy arrays."""

from ...data import CIFAR10
from .arrays import Arrays, cache_folder, load


def load_data() -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 32, 32, 3) of bytes 0 to 255, and labels (N, 1) 0 to 9."""
    return tuple((images.transpose(0, 2, 3, 1), labels[:, None]) for images, labels in load(CIFAR10, cache_folder()))
