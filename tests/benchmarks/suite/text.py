"""Programs on tokens: a GPT, word vectors, and a bag of words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from suite.program import Arrays, Program, drawn, linear


class GPT(Program):
    """Two blocks of attention; the table of tokens is the last layer too."""

    title = "GPT, 2 layers"
    batch, length, tokens, width, heads, layers = 8, 64, 65, 128, 4, 2
    optimizer = "AdamW"
    tiny = {"batch": 2, "length": 4, "tokens": 7, "width": 8, "heads": 2, "layers": 1}

    def weights(self) -> Arrays:
        w, found = self.width, {"tokens": (self.tokens, self.width), "places": (self.length, self.width)}
        norms = ["norm"]
        for i in range(self.layers):
            found |= linear(f"{i}.qkv", w, 3 * w) | linear(f"{i}.out", w, w)
            found |= linear(f"{i}.up", w, 4 * w) | linear(f"{i}.down", 4 * w, w)
            norms += [f"{i}.norm1", f"{i}.norm2"]
        arrays = {name: drawn(name, shape) for name, shape in found.items()}
        for name in norms:
            arrays[f"{name}.weight"], arrays[f"{name}.bias"] = np.ones(w, np.float32), np.zeros(w, np.float32)
        return arrays

    def data(self) -> tuple[np.ndarray, ...]:
        text = self.random.integers(0, self.tokens, (self.batch, self.length + 1))
        return text[:, :-1].copy(), text[:, 1:].copy()

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        tokens, targets = data
        F, width, split = lib.nn.functional, self.width, (self.batch, self.length, 3, self.heads, -1)

        def layer(name, x):
            return F.linear(x, model[f"{name}.weight"], model[f"{name}.bias"])

        def norm(name, x):
            return F.layer_norm(x, (width,), model[f"{name}.weight"], model[f"{name}.bias"])

        x = F.embedding(tokens, model["tokens"]) + model["places"]
        for i in range(self.layers):
            parts = layer(f"{i}.qkv", norm(f"{i}.norm1", x)).reshape(split)
            q, k, v = (parts[:, :, j].swapaxes(1, 2) for j in range(3))
            found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + layer(f"{i}.out", found.swapaxes(1, 2).reshape(x.shape))
            x = x + layer(f"{i}.down", F.gelu(layer(f"{i}.up", norm(f"{i}.norm2", x))))
        logits = F.linear(norm("norm", x), model["tokens"])
        return F.cross_entropy(logits.reshape(-1, self.tokens), targets.reshape(-1))

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        from suite.in_jax import cross_entropy, layer_norm
        from suite.in_jax import linear as layer

        tokens, targets = data
        x = weights["tokens"][tokens] + weights["places"]
        for i in range(self.layers):
            parts = layer(weights, f"{i}.qkv", layer_norm(weights, f"{i}.norm1", x))
            parts = parts.reshape(self.batch, self.length, 3, self.heads, -1)
            q, k, v = (parts[:, :, j].swapaxes(1, 2) for j in range(3))
            scores = q @ k.swapaxes(-1, -2) / math.sqrt(self.width // self.heads)
            scores = jnp.where(jnp.tri(self.length, dtype=bool), scores, -jnp.inf)
            found = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(x.shape)
            x = x + layer(weights, f"{i}.out", found)
            up = layer(weights, f"{i}.up", layer_norm(weights, f"{i}.norm2", x))
            x = x + layer(weights, f"{i}.down", jax.nn.gelu(up, approximate=False))
        return cross_entropy(layer_norm(weights, "norm", x) @ weights["tokens"].T, targets)


class Word2Vec(Program):
    """Word vectors by negative sampling. The gradients of the two tables are dense, as is PyTorch's default."""

    title = "word2vec 10,000 x 100"
    words, width, batch, negatives = 10_000, 100, 512, 5
    optimizer, options = "Adagrad", {"lr": 0.05}
    tiny = {"words": 20, "width": 4, "batch": 6}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"inside": (self.words, self.width), "outside": (self.words, self.width)}

    def data(self) -> tuple[np.ndarray, ...]:
        """A word, a neighbour of it, and words that are none; common words are more frequent."""
        ranks = self.random.random((self.batch, 2 + self.negatives)) ** 3
        found = (ranks * self.words).astype(np.int64)
        return found[:, 0].copy(), found[:, 1].copy(), found[:, 2:].copy()

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        word, near, far = data
        F = lib.nn.functional
        v = F.embedding(word, model["inside"])
        good = (v * F.embedding(near, model["outside"])).sum(-1)
        bad = (F.embedding(far, model["outside"]) @ v[:, :, None])[:, :, 0]
        return -(F.logsigmoid(good) + F.logsigmoid(-bad).sum(-1)).mean()

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax

        word, near, far = data
        v = weights["inside"][word]
        good = (v * weights["outside"][near]).sum(-1)
        bad = (weights["outside"][far] @ v[:, :, None])[:, :, 0]
        return -(jax.nn.log_sigmoid(good) + jax.nn.log_sigmoid(-bad).sum(-1)).mean()


class EmbeddingBag(Program):
    """Texts of unlike lengths, padded with the word 0: the mean of their word vectors, and a linear layer."""

    title = "embedding bag"
    words, width, batch, length = 5_000, 64, 64, 40
    tiny = {"words": 20, "width": 4, "batch": 6, "length": 5}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"table": (self.words, self.width)} | linear("head", self.width, 2)

    def weights(self) -> Arrays:
        found = super().weights()
        found["table"][0] = 0
        return found

    def data(self) -> tuple[np.ndarray, ...]:
        lengths = self.random.integers(1, self.length + 1, self.batch)
        words = self.random.integers(1, self.words, (self.batch, self.length))
        words[np.arange(self.length) >= lengths[:, None]] = 0
        return words, self.random.integers(0, 2, self.batch)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        words, labels = data
        F, real = lib.nn.functional, (words != 0)[:, :, None]
        if hasattr(F, "embedding_bag"):
            mean = F.embedding_bag(words, model["table"], mode="mean", padding_idx=0)
        else:
            count = real.astype("float32").sum(1)
            mean = lib.where(real, F.embedding(words, model["table"]), 0.0).sum(1) / count
        return F.cross_entropy(F.linear(mean, model["head.weight"], model["head.bias"]), labels)

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax.numpy as jnp

        from suite import in_jax

        words, labels = data
        real = (words != 0)[:, :, None]
        mean = jnp.where(real, weights["table"][words], 0).sum(1) / real.sum(1)
        return in_jax.cross_entropy(in_jax.linear(weights, "head", mean), labels)
