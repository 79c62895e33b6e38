"""viz: pictures of what a network computes, forward and backward, and of its training.

>>> import viz
>>> viz.draw(loss, direction="both").save("graph.svg")      # the graph, each gradient beside its tensor
>>> print(viz.steps(loss))                                  # the same, step by step, as text
>>> viz.explain(loss, "page.html")                          # a map of it, to step through in a browser
>>> viz.draw(step).save("step.svg")                         # the kernels of a function compiled by tg.compile
>>> viz.curves(history)                                     # how the training went

It reads the public graph (`tinygrad_ml/graph/`, `tinygrad_ml/compile/explain.py`), and the engine knows nothing of it.

Read in this order: `draw.py` (what a user calls), `model.py` (a picture as plain data), `nesting.py`
and `arranging.py` (where things stand), `replay.py` and `backward.py` (their numbers), `reading.py`
(all of it put together), `kernels.py` and `program.py` (the same of a compiled step), `labels.py`,
`dot.py`, `render.py`, `layout.py`, `columns.py`, `joining.py`, `pages.py`, `svg.py` (how it gets onto
paper); then `telling.py` and `steps.py` (the same as a story), `facing.py` (two of them side by side), `rooms.py` and `plans.py` (the same as a map), and
`explain.py`. `training/` draws curves with Matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .draw import Picture, draw
from .explain import explain
from .facing import facing
from .lines import lines
from .steps import Steps, steps
from .telling import Step

__all__ = [
    "LayerRecorder",
    "Picture",
    "Step",
    "Steps",
    "activations",
    "attention",
    "confusion",
    "curves",
    "decision_boundary",
    "draw",
    "explain",
    "facing",
    "feature_maps",
    "filters",
    "gradients",
    "histograms",
    "images",
    "lines",
    "steps",
    "surface",
]


if TYPE_CHECKING:
    from .training import (
        LayerRecorder,
        activations,
        attention,
        confusion,
        curves,
        decision_boundary,
        feature_maps,
        filters,
        gradients,
        histograms,
        images,
        surface,
    )
else:

    def __getattr__(name: str) -> object:
        # Matplotlib takes a second to import, and need not be there for graphs.
        if name in __all__:
            return getattr(import_module(".training", __name__), name)
        raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
