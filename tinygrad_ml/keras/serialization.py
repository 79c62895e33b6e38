"""Objects that can be written into a file and made again: from the arguments that they were made with.

What is written has the form that Keras gives it, so that it can be read by both:

    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3, ...}, "registered_name": None}

Nothing that is read is imported or run: a class is one of this package's, which has told of itself when it was defined, or
one that the program has told of, by `register_keras_serializable`, `custom_object_scope` or `custom_objects=`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter
from types import FunctionType
from typing import Any, Self

import numpy

from ..errors import CheckpointError, OptionError
from ..functional import tensor
from ..tensor import Tensor
from .arguments import bound_arguments, options_of
from .checks import alike
from .naming import snake_case

_registered: dict[str, Any] = {}  # "package>name" -> class or function, of the program's
_offered: dict[str, dict[str, Any]] = {}  # room, such as "layers" -> name -> class or function, of this package's
_CLASS = "class_name"


def offer(room: str, things: Mapping[str, Any]) -> None:
    """Let functions and classes of this package be found by these names, as those of `keras.<room>`."""
    _offered.setdefault(room, {}).update(things)


class Configurable:
    """Remembers its arguments. `get_config` gives them as plain values, from which `from_config` makes an equal object.

    For a class of this package these are all options of its constructor, as they are now. A class of a user's own adds
    what it was made with, or writes a `get_config` that adds to `super().get_config()`.
    """

    _arguments: dict[str, Any]
    _unwritten: tuple[str, ...] = ()  # options that Keras does not write
    name: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if _is_ours(cls) and not cls.__name__.startswith("_"):
            if (above := cls.__mro__[1]).__name__.startswith("_"):
                cls.__doc__ = cls.__doc__ or above.__doc__  # of layers that differ in their number of axes, say
            offer(_room(cls), {cls.__name__: cls})

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        object.__setattr__(made, "_arguments", bound_arguments(cls.__init__, args, kwargs))
        return made

    def get_config(self) -> dict[str, Any]:
        """The options that make an equal object, as numbers, strings, lists and dictionaries."""
        ours = next(kind for kind in type(self).__mro__ if _is_ours(kind))
        config = {name: value for name, value in self._options(ours).items() if name not in self._unwritten}
        written_here = next(kind for kind in type(self).__mro__ if "get_config" in vars(kind))
        if ours is type(self) or not _is_ours(written_here):
            return config
        rest = [name for name in self._arguments if name.startswith("*")]
        if rest:
            raise CheckpointError(
                f"{type(self).__name__} was made with {rest[0]}, which cannot be given by name: write get_config() and "
                f"from_config(), or take these as one list"
            )
        taken = options_of(type(self))
        config = {name: value for name, value in config.items() if name in taken}
        return config | {name: serialize(value) for name, value in self._arguments.items()} | self._name_option(taken)

    def _name_option(self, taken: Mapping[str, Any]) -> dict[str, Any]:
        """The name that it has, where the constructor takes one."""
        return {"name": self.name} if "name" in taken and hasattr(self, "name") else {}

    def _options(self, kind: type) -> dict[str, Any]:
        """The options of a constructor of this package's."""
        return {name: serialize(self._option(name, default)) for name, default in options_of(kind).items()}

    def _option(self, name: str, default: Any) -> Any:
        """An option: the attribute of its name, or what was given for it."""
        return vars(self).get(name, self._arguments.get(name, default))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """An object made with these options; custom_objects are {name: class or function} of your own in it."""
        return cls(**{name: deserialize(value, custom_objects) for name, value in config.items()})


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith(f"{__package__}.")


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """A decorator: `load_model` then knows this class or function, as "package>name", without being told."""

    def register(thing: Any) -> Any:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise OptionError(f"{thing.__name__} has no get_config(), so it cannot be written: define it, or derive")
        _registered[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, or else its own."""
    return next((name for name, known in _registered.items() if known is obj), obj.__name__)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """The class or function that was registered under a name; None if there is none."""
    return next(
        (known[name] for known in (_registered, custom_objects, module_objects) if known and name in known), None
    )


def get_custom_objects() -> dict[str, Any]:
    """{name: class or function} of all that was registered. What is put into it is known everywhere."""
    return _registered


class custom_object_scope:
    """Inside, `load_model` and `from_config` know these classes and functions: {name: object}."""

    def __init__(self, custom_objects: Mapping[str, Any]):
        self.custom_objects = custom_objects

    def __enter__(self) -> custom_object_scope:
        self.before = dict(_registered)
        _registered.update(self.custom_objects)
        return self

    def __exit__(self, *_: Any) -> None:
        _registered.clear()
        _registered.update(self.before)


class _SharedObjects(threading.local):
    """What has been written, or made, in the innermost `sharing()`."""

    written: dict[int, tuple[int, Any]] | None = (
        None  # id -> (number, the thing, which is kept so that no other gets it)
    )
    made: dict[int, Any] | None = None
    compiled = False


_shared = _SharedObjects()


@contextmanager
def sharing(compiled: bool = False) -> Iterator[None]:
    """Inside, a layer that stands in several places is written with a number, and made once.

    compiled  whether models are written with what `compile` was told
    """
    before = _shared.written, _shared.made, _shared.compiled
    _shared.written, _shared.made, _shared.compiled = {}, {}, compiled
    try:
        yield
    finally:
        _shared.written, _shared.made, _shared.compiled = before


def serialize(obj: Any) -> Any:
    """`obj` as what a file can hold. Raises `CheckpointError` for what has no name to be found by."""
    if isinstance(obj, Tensor):
        return {_CLASS: "__tensor__", "config": {"value": obj.numpy().tolist(), "dtype": str(obj.dtype)}}
    if isinstance(obj, numpy.ndarray) and obj.ndim:
        return {_CLASS: "__numpy__", "config": {"value": obj.tolist(), "dtype": str(obj.dtype)}}
    if isinstance(obj, (numpy.generic, numpy.ndarray)):
        return obj.item()
    if isinstance(obj, Mapping):
        return {key: serialize(part) for key, part in obj.items()}
    if isinstance(obj, (list, tuple)):
        parts = [serialize(part) for part in obj]
        return tuple(parts) if isinstance(obj, tuple) else parts
    if isinstance(obj, type):
        return {
            "module": _module(obj),
            _CLASS: obj.__name__,
            "config": None,
            "registered_name": _registered_name(obj),
        }
    if hasattr(obj, "get_config"):
        return _with_class(obj)
    if callable(obj):
        name = getattr(obj, "__name__", "<lambda>")
        if name == "<lambda>":
            raise CheckpointError(
                "a lambda has no name to be saved by: use a function, registered or in custom_objects"
            )
        return {
            "module": "builtins",
            _CLASS: "function",
            "config": name,
            "registered_name": get_registered_name(obj),
        }
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, bytes):
        return {_CLASS: "__bytes__", "config": {"value": obj.decode("latin-1")}}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {_CLASS: "__slice__", "config": serialize(parts)}
    if obj is Ellipsis:
        return {_CLASS: "__ellipsis__", "config": {}}
    if isinstance(obj, numpy.dtype):
        return obj.name
    raise CheckpointError(
        f"{type(obj).__name__} cannot be written into a file: give it get_config() and from_config(), and put "
        f"@keras.saving.register_keras_serializable() above its definition"
    )


def _with_class(value: Any) -> dict[str, Any]:
    kind = type(value)
    written = {
        "module": _module(kind),
        _CLASS: kind.__name__,
        "config": serialize(value.get_config()),
        "registered_name": _registered_name(kind),
    }
    build_config = value.get_build_config() if hasattr(value, "get_build_config") else None
    if build_config is not None:
        written["build_config"] = serialize(build_config)
    if _shared.compiled and getattr(value, "compiled", False):
        written["compile_config"] = serialize(value.get_compile_config())
    if _shared.written is not None and hasattr(kind, "weights"):
        number, _ = _shared.written.setdefault(id(value), (len(_shared.written), value))
        written["shared_object_id"] = number
    return written


def _room(kind: type) -> str:
    """The part of Keras that has a class of ours: "layers", "optimizers.schedules"."""
    room, *files = kind.__module__.removeprefix(f"{__package__}.").split(".")
    return f"{room}.schedules" if files == ["schedules"] else room


def _module(kind: type) -> str:
    """Where Keras has a class of ours; where a class of somebody else's was defined."""
    if not _is_ours(kind):
        return kind.__module__
    if kind.__name__ == "Functional":  # which Keras keeps for itself
        return "keras.src.models.functional"
    room = _room(kind)
    return "keras" if room == "models" else f"keras.{room}"


def _registered_name(kind: type) -> str | None:
    return None if _is_ours(kind) else get_registered_name(kind)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """What `serialize` was given. Raises `CheckpointError` for a class or function that nobody knows.

    safe_mode  is accepted: nothing that is read is ever run
    """
    with custom_object_scope(custom_objects or {}):
        return _make(config)


def _make(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        parts = [_make(part) for part in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if not isinstance(value, Mapping):
        return value
    if _CLASS not in value or "config" not in value:
        return {key: _make(part) for key, part in value.items()}
    name, config = value[_CLASS], value["config"]
    if name in _PLAIN:
        return _PLAIN[name](config)
    if name == "function":
        return _find(value, config, FunctionType)
    number = value.get("shared_object_id")
    if _shared.made and number in _shared.made:
        return _shared.made[number]
    kind = _find(value, name, type)
    if config is None:
        return kind
    try:
        made = kind.from_config(config)
    except (TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{name} cannot be made from its config: {error}. Its get_config() must give what its constructor takes, or "
            f"what its from_config() reads"
        ) from error
    if value.get("build_config"):
        made.build_from_config(_make(value["build_config"]))
    if value.get("compile_config"):
        made.compile_from_config(value["compile_config"])
    if _shared.made is not None and number is not None:
        _shared.made[number] = made
    return made


_PLAIN: dict[str, Callable] = {
    "__tensor__": lambda config: tensor(config["value"], dtype=config["dtype"]),
    "__numpy__": lambda config: numpy.array(config["value"], config["dtype"]),
    "__bytes__": lambda config: config["value"].encode("latin-1"),
    "__slice__": lambda config: slice(config["start"], config["stop"], config["step"]),
    "__ellipsis__": lambda config: Ellipsis,
    "DTypePolicy": lambda config: config["name"],
    "__lambda__": lambda config: _refuse_code(),
}
"""What is written by its value."""


def _refuse_code() -> None:
    raise CheckpointError(
        "the file holds code of Python, of a lambda, which is not run: in the program that writes it, make it a function "
        "with a name, under @keras.saving.register_keras_serializable(), or a layer"
    )


def _find(value: Mapping[str, Any], name: Any, kind: type) -> Any:
    """The class or function that was written: of the program, or else of this package."""
    if not isinstance(name, str):
        raise CheckpointError(f"a class or function is written by its name, and not as {name!r}")
    for known_as in (value.get("registered_name"), name):
        if known_as in _registered:
            return _registered[known_as]
    ending = [thing for known_as, thing in _registered.items() if known_as.endswith(f">{name}")]
    if ending:
        return ending[-1]
    first, _, own = name.rpartition(".")  # "layers.Dense", as older files have it
    room = first or str(value.get("module", "builtins")).removeprefix("keras").removeprefix(".src").strip(".")
    if str(value.get("module")).partition(".")[0] == "keras" and value.get("registered_name") not in (None, "", name):
        raise CheckpointError(f"{name!r} of Keras cannot be {value['registered_name']!r}, which nobody has registered")
    asked = [there for there in _offered if f"{room}.".startswith(f"{there}.") or there.startswith(f"{room}.")]
    for there in asked or _offered:
        found = _offered[there].get(own)
        if isinstance(found, kind):
            return found
    raise CheckpointError(
        f"nobody knows {name!r}: pass custom_objects={{{name!r}: ...}}, or put "
        f"@keras.saving.register_keras_serializable() above its definition"
    )


def by_name(what: str, identifier: Any, base: type | None, aliases: Mapping[str, Any] = {}) -> Any:
    """The object that a user means by a name, a config, a class, or the object itself.

    what     what is looked for, for the message
    base     of the classes, which are known by their names, as `GlorotUniform` or `glorot_uniform`; None if there are none
    aliases  other names of classes, or of functions

    Raises `OptionError`, which lists the names that there are.
    """
    if identifier is None:
        return None
    if isinstance(identifier, type):
        return identifier()
    if not isinstance(identifier, (str, Mapping)):
        if callable(identifier) or isinstance(identifier, Configurable):
            return identifier
        raise OptionError(f"{identifier!r} is no {what}: give its name, or an object of its class")
    classes = [] if base is None else [cls for cls in _offered_classes() if issubclass(cls, base) and cls is not base]
    known = {**{cls.__name__: cls for cls in classes}, **{snake_case(cls.__name__): cls for cls in classes}, **aliases}
    if isinstance(identifier, Mapping):
        found = known.get(str(identifier.get(_CLASS)))
        return found.from_config(identifier["config"]) if isinstance(found, type) else deserialize(identifier)
    found = known.get(identifier, _registered.get(identifier, _registered.get(f"Custom>{identifier}")))
    if found is None:
        raise OptionError(
            f"there is no {what} {identifier!r}{alike(identifier, known)}; there are {', '.join(sorted(map(str, known)))}"
        )
    return found() if isinstance(found, type) else found


def _offered_classes() -> list[type]:
    """The classes of this package that make an object without being told anything."""
    things = [thing for room in _offered.values() for thing in room.values()]
    told = lambda kind: next(iter(options_of(kind).values()), None) is Parameter.empty  # noqa: E731
    return [thing for thing in things if isinstance(thing, type) and not told(thing)]
