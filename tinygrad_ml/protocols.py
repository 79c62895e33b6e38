"""What Python and other libraries ask of a tensor: its numbers, its truth, its length, its text, its memory, a copy of it.

Read before: `tensor/`.
"""

from __future__ import annotations  # a class here has a method called `numpy`

from collections.abc import Iterator
from typing import Any

import numpy
from numpy.typing import DTypeLike

from .backend import as_array, dtypes, of
from .errors import DTypeError, GradientError, ShapeError
from .tensor import hang


def unpickle(kind: Any, array: numpy.ndarray, device: str, needs: bool, name: str | None) -> Any:
    """The leaf of which `__reduce__` has told: what a pickle calls."""
    x = kind.__new__(kind)
    x._start(as_array(array, None, device))
    x.name = name
    x.requires_grad = needs
    return x


class Protocols:
    """Methods that Python and other libraries call, for the class Tensor."""

    def numpy(self: Any) -> numpy.ndarray:
        """The numbers as a NumPy array of your own, from any device, outside of the graph."""
        self._check_numbers()
        return numpy.array(of(self._data).to_host(self._data))

    def _check_numbers(self: Any) -> None:
        """An error if there are no numbers to read, but a shape and a dtype only."""
        if self.symbolic:
            raise GradientError(f"{self._described()} is symbolic: it has a shape and a dtype, but no data")

    def item(self: Any) -> float | int | bool:
        """The only element, as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item() needs a tensor of one element, but {self._described()} has {self.size}")
        return self.numpy().item()

    def tolist(self: Any) -> list:
        """The numbers as nested Python lists."""
        return self.numpy().tolist()

    def __bool__(self: Any) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"the truth of {self._described()} is ambiguous: it has {self.size} elements. Use tg.any(x) or tg.all(x)."
            )
        return bool(self.item())

    def __float__(self: Any) -> float:
        return float(self.item())

    def __int__(self: Any) -> int:
        return int(self.item())

    def __complex__(self: Any) -> complex:
        return complex(self.item())

    def __index__(self: Any) -> int:
        if self.ndim or self.dtype.kind not in "iu":
            raise DTypeError(f"{self._described()} is no index: only a 0-d tensor of integers is")
        return int(self.item())

    def __len__(self: Any) -> int:
        if not self.ndim:
            raise ShapeError("a 0-d tensor has no len()")
        return self.shape[0]

    def __iter__(self: Any) -> Iterator:
        if not self.ndim:
            raise ShapeError("a 0-d tensor cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self: Any, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self: Any) -> str:
        unknown = "symbolic" if self.symbolic else getattr(self._data, "inside", None)
        if unknown:
            numbers = f"shape={self.shape}, {unknown}"
        else:
            numbers = numpy.array2string(self.numpy(), separator=", ", prefix="tensor(", threshold=200, precision=4)
        parts = [numbers]
        if self.dtype != dtypes.DEFAULT_FLOAT or unknown:
            parts.append(f"dtype={self.dtype}")
        if not unknown and self.device.kind != "cpu":
            parts.append(f"device='{self.device}'")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self._needs:
            parts.append(f"from {self.node.op.name}" if self.node.op else "requires_grad=True")
        return f"tensor({', '.join(parts)})"

    def __array__(self: Any, dtype: DTypeLike | None = None, copy: bool | None = None) -> numpy.ndarray:
        if copy is False and self.device.kind != "cpu":
            raise ValueError(f"{self._described()} cannot be seen by NumPy without a copy; use x.numpy()")
        array = self.data if copy is False else self.numpy()
        return array if dtype is None else array.astype(dtype, copy=bool(copy))

    def __dlpack__(
        self: Any, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        options = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        return self.data.__dlpack__(**{name: value for name, value in options.items() if value is not None})

    def __dlpack_device__(self: Any) -> tuple[int, int]:
        return self.data.__dlpack_device__()

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __deepcopy__(self: Any, memo: dict) -> Any:
        self._check_copyable()
        copy = self.__class__.__new__(self.__class__)  # which it says to be, also while another thread records it
        data = self._data if self.symbolic else self._data.copy()
        copy._start(data)
        memo[id(self)] = copy
        if hasattr(self, "__dict__"):
            copy.__dict__.update(self.__dict__)
        if self.name is not None:
            copy.name = self.name
        copy.requires_grad = self._needs
        return copy

    def __reduce__(self: Any) -> tuple:
        self._check_copyable()
        return unpickle, (self.__class__, self.numpy(), str(self.device), self._needs, self.name)

    def _check_copyable(self: Any) -> None:
        if not self.is_leaf:
            raise GradientError(f"{self._described()} is part of a graph and cannot be copied; copy x.detach() instead")


hang(Protocols)
