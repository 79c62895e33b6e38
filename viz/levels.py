"""Levels of detail: which calls are closed, and drawn as one box each.

Read before: `folding.py`. Read next: `arranging.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError
from tinygrad_ml.graph import Node
from tinygrad_ml.modes import Place
from tinygrad_ml.modes import path as dotted

from .folding import FoldedRow
from .nesting import Pass, Path, belongs_to_a_module, is_module

LEVELS = ("network", "layers", "functions", "operations", "numbers")
"""From far to near: a box for each outermost call; modules that call others open, layers closed; modules open, functions
closed; all open; all open, with all numbers."""


def default_level(paths: Mapping[Node, Path]) -> str:
    """What a graph is drawn at: networks as layers, what was computed without modules as operations."""
    return "layers" if any(is_module(place) for path in paths.values() for place in path) else "operations"


def closed_at(paths: Mapping[Node, Path], level: str, opened: Collection[str] = ()) -> dict[Node, Path]:
    """The nodes that vanish into a closed call at a level, with the path of that call.

    opened  calls that are opened all the same, by their names: `layer2.0`, `cross_entropy`, `layer2.0.conv2d`
    Raises `OptionError` for a name that nothing has.
    """
    if level not in LEVELS:
        raise OptionError(f"level is one of {', '.join(map(repr, LEVELS))}, not {level!r}")
    rule = _Rule(paths, level, opened)
    cuts: dict[Path, Path | None] = {}
    inside = {}
    for node, path in paths.items():
        if path not in cuts:
            prefixes = (path[:depth] for depth in range(1, len(path) + 1))
            cuts[path] = next(filter(rule.closes, prefixes), None)
        if (cut := cuts[path]) is not None:
            inside[node] = cut
    return inside


def closed_below(paths: Mapping[Node, Path], depth: int) -> dict[Node, Path]:
    """The same when `depth` levels of modules are opened."""
    inside = {}
    for node, path in paths.items():
        modules = [position for position, place in enumerate(path) if is_module(place)]
        if len(modules) > depth:
            inside[node] = path[: modules[depth] + 1]
    return inside


def closed_calls(
    paths: Mapping[Node, Path], level: str | None, opened: Collection[str] = (), depth: int | None = None
) -> dict[Node, Path]:
    """What `closed_at` gives at a level, by default the graph's own; or `closed_below` at a depth.

    Raises `OptionError` where both are asked for.
    """
    if depth is None:
        return closed_at(paths, level or default_level(paths), opened)
    if level is not None:
        raise OptionError(f"level={level!r} and depth={depth} both say how much is opened: give one of them")
    return closed_below(paths, depth)


class _Rule:
    """Which calls of a graph are closed at a level."""

    def __init__(self, paths: Mapping[Node, Path], level: str, opened: Collection[str]):
        self.level = level
        self._calls: set[Place] = set()  # functions and modules in which modules are called
        self._owners: set[Place] = set()  # modules with parameters of their own
        modules = set()
        for node, path in paths.items():
            inner = [position for position, place in enumerate(path) if is_module(place)]
            if inner:
                self._calls.update(path[: inner[-1]])
                modules.add(path[inner[-1]])
                if node.op is None and belongs_to_a_module(node):
                    self._owners.add(path[inner[-1]])
        # A network that is a single layer would be a single box.
        self._only = modules if len(modules | {place for place in self._calls if is_module(place)}) == 1 else set()
        self._opened = _calls_of_names(paths.values(), opened) if opened else set()

    def closes(self, prefix: Path) -> bool:
        """Whether the call at the end of a path is closed."""
        place = prefix[-1]
        if isinstance(place, (Pass, FoldedRow)) or prefix in self._opened or self.level in ("operations", "numbers"):
            return False
        if self.level == "network":
            return True
        if not is_module(place):
            return place not in self._calls
        return self.level == "layers" and place not in self._only and self._is_layer(place)

    def _is_layer(self, place: Place) -> bool:
        """Whether a module is one layer to a reader: it calls no other, or is one of ours that computes with parameters
        of its own, as attention does."""
        return place not in self._calls or (place in self._owners and hasattr(nn, place.kind))


def _calls_of_names(paths: Iterable[Path], names: Collection[str]) -> set[Path]:
    """The calls of these names, and those around them."""
    if isinstance(names, str):
        raise OptionError(f"open is a list of names, as in open=[{names!r}], and not a single text")
    found: set[Path] = set()
    known: dict[str, None] = {}
    wanted = set(names)
    for whole in dict.fromkeys(paths):
        for depth in range(1, len(whole) + 1):
            prefix = whole[:depth]
            if isinstance(prefix[-1], (Pass, FoldedRow)):
                continue
            called = names_of_call(prefix)
            known.update(dict.fromkeys(called[:1]))
            if not wanted.isdisjoint(called):
                found.update(whole[:outer] for outer in range(1, depth + 1))
    missing = sorted(wanted - {name for path in found for name in names_of_call(path)})
    if missing:
        offered = ", ".join(list(known)[:20]) + ", …" * (len(known) > 20)
        raise OptionError(
            f"there is no {missing[0]!r} to open; there are {offered or 'no calls of modules or functions'}"
        )
    return found


def names_of_call(prefix: Path) -> list[str]:
    """What a call may be named by in `open`: its path, `layer2.0` or `layer2.0.conv2d`, and for a function its name alone."""
    place, outer = prefix[-1], dotted(prefix)
    if is_module(place):
        return [outer if place.name else place.kind]
    return [f"{outer}.{place.kind}" if outer else place.kind, place.kind]
