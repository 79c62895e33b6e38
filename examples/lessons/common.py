"""What the lessons share: their arguments, digits to train on, tables beside the notes' figures, and pictures.

A lesson is a module here whose docstring begins with the sentence that it shows, and which has a function
`lesson(run)`. A `Run` knows how much was asked for (`--tiny`, the default, `--full`), prints what the lesson says, and
keeps it for the report. "The notes" are those of an introductory course in deep learning, after Hung-yi Lee and
Andrew Ng; their figures were measured by others, on another subset of MNIST, so the gaps are to be compared, not the
last digits.

Read next: any lesson; `report.py` for what becomes of what was kept.
"""

from __future__ import annotations

import argparse
import functools
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import tinygrad_ml as tg
from tinygrad_ml.data import MNIST
from tinygrad_ml.keras.layers import Dense
from tinygrad_ml.keras.models import Sequential
from tinygrad_ml.keras.utils import set_random_seed
from viz.training.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILLION, count_along, picture, styled

SIZES = ("tiny", "default", "full")
OUT = Path("runs/lessons")
STARTS = 100  # a run with the seed s has the seeds from 100·s for its random starts
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, BLACK)
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))


class Text(NamedTuple):
    words: str


class Table(NamedTuple):
    header: list[str]
    rows: list[list[str]]


class Picture(NamedTuple):
    file: str
    caption: str


class Effect(NamedTuple):
    """What was measured of a claim, in one number or in one for each random start: it holds if their median is above."""

    what: str
    values: Sequence[float]
    above: float = 0.0

    @property
    def size(self) -> float:
        return float(np.median(self.values))

    @property
    def holds(self) -> bool:
        return self.size > self.above

    def __str__(self) -> str:
        spread = f" ({spread_of(self.values)} in {len(self.values)} starts)" if len(self.values) > 1 else ""
        return f"{self.what} {written(self.size)}{spread}, more than {self.above:g} asked"


class Check(NamedTuple):
    claim: str
    holds: bool | None  # None where the run was too small to tell
    effects: tuple[Effect, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.claim, *map(str, self.effects)])


class Setting(NamedTuple):
    images: int
    tests: int
    units: int
    epochs: int


class Run:
    """One run of one lesson.

    module  the lesson
    size    "tiny" (seconds, shows nothing but that it runs), "default" or "full" (the notes' setting)
    out     the folder for pictures
    seed    what random numbers begin from
    drawn   whether pictures are saved

    kept    what was said, in order: for the report
    random  whether the lesson asked for the seed so far: if it never does, it is the same with each
    """

    def __init__(self, module: Any, size: str = "default", out: Path = OUT, seed: int = 0, drawn: bool = True):
        self.name = Path(module.__file__).stem
        self.sentence = sentence(module)
        self.size, self.out, self.drawn = size, out, drawn
        self.kept: list[Text | Table | Picture | Check] = []
        self._seed, self.random = seed, False
        out.mkdir(parents=True, exist_ok=True)
        tg.manual_seed(seed)
        print(f"\n{self.name}: {self.sentence}\n")

    @property
    def seed(self) -> int:
        """What random numbers begin from. A lesson gives it to all that draws some."""
        self.random = True
        return self._seed

    def seeds(self, count: int) -> range:
        """Seeds for so many random starts, none of which another run has."""
        return range(STARTS * self.seed, STARTS * self.seed + count)

    def choose(self, *, tiny: Any, default: Any, full: Any = None) -> Any:
        """The value for this size; `full` is the default's unless it is given."""
        return {"tiny": tiny, "default": default, "full": default if full is None else full}[self.size]

    def say(self, words: str) -> None:
        """A paragraph."""
        words = " ".join(words.split())
        self.kept.append(Text(words))
        print(textwrap.fill(words, 110) + "\n")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; numbers are written with as many digits as are of use."""
        made = Table(list(header), [[written(value) for value in row] for row in rows])
        self.kept.append(made)
        print_table(made)

    def picture(self, figure: Figure, caption: str, suffix: str = "") -> None:
        """Save a figure as `<lesson><suffix>.png` in the folder of the run."""
        if not self.drawn:
            return
        file = self.out / f"{self.name}{suffix}.png"
        figure.savefig(file, dpi=30 if self.size == "tiny" else 120)
        self.kept.append(Picture(file.name, caption))
        print(textwrap.fill(f"{file}: {caption}", 110) + "\n")

    def setting(self, **others: Any) -> Setting:
        """How much to train on MNIST, said aloud. The notes have 500 units in a layer and 20 epochs.

        They do not say how many images; with 10,000 their figures come out best. A lesson may begin with less, or
        other, `others`, as in epochs=5; `--full` has the notes' units and epochs.
        """
        default = Setting(images=10_000, tests=10_000, units=500, epochs=20)._replace(**others)
        made = self.choose(
            tiny=Setting(images=200, tests=200, units=16, epochs=2),
            default=default,
            full=default._replace(units=500, epochs=max(20, default.epochs)),
        )
        self.say(
            f"Settings: the first {made.images:,} training images of MNIST, {made.tests:,} test images, "
            f"{made.epochs} epochs, batches of 100 unless told otherwise, seed {self.seed}."
        )
        return made

    def expect(self, claim: str, *grounds: Effect | bool, exact: bool = False) -> None:
        """Say whether a claim of the lesson came out in this run: it did if all its grounds hold.

        exact  it holds in the smallest run too; of other claims, a tiny run cannot tell
        """
        effects = tuple(ground for ground in grounds if isinstance(ground, Effect))
        holds = all(ground.holds if isinstance(ground, Effect) else ground for ground in grounds)
        made = Check(claim, holds if exact or self.size != "tiny" else None, effects)
        self.kept.append(made)
        print(textwrap.fill(f"{verdict(made.holds)}: {made}", 110) + "\n")


def effect(what: str, values: float | Sequence[float], above: float = 0.0) -> Effect:
    """What a claim rests on: a number, or one for each random start, whose median is to be above a number."""
    return Effect(what, [float(value) for value in np.ravel(values)], above)


def spread_of(values: Sequence[float]) -> str:
    """The smallest and the largest, as a table has them."""
    return f"{written(float(min(values)))} to {written(float(max(values)))}"


def print_table(table: Table) -> None:
    """Print it, in columns."""
    columns = list(zip(table.header, *table.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(_is_number(cell) for cell in column[1:]) for column in columns]
    for i, row in enumerate((table.header, *table.rows)):
        cells = (cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, numeric, strict=True))
        print("   " + "   ".join(cells).rstrip())
        if i == 0:
            print("   " + "   ".join("-" * width for width in widths))
    print()


def verdict(holds: bool | None) -> str:
    """How the result of a check is written."""
    return {True: "Holds", False: "DOES NOT HOLD", None: "Too small a run to tell"}[holds]


def sentence(module: Any) -> str:
    """What a lesson shows, in its own words."""
    return module.__doc__.strip().split("\n\n")[0].replace("\n", " ")


def main(lesson: Callable[[Run], None]) -> None:
    """Run one lesson from the command line."""
    module = sys.modules[lesson.__module__]
    given = arguments(sentence(module)).parse_args()
    lesson(Run(module, given.size, given.out))


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that every lesson has."""
    parser = argparse.ArgumentParser(description=description)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--full", dest="size", action="store_const", const="full", help="the notes' setting; takes longer"
    )
    size.add_argument(
        "--tiny", dest="size", action="store_const", const="tiny", help="only see that it runs, in a second or so"
    )
    parser.set_defaults(size="default")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the pictures (default: %(default)s)")
    return parser


