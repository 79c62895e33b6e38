"""What programs in JAX have in common: the step, optimisers by PyTorch's formulas, and layers by PyTorch's shapes.

An optimiser is two functions, as in JAX's libraries: `start(weights)` is its state, and `update(weights, slopes, state)`
gives (weights, state). So the losses of all contestants can be compared, and JAX's is measured without another library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Optimizer(NamedTuple):
    start: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def training(optimizer: Optimizer, loss_of: Callable, weights: Any) -> tuple[Any, Callable]:
    """(weights and the optimiser's state, a step of training)."""
    weights = jax.tree.map(jnp.asarray, weights)

    def step(state, *data):
        weights, moments = state
        loss, slopes = jax.value_and_grad(loss_of)(weights, *data)
        return optimizer.update(weights, slopes, moments), loss

    return (weights, optimizer.start(weights)), step


def sgd(lr: float, momentum: float = 0.0) -> Optimizer:
    def start(weights):
        return jax.tree.map(jnp.zeros_like, weights) if momentum else ()

    def update(weights, slopes, velocity):
        if momentum:
            slopes = velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, slopes)
        return jax.tree.map(lambda w, g: w - lr * g, weights, slopes), velocity

    return Optimizer(start, update)


def adam(lr: float, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.0) -> Optimizer:
    """Adam; with `weight_decay` it is AdamW."""
    a, b = betas

    def start(weights):
        return jnp.float32(0), jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights)

    def update(weights, slopes, state):
        n, means, squares = state
        n = n + 1
        means = jax.tree.map(lambda m, g: a * m + (1 - a) * g, means, slopes)
        squares = jax.tree.map(lambda v, g: b * v + (1 - b) * g * g, squares, slopes)
        rate, root = lr / (1 - a**n), jnp.sqrt(1 - b**n)

        def updated(w, m, v):
            return w * (1 - lr * weight_decay) - rate * m / (jnp.sqrt(v) / root + 1e-8)

        return jax.tree.map(updated, weights, means, squares), (n, means, squares)

    return Optimizer(start, update)


def adamw(lr: float, weight_decay: float = 0.01) -> Optimizer:
    return adam(lr, weight_decay=weight_decay)


def adagrad(lr: float) -> Optimizer:
    def start(weights):
        return jax.tree.map(jnp.zeros_like, weights)

    def update(weights, slopes, sums):
        sums = jax.tree.map(lambda s, g: s + g * g, sums, slopes)
        return jax.tree.map(lambda w, g, s: w - lr * g / (jnp.sqrt(s) + 1e-10), weights, slopes, sums), sums

    return Optimizer(start, update)


OPTIMIZERS = {"SGD": sgd, "Adam": adam, "AdamW": adamw, "Adagrad": adagrad}


def linear(weights: dict, name: str, x: jax.Array) -> jax.Array:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def binary_cross_entropy_with_logits(logits: jax.Array, targets: jax.Array) -> jax.Array:
    return (jax.nn.softplus(logits) - logits * targets).mean()


def mse_loss(x: jax.Array, targets: jax.Array) -> jax.Array:
    return jnp.square(x - targets).mean()


def layer_norm(weights: dict, name: str, x: jax.Array) -> jax.Array:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def convolution(x: jax.Array, weight: jax.Array, padding: str) -> jax.Array:
    """x (batch, height, width, channels) by a weight of PyTorch's shape (outgoing, incoming, height, width)."""
    return jax.lax.conv_general_dilated(x, weight, (1, 1), padding, dimension_numbers=("NHWC", "OIHW", "NHWC"))


def max_pool(x: jax.Array, size: int) -> jax.Array:
    """By a reshape, which XLA makes faster on a CPU than its window."""
    n, h, w, c = x.shape
    return x.reshape(n, h // size, size, w // size, size, c).max((2, 4))


def cell(kind: str, state: tuple, x: Any, weight: Any, bias: Any) -> tuple[tuple, Any]:
    """(the next state, what is given out) of a recurrent cell of that kind, as `jax.lax.scan` wants it; `x` is what the input
    gives to the gates, `weight` and `bias` are those of the state."""
    inside = state[0] @ weight.T + bias
    if kind == "RNN":
        h = jnp.tanh(x + inside)
        return (h,), h
    if kind == "LSTM":
        i, f, g, o = jnp.split(x + inside, 4, axis=-1)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    (xr, xz, xn), (hr, hz, hn) = (jnp.split(part, 3, axis=-1) for part in (x, inside))
    r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
    h = (1 - z) * jnp.tanh(xn + r * hn) + z * state[0]
    return (h,), h
