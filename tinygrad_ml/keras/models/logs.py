"""`Logs`: the numbers of the epoch so far, by name, which are computed and read from the device when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..metrics import Metric, as_number


class Logs(dict):
    """{name: value}, where a value that is stored as a function is computed when it is looked at.

    results  the values, or functions of nothing that compute them; dictionaries among them become a part of this one
    numbers  whether what is looked at is read from the device as a Python number, or stays a tensor
    """

    def __init__(self, results: Mapping[str, Any] = {}, numbers: bool = True):
        super().__init__()
        self.numbers = numbers
        for name, value in stored(results):
            if isinstance(value, Mapping):
                self.update(stored(value))
            else:
                self[name] = value

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        value = value() if callable(value) else value
        return as_number(value) if self.numbers else value

    def __iter__(self) -> Iterator[str]:
        return iter(super().keys())  # what makes dict(logs) look at the values, as dict itself would not

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or another one if there is none."""
        return self[name] if name in self else default  # noqa: SIM401  dict's own get does not look

    def values(self) -> list[Any]:
        """All values, looked at."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Any]]:
        """All names with their values, looked at."""
        return [(name, self[name]) for name in self]

    def pop(self, name: str, *default: Any) -> Any:
        """The value of a name, which goes."""
        value = self[name] if name in self else super().pop(name, *default)
        super().pop(name, None)
        return value

    def copy(self) -> dict[str, Any]:
        """All names with their values, looked at."""
        return dict(self)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self) | dict(other)

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return dict(other) | dict(self)

    def __eq__(self, other: Any) -> bool:
        return dict(self) == other

    __hash__ = None

    def __repr__(self) -> str:
        return repr(dict(self))

    def unread(self) -> bool:
        """Whether all of it is still to be computed."""
        return all(callable(value) for _, value in stored(self))


def stored(results: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The names, with what is stored for them."""
    return list(dict.items(results) if isinstance(results, dict) else results.items())


def results_of(metrics: list[Metric]) -> Logs:
    """The results of metrics by name, as tensors."""
    found: dict[str, Any] = {}
    for name, metric in (pair for each in metrics for pair in each.named()):
        ours = type(metric).__module__.startswith(f"{__name__.rpartition('.models.')[0]}.")
        found[name] = metric.result if ours else metric.result()  # which may be a dictionary, if it is somebody's own
    return Logs(found, numbers=False)


def plain(logs: Mapping[str, Any]) -> dict[str, Any]:
    """As numbers, in the order of their names, as callbacks and histories have them."""
    found = Logs(logs)
    return {name: found[name] for name in sorted(found)}
