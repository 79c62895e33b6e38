"""Parameters that are computed of others, each time they are asked for: weight = parametrization(original).

A module with such a parameter keeps what it is computed of in `module.parametrizations.weight`, and gets a class of its own, in which
`weight` is a property. So gradients flow to the original, optimisers step it, it is saved, and a picture shows what is made of it.

Read next: `parametrizations.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from ...errors import DTypeError, OptionError, ShapeError
from ...modes import no_grad
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter, put


class _WithParametrizations(Module):
    """What the class of a module has besides its own, while tensors of it are computed of others."""

    parametrizations: ModuleDict


class ParametrizationList(ModuleList):
    """What a tensor is computed of, and by which modules, one after the other: called, it gives the tensor.

    original            the tensor that the first of them takes
    original0, ...      the tensors that it takes, if its `right_inverse` gives several
    """

    def __init__(self, modules: Iterable[Module], original: Tensor):
        super().__init__(modules)
        with no_grad():
            given = self._inverted(original)
        self.count = len(given) if isinstance(given, tuple) else None
        if not isinstance(given, tuple):
            put(original, given.detach()._data)
            self._keep("original", original)
            return
        for k, part in enumerate(given):
            own = part.detach()
            self._keep(
                f"original{k}", Parameter(own, original.requires_grad) if isinstance(original, Parameter) else own
            )

    def _keep(self, name: str, tensor: Tensor) -> None:
        if isinstance(tensor, Parameter):
            tensor.name = None
            self.register_parameter(name, tensor)
        else:
            self.register_buffer(name, tensor)

    def originals(self) -> list[Tensor]:
        """The tensors that the first parametrization takes."""
        names = ["original"] if self.count is None else [f"original{k}" for k in range(self.count)]
        return [getattr(self, name) for name in names]

    def _inverted(self, value: Tensor) -> Any:
        """What the tensor has to be computed of, to be this one."""
        given: Any = value
        for module in reversed(list(self.children())):
            if hasattr(module, "right_inverse"):
                given = cast(Any, module).right_inverse(given)
        return given

    def right_inverse(self, value: Tensor) -> None:
        """Overwrite the originals, so that the tensor becomes `value`."""
        with no_grad():
            given = self._inverted(value)
            for own, part in zip(self.originals(), given if isinstance(given, tuple) else (given,), strict=True):
                own.assign(part)

    def forward(self) -> Tensor:
        first, *others = self.children()
        value = first(*self.originals())
        for module in others:
            value = module(value)
        return value


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer of a module be computed by `parametrization(original)`. Returns the module.

    parametrization  a module. Its `right_inverse(value)`, if it has one, says of what `value` is computed: a tensor, or a tuple
                     of tensors, which it then takes. Without one, what was the parameter becomes the original
    unsafe           whether the shape or dtype may become another

    A second parametrization takes what the first one gives. Assigning to the parameter overwrites the originals.
    Raises `OptionError` if the module has no such tensor, `ShapeError` and `DTypeError` if shape or dtype changes.
    """
    listed = _list_of(module, tensor_name)
    if listed is not None:
        before = getattr(module, tensor_name)
        _check(parametrization(before), before, unsafe, parametrization)
        if hasattr(parametrization, "right_inverse"):
            listed.append(parametrization)
            listed.right_inverse(before)
        else:
            listed.append(parametrization)
        return module
    original = vars(module).get(tensor_name)
    if not isinstance(original, Tensor):
        known = ", ".join(
            name for name, _ in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        )
        raise OptionError(
            f"a {type(module).__name__} has no parameter or buffer {tensor_name!r} of its own; it has {known}"
        )
    before = Tensor(original._data)
    listed = ParametrizationList([parametrization], original)
    try:
        with no_grad():
            _check(listed(), before, unsafe, parametrization)
    except Exception:
        put(original, before._data)
        original.name = None
        setattr(module, tensor_name, original)
        raise
    delattr(module, tensor_name)
    module._buffers = {name: saved for name, saved in module._buffers.items() if name != tensor_name}
    if not isinstance(module, _WithParametrizations):
        cls = type(module)
        bases: Any = (cls, _WithParametrizations)
        module.__class__ = type(f"Parametrized{cls.__name__}", bases, {"__module__": cls.__module__})
        module.register_module("parametrizations", ModuleDict())
    setattr(type(module), tensor_name, _computed(tensor_name))
    vars(module)["parametrizations"][tensor_name] = listed
    return module


def _check(value: Any, before: Tensor, unsafe: bool, parametrization: Module) -> None:
    if unsafe:
        return
    for what, kind in (("shape", ShapeError), ("dtype", DTypeError)):
        if getattr(value, what) != getattr(before, what):
            raise kind(
                f"{type(parametrization).__name__} makes {value._described()} of {before._described()}: a parametrization keeps shape and "
                f"dtype, if unsafe=True does not allow it to change them"
            )


def _computed(name: str) -> property:
    """An attribute that is what the parametrizations make of the originals."""
    return property(
        lambda module: module.parametrizations[name](),
        lambda module, value: module.parametrizations[name].right_inverse(value),
    )


def _list_of(module: Module, name: str) -> ParametrizationList | None:
    """What a tensor is computed of; None if it is not."""
    return (
        module.parametrizations[name]
        if isinstance(module, _WithParametrizations) and name in module.parametrizations
        else None
    )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the tensor of that name of a module is computed of others; without a name, whether any is."""
    return (
        isinstance(module, _WithParametrizations) if tensor_name is None else _list_of(module, tensor_name) is not None
    )


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Let a tensor be a parameter or buffer again. Returns the module.

    leave_parametrized  whether it keeps the numbers that were computed; or else it becomes the original, if there is one

    Raises `OptionError` if it is not parametrized.
    """
    listed = _list_of(module, tensor_name)
    if listed is None or not isinstance(module, _WithParametrizations):
        raise OptionError(f"{tensor_name!r} of a {type(module).__name__} is not parametrized")
    first = listed.originals()[0]
    if not leave_parametrized and listed.count is not None:
        raise OptionError(
            f"{tensor_name!r} of a {type(module).__name__} is computed of {listed.count} tensors: there is no single original to leave"
        )
    with no_grad():
        value = listed() if leave_parametrized else first
    if listed.count is None:
        put(first, value.detach()._data)
        value = first
    elif isinstance(first, Parameter):
        value = Parameter(value.detach(), first.requires_grad)
    delattr(type(module), tensor_name)
    delattr(module.parametrizations, tensor_name)
    if not len(module.parametrizations):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    value.name = None
    if isinstance(value, Parameter):
        module.register_parameter(tensor_name, value)
    else:
        module.register_buffer(tensor_name, value)
    return module
