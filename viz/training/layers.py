"""What happens inside a network while it trains: the size of each layer's activations and gradients, step by step.

A `LayerRecorder` listens by hooks, as anybody could: `Module.register_forward_hook` for what a layer puts out, and
`Tensor.register_hook` for the gradients of its parameters. What it keeps of each is two numbers, mean and variance,
left on the device, so that listening does not make a GPU wait.

In a deep network of sigmoids, each layer passes on less than a quarter of the gradient that it gets: the picture shows
it dying on its way to the first layers.

Read before: `tinygrad_ml/nn/module.py`, for the hooks. Read next: `confusion.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from tinygrad_ml.errors import DTypeError, OptionError
from tinygrad_ml.modes import no_grad
from tinygrad_ml.nn import Module
from tinygrad_ml.tensor import Tensor

from .style import HEAT_COLOUR_MAP, count_along, picture, styled

MOST_NAMED = 16
"""Of more layers not each line is named in a legend."""

STATISTICS = {
    "mean": lambda count, mean, var: mean,
    "std": lambda count, mean, var: math.sqrt(var),
    "norm": lambda count, mean, var: math.sqrt(count * (var + mean * mean)),
    "rms": lambda count, mean, var: math.sqrt(var + mean * mean),
}


class Moments(NamedTuple):
    """How many numbers a tensor has, their mean and their variance."""

    count: int
    mean: Tensor
    var: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Moments:
        """Those of x, in float64 and outside of its graph."""
        with no_grad():
            x = x.detach().astype("float64")  # the square of a vanishing float32 gradient would vanish outright
            return cls(x.size, x.mean(), x.var())


class LayerRecorder:
    """Listens to a model, from when it is made until `remove()` or the end of its `with` block.

    model  the network; attach after it was moved to its device
    every  record only each n-th step

    A step is one call of the model whose result requires a gradient, and the backward pass that follows. Calls inside
    `no_grad` are not recorded. Of a layer that is called several times in a step, all outputs count.

    >>> with viz.LayerRecorder(model) as recorder:
    ...     train(model)
    >>> viz.gradients(recorder).savefig("gradients.png")

    Raises `DTypeError` for what is no module, `OptionError` for an impossible `every`.
    """

    def __init__(self, model: Module, every: int = 1):
        if not isinstance(model, Module):
            raise DTypeError(f"a LayerRecorder listens to a module, and not to {type(model).__name__}")
        if every < 1:
            raise OptionError(f"every={every}; record each n-th step, n being 1 or more")
        self.every = every
        self.numbers: list[int] = []  # of the recorded steps, from 1
        self.forward: list[dict[str, list[Moments]]] = []  # for each recorded step: layer -> its outputs
        self.backward: list[dict[str, dict[str, Moments]]] = []  # layer -> parameter -> its gradient
        self._calls = 0
        self._outputs: dict[str, list[Moments]] = {}
        self._hooks = []
        self.with_parameters: list[str] = []
        for path, module in model.named_modules():
            layer = f"{path} {type(module).__name__}".strip()
            if not any(module.children()):
                self._hooks.append(module.register_forward_hook(self._hear_output(layer)))
            own = [(name, p) for name, p in module.named_parameters(recurse=False) if p.requires_grad]
            if own:
                self.with_parameters.append(layer)
            self._hooks += [p.register_hook(self._hear_gradient(layer, name)) for name, p in own]
        self._hooks.append(model.register_forward_hook(self._end_of_call))

    def _recording(self) -> bool:
        return self._calls % self.every == 0

    def _hear_output(self, layer: str):
        def hook(module, inputs, output):
            if self._recording() and isinstance(output, Tensor) and not output.symbolic:
                self._outputs.setdefault(layer, []).append(Moments.of(output))

        return hook

    def _end_of_call(self, module, inputs, output) -> None:
        heard, self._outputs = self._outputs, {}
        outputs = output if isinstance(output, (tuple, list)) else (output,)
        if any(isinstance(y, Tensor) and y.requires_grad and not y.symbolic for y in outputs):
            if self._recording():
                self.numbers.append(self._calls + 1)
                self.forward.append(heard)
                self.backward.append({})
            self._calls += 1

    def _hear_gradient(self, layer: str, name: str):
        def hook(gradient):
            if self.numbers and self.numbers[-1] == self._calls:  # the latest call was recorded
                self.backward[-1].setdefault(layer, {})[name] = Moments.of(gradient)

        return hook

    def remove(self) -> None:
        """Stop listening. What was recorded stays."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __enter__(self) -> LayerRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def activations(self, statistic: str = "std") -> dict[str, numpy.ndarray]:
        """{layer: a number for each recorded step} of the outputs of the innermost modules, in the order of calls."""
        layers = list(dict.fromkeys(layer for step in self.forward for layer in step))
        return {
            layer: numpy.array([_combine(step.get(layer, ()), statistic) for step in self.forward]) for layer in layers
        }

    def gradients(self, statistic: str = "norm") -> dict[str, numpy.ndarray]:
        """{layer: a number for each recorded step} of the gradients of each layer's own parameters; nan where none came."""
        return {
            layer: numpy.array([_combine(step.get(layer, {}).values(), statistic) for step in self.backward])
            for layer in self.with_parameters
        }


