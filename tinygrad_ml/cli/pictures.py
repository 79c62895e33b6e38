"""The pictures of a training run, by the package `viz`. What cannot be drawn here is said in a line, and is no failure.

Read next: `viz/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import TinygradError
from ..tensor import Tensor
from ..training import History


def draw_run(folder: Path, history: History, loss: Tensor) -> dict[str, str]:
    """Draw the learning curve, and the training step that ends in `loss`, into a folder.

    Returns:
        {file name: what it shows, or why it is not there}
    """
    pictures: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
        ("curve.png", "the learning curve as a picture", lambda path: _curve(path, history)),
        ("graph.svg", "one training step, forward and backward, drawn", lambda path: _graph(path, loss)),
        ("step.html", "the same step as a page to step through", lambda path: _page(path, loss)),
    )
    found = {}
    for name, meaning, draw in pictures:
        try:
            draw(folder / name)
        except ImportError as error:
            meaning = f'not drawn, for {error.name} is not installed: pip install "tinygrad_ml[viz]"'
        except TinygradError as error:
            meaning = f"not drawn: {error}"
        found[name] = meaning
    return found


def _curve(path: Path, history: History) -> None:
    import viz

    viz.curves(history).savefig(path)


def _graph(path: Path, loss: Tensor) -> None:
    import viz

    viz.draw(loss, direction="both").save(path)


def _page(path: Path, loss: Tensor) -> None:
    import viz

    viz.explain(loss, path)
