"""Data: sets of samples, batches of them, and the classic image sets. The names are PyTorch's.

Read in this order: `dataset.py`, `loader.py`, `vision.py` with `idx.py`; then `transforms.py` and `download.py`.
"""

from . import transforms
from .dataset import Dataset, Subset, TensorDataset, random_split
from .idx import read_idx
from .loader import DataLoader, default_collate
from .vision import CIFAR10, MNIST, FashionMNIST, ImageDataset

__all__ = [
    "CIFAR10",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageDataset",
    "MNIST",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
    "read_idx",
    "transforms",
]
