"""What symbols can do by name and with brackets between layers, as `ops` does it: `x[:, 0]`, `x.reshape(-1, 4)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ...tensor import Tensor
from ..layers.phase import phase
from ..layers.symbols import KerasTensor
from . import selecting, shaping


def _remembering(name: str, recorded: Callable) -> None:
    """Let the method of symbols be the operation, outside of layers."""
    plain = getattr(Tensor, name)

    @wraps(plain)
    def method(self: KerasTensor, *args: Any, **kwargs: Any) -> Any:
        return (plain if phase.inside else recorded)(self, *args, **kwargs)

    setattr(KerasTensor, name, method)


def _reshape(x: Tensor, shape: Any, *sizes: int) -> Tensor:
    return shaping.reshape(x, (shape, *sizes) if isinstance(shape, int) else shape)


_remembering("__getitem__", selecting.get_item)
_remembering("reshape", _reshape)
for _name in ("broadcast_to", "expand_dims", "moveaxis", "squeeze", "swapaxes", "transpose"):
    _remembering(_name, getattr(shaping, _name))