def _combine(parts, statistic: str) -> float:
    """A statistic of the numbers of several tensors together; nan of none."""
    if statistic not in STATISTICS:
        raise OptionError(f"statistic={statistic!r}; use one of {', '.join(map(repr, STATISTICS))}")
    parts = [(part.count, part.mean.item(), part.var.item()) for part in parts]
    count = sum(n for n, _, _ in parts)
    if not count:
        return math.nan
    mean = sum(n * m for n, m, _ in parts) / count
    var = sum(n * (v + (m - mean) ** 2) for n, m, v in parts) / count
    return STATISTICS[statistic](count, mean, var)


@styled
def activations(recorder: LayerRecorder, statistic: str = "std", kind: str = "heat") -> Figure:
    """The size of what each layer puts out, over the steps of training.

    recorder   a `LayerRecorder` that has listened to a training
    statistic  "std", "mean", "norm", or "rms" (the norm divided by the root of the count)
    kind       "heat", a row for each layer, or "lines"

    All but the mean are on a log scale. Raises `OptionError` for an unknown statistic or kind, or an empty recording,
    `DTypeError` for what is no recorder.
    """
    return _draw(recorder, "activations", statistic, kind)


@styled
def gradients(recorder: LayerRecorder, statistic: str = "norm", kind: str = "heat") -> Figure:
    """The size of the gradient of each layer's parameters, over the steps of training: where gradients die.

    recorder   a `LayerRecorder` that has listened to a training
    statistic  "norm", "rms" (the norm divided by the root of the count: layers of unlike sizes compare), "mean", "std"
    kind       "heat", a row for each layer, or "lines"

    All but the mean are on a log scale; a step at which no gradient came, or one that is exactly 0, is hatched.
    Raises `OptionError` for an unknown statistic or kind, or an empty recording, `DTypeError` for what is no recorder.
    """
    return _draw(recorder, "gradients", statistic, kind)


