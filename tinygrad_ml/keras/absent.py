"""What Keras has and this library lacks, or lacks so far: errors that say what to use instead."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from types import FrameType, ModuleType
from typing import Any

from ..errors import OptionError, TinygradError


class NotOfferedError(TinygradError):
    """Something of Keras that this library does not have; the message says what to use."""


class NotOfferedAttributeError(NotOfferedError, AttributeError):
    """It was looked up, so that `hasattr` is False, and editors and `inspect` go on."""


class NotYetError(OptionError, AttributeError):
    """An attribute that is there once something has been done, such as the output of a layer that was called."""


class NotOfferedImportError(NotOfferedError, ImportError):
    """It was to be imported."""


def not_offered(module: str, instead: dict[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that says what to use instead of what it lacks."""

    def look_up(name: str) -> Any:
        if name in instead:
            kind = NotOfferedImportError if _imports(sys._getframe(1)) else NotOfferedAttributeError
            raise kind(f"tinygrad_ml.{module} has no {name}: {instead[name]}")
        room = sys.modules.get(f"tinygrad_ml.{module}")  # in which Python looks for a name like it
        raise AttributeError(f"module 'tinygrad_ml.{module}' has no attribute {name!r}", name=name, obj=room)

    return look_up


class _Rooms(MetaPathFinder):
    """Is asked last for a module that nobody has found: of a room that is not offered it says what to use instead."""

    def __init__(self, module: str, instead: dict[str, str]):
        self.module, self.instead = module, instead

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        room = fullname.removeprefix(f"tinygrad_ml.{self.module}.").partition(".")[0]
        if room != fullname and room in self.instead:
            raise NotOfferedImportError(f"tinygrad_ml.{self.module} has no {room}: {self.instead[room]}")


def rooms_not_offered(module: str, instead: dict[str, str]) -> Callable[[str], Any]:
    """`not_offered`, also where one of these is imported as a module: `from keras.applications.vgg16 import VGG16`."""
    sys.meta_path.append(_Rooms(module, instead))
    return not_offered(module, instead)


def _imports(frame: FrameType) -> bool:
    """Whether the code that runs in `frame` is a `from ... import`, which words of an AttributeError would not survive."""
    if frame.f_code.co_name == "_handle_fromlist":
        return True
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"
