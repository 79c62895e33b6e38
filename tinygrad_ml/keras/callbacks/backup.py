"""`BackupAndRestore`: an interrupted `fit` goes on where it was, to the bit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ... import io
from ...backend import Device
from ...errors import CheckpointError, OptionError
from ...random import get_state, set_state
from ...random.streams import Streams, drawing_from, generator
from ...tensor import Tensor, as_tensor
from ..checks import truth, whole
from ..warn import warn
from .base import Callback


class Fit:
    """What a `fit` that is running has: where its batches come from, and the epoch that it begins with."""

    running: WeakKeyDictionary[Any, Fit] = WeakKeyDictionary()
    """Model -> its `fit`, which `on_train_begin` may still send to another epoch and batch."""

    def __init__(self, batches: Any, epoch: int):
        self.batches, self.epoch = batches, epoch


class BackupAndRestore(Callback):
    """Saves the state of a training now and then. When the same `fit` runs again after it was interrupted, also in another
    process, it goes on from there, and ends with the numbers that it would have had: to the bit with `run_eagerly=True`, and
    else to rounding, as the first step of a `fit` is not a compiled one.

    backup_dir         a folder for this; `fit` looks there when it begins
    save_freq          "epoch", or after how many batches
    double_checkpoint  the state before the last one is kept too, and taken where the last one cannot be read
    delete_checkpoint  the folder goes when `fit` has come to its end

    The state is one file, written whole or not at all: weights, the optimizer, metrics, random streams, the order of the
    samples and how many of them were seen. The model must have its weights before `fit`. What other callbacks remember
    (`EarlyStopping`, a `History`) begins anew, and what a generator has yielded is not known: then the epoch begins with
    what comes next.

    Raises `OptionError` for a model without weights, `CheckpointError` for the state of another model.
    """

    of_one_process = True  # what it keeps is not that of several ranks

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        if not backup_dir:
            raise OptionError(f"BackupAndRestore: backup_dir={backup_dir!r} must name a folder")
        if save_freq != "epoch":
            whole("save_freq", save_freq)
        self.backup_dir = backup_dir
        self.save_freq: Any = save_freq
        self.double_checkpoint = truth("double_checkpoint", double_checkpoint)
        self.delete_checkpoint = truth("delete_checkpoint", delete_checkpoint)
        self._file = Path(backup_dir) / "latest.safetensors"
        self._before = Path(backup_dir) / "latest.safetensors.bkp"
        self._epoch = self._batch = self._unsaved = 0
        self._metrics: list[Tensor] | None = None  # sums of the batches that a resumed epoch has had

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.model.built:
            raise OptionError(
                f"BackupAndRestore: the model {self.model.name!r} has no weights yet: build it, or call it on data, before fit"
            )
        self._epoch, self._batch, self._unsaved, self._metrics = Fit.running[self.model].epoch, 0, 0, None
        state = self._read()
        if state is not None:
            self._restore(state)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._metrics is not None:  # they are sums, so what there was before can be added behind the first batch
            for variable, before in zip(self._kept_by_metrics(), self._metrics, strict=True):
                variable.assign(as_tensor(before).to(variable.device) + variable)
            self._metrics = None
        self._batch, self._unsaved = self._batch + 1, self._unsaved + 1
        if self.save_freq != "epoch" and self._unsaved >= self.save_freq and self._batch != self.params["steps"]:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._batch = epoch + 1, 0
        if self.save_freq == "epoch" or self._unsaved >= self.save_freq:  # behind the last batch comes the validation
            self._save()

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)

    def _save(self) -> None:
        self._unsaved = 0
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._file.exists():
            os.replace(self._file, self._before)
        state = {
            "epoch": self._epoch,
            "batch": self._batch,
            "weights": list(self.model.weights),
            "optimizer": self.model.optimizer.state_dict(),
            "metrics": self._kept_by_metrics() if self._batch else [],
            "data": Fit.running[self.model].batches.state_dict(),
            "random": get_state(),
            "streams": [_state_of(streams) for streams in self._streams()],
        }
        io.save(self._file, state)

    def _read(self) -> Any:
        """The state that was saved last, None if there is none."""
        there = [path for path in (self._file, self._before) if path.exists()]
        for path in there:
            try:
                return io.load(path)
            except CheckpointError as error:
                if path is there[-1]:
                    raise
                warn(f"BackupAndRestore goes on from the state before the last one: {error}")
        return None

    def _restore(self, state: Any) -> None:
        model, weights = self.model, self.model.weights
        shapes = [tuple(one.shape) for one in state["weights"]], [weight.shape for weight in weights]
        if shapes[0] != shapes[1]:
            raise CheckpointError(
                f"{self._file} is of another model, whose weights have shapes {shapes[0]}, and not {shapes[1]}: give "
                f"BackupAndRestore another backup_dir, or delete it"
            )
        for weight, saved in zip(weights, state["weights"], strict=True):
            weight.assign(as_tensor(saved).to(weight.device))
        model.optimizer.load_state_dict(state["optimizer"], model._weights_to_update())
        set_state(state["random"])
        for streams, saved in zip(self._streams(), state["streams"], strict=True):
            streams.start_from(saved["seed"])
            with drawing_from(streams):
                generator(Device("cpu")).bit_generator.state = saved["host"]
        fit = Fit.running[model]
        fit.batches.load_state_dict(state["data"], state["batch"])
        fit.epoch = self._epoch = state["epoch"]
        if state["batch"] and state["data"]["loader"] is not None:
            self._batch, self._metrics = state["batch"], state["metrics"]

    def _kept_by_metrics(self) -> list[Tensor]:
        return [variable for metric in self.model.metrics for variable in metric.variables]

    def _streams(self) -> list[Streams]:
        """The random streams that layers keep for themselves."""
        kept = (getattr(module, "streams", None) for module in self.model.modules())
        return [streams for streams in kept if isinstance(streams, Streams)]


def _state_of(streams: Streams) -> dict[str, Any]:
    with drawing_from(streams):
        return get_state()