class Digits(NamedTuple):
    """Images (N, 784) of float32 from 0 to 1, and their labels (N,) of int64."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def one_hot(self) -> Digits:
        """The labels as rows that are 1 at the right digit and 0 elsewhere, (N, 10) of float32."""
        eye = np.eye(10, dtype=np.float32)
        return self._replace(y=eye[self.y], y_test=eye[self.y_test])


@functools.cache
def _read(train: bool) -> MNIST:
    return MNIST(train=train)


def digits(train: int, test: int = 10_000) -> Digits:
    """The first `train` training images and the first `test` test images of MNIST."""
    parts = []
    for data, count in ((_read(train=True), train), (_read(train=False), test)):
        parts += [data.images[:count].reshape(-1, 784).astype(np.float32) / 255, data.labels[:count].astype(np.int64)]
    return Digits(*parts)


def network(hidden: int, units: int, activation: str = "sigmoid", *, seed: int) -> Sequential:
    """784 inputs, `hidden` layers of `units`, and 10 outputs by softmax: the network of most lessons."""
    set_random_seed(seed)
    model = Sequential()
    for i in range(hidden):
        model.add(Dense(units, activation=activation, **({} if i else {"input_dim": 28 * 28})))
    model.add(Dense(10, activation="softmax"))
    return model


def train(
    model: Sequential,
    data: Digits,
    epochs: int,
    optimizer: Any,
    loss: str = "categorical_crossentropy",
    batch_size: int = 100,
    callbacks: Sequence[Any] = (),
) -> dict[str, list[float]]:
    """Train; loss and accuracy after each epoch, on the test images under the names that begin with `val_`."""
    model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
    return model.fit(
        data.x,
        data.y,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(data.x_test, data.y_test),
        validation_batch_size=1000,
        callbacks=list(callbacks),
        verbose=0,
    ).history


@styled
def lines(
    series: Mapping[str, Any],
    ylabel: str,
    xlabel: str = "epoch",
    title: str | None = None,
    log: bool = False,
    log_x: bool = False,
) -> Figure:
    """One line for each name. Values are numbers for 1, 2, 3, ..., or a pair (where, numbers)."""
    made = picture(6.4, 4)
    axes = made.subplots()
    for i, (name, values) in enumerate(series.items()):
        x, y = values if isinstance(values, tuple) else (np.arange(1, len(values) + 1), values)
        marker = "o" if len(x) <= 40 else None
        axes.plot(x, y, label=name, color=COLOURS[i % 6], linestyle=DASHES[i % 6], marker=marker)
    if log:
        axes.set_yscale("log")
    if log_x:
        axes.set_xscale("log")
    elif not any(isinstance(values, tuple) for values in series.values()):
        count_along(axes.xaxis)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title or "")
    axes.grid(True, axis="y")
    axes.legend()
    return made


@styled
def grid(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], xlabel: str, ylabel: str) -> Figure:
    """A matrix as squares, the darker the larger; with its numbers, where it is small."""
    made = picture(*((6.4, 5.6) if len(rows) > 8 else (4.6, 4)))
    axes = made.subplots()
    shown = axes.imshow(values, cmap="Blues", vmin=0)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    if len(rows) <= 8:
        for (i, j), value in np.ndenumerate(values):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color="w" if value > values.max() / 2 else "k")
    made.colorbar(shown, ax=axes)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return made


def written(value: Any) -> str:
    """A number, or what else stands in a table, with as many digits as are of use."""
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"
    return str(value)


def _is_number(cell: str) -> bool:
    return not cell or cell[0].isdigit() or (cell[0] in "-+±" and cell[1:2].isdigit())
