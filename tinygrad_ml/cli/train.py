"""`tinygrad-ml train`: trains a network on MNIST or on a text, and leaves all there is to know about it in a run folder.

Read next: `tasks.py` for what is trained, `runs.py` for what is in the folder, `../training/` for the loop, `../models/`
for the networks.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .. import optim
from ..backend import Device, current_device
from ..blas import blas
from ..cuda import gpu_count
from ..distributed import DataParallel, Group, Optimizer
from ..errors import OptionError
from ..models import MODELS
from ..random import manual_seed
from ..training import History, Trainer
from . import options, ranks
from .pictures import draw_run
from .runs import RunFolder
from .tasks import MNIST_DATA, WRITER, WRITINGS, task

_OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "sgd": partial(optim.SGD, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}
_LEARNING_RATES = {"adam": 0.01, "adamw": 0.01, "sgd": 0.1, "rmsprop": 0.002, "adagrad": 0.06}
_WRITER_RATES = {"adam": 0.003, "adamw": 0.003, "sgd": 0.1, "rmsprop": 0.001, "adagrad": 0.02}
_EPOCHS = {"mlp": 5, "cnn": 4, "names": 6, "shakespeare": 4}
_BATCH_SIZES = {MNIST_DATA: 128, "names": 32, "shakespeare": 12}
_MOST_THREADS = 4
# Reading the loss waits for the GPU, so it is not done more often than somebody can look at it.
_SECONDS_BETWEEN_READINGS = 0.2

_EPILOG = """\
examples:
  tinygrad-ml train                              the default: about 98 % on the test images in seconds
  tinygrad-ml train --model cnn                  a convolutional network: 99 %
  tinygrad-ml train --model gpt                  a transformer that writes names, in two minutes on a core
  tinygrad-ml train --model gpt --data shakespeare    and one that writes plays, in ten
  tinygrad-ml train --optimizer sgd --lr 0.05    another way down
  tinygrad-ml train --out runs/mine              into a folder of your choice
  tinygrad-ml train --resume                     go on with the latest run after Ctrl-C

The step of the training is compiled: recorded once, and replayed as a few fused kernels. --eager computes each
operation as it comes, which is slower and gives the same numbers up to rounding.

The learning rate follows one cycle: it rises to --lr over the first third of the run, and falls to almost 0 over the
rest. The same seed and threads on the same device give the same numbers.

Several processes divide each batch among them, and each takes a core or a GPU: --processes 4 starts them here, and
mpiexec -n 64 -hosts a,b,c,d python -m tinygrad_ml train on many machines (pip install "tinygrad_ml[mpi]"). A run is the
same with any number of them up to rounding, and can be gone on with by any other number. The first one prints and writes.

