"""Networks for images: two convolutions, a residual network, and an autoencoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from tasks import convolutional

from suite.program import Arrays, Program, Step, drawn, linear


class TwoConvolutions(Program):
    title = "two convolutions"
    batch, images = 128, True
    tiny = {"batch": 4}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        first = {"0.weight": (8, 1, 5, 5), "0.bias": (8,), "3.weight": (16, 8, 5, 5), "3.bias": (16,)}
        return first | linear("7", 256, 128) | linear("9", 128, 10)

    def data(self) -> tuple[np.ndarray, ...]:
        return self.random.random((self.batch, 1, 28, 28), np.float32), self.random.integers(0, 10, self.batch)

    def network(self, nn: Any) -> Any:
        return convolutional(nn)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        return lib.nn.functional.cross_entropy(model(x), y)

    def data_for_jax(self, *data: np.ndarray) -> tuple[np.ndarray, ...]:
        x, y = data
        return x.transpose(0, 2, 3, 1), y

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax

        from suite import in_jax

        x, y = data
        for name in "03":
            x = in_jax.convolution(x, weights[f"{name}.weight"], "VALID") + weights[f"{name}.bias"]
            x = jax.nn.relu(in_jax.max_pool(x, 2))
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        return in_jax.cross_entropy(in_jax.linear(weights, "9", jax.nn.relu(in_jax.linear(weights, "7", x))), y)


class ResNet9(Program):
    """Convolutions of 3 by 3, each with batch norm and a rectifier; two pairs of them are added to what comes in."""

    title, images = "ResNet-9", True
    batch, size, width = 32, 32, 16
    optimizer, options = "SGD", {"lr": 0.01, "momentum": 0.9}
    tiny = {"batch": 2, "size": 16, "width": 2}

    def convolutions(self) -> dict[str, tuple[int, int]]:
        w = self.width
        return {
            "prepare": (3, w),
            "layer1": (w, 2 * w),
            "residual1a": (2 * w, 2 * w),
            "residual1b": (2 * w, 2 * w),
            "layer2": (2 * w, 4 * w),
            "layer3": (4 * w, 8 * w),
            "residual3a": (8 * w, 8 * w),
            "residual3b": (8 * w, 8 * w),
        }

    def weights(self) -> Arrays:
        found = {}
        for name, (a, b) in self.convolutions().items():
            found[f"{name}.0.weight"] = drawn(name, (b, a, 3, 3)) * np.float32(6**0.5)
            found[f"{name}.1.weight"], found[f"{name}.1.bias"] = np.ones(b, np.float32), np.zeros(b, np.float32)
        return found | {name: drawn(name, shape) for name, shape in linear("head", 8 * self.width, 10).items()}

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.batch, 3, self.size, self.size), np.float32)
        return x, self.random.integers(0, 10, self.batch)

    def network(self, nn: Any) -> Any:
        layers = {
            name: nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for name, (a, b) in self.convolutions().items()
        }
        return nn.ModuleDict(layers | {"head": nn.Linear(8 * self.width, 10)})

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        F = lib.nn.functional
        x = F.max_pool2d(model["layer1"](model["prepare"](x)), 2)
        x = x + model["residual1b"](model["residual1a"](x))
        x = F.max_pool2d(model["layer2"](x), 2)
        x = F.max_pool2d(model["layer3"](x), 2)
        x = x + model["residual3b"](model["residual3a"](x))
        x = F.max_pool2d(x, self.size // 8).reshape(self.batch, -1)
        return F.cross_entropy(model["head"](x), y)

    def data_for_jax(self, *data: np.ndarray) -> tuple[np.ndarray, ...]:
        x, y = data
        return x.transpose(0, 2, 3, 1), y

    def jax(self, weights: Arrays) -> tuple[Any, Step]:
        """With running means and variances, as the others have them: they are a part of the state."""
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        optimizer = in_jax.sgd(**self.options)
        weights = jax.tree.map(jnp.asarray, weights)
        running = {name: (jnp.zeros(b), jnp.ones(b)) for name, (_, b) in self.convolutions().items()}
        count = self.batch * self.size**2

        def loss_of(weights, running, x, y):
            seen = {}

            def layer(name, x):
                x = in_jax.convolution(x, weights[f"{name}.0.weight"], "SAME")
                mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
                n = count * x.shape[1] ** 2 // self.size**2
                old_mean, old_variance = running[name]
                seen[name] = 0.9 * old_mean + 0.1 * mean, 0.9 * old_variance + 0.1 * variance * n / (n - 1)
                scale = jax.lax.rsqrt(variance + 1e-5) * weights[f"{name}.1.weight"]
                return jax.nn.relu((x - mean) * scale + weights[f"{name}.1.bias"])

            x = in_jax.max_pool(layer("layer1", layer("prepare", x)), 2)
            x = x + layer("residual1b", layer("residual1a", x))
            x = in_jax.max_pool(layer("layer2", x), 2)
            x = in_jax.max_pool(layer("layer3", x), 2)
            x = x + layer("residual3b", layer("residual3a", x))
            return in_jax.cross_entropy(in_jax.linear(weights, "head", x.max((1, 2))), y), seen

        def step(state, x, y):
            weights, moments, running = state
            (loss, running), slopes = jax.value_and_grad(loss_of, has_aux=True)(weights, running, x, y)
            return (*optimizer.update(weights, slopes, moments), running), loss

        return (weights, optimizer.start(weights), running), step


class VAE(Program):
    """A variational autoencoder: x → mean and log variance of 20 numbers → x again."""

    title = "VAE 784-400-20"
    batch, pixels, hidden, code = 128, 784, 400, 20
    tiny = {"batch": 4, "pixels": 16, "hidden": 8, "code": 2}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return (
            linear("encoder", self.pixels, self.hidden)
            | linear("mean", self.hidden, self.code)
            | linear("logvar", self.hidden, self.code)
            | linear("decoder", self.code, self.hidden)
            | linear("out", self.hidden, self.pixels)
        )

    def network(self, nn: Any) -> Any:
        layers = {name.split(".")[0]: shape for name, shape in self.shapes().items() if name.endswith("weight")}
        return nn.ModuleDict({name: nn.Linear(a, b) for name, (b, a) in layers.items()})

    def data(self) -> tuple[np.ndarray, ...]:
        """Images, and the noise that is drawn for them."""
        x = self.random.random((self.batch, self.pixels), np.float32)
        return x, self.random.standard_normal((self.batch, self.code), np.float32)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, noise = data
        F = lib.nn.functional
        h = F.relu(model["encoder"](x))
        mean, logvar = model["mean"](h), model["logvar"](h)
        z = mean + (0.5 * logvar).exp() * noise
        logits = model["out"](F.relu(model["decoder"](z)))
        rebuilt = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (rebuilt - 0.5 * (1 + logvar - mean**2 - logvar.exp()).sum()) / self.batch

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        from suite.in_jax import linear as layer

        x, noise = data
        h = jax.nn.relu(layer(weights, "encoder", x))
        mean, logvar = layer(weights, "mean", h), layer(weights, "logvar", h)
        z = mean + jnp.exp(0.5 * logvar) * noise
        logits = layer(weights, "out", jax.nn.relu(layer(weights, "decoder", z)))
        rebuilt = (jax.nn.softplus(logits) - logits * x).sum()
        return (rebuilt - 0.5 * (1 + logvar - mean**2 - jnp.exp(logvar)).sum()) / self.batch