def _draw(recorder: LayerRecorder, what: str, statistic: str, kind: str) -> Figure:
    if not isinstance(recorder, LayerRecorder):
        raise DTypeError(
            f"viz.{what} draws what a viz.LayerRecorder(model) has heard while the model was trained, "
            f"and not {type(recorder).__name__}"
        )
    series = getattr(recorder, what)(statistic)
    if kind not in ("heat", "lines"):
        raise OptionError(f"kind={kind!r}; use 'heat' or 'lines'")
    if not recorder.numbers or not series:
        raise OptionError(
            "nothing was recorded: make the recorder first, then run training steps on the model (outside of no_grad)"
        )
    table = numpy.ma.masked_invalid(numpy.stack(list(series.values())))
    if statistic != "mean":
        table = numpy.ma.masked_less_equal(table, 0)
    rows = 0.32 if len(series) <= MOST_NAMED else 0.14
    made = picture(7.2, max(2.6, 1.3 + rows * len(series)) if kind == "heat" else 4.2)
    axes = made.subplots()
    (_heat if kind == "heat" else _lines)(made, axes, recorder, list(series), table, statistic)
    axes.set_title(f"{what}: {statistic}")
    axes.set_xlabel("step")
    count_along(axes.xaxis)
    return made


def _heat(made: Figure, axes: Axes, recorder: LayerRecorder, layers: list[str], table, statistic: str) -> None:
    half = recorder.every / 2
    sides = (recorder.numbers[0] - half, recorder.numbers[-1] + half)
    scale, colours = _scale(table, statistic), colormaps["PuOr" if statistic == "mean" else HEAT_COLOUR_MAP]
    axes.set_facecolor("#EEEEEE")
    axes.patch.set(hatch="///", edgecolor="#999999")  # shows where there is no number
    shown = axes.imshow(
        table,
        cmap=colours,
        norm=scale,
        aspect="auto",
        interpolation="nearest",
        extent=(*sides, len(layers) - 0.5, -0.5),
    )
    small = 8 if len(layers) <= MOST_NAMED else 6.5
    axes.set_yticks(range(len(layers)), layers, fontsize=small if len(layers) > MOST_NAMED else None)
    axes.tick_params(axis="y", length=0)
    last = [f"{row[-1]:.1e}" if row[-1] is not numpy.ma.masked else "none" for row in table]
    edge = axes.secondary_yaxis("right")
    edge.set_yticks(range(len(layers)), last)
    edge.tick_params(length=0, labelsize=small)
    axes.set_title("last step", loc="right", fontsize=8, fontweight="normal")
    made.colorbar(shown, ax=axes, label=statistic, pad=0.02)


def _scale(table, statistic: str) -> Normalize:
    if not table.count():
        return Normalize(0, 1)
    if statistic == "mean":
        reach = float(abs(table).max()) or 1.0
        return Normalize(-reach, reach)
    low, high = float(table.min()), float(table.max())
    return LogNorm(low, high if high > low else low * 1.1)


def _lines(made: Figure, axes: Axes, recorder: LayerRecorder, layers: list[str], table, statistic: str) -> None:
    # From dark for the first layer to light for the last: the order can be read in grey too.
    colours = colormaps[HEAT_COLOUR_MAP](numpy.linspace(0, 0.88, len(layers)))
    for i, (layer, row) in enumerate(zip(layers, table, strict=True)):
        axes.plot(recorder.numbers, row, color=colours[i], linestyle=("-", "--", "-.", ":")[i % 4], label=layer)
    if statistic != "mean":
        axes.set_yscale("log")
    axes.grid(True, axis="y")
    axes.set_ylabel(statistic)
    if len(layers) <= MOST_NAMED:
        made.legend(loc="outside right center", title="from input to output", fontsize=8, title_fontsize=8)
        return
    # A scale in the place of a legend that would be longer than the picture.
    scale = ScalarMappable(Normalize(0, len(layers) / 0.88), HEAT_COLOUR_MAP)
    bar = made.colorbar(scale, ax=axes, pad=0.02, boundaries=numpy.linspace(0, len(layers), 256))
    named = numpy.unique(numpy.linspace(0, len(layers) - 1, 12).astype(int))
    bar.set_ticks((named + 0.5).tolist(), labels=[layers[i] for i in named])
    bar.ax.tick_params(length=0, labelsize=7)
    bar.ax.invert_yaxis()
    bar.ax.set_title("input", fontsize=8, fontweight="normal", loc="center")
    bar.ax.set_xlabel("output", fontsize=8)
