"""MNIST as NumPy arrays."""

from ...data import MNIST
from .arrays import Arrays, load


def load_data(path: str = "mnist.npz") -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 28, 28) of bytes 0 to 255, and labels (N,) 0 to 9.

    `path` is Keras's name of the file, and is not needed here.
    """
    return load(MNIST, None)
