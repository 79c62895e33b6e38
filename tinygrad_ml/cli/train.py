"""`tinygrad-ml train`: trains a network on MNIST, and leaves all there is to know about it in a run folder.

Read next: `runs.py` for what is in the folder, `../training/` for the loop, `../models/` for the networks.
"""

from __future__ import annotations

import argparse
import math
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .. import nn, optim
from ..backend import Device, current_device
from ..blas import blas
from ..cuda import gpu_available
from ..data import MNIST, DataLoader, TensorDataset
from ..errors import OptionError
from ..models import MODELS
from ..random import manual_seed
from ..tensor import Tensor
from ..training import Trainer
from .pictures import draw_run
from .runs import RunFolder

_OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "sgd": partial(optim.SGD, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}
_LEARNING_RATES = {"adam": 0.01, "adamw": 0.01, "sgd": 0.1, "rmsprop": 0.002, "adagrad": 0.06}
_EPOCHS = {"mlp": 5, "cnn": 4}
_TEST_BATCH = 500
_MOST_THREADS = 4
_DRAWN_BATCH = 4
# Reading the loss waits for the GPU, so it is not done more often than somebody can look at it.
_SECONDS_BETWEEN_READINGS = 0.2

_EPILOG = """\
examples:
  tinygrad-ml train                              the default: about 98 % on the test images in seconds
  tinygrad-ml train --model cnn                  a convolutional network: 99 %
  tinygrad-ml train --optimizer sgd --lr 0.05    another way down
  tinygrad-ml train --out runs/mine              into a folder of your choice
  tinygrad-ml train --resume                     go on with the latest run after Ctrl-C

The step of the training is compiled: recorded once, and replayed as a few fused kernels. --eager computes each
operation as it comes, which is slower and gives the same numbers up to rounding.

The learning rate follows one cycle: it rises to --lr over the first third of the run, and falls to almost 0 over the
rest. The same seed and threads on the same device give the same numbers.

Threads share the matrix products and long loops of a compiled step: two make the default network about 1.3 times as
fast, and take no more time than one where another program has a core. With --eager the threads of NumPy wait for
each other then, and a training can take ten times as long: there the default is one.
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "train",
        help="train a network on MNIST",
        description="Train a network on the 60,000 images of MNIST, test it on the 10,000 others, and leave the "
        "network, its learning curve and the drawing of one training step in a folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is not given is not set: a resumed run takes it from its folder, a new one from `_defaults`.
        argument_default=argparse.SUPPRESS,
    )
    rates = ", ".join(f"{name} {rate}" for name, rate in _LEARNING_RATES.items())
    epochs = ", ".join(f"{name} {number}" for name, number in _EPOCHS.items())
    add = parser.add_argument
    add("--model", choices=MODELS, help="multilayer perceptron or convolutional network (default: mlp)")
    add("--epochs", type=_count, metavar="N", help=f"times to go through the images (default: {epochs})")
    add("--batch-size", type=_count, metavar="N", help="images in a step (default: 128)")
    add("--optimizer", choices=_OPTIMIZERS, help="the rule of a step; sgd has Nesterov momentum 0.9 (default: adam)")
    add("--lr", type=_rate, metavar="X", help=f"the highest learning rate (default: {rates})")
    add("--seed", type=_seed, metavar="N", help="of the first weights and the order of the images (default: 0)")
    add(
        "--threads",
        type=_count,
        metavar="N",
        help=f"on the CPU (default: one for each core, at most {_MOST_THREADS}; see below)",
    )
    add("--limit", type=_count, metavar="N", help="use only the first N images of each set, to try things out")
    add("--device", choices=("auto", "cpu", "gpu"), help="auto takes a GPU if there is one (default: auto)")
    add("--eager", action="store_true", help="do not compile the training step, see below")
    add("--out", type=Path, metavar="FOLDER", help="where the results go (default: runs/<model>-<date>-<time>)")
    add(
        "--resume",
        type=Path,
        nargs="?",
        const=None,
        metavar="FOLDER",
        help="go on with the interrupted run of that folder, or of --out, or else with the latest, with its settings",
    )
    parser.set_defaults(run=run)


class Settings(NamedTuple):
    """What a run is made of: the same settings on the same device give the same numbers."""

    model: str
    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    seed: int
    threads: int
    limit: int | None
    eager: bool


def run(args: argparse.Namespace) -> int:
    """Train; the exit code."""
    given = {name: getattr(args, name) for name in Settings._fields if hasattr(args, name)}
    out = getattr(args, "out", None)
    device = getattr(args, "device", "auto")
    with Device(("gpu" if gpu_available() else "cpu") if device == "auto" else device):
        if hasattr(args, "resume"):
            folder = _folder_to_resume(args.resume, out)
            settings = _settings_of(folder, given)
            training = _Training(settings)
            training.load_state_dict(folder.read_state())
        else:
            settings = _defaults(given)
            training = _Training(settings)
            folder = RunFolder.new(out, settings.model)
            folder.write_settings(settings._asdict())
        return _train(training, folder)


def _folder_to_resume(named: Path | None, out: Path | None) -> RunFolder:
    if named is not None and out is not None and named != out:
        raise OptionError(f"--resume {named} goes on in that folder; leave out --out {out}")
    path = named or out
    return RunFolder(path) if path is not None else RunFolder.latest()


def _settings_of(folder: RunFolder, given: dict[str, Any]) -> Settings:
    """The settings of an interrupted run, which those given must not contradict."""
    saved: dict[str, Any] = {
        "eager": True
    } | folder.read_settings()  # runs that do not say are older than compiled steps
    for name, value in given.items():
        if saved[name] != value:
            option = "--" + name.replace("_", "-")
            before, now = (
                (f"without {option}", option)
                if value is True
                else (f"with {option} {saved[name]}", f"{option} {value}")
            )
            raise OptionError(
                f"{folder.path} was started {before}, and {now} was given; a resumed run keeps its settings, so leave it "
                f"out, or begin a new run without --resume"
            )
    return Settings(**saved)


def _defaults(given: dict[str, Any]) -> Settings:
    """The settings given, and the default of each other one."""
    model, optimizer = given.get("model", "mlp"), given.get("optimizer", "adam")
    defaults: dict[str, Any] = {
        "model": model,
        "epochs": _EPOCHS[model],
        "batch_size": 128,
        "optimizer": optimizer,
        "lr": _LEARNING_RATES[optimizer],
        "seed": 0,
        "threads": 1 if given.get("eager") else _threads(),
        "limit": None,
        "eager": False,
    }
    return Settings(**defaults | given)


def _threads() -> int:
    """As many as NumPy takes for a matrix product: one for each core, unless the environment says else."""
    library = blas()
    return min(library["num_threads"], _MOST_THREADS) if library else 1


class _Training:
    """The model, its data and its trainer, built from the settings."""

    def __init__(self, settings: Settings):
        manual_seed(settings.seed)
        self.settings = settings
        # They are uploaded once; from then on a batch is gathered where they are.
        train, test = (
            TensorDataset(*(part[: settings.limit] for part in MNIST(train=train).tensors())) for train in (True, False)
        )
        self.loader = DataLoader(train, settings.batch_size, shuffle=True, seed=settings.seed)
        self.test_loader = DataLoader(test, _TEST_BATCH)
        model = MODELS[settings.model]()
        optimizer = _OPTIMIZERS[settings.optimizer](model.parameters(), lr=settings.lr)
        scheduler = optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, total_steps=settings.epochs * len(self.loader), cycle_momentum=False
        )
        self.trainer = Trainer(model, optimizer, scheduler, nn.CrossEntropyLoss(), compiled=not settings.eager)
        self.data, self.images = train, len(train)

    def example(self) -> Tensor:
        """The loss of a step on a few images, with the gradients that it gives: something to draw."""
        images, labels = self.data.gather(slice(_DRAWN_BATCH))
        images.name, labels.name = "images", "labels"
        loss = self.trainer.loss(self.trainer.model.train()(images), labels)
        loss.name = "loss"
        loss.backward(retain_graph=True)
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"trainer": self.trainer.state_dict(), "loader": self.loader.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.loader.load_state_dict(state["loader"])

    def save(self, folder: RunFolder) -> None:
        folder.write_state(self.state_dict(), self.trainer.model.state_dict(), self.trainer.history)


def _train(training: _Training, folder: RunFolder) -> int:
    """Train until all epochs are done or Ctrl-C, saving at each end of an epoch; then draw. The exit code."""
    trainer, settings = training.trainer, training.settings
    parameters = sum(parameter.size for parameter in trainer.model.parameters())
    print(
        f"{settings.model}, {parameters:,} parameters; {training.images:,} images in batches of {settings.batch_size}; "
        f"{settings.optimizer}, learning rate up to {settings.lr}; on the {current_device()}, "
        f"{'operation by operation' if settings.eager else 'compiled'}"
    )
    training.save(folder)  # a folder that cannot be written is found out now, not after the first epoch
    began = time.perf_counter()
    with _Interrupt() as interrupt, threadpool_limits(settings.threads, user_api="blas"):
        while trainer.epoch < settings.epochs and not interrupt.requested:
            _train_epoch(training, interrupt)
            training.save(folder)
    seconds = time.perf_counter() - began
    if trainer.epoch < settings.epochs:
        print(
            f"\ninterrupted in epoch {trainer.epoch + 1}; what was learned so far is in {folder.path}\n"
            f"to go on: tinygrad-ml train --resume {folder.path}"
        )
        return 130
    accuracy = trainer.history["val_accuracy"][-1]
    print(f"\ntest accuracy {accuracy:.2%} after {trainer.epoch} epochs; {seconds:.1f} s of training")
    print(f"in {folder.path}:")
    for name, meaning in (folder.files | draw_run(folder.path, trainer.history, training.example())).items():
        print(f"  {name:<24}{meaning}")
    return 0


def _train_epoch(training: _Training, interrupt: _Interrupt) -> None:
    """Train for what is left of an epoch behind a progress bar, and print its line; or return early on Ctrl-C."""
    trainer, began = training.trainer, training.trainer.tally.count
    title = f"epoch {trainer.epoch + 1}/{training.settings.epochs}"
    with tqdm(
        desc=title,
        total=training.images,
        initial=began,
        unit=" images",
        mininterval=_SECONDS_BETWEEN_READINGS,
        disable=None,
        leave=False,
    ) as bar:
        start = time.perf_counter()
        for count in trainer.train_epoch(training.loader):
            if bar.update(count):
                bar.set_postfix_str(_in_words(*trainer.tally.means()), refresh=False)
            # An epoch whose last step is done is closed first: it costs little, and is the cleaner state.
            if interrupt.requested and trainer.tally.count < training.images:
                return
        seen = trainer.tally.count - began
        trainer.tally.means()  # waits for the device
        seconds = time.perf_counter() - start
        trainer.end_epoch(training.test_loader)
    last = {name: values[-1] for name, values in trainer.history.items()}
    print(
        f"{title}  {_in_words(last['loss'], last['accuracy'])}  "
        f"test {_in_words(last['val_loss'], last['val_accuracy'])}  {seen / seconds:,.0f} images/s"
    )


def _in_words(loss: float, accuracy: float) -> str:
    return f"loss {loss:.4f}, accuracy {accuracy:.2%}"


class _Interrupt:
    """Inside it, the first Ctrl-C only sets `requested`, so that a step is never cut in two; a second one stops at once."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> _Interrupt:
        self._before = signal.signal(signal.SIGINT, self._request)
        return self

    def _request(self, *_: Any) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *_: Any) -> None:
        signal.signal(signal.SIGINT, self._before)


def _count(text: str) -> int:
    return _number(text, int, "an integer of 1 or more", lambda number: number >= 1)


def _seed(text: str) -> int:
    return _number(text, int, "an integer of 0 or more", lambda number: number >= 0)


def _rate(text: str) -> float:
    return _number(text, float, "a number above 0", lambda number: 0 < number < math.inf)


def _number(text: str, kind: type, expected: str, fits) -> Any:
    """The number that an option was given as `text`, or argparse's error."""
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not fits(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return number
