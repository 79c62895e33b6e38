"""The classic image sets as NumPy arrays: `mnist.load_data()` and so on."""

from . import cifar10, fashion_mnist, mnist
