"""A run folder: where a training leaves its settings, its state, its numbers and its pictures.

The network in it is read by `model.load_state_dict(tg.load("model.safetensors"))`.

Read before: `train.py`. Read next: `pictures.py`.
"""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any, ClassVar

from ..errors import CheckpointError, OptionError
from ..io import load, save
from ..training import History

RUNS = Path("runs")


class RunFolder:
    """The folder of one training run.

    path   where it is
    model  the file of the network in it
    files  the name and the meaning of what is written here
    """

    files: ClassVar[dict[str, str]] = {
        "settings.json": "the options of this run",
        "model.safetensors": "the trained network",
        "checkpoint.safetensors": "all that --resume needs",
        "history.csv": "the learning curve as numbers",
    }

    def __init__(self, path: Path):
        self.path = path
        self._settings, self.model, self._checkpoint, self._history = (path / name for name in self.files)

    @classmethod
    def new(cls, path: Path | None, model: str) -> RunFolder:
        """An empty folder: `path`, or one below `runs/` that is named after the model and the time.

        Raises `OptionError`: the folder has a run already.
        """
        if path is None:
            path = RUNS / f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = cls(path)
        if folder._settings.exists():
            raise OptionError(
                f"{path} holds a run already; go on with it by --resume {path}, or choose another folder by --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        return folder

    @classmethod
    def latest(cls, model: str | None = None) -> RunFolder:
        """The folder below `runs/` whose run was the last to be saved, of all or of those of a model.

        Raises `OptionError`: there is none.
        """
        checkpoints = sorted(RUNS.glob("*/checkpoint.safetensors"), key=lambda path: path.stat().st_mtime)
        folders = [cls(path.parent) for path in checkpoints]
        found = [folder for folder in folders if model is None or folder.read_settings().get("model") == model]
        if not found:
            raise OptionError(
                f"there is no run in {RUNS.resolve()}; name its folder, as in --resume FOLDER, or train one by tinygrad-ml train"
                if model is None
                else f"there is no run of {model} in {RUNS.resolve()}; train one by tinygrad-ml train --model {model}, or "
                "name the folder of one"
            )
        return found[-1]

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write the options of the run."""
        self._settings.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    def read_settings(self) -> dict[str, Any]:
        """The options with which the run was started.

        Raises `CheckpointError`: the folder holds no run.
        """
        try:
            return json.loads(self._settings.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{self.path} holds no run: there is no {self._settings.name} in it") from None
        except ValueError as error:
            raise CheckpointError(f"{self._settings} is damaged ({error}); the run must begin anew") from error

    def write_state(self, state: dict[str, Any], model: dict[str, Any], history: History) -> None:
        """Save the state of the training, its network, and its history."""
        save(self._checkpoint, state)
        save(self.model, model)
        self._history.write_text(as_csv(history), encoding="utf-8")

    def read_state(self) -> dict[str, Any]:
        """What `write_state` saved last."""
        return load(self._checkpoint)


def as_csv(history: History) -> str:
    """A line for each epoch, after one of names. The numbers are complete: reading them back loses nothing."""
    columns = {name: values for name, values in history.items() if values}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *columns])
    writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*columns.values(), strict=True), start=1))
    return text.getvalue()
