"""What a function is given when it is exported: shapes, dtypes and names, and which sizes may be others later.

Read next: `watching.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from ...backend import dtypes
from ...errors import OptionError
from ...structure import mapped
from ...tensor import Tensor
from .varying import VaryingNumber
from .wires import ExportWire

Dynamic = Mapping[Any, Any] | Sequence[Mapping[int, str]]


class Spec(NamedTuple):
    """One input: its shape, dtype, which of its axes have a named size, and whether gradients flow to it."""

    shape: tuple[int, ...]
    dtype: numpy.dtype
    axes: dict[int, str]
    needs: bool = False

    def at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape where named sizes are these."""
        return tuple(sizes.get(self.axes.get(axis, ""), n) for axis, n in enumerate(self.shape))


class GivenInputs(NamedTuple):
    """All inputs of a function, in order.

    args, kwargs  the arguments of a call, with numbers of inputs in the places of tensors
    """

    names: list[str]
    specs: list[Spec]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def fill(self, tensors: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, by position and by keyword."""
        return mapped(lambda place: tensors[place], (self.args, self.kwargs))

    def wire(self, position: int) -> ExportWire:
        """An input of which the function uses nothing."""
        spec = self.specs[position]
        shape = tuple(VaryingNumber((n, n + 1)) if axis in spec.axes else n for axis, n in enumerate(spec.shape))
        return ExportWire(shape, spec.dtype)

    def sizes(self) -> dict[str, int]:
        """An example of each size that has a name: 2 at least, as a size of 1 is treated in a way of its own in many places."""
        found: dict[str, int] = {}
        for name, spec in zip(self.names, self.specs, strict=True):
            for axis, called in spec.axes.items():
                n = max(spec.shape[axis], 2)
                if found.setdefault(called, n) != n:
                    raise OptionError(
                        f"the size {called!r} is {found[called]} in one input and {spec.shape[axis]} in {name!r}; "
                        f"give other names to sizes that may differ"
                    )
        return found


def example(given: GivenInputs, sizes: Mapping[str, int]) -> list[Tensor]:
    """Tensors that may stand for the inputs: they take no memory, and their numbers are never looked at."""
    made = []
    for spec in given.specs:
        tensor = Tensor(numpy.broadcast_to(numpy.zeros((), spec.dtype), spec.at(sizes)))
        tensor.requires_grad = spec.needs
        made.append(tensor)
    return made


def read(function: Callable, inputs: Any, dynamic: Dynamic | None, names: Sequence[str] | None) -> GivenInputs:
    """What `inputs=`, `dynamic=` and `input_names=` say.

    Raises `OptionError` for what is no shape, and for axes that there are not.
    """
    if isinstance(inputs, Mapping):
        args, kwargs = (), dict(inputs)
    else:
        args, kwargs = (inputs,) if _is_one(inputs) else inputs if isinstance(inputs, (list, tuple)) else (), {}
    specs: list[Spec] = []
    args, kwargs = (
        tuple(_numbered(one, specs) for one in args),
        {key: _numbered(one, specs) for key, one in kwargs.items()},
    )
    if not specs:
        raise OptionError(f"inputs={inputs!r} is neither a shape, as in (100, 784), nor several of them: {_FORMS}")
    called = list(names) if names is not None else _names_of(function, args, kwargs)
    if len(called) != len(specs) or len(set(called)) != len(called):
        if names is None:
            raise OptionError(f"the inputs have the names {', '.join(called)}: give each another one by input_names=")
        raise OptionError(f"input_names={names!r} should be a list of {len(specs)} names, each another one")
    axes = [_axes(dynamic, place, name, called) for place, name in enumerate(called)]
    everywhere = isinstance(dynamic, Mapping) and not _is_by_name(dynamic)
    specs = [
        spec._replace(axes=_within(spec, own, name, everywhere and len(specs) > 1))
        for spec, own, name in zip(specs, axes, called, strict=True)
    ]
    return GivenInputs(called, specs, args, kwargs)


_FORMS = (
    "a shape is a tuple of integers, where sizes that vary have an example, and a name by dynamic=; (shape, dtype) for others than float32; or give a tensor; a list for several inputs, of "
    "which each may be a list or a dictionary in turn"
)


def _numbered(one: Any, specs: list[Spec]) -> Any:
    """An argument with numbers in the places of what stands for tensors, which is added to `specs`."""
    if not _is_one(one):
        if isinstance(one, Mapping) and one:
            return {key: _numbered(item, specs) for key, item in one.items()}
        if isinstance(one, (list, tuple)) and one and not _is_shape(one):
            return type(one)([_numbered(item, specs) for item in one])
    specs.append(_spec(one))
    return len(specs) - 1


def _is_shape(one: Any) -> bool:
    return isinstance(one, (tuple, list)) and all(isinstance(n, (int, numpy.integer)) for n in one)


def _is_one(one: Any) -> bool:
    if hasattr(one, "shape") and hasattr(one, "dtype"):
        return True
    if _is_shape(one):
        return isinstance(one, tuple)
    return isinstance(one, tuple) and len(one) == 2 and _is_shape(one[0]) and _is_dtype(one[1])


def _is_dtype(what: Any) -> bool:
    return isinstance(what, (str, type, numpy.dtype)) or what is bool


def _spec(one: Any) -> Spec:
    if hasattr(one, "shape") and hasattr(one, "dtype"):
        return Spec(tuple(one.shape), dtypes.as_dtype(one.dtype), {}, bool(getattr(one, "requires_grad", False)))
    if _is_shape(one):
        shape, dtype = one, dtypes.DEFAULT_FLOAT
    elif _is_one(one):
        shape, dtype = one[0], dtypes.as_dtype(one[1])
    else:
        raise OptionError(f"{one!r} does not say what an input is: {_FORMS}")
    shape = tuple(int(n) for n in shape)
    if any(n < 0 for n in shape):
        raise OptionError(f"{shape} is no shape: name sizes that may vary by dynamic=, as in dynamic={{0: 'batch'}}")
    return Spec(shape, numpy.dtype(dtype), {})


def _names_of(function: Callable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """What the function calls its arguments, and what is in them."""
    try:
        parameters = list(inspect.signature(getattr(function, "forward", function)).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    count = len(args) - len(names)
    if count > 0 and parameters and all(p.kind != p.VAR_POSITIONAL for p in parameters):
        raise OptionError(f"the function takes {len(names)} inputs ({', '.join(names)}), and inputs= has {len(args)}")
    rest = ["input"] if count == 1 else [f"input.{k}" for k in range(count)]
    found: list[str] = []
    for name, part in (*zip([*names[: len(args)], *rest], args, strict=True), *kwargs.items()):
        _name(name, part, found)
    return found


def _name(name: str, part: Any, found: list[str]) -> None:
    if isinstance(part, int):
        found.append(name)
    else:
        for key, item in part.items() if isinstance(part, Mapping) else enumerate(part):
            _name(f"{name}.{key}", item, found)


def _axes(dynamic: Dynamic | None, place: int, name: str, names: list[str]) -> dict[int, str]:
    """The named sizes of one input."""
    if not dynamic:
        return {}
    parts = dynamic
    if isinstance(dynamic, Mapping):
        parts = [dynamic.get(name, {})] if _is_by_name(dynamic) else [dynamic]
    if not isinstance(parts, Sequence) or not all(isinstance(part, Mapping) for part in parts):
        raise OptionError(
            f"dynamic={dynamic!r} should name axes, as in dynamic={{0: 'batch'}}, which may stand in a list, one for each input, "
            f"or by the name of an input, as in {{{name!r}: {{0: 'batch'}}}}"
        )
    if not isinstance(dynamic, Mapping):
        if len(dynamic) != len(names):
            raise OptionError(f"dynamic= has {len(dynamic)} dictionaries for {len(names)} inputs")
        return dict(dynamic[place])
    if _is_by_name(dynamic):
        unknown = [key for key in dynamic if key not in names]
        if unknown:
            raise OptionError(f"dynamic= names an input {unknown[0]!r}; there are {', '.join(map(repr, names))}")
        return dict(dynamic.get(name, {}))
    return dict(dynamic)


def _is_by_name(dynamic: Any) -> bool:
    return isinstance(dynamic, Mapping) and any(isinstance(key, str) for key in dynamic)


def _within(spec: Spec, axes: dict[int, str], name: str, lenient: bool) -> dict[int, str]:
    """Axes counted from the left. Of a dictionary for all inputs, each takes those that it has."""
    found = {}
    for axis, called in axes.items():
        if not isinstance(axis, int) or not isinstance(called, str) or not called:
            raise OptionError(f"dynamic={{{axis!r}: {called!r}}} should name an axis, as in dynamic={{0: 'batch'}}")
        if not -len(spec.shape) <= axis < len(spec.shape):
            if lenient:
                continue
            raise OptionError(
                f"dynamic= names axis {axis} of input {name!r}, which has shape {spec.shape}: axes are counted from 0"
            )
        found[axis % len(spec.shape)] = called
    return found
