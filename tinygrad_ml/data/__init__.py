"""Data: sets of samples, batches of them, the classic image sets, and texts. The names are PyTorch's, where it has them.

MNIST, the first names and the plays of `Names` and `Shakespeare` are part of this package.

Read in this order: `dataset.py`, `loader.py`, `vision.py` with `idx.py`; then `transforms.py` and `download.py`; and for
texts `tokens.py`, `text.py` and `text_sets.py`.
"""

from typing import TYPE_CHECKING

from ..spellings import missing_from
from . import transforms
from .dataset import Dataset, Subset, TensorDataset, random_split
from .idx import read_idx
from .loader import DataLoader, default_collate
from .npz import read_npz
from .text import Text
from .text_sets import Names, Shakespeare
from .tokens import BytePairs, Characters, Tokenizer
from .vision import CIFAR10, CIFAR100, MNIST, FashionMNIST, ImageDataset

__all__ = [
    "BytePairs",
    "CIFAR10",
    "CIFAR100",
    "Characters",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageDataset",
    "MNIST",
    "Names",
    "Shakespeare",
    "Subset",
    "TensorDataset",
    "Text",
    "Tokenizer",
    "default_collate",
    "random_split",
    "read_idx",
    "read_npz",
    "transforms",
]

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "data")
