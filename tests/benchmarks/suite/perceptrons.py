"""Networks of linear layers: the small ones that users start with, and the one of the course."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from suite.program import Program, linear


class Perceptron(Program):
    """Linear layers with an activation between them."""

    widths: tuple[int, ...] = ()
    activation = "ReLU"
    batch = 64
    measure = "cross_entropy"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        layers = enumerate(pairwise(self.widths))
        return {name: shape for i, (a, b) in layers for name, shape in linear(str(2 * i), a, b).items()}

    def network(self, nn: Any) -> Any:
        layers = [
            layer for a, b in pairwise(self.widths) for layer in (nn.Linear(a, b), getattr(nn, self.activation)())
        ]
        return nn.Sequential(*layers[:-1])

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.batch, self.widths[0]), np.float32)
        return x, self.random.integers(0, self.widths[-1], self.batch)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        return getattr(lib.nn.functional, self.measure)(model(x), y)

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax

        from suite import in_jax

        x, y = data
        last = len(self.widths) - 2
        for i in range(last):
            x = getattr(jax.nn, self.activation.lower())(in_jax.linear(weights, str(2 * i), x))
        return getattr(in_jax, self.measure)(in_jax.linear(weights, str(2 * last), x), y)


class XOR(Perceptron):
    title = "XOR 2-8-1"
    widths, activation, measure = (2, 8, 1), "Tanh", "binary_cross_entropy_with_logits"
    optimizer, options = "SGD", {"lr": 0.5}

    def data(self) -> tuple[np.ndarray, ...]:
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        return x, np.array([[0], [1], [1], [0]], np.float32)


class LinearRegression(Perceptron):
    title = "linear regression, 200 x 3"
    widths, measure, batch = (3, 1), "mse_loss", 200
    optimizer, options = "SGD", {"lr": 0.01}

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.batch, 3), np.float32)
        noise = 0.1 * self.random.standard_normal((self.batch, 1), np.float32)
        return x, x @ np.array([[1], [-2], [3]], np.float32) + noise


class Moons(Perceptron):
    title = "two moons 2-16-16-1"
    widths, activation, measure, batch = (2, 16, 16, 1), "ReLU", "binary_cross_entropy_with_logits", 200
    options = {"lr": 0.01}

    def data(self) -> tuple[np.ndarray, ...]:
        angles = np.pi * self.random.random(self.batch)
        upper = np.arange(self.batch) % 2
        x = np.stack([np.cos(angles) + upper - 0.5, np.sin(angles) * (1 - 2 * upper) + 0.5 * upper - 0.25], 1)
        x += 0.1 * self.random.standard_normal(x.shape)
        return x.astype(np.float32), upper[:, None].astype(np.float32)


class Digits(Perceptron):
    title = "digits 64-32-10"
    widths = (64, 32, 10)


class Course(Perceptron):
    title = "784-500-500-10"
    widths, activation, batch = (784, 500, 500, 10), "Sigmoid", 100
    tiny = {"widths": (20, 12, 12, 10), "batch": 8}
