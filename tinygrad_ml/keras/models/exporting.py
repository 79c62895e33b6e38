"""`model.export("name.onnx", format="onnx")`: a model as a file that ONNX Runtime runs.

Read next: `../../onnx/export/`.
"""

from __future__ import annotations

import os
from typing import Any

from ...errors import OptionError
from ...functional import zeros
from ...onnx import export
from ...onnx.export.exporting import USUAL_OPSET
from ...structure import leaves, mapped
from ..layers.input_spec import InputSpec
from ..layers.symbols import KerasTensor, partial_shape

EXAMPLE = 32
"""A size that stands for any: it is halved a few times in many networks."""


def export_onnx(
    model: Any, filepath: str | os.PathLike[str], input_signature: Any = None, opset_version: int | None = None
) -> None:
    """Write a model as ONNX; see `Model.export`."""
    given = _inputs_of(model) if input_signature is None else input_signature
    if isinstance(given, (list, tuple)) and len(given) == 1:
        (given,) = given
    specs = leaves(given)
    if not specs or not all(hasattr(spec, "shape") for spec in specs):
        raise OptionError(
            f"input_signature={input_signature!r} should be InputSpecs or tensors, in the structure of the inputs"
        )
    if not model.built:  # its weights are made where it is called
        made = iter([zeros((1, *shape[1:]), dtype=dtype) for shape, dtype in map(_example, specs)])
        model(mapped(lambda _: next(made), given))
    shapes = iter([_example(spec) for spec in specs])
    export(
        model,
        [mapped(lambda _: next(shapes), given)],
        filepath,
        dynamic=[_sizes(spec, k) for k, spec in enumerate(specs)],
        opset=USUAL_OPSET if opset_version is None else opset_version,
        input_names=_names(specs),
    )


def _inputs_of(model: Any) -> Any:
    """The symbols that the model is made of, or the shape of what it was built for."""
    inputs = getattr(model, "inputs", None)
    if inputs:
        return inputs
    built = (model.get_build_config() or {}).get("input_shape")
    if not built or not isinstance(built[0], (int, type(None))):
        raise OptionError(
            f"it is not known what {model.name!r} is given: call it once, or say it, as in "
            f"input_signature=[keras.InputSpec(shape=(None, 784))]"
        )
    return InputSpec(shape=built)


def _shape_of(spec: Any) -> tuple[int | None, ...]:
    """A shape, with None for any size."""
    shape = partial_shape(spec) if isinstance(spec, KerasTensor) else spec.shape
    if shape is None:
        raise OptionError(f"the shape of {spec!r} is not known; name one by input_signature=")
    return tuple(shape)


def _example(spec: Any) -> tuple[tuple[int, ...], Any]:
    """A shape that fits, and a dtype."""
    return tuple(EXAMPLE if n is None else int(n) for n in _shape_of(spec)), getattr(spec, "dtype", None) or "float32"


def _sizes(spec: Any, place: int) -> dict[int, str]:
    """The axes of any size: the first counts samples."""
    return {axis: f"size_{place}_{axis}" if axis else "batch" for axis, n in enumerate(_shape_of(spec)) if n is None}


def _names(specs: list[Any]) -> list[str] | None:
    """What the inputs are called, if each has a name of its own."""
    names = [str(getattr(spec, "name", None) or "") for spec in specs]
    return names if all(names) and len(set(names)) == len(names) else None
