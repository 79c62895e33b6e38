"""The pictures of a training run, by the package `viz`. What cannot be drawn here is said in a line, and is no failure.

Read next: `viz/__init__.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import viz

from ..errors import TinygradError
from ..tensor import Tensor
from ..training import History


def draw_run(folder: Path, history: History, loss: Tensor) -> dict[str, str]:
    """Draw the learning curve, and the training step that ends in `loss`, into a folder.

    Returns {file name: what it shows, and what is amiss with it}
    """
    pictures: tuple[tuple[str, str, Callable[[Path], Path | None]], ...] = (
        ("curve.png", "the learning curve as a picture", lambda path: _curve(path, history)),
        ("graph.svg", "one training step, forward and backward, drawn", lambda path: _graph(path, loss)),
        ("step.html", "the same step as a page to step through", lambda path: _page(path, loss)),
    )
    return dict(_drawn(folder / name, meaning, draw) for name, meaning, draw in pictures)


def _drawn(path: Path, meaning: str, draw: Callable[[Path], Path | None]) -> tuple[str, str]:
    """Draw one picture; the name under which it was saved, and what is to be said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            path = draw(path) or path
        except ImportError as error:
            return path.name, f'not drawn, for {error.name} is not installed: pip install "tinygrad_ml[viz]"'
        except TinygradError as error:
            return path.name, f"not drawn: {error}"
    return path.name, "; ".join([meaning, *(str(warning.message) for warning in caught)])


def _curve(path: Path, history: History) -> None:
    viz.curves(history).savefig(path)


def _graph(path: Path, loss: Tensor) -> Path:
    return viz.draw(loss, direction="both").save(path)


def _page(path: Path, loss: Tensor) -> Path:
    return viz.explain(loss, path)
