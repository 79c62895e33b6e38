"""What a program of the suite states, and what programs have in common.

A program is a class: its weights and its data as NumPy arrays, and a training step three times, as a user of this library,
of PyTorch and of JAX writes it. Weights come from one seed, so all contestants begin with the same numbers.

    ours(weights)           -> step(*data) -> loss              run eagerly, and through tg.compile
    torch(weights, best)    -> step(*data) -> loss              `best` is torch.compile, or leaves a function as it is
    jax(weights)            -> state, step(state, *data) -> (state, loss)       is jitted, the state's memory given away

Where ours and PyTorch's have the same words, the loss stands once. Read next: `images.py`, then any other file of programs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import tinygrad_ml as tg

Arrays = dict[str, np.ndarray]
Step = Callable[..., Any]


class Program:
    """The base of programs.

    title      how the tables call it
    optimizer  the name of its optimiser, and `options` are the optimiser's
    tiny       attributes in a small edition, for the tests
    images     whether data and network have a form in which channels come last: it is PyTorch's faster one
    """

    title = ""
    optimizer = "Adam"
    options: dict[str, Any] = {"lr": 1e-3}
    images = False
    tiny: dict[str, Any] = {}

    def __init__(self, tiny: bool = False):
        self.random = np.random.default_rng(0)
        for name, value in (self.tiny if tiny else {}).items():
            setattr(self, name, value)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the weights, by the names that PyTorch gives them."""
        raise NotImplementedError

    def weights(self) -> Arrays:
        return {name: drawn(name, shape) for name, shape in self.shapes().items()}

    def data(self) -> tuple[np.ndarray, ...]:
        raise NotImplementedError

    def network(self, nn: Any) -> Any:
        """The network, if it is one of layers; `nn` is ours or PyTorch's."""
        return None

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        """The loss in the words of `lib`, which is ours or PyTorch; `model` is the network, or the weights by name."""
        raise NotImplementedError

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        raise NotImplementedError

    def ours(self, weights: Arrays) -> Step:
        model = self.network(tg.nn)
        if model is None:
            model = {name: tg.tensor(array, requires_grad=True) for name, array in weights.items()}
        else:
            model.load_state_dict(weights, strict=False)
        optimizer = getattr(tg.optim, self.optimizer)(parameters_of(model), **self.options)
        return training(optimizer, lambda *data: self.loss(tg, model, *data))

    def torch(self, weights: Arrays, best: Callable) -> Step:
        import torch

        model = self.network(torch.nn)
        if model is None:
            model = torch_parameters(weights)
        else:
            model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in weights.items()}, strict=False)
        if self.images:
            model = model.to(memory_format=torch.channels_last)
        optimizer = torch_optimizer(self.optimizer, parameters_of(model), self.options)
        return training(optimizer, best(lambda *data: self.loss(torch, model, *data)))

    def jax(self, weights: Arrays) -> tuple[Any, Step]:
        from suite import in_jax

        return in_jax.training(in_jax.OPTIMIZERS[self.optimizer](**self.options), self.jax_loss, weights)

    def data_for_torch(self, *data: np.ndarray) -> list[Any]:
        import torch

        tensors = [torch.from_numpy(np.array(array)) for array in data]
        return [x.to(memory_format=torch.channels_last) if self.images and x.ndim == 4 else x for x in tensors]

    def data_for_jax(self, *data: np.ndarray) -> tuple[np.ndarray, ...]:
        """The data as JAX likes it best."""
        return data


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight, uniform in ±1/√fan_in as PyTorch draws it; a bias is 0. The name is a part of the seed."""
    if len(shape) < 2:
        return np.zeros(shape, np.float32)
    bound = np.prod(shape[1:]) ** -0.5
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.uniform(-bound, bound, shape).astype(np.float32)


def linear(name: str, incoming: int, outgoing: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a linear layer's weight and bias."""
    return {f"{name}.weight": (outgoing, incoming), f"{name}.bias": (outgoing,)}


def parameters_of(model: Any) -> Iterable:
    return model.values() if isinstance(model, dict) else model.parameters()


def torch_parameters(weights: Arrays) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(array, requires_grad=True) for name, array in weights.items()}


def torch_optimizer(name: str, parameters: Iterable, options: dict[str, Any]) -> Any:
    """PyTorch's optimiser, the fused one where there is one."""
    import torch

    fused = {"fused": True} if name in ("Adam", "AdamW", "SGD", "Adagrad") else {}
    return getattr(torch.optim, name)(parameters, **options, **fused)


def training(optimizer: Any, loss_of: Callable) -> Step:
    """A step of training, in words that are ours and PyTorch's."""

    def step(*data):
        optimizer.zero_grad()
        loss = loss_of(*data)
        loss.backward()
        optimizer.step()
        return loss

    return step
