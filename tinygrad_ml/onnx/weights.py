"""Which of a file's constants are weights, and where they are kept: parameters and running statistics of nested modules.

A file says of its constants a name and no purpose. Read before: `plan.py`. Read next: `model.py`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

import numpy

from ..backend.dtypes import is_float
from ..errors import OptionError
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .graph import is_made_up
from .plan import GraphPlan

Trainable: TypeAlias = bool | Collection[str] | Callable[[str, numpy.ndarray], bool]
"""All, none; names, in which `*` stands for anything; or whether to train what has a name and these numbers."""

RUNNING = {("BatchNormalization", 3), ("BatchNormalization", 4)}
"""Places of statistics, which training moves without a gradient."""
SETTINGS = {
    "QuantizeLinear": (1,),
    "DequantizeLinear": (1,),
    "QLinearConv": (1, 4, 6),
    "QLinearMatMul": (1, 4, 6),
    "OneHot": (2,),
    "Clip": (1, 2),
    "Dropout": (1,),
    "Pad": (2,),
    "RNN": (5,),
    "GRU": (5,),
    "LSTM": (5, 6),
}
"""Places of numbers that say how something is computed, and of the states in which recurrent networks begin."""
# fmt: off
ARITHMETIC = frozenset((
    "Add", "Div", "Equal", "Greater", "Less", "Max", "Mean", "Min", "Mod", "Mul", "Pow", "Sub", "Sum", "Where",
))
"""Operators in which a single number is a number of the formula, as 0.5 and √2 are in that of GELU: one without an axis, or without
a name of its own."""
# fmt: on


class OnnxPart(Module):
    """A part of a model from a file: it has parameters, and further parts, and the model around it runs what it is named for.

    operators  of the nodes that belong to it, and to no part of it
    """

    def __init__(self, operators: Collection[str] = ()):
        self._operators = tuple(dict.fromkeys(operators))

    def extra_repr(self) -> str:
        """Its operators, or some of many."""
        shown = self._operators[:6]
        return ", ".join(shown) + ", ..." * (len(shown) < len(self._operators))


def sort_constants(plan: GraphPlan) -> tuple[list[str], list[str]]:
    """The names of the constants that are weights, and of those that are running statistics.

    Weights are floats that some operator takes as a tensor, or as whatever it is: no numbers of a formula, which stand in
    arithmetic without an axis or without a name of their own, nothing with infinities in it (a mask), and no settings, as the
    scales of a quantisation.
    """
    uses: dict[str, list[tuple[str, int, str]]] = {}
    for step in plan.all_steps():
        for place, (name, way) in enumerate(zip(step.node.inputs, step.arrives, strict=True)):
            uses.setdefault(name, []).append((step.node.operator, place, way))
    weights, running = [], []
    for name, array in plan.constants.items():
        places = uses.get(name, [])
        if not is_float(array.dtype) or not places:
            continue
        if all((operator, place) in RUNNING for operator, place, _ in places):
            running.append(name)
        elif any(_is_weight(name, array, *use) for use in places) and numpy.isfinite(array).all():
            weights.append(name)
    return weights, running


def _is_weight(name: str, array: numpy.ndarray, operator: str, place: int, way: str) -> bool:
    if way == "numbers" or place in SETTINGS.get(operator, ()) or (operator, place) in RUNNING:
        return False
    is_number = array.ndim == 0 or (array.size == 1 and is_made_up(name))
    return not is_number or operator not in ARITHMETIC


def chosen(trainable: Trainable, weights: Collection[str], constants: Mapping[str, numpy.ndarray]) -> set[str]:
    """The names of the constants that training shall change."""
    if isinstance(trainable, bool):
        return set(weights) if trainable else set()
    floats = {name: array for name, array in constants.items() if is_float(array.dtype)}
    if callable(trainable):
        return {name for name, array in floats.items() if trainable(name, array)}
    patterns = [trainable] if isinstance(trainable, str) else trainable
    if not isinstance(patterns, Collection) or not all(isinstance(pattern, str) for pattern in patterns):
        raise OptionError(
            f'trainable={trainable!r} is neither True nor False, nor names, as in ["head.*"], nor a function of name and array'
        )
    patterns = list(patterns)
    found = {pattern: fnmatch.filter(floats, pattern) for pattern in patterns}
    empty = [pattern for pattern, names in found.items() if not names]
    if empty:
        raise OptionError(
            f"trainable={patterns}: no floating constant of the file is called {', '.join(map(repr, empty))}; there are "
            f"{', '.join(map(repr, [*floats][:20]))}{', ...' * (len(floats) > 20)}"
        )
    return {name for names in found.values() for name in names}


class Shelves:
    """Where in a model what has a name is kept: `features.0.weight` is `weight` of the part `0` of the part `features`.

    A name that is a parameter and a part at the same time is kept as it is, dots included, in the innermost part that can be. One
    that means something in every module, as `forward`, has an underscore behind it.
    """

    def __init__(self, model: Module):
        self._model = model
        self.of: dict[str, tuple[str, str]] = {}  # name -> the path of its module, and what it is called there

    def keep(self, name: str, array: numpy.ndarray, trained: bool | None) -> None:
        """Make an array a parameter, that is trained or not, or a running statistic (None)."""
        around = name.split(".")[:-1]
        module, path = self._part(around)
        rest = name[len(path) + 1 :] if path else name
        if not _is_free(module, rest):
            rest = f"{rest}_"
        if trained is None:
            module._buffers = {**module._buffers, rest: True}
            setattr(module, rest, Tensor(array.copy()))
        else:
            setattr(module, rest, Parameter(array, requires_grad=trained))
        self.of[name] = path, rest

    def open(self, path: str, operators: Collection[str]) -> None:
        """Make a part for a module that the file names, whether it keeps something or not."""
        self._part(path.split("."), operators)

    def _part(self, names: list[str], operators: Collection[str] = ()) -> tuple[Module, str]:
        module, way = self._model, []
        for name in names:
            part = vars(module).get(name)
            if part is None and _is_free(module, name):
                part = OnnxPart(operators if len(way) == len(names) - 1 else ())
                setattr(module, name, part)
            if not isinstance(part, OnnxPart):
                break
            module = part
            way.append(name)
        return module, ".".join(way)


def _is_free(module: Module, name: str) -> bool:
    return bool(name) and not name.startswith("_") and not hasattr(Module, name) and name not in vars(module)