Threads share the matrix products and long loops of a compiled step: two make the default network about 1.3 times as
fast, and take no more time than one where another program has a core. With --eager the threads of NumPy wait for
each other then, and a training can take ten times as long: there the default is one.
"""


def register(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "train",
        help="train a network on MNIST, or on a text",
        description="Train a network on the 60,000 images of MNIST, test it on the 10,000 others, and leave the "
        "network, its learning curve and the drawing of one training step in a folder. Or train a GPT on nine tenths of "
        "a text, and see what it writes after each epoch.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What is not given is not set: a resumed run takes it from its folder, a new one from `_defaults`.
        argument_default=argparse.SUPPRESS,
    )
    rates = ", ".join(f"{name} {rate}" for name, rate in _LEARNING_RATES.items())
    epochs, batches = (", ".join(f"{name} {n}" for name, n in table.items()) for table in (_EPOCHS, _BATCH_SIZES))
    add = parser.add_argument
    add(
        "--model", choices=(*MODELS, WRITER), help="multilayer perceptron, convolutional network, or GPT (default: mlp)"
    )
    add(
        "--data", choices=(MNIST_DATA, *WRITINGS), help="digits; or for a GPT first names (its default), or eight plays"
    )
    add(
        "--epochs", type=options.count, metavar="N", help=f"times to go through the images or texts (default: {epochs})"
    )
    add("--batch-size", type=options.count, metavar="N", help=f"images or windows in a step (default: {batches})")
    add("--optimizer", choices=_OPTIMIZERS, help="the rule of a step; sgd has Nesterov momentum 0.9 (default: adam)")
    add("--lr", type=options.rate, metavar="X", help=f"the highest learning rate (default: {rates}; for a GPT less)")
    add("--seed", type=options.seed, metavar="N", help="of the first weights and the order of the samples (default: 0)")
    add(
        "--threads",
        type=options.count,
        metavar="N",
        help=f"on the CPU (default: one for each core, at most {_MOST_THREADS}; see below)",
    )
    add(
        "--limit",
        type=options.count,
        metavar="N",
        help="use only the first N images or windows of each set, to try things out",
    )
    add("--device", choices=("auto", "cpu", "gpu"), help="auto takes a GPU if there is one (default: auto)")
    add("--processes", type=options.count, metavar="N", help="divide each batch among so many processes, see below")
    add("--shard", action="store_true", help="let each process keep its part of the optimiser's state")
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
    data: str
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
    processes = getattr(args, "processes", None)
    if processes not in (None, 1) and not ranks.started():
        return ranks.start("train", args)
    given = {name: getattr(args, name) for name in Settings._fields if hasattr(args, name)}
    out, shard = getattr(args, "out", None), hasattr(args, "shard")
    group = ranks.join(processes)
    threads = ranks.cores_of(group, _threads())
    with Device(_device(getattr(args, "device", "auto"), group)):
        if hasattr(args, "resume"):
            folder = ranks.of_first(group, lambda: _folder_to_resume(args.resume, out))
            settings = ranks.of_first(group, lambda: _settings_of(folder, given))
            training = _Training(settings, group, shard)
            training.load_state_dict(ranks.of_first(group, folder.read_state))
        else:
            settings = ranks.of_first(group, lambda: _defaults(given, threads))
            training = _Training(settings, group, shard)
            folder = ranks.of_first(group, lambda: _new_folder(out, settings))
        return _train(training, folder)


def _device(asked: str, group: Group | None) -> str:
    """The name of the device on which this process computes."""
    gpus = 0 if asked == "cpu" else gpu_count()
    return "gpu" if asked == "gpu" and not gpus else ranks.device_of(group, gpus)


def _new_folder(out: Path | None, settings: Settings) -> RunFolder:
    folder = RunFolder.new(out, settings.model)
    folder.write_settings(settings._asdict())
    return folder


def _folder_to_resume(named: Path | None, out: Path | None) -> RunFolder:
    if named is not None and out is not None and named != out:
        raise OptionError(f"--resume {named} goes on in that folder; leave out --out {out}")
    path = named or out
    return RunFolder(path) if path is not None else RunFolder.latest()


def _settings_of(folder: RunFolder, given: dict[str, Any]) -> Settings:
    """The settings of an interrupted run, which those given must not contradict."""
    # Runs that do not say are older than compiled steps, and texts.
    saved: dict[str, Any] = {"eager": True, "data": MNIST_DATA} | folder.read_settings()
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


def _defaults(given: dict[str, Any], threads: int) -> Settings:
    """The settings given, and the default of each other one."""
    model, optimizer = given.get("model", "mlp"), given.get("optimizer", "adam")
    data = given.get("data", "names" if model == WRITER else MNIST_DATA)
    defaults: dict[str, Any] = {
        "model": model,
        "data": data,
        "epochs": _EPOCHS.get(data if model == WRITER else model, 1),
        "batch_size": _BATCH_SIZES[data],
        "optimizer": optimizer,
        "lr": (_WRITER_RATES if model == WRITER else _LEARNING_RATES)[optimizer],
        "seed": 0,
        "threads": 1 if given.get("eager") else threads,
        "limit": None,
        "eager": False,
    }
    return Settings(**defaults | given)


def _threads() -> int:
    """As many as NumPy takes for a matrix product: one for each core, unless the environment says else."""
    library = blas()
    return min(library["num_threads"], _MOST_THREADS) if library else 1


class _Training:
    """The model, its data and its trainer, built from the settings.

    first  whether this process is the one that prints and writes
    """

    def __init__(self, settings: Settings, group: Group | None = None, shard: bool = False):
        manual_seed(settings.seed)
        self.settings, self.group = settings, group
        self.first = group is None or group.rank == 0
        self.task = task(*settings[:2], settings.batch_size, settings.limit, settings.seed, group)
        self.loader, model = self.task.loader, self.task.model
        optimizer: Any = _OPTIMIZERS[settings.optimizer](model.parameters(), lr=settings.lr)
        scheduler = optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, total_steps=settings.epochs * len(self.loader), cycle_momentum=False
        )
        if group is not None:
            model = DataParallel(model, group)
            optimizer = Optimizer(optimizer, group, shard=True) if shard else optimizer
        self.trainer = Trainer(
            model, optimizer, scheduler, self.task.loss, compiled=not settings.eager, metrics=self.task.metrics
        )

    def state_dict(self) -> dict[str, Any]:
        return {"trainer": self.trainer.state_dict(), "loader": self.loader.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.loader.load_state_dict(state["loader"])

    def save(self, folder: RunFolder) -> None:
        state = self.state_dict()  # to which all processes contribute
        if self.first:
            folder.write_state(state, self.trainer.model.state_dict(), self.trainer.history)


def _train(training: _Training, folder: RunFolder) -> int:
    """Train until all epochs are done or Ctrl-C, saving at each end of an epoch; then draw. The exit code."""
    trainer, settings, task = training.trainer, training.settings, training.task
    parameters = sum(parameter.size for parameter in trainer.model.parameters())
    say = print if training.first else _say_nothing
    say(
        f"{settings.model}, {parameters:,} parameters; {task.samples:,} {task.unit} in batches of {settings.batch_size}; "
        f"{settings.optimizer}, learning rate up to {settings.lr}; on the {current_device()}, "
        f"{'operation by operation' if settings.eager else 'compiled'}{_in_processes(training.group)}"
    )
    training.save(folder)  # a folder that cannot be written is found out now, not after the first epoch
    began, consent = time.perf_counter(), ranks.Consent(training.group)
    with _Interrupt() as interrupt, threadpool_limits(settings.threads, user_api="blas"):
        while trainer.epoch < settings.epochs and not consent.now(interrupt.requested):
            _train_epoch(training, lambda: consent.soon(interrupt.requested), say)
            training.save(folder)
    seconds = time.perf_counter() - began
    if trainer.epoch < settings.epochs:
        say(
            f"\ninterrupted in epoch {trainer.epoch + 1}; what was learned so far is in {folder.path}\n"
            f"to go on: tinygrad-ml train --resume {folder.path}"
        )
        return 130
    say(f"\ntest {_result(trainer.history)} after {trainer.epoch} epochs; {seconds:.1f} s of training")
    example = task.example()  # a step, in which all processes take part
    if not training.first:
        return 0
    print(f"in {folder.path}:")
    for name, meaning in (folder.files | draw_run(folder.path, trainer.history, example)).items():
        print(f"  {name:<24}{meaning}")
    if settings.model == WRITER:
        print(f"to write more: tinygrad-ml generate {folder.path}")
    return 0


def _train_epoch(training: _Training, stop: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Train for what is left of an epoch behind a progress bar, and print its line; or return early if `stop()`, which is asked
    after each step."""
    trainer, task, loader = training.trainer, training.task, training.loader
    began = loader.position % task.samples
    title = f"epoch {trainer.epoch + 1}/{training.settings.epochs}"
    with tqdm(
        desc=title,
        total=task.samples,
        initial=began,
        unit=f" {task.unit}",
        mininterval=_SECONDS_BETWEEN_READINGS,
        disable=None if training.first else True,
        leave=False,
    ) as bar:
        start = time.perf_counter()
        for _ in trainer.train_epoch(loader):
            if bar.update(loader.position - bar.n):
                bar.set_postfix_str(_in_words(*trainer.tally.means()), refresh=False)
            # An epoch whose last step is done is closed first: it costs little, and is the cleaner state.
            if stop() and loader.position < task.samples:
                return
        trainer.tally.means()  # waits for the device
        seconds = time.perf_counter() - start
        found = trainer.end_epoch(task.test_loader)
    means, tested = ([found[prefix + name] for name in ("loss", *trainer.tally.names)] for prefix in ("", "val_"))
    speed = (task.samples - began) / seconds
    say(f"{title}  {_in_words(*means)}  test {_in_words(*tested)}  {speed:,.0f} {task.unit}/s")
    if text := task.written():
        say(text)


def _say_nothing(text: str) -> None:
    """What the processes but the first have to say."""


def _in_processes(group: Group | None) -> str:
    return "" if group is None else f", in {group.size} processes"


def _result(history: History) -> str:
    """How good it is on what it was not trained on: by the accuracy, where there is one."""
    found = history.get("val_accuracy")
    return f"accuracy {found[-1]:.2%}" if found else f"loss {history['val_loss'][-1]:.4f}"


def _in_words(loss: float, *accuracy: float) -> str:
    """The means of a training, which for digits has an accuracy behind the loss."""
    return ", ".join([f"loss {loss:.4f}", *(f"accuracy {value:.2%}" for value in accuracy)])


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
