"""The two networks for digits: for images of shape (batch, 1, 28, 28).

Read next: `gpt.py`.
"""

from __future__ import annotations

from .. import nn


def mlp() -> nn.Sequential:
    """A multilayer perceptron, 784-256-128-10, with ReLU: 235,146 parameters."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def cnn() -> nn.Sequential:
    """A convolutional network of LeNet's kind: two convolutions of 5x5, each halved by max-pooling; 37,610 parameters.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (11), 1998.
    """
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),  # after the pooling: the same numbers, for a quarter of the work
        nn.Conv2d(8, 16, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


MODELS = {"mlp": mlp, "cnn": cnn}
