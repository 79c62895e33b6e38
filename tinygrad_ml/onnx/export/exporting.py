"""`tg.onnx.export`: a module or any function of tensors as an ONNX file.

Read next: `inputs.py`, `watching.py`, `writer.py`, `model_file.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import DTypeError, OptionError
from ...nn import Module
from ..graph import OnnxGraph
from ..model import OnnxModel
from ..reading import onnx_package
from ..writing import file_proto
from . import rows as rows  # fills the table
from .inputs import Dynamic, GivenInputs, example, read
from .model_file import model_proto, newest_opset, save
from .varying import VaryingNumber
from .watching import see
from .wires import ExportProgram
from .writer import GraphWriter

OLDEST_OPSET, USUAL_OPSET = 17, 18


def export(
    model: Callable[..., Any],
    inputs: Any,
    path: str | os.PathLike[str],
    *,
    dynamic: Dynamic | None = None,
    opset: int | None = None,
    training: bool = False,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> OnnxGraph:
    """Write what a module, or a function of tensors, computes as an ONNX file, which other programs run.

    Nothing is computed: the function is recorded as by `tg.compile`, of inputs that have a shape and no numbers.

    model    a module; or any function of tensors, whose result is a tensor, or a structure of them. What it takes derivatives
             of is a graph as well
    inputs   what it is given: a shape, as in (100, 784), of float32; (shape, dtype); a tensor (of which only shape, dtype and
             `requires_grad` matter); a list of these for several arguments, each of which may be a list or a dictionary
             in turn; or a dictionary for arguments by name
    path     the file; one that is there is replaced when the new one is complete and has passed ONNX's checker
    dynamic  the axes whose sizes may be others when it is run, by name: {0: "batch"} for all inputs that have the axis, a list
             of such for each input, or {"tokens": {0: "batch", 1: "length"}}. The sizes in `inputs` are examples then, and
             the function is looked at with others too
    opset    the version of ONNX's operators, 17 or newer; 18 if none is given
    training whether modules are to act as in training: dropout drops, and batch norm uses the moments of its batch. Of functions
             the modules are as they are
    input_names, output_names  in place of those of the function's arguments, and of "output" or the keys of its result

    Parameters are the file's initialisers, by their paths, as in `state_dict()`. Nodes are called after the modules they are in, and
    carry them as metadata.

    What the function overwrites, as a training step does with parameters and the optimiser's state, is an input of the file by its
    name, with what it holds now as its default, and an output by that name and ".next": whoever runs the step gives the
    outputs back as inputs. Numbers that the host computes for each step (an optimiser's rate) are inputs likewise, with
    those of the next step as defaults.

    A model that `tg.onnx.load` has read is written as it stood in its file, with its weights as they are now: of the same
    operators, opset and names; `inputs` must fit it, and nothing more. Only if something is asked for by these options, it is
    written anew, with the same inputs and outputs.

    Returns the graph as plain data. Raises `OptionError`, which lists all at once that ONNX cannot express, with the modules it
    is in, or sizes that cannot vary; `DataError` without the package `onnx`. `CheckpointError` for a file that cannot be written.

    >>> tg.onnx.export(model, (100, 784), "model.onnx", dynamic={0: "batch"})
    """
    if not isinstance(path, (str, os.PathLike)):
        raise OptionError(f"export was given {path!r} as its path; the order is export(model, inputs, path)")
    newest = newest_opset()
    asked = (dynamic, opset, training or None, input_names, output_names)
    if isinstance(model, OnnxModel):
        input_names, output_names = _names_in_file(model, inputs, input_names, output_names)
    if isinstance(model, OnnxModel) and asked == (None,) * 5:
        given = read(model, inputs, None, input_names)
        args, kwargs = given.fill(example(given, {}))
        with _saying_dtypes(given):
            model.check_inputs(*args, **kwargs)
        file = model.as_file()
        save(file_proto(file), Path(path))
        return file.graph
    opset = USUAL_OPSET if opset is None else opset
    if not isinstance(opset, int) or not OLDEST_OPSET <= opset <= newest:
        raise OptionError(
            f"opset={opset!r} should be from {OLDEST_OPSET} to {newest}, the newest of onnx {onnx_package().__version__}"
        )
    if any(kind.__module__.startswith("torch.") for kind in type(model).__mro__):
        raise OptionError(
            f"{type(model).__name__} is a network of PyTorch, which torch.onnx.export writes; tg.onnx.load reads what it has written"
        )
    if not callable(model):
        raise OptionError(f"export takes a module or a function of tensors, and not {model!r}")
    given = read(model, inputs, dynamic, input_names)
    with _acting(model, training), _saying_dtypes(given):
        seen = see(model, given, given.sizes(), _names_of_state(model))
    if not seen.results and not seen.state:
        raise OptionError(f"{_title(model)} returns no tensor and changes none, so there is nothing to write")
    if output_names is not None:
        seen = _with_names(seen, output_names)
    graph = GraphWriter(seen, opset, _names_of_state(model), _axis_names(seen, given)).write()
    save(model_proto(graph, opset, _title(model)), Path(path))
    return graph


@contextmanager
def _saying_dtypes(given: GivenInputs) -> Iterator[None]:
    """Where a dtype does not fit, that of the inputs is said, too: a shape alone is one of floats."""
    try:
        yield
    except DTypeError as error:
        inputs = ", ".join(f"{name} {spec.dtype}" for name, spec in zip(given.names, given.specs, strict=True))
        error.add_note(f'exported with the inputs {inputs}; others than float32 are given as ((2, 3), "int64")')
        raise


def _names_in_file(
    model: OnnxModel, inputs: Any, input_names: Sequence[str] | None, output_names: Sequence[str] | None
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """What inputs and outputs were called in the file that the model was read from, where no other names are given."""
    if input_names is None and not isinstance(inputs, Mapping):
        input_names = model.input_names
    return input_names, model.output_names if output_names is None else output_names


@contextmanager
def _acting(model: Any, training: bool) -> Iterator[None]:
    """Inside, a module acts as in training, or as in use."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.training = training
        yield
    finally:
        for module, was in zip(modules, before, strict=True):
            module.training = was


def _names_of_state(model: Any) -> dict[int, str]:
    """What the parameters and buffers of a module are called, by their ids."""
    if not isinstance(model, Module):
        return {}
    found: dict[int, str] = {}
    for path, tensor in (*model.named_parameters(), *model.named_buffers()):
        found.setdefault(id(tensor), path)
    return found


def _axis_names(seen: ExportProgram, given: GivenInputs) -> dict[VaryingNumber, str]:
    """The names of sizes, by what they were in the recordings."""
    found: dict[VaryingNumber, str] = {}
    for (_, wire), spec in zip(seen.inputs, given.specs, strict=True):
        for axis, called in spec.axes.items():
            n = wire.shape[axis]
            if isinstance(n, VaryingNumber):
                found.setdefault(n, called)
    return found


def _with_names(seen: ExportProgram, names: Sequence[str]) -> ExportProgram:
    if len(names) != len(seen.results):
        raise OptionError(
            f"output_names={list(names)!r} should be {len(seen.results)} names: {[n for n, _ in seen.results]}"
        )
    return seen._replace(results=[(name, wire) for name, (_, wire) in zip(names, seen.results, strict=True)])


def _title(model: Any) -> str:
    return getattr(model, "__name__", None) or type(model).__name__
