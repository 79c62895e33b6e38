"""FashionMNIST as NumPy arrays."""

from ...data import FashionMNIST
from .arrays import Arrays, cache_folder, load


def load_data(path: str = "fashion_mnist.npz") -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 28, 28) of bytes 0 to 255, and labels (N,) 0 to 9.

    `path` is Keras's name of the file, and is not needed here.
    """
    return load(FashionMNIST, cache_folder())
