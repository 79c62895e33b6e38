"""What the command line trains: networks that read digits, and a GPT that writes names or plays.

Read before: `train.py`. Read next: `../models/`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .. import nn
from ..data import MNIST, DataLoader, Dataset, Names, Shakespeare, Subset, TensorDataset, Text
from ..distributed import Group, Sampler
from ..errors import OptionError
from ..models import GPT, MODELS, generate, next_token_loss
from ..tensor import Tensor

WRITER = "gpt"
MNIST_DATA = "mnist"


class TrainingTask:
    """A network, what it learns from, and what is measured of it. Made with the model and the data named, and loaders, which
    give each of several ranks its part of every batch.

    unit     what a sample is called
    metrics  as of `Trainer`
    """

    unit: ClassVar[str]
    loss: Callable[[Tensor, Tensor], Tensor]
    metrics: Mapping[str, Any] | None = None
    model: nn.Module
    loader: DataLoader
    test_loader: DataLoader

    @property
    def samples(self) -> int:
        """How many an epoch has."""
        whole = len(self.loader.dataset)
        return whole - whole % self.loader.batch_size if self.loader.drop_last else whole

    def example(self) -> Tensor:
        """The loss of a step on a few samples, with the gradients that it gives: something to draw."""
        inputs, targets = self.few()
        loss = self.loss(self.model.train()(inputs), targets)
        loss.name = "loss"
        loss.backward(retain_graph=True)
        return loss

    def few(self) -> tuple[Tensor, Tensor]:
        """Some inputs, and what is to come out of them, with names for a picture."""
        raise NotImplementedError(f"{type(self).__name__} must define few()")

    def written(self) -> str:
        """Lines that the network has written, or none."""
        return ""


class DigitTask(TrainingTask):
    """Digits of MNIST, by one of the two networks for them."""

    unit = "images"
    test_batch = 500
    drawn = 4

    def __init__(self, model: str, data: str, batch_size: int, limit: int | None, seed: int, group: Group | None):
        # They are uploaded once; from then on a batch is gathered where they are.
        self._train, test = (
            TensorDataset(*(part[:limit] for part in MNIST(train=train).tensors())) for train in (True, False)
        )
        self.loader = _loader(self._train, batch_size, group, shuffle=True, seed=seed)
        self.test_loader = _loader(test, self.test_batch, group)
        self.model = MODELS[model]()
        self.loss = nn.CrossEntropyLoss()

    def few(self) -> tuple[Tensor, Tensor]:
        images, labels = self._train.gather(slice(self.drawn))
        images.name, labels.name = "images", "labels"
        return images, labels


class WritingTask(TrainingTask):
    """A text, by a GPT: what comes next, for each character of a window."""

    unit = "windows"
    metrics: Mapping[str, Any] | None = {}
    test_batch = 48
    drawn = 8
    sample = 160
    indent = "    "

    def __init__(self, model: str, data: str, batch_size: int, limit: int | None, seed: int, group: Group | None):
        kind, self.sizes, stride = WRITINGS[data]
        length = self.sizes["context"]
        self.text: Text = kind(train=True, length=length, stride=stride)
        test = _first(kind(train=False, length=length, stride=length), limit)
        # Batches of one size are one recording.
        self.loader = _loader(_first(self.text, limit), batch_size, group, shuffle=True, seed=seed, drop_last=True)
        self.test_loader = _loader(test, self.test_batch, group, drop_last=len(test) >= self.test_batch)
        if len(self.loader) == 0:
            raise OptionError(f"there are only {len(self.loader.dataset)} windows for batches of {batch_size}")
        self.model: GPT = GPT(self.text.vocab_size, **self.sizes)
        self.loss = next_token_loss

    def few(self) -> tuple[Tensor, Tensor]:
        tokens, targets = (part[:, : self.drawn] for part in self.text.gather(slice(1)))
        tokens.name, targets.name = "tokens", "next tokens"
        return tokens, targets

    def written(self) -> str:
        text = self.text.decode(generate(self.model, self.text.encode("\n"), self.sample, temperature=0.8))
        lines = text.strip("\n").splitlines()
        if isinstance(self.text, Names):
            lines = textwrap.wrap(", ".join(lines[:-1]), 100)  # the last may be cut off
        return "\n".join(self.indent + line if line else "" for line in lines)


# How much is read in two minutes and in ten, on a core.
WRITINGS: dict[str, tuple[type[Names] | type[Shakespeare], dict[str, Any], int]] = {
    "names": (Names, {"context": 32, "width": 64, "layers": 3, "heads": 4}, 8),
    "shakespeare": (Shakespeare, {"context": 64, "width": 128, "layers": 4, "heads": 4}, 32),
}


def _loader(data: Dataset, batch_size: int, group: Group | None, **order: Any) -> DataLoader:
    """Batches of that size, divided among the ranks."""
    if group is None:
        return DataLoader(data, batch_size, **order)
    return DataLoader(data, batch_size, sampler=Sampler(data, group, divide=True, **order))


def _first(data: Dataset, limit: int | None) -> Dataset:
    return data if limit is None else Subset(data, range(min(limit, len(data))))


def task(
    model: str, data: str, batch_size: int, limit: int | None, seed: int, group: Group | None = None
) -> TrainingTask:
    """A model, and what it is trained on.

    Raises `OptionError`: the model does not read such data.
    """
    if (model == WRITER) != (data in WRITINGS):
        fitting = " or ".join(WRITINGS) if model == WRITER else MNIST_DATA
        raise OptionError(f"--model {model} learns from --data {fitting}, and --data {data} was given")
    return (WritingTask if model == WRITER else DigitTask)(model, data, batch_size, limit, seed, group)
