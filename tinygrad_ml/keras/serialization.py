"""Objects that can be written into a file and made again: from the arguments that they were made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy

from ..errors import CheckpointError, OptionError
from .naming import bound_arguments, snake_case

_registered: dict[str, Any] = {}
_CLASS = "class_name"


class Configurable:
    """Remembers its arguments. `get_config` gives them as plain values, from which `from_config` makes an equal object."""

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls)
        object.__setattr__(made, "_arguments", bound_arguments(cls.__init__, args, kwargs))
        return made

    def get_config(self) -> dict[str, Any]:
        """The arguments that it was made with, as numbers, strings, lists and dictionaries."""
        return {name: serialize(value) for name, value in self._arguments.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """An object made with these arguments."""
        return cls(**{name: deserialize(value) for name, value in config.items()})


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """A decorator: `load_model` then knows this class or function without being told."""

    def register(thing):
        _registered[name or thing.__name__] = thing
        return thing

    return register


def serialize(value: Any) -> Any:
    """`value` as what a file can hold."""
    if isinstance(value, Configurable):
        return {_CLASS: _label(type(value)), "config": value.get_config()}
    if isinstance(value, Mapping):
        return {key: serialize(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [serialize(part) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, numpy.generic):
        return value.item()
    if callable(value):
        if value.__name__ == "<lambda>":
            raise CheckpointError(
                "a lambda has no name to be saved by: use a function, registered or in custom_objects"
            )
        return {_CLASS: "function", "config": value.__name__}
    return value


def _label(kind: type) -> str:
    """The name of a class, behind that of its module if it is one of ours: a loss and a metric may share a name."""
    ours = kind.__module__.startswith(f"{__package__}.")
    return f"{kind.__module__.removeprefix(f'{__package__}.').split('.')[0]}.{kind.__name__}" if ours else kind.__name__


def deserialize(value: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What `serialize` was given. Raises `CheckpointError` for a class or function that nobody knows."""
    if isinstance(value, Mapping):
        if set(value) == {_CLASS, "config"}:
            with_function = value[_CLASS] == "function"
            found = _find(value["config"] if with_function else value[_CLASS], custom_objects)
            if with_function:
                return found
            with custom_object_scope(custom_objects or {}):
                return found.from_config(value["config"])
        return {key: deserialize(part, custom_objects) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [deserialize(part, custom_objects) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    return value


class custom_object_scope:
    """Inside, `load_model` and `from_config` know these classes and functions: {name: object}."""

    def __init__(self, custom_objects: Mapping[str, Any]):
        self.custom_objects = custom_objects

    def __enter__(self) -> None:
        self.before = dict(_registered)
        _registered.update(self.custom_objects)

    def __exit__(self, *_) -> None:
        _registered.clear()
        _registered.update(self.before)


def _find(name: str, custom_objects: Mapping[str, Any] | None) -> Any:
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    if name in _registered:
        return _registered[name]
    from . import activations, constraints, initializers, layers, losses, metrics, models, optimizers, regularizers

    rooms = (activations, losses, metrics, layers, models, optimizers, initializers, regularizers, constraints)
    module, _, own = name.rpartition(".")
    for room in (*rooms, optimizers.schedules):
        if own in vars(room) and module in ("", room.__name__.split(".")[2]):
            return vars(room)[own]
    raise CheckpointError(
        f"nobody knows {name!r}: pass custom_objects={{{name!r}: ...}}, or put "
        f"@keras.saving.register_keras_serializable() above its definition"
    )


def by_name(what: str, identifier: Any, classes: Iterable[type], aliases: Mapping[str, Any]) -> Any:
    """The object that a user means by a name, a config, a class, or the object itself.

    what     what is looked for, for the message
    classes  known by their name, as `GlorotUniform` or `glorot_uniform`
    aliases  other names of classes, or of functions

    Raises `OptionError`, which lists the names that there are.
    """
    if identifier is None:
        return None
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    if not isinstance(identifier, str):
        if callable(identifier) or isinstance(identifier, Configurable):
            return identifier
        raise OptionError(f"{identifier!r} is no {what}: give its name, or an object of its class")
    known = {**{cls.__name__: cls for cls in classes}, **{snake_case(cls.__name__): cls for cls in classes}, **aliases}
    found = known.get(identifier, _registered.get(identifier))
    if found is None:
        raise OptionError(f"there is no {what} {identifier!r}; there are {', '.join(sorted(map(str, known)))}")
    return found() if isinstance(found, type) else found
