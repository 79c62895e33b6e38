"""CIFAR-100 as NumPy arrays."""

from ...data import CIFAR100
from ..checks import one_of
from .arrays import Arrays, cache_folder, channels_last, load


def load_data(label_mode: str = "fine") -> Arrays:
    """((x_train, y_train), (x_test, y_test)): images (N, 32, 32, 3) of bytes 0 to 255, and labels (N, 1).

    label_mode  "fine", one of 100 classes; or "coarse", one of the 20 that these belong to
    """
    one_of("label_mode", label_mode, ("fine", "coarse"))
    (train, train_labels), (test, test_labels) = load(CIFAR100, cache_folder(), coarse=label_mode == "coarse")
    return (channels_last(train), train_labels[:, None]), (channels_last(test), test_labels[:, None])
