"""`Trainer`: a network, trained; a classifier, unless it is told what to measure instead of hits.

`Trainer.step` is the whole of deep learning in five lines; all the rest repeats it and keeps the accounts. What is done
with a batch, from gathering its rows to counting its hits, is one function that is compiled. So losses and hits are
summed on the device, and read when somebody asks, for reading makes the host wait for the GPU.

Read before: `loop.py`, `metrics.py`. Read next: `cli/train.py`, which trains MNIST with it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .. import random
from ..backend import current_device
from ..compile import compile as compiled_step
from ..distributed import DataParallel
from ..errors import AnomalyError, OptionError
from ..modes import no_grad
from ..nn import Module
from ..nn.functional import cross_entropy
from ..tensor import Tensor
from .loop import Events, Loop
from .metrics import Metric
from .together import add_up, group_of, load_into, state_of

History = dict[str, list[float]]


class Tally(Metric):
    """The loss and the hits of the samples so far.

    count  the number of samples, which the host counts
    """

    names: tuple[str, ...] = ("accuracy",)
    """Of the numbers behind the loss in `means()`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._loss, self._correct = self.add_variable(name="loss"), self.add_variable(dtype="int64", name="correct")

    def seen(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What `update_state` is given of a batch: its number of hits."""
        return hits(outputs, targets)

    def update_state(self, loss: Tensor, seen: Tensor, count: int, targets: Tensor | None = None) -> None:
        """Sum up a batch, as a part of its step: from its mean loss, what was `seen` of it, and its number of samples."""
        self._loss.assign(loss * count + self._loss)
        self._take_in(seen, targets)

    def _take_in(self, correct: Tensor, targets: Tensor | None) -> None:
        self._correct.assign(correct + self._correct)

    def means(self) -> tuple[float, ...]:
        """The mean loss and the accuracy, a fraction of 1. Waits for the device."""
        count = max(self.count, 1)
        return float(self._loss) / count, float(self._correct) / count

    def reset_state(self) -> None:
        """Start over."""
        self.count = 0
        super().reset_state()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to count on."""
        return {"count": self.count, "loss": self._loss * 1, "correct": self._correct * 1}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Count on from where `state_dict()` was taken."""
        self.count = state["count"]
        self._loss.assign(state["loss"])
        self._correct.assign(state["correct"])


class Measures(Tally):
    """The loss of the samples so far, and metrics of them instead of hits.

    metrics  {name: what takes in the targets and the outputs of each batch}

    Raises `OptionError`: one of them is no `Metric`, or is called "loss".
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        for name, metric in metrics.items():
            if not isinstance(metric, Metric) or name == "loss":
                raise OptionError(
                    f"metrics={{{name!r}: {type(metric).__name__}}}: give objects of training.Metric by name, and call "
                    'none of them "loss"'
                )
        self.metrics = dict(metrics)
        self.names = tuple(metrics)

    @property
    def variables(self) -> list[Tensor]:
        """The tensors that it and its metrics keep from batch to batch."""
        return self._variables + [variable for metric in self.metrics.values() for variable in metric.variables]

    def seen(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What `update_state` is given of a batch: its outputs."""
        return outputs.detach()

    def _take_in(self, outputs: Tensor, targets: Tensor | None) -> None:
        for metric in self.metrics.values():
            metric.update_state(targets, outputs)

    def means(self) -> tuple[float, ...]:
        """The mean loss, and what the metrics give, in their order. Waits for the device."""
        return (float(self._loss) / max(self.count, 1), *(float(metric.result()) for metric in self.metrics.values()))

    def reset_state(self) -> None:
        """Start over."""
        super().reset_state()
        for metric in self.metrics.values():
            metric.reset_state()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to count on."""
        kept = {name: [v * 1 for v in metric.variables] for name, metric in self.metrics.items()}
        return super().state_dict() | {"metrics": kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Count on from where `state_dict()` was taken."""
        super().load_state_dict(state)
        for name, metric in self.metrics.items():
            for variable, value in zip(metric.variables, state["metrics"][name], strict=True):
                variable.assign(value)


class Trainer:
    """Trains a network, and can be stopped between any two steps and continued later to the same numbers.

        trainer = Trainer(model, optimizer, loss=mse_loss, metrics={"mae": keras.metrics.MeanAbsoluteError()})
        trainer.fit(loader, epochs=5)["mae"]

    model      from a batch of inputs to what `loss` takes: logits (batch, classes), for the default
    optimizer  of the model's parameters
    scheduler  a learning-rate schedule that counts steps, not epochs
    loss       from outputs and targets to the mean loss of the batch, a 0-d tensor
    compiled   whether `tg.compile` records what is done with a batch, and replays it for the others. A model that it
               cannot record (one that reads numbers, say) raises `CompileError`, and trains with False.
    events     who is told of epochs, batches and tests; the numbers of an epoch are told at its end
    metrics    {name: a `Metric`} of the targets and outputs, 0-d numbers. Tests count on copies of them. By default it
               is "accuracy": how often the largest logit is that of the label (batch,)

    With a `distributed.DataParallel` as the model, or a `distributed.Optimizer`, all ranks call everything here, each with
    its parts of the batches: the history is that of all samples, and what `state_dict` gives, one file, any number of ranks
    goes on from.

    history            `loss` and each metric, and `val_loss` and the like: a number for each finished epoch. Those without
                       `val_` are means over the epoch, of a model that was changing all the while.
    tally              the sums of the epoch under way
    train_on, test_on  what is done with a batch in training and in evaluation; if they are compiled, they have a
                       `.program` to print, and `.explain()`
    """

    def __init__(
        self,
        model: Module,
        optimizer: Any,
        scheduler: Any = None,
        loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
        compiled: bool = True,
        events: Events | None = None,
        metrics: Mapping[str, Metric] | None = None,
    ):
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.loss = loss
        self.tally = Tally() if metrics is None else Measures(metrics)
        self._tested = copy.deepcopy(self.tally)
        names = ("loss", *self.tally.names)
        self.history: History = {name: [] for name in (*names, *(f"val_{name}" for name in names))}
        self._loop = Loop(events or Events())
        self.compiled = compiled
        self.group = group_of(model, optimizer)

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return len(self.history["loss"])

    def step(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One step of gradient descent on a batch; its mean loss and its number of hits, before the step.

        Where there are `metrics`, the outputs stand in place of the hits.
        """
        outputs = self.model(inputs)
        loss = self.loss(outputs, labels)
        self.optimizer.zero_grad()
        if self.group is not None and not isinstance(self.model, DataParallel):
            self.optimizer.weigh(len(labels))
        loss.backward()
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        return loss.detach(), self.tally.seen(outputs, labels)

    @property
    def train_on(self) -> Callable:
        """`train_on(data, batch)`: what is done with a batch in training."""
        return self._train_compiled if self.compiled else self._train_on

    @property
    def test_on(self) -> Callable:
        """`test_on(data, batch)`: what is done with a batch in evaluation."""
        return self._test_compiled if self.compiled else self._test_on

    def _train_on(self, data: Any, batch: Any) -> None:
        inputs, labels = batch if data is None else data.gather(batch)
        _take_in(self.tally, *self.step(inputs, labels), labels)

    def _test_on(self, data: Any, batch: Any) -> None:
        inputs, labels = batch if data is None else data.gather(batch)
        outputs = self.model(inputs)
        loss, seen = self.loss(outputs, labels), self._tested.seen(outputs, labels)
        _take_in(self._tested, loss, seen, labels)

    _train_compiled, _test_compiled = compiled_step(_train_on), compiled_step(_test_on)

    def train_epoch(self, loader: Iterable[tuple[Tensor, Tensor]]) -> Iterator[int]:
        """Train on one epoch of `loader`, yielding the number of samples after each step.

        Whoever stops iterating may save `state_dict()` of this and of the loader, load both into equal ones, and
        call this again: it goes on with the next batch. After the last batch, call `end_epoch`.
        """
        self.model.train()
        yield from self._count("train", loader, self.train_on, self.tally)

    def end_epoch(self, validation: Iterable[tuple[Tensor, Tensor]] | None = None) -> dict[str, float]:
        """Close the accounts of an epoch: its means, and those on `validation`, go into the history, and are returned.

        Raises `AnomalyError`: the loss is nan or infinite, so that going on has no use.
        """
        add_up(self.tally, self.group)
        loss, *measured = self.tally.means()
        if not math.isfinite(loss):
            raise AnomalyError(
                f"the loss of epoch {self.epoch + 1} is {loss}: the training has diverged. Lower the learning rate; "
                "if that does not help, tg.detect_anomaly() names the operation that made the first nan"
            )
        self.tally.reset_state()
        names = ("loss", *self.tally.names)
        found = dict(zip(names, (loss, *measured), strict=True))
        if validation is not None:
            found |= zip((f"val_{name}" for name in names), self.evaluate(validation), strict=True)
        for name, value in found.items():
            self.history[name].append(value)
        return found

    def evaluate(self, loader: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, ...]:
        """Mean loss and accuracy (a fraction of 1), or the metrics, on all of `loader`, with the model as in use."""
        self.model.eval()
        self._tested.reset_state()
        self._loop.events.on_test_begin()
        with no_grad():
            for _ in self._count("test", loader, self.test_on, self._tested):
                pass
        self._loop.events.on_test_end()
        add_up(self._tested, self.group)
        return self._tested.means()

    def _count(self, what: str, loader: Any, on: Callable[..., None], tally: Tally) -> Iterator[int]:
        """Call `on` with each batch of an epoch, and count the samples.

        Of data that is on the device already the batch is a few row numbers, and gathering the rows a part of the step.
        """
        tally.to(next((p.device for p in self.model.parameters()), current_device()))
        data: Any = getattr(loader, "resident", None)

        def step(batch: Any) -> int:
            on(data, batch)
            count = len(batch[1] if data is None else batch)
            tally.count += count
            return count

        return self._loop.batches(what, loader if data is None else loader.indices(), step)

    def fit(
        self,
        loader: Iterable[tuple[Tensor, Tensor]],
        epochs: int,
        validation: Iterable[tuple[Tensor, Tensor]] | None = None,
    ) -> History:
        """Train until `epochs` epochs are finished, those before this call included; the history."""

        def epoch(_: int) -> dict[str, float]:
            for _ in self.train_epoch(loader):
                pass
            return self.end_epoch(validation)

        self._loop.epochs(range(self.epoch, epochs), epoch)
        return self.history

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the training depends on, but for the loader, which has a `state_dict` of its own.

        Of several ranks all must call it; each gets all, and one of them saves it.
        """
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "history": {name: list(values) for name, values in self.history.items()},
            "tally": state_of(self.tally, self.group),
            "random": random.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict()` was taken, the library's random numbers included.

        The random numbers are those of the host: what a model draws on a GPU, as dropout does, starts over.

        Raises `CheckpointError`: the state is that of another architecture or another optimiser.
        """
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.history = {name: list(values) for name, values in state["history"].items()}
        load_into(self.tally, state["tally"], self.group)
        random.set_state(state["random"])


def _take_in(tally: Tally, loss: Tensor, seen: Tensor, targets: Tensor) -> None:
    if count := len(targets):  # a rank may have no sample in the last batch
        tally.update_state(loss, seen, count, targets)


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How often the largest logit of a row is that of the label: logits (batch, classes), labels (batch,)."""
    return (logits.detach().argmax(axis=-1) == labels).sum()
