"""A file's network as a module: called, differentiated, trained, compiled, drawn and saved like any other.

    model = tg.onnx.load("model.onnx")
    loss = F.cross_entropy(model(x), y)

Read before: `running.py`, `weights.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import numpy

from ..backend.dtypes import SUPPORTED
from ..errors import DTypeError, OptionError, ShapeError
from ..functional import symbol
from ..nn.module import Module
from ..tensor import Tensor, as_tensor
from . import operators
from .expanding import Expansion
from .graph import OnnxFile, Port
from .layers import with_layers
from .plan import GraphPlan
from .reading import read
from .running import Running, Values, name_in_pictures
from .weights import Shelves, Trainable, chosen, sort_constants

__all__ = ["OnnxModel", "load", "operators"]

Sizes: TypeAlias = Mapping[str, int | Sequence[int | str | None]]
"""The name of an axis -> its size; or the name of an input -> its shape."""


def load(source: str | PathLike | bytes, *, trainable: Trainable = True, sizes: Sizes | None = None) -> OnnxModel:
    """The network in an ONNX file, as a module, in evaluation mode: it computes what the file says.

    source     the path of a file, or its bytes
    trainable  which of its floating constants gradients are for: by default those that are used as weights; False for none;
               a name or several, in which `*` stands for anything; or a function of name and array
    sizes      numbers for axes of the inputs to which the file gives a name, as {"batch": 8}; or the shape of an input, by its name,
               where the file declares one that is too narrow: {"images": (None, 3, 32, 32)} takes any number of images

    `model.train()` lets batch normalisation and dropout act as in training, whatever the file was exported for. Raises
    `DataError` for what is no such file, and `UnsupportedError` for operators that are not offered: for all of them at once.

    >>> model = tg.onnx.load("model.onnx", trainable=["head.*"])
    """
    return OnnxModel(read(source), trainable, sizes)


class OnnxModel(Module):
    """The network of a file. Its parameters have the file's names, and so have its inputs and outputs.

    file       what the file says
    trainable  see `load`
    sizes      numbers for named axes, or shapes of inputs; see `load`

    Call it with the inputs in the file's order, or by their names. One output is returned as it is, several as a tuple in the
    order of `output_names`.
    """

    def __init__(self, file: OnnxFile, trainable: Trainable = True, sizes: Sizes | None = None):
        expansion = Expansion(file)
        self._file = file
        self._plan = plan = GraphPlan(with_layers(file.graph), expansion)
        expansion.check()
        self._sizes = dict(sizes or {})
        self._inputs = [self._with_sizes(port) for port in file.graph.inputs]
        self._unknown_sizes(self._sizes, file.graph.inputs)
        weights, running = sort_constants(plan)
        train = chosen(trainable, weights, plan.constants)
        shelves = Shelves(self)
        for path, names in plan.operators_of_modules().items():
            shelves.open(path, names)
        for name, array in plan.constants.items():
            if name in running and name not in train:
                shelves.keep(name, array, None)
            elif name in train or name in weights:
                shelves.keep(name, array, name in train)
        self._kept_at = shelves.of
        self._constants: Values = {name: array for name, array in plan.constants.items() if name not in shelves.of}
        self._folded: Values | None = None
        self._tensors: dict[str, Any] = {}  # device -> (name, shape) -> what became a tensor there
        for name, buffer in self.named_buffers():
            buffer.name = name_in_pictures(name)
        plan.forget_constants(shelves.of)
        self.eval()

    @property
    def input_ports(self) -> list[Port]:
        """The inputs that a call needs, as the file declares them."""
        return [port for port in self._inputs if not self._is_given(port.name)]

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called that a call needs."""
        return [port.name for port in self.input_ports]

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called."""
        return list(self._plan.outputs)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The file's outputs for inputs in its order, or by their names."""
        values = self._checked(inputs, named)
        modules = dict(self.named_modules())
        kept = {name: vars(modules[path])[own] for name, (path, own) in self._kept_at.items()}
        device = _device([*values.values(), *kept.values()])
        overwritten = not values.keys().isdisjoint(self._constants)
        running = self._running(device, modules)
        if overwritten:
            outputs = running.run(self._plan, {**self._constants, **kept, **values})
        else:
            if self._folded is None:
                self._folded = self._fold(running)
                running.kept = self._folded
            outputs = running.run(self._plan, {**self._folded, **kept, **values}, folded=True)
        outputs = tuple(running.tensor(value) if _is_plain(value) else value for value in outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def symbols(self, default: int = 1, **sizes: int) -> tuple[Tensor, ...]:
        """Inputs that have the names, shapes and dtypes which the file declares, and no numbers: for pictures, and to try a call.

        sizes    numbers for axes with a name
        default  the number for axes that the file leaves open, and that are not given
        """
        self._unknown_sizes(sizes, self.input_ports)
        found = []
        for port in self.input_ports:
            if port.kind not in ("tensor", "") or port.dtype is None or port.shape is None:
                raise ShapeError(
                    f"the file does not say of which shape and dtype its input {port.name!r} is: make a tg.symbol"
                )
            shape = [size if isinstance(size, int) else sizes.get(str(size), default) for size in port.shape]
            found.append(symbol(tuple(shape), port.dtype, name=port.name))
        return tuple(found)

    def check_inputs(self, *inputs: Any, **named: Any) -> None:
        """Raises what a call would for inputs that do not fit the file's; only shapes and dtypes of them matter."""
        self._checked(inputs, named)

    def as_file(self) -> OnnxFile:
        """What the file says, with the weights and statistics as they are now: what `tg.onnx.export` writes."""
        modules = dict(self.named_modules())
        now = {name: vars(modules[path])[own].numpy() for name, (path, own) in self._kept_at.items()}
        graph = self._file.graph
        constants = {name: now.get(name, array) for name, array in graph.constants.items()}
        return self._file._replace(graph=graph._replace(constants=constants))

    def extra_repr(self) -> str:
        """Inputs with their shapes, and outputs."""
        inputs = ", ".join(f"{port.name}{_shape_text(port)}" for port in self.input_ports)
        return f"{inputs} -> {', '.join(self.output_names)}"

    def _is_given(self, name: str) -> bool:
        """Whether the file has a value for an input."""
        return name in self._kept_at or name in self._constants

    def _with_sizes(self, port: Port) -> Port:
        whole = self._sizes.get(port.name)
        if isinstance(whole, tuple | list):
            return port._replace(shape=tuple(whole))
        if port.shape is None:
            return port
        shape: list[Any] = [self._sizes.get(size, size) if isinstance(size, str) else size for size in port.shape]
        return port._replace(shape=tuple(shape))

    def _unknown_sizes(self, sizes: Sizes, ports: Sequence[Port]) -> None:
        named = {size for port in ports for size in port.shape or () if isinstance(size, str)}
        inputs = {port.name for port in self._inputs if isinstance(sizes.get(port.name), tuple | list)}
        unknown = sizes.keys() - named - inputs
        if unknown:
            raise OptionError(
                f"sizes={dict(sizes)}: no axis of an input is called {', '.join(sorted(unknown))}; "
                f"those that have a name are {', '.join(sorted(named)) or 'none'}"
            )

    def _checked(self, inputs: tuple, named: dict[str, Any]) -> Values:
        """The inputs by their names, each as the file declares it."""
        ports = {port.name: port for port in self._inputs}
        order = self.input_names
        if len(inputs) > len(order):
            raise OptionError(f"the model has {len(order)} inputs ({', '.join(order)}), and is given {len(inputs)}")
        given = dict(zip(order, inputs, strict=False))
        twice, unknown = given.keys() & named.keys(), named.keys() - ports.keys()
        if twice or unknown:
            word = "given twice" if twice else "no input of the model"
            raise OptionError(f"{', '.join(sorted(twice or unknown))}: {word}; its inputs are {', '.join(order)}")
        given.update(named)
        missing = [name for name in order if name not in given]
        if missing:
            raise OptionError(f"the model's inputs {', '.join(missing)} are missing; it has {', '.join(order)}")
        sizes: dict[str, tuple[int, str]] = {}
        return {name: _fitting(ports[name], value, sizes) for name, value in given.items()}

    def _running(self, device: Any, modules: Mapping[str, Module]) -> Running:
        tensors = self._tensors.setdefault(str(device), {})
        return Running(device, self.training, modules, self._folded or self._constants, tensors)

    def _fold(self, running: Running) -> Values:
        """All that is constant, computed; and of it what other steps take, or what is put out."""
        values = dict(self._constants)
        for step in self._plan.steps:
            if step.constant:
                running.take(step, values)
        needed = {name for step in self._plan.steps if not step.constant for name in step.takes}
        needed.update(self._plan.outputs)
        return {name: value for name, value in values.items() if name in needed}


def _fitting(port: Port, value: Any, sizes: dict[str, tuple[int, str]]) -> Any:
    """A value for an input, checked against what the file declares, and against the sizes that other inputs have."""
    if port.kind in ("sequence", "optional") or value is None:
        return value
    if isinstance(value, numpy.ndarray) and value.dtype not in SUPPORTED:
        if port.dtype in (None, value.dtype):
            return value
        raise DTypeError(f"input {port.name!r} is {port.dtype}, and is given an array of {value.dtype}")
    if not isinstance(value, Tensor | numpy.ndarray | numpy.generic):
        value = numpy.asarray(value, dtype=port.dtype)
    if not isinstance(value, Tensor):
        value = as_tensor(value)
        value.name = port.name
    if port.dtype is not None and value.dtype != port.dtype:
        raise DTypeError(
            f"input {port.name!r} of the model is {port.dtype}, and is given {value._described()}: convert it, as in "
            f"x.astype({str(port.dtype)!r})"
        )
    if port.shape is None:
        return value
    fits = len(port.shape) == value.ndim
    for own, size in zip(port.shape, value.shape, strict=False) if fits else ():
        if isinstance(own, str):
            other, where = sizes.setdefault(own, (size, port.name))
            if other != size:
                raise ShapeError(
                    f"the axis {own!r} is {size} long in the input {port.name!r}, {value._described()}, and {other} in {where!r}"
                )
        fits = fits and (own in (size, None) or isinstance(own, str))
    if not fits:
        wider = ", ".join(
            "None" if own != size else str(own) for own, size in zip(port.shape, value.shape, strict=False)
        )
        hint = f'; if it is right for others too, load it with sizes={{"{port.name}": ({wider})}}' if wider else ""
        raise ShapeError(
            f"input {port.name!r} of the model has the shape {_shape_text(port)}, and is given {value._described()}"
            + hint * (len(port.shape) == value.ndim)
        )
    return value


def _shape_text(port: Port) -> str:
    if port.shape is None:
        return ""
    return f"({', '.join('?' if size is None else str(size) for size in port.shape)}{',' * (len(port.shape) == 1)})"


def _device(values: list) -> Any:
    """The first device that is one, of inputs and parameters."""
    for value in values:
        if isinstance(value, Tensor) and not value.symbolic:
            return value.device
    return None


def _is_plain(value: Any) -> bool:
    return isinstance(value, numpy.ndarray | numpy.generic) and value.dtype in SUPPORTED
