"""What a layer takes: its methods, read off their signatures once, where the class is defined; and which options it refuses."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ...errors import OptionError
from ..checks import alike


def marks_as_built(build: Callable) -> Callable:
    """A `build` after which the layer is built, and knows for which shapes."""
    names = positional(build) or ["input_shape"]

    @functools.wraps(build)
    def marking(self, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        shapes = dict(zip(names, args, strict=False)) | kwargs
        if not shapes or any(shape is not None for shape in shapes.values()):
            self.built, self._build_shapes = True, shapes or None

    return marking


def positional(method: Callable) -> list[str]:
    """The names of a method's arguments, `self`, *args and **kwargs left out."""
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return [name for name, it in list(inspect.signature(method).parameters.items())[1:] if it.kind in named]


def training_of(call: Callable) -> tuple[bool, bool | None]:
    """Whether `call` takes `training`, and by default which; that is False where it must be told."""
    found = inspect.signature(call).parameters.get("training")
    if found is None:
        return False, None
    return True, False if found.default is inspect.Parameter.empty else found.default


def masks_taken(call: Callable) -> frozenset[str]:
    """The arguments of `call` that are masks: `mask`, or `query_mask` and the like."""
    return frozenset(name for name in inspect.signature(call).parameters if name == "mask" or name.endswith("_mask"))


ABSENT = {
    "quantization_config": ", as layers compute in float32",
    "lora_rank": "",
    "lora_alpha": "",
    "synchronized": ", as there is one device",
    "renorm": "",
    "renorm_clipping": "",
    "renorm_momentum": "",
    "rms_scaling": ": use nn.RMSNorm in a Layer of your own",
    "bounding_box_format": "",
}
"""Options that Keras's configs have: they may say that they are not used."""


def refuse(layer: str, unknown: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise `OptionError` for options that a layer has not, unless they are Keras's, and say that they are not used.

    known  the options that it has
    """
    for option, value in unknown.items():
        if option not in ABSENT:
            raise OptionError(f"{layer} has no option {option}={alike(option, known)}; it has {', '.join(known)}")
        if value not in (None, False) and (option == "renorm" or unknown.get("renorm") or option[:7] != "renorm_"):
            raise OptionError(f"{layer}: {option}= is not offered{ABSENT[option]}")
