"""`TensorBoard`: a training as files that the program of that name shows. Read next: `event_file.py`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy

from ...errors import CheckpointError, OptionError
from ..checks import truth, whole
from .base import Callback
from .event_file import EventFile

_NOT_OFFERED = {
    "write_images": "look at weights with histogram_freq=, or draw them with viz",
    "profile_batch": "model.train_function.compiled.explain() says what a step costs",
    "embeddings_freq": "save the weights with ModelCheckpoint",
    "embeddings_metadata": "it belongs to embeddings_freq",
}


class TensorBoard(Callback):
    """Writes the numbers of a training for TensorBoard: `pip install tensorboard`, then `tensorboard --logdir logs`.

    log_dir                 the folder; what was trained on goes into `train` there, and what was tested on into `validation`
    histogram_freq          after how many epochs each the weights are shown as histograms; 0 for never
    write_graph             the layers of models of symbols, and of `Sequential`
    write_steps_per_second  how many steps a second there were
    update_freq             "epoch"; or "batch", or after how many batches each numbers of batches are written too, for which
                            the host waits for the device

    Tags are Keras's: `epoch_loss`, `epoch_learning_rate`, `batch_loss`, `evaluation_loss_vs_iterations`,
    `dense/kernel/histogram`. The others of Keras's options are not offered (`OptionError`).
    """

    writes = True

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        given = {"write_images": write_images, "profile_batch": profile_batch}
        given |= {"embeddings_freq": embeddings_freq, "embeddings_metadata": embeddings_metadata}
        for option, value in given.items():
            if value:
                raise OptionError(f"TensorBoard: {option}= is not offered: {_NOT_OFFERED[option]}")
        self.log_dir, self.histogram_freq = str(log_dir), whole("histogram_freq", histogram_freq, 0)
        self.write_graph = truth("write_graph", write_graph)
        self.write_steps_per_second = truth("write_steps_per_second", write_steps_per_second)
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch":
            whole("update_freq", self.update_freq)
        self._files: dict[str, EventFile] = {}
        self._batches = 0

    def _to(self, part: str) -> EventFile:
        """The file of "train" or "validation"."""
        if part not in self._files:
            self._files[part] = EventFile(Path(self.log_dir) / part)
        return self._files[part]

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0
        if self.write_graph and hasattr(self.model, "layers"):
            try:
                self._to("train").text("keras", self.model.to_json(), "graph_keras_model", 0)
            except CheckpointError:  # a layer that cannot be written is no reason not to train
                self.write_graph = False

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.update_freq == "epoch" or self._batches % self.update_freq:
            return
        if self.write_steps_per_second:
            took = time.perf_counter() - self._batch_began
            self._to("train").scalar("batch_steps_per_second", 1 / took, self._batches)
        self._scalars("train", "batch_{}", logs, self._batches)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch_began = time.perf_counter(), self._batches

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        found = dict(logs or {})
        tested = {name.removeprefix("val_"): found.pop(name) for name in list(found) if name.startswith("val_")}
        if self.model.optimizer is not None:
            found["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.write_steps_per_second:
            began, batches = self._epoch_began
            found["steps_per_second"] = (self._batches - batches) / (time.perf_counter() - began)
        self._scalars("train", "epoch_{}", found, epoch)
        self._scalars("validation", "epoch_{}", tested, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._to("train").histogram(f"{weight.name.replace('.', '/')}/histogram", weight.numpy(), epoch)
        for file in self._files.values():
            file.flush()

    def on_test_end(self, logs: Any = None) -> None:
        steps = getattr(self.model.optimizer, "iterations", None)
        if steps is not None:
            self._scalars("validation", "evaluation_{}_vs_iterations", logs, steps)
            self._to("validation").flush()

    def on_train_end(self, logs: Any = None) -> None:
        while self._files:
            self._files.popitem()[1].close()

    def _scalars(self, part: str, tag: str, values: Any, step: int) -> None:
        for name, value in (values or {}).items():
            if numpy.ndim(value) == 0:
                self._to(part).scalar(tag.format(name), float(value), step)
